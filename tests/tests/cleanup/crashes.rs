//! The function dies at every call in turn: nothing is deleted that must not be, nothing twice, and nothing untold.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use autopilot_tests::{
    NOTIFY,
    crash::{Deadly, Moment},
    hosting,
};
use sandbox::aws::apprunner::{IngressStatus, ServiceSpec};

use crate::{
    CLEANUP, MARK, assert_well, connect, deletions, endpoint, grace, living, long_ago, mutations, reports,
    run, told, used_endpoint,
};

/// A run in which everything happens: an endpoint and a connection are due, another endpoint is new, and one that was
/// marked is in use. The function dies at this call; true if it made as many.
async fn killed_at(moment: Moment, call: usize) -> Result<bool> {
    let usual =
        [("CleanupMode", "on"), ("GracePeriod", "1s"), ("MinimumAge", "1h"), ("MaxDeletionShare", "1")];
    let deadly = Deadly::raise_with(CLEANUP, &usual, &hosting(&[CLEANUP, NOTIFY])).await?;
    let stage = &deadly.stage;
    for id in ["vpce-0a1", "vpce-0d4", "vpce-0e5"] {
        stage.account.ec2().add_endpoint(endpoint(id));
    }
    let connection = connect(stage, GONE, "vpce-0d4", IngressStatus::Available);
    used_endpoint(stage, "vpce-0b2", IngressStatus::Available)?;
    run(stage).await?;
    grace().await;
    stage.account.ec2().add_endpoint(endpoint("vpce-0c3"));
    let late = stage.account.services().create(ServiceSpec::image("late", autopilot_tests::IMAGE))?;
    connect(stage, &late, "vpce-0e5", IngressStatus::PendingCreation);
    deadly.arm(call, moment);
    let ended = stage.host.lambda.invoke_async(CLEANUP, r#"{"command":"reconcile"}"#)?.outcome().await;
    ensure!(ended.is_ok(), "call {call}: {ended:?}");
    let died = deadly.disarm();
    stage.settle().await;
    let what = format!("killed {moment:?} of call {call}: {:?}, told {:?}", mutations(stage), told(stage));
    for id in ["vpce-0b2", "vpce-0d4", "vpce-0e5"] {
        assert!(living(stage).contains(&id.to_owned()), "{id}: {what}");
    }
    // Before its work is done a call may be made anew, but not before the intent is settled: after two minutes.
    let deletions = deletions(stage);
    let each: BTreeSet<_> = deletions.iter().collect();
    assert!(!deletions.is_empty() || died, "{what}");
    assert_eq!(each.len(), deletions.len(), "nothing is deleted twice: {what}");
    let gone = !living(stage).contains(&"vpce-0a1".to_owned());
    assert!(gone || died, "{what}");
    if gone {
        run(stage).await?;
        let lines: String = reports(stage).iter().map(|report| report["lines"].to_string()).collect();
        for id in ["vpce-0a1", connection.as_str()] {
            let told = lines.matches(&format!("{id} in vpc-0123456789abcdef0")).count();
            assert_eq!(told, 2, "{id}, marked and deleted: {what}, then {lines}");
        }
    }
    assert_well(stage)?;
    Ok(died)
}

const GONE: &str = "arn:aws:apprunner:us-east-1:123456789012:service/gone/0123456789abcdef0123456789abcdef";

/// Every call in turn, four at a time: a death mostly waits.
async fn killed(moment: Moment) -> Result<()> {
    for first in (1..).step_by(4) {
        let (a, b, c, d) = tokio::join!(
            killed_at(moment, first),
            killed_at(moment, first + 1),
            killed_at(moment, first + 2),
            killed_at(moment, first + 3)
        );
        let died = [a?, b?, c?, d?];
        if died != [true; 4] {
            assert!(first > 20, "a run takes more than {first} calls");
            return Ok(());
        }
    }
    Ok(())
}

#[tokio::test]
async fn before_each_call() -> Result<()> {
    killed(Moment::BeforeWork).await
}

#[tokio::test]
async fn after_each_call() -> Result<()> {
    killed(Moment::BeforeAnswer).await
}

#[tokio::test]
async fn a_lost_table_starts_every_grace_period_anew() -> Result<()> {
    let stage = crate::stage_with(&[("GracePeriod", "1h")], sandbox::aws::Options::default()).await?;
    stage.account.ec2().add_endpoint(endpoint("vpce-0a1").tag(MARK, &long_ago().to_string()));
    run(&stage).await?;
    assert_eq!((living(&stage).len(), mutations(&stage)), (1, Vec::new()));
    assert_well(&stage)
}
