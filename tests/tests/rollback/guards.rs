//! What keeps a rollback from being made, the hold that it leaves, and how both end.

use super::*;

#[tokio::test]
async fn a_stop_holds_and_go_lets_it_go_on() -> Result<()> {
    let stage = stage(&[("RollbackMode", "on"), ("BakeTime", "1s")]).await?;
    let arn = service(&stage).await?;
    command(&stage, "stop").await?;
    stage.account.script(&arn, Script::new(Outcome::RollbackFails));
    update(&stage, &arn, NEXT, "9090")?;
    stage.settle().await;
    ticks(&stage).await?;
    assert_eq!((changes(&stage), announced(&stage)), (vec![], vec!["held stopped".to_owned(); 2]));
    command(&stage, "go").await?;
    ticks(&stage).await?;
    assert_eq!(changes(&stage), ["UpdateService"].map(|name| format!("apprunner:{name}")));
    assert_eq!(announced(&stage).last().map(String::as_str), Some("succeeded verified"));
    assert_well(&stage)
}

#[tokio::test]
async fn what_stands_in_the_way_is_held_with_the_steps_for_a_person() -> Result<()> {
    for (guard, expected) in [
        ("role", "held would-widen-exposure"),
        ("image", "held image-gone"),
        ("version", "held no-known-good-version"),
    ] {
        let stage = stage(&[("RollbackMode", "on"), ("BakeTime", "1h")]).await?;
        let arn = match guard {
            "version" => stage.account.services().create(ServiceSpec::image("orders", IMAGE))?,
            _ => service(&stage).await?,
        };
        if guard == "image" {
            let versions = about(&stage, "versions", &arn, json!({})).await?;
            let digest = versions["versions"][0]["digest"].as_str().context("a pinned version")?.to_owned();
            stage.account.ecr().expire("123456789012", "orders", &digest);
        }
        stage.account.script(&arn, Script::new(Outcome::RollbackFails));
        if guard == "role" {
            let role = json!({"InstanceRoleArn": "arn:aws:iam::123456789012:role/other"});
            app_runner(&stage, "UpdateService", &json!({"ServiceArn": arn, "InstanceConfiguration": role}))?;
        } else {
            update(&stage, &arn, NEXT, "9090")?;
        }
        stage.settle().await;
        ticks(&stage).await?;
        assert_eq!((announced(&stage), changes(&stage)), (vec![expected.to_owned()], vec![]), "{guard}");
        if guard == "role" {
            about(&stage, "rollback", &arn, json!({"force": true})).await?;
            command(&stage, "tick").await?;
            assert_eq!(changes(&stage).len(), 1, "a person may force it");
        }
        assert_well(&stage)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_rollback_that_fails_is_told_and_never_tried_again() -> Result<()> {
    let stage = stage(&[("RollbackMode", "on"), ("BakeTime", "1h")]).await?;
    let arn = service(&stage).await?;
    for outcome in [Outcome::RollbackFails, Outcome::Fail] {
        stage.account.script(&arn, Script::new(outcome));
    }
    update(&stage, &arn, NEXT, "9090")?;
    stage.settle().await;
    ticks(&stage).await?;
    command(&stage, "reconcile").await?;
    ticks(&stage).await?;
    assert_eq!(announced(&stage), ["started native-rollback-failed", "failed own-rollback-failed"]);
    assert_eq!(changes(&stage).len(), 1);
    assert_well(&stage)
}

#[tokio::test]
async fn the_hold_tells_of_deployments_and_ends_by_release_or_by_somebodys_update() -> Result<()> {
    for releases in [true, false] {
        let stage = stage(&[("RollbackMode", "on"), ("BakeTime", "1h")]).await?;
        let arn = service(&stage).await?;
        stage.account.script(&arn, Script::new(Outcome::RollbackFails));
        start_deployment(&stage, &arn)?;
        stage.settle().await;
        ticks(&stage).await?;
        let mut expected = vec!["started native-rollback-failed", "succeeded verified"];
        assert_eq!(announced(&stage), expected);
        start_deployment(&stage, &arn)?;
        stage.settle().await;
        ticks(&stage).await?;
        expected.push("progressed nothing-new-deployed");
        assert_eq!(announced(&stage), expected);
        if releases {
            let refused = about(&stage, "release", &arn, json!({})).await?;
            assert_eq!((&refused["decision"], changes(&stage).len()), (&json!("hold"), 1), "{refused}");
            about(&stage, "release", &arn, json!({"force": true})).await?;
            ticks(&stage).await?;
            expected.extend([
                "held would-bring-back-the-bad-version",
                "started requested",
                "succeeded released",
            ]);
            let released = sent(&stage).pop().context("a release")?;
            assert_eq!(released["SourceConfiguration"]["ImageRepository"]["ImageIdentifier"], IMAGE);
        } else {
            update(&stage, &arn, NEXT, "8080")?;
            stage.settle().await;
            ticks(&stage).await?;
            expected.push("succeeded released");
        }
        assert_eq!(announced(&stage), expected);
        let status = command(&stage, "status").await?;
        assert_eq!(status["cases"][0]["held_at"], Value::Null, "{status:#}");
        let versions = about(&stage, "versions", &arn, json!({})).await?;
        assert_eq!(versions["versions"].as_array().map(Vec::len), Some(2), "{versions:#}");
        assert_well(&stage)?;
    }
    Ok(())
}

/// The last announcement's steps for a person.
fn steps(stage: &Stage) -> String {
    let mut events = stage.account.events().into_iter();
    let last = events.rfind(|event| event["detail-type"] == "Autopilot Rollback");
    last.map(|event| event["detail"]["plan"]["by_hand"].to_string()).unwrap_or_default()
}

#[tokio::test]
async fn a_version_whose_scaling_was_deleted_is_no_way_back() -> Result<()> {
    let stage = stage(&[("RollbackMode", "on"), ("BakeTime", "1s")]).await?;
    let arn = stage.account.services().create(ServiceSpec::image("orders", IMAGE))?;
    let scaling =
        |service: &Value| service["AutoScalingConfigurationSummary"]["AutoScalingConfigurationArn"].clone();
    let usual = scaling(&stage.account.services().describe(&arn)?);
    let created = app_runner(
        &stage,
        "CreateAutoScalingConfiguration",
        &json!({"AutoScalingConfigurationName": "wide", "MaxSize": 9}),
    )?;
    let wide = &created["AutoScalingConfiguration"]["AutoScalingConfigurationArn"];
    app_runner(&stage, "UpdateService", &json!({"ServiceArn": arn, "AutoScalingConfigurationArn": wide}))?;
    stage.settle().await;
    ticks(&stage).await?;
    stage.account.script(&arn, Script::new(Outcome::RollbackFails));
    let source = json!({
        "AuthenticationConfiguration": {"AccessRoleArn": "arn:aws:iam::123456789012:role/access"},
        "ImageRepository": {"ImageIdentifier": NEXT, "ImageRepositoryType": "ECR"},
    });
    app_runner(
        &stage,
        "UpdateService",
        &json!({"ServiceArn": arn, "AutoScalingConfigurationArn": usual, "SourceConfiguration": source}),
    )?;
    stage.settle().await;
    app_runner(&stage, "DeleteAutoScalingConfiguration", &json!({"AutoScalingConfigurationArn": wide}))?;
    ticks(&stage).await?;
    assert_eq!((announced(&stage), changes(&stage)), (vec!["held resource-gone".to_owned()], vec![]));
    ensure!(steps(&stage).contains("Create the resource anew"), "{}", steps(&stage));
    assert_well(&stage)
}

#[tokio::test]
async fn a_version_whose_start_nobody_saw_is_not_pinned_and_its_tag_is_no_way_back() -> Result<()> {
    let stage = stage(&[("RollbackMode", "on"), ("BakeTime", "1s")]).await?;
    let arn = service(&stage).await?;
    stage.host.router.disturb(10_000, Disturbance::Lose);
    start_deployment(&stage, &arn)?;
    stage.settle().await;
    command(&stage, "reconcile").await?;
    ticks(&stage).await?;
    let versions = about(&stage, "versions", &arn, json!({})).await?;
    assert_eq!(
        (&versions["versions"][1]["pinned"], &versions["versions"][1]["standing"]),
        (&json!(false), &json!("known-good")),
        "{versions:#}"
    );
    stage.account.script(&arn, Script::new(Outcome::RollbackFails));
    start_deployment(&stage, &arn)?;
    stage.settle().await;
    command(&stage, "reconcile").await?;
    ticks(&stage).await?;
    assert_eq!(changes(&stage), Vec::<String>::new());
    // The function's own announcements were delivered past the router's rules, or lost with them.
    let status = command(&stage, "status").await?;
    assert_eq!(status["cases"][0]["open"], true, "{status:#}");
    ensure!(steps(&stage).contains("start-deployment"), "{}", steps(&stage));
    Ok(())
}

#[tokio::test]
async fn a_budget_that_is_used_up_leaves_the_exact_steps() -> Result<()> {
    let stage = stage(&[("RollbackMode", "on"), ("BakeTime", "1h"), ("RollbackBudget", "1")]).await?;
    let arn = service(&stage).await?;
    for port in ["9090", "9091"] {
        stage.account.script(&arn, Script::new(Outcome::RollbackFails));
        update(&stage, &arn, NEXT, port)?;
        stage.settle().await;
        ticks(&stage).await?;
    }
    assert_eq!(announced(&stage).last().map(String::as_str), Some("held budget-exhausted"));
    assert_eq!(changes(&stage).len(), 1);
    ensure!(steps(&stage).contains("@sha256:"), "{}", steps(&stage));
    // A release is no rollback.
    about(&stage, "release", &arn, json!({"force": true})).await?;
    assert_eq!(changes(&stage).len(), 2);
    assert_well(&stage)
}

#[tokio::test]
async fn what_a_person_left_is_not_gone_back_to_and_a_release_spends_no_budget() -> Result<()> {
    let stage = stage(&[("RollbackMode", "on"), ("BakeTime", "1s"), ("RollbackBudget", "2")]).await?;
    let arn = service(&stage).await?;
    update(&stage, &arn, NEXT, "8080")?;
    stage.settle().await;
    ticks(&stage).await?;
    about(&stage, "rollback", &arn, json!({})).await?;
    ticks(&stage).await?;
    assert_eq!(announced(&stage), ["started requested", "succeeded verified"]);
    let versions = about(&stage, "versions", &arn, json!({})).await?;
    assert_eq!(versions["versions"][1]["standing"], "bad", "{versions:#}");
    about(&stage, "rollback", &arn, json!({})).await?;
    assert_eq!(announced(&stage).last().map(String::as_str), Some("held no-known-good-version"));
    about(&stage, "release", &arn, json!({"force": true})).await?;
    ticks(&stage).await?;
    let status = command(&stage, "status").await?;
    assert_eq!(status["cases"][0]["rollbacks"].as_array().map(Vec::len), Some(1), "{status:#}");
    assert_well(&stage)
}
