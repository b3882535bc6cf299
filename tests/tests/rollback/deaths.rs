//! Deaths at every call.

use super::*;

/// Dies at every call of the tick that rolls back.
async fn survives(moment: Moment) -> Result<()> {
    let mut not_made = 0;
    for call in 1.. {
        let parameters = parameters(&[("RollbackMode", "on"), ("BakeTime", "1h")]);
        let deadly = Deadly::raise_with(ROLLBACK, &parameters, &both()).await?;
        let stage = &deadly.stage;
        furnish(stage);
        let arn = service(stage).await?;
        stage.account.script(&arn, Script::new(Outcome::RollbackFails));
        update(stage, &arn, NEXT, "9090")?;
        stage.settle().await;
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        deadly.arm(call, moment);
        let ended = stage.host.lambda.invoke_async(ROLLBACK, r#"{"command":"tick"}"#)?.outcome().await?;
        stage.settle().await;
        let died = deadly.disarm();
        ensure!(ended.gave_up.is_none(), "{moment:?} {call}: {ended:?}");
        for _ in 0..3 {
            command(stage, "tick").await?;
        }
        assert_told(stage)?;
        // A call that never arrived is judged after two minutes, which no test waits for; it is not made again.
        let made = stage.account.services().operations(&arn).len() == 3;
        let (changes, announced) = (changes(stage), announced(stage));
        let expected: &[&str] =
            if made { &["started native-rollback-failed", "succeeded verified"] } else { &[] };
        ensure!(changes.len() <= 1 && announced == expected, "{moment:?} {call}: {changes:?} {announced:?}");
        not_made += usize::from(!made);
        if !died {
            ensure!(call > 10, "a rollback takes more than {call} calls");
            ensure!(not_made <= 2, "only between the intent and the call a death delays: {not_made}");
            return Ok(());
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_death_before_any_calls_work_makes_no_second_rollback() -> Result<()> {
    survives(Moment::BeforeWork).await
}

#[tokio::test]
async fn a_death_before_any_calls_answer_makes_no_second_rollback() -> Result<()> {
    survives(Moment::BeforeAnswer).await
}
