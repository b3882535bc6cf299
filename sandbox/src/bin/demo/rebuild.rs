//! A scene of `rebuild`.

use std::time::Duration;

use anyhow::{Result, anyhow};
use sandbox::{
    aws::{Outcome, Script, service::Service as _},
    stage::Stage,
};

use crate::{
    scenes::{specification, title},
    timeline::Timeline,
};

/// A creation fails for no reason of its own, and is tried again until the service runs.
pub(crate) async fn failed_creation(stage: &Stage) -> Result<()> {
    title("A creation fails by a fault that passes; rebuild tries again, without a change, until it runs");
    let mut input = specification(stage, "payments", "linux/amd64").configuration;
    input["ServiceName"] = "payments".into();
    let lines = ["[AppRunner] Failed to create the service due to an internal error. Try again later."];
    stage.account.script("payments", Script::new(Outcome::Fail).event_log(lines));
    let mut timeline = Timeline::new(stage);
    let refused = |error| anyhow!("the sandbox refused a creation: {error:?}");
    stage.account.services().call("CreateService", &input).map_err(refused)?;
    stage.settle().await;
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        stage.host.lambda.invoke("RebuildFunction", r#"{"command":"tick"}"#).await?;
        stage.settle().await;
    }
    timeline.print();
    Ok(())
}
