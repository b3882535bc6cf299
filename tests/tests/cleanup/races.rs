//! An endpoint is taken into use at every moment between its mark and its end.

use std::{
    sync::{Arc, Mutex, OnceLock, Weak},
    time::Duration,
};

use anyhow::Result;
use autopilot_tests::messages::assert_says;
use jiff::Timestamp;
use sandbox::{
    aws::{
        Fault, Options,
        apprunner::{IngressStatus, ServiceSpec, ServiceStatus},
    },
    stage::Stage,
};
use serde_json::json;

use crate::{
    CLEANUP, MARK, Now as _, assert_well, command, connect, due, endpoint, grace, is_marked, living,
    mutations, report, run, stage, stage_with, told,
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

/// What somebody does to a resource of the account.
type Change = fn(&Stage, &str);

/// A stage with a resource that is due, as `prepare` makes it, to which somebody does something once the function makes
/// this call for the n-th time.
async fn changed_at(
    (operation, nth): (&'static str, usize),
    prepare: fn(&Stage) -> Result<String>,
    change: Change,
) -> Result<Arc<Stage>> {
    let target: Arc<OnceLock<(Weak<Stage>, String)>> = Arc::default();
    let (reach, count) = (target.clone(), Mutex::new(0));
    let account = Options {
        on_request: Some(Arc::new(move |call| {
            let ours = call.caller.as_deref() == Some(CLEANUP) && call.operation == operation;
            let (Some((stage, id)), true, Ok(mut count)) = (reach.get(), ours, count.lock()) else {
                return;
            };
            *count += 1;
            if let (true, Some(stage)) = (*count == nth, stage.upgrade()) {
                change(&stage, id);
            }
        })),
        ..Options::default()
    };
    let stage = stage_with(&[], account).await?;
    let id = prepare(&stage)?;
    run(&stage).await?;
    grace().await;
    let stage = Arc::new(stage);
    target.set((Arc::downgrade(&stage), id)).ok();
    Ok(stage)
}

fn orphan(stage: &Stage) -> String {
    stage.account.ec2().add_endpoint(endpoint("vpce-0a1"));
    "vpce-0a1".to_owned()
}

fn connect_late(stage: &Stage, id: &str) {
    stage.account.services().add_ingress(
        "late",
        SERVICE,
        "vpc-0123456789abcdef0",
        id,
        IngressStatus::PendingCreation,
    );
}

fn tag(stage: &Stage, id: &str, key: &str) {
    stage
        .account
        .ec2()
        .change_endpoint(id, |endpoint| drop(endpoint.tags.insert(key.to_owned(), "true".to_owned())));
}

#[tokio::test]
async fn between_the_inventory_and_the_second_look_it_is_kept() -> Result<()> {
    // In the second look of a run each of these is called for the last time before the deletion.
    let cases: [(&str, (&str, usize), Change, bool); 7] = [
        ("connected", ("ListVpcIngressConnections", 2), connect_late, false),
        ("sends a byte", ("GetMetricData", 1), send, false),
        ("kept", ("DescribeVpcEndpoints", 2), |stage, id| tag(stage, id, "apprunner-autopilot:keep"), false),
        ("owned", ("DescribeVpcEndpoints", 2), |stage, id| tag(stage, id, "terraform"), false),
        (
            "unmarked",
            ("DescribeVpcEndpoints", 2),
            |a, id| a.account.ec2().change_endpoint(id, |e| e.tags.clear()),
            false,
        ),
        ("marked anew", ("DescribeVpcEndpoints", 2), mark_anew, true),
        ("given away", ("DescribeVpcEndpoints", 2), give_away, false),
    ];
    for (what, moment, change, is_still_marked) in cases {
        let stage = changed_at(moment, |stage| Ok(orphan(stage)), change).await?;
        run(&stage).await?;
        assert_eq!(living(&stage), ["vpce-0a1"], "{what}");
        assert_eq!(is_marked(&stage, "vpce-0a1"), is_still_marked, "{what}");
        assert!(!mutations(&stage).contains(&"DeleteVpcEndpoints".to_owned()), "{what}");
        assert_well(&stage)?;
    }
    Ok(())
}

fn send(stage: &Stage, id: &str) {
    stage.account.cloudwatch().put_endpoint_bytes(&endpoint(id), Timestamp::now_in_tests(), 1.0);
}

fn mark_anew(stage: &Stage, id: &str) {
    let now = Timestamp::now_in_tests().to_string();
    stage.account.ec2().change_endpoint(id, |endpoint| drop(endpoint.tags.insert(MARK.to_owned(), now)));
}

fn give_away(stage: &Stage, id: &str) {
    stage.account.ec2().change_endpoint(id, |endpoint| endpoint.owner = "999999999999".into());
}

#[tokio::test]
async fn a_service_that_is_there_after_all_keeps_its_connection() -> Result<()> {
    let gone = |stage: &Stage| -> Result<String> {
        let spec = ServiceSpec::image("gone", autopilot_tests::IMAGE).status(ServiceStatus::Deleted);
        let service = stage.account.services().create(spec)?;
        orphan(stage);
        connect(stage, &service, "vpce-0a1", IngressStatus::Available);
        Ok(service)
    };
    let stage = changed_at(("DescribeService", 1), gone, |stage, service| {
        stage.account.services().set_status(service, ServiceStatus::Running).ok();
    })
    .await?;
    run(&stage).await?;
    assert_eq!(mutations(&stage), [""; 0]);
    assert_eq!(told(&stage)[1..], [("progressed".to_owned(), "unmarked".to_owned())]);
    assert_says(&report(&stage, "unmarked")?["summary"].to_string(), &["its service is there, RUNNING"]);
    assert_well(&stage)
}

#[tokio::test]
async fn a_second_look_that_cannot_see_keeps_everything() -> Result<()> {
    let denied = Fault::Refuse { code: "AccessDeniedException".into(), message: "not you".into() };
    // Calls that the inventory makes first are let through once.
    for (service, operation, through) in [
        ("cloudwatch", "GetMetricData", 0),
        ("ec2", "DescribeVpcEndpoints", 1),
        ("apprunner", "ListVpcIngressConnections", 1),
    ] {
        let stage = due().await?;
        let faults = stage.account.faults();
        faults.next(service, operation, through, Fault::Slow(Duration::ZERO));
        faults.next(service, operation, 1, denied.clone());
        run(&stage).await?;
        assert_eq!(mutations(&stage), ["CreateTags"], "{operation}");
        assert_eq!((living(&stage).len(), is_marked(&stage, "vpce-0a1")), (1, true), "{operation}");
        run(&stage).await?;
        assert_eq!(living(&stage), [""; 0], "{operation}: seen, it goes");
        assert_well(&stage)?;
    }
    for (operation, through) in [("DescribeVpcIngressConnection", 1), ("DescribeService", 0)] {
        let stage = stage().await?;
        orphan(&stage);
        connect(&stage, SERVICE, "vpce-0a1", IngressStatus::Available);
        run(&stage).await?;
        grace().await;
        let faults = stage.account.faults();
        faults.next("apprunner", operation, through, Fault::Slow(Duration::ZERO));
        faults.next("apprunner", operation, 1, denied.clone());
        run(&stage).await?;
        assert_eq!(mutations(&stage), [""; 0], "{operation}");
        run(&stage).await?;
        assert_eq!(mutations(&stage), ["DeleteVpcIngressConnection"], "{operation}");
        assert_well(&stage)?;
    }
    Ok(())
}

#[tokio::test]
async fn between_the_second_look_and_the_deletion_people_are_told_that_it_was_in_use() -> Result<()> {
    // Nothing lies between these two calls, and neither EC2 nor App Runner offers a way to bind them together.
    let stage = changed_at(("DeleteVpcEndpoints", 1), |stage| Ok(orphan(stage)), connect_late).await?;
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
