//! Settings of `rollback`.
//!
//! | variable | parameter | meaning |
//! |---|---|---|
//! | `STATE_TABLE` | – | name of the state table |
//! | `ROLLBACK_MODE` | `RollbackMode` | `off`, `dry-run` or `on`, where neither command nor tag says otherwise |
//! | `BAKE_TIME` | `BakeTime` | how long a new version is analysed before it counts as known good |
//! | `SETTLE_TIME` | `SettleTime` | how long after a failure others may clean up before anything is done |
//! | `ROLLBACK_BUDGET` | `RollbackBudget` | the most rollbacks of a service in 24 hours |
//! | `ROLLBACK_COOL_DOWN` | `RollbackCoolDown` | the least time between two |
//! | `ANALYSIS_MAX_ERROR_SHARE` | `AnalysisMaxErrorShare` | the most 5xx answers, as a share of the requests |
//! | `ANALYSIS_MIN_REQUESTS` | `AnalysisMinRequests` | fewer requests say nothing |
//! | `ANALYSIS_FAILURE_LIMIT` | `AnalysisFailureLimit` | so many failed analyses in a row fail a version |
//! | `ANALYSIS_MAX_LATENCY` | `AnalysisMaxLatency` | such as `p95:1500`, in milliseconds; empty: not checked |
//! | `ANALYSIS_ALARMS` | `AnalysisAlarms` | names of alarms that fail a version, with commas between |

use std::str::FromStr;

use autopilot::{
    analysis::{Checks, LatencyLimit},
    control::Mode,
    period::Period,
    settings::{Environment, SettingError, optional, required},
};
use jiff::SignedDuration;

/// Settings, read once at cold start.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Name of the state table.
    pub state_table: String,
    /// The mode where neither command nor tag says otherwise.
    pub mode: Mode,
    /// How long a version bakes.
    pub bake_time: Period,
    /// How long a failure settles.
    pub settle_time: Period,
    /// The most rollbacks of a service in 24 hours.
    pub budget: usize,
    /// The least time between two.
    pub cool_down: Period,
    /// So many failed analyses in a row fail a version.
    pub failure_limit: u32,
    /// What is checked.
    pub checks: Checks,
}

/// A latency limit as the parameter has it.
struct Latency(LatencyLimit);

impl FromStr for Latency {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected a percentile and milliseconds, such as p95:1500";
        let (percentile, most_ms) = text.split_once(':').ok_or(EXPECTED)?;
        let percentile = percentile.parse().map_err(|_| EXPECTED)?;
        Ok(Self(LatencyLimit { percentile, most_ms: most_ms.parse().map_err(|_| EXPECTED)? }))
    }
}

impl Settings {
    /// Reads the environment; an error names the variable.
    pub fn from_environment(environment: &Environment) -> Result<Self, SettingError> {
        let alarms = optional::<String>(environment, "ANALYSIS_ALARMS")?.unwrap_or_default();
        let alarms = alarms.split(',').map(str::trim).filter(|name| !name.is_empty());
        Ok(Self {
            state_table: required(environment, "STATE_TABLE")?,
            mode: required(environment, "ROLLBACK_MODE")?,
            bake_time: required(environment, "BAKE_TIME")?,
            settle_time: required(environment, "SETTLE_TIME")?,
            budget: required(environment, "ROLLBACK_BUDGET")?,
            cool_down: required(environment, "ROLLBACK_COOL_DOWN")?,
            failure_limit: required(environment, "ANALYSIS_FAILURE_LIMIT")?,
            checks: Checks {
                max_error_share: required(environment, "ANALYSIS_MAX_ERROR_SHARE")?,
                min_requests: required(environment, "ANALYSIS_MIN_REQUESTS")?,
                max_latency: optional::<Latency>(environment, "ANALYSIS_MAX_LATENCY")?
                    .map(|latency| latency.0),
                alarms: alarms.map(str::to_owned).collect(),
            },
        })
    }
}

/// A period as the difference of two times.
pub fn span(period: Period) -> SignedDuration {
    SignedDuration::try_from(period.as_duration()).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_limit_is_a_percentile_and_milliseconds() {
        let Latency(limit) = "p95:1500".parse().unwrap();
        assert_eq!((limit.percentile.to_string().as_str(), limit.most_ms), ("p95", 1500));
        for text in ["", "p95", "p95:", "95:1500", "p95:1.5s"] {
            assert!(text.parse::<Latency>().is_err(), "{text}");
        }
    }
}
