//! What a test may set of the host.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

/// Settings of a [`Host`](super::Host).
#[derive(Clone, Debug)]
pub struct Options {
    /// When the stack was deployed: rates count from here. `None` is now.
    pub deployed_at: Option<Timestamp>,
    /// Only these functions, by logical ID, with what invokes them; empty for all.
    pub functions: Vec<String>,
    /// Variables for every function, over those of Lambda and the template.
    pub variables: BTreeMap<String, String>,
    /// How long Lambda waits before the first and the second repeat.
    pub retry_delays: [Duration; 2],
    /// Instead of the functions' `MaximumEventAgeInSeconds`.
    pub maximum_event_age: Option<Duration>,
    /// How many processes a function may have.
    pub concurrency: usize,
    /// How long a process may take to ask for its first invocation.
    pub init_timeout: Duration,
    /// Instead of the functions' `Timeout`.
    pub timeout: Option<Duration>,
}

impl Default for Options {
    /// Lambda's own values, with ten processes a function at most.
    fn default() -> Self {
        Self {
            deployed_at: None,
            functions: Vec::new(),
            variables: BTreeMap::new(),
            retry_delays: [Duration::from_mins(1), Duration::from_mins(2)],
            maximum_event_age: None,
            concurrency: 10,
            init_timeout: Duration::from_secs(10),
            timeout: None,
        }
    }
}
