//! Is a target well? Checks over metrics and alarms, with a verdict each and one over all.
//!
//! ```text
//! (Source, Checks, Window) of each target ──► Batch ──► GetMetricData, DescribeAlarms (as few as carry them)
//!                                               │
//!                       Observation of each ◄───┘──► judge() ──► Analysis ──► Streak
//! ```
//! What missing data means differs, and is the heart of it:
//!
//! | what | without a value |
//! |---|---|
//! | requests | nothing can be said: inconclusive, as with too few of them |
//! | errors, connection errors | none: services publish a zero as nothing |
//! | latency, hosts | nothing can be said: inconclusive |
//! | an alarm that is missing or lacks data | inconclusive |
//! | a metric whose answer was partial or refused | inconclusive, whatever it measures |
//!
//! Whatever the traffic, a load balancer without a healthy host or with failed connections to its targets fails.
//! Sources: CloudWatch metrics of Application Load Balancers ("reporting criteria: there is a nonzero value"), the
//! App Runner guide's chapter on metrics, and the analysis of Argo Rollouts, whose words these are.

mod batch;
mod check;
mod query;
mod verdict;

pub use batch::{Answers, Batch, QUERIES_PER_REQUEST, Target};
pub use check::{Observation, judge};
pub use query::{
    Alarm, AlarmState, Checks, LatencyLimit, MetricQuery, NotAPercentile, Percentile, Series, Source,
    Statistic,
};
pub use verdict::{Analysis, CheckResult, Streak, Verdict, fails_the_same_way};

#[cfg(test)]
mod tests;
