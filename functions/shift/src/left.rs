//! What else of a service still leads to App Runner, so that it must not be taken down yet.

use std::collections::BTreeSet;

use autopilot::{
    dns::{RecordName, RecordSet},
    error::Failure,
    evidence::CustomDomain,
    ports::{DnsRead, RelatedRead},
};

use crate::{
    records::{is_pointer, leads_to},
    shift::Shift,
    world::World,
};

/// Other names of the service's domains, `www` included, that may still lead to App Runner: those whose records in the
/// zone do, and those that have none there, of which nothing can be told.
pub async fn domains_left<W: World>(world: &W, shift: &Shift) -> Result<Vec<String>, Failure> {
    let domains = match world.apprunner().custom_domains(&shift.plan.from.service_arn).await {
        Err(gone) if gone.is_not_found() => return Ok(Vec::new()),
        domains => domains?,
    };
    let names: BTreeSet<RecordName> =
        names_of(&domains).into_iter().filter(|name| *name != shift.plan.record_name).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let records = world.dns().records(&shift.plan.hosted_zone_id, &names).await?;
    Ok(names.iter().filter_map(|name| left(name, &records)).collect())
}

fn left(name: &RecordName, records: &[RecordSet]) -> Option<String> {
    let own: Vec<&RecordSet> =
        records.iter().filter(|record| record.name == *name && is_pointer(&record.kind)).collect();
    if own.is_empty() {
        return Some(format!("{name} (has no record in this zone, so it cannot be told)"));
    }
    own.iter().any(|record| leads_to_app_runner(record)).then(|| name.to_string())
}

fn names_of(domains: &[CustomDomain]) -> Vec<RecordName> {
    let names = domains.iter().flat_map(|domain| {
        let name = domain.name.clone().unwrap_or_default();
        let www = domain.www.then(|| format!("www.{name}"));
        [Some(name), www]
    });
    names.flatten().filter_map(|name| name.parse().ok()).collect()
}

fn leads_to_app_runner(record: &RecordSet) -> bool {
    let target = leads_to(record).to_lowercase();
    let is_answered = record.weight != Some(0);
    is_answered && target.trim_end_matches('.').ends_with(".awsapprunner.com")
}

#[cfg(test)]
mod tests {
    use autopilot::dns::RecordType;

    use super::*;

    fn record(name: &str, kind: RecordType, value: &str, weight: Option<u8>) -> RecordSet {
        RecordSet {
            name: name.parse().unwrap(),
            kind,
            set_identifier: weight.map(|_| value.to_owned()),
            weight,
            ttl: Some(60),
            values: vec![value.to_owned()],
            alias: None,
            health_check_id: None,
            rest: Vec::new(),
        }
    }

    #[test]
    fn a_name_is_left_unless_its_records_here_lead_elsewhere() {
        let (origin, successor) = ("x.us-east-1.awsapprunner.com", "alb.us-east-1.elb.amazonaws.com");
        let name = "www.example.com";
        let cname = |value, weight| record(name, RecordType::Cname, value, weight);
        let unknown = Some("www.example.com (has no record in this zone, so it cannot be told)".to_owned());
        for (records, expected) in [
            (vec![cname(origin, None)], Some(name.to_owned())),
            (vec![cname(origin, Some(50)), cname(successor, Some(50))], Some(name.to_owned())),
            (vec![cname(origin, Some(0)), cname(successor, Some(100))], None),
            (vec![cname(successor, None)], None),
            (vec![], unknown.clone()),
            (vec![record(name, RecordType::Txt, "x", None)], unknown.clone()),
            (vec![record("w.example.com", RecordType::Cname, successor, None)], unknown),
        ] {
            assert_eq!(left(&name.parse().unwrap(), &records), expected, "{records:?}");
        }
    }
}
