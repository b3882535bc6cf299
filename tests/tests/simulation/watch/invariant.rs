//! What must hold, whatever happens.

use std::fmt;

/// An invariant. Each is shown to fail by a broken world: see `sabotage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Invariant {
    /// A mutation has a stored intent, and no intent has two.
    OneCallAnIntent,
    /// Rollbacks and rebuilds keep to their budgets, and rollbacks to their cool-down.
    Budget,
    /// Nothing is changed where the mode is off or dry-run.
    Mode,
    /// Nothing is changed while a person has stopped everything.
    Stop,
    /// Rollback touches only what runs, rebuild only what failed; nobody touches what is paused.
    Status,
    /// What is kept, foreign, unmarked or within its grace period is not deleted, and not too much at once.
    Keep,
    /// An endpoint in use is not deleted.
    EndpointInUse,
    /// Weights sum to 100 and are never all zero; nothing else of a record changes.
    Weights,
    /// What somebody else wrote into the zone is not overwritten.
    ForeignEdit,
    /// A failure that lasted was told at least once.
    Told,
    /// A failure was told at most twice, and once more for each further answer of the topic that was lost.
    ToldOnce,
    /// Every mutation was announced.
    ActsTold,
    /// Incidents, rollbacks and shifts come to an end.
    Ends,
    /// No secret leaves the table's own partition.
    Secret,
    /// Once all is calm, nothing is left to send or to settle after one reconciliation.
    Converges,
    /// No write of state is lost: each goes over exactly the version before it.
    Versions,
}

/// One breach.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) invariant: Invariant,
    pub(crate) at: jiff::Timestamp,
    pub(crate) what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {}: {}", self.invariant, self.at, self.what)
    }
}
