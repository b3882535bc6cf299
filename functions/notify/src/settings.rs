//! Settings of `notify`.
//!
//! | variable | parameter | meaning |
//! |---|---|---|
//! | `STATE_TABLE` | – | name of the state table |
//! | `ALERT_TOPIC_ARN` | – | topic that people subscribe to |
//! | `CHAT_TOPIC_ARN` | – | topic for Amazon Q in chat applications |
//! | `EVIDENCE_BUDGET` | `EvidenceBudget` | how long an alert may wait for its evidence, for example `4s` |
//! | `LONG_OPERATION` | `LongOperation` | an operation that runs longer is reported, for example `30m` |

use autopilot::{
    period::Period,
    settings::{Environment, SettingError, required},
};

/// Settings, read once at cold start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Name of the state table.
    pub state_table: String,
    /// Topic that people subscribe to.
    pub alert_topic: String,
    /// Topic for Amazon Q in chat applications.
    pub chat_topic: String,
    /// How long an alert may wait for its evidence.
    pub evidence_budget: Period,
    /// An operation that runs longer is reported.
    pub long_operation: Period,
}

impl Settings {
    /// Reads the environment; an error names the variable.
    pub fn from_environment(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self {
            state_table: required(environment, "STATE_TABLE")?,
            alert_topic: required(environment, "ALERT_TOPIC_ARN")?,
            chat_topic: required(environment, "CHAT_TOPIC_ARN")?,
            evidence_budget: required(environment, "EVIDENCE_BUDGET")?,
            long_operation: required(environment, "LONG_OPERATION")?,
        })
    }
}
