//! Scenes of `rollback`.

use std::time::Duration;

use anyhow::{Result, anyhow};
use jiff::{SignedDuration, Timestamp};
use sandbox::{
    aws::{Outcome, Script, ecr::ImageSpec, service::Service as _},
    stage::Stage,
};
use serde_json::json;

use crate::{
    scenes::{specification, title},
    timeline::Timeline,
};

/// Services whose versions are recorded when the function first looks at the account, as right after an installation.
pub(crate) async fn install(stage: &Stage) -> Result<[String; 2]> {
    let services = ["checkout", "basket"]
        .map(|name| stage.account.services().create(specification(stage, name, "linux/amd64")));
    let [checkout, basket] = services;
    stage.host.lambda.invoke("RollbackFunction", r#"{"command":"reconcile"}"#).await?;
    stage.settle().await;
    Ok([checkout?, basket?])
}

/// A deployment fails, and App Runner's own rollback fails too.
pub(crate) async fn bad_deployment(stage: &Stage, arn: &str) -> Result<()> {
    title(
        "7. A deployment fails, App Runner cannot undo it, and the last known good version is brought back",
    );
    ticks(stage, 1).await?;
    let mut timeline = Timeline::new(stage);
    let lines = ["ModuleNotFoundError: No module named 'flask'"];
    stage.account.script(arn, Script::new(Outcome::RollbackFails).application_log(lines));
    deploy(stage, arn, "checkout")?;
    stage.settle().await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    ticks(stage, 3).await?;
    timeline.print();
    Ok(())
}

/// A deployment passes its health check and answers every second request with an error.
pub(crate) async fn bad_version(stage: &Stage, arn: &str) -> Result<()> {
    title(
        "8. A version passes its health check, but half its answers are errors: its analysis fails within the bake",
    );
    ticks(stage, 1).await?;
    let mut timeline = Timeline::new(stage);
    stage.account.clock().set_offset(SignedDuration::from_mins(-5));
    deploy(stage, arn, "basket")?;
    stage.settle().await;
    let at = stage.account.clock().now() + SignedDuration::from_mins(2);
    stage.account.clock().set_offset(SignedDuration::ZERO);
    for (name, value) in [("Requests", 400.0), ("5xxStatusResponses", 200.0)] {
        stage.account.cloudwatch().put_service_metric(arn, name, at, value);
    }
    ticks(stage, 3).await?;
    timeline.print();
    Ok(())
}

fn deploy(stage: &Stage, arn: &str, name: &str) -> Result<()> {
    let next = ImageSpec {
        platforms: vec!["linux/amd64".to_owned()],
        bytes: 91_000_000,
        exposed_ports: vec![8080],
        pushed_at: Timestamp::UNIX_EPOCH,
    };
    stage.account.ecr().push("123456789012", name, "v8", &next);
    let image = format!("123456789012.dkr.ecr.us-east-1.amazonaws.com/{name}:v8");
    let input = json!({"ServiceArn": arn, "SourceConfiguration": {
        "AuthenticationConfiguration": {"AccessRoleArn": "arn:aws:iam::123456789012:role/access"},
        "ImageRepository": {"ImageIdentifier": image, "ImageRepositoryType": "ECR"}}});
    let refused = |error| anyhow!("the sandbox refused an update: {error:?}");
    stage.account.services().call("UpdateService", &input).map(drop).map_err(refused)
}

async fn ticks(stage: &Stage, count: usize) -> Result<()> {
    for _ in 0..count {
        stage.host.lambda.invoke("RollbackFunction", r#"{"command":"tick"}"#).await?;
        stage.settle().await;
    }
    Ok(())
}
