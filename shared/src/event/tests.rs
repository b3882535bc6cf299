use serde_json::json;

use super::*;

const ARN: &str = "arn:aws:apprunner:us-east-2:123456789012:service/my-app/8fe1e10304f84fd2b0df550fe98a71fa";

fn now() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

fn event(detail_type: &str, detail: impl Into<Value>) -> Value {
    let detail: Value = detail.into();
    json!({
        "version": "0", "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718", "detail-type": detail_type,
        "source": "aws.apprunner", "account": "111122223333", "time": "2021-04-29T11:54:23Z",
        "region": "us-east-2", "resources": [ARN], "detail": detail,
    })
}

#[test]
fn the_guides_status_sample_is_read_in_every_spelling() {
    for (previous, current) in [
        ("previousServiceStatus", "currentServiceStatus"),
        ("previousStatus", "currentStatus"),
        ("PreviousStatus", "CurrentStatus"),
    ] {
        let payload = event(
            "AppRunner Service Status Change",
            json!({previous: "OPERATION_IN_PROGRESS", current: "RUNNING"}),
        );
        let Input::Status(read) = parse(&payload, now()).unwrap() else { panic!("not a status change") };
        assert_eq!(read.service.as_str(), ARN);
        assert_eq!(read.at.to_string(), "2021-04-29T11:54:23Z");
        assert_eq!(read.change.previous, Some(ServiceStatus::OperationInProgress), "{previous}");
        assert_eq!(read.change.current, ServiceStatus::Running, "{current}");
    }
}

#[test]
fn all_eighteen_operation_words_are_read_and_others_carried() {
    for (prefix, kind) in &OPERATION_WORDS {
        for (suffix, stage) in STAGE_WORDS {
            let word = format!("{prefix}{suffix}");
            assert_eq!(OperationChange::new(&word).meaning, Some((kind.clone(), stage)), "{word}");
        }
    }
    let carried = OperationChange::new("RestartServiceFailed");
    assert_eq!((carried.word.as_str(), carried.meaning), ("RestartServiceFailed", None));
}

#[test]
fn an_alarm_is_read_by_name_and_state_and_what_is_missing_is_named() {
    let alarm = |detail: Value| {
        json!({"source": "aws.cloudwatch", "detail-type": "CloudWatch Alarm State Change",
               "time": "2026-11-20T09:12:00Z", "detail": detail})
    };
    let read = parse(&alarm(json!({"alarmName": "5xx", "state": {"value": "ALARM"}})), now()).unwrap();
    let at = "2026-11-20T09:12:00Z".parse().unwrap();
    assert_eq!(read, Input::Alarm(AlarmChange { name: "5xx".into(), state: "ALARM".into(), at }));
    for (detail, field) in [
        (json!({"state": {"value": "OK"}}), "detail.alarmName"),
        (json!({"alarmName": "5xx"}), "detail.state"),
        (json!({"alarmName": "5xx", "state": "OK"}), "detail.state"),
        (json!({"alarmName": "5xx", "state": {}}), "detail.state.value"),
    ] {
        assert_eq!(parse(&alarm(detail), now()).unwrap_err().field, field);
    }
}

#[test]
fn a_missing_arn_is_put_together_and_a_missing_time_is_now() {
    let mut payload = event(
        "AppRunner Service Operation Status Change",
        json!({"Status": "DeploymentFailed", "ServiceName": "my-app", "ServiceId": "8fe1"}),
    );
    let fields = payload.as_object_mut().unwrap();
    fields.remove("resources");
    fields.insert("time".into(), json!(17));
    let Input::Operation(read) = parse(&payload, now()).unwrap() else { panic!("not an operation") };
    assert_eq!(read.service.as_str(), "arn:aws:apprunner:us-east-2:111122223333:service/my-app/8fe1");
    assert_eq!(read.at, now());
}

#[test]
fn bad_input_names_its_field() {
    let status = "AppRunner Service Status Change";
    for (payload, field) in [
        (json!([1, 2]), "payload"),
        (json!({}), "source"),
        (json!({"source": 5, "detail-type": status}), "source"),
        (json!({"source": "aws.apprunner"}), "detail-type"),
        (json!({"source": "aws.apprunner", "detail-type": status}), "detail"),
        (json!({"source": "aws.apprunner", "detail-type": status, "detail": "x"}), "detail"),
        (event(status, json!({})), "detail.currentServiceStatus"),
        (event(status, json!({"currentServiceStatus": {"a": 1}})), "detail.currentServiceStatus"),
        (
            event("AppRunner Service Operation Status Change", json!({"operationStatus": 1})),
            "detail.operationStatus",
        ),
        (
            json!({"source": "aws.apprunner", "detail-type": status, "resources": ["arn:aws:s3:::x"],
                   "detail": {"status": "RUNNING"}}),
            "resources[0]",
        ),
        (json!({"command": {}}), "command"),
    ] {
        assert_eq!(parse(&payload, now()).unwrap_err().field, field, "{payload}");
    }
}

#[test]
fn what_does_not_concern_us_says_so() {
    for payload in [
        json!({"source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification", "detail": {}}),
        event("AppRunner Something New", json!({})),
    ] {
        assert!(matches!(parse(&payload, now()).unwrap(), Input::NotOurs(_)), "{payload}");
    }
}
