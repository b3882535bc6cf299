//! An endpoint is taken into use at every moment between its mark and its end.

use std::sync::{Arc, Mutex, OnceLock};

use anyhow::Result;
use autopilot_tests::messages::assert_says;
use sandbox::{
    aws::{
        Fault, Options,
        apprunner::{AppRunner, IngressStatus, ServiceSpec},
    },
    stage::Stage,
};
use serde_json::json;

use crate::{
    CLEANUP, assert_well, command, connect, due, endpoint, grace, is_marked, living, mutations, report, run,
    stage_with, told,
};

const SERVICE: &str =
    "arn:aws:apprunner:us-east-1:123456789012:service/late/0123456789abcdef0123456789abcdef";

#[tokio::test]
async fn between_mark_and_deletion_its_mark_is_taken_away() -> Result<()> {
    let stage = due().await?;
    let late = stage.account.services().create(ServiceSpec::image("late", autopilot_tests::IMAGE))?;
    connect(&stage, &late, "vpce-0a1", IngressStatus::PendingCreation);
    run(&stage).await?;
    assert_eq!((living(&stage).len(), is_marked(&stage, "vpce-0a1")), (1, false));
    assert_eq!(mutations(&stage), ["CreateTags", "DeleteTags"]);
    assert_eq!(told(&stage)[1..], [("progressed".to_owned(), "unmarked".to_owned())]);
    assert_says(&report(&stage, "unmarked")?["summary"].to_string(), &["refers to it"]);
    assert_well(&stage)
}

/// How a mark stays though its endpoint is in use.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stays {
    Refused,
    Stopped,
    DryRun,
}

#[tokio::test]
async fn a_mark_that_stayed_while_its_endpoint_was_in_use_counts_no_longer() -> Result<()> {
    for stays in [Stays::Refused, Stays::Stopped, Stays::DryRun] {
        let stage = due().await?;
        let services = stage.account.services();
        let late = services.create(ServiceSpec::image("late", autopilot_tests::IMAGE))?;
        let connection = connect(&stage, &late, "vpce-0a1", IngressStatus::Available);
        let denied = Fault::Refuse { code: "UnauthorizedOperation".into(), message: "not you".into() };
        match stays {
            Stays::Refused => stage.account.faults().next("ec2", "DeleteTags", 1, denied),
            Stays::Stopped => drop(command(&stage, json!({"command": "stop"})).await?),
            Stays::DryRun => {}
        }
        command(&stage, json!({"command": "run", "dry_run": stays == Stays::DryRun})).await?;
        assert!(is_marked(&stage, "vpce-0a1"), "{stays:?}");
        let expected: &[&str] =
            if stays == Stays::DryRun { &["marked"] } else { &["marked", "not-unmarked"] };
        assert_eq!(reasons(&stage), expected, "{stays:?}");
        if stays == Stays::Refused {
            let summary = report(&stage, "not-unmarked")?["summary"].to_string();
            assert_says(&summary, &["refers to it", "UnauthorizedOperation", "no longer counts"]);
        }
        command(&stage, json!({"command": "go"})).await?;
        // It is left again at once: the old mark is older than the grace period, the new orphan is not.
        services.set_ingress_status(&connection, IngressStatus::Deleted)?;
        run(&stage).await?;
        assert_eq!(living(&stage), ["vpce-0a1"], "{stays:?}");
        grace().await;
        run(&stage).await?;
        assert_eq!(living(&stage), [""; 0], "{stays:?}: a grace period later it goes");
        assert_well(&stage)?;
    }
    Ok(())
}

/// The reasons of every report, without those of the stop and its end.
fn reasons(stage: &Stage) -> Vec<String> {
    let told = told(stage).into_iter().map(|(_, reason)| reason);
    told.filter(|reason| !["stopped", "going"].contains(&reason.as_str())).collect()
}

/// Connects a service with the endpoint once the function makes this call for the n-th time.
async fn taken_at(operation: &'static str, nth: usize) -> Result<Stage> {
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
