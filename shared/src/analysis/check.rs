//! The checks themselves: from what was observed of a target to an analysis.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::{
    Alarm, AlarmState, Analysis, CheckResult, Checks, LatencyLimit, Series, Verdict,
    query::{Metric, Role},
};
use crate::ports::Window;

/// A target group whose newest value of hosts is older than this, beside another's, has none any more.
const HOSTS_CURRENT: SignedDuration = SignedDuration::from_mins(2);

/// Load balancers tell of a group's hosts every minute, and of none at all once the last is deregistered: missing, not
/// 0. A value of a minute that began longer before the end of the window than this is the last there was; values come
/// up to three minutes late.
const HOSTS_LATE: SignedDuration = SignedDuration::from_mins(4);

/// What was found of one target.
#[derive(Clone, Debug)]
pub struct Observation {
    /// The stretch of time that is judged.
    pub(super) window: Window,
    /// Every series with what it is for. A metric of several target groups is there several times.
    pub(super) series: Vec<(&'static Metric, Series)>,
    /// True where the source tells of hosts and connections.
    pub(super) has_hosts: bool,
    /// Alarms by name, or why they could not be read.
    pub(super) alarms: Result<HashMap<String, Alarm>, String>,
}

/// Judges a target.
pub fn judge(observed: &Observation, checks: &Checks) -> Analysis {
    let traffic = observed.traffic(checks.min_requests);
    let mut results = vec![error_share(observed, checks.max_error_share, &traffic)];
    results.extend(checks.max_latency.map(|limit| latency(observed, limit, &traffic)));
    if observed.has_hosts {
        results.extend([hosts(observed), connections(observed)]);
    }
    results.extend(checks.alarms.iter().map(|name| alarm(observed, name)));
    Analysis::of(results)
}

/// A sum over the window and over all parts of the target.
struct Sum {
    /// Of the values that there are; `None` without any.
    value: Option<f64>,
    /// Why there may be more.
    missing: Option<String>,
}

impl Observation {
    fn of(&self, role: Role) -> impl Iterator<Item = (&'static Metric, &Series)> {
        self.series
            .iter()
            .filter(move |(metric, _)| metric.role == role)
            .map(|(metric, series)| (*metric, series))
    }

    /// The values of a series within the window.
    fn inside<'a>(&self, series: &'a Series) -> impl Iterator<Item = (Timestamp, f64)> + 'a {
        let Window { start, end } = self.window;
        series.points.iter().copied().filter(move |(at, _)| (start..end).contains(at))
    }

    fn sum(&self, role: Role) -> Sum {
        let values = self.of(role).flat_map(|(_, series)| self.inside(series)).map(|(_, value)| value);
        let value = values.reduce(|a, b| a + b);
        Sum { value, missing: self.missing(role) }
    }

    fn missing(&self, role: Role) -> Option<String> {
        self.of(role).find_map(|(metric, series)| {
            series.missing.as_ref().map(|why| format!("{} could not be read: {why}.", metric.name))
        })
    }

    /// How many requests there were, or why nothing can be said by them.
    fn traffic(&self, min_requests: u64) -> Result<f64, String> {
        match self.sum(Role::Requests) {
            Sum { missing: Some(why), .. } => Err(why),
            Sum { value: None, .. } => Err("No request was recorded.".to_owned()),
            Sum { value: Some(requests), .. } if requests < whole(min_requests.max(1)) => Err(format!(
                "{requests} requests are too few to judge by; at least {} are needed.",
                min_requests.max(1)
            )),
            Sum { value: Some(requests), .. } => Ok(requests),
        }
    }
}

fn result(name: &str, verdict: Verdict, detail: String, measured: Option<f64>) -> CheckResult {
    CheckResult { name: name.to_owned(), verdict, detail, measured }
}

fn inconclusive(name: &str, why: &str) -> CheckResult {
    result(name, Verdict::Inconclusive, why.to_owned(), None)
}

fn within(inside: bool) -> Verdict {
    if inside { Verdict::Pass } else { Verdict::Fail }
}

fn error_share(observed: &Observation, most: f64, traffic: &Result<f64, String>) -> CheckResult {
    const NAME: &str = "error-share";
    let requests = match traffic {
        Ok(requests) => *requests,
        Err(why) => return inconclusive(NAME, why),
    };
    let errors = observed.sum(Role::Errors);
    if let Some(why) = errors.missing {
        return inconclusive(NAME, &why);
    }
    let errors = errors.value.unwrap_or(0.0);
    let share = errors / requests;
    let detail = format!(
        "{errors} of {requests} requests ({}) were answered with 5xx; {} is accepted.",
        percent(share),
        percent(most)
    );
    result(NAME, within(share <= most), detail, Some(share))
}

/// The median of the minutes, so that one slow minute says nothing; of several target groups the slowest.
fn latency(observed: &Observation, limit: LatencyLimit, traffic: &Result<f64, String>) -> CheckResult {
    const NAME: &str = "latency";
    if let Some(why) = traffic.as_ref().err().cloned().or_else(|| observed.missing(Role::Latency)) {
        return inconclusive(NAME, &why);
    }
    let medians = observed.of(Role::Latency).filter_map(|(metric, series)| {
        median(observed.inside(series).map(|(_, value)| value * metric.unit).collect())
    });
    let Some(slowest) = medians.reduce(f64::max) else {
        return inconclusive(NAME, "No latency was recorded.");
    };
    let LatencyLimit { percentile, most_ms } = limit;
    let detail = format!("{percentile} of the latency is {slowest:.0} ms; {most_ms} ms is accepted.");
    result(NAME, within(slowest <= whole(most_ms)), detail, Some(slowest))
}

/// Fails without a healthy host. Some that are unhealthy beside healthy ones are no failure, but not well either.
fn hosts(observed: &Observation) -> CheckResult {
    const NAME: &str = "hosts";
    if let Some(why) = observed.missing(Role::HealthyHosts) {
        return inconclusive(NAME, &why);
    }
    let Some((healthy, last)) = current(observed, Role::HealthyHosts) else {
        return inconclusive(NAME, "No host was recorded.");
    };
    if observed.window.end.duration_since(last) > HOSTS_LATE {
        let detail = format!("No host is reported any more: the newest value is of {last}.");
        return result(NAME, Verdict::Fail, detail, None);
    }
    let unhealthy = current(observed, Role::UnhealthyHosts).map_or(0.0, |(unhealthy, _)| unhealthy);
    let detail = format!("{healthy} hosts are healthy and {unhealthy} are not.");
    let verdict = match (healthy > 0.0, unhealthy > 0.0) {
        (false, _) => Verdict::Fail,
        (true, true) => Verdict::Inconclusive,
        (true, false) => Verdict::Pass,
    };
    result(NAME, verdict, detail, Some(unhealthy))
}

/// The newest values of all target groups, summed, and when the last of them came.
fn current(observed: &Observation, role: Role) -> Option<(f64, Timestamp)> {
    let newest =
        observed.of(role).filter_map(|(_, series)| observed.inside(series).max_by_key(|(at, _)| *at));
    let newest: Vec<_> = newest.collect();
    let last = newest.iter().map(|(at, _)| *at).max()?;
    let recent = newest.iter().filter(|(at, _)| last.duration_since(*at) <= HOSTS_CURRENT);
    Some((recent.map(|(_, value)| value).sum(), last))
}

fn connections(observed: &Observation) -> CheckResult {
    const NAME: &str = "connections";
    let failed = observed.sum(Role::FailedConnections);
    match (failed.value.filter(|failed| *failed > 0.0), failed.missing) {
        (Some(count), _) => {
            result(NAME, Verdict::Fail, format!("{count} connections to targets failed."), Some(count))
        }
        (None, Some(why)) => inconclusive(NAME, &why),
        (None, None) => {
            result(NAME, Verdict::Pass, "No connection to a target failed.".to_owned(), Some(0.0))
        }
    }
}

/// An alarm tells its present state alone: of a window that ended before its last change it tells nothing.
fn alarm(observed: &Observation, name: &str) -> CheckResult {
    let (verdict, says) = match &observed.alarms {
        Err(why) => (Verdict::Inconclusive, format!("could not be read: {why}")),
        Ok(alarms) => match alarms.get(name) {
            None => (Verdict::Inconclusive, "does not exist".to_owned()),
            Some(Alarm { since: Some(since), .. }) if *since > observed.window.end => {
                (Verdict::Inconclusive, format!("changed only at {since}"))
            }
            Some(Alarm { state, .. }) => {
                let verdict = match state {
                    AlarmState::Ok => Verdict::Pass,
                    AlarmState::Alarm => Verdict::Fail,
                    AlarmState::InsufficientData | AlarmState::Other(_) => Verdict::Inconclusive,
                };
                (verdict, format!("is {state}"))
            }
        },
    };
    result(&format!("alarm:{name}"), verdict, format!("The alarm {name} {says}."), None)
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get((values.len() - 1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

fn percent(share: f64) -> String {
    let tenths = (share * 1_000.0).round() / 10.0;
    format!("{tenths} %")
}

#[expect(clippy::cast_precision_loss, reason = "limits stay far below 2^52")]
fn whole(number: u64) -> f64 {
    number as f64
}
