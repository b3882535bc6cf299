//! A secret in a service's configuration, commands or logs is in no message, log line, event or item.

use anyhow::Result;
use autopilot_tests::{
    IMAGE, NOTIFY, alerts, assert_well, command, messages::assert_says, reconcile, records, stage,
    start_deployment,
};
use jiff::SignedDuration;
use sandbox::{
    aws::{Outcome, Script, apprunner::ServiceSpec},
    stage::Stage,
};
use serde_json::{Value, json};

/// Secrets in environment variables: name, value, and the parts of it that must not be seen.
const VARIABLES: [(&str, &str, &[&str]); 8] = [
    ("DATABASE_URL", "postgres://app:envurl-Xq7pass@db.internal:5432/orders", &["envurl-Xq7pass"]),
    ("API_KEY", "envkey-41f0a9c2", &["envkey-41f0a9c2"]),
    ("SESSION_SECRET", "s3c", &["s3c"]),
    ("SMTP_SETTINGS", r#"{"user":"mailer","password":"envjson-zebra!9","port":587}"#, &["envjson-zebra!9"]),
    ("GREETING", "envplain-hippopotamus", &["envplain-hippopotamus"]),
    (
        "SIGNING_KEY",
        "-----BEGIN PRIVATE KEY-----\nenvpemAAAAline1\nenvpemBBBBline2\n-----END PRIVATE KEY-----",
        &["envpemAAAAline1", "envpemBBBBline2"],
    ),
    ("BROKERS", "b1.internal:9092,envlist-walrus@b2.internal", &["envlist-walrus"]),
    ("CONNECTION", "Server=db;User=sa;Password=envconn-Tiger7;", &["envconn-Tiger7"]),
];

/// Secrets of commands.
const START: &str = "node server.js --license startword-aardvark9 --admin-password=startopt-Koala8";
const BUILD: &str =
    "npm config set //registry.example.org/:_authToken buildtoken-Ostrich77 && npm ci buildword-pelican";
const COMMANDS: [&str; 4] =
    ["startword-aardvark9", "startopt-Koala8", "buildtoken-Ostrich77", "buildword-pelican"];

/// Secrets that only logs hold; they can be told by their looks alone.
const LOGGED: [(&str, &str); 9] = [
    ("connecting with password=logpass-Lynx1", "logpass-Lynx1"),
    ("Authorization: Bearer logbearer.Otter2", "logbearer.Otter2"),
    ("{\"api_key\": \"logjson-Badger3\", \"n\": 1}", "logjson-Badger3"),
    ("redis://:logredis-Marten4@cache:6379/0 refused", "logredis-Marten4"),
    ("using AKIAIOSFODNN7LOGKEY for s3", "AKIAIOSFODNN7LOGKEY"),
    ("-----BEGIN RSA PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----"),
    ("MIIElogpemCCCC", "MIIElogpemCCCC"),
    ("-----END RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----"),
    ("--token logtoken-Ferret5 was refused", "logtoken-Ferret5"),
];

/// The values of the environment, as a careless application logs them.
fn environment_lines() -> Vec<String> {
    let lines = |(name, value, _): &(&str, &str, &[&str])| {
        value.lines().map(|line| format!("{name} is {line} today")).collect::<Vec<_>>()
    };
    VARIABLES.iter().flat_map(lines).collect()
}

fn secrets() -> Vec<&'static str> {
    let parts = VARIABLES.iter().flat_map(|(.., parts)| parts.iter().copied());
    parts.chain(COMMANDS).chain(LOGGED.map(|(_, secret)| secret)).collect()
}

fn image_service() -> ServiceSpec {
    let mut spec = ServiceSpec::image("orders", IMAGE);
    let variables: serde_json::Map<String, Value> =
        VARIABLES.iter().map(|(name, value, _)| ((*name).to_owned(), json!(value))).collect();
    spec.configuration["SourceConfiguration"]["ImageRepository"]["ImageConfiguration"] = json!({
        "Port": "8080",
        "StartCommand": START,
        "RuntimeEnvironmentVariables": variables,
        "RuntimeEnvironmentSecrets": {"STRIPE_KEY": "arn:aws:secretsmanager:us-east-1:123456789012:secret:stripe"},
    });
    spec
}

fn code_service() -> ServiceSpec {
    let variables: serde_json::Map<String, Value> =
        VARIABLES.iter().map(|(name, value, _)| ((*name).to_owned(), json!(value))).collect();
    ServiceSpec::new(
        "site",
        json!({"SourceConfiguration": {
            "AutoDeploymentsEnabled": false,
            "AuthenticationConfiguration":
                {"ConnectionArn": "arn:aws:apprunner:us-east-1:123456789012:connection/github/0123456789abcdef0123456789abcdef"},
            "CodeRepository": {
                "RepositoryUrl": "https://github.com/example/site",
                "SourceCodeVersion": {"Type": "BRANCH", "Value": "main"},
                "CodeConfiguration": {"ConfigurationSource": "API", "CodeConfigurationValues": {
                    "Runtime": "NODEJS_22", "Port": "8080", "StartCommand": START, "BuildCommand": BUILD,
                    "RuntimeEnvironmentVariables": variables,
                }},
            },
        }}),
    )
}

/// Everything that leaves the function or stays in its table, each with where it was found.
fn everything(stage: &Stage) -> Result<Vec<(String, String)>> {
    let messages = stage.account.messages().into_iter().map(|message| {
        let text = format!("{:?}\n{}\n{:?}", message.subject, message.message, message.attributes);
        // A chat message is JSON in which quotes and line breaks are escaped.
        let decoded: Value = serde_json::from_str(&message.message).unwrap_or_default();
        let decoded = decoded["content"]["description"].as_str().unwrap_or_default().to_owned();
        (format!("a message to {}", message.topic_arn), format!("{text}\n{decoded}"))
    });
    let lines = stage.host.lambda.logs(NOTIFY)?.into_iter();
    let lines = lines.map(|line| (format!("a log line on {:?}", line.stream), line.text));
    let events = stage.account.events().into_iter().map(|event| ("an event".to_owned(), event.to_string()));
    let items = records::items(stage)?.into_iter();
    let items = items.map(|item| ("an item of the table".to_owned(), item.to_string()));
    Ok(messages.chain(lines).chain(events).chain(items).collect())
}

fn assert_no_secret(found: &[(String, String)]) {
    for secret in secrets() {
        for (place, text) in found {
            let at = text.find(secret);
            let shown = at.map(|at| &text[text.floor_char_boundary(at.saturating_sub(120))..at]);
            assert!(at.is_none(), "{place} shows {secret}, after {shown:?}");
        }
    }
}

#[tokio::test]
async fn no_secret_of_a_service_leaves_the_function() -> Result<()> {
    for spec in [image_service(), code_service()] {
        let stage = stage().await?;
        let name = spec.name.clone();
        let arn = stage.account.services().create(spec)?;
        let environment = environment_lines();
        let lines = environment.iter().map(String::as_str);
        let lines = lines.chain(LOGGED.map(|(line, _)| line)).chain([START]);
        // Only the service that is built from code has a build command that can be known.
        let lines: Vec<&str> = lines.chain((name == "site").then_some(BUILD)).collect();
        for outcome in [Outcome::RollbackFails, Outcome::Fail] {
            let script = Script::new(outcome)
                .event_log(lines.clone())
                .deployment_log(lines.clone())
                .application_log(lines.iter().copied().chain(["Error: listen EADDRINUSE :::8080"]));
            stage.account.script(&arn, script);
            start_deployment(&stage, &arn)?;
            stage.settle().await;
            // An event's time has whole seconds; real operations take minutes.
            stage.account.clock().advance(SignedDuration::from_secs(2));
        }
        let diagnosis = command(&stage, &json!({"command": "diagnose", "service_arn": arn})).await?;
        start_deployment(&stage, &arn)?;
        stage.settle().await;
        reconcile(&stage).await?;
        let mut found = everything(&stage)?;
        found.push(("the answer to diagnose".to_owned(), diagnosis.to_string()));
        let logged: Vec<_> =
            alerts(&stage).into_iter().filter(|m| m.attributes["phase"] == "failure").collect();
        assert_eq!(logged.len(), 2, "{name}");
        for alert in logged {
            // The excerpts are there, and what they hold is masked, not left out.
            let names = [
                "DATABASE_URL",
                "SIGNING_KEY",
                "(values are not shown)",
                "a start command is set (not shown)",
            ];
            assert_says(&alert.message, &names);
            assert_says(&alert.message, &["[redacted]", "LOG\n"]);
        }
        assert_no_secret(&found);
        assert_well(&stage)?;
    }
    Ok(())
}

#[tokio::test]
async fn without_the_configuration_nobody_knows_what_is_secret_and_no_log_is_shown() -> Result<()> {
    let stage = stage().await?;
    let arn = stage.account.services().create(image_service())?;
    let refused = sandbox::aws::Fault::Refuse { code: "AccessDeniedException".into(), message: "no".into() };
    stage.account.faults().always("apprunner", "DescribeService", refused);
    let environment = environment_lines();
    let lines = LOGGED.iter().map(|(line, _)| *line).chain(environment.iter().map(String::as_str));
    stage.account.script(&arn, Script::new(Outcome::Fail).application_log(lines));
    start_deployment(&stage, &arn)?;
    stage.settle().await;
    assert_says(
        &alerts(&stage)[0].message,
        &["[withheld: ", "the service's configuration: AccessDeniedException"],
    );
    assert_no_secret(&everything(&stage)?);
    assert_well(&stage)
}

#[tokio::test]
async fn secrets_in_events_and_announcements_are_masked() -> Result<()> {
    let stage = stage().await?;
    let mut event = autopilot_tests::sample("notify/announcement-rollback-held.json")?;
    event["detail"]["summary"] = "Held: --password annword-Gecko1 is refused.".into();
    event["detail"]["plan"]["command"] = "deploy --token annplan-Gecko2".into();
    let answer = autopilot_tests::invoke(&stage, &event).await?;
    assert!(answer.error.is_none(), "{:?}", answer.error);
    let mut failed = autopilot_tests::sample("notify/operation-deployment-failed.json")?;
    failed["detail"]["message"] = "Deployment failed: password=evmsg-Gecko3".into();
    stage.account.requests().clear();
    let answer = autopilot_tests::invoke(&stage, &failed).await?;
    assert!(answer.error.is_none(), "{:?}", answer.error);
    assert_eq!(alerts(&stage).len(), 2);
    for (place, text) in everything(&stage)? {
        for secret in ["annword-Gecko1", "annplan-Gecko2", "evmsg-Gecko3"] {
            assert!(!text.contains(secret), "{place} shows {secret}: {text}");
        }
    }
    assert_well(&stage)
}

#[tokio::test]
async fn what_is_wrong_with_input_is_said_without_showing_it() -> Result<()> {
    let stage = stage().await?;
    let arn = "arn:aws:apprunner:us-east-1:123456789012:service/orders/0af36b1c5c2f4c6f9d3f1a7e5b8c2d41";
    let payloads = [
        json!({"command": "badcmd-Newt1"}),
        json!({"command": "mode", "service_arn": "badarn-Newt2", "action": "badact-Newt3", "mode": "badmode-Newt4"}),
        json!({"command": "diagnose", "evidence": {"operation": {"x": "badevidence-Newt5"}, "service": 5}}),
        json!({"source": "aws.apprunner", "detail-type": "AppRunner Service Status Change", "resources": [arn],
               "detail": {"currentServiceStatus": {"x": "baddetail-Newt6"}}}),
    ];
    for payload in payloads {
        let _ = autopilot_tests::invoke(&stage, &payload).await?;
    }
    for line in stage.host.lambda.logs(NOTIFY)? {
        assert!(!line.text.contains("Newt"), "a log line repeats input: {}", line.text);
    }
    Ok(())
}
