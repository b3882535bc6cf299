//! Document paths such as `history[2].weights.from`, and what can be done at one.

use std::fmt;

use serde_json::{Value, json};

use super::validation;
use super::value::{Item, parts};
use crate::aws::error::ApiError;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// An attribute of an item or a key of a map.
    Name(String),
    /// A place in a list.
    Index(usize),
}

/// A document path; the first step is a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path(pub(super) Vec<Step>);

impl Path {
    /// The attribute that the path begins with.
    pub(super) fn attribute(&self) -> &str {
        match self.0.first() {
            Some(Step::Name(name)) => name,
            _ => "",
        }
    }

    /// Whether one path is the beginning of the other.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(a, b)| a == b)
    }

    /// The value at this path.
    pub(super) fn get<'a>(&self, item: &'a Item) -> Option<&'a Value> {
        let mut steps = self.0.iter();
        let mut value = item.get(self.attribute())?;
        steps.next();
        for step in steps {
            value = match (step, parts(value)?) {
                (Step::Name(name), ("M", members)) => members.get(name)?,
                (Step::Index(index), ("L", members)) => members.get(*index)?,
                _ => return None,
            };
        }
        Some(value)
    }

    /// Puts a value at this path. Everything above it must exist.
    pub(super) fn set(&self, item: &mut Item, value: Value) -> Result<(), ApiError> {
        let Some((last, parent)) = self.0.split_last() else { return Err(invalid_for_update()) };
        match (last, container(item, parent)) {
            (Step::Name(name), Some(Value::Object(members))) => {
                members.insert(name.clone(), value);
            }
            (Step::Name(name), None) if parent.is_empty() => {
                item.insert(name.clone(), value);
            }
            (Step::Index(index), Some(Value::Array(members))) => match members.get_mut(*index) {
                Some(place) => *place = value,
                None => members.push(value),
            },
            _ => return Err(invalid_for_update()),
        }
        Ok(())
    }

    /// Removes what is at this path; nothing there is no error.
    pub(super) fn remove(&self, item: &mut Item) -> Result<(), ApiError> {
        let Some((last, parent)) = self.0.split_last() else { return Err(invalid_for_update()) };
        match (last, container(item, parent)) {
            (Step::Name(name), Some(Value::Object(members))) => {
                members.remove(name);
            }
            (Step::Name(name), None) if parent.is_empty() => {
                item.remove(name);
            }
            (Step::Index(index), Some(Value::Array(members))) => {
                if *index < members.len() {
                    members.remove(*index);
                }
            }
            _ => return Err(invalid_for_update()),
        }
        Ok(())
    }
}

fn invalid_for_update() -> ApiError {
    validation("The document path provided in the expression is invalid for update")
}

/// The members of the map or list at a path; none at the root.
fn container<'a>(item: &'a mut Item, steps: &[Step]) -> Option<&'a mut Value> {
    let (first, rest) = steps.split_first()?;
    let Step::Name(name) = first else { return None };
    let mut value = item.get_mut(name)?;
    for step in rest {
        value = match step {
            Step::Name(name) => value.get_mut("M")?.get_mut(name)?,
            Step::Index(index) => value.get_mut("L")?.get_mut(*index)?,
        };
    }
    let kind = if value.get("M").is_some() { "M" } else { "L" };
    value.get_mut(kind)
}

/// The part of an item that some paths select.
pub(super) fn project(item: &Item, paths: &[Path]) -> Item {
    let steps: Vec<&[Step]> = paths.iter().map(|path| path.0.as_slice()).collect();
    match selected(&json!({ "M": item }), &steps) {
        Some(Value::Object(mut whole)) => match whole.remove("M") {
            Some(Value::Object(item)) => item,
            _ => Item::new(),
        },
        _ => Item::new(),
    }
}

fn selected(value: &Value, paths: &[&[Step]]) -> Option<Value> {
    if paths.iter().any(|path| path.is_empty()) {
        return Some(value.clone());
    }
    let below = |wanted: &Step| -> Vec<&[Step]> {
        paths.iter().filter(|path| path.first() == Some(wanted)).map(|path| &path[1..]).collect()
    };
    match parts(value)? {
        ("M", Value::Object(members)) => {
            let kept: Item = members
                .iter()
                .filter_map(|(name, member)| {
                    let paths = below(&Step::Name(name.clone()));
                    let kept = if paths.is_empty() { None } else { selected(member, &paths) };
                    Some((name.clone(), kept?))
                })
                .collect();
            (!kept.is_empty()).then(|| json!({ "M": kept }))
        }
        ("L", Value::Array(members)) => {
            let kept: Vec<Value> = members
                .iter()
                .enumerate()
                .filter_map(|(index, member)| {
                    let paths = below(&Step::Index(index));
                    if paths.is_empty() { None } else { selected(member, &paths) }
                })
                .collect();
            (!kept.is_empty()).then(|| json!({ "L": kept }))
        }
        _ => None,
    }
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps: Vec<String> = self
            .0
            .iter()
            .map(|step| match step {
                Step::Name(name) => name.clone(),
                Step::Index(index) => format!("[{index}]"),
            })
            .collect();
        write!(formatter, "[{}]", steps.join(", "))
    }
}
