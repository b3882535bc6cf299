//! Looking: what decisions need of the world, read together for all shifts of a tick.
//!
//! | what | calls |
//! |---|---|
//! | records | one listing a zone, for all names in it |
//! | changes that are not everywhere yet | one `GetChange` a batch, at most 8 a zone and 60 a tick |
//! | an Express service | one resolution a service |
//! | metrics and alarms of the successors | one `GetMetricData` for each 500 queries, one `DescribeAlarms` |
//! | App Runner's side | two reads and its metrics, only where a successor fails |

use std::collections::{BTreeMap, BTreeSet, HashMap};

use autopilot::{
    analysis::{Analysis, Batch, Checks, LatencyLimit, Source, Target, Verdict, judge},
    balancing::{ExpressService, ExpressStatus},
    dns::{ChangeId, ChangeStatus, HostedZoneId, RecordName, RecordSet},
    error::{Class, Failure, PortError},
    evidence::CustomDomain,
    period::Period,
    ports::{AppRunnerRead, Described, DnsRead, ExpressRead, RelatedRead, Window},
    service::{ServiceArn, ServiceStatus},
};
use futures_util::{
    StreamExt,
    future::{join, join_all},
    stream,
};
use jiff::{SignedDuration, Timestamp};
use tracing::warn;

use crate::{
    decide::{FromSide, Seen, Unready},
    left::domains_left,
    plan::{Plan, Target as Leads},
    preflight,
    shift::{Phase, Shift, span},
    successor::{Watched, watched_of},
    world::World,
};

/// Changes that are asked after in one zone and tick, and in all of them, the oldest first; the others wait for the
/// next. At five requests a second a tick of 50 zones stays well within a function's time so.
const CHANGES: usize = 8;
const ALL_CHANGES: usize = 60;

/// Services that are read at the same time.
const AT_ONCE: usize = 8;

/// The shortest stretch of time that is judged.
const SHORTEST: SignedDuration = SignedDuration::from_mins(5);

const MINUTE: i64 = 60;

/// The records of the zones, each zone read once.
pub type Zones = HashMap<HostedZoneId, Result<Vec<RecordSet>, PortError>>;

/// Looks for several shifts. A shift whose records could not be read has no sight.
pub async fn look<W: World>(
    world: &W,
    shifts: &mut [&mut Shift],
    now: Timestamp,
) -> Vec<Result<Seen, Failure>> {
    let ((zones, changes), found) = {
        let shared: Vec<&Shift> = shifts.iter().map(|shift| &**shift).collect();
        join(join(records(world, &shared), changes(world, &shared)), express(world, &shared)).await
    };
    let unready: Vec<Option<Unready>> =
        shifts.iter_mut().zip(found).map(|(shift, found)| renew(shift, found)).collect();
    let shared: Vec<&Shift> = shifts.iter().map(|shift| &**shift).collect();
    let analyses = successors(world, &shared, now).await;
    let doubtful: Vec<bool> =
        shared.iter().zip(&analyses).map(|(shift, analysis)| is_doubtful(shift, analysis)).collect();
    let asked =
        shared.iter().zip(&doubtful).filter(|(_, doubtful)| **doubtful).map(|(shift, _)| *shift).collect();
    let sides = async {
        let mut found = from_sides(world, asked, now).await.into_iter();
        let side = |doubtful: &bool| doubtful.then(|| found.next()).flatten().unwrap_or(FromSide::Unasked);
        doubtful.iter().map(side).collect::<Vec<_>>()
    };
    let left = join_all(shared.iter().map(|shift| left(world, shift, now)));
    let (sides, left) = join(sides, left).await;
    let found = shared.iter().zip(analyses).zip(sides).zip(unready).zip(left);
    found
        .map(|((((shift, analysis), from), unready), domains_left)| {
            let change = shift.written.as_ref().and_then(|written| written.id.as_ref());
            Ok(Seen {
                records: of_name(&zones, &shift.plan)?,
                change: change.and_then(|id| changes.get(id)).cloned(),
                analysis,
                from,
                unready,
                domains_left,
            })
        })
        .collect()
}

/// What keeps a shift from finishing by itself. What cannot be read keeps it, too.
async fn left<W: World>(world: &W, shift: &Shift, now: Timestamp) -> Vec<String> {
    let is_due = shift.phase == Phase::Validating && shift.validated_at().is_some_and(|until| now >= until);
    if !is_due || !shift.plan.finish_automatically {
        return Vec::new();
    }
    domains_left(world, shift)
        .await
        .unwrap_or_else(|error| vec![format!("domains that cannot be read ({error})")])
}

/// The records of one plan's name among those of its zone.
pub fn of_name(zones: &Zones, plan: &Plan) -> Result<Vec<RecordSet>, Failure> {
    let zone = zones.get(&plan.hosted_zone_id);
    let records = match zone {
        Some(Ok(records)) => records.as_slice(),
        Some(Err(error)) => return Err(again(error).into()),
        None => &[],
    };
    Ok(records.iter().filter(|record| record.name == plan.record_name).cloned().collect())
}

/// The same error for each shift that it concerns.
pub fn again(error: &PortError) -> PortError {
    PortError { code: error.code.clone(), ..PortError::new(error.call, error.class, error.message.clone()) }
}

/// The records of every name that is shifted, one listing a zone.
pub async fn records<W: World>(world: &W, shifts: &[&Shift]) -> Zones {
    let mut names: BTreeMap<&HostedZoneId, BTreeSet<RecordName>> = BTreeMap::new();
    for shift in shifts {
        names.entry(&shift.plan.hosted_zone_id).or_default().insert(shift.plan.record_name.clone());
    }
    let reads = names.into_iter().map(|(zone, names)| async move {
        let found = world.dns().records(zone, &names).await;
        (zone.clone(), found)
    });
    join_all(reads).await.into_iter().collect()
}

/// How far changes are that are not everywhere yet, or why Route 53 did not tell.
async fn changes<W: World>(world: &W, shifts: &[&Shift]) -> HashMap<ChangeId, Result<ChangeStatus, String>> {
    let mut pending: BTreeMap<&HostedZoneId, Vec<(Timestamp, &ChangeId)>> = BTreeMap::new();
    for shift in shifts {
        if let Some(written) = shift.written.as_ref().filter(|written| written.insync_at.is_none())
            && let Some(id) = &written.id
        {
            pending.entry(&shift.plan.hosted_zone_id).or_default().push((written.at, id));
        }
    }
    let mut wanted: Vec<(Timestamp, &ChangeId)> = Vec::new();
    for mut changes in pending.into_values() {
        changes.sort_by_key(|(at, id)| (*at, id.0.as_str()));
        changes.dedup_by_key(|(_, id)| *id);
        wanted.extend(changes.into_iter().take(CHANGES));
    }
    wanted.sort_by_key(|(at, _)| *at);
    let wanted = wanted.into_iter().take(ALL_CHANGES).map(|(_, id)| id);
    let reads = wanted.map(|id| async move { (id.clone(), world.dns().change_status(id).await) });
    let answers = join_all(reads).await.into_iter();
    let told = answers.map(|(id, answer)| {
        let told = answer.map_err(|error| {
            warn!(error = %error, "A change could not be asked after; it counts as not everywhere yet");
            error.in_short()
        });
        (id, told)
    });
    told.collect()
}

/// What became of an Express service; `None` where the plan names none.
type FoundExpress = Option<Result<Option<ExpressService>, PortError>>;

async fn express<W: World>(world: &W, shifts: &[&Shift]) -> Vec<FoundExpress> {
    let reads = stream::iter(shifts).map(|shift| async move {
        match &shift.plan.to.target {
            Leads::ExpressServiceArn(arn) => Some(world.express().express_service(arn).await),
            _ => None,
        }
    });
    reads.buffered(AT_ONCE).collect().await
}

/// Its own updates move an Express service to other target groups: what is watched follows.
fn renew(shift: &mut Shift, found: FoundExpress) -> Option<Unready> {
    match found? {
        // What is deleted is still described for a while.
        Ok(Some(express)) if express.status != ExpressStatus::Active => Some(Unready::Gone),
        Ok(Some(express)) => {
            let watched = watched_of(&express);
            if watched.load_balancer.is_some() {
                shift.watched = watched;
            }
            express.deploying.then_some(Unready::Deploying)
        }
        Ok(None) => Some(Unready::Gone),
        Err(error) => {
            warn!(error = %error, "An Express service could not be read; no step until it can");
            Some(Unready::Unread(error.in_short()))
        }
    }
}

/// Where the metrics of the successor are. Without a load balancer there are none, and nothing is concluded.
fn source(watched: &Watched) -> Source {
    let found =
        watched.load_balancer.as_ref().map(|arn| Source::of_load_balancer(arn, &watched.target_groups));
    match found {
        Some(Ok(source)) => source,
        _ => Source::LoadBalancer { load_balancer: String::new(), target_groups: Vec::new() },
    }
}

/// The limits of a plan.
pub fn checks(plan: &Plan, alarms: &[String]) -> Checks {
    let latency = |most: Period| {
        let most_ms = u64::try_from(most.as_duration().as_millis()).unwrap_or(u64::MAX);
        "p95".parse().ok().map(|percentile| LatencyLimit { percentile, most_ms })
    };
    Checks {
        max_error_share: plan.max_error_share,
        min_requests: plan.min_requests,
        max_latency: plan.max_latency.and_then(latency),
        alarms: alarms.to_vec(),
    }
}

/// From the present step on, and no longer than a bake time; whole minutes, since metrics come by the minute.
fn window(shift: &Shift, now: Timestamp) -> Window {
    let longest = span(shift.plan.bake_time).max(SHORTEST);
    let written = shift.written.as_ref().map_or(shift.started_at, |written| written.at);
    let start = written.max(now - longest).as_second();
    let start = Timestamp::from_second(start - start.rem_euclid(MINUTE)).unwrap_or(now);
    Window { start, end: now }
}

async fn successors<W: World>(world: &W, shifts: &[&Shift], now: Timestamp) -> Vec<Analysis> {
    let asked: Vec<(Source, Checks)> = shifts
        .iter()
        .map(|shift| (source(&shift.watched), checks(&shift.plan, &shift.plan.alarms)))
        .collect();
    let targets = asked.iter().zip(shifts);
    let targets =
        targets.map(|((source, checks), shift)| Target { source, checks, window: window(shift, now) });
    let answers = Batch::of(targets.collect()).ask(world.metrics()).await;
    for error in &answers.errors {
        warn!(error = %error, "Metrics could not be read; what they hide is inconclusive");
    }
    answers
        .observations
        .iter()
        .zip(&asked)
        .map(|(observation, (_, checks))| judge(observation, checks))
        .collect()
}

/// Where a way back may be needed, the side that it leads to is looked at.
fn is_doubtful(shift: &Shift, analysis: &Analysis) -> bool {
    analysis.verdict == Verdict::Fail || shift.streak.failures() > 0 || shift.aborting
}

/// How App Runner's side does.
pub async fn from_side<W: World>(world: &W, shift: &Shift, now: Timestamp) -> FromSide {
    from_sides(world, vec![shift], now).await.pop().unwrap_or(FromSide::Unasked)
}

/// The same for several shifts: each service is read once, and all metrics are asked for together.
async fn from_sides<W: World>(world: &W, shifts: Vec<&Shift>, now: Timestamp) -> Vec<FromSide> {
    let arns: BTreeSet<&ServiceArn> = shifts.iter().map(|shift| &shift.plan.from.service_arn).collect();
    let reads = stream::iter(arns).map(|arn| async move {
        let apprunner = world.apprunner();
        (arn, join(apprunner.describe(arn), apprunner.custom_domains(arn)).await)
    });
    let asked: Vec<(Source, Checks)> = shifts
        .iter()
        .map(|shift| (Source::AppRunner(shift.plan.from.service_arn.clone()), checks(&shift.plan, &[])))
        .collect();
    let targets = asked.iter().zip(&shifts);
    let targets =
        targets.map(|((source, checks), shift)| Target { source, checks, window: window(shift, now) });
    let batch = Batch::of(targets.collect());
    let (services, answers) =
        join(reads.buffer_unordered(AT_ONCE).collect::<HashMap<_, _>>(), batch.ask(world.metrics())).await;
    let observed = shifts.iter().zip(&answers.observations).zip(&asked);
    observed
        .map(|((shift, observation), (_, checks))| match services.get(&shift.plan.from.service_arn) {
            Some((described, domains)) => {
                read_side(&shift.plan, described, domains, judge(observation, checks))
            }
            None => FromSide::Unasked,
        })
        .collect()
}

fn read_side(
    plan: &Plan,
    described: &Result<Described, PortError>,
    domains: &Result<Vec<CustomDomain>, PortError>,
    analysis: Analysis,
) -> FromSide {
    // A service that is gone is no trouble of reading: it certainly serves nobody.
    let gone = |error: &PortError| error.is_not_found() && error.class == Class::Permanent;
    let status = match described {
        Ok(described) => described.status.clone(),
        Err(error) if gone(error) => ServiceStatus::Deleted,
        Err(error) => return FromSide::Unread(error.in_short()),
    };
    let domain = match domains {
        Ok(domains) => preflight::status_of(&plan.record_name, domains).map(str::to_owned),
        Err(error) if gone(error) => None,
        Err(error) => return FromSide::Unread(error.in_short()),
    };
    FromSide::Read { status, domain, analysis }
}
