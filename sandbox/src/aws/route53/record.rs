//! One record: what Route 53 calls a resource record set. It is kept as the JSON of the API, so that no attribute
//! is lost, with its names normalised.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::{Value, json};

use super::name::{normalised, reversed};
use crate::aws::error::ApiError;

/// Types of records.
const TYPES: [&str; 17] = [
    "SOA", "A", "TXT", "NS", "CNAME", "MX", "NAPTR", "PTR", "SRV", "SPF", "AAAA", "CAA", "DS", "TLSA",
    "SSHFP", "SVCB", "HTTPS",
];

/// Attributes that each mean a routing policy, and the word for it.
const POLICIES: [(&str, &str); 7] = [
    ("Weight", "weighted"),
    ("Region", "latency"),
    ("Failover", "failover"),
    ("GeoLocation", "geolocation"),
    ("GeoProximityLocation", "geoproximity"),
    ("MultiValueAnswer", "multivalue answer"),
    ("CidrRoutingConfig", "IP-based"),
];

/// A record.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Record(Value);

impl Record {
    /// Reads a `ResourceRecordSet` and refuses what is none, as Route 53 does before it looks at the zone.
    pub(super) fn read(action: &str, shape: &Value) -> Result<Self, ApiError> {
        let record = Self(canonical(shape));
        let problems =
            [Self::identity_problem, Self::policy_problem, Self::number_problem, Self::target_problem];
        let Some(problem) = problems.iter().find_map(|problem| problem(&record)) else {
            return Ok(record);
        };
        let place = format!(
            "Change with [Action={action}, Name={}, Type={}, SetIdentifier={}]",
            record.name(),
            record.kind(),
            record.identifier().unwrap_or("null"),
        );
        Err(ApiError::refused("InvalidInput", format!("Invalid request: {problem} in {place}")))
    }

    fn identity_problem(&self) -> Option<String> {
        let identifier_fits = self.identifier().is_none_or(|id| (1..=128).contains(&id.len()));
        let problem = match (self.name(), TYPES.contains(&self.kind()), identifier_fits) {
            (".", _, _) => "Missing field 'Name'",
            (_, false, _) => "Member must satisfy enum value set of field 'Type'",
            (_, _, false) => "Member must have length between 1 and 128 of field 'SetIdentifier'",
            _ => return None,
        };
        Some(problem.to_owned())
    }

    fn policy_problem(&self) -> Option<String> {
        let found = POLICIES.iter().filter(|(name, _)| self.has(name)).count();
        match (self.identifier(), found) {
            (None, 0) | (Some(_), 1) => None,
            (None, _) => Some("Missing field 'SetIdentifier'".to_owned()),
            (Some(_), _) => {
                let names = POLICIES.map(|(name, _)| name).join(", ");
                Some(format!("Expected exactly one of [{names}], but found {found}"))
            }
        }
    }

    fn number_problem(&self) -> Option<String> {
        let number = |value: &Value| value.as_str().and_then(|text| text.parse::<u32>().ok());
        let outside = |(field, most): &(&str, u32)| {
            self.0.get(field).is_some_and(|value| number(value).is_none_or(|number| number > *most))
        };
        let (field, most) = [("Weight", 255), ("TTL", 2_147_483_647)].into_iter().find(outside)?;
        Some(format!("Member must have value between 0 and {most} of field '{field}'"))
    }

    fn target_problem(&self) -> Option<String> {
        let problem = match (self.has("AliasTarget"), self.has("TTL"), !self.values().is_empty()) {
            (false, true, true) => return None,
            (true, false, false) => {
                let alias = &self.0["AliasTarget"];
                let given = |member: &str| alias[member].as_str().is_some_and(|text| !text.is_empty());
                if ["HostedZoneId", "DNSName", "EvaluateTargetHealth"].into_iter().all(given) {
                    return None;
                }
                "Missing field of 'AliasTarget'"
            }
            _ => {
                "Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId]"
            }
        };
        Some(problem.to_owned())
    }

    fn has(&self, field: &str) -> bool {
        self.0.get(field).is_some()
    }

    pub(super) fn shape(&self) -> &Value {
        &self.0
    }

    pub(super) fn name(&self) -> &str {
        self.0["Name"].as_str().unwrap_or_default()
    }

    pub(super) fn kind(&self) -> &str {
        self.0["Type"].as_str().unwrap_or_default()
    }

    pub(super) fn identifier(&self) -> Option<&str> {
        self.0["SetIdentifier"].as_str()
    }

    pub(super) fn health_check(&self) -> Option<&str> {
        self.0["HealthCheckId"].as_str()
    }

    /// The word for its routing policy.
    pub(super) fn policy(&self) -> &'static str {
        POLICIES.iter().find(|(name, _)| self.has(name)).map_or("simple", |(_, word)| word)
    }

    pub(super) fn values(&self) -> Vec<&str> {
        let records = self.0["ResourceRecords"]["ResourceRecord"].as_array();
        records.into_iter().flatten().filter_map(|record| record["Value"].as_str()).collect()
    }

    /// Whether both stand at the same place: name, type and identifier.
    pub(super) fn is_at(&self, other: &Self) -> bool {
        self.place() == other.place()
    }

    /// Whether they are equal in every attribute; the order of values is none.
    pub(super) fn equals(&self, other: &Self) -> bool {
        self.comparable() == other.comparable()
    }

    /// Position in the list of a zone.
    pub(super) fn sort_key(&self) -> (String, String, String) {
        let (name, kind, identifier) = self.place();
        (reversed(name), kind.to_owned(), identifier.unwrap_or_default().to_owned())
    }

    /// What is wrong with its values.
    pub(super) fn complaint(&self) -> Option<String> {
        let values = self.values();
        let illegal = |family: &str, value: &str| {
            format!(
                "Invalid Resource Record: 'FATAL problem: ARRDATAIllegalIPv{family}Address (Value is not a valid \
                 IPv{family} address) encountered with '{value}''"
            )
        };
        let repeated = values.iter().enumerate().find(|(at, value)| values[..*at].contains(value));
        if let Some((_, value)) = repeated {
            return Some(format!("Duplicate Resource Record: '{value}'"));
        }
        match self.kind() {
            "A" => values.iter().find(|v| v.parse::<Ipv4Addr>().is_err()).map(|v| illegal("4", v)),
            "AAAA" => values.iter().find(|v| v.parse::<Ipv6Addr>().is_err()).map(|v| illegal("6", v)),
            "CNAME" if values.len() > 1 => {
                Some("A CNAME record set must contain exactly one value".to_owned())
            }
            _ => None,
        }
    }

    fn place(&self) -> (&str, &str, Option<&str>) {
        (self.name(), self.kind(), self.identifier())
    }

    fn comparable(&self) -> Value {
        let mut shape = self.0.clone();
        if let Some(records) = shape["ResourceRecords"]["ResourceRecord"].as_array_mut() {
            records.sort_by_key(Value::to_string);
        }
        shape
    }
}

/// The shape as it comes over the wire, where every value is a text, with names normalised.
fn canonical(shape: &Value) -> Value {
    let mut shape = as_texts(shape);
    shape["Name"] = json!(normalised(shape["Name"].as_str().unwrap_or_default()));
    if let Some(target) = shape.get_mut("AliasTarget")
        && let Some(name) = target["DNSName"].as_str()
    {
        target["DNSName"] = json!(normalised(name));
    }
    shape
}

fn as_texts(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let given = members.iter().filter(|(_, value)| !value.is_null());
            Value::Object(given.map(|(name, value)| (name.clone(), as_texts(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(as_texts).collect()),
        Value::String(text) => json!(text),
        other => json!(other.to_string()),
    }
}
