//! Deletions of endpoints: only marked orphans of our own, after their grace period, and few at once.

use jiff::{SignedDuration, Timestamp};
use sandbox::aws::{RequestRecord, Sandbox, ec2::endpoints::EndpointSpec, service::Service as _};
use serde_json::{Value, json};

use super::{Invariant, State};

/// `GracePeriod`, and the caps of a run, as the simulation installs them.
const GRACE: SignedDuration = SignedDuration::from_hours(24);
const MOST: usize = 5;

const KEEP: &str = "apprunner-autopilot:keep";
const MARK: &str = "apprunner-autopilot:orphaned-since";

impl State {
    pub(super) fn before_endpoints(&mut self, account: &Sandbox, record: &RequestRecord, now: Timestamp) {
        self.stop_is_obeyed(&record.operation, now);
        let ids = texts(
            &record.input,
            if record.operation == "DeleteVpcEndpoints" { "VpcEndpointId" } else { "ResourceId" },
        );
        let living = account.ec2().living_endpoints();
        let used = used(account);
        for id in &ids {
            let Some(endpoint) = living.iter().find(|endpoint| endpoint.id == *id) else { continue };
            if record.operation != "DeleteVpcEndpoints" {
                continue;
            }
            let fresh = self.is_fresh(id, now);
            let objection = objection(endpoint, now).filter(|_| !fresh);
            self.check(Invariant::Keep, objection.is_none(), now, || {
                format!("{id} is deleted: {objection:?}")
            });
            let in_use = used.contains(id) && !fresh;
            self.check(Invariant::EndpointInUse, !in_use, now, || format!("{id} is deleted and used"));
        }
        if record.operation == "DeleteVpcEndpoints" {
            let allowed = (living.len() / 4).clamp(1, MOST);
            self.check(Invariant::Keep, ids.len() <= allowed, now, || {
                format!("{} of {} are deleted at once", ids.len(), living.len())
            });
        }
    }
}

/// What speaks against a deletion.
fn objection(endpoint: &EndpointSpec, now: Timestamp) -> Option<String> {
    let marked = endpoint.tags.get(MARK).and_then(|since| since.parse::<Timestamp>().ok());
    let rules = [
        (endpoint.requester_managed, "an AWS service manages it"),
        (endpoint.owner != "123456789012", "another account owns it"),
        (
            endpoint.kind != "Interface" || !endpoint.service.ends_with(".apprunner.requests"),
            "it is another kind",
        ),
        (endpoint.tags.get(KEEP).is_some_and(|keep| keep == "true"), "it is to be kept"),
        (marked.is_none(), "it has no mark"),
        (marked.is_some_and(|since| now.duration_since(since) < GRACE), "its grace period is not over"),
    ];
    rules.into_iter().find(|(applies, _)| *applies).map(|(_, why)| why.to_owned())
}

/// The endpoints that an ingress connection of any status but DELETED leads to.
fn used(account: &Sandbox) -> Vec<String> {
    let list = account.services().call("ListVpcIngressConnections", &json!({})).unwrap_or_default();
    let summaries = list["VpcIngressConnectionSummaryList"].as_array().cloned().unwrap_or_default();
    let described = summaries.iter().filter_map(|summary| {
        let input = json!({ "VpcIngressConnectionArn": summary["VpcIngressConnectionArn"] });
        account.services().call("DescribeVpcIngressConnection", &input).ok()
    });
    let described = described.map(|answer| answer["VpcIngressConnection"].clone());
    let living = described.filter(|connection| connection["Status"] != "DELETED");
    living
        .filter_map(|connection| {
            Some(connection["IngressVpcConfiguration"]["VpcEndpointId"].as_str()?.to_owned())
        })
        .collect()
}

/// A list of EC2's Query protocol, one element or several.
fn texts(input: &Value, member: &str) -> Vec<String> {
    match &input[member] {
        Value::String(one) => vec![one.clone()],
        Value::Array(several) => several.iter().filter_map(|one| Some(one.as_str()?.to_owned())).collect(),
        _ => Vec::new(),
    }
}
