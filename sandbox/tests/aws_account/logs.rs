//! CloudWatch Logs over the wire: windows, tokens, order, limits.

use crate::wire::{Client, start};
use jiff::Timestamp;
use sandbox::aws::Sandbox;
use serde_json::{Value, json};

async fn seeded(lines: i64) -> (Sandbox, Client) {
    let (sandbox, client) = start().await;
    // The order of arrival is not that of time.
    for second in (0..lines).rev() {
        let at = Timestamp::from_second(1_000 + second).unwrap();
        sandbox.put_log("/group", "events", at, &format!("line {second}"));
    }
    (sandbox, client)
}

fn messages(answer: &Value) -> Vec<&str> {
    answer["events"].as_array().unwrap().iter().map(|event| event["message"].as_str().unwrap()).collect()
}

fn get(more: &Value) -> Value {
    let mut input = json!({ "logGroupName": "/group", "logStreamName": "events" });
    for (name, value) in more.as_object().unwrap() {
        input[name] = value.clone();
    }
    input
}

#[tokio::test]
async fn windows_are_ascending_and_half_open() {
    let (_sandbox, client) = seeded(10).await;
    for (window, expected) in [
        (json!({ "startTime": 1_003_000, "endTime": 1_006_000 }), vec!["line 3", "line 4", "line 5"]),
        (json!({ "limit": 2 }), vec!["line 8", "line 9"]),
        (json!({ "limit": 2, "startFromHead": true }), vec!["line 0", "line 1"]),
        (json!({ "limit": 2, "endTime": 1_005_000 }), vec!["line 3", "line 4"]),
        (json!({ "startTime": 9_000_000 }), vec![]),
    ] {
        let answer = client.logs("GetLogEvents", get(&window)).await.unwrap();
        assert_eq!(messages(&answer), expected, "{window}");
    }
}

#[tokio::test]
async fn tokens_lead_to_both_ends_and_then_repeat() {
    let (sandbox, client) = seeded(10).await;
    let mut page =
        client.logs("GetLogEvents", get(&json!({ "limit": 4, "startFromHead": true }))).await.unwrap();
    let mut seen: Vec<String> = messages(&page).into_iter().map(str::to_owned).collect();
    loop {
        let token = page["nextForwardToken"].clone();
        let next =
            client.logs("GetLogEvents", get(&json!({ "limit": 4, "nextToken": token }))).await.unwrap();
        seen.extend(messages(&next).into_iter().map(str::to_owned));
        if next["nextForwardToken"] == token {
            break;
        }
        page = next;
    }
    assert_eq!(seen, (0..10).map(|number| format!("line {number}")).collect::<Vec<_>>());
    let end = client.logs("GetLogEvents", get(&json!({ "limit": 4 }))).await.unwrap();
    let back = json!({ "limit": 4, "nextToken": end["nextBackwardToken"] });
    let back = client.logs("GetLogEvents", get(&back)).await.unwrap();
    assert_eq!(messages(&back), ["line 2", "line 3", "line 4", "line 5"]);
    sandbox.put_log("/group", "events", Timestamp::from_second(2_000).unwrap(), "late");
    let more = json!({ "nextToken": end["nextForwardToken"] });
    assert_eq!(messages(&client.logs("GetLogEvents", get(&more)).await.unwrap()), ["late"]);
}

#[tokio::test]
async fn a_page_holds_one_megabyte() {
    let (sandbox, client) = start().await;
    for second in 0..30 {
        let line = format!("{second} {}", "x".repeat(100_000));
        sandbox.put_log("/group", "events", Timestamp::from_second(second).unwrap(), &line);
    }
    let newest = client.logs("GetLogEvents", get(&json!({}))).await.unwrap();
    assert_eq!(messages(&newest).len(), 10);
    assert!(messages(&newest)[9].starts_with("29 "));
    let found = client.logs("FilterLogEvents", json!({ "logGroupName": "/group" })).await.unwrap();
    assert_eq!(messages(&found).len(), 10);
    let next = json!({ "logGroupName": "/group", "nextToken": found["nextToken"] });
    assert!(messages(&client.logs("FilterLogEvents", next).await.unwrap())[0].starts_with("10 "));
}

#[tokio::test]
async fn streams_are_listed_by_name_or_by_last_event() {
    let (sandbox, client) = start().await;
    for (stream, second) in [("instance/b", 1), ("instance/a", 3), ("events", 2)] {
        sandbox.put_log("/group", stream, Timestamp::from_second(second).unwrap(), "x");
    }
    for (more, expected) in [
        (json!({}), vec!["events", "instance/a", "instance/b"]),
        (json!({ "logStreamNamePrefix": "instance/" }), vec!["instance/a", "instance/b"]),
        (
            json!({ "orderBy": "LastEventTime", "descending": true }),
            vec!["instance/a", "events", "instance/b"],
        ),
        (json!({ "orderBy": "LastEventTime", "limit": 1 }), vec!["instance/b"]),
    ] {
        let mut input = json!({ "logGroupName": "/group" });
        for (name, value) in more.as_object().unwrap() {
            input[name] = value.clone();
        }
        let answer = client.logs("DescribeLogStreams", input).await.unwrap();
        let names: Vec<&str> = answer["logStreams"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["logStreamName"].as_str().unwrap())
            .collect();
        assert_eq!(names, expected, "{more}");
        assert_eq!(answer.get("nextToken").is_some(), more.get("limit").is_some());
    }
    let both = json!({ "logGroupName": "/group", "orderBy": "LastEventTime", "logStreamNamePrefix": "i" });
    assert_eq!(client.logs("DescribeLogStreams", both).await.unwrap_err().code, "InvalidParameterException");
}

#[tokio::test]
async fn what_is_missing_is_said_to_be_missing() {
    let (_sandbox, client) = seeded(1).await;
    for (operation, input) in [
        ("GetLogEvents", json!({ "logGroupName": "/none", "logStreamName": "events" })),
        ("GetLogEvents", json!({ "logGroupName": "/group", "logStreamName": "none" })),
        ("DescribeLogStreams", json!({ "logGroupName": "/none" })),
        ("FilterLogEvents", json!({ "logGroupName": "/none" })),
    ] {
        let refusal = client.logs(operation, input).await.unwrap_err();
        assert_eq!(refusal.code, "ResourceNotFoundException", "{operation}");
    }
    let put = json!({ "logGroupName": "/group", "logStreamName": "mine",
        "logEvents": [{ "timestamp": 5, "message": "a" }] });
    assert_eq!(client.logs("PutLogEvents", put.clone()).await.unwrap_err().code, "ResourceNotFoundException");
    let stream = json!({ "logGroupName": "/group", "logStreamName": "mine" });
    client.logs("CreateLogStream", stream.clone()).await.unwrap();
    client.logs("PutLogEvents", put).await.unwrap();
    assert_eq!(messages(&client.logs("GetLogEvents", stream).await.unwrap()), ["a"]);
}
