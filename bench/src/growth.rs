//! How the work grows: each function over four or five sizes, with the slope that was fitted and the fewest calls that
//! paging and batching allow. `shift` is measured by its example `thousand_shifts`, on a clock that can be wound forward.

use std::{collections::BTreeMap, path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use jiff::SignedDuration;
use sandbox::aws::{
    Fault,
    apprunner::{IngressStatus, ServiceSpec},
    ec2::endpoints::EndpointSpec,
};
use serde_json::{Value, json};

use crate::{
    process::{peak_memory, processor_ms},
    statistics::fit,
    subject::{Conditions, Kind, Subject},
};

/// Queued events for `notify`.
const QUEUES: [usize; 5] = [1, 10, 100, 1_000, 10_000];

/// Services whose versions bake.
const BAKING: [usize; 5] = [0, 30, 100, 200, 300];

/// Services, endpoints and ingress connections for `cleanup`.
const ACCOUNTS: [(usize, usize, usize); 5] =
    [(0, 0, 0), (30, 200, 150), (100, 700, 500), (200, 1_400, 1_000), (300, 2_000, 1_500)];

/// Services that a reconciliation compares with the state.
const SERVICES: [usize; 4] = [30, 100, 200, 300];

/// One size.
struct Point {
    size: usize,
    calls: usize,
    /// The fewest calls that could do it.
    bound: usize,
    wall_ms: f64,
    processor_ms: f64,
    memory_mib: f64,
    operations: BTreeMap<String, usize>,
}

/// All growth, by name.
pub(crate) async fn measure(binaries: &Path, latency: Duration, quick: bool) -> Result<Value> {
    let sizes = |all: &[usize]| all[..if quick { 3 } else { all.len() }].to_vec();
    let (mut queue, mut baking, mut leftovers) = (Vec::new(), Vec::new(), Vec::new());
    for size in sizes(&QUEUES) {
        queue.push(events(binaries, size).await?);
    }
    for size in sizes(&BAKING) {
        baking.push(versions(binaries, size).await?);
    }
    for account in &ACCOUNTS[..if quick { 3 } else { ACCOUNTS.len() }] {
        leftovers.push(account_of(binaries, *account).await?);
    }
    let mut growth = json!({
        "notify, queued failures": told(&queue),
        "rollback, tick with baking versions": told(&baking),
        "cleanup, ingress connections": told(&leftovers),
    });
    for kind in [Kind::Success, Kind::RollbackTick, Kind::RebuildTick] {
        let mut points = Vec::new();
        for size in sizes(&SERVICES) {
            points.push(reconciliation(kind, binaries, size, latency).await?);
        }
        let name = format!("{}, reconciliation", kind.binary().unwrap_or_default());
        growth[name] = told(&points);
    }
    Ok(growth)
}

#[expect(clippy::cast_precision_loss, reason = "thousands at most")]
fn told(points: &[Point]) -> Value {
    let slope = |of: fn(&Point) -> f64| {
        fit(&points.iter().map(|point| (point.size as f64, of(point))).collect::<Vec<_>>()).0
    };
    let each = points.iter().map(|point| {
        json!({
            "size": point.size, "calls": point.calls, "bound": point.bound, "wall_ms": point.wall_ms,
            "processor_ms": point.processor_ms, "memory_mib": point.memory_mib, "operations": point.operations,
        })
    });
    json!({
        "points": each.collect::<Vec<_>>(),
        "calls_each": slope(|point| point.calls as f64),
        "processor_ms_each": slope(|point| point.processor_ms),
        "memory_kib_each": slope(|point| point.memory_mib * 1024.0),
    })
}

/// What the invocations of `work` took of a warm process.
async fn measured(
    subject: &mut Subject,
    size: usize,
    bound: impl Fn(usize) -> usize,
    events: usize,
) -> Result<Point> {
    let process = subject.process()?;
    let before = processor_ms(process)?;
    let (mut calls, mut wall) = (0, 0.0);
    for _ in 0..events {
        let event = subject.event()?;
        subject.forget();
        wall += subject.invoke(&event).await?.answered.context("an answer")?.as_secs_f64() * 1e3;
        calls += subject.calls.count();
    }
    let processor_ms = processor_ms(process)? - before;
    let operations = subject.calls.names();
    let memory_mib = peak_memory(process)?;
    subject.chill().await;
    Ok(Point { size, calls, bound: bound(calls), wall_ms: wall, processor_ms, memory_mib, operations })
}

/// So many failures, one after the other. The fewest calls are those of a single one, as often.
async fn events(binaries: &Path, size: usize) -> Result<Point> {
    let mut subject = Subject::raise(Kind::Failure, binaries, Conditions::default()).await?;
    let warm = subject.event()?;
    subject.forget();
    subject.invoke(&warm).await?;
    let one = subject.calls.count();
    measured(&mut subject, size, |_| one * size, size).await
}

/// A tick over so many baking versions: one query of the table, and 500 metrics a request, four a version.
async fn versions(binaries: &Path, size: usize) -> Result<Point> {
    let mut subject = Subject::raise(Kind::RollbackTick, binaries, Conditions::default()).await?;
    let reconcile = json!({"command": "reconcile"});
    subject.invoke(&reconcile).await?;
    for number in 0..size {
        let spec = ServiceSpec::image(&format!("baking-{number}"), autopilot_tests::IMAGE);
        subject.stage.account.services().create(spec)?;
    }
    subject.invoke(&reconcile).await?;
    let tick = subject.event()?;
    let answer = subject.invoke(&tick).await?.json()?;
    ensure!(answer["open"] == size, "{answer}");
    measured(&mut subject, size, |_| 1 + (4 * size).div_ceil(500), 1).await
}

/// A dry run of `cleanup` on a day on which nothing is new.
async fn account_of(
    binaries: &Path,
    (services, endpoints, connections): (usize, usize, usize),
) -> Result<Point> {
    let mut subject = Subject::raise(Kind::Cleanup, binaries, Conditions::default()).await?;
    let account = &subject.stage.account;
    let mut arns = Vec::new();
    // The scene has three services, two endpoints and one connection already.
    for number in 3..services {
        let spec = ServiceSpec::image(&format!("large-{number}"), autopilot_tests::IMAGE);
        arns.push(account.services().create(spec)?);
    }
    let long_ago = account.clock().now() - SignedDuration::from_hours(48);
    for number in 2..endpoints {
        account.ec2().add_endpoint(EndpointSpec::requests(&format!("vpce-{number:017x}"), long_ago));
    }
    for number in 1..connections {
        let endpoint = format!("vpce-{:017x}", number + 1);
        let service = &arns[number % arns.len()];
        let name = format!("in-{number}");
        account.services().add_ingress(&name, service, "vpc-1", &endpoint, IngressStatus::Available);
    }
    let run = subject.event()?;
    subject.invoke(&run).await?;
    let (services, endpoints, connections) = (services.max(3), endpoints.max(2), connections.max(1));
    // Pages of 20, 1,000 and 100; each connection; the connectors; two reads of the state.
    let bound =
        services.div_ceil(20) + endpoints.div_ceil(1_000) + connections.div_ceil(100) + connections + 1 + 2;
    measured(&mut subject, connections, |_| bound, 1).await
}

/// A reconciliation that finds nothing new, with latency: what a quarter of an hour costs. A list page holds 20.
async fn reconciliation(kind: Kind, binaries: &Path, size: usize, latency: Duration) -> Result<Point> {
    let mut subject = Subject::raise(kind, binaries, Conditions::default()).await?;
    let services = subject.stage.account.services();
    for number in subject.services()..size {
        services.create(ServiceSpec::image(&format!("further-{number}"), autopilot_tests::IMAGE))?;
    }
    let reconcile = json!({"command": "reconcile"});
    for _ in 0..2 {
        subject.invoke(&reconcile).await?;
    }
    subject.stage.account.faults().always("*", "*", Fault::Slow(latency));
    let size = subject.services().max(size);
    subject.send(reconcile);
    measured(&mut subject, size, |_| 1 + size.div_ceil(20), 1).await
}
