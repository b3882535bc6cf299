//! One request for all targets of a tick, and to each target its own answers.

use std::collections::HashMap;

use futures_util::future::{join, join_all};

use super::{
    Alarm, Checks, MetricQuery, Observation, Series, Source,
    query::{Metric, Role},
};
use crate::{
    error::PortError,
    ports::{MetricQueries, Window},
};

/// The most queries that one `GetMetricData` takes.
pub const QUERIES_PER_REQUEST: usize = 500;

/// One target to ask about.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Where its metrics are.
    pub source: &'a Source,
    /// What is checked.
    pub checks: &'a Checks,
    /// The stretch of time to judge. Values come by the minute, and the newest one or two may not be there yet.
    pub window: Window,
}

/// Every query of several targets.
#[derive(Debug)]
pub struct Batch<'a> {
    targets: Vec<Target<'a>>,
    /// What each query is for, in the order of `queries`.
    metrics: Vec<&'static Metric>,
    queries: Vec<MetricQuery>,
    /// How many of them each target has.
    counts: Vec<usize>,
}

/// What was found, a target each.
#[derive(Debug, Default)]
pub struct Answers {
    /// In the order of the targets. What could not be read is inconclusive in them.
    pub observations: Vec<Observation>,
    /// The calls that failed, for the log.
    pub errors: Vec<PortError>,
}

impl<'a> Batch<'a> {
    /// The queries of these targets.
    pub fn of(targets: Vec<Target<'a>>) -> Self {
        let (mut metrics, mut queries, mut counts) = (Vec::new(), Vec::new(), Vec::new());
        for target in &targets {
            let own = target.source.queries(target.checks, queries.len());
            counts.push(own.len());
            for (metric, query) in own {
                metrics.push(metric);
                queries.push(query);
            }
        }
        Self { targets, metrics, queries, counts }
    }

    /// Asks: one `GetMetricData` for each 500 queries, and `DescribeAlarms` where there are alarms.
    pub async fn ask(&self, port: &impl MetricQueries) -> Answers {
        let (data, alarms) = join(self.data(port), self.alarms(port)).await;
        let (mut series, mut errors) = data;
        let alarms = alarms.map_err(|error| {
            let why = error.in_short();
            errors.push(error);
            why
        });
        let mut all = self.metrics.iter().zip(&self.queries);
        let mut observations = Vec::new();
        for (target, count) in self.targets.iter().zip(&self.counts) {
            let own = all.by_ref().take(*count);
            observations.push(Observation {
                window: target.window,
                series: own
                    .map(|(metric, query)| (*metric, series.remove(&query.id).unwrap_or_else(unanswered)))
                    .collect(),
                has_hosts: target.source.metrics().iter().any(|metric| metric.role == Role::HealthyHosts),
                alarms: alarms.clone(),
            });
        }
        Answers { observations, errors }
    }

    /// The answers by the queries' IDs, and the calls that failed.
    async fn data(&self, port: &impl MetricQueries) -> (HashMap<String, Series>, Vec<PortError>) {
        let starts = self.targets.iter().map(|target| target.window.start);
        let ends = self.targets.iter().map(|target| target.window.end);
        let (Some(start), Some(end)) = (starts.min(), ends.max()) else {
            return (HashMap::new(), Vec::new());
        };
        let requests: Vec<_> = self.queries.chunks(QUERIES_PER_REQUEST).collect();
        let calls = requests.iter().map(|queries| port.data(queries, Window { start, end }));
        let (mut series, mut errors) = (HashMap::new(), Vec::new());
        for (queries, answer) in requests.iter().zip(join_all(calls).await) {
            match answer {
                Ok(answer) => series.extend(answer),
                Err(error) => {
                    let unread = || Series { missing: Some(error.in_short()), ..Series::default() };
                    series.extend(queries.iter().map(|query| (query.id.clone(), unread())));
                    errors.push(error);
                }
            }
        }
        (series, errors)
    }

    async fn alarms(&self, port: &impl MetricQueries) -> Result<HashMap<String, Alarm>, PortError> {
        let mut names: Vec<String> =
            self.targets.iter().flat_map(|target| &target.checks.alarms).cloned().collect();
        names.sort();
        names.dedup();
        if names.is_empty() { Ok(HashMap::new()) } else { port.alarms(&names).await }
    }
}

/// A query that the answer passes over.
fn unanswered() -> Series {
    Series { points: Vec::new(), missing: Some("it was not answered".to_owned()) }
}
