//! What is done in each situation of the table.

use super::*;

#[tokio::test]
async fn every_end_of_an_operation_has_its_plan() -> Result<()> {
    const RECOVERED: &[&str] = &["skipped recovered-by-app-runner"];
    const UNDONE: &[&str] = &["started native-rollback-failed", "succeeded verified"];
    const ATTEMPT: &[&str] = &["started failed-attempt-still-configured", "succeeded verified"];
    for (deploys, outcome, updates, expected) in [
        (true, Outcome::FailThenRollBack, 0, RECOVERED),
        (true, Outcome::RollbackFails, 1, UNDONE),
        (true, Outcome::Fail, 0, RECOVERED),
        (true, Outcome::Succeed, 0, &[][..]),
        (false, Outcome::FailThenRollBack, 0, RECOVERED),
        (false, Outcome::RollbackFails, 1, UNDONE),
        (false, Outcome::Fail, 1, ATTEMPT),
        (false, Outcome::FailReverted, 0, RECOVERED),
        (false, Outcome::Succeed, 0, &[]),
    ] {
        for lost in [false, true] {
            let stage = stage(&[("RollbackMode", "on"), ("BakeTime", "1s")]).await?;
            let arn = service(&stage).await?;
            if lost {
                stage.host.router.disturb(10_000, Disturbance::Lose);
            }
            stage.account.script(&arn, Script::new(outcome));
            if deploys {
                start_deployment(&stage, &arn)?;
            } else {
                update(&stage, &arn, NEXT, "9090")?;
            }
            stage.settle().await;
            if lost {
                command(&stage, "reconcile").await?;
            }
            ticks(&stage).await?;
            let case = format!("deployment: {deploys}, {outcome:?}, events lost: {lost}");
            assert_eq!(announced(&stage), expected, "{case}");
            assert_eq!(changes(&stage).len(), updates, "{case}: {:?}", changes(&stage));
            for input in sent(&stage) {
                let source = &input["SourceConfiguration"];
                let image = source["ImageRepository"]["ImageIdentifier"].as_str().unwrap_or_default();
                ensure!(image.contains("/orders@sha256:"), "{case}: by digest: {image}");
                assert_eq!(source["AutoDeploymentsEnabled"], false, "{case}");
                assert_eq!(input["NetworkConfiguration"]["EgressConfiguration"]["EgressType"], "DEFAULT");
                assert_eq!(input["ObservabilityConfiguration"]["ObservabilityEnabled"], false);
            }
            assert_eq!(command(&stage, "tick").await?, json!({"ok": true, "open": 0, "failed": 0}), "{case}");
            if !lost {
                assert_well(&stage)?;
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_version_that_fails_its_analysis_is_rolled_back_and_one_without_traffic_is_known_good() -> Result<()>
{
    for (before, errors, expected, standing) in [
        (0.0, 60.0, vec!["started analysis-failed", "succeeded verified"], "bad"),
        (0.0, 1.0, vec![], "baking"),
        // The version before failed the same way.
        (60.0, 60.0, vec![], "baking"),
    ] {
        let stage = stage(&[("RollbackMode", "on"), ("BakeTime", "10m")]).await?;
        let arn = service(&stage).await?;
        stage.account.clock().set_offset(SignedDuration::from_mins(-5));
        let earlier = stage.account.clock().now() - SignedDuration::from_mins(2);
        for (name, value) in [("Requests", 100.0), ("5xxStatusResponses", before)] {
            stage.account.cloudwatch().put_service_metric(&arn, name, earlier, value);
        }
        update(&stage, &arn, NEXT, "8080")?;
        stage.settle().await;
        let at = stage.account.clock().now() + SignedDuration::from_mins(2);
        for (name, value) in [("Requests", 100.0), ("5xxStatusResponses", errors)] {
            stage.account.cloudwatch().put_service_metric(&arn, name, at, value);
        }
        stage.account.clock().set_offset(SignedDuration::ZERO);
        for _ in 0..3 {
            command(&stage, "tick").await?;
        }
        assert_eq!(announced(&stage), expected);
        assert_eq!(changes(&stage).len(), expected.len() / 2);
        let versions = about(&stage, "versions", &arn, json!({})).await?;
        assert_eq!(versions["versions"][1]["standing"], standing, "{versions:#}");
        assert_well(&stage)?;
    }
    let stage = stage(&[("RollbackMode", "on"), ("BakeTime", "1s")]).await?;
    let arn = service(&stage).await?;
    update(&stage, &arn, NEXT, "8080")?;
    stage.settle().await;
    ticks(&stage).await?;
    let versions = about(&stage, "versions", &arn, json!({})).await?;
    assert_eq!(versions["versions"][1]["standing"], "known-good", "{versions:#}");
    assert_eq!(versions["versions"][1]["evidence"], "none");
    assert_well(&stage)
}

#[tokio::test]
async fn dry_run_tells_its_plan_once_and_off_says_nothing_and_neither_writes() -> Result<()> {
    for (mode, expected) in [("dry-run", vec!["planned native-rollback-failed"]), ("off", vec![])] {
        let stage = stage(&[("RollbackMode", mode), ("BakeTime", "1s")]).await?;
        let arn = service(&stage).await?;
        stage.account.script(&arn, Script::new(Outcome::RollbackFails));
        update(&stage, &arn, NEXT, "9090")?;
        stage.settle().await;
        ticks(&stage).await?;
        assert_eq!(
            (announced(&stage), changes(&stage)),
            (expected.iter().map(ToString::to_string).collect(), vec![])
        );
        about(&stage, "rollback", &arn, json!({"force": true})).await?;
        assert_eq!(changes(&stage), Vec::<String>::new(), "a command changes nothing in {mode}");
        assert_well(&stage)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_paused_or_deleted_service_is_skipped() -> Result<()> {
    for (status, expected) in [
        (ServiceStatus::Paused, &["skipped paused"][..]),
        (ServiceStatus::Deleted, &["skipped gone"]),
        (ServiceStatus::CreateFailed, &[]),
    ] {
        let stage = stage(&[("RollbackMode", "on"), ("BakeTime", "1h")]).await?;
        let arn = service(&stage).await?;
        stage.account.script(&arn, Script::new(Outcome::RollbackFails));
        update(&stage, &arn, NEXT, "9090")?;
        stage.settle().await;
        stage.account.services().set_status(&arn, status)?;
        ticks(&stage).await?;
        let said: Vec<_> = expected.iter().map(ToString::to_string).collect();
        assert_eq!((announced(&stage), changes(&stage)), (said, vec![]));
        assert_eq!(command(&stage, "tick").await?["failed"], 0);
        assert_well(&stage)?;
    }
    Ok(())
}

#[tokio::test]
async fn what_runs_is_waited_for_and_what_somebody_else_did_is_left() -> Result<()> {
    let stage = stage(&[("RollbackMode", "on"), ("BakeTime", "1h")]).await?;
    let arn = service(&stage).await?;
    stage.account.script(&arn, Script::new(Outcome::RollbackFails));
    update(&stage, &arn, NEXT, "9090")?;
    stage.settle().await;
    stage.account.services().set_status(&arn, ServiceStatus::OperationInProgress)?;
    ticks(&stage).await?;
    assert_eq!((announced(&stage), changes(&stage)), (vec![], vec![]), "maintenance");
    stage.account.services().set_status(&arn, ServiceStatus::Running)?;
    update(&stage, &arn, NEXT, "8080")?;
    stage.settle().await;
    ticks(&stage).await?;
    assert_eq!((announced(&stage), changes(&stage)), (vec!["skipped someone-else-acted".to_owned()], vec![]));
    assert_well(&stage)
}

#[tokio::test]
async fn the_errors_of_a_deployment_whose_event_was_lost_do_not_condemn_the_version_before() -> Result<()> {
    let stage = stage(&[("RollbackMode", "on"), ("BakeTime", "10m")]).await?;
    let arn = service(&stage).await?;
    stage.account.clock().set_offset(SignedDuration::from_mins(-5));
    update(&stage, &arn, NEXT, "8080")?;
    stage.settle().await;
    stage.account.clock().set_offset(SignedDuration::from_mins(-3));
    stage.host.router.disturb(10_000, Disturbance::Lose);
    update(&stage, &arn, IMAGE, "9090")?;
    stage.settle().await;
    let at = stage.account.clock().now() + SignedDuration::from_mins(1);
    for (name, value) in [("Requests", 100.0), ("5xxStatusResponses", 60.0)] {
        stage.account.cloudwatch().put_service_metric(&arn, name, at, value);
    }
    stage.account.clock().set_offset(SignedDuration::ZERO);
    command(&stage, "tick").await?;
    let versions = about(&stage, "versions", &arn, json!({})).await?;
    let standings: Vec<_> =
        versions["versions"].as_array().into_iter().flatten().map(|version| &version["standing"]).collect();
    assert_eq!(standings, ["assumed", "baking", "baking"], "{versions:#}");
    // The newer one is condemned by them.
    ticks(&stage).await?;
    let versions = about(&stage, "versions", &arn, json!({})).await?;
    assert_eq!(versions["versions"][1]["standing"], "baking", "{versions:#}");
    assert_eq!(versions["versions"][2]["standing"], "bad", "{versions:#}");
    Ok(())
}

#[tokio::test]
async fn an_unreadable_tag_counts_as_off_and_is_told_once() -> Result<()> {
    let stage = stage(&[("RollbackMode", "on"), ("BakeTime", "1s")]).await?;
    let arn = service(&stage).await?;
    let tags = json!([{"Key": "apprunner-autopilot:rollback", "Value": "yes"}]);
    app_runner(&stage, "TagResource", &json!({"ResourceArn": arn, "Tags": tags}))?;
    for port in ["9090", "9091"] {
        stage.account.script(&arn, Script::new(Outcome::RollbackFails));
        update(&stage, &arn, NEXT, port)?;
        stage.settle().await;
        ticks(&stage).await?;
    }
    assert_eq!((announced(&stage), changes(&stage)), (vec!["held unreadable-tag".to_owned()], vec![]));
    assert_well(&stage)
}
