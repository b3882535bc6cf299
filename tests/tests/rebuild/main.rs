//! `rebuild` through its real binary: what it changes, when, what it leaves alone, and what people are told.
//!
//! The function reads the real clock, so the account's is set back: what happened there then is old.

mod crashes;

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context as _, Result, ensure};
use autopilot_tests::{
    IMAGE, NOTIFY, REBUILD, alerts, app_runner, ask, assert_well, calls, hosting,
    messages::{assert_says, threads},
    phases, records, stage_of,
};
use jiff::{SignedDuration, Timestamp};
use sandbox::{
    aws::{
        Fault, Options, Outcome, Script,
        apprunner::{IngressStatus, ServiceSpec, ServiceStatus},
        ecr::ImageSpec,
    },
    host::{self, router::Disturbance},
    stage::Stage,
};
use serde_json::{Value, json};

const ON: &[(&str, &str)] = &[("RebuildMode", "on")];

/// Output of an application that no rebuild mends.
const BROKEN: &[&str] = &["ModuleNotFoundError: No module named 'flask'"];

fn both() -> host::Options {
    hosting(&[REBUILD, NOTIFY])
}

async fn stage(parameters: &[(&str, &str)]) -> Result<Stage> {
    let stage = stage_of(parameters, Options::default(), &both()).await?;
    furnish(&stage);
    Ok(stage)
}

/// What a service needs, so that nothing explains its failure but what a test says.
fn furnish(stage: &Stage) {
    let image = ImageSpec {
        platforms: vec!["linux/amd64".to_owned()],
        bytes: 50_000_000,
        exposed_ports: vec![8080],
        pushed_at: Timestamp::UNIX_EPOCH,
    };
    stage.account.ecr().push("123456789012", "orders", "v7", &image);
    stage.account.iam().add_role("access", "build.apprunner.amazonaws.com", Timestamp::UNIX_EPOCH);
}

/// What happens in the account from now on happened so many minutes ago.
fn minutes_ago(stage: &Stage, minutes: i64) {
    stage.account.clock().set_offset(SignedDuration::from_mins(-minutes));
}

/// Creates a service that fails with this output of the application, and returns its ARN.
async fn fail(stage: &Stage, name: &str, output: &[&'static str]) -> Result<String> {
    let mut input = ServiceSpec::image(name, IMAGE).configuration;
    input["ServiceName"] = name.into();
    stage.account.script(name, Script::new(Outcome::Fail).application_log(output.iter().copied()));
    let created = app_runner(stage, "CreateService", &input)?;
    stage.settle().await;
    Ok(created["Service"]["ServiceArn"].as_str().context("an ARN")?.to_owned())
}

/// A creation that fails for a reason that nobody knows.
async fn fail_silently(stage: &Stage, name: &str) -> Result<String> {
    fail(stage, name, &["starting"]).await
}

async fn tick(stage: &Stage) -> Result<Value> {
    let answer = ask(stage, REBUILD, &json!({"command": "tick"})).await?;
    stage.settle().await;
    Ok(answer)
}

async fn reconcile(stage: &Stage) -> Result<Value> {
    let answer = ask(stage, REBUILD, &json!({"command": "reconcile"})).await?;
    stage.settle().await;
    Ok(answer)
}

fn changes(stage: &Stage) -> Vec<String> {
    calls::changes(stage, REBUILD)
}

/// Phase and reason of what `rebuild` announced, in order. What the bus got twice has the same ID and counts once.
fn announced(stage: &Stage) -> Vec<String> {
    let events = stage.account.events().into_iter();
    let mut ids = BTreeSet::new();
    let ours = events
        .filter(|event| event["detail-type"] == "Autopilot Rebuild")
        .filter(|event| ids.insert(event["detail"]["announcement_id"].to_string()));
    let word = |event: &Value, name: &str| event["detail"][name].as_str().unwrap_or_default().to_owned();
    ours.map(|event| format!("{} {}", word(&event, "phase"), word(&event, "reason"))).collect()
}

/// As if the first reconciliation had been in January: what failed since then is news.
fn installed_long_ago(stage: &Stage) -> Result<()> {
    let item = json!({
        "pk": {"S": "rebuild"},
        "sk": {"S": "reconciled"},
        "version": {"N": "1"},
        "state": {"S": json!({"first": "2026-01-01T00:00:00Z"}).to_string()},
        "pending": {"S": json!({"entries": [], "next": 0, "claim": null}).to_string()},
    });
    let stored = stage.account.dynamodb().put(&records::table(stage)?, &item);
    stored.map_err(|error| anyhow::anyhow!("{}: {}", error.code, error.message))
}

/// From now on no event arrives: what is done is done by the schedules.
fn without_events(stage: &Stage) -> Result<()> {
    installed_long_ago(stage)?;
    stage.host.router.disturb(10_000, Disturbance::Lose);
    Ok(())
}

/// How many rebuilds there are, where each failure lies so many minutes back when the next tick comes.
async fn rebuilds_after(ages: &[i64]) -> Result<(usize, Vec<String>)> {
    let stage = stage(ON).await?;
    without_events(&stage)?;
    minutes_ago(&stage, ages[0]);
    let arn = fail_silently(&stage, "orders").await?;
    // What the next call begins fails, and as long ago as the next age says.
    let next_ages = ages.iter().skip(1).chain([&0, &0]);
    for (number, age) in next_ages.enumerate() {
        stage.account.script(&arn, Script::new(Outcome::Fail));
        minutes_ago(&stage, *age);
        if number == 0 {
            reconcile(&stage).await?;
        } else {
            tick(&stage).await?;
        }
    }
    assert_well(&stage)?;
    Ok((changes(&stage).len(), announced(&stage)))
}

#[tokio::test]
async fn three_tries_at_5_15_and_45_minutes_and_then_a_stop() -> Result<()> {
    for (ages, rebuilds) in [
        (&[4][..], 0),
        (&[6], 1),
        (&[100, 14], 1),
        (&[100, 16], 2),
        (&[200, 100, 44], 2),
        (&[200, 100, 46], 3),
    ] {
        let (made, announced) = rebuilds_after(ages).await?;
        ensure!(made == rebuilds, "{ages:?}: {made} rebuilds, {announced:?}");
        let started = vec!["started cause-unknown"; rebuilds];
        let end = (rebuilds == 3).then_some("held budget-exhausted");
        assert_eq!(announced, started.into_iter().chain(end).collect::<Vec<_>>(), "{ages:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_rebuild_that_works_is_told_in_the_failures_thread() -> Result<()> {
    let stage = stage(ON).await?;
    minutes_ago(&stage, 6);
    let arn = fail_silently(&stage, "orders").await?;
    minutes_ago(&stage, 0);
    tick(&stage).await?;
    let [update] = &stage.account.requests().of("apprunner", "UpdateService")[..] else {
        panic!("one rebuild")
    };
    assert_eq!(update.input, json!({"ServiceArn": arn}), "nothing is changed");
    tick(&stage).await?;
    tick(&stage).await?;
    assert_eq!(announced(&stage), ["started cause-unknown", "succeeded running"]);
    let told: Vec<_> = threads(&stage, "orders")?;
    let thread = &told[0].1;
    assert!(told.iter().all(|(_, other)| other == thread), "{told:#?}");
    for phase in ["failure", "started", "recovered", "succeeded"] {
        assert_eq!(phases(&stage, "orders").iter().filter(|other| *other == phase).count(), 1, "{phase}");
    }
    assert_eq!(tick(&stage).await?, json!({"ok": true, "open": 0, "failed": 0}));
    assert_well(&stage)
}

#[tokio::test]
async fn an_idle_tick_makes_one_call() -> Result<()> {
    let stage = stage(ON).await?;
    for number in 0..30 {
        stage.account.services().create(ServiceSpec::image(&format!("service-{number}"), IMAGE))?;
    }
    tick(&stage).await?;
    assert_eq!(calls::names_of(&stage, REBUILD), ["dynamodb:Query"]);
    Ok(())
}

#[tokio::test]
async fn a_cause_that_no_rebuild_mends_is_told_with_its_fix_and_never_tried() -> Result<()> {
    let stage = stage(ON).await?;
    minutes_ago(&stage, 60);
    fail(&stage, "orders", BROKEN).await?;
    minutes_ago(&stage, 0);
    for _ in 0..3 {
        tick(&stage).await?;
    }
    assert_eq!((changes(&stage), announced(&stage)), (vec![], vec!["held needs-a-fix".to_owned()]));
    let message = alerts(&stage).into_iter().find(|message| message.attributes["phase"] == "held");
    assert_says(&message.context("it is told")?.message, &["app-module-missing", "is not built again"]);
    assert_well(&stage)
}

#[tokio::test]
async fn a_persons_changed_configuration_begins_anew_and_their_own_rebuild_stands_down() -> Result<()> {
    for (changed, expected) in [(true, vec![]), (false, vec!["skipped someone-else-acted"])] {
        let stage = stage(ON).await?;
        minutes_ago(&stage, 3);
        let arn = fail_silently(&stage, "orders").await?;
        tick(&stage).await?;
        stage.account.script(&arn, Script::new(Outcome::Fail));
        let mut update = json!({"ServiceArn": arn});
        if changed {
            update["InstanceConfiguration"] = json!({"Memory": "4 GB"});
        }
        app_runner(&stage, "UpdateService", &update)?;
        stage.settle().await;
        tick(&stage).await?;
        assert_eq!(
            (changes(&stage), announced(&stage)),
            (vec![], expected.iter().map(|s| (*s).to_owned()).collect())
        );
        let status = ask(&stage, REBUILD, &json!({"command": "status", "service_arn": arn})).await?;
        assert_eq!(status["cases"][0]["open"], json!(changed), "{status:#}");
        assert_well(&stage)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_deletion_that_an_ingress_connection_blocks_is_finished() -> Result<()> {
    let stage = stage(ON).await?;
    let arn = stage.account.services().create(ServiceSpec::image("orders", IMAGE))?;
    let services = stage.account.services();
    let ingress = services.add_ingress("private", &arn, "vpc-1", "vpce-1", IngressStatus::Available);
    minutes_ago(&stage, 6);
    app_runner(&stage, "DeleteService", &json!({"ServiceArn": arn}))?;
    stage.settle().await;
    minutes_ago(&stage, 0);
    for _ in 0..4 {
        tick(&stage).await?;
    }
    assert_eq!(changes(&stage), ["apprunner:DeleteVpcIngressConnection", "apprunner:DeleteService"]);
    let [removed] = &stage.account.requests().of("apprunner", "DeleteVpcIngressConnection")[..] else {
        panic!("one")
    };
    assert_eq!(removed.input, json!({"VpcIngressConnectionArn": ingress}));
    assert_eq!(
        announced(&stage),
        ["progressed retry-deletion", "started retry-deletion", "succeeded deleted"]
    );
    assert_well(&stage)
}

#[tokio::test]
async fn off_and_dry_run_change_nothing_and_the_plan_is_told_once() -> Result<()> {
    for (mode, expected) in [("off", vec![]), ("dry-run", vec!["planned cause-unknown"])] {
        let stage = stage(&[("RebuildMode", mode)]).await?;
        minutes_ago(&stage, 60);
        let arn = fail_silently(&stage, "orders").await?;
        minutes_ago(&stage, 0);
        for _ in 0..3 {
            tick(&stage).await?;
        }
        ask(&stage, REBUILD, &json!({"command": "retry", "service_arn": arn})).await?;
        stage.settle().await;
        assert_eq!(changes(&stage), Vec::<String>::new(), "{mode}");
        assert!(announced(&stage).starts_with(&expected.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()));
        // The service's own word, by command or tag, wins.
        let on = json!({"command": "mode", "service_arn": arn, "action": "rebuild", "mode": "on"});
        assert_eq!(ask(&stage, REBUILD, &on).await?["ok"], json!(true));
        tick(&stage).await?;
        assert_eq!(changes(&stage), ["apprunner:UpdateService"], "{mode}");
        assert_well(&stage)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_stop_holds_and_go_lifts_it() -> Result<()> {
    let stage = stage(ON).await?;
    ask(&stage, REBUILD, &json!({"command": "stop"})).await?;
    minutes_ago(&stage, 60);
    fail_silently(&stage, "orders").await?;
    minutes_ago(&stage, 0);
    for _ in 0..2 {
        tick(&stage).await?;
    }
    assert_eq!(changes(&stage), Vec::<String>::new());
    ask(&stage, NOTIFY, &json!({"command": "go"})).await?;
    tick(&stage).await?;
    assert_eq!(changes(&stage), ["apprunner:UpdateService"]);
    assert_eq!(
        announced(&stage),
        ["held stopped", "held stopped", "started cause-unknown"],
        "the stop, and the case"
    );
    assert_well(&stage)
}

#[tokio::test]
async fn what_no_event_told_of_is_taken_up_but_nothing_from_before_the_installation() -> Result<()> {
    let stage = stage(ON).await?;
    let spec = |name: String| ServiceSpec::image(&name, IMAGE);
    let now = stage.account.clock().now();
    for number in 0..62 {
        stage.account.services().create(spec(format!("service-{number}")))?;
    }
    let failed = |name: &str, minutes: i64| {
        spec(name.to_owned())
            .status(ServiceStatus::CreateFailed)
            .created_at(now - SignedDuration::from_mins(minutes))
    };
    let before = stage.account.services().create(failed("before", 30))?;
    let first = reconcile(&stage).await?;
    assert_eq!(first, json!({"ok": true, "services": 63, "taken_up": 1, "failed": 0, "first": true}));
    installed_long_ago(&stage)?;
    let lost = stage.account.services().create(failed("lost", 30))?;
    for taken_up in [1, 0] {
        let answer = reconcile(&stage).await?;
        assert_eq!(
            answer,
            json!({"ok": true, "services": 64, "taken_up": taken_up, "failed": 0, "first": false})
        );
    }
    let updates = stage.account.requests().of("apprunner", "UpdateService");
    assert_eq!(updates.iter().map(|call| &call.input["ServiceArn"]).collect::<Vec<_>>(), [&json!(lost)]);
    let status = ask(&stage, REBUILD, &json!({"command": "status", "service_arn": before})).await?;
    assert_eq!(
        (&status["cases"][0]["acknowledged"], &status["cases"][0]["open"]),
        (&json!(true), &json!(false))
    );
    let retried = ask(&stage, REBUILD, &json!({"command": "retry", "service_arn": before})).await?;
    assert_eq!(retried["decision"], "rebuild", "a person's word is enough: {retried:#}");
    assert_well(&stage)
}

#[tokio::test]
async fn people_can_look_and_give_up_and_bad_commands_name_their_fields() -> Result<()> {
    let stage = stage(ON).await?;
    let arn = fail_silently(&stage, "orders").await?;
    let status = ask(&stage, REBUILD, &json!({"command": "status"})).await?;
    let case = &status["cases"][0];
    assert_eq!((&case["service_arn"], &case["tries"], &case["of"]), (&json!(arn), &json!(0), &json!(3)));
    assert!(case["next_at"].is_string(), "{case:#}");
    let gave_up = ask(&stage, REBUILD, &json!({"command": "give-up", "service_arn": arn})).await?;
    assert_eq!(gave_up["open"], json!(false));
    minutes_ago(&stage, -60);
    tick(&stage).await?;
    assert_eq!((changes(&stage), announced(&stage)), (vec![], vec!["skipped given-up".to_owned()]));
    let healthy = stage.account.services().create(ServiceSpec::image("healthy", IMAGE))?;
    for (bad, field) in [
        (json!({"command": "retry"}), "service_arn"),
        (json!({"command": "retry", "service_arn": "orders"}), "service_arn"),
        (json!({"command": "retry", "service_arn": healthy}), "service_arn"),
        (json!({"command": "give-up", "service_arn": healthy}), "service_arn"),
        (json!({"command": "status", "service_arn": 5}), "service_arn"),
        (json!({"command": "mode", "service_arn": arn, "action": "rebuild", "mode": "maybe"}), "mode"),
        (json!({"command": "dance"}), "command"),
    ] {
        let answer = ask(&stage, REBUILD, &bad).await?;
        assert_eq!((&answer["ok"], &answer["errors"][0]["field"]), (&json!(false), &json!(field)), "{bad}");
    }
    assert_well(&stage)
}

#[tokio::test]
async fn a_refusal_by_state_or_throttling_waits_and_an_unreadable_service_is_told_once() -> Result<()> {
    let stage = stage(&[("RebuildMode", "on"), ("RebuildDelays", "1s,1h")]).await?;
    fail_silently(&stage, "orders").await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let faults = stage.account.faults();
    faults.next("apprunner", "UpdateService", 1, Fault::Throttle);
    tick(&stage).await?;
    assert_eq!(changes(&stage).len(), 1);
    assert_eq!(announced(&stage), Vec::<String>::new());
    let denied = Fault::Refuse { code: "AccessDeniedException".to_owned(), message: "no".to_owned() };
    faults.always("apprunner", "DescribeService", denied);
    for _ in 0..2 {
        assert_eq!(tick(&stage).await?["failed"], json!(1));
    }
    assert_eq!(announced(&stage), ["held unreadable"]);
    faults.clear();
    tick(&stage).await?;
    assert_eq!(announced(&stage), ["held unreadable", "started cause-unknown"]);
    Ok(())
}
