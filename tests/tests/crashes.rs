//! The function is killed at every call in turn: nothing goes untold, and nothing is told more than twice.

use anyhow::{Result, ensure};
use autopilot_tests::{
    IMAGE, alerts, assert_well,
    crash::{Deadly, Moment},
    messages::{about, assert_says, threads},
    phases, reconcile, sample, start_deployment,
};
use sandbox::{
    aws::{Outcome, Script, apprunner::ServiceSpec},
    host::router::{Disturbance, Order},
};
use serde_json::json;

/// The times that a message may arrive: once, and once more if its sender died before it could say so.
fn assert_once_or_twice(messages: usize, what: &str) {
    assert!((1..=2).contains(&messages), "{what} came {messages} times");
}

/// What people are told of a service: so often of its failure, so often of its recovery.
fn assert_told(deadly: &Deadly, service: &str, what: &str) -> Result<()> {
    let mail = phases(&deadly.stage, service);
    let chat: Vec<_> = threads(&deadly.stage, service)?.into_iter().map(|(phase, _)| phase).collect();
    for (told, topic) in [(mail, "mail"), (chat, "chat")] {
        let failures = told.iter().filter(|phase| *phase == "failure").count();
        assert_once_or_twice(failures, &format!("{what}: the {topic}"));
        assert_eq!(told[failures..], ["recovered"], "{what}: {topic} {told:?}");
    }
    Ok(())
}

/// A service whose deployment fails while its events are held back (`true`) or lost.
async fn fail(deadly: &Deadly, name: &str, hold: bool) -> Result<String> {
    let stage = &deadly.stage;
    let arn = stage.account.services().create(ServiceSpec::image(name, IMAGE))?;
    stage.host.router.disturb(1, if hold { Disturbance::Hold } else { Disturbance::Lose });
    // The service's status RUNNING, which ends nothing.
    stage.host.router.disturb(1, Disturbance::Lose);
    stage.account.script(&arn, Script::new(Outcome::Fail).application_log(["no such file or directory"]));
    start_deployment(stage, &arn)?;
    stage.settle().await;
    Ok(arn)
}

async fn succeed(deadly: &Deadly, arn: &str) -> Result<()> {
    start_deployment(&deadly.stage, arn)?;
    deadly.stage.settle().await;
    Ok(())
}

async fn killed_during_a_failure(moment: Moment) -> Result<()> {
    let deadly = Deadly::raise().await?;
    reconcile(&deadly.stage).await?;
    for call in 1.. {
        let name = format!("orders-{call}");
        let arn = fail(&deadly, &name, true).await?;
        deadly.arm(call, moment);
        ensure!(deadly.stage.host.router.release(Order::Sent) == 1, "one event was held");
        deadly.stage.settle().await;
        let died = deadly.disarm();
        assert_says(&about(&deadly.stage, &name)[0].message, &["no such file or directory"]);
        reconcile(&deadly.stage).await?;
        autopilot_tests::records::assert_told(&deadly.stage)?;
        succeed(&deadly, &arn).await?;
        assert_told(&deadly, &name, &format!("killed {moment:?} of call {call}"))?;
        if !died {
            assert!(call > 12, "a failure takes more than {call} calls");
            return assert_well(&deadly.stage);
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_alert_survives_a_kill_before_each_call() -> Result<()> {
    killed_during_a_failure(Moment::BeforeWork).await
}

#[tokio::test]
async fn an_alert_survives_a_kill_after_each_call() -> Result<()> {
    killed_during_a_failure(Moment::BeforeAnswer).await
}

async fn killed_during_the_reconciliation(moment: Moment) -> Result<()> {
    let deadly = Deadly::raise().await?;
    reconcile(&deadly.stage).await?;
    for call in 1.. {
        let name = format!("orders-{call}");
        let arn = fail(&deadly, &name, false).await?;
        deadly.arm(call, moment);
        let ended = autopilot_tests::invoke_as_event(&deadly.stage, r#"{"command":"reconcile"}"#).await?;
        ensure!(ended.gave_up.is_none(), "call {call}: {ended:?}");
        let died = deadly.disarm();
        assert_eq!(died, ended.attempts.len() > 1, "call {call}");
        autopilot_tests::records::assert_told(&deadly.stage)?;
        succeed(&deadly, &arn).await?;
        assert_told(&deadly, &name, &format!("killed {moment:?} of call {call}"))?;
        // One service at a time, so that the calls of the next round are about the next one.
        autopilot_tests::app_runner(&deadly.stage, "DeleteService", &json!({"ServiceArn": arn}))?;
        deadly.stage.settle().await;
        if !died {
            assert!(call > 15, "a reconciliation takes more than {call} calls");
            return assert_well(&deadly.stage);
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_reconciliation_survives_a_kill_before_each_call() -> Result<()> {
    killed_during_the_reconciliation(Moment::BeforeWork).await
}

#[tokio::test]
async fn a_reconciliation_survives_a_kill_after_each_call() -> Result<()> {
    killed_during_the_reconciliation(Moment::BeforeAnswer).await
}

#[tokio::test]
async fn an_announcement_survives_a_kill_at_each_call() -> Result<()> {
    let deadly = Deadly::raise().await?;
    for moment in [Moment::BeforeWork, Moment::BeforeAnswer] {
        for call in 1.. {
            let mut event = sample("notify/announcement-rollback-held.json")?;
            let (id, summary) =
                (format!("orders-api:{moment:?}-{call}"), format!("held {moment:?} at {call}."));
            event["detail"]["announcement_id"] = format!("{id}#0").into();
            event["detail"]["incident_id"] = id.clone().into();
            event["detail"]["summary"] = summary.clone().into();
            deadly.arm(call, moment);
            deadly.stage.account.bus().put(event);
            deadly.stage.settle().await;
            let died = deadly.disarm();
            let told = alerts(&deadly.stage);
            let mail = told.iter().filter(|message| message.message.contains(&summary)).count();
            assert_once_or_twice(mail, &format!("{id}: the mail"));
            let chat =
                threads(&deadly.stage, "orders-api")?.iter().filter(|(_, thread)| *thread == id).count();
            assert_once_or_twice(chat, &format!("{id}: the chat"));
            autopilot_tests::records::assert_told(&deadly.stage)?;
            if !died {
                assert!(call > 6, "an announcement takes more than {call} calls");
                break;
            }
        }
    }
    assert_well(&deadly.stage)
}
