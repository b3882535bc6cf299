//! What condemns a version beside its errors, and what makes a rollback wait.

use sandbox::aws::cloudwatch::alarms::{AlarmKind, AlarmState};

use super::*;

const BAKING: [(&str, &str); 2] = [("RollbackMode", "on"), ("BakeTime", "1h")];

async fn with(more: &[(&str, &str)]) -> Result<(Stage, String)> {
    let stage = stage(&[&BAKING, more].concat()).await?;
    let arn = service(&stage).await?;
    Ok((stage, arn))
}

#[tokio::test]
async fn a_version_that_bakes_while_an_alarm_goes_off_is_rolled_back() -> Result<()> {
    let (stage, arn) = with(&[("AnalysisAlarms", "checkout-5xx")]).await?;
    stage.account.cloudwatch().add_alarm("checkout-5xx", AlarmKind::Metric, AlarmState::Ok);
    update(&stage, &arn, NEXT, "8080")?;
    stage.settle().await;
    // Before the first analysis: the next one is a minute later.
    stage.account.cloudwatch().set_alarm("checkout-5xx", AlarmState::Alarm);
    ticks(&stage).await?;
    assert_eq!(changes(&stage), ["apprunner:UpdateService"]);
    assert_eq!(announced(&stage), ["started analysis-failed", "succeeded verified"]);
    assert_well(&stage)
}

#[tokio::test]
async fn a_slow_version_is_rolled_back_and_a_fast_one_is_not() -> Result<()> {
    for (latency, rolled_back) in [(4_000.0, 1), (400.0, 0)] {
        let (stage, arn) = with(&[("AnalysisMaxLatency", "p95:1500")]).await?;
        let clock = stage.account.clock();
        clock.set_offset(SignedDuration::from_mins(-5));
        update(&stage, &arn, NEXT, "8080")?;
        stage.settle().await;
        let at = clock.now() + SignedDuration::from_mins(2);
        for (name, value) in [("Requests", 100.0), ("RequestLatency", latency)] {
            stage.account.cloudwatch().put_service_metric(&arn, name, at, value);
        }
        clock.set_offset(SignedDuration::ZERO);
        ticks(&stage).await?;
        assert_eq!(changes(&stage).len(), rolled_back, "{latency} ms");
        assert_well(&stage)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_second_failure_waits_for_the_end_of_the_cool_down() -> Result<()> {
    for (cool_down, rolled_back) in [("1h", 1), ("1s", 2)] {
        let stage = stage_of(
            &[&BAKING[..], &[("SettleTime", "1s"), ("RollbackCoolDown", cool_down)]].concat(),
            Options::default(),
            &both(),
        )
        .await?;
        furnish(&stage);
        let arn = service(&stage).await?;
        for _ in 0..2 {
            stage.account.script(&arn, Script::new(Outcome::RollbackFails));
            update(&stage, &arn, NEXT, "9090")?;
            stage.settle().await;
            ticks(&stage).await?;
        }
        assert_eq!(changes(&stage).len(), rolled_back, "cool-down of {cool_down}");
        let status = about(&stage, "status", &arn, json!({})).await?;
        assert_eq!(status["cases"][0]["open"], rolled_back == 1, "what waits is not forgotten: {status:#}");
        assert_well(&stage)?;
    }
    Ok(())
}
