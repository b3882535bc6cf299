//! The tests at the leaves of an event pattern: exact values and operators.

use std::net::IpAddr;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

/// `EventBridge` compares numbers within these bounds only.
const NUMBER_LIMIT: f64 = 5.0e9;

/// One element of a leaf's list.
#[derive(Clone, Debug)]
pub(crate) enum Test {
    /// A field with a scalar is there (`true`) or not (`false`).
    Exists(bool),
    /// Some value of the field satisfies it.
    Is(Check),
    /// Some value of the field satisfies none of these.
    AnythingBut(Vec<Check>),
}

/// A check of one scalar.
#[derive(Clone, Debug)]
pub(crate) enum Check {
    Equals(Value),
    Text(Side, Case, String),
    Wildcard(Vec<String>),
    Numeric(Vec<(Comparison, f64)>),
    Cidr { network: IpAddr, bits: u32 },
}

/// Which part of a string is compared.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    Start,
    End,
    Whole,
}

/// Whether case matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Exact,
    Ignored,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Test {
    /// Compiles an element of a leaf's list.
    pub(crate) fn compile(test: &Value) -> Result<Self> {
        match test {
            Value::Array(_) => bail!("a list within a list is not allowed"),
            Value::Object(_) => {}
            exact => return Ok(Self::Is(Check::Equals(exact.clone()))),
        }
        let (operator, argument) = only_entry(test)?;
        match operator {
            "exists" => {
                let wanted = argument.as_bool().ok_or_else(|| anyhow!("exists takes true or false"))?;
                Ok(Self::Exists(wanted))
            }
            "anything-but" => Ok(Self::AnythingBut(anything_but(argument)?)),
            _ => Ok(Self::Is(Check::compile(operator, argument)?)),
        }
    }

    pub(crate) fn matches(&self, leaves: &[&Value]) -> bool {
        match self {
            Self::Exists(wanted) => *wanted != leaves.is_empty(),
            Self::Is(check) => leaves.iter().any(|leaf| check.matches(leaf)),
            Self::AnythingBut(checks) => {
                leaves.iter().any(|leaf| !checks.iter().any(|check| check.matches(leaf)))
            }
        }
    }
}

/// `anything-but` takes a value, a list of strings or of numbers, or one of the
/// string operators with a string or a list of strings.
fn anything_but(argument: &Value) -> Result<Vec<Check>> {
    if argument.is_object() {
        let (operator, argument) = only_entry(argument)?;
        if !matches!(operator, "prefix" | "suffix" | "equals-ignore-case" | "wildcard") {
            bail!("anything-but does not take {operator}");
        }
        let checks = list_of(argument).iter().map(|item| {
            if item.as_str().is_some_and(str::is_empty) {
                bail!("anything-but {operator} needs a string that is not empty");
            }
            Check::compile(operator, item).context("anything-but")
        });
        return checks.collect();
    }
    let items = list_of(argument);
    let uniform = items.iter().all(Value::is_string) || items.iter().all(Value::is_number);
    if items.is_empty() || !uniform {
        bail!("anything-but takes strings only or numbers only");
    }
    Ok(items.iter().cloned().map(Check::Equals).collect())
}

impl Check {
    fn compile(operator: &str, argument: &Value) -> Result<Self> {
        let text = || argument.as_str().ok_or_else(|| anyhow!("{operator} takes a string"));
        match operator {
            "prefix" => affix(Side::Start, operator, argument),
            "suffix" => affix(Side::End, operator, argument),
            "equals-ignore-case" => Ok(Self::Text(Side::Whole, Case::Ignored, text()?.to_lowercase())),
            "wildcard" => Ok(Self::Wildcard(wildcard_parts(text()?)?)),
            "numeric" => Ok(Self::Numeric(numeric_range(argument)?)),
            "cidr" => cidr(text()?),
            unknown => bail!("{unknown} is not an operator of event patterns"),
        }
    }

    fn matches(&self, leaf: &Value) -> bool {
        match self {
            Self::Equals(value) => value == leaf,
            Self::Text(side, case, wanted) => leaf.as_str().is_some_and(|text| {
                let text = if *case == Case::Ignored { text.to_lowercase() } else { text.to_owned() };
                match side {
                    Side::Start => text.starts_with(wanted),
                    Side::End => text.ends_with(wanted),
                    Side::Whole => text == *wanted,
                }
            }),
            Self::Wildcard(parts) => leaf.as_str().is_some_and(|text| wildcard_matches(parts, text)),
            Self::Numeric(bounds) => leaf.as_f64().is_some_and(|number| {
                bounds.iter().all(|(comparison, bound)| comparison.holds(number, *bound))
            }),
            Self::Cidr { network, bits } => leaf
                .as_str()
                .and_then(|text| text.parse::<IpAddr>().ok())
                .is_some_and(|address| masked(address, *bits) == masked(*network, *bits)),
        }
    }
}

fn only_entry(test: &Value) -> Result<(&str, &Value)> {
    let entries = test.as_object().filter(|entries| entries.len() == 1);
    let entry = entries.and_then(|entries| entries.iter().next());
    entry
        .map(|(name, argument)| (name.as_str(), argument))
        .ok_or_else(|| anyhow!("{test} must hold one operator"))
}

/// A list as it is, anything else as a list of one.
fn list_of(argument: &Value) -> &[Value] {
    argument.as_array().map_or(std::slice::from_ref(argument), Vec::as_slice)
}

fn affix(side: Side, operator: &str, argument: &Value) -> Result<Check> {
    if let Some(text) = argument.as_str() {
        return Ok(Check::Text(side, Case::Exact, text.to_owned()));
    }
    match only_entry(argument) {
        Ok(("equals-ignore-case", Value::String(text))) => {
            Ok(Check::Text(side, Case::Ignored, text.to_lowercase()))
        }
        _ => bail!("{operator} takes a string or {{\"equals-ignore-case\": string}}"),
    }
}

/// The literal parts between the asterisks; `\*` and `\\` are literal.
fn wildcard_parts(text: &str) -> Result<Vec<String>> {
    let mut parts = vec![String::new()];
    let mut last_was_star = false;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let is_star = character == '*';
        let literal = match character {
            '*' if last_was_star => bail!("wildcard {text:?}: consecutive asterisks are not allowed"),
            '*' => None,
            '\\' => match characters.next() {
                Some(escaped @ ('*' | '\\')) => Some(escaped),
                _ => bail!("wildcard {text:?}: only \\* and \\\\ may be escaped"),
            },
            literal => Some(literal),
        };
        match (literal, parts.last_mut()) {
            (Some(literal), Some(part)) => part.push(literal),
            _ => parts.push(String::new()),
        }
        last_was_star = is_star;
    }
    Ok(parts)
}

fn wildcard_matches(parts: &[String], text: &str) -> bool {
    let [first, middle @ .., last] = parts else {
        return parts.first().is_some_and(|only| only == text);
    };
    let Some(mut rest) = text.strip_prefix(first.as_str()) else {
        return false;
    };
    for part in middle {
        let Some(at) = rest.find(part.as_str()) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last.as_str())
}

fn numeric_range(argument: &Value) -> Result<Vec<(Comparison, f64)>> {
    let items = argument.as_array().ok_or_else(|| anyhow!("numeric takes a list"))?;
    let bounds = items.chunks(2).map(|pair| match pair {
        [Value::String(operator), Value::Number(number)] => {
            let number = number.as_f64().filter(|number| number.abs() <= NUMBER_LIMIT);
            let number = number.ok_or_else(|| anyhow!("numeric compares within ±5.0e9 only"))?;
            Ok((Comparison::parse(operator)?, number))
        }
        _ => bail!("numeric takes an operator and a number, by turns"),
    });
    let bounds = bounds.collect::<Result<Vec<_>>>()?;
    match bounds.as_slice() {
        [_] => Ok(bounds),
        [(low, bottom), (high, top)] if low.is_lower() && high.is_upper() && bottom < top => Ok(bounds),
        _ => bail!("numeric takes one comparison, or a lower bound and then a higher upper bound"),
    }
}

impl Comparison {
    fn parse(text: &str) -> Result<Self> {
        Ok(match text {
            "=" => Self::Equal,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            other => bail!("numeric knows no comparison {other}"),
        })
    }

    fn is_lower(self) -> bool {
        matches!(self, Self::Greater | Self::GreaterOrEqual)
    }

    fn is_upper(self) -> bool {
        matches!(self, Self::Less | Self::LessOrEqual)
    }

    fn holds(self, number: f64, bound: f64) -> bool {
        match self {
            // Six digits to the right of the decimal point count.
            Self::Equal => (number - bound).abs() < 1.0e-6,
            Self::Less => number < bound,
            Self::LessOrEqual => number <= bound,
            Self::Greater => number > bound,
            Self::GreaterOrEqual => number >= bound,
        }
    }
}

fn cidr(text: &str) -> Result<Check> {
    let (network, bits) = text.split_once('/').ok_or_else(|| anyhow!("cidr {text:?} has no /"))?;
    let network: IpAddr = network.parse().with_context(|| format!("cidr {text:?}"))?;
    let bits: u32 = bits.parse().with_context(|| format!("cidr {text:?}"))?;
    let most = if network.is_ipv4() { 32 } else { 128 };
    if bits > most {
        bail!("cidr {text:?}: at most {most} bits");
    }
    Ok(Check::Cidr { network, bits })
}

/// The leading bits of an address, beside its family.
fn masked(address: IpAddr, bits: u32) -> (bool, u128) {
    match address {
        IpAddr::V4(v4) => (true, u128::from(v4.to_bits().checked_shr(32 - bits.min(32)).unwrap_or(0))),
        IpAddr::V6(v6) => (false, v6.to_bits().checked_shr(128 - bits).unwrap_or(0)),
    }
}
