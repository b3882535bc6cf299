//! What is left over, and what is not: pure, over an inventory.
//!
//! | finder | finds | what is done |
//! |---|---|---|
//! | endpoints | interface endpoints for requests that no ingress connection refers to | mark, grace, delete |
//! | ingress connections | those of a service that is gone | mark in the table, grace, delete |
//! | | `FAILED_*` ones of a living service | report |
//! | connectors | those that no service uses; they count against a quota of 10 | report |
//! | records | those of Route 53 that point to a host name of App Runner that no service has | report |
//! | failed services | `CREATE_FAILED` for days; they count against a quota of 30 | report |
//!
//! [`Never`] holds every reason to leave an endpoint alone. The second look before a deletion asks the same
//! function again, over fresh reads.

mod records;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use autopilot::{
    leftovers::{Endpoint, EndpointState, Ingress, IngressStatus, KEEP},
    service::ServiceStatus,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    inventory::Inventory,
    settings::Policy,
    state::{Facts, Kind},
};

/// A failed service is for `rebuild` at first; what still stands failed after this is reported.
const FAILED_FOR: SignedDuration = SignedDuration::from_hours(48);

/// Words in tags by which tools that own infrastructure call themselves.
const OWNERS: [&str; 5] = ["terraform", "opentofu", "pulumi", "cloudformation", "crossplane"];

/// Something that was looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// ID or ARN.
    pub id: String,
    /// What it is.
    pub kind: Kind,
    /// What is to be known of it.
    pub facts: Facts,
    /// Whether it bears a mark, readable or not.
    pub marked: bool,
    /// What it is found to be.
    pub verdict: Verdict,
}

/// What something is found to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// An orphan, to be marked and later deleted. The date of its mark, where it bears one that can be read.
    Orphan(Mark),
    /// Left over, but not ours to delete.
    Reported,
    /// Left alone.
    Never(Never),
}

/// The mark of an orphan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It bears none.
    Missing,
    /// It bears one that is no time.
    Unreadable,
    /// Orphaned since.
    Since(Timestamp),
    /// It cannot be tagged by us; the table alone remembers.
    InTable,
}

/// Why something is left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Never {
    /// It leads to another service, such as App Runner's control plane.
    OtherService(String),
    /// It is no interface endpoint.
    OtherKind(String),
    /// An AWS service made it and keeps it.
    RequesterManaged,
    /// Another account owns it, or nobody says who does.
    Foreign(Option<String>),
    /// It is not available: coming, going, gone or failed.
    State(EndpointState),
    /// A person keeps it, by tag or by command.
    Kept,
    /// It is too young, or nobody says how old it is.
    Young(Option<Timestamp>),
    /// This ingress connection refers to it.
    Referred(String),
    /// A stack or a tool owns it; the tag says which.
    StackOwned(String),
}

impl Finding {
    /// Why it should not bear the mark that it bears. What we may not touch keeps it.
    pub fn loses_its_mark(&self) -> Option<&Never> {
        match &self.verdict {
            Verdict::Never(why @ (Never::Kept | Never::Referred(_) | Never::StackOwned(_)))
                if self.marked =>
            {
                Some(why)
            }
            _ => None,
        }
    }
}

impl fmt::Display for Never {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherService(name) => write!(f, "it leads to {name}"),
            Self::OtherKind(kind) => write!(f, "it is of type {kind}"),
            Self::RequesterManaged => f.write_str("an AWS service manages it"),
            Self::Foreign(owner) => {
                write!(f, "it belongs to account {}", owner.as_deref().unwrap_or("unknown"))
            }
            Self::State(state) => write!(f, "its state is {state}"),
            Self::Kept => f.write_str("a person keeps it"),
            Self::Young(Some(at)) => write!(f, "it was created only at {at}"),
            Self::Young(None) => f.write_str("nothing tells how old it is"),
            Self::Referred(arn) => write!(f, "{arn} refers to it"),
            Self::StackOwned(tag) => write!(f, "its tag {tag} says that a tool owns it"),
        }
    }
}

/// By what things are judged.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// Settings.
    pub policy: &'a Policy,
    /// What a person keeps by command.
    pub kept: &'a BTreeSet<String>,
    /// The time.
    pub now: Timestamp,
}

/// Everything that was looked at, with a verdict.
pub fn find(inventory: &Inventory, rules: Rules<'_>) -> Vec<Finding> {
    let references = references(&inventory.ingress);
    let endpoints = inventory.endpoints.iter().map(|endpoint| {
        let referring = references.get(endpoint.id.as_str()).copied();
        Finding {
            id: endpoint.id.clone(),
            kind: Kind::Endpoint,
            facts: Facts { vpc: Some(endpoint.vpc.clone()), zones: endpoint.zones, ..Facts::default() },
            marked: mark_of(endpoint) != Mark::Missing,
            verdict: judge_endpoint(endpoint, referring, rules),
        }
    });
    let connections = inventory.ingress.iter().filter_map(|ingress| connection(ingress, inventory, rules));
    endpoints
        .chain(connections)
        .chain(connectors(inventory, rules))
        .chain(failed(inventory, rules))
        .chain(records::dangling(inventory, rules))
        .collect()
}

/// For each endpoint, an ingress connection that refers to it in any status but DELETED.
pub fn references(ingress: &[Ingress]) -> BTreeMap<&str, &str> {
    let living = ingress.iter().filter(|ingress| ingress.status != IngressStatus::Deleted);
    living.filter_map(|ingress| Some((ingress.endpoint.as_deref()?, ingress.arn.as_str()))).collect()
}

/// What an endpoint is found to be; `referring` is an ingress connection that refers to it.
pub fn judge_endpoint(endpoint: &Endpoint, referring: Option<&str>, rules: Rules<'_>) -> Verdict {
    let policy = rules.policy;
    let never = if endpoint.service_name != policy.requests_service() {
        Never::OtherService(endpoint.service_name.clone())
    } else if endpoint.kind != "Interface" {
        Never::OtherKind(endpoint.kind.clone())
    } else if endpoint.requester_managed {
        Never::RequesterManaged
    } else if endpoint.owner.as_deref() != Some(&policy.account) {
        Never::Foreign(endpoint.owner.clone())
    } else if endpoint.state != EndpointState::Available {
        Never::State(endpoint.state.clone())
    } else if is_kept(endpoint) || rules.kept.contains(&endpoint.id) {
        Never::Kept
    } else if let Some(arn) = referring {
        Never::Referred(arn.to_owned())
    } else if !is_old(endpoint.created_at, rules) {
        Never::Young(endpoint.created_at)
    } else if let Some(tag) = owner_tag(endpoint) {
        Never::StackOwned(tag.to_owned())
    } else {
        return Verdict::Orphan(mark_of(endpoint));
    };
    Verdict::Never(never)
}

/// The mark that an endpoint bears.
pub fn mark_of(endpoint: &Endpoint) -> Mark {
    match endpoint.tags.get(autopilot::leftovers::MARK).map(|value| value.parse()) {
        None => Mark::Missing,
        Some(Err(_)) => Mark::Unreadable,
        Some(Ok(since)) => Mark::Since(since),
    }
}

/// Only the plain word `false` says that a tag to keep does not mean it.
fn is_kept(endpoint: &Endpoint) -> bool {
    endpoint.tags.get(KEEP).is_some_and(|value| value != "false")
}

/// AWS's own tags come from stacks, products and the like; others are known by the tools' names.
fn owner_tag(endpoint: &Endpoint) -> Option<&str> {
    let owns = |(key, value): &(&String, &String)| {
        let (key, value) = (key.to_lowercase(), value.to_lowercase());
        let by_tool = OWNERS.iter().any(|owner| key.contains(owner) || value.contains(owner));
        key.starts_with("aws:") || by_tool
    };
    endpoint.tags.iter().find(owns).map(|(key, _)| key.as_str())
}

fn is_old(created_at: Option<Timestamp>, rules: Rules<'_>) -> bool {
    let least =
        SignedDuration::try_from(rules.policy.minimum_age.as_duration()).unwrap_or(SignedDuration::MAX);
    created_at.is_some_and(|at| rules.now.duration_since(at) >= least)
}

/// A connection that is left over: orphaned where its service is gone, reported where App Runner gave it up.
fn connection(ingress: &Ingress, inventory: &Inventory, rules: Rules<'_>) -> Option<Finding> {
    let service = inventory.services.iter().find(|service| service.arn.as_str() == ingress.service);
    let alive = service.is_some_and(|service| service.status != ServiceStatus::Deleted);
    let verdict = if alive {
        Verdict::Reported
    } else if rules.kept.contains(&ingress.arn) {
        Verdict::Never(Never::Kept)
    } else {
        Verdict::Orphan(Mark::InTable)
    };
    let wanted = if alive { ingress.status.is_failed() } else { ingress.status.can_be_deleted() };
    // Whether another account's service is there is not ours to see.
    let ours = [&ingress.arn, &ingress.service].iter().all(|arn| is_ours(arn, rules.policy));
    let about = format!("of service {}, {}", ingress.service, ingress.status);
    (wanted && ours && is_old(ingress.created_at, rules)).then(|| Finding {
        id: ingress.arn.clone(),
        kind: Kind::Ingress,
        facts: Facts { vpc: ingress.vpc.clone(), about: Some(about), ..Facts::default() },
        marked: false,
        verdict,
    })
}

/// True for the ARN of an App Runner resource of this account and Region.
fn is_ours(arn: &str, policy: &Policy) -> bool {
    let sections: Vec<&str> = arn.splitn(6, ':').collect();
    matches!(sections[..], [_, _, "apprunner", region, account, _] if region == policy.region && account == policy.account)
}

fn connectors<'a>(inventory: &'a Inventory, rules: Rules<'a>) -> impl Iterator<Item = Finding> + 'a {
    let unused = inventory.connectors.iter().filter(move |connector| {
        !inventory.used_connectors.contains(&connector.arn) && is_old(connector.created_at, rules)
    });
    let unused = unused.filter(move |connector| !rules.kept.contains(&connector.arn));
    unused.map(|connector| reported(&connector.arn, Kind::Connector, "no service uses it".to_owned()))
}

fn failed<'a>(inventory: &'a Inventory, rules: Rules<'a>) -> impl Iterator<Item = Finding> + 'a {
    inventory.services.iter().filter_map(move |service| {
        let since = service.updated_at.filter(|_| service.status == ServiceStatus::CreateFailed)?;
        let kept = rules.kept.contains(service.arn.as_str());
        (rules.now.duration_since(since) >= FAILED_FOR && !kept).then(|| {
            reported(service.arn.as_str(), Kind::FailedService, format!("CREATE_FAILED since {since}"))
        })
    })
}

fn reported(id: &str, kind: Kind, about: String) -> Finding {
    let facts = Facts { about: Some(about), ..Facts::default() };
    Finding { id: id.to_owned(), kind, facts, marked: false, verdict: Verdict::Reported }
}

#[cfg(test)]
mod tests;
