//! The installation, for real: what `sam build` made is deployed by `sam deploy` into an account that others wrote
//! (ministack), works there behind real rules and topics, and is removed by `sam delete`.
//!
//! App Runner and its logs are the sandbox's. `scripts/test` runs `sam build` before.

mod account;
mod artifacts;
mod documentation;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use autopilot_tests::IMAGE;
use sandbox::aws::{Outcome, Script, apprunner::ServiceSpec};
use serde_json::{Value, json};

use crate::account::{Account, STACK};

/// What stays: the state, and whoever subscribed.
const KEPT: [&str; 3] = ["AWS::DynamoDB::Table", "AWS::SNS::Topic", "AWS::SNS::TopicPolicy"];

/// One installation serves all that is looked at: `sam deploy` takes its time.
#[tokio::test(flavor = "multi_thread")]
async fn what_sam_deploys_tells_acts_and_goes_without_a_trace() -> Result<()> {
    let account = Account::open().await?;
    // Nothing waits for the minutes that it waits in production.
    account.deploy(&["RebuildMode=on", "RebuildDelays=1s"]).await?;
    let inbox = account.subscribe("AlertTopicArn").await?;

    let answer = account.ask("notify", &json!({"command": "test"})).await?;
    assert_eq!(answer, json!({"ok": true, "confirmed": 1, "unconfirmed": []}));
    inbox.waits_for("test message").await?;

    a_failed_deployment_is_explained(&account, &inbox).await?;
    a_failed_creation_is_built_again(&account, &inbox).await?;
    a_person_stops_it(&account, &inbox).await?;
    documentation::commands_work(&account).await?;

    let made = account.resources().await?;
    ensure!(made.len() > 60, "the stack has its resources: {made:#?}");
    account.delete().await?;
    let left = account.what_is_left(&made).await?;
    let kinds: Vec<_> = left.iter().map(|(kind, _)| kind.as_str()).collect();
    for kind in &kinds {
        assert!(KEPT.contains(kind), "sam delete left {kind}: {left:#?}");
    }
    assert!(kinds.contains(&"AWS::DynamoDB::Table"), "the table outlives the stack");
    documentation::uninstall(&account).await?;
    assert_eq!(account.what_is_left(&made).await?, [], "the documented commands remove what stays");
    Ok(())
}

/// An event goes through the deployed rule; the evidence is read, the message is sent, and it is remembered.
async fn a_failed_deployment_is_explained(account: &Account, inbox: &account::Inbox<'_>) -> Result<()> {
    let arn = account.apprunner.services().create(ServiceSpec::image("orders", IMAGE))?;
    let script = Script::new(Outcome::FailThenRollBack).application_log(["exec format error"]);
    account.apprunner.script(&arn, script);
    account.apprunner.deploy(&arn).map_err(|error| anyhow::anyhow!("{error:?}"))?;
    account.happen().await?;
    let message = inbox.waits_for("orders: deployment failed").await?;
    ensure!(message.contains("image-architecture"), "the cause is named: {message}");
    let items = account.state().await?;
    let remembered =
        |item: &Value| item["pk"]["S"] == "notify" && item["sk"]["S"] == format!("subject {arn}");
    ensure!(items.iter().any(remembered), "the incident is kept: {items:#?}");
    Ok(())
}

/// A function that acts: it is woken by its rule and its schedule, changes the service, and `notify` tells of it.
async fn a_failed_creation_is_built_again(account: &Account, inbox: &account::Inbox<'_>) -> Result<()> {
    let transient =
        Script::new(Outcome::Fail).event_log(["Failed to pull your application image: i/o timeout"]);
    account.apprunner.script("billing", transient);
    let input = json!({"ServiceName": "billing", "SourceConfiguration": {"ImageRepository": {
        "ImageIdentifier": IMAGE, "ImageRepositoryType": "ECR"}}});
    account.app_runner("CreateService", &input)?;
    account.happen().await?;
    inbox.waits_for("billing: creation failed").await?;
    for _ in 0..60 {
        account.ask("rebuild", &json!({"command": "tick"})).await?;
        account.happen().await?;
        let changes = account.apprunner.requests().of("apprunner", "UpdateService");
        if !changes.is_empty() {
            assert_eq!(changes.len(), 1, "it is built again once");
            inbox.waits_for("billing: rebuild").await?;
            return Ok(());
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let status = account.ask("rebuild", &json!({"command": "status"})).await?;
    anyhow::bail!("{STACK}-rebuild did nothing: {status:#}")
}

/// The stop of one function holds for all, for it is one item of the one table.
async fn a_person_stops_it(account: &Account, inbox: &account::Inbox<'_>) -> Result<()> {
    account.ask("shift", &json!({"command": "stop"})).await?;
    let status = account.ask("cleanup", &json!({"command": "status"})).await?;
    status["stopped_since"].as_str().context("cleanup knows that shift was told to stop")?;
    account.ask("notify", &json!({"command": "go"})).await?;
    inbox.waits_for("going again").await?;
    Ok(())
}
