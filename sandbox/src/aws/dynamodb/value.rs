//! Attribute values: whether they are well formed, how large they are, how they compare.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use super::number::Number;
use super::validation;
use crate::aws::error::ApiError;

/// An item, or any map of attributes.
pub(super) type Item = Map<String, Value>;

/// The type and content of an attribute value such as `{"S":"text"}`.
pub(super) fn parts(value: &Value) -> Option<(&str, &Value)> {
    let object = value.as_object()?;
    let (kind, content) = object.iter().next()?;
    (object.len() == 1).then_some((kind.as_str(), content))
}

/// The type of an attribute value.
pub(super) fn kind(value: &Value) -> &str {
    parts(value).map_or("", |(kind, _)| kind)
}

/// Checks an attribute value and brings its numbers into the form in which they are kept.
pub(super) fn checked(value: &Value) -> Result<Value, ApiError> {
    let (kind, content) = parts(value).ok_or_else(|| {
        validation("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
    })?;
    let wrong = || validation(&format!("Supplied AttributeValue of type {kind} is malformed"));
    let content = match kind {
        "S" | "B" => content.as_str().map(|text| json!(text)).ok_or_else(wrong)?,
        "N" => json!(Number::parse(content.as_str().ok_or_else(wrong)?)?.to_string()),
        "BOOL" => content.as_bool().map(|flag| json!(flag)).ok_or_else(wrong)?,
        "NULL" if *content == json!(true) => json!(true),
        "L" => content.as_array().ok_or_else(wrong)?.iter().map(checked).collect::<Result<_, _>>()?,
        "M" => Value::Object(checked_item(content.as_object().ok_or_else(wrong)?)?),
        "SS" | "NS" | "BS" => checked_set(kind, content.as_array().ok_or_else(wrong)?)?,
        _ => return Err(wrong()),
    };
    Ok(json!({ kind: content }))
}

/// [`checked`] for every attribute of an item.
pub(super) fn checked_item(item: &Item) -> Result<Item, ApiError> {
    item.iter().map(|(name, value)| Ok((name.clone(), checked(value)?))).collect()
}

fn checked_set(kind: &str, members: &[Value]) -> Result<Value, ApiError> {
    if members.is_empty() {
        return Err(validation("One or more parameter values were invalid: An set  may not be empty"));
    }
    let member_kind = &kind[..1];
    let mut kept: Vec<Value> = Vec::with_capacity(members.len());
    for member in members {
        let member = checked(&json!({ member_kind: member }))?[member_kind].take();
        if kept.contains(&member) {
            return Err(validation(
                "One or more parameter values were invalid: Input collection contains duplicates.",
            ));
        }
        kept.push(member);
    }
    Ok(Value::Array(kept))
}

/// Whether two values are equal; sets regardless of order.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    match (parts(a), parts(b)) {
        (Some(("L", Value::Array(a))), Some(("L", Value::Array(b)))) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        (Some(("M", Value::Object(a))), Some(("M", Value::Object(b)))) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| equal(a, b)))
        }
        (Some((kind, Value::Array(a))), Some((other, Value::Array(b)))) => {
            kind == other && a.len() == b.len() && a.iter().all(|member| b.contains(member))
        }
        _ => a == b,
    }
}

/// The order of two strings, numbers or binaries of the same type.
pub(super) fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (parts(a)?, parts(b)?) {
        (("S", a), ("S", b)) => Some(a.as_str()?.as_bytes().cmp(b.as_str()?.as_bytes())),
        (("N", a), ("N", b)) => Some(Number::parse(a.as_str()?).ok()?.cmp(&Number::parse(b.as_str()?).ok()?)),
        (("B", a), ("B", b)) => Some(bytes(a.as_str()?).cmp(&bytes(b.as_str()?))),
        _ => None,
    }
}

/// What `size()` gives.
pub(super) fn size_of(value: &Value) -> Option<usize> {
    match parts(value)? {
        ("S", text) => Some(text.as_str()?.chars().count()),
        ("B", text) => Some(bytes(text.as_str()?).len()),
        (_, Value::Array(members)) => Some(members.len()),
        (_, Value::Object(members)) => Some(members.len()),
        _ => None,
    }
}

/// Bytes of an item as they count towards the limit of 400 KB and towards a page.
pub(super) fn item_bytes(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value_bytes(value)).sum()
}

fn value_bytes(value: &Value) -> usize {
    match parts(value) {
        Some(("S", Value::String(text))) => text.len(),
        Some(("N", Value::String(text))) => text.len().div_ceil(2) + 1,
        Some(("B", Value::String(text))) => bytes(text).len(),
        Some(("L", Value::Array(members))) => {
            3 + members.iter().map(|member| 1 + value_bytes(member)).sum::<usize>()
        }
        Some(("M", Value::Object(members))) => 3 + members.len() + item_bytes(members),
        Some((_, Value::Array(members))) => members.iter().filter_map(Value::as_str).map(str::len).sum(),
        _ => 1,
    }
}

/// The bytes behind base64 text.
pub(super) fn bytes(text: &str) -> Vec<u8> {
    let sextets = text.bytes().filter_map(|byte| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    });
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut buffer, mut bits) = (0_u32, 0_u32);
    for sextet in sextets {
        buffer = (buffer << 6) | u32::from(sextet);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from((buffer >> bits) & 0xff).unwrap_or_default());
        }
    }
    out
}
