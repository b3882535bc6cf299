//! Bad input: never a panic, never a dead process, never a lost alert.

use anyhow::{Context as _, Result};
use autopilot_tests::{
    IMAGE, NOTIFY, alerts, assert_well, chats, command, invoke, invoke_as_event, messages::assert_says,
    phases, records, sample, stage, start_deployment,
};
use sandbox::{
    aws::{Outcome, Script, apprunner::ServiceSpec, sns::Message},
    host::invocation::InvokeResult,
    stage::Stage,
};
use serde_json::{Value, json};

const ARN: &str = "arn:aws:apprunner:us-east-1:123456789012:service/orders/0af36b1c5c2f4c6f9d3f1a7e5b8c2d41";
const STATUS: &str = "AppRunner Service Status Change";
const OPERATION: &str = "AppRunner Service Operation Status Change";

fn event(detail_type: &str, detail: &Value) -> Value {
    json!({
        "version": "0", "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718", "detail-type": detail_type,
        "source": "aws.apprunner", "account": "123456789012", "time": "2026-11-20T09:12:17Z",
        "region": "us-east-1", "resources": [ARN], "detail": detail,
    })
}

/// An event about the service of [`ARN`] with one member replaced.
fn with(pointer: &str, value: Value) -> Value {
    let mut event = event(OPERATION, &json!({"operationStatus": "DeploymentFailed"}));
    if let Some(member) = event.pointer_mut(pointer) {
        *member = value;
    }
    event
}

fn without(name: &str) -> Value {
    let mut event = with("/version", "0".into());
    event.as_object_mut().map(|fields| fields.remove(name));
    event
}

/// The process lived through it: the next invocation starts none.
async fn assert_alive(stage: &Stage, after: &str) -> Result<()> {
    let next = invoke(stage, &json!({"command": "nothing"})).await?;
    assert!(!next.cold, "the process died of {after}");
    Ok(())
}

fn assert_permanent(answer: &InvokeResult, field: &str, what: &str) -> Result<()> {
    let error = answer.error.as_ref().with_context(|| format!("{what} is no error"))?;
    assert_eq!(error.error_type, "Permanent", "{what}: {}", error.error_message);
    assert!(error.error_message.starts_with(&format!("{field}: ")), "{what}: {}", error.error_message);
    Ok(())
}

#[tokio::test]
async fn a_permanent_error_names_the_field() -> Result<()> {
    let stage = stage().await?;
    let _ = invoke(&stage, &json!({"command": "nothing"})).await?;
    for (payload, field) in [
        (json!(null), "payload"),
        (json!(17), "payload"),
        (json!("text"), "payload"),
        (json!([{"command": "test"}]), "payload"),
        (json!({}), "source"),
        (json!({"command": 5}), "command"),
        (json!({"command": {"command": "test"}}), "command"),
        (with("/source", json!(["aws.apprunner"])), "source"),
        (without("detail-type"), "detail-type"),
        (without("detail"), "detail"),
        (with("/detail", json!("DeploymentFailed")), "detail"),
        (with("/detail", json!([])), "detail"),
        (with("/detail", json!({})), "detail.operationStatus"),
        (with("/detail/operationStatus", json!(5)), "detail.operationStatus"),
        (with("/detail/operationStatus", json!(["DeploymentFailed"])), "detail.operationStatus"),
        (with("/detail/operationStatus", json!(null)), "detail.operationStatus"),
        (with("/resources", json!([])), "resources[0]"),
        (with("/resources", json!(["arn:aws:s3:::bucket"])), "resources[0]"),
        (with("/resources", json!({"0": ARN})), "resources[0]"),
        (event(STATUS, &json!({"currentServiceStatus": true})), "detail.currentServiceStatus"),
        (
            event("AppRunner Custom Domain Validation Status Update", &json!({"domainName": "x"})),
            "detail.status",
        ),
        (
            json!({"source": "apprunner-autopilot", "detail-type": "Autopilot Rollback", "detail": {}}),
            "detail.time",
        ),
    ] {
        let answer = invoke(&stage, &payload).await?;
        assert_permanent(&answer, field, &payload.to_string())?;
        assert_alive(&stage, &payload.to_string()).await?;
    }
    assert!(alerts(&stage).is_empty());
    Ok(())
}

#[tokio::test]
async fn what_is_no_json_is_a_permanent_error_and_no_death() -> Result<()> {
    let stage = stage().await?;
    let _ = invoke(&stage, &json!({"command": "nothing"})).await?;
    let whole = with("/version", "0".into()).to_string();
    let nested =
        |open: &str, close: &str| format!("{}1{}", open.repeat(5_000), close.repeat(5_000)).into_bytes();
    let payloads: [(&str, Vec<u8>); 9] = [
        ("nothing", Vec::new()),
        ("a cut off event", whole.as_bytes()[..whole.len() / 2].to_vec()),
        ("a cut off string", br#"{"command": "te"#.to_vec()),
        ("no JSON", b"DeploymentFailed".to_vec()),
        ("nested lists", nested("[", "]")),
        ("nested objects", nested(r#"{"a":"#, "}")),
        ("half of a surrogate pair", br#"{"command": "\ud800"}"#.to_vec()),
        ("a number out of range", br#"{"command": 1e999999}"#.to_vec()),
        ("text that is not UTF-8", b"{\"command\": \"\xff\xfe\"}".to_vec()),
    ];
    for (what, payload) in payloads {
        let answer = stage.host.lambda.invoke(NOTIFY, payload).await?;
        assert_permanent(&answer, "payload", what)?;
        assert_alive(&stage, what).await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_original_event_reaches_the_destination_beside_the_error() -> Result<()> {
    let stage = stage().await?;
    let bad = with("/detail/operationStatus", json!({"word": "DeploymentFailed"}));
    let ended = invoke_as_event(&stage, bad.to_string()).await?;
    assert_eq!(ended.attempts.len(), 3, "Lambda tries three times");
    let cut = &bad.to_string()[..40];
    let _ = invoke_as_event(&stage, cut).await?;
    let records = stage.host.lambda.destination_records();
    assert_eq!(records.len(), 2);
    let queue = stage.template.attribute("FailedEventsQueue", "Arn")?;
    for record in &records {
        assert_eq!(record.destination, queue);
        assert_eq!(record.record["responsePayload"]["errorType"], "Permanent", "{}", record.record);
    }
    assert_eq!(records[0].record["requestPayload"], bad);
    let message = records[0].record["responsePayload"]["errorMessage"].as_str().unwrap_or_default();
    assert_eq!(message, "detail.operationStatus: expected a string, found an object");
    assert_eq!(records[1].record["requestPayload"], cut);
    Ok(())
}

#[tokio::test]
async fn what_does_not_concern_the_function_is_ignored_with_a_reason() -> Result<()> {
    let stage = stage().await?;
    for (payload, reason) in [
        (with("/source", "aws.ec2".into()), "aws.ec2"),
        (with("/source", "".into()), "source"),
        (with("/detail-type", "AppRunner Something New".into()), "AppRunner Something New"),
        (with("/detail/operationStatus", "DeploymentPondered".into()), "does not know"),
        (with("/detail/operationStatus", "".into()), "does not know"),
        (event(STATUS, &json!({"currentServiceStatus": "HIBERNATING"})), "no failure"),
        (event(STATUS, &json!({"currentServiceStatus": ""})), "no failure"),
    ] {
        let answer = command(&stage, &payload).await?;
        assert_eq!((&answer["ok"], &answer["decision"]), (&json!(true), &json!("ignore")), "{payload}");
        assert!(answer["reason"].as_str().unwrap_or_default().contains(reason), "{payload}: {answer}");
    }
    assert!(alerts(&stage).is_empty());
    assert_well(&stage)
}

#[tokio::test]
async fn odd_optional_members_cost_no_alert() -> Result<()> {
    let long = "x".repeat(1_000_000);
    for (what, event) in [
        ("no time", without("time")),
        ("an odd time", with("/time", "yesterday".into())),
        ("a time of another type", with("/time", json!(5))),
        ("no id", without("id")),
        ("an id of another type", with("/id", json!({"a": 1}))),
        ("a long id", with("/id", long.as_str().into())),
        ("an id of control characters", with("/id", "\u{0}\u{1b}[31m\n".into())),
        ("no account", without("account")),
        ("a second resource", with("/resources", json!(["arn:aws:s3:::x", ARN]))),
        (
            "a message of a megabyte",
            event(OPERATION, &json!({"operationStatus": "DeploymentFailed", "message": long})),
        ),
        (
            "a message of another type",
            event(OPERATION, &json!({"operationStatus": "DeploymentFailed", "message": [1]})),
        ),
        ("a long unknown word", with("/detail/operationStatus", format!("{long}Failed").into())),
        (
            "an unknown word of odd characters",
            with("/detail/operationStatus", "\u{1b}[31mÄ\n\u{0}Failed".into()),
        ),
        ("an unknown failed status", event(STATUS, &json!({"currentServiceStatus": "UPDATE_FAILED"}))),
    ] {
        let stage = stage().await?;
        stage.account.bus().put(event);
        stage.settle().await;
        assert_eq!(phases(&stage, "orders"), ["failure"], "{what}");
        assert_eq!(chats(&stage)?.len(), 1, "{what}");
        alerts(&stage).iter().for_each(assert_fits);
        assert_well(&stage).with_context(|| what.to_owned())?;
    }
    Ok(())
}

fn assert_fits(message: &Message) {
    let subject = message.subject.as_deref().unwrap_or_default();
    assert!(!subject.is_empty() && subject.len() < 100, "{subject}");
    assert!(subject.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{subject:?}");
    assert!(message.message.len() <= 256 * 1024, "{} bytes", message.message.len());
    let odd = message.message.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(
        odd,
        None,
        "a control character is in\n{}",
        &message.message[..2_000.min(message.message.len())]
    );
}

#[tokio::test]
async fn long_and_odd_log_lines_are_cut_visibly_and_cleaned() -> Result<()> {
    let long = format!("long-line {}", "a".repeat(200_000));
    let odd = "\u{1b}[31mred\u{1b}[0m \u{7}bell\u{0} back`tick` \u{202e}right to left \u{fffd} ☃ \r over";
    let stage = stage().await?;
    let arn = stage.account.services().create(ServiceSpec::image("orders", IMAGE))?;
    let many: Vec<String> = (0..3_000).map(|n| format!("line {n} {}", "b".repeat(400))).collect();
    let lines = many.iter().map(String::as_str).chain([long.as_str(), odd]);
    stage.account.script(
        &arn,
        Script::new(Outcome::Fail).event_log([long.as_str()]).deployment_log([odd]).application_log(lines),
    );
    start_deployment(&stage, &arn)?;
    stage.settle().await;
    let told = alerts(&stage);
    assert_eq!(told.len(), 1);
    assert_fits(&told[0]);
    assert_says(
        &told[0].message,
        &["long-line aaa", "[cut, 2", "earlier lines not shown]", "red", "back'tick'", "line 2999 "],
    );
    let chat = &chats(&stage)?[0];
    let description = chat["content"]["description"].as_str().unwrap_or_default();
    assert!(description.len() <= 6_000 && description.contains("[cut, "), "{}", description.len());
    assert_well(&stage)
}

#[tokio::test]
async fn announcements_of_any_size_and_content_are_passed_on() -> Result<()> {
    let long = "y".repeat(200_000);
    for (what, pointer, value) in [
        ("a long summary", "/detail/summary", json!(long)),
        ("a long plan", "/detail/plan", json!({"steps": vec!["z".repeat(1_000); 150]})),
        ("a long reason", "/detail/reason", json!(long)),
        ("a long id", "/detail/announcement_id", json!(long)),
        ("a long incident", "/detail/incident_id", json!(long)),
        ("an unknown phase", "/detail/phase", json!("pondered")),
        ("odd characters", "/detail/summary", json!("\u{1b}[31mÄ\n\u{0}☃")),
        ("an empty reason", "/detail/reason", json!("")),
        (
            "a resource of no service",
            "/detail/service_arn",
            json!(format!("{}\u{0}\u{7}", "w".repeat(2_000))),
        ),
    ] {
        let stage = stage().await?;
        let mut event = sample("notify/announcement-rollback-held.json")?;
        *event.pointer_mut(pointer).context(pointer)? = value;
        stage.account.bus().put(event);
        stage.settle().await;
        assert_eq!((alerts(&stage).len(), chats(&stage)?.len()), (1, 1), "{what}");
        alerts(&stage).iter().for_each(assert_fits);
        assert_well(&stage).with_context(|| what.to_owned())?;
    }
    Ok(())
}

#[tokio::test]
async fn a_services_records_stay_small_however_much_fails() -> Result<()> {
    let stage = stage().await?;
    for hour in 0..40 {
        let mut event =
            with("/time", format!("2026-11-{:02}T{:02}:12:17Z", 10 + hour / 20, hour % 20).into());
        event["id"] = format!("{}-{hour}", "i".repeat(400)).into();
        stage.account.bus().put(event);
        stage.settle().await;
    }
    assert_eq!(phases(&stage, "orders").len(), 40);
    let largest = records::items(&stage)?.iter().map(|item| item.to_string().len()).max().unwrap_or_default();
    assert!(largest < 100_000, "{largest} bytes; DynamoDB takes 400 KB");
    assert_well(&stage)
}
