//! Load through the real `notify`: a burst of events over thirty services, and one process for a very long time.
//!
//! `LOAD_EVENTS` and `LOAD_INVOCATIONS` say how many; a night has 10,000 and 100,000.

use std::{collections::BTreeMap, fs, time::Duration};

use anyhow::{Context as _, Result, ensure};
use autopilot_tests::{
    NOTIFY, app_runner, assert_well, impatient, messages::threads, order::shuffled, phases, sample, samples,
    stage_with,
};
use futures_util::{StreamExt as _, stream};
use sandbox::{
    aws::{Options, Outcome, Script, apprunner::ServiceSpec},
    host,
    stage::Stage,
};
use serde_json::{Value, json};

const SERVICES: usize = 30;

fn number(variable: &str, default: u64) -> Result<usize> {
    Ok(usize::try_from(autopilot_tests::amount(variable, default))?)
}

/// Thirty services whose deployment fails and, later, succeeds; by name.
async fn failing_services(stage: &Stage) -> Result<BTreeMap<String, String>> {
    let mut services = BTreeMap::new();
    for number in 0..SERVICES {
        let name = format!("service-{number}");
        let arn = stage.account.services().create(ServiceSpec::image(&name, autopilot_tests::IMAGE))?;
        services.insert(name, arn);
    }
    autopilot_tests::reconcile(stage).await?;
    for arn in services.values() {
        stage.account.script(arn, Script::new(Outcome::FailThenRollBack));
        app_runner(stage, "StartDeployment", &json!({ "ServiceArn": arn }))?;
    }
    stage.settle().await;
    Ok(services)
}

/// The events of the bus so far, each many times, in no order.
fn burst(stage: &Stage, count: usize, seed: u64) -> Vec<Value> {
    let events: Vec<Value> =
        stage.account.events().into_iter().filter(|event| event["source"] == "aws.apprunner").collect();
    shuffled(events.iter().cycle().take(count).cloned().collect(), seed)
}

#[tokio::test]
async fn a_burst_loses_nothing_and_keeps_its_order() -> Result<()> {
    let count = number("LOAD_EVENTS", 1_000)?;
    let stage = stage_with(Options::default(), &impatient()).await?;
    let services = failing_services(&stage).await?;
    for event in burst(&stage, count / 2, 1) {
        stage.host.router.deliver(event);
    }
    stage.settle().await;
    for arn in services.values() {
        app_runner(&stage, "StartDeployment", &json!({ "ServiceArn": arn }))?;
    }
    stage.settle().await;
    for event in burst(&stage, count - count / 2, 2) {
        stage.host.router.deliver(event);
    }
    stage.settle().await;
    for name in services.keys() {
        ensure!(phases(&stage, name) == ["failure", "recovered"], "{name}: {:?}", phases(&stage, name));
        let threads = threads(&stage, name)?;
        ensure!(threads.iter().all(|(_, thread)| *thread == threads[0].1), "{name}: one thread: {threads:?}");
    }
    println!("{count} events of a burst, {} messages", stage.account.messages().len());
    assert_well(&stage)
}

/// The memory of the one child process of this process that runs `notify`, in KiB.
fn resident_kib() -> Result<u64> {
    for task in fs::read_dir("/proc/self/task")? {
        let children = fs::read_to_string(task?.path().join("children"))?;
        for child in children.split_whitespace() {
            if fs::read_to_string(format!("/proc/{child}/comm"))?.trim() == "notify" {
                let status = fs::read_to_string(format!("/proc/{child}/status"))?;
                let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
                return Ok(line.split_whitespace().nth(1).context("no number")?.parse()?);
            }
        }
    }
    anyhow::bail!("notify does not run")
}

#[tokio::test]
async fn the_memory_of_a_process_does_not_grow() -> Result<()> {
    const ROUND: usize = 100;
    let count = number("LOAD_INVOCATIONS", 2_000)?;
    let host = host::Options { concurrency: 1, timeout: Some(Duration::from_secs(30)), ..impatient() };
    let stage = stage_with(Options::default(), &host).await?;
    let mut payloads: Vec<Value> = samples()?.into_iter().map(|(_, payload)| payload).collect();
    payloads.push(sample("notify/schedule-reconcile.json")?);
    let mut early = 0;
    for round in 0..count.div_ceil(ROUND) {
        let payloads = payloads.iter().cycle().skip(round).take(ROUND);
        let answers = stream::iter(payloads).then(|payload| autopilot_tests::invoke(&stage, payload));
        let answers: Vec<_> = answers.collect().await;
        let cold = answers.iter().flatten().filter(|answer| answer.cold).count();
        ensure!(cold == usize::from(round == 0), "the process died in round {round}");
        stage.account.requests().clear();
        // The first rounds make clients and fill pools.
        if round == count.div_ceil(ROUND) / 4 {
            early = resident_kib()?;
        }
    }
    let late = resident_kib()?;
    println!("{NOTIFY}: {early} KiB after a quarter of {count} invocations, {late} KiB at the end");
    // The runtime's crate sets `_X_AMZN_TRACE_ID` at each invocation, and the C library keeps every value that it ever
    // had: about 140 bytes each, 200 KiB for a day of ticks. All else must not grow.
    let kept = u64::try_from(count * 3 / 4)? * 170 / 1_024;
    ensure!(late <= early + early / 10 + 1_024 + kept, "from {early} KiB to {late} KiB");
    Ok(())
}
