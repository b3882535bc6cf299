//! A JSON value that knows where it stands, read leniently.

use serde_json::{Map, Value};

/// Evidence that cannot mean anything.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: expected {expected}")]
pub struct EvidenceError {
    /// Where it stands, for example `evidence.logs[2].lines`.
    pub path: String,
    /// What would have been understood.
    pub expected: &'static str,
}

/// Letters and digits of a name in lower case: `CREATE_SERVICE`, `CreateService` and `create-service` are one.
pub(super) fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// A value and where it stands.
#[derive(Clone)]
pub(super) struct Field<'a> {
    pub(super) path: String,
    pub(super) value: &'a Value,
}

impl<'a> Field<'a> {
    pub(super) fn child(&self, key: &str, value: &'a Value) -> Self {
        Self { path: format!("{}.{key}", self.path), value }
    }

    pub(super) fn wrong<T>(&self, expected: &'static str) -> Result<T, EvidenceError> {
        Err(EvidenceError { path: self.path.clone(), expected })
    }

    pub(super) fn object(&self) -> Result<&'a Map<String, Value>, EvidenceError> {
        self.value.as_object().map_or_else(|| self.wrong("an object"), Ok)
    }

    /// The member of an object with one of these names, in any spelling; `null` is absent.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "so that reading a chain of members is one expression with ?"
    )]
    pub(super) fn get(&self, names: &[&str]) -> Result<Option<Self>, EvidenceError> {
        Ok(names.iter().find_map(|name| member(self.object().ok()?, name).map(|(k, v)| self.child(k, v))))
    }

    /// The first member with this name anywhere below; `null` is absent.
    pub(super) fn find(&self, name: &str) -> Option<Self> {
        match self.value {
            Value::Object(map) => member(map, name)
                .map(|(key, value)| self.child(key, value))
                .or_else(|| map.iter().find_map(|(key, value)| self.child(key, value).find(name))),
            Value::Array(list) => list.iter().find_map(|value| self.child("[]", value).find(name)),
            _ => None,
        }
    }

    pub(super) fn find_text(&self, name: &str) -> Result<Option<String>, EvidenceError> {
        self.find(name).map(|field| field.text()).transpose()
    }

    /// Text; numbers and flags as they are written.
    pub(super) fn text(&self) -> Result<String, EvidenceError> {
        match self.value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            Value::Bool(flag) => Ok(flag.to_string()),
            _ => self.wrong("a string"),
        }
    }

    pub(super) fn number(&self) -> Result<f64, EvidenceError> {
        let parsed = match self.value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().trim_end_matches(['%', 's']).trim().parse().ok(),
            _ => None,
        };
        parsed.filter(|n: &f64| n.is_finite()).map_or_else(|| self.wrong("a number"), Ok)
    }

    /// A number that is not negative, without its fraction.
    pub(super) fn whole(&self) -> Result<u64, EvidenceError> {
        let number = self.number()?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "float casts saturate")]
        Ok(number.max(0.0) as u64)
    }

    pub(super) fn flag(&self) -> Result<bool, EvidenceError> {
        match self.value {
            Value::Bool(flag) => Ok(*flag),
            Value::Number(number) => Ok(number.as_f64() != Some(0.0)),
            Value::String(text) => match plain(text).as_str() {
                "true" | "yes" | "1" | "ok" => Ok(true),
                "false" | "no" | "0" | "none" | "missing" => Ok(false),
                _ => self.wrong("true or false"),
            },
            _ => self.wrong("true or false"),
        }
    }

    /// The items of a list; of an object that holds one list, that list's; anything else is one item.
    pub(super) fn items(&self) -> Vec<Self> {
        match self.value {
            Value::Array(list) => {
                let item = |(at, value)| Self { path: format!("{}[{at}]", self.path), value };
                list.iter().enumerate().filter(|(_, value)| !value.is_null()).map(item).collect()
            }
            Value::Object(map) => match map.iter().find(|(_, value)| value.is_array()) {
                Some((key, list)) if map.len() <= 2 => self.child(key, list).items(),
                _ => vec![self.clone()],
            },
            _ => vec![self.clone()],
        }
    }

    pub(super) fn list(&self) -> Result<Vec<Self>, EvidenceError> {
        if matches!(self.value, Value::Array(_) | Value::Object(_)) {
            Ok(self.items())
        } else {
            self.wrong("a list")
        }
    }
}

/// A member of an object by its name in any spelling; `null` is absent.
pub(super) fn member<'a>(map: &'a Map<String, Value>, name: &str) -> Option<(&'a str, &'a Value)> {
    let present = |value: &&Value| !value.is_null();
    if let Some((key, value)) = map.get_key_value(name).filter(|(_, value)| present(value)) {
        return Some((key, value));
    }
    let wanted = plain(name);
    map.iter().find(|(key, value)| present(value) && plain(key) == wanted).map(|(k, v)| (k.as_str(), v))
}
