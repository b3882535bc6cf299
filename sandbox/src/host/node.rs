//! A value of the template together with its path, so that every complaint
//! says where in the template it applies.

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Map, Value};

/// A value at a path of the template.
#[derive(Clone, Debug)]
pub(crate) struct Node<'a> {
    path: String,
    value: &'a Value,
}

impl<'a> Node<'a> {
    pub(crate) fn new(path: impl Into<String>, value: &'a Value) -> Self {
        Self { path: path.into(), value }
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn value(&self) -> &'a Value {
        self.value
    }

    /// An error about this value.
    pub(crate) fn error(&self, message: impl std::fmt::Display) -> anyhow::Error {
        anyhow!("{}: {message}", self.path)
    }

    /// The property `name`, unless it is missing or null.
    pub(crate) fn get(&self, name: &str) -> Option<Node<'a>> {
        let value = self.value.get(name).filter(|value| !value.is_null())?;
        Some(Self { path: format!("{}.{name}", self.path), value })
    }

    /// The property `name`, which must be there.
    pub(crate) fn require(&self, name: &str) -> Result<Node<'a>> {
        self.get(name).ok_or_else(|| self.error(format_args!("{name} is missing")))
    }

    pub(crate) fn object(&self) -> Result<&'a Map<String, Value>> {
        self.value.as_object().ok_or_else(|| self.error("must be a map"))
    }

    /// The properties of this map as nodes.
    pub(crate) fn entries(&self) -> Result<Vec<(&'a str, Node<'a>)>> {
        let entries = self
            .object()?
            .iter()
            .map(|(name, value)| (name.as_str(), Self { path: format!("{}.{name}", self.path), value }));
        Ok(entries.collect())
    }

    pub(crate) fn str(&self) -> Result<&'a str> {
        self.value.as_str().ok_or_else(|| self.error("must be a string"))
    }

    /// A string, number or boolean as `CloudFormation` would write it.
    pub(crate) fn text(&self) -> Result<String> {
        scalar(self.value).ok_or_else(|| self.error("must be a string, a number or a boolean"))
    }

    /// A whole number, written as a number or as a string.
    pub(crate) fn integer<T: std::str::FromStr>(&self) -> Result<T> {
        let text = self.text()?;
        text.parse().map_err(|_| self.error(format_args!("{text:?} is not a whole number in range")))
    }

    pub(crate) fn boolean(&self) -> Result<bool> {
        self.text()?.parse().map_err(|_| self.error("must be true or false"))
    }

    /// JSON written as a string, as `Input` is.
    pub(crate) fn json(&self) -> Result<Value> {
        serde_json::from_str(self.str()?).with_context(|| format!("{}: must hold JSON", self.path))
    }

    /// Refuses properties that nobody would read.
    pub(crate) fn only(&self, known: &[&str]) -> Result<()> {
        for name in self.object()?.keys() {
            if !known.contains(&name.as_str()) {
                bail!(
                    "{}.{name}: this host does not read the property; it reads {}",
                    self.path,
                    known.join(", ")
                );
            }
        }
        Ok(())
    }
}

/// A scalar as text; `None` for null, lists and maps.
pub(crate) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
