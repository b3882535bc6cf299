//! A scene of `cleanup`.

use std::time::Duration;

use anyhow::{Result, anyhow};
use jiff::SignedDuration;
use sandbox::{
    aws::{apprunner::IngressStatus, ec2::endpoints::EndpointSpec, service::Service as _},
    stage::Stage,
};
use serde_json::json;

use crate::{
    scenes::{specification, title},
    timeline::Timeline,
};

/// A private service is deleted, and its endpoint stays behind; the endpoint that another service
/// uses, and the control plane's, are left alone.
pub(crate) async fn orphaned_endpoint(stage: &Stage) -> Result<()> {
    title(
        "A private service is gone; its endpoint is billed on. cleanup marks it, waits, looks again, deletes it",
    );
    let (services, ec2) = (stage.account.services(), stage.account.ec2());
    stage.account.clock().set_offset(SignedDuration::from_hours(-90 * 24));
    let long_ago = stage.account.clock().now();
    let orphan = EndpointSpec::requests("vpce-0a1b2c3d4e5f67890", long_ago);
    let used = EndpointSpec::requests("vpce-0b1c2d3e4f5a67891", long_ago);
    let mut control = EndpointSpec::requests("vpce-0c1d2e3f4a5b67892", long_ago);
    "com.amazonaws.us-east-1.apprunner".clone_into(&mut control.service);
    let neighbour = services.create(specification(stage, "neighbour", "linux/amd64"))?;
    services.add_ingress("neighbour", &neighbour, &used.vpc, &used.id, IngressStatus::Available);
    let leaving = services.create(specification(stage, "leaving", "linux/amd64"))?;
    stage.account.clock().set_offset(SignedDuration::ZERO);
    for endpoint in [orphan, used, control] {
        ec2.add_endpoint(endpoint);
    }
    let mut timeline = Timeline::new(stage);
    let refused = |error| anyhow!("the sandbox refused a deletion: {error:?}");
    services.call("DeleteService", &json!({"ServiceArn": leaving})).map_err(refused)?;
    stage.settle().await;
    timeline.print();
    println!("    ...          days later, shortened here to two seconds, the schedule says: reconcile");
    tokio::time::sleep(Duration::from_millis(2_200)).await;
    stage.host.lambda.invoke("CleanupFunction", r#"{"command":"reconcile"}"#).await?;
    stage.settle().await;
    timeline.print();
    let left: Vec<_> = ec2.living_endpoints().into_iter().map(|endpoint| endpoint.id).collect();
    println!("\n  Still there: {}", left.join(", "));
    Ok(())
}
