//! A failed deployment, from App Runner to the person who reads about it.

use anyhow::Result;
use autopilot_tests::{alerts, chats, stage};
use sandbox::aws::{Outcome, Script, apprunner::ServiceSpec};

#[tokio::test]
async fn a_failed_deployment_is_explained_and_its_recovery_told_in_the_same_thread() -> Result<()> {
    let stage = stage().await?;
    let arn = stage
        .account
        .services()
        .create(ServiceSpec::image("orders", "123456789012.dkr.ecr.us-east-1.amazonaws.com/orders:v7"))?;
    stage.account.script(
        &arn,
        Script::new(Outcome::FailThenRollBack)
            .application_log(["exec /usr/local/bin/app: exec format error"]),
    );
    let operation = stage.account.deploy(&arn).expect("a running service can be deployed");
    stage.settle().await;
    let told = alerts(&stage);
    assert_eq!(told.len(), 1, "{told:#?}");
    println!("{}\n{}", told[0].subject.as_deref().unwrap_or_default(), told[0].message);
    assert_eq!(told[0].attributes["phase"], "failure");
    assert_eq!(told[0].attributes["service"], "orders");
    for expected in
        [operation.as_str(), "exec format error", "ROLLBACK_SUCCEEDED", "version from before is serving"]
    {
        assert!(told[0].message.contains(expected), "{expected} is missing in\n{}", told[0].message);
    }
    let _ = stage.account.deploy(&arn).expect("a running service can be deployed");
    stage.settle().await;
    assert_eq!(alerts(&stage)[1].attributes["phase"], "recovered");
    let threads: Vec<_> = chats(&stage)?.iter().map(|chat| chat["metadata"]["threadId"].clone()).collect();
    assert_eq!(threads, vec![format!("orders:{operation}"); 2]);
    Ok(())
}
