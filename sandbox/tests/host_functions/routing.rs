//! Events and schedules on their way to functions, and what may happen to them
//! on that way.

use std::time::Duration;

use sandbox::host::Host;
use sandbox::host::router::{Delivery, Disturbance, Order, Outcome};
use serde_json::{Value, json};

use crate::{host, options};

fn event(id: &str, detail: &Value) -> Value {
    json!({"id": id, "source": "aws.apprunner", "detail-type": "X", "detail": detail})
}

/// `event:function/rule` of each delivery, in order.
fn routes(host: &Host) -> Vec<String> {
    let deliveries = host.router.deliveries();
    deliveries.iter().map(|d| format!("{}:{}/{}", d.event, d.function, d.rule)).collect()
}

fn received(delivery: &Delivery) -> Option<Value> {
    match &delivery.outcome {
        Outcome::Done(outcome) => Some(outcome.last()?.json().ok()?["event"].clone()),
        _ => None,
    }
}

#[tokio::test]
async fn every_rule_that_matches_gets_the_event() {
    let host = host(&options()).unwrap();
    let on_event = host.on_event();
    let sent = event("1", &json!({"do": "echo"}));
    on_event(sent.clone());
    on_event(event("2", &json!({"else": 1})));
    on_event(json!({"id": "3", "source": "aws.ec2"}));
    assert!(!host.router.is_idle());
    host.router.idle().await;
    assert!(host.router.is_idle());

    assert_eq!(routes(&host), ["1:Echo/Everything", "1:Echo/Failures", "2:Echo/Everything", "3:/"]);
    let deliveries = host.router.deliveries();
    assert_eq!(received(&deliveries[0]), Some(json!({"do": "echo", "rule": "Everything"})));
    assert_eq!(received(&deliveries[1]), Some(sent));
    assert!(matches!(deliveries[3].outcome, Outcome::Unmatched));
}

#[tokio::test]
async fn failures_show_in_the_record() {
    let host = host(&options()).unwrap();
    host.router.deliver(event("1", &json!({"do": "fail"})));
    host.router.idle().await;
    let delivery = host.router.deliveries().remove(1);
    let Outcome::Done(outcome) = delivery.outcome else { panic!("{:?}", delivery.outcome) };
    assert_eq!((delivery.rule.as_str(), outcome.attempts.len()), ("Failures", 3));
    assert_eq!(host.lambda.destination_records().len(), 1);
}

#[tokio::test]
async fn the_bus_may_lose_and_repeat() {
    let host = host(&options()).unwrap();
    host.router.disturb(2, Disturbance::Lose);
    host.router.disturb(1, Disturbance::Deliver);
    host.router.disturb(1, Disturbance::Duplicate);
    // An event that nobody wants uses up no disturbance.
    host.router.deliver(json!({"id": "0", "source": "aws.ec2"}));
    for id in ["1", "2", "3", "4", "5"] {
        host.router.deliver(event(id, &json!({"n": 1})));
    }
    host.router.idle().await;
    let expected = ["0:/", "1:/", "2:/", "3:Echo/Everything"];
    let repeated = ["4:Echo/Everything", "4:Echo/Everything", "5:Echo/Everything"];
    assert_eq!(routes(&host), [&expected[..], &repeated[..]].concat());
    assert!(matches!(host.router.deliveries()[1].outcome, Outcome::Lost));
}

#[tokio::test]
async fn the_bus_may_hold_and_reorder() {
    let host = host(&options()).unwrap();
    host.router.disturb(2, Disturbance::Hold);
    for id in ["1", "2", "3"] {
        host.router.deliver(event(id, &json!({"n": 1})));
    }
    host.router.idle().await;
    assert_eq!(routes(&host), ["3:Echo/Everything"]);
    assert_eq!(host.router.release(Order::Reversed), 2);
    assert_eq!(host.router.release(Order::Sent), 0);
    host.router.idle().await;
    assert_eq!(routes(&host), ["3:Echo/Everything", "2:Echo/Everything", "1:Echo/Everything"]);
}

#[tokio::test]
async fn the_bus_may_delay() {
    let host = host(&options()).unwrap();
    host.router.disturb(1, Disturbance::Delay(Duration::from_millis(100)));
    host.router.deliver(event("1", &json!({"n": 1})));
    host.router.deliver(event("2", &json!({"n": 1})));
    host.router.idle().await;
    assert_eq!(routes(&host), ["2:Echo/Everything", "1:Echo/Everything"]);
}

#[tokio::test]
async fn events_may_come_from_any_thread() {
    let host = host(&options()).unwrap();
    let on_event = host.on_event();
    std::thread::spawn(move || on_event(event("1", &json!({"n": 1})))).join().unwrap();
    host.router.idle().await;
    assert!(received(&host.router.deliveries()[0]).is_some());
}

#[tokio::test]
async fn schedules_fire_as_the_test_says() {
    let host = host(&options()).unwrap();
    assert_eq!(host.router.next_tick().unwrap().to_string(), "2026-01-01T00:01:00Z");
    assert!(host.router.tick("2026-01-01T00:00:59Z".parse().unwrap()).is_empty());
    assert_eq!(host.router.tick("2026-01-01T00:01:00Z".parse().unwrap()).len(), 1);
    assert_eq!(host.router.tick("2026-01-01T03:00:30Z".parse().unwrap()).len(), 2);
    host.router.idle().await;
    assert_eq!(
        routes(&host),
        [
            "2026-01-01T00:01:00Z:Echo/Tick",
            "2026-01-01T03:00:00Z:Echo/Tick",
            "2026-01-01T03:00:00Z:Single/Daily"
        ]
    );
    let deliveries = host.router.deliveries();
    assert_eq!(received(&deliveries[0]), Some(json!({"do": "echo", "command": "tick"})));
    let daily = received(&deliveries[2]).unwrap();
    assert_eq!(
        (&daily["source"], &daily["detail-type"], &daily["time"], &daily["detail"]),
        (&json!("aws.events"), &json!("Scheduled Event"), &json!("2026-01-01T03:00:00Z"), &json!({}))
    );
    assert_eq!(
        daily["resources"],
        json!(["arn:aws:events:us-east-1:123456789012:rule/apprunner-autopilot-SingleDaily"])
    );
}
