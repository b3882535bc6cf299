//! How many calls a run makes, and that a dry run changes nothing at scale.

use std::collections::BTreeMap;

use anyhow::Result;
use jiff::SignedDuration;
use sandbox::{
    aws::{
        Options,
        apprunner::{IngressStatus, ServiceSpec},
    },
    stage::Stage,
};

use crate::{CLEANUP, assert_well, connect, endpoint, mutations, run, stage_with};

/// 60 services, 200 endpoints of which 150 are used by an ingress connection each, and two connectors, one in use.
async fn large(mode: &str) -> Result<Stage> {
    let stage = stage_with(&[("CleanupMode", mode), ("GracePeriod", "7d")], Options::default()).await?;
    let services = stage.account.services();
    stage.account.clock().set_offset(SignedDuration::from_hours(-72));
    services.add_connector("unused", &["subnet-1"], &["sg-1"]);
    stage.account.clock().set_offset(SignedDuration::ZERO);
    let mut arns = Vec::new();
    for number in 0..60 {
        arns.push(services.create(ServiceSpec::image(&format!("service-{number}"), autopilot_tests::IMAGE))?);
    }
    for number in 0..200 {
        stage.account.ec2().add_endpoint(endpoint(&format!("vpce-{number:03x}")));
        if number < 150 {
            connect(&stage, &arns[number % 60], &format!("vpce-{number:03x}"), IngressStatus::Available);
        }
    }
    stage.account.requests().clear();
    Ok(stage)
}

fn counts(stage: &Stage) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for call in stage.account.requests().by(CLEANUP) {
        *counts.entry(call.operation).or_default() += 1;
    }
    counts
}

fn expected(calls: &[(&str, usize)]) -> BTreeMap<String, usize> {
    calls.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

#[tokio::test]
async fn two_hundred_endpoints_take_as_many_calls_as_the_inventory_says() -> Result<()> {
    let stage = large("on").await?;
    run(&stage).await?;
    let reads = [
        ("ListServices", 3),
        ("DescribeVpcEndpoints", 1),
        ("ListVpcIngressConnections", 2),
        ("DescribeVpcIngressConnection", 150),
        ("ListVpcConnectors", 1),
        ("DescribeService", 60),
    ];
    // One call marks all fifty; the state is read and written around it and around the report.
    let acts = [("CreateTags", 1), ("PutEvents", 1), ("GetItem", 4), ("PutItem", 4)];
    assert_eq!(counts(&stage), expected(&[reads.as_slice(), &acts].concat()));
    stage.account.requests().clear();
    // The next day nothing is new: the same reads, and two of the state.
    run(&stage).await?;
    assert_eq!(counts(&stage), expected(&[reads.as_slice(), &[("GetItem", 2)]].concat()));
    assert_well(&stage)
}

#[tokio::test]
async fn a_dry_run_of_two_hundred_endpoints_makes_no_changing_call() -> Result<()> {
    let stage = large("dry-run").await?;
    let answer = run(&stage).await?;
    assert_eq!((mutations(&stage), &answer["leftovers"]["would-mark"]), (Vec::new(), &50.into()));
    assert_well(&stage)
}
