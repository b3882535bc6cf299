//! `rollback` through its real binary: what it changes, what it leaves alone, and what is told.

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

#[tokio::test]
async fn every_end_of_an_operation_has_its_plan() -> Result<()> {
    const RECOVERED: &[&str] = &["skipped recovered-by-app-runner"];
    const UNDONE: &[&str] = &["started native-rollback-failed", "succeeded verified"];
    const ATTEMPT: &[&str] = &["started failed-attempt-still-configured", "succeeded verified"];
    for (deploys, outcome, updates, expected) in [
        (true, Outcome::FailThenRollBack, 0, RECOVERED),
        (true, Outcome::RollbackFails, 1, UNDONE),
        (true, Outcome::Fail, 0, RECOVERED),
        (true, Outcome::Succeed, 0, &[][..]),
        (false, Outcome::FailThenRollBack, 0, RECOVERED),
        (false, Outcome::RollbackFails, 1, UNDONE),
        (false, Outcome::Fail, 1, ATTEMPT),
        (false, Outcome::FailReverted, 0, RECOVERED),
        (false, Outcome::Succeed, 0, &[]),
    ] {
        for lost in [false, true] {
            let stage = stage(&[("RollbackMode", "on"), ("BakeTime", "1s")]).await?;
            let arn = service(&stage).await?;
            if lost {
                stage.host.router.disturb(10_000, Disturbance::Lose);
            }
            stage.account.script(&arn, Script::new(outcome));
            if deploys {
                start_deployment(&stage, &arn)?;
            } else {
                update(&stage, &arn, NEXT, "9090")?;
            }
            stage.settle().await;
            if lost {
                command(&stage, "reconcile").await?;
            }
            ticks(&stage).await?;
            let case = format!("deployment: {deploys}, {outcome:?}, events lost: {lost}");
            assert_eq!(announced(&stage), expected, "{case}");
            assert_eq!(changes(&stage).len(), updates, "{case}: {:?}", changes(&stage));
            for input in sent(&stage) {
                let source = &input["SourceConfiguration"];
                let image = source["ImageRepository"]["ImageIdentifier"].as_str().unwrap_or_default();
                ensure!(image.contains("/orders@sha256:"), "{case}: by digest: {image}");
                assert_eq!(source["AutoDeploymentsEnabled"], false, "{case}");
                assert_eq!(input["NetworkConfiguration"]["EgressConfiguration"]["EgressType"], "DEFAULT");
                assert_eq!(input["ObservabilityConfiguration"]["ObservabilityEnabled"], false);
            }
            assert_eq!(command(&stage, "tick").await?, json!({"ok": true, "open": 0, "failed": 0}), "{case}");
            if !lost {
                assert_well(&stage)?;
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_version_that_fails_its_analysis_is_rolled_back_and_one_without_traffic_is_known_good() -> Result<()>
{
    for (errors, expected, standing) in
        [(60.0, vec!["started analysis-failed", "succeeded verified"], "bad"), (1.0, vec![], "baking")]
    {
        let stage = stage(&[("RollbackMode", "on"), ("BakeTime", "10m")]).await?;
        let arn = service(&stage).await?;
        stage.account.clock().set_offset(SignedDuration::from_mins(-5));
        update(&stage, &arn, NEXT, "8080")?;
        stage.settle().await;
        let at = stage.account.clock().now() + SignedDuration::from_mins(2);
        for (name, value) in [("Requests", 100.0), ("5xxStatusResponses", errors)] {
            stage.account.cloudwatch().put_service_metric(&arn, name, at, value);
        }
        stage.account.clock().set_offset(SignedDuration::ZERO);
        for _ in 0..3 {
            command(&stage, "tick").await?;
        }
        assert_eq!(announced(&stage), expected);
        assert_eq!(changes(&stage).len(), expected.len() / 2);
        let versions = about(&stage, "versions", &arn, json!({})).await?;
        assert_eq!(versions["versions"][1]["standing"], standing, "{versions:#}");
        assert_well(&stage)?;
    }
    let stage = stage(&[("RollbackMode", "on"), ("BakeTime", "1s")]).await?;
    let arn = service(&stage).await?;
    update(&stage, &arn, NEXT, "8080")?;
    stage.settle().await;
    ticks(&stage).await?;
    let versions = about(&stage, "versions", &arn, json!({})).await?;
    assert_eq!(versions["versions"][1]["standing"], "known-good", "{versions:#}");
    assert_eq!(versions["versions"][1]["evidence"], "none");
    assert_well(&stage)
}

#[tokio::test]
async fn dry_run_tells_its_plan_once_and_off_says_nothing_and_neither_writes() -> Result<()> {
    for (mode, expected) in [("dry-run", vec!["planned native-rollback-failed"]), ("off", vec![])] {
        let stage = stage(&[("RollbackMode", mode), ("BakeTime", "1s")]).await?;
        let arn = service(&stage).await?;
        stage.account.script(&arn, Script::new(Outcome::RollbackFails));
        update(&stage, &arn, NEXT, "9090")?;
        stage.settle().await;
        ticks(&stage).await?;
        assert_eq!(
            (announced(&stage), changes(&stage)),
            (expected.iter().map(ToString::to_string).collect(), vec![])
        );
        about(&stage, "rollback", &arn, json!({"force": true})).await?;
        assert_eq!(changes(&stage), Vec::<String>::new(), "a command changes nothing in {mode}");
        assert_well(&stage)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_stop_holds_and_go_lets_it_go_on() -> Result<()> {
    let stage = stage(&[("RollbackMode", "on"), ("BakeTime", "1s")]).await?;
    let arn = service(&stage).await?;
    command(&stage, "stop").await?;
    stage.account.script(&arn, Script::new(Outcome::RollbackFails));
    update(&stage, &arn, NEXT, "9090")?;
    stage.settle().await;
    ticks(&stage).await?;
    assert_eq!((changes(&stage), announced(&stage)), (vec![], vec!["held stopped".to_owned(); 2]));
    command(&stage, "go").await?;
    ticks(&stage).await?;
    assert_eq!(changes(&stage), ["UpdateService"].map(|name| format!("apprunner:{name}")));
    assert_eq!(announced(&stage).last().map(String::as_str), Some("succeeded verified"));
    assert_well(&stage)
}

#[tokio::test]
async fn what_stands_in_the_way_is_held_with_the_steps_for_a_person() -> Result<()> {
    for (guard, expected) in [
        ("role", "held would-widen-exposure"),
        ("image", "held image-gone"),
        ("version", "held no-known-good-version"),
    ] {
        let stage = stage(&[("RollbackMode", "on"), ("BakeTime", "1h")]).await?;
        let arn = match guard {
            "version" => stage.account.services().create(ServiceSpec::image("orders", IMAGE))?,
            _ => service(&stage).await?,
        };
        if guard == "image" {
            let versions = about(&stage, "versions", &arn, json!({})).await?;
            let digest = versions["versions"][0]["digest"].as_str().context("a pinned version")?.to_owned();
            stage.account.ecr().expire("123456789012", "orders", &digest);
        }
        stage.account.script(&arn, Script::new(Outcome::RollbackFails));
        if guard == "role" {
            let role = json!({"InstanceRoleArn": "arn:aws:iam::123456789012:role/other"});
            app_runner(&stage, "UpdateService", &json!({"ServiceArn": arn, "InstanceConfiguration": role}))?;
        } else {
            update(&stage, &arn, NEXT, "9090")?;
        }
        stage.settle().await;
        ticks(&stage).await?;
        assert_eq!((announced(&stage), changes(&stage)), (vec![expected.to_owned()], vec![]), "{guard}");
        if guard == "role" {
            about(&stage, "rollback", &arn, json!({"force": true})).await?;
            command(&stage, "tick").await?;
            assert_eq!(changes(&stage).len(), 1, "a person may force it");
        }
        assert_well(&stage)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_rollback_that_fails_is_told_and_never_tried_again() -> Result<()> {
    let stage = stage(&[("RollbackMode", "on"), ("BakeTime", "1h")]).await?;
    let arn = service(&stage).await?;
    for outcome in [Outcome::RollbackFails, Outcome::Fail] {
        stage.account.script(&arn, Script::new(outcome));
    }
    update(&stage, &arn, NEXT, "9090")?;
    stage.settle().await;
    ticks(&stage).await?;
    command(&stage, "reconcile").await?;
    ticks(&stage).await?;
    assert_eq!(announced(&stage), ["started native-rollback-failed", "failed own-rollback-failed"]);
    assert_eq!(changes(&stage).len(), 1);
    assert_well(&stage)
}

#[tokio::test]
async fn the_hold_tells_of_deployments_and_ends_by_release_or_by_somebodys_update() -> Result<()> {
    for releases in [true, false] {
        let stage = stage(&[("RollbackMode", "on"), ("BakeTime", "1h")]).await?;
        let arn = service(&stage).await?;
        stage.account.script(&arn, Script::new(Outcome::RollbackFails));
        start_deployment(&stage, &arn)?;
        stage.settle().await;
        ticks(&stage).await?;
        let mut expected = vec!["started native-rollback-failed", "succeeded verified"];
        assert_eq!(announced(&stage), expected);
        start_deployment(&stage, &arn)?;
        stage.settle().await;
        ticks(&stage).await?;
        expected.push("progressed nothing-new-deployed");
        assert_eq!(announced(&stage), expected);
        if releases {
            let refused = about(&stage, "release", &arn, json!({})).await?;
            assert_eq!((&refused["decision"], changes(&stage).len()), (&json!("hold"), 1), "{refused}");
            about(&stage, "release", &arn, json!({"force": true})).await?;
            ticks(&stage).await?;
            expected.extend([
                "held would-bring-back-the-bad-version",
                "started requested",
                "succeeded released",
            ]);
            let released = sent(&stage).pop().context("a release")?;
            assert_eq!(released["SourceConfiguration"]["ImageRepository"]["ImageIdentifier"], IMAGE);
        } else {
            update(&stage, &arn, NEXT, "8080")?;
            stage.settle().await;
            ticks(&stage).await?;
            expected.push("succeeded released");
        }
        assert_eq!(announced(&stage), expected);
        let status = command(&stage, "status").await?;
        assert_eq!(status["cases"][0]["held_at"], Value::Null, "{status:#}");
        let versions = about(&stage, "versions", &arn, json!({})).await?;
        assert_eq!(versions["versions"].as_array().map(Vec::len), Some(2), "{versions:#}");
        assert_well(&stage)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_paused_or_deleted_service_is_skipped() -> Result<()> {
    for (status, expected) in
        [(ServiceStatus::Paused, "skipped paused"), (ServiceStatus::Deleted, "skipped gone")]
    {
        let stage = stage(&[("RollbackMode", "on"), ("BakeTime", "1h")]).await?;
        let arn = service(&stage).await?;
        stage.account.script(&arn, Script::new(Outcome::RollbackFails));
        update(&stage, &arn, NEXT, "9090")?;
        stage.settle().await;
        stage.account.services().set_status(&arn, status)?;
        ticks(&stage).await?;
        assert_eq!((announced(&stage), changes(&stage)), (vec![expected.to_owned()], vec![]));
        assert_well(&stage)?;
    }
    Ok(())
}

#[tokio::test]
async fn an_idle_tick_makes_one_read_however_many_services_there_are() -> Result<()> {
    let stage = stage(&[("RollbackMode", "on")]).await?;
    for number in 0..300 {
        stage.account.services().create(ServiceSpec::image(&format!("service-{number}"), IMAGE))?;
    }
    let answer = command(&stage, "reconcile").await?;
    assert_eq!((&answer["taken_up"], &answer["failed"]), (&json!(300), &json!(0)), "{answer}");
    stage.account.requests().clear();
    command(&stage, "tick").await?;
    assert_eq!(calls::names_of(&stage, ROLLBACK), ["dynamodb:Query"]);
    Ok(())
}

#[tokio::test]
async fn a_tick_reads_the_metrics_of_all_that_bake_at_once() -> Result<()> {
    let stage = stage(&[("RollbackMode", "on"), ("BakeTime", "1h")]).await?;
    command(&stage, "reconcile").await?;
    for number in 0..130 {
        stage.account.services().create(ServiceSpec::image(&format!("service-{number}"), IMAGE))?;
    }
    command(&stage, "reconcile").await?;
    stage.account.requests().clear();
    let answer = command(&stage, "tick").await?;
    assert_eq!(answer["open"], 130, "{answer}");
    let reads: Vec<_> =
        calls::names_of(&stage, ROLLBACK).into_iter().filter(|name| name != "dynamodb:PutItem").collect();
    // 130 services, two metrics, now and before: 520 queries.
    assert_eq!(reads, ["dynamodb:Query", "cloudwatch:GetMetricData", "cloudwatch:GetMetricData"]);
    Ok(())
}

/// Dies at every call of the tick that rolls back.
async fn survives(moment: Moment) -> Result<()> {
    let mut not_made = 0;
    for call in 1.. {
        let parameters = parameters(&[("RollbackMode", "on"), ("BakeTime", "1h")]);
        let deadly = Deadly::raise_with(ROLLBACK, &parameters, &both()).await?;
        let stage = &deadly.stage;
        furnish(stage);
        let arn = service(stage).await?;
        stage.account.script(&arn, Script::new(Outcome::RollbackFails));
        update(stage, &arn, NEXT, "9090")?;
        stage.settle().await;
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        deadly.arm(call, moment);
        let ended = stage.host.lambda.invoke_async(ROLLBACK, r#"{"command":"tick"}"#)?.outcome().await?;
        stage.settle().await;
        let died = deadly.disarm();
        ensure!(ended.gave_up.is_none(), "{moment:?} {call}: {ended:?}");
        for _ in 0..3 {
            command(stage, "tick").await?;
        }
        assert_told(stage)?;
        // A call that never arrived is judged after two minutes, which no test waits for; it is not made again.
        let made = stage.account.services().operations(&arn).len() == 3;
        let (changes, announced) = (changes(stage), announced(stage));
        let expected: &[&str] =
            if made { &["started native-rollback-failed", "succeeded verified"] } else { &[] };
        ensure!(changes.len() <= 1 && announced == expected, "{moment:?} {call}: {changes:?} {announced:?}");
        not_made += usize::from(!made);
        if !died {
            ensure!(call > 10, "a rollback takes more than {call} calls");
            ensure!(not_made <= 2, "only between the intent and the call a death delays: {not_made}");
            return Ok(());
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_death_before_any_calls_work_makes_no_second_rollback() -> Result<()> {
    survives(Moment::BeforeWork).await
}

#[tokio::test]
async fn a_death_before_any_calls_answer_makes_no_second_rollback() -> Result<()> {
    survives(Moment::BeforeAnswer).await
}
