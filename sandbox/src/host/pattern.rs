//! `EventBridge` event patterns, complete: whether a rule wants an event.
//!
//! The rules of matching, as the user guide and the published matcher
//! (aws/event-ruler) have them: every field of the pattern must match; a field
//! matches if any value of the event's field satisfies any of its tests; an
//! array in the event matches if any element does, objects in arrays element by
//! element; numbers are equal as they are written (300 is not 300.0).

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Map, Value};

use super::operator::Test;

/// A compiled event pattern.
#[derive(Clone, Debug)]
pub struct Pattern(Object);

/// Fields that must all match, and `$or` lists of which one each must match.
#[derive(Clone, Debug)]
struct Object {
    fields: Vec<(String, Field)>,
    alternatives: Vec<Vec<Object>>,
}

#[derive(Clone, Debug)]
enum Field {
    Nested(Object),
    Leaf(Vec<Test>),
}

/// Operator names: an `$or` whose objects use them is a field called `$or`.
const OPERATORS: &[&str] =
    &["prefix", "suffix", "anything-but", "exists", "equals-ignore-case", "wildcard", "numeric", "cidr"];

impl Pattern {
    /// Compiles a pattern. Errors name the field that is wrong.
    pub fn compile(pattern: &Value) -> Result<Self> {
        let fields = pattern.as_object().ok_or_else(|| anyhow!("an event pattern must be an object"))?;
        Object::compile("", fields).map(Self)
    }

    /// Whether the event satisfies the pattern.
    pub fn matches(&self, event: &Value) -> bool {
        self.0.matches(Some(event))
    }
}

impl Object {
    fn compile(path: &str, entries: &Map<String, Value>) -> Result<Self> {
        let mut object = Self { fields: Vec::new(), alternatives: Vec::new() };
        if entries.is_empty() {
            bail!("{}: empty objects are not allowed", if path.is_empty() { "pattern" } else { path });
        }
        for (name, value) in entries {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            if let Some(branches) = alternatives(name, value) {
                let branches = branches.into_iter().enumerate();
                let compiled = branches.map(|(i, branch)| Self::compile(&format!("{path}[{i}]"), branch));
                object.alternatives.push(compiled.collect::<Result<_>>()?);
                continue;
            }
            let field = match value {
                Value::Object(nested) => Field::Nested(Self::compile(&path, nested)?),
                Value::Array(tests) if tests.is_empty() => bail!("{path}: empty arrays are not allowed"),
                Value::Array(tests) => {
                    let tests = tests.iter().map(|test| Test::compile(test).with_context(|| path.clone()));
                    Field::Leaf(tests.collect::<Result<_>>()?)
                }
                _ => bail!("{path}: must be an object or an array"),
            };
            object.fields.push((name.clone(), field));
        }
        Ok(object)
    }

    fn matches(&self, event: Option<&Value>) -> bool {
        // An array of objects matches if one of them satisfies the whole pattern.
        if let Some(items) = event.and_then(Value::as_array) {
            let mut objects = items.iter().filter(|item| item.is_object()).peekable();
            return match objects.peek() {
                Some(_) => objects.any(|item| self.matches(Some(item))),
                None => self.matches(None),
            };
        }
        let field = |name: &str| event.and_then(|event| event.get(name));
        self.fields.iter().all(|(name, test)| test.matches(field(name)))
            && self.alternatives.iter().all(|list| list.iter().any(|option| option.matches(event)))
    }
}

impl Field {
    fn matches(&self, value: Option<&Value>) -> bool {
        match self {
            Self::Nested(object) => object.matches(value),
            Self::Leaf(tests) => {
                let mut leaves = Vec::new();
                collect_leaves(value, &mut leaves);
                tests.iter().any(|test| test.matches(&leaves))
            }
        }
    }
}

/// The branches of an `$or`, if the entry is one.
fn alternatives<'a>(name: &str, value: &'a Value) -> Option<Vec<&'a Map<String, Value>>> {
    let branches = value.as_array().filter(|list| name == "$or" && list.len() > 1)?;
    let branches: Vec<_> = branches.iter().filter_map(Value::as_object).collect();
    let is_operator = |key: &String| OPERATORS.contains(&key.as_str());
    let is_or = branches.len() == value.as_array()?.len()
        && !branches.iter().any(|branch| branch.keys().any(is_operator));
    is_or.then_some(branches)
}

/// The scalars of a field: objects are no leaves, arrays count by element.
fn collect_leaves<'a>(value: Option<&'a Value>, leaves: &mut Vec<&'a Value>) {
    match value {
        None | Some(Value::Object(_)) => {}
        Some(Value::Array(items)) => items.iter().for_each(|item| collect_leaves(Some(item), leaves)),
        Some(scalar) => leaves.push(scalar),
    }
}
