//! What is asked of CloudWatch about a target, and how its answers look.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{error::FieldError, service::ServiceArn, words::aws_words};

/// Where the metrics of a target are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// `AWS/AppRunner`.
    AppRunner(ServiceArn),
    /// `AWS/ApplicationELB`. A load balancer may be shared with others, so everything is read by target group and
    /// summed over them.
    LoadBalancer {
        /// Value of the dimension, `app/<name>/<id>`.
        load_balancer: String,
        /// Values of the dimension, `targetgroup/<name>/<id>`.
        target_groups: Vec<String>,
    },
}

impl Source {
    /// A load balancer and its target groups, by their ARNs. An error names `load_balancer_arn` or
    /// `target_group_arns[n]`.
    pub fn of_load_balancer(
        load_balancer_arn: &str,
        target_group_arns: &[String],
    ) -> Result<Self, FieldError> {
        let dimension = |arn: &str, kind: &str, prefix: &str| {
            let resource = arn.splitn(6, ':').nth(5).filter(|_| arn.contains(":elasticloadbalancing:"))?;
            let dimension = resource.strip_prefix(prefix)?;
            (dimension.starts_with(kind) && dimension.split('/').count() == 3).then(|| dimension.to_owned())
        };
        let load_balancer = dimension(load_balancer_arn, "app/", "loadbalancer/").ok_or_else(|| {
            FieldError::new(
                "load_balancer_arn",
                format!("{load_balancer_arn} is no Application Load Balancer's ARN"),
            )
        })?;
        let groups = target_group_arns.iter().enumerate().map(|(at, arn)| {
            dimension(arn, "targetgroup/", "").ok_or_else(|| {
                FieldError::new(format!("target_group_arns[{at}]"), format!("{arn} is no target group's ARN"))
            })
        });
        Ok(Self::LoadBalancer { load_balancer, target_groups: groups.collect::<Result<_, _>>()? })
    }
}

/// A percentile, in tenths of a percent: `p50`, `p99`, `p99.9`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Percentile(u16);

/// Text that is no percentile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no percentile; write p50, p95 or p99.9")]
pub struct NotAPercentile(String);

impl std::str::FromStr for Percentile {
    type Err = NotAPercentile;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = |part: &str, most: usize| {
            ((1..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()))
                .then(|| part.parse::<u16>().ok())
                .flatten()
        };
        let read = || {
            let number = text.strip_prefix('p')?;
            let (whole, tenth) = number.split_once('.').unwrap_or((number, "0"));
            let tenths = digits(whole, 2)? * 10 + digits(tenth, 1)?;
            (tenths > 0).then_some(Self(tenths))
        };
        read().ok_or_else(|| NotAPercentile(text.chars().take(20).collect()))
    }
}

impl TryFrom<String> for Percentile {
    type Error = NotAPercentile;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Percentile> for String {
    fn from(percentile: Percentile) -> Self {
        percentile.to_string()
    }
}

impl fmt::Display for Percentile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 10, self.0 % 10) {
            (whole, 0) => write!(f, "p{whole}"),
            (whole, tenth) => write!(f, "p{whole}.{tenth}"),
        }
    }
}

/// How slow answers may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatencyLimit {
    /// Which percentile is measured.
    pub percentile: Percentile,
    /// The most that is accepted, in milliseconds.
    pub most_ms: u64,
}

/// What is checked, and with which limits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checks {
    /// The largest accepted share of requests answered with 5xx, 0 to 1.
    pub max_error_share: f64,
    /// With fewer requests nothing is said of errors and latency.
    pub min_requests: u64,
    /// The limit of latency, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_latency: Option<LatencyLimit>,
    /// Names of alarms that must be `OK`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<String>,
}

/// How CloudWatch sums up the values of a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// Their sum.
    Sum,
    /// The largest.
    Maximum,
    /// A percentile.
    Percentile(Percentile),
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sum => f.write_str("Sum"),
            Self::Maximum => f.write_str("Maximum"),
            Self::Percentile(percentile) => percentile.fmt(f),
        }
    }
}

/// One metric of one request, by the minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricQuery {
    /// Unique in its request.
    pub id: String,
    /// Such as `AWS/AppRunner`.
    pub namespace: &'static str,
    /// Such as `Requests`.
    pub metric: &'static str,
    /// All dimensions of the metric: name and value.
    pub dimensions: Vec<(&'static str, String)>,
    /// How a minute's values are summed up.
    pub statistic: Statistic,
}

/// What one query answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Start of the minute and value, in no order. A minute without a value is left out.
    pub points: Vec<(Timestamp, f64)>,
    /// Why this may not be all: a status that is not `Complete`, or the failure of the call.
    pub missing: Option<String>,
}

aws_words! {
    /// `StateValue` of the CloudWatch API.
    AlarmState {
        Ok = "OK",
        Alarm = "ALARM",
        InsufficientData = "INSUFFICIENT_DATA",
    }
}

/// An alarm as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Its state.
    pub state: AlarmState,
    /// Since when.
    pub since: Option<Timestamp>,
}

/// What a metric is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Requests,
    Errors,
    Latency,
    HealthyHosts,
    UnhealthyHosts,
    FailedConnections,
}

/// One metric that a source has.
#[derive(Debug)]
pub(super) struct Metric {
    pub(super) role: Role,
    pub(super) name: &'static str,
    /// Factor from the metric's unit to ours.
    pub(super) unit: f64,
}

const fn metric(role: Role, name: &'static str) -> Metric {
    Metric { role, name, unit: 1.0 }
}

/// Guide, "Viewing App Runner service metrics". Latency in milliseconds.
const APP_RUNNER: [Metric; 3] = [
    metric(Role::Requests, "Requests"),
    metric(Role::Errors, "5xxStatusResponses"),
    metric(Role::Latency, "RequestLatency"),
];

/// "CloudWatch metrics for your Application Load Balancer", those with the dimensions `TargetGroup` and
/// `LoadBalancer`. Latency in seconds.
const LOAD_BALANCER: [Metric; 6] = [
    metric(Role::Requests, "RequestCount"),
    metric(Role::Errors, "HTTPCode_Target_5XX_Count"),
    Metric { role: Role::Latency, name: "TargetResponseTime", unit: 1_000.0 },
    metric(Role::HealthyHosts, "HealthyHostCount"),
    metric(Role::UnhealthyHosts, "UnHealthyHostCount"),
    metric(Role::FailedConnections, "TargetConnectionErrorCount"),
];

impl Source {
    pub(super) fn metrics(&self) -> &'static [Metric] {
        match self {
            Self::AppRunner(_) => &APP_RUNNER,
            Self::LoadBalancer { .. } => &LOAD_BALANCER,
        }
    }

    fn namespace(&self) -> &'static str {
        match self {
            Self::AppRunner(_) => "AWS/AppRunner",
            Self::LoadBalancer { .. } => "AWS/ApplicationELB",
        }
    }

    /// The sets of dimensions that together are this target.
    fn parts(&self) -> Vec<Vec<(&'static str, String)>> {
        match self {
            Self::AppRunner(service) => {
                vec![vec![("ServiceName", service.name().to_owned()), ("ServiceID", service.id().to_owned())]]
            }
            Self::LoadBalancer { load_balancer, target_groups } => {
                let part = |group: &String| {
                    vec![("LoadBalancer", load_balancer.clone()), ("TargetGroup", group.clone())]
                };
                target_groups.iter().map(part).collect()
            }
        }
    }

    /// Every query that these checks need, with what it is for. IDs count on from `next`.
    pub(super) fn queries(&self, checks: &Checks, next: usize) -> Vec<(&'static Metric, MetricQuery)> {
        let mut queries = Vec::new();
        for dimensions in self.parts() {
            for metric in self.metrics() {
                let statistic = match (metric.role, checks.max_latency) {
                    (Role::Latency, Some(limit)) => Statistic::Percentile(limit.percentile),
                    (Role::Latency, None) => continue,
                    // Each node of a load balancer reports the hosts that it sees.
                    (Role::HealthyHosts | Role::UnhealthyHosts, _) => Statistic::Maximum,
                    _ => Statistic::Sum,
                };
                let query = MetricQuery {
                    id: format!("q{}", next + queries.len()),
                    namespace: self.namespace(),
                    metric: metric.name,
                    dimensions: dimensions.clone(),
                    statistic,
                };
                queries.push((metric, query));
            }
        }
        queries
    }
}
