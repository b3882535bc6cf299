//! Every event is lost: the reconciliation finds and tells the same.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use autopilot_tests::{
    IMAGE, alerts, app_runner, assert_well, calls, chats,
    messages::{assert_says, count, threads},
    phases, reconcile, records, stage, start_deployment,
};
use jiff::{SignedDuration, Timestamp};
use sandbox::{
    aws::{
        Fault, Outcome, RequestRecord,
        apprunner::{OperationSpec, OperationStatus, OperationType, ServiceSpec, ServiceStatus},
    },
    host::router::Disturbance,
    stage::Stage,
};
use serde_json::json;

fn ago(stage: &Stage, minutes: i64) -> Timestamp {
    stage.account.clock().now() - SignedDuration::from_mins(minutes)
}

fn operation(
    stage: &Stage,
    kind: OperationType,
    status: OperationStatus,
    began: i64,
    ended: Option<i64>,
) -> OperationSpec {
    let (started_at, ended_at) = (ago(stage, began), ended.map(|minutes| ago(stage, minutes)));
    OperationSpec { kind, status, started_at, ended_at }
}

/// A service whose creation, long ago, succeeded.
fn old(stage: &Stage, name: &str) -> ServiceSpec {
    let created =
        operation(stage, OperationType::CreateService, OperationStatus::Succeeded, 6_000, Some(5_990));
    ServiceSpec::image(name, IMAGE).operation(created).created_at(ago(stage, 6_000))
}

async fn deploy(stage: &Stage, arn: &str, outcome: Outcome) -> Result<()> {
    stage.account.script(arn, outcome);
    start_deployment(stage, arn)?;
    stage.settle().await;
    Ok(())
}

/// What is told of the same course of things, with or without events: phase, severity and title of each message.
async fn course(lost: bool) -> Result<Vec<(String, String, String)>> {
    let stage = stage().await?;
    if lost {
        stage.host.router.disturb(1_000, Disturbance::Lose);
    }
    reconcile(&stage).await?;
    let services = stage.account.services();
    let mut input = ServiceSpec::image("created", IMAGE).configuration;
    input["ServiceName"] = "created".into();
    stage.account.script("created", Outcome::Fail);
    let created = app_runner(&stage, "CreateService", &input)?;
    let created = created["Service"]["ServiceArn"].as_str().context("a service has an ARN")?.to_owned();
    let deployed = services.create(old(&stage, "deployed"))?;
    let paused = services.create(old(&stage, "paused"))?;
    let resumed = services.create(old(&stage, "resumed").status(ServiceStatus::Paused))?;
    let deleted = services.create(old(&stage, "deleted"))?;
    stage.settle().await;
    let steps = [
        ("PauseService", &paused),
        ("ResumeService", &resumed),
        ("DeleteService", &deleted),
        ("StartDeployment", &deployed),
    ];
    for outcome in [Outcome::Fail, Outcome::Succeed] {
        for (operation, arn) in steps {
            stage.account.script(arn, outcome);
            app_runner(&stage, operation, &json!({"ServiceArn": arn}))?;
            stage.settle().await;
            if lost {
                reconcile(&stage).await?;
            }
        }
        // An event's time has whole seconds; real operations take minutes.
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    }
    app_runner(&stage, "UpdateService", &json!({"ServiceArn": created}))?;
    stage.settle().await;
    reconcile(&stage).await?;
    assert_well(&stage)?;
    let told = alerts(&stage).into_iter().map(|message| {
        let attribute = |name: &str| message.attributes[name].clone();
        (attribute("phase"), attribute("severity"), message.subject.unwrap_or_default())
    });
    let mut told: Vec<_> = told.collect();
    told.sort();
    Ok(told)
}

#[tokio::test]
async fn with_every_event_lost_people_are_told_the_same() -> Result<()> {
    let (with_events, without) = tokio::join!(course(false), course(true));
    let (with_events, without) = (with_events?, without?);
    assert_eq!(with_events, without);
    let of_phase = |phase: &str| without.iter().filter(|(told, ..)| told == phase).count();
    assert_eq!((of_phase("failure"), of_phase("recovered"), without.len()), (5, 5, 10), "{without:#?}");
    Ok(())
}

#[tokio::test]
async fn the_templates_schedule_runs_it_every_quarter_of_an_hour() -> Result<()> {
    let stage = stage().await?;
    let arn = stage.account.services().create(old(&stage, "orders"))?;
    let first = stage.host.router.next_tick().context("the template has a schedule")?;
    assert_eq!(stage.host.router.tick(first).len(), 1);
    stage.settle().await;
    stage.host.router.disturb(10, Disturbance::Lose);
    deploy(&stage, &arn, Outcome::FailThenRollBack).await?;
    let second = stage.host.router.next_tick().context("the schedule goes on")?;
    assert_eq!(second.duration_since(first), SignedDuration::from_mins(15));
    assert!(stage.host.router.tick(second - SignedDuration::from_secs(1)).is_empty(), "not yet due");
    stage.host.router.tick(second);
    stage.settle().await;
    assert_eq!(phases(&stage, "orders"), ["failure"]);
    assert_says(&alerts(&stage)[0].message, &["ROLLBACK_SUCCEEDED", "version from before is serving"]);
    deploy(&stage, &arn, Outcome::Succeed).await?;
    let third = stage.host.router.next_tick().context("the schedule goes on")?;
    stage.host.router.tick(third);
    stage.settle().await;
    assert_eq!(phases(&stage, "orders"), ["failure", "recovered"]);
    assert_well(&stage)
}

const SERVICES: usize = 60;

/// An account with 60 services, of which every tenth failed in some way before anybody looked.
fn grown(stage: &Stage) -> Result<Vec<String>> {
    let create = |number: usize| {
        let name = format!("service-{number:02}");
        let failed = |kind, status| operation(stage, kind, status, 500, Some(480));
        let spec = match number {
            7 => old(stage, &name).operation(failed(OperationType::StartDeployment, OperationStatus::Failed)),
            17 => old(stage, &name)
                .operation(failed(OperationType::UpdateService, OperationStatus::RollbackSucceeded)),
            27 => ServiceSpec::image(&name, IMAGE)
                .status(ServiceStatus::CreateFailed)
                .operation(failed(OperationType::CreateService, OperationStatus::Failed)),
            37 => old(stage, &name)
                .status(ServiceStatus::DeleteFailed)
                .operation(failed(OperationType::DeleteService, OperationStatus::Failed)),
            // A failure that a later success made history.
            47 => old(stage, &name)
                .operation(failed(OperationType::StartDeployment, OperationStatus::Failed))
                .operation(operation(
                    stage,
                    OperationType::StartDeployment,
                    OperationStatus::Succeeded,
                    400,
                    Some(390),
                )),
            _ => old(stage, &name),
        };
        stage.account.services().create(spec)
    };
    (0..SERVICES).map(create).collect()
}

#[tokio::test]
async fn the_first_reconciliation_tells_old_failures_in_one_summary_and_never_again() -> Result<()> {
    let stage = stage().await?;
    let arns = grown(&stage)?;
    let answer = reconcile(&stage).await?;
    assert_eq!(answer["first"], true, "{answer}");
    assert_eq!(answer["services"], SERVICES);
    let told = alerts(&stage);
    assert_eq!((told.len(), chats(&stage)?.len()), (1, 1), "one summary");
    assert_says(
        &told[0].message,
        &[
            "4 failures were there before",
            "service-07: deployment failed",
            "service-17: update failed",
            "service-27: creation failed",
            "service-37: deletion failed",
        ],
    );
    assert!(!told[0].message.contains("service-47"), "history is no failure");
    assert_eq!(told[0].attributes["severity"], "info");
    // They end, and nobody was told of their beginning.
    stage.host.router.disturb(1_000, Disturbance::Lose);
    deploy(&stage, &arns[7], Outcome::Succeed).await?;
    app_runner(&stage, "UpdateService", &json!({"ServiceArn": arns[27]}))?;
    app_runner(&stage, "DeleteService", &json!({"ServiceArn": arns[37]}))?;
    stage.settle().await;
    for _ in 0..2 {
        let answer = reconcile(&stage).await?;
        assert_eq!((&answer["told"], &answer["first"]), (&json!(0), &json!(false)), "{answer}");
    }
    assert_eq!(alerts(&stage).len(), 1);
    // A new failure of a service with an old one is told.
    deploy(&stage, &arns[17], Outcome::Fail).await?;
    reconcile(&stage).await?;
    assert_eq!(phases(&stage, "service-17"), ["failure"]);
    assert_well(&stage)
}

#[tokio::test]
async fn a_reconciliation_of_sixty_services_takes_three_pages_and_one_call_a_service() -> Result<()> {
    let stage = stage().await?;
    grown(&stage)?;
    reconcile(&stage).await?;
    stage.account.requests().clear();
    reconcile(&stage).await?;
    let mut made: BTreeMap<String, usize> = BTreeMap::new();
    for call in calls::names(&stage) {
        *made.entry(call).or_default() += 1;
    }
    let expected = [
        ("apprunner:ListOperations", SERVICES),
        ("apprunner:ListServices", SERVICES.div_ceil(20)),
        ("dynamodb:GetItem", 1),
        ("dynamodb:PutItem", 1),
        ("dynamodb:Query", 1),
    ];
    assert_eq!(made, expected.map(|(call, times)| (call.to_owned(), times)).into());
    assert_well(&stage)
}

#[tokio::test]
async fn an_operation_that_runs_for_long_is_told_once() -> Result<()> {
    let stage = stage().await?;
    reconcile(&stage).await?;
    let (deployment, running) = (OperationType::StartDeployment, OperationStatus::InProgress);
    for (name, began) in [("young", 28), ("long", 31), ("longer", 400)] {
        let spec = old(&stage, name).status(ServiceStatus::OperationInProgress);
        stage
            .account
            .services()
            .create(spec.operation(operation(&stage, deployment, running, began, None)))?;
    }
    for _ in 0..3 {
        reconcile(&stage).await?;
    }
    assert_eq!(alerts(&stage).len(), 2);
    assert_eq!(
        (phases(&stage, "long"), phases(&stage, "longer")),
        (vec!["progressed".into()], vec!["progressed".into()])
    );
    let told = alerts(&stage).into_iter().find(|message| message.attributes["service"] == "long");
    let told = told.context("the long one is told")?;
    assert_says(
        told.subject.as_deref().unwrap_or_default(),
        &["[warning] long: deployment still running after 31 min (us-east-1)"],
    );
    assert_eq!(told.attributes["kind"], "long-running");
    assert_well(&stage)
}

#[tokio::test]
async fn a_deleted_service_closes_its_incidents_without_an_event() -> Result<()> {
    let stage = stage().await?;
    reconcile(&stage).await?;
    let arn = stage.account.services().create(old(&stage, "orders"))?;
    deploy(&stage, &arn, Outcome::Fail).await?;
    stage.host.router.disturb(1_000, Disturbance::Lose);
    app_runner(&stage, "DeleteService", &json!({"ServiceArn": arn}))?;
    stage.settle().await;
    for _ in 0..2 {
        reconcile(&stage).await?;
    }
    assert_eq!(phases(&stage, "orders"), ["failure", "recovered"]);
    assert_says(&alerts(&stage)[1].message, &["The service was deleted"]);
    let mut threads = threads(&stage, "orders")?;
    threads.dedup_by_key(|(_, thread)| thread.clone());
    assert_eq!(threads.len(), 1);
    assert_well(&stage)
}

#[tokio::test]
async fn a_service_that_cannot_be_read_is_told_once_and_fails_no_other() -> Result<()> {
    let stage = stage().await?;
    reconcile(&stage).await?;
    let bad = stage.account.services().create(old(&stage, "denied"))?;
    let good = stage.account.services().create(old(&stage, "orders"))?;
    stage.host.router.disturb(1_000, Disturbance::Lose);
    deploy(&stage, &good, Outcome::FailThenRollBack).await?;
    let denied = || Fault::Refuse { code: "AccessDeniedException".into(), message: "no".into() };
    // ListOperations of the first of the two services is asked for first.
    for round in 0..3 {
        stage.account.requests().clear();
        stage.account.faults().next("apprunner", "ListOperations", 1, denied());
        let answer = reconcile(&stage).await?;
        assert_eq!((&answer["ok"], &answer["failed"]), (&json!(true), &json!(1)), "{answer}");
        let refused = |call: &RequestRecord| call.operation == "ListOperations" && call.error.is_some();
        let refused: Vec<_> = calls::all(&stage).into_iter().filter(refused).collect();
        assert_eq!(refused.len(), 1);
        assert_eq!(refused[0].resource.as_deref(), Some(bad.as_str()), "round {round}");
    }
    assert_eq!(phases(&stage, "orders"), ["failure"]);
    assert_eq!(phases(&stage, "denied"), ["held"], "told once");
    let told = alerts(&stage).into_iter().find(|message| message.attributes["service"] == "denied");
    assert_says(
        &told.context("it is told")?.message,
        &["its operations cannot be read", "AccessDeniedException"],
    );
    // Readable again, and unreadable anew: that is news.
    reconcile(&stage).await?;
    stage.account.faults().next("apprunner", "ListOperations", 1, denied());
    reconcile(&stage).await?;
    assert_eq!(phases(&stage, "denied"), ["held", "held"]);
    assert_well(&stage)
}

#[tokio::test]
async fn without_the_list_of_services_it_is_tried_again_and_what_waits_is_told() -> Result<()> {
    let stage = stage().await?;
    reconcile(&stage).await?;
    let arn = stage.account.services().create(old(&stage, "orders"))?;
    stage.account.faults().next("sns", "Publish", 18, Fault::ServerError);
    deploy(&stage, &arn, Outcome::Fail).await?;
    stage.account.faults().clear();
    stage.account.faults().always("apprunner", "ListServices", Fault::ServerError);
    let answer = autopilot_tests::invoke(&stage, &json!({"command": "reconcile"})).await?;
    let error = answer.error.context("a list that cannot be read is an error")?;
    assert_eq!(error.error_type, "Retryable");
    assert_says(&error.error_message, &["apprunner:ListServices"]);
    assert_eq!(count(&stage, "failure"), 1);
    records::assert_told(&stage)?;
    stage.account.faults().clear();
    reconcile(&stage).await?;
    assert_eq!(
        count(&stage, "failure"),
        1,
        "a list that cannot be read is no deletion, and nothing is repeated"
    );
    assert_eq!(count(&stage, "recovered"), 0);
    calls::assert_allowed(&stage)
}
