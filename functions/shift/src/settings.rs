//! Settings of `shift`.
//!
//! | variable | parameter | meaning |
//! |---|---|---|
//! | `STATE_TABLE` | – | name of the state table |
//!
//! What a shift does is in its plan. Which hosted zones it may change, the role of the function says
//! (parameter `HostedZoneIds`).

use autopilot::settings::{Environment, SettingError, required};

/// Settings, read once at cold start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Name of the state table.
    pub state_table: String,
}

impl Settings {
    /// Reads the environment; an error names the variable.
    pub fn from_environment(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self { state_table: required(environment, "STATE_TABLE")? })
    }
}
