//! How many calls the function makes, and how many of them one after the other.

use std::time::Duration;

use anyhow::Result;
use autopilot_tests::{IMAGE, alerts, assert_well, calls, phases, reconcile, stage, start_deployment};
use sandbox::{
    aws::{Fault, Outcome, Script, apprunner::ServiceSpec},
    host::router::{Disturbance, Order},
    stage::Stage,
};

/// Every call is answered after this time, so that calls made at the same time arrive as one round.
const LAG: Duration = Duration::from_millis(600);

fn lag(stage: &Stage) {
    stage.account.requests().clear();
    stage.account.faults().always("*", "*", Fault::Slow(LAG));
}

/// The calls by rounds: a call that arrives well before the one before it can have been answered belongs to the
/// same round. Sorted within a round.
fn rounds(stage: &Stage) -> Vec<Vec<String>> {
    let half = i64::try_from(LAG.as_millis()).unwrap_or(i64::MAX) / 2;
    let mut rounds: Vec<(i64, Vec<String>)> = Vec::new();
    for call in calls::all(stage) {
        let (at, name) = (call.at.as_millisecond(), format!("{}:{}", call.service, call.operation));
        match rounds.last_mut() {
            Some((start, round)) if at - *start < half => round.push(name),
            _ => rounds.push((at, vec![name])),
        }
    }
    rounds
        .into_iter()
        .map(|(_, mut round)| {
            round.sort();
            round
        })
        .collect()
}

/// A warm function, and a service whose deployment failed; the event of it is held back.
async fn with_a_failure() -> Result<Stage> {
    let stage = stage().await?;
    reconcile(&stage).await?;
    let arn = stage.account.services().create(ServiceSpec::image("orders", IMAGE))?;
    stage.host.router.disturb(1, Disturbance::Hold);
    stage.host.router.disturb(1, Disturbance::Lose);
    let lines = ["exec /usr/local/bin/app: exec format error"];
    stage.account.script(&arn, Script::new(Outcome::FailThenRollBack).application_log(lines));
    start_deployment(&stage, &arn)?;
    stage.settle().await;
    Ok(stage)
}

fn asks_a_fact(call: &str) -> bool {
    ["ecr:", "iam:", "ec2:", "cloudwatch:", "apprunner:"].iter().any(|service| call.starts_with(service))
}

#[tokio::test]
async fn a_failure_takes_four_rounds_and_one_for_open_questions() -> Result<()> {
    let stage = with_a_failure().await?;
    lag(&stage);
    assert_eq!(stage.host.router.release(Order::Sent), 1);
    stage.settle().await;
    let made = rounds(&stage);
    let first = [
        "apprunner:DescribeService",
        "apprunner:ListOperations",
        "apprunner:ListTagsForResource",
        "dynamodb:GetItem",
        "dynamodb:GetItem",
        "logs:DescribeLogStreams",
        "logs:DescribeLogStreams",
    ];
    let second = ["dynamodb:PutItem", "logs:GetLogEvents", "logs:GetLogEvents", "logs:GetLogEvents"];
    assert_eq!(made[0], first, "what the event alone leads to");
    assert_eq!(made[1], second, "the intention is stored while the logs are read");
    // What the logs leave open is asked at once, in a round of its own that most failures do without.
    let last = made[2..]
        .split_first()
        .filter(|(facts, _)| facts.iter().all(|call| asks_a_fact(call)))
        .map_or(&made[2..], |it| it.1);
    assert_eq!(last, [vec!["sns:Publish"; 2], vec!["dynamodb:PutItem"]], "{made:#?}");
    assert_eq!(phases(&stage, "orders"), ["failure"]);
    assert_well(&stage)
}

#[tokio::test]
async fn an_idle_success_takes_one_call() -> Result<()> {
    let stage = stage().await?;
    let arn = stage.account.services().create(ServiceSpec::image("orders", IMAGE))?;
    stage.host.router.disturb(1, Disturbance::Deliver);
    stage.host.router.disturb(1, Disturbance::Lose);
    start_deployment(&stage, &arn)?;
    stage.settle().await;
    assert_eq!(calls::names(&stage), ["dynamodb:GetItem"]);
    assert!(alerts(&stage).is_empty());
    assert_well(&stage)
}

#[tokio::test]
async fn an_event_that_concerns_nobody_takes_no_call() -> Result<()> {
    let stage = stage().await?;
    for name in ["operation-deployment-started.json", "status-operation-in-progress.json"] {
        let event = autopilot_tests::sample(&format!("notify/{name}"))?;
        assert_eq!(autopilot_tests::command(&stage, &event).await?["decision"], "ignore");
    }
    assert!(calls::all(&stage).is_empty(), "{:?}", calls::names(&stage));
    Ok(())
}

#[tokio::test]
async fn an_idle_reconciliation_takes_three_rounds_and_one_call_a_service() -> Result<()> {
    let stage = stage().await?;
    for number in 0..5 {
        stage.account.services().create(ServiceSpec::image(&format!("orders-{number}"), IMAGE))?;
    }
    reconcile(&stage).await?;
    lag(&stage);
    reconcile(&stage).await?;
    let operations = ["apprunner:ListOperations"; 5];
    let expected: [&[&str]; 3] = [
        &["apprunner:ListServices", "dynamodb:GetItem", "dynamodb:Query"],
        &operations,
        &["dynamodb:PutItem"],
    ];
    assert_eq!(rounds(&stage), expected);
    assert_well(&stage)
}
