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

/// Other names of the service's domains, `www` included, whose records in the zone still lead to App Runner.
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
    let leading = records.iter().filter(|record| leads_to_app_runner(record));
    let mut left: Vec<String> = leading.map(|record| record.name.to_string()).collect();
    left.dedup();
    Ok(left)
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
    is_pointer(&record.kind) && is_answered && target.trim_end_matches('.').ends_with(".awsapprunner.com")
}
