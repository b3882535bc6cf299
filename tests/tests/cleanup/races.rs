//! An endpoint is taken into use at every moment between its mark and its end.

use std::sync::{Arc, Mutex, OnceLock};

use anyhow::Result;
use autopilot_tests::messages::assert_says;
use sandbox::aws::{
    Options,
    apprunner::{AppRunner, IngressStatus},
};

use crate::{
    CLEANUP, assert_well, connect, due, endpoint, grace, is_marked, living, mutations, report, run,
    stage_with, told,
};

const SERVICE: &str =
    "arn:aws:apprunner:us-east-1:123456789012:service/late/0123456789abcdef0123456789abcdef";

#[tokio::test]
async fn between_mark_and_deletion_its_mark_is_taken_away() -> Result<()> {
    let stage = due().await?;
    let late = stage
        .account
        .services()
        .create(sandbox::aws::apprunner::ServiceSpec::image("late", autopilot_tests::IMAGE))?;
    connect(&stage, &late, "vpce-0a1", IngressStatus::PendingCreation);
    run(&stage).await?;
    assert_eq!((living(&stage).len(), is_marked(&stage, "vpce-0a1")), (1, false));
    assert_eq!(mutations(&stage), ["CreateTags", "DeleteTags"]);
    assert_eq!(told(&stage)[1..], [("progressed".to_owned(), "unmarked".to_owned())]);
    assert_says(&report(&stage, "unmarked")?["summary"].to_string(), &["refers to it"]);
    assert_well(&stage)
}

/// Connects a service with the endpoint once the function makes this call for the n-th time.
async fn taken_at(operation: &'static str, nth: usize) -> Result<sandbox::stage::Stage> {
    let apprunner: Arc<OnceLock<AppRunner>> = Arc::default();
    let (reach, count) = (apprunner.clone(), Mutex::new(0));
    let account = Options {
        on_request: Some(Arc::new(move |call| {
            let ours = call.caller.as_deref() == Some(CLEANUP) && call.operation == operation;
            let (Some(apprunner), true, Ok(mut count)) = (reach.get(), ours, count.lock()) else { return };
            *count += 1;
            if *count == nth {
                apprunner.add_ingress(
                    "late",
                    SERVICE,
                    "vpc-0123456789abcdef0",
                    "vpce-0a1",
                    IngressStatus::PendingCreation,
                );
            }
        })),
        ..Options::default()
    };
    let stage = stage_with(&[], account).await?;
    stage.account.ec2().add_endpoint(endpoint("vpce-0a1"));
    run(&stage).await?;
    grace().await;
    apprunner.set(stage.account.services().clone()).ok();
    Ok(stage)
}

#[tokio::test]
async fn between_the_inventory_and_the_second_look_it_is_kept() -> Result<()> {
    // The intent is stored, the second look begins.
    let stage = taken_at("GetMetricData", 1).await?;
    run(&stage).await?;
    assert_eq!((living(&stage).len(), is_marked(&stage, "vpce-0a1")), (1, false));
    assert!(!mutations(&stage).contains(&"DeleteVpcEndpoints".to_owned()));
    assert_eq!(told(&stage)[1..], [("progressed".to_owned(), "unmarked".to_owned())]);
    assert_well(&stage)
}

#[tokio::test]
async fn between_the_second_look_and_the_deletion_people_are_told_that_it_was_in_use() -> Result<()> {
    // Nothing lies between these two calls, and neither EC2 nor App Runner offers a way to bind them together.
    let stage = taken_at("DeleteVpcEndpoints", 1).await?;
    run(&stage).await?;
    assert_eq!(told(&stage)[1..], [("failed".to_owned(), "deleted-in-use".to_owned())]);
    let said = report(&stage, "deleted-in-use")?;
    assert_says(
        &said["summary"].to_string(),
        &["vpce-0a1", "vpcingressconnection/late", "create endpoint and connection anew"],
    );
    assert_well(&stage)
}

#[tokio::test]
async fn a_mark_that_a_person_takes_away_at_the_last_moment_counts() -> Result<()> {
    let stage = due().await?;
    stage.account.ec2().change_endpoint("vpce-0a1", |endpoint| endpoint.tags.clear());
    run(&stage).await?;
    assert_eq!((living(&stage).len(), is_marked(&stage, "vpce-0a1")), (1, true), "marked anew, from now on");
    assert!(!mutations(&stage).contains(&"DeleteVpcEndpoints".to_owned()));
    assert_well(&stage)
}

#[tokio::test]
async fn two_runs_at_the_same_time_delete_once() -> Result<()> {
    let stage = due().await?;
    let command = r#"{"command":"run"}"#;
    let lambda = &stage.host.lambda;
    let (one, two, three) = tokio::join!(
        lambda.invoke(CLEANUP, command),
        lambda.invoke(CLEANUP, command),
        lambda.invoke(CLEANUP, command)
    );
    for answer in [one?, two?, three?] {
        assert_eq!(answer.json()?["ok"], true);
    }
    stage.settle().await;
    assert_eq!(living(&stage), [""; 0]);
    assert_eq!(mutations(&stage), ["CreateTags", "DeleteVpcEndpoints"]);
    run(&stage).await?;
    assert_eq!(
        told(&stage).iter().filter(|(_, reason)| reason == "deleted").count(),
        1,
        "{:?}",
        told(&stage)
    );
    assert_well(&stage)
}
