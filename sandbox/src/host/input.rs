//! What a rule hands to its function: the event, a part of it, a constant, or
//! a text made from parts of it.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow, bail};
use serde_json::Value;

/// The input of a rule's target.
#[derive(Clone, Debug)]
pub enum Input {
    /// The whole event.
    Event,
    /// `Input`: always the same.
    Constant(Value),
    /// `InputPath`: one part of the event.
    Part(Path),
    /// `InputTransformer`.
    Transformed {
        /// `InputPathsMap`.
        parts: BTreeMap<String, Path>,
        /// `InputTemplate`.
        template: String,
    },
}

/// A path such as `$.detail.services[0]`.
#[derive(Clone, Debug)]
pub struct Path(Vec<String>);

impl Path {
    /// Reads a path; only members and list elements are known.
    pub fn parse(text: &str) -> Result<Self> {
        let rest = text.strip_prefix('$').ok_or_else(|| anyhow!("{text:?} does not start with $"))?;
        let rest = rest.replace('[', ".").replace(']', "");
        let steps: Vec<String> = rest.split('.').skip(1).map(str::to_owned).collect();
        let plain = |step: &String| !step.is_empty() && !step.contains(['*', '?', '\'', '"', ':', '@']);
        if !rest.is_empty() && (!rest.starts_with('.') || !steps.iter().all(plain)) {
            bail!("{text:?} is more than this host reads of a JSON path");
        }
        Ok(Self(steps))
    }

    fn of<'a>(&self, event: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(event, |value, step| match value {
            Value::Array(items) => items.get(step.parse::<usize>().ok()?),
            value => value.get(step),
        })
    }
}

impl Input {
    /// Checks that a template uses only the parts it declares.
    pub fn transformed(parts: BTreeMap<String, Path>, template: String) -> Result<Self> {
        for (_, name, _) in placeholders(&template) {
            if !parts.contains_key(name) {
                bail!("<{name}> is not in InputPathsMap");
            }
        }
        Ok(Self::Transformed { parts, template })
    }

    /// The bytes that the function receives for an event.
    pub fn payload(&self, event: &Value) -> Vec<u8> {
        match self {
            Self::Event => event.to_string(),
            Self::Constant(value) => value.to_string(),
            Self::Part(path) => path.of(event).unwrap_or(&Value::Null).to_string(),
            Self::Transformed { parts, template } => transform(parts, template, event),
        }
        .into_bytes()
    }
}

/// Within quotes a part's text is put in, elsewhere its JSON. A part that the
/// event lacks is an empty string.
fn transform(parts: &BTreeMap<String, Path>, template: &str, event: &Value) -> String {
    let mut result = String::new();
    let mut rest = template;
    let mut quoted = false;
    while let Some((before, name, after)) = placeholders(rest).next() {
        quoted ^= before.replace("\\\"", "").matches('"').count() % 2 == 1;
        result.push_str(before);
        let value = parts.get(name).and_then(|path| path.of(event)).cloned().unwrap_or_else(|| "".into());
        let json = value.to_string();
        match (quoted, value.is_string()) {
            (true, true) => result.push_str(&json[1..json.len() - 1]),
            (true, false) => result.push_str(&json.replace('"', "\\\"")),
            (false, _) => result.push_str(&json),
        }
        rest = after;
    }
    result.push_str(rest);
    result
}

/// Each `<name>` of a template with the text before it and all after it.
fn placeholders(template: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    let mut rest = template;
    std::iter::from_fn(move || {
        let (before, after) = rest.split_once('<')?;
        let (name, after) = after.split_once('>')?;
        rest = after;
        Some((before, name, after))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn payload(input: &Input) -> Value {
        let event = json!({"id": "1", "detail": {"state": "say \"hi\"", "counts": [7, {"x": 1}]}});
        serde_json::from_slice(&input.payload(&event)).unwrap()
    }

    #[test]
    fn constants_and_parts() {
        assert_eq!(payload(&Input::Constant(json!({"command": "tick"}))), json!({"command": "tick"}));
        assert_eq!(payload(&Input::Event)["id"], "1");
        let rows = [
            ("$.detail.counts[0]", json!(7)),
            ("$.nothing", Value::Null),
            ("$.detail.counts[1].x", json!(1)),
        ];
        for (path, expected) in rows {
            assert_eq!(payload(&Input::Part(Path::parse(path).unwrap())), expected, "{path}");
        }
        assert_eq!(payload(&Input::Part(Path::parse("$").unwrap()))["id"], "1");
        for bad in ["detail", "$detail", "$..x", "$.a[*]", "$.a[?(@.b)]"] {
            assert!(Path::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn transformer() {
        let parts = [("state", "$.detail.state"), ("count", "$.detail.counts[0]"), ("none", "$.none")];
        let parts: BTreeMap<_, _> = parts.map(|(k, v)| (k.to_owned(), Path::parse(v).unwrap())).into();
        let template = r#"{"a": "<state> <count>", "b": <state>, "c": <count>, "d": <none>}"#;
        let input = Input::transformed(parts.clone(), template.into()).unwrap();
        assert_eq!(payload(&input), json!({"a": "say \"hi\" 7", "b": "say \"hi\"", "c": 7, "d": ""}));
        assert!(Input::transformed(parts, "<other>".into()).is_err());
    }
}
