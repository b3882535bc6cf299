//! What a person can ask of `notify`, and what the answers look like.

use anyhow::{Context as _, Result};
use autopilot_tests::{
    IMAGE, alerts, assert_well, calls, chats, command, invoke, messages::assert_says, phases, reconcile,
    records, sample, stage, stage_of, start_deployment,
};
use sandbox::{
    aws::{Outcome, Script, apprunner::ServiceSpec},
    host::router::Disturbance,
    stage::Stage,
};
use serde_json::{Value, json};

const ARN: &str = "arn:aws:apprunner:us-east-1:123456789012:service/orders/0af36b1c5c2f4c6f9d3f1a7e5b8c2d41";
const TAG: &str = "apprunner-autopilot:notify";

async fn with_orders(tag: Option<&str>) -> Result<(Stage, String)> {
    let stage = stage().await?;
    let mut spec = ServiceSpec::image("orders", IMAGE);
    if let Some(value) = tag {
        spec = spec.tag(TAG, value);
    }
    let arn = stage.account.services().create(spec)?;
    Ok((stage, arn))
}

async fn deploy(stage: &Stage, arn: &str, outcome: Outcome) -> Result<()> {
    stage.account.script(arn, Script::new(outcome).application_log(["exec format error"]));
    start_deployment(stage, arn)?;
    stage.settle().await;
    Ok(())
}

fn topic(stage: &Stage, name: &str) -> Result<String> {
    let arn = stage.template.reference(name)?;
    Ok(arn.as_str().context("a topic's reference is its ARN")?.to_owned())
}

/// The fields that an answer complains about.
fn fields(answer: &Value) -> Vec<&str> {
    let errors = answer["errors"].as_array().into_iter().flatten();
    errors.filter_map(|error| error["message"].is_string().then(|| error["field"].as_str())?).collect()
}

#[tokio::test]
async fn test_sends_a_message_and_reports_who_has_not_confirmed() -> Result<()> {
    let stage = stage().await?;
    let ask = json!({"command": "test"});
    let answer = command(&stage, &ask).await?;
    assert_eq!(
        (&answer["ok"], &answer["confirmed"], &answer["unconfirmed"]),
        (&json!(true), &json!(0), &json!([]))
    );
    assert_says(answer["warning"].as_str().unwrap_or_default(), &["no subscription is confirmed"]);
    let sns = stage.account.sns();
    sns.add_subscription(&topic(&stage, "AlertTopic")?, "email", "late@example.com", false);
    let answer = command(&stage, &ask).await?;
    let late = json!({"protocol": "email", "endpoint": "late@example.com"});
    assert_eq!(answer["unconfirmed"], json!([late]));
    assert!(answer["warning"].is_string(), "{answer}");
    sns.add_subscription(&topic(&stage, "AlertTopic")?, "email", "ops@example.com", true);
    sns.add_subscription(&topic(&stage, "ChatTopic")?, "https", "https://chat.example.com", true);
    let answer = command(&stage, &ask).await?;
    assert_eq!(answer, json!({"ok": true, "confirmed": 2, "unconfirmed": [late]}));
    assert_eq!((alerts(&stage).len(), chats(&stage)?.len()), (3, 3), "a message to each topic each time");
    assert_says(&alerts(&stage)[0].message, &["test message", "Nothing happened"]);
    assert_well(&stage)
}

#[tokio::test]
async fn an_address_of_the_template_is_reported_until_it_is_confirmed() -> Result<()> {
    let many: Vec<String> = (0..130).map(|n| format!("person-{n}@example.com")).collect();
    let stage = stage_of(
        &[("AlertEmail", "ops@example.com")],
        sandbox::aws::Options::default(),
        &autopilot_tests::impatient(),
    )
    .await?;
    for address in &many {
        stage.account.sns().add_subscription(&topic(&stage, "AlertTopic")?, "email", address, true);
    }
    let answer = command(&stage, &json!({"command": "test"})).await?;
    assert_eq!(answer["confirmed"], 130, "every page is read");
    assert_well(&stage)
}

#[tokio::test]
async fn the_command_wins_over_the_tag_and_the_tag_over_the_default() -> Result<()> {
    for (tag, mode, told) in [
        (None, None, 1),
        (Some("off"), None, 0),
        (Some("dry-run"), None, 0),
        (Some("on"), None, 1),
        (Some("off"), Some("on"), 1),
        (Some("on"), Some("off"), 0),
        (Some("on"), Some("dry-run"), 0),
        (Some("banana"), Some("on"), 1),
        (None, Some("off"), 0),
    ] {
        let (stage, arn) = with_orders(tag).await?;
        if let Some(mode) = mode {
            let set = json!({"command": "mode", "service_arn": arn, "action": "notify", "mode": mode});
            let answer = command(&stage, &set).await?;
            assert_eq!(answer, json!({"ok": true, "service_arn": arn, "action": "notify", "mode": mode}));
        }
        deploy(&stage, &arn, Outcome::Fail).await?;
        assert_eq!(phases(&stage, "orders").len(), told, "tag {tag:?}, command {mode:?}");
        assert_well(&stage)?;
    }
    Ok(())
}

#[tokio::test]
async fn default_forgets_what_was_commanded() -> Result<()> {
    let (stage, arn) = with_orders(None).await?;
    let set = |mode: &str| json!({"command": "mode", "service_arn": arn, "action": "notify", "mode": mode});
    command(&stage, &set("off")).await?;
    let other = json!({"command": "mode", "service_arn": arn, "action": "rollback", "mode": "on"});
    command(&stage, &other).await?;
    deploy(&stage, &arn, Outcome::Fail).await?;
    assert!(alerts(&stage).is_empty());
    let answer = command(&stage, &set("default")).await?;
    assert_eq!(answer["mode"], "default");
    // Events have whole seconds.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    deploy(&stage, &arn, Outcome::Fail).await?;
    assert_eq!(phases(&stage, "orders"), ["failure"]);
    assert_well(&stage)
}

#[tokio::test]
async fn a_bad_mode_command_names_every_field_at_once_and_sets_nothing() -> Result<()> {
    let stage = stage().await?;
    for (payload, expected) in [
        (json!({"command": "mode"}), vec!["service_arn", "action", "mode"]),
        (
            json!({"command": "mode", "service_arn": "orders", "action": "shift", "mode": "ON"}),
            vec!["service_arn", "action", "mode"],
        ),
        (
            json!({"command": "mode", "service_arn": 5, "action": ["notify"], "mode": {"on": true}}),
            vec!["service_arn", "action", "mode"],
        ),
        (json!({"command": "mode", "service_arn": ARN, "action": "notify", "mode": true}), vec!["mode"]),
        (json!({"command": "mode", "service_arn": ARN, "action": "", "mode": "off"}), vec!["action"]),
        (
            json!({"command": "mode", "service_arn": "arn:aws:s3:::bucket", "action": "notify", "mode": "off"}),
            vec!["service_arn"],
        ),
    ] {
        let answer = command(&stage, &payload).await?;
        assert_eq!(answer["ok"], false, "{payload}");
        assert_eq!(fields(&answer), expected, "{payload}: {answer}");
    }
    assert!(calls::all(&stage).is_empty(), "{:?}", calls::names(&stage));
    assert!(records::items(&stage)?.is_empty());
    Ok(())
}

#[tokio::test]
async fn an_unreadable_tag_is_told_once_and_counts_as_off() -> Result<()> {
    let (stage, arn) = with_orders(Some("On, please")).await?;
    for _ in 0..2 {
        deploy(&stage, &arn, Outcome::FailThenRollBack).await?;
        reconcile(&stage).await?;
    }
    let told = alerts(&stage);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(
        (told[0].attributes["kind"].as_str(), told[0].attributes["phase"].as_str()),
        ("unreadable-tag", "held")
    );
    assert_says(&told[0].message, &[TAG, "\"On, please\"", "counts as off", "aws apprunner tag-resource"]);
    assert_well(&stage)
}

#[tokio::test]
async fn announcements_about_a_service_that_is_off_are_not_passed_on() -> Result<()> {
    for (tag, told) in [("off", 0), ("on", 1)] {
        let (stage, arn) = with_orders(Some(tag)).await?;
        let event = sample("notify/announcement-rollback-started.json")?.to_string();
        let event: Value = event.replace(
            "arn:aws:apprunner:us-east-1:123456789012:service/orders-api/0af36b1c5c2f4c6f9d3f1a7e5b8c2d41",
            &arn,
        ).parse()?;
        stage.account.bus().put(event);
        stage.settle().await;
        assert_eq!(alerts(&stage).len(), told, "{tag}");
        assert_well(&stage)?;
    }
    Ok(())
}

#[tokio::test]
async fn stop_and_go_are_told_and_can_be_repeated() -> Result<()> {
    let (stage, arn) = with_orders(None).await?;
    let (stop, go) = (json!({"command": "stop"}), json!({"command": "go"}));
    let answer = command(&stage, &go).await?;
    assert_eq!(answer, json!({"ok": true, "was_stopped_since": null}), "nothing was stopped");
    assert!(alerts(&stage).is_empty(), "and so nothing is told");
    let first = command(&stage, &stop).await?;
    let since = first["stopped_since"].as_str().context("the answer says since when")?.to_owned();
    assert_eq!(first, json!({"ok": true, "stopped_since": since}));
    let again = command(&stage, &stop).await?;
    assert_eq!(again["stopped_since"], since.as_str(), "it was stopped already");
    // Messages still go out.
    deploy(&stage, &arn, Outcome::Fail).await?;
    assert_eq!(phases(&stage, "orders"), ["failure"]);
    let lifted = command(&stage, &go).await?;
    assert_eq!(lifted, json!({"ok": true, "was_stopped_since": since}));
    let titles: Vec<_> = alerts(&stage).into_iter().filter_map(|message| message.subject).collect();
    let of = |words: &str| titles.iter().filter(|title| title.contains(words)).count();
    assert!(of("stopped by a person") >= 1, "{titles:?}");
    assert_eq!(of("going again"), 1, "{titles:?}");
    assert_well(&stage)
}

#[tokio::test]
async fn diagnose_answers_by_arn() -> Result<()> {
    let (stage, arn) = with_orders(None).await?;
    stage.host.router.disturb(100, Disturbance::Lose);
    deploy(&stage, &arn, Outcome::FailThenRollBack).await?;
    let operation = stage.account.services().operations(&arn)[0]["Id"].clone();
    let answer = command(&stage, &json!({"command": "diagnose", "service_arn": arn})).await?;
    assert_eq!(answer["ok"], true);
    assert_eq!(
        answer["operation"],
        json!({"id": operation, "type": "START_DEPLOYMENT", "status": "ROLLBACK_SUCCEEDED"})
    );
    let cause = &answer["causes"][0];
    for (field, is_of_its_type) in [
        ("kind", cause["kind"].is_string()),
        ("confidence", cause["confidence"].as_f64().is_some_and(|sure| (0.0..=1.0).contains(&sure))),
        ("evidence", cause["evidence"].as_array().is_some_and(|evidence| !evidence.is_empty())),
        ("fix", cause["fix"].is_string()),
        ("transient", cause["transient"].is_boolean()),
    ] {
        assert!(is_of_its_type, "{field} of {cause}");
    }
    assert_says(&cause["evidence"].to_string(), &["exec format error"]);
    assert_eq!(answer["unread"], json!([]));
    assert!(alerts(&stage).is_empty() && records::items(&stage)?.is_empty(), "it only answers");
    assert_well(&stage)
}

#[tokio::test]
async fn diagnose_judges_given_evidence_without_a_call() -> Result<()> {
    let stage = stage().await?;
    let evidence = json!({
        "operation": "START_DEPLOYMENT",
        "logs": [{"group": "application", "stream": "instance/1", "lines": ["exec /app: exec format error"]}],
    });
    let answer = command(&stage, &json!({"command": "diagnose", "evidence": evidence})).await?;
    assert_eq!(answer["ok"], true);
    assert_says(&answer["causes"][0]["evidence"].to_string(), &["exec format error"]);
    let nothing = command(&stage, &json!({"command": "diagnose", "evidence": {}})).await?;
    assert_eq!(nothing, json!({"ok": true, "causes": []}));
    for bad in [json!(5), json!({"logs": "x"})] {
        let answer = command(&stage, &json!({"command": "diagnose", "evidence": bad})).await?;
        assert_eq!((&answer["ok"], fields(&answer).len()), (&json!(false), 1), "{bad}: {answer}");
    }
    assert!(calls::all(&stage).is_empty(), "{:?}", calls::names(&stage));
    Ok(())
}

#[tokio::test]
async fn diagnose_says_what_is_missing() -> Result<()> {
    let stage = stage().await?;
    for payload in [json!({"command": "diagnose"}), json!({"command": "diagnose", "service_arn": "orders"})] {
        let answer = command(&stage, &payload).await?;
        assert_eq!((&answer["ok"], fields(&answer)), (&json!(false), vec!["service_arn"]), "{payload}");
    }
    let unknown = command(&stage, &json!({"command": "diagnose", "service_arn": ARN})).await?;
    assert_eq!((&unknown["ok"], &unknown["unread"]), (&json!(false), &json!("ResourceNotFoundException")));
    assert_well(&stage)
}

#[tokio::test]
async fn an_unknown_command_is_answered_with_those_that_are_known() -> Result<()> {
    let stage = stage().await?;
    for name in ["", "tick", "Test", "rollback", "stop "] {
        let answer = command(&stage, &json!({"command": name})).await?;
        assert_eq!((&answer["ok"], fields(&answer)), (&json!(false), vec!["command"]), "{name:?}");
        assert_says(&answer["errors"][0]["message"].to_string(), &["test", "diagnose", "mode", "stop", "go"]);
    }
    assert!(alerts(&stage).is_empty() && calls::all(&stage).is_empty());
    Ok(())
}

#[tokio::test]
async fn the_sample_commands_are_accepted() -> Result<()> {
    let (stage, arn) = with_orders(None).await?;
    for name in ["command-test", "command-mode", "command-stop", "command-go", "schedule-reconcile"] {
        let payload = sample(&format!("notify/{name}.json"))?;
        let answer = invoke(&stage, &payload).await?;
        assert_eq!(answer.json()?["ok"], true, "{name}");
    }
    let mut diagnose = sample("notify/command-diagnose.json")?;
    diagnose["service_arn"] = arn.into();
    assert_eq!(command(&stage, &diagnose).await?["ok"], true);
    assert_well(&stage)
}

#[tokio::test]
async fn commands_do_not_come_over_the_bus() -> Result<()> {
    let stage = stage().await?;
    stage.account.bus().put(json!({
        "version": "0", "id": "1", "detail-type": "AppRunner Service Status Change", "source": "somebody",
        "account": "123456789012", "time": "2026-11-20T09:12:17Z", "region": "us-east-1", "resources": [],
        "command": "stop", "detail": {"command": "stop", "status": "RUNNING"},
    }));
    stage.settle().await;
    assert!(calls::all(&stage).is_empty() && alerts(&stage).is_empty());
    Ok(())
}
