//! `shift` dies at every call of everything that it writes: a start with its first step, an abort, both finishes.

use anyhow::{Context as _, Result, ensure};
use autopilot_tests::{
    SHIFT,
    crash::{Deadly, Moment, Trigger},
    crossing::{Crossing, NAME, ORIGIN, ZONE},
    hosting, records,
};
use futures_util::future::join_all;
use serde_json::{Value, json};

/// A stage on which `shift` can be made to die.
async fn deadly() -> Result<(Crossing, Trigger)> {
    let deadly = Deadly::raise_with(SHIFT, &[("HostedZoneIds", ZONE)], &hosting(&[SHIFT])).await?;
    let (stage, trigger) = deadly.part();
    let crossing = Crossing::furnish(stage)?;
    crossing.serve(100.0, 0.0);
    Ok((crossing, trigger))
}

/// Sends a command again where the function died of it.
async fn patient(crossing: &Crossing, command: &Value) -> Result<Value> {
    for _ in 0..3 {
        if let Ok(answer) = crossing.ask(command).await {
            return Ok(answer);
        }
    }
    crossing.ask(command).await
}

/// Ticks of the schedule, the first of which may die, too.
async fn ticks(crossing: &Crossing, count: usize) -> Result<()> {
    for _ in 0..count {
        tokio::time::sleep(std::time::Duration::from_millis(400)).await;
        patient(crossing, &json!({"command": "tick"})).await?;
    }
    Ok(())
}

fn events(shift: &Value) -> Vec<&str> {
    let entries = shift["history"].as_array().into_iter().flatten();
    entries.filter_map(|entry| entry["event"].as_str()).collect()
}

/// A start, its first tick and its first step, dying at one call; what dies is tried again.
async fn start_and_step(call: usize, moment: Moment) -> Result<()> {
    let (crossing, trigger) = deadly().await?;
    trigger.arm(call, moment);
    let plan = crossing.plan(&json!({"step_weights": [100], "bake_time": "30m"}));
    patient(&crossing, &json!({"command": "start", "plan": plan})).await?;
    ticks(&crossing, 8).await?;
    trigger.disarm();
    crossing.tick().await?;
    let shift = crossing.status().await?;
    for event in ["prepared", "step"] {
        let times = events(&shift).into_iter().filter(|other| *other == event).count();
        assert!(times <= 1, "{shift:#}");
    }
    let to = shift["weights"]["to"].as_u64().context("a weight")?;
    crossing.assert_weights(NAME, u8::try_from(100 - to)?, u8::try_from(to)?);
    // What was announced twice is announced with the same words, and nothing goes untold.
    let mut announced = crossing.announced();
    announced.dedup();
    let expected = ["started accepted", "progressed step"];
    assert_eq!(announced, expected[..if to == 100 { 2 } else { 1 }]);
    records::assert_told(&crossing.stage)
}

/// How a shift ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Abort,
    FinishAfterAbort,
    Finish,
}

/// The end of a shift, dying at one call of it; what dies is tried again, and ticks do the rest.
async fn end(end: End, call: usize, moment: Moment) -> Result<()> {
    let (crossing, trigger) = deadly().await?;
    crossing.start(&json!({"step_weights": [100]})).await?;
    crossing.tick_until("Validating").await?;
    if end == End::FinishAfterAbort {
        crossing.tell("abort").await?;
    }
    let word = if end == End::Abort { "abort" } else { "finish" };
    trigger.arm(call, moment);
    let answer = patient(&crossing, &json!({"command": word, "record_name": NAME})).await?;
    ticks(&crossing, 2).await?;
    trigger.disarm();
    crossing.tick().await?;
    let shift = crossing.status().await?;
    let (phase, event, said, records) = match end {
        End::Abort => ("RolledBack", "aborted", "failed aborted", 2),
        End::FinishAfterAbort => ("RolledBack", "finished", "succeeded finished", 1),
        End::Finish => ("Succeeded", "finished", "succeeded finished", 1),
    };
    ensure!(shift["phase"] == phase, "{shift:#} after {answer:#}");
    ensure!(events(&shift).into_iter().filter(|other| *other == event).count() == 1, "{shift:#}");
    assert_eq!(crossing.announced().last().map(String::as_str), Some(said));
    assert_eq!(crossing.weights(NAME).len(), records);
    let leads = crossing.stage.account.route53().records(ZONE).into_iter();
    let leads: Vec<Value> = leads
        .filter(|record| record["Name"] == format!("{NAME}.") && record["Weight"] != "0")
        .map(|record| record["ResourceRecords"]["ResourceRecord"][0]["Value"].clone())
        .collect();
    let expected = if end == End::Finish { crossing.balancer_name.as_str() } else { ORIGIN };
    assert_eq!(leads, [expected]);
    let again = crossing.tell(word).await?;
    ensure!(again["ok"] == true, "asked again, it is as it was: {again:#}");
    crossing.stage.account.requests().clear();
    crossing.tick().await?;
    assert_eq!(crossing.count("route53", "ListResourceRecordSets"), 0, "no tick has to do with it any more");
    records::assert_told(&crossing.stage)
}

async fn through<F>(calls: std::ops::Range<usize>, run: impl Fn(usize) -> F) -> Result<()>
where
    F: Future<Output = Result<()>>,
{
    let calls: Vec<usize> = calls.collect();
    for some in calls.chunks(6) {
        let runs = some.iter().map(|call| {
            let run = run(*call);
            async move { run.await.with_context(|| format!("call {call}")) }
        });
        join_all(runs).await.into_iter().collect::<Result<Vec<_>>>()?;
    }
    Ok(())
}

#[tokio::test]
async fn dying_before_any_call_is_made_leaves_a_state_that_status_explains() -> Result<()> {
    through(1..32, |call| start_and_step(call, Moment::BeforeWork)).await
}

#[tokio::test]
async fn dying_before_any_answer_is_heard_leaves_a_state_that_status_explains() -> Result<()> {
    through(1..32, |call| start_and_step(call, Moment::BeforeAnswer)).await
}

#[tokio::test]
async fn an_abort_that_dies_before_any_call_still_turns_back() -> Result<()> {
    through(1..18, |call| end(End::Abort, call, Moment::BeforeWork)).await
}

#[tokio::test]
async fn an_abort_that_dies_before_any_answer_still_turns_back() -> Result<()> {
    through(1..18, |call| end(End::Abort, call, Moment::BeforeAnswer)).await
}

#[tokio::test]
async fn a_finish_that_dies_before_any_call_still_finishes() -> Result<()> {
    through(1..14, |call| end(End::Finish, call, Moment::BeforeWork)).await?;
    through(1..14, |call| end(End::FinishAfterAbort, call, Moment::BeforeWork)).await
}

#[tokio::test]
async fn a_finish_that_dies_before_any_answer_still_finishes() -> Result<()> {
    through(1..14, |call| end(End::Finish, call, Moment::BeforeAnswer)).await?;
    through(1..14, |call| end(End::FinishAfterAbort, call, Moment::BeforeAnswer)).await
}
