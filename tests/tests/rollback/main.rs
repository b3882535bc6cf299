//! `rollback` through its real binary: what it changes, what it leaves alone, and what is told.

mod deaths;
mod guards;
mod limits;
mod reads;
mod situations;

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context as _, Result, ensure};
use autopilot_tests::{
    IMAGE, NOTIFY, ROLLBACK, app_runner, ask, assert_well, calls,
    crash::{Deadly, Moment},
    hosting,
    records::assert_told,
    stage_of, start_deployment,
};
use jiff::{SignedDuration, Timestamp};
use sandbox::{
    aws::{
        Options, Outcome, Script,
        apprunner::{ServiceSpec, ServiceStatus},
        ecr::ImageSpec,
    },
    host::{self, router::Disturbance},
    stage::Stage,
};
use serde_json::{Value, json};

/// Periods that a test can wait for.
const SHORT: [(&str, &str); 3] =
    [("SettleTime", "1s"), ("RollbackCoolDown", "1s"), ("AnalysisFailureLimit", "1")];
const NEXT: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/orders:v8";

fn both() -> host::Options {
    hosting(&[ROLLBACK, NOTIFY])
}

fn parameters<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    SHORT.iter().chain(more).copied().collect()
}

async fn stage(more: &[(&str, &str)]) -> Result<Stage> {
    let stage = stage_of(&parameters(more), Options::default(), &both()).await?;
    furnish(&stage);
    Ok(stage)
}

fn furnish(stage: &Stage) {
    for (tag, bytes) in [("v7", 50_000_000), ("v8", 60_000_000)] {
        push(stage, tag, bytes);
    }
    stage.account.iam().add_role("access", "build.apprunner.amazonaws.com", Timestamp::UNIX_EPOCH);
}

fn push(stage: &Stage, tag: &str, bytes: u64) {
    let platforms = vec!["linux/amd64".to_owned()];
    let image = ImageSpec { platforms, bytes, exposed_ports: vec![8080], pushed_at: Timestamp::UNIX_EPOCH };
    stage.account.ecr().push("123456789012", "orders", tag, &image);
}

/// A service that runs, with a recorded version.
async fn service(stage: &Stage) -> Result<String> {
    let arn = stage.account.services().create(ServiceSpec::image("orders", IMAGE))?;
    command(stage, "reconcile").await?;
    Ok(arn)
}

async fn command(stage: &Stage, name: &str) -> Result<Value> {
    let answer = ask(stage, ROLLBACK, &json!({"command": name})).await?;
    stage.settle().await;
    Ok(answer)
}

async fn about(stage: &Stage, name: &str, arn: &str, more: Value) -> Result<Value> {
    let mut command = json!({"command": name, "service_arn": arn});
    for (name, value) in more.as_object().into_iter().flatten() {
        command[name] = value.clone();
    }
    let answer = ask(stage, ROLLBACK, &command).await?;
    stage.settle().await;
    Ok(answer)
}

/// Ticks until the settle time and all that follows are over.
async fn ticks(stage: &Stage) -> Result<()> {
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    for _ in 0..4 {
        command(stage, "tick").await?;
    }
    Ok(())
}

fn update(stage: &Stage, arn: &str, image: &str, port: &str) -> Result<()> {
    let input = json!({"ServiceArn": arn, "SourceConfiguration": {
        "AutoDeploymentsEnabled": true,
        "AuthenticationConfiguration": {"AccessRoleArn": "arn:aws:iam::123456789012:role/access"},
        "ImageRepository": {"ImageIdentifier": image, "ImageRepositoryType": "ECR",
                            "ImageConfiguration": {"Port": port}}}});
    app_runner(stage, "UpdateService", &input).map(drop)
}

fn changes(stage: &Stage) -> Vec<String> {
    calls::changes(stage, ROLLBACK)
}

/// Phase and reason of what was announced, in order; what the bus got twice counts once.
fn announced(stage: &Stage) -> Vec<String> {
    let events = stage.account.events().into_iter();
    let mut ids = BTreeSet::new();
    let ours = events
        .filter(|event| event["detail-type"] == "Autopilot Rollback")
        .filter(|event| ids.insert(event["detail"]["announcement_id"].to_string()));
    let word = |event: &Value, name: &str| event["detail"][name].as_str().unwrap_or_default().to_owned();
    ours.map(|event| format!("{} {}", word(&event, "phase"), word(&event, "reason"))).collect()
}

/// What the function itself asked App Runner to become.
fn sent(stage: &Stage) -> Vec<Value> {
    let calls = stage.account.requests().by(ROLLBACK).into_iter();
    calls.filter(|call| call.operation == "UpdateService").map(|call| call.input).collect()
}
