//! Asynchronous invocations: repeats, age, and the on-failure destination.

use std::path::Path;
use std::time::{Duration, Instant};

use sandbox::host::Options;
use sandbox::host::invocation::Condition;
use serde_json::json;

use crate::{bytes, host, options};

const QUEUE: &str = "arn:aws:sqs:us-east-1:123456789012:apprunner-autopilot-FailureQueue";

#[tokio::test]
async fn a_failure_is_tried_three_times_under_one_request_id_and_then_recorded() {
    let host = host(&options()).unwrap();
    let payload = json!({"do": "fail", "n": 7});
    let accepted = host.lambda.invoke_async("Echo", bytes(&payload)).unwrap();
    let id = accepted.request_id.clone();
    let outcome = accepted.outcome().await.unwrap();
    assert_eq!(outcome.attempts.len(), 3);
    assert!(outcome.attempts.iter().all(|attempt| attempt.request_id == id));
    assert_eq!(outcome.gave_up, Some(Condition::RetriesExhausted));

    let [delivered] = host.lambda.destination_records().try_into().unwrap();
    assert_eq!((delivered.function.as_str(), delivered.destination.as_str()), ("Echo", QUEUE));
    let mut record = delivered.record;
    let timestamp = record["timestamp"].take();
    let timestamp = timestamp.as_str().unwrap();
    assert!(timestamp.parse::<jiff::Timestamp>().is_ok() && timestamp.len() == 24, "{timestamp}");
    let expected = json!({
        "version": "1.0",
        "timestamp": null,
        "requestContext": {
            "requestId": id,
            "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:apprunner-autopilot-Echo:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": payload,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": {"errorType": "Asked", "errorMessage": "failed as asked"},
    });
    assert_eq!(record, expected);
}

#[tokio::test]
async fn a_repeat_that_succeeds_ends_it() {
    let host = host(&options()).unwrap();
    let marker = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("once-{}", std::process::id()));
    let payload = json!({"do": "fail-once", "marker": marker});
    let outcome = host.lambda.invoke_async("Echo", bytes(&payload)).unwrap().outcome().await.unwrap();
    assert_eq!((outcome.attempts.len(), outcome.gave_up), (2, None));
    assert_eq!(outcome.last().unwrap().json().unwrap()["event"], payload);
    assert!(host.lambda.destination_records().is_empty());
}

#[tokio::test]
async fn a_killed_process_is_replaced_by_the_repeat() {
    let host = host(&options()).unwrap();
    let accepted = host.lambda.invoke_async("Echo", bytes(&json!({"do": "sleep", "ms": 400}))).unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(host.lambda.kill_all(), 1);
    let outcome = accepted.outcome().await.unwrap();
    let cold: Vec<bool> = outcome.attempts.iter().map(|attempt| attempt.cold).collect();
    assert_eq!((cold, outcome.gave_up), (vec![true, true], None));
}

#[tokio::test]
async fn the_configured_number_of_retries_holds() {
    let host = host(&options()).unwrap();
    let outcome =
        host.lambda.invoke_async("Single", bytes(&json!({"do": "fail"}))).unwrap().outcome().await.unwrap();
    assert_eq!((outcome.attempts.len(), outcome.gave_up), (1, Some(Condition::RetriesExhausted)));
    assert!(host.lambda.destination_records().is_empty(), "it has no destination");
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the test measures the delays")]
async fn the_delays_are_waited_for() {
    let retry_delays = [Duration::from_millis(150), Duration::from_millis(250)];
    let host = host(&Options { retry_delays, ..options() }).unwrap();
    let started = Instant::now();
    let outcome =
        host.lambda.invoke_async("Echo", bytes(&json!({"do": "fail"}))).unwrap().outcome().await.unwrap();
    assert_eq!(outcome.attempts.len(), 3);
    assert!(started.elapsed() >= Duration::from_millis(400), "{:?}", started.elapsed());
}

#[tokio::test]
async fn an_event_that_is_too_old_is_given_up() {
    let host = host(&Options {
        retry_delays: [Duration::from_millis(300); 2],
        maximum_event_age: Some(Duration::from_millis(200)),
        ..options()
    })
    .unwrap();
    // A warm process, so that its start does not count.
    host.lambda.invoke("Echo", "{}").await.unwrap();
    let outcome =
        host.lambda.invoke_async("Echo", bytes(&json!({"do": "fail"}))).unwrap().outcome().await.unwrap();
    assert_eq!((outcome.attempts.len(), outcome.gave_up), (1, Some(Condition::EventAgeExceeded)));
    let record = host.lambda.destination_records().remove(0).record;
    assert_eq!(record["requestContext"]["condition"], "EventAgeExceeded");
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 1);
}

#[tokio::test]
async fn unreadable_payloads_are_kept_as_text() {
    let host = host(&options()).unwrap();
    host.lambda.invoke_async("Echo", r#"{"detail": {"#).unwrap().outcome().await.unwrap();
    let record = host.lambda.destination_records().remove(0).record;
    assert_eq!(record["requestPayload"], r#"{"detail": {"#);
    assert_eq!(record["responsePayload"]["errorType"], "BadJson");
}
