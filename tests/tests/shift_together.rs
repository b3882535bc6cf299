//! Many shifts of one zone, two hands at once, crashes, throttling, alarms: `shift` through its real binary.

use anyhow::{Context as _, Result};
use autopilot_tests::{
    assert_well,
    crossing::{Crossing, NAME, ORIGIN, ZONE, cname},
};
use futures_util::future::join_all;
use sandbox::aws::{
    Fault, Options,
    apprunner::{DomainStatus, ServiceStatus},
    cloudwatch::alarms::{AlarmKind, AlarmState},
};
use serde_json::{Value, json};

/// Shifts of so many names, each started.
async fn started(crossing: &Crossing, names: usize, changed: &Value) -> Result<Vec<String>> {
    let names: Vec<String> = (0..names).map(|number| format!("n{number}.example.com")).collect();
    for (number, name) in names.iter().enumerate() {
        let service = crossing.add_name(&format!("orders-{number}"), name)?;
        let mut changed = changed.clone();
        changed["from"] = json!({"service_arn": service});
        changed["record_name"] = json!(name);
        crossing.start(&changed).await?;
    }
    Ok(names)
}

/// Requests to Route 53 since the log was cleared: listings, questions after changes, batches.
fn route53(crossing: &Crossing) -> (usize, usize, usize) {
    let count = |operation| crossing.count("route53", operation);
    (count("ListResourceRecordSets"), count("GetChange"), count("ChangeResourceRecordSets"))
}

#[tokio::test]
async fn shifts_of_one_zone_share_readings_and_batches() -> Result<()> {
    let crossing = Crossing::raise().await?;
    crossing.serve(100.0, 0.0);
    let names = started(&crossing, 50, &json!({"bake_time": "30m"})).await?;
    // Changes of 50 starts are asked after a few at a time.
    for _ in 0..8 {
        crossing.stage.account.requests().clear();
        crossing.tick().await?;
        let (listings, questions, batches) = route53(&crossing);
        assert!(listings + questions + batches <= 30, "{listings} + {questions} + {batches}");
    }
    for name in &names {
        crossing.assert_weights(name, 50, 50);
    }
    crossing.tick().await?;
    crossing.stage.account.requests().clear();
    crossing.tick().await?;
    let (listings, questions, batches) = route53(&crossing);
    assert!(listings + questions <= 12 && batches == 0, "idle: {listings} + {questions} + {batches}");
    // All of them fail: they turn back together, in a batch of their own.
    crossing.serve(100.0, 90.0);
    crossing.stage.account.requests().clear();
    for _ in 0..3 {
        crossing.tick().await?;
    }
    for name in &names {
        crossing.assert_weights(name, 100, 0);
    }
    assert_eq!(crossing.count("route53", "ChangeResourceRecordSets"), 1);
    assert_well(&crossing.stage)
}

#[tokio::test]
async fn one_rejected_shift_does_not_hold_up_the_others() -> Result<()> {
    let crossing = Crossing::raise().await?;
    crossing.serve(100.0, 0.0);
    let names = started(&crossing, 3, &json!({"bake_time": "30m"})).await?;
    // As if somebody had edited a record between the reading and the batch.
    crossing.tick().await?;
    crossing.stage.account.faults().next(
        "route53",
        "ChangeResourceRecordSets",
        1,
        Fault::Refuse { code: "InvalidChangeBatch".to_owned(), message: "not found".to_owned() },
    );
    crossing.tick().await?;
    crossing.tick().await?;
    for name in &names {
        crossing.assert_weights(name, 50, 50);
    }
    assert_well(&crossing.stage)
}

#[tokio::test]
async fn of_two_starts_at_once_one_begins_and_two_ticks_make_one_step() -> Result<()> {
    let crossing = Crossing::raise().await?;
    crossing.serve(100.0, 0.0);
    let start = json!({"command": "start", "plan": crossing.plan(&json!({"bake_time": "30m"}))});
    let answers = join_all((0..4).map(|_| crossing.ask(&start))).await;
    for answer in answers {
        assert_eq!(answer?["ok"], true, "the same start is the same shift");
    }
    assert_eq!(crossing.announced(), ["started accepted"]);
    crossing.tick().await?;
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let tick = json!({"command": "tick"});
    let ticks = join_all((0..4).map(|_| crossing.ask(&tick))).await;
    ticks.into_iter().collect::<Result<Vec<_>>>()?;
    crossing.tick().await?;
    crossing.assert_weights(NAME, 50, 50);
    assert_eq!(crossing.status().await?["step"], 1);
    assert_eq!(crossing.announced(), ["started accepted", "progressed step"]);
    assert_well(&crossing.stage)
}

#[tokio::test]
async fn throttling_delays_and_loses_nothing() -> Result<()> {
    let crossing = Crossing::raise().await?;
    crossing.serve(100.0, 0.0);
    crossing.start(&json!({"bake_time": "30m"})).await?;
    crossing.stage.account.faults().next("route53", "*", 2, Fault::Throttle);
    crossing.tick_while(|shift| shift["step"] == 0).await?;
    crossing.assert_weights(NAME, 50, 50);
    crossing.stage.account.faults().next("route53", "ChangeResourceRecordSets", 2, Fault::Throttle);
    let aborted = crossing.tell("abort").await?;
    assert_eq!(
        (&aborted["ok"], &aborted["shift"]["phase"]),
        (&json!(true), &json!("RolledBack")),
        "{aborted:#}"
    );
    crossing.assert_weights(NAME, 100, 0);
    assert_well(&crossing.stage)
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_recognised() -> Result<()> {
    let account = Options { hold: std::time::Duration::from_secs(4), ..Options::default() };
    let crossing = Crossing::raise_with(account).await?;
    crossing.serve(100.0, 0.0);
    let lose_the_next_answer = || {
        let faults = crossing.stage.account.faults();
        faults.next("route53", "ChangeResourceRecordSets", 1, Fault::TimeoutAfterWork);
    };
    lose_the_next_answer();
    crossing.start(&json!({"bake_time": "30m"})).await?;
    crossing.assert_weights(NAME, 100, 0);
    crossing.tick().await?;
    let events = |shift: &Value| -> Vec<String> {
        let entries = shift["history"].as_array().into_iter().flatten();
        entries.filter_map(|entry| entry["event"].as_str().map(str::to_owned)).collect()
    };
    assert_eq!(events(&crossing.status().await?), ["accepted", "prepared"]);
    let promoted = crossing.tell("promote").await?;
    assert_eq!(promoted["shift"]["step"], 0, "not before the pair is everywhere: {promoted:#}");
    lose_the_next_answer();
    let aborted = crossing.tell("abort").await?;
    assert_eq!(aborted["shift"]["phase"], "RolledBack", "the records were so already: {aborted:#}");
    crossing.assert_weights(NAME, 100, 0);
    assert_eq!(crossing.announced(), ["started accepted", "failed aborted"]);
    crossing.stage.account.faults().clear();
    crossing.start(&json!({"bake_time": "30m"})).await?;
    crossing.tick_while(|shift| shift["step"] == 0).await?;
    lose_the_next_answer();
    let aborted = crossing.tell("abort").await?;
    assert_eq!(aborted["ok"], false, "nobody knows yet: {aborted:#}");
    crossing.assert_weights(NAME, 100, 0);
    crossing.tick_until("RolledBack").await?;
    assert_well(&crossing.stage)
}

#[tokio::test]
async fn an_alarm_makes_it_look_at_once() -> Result<()> {
    let crossing = Crossing::raise().await?;
    crossing.serve(100.0, 0.0);
    let cloudwatch = crossing.stage.account.cloudwatch();
    cloudwatch.add_alarm("checkout-5xx", AlarmKind::Metric, AlarmState::Ok);
    // With this interval no tick would count it for an hour.
    let plan = json!({
        "bake_time": "30m", "alarms": ["checkout-5xx"], "failure_limit": 1, "analysis_interval": "1h",
    });
    crossing.start(&plan).await?;
    crossing.tick_while(|shift| shift["step"] == 0).await?;
    cloudwatch.set_alarm("checkout-5xx", AlarmState::Alarm);
    crossing.stage.settle().await;
    crossing.assert_weights(NAME, 100, 0);
    assert_eq!(crossing.announced().last().map(String::as_str), Some("failed alarm"));
    assert_well(&crossing.stage)
}

#[tokio::test]
async fn it_does_not_turn_back_onto_a_paused_service_by_itself() -> Result<()> {
    let crossing = Crossing::raise().await?;
    crossing.serve(100.0, 0.0);
    crossing.start(&json!({"bake_time": "30m"})).await?;
    crossing.tick_while(|shift| shift["step"] == 0).await?;
    crossing.stage.account.services().set_status(&crossing.service, ServiceStatus::Paused)?;
    crossing.serve(100.0, 90.0);
    let shift = crossing.tick_while(|shift| shift["held_by"] != "from-not-healthy").await?;
    assert!(shift["waiting_for"].as_str().unwrap_or_default().contains("is PAUSED"), "{shift:#}");
    assert_eq!(shift["from_side"]["objection"], "the App Runner service is PAUSED", "{shift:#}");
    crossing.assert_weights(NAME, 50, 50);
    let refused = crossing.tell("abort").await?;
    assert_eq!(refused["ok"], false, "{refused:#}");
    crossing.stage.account.services().set_status(&crossing.service, ServiceStatus::Running)?;
    crossing.tick_until("RolledBack").await?;
    crossing.assert_weights(NAME, 100, 0);
    assert_well(&crossing.stage)
}

#[tokio::test]
async fn finish_waits_for_the_services_other_domains() -> Result<()> {
    let crossing = Crossing::raise().await?;
    crossing.serve(100.0, 0.0);
    let services = crossing.stage.account.services();
    services.add_domain(&crossing.service, "example.com", true, DomainStatus::Active)?;
    let put = crossing.stage.account.route53().put_record(ZONE, &cname("www.example.com", ORIGIN));
    put.map_err(|error| anyhow::anyhow!(error.message))?;
    crossing.start(&json!({"step_weights": [100]})).await?;
    crossing.tick_until("Validating").await?;
    let refused = crossing.tell("finish").await?;
    let message = refused["errors"][0]["message"].as_str().context("an error")?;
    let expected =
        "example.com (has no record in this zone, so it cannot be told), www.example.com may still lead";
    assert!(message.starts_with(expected), "{message}");
    let forced = crossing.ask(&json!({"command": "finish", "record_name": NAME, "force": true})).await?;
    let left = json!(["example.com (has no record in this zone, so it cannot be told)", "www.example.com"]);
    assert_eq!((&forced["ok"], &forced["blocked_by"]), (&json!(true), &left), "{forced:#}");
    assert_well(&crossing.stage)
}
