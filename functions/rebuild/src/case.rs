//! What `rebuild` knows of a failed creation or deletion.

use autopilot::{
    case::CaseRecord,
    service::{OperationId, ServiceStatus},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::settings::Delays;

/// Partition of the table that `rebuild` owns.
pub const PARTITION: &str = "rebuild";

/// A service's case as the table holds it.
pub type Failed = CaseRecord<Work>;

/// What failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The service was never usable.
    #[default]
    Creation,
    /// The service is still there.
    Deletion,
}

impl Kind {
    /// The status that the failure leaves the service in.
    pub fn status(self) -> &'static ServiceStatus {
        match self {
            Self::Creation => &ServiceStatus::CreateFailed,
            Self::Deletion => &ServiceStatus::DeleteFailed,
        }
    }

    /// As in "its creation failed".
    pub fn noun(self) -> &'static str {
        match self {
            Self::Creation => "creation",
            Self::Deletion => "deletion",
        }
    }
}

/// A failure and what was tried.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Work {
    /// What failed.
    pub kind: Kind,
    /// When it failed for the first time; the age of the case counts from here.
    pub failed_at: Option<Timestamp>,
    /// When the last try failed; the next delay counts from here.
    pub last_failed_at: Option<Timestamp>,
    /// The operations that are the failure itself or ours, newest last. A newer one is somebody else's.
    pub operations: Vec<OperationId>,
    /// Tries since the failure, or since a person changed the configuration.
    pub tries: usize,
    /// Checksum of the configuration that failed.
    pub configuration: Option<u32>,
    /// Why it failed, as far as the diagnosis knows.
    pub cause: Option<Verdict>,
    /// A person asked for a try now. It is answered at once; what cannot be done now is not done later.
    pub requested: bool,
    /// When ingress connections were removed that blocked the deletion.
    pub removals: Vec<Timestamp>,
    /// It was there before the autopilot was installed.
    pub acknowledged: bool,
}

impl Work {
    /// When the next try is due; `None` where there is none left.
    pub fn next_at(&self, delays: &Delays) -> Option<Timestamp> {
        let delay = delays.0.get(self.tries)?;
        let delay = SignedDuration::try_from(delay.as_duration()).unwrap_or(SignedDuration::MAX);
        Some(self.last_failed_at? + delay)
    }

    /// When an ingress connection may be removed again.
    pub fn next_removal_at(&self, delays: &Delays) -> Option<Timestamp> {
        let delay = delays.0.get(self.removals.len().checked_sub(1)?)?;
        let delay = SignedDuration::try_from(delay.as_duration()).unwrap_or(SignedDuration::MAX);
        Some(*self.removals.last()? + delay)
    }

    /// When the try began that is under way: with the removal of an ingress connection, after which the deletion needs
    /// neither to be asked for again nor to wait.
    pub fn begun_at(&self) -> Option<Timestamp> {
        self.removals.last().copied().filter(|at| Some(*at) > self.last_failed_at)
    }

    /// How often it was tried to finish the work, or to remove what blocks it.
    pub fn tried(&self) -> usize {
        self.tries.max(self.removals.len())
    }

    /// Which try an act would be; the first one is 1.
    pub fn number(&self, act: &Act) -> usize {
        match act {
            Act::Rebuild | Act::Delete => self.tries + 1,
            Act::RemoveIngress(_) => self.tried() + 1,
        }
    }

    /// Notes an operation as the newest one that is the failure or ours.
    pub fn note(&mut self, operation: Option<&OperationId>) {
        if let Some(operation) = operation.filter(|operation| !self.operations.contains(operation)) {
            self.operations.push(operation.clone());
        }
    }
}

/// The diagnosis of one failed operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The operation that was judged; `None` where it was not known.
    pub of: Option<OperationId>,
    /// When it was judged. Logs arrive late, so a verdict without a cause is not the last one.
    pub at: Timestamp,
    /// Machine word of the cause.
    pub kind: String,
    /// Whether a rebuild can help: the cause passes by itself, or is not known.
    pub may_pass: bool,
    /// Whether it is known.
    pub known: bool,
    /// What a person can do.
    pub fix: String,
    /// Where a quota is exhausted: services in `CREATE_FAILED`, which count against it.
    pub would_free: Vec<String>,
}

/// What can be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// `UpdateService` with nothing changed.
    Rebuild,
    /// `DeleteService` again.
    Delete,
    /// Deletes the VPC ingress connection that keeps the service from being deleted, by its ARN.
    RemoveIngress(String),
}

impl Verdict {
    /// The diagnosis found nothing that it would name.
    pub fn unknown(of: Option<OperationId>, at: Timestamp) -> Self {
        let (kind, fix) = ("unknown".to_owned(), String::new());
        Self { of, at, kind, may_pass: true, known: false, fix, would_free: Vec::new() }
    }
}
