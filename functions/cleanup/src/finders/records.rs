//! Records of Route 53 that dangle: they point to a host name of App Runner in this Region that no service has.
//!
//! Whoever gets that host name gets their traffic. They are reported with the command that removes them exactly as
//! they are; who else reads the zone is not known here, so they are never deleted.

use std::collections::BTreeSet;

use autopilot::{
    dns::{HostedZoneId, RecordName, RecordSet, RecordType},
    service::ServiceStatus,
};
use serde_json::{Value, json};

use super::{Finding, Rules, Verdict};
use crate::{
    inventory::Inventory,
    state::{Facts, Kind},
};

/// Records that point to a host name of App Runner which no service and no ingress connection has.
pub(super) fn dangling<'a>(inventory: &'a Inventory, rules: Rules<'a>) -> impl Iterator<Item = Finding> + 'a {
    let suffix = format!(".{}.awsapprunner.com.", rules.policy.region);
    let living = inventory.services.iter().filter(|service| service.status != ServiceStatus::Deleted);
    let hosts = living.filter_map(|service| service.url.as_deref());
    let private = inventory.ingress.iter().filter_map(|ingress| ingress.domain.as_deref());
    let known: BTreeSet<RecordName> = hosts.chain(private).filter_map(|host| host.parse().ok()).collect();
    inventory.records.iter().filter_map(move |(zone, record)| {
        let target = targets(record)
            .into_iter()
            .find(|target| target.as_str().ends_with(&suffix) && !known.contains(target))?;
        let id = id(zone, record);
        let facts = Facts {
            about: Some(format!("points to {target}, which no service has")),
            removal: removal(zone, record),
            ..Facts::default()
        };
        let kept = rules.kept.contains(&id);
        (!kept).then_some(Finding {
            id,
            kind: Kind::Record,
            facts,
            marked: false,
            verdict: Verdict::Reported,
        })
    })
}

/// The names that a record leads to.
fn targets(record: &RecordSet) -> Vec<RecordName> {
    let alias = record.alias.iter().map(|alias| alias.dns_name.clone());
    let is_cname = record.kind == RecordType::Cname;
    let values = record.values.iter().filter(|_| is_cname).filter_map(|value| value.parse().ok());
    alias.chain(values).collect()
}

fn id(zone: &HostedZoneId, record: &RecordSet) -> String {
    let set = record.set_identifier.as_deref().map(|set| format!("/{set}")).unwrap_or_default();
    format!("{zone}/{}/{}{set}", record.name, record.kind)
}

/// The command that removes a record; none for one with attributes that would have to be repeated exactly and are
/// not all known here.
fn removal(zone: &HostedZoneId, record: &RecordSet) -> Option<String> {
    if !record.rest.is_empty() {
        return None;
    }
    let mut set = json!({"Name": record.name.as_str(), "Type": record.kind});
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            set[name] = value;
        }
    };
    put("SetIdentifier", record.set_identifier.clone().map(Value::from));
    put("Weight", record.weight.map(Value::from));
    put("TTL", record.ttl.map(Value::from));
    put("HealthCheckId", record.health_check_id.clone().map(Value::from));
    let values: Vec<Value> = record.values.iter().map(|value| json!({"Value": value})).collect();
    put("ResourceRecords", (!values.is_empty()).then_some(Value::Array(values)));
    let alias = record.alias.as_ref().map(|alias| {
        json!({"DNSName": alias.dns_name.as_str(), "HostedZoneId": alias.hosted_zone_id.as_str(),
               "EvaluateTargetHealth": alias.evaluate_target_health})
    });
    put("AliasTarget", alias);
    let batch = json!({"Changes": [{"Action": "DELETE", "ResourceRecordSet": set}]});
    // A quote would end the shell's word.
    (!batch.to_string().contains('\'')).then(|| {
        format!("aws route53 change-resource-record-sets --hosted-zone-id {zone} --change-batch '{batch}'")
    })
}

#[cfg(test)]
mod tests;
