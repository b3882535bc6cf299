//! Update expressions: `SET`, `REMOVE`, `ADD` and `DELETE`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::number::Number;
use super::path::{Path, Step};
use super::token::{Parser, Placeholders, Token};
use super::validation;
use super::value::{Item, parts};
use crate::aws::error::ApiError;

/// What a `SET` assigns.
#[derive(Debug)]
enum Source {
    Path(Path),
    Value(Value),
    IfNotExists(Path, Box<Source>),
    ListAppend(Box<Source>, Box<Source>),
    Sum(Box<Source>, Box<Source>),
    Difference(Box<Source>, Box<Source>),
}

#[derive(Debug)]
enum Action {
    Set(Path, Source),
    Remove(Path),
    Add(Path, Value),
    Delete(Path, Value),
}

/// A parsed update expression.
#[derive(Debug)]
pub(super) struct Update(Vec<Action>);

impl Update {
    pub(super) fn parse(text: &str, placeholders: &mut Placeholders) -> Result<Self, ApiError> {
        let mut parser = Parser::new("UpdateExpression", text, placeholders)?;
        let mut actions = Vec::new();
        let mut seen = BTreeSet::new();
        while let Some(Token::Word(word)) = parser.peek() {
            let section = word.to_ascii_uppercase();
            parser.next();
            if !seen.insert(section.clone()) {
                return Err(parser.refusal(&format!(
                    "The \"{section}\" section can only be used once in an update expression;"
                )));
            }
            loop {
                actions.push(action(&mut parser, &section)?);
                if !parser.mark(",") {
                    break;
                }
            }
        }
        parser.end()?;
        let update = Self(actions);
        update.without_overlap()?;
        Ok(update)
    }

    /// The paths that are written.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().map(|action| match action {
            Action::Set(path, _) | Action::Remove(path) | Action::Add(path, _) | Action::Delete(path, _) => {
                path
            }
        })
    }

    fn without_overlap(&self) -> Result<(), ApiError> {
        let paths: Vec<&Path> = self.paths().collect();
        for (index, path) in paths.iter().enumerate() {
            if let Some(other) = paths[index + 1..].iter().find(|other| path.overlaps(other)) {
                return Err(validation(&format!(
                    "Invalid UpdateExpression: Two document paths overlap with each other; must remove or rewrite \
                     one of these paths; path one: {path}, path two: {other}"
                )));
            }
        }
        Ok(())
    }

    /// Applies the update; every value is computed from the item as it was before.
    pub(super) fn apply(&self, before: &Item) -> Result<Item, ApiError> {
        let mut after = before.clone();
        let mut removals: Vec<&Path> = Vec::new();
        for action in &self.0 {
            match action {
                Action::Set(path, source) => path.set(&mut after, source.of(before)?)?,
                Action::Remove(path) => removals.push(path),
                Action::Add(path, value) => {
                    let sum = added(path.get(before), value)?;
                    path.set(&mut after, sum)?;
                }
                Action::Delete(path, value) => delete(path, value, before, &mut after)?,
            }
        }
        // Indices mean the list as it was: the last place goes first.
        removals.sort_by_key(|path| match path.0.last() {
            Some(Step::Index(index)) => std::cmp::Reverse(*index),
            _ => std::cmp::Reverse(0),
        });
        for path in removals {
            path.remove(&mut after)?;
        }
        Ok(after)
    }
}

impl Source {
    fn of(&self, item: &Item) -> Result<Value, ApiError> {
        match self {
            Self::Path(path) => path.get(item).cloned().ok_or_else(|| {
                validation("The provided expression refers to an attribute that does not exist in the item")
            }),
            Self::Value(value) => Ok(value.clone()),
            Self::IfNotExists(path, otherwise) => match path.get(item) {
                Some(value) => Ok(value.clone()),
                None => otherwise.of(item),
            },
            Self::ListAppend(first, second) => match (parts(&first.of(item)?), parts(&second.of(item)?)) {
                (Some(("L", Value::Array(first))), Some(("L", Value::Array(second)))) => {
                    let all = [first.as_slice(), second.as_slice()].concat();
                    Ok(json!({ "L": all }))
                }
                _ => Err(wrong_type()),
            },
            Self::Sum(a, b) => sum(&a.of(item)?, &b.of(item)?, |number| number),
            Self::Difference(a, b) => sum(&a.of(item)?, &b.of(item)?, |number| number.negated()),
        }
    }
}

fn wrong_type() -> ApiError {
    validation("An operand in the update expression has an incorrect data type")
}

fn number(value: &Value) -> Result<Number, ApiError> {
    Number::parse(value["N"].as_str().ok_or_else(wrong_type)?)
}

fn sum(a: &Value, b: &Value, sign: impl Fn(Number) -> Number) -> Result<Value, ApiError> {
    Ok(json!({ "N": number(a)?.plus(&sign(number(b)?))?.to_string() }))
}

fn is_set(kind: &str) -> bool {
    matches!(kind, "SS" | "NS" | "BS")
}

fn added(present: Option<&Value>, value: &Value) -> Result<Value, ApiError> {
    let Some(present) = present else { return Ok(value.clone()) };
    match (parts(present), parts(value)) {
        (Some(("N", _)), Some(("N", _))) => sum(present, value, |number| number),
        (Some((kind, Value::Array(members))), Some((other, Value::Array(more))))
            if kind == other && is_set(kind) =>
        {
            let new = more.iter().filter(|member| !members.contains(member));
            let all: Vec<Value> = members.iter().chain(new).cloned().collect();
            Ok(json!({ kind: all }))
        }
        _ => Err(wrong_type()),
    }
}

fn delete(path: &Path, value: &Value, before: &Item, after: &mut Item) -> Result<(), ApiError> {
    let Some(present) = path.get(before) else { return Ok(()) };
    let (Some((kind, Value::Array(members))), Some((other, Value::Array(gone)))) =
        (parts(present), parts(value))
    else {
        return Err(wrong_type());
    };
    if kind != other || !is_set(kind) {
        return Err(wrong_type());
    }
    let left: Vec<Value> = members.iter().filter(|member| !gone.contains(member)).cloned().collect();
    if left.is_empty() { path.remove(after) } else { path.set(after, json!({ kind: left })) }
}

fn action(parser: &mut Parser<'_>, section: &str) -> Result<Action, ApiError> {
    if !matches!(section, "SET" | "REMOVE" | "ADD" | "DELETE") {
        return Err(parser.refusal(&format!("Syntax error; token: \"{section}\", near: \"{section}\"")));
    }
    let path = parser.path()?;
    match section {
        "REMOVE" => Ok(Action::Remove(path)),
        "SET" => {
            parser.expect("=")?;
            Ok(Action::Set(path, source(parser)?))
        }
        _ => {
            let value = parser.value()?.ok_or_else(|| parser.unexpected())?;
            let kind = parts(&value).map_or("", |(kind, _)| kind);
            let fitting = is_set(kind) || (section == "ADD" && kind == "N");
            if !fitting {
                return Err(parser.refusal(&format!(
                    "Incorrect operand type for operator or function; operator: {section}, operand type: {kind}"
                )));
            }
            Ok(if section == "ADD" { Action::Add(path, value) } else { Action::Delete(path, value) })
        }
    }
}

fn source(parser: &mut Parser<'_>) -> Result<Source, ApiError> {
    let left = term(parser)?;
    if parser.mark("+") {
        return Ok(Source::Sum(Box::new(left), Box::new(term(parser)?)));
    }
    if parser.mark("-") {
        return Ok(Source::Difference(Box::new(left), Box::new(term(parser)?)));
    }
    Ok(left)
}

fn term(parser: &mut Parser<'_>) -> Result<Source, ApiError> {
    if let Some(value) = parser.value()? {
        return Ok(Source::Value(value));
    }
    let Some(name) = parser.function() else { return Ok(Source::Path(parser.path()?)) };
    let term = match name.as_str() {
        "if_not_exists" => {
            let path = parser.path()?;
            parser.expect(",")?;
            Source::IfNotExists(path, Box::new(term(parser)?))
        }
        "list_append" => {
            let first = term(parser)?;
            parser.expect(",")?;
            Source::ListAppend(Box::new(first), Box::new(term(parser)?))
        }
        _ => return Err(parser.refusal(&format!("Invalid function name; function: {name}"))),
    };
    parser.expect(")")?;
    Ok(term)
}

/// The top-level attributes in `after` that an update touched and changed to.
pub(super) fn touched(update: &Update, item: &Item) -> Item {
    let names: BTreeSet<&str> = update.paths().map(Path::attribute).collect();
    item.iter()
        .filter(|(name, _)| names.contains(name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
