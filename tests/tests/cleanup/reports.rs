//! What people and programs are told: one message a run, and only where something is new.

use anyhow::Result;
use autopilot_tests::messages::{alerts, assert_says};
use sandbox::aws::Options;
use serde_json::json;

use crate::{CLEANUP, assert_well, command, endpoint, grace, report, reports, run, stage_with, told};

#[tokio::test]
async fn a_run_with_many_news_is_one_message() -> Result<()> {
    let stage = stage_with(&[("MaxDeletionShare", "1")], Options::default()).await?;
    for id in ["vpce-0a1", "vpce-0a2"] {
        stage.account.ec2().add_endpoint(endpoint(id));
    }
    run(&stage).await?;
    grace().await;
    stage.account.ec2().add_endpoint(endpoint("vpce-0b1"));
    stage.account.ec2().add_endpoint(endpoint("vpce-0c1").tag("aws:cloudformation:stack-id", "net"));
    run(&stage).await?;
    let reported = report(&stage, "deleted")?;
    assert_eq!(reported["plan"]["count"], json!({"deleted": 2, "marked": 1, "stack-owned": 1}));
    assert_eq!(
        (&reported["resource"], &reported["monthly_saving_usd"]),
        (&json!("app-runner-leftovers"), &json!(43.8))
    );
    assert_eq!((reports(&stage).len(), alerts(&stage).len()), (2, 2), "{:?}", told(&stage));
    let metrics = stage.host.lambda.logs(CLEANUP)?.into_iter().filter_map(|line| line.json());
    let metrics: Vec<_> = metrics.filter(|line| line.get("_aws").is_some()).collect();
    let last = |name: &str| metrics.iter().rev().find_map(|line| line.get(name)?.as_f64());
    assert_eq!(
        (last("MonthlySaving"), last("MarkedOrphans"), last("Leftovers")),
        (Some(43.8), Some(1.0), Some(2.0))
    );
    let message = alerts(&stage).pop().map(|message| message.message).unwrap_or_default();
    assert_says(
        &message,
        &[
            "2 deleted, 1 marked, 1 stack-owned",
            "43.80 USD a month",
            "vpce-0c1",
            "remove it there",
            "--resources vpce-0b1",
        ],
    );
    assert_well(&stage)
}

#[tokio::test]
async fn commands_that_cannot_be_read_name_the_field() -> Result<()> {
    let stage = stage_with(&[], Options::default()).await?;
    for (bad, field) in [
        (json!({"command": "clean"}), "command"),
        (json!({"command": "run", "dry_run": "yes"}), "dry_run"),
        (json!({"command": "run", "confirm": -1}), "confirm"),
        (json!({"command": "keep", "resource": "vpce-0a1", "keep": 1}), "keep"),
    ] {
        let answer = command(&stage, bad.clone()).await?;
        assert_eq!((&answer["ok"], &answer["errors"][0]["field"]), (&json!(false), &json!(field)), "{bad}");
    }
    assert!(stage.account.requests().of("ec2", "DescribeVpcEndpoints").is_empty());
    Ok(())
}
