//! AWS fails in every way that it may: the alert arrives all the same, and no announcement is lost.

use std::time::Duration;

use anyhow::{Context as _, Result};
use autopilot_tests::{
    IMAGE, alerts, assert_well, calls, chats, invoke_as_event,
    messages::{assert_says, threads},
    phases, reconcile, records, sample, stage, start_deployment,
};
use sandbox::{
    aws::{Fault, Outcome, Script, apprunner::ServiceSpec},
    host::router::{Disturbance, Order},
    stage::Stage,
};
use tokio::time::Instant;

fn denied() -> Fault {
    Fault::Refuse { code: "AccessDeniedException".into(), message: "not authorized".into() }
}

/// A service whose deployment failed; the event of it is held back.
async fn with_a_failure() -> Result<(Stage, String, String)> {
    let stage = stage().await?;
    reconcile(&stage).await?;
    let arn = stage.account.services().create(ServiceSpec::image("orders", IMAGE))?;
    stage.host.router.disturb(1, Disturbance::Hold);
    stage.host.router.disturb(1, Disturbance::Lose);
    let script = Script::new(Outcome::FailThenRollBack).application_log(["exec format error"]);
    stage.account.script(&arn, script);
    let operation = start_deployment(&stage, &arn)?;
    stage.settle().await;
    stage.account.requests().clear();
    Ok((stage, arn, operation))
}

/// Lets the event arrive and waits until it is dealt with. Returns how long that took.
async fn arrive(stage: &Stage) -> Duration {
    let start = Instant::now();
    assert_eq!(stage.host.router.release(Order::Sent), 1);
    stage.settle().await;
    start.elapsed()
}

async fn recover(stage: &Stage, arn: &str) -> Result<()> {
    stage.account.faults().clear();
    start_deployment(stage, arn)?;
    stage.settle().await;
    assert_eq!(phases(stage, "orders"), ["failure", "recovered"]);
    assert_well(stage)
}

#[tokio::test]
async fn topics_that_fail_get_every_message_once_when_they_are_back() -> Result<()> {
    // The SDK tries each of the two messages three times, Lambda the event three times.
    for (fault, times) in [
        (Fault::Throttle, 1),
        (Fault::Throttle, 7),
        (Fault::ServerError, 2),
        (Fault::ServerError, 12),
        (Fault::Reset, 3),
        (Fault::Reset, 8),
        (Fault::Slow(Duration::from_millis(700)), 2),
    ] {
        let (stage, arn, _) = with_a_failure().await?;
        stage.account.faults().next("sns", "Publish", times, fault.clone());
        arrive(&stage).await;
        assert_eq!((alerts(&stage).len(), chats(&stage)?.len()), (1, 1), "{fault:?} {times} times");
        assert_says(&alerts(&stage)[0].message, &["exec format error"]);
        recover(&stage, &arn).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_topic_without_an_answer_gets_each_message_at_most_twice() -> Result<()> {
    let times_out = |fault: Fault| async move {
        let (stage, arn, _) = with_a_failure().await?;
        stage.account.faults().next("sns", "Publish", 1, fault.clone());
        arrive(&stage).await;
        let (mail, chat) = (alerts(&stage).len(), chats(&stage)?.len());
        let expected = if fault == Fault::TimeoutAfterWork { 3 } else { 2 };
        assert_eq!(mail + chat, expected, "{fault:?}: {mail} mails, {chat} chat messages");
        assert!(mail >= 1 && chat >= 1, "{fault:?}: {mail} mails, {chat} chat messages");
        stage.account.faults().clear();
        start_deployment(&stage, &arn)?;
        stage.settle().await;
        assert_eq!(phases(&stage, "orders").last().map(String::as_str), Some("recovered"));
        assert_well(&stage)
    };
    let (before, after) =
        tokio::join!(times_out(Fault::TimeoutBeforeWork), times_out(Fault::TimeoutAfterWork));
    before.and(after)
}

#[tokio::test]
async fn a_chat_topic_that_is_gone_does_not_hold_up_the_alerts() -> Result<()> {
    let stage = stage().await?;
    let gone = stage.template.reference("ChatTopic")?;
    stage.account.sns().remove_topic(gone.as_str().context("a topic's reference is its ARN")?);
    let arn = stage.account.services().create(ServiceSpec::image("orders", IMAGE))?;
    for outcome in [Outcome::Fail, Outcome::Succeed] {
        stage.account.script(&arn, outcome);
        start_deployment(&stage, &arn)?;
        stage.settle().await;
    }
    assert_eq!(phases(&stage, "orders"), ["failure", "recovered"]);
    assert!(chats(&stage)?.is_empty());
    assert_well(&stage)
}

#[tokio::test]
async fn a_topic_that_stays_down_is_served_by_the_reconciliation() -> Result<()> {
    let (stage, arn, _) = with_a_failure().await?;
    stage.account.faults().always("sns", "Publish", Fault::ServerError);
    arrive(&stage).await;
    let given_up = stage.host.lambda.destination_records();
    assert_eq!(given_up.len(), 1, "Lambda gave up and kept the event");
    assert_eq!(given_up[0].record["responsePayload"]["errorType"], "Retryable");
    assert!(alerts(&stage).is_empty());
    let answer = reconcile(&stage).await?;
    assert_eq!((&answer["ok"], &answer["failed"]), (&true.into(), &1.into()), "{answer}");
    stage.account.faults().clear();
    reconcile(&stage).await?;
    assert_eq!(phases(&stage, "orders"), ["failure"]);
    assert_says(&alerts(&stage)[0].message, &["exec format error", "ROLLBACK_SUCCEEDED"]);
    start_deployment(&stage, &arn)?;
    stage.settle().await;
    assert_eq!(phases(&stage, "orders"), ["failure", "recovered"]);
    assert_eq!(chats(&stage)?.len(), 2);
    records::assert_told(&stage)?;
    calls::assert_allowed(&stage)
}

#[tokio::test]
async fn without_logs_the_alert_goes_out_and_says_what_could_not_be_read() -> Result<()> {
    let without = |fault: Fault, why: &'static str| async move {
        let (stage, arn, operation) = with_a_failure().await?;
        stage.account.faults().always("logs", "*", fault.clone());
        let took = arrive(&stage).await;
        assert!(took < Duration::from_secs(6), "{fault:?}: {took:?}");
        let told = alerts(&stage);
        assert_eq!(told.len(), 1, "{fault:?}");
        let lists = [
            format!("the list of deployment logs: {why}"),
            format!("the list of application logs: {why}"),
            format!("the log stream events: {why}"),
        ];
        assert_says(&told[0].message, &[&operation, "NOT READ", &lists[0], &lists[1], &lists[2]]);
        assert!(!told[0].message.contains("exec format error"));
        recover(&stage, &arn).await
    };
    let (refused, failing, silent) = tokio::join!(
        without(denied(), "AccessDeniedException"),
        without(Fault::ServerError, "ServiceUnavailableException"),
        without(Fault::TimeoutBeforeWork, "no answer in time"),
    );
    refused.and(failing).and(silent)
}

#[tokio::test]
async fn an_incident_without_its_operation_is_given_it_later_and_not_told_again() -> Result<()> {
    let unreadable = |fault: Fault, why: &'static str| async move {
        let (stage, arn, operation) = with_a_failure().await?;
        for call in ["ListOperations", "DescribeService"] {
            stage.account.faults().always("apprunner", call, fault.clone());
        }
        let took = arrive(&stage).await;
        assert!(took < Duration::from_secs(6), "{fault:?}: the evidence budget is 4 s, it took {took:?}");
        let told = alerts(&stage);
        assert_eq!(told.len(), 1, "{fault:?}");
        let lists = [format!("the list of operations: {why}"), format!("the service's configuration: {why}")];
        assert_says(&told[0].message, &["outcome not known yet", &lists[0], &lists[1]]);
        assert!(!told[0].message.contains("Operation  "), "it is not known:\n{}", told[0].message);
        stage.account.faults().clear();
        let incident = &records::incidents(&stage, &arn)?[0];
        assert!(incident["operation"].is_null(), "{incident}");
        for _ in 0..2 {
            reconcile(&stage).await?;
        }
        let incidents = records::incidents(&stage, &arn)?;
        assert_eq!((incidents.len(), &incidents[0]["operation"]), (1, &operation.as_str().into()));
        let told: Vec<_> = phases(&stage, "orders");
        assert_eq!(told.iter().filter(|phase| *phase == "failure").count(), 1, "{told:?}");
        start_deployment(&stage, &arn)?;
        stage.settle().await;
        let mut threads = threads(&stage, "orders")?;
        assert_eq!(threads.last().map(|(phase, _)| phase.as_str()), Some("recovered"));
        threads.dedup_by_key(|(_, thread)| thread.clone());
        assert_eq!(threads.len(), 1, "the thread stays the same");
        assert_well(&stage)
    };
    let (refused, silent) = tokio::join!(
        unreadable(denied(), "AccessDeniedException"),
        unreadable(Fault::TimeoutBeforeWork, "no answer in time"),
    );
    refused.and(silent)
}

#[tokio::test]
async fn a_table_that_fails_costs_no_alert_and_repeats_none() -> Result<()> {
    for (operation, fault, times) in [
        ("*", Fault::Throttle, 2),
        ("*", Fault::Throttle, 9),
        ("*", Fault::ServerError, 4),
        ("GetItem", Fault::ServerError, 7),
        ("PutItem", Fault::ServerError, 3),
        ("PutItem", Fault::ServerError, 5),
        ("PutItem", Fault::Reset, 4),
        ("*", Fault::Slow(Duration::from_millis(600)), 6),
    ] {
        let (stage, arn, _) = with_a_failure().await?;
        stage.account.faults().next("dynamodb", operation, times, fault.clone());
        arrive(&stage).await;
        assert_eq!(
            (alerts(&stage).len(), chats(&stage)?.len()),
            (1, 1),
            "{operation} {fault:?} {times} times"
        );
        recover(&stage, &arn).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_recognised_as_ones_own() -> Result<()> {
    let lost = |before: usize| async move {
        let (stage, arn, _) = with_a_failure().await?;
        stage.account.faults().next("dynamodb", "PutItem", before, Fault::Slow(Duration::ZERO));
        stage.account.faults().next("dynamodb", "PutItem", 1, Fault::TimeoutAfterWork);
        arrive(&stage).await;
        assert_eq!(
            (alerts(&stage).len(), chats(&stage)?.len()),
            (1, 1),
            "the answer to write {} is lost",
            before + 1
        );
        recover(&stage, &arn).await
    };
    let (intent, clearing) = tokio::join!(lost(0), lost(1));
    intent.and(clearing)
}

#[tokio::test]
async fn an_announcement_is_not_lost_when_table_and_topics_fail() -> Result<()> {
    for (service, operation, times) in [
        ("dynamodb", "GetItem", 8),
        ("dynamodb", "PutItem", 8),
        ("sns", "Publish", 13),
        ("apprunner", "*", 50),
    ] {
        let stage = stage().await?;
        stage.account.faults().next(service, operation, times, Fault::ServerError);
        stage.account.bus().put(sample("notify/announcement-rollback-held.json")?);
        stage.settle().await;
        assert_eq!(phases(&stage, "orders-api"), ["held"], "{service} {operation}");
        assert_eq!(chats(&stage)?.len(), 1, "{service} {operation}");
        assert_well(&stage)?;
    }
    Ok(())
}

#[tokio::test]
async fn where_the_tags_cannot_be_read_people_are_told() -> Result<()> {
    let without = |fault: Fault| async move {
        let (stage, arn, _) = with_a_failure().await?;
        stage.account.faults().always("apprunner", "ListTagsForResource", fault);
        arrive(&stage).await;
        assert_eq!(phases(&stage, "orders"), ["failure"]);
        recover(&stage, &arn).await
    };
    let (refused, silent) = tokio::join!(without(denied()), without(Fault::TimeoutBeforeWork));
    refused.and(silent)
}

#[tokio::test]
async fn an_unreadable_record_is_a_permanent_error_that_keeps_the_event() -> Result<()> {
    let (stage, arn, _) = with_a_failure().await?;
    let broken = serde_json::json!({
        "pk": {"S": "notify"}, "sk": {"S": format!("subject {arn}")}, "version": {"N": "1"},
        "state": {"S": "{"}, "pending": {"S": "{}"},
    });
    stage.account.dynamodb().put(&records::table(&stage)?, &broken).expect("the item is well-formed");
    let event = sample("notify/operation-deployment-failed.json")?.to_string();
    let name = arn.rsplit_once("service/").map_or("", |(_, name)| name);
    let event = event.replace("orders-api/0af36b1c5c2f4c6f9d3f1a7e5b8c2d41", name);
    let ended = invoke_as_event(&stage, event).await?;
    let error = ended
        .last()
        .and_then(|attempt| attempt.error.clone())
        .expect("state that cannot be read is an error");
    assert_eq!(error.error_type, "Permanent");
    assert_says(&error.error_message, &["attribute state"]);
    assert_eq!(stage.host.lambda.destination_records().len(), 1);
    Ok(())
}
