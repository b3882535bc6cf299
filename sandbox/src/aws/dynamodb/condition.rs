//! Conditions: the grammar of condition, filter and key condition expressions, and their evaluation.
//!
//! ```text
//! or        = and { OR and }
//! and       = not { AND not }
//! not       = NOT not | "(" or ")" | predicate
//! predicate = function | operand comparator operand
//!           | operand BETWEEN operand AND operand | operand IN "(" operand {"," operand} ")"
//! ```

use std::cmp::Ordering;

use serde_json::Value;

use super::path::Path;
use super::token::{Parser, Placeholders, Token};
use super::value::{Item, compare, equal, kind, parts, size_of};
use crate::aws::error::ApiError;

/// What a comparison compares.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    Path(Path),
    Value(Value),
    Size(Path),
}

/// How two operands are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A parsed condition.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition {
    Or(Box<Condition>, Box<Condition>),
    And(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
    Compare(Operand, Comparator, Operand),
    Between(Operand, Operand, Operand),
    In(Operand, Vec<Operand>),
    Exists(Path),
    NotExists(Path),
    Type(Path, Operand),
    BeginsWith(Operand, Operand),
    Contains(Operand, Operand),
}

const COMPARATORS: [(&str, Comparator); 6] = [
    ("=", Comparator::Equal),
    ("<>", Comparator::NotEqual),
    ("<", Comparator::Less),
    ("<=", Comparator::LessOrEqual),
    (">", Comparator::Greater),
    (">=", Comparator::GreaterOrEqual),
];

impl Condition {
    /// Parses member `kind` of a request.
    pub(super) fn parse(
        kind: &'static str,
        text: &str,
        placeholders: &mut Placeholders,
    ) -> Result<Self, ApiError> {
        let mut parser = Parser::new(kind, text, placeholders)?;
        let condition = or(&mut parser)?;
        parser.end()?;
        Ok(condition)
    }

    /// The top-level attributes that the condition is about.
    pub(super) fn attributes(&self) -> Vec<&str> {
        match self {
            Self::Or(a, b) | Self::And(a, b) => [a.attributes(), b.attributes()].concat(),
            Self::Not(inner) => inner.attributes(),
            Self::Exists(path) | Self::NotExists(path) | Self::Type(path, _) => vec![path.attribute()],
            Self::Compare(a, _, b) | Self::BeginsWith(a, b) | Self::Contains(a, b) => {
                [a, b].into_iter().filter_map(Operand::attribute).collect()
            }
            Self::Between(value, low, high) => {
                [value, low, high].into_iter().filter_map(Operand::attribute).collect()
            }
            Self::In(value, members) => {
                value.attribute().into_iter().chain(members.iter().filter_map(Operand::attribute)).collect()
            }
        }
    }

    /// Whether the item (empty if there is none) meets the condition.
    pub(super) fn holds(&self, item: &Item) -> bool {
        match self {
            Self::Or(a, b) => a.holds(item) || b.holds(item),
            Self::And(a, b) => a.holds(item) && b.holds(item),
            Self::Not(inner) => !inner.holds(item),
            Self::Compare(a, comparator, b) => comparator.holds(a.of(item).as_ref(), b.of(item).as_ref()),
            Self::Between(value, low, high) => {
                let at_least =
                    Comparator::GreaterOrEqual.holds(value.of(item).as_ref(), low.of(item).as_ref());
                at_least && Comparator::LessOrEqual.holds(value.of(item).as_ref(), high.of(item).as_ref())
            }
            Self::In(value, members) => {
                let value = value.of(item);
                members.iter().any(|member| Comparator::Equal.holds(value.as_ref(), member.of(item).as_ref()))
            }
            Self::Exists(path) => path.get(item).is_some(),
            Self::NotExists(path) => path.get(item).is_none(),
            Self::Type(path, wanted) => {
                let wanted = wanted.of(item);
                let wanted = wanted.as_ref().and_then(|wanted| wanted["S"].as_str());
                path.get(item).is_some_and(|value| Some(kind(value)) == wanted)
            }
            Self::BeginsWith(value, prefix) => match (value.of(item), prefix.of(item)) {
                (Some(value), Some(prefix)) => begins_with(&value, &prefix),
                _ => false,
            },
            Self::Contains(value, wanted) => match (value.of(item), wanted.of(item)) {
                (Some(value), Some(wanted)) => contains(&value, &wanted),
                _ => false,
            },
        }
    }
}

impl Operand {
    fn attribute(&self) -> Option<&str> {
        match self {
            Self::Path(path) | Self::Size(path) => Some(path.attribute()),
            Self::Value(_) => None,
        }
    }

    fn of(&self, item: &Item) -> Option<Value> {
        match self {
            Self::Path(path) => path.get(item).cloned(),
            Self::Value(value) => Some(value.clone()),
            Self::Size(path) => {
                let size = size_of(path.get(item)?)?;
                Some(serde_json::json!({ "N": size.to_string() }))
            }
        }
    }
}

impl Comparator {
    /// A missing attribute equals nothing, differs from everything, and is in no order.
    fn holds(self, a: Option<&Value>, b: Option<&Value>) -> bool {
        let equal = a.zip(b).is_some_and(|(a, b)| equal(a, b));
        let order = a.zip(b).and_then(|(a, b)| compare(a, b));
        match self {
            Self::Equal => equal,
            Self::NotEqual => !equal,
            Self::Less => order == Some(Ordering::Less),
            Self::LessOrEqual => order.is_some_and(Ordering::is_le),
            Self::Greater => order == Some(Ordering::Greater),
            Self::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
        }
    }
}

pub(super) fn begins_with(value: &Value, prefix: &Value) -> bool {
    match (parts(value), parts(prefix)) {
        (Some(("S", Value::String(value))), Some(("S", Value::String(prefix)))) => value.starts_with(prefix),
        (Some(("B", Value::String(value))), Some(("B", Value::String(prefix)))) => {
            super::value::bytes(value).starts_with(&super::value::bytes(prefix))
        }
        _ => false,
    }
}

fn contains(value: &Value, wanted: &Value) -> bool {
    match (parts(value), parts(wanted)) {
        (Some(("S", Value::String(value))), Some(("S", Value::String(wanted)))) => value.contains(wanted),
        (Some(("L", Value::Array(members))), _) => members.iter().any(|member| equal(member, wanted)),
        (Some((set, Value::Array(members))), Some((kind, wanted))) => {
            set.strip_suffix('S') == Some(kind) && members.contains(wanted)
        }
        _ => false,
    }
}

fn or(parser: &mut Parser<'_>) -> Result<Condition, ApiError> {
    let mut left = and(parser)?;
    while parser.keyword("OR") {
        left = Condition::Or(Box::new(left), Box::new(and(parser)?));
    }
    Ok(left)
}

fn and(parser: &mut Parser<'_>) -> Result<Condition, ApiError> {
    let mut left = not(parser)?;
    while parser.keyword("AND") {
        left = Condition::And(Box::new(left), Box::new(not(parser)?));
    }
    Ok(left)
}

fn not(parser: &mut Parser<'_>) -> Result<Condition, ApiError> {
    if parser.keyword("NOT") {
        return Ok(Condition::Not(Box::new(not(parser)?)));
    }
    if !parser.mark("(") {
        return predicate(parser);
    }
    let doubled = matches!(parser.peek(), Some(Token::Mark("(")));
    let inner = or(parser)?;
    parser.expect(")")?;
    // ((a)) is refused, ((a) OR (b)) is not.
    let combined = matches!(inner, Condition::And(..) | Condition::Or(..));
    if doubled && !combined {
        return Err(parser.refusal("The expression has redundant parentheses;"));
    }
    Ok(inner)
}

fn predicate(parser: &mut Parser<'_>) -> Result<Condition, ApiError> {
    let start = parser.peek().cloned();
    let left = match parser.function() {
        Some(name) if name == "size" => {
            let path = parser.path()?;
            parser.expect(")")?;
            Operand::Size(path)
        }
        Some(name) => return function(parser, &name),
        None => operand(parser)?,
    };
    if parser.keyword("BETWEEN") {
        let low = operand(parser)?;
        if !parser.keyword("AND") {
            return Err(parser.unexpected());
        }
        return Ok(Condition::Between(left, low, operand(parser)?));
    }
    if parser.keyword("IN") {
        parser.expect("(")?;
        let members = operands(parser)?;
        if members.len() > 100 {
            return Err(parser.refusal("The IN operator is provided with too many operands;"));
        }
        return Ok(Condition::In(left, members));
    }
    let Some((_, comparator)) = COMPARATORS.into_iter().find(|(mark, _)| parser.mark(mark)) else {
        return Err(parser.unexpected());
    };
    let right = operand(parser)?;
    if left == right && !matches!(start, Some(Token::Value(_))) {
        return Err(parser.refusal(
            "The first operand must be distinct from the remaining operands for this operator or function;",
        ));
    }
    let ordered = !matches!(comparator, Comparator::Equal | Comparator::NotEqual);
    if let Operand::Value(value) = &right
        && ordered
        && !matches!(kind(value), "S" | "N" | "B")
    {
        return Err(parser.refusal(&format!(
            "Incorrect operand type for operator or function; operator: comparison, operand type: {}",
            kind(value)
        )));
    }
    Ok(Condition::Compare(left, comparator, right))
}

/// A function other than `size`, behind its opening parenthesis.
fn function(parser: &mut Parser<'_>, name: &str) -> Result<Condition, ApiError> {
    let condition = match name {
        "attribute_exists" => Condition::Exists(parser.path()?),
        "attribute_not_exists" => Condition::NotExists(parser.path()?),
        "attribute_type" => {
            let path = parser.path()?;
            parser.expect(",")?;
            Condition::Type(path, operand(parser)?)
        }
        "begins_with" | "contains" => {
            let value = operand(parser)?;
            parser.expect(",")?;
            let wanted = operand(parser)?;
            if name == "contains" {
                Condition::Contains(value, wanted)
            } else if matches!(&wanted, Operand::Value(prefix) if !matches!(kind(prefix), "S" | "B")) {
                return Err(parser.refusal(
                    "Incorrect operand type for operator or function; operator or function: begins_with",
                ));
            } else {
                Condition::BeginsWith(value, wanted)
            }
        }
        _ => return Err(parser.refusal(&format!("Invalid function name; function: {name}"))),
    };
    parser.expect(")")?;
    Ok(condition)
}

fn operand(parser: &mut Parser<'_>) -> Result<Operand, ApiError> {
    if let Some(value) = parser.value()? {
        return Ok(Operand::Value(value));
    }
    if let Some(name) = parser.function() {
        if name != "size" {
            return Err(
                parser.refusal(&format!("The function is not allowed in this place; function: {name}"))
            );
        }
        let path = parser.path()?;
        parser.expect(")")?;
        return Ok(Operand::Size(path));
    }
    Ok(Operand::Path(parser.path()?))
}

/// Operands separated by commas, up to and with the closing parenthesis.
fn operands(parser: &mut Parser<'_>) -> Result<Vec<Operand>, ApiError> {
    let mut operands = vec![operand(parser)?];
    while parser.mark(",") {
        operands.push(operand(parser)?);
    }
    parser.expect(")")?;
    Ok(operands)
}
