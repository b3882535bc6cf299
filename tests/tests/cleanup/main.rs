//! `cleanup` end to end: the real binary, under the template's rules and parameters, against the sandbox.
//!
//! A wrong deletion is the worst that this product can do. `nevers` holds a test for each way to it, `races` for each
//! moment in which an endpoint can be taken into use, `crashes` for a death at every call.

mod calls;
mod crashes;
mod finders;
mod nevers;
mod races;
mod reports;

use std::time::Duration;

use anyhow::{Context as _, Result};
use autopilot_tests::{NOTIFY, ask, hosting, records, root, stage_of};
use jiff::{SignedDuration, Timestamp};
use sandbox::{
    aws::{
        self,
        apprunner::{IngressStatus, ServiceSpec},
        ec2::endpoints::EndpointSpec,
    },
    stage::Stage,
};
use serde_json::{Value, json};

/// The function's logical ID, and the caller in the account's log of requests.
pub(crate) const CLEANUP: &str = "CleanupFunction";

pub(crate) const MARK: &str = "apprunner-autopilot:orphaned-since";

/// The calls that change something in the account.
const MUTATIONS: [&str; 4] = ["CreateTags", "DeleteTags", "DeleteVpcEndpoints", "DeleteVpcIngressConnection"];

/// A stage on which orphans are deleted one second after they were marked.
pub(crate) async fn stage() -> Result<Stage> {
    stage_with(&[], aws::Options::default()).await
}

pub(crate) async fn stage_with(more: &[(&str, &str)], account: aws::Options) -> Result<Stage> {
    let usual = [("CleanupMode", "on"), ("GracePeriod", "1s"), ("MinimumAge", "1h")];
    stage_of(&[usual.as_slice(), more].concat(), account, &hosting(&[CLEANUP, NOTIFY])).await
}

/// The events under events/cleanup that come over the bus, by name.
pub(crate) fn bus_events() -> Result<Vec<(String, Value)>> {
    let mut events = Vec::new();
    for entry in std::fs::read_dir(root().join("events/cleanup"))? {
        let path = entry?.path();
        let event: Value = serde_json::from_str(&std::fs::read_to_string(&path)?)?;
        if event.get("source").is_some() {
            events.push((path.display().to_string(), event));
        }
    }
    Ok(events)
}

pub(crate) fn long_ago() -> Timestamp {
    Timestamp::now_in_tests() - SignedDuration::from_hours(30 * 24)
}

/// The machine's clock, which the functions run by.
trait Now {
    fn now_in_tests() -> Timestamp;
}

impl Now for Timestamp {
    #[expect(clippy::disallowed_methods, reason = "the functions under test run by the machine's clock")]
    fn now_in_tests() -> Timestamp {
        Timestamp::now()
    }
}

/// An endpoint for requests, old enough to be marked.
pub(crate) fn endpoint(id: &str) -> EndpointSpec {
    EndpointSpec::requests(id, long_ago())
}

/// An endpoint that a running service uses.
pub(crate) fn used_endpoint(stage: &Stage, id: &str, status: IngressStatus) -> Result<String> {
    stage.account.ec2().add_endpoint(endpoint(id));
    let service =
        stage.account.services().create(ServiceSpec::image(&format!("of-{id}"), autopilot_tests::IMAGE))?;
    Ok(connect(stage, &service, id, status))
}

/// Connects a service with an endpoint, long ago.
pub(crate) fn connect(stage: &Stage, service: &str, id: &str, status: IngressStatus) -> String {
    let clock = stage.account.clock();
    clock.set_offset(SignedDuration::from_hours(-29 * 24));
    let services = stage.account.services();
    let arn = services.add_ingress(&format!("in-{id}"), service, "vpc-0123456789abcdef0", id, status);
    clock.set_offset(SignedDuration::ZERO);
    arn
}

pub(crate) async fn command(stage: &Stage, command: Value) -> Result<Value> {
    let answer = ask(stage, CLEANUP, &command).await?;
    stage.settle().await;
    Ok(answer)
}

pub(crate) async fn run(stage: &Stage) -> Result<Value> {
    let answer = command(stage, json!({"command": "run"})).await?;
    assert_eq!(answer["ok"], true, "{answer}");
    Ok(answer)
}

/// Lets the grace period pass.
pub(crate) async fn grace() {
    tokio::time::sleep(Duration::from_millis(1_100)).await;
}

/// The IDs of the endpoints that are still there.
pub(crate) fn living(stage: &Stage) -> Vec<String> {
    stage.account.ec2().living_endpoints().into_iter().map(|endpoint| endpoint.id).collect()
}

pub(crate) fn is_marked(stage: &Stage, id: &str) -> bool {
    stage.account.ec2().endpoint_tags(id).contains_key(MARK)
}

/// The changing calls that the function made, with what was refused or not answered.
pub(crate) fn mutations(stage: &Stage) -> Vec<String> {
    let calls = stage.account.requests().by(CLEANUP).into_iter();
    calls.map(|call| call.operation).filter(|operation| MUTATIONS.contains(&operation.as_str())).collect()
}

/// What was to be deleted, one entry a resource and call.
pub(crate) fn deletions(stage: &Stage) -> Vec<String> {
    let calls = stage.account.requests().by(CLEANUP).into_iter();
    let deleting =
        calls.filter(|call| call.operation.starts_with("Delete") && call.operation != "DeleteTags");
    let resources = |call: sandbox::aws::RequestRecord| {
        let input = call.input.to_string();
        let texts = input.split('"').filter(|text| text.starts_with("vpce-") || text.starts_with("arn:"));
        texts.map(str::to_owned).collect::<Vec<_>>()
    };
    deleting.flat_map(resources).collect()
}

/// Every report, oldest first; one that was put twice counts once, as `announcement_id` says.
pub(crate) fn reports(stage: &Stage) -> Vec<Value> {
    let events = stage.account.events().into_iter();
    let ours = events.filter(|event| event["detail-type"] == "Autopilot Cleanup");
    let mut reports: Vec<Value> = ours.map(|event| event["detail"].clone()).collect();
    reports.dedup_by(|a, b| a["announcement_id"] == b["announcement_id"]);
    reports
}

pub(crate) fn told(stage: &Stage) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    reports(stage).iter().map(|detail| (text(&detail["phase"]), text(&detail["reason"]))).collect()
}

/// A stage with one endpoint that was marked and whose grace period has passed.
pub(crate) async fn due() -> Result<Stage> {
    let stage = stage().await?;
    stage.account.ec2().add_endpoint(endpoint("vpce-0a1"));
    run(&stage).await?;
    assert!(is_marked(&stage, "vpce-0a1"), "the first run marks");
    grace().await;
    Ok(stage)
}

/// Asserts that the function made no call that its policy does not allow, and that nothing was left untold.
pub(crate) fn assert_well(stage: &Stage) -> Result<()> {
    autopilot_tests::calls::assert_allowed(stage)?;
    records::assert_told(stage)?;
    let given_up = stage.host.lambda.destination_records();
    assert!(given_up.is_empty(), "events were given up: {given_up:#?}");
    Ok(())
}

/// The report of this reason.
pub(crate) fn report(stage: &Stage, reason: &str) -> Result<Value> {
    let found = reports(stage).into_iter().rfind(|detail| detail["reason"] == reason);
    found.with_context(|| format!("no report of {reason} in {:?}", told(stage)))
}
