//! Whether a request is one that App Runner's API admits: members, required members, types, enums, lengths
//! and patterns, from the table `model.json` that `model.py` makes of the service's published model.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex_lite::Regex;
use serde::Deserialize;
use serde_json::Value;

use crate::aws::error::ApiError;

#[derive(Deserialize)]
struct Model {
    operations: BTreeMap<String, Operation>,
    shapes: BTreeMap<String, Shape>,
}

#[derive(Deserialize)]
struct Operation {
    input: String,
    errors: Vec<String>,
}

#[derive(Deserialize)]
struct Shape {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    required: Vec<String>,
    #[serde(default, rename = "enum")]
    allowed: Vec<String>,
    min: Option<i64>,
    max: Option<i64>,
    pattern: Option<String>,
    not_prefix: Option<String>,
    #[serde(default)]
    members: BTreeMap<String, String>,
    member: Option<String>,
    key: Option<String>,
    value: Option<String>,
}

/// The table, and its patterns compiled; both are part of the program, and a test reads them.
#[expect(clippy::expect_used, reason = "the embedded table is valid, or no test of the sandbox passes")]
static MODEL: LazyLock<Model> =
    LazyLock::new(|| serde_json::from_str(include_str!("model.json")).expect("model.json"));

#[expect(clippy::expect_used, reason = "the embedded table is valid, or no test of the sandbox passes")]
static PATTERNS: LazyLock<BTreeMap<&'static str, Regex>> = LazyLock::new(|| {
    let patterns = MODEL.shapes.values().filter_map(|shape| shape.pattern.as_deref());
    patterns.map(|pattern| (pattern, Regex::new(&format!("^(?:{pattern})$")).expect(pattern))).collect()
});

/// Refuses an input that the operation's model does not admit, naming the member.
pub(super) fn check(operation: &str, input: &Value) -> Result<(), ApiError> {
    let known = MODEL.operations.get(operation).ok_or_else(|| ApiError::unknown_operation(operation))?;
    check_shape(&known.input, "", input)
}

/// Whether the operation's model names this error.
pub(super) fn declares(operation: &str, error: &str) -> bool {
    MODEL.operations.get(operation).is_some_and(|known| known.errors.iter().any(|code| code == error))
}

fn refusal(place: &str, problem: &str) -> ApiError {
    ApiError::refused("InvalidRequestException", format!("1 validation error detected: '{place}' {problem}"))
}

fn check_shape(name: &str, place: &str, value: &Value) -> Result<(), ApiError> {
    let Some(shape) = MODEL.shapes.get(name) else { return Ok(()) };
    let wrong_type = || refusal(place, &format!("must be of type {}", shape.kind));
    match shape.kind.as_str() {
        "structure" => {
            let members = value.as_object().ok_or_else(wrong_type)?;
            let at =
                |member: &str| if place.is_empty() { member.to_owned() } else { format!("{place}.{member}") };
            if let Some(missing) = shape.required.iter().find(|member| value[member.as_str()].is_null()) {
                return Err(refusal(&at(missing), "failed to satisfy constraint: Member must not be null"));
            }
            for (member, value) in members.iter().filter(|(_, value)| !value.is_null()) {
                let shape =
                    shape.members.get(member).ok_or_else(|| refusal(&at(member), "is not a known member"))?;
                check_shape(shape, &at(member), value)?;
            }
            Ok(())
        }
        "list" => {
            let items = value.as_array().ok_or_else(wrong_type)?;
            let member = shape.member.as_deref().unwrap_or_default();
            items
                .iter()
                .enumerate()
                .try_for_each(|(index, item)| check_shape(member, &format!("{place}[{index}]"), item))
        }
        "map" => {
            let entries = value.as_object().ok_or_else(wrong_type)?;
            let (key, content) =
                (shape.key.as_deref().unwrap_or_default(), shape.value.as_deref().unwrap_or_default());
            entries.iter().try_for_each(|(name, value)| {
                let place = format!("{place}.{name}");
                check_shape(key, &place, &Value::String(name.clone()))?;
                check_shape(content, &place, value)
            })
        }
        "string" => shape.check_text(place, value.as_str().ok_or_else(wrong_type)?),
        "integer" => shape.check_range(place, value.as_i64().ok_or_else(wrong_type)?, "value"),
        "boolean" => value.as_bool().map(|_| ()).ok_or_else(wrong_type),
        _ => Ok(()),
    }
}

impl Shape {
    fn check_text(&self, place: &str, text: &str) -> Result<(), ApiError> {
        let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
        self.check_range(place, length, "length")?;
        if !self.allowed.is_empty() && !self.allowed.iter().any(|allowed| allowed == text) {
            let allowed = self.allowed.join(", ");
            return Err(refusal(
                place,
                &format!("failed to satisfy constraint: Member must satisfy enum value set: [{allowed}]"),
            ));
        }
        let matches = self.pattern.as_deref().is_none_or(|pattern| PATTERNS[pattern].is_match(text));
        let reserved = self.not_prefix.as_deref().is_some_and(|prefix| text.starts_with(prefix));
        if !matches || reserved {
            let pattern = self.pattern.as_deref().or(self.not_prefix.as_deref()).unwrap_or_default();
            return Err(refusal(
                place,
                &format!(
                    "failed to satisfy constraint: Member must satisfy regular expression pattern: {pattern}"
                ),
            ));
        }
        Ok(())
    }

    fn check_range(&self, place: &str, measure: i64, what: &str) -> Result<(), ApiError> {
        let problem = match (self.min, self.max) {
            (Some(min), _) if measure < min => format!("greater than or equal to {min}"),
            (_, Some(max)) if measure > max => format!("less than or equal to {max}"),
            _ => return Ok(()),
        };
        Err(refusal(place, &format!("failed to satisfy constraint: Member must have {what} {problem}")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(operation: &str, input: &Value) -> String {
        check(operation, input).expect_err("refused").message
    }

    #[test]
    fn requests_are_checked_against_the_published_model() {
        let image = "111122223333.dkr.ecr.us-east-1.amazonaws.com/shop/web@sha256:0123abcd";
        let create = |identifier: &str| {
            json!({ "ServiceName": "web-shop", "SourceConfiguration": { "ImageRepository": {
                "ImageIdentifier": identifier, "ImageRepositoryType": "ECR" } } })
        };
        check("CreateService", &create(image)).expect("admitted");
        check("CreateService", &create("public.ecr.aws/nginx/nginx:1.27")).expect("admitted");
        for (input, named) in [
            (create("nginx:latest"), "SourceConfiguration.ImageRepository.ImageIdentifier"),
            (json!({ "ServiceName": "web-shop" }), "SourceConfiguration"),
            (json!({ "ServiceName": "web", "SourceConfiguration": {} }), "ServiceName"),
            (json!({ "ServiceName": "web-shop", "SourceConfiguration": {}, "Extra": 1 }), "Extra"),
            (json!({ "ServiceName": 7, "SourceConfiguration": {} }), "ServiceName"),
            (
                json!({ "ServiceName": "web-shop", "SourceConfiguration": {},
                    "Tags": [{ "Key": "aws:x", "Value": "1" }] }),
                "Tags[0].Key",
            ),
            (
                json!({ "ServiceName": "web-shop", "SourceConfiguration": {},
                    "HealthCheckConfiguration": { "Interval": 21 } }),
                "HealthCheckConfiguration.Interval",
            ),
            (
                json!({ "ServiceName": "web-shop", "SourceConfiguration": {},
                    "NetworkConfiguration": { "EgressConfiguration": { "EgressType": "NAT" } } }),
                "NetworkConfiguration.EgressConfiguration.EgressType",
            ),
        ] {
            let message = refused("CreateService", &input);
            assert!(message.contains(&format!("'{named}'")), "{message}");
        }
    }

    #[test]
    fn start_deployment_declares_no_state_error() {
        assert!(declares("UpdateService", "InvalidStateException"));
        assert!(!declares("StartDeployment", "InvalidStateException"));
    }
}
