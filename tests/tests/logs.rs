//! What the function writes to its log: JSON lines with the key names of Powertools, and metrics.

use anyhow::{Context as _, Result};
use autopilot_tests::{IMAGE, NOTIFY, command, invoke, reconcile, sample, stage, start_deployment};
use sandbox::{
    aws::{Outcome, Script, apprunner::ServiceSpec},
    host::log::{LogLine, Stream},
    stage::Stage,
};
use serde_json::{Value, json};

const KEYS: [&str; 7] =
    ["level", "message", "timestamp", "service", "function_request_id", "cold_start", "correlation_id"];

fn parsed(line: &LogLine) -> Result<Value> {
    line.json().with_context(|| format!("not a JSON object: {}", line.text))
}

/// A stage on which a failure, a recovery, a command, a reconciliation and bad input were dealt with.
async fn with_everything() -> Result<Stage> {
    let stage = stage().await?;
    let arn = stage.account.services().create(ServiceSpec::image("orders", IMAGE))?;
    stage.account.script(&arn, Script::new(Outcome::FailThenRollBack));
    for _ in 0..2 {
        start_deployment(&stage, &arn)?;
        stage.settle().await;
    }
    command(&stage, &json!({"command": "stop"})).await?;
    reconcile(&stage).await?;
    stage.account.bus().put(sample("notify/announcement-rollback-held.json")?);
    stage.settle().await;
    let _ = invoke(&stage, &json!({"source": 5})).await?;
    Ok(stage)
}

#[tokio::test]
async fn every_line_is_json_with_the_keys_of_powertools() -> Result<()> {
    let stage = with_everything().await?;
    let lines = stage.host.lambda.logs(NOTIFY)?;
    assert!(lines.len() > 10, "{lines:#?}");
    for line in &lines {
        assert_eq!(line.stream, Stream::Stdout, "nothing is written to stderr: {}", line.text);
        let json = parsed(line)?;
        if let Some(metric) = json.get("_aws") {
            let directive = &metric["CloudWatchMetrics"][0];
            assert_eq!(directive["Namespace"], "AppRunnerAutopilot");
            let name = directive["Metrics"][0]["Name"].as_str().context("a metric has a name")?;
            assert!(json[name].is_number(), "{}", line.text);
            assert!(metric["Timestamp"].is_i64(), "{}", line.text);
            continue;
        }
        for key in KEYS {
            assert!(json.get(key).is_some(), "{key} is missing in {}", line.text);
        }
        assert_eq!(json["service"], "notify");
        assert_eq!(json["function_request_id"], line.request_id.as_str());
        assert!(json["cold_start"].is_boolean());
        let level = json["level"].as_str().unwrap_or_default();
        assert!(["ERROR", "WARN", "INFO", "DEBUG"].contains(&level), "{level}");
        let at = json["timestamp"].as_str().unwrap_or_default().parse::<jiff::Timestamp>();
        assert!(at.is_ok(), "{}", line.text);
    }
    Ok(())
}

#[tokio::test]
async fn every_decision_is_logged_with_its_reason() -> Result<()> {
    let stage = with_everything().await?;
    let lines: Vec<Value> = stage.host.lambda.logs(NOTIFY)?.iter().map(parsed).collect::<Result<_>>()?;
    let decisions: Vec<_> = lines.iter().filter(|line| line.get("decision").is_some()).collect();
    for decision in &decisions {
        let reason = decision["reason"].as_str().unwrap_or_default();
        assert!(!reason.is_empty(), "{decision}");
    }
    let word = |line: &Value| line["decision"].as_str().unwrap_or_default().to_owned();
    let words: std::collections::BTreeSet<_> = decisions.iter().map(|line| word(line)).collect();
    let expected = ["command", "ignore", "reconcile", "tell"].map(str::to_owned);
    assert!(expected.iter().all(|word| words.contains(word)), "{words:?}");
    let told = |reason: &str| decisions.iter().any(|line| word(line) == "tell" && line["reason"] == reason);
    assert!(["failure", "recovered", "announced"].into_iter().all(told), "{decisions:#?}");
    // Each invocation that did something says what it decided.
    for delivery in stage.host.router.deliveries() {
        if let sandbox::host::router::Outcome::Done(ended) = delivery.outcome {
            let of_it = |line: &&&Value| line["function_request_id"] == ended.request_id.as_str();
            assert!(decisions.iter().find(of_it).is_some(), "{} decided in silence", delivery.rule);
        }
    }
    Ok(())
}

#[tokio::test]
async fn lines_tell_the_first_invocation_of_a_process_and_what_they_belong_to() -> Result<()> {
    let stage = stage().await?;
    let event = sample("notify/announcement-rollback-held.json")?;
    let mut cold = Vec::new();
    for _ in 0..2 {
        let answer = invoke(&stage, &event).await?;
        let lines: Vec<Value> =
            answer.json_logs().into_iter().filter(|line| line.get("_aws").is_none()).collect();
        assert!(!lines.is_empty(), "an invocation says something");
        for line in &lines {
            assert_eq!(line["correlation_id"], event["detail"]["incident_id"]);
            assert_eq!(line["cold_start"], answer.cold);
        }
        cold.push(answer.cold);
    }
    assert_eq!(cold, [true, false]);
    let event = sample("notify/operation-deployment-failed.json")?;
    let answer = invoke(&stage, &event).await?;
    assert!(answer.json_logs().iter().any(|line| line["correlation_id"] == event["id"]));
    Ok(())
}

#[tokio::test]
async fn a_failure_is_logged_once_with_its_class() -> Result<()> {
    let stage = stage().await?;
    let answer = invoke(&stage, &json!({"source": "aws.apprunner"})).await?;
    // The Lambda runtime says it a second time, in its own words and without a class.
    let errors: Vec<_> = answer.json_logs().into_iter().filter(|line| line.get("class").is_some()).collect();
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert_eq!((&errors[0]["class"], &errors[0]["level"]), (&json!("Permanent"), &json!("ERROR")));
    assert!(errors[0]["message"].as_str().unwrap_or_default().contains("detail-type: is missing"));
    Ok(())
}

#[tokio::test]
async fn sent_messages_are_counted() -> Result<()> {
    let stage = with_everything().await?;
    let lines = stage.host.lambda.logs(NOTIFY)?;
    let mut counted: Vec<_> = lines
        .iter()
        .filter_map(LogLine::json)
        .filter(|line| line["MessagesSent"] == 1)
        .filter_map(|line| Some(format!("{} {}", line["Function"].as_str()?, line["Phase"].as_str()?)))
        .collect();
    counted.sort();
    // The answer to a command is no notice.
    assert_eq!(counted, ["notify failure", "notify recovered", "rollback held"]);
    Ok(())
}
