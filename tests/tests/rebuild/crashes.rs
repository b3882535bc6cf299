//! Deaths and lost answers: a rebuild is made and told once.

use autopilot_tests::crash::{Deadly, Moment};

use super::*;

/// The function dies at each of its calls in turn. However often it then runs again, there is one rebuild for one
/// intent, it is announced, and nothing waits to be told.
async fn survives(moment: Moment) -> Result<()> {
    let mut not_made = 0;
    for call in 1.. {
        let deadly =
            Deadly::raise_with(REBUILD, &[("RebuildMode", "on"), ("RebuildDelays", "1s,1h")], &both())
                .await?;
        let stage = &deadly.stage;
        furnish(stage);
        let arn = fail_silently(stage, "orders").await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        deadly.arm(call, moment);
        let ended = stage.host.lambda.invoke_async(REBUILD, r#"{"command":"tick"}"#)?.outcome().await?;
        stage.settle().await;
        let died = deadly.disarm();
        ensure!(ended.gave_up.is_none(), "{moment:?} {call}: {ended:?}");
        for _ in 0..2 {
            tick(stage).await?;
        }
        records::assert_told(stage)?;
        // A call that never arrived is judged after two minutes, which no test waits for; it is not made again.
        let made = stage.account.services().operations(&arn).len() == 2;
        let (changes, announced) = (changes(stage), announced(stage));
        let expected: &[&str] = if made { &["started cause-unknown", "succeeded running"] } else { &[] };
        ensure!(changes.len() <= 1 && announced == expected, "{moment:?} {call}: {changes:?} {announced:?}");
        not_made += usize::from(!made);
        if !died {
            ensure!(call > 10, "a try takes more than {call} calls");
            ensure!(not_made <= 2, "only between the intent and the call a death delays: {not_made}");
            return Ok(());
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_try_survives_a_kill_before_each_call() -> Result<()> {
    survives(Moment::BeforeWork).await
}

#[tokio::test]
async fn a_try_survives_a_kill_after_each_call() -> Result<()> {
    survives(Moment::BeforeAnswer).await
}

/// The answer never came, so it is found by reading: but only among what can have begun by it.
#[tokio::test]
async fn what_somebody_did_later_is_not_taken_for_an_act_whose_answer_was_lost() -> Result<()> {
    let stage = stage(ON).await?;
    minutes_ago(&stage, 60);
    stage.account.faults().next("apprunner", "UpdateService", 1, Fault::TimeoutBeforeWork);
    let arn = fail_silently(&stage, "orders").await?;
    assert_eq!(changes(&stage).len(), 1, "it was asked for");
    minutes_ago(&stage, -5); // in five minutes
    stage.account.script(&arn, Script::new(Outcome::Fail));
    app_runner(&stage, "UpdateService", &json!({"ServiceArn": arn}))?;
    stage.settle().await;
    tick(&stage).await?;
    assert_eq!(announced(&stage), [""; 0], "nobody knows yet whether it was made");
    Ok(())
}
