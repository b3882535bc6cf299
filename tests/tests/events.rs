//! Every documented event, in every spelling, repeated and in any order: exactly the failing ones alert.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use autopilot_tests::{
    alerts, app_runner, assert_well,
    messages::{self, about, assert_says, threads},
    order::shuffled,
    phases, sample, samples, stage,
};
use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use sandbox::{
    aws::{Outcome, Script, apprunner::ServiceSpec},
    host::router::{Delivery, Disturbance, Order, Outcome as Delivered},
    stage::Stage,
};
use serde_json::{Value, json};

/// The samples of the 18 operation statuses and the 6 service statuses, and how many of them are failures.
const DOCUMENTED: [(&str, usize, usize); 2] = [("operation-", 18, 6), ("status-", 6, 2)];

fn is_failure(name: &str) -> bool {
    name.ends_with("-failed.json")
}

/// The samples whose names begin so, without the word that no page documents.
fn documented() -> Result<Vec<(String, Value)>> {
    let begins = |name: &str| DOCUMENTED.iter().any(|(start, ..)| name.starts_with(start));
    let all = samples()?.into_iter();
    Ok(all.filter(|(name, _)| begins(name) && name != "operation-unknown-failed.json").collect())
}

/// Every event that is about the service of the sample, now about one named after the sample.
fn each_about_its_own_service(events: Vec<(String, Value)>) -> Vec<(String, Value)> {
    let renamed = |(name, event): (String, Value)| {
        let service = name.trim_end_matches(".json").to_owned();
        let text = event.to_string().replace("orders-api", &service).replace("my-app", &service);
        (service, text.parse().unwrap_or_default())
    };
    events.into_iter().map(renamed).collect()
}

fn thrice(events: &[(String, Value)], seed: u64) -> Vec<Value> {
    let events: Vec<_> = events.iter().map(|(_, event)| event.clone()).collect();
    shuffled([events.clone(), events.clone(), events].concat(), seed)
}

#[test]
fn the_samples_are_complete_and_have_the_shape_of_events() -> Result<()> {
    let documented = documented()?;
    for (start, count, failures) in DOCUMENTED {
        let of_kind: Vec<_> = documented.iter().filter(|(name, _)| name.starts_with(start)).collect();
        let failing = of_kind.iter().filter(|(name, _)| is_failure(name)).count();
        assert_eq!((of_kind.len(), failing), (count, failures), "{start}");
    }
    let words: BTreeSet<_> = documented
        .iter()
        .filter_map(|(_, event)| {
            let detail = &event["detail"];
            detail["operationStatus"].as_str().or_else(|| detail["currentServiceStatus"].as_str())
        })
        .collect();
    assert_eq!(words.len(), 24, "each word once: {words:?}");
    let mut seen = BTreeSet::new();
    for (name, event) in samples()? {
        if event.get("command").is_some() {
            continue;
        }
        let parsed: EventBridgeEvent<Value> =
            serde_json::from_value(event.clone()).with_context(|| name.clone())?;
        assert_eq!(json!(parsed.detail), event["detail"], "{name}");
        assert_eq!(parsed.source, event["source"], "{name}");
        assert_eq!(parsed.detail_type, event["detail-type"], "{name}");
        let id = parsed.id.context("a sample has an id")?;
        // The guide's two samples have one id.
        assert!(seen.insert(id) || name.starts_with("guide-"), "{name} has the id of another sample");
    }
    Ok(())
}

#[tokio::test]
async fn exactly_the_failing_events_of_one_service_alert_in_any_order() -> Result<()> {
    for seed in [1, 2, 3] {
        let stage = stage().await?;
        for event in thrice(&documented()?, seed) {
            stage.account.bus().put(event);
            stage.settle().await;
        }
        assert_eight_failures(&stage, seed)?;
    }
    Ok(())
}

#[tokio::test]
async fn exactly_the_failing_events_of_one_service_alert_when_all_come_at_once() -> Result<()> {
    let stage = stage().await?;
    for event in thrice(&documented()?, 4) {
        stage.account.bus().put(event);
    }
    stage.settle().await;
    assert_eight_failures(&stage, 4)
}

fn assert_eight_failures(stage: &Stage, seed: u64) -> Result<()> {
    let failures: Vec<_> = about(stage, "orders-api")
        .into_iter()
        .filter(|message| message.attributes["phase"] == "failure")
        .map(|message| message.subject.unwrap_or_default())
        .collect();
    let mut kinds = BTreeMap::new();
    for subject in &failures {
        let kind = ["creation", "deletion", "update", "deployment", "pause", "resume"]
            .into_iter()
            .find(|kind| subject.contains(kind));
        *kinds.entry(kind.with_context(|| subject.clone())?).or_insert(0) += 1;
    }
    // Six operations, and two statuses that came too late to belong to any of them.
    let expected =
        [("creation", 2), ("deletion", 2), ("deployment", 1), ("pause", 1), ("resume", 1), ("update", 1)];
    assert_eq!(kinds, BTreeMap::from(expected), "order {seed}: {failures:#?}");
    let told = threads(stage, "orders-api")?;
    let failed: Vec<_> =
        told.iter().filter(|(phase, _)| phase == "failure").map(|(_, thread)| thread).collect();
    let distinct: BTreeSet<_> = failed.iter().collect();
    assert_eq!((failed.len(), distinct.len()), (8, 8), "order {seed}: one thread an incident");
    for (phase, thread) in &told {
        assert!(distinct.contains(&thread), "order {seed}: {phase} in a thread of its own");
    }
    assert_well(stage)
}

#[tokio::test]
async fn every_sample_in_every_spelling_alerts_once_if_it_is_a_failure() -> Result<()> {
    let wanted = |name: &str| !name.starts_with("announcement-") && !name.starts_with("custom-domain-");
    let events: Vec<_> = samples()?
        .into_iter()
        .filter(|(name, event)| wanted(name) && event.get("command").is_none())
        .collect();
    let names: Vec<_> = events.iter().map(|(name, _)| name.clone()).collect();
    let events = each_about_its_own_service(events);
    let stage = stage().await?;
    for event in thrice(&events, 5) {
        stage.account.bus().put(event);
    }
    stage.settle().await;
    for (name, (service, _)) in names.iter().zip(&events) {
        let expected = if is_failure(name) { vec!["failure"] } else { vec![] };
        assert_eq!(phases(&stage, service), expected, "{name}");
    }
    let failures = names.iter().filter(|name| is_failure(name)).count();
    assert_eq!((alerts(&stage).len(), failures), (failures, 14), "nothing else is told");
    let unknown = &about(&stage, "operation-unknown-failed")[0];
    assert_says(unknown.subject.as_deref().unwrap_or_default(), &["RestartServiceFailed failed"]);
    assert_well(&stage)
}

#[tokio::test]
async fn the_guides_samples_are_handled() -> Result<()> {
    let stage = stage().await?;
    for name in ["guide-service-status.json", "guide-operation-status.json"] {
        let answer = autopilot_tests::command(&stage, &sample(&format!("notify/{name}"))?).await?;
        assert_eq!(answer["ok"], true, "{name}");
        assert_eq!(answer["reason"], "no incident of this service is open", "{name}");
    }
    assert!(alerts(&stage).is_empty());
    assert_well(&stage)
}

/// A creation fails: both events are about to arrive.
async fn with_a_failed_creation() -> Result<Stage> {
    let stage = stage().await?;
    stage.host.router.disturb(2, Disturbance::Hold);
    stage.account.script("orders", Script::new(Outcome::Fail));
    app_runner(&stage, "CreateService", &create_orders())?;
    stage.settle().await;
    Ok(stage)
}

fn create_orders() -> Value {
    let mut input = ServiceSpec::image("orders", autopilot_tests::IMAGE).configuration;
    input["ServiceName"] = "orders".into();
    input
}

/// Whether the delivery's invocation needed a process of its own; nothing where there was none.
fn started_a_process(delivery: &Delivery) -> Option<bool> {
    match &delivery.outcome {
        Delivered::Done(ended) => ended.last().map(|attempt| attempt.cold),
        _ => None,
    }
}

#[tokio::test]
async fn the_status_event_beside_the_operation_event_adds_nothing() -> Result<()> {
    for order in [Order::Sent, Order::Reversed] {
        let stage = with_a_failed_creation().await?;
        // Both at the same time: two processes race for one record.
        assert_eq!(stage.host.router.release(order), 2);
        stage.settle().await;
        let processes: Vec<_> = stage.host.router.deliveries().iter().filter_map(started_a_process).collect();
        assert_eq!(processes, [true, true], "both ran at the same time");
        assert_eq!(phases(&stage, "orders"), ["failure"]);
        assert_eq!(messages::chats(&stage)?.len(), 1);
        assert_says(
            alerts(&stage)[0].subject.as_deref().unwrap_or_default(),
            &["[critical] orders: creation failed, nothing is serving (us-east-1)"],
        );
        assert_well(&stage)?;
    }
    Ok(())
}

#[tokio::test]
async fn the_status_event_alone_alerts_too() -> Result<()> {
    for lost_first in [true, false] {
        let stage = stage().await?;
        let (first, second) = if lost_first {
            (Disturbance::Lose, Disturbance::Deliver)
        } else {
            (Disturbance::Deliver, Disturbance::Lose)
        };
        stage.host.router.disturb(1, first);
        stage.host.router.disturb(1, second);
        stage.account.script("orders", Script::new(Outcome::Fail));
        app_runner(&stage, "CreateService", &create_orders())?;
        stage.settle().await;
        assert_eq!(phases(&stage, "orders"), ["failure"], "lost: the first {lost_first}");
        let arn = alerts(&stage)[0].message.clone();
        assert_says(&arn, &["CREATE_SERVICE", "FAILED"]);
        assert_well(&stage)?;
    }
    Ok(())
}

#[tokio::test]
async fn announcements_are_told_once_in_their_incidents_thread() -> Result<()> {
    let stage = stage().await?;
    let announced: Vec<_> =
        samples()?.into_iter().filter(|(name, _)| name.starts_with("announcement-")).collect();
    assert_eq!(announced.len(), 22);
    for event in thrice(&announced, 6) {
        stage.account.bus().put(event);
    }
    stage.settle().await;
    let mut expected: Vec<_> = announced
        .iter()
        .map(|(_, event)| {
            let detail = &event["detail"];
            [&detail["phase"], &detail["incident_id"], &detail["reason"]]
                .map(|field| field.as_str().unwrap_or_default().to_owned())
        })
        .collect();
    let mut told: Vec<_> = messages::chats(&stage)?
        .iter()
        .map(|chat| {
            [
                &chat["metadata"]["eventType"],
                &chat["metadata"]["threadId"],
                &chat["metadata"]["additionalContext"]["kind"],
            ]
            .map(|field| field.as_str().unwrap_or_default().to_owned())
        })
        .collect();
    expected.sort();
    told.sort();
    assert_eq!(told, expected);
    let alerts = alerts(&stage);
    let mut attributes: Vec<_> = alerts.iter().map(|m| m.attributes["phase"].clone()).collect();
    attributes.sort();
    let mut phases: Vec<_> = expected.into_iter().map(|[phase, ..]| phase).collect();
    phases.sort();
    assert_eq!(attributes, phases);
    for (name, event) in &announced {
        let summary = event["detail"]["summary"].as_str().unwrap_or_default();
        assert_eq!(alerts.iter().filter(|m| m.message.contains(summary)).count(), 1, "{name}: {summary}");
    }
    assert_well(&stage)
}

#[tokio::test]
async fn a_custom_domains_trouble_is_told_and_its_end_too() -> Result<()> {
    let stage = stage().await?;
    for name in ["custom-domain-failed.json", "custom-domain-failed.json", "custom-domain-active.json"] {
        stage.account.bus().put(sample(&format!("notify/{name}"))?);
        stage.settle().await;
    }
    assert_eq!(phases(&stage, "orders-api"), ["failure", "recovered"]);
    let alert = &alerts(&stage)[0];
    assert_says(
        alert.subject.as_deref().unwrap_or_default(),
        &["certificate validation of orders.example.com failed"],
    );
    let threads: BTreeSet<_> = threads(&stage, "orders-api")?.into_iter().map(|(_, thread)| thread).collect();
    assert_eq!(threads.len(), 1, "{threads:?}");
    assert_well(&stage)
}
