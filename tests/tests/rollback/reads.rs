//! What a tick reads.

use super::*;

#[tokio::test]
async fn an_idle_tick_makes_one_read_however_many_services_there_are() -> Result<()> {
    let stage = stage(&[("RollbackMode", "on")]).await?;
    for number in 0..300 {
        stage.account.services().create(ServiceSpec::image(&format!("service-{number}"), IMAGE))?;
    }
    let answer = command(&stage, "reconcile").await?;
    assert_eq!((&answer["taken_up"], &answer["failed"]), (&json!(300), &json!(0)), "{answer}");
    stage.account.requests().clear();
    command(&stage, "tick").await?;
    assert_eq!(calls::names_of(&stage, ROLLBACK), ["dynamodb:Query"]);
    Ok(())
}

#[tokio::test]
async fn a_tick_reads_the_metrics_of_all_that_bake_at_once() -> Result<()> {
    let stage = stage(&[("RollbackMode", "on"), ("BakeTime", "1h")]).await?;
    command(&stage, "reconcile").await?;
    for number in 0..130 {
        stage.account.services().create(ServiceSpec::image(&format!("service-{number}"), IMAGE))?;
    }
    command(&stage, "reconcile").await?;
    stage.account.requests().clear();
    let answer = command(&stage, "tick").await?;
    assert_eq!(answer["open"], 130, "{answer}");
    let reads: Vec<_> =
        calls::names_of(&stage, ROLLBACK).into_iter().filter(|name| name != "dynamodb:PutItem").collect();
    // 130 services, two metrics, now and before: 520 queries.
    assert_eq!(reads, ["dynamodb:Query", "cloudwatch:GetMetricData", "cloudwatch:GetMetricData"]);
    Ok(())
}
