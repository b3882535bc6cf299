//! Settings of `rebuild`.
//!
//! | variable | parameter | meaning |
//! |---|---|---|
//! | `STATE_TABLE` | – | name of the state table |
//! | `REBUILD_MODE` | `RebuildMode` | `off`, `dry-run` or `on`, where neither command nor tag says otherwise |
//! | `REBUILD_DELAYS` | `RebuildDelays` | how long after a failed try the next one follows, one a try: `5m,15m,45m` |
//! | `EVIDENCE_BUDGET` | `EvidenceBudget` | how long a diagnosis may wait for its evidence |

use std::str::FromStr;

use autopilot::{
    control::Mode,
    period::{NotAPeriod, Period},
    settings::{Environment, SettingError, required},
};

/// Settings, read once at cold start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Name of the state table.
    pub state_table: String,
    /// The mode where neither command nor tag says otherwise.
    pub mode: Mode,
    /// How long after a failed try the next one follows.
    pub delays: Delays,
    /// How long a diagnosis may wait for its evidence.
    pub evidence_budget: Period,
}

/// One delay a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delays(pub Vec<Period>);

impl Delays {
    /// How many tries there are.
    pub fn tries(&self) -> usize {
        self.0.len()
    }
}

impl FromStr for Delays {
    type Err = NotAPeriod;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split(',').map(|delay| delay.trim().parse()).collect::<Result<_, _>>().map(Self)
    }
}

impl Settings {
    /// Reads the environment; an error names the variable.
    pub fn from_environment(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self {
            state_table: required(environment, "STATE_TABLE")?,
            mode: required(environment, "REBUILD_MODE")?,
            delays: required(environment, "REBUILD_DELAYS")?,
            evidence_budget: required(environment, "EVIDENCE_BUDGET")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_a_list_of_periods() {
        let delays = Delays(vec![Period::minutes(5), Period::minutes(15), Period::minutes(45)]);
        assert_eq!("5m, 15m,45m".parse(), Ok(delays));
        assert!("5m,,45m".parse::<Delays>().is_err());
        assert!("soon".parse::<Delays>().is_err());
    }
}
