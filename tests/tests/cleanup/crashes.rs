//! The function dies at every call in turn: nothing is deleted that must not be, nothing twice, and nothing untold.

use anyhow::{Result, ensure};
use autopilot_tests::{
    NOTIFY,
    crash::{Deadly, Moment},
    hosting,
};
use sandbox::aws::apprunner::IngressStatus;

use crate::{
    CLEANUP, MARK, assert_well, endpoint, grace, living, long_ago, mutations, run, told, used_endpoint,
};

/// One orphan that is due and one that is new, for each call at which the function dies.
async fn killed(moment: Moment) -> Result<()> {
    for call in 1.. {
        let parameters =
            [("CleanupMode", "on"), ("GracePeriod", "1s"), ("MinimumAge", "1h"), ("MaxDeletionShare", "1")];
        let deadly = Deadly::raise_with(CLEANUP, &parameters, &hosting(&[CLEANUP, NOTIFY])).await?;
        let stage = &deadly.stage;
        stage.account.ec2().add_endpoint(endpoint("vpce-0a1"));
        used_endpoint(stage, "vpce-0b2", IngressStatus::Available)?;
        run(stage).await?;
        grace().await;
        stage.account.ec2().add_endpoint(endpoint("vpce-0c3"));
        deadly.arm(call, moment);
        let ended = stage.host.lambda.invoke_async(CLEANUP, r#"{"command":"reconcile"}"#)?.outcome().await;
        ensure!(ended.is_ok(), "call {call}: {ended:?}");
        let died = deadly.disarm();
        stage.settle().await;
        let what =
            format!("killed {moment:?} of call {call}: {:?}, told {:?}", mutations(stage), told(stage));
        assert!(living(stage).contains(&"vpce-0b2".to_owned()), "{what}");
        let deletions = mutations(stage).iter().filter(|call| *call == "DeleteVpcEndpoints").count();
        assert!(deletions <= 1 + usize::from(moment == Moment::BeforeWork), "{what}");
        // An intent without an answer is settled by reading; where it left no trace, after two minutes.
        if living(stage).contains(&"vpce-0a1".to_owned()) {
            assert!(died, "{what}");
        } else {
            run(stage).await?;
            let deleted = told(stage).iter().filter(|(_, reason)| reason == "deleted").count();
            assert_eq!(deleted, 1, "{what}, then {:?}", told(stage));
        }
        assert_well(stage)?;
        if !died {
            assert!(call > 15, "a run takes more than {call} calls");
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
