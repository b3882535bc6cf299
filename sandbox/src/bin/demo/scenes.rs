//! The scenes of the demo, in order.

use std::{
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use sandbox::{
    aws::{Fault, Outcome, Script, apprunner::ServiceSpec, ecr::ImageSpec, sns::Message},
    host::router::Disturbance,
    stage::Stage,
};
use serde_json::{Value, json};

use crate::{cleanup, rebuild, rollback, shift, timeline::Timeline};

const OPERATIONS: [&str; 6] =
    ["CreateService", "DeleteService", "UpdateService", "Deployment", "PauseService", "ResumeService"];
const STAGES: [&str; 3] = ["Started", "CompletedSuccessfully", "Failed"];
const STATUSES: [&str; 6] =
    ["CREATE_FAILED", "RUNNING", "DELETED", "DELETE_FAILED", "PAUSED", "OPERATION_IN_PROGRESS"];
const ACCOUNT: &str = "123456789012";

/// Plays them all.
pub(crate) async fn all(stage: &Stage, root: &Path) -> Result<()> {
    let [checkout, basket] = rollback::install(stage).await?;
    guide_samples(stage, root).await?;
    every_status(stage).await;
    failed_deployment(stage).await?;
    lost_events(stage).await?;
    silent_topic(stage).await?;
    rebuild::failed_creation(stage).await?;
    rollback::bad_deployment(stage, &checkout).await?;
    rollback::bad_version(stage, &basket).await?;
    cleanup::orphaned_endpoint(stage).await?;
    shift::scenes(stage).await?;
    println!("\nThat was the sandbox: no AWS account was touched. Install it: README.md.");
    Ok(())
}

/// Begins a scene; they are numbered as they come.
pub(crate) fn title(text: &str) {
    static SCENES: AtomicUsize = AtomicUsize::new(1);
    println!("\n=== {}. {text}\n", SCENES.fetch_add(1, Ordering::Relaxed));
}

/// Messages to people so far.
fn alerts(stage: &Stage) -> Vec<Message> {
    stage.account.messages().into_iter().filter(|message| message.subject.is_some()).collect()
}

async fn guide_samples(stage: &Stage, root: &Path) -> Result<()> {
    title("The two sample events of App Runner's guide: good news, so nobody is told");
    for name in ["guide-service-status.json", "guide-operation-status.json"] {
        let file = root.join("events/notify").join(name);
        let event: Value = serde_json::from_str(&std::fs::read_to_string(&file)?)?;
        stage.account.bus().put(event);
        stage.settle().await;
        let delivery = stage.host.router.deliveries().pop().context("the template has a rule for it")?;
        let answer = match delivery.outcome {
            sandbox::host::router::Outcome::Done(done) => done.last().and_then(|result| result.json().ok()),
            _ => None,
        };
        let reason = answer.as_ref().and_then(|answer| answer["reason"].as_str()).unwrap_or("not delivered");
        println!("  {name:<30} rule {:<15} notify: {reason}", delivery.rule);
    }
    Ok(())
}

/// Every documented word, each for a service of its own, delivered three times.
async fn every_status(stage: &Stage) {
    title("All 18 operation statuses and 6 service statuses, each delivered three times");
    let operations = OPERATIONS.iter().flat_map(|op| STAGES.map(|stage| format!("{op}{stage}")));
    let operations =
        operations.map(|word| ("AppRunner Service Operation Status Change", "operationStatus", word));
    let statuses =
        STATUSES.map(|word| ("AppRunner Service Status Change", "currentServiceStatus", word.to_owned()));
    let (mut told, mut quiet) = (Vec::new(), Vec::new());
    for (number, (detail_type, field, word)) in operations.chain(statuses).enumerate() {
        let before = alerts(stage).len();
        let arn = format!("arn:aws:apprunner:us-east-1:123456789012:service/sample-{number}/{number:032x}");
        let event = json!({
            "version": "0", "id": format!("00000000-0000-4000-8000-{number:012}"), "source": "aws.apprunner",
            "account": "123456789012", "time": "2026-11-20T09:00:00Z", "region": "us-east-1",
            "detail-type": detail_type, "resources": [arn],
            "detail": {field: word, "serviceName": format!("sample-{number}"), "serviceId": format!("{number:032x}")},
        });
        for _ in 0..3 {
            stage.account.bus().put(event.clone());
            stage.settle().await;
        }
        match alerts(stage).len() - before {
            0 => quiet.push(word),
            1 => told.push(word),
            more => println!("  {word}: told {more} times, which is a bug"),
        }
    }
    println!("  told once:  {}\n  not told:   {}", told.join(", "), quiet.join(", "));
}

async fn failed_deployment(stage: &Stage) -> Result<()> {
    title("A deployment fails; App Runner rolls back by itself; the next one succeeds");
    let arn = service(stage, "orders", "linux/arm64")?;
    let crash = Script::new(Outcome::FailThenRollBack)
        .application_log(["Starting orders 7.0.1", "exec /usr/local/bin/orders: exec format error"]);
    stage.account.script(&arn, crash);
    let before = alerts(stage).len();
    let mut timeline = Timeline::new(stage);
    deploy(stage, &arn)?;
    stage.settle().await;
    timeline.print();
    if let Some(alert) = alerts(stage).get(before) {
        println!("\n  The first message:\n");
        for line in alert.message.lines() {
            println!("    | {line}");
        }
    }
    println!();
    deploy(stage, &arn)?;
    stage.settle().await;
    timeline.print();
    Ok(())
}

async fn lost_events(stage: &Stage) -> Result<()> {
    title("EventBridge loses every event of a failure; the reconciliation finds it");
    reconcile(stage).await?;
    let arn = service(stage, "invoices", "linux/amd64")?;
    stage.account.script(&arn, Outcome::RollbackFails);
    // Of a deployment the rules want two: that it failed, and that the service runs again.
    stage.host.router.disturb(2, Disturbance::Lose);
    let mut timeline = Timeline::new(stage);
    deploy(stage, &arn)?;
    stage.settle().await;
    timeline.print();
    println!("    ...          nobody was told; minutes later the schedule says: reconcile");
    reconcile(stage).await?;
    timeline.print();
    Ok(())
}

async fn silent_topic(stage: &Stage) -> Result<()> {
    title("SNS is down while an alert is to go out; it goes out once SNS is back");
    let arn = service(stage, "mailer", "linux/amd64")?;
    stage.account.script(&arn, Outcome::FailThenRollBack);
    stage.account.faults().next("sns", "Publish", 6, Fault::ServerError);
    let mut timeline = Timeline::new(stage);
    deploy(stage, &arn)?;
    stage.settle().await;
    timeline.print();
    Ok(())
}

/// A running service, with its image for this platform and the role that pulls it.
fn service(stage: &Stage, name: &str, platform: &str) -> Result<String> {
    stage.account.services().create(specification(stage, name, platform))
}

/// What such a service is made of.
pub(crate) fn specification(stage: &Stage, name: &str, platform: &str) -> ServiceSpec {
    let image = ImageSpec {
        platforms: vec![platform.to_owned()],
        bytes: 90_000_000,
        exposed_ports: vec![8080],
        pushed_at: Timestamp::UNIX_EPOCH,
    };
    stage.account.ecr().push(ACCOUNT, name, "v7", &image);
    stage.account.iam().add_role("access", "build.apprunner.amazonaws.com", Timestamp::UNIX_EPOCH);
    let image = format!("{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/{name}:v7");
    ServiceSpec::image(name, &image)
}

fn deploy(stage: &Stage, arn: &str) -> Result<()> {
    let started = stage.account.deploy(arn);
    started.map(drop).map_err(|error| anyhow::anyhow!("the sandbox refused a deployment: {error:?}"))
}

async fn reconcile(stage: &Stage) -> Result<()> {
    stage.host.lambda.invoke("NotifyFunction", r#"{"command":"reconcile"}"#).await?;
    stage.settle().await;
    Ok(())
}
