//! From the records as they are found to the weighted pairs of a shift, or every reason why not.

use autopilot::{
    dns::{AliasTarget, RecordName, RecordSet, RecordType},
    error::FieldError,
};

use super::{Pair, Pairs, is_service_binding, leads_to, steering};
use crate::plan::{Plan, QUICK_TTL};

/// What a shift starts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversion {
    /// The records that steer traffic, as they were found.
    pub original: Vec<RecordSet>,
    /// What is weighed from now on.
    pub pairs: Pairs,
}

/// Where the successor's records lead, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lead {
    /// The name of the load balancer, or of whatever else the successor is reached by.
    pub name: RecordName,
    /// As an alias; `None` where the plan asks for a CNAME.
    pub alias: Option<AliasTarget>,
    /// True where the plan leaves the type open (an Express service).
    pub either: bool,
}

const NAME: &str = "plan.record_name";

/// Pairs for every type of the name. All errors at once.
pub fn convert(
    plan: &Plan,
    lead: Option<&Lead>,
    records: &[RecordSet],
) -> Result<Conversion, Vec<FieldError>> {
    let original = steering(records);
    let mut errors = Vec::new();
    let mut refuse = |field: &str, message: String| errors.push(FieldError::new(field, message));
    for record in original.iter().filter(|record| is_service_binding(&record.kind)) {
        refuse(
            NAME,
            format!(
                "has a record of type {}, which steers clients past the weights; delete it first",
                record.kind
            ),
        );
    }
    let kinds = kinds(&original);
    match kinds.as_slice() {
        [] => refuse(NAME, "has no record of type A, AAAA or CNAME in this zone".to_owned()),
        [RecordType::Aaaa] => {
            refuse(NAME, "has an AAAA record alone; a shift weighs A, or A and AAAA, or CNAME".to_owned());
        }
        _ => {}
    }
    let mut pairs = Vec::new();
    for kind in kinds {
        let own: Vec<&RecordSet> = original.iter().filter(|record| record.kind == kind).collect();
        match pair(plan, lead, &kind, &own) {
            Ok(pair) => pairs.push(pair),
            Err(found) => errors.extend(found),
        }
    }
    match pairs.into_iter().collect::<Option<Vec<_>>>() {
        Some(pairs) if errors.is_empty() => Ok(Conversion { original, pairs: Pairs(pairs) }),
        // Without a resolved successor there are no pairs; that it cannot be resolved is told where it is found.
        _ => Err(errors),
    }
}

fn kinds(records: &[RecordSet]) -> Vec<RecordType> {
    [RecordType::A, RecordType::Aaaa, RecordType::Cname]
        .into_iter()
        .filter(|kind| records.iter().any(|record| record.kind == *kind))
        .collect()
}

/// The pair of one type; `None` where the records are fine and the successor is not known.
fn pair(
    plan: &Plan,
    lead: Option<&Lead>,
    kind: &RecordType,
    records: &[&RecordSet],
) -> Result<Option<Pair>, Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut refuse = |field: &str, message: String| errors.push(FieldError::new(field, message));
    let found_by = |identifier: &str| {
        records.iter().find(|record| record.set_identifier.as_deref() == Some(identifier)).copied()
    };
    let (from_id, to_id) = (plan.from.set_identifier.as_str(), plan.to.set_identifier.as_str());
    let simple = records.iter().find(|record| record.set_identifier.is_none()).copied();
    for record in records {
        if let Some(policy) = record.rest.first() {
            refuse(
                NAME,
                format!(
                    "has a record of type {kind} with {}; a shift can take weighted routing only",
                    policy.name
                ),
            );
        } else if let Some(identifier) = record.set_identifier.as_deref()
            && identifier != from_id
            && identifier != to_id
        {
            refuse(
                NAME,
                format!(
                    "has a third weighted record of type {kind}, {identifier:?} to {}; exactly {from_id:?} and {to_id:?} are \
                 weighed against each other",
                    leads_to(record)
                ),
            );
        }
    }
    let Some(from) = simple.or_else(|| found_by(from_id)) else {
        refuse(
            "plan.from.set_identifier",
            format!("no {kind} record of the name has the identifier {from_id:?}"),
        );
        return Err(errors);
    };
    check_from(plan, kind, from, &mut refuse);
    let from = RecordSet { set_identifier: Some(from_id.to_owned()), ..from.clone() };
    let wanted = lead.and_then(|lead| successor(plan, lead, &from, &mut refuse));
    let to = match (found_by(to_id), wanted) {
        (Some(found), wanted) => {
            check_to(kind, found, wanted.as_ref(), &from, &mut refuse);
            Some(found.clone())
        }
        (None, wanted) => wanted,
    };
    if errors.is_empty() { Ok(to.map(|to| Pair { from, to })) } else { Err(errors) }
}

fn check_from(plan: &Plan, kind: &RecordType, from: &RecordSet, refuse: &mut impl FnMut(&str, String)) {
    if from.alias.is_none() && from.values.len() > 1 {
        refuse(
            NAME,
            format!("has a record of type {kind} with {} values; a shift can weigh one", from.values.len()),
        );
    }
    if from.weight == Some(0) {
        refuse(
            "plan.from.set_identifier",
            format!("the {kind} record has weight 0 already; a shift starts with all traffic at App Runner"),
        );
    }
    if let Some(ttl) = from.ttl.filter(|ttl| *ttl > QUICK_TTL && !plan.accept_slow_abort) {
        refuse(
            NAME,
            format!(
                "has a record of type {kind} with a TTL of {ttl} s, so that a way back takes as long; lower it to {QUICK_TTL} s \
             or less, or say \"accept_slow_abort\": true"
            ),
        );
    }
}

fn check_to(
    kind: &RecordType,
    found: &RecordSet,
    wanted: Option<&RecordSet>,
    from: &RecordSet,
    refuse: &mut impl FnMut(&str, String),
) {
    const FIELD: &str = "plan.to.set_identifier";
    if let Some(weight) = found.weight.filter(|weight| *weight != 0) {
        refuse(
            FIELD,
            format!("the {kind} record exists with weight {weight}; expected 0, or no such record"),
        );
    }
    if let Some(wanted) = wanted.filter(|wanted| !same_target(wanted, found)) {
        refuse(
            FIELD,
            format!(
                "the {kind} record exists and leads to {}; the plan says {}",
                leads_to(found),
                leads_to(wanted)
            ),
        );
    }
    if let (Some(a), Some(b)) = (from.ttl, found.ttl)
        && a != b
    {
        refuse(
            FIELD,
            format!("the {kind} record has a TTL of {b} s and the other one {a} s; they must be equal"),
        );
    }
}

/// The successor's record beside App Runner's, of the same type.
fn successor(
    plan: &Plan,
    lead: &Lead,
    from: &RecordSet,
    refuse: &mut impl FnMut(&str, String),
) -> Option<RecordSet> {
    let (alias, values, ttl) = match (&from.kind, &lead.alias) {
        (RecordType::Cname, Some(_)) if !lead.either => {
            refuse(
                "plan.to.alias",
                format!(
                    "the name has a CNAME record, and a CNAME and an alias form no weighted group; say \"cname\": \"{}\"",
                    lead.name
                ),
            );
            return None;
        }
        (RecordType::Cname, _) => (None, vec![lead.name.to_string()], from.ttl),
        (_, Some(alias)) => (Some(alias.clone()), Vec::new(), None),
        (kind, None) => {
            refuse(
                "plan.to.cname",
                format!(
                    "the name has a record of type {kind}, and a CNAME cannot stand beside it; say \"alias\""
                ),
            );
            return None;
        }
    };
    Some(RecordSet {
        name: from.name.clone(),
        kind: from.kind.clone(),
        set_identifier: Some(plan.to.set_identifier.clone()),
        weight: Some(0),
        ttl,
        values,
        alias,
        health_check_id: None,
        rest: Vec::new(),
    })
}

fn same_target(a: &RecordSet, b: &RecordSet) -> bool {
    let name = |text: &str| text.parse::<RecordName>().ok();
    match (&a.alias, &b.alias) {
        (Some(a), Some(b)) => {
            a.hosted_zone_id == b.hosted_zone_id && same_load_balancer(&a.dns_name, &b.dns_name)
        }
        (None, None) => a.values.iter().map(|v| name(v)).eq(b.values.iter().map(|v| name(v))),
        _ => false,
    }
}

/// `dualstack.` before a load balancer's name is the same load balancer.
pub fn same_load_balancer(a: &RecordName, b: &RecordName) -> bool {
    let plain = |name: &RecordName| name.as_str().trim_start_matches("dualstack.").to_owned();
    plain(a) == plain(b)
}
