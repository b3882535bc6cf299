//! Every kind of failure, from App Runner to the person who reads about it.

use std::{collections::BTreeSet, time::Duration};

use anyhow::Result;
use autopilot_tests::{
    IMAGE, alerts, app_runner, assert_well, chats,
    messages::{assert_says, threads},
    phases, reconcile, stage, start_deployment,
};
use jiff::SignedDuration;
use sandbox::{
    aws::{
        Outcome, Script,
        apprunner::{IngressStatus, ServiceSpec, ServiceStatus},
        sns::Message,
    },
    host::router::Disturbance,
    stage::Stage,
};
use serde_json::{Value, json};

async fn with_orders() -> Result<(Stage, String)> {
    let stage = stage().await?;
    let arn = stage.account.services().create(ServiceSpec::image("orders", IMAGE))?;
    Ok((stage, arn))
}

fn subject(message: &Message) -> &str {
    message.subject.as_deref().unwrap_or_default()
}

/// An update that brings another image.
fn update(stage: &Stage, arn: &str) -> Result<Value> {
    let mut source = ServiceSpec::image("orders", IMAGE).configuration;
    source["ServiceArn"] = arn.into();
    source["SourceConfiguration"]["ImageRepository"]["ImageIdentifier"] = IMAGE.replace(":v7", ":v8").into();
    app_runner(stage, "UpdateService", &source)
}

#[tokio::test]
async fn a_failed_deployment_is_explained_and_its_recovery_told_in_the_same_thread() -> Result<()> {
    let (stage, arn) = with_orders().await?;
    stage.account.script(
        &arn,
        Script::new(Outcome::FailThenRollBack)
            .application_log(["exec /usr/local/bin/app: exec format error"]),
    );
    let operation = start_deployment(&stage, &arn)?;
    stage.settle().await;
    let told = alerts(&stage);
    assert_eq!(told.len(), 1, "RUNNING after App Runner's own rollback is no recovery: {told:#?}");
    assert_eq!(told[0].attributes["phase"], "failure");
    assert_eq!(told[0].attributes["service"], "orders");
    let account = format!("Account    {}, us-east-1", stage.account.account());
    assert_says(&told[0].message, &[operation.as_str(), "exec format error", &account, "Started ", "Ended "]);
    start_deployment(&stage, &arn)?;
    stage.settle().await;
    assert_eq!(phases(&stage, "orders"), ["failure", "recovered"]);
    assert_says(&alerts(&stage)[1].message, &["A later deployment or update succeeded"]);
    let threads: Vec<_> = chats(&stage)?.iter().map(|chat| chat["metadata"]["threadId"].clone()).collect();
    assert_eq!(threads, vec![format!("orders:{operation}"); 2]);
    assert_well(&stage)
}

/// How the operation ended, what people are told, and whether they are alarmed.
type Told = (Outcome, &'static str, &'static str, &'static str);

const OUTCOMES: [Told; 4] = [
    (Outcome::FailThenRollBack, "warning", "rolled back by App Runner", "the version from before is serving"),
    (
        Outcome::RollbackFails,
        "critical",
        "App Runner's rollback failed too",
        "What is serving now is not certain. The service's status is RUNNING.",
    ),
    (
        Outcome::Fail,
        "warning",
        "without a rollback",
        "App Runner reports a failure and no rollback. The service's status is RUNNING.",
    ),
    (
        Outcome::FailReverted,
        "warning",
        "without a rollback",
        "App Runner reports a failure and no rollback. The service's status is RUNNING.",
    ),
];

#[tokio::test]
async fn each_outcome_says_what_is_serving_now() -> Result<()> {
    for (outcome, severity, short, long) in OUTCOMES {
        for kind in ["deployment", "update"] {
            let (stage, arn) = with_orders().await?;
            // The event of the failure comes when App Runner has finished, as with a late event.
            stage.host.router.disturb(2, Disturbance::Hold);
            stage.account.script(&arn, Script::new(outcome));
            match kind {
                "update" => drop(update(&stage, &arn)?),
                _ => drop(start_deployment(&stage, &arn)?),
            }
            stage.settle().await;
            stage.host.router.release(sandbox::host::router::Order::Sent);
            stage.settle().await;
            let told = alerts(&stage);
            assert_eq!(told.len(), 1, "{outcome:?} of the {kind}");
            let title = format!("[{severity}] orders: {kind} failed, {short} (us-east-1)");
            assert_eq!(subject(&told[0]), title, "{outcome:?}");
            assert_eq!(told[0].attributes["severity"], severity, "{outcome:?}");
            assert_says(&told[0].message, &[long]);
            reconcile(&stage).await?;
            assert_eq!(alerts(&stage).len(), 1, "{outcome:?} of the {kind}: nothing new");
            drop(update(&stage, &arn)?);
            stage.settle().await;
            assert_eq!(phases(&stage, "orders"), ["failure", "recovered"], "{outcome:?} of the {kind}");
            assert_well(&stage)?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_rollback_under_way_is_said_and_its_end_told() -> Result<()> {
    let (succeeded, failed) = tokio::join!(
        rolls_back(Outcome::FailThenRollBack, Disturbance::Deliver, "the version from before is serving"),
        rolls_back(Outcome::RollbackFails, Disturbance::Lose, "App Runner's own rollback failed as well"),
    );
    succeeded.and(failed)
}

/// `last` befalls the event that says that the service runs again.
async fn rolls_back(outcome: Outcome, last: Disturbance, end: &str) -> Result<()> {
    let (stage, arn) = with_orders().await?;
    reconcile(&stage).await?;
    stage.account.script(&arn, Script::new(outcome).phases_of(Duration::from_millis(1_200)));
    let operation = start_deployment(&stage, &arn)?;
    while alerts(&stage).is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stage.host.router.idle().await;
    let told = alerts(&stage);
    assert_eq!(told.len(), 1, "the rollback is under way");
    assert_says(subject(&told[0]), &["deployment failed, App Runner is rolling back"]);
    assert_says(&told[0].message, &["ROLLBACK_IN_PROGRESS", "another message in this thread"]);
    reconcile(&stage).await?;
    assert_eq!(alerts(&stage).len(), 1, "it has not ended");
    let told_by_event = usize::from(last == Disturbance::Deliver);
    stage.host.router.disturb(1, last);
    stage.settle().await;
    assert_eq!(alerts(&stage).len(), 1 + told_by_event);
    for _ in 0..2 {
        reconcile(&stage).await?;
    }
    let told = alerts(&stage);
    assert_eq!(told.len(), 2, "its end is told once");
    assert_says(&told[1].message, &[end]);
    let thread = format!("orders:{operation}");
    let expected = [("failure".to_owned(), thread.clone()), ("progressed".to_owned(), thread)];
    assert_eq!(threads(&stage, "orders")?, expected);
    assert_well(&stage)
}

#[tokio::test]
async fn a_failed_creation_leaves_nothing_serving_and_recovers_by_an_update() -> Result<()> {
    let stage = stage().await?;
    let mut input = ServiceSpec::image("orders", IMAGE).configuration;
    input["ServiceName"] = "orders".into();
    stage.account.script("orders", Script::new(Outcome::Fail));
    let created = app_runner(&stage, "CreateService", &input)?;
    stage.settle().await;
    let told = alerts(&stage);
    assert_eq!(told.len(), 1);
    assert_eq!(subject(&told[0]), "[critical] orders: creation failed, nothing is serving (us-east-1)");
    assert_says(
        &told[0].message,
        &["The service has never been usable", "CREATE_FAILED", "aws apprunner update-service"],
    );
    let arn = created["Service"]["ServiceArn"].as_str().unwrap_or_default();
    drop(update(&stage, arn)?);
    stage.settle().await;
    assert_eq!(phases(&stage, "orders"), ["failure", "recovered"]);
    let threads: BTreeSet<_> = threads(&stage, "orders")?.into_iter().map(|(_, thread)| thread).collect();
    assert_eq!(threads.len(), 1);
    assert_well(&stage)
}

#[tokio::test]
async fn a_failed_rebuild_of_a_failed_creation_is_a_failure_of_its_own() -> Result<()> {
    let stage = stage().await?;
    let an_hour_ago = stage.account.clock().now() - SignedDuration::from_hours(1);
    let failed = ServiceSpec::image("orders", IMAGE).status(ServiceStatus::CreateFailed);
    let arn = stage.account.services().create(failed.created_at(an_hour_ago))?;
    stage.account.script(&arn, Script::new(Outcome::Fail));
    drop(update(&stage, &arn)?);
    stage.settle().await;
    assert_eq!(phases(&stage, "orders"), ["failure"], "the update's event and CREATE_FAILED tell the same");
    assert_says(subject(&alerts(&stage)[0]), &["[critical] orders: update failed"]);
    drop(update(&stage, &arn)?);
    stage.settle().await;
    assert_eq!(phases(&stage, "orders"), ["failure", "recovered"]);
    assert_well(&stage)
}

#[tokio::test]
async fn a_deletion_that_an_ingress_connection_blocks_is_told_and_its_end_too() -> Result<()> {
    let (stage, arn) = with_orders().await?;
    let ingress = stage.account.services().add_ingress(
        "private-orders",
        &arn,
        "vpc-0123456789abcdef0",
        "vpce-0123456789abcdef0",
        IngressStatus::Available,
    );
    app_runner(&stage, "DeleteService", &json!({"ServiceArn": arn}))?;
    stage.settle().await;
    let told = alerts(&stage);
    assert_eq!(told.len(), 1, "the operation and the status are one failure");
    assert_eq!(subject(&told[0]), "[warning] orders: deletion failed, the service still exists (us-east-1)");
    assert_says(&told[0].message, &["The service was not deleted and is still there", "DELETE_FAILED"]);
    stage.account.services().set_ingress_status(&ingress, IngressStatus::Deleted)?;
    app_runner(&stage, "DeleteService", &json!({"ServiceArn": arn}))?;
    stage.settle().await;
    assert_eq!(phases(&stage, "orders"), ["failure", "recovered"]);
    assert_says(&alerts(&stage)[1].message, &["The service was deleted"]);
    assert_well(&stage)
}

#[tokio::test]
async fn pausing_and_resuming_fail_and_recover_by_the_status_that_was_asked_for() -> Result<()> {
    for (operation, before, title, says, ending) in [
        (
            "PauseService",
            ServiceStatus::Running,
            "[warning] orders: pause failed, the service was not paused (us-east-1)",
            "it is billed as before. The service's status is RUNNING.",
            "The service is paused, as was asked.",
        ),
        (
            "ResumeService",
            ServiceStatus::Paused,
            "[critical] orders: resume failed, the service is not back (us-east-1)",
            "was to be resumed and is not back. The service's status is PAUSED.",
            "App Runner reports that it is well again.",
        ),
    ] {
        let stage = stage().await?;
        let arn = stage.account.services().create(ServiceSpec::image("orders", IMAGE).status(before))?;
        stage.account.script(&arn, Script::new(Outcome::Fail));
        app_runner(&stage, operation, &json!({"ServiceArn": arn}))?;
        stage.settle().await;
        let told = alerts(&stage);
        assert_eq!(told.len(), 1, "{operation}: {told:#?}");
        assert_eq!(subject(&told[0]), title);
        assert_says(&told[0].message, &[says]);
        app_runner(&stage, operation, &json!({"ServiceArn": arn}))?;
        stage.settle().await;
        assert_eq!(phases(&stage, "orders"), ["failure", "recovered"], "{operation}");
        assert_says(&alerts(&stage)[1].message, &[ending]);
        assert_well(&stage)?;
    }
    Ok(())
}
