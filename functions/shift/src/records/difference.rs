//! What became of the records that a shift left behind: as they were, edited by somebody, or gone.

use autopilot::dns::{Attribute, RecordSet};

use super::{is_pointer, leads_to, steering};

/// How the records of a name stand to what they are expected to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Exactly as expected.
    AsExpected,
    /// Somebody edited them: what changed, a sentence each.
    Edited(Vec<String>),
    /// No record leads anywhere any more.
    Gone,
}

/// Compares the records that steer traffic; others of the name concern nobody here.
pub fn standing(expected: &[RecordSet], observed: &[RecordSet]) -> Standing {
    let observed = steering(observed);
    if !observed.iter().any(|record| is_pointer(&record.kind)) {
        return Standing::Gone;
    }
    let differences = differences(expected, &observed);
    if differences.is_empty() { Standing::AsExpected } else { Standing::Edited(differences) }
}

fn same_place(a: &RecordSet, b: &RecordSet) -> bool {
    a.kind == b.kind && a.set_identifier == b.set_identifier
}

fn differences(expected: &[RecordSet], observed: &[RecordSet]) -> Vec<String> {
    let mut found = Vec::new();
    for record in expected {
        match observed.iter().find(|other| same_place(record, other)) {
            None => found.push(format!("the {} is gone", name(record))),
            Some(other) => {
                found.extend(
                    attributes(record, other).into_iter().map(|what| format!("the {} {what}", name(record))),
                );
            }
        }
    }
    let new = observed.iter().filter(|record| !expected.iter().any(|other| same_place(other, record)));
    found.extend(new.map(|record| format!("there is a new {} to {}", name(record), leads_to(record))));
    found
}

/// `A record "app-runner-service"`
fn name(record: &RecordSet) -> String {
    let identifier = record.set_identifier.as_ref().map(|id| format!(" {id:?}")).unwrap_or_default();
    format!("{} record{identifier}", record.kind)
}

fn attributes(expected: &RecordSet, observed: &RecordSet) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |what: &str, expected: String, observed: String| {
        if expected != observed {
            found.push(format!("has {what} {observed} instead of {expected}"));
        }
    };
    let number = |value: Option<u32>| value.map_or("none".to_owned(), |value| value.to_string());
    let word = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    compare("weight", number(expected.weight.map(u32::from)), number(observed.weight.map(u32::from)));
    compare("TTL", number(expected.ttl), number(observed.ttl));
    compare("health check", word(&expected.health_check_id), word(&observed.health_check_id));
    compare("target", leads_to(expected), leads_to(observed));
    if let (Some(before), Some(after)) = (&expected.alias, &observed.alias) {
        let (before_zone, after_zone) = (before.hosted_zone_id.to_string(), after.hosted_zone_id.to_string());
        compare("alias zone", before_zone, after_zone);
        let flags = (before.evaluate_target_health.to_string(), after.evaluate_target_health.to_string());
        compare("evaluate_target_health", flags.0, flags.1);
    }
    compare("other attributes", attribute_names(&expected.rest), attribute_names(&observed.rest));
    if found.is_empty() && expected != observed {
        found.push("has other attributes of another value".to_owned());
    }
    found
}

fn attribute_names(attributes: &[Attribute]) -> String {
    if attributes.is_empty() {
        return "none".to_owned();
    }
    attributes.iter().map(|attribute| attribute.name.as_str()).collect::<Vec<_>>().join(", ")
}
