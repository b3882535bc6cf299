//! What `rollback` knows of a service beside its versions.

use autopilot::{
    analysis::{Streak, Verdict},
    case::CaseRecord,
    incident::IncidentId,
    service::OperationId,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::versions::{Evidence, LookUp};

/// Partition of the table that holds the cases.
pub const PARTITION: &str = "rollback";

/// A service's case as the table holds it.
pub type ServiceCase = CaseRecord<Work>;

/// What is known of a service, and what is under way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Work {
    /// The newest operation about which all is done.
    pub dealt: Option<OperationId>,
    /// A failed operation about which something is still to be done.
    pub failed: Option<OperationId>,
    /// What the image's tag meant when the running operation started.
    pub began: Option<LookUp>,
    /// The version that has yet to prove itself.
    pub baking: Option<Bake>,
    /// An update of ours that is followed to its end.
    pub rolling: Option<Rolling>,
    /// The service is held at a version.
    pub hold: Option<Hold>,
    /// What a person asks for. It lives as long as the command that brings it.
    pub request: Option<Request>,
    /// Operations that were rollbacks of ours, newest last. They make no new version and are never judged.
    pub own: Vec<OperationId>,
    /// Record what runs as an assumed version: the first look at this service.
    pub assume: bool,
    /// The thread of messages, where something was begun.
    pub thread: Option<IncidentId>,
}

/// Our rollbacks that are remembered by their operations.
const OWN_KEPT: usize = 20;

impl Work {
    /// Whether an operation was a rollback of ours.
    pub fn is_own(&self, operation: &OperationId) -> bool {
        self.own.contains(operation)
    }

    /// Remembers a rollback of ours.
    pub fn remember_own(&mut self, operation: &OperationId) {
        if !self.is_own(operation) {
            self.own.push(operation.clone());
            let excess = self.own.len().saturating_sub(OWN_KEPT);
            self.own.drain(..excess);
        }
    }
}

/// A version's bake.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bake {
    /// The operation that brought the version.
    pub operation: OperationId,
    /// When that began: before it another version ran.
    pub began_at: Timestamp,
    /// When that ended.
    pub since: Timestamp,
    /// Failed analyses in a row.
    pub streak: Streak,
    /// When an analysis was last counted.
    pub analysed_at: Option<Timestamp>,
    /// What the last one said.
    pub last: Option<Verdict>,
    /// Whether it failed, and worse than the version before.
    #[serde(default)]
    pub blamed: bool,
    /// The best evidence so far.
    pub evidence: Evidence,
}

/// An update of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rolling {
    /// Its operation, where App Runner named one.
    pub operation: Option<OperationId>,
    /// When it was begun.
    pub since: Timestamp,
    /// What it is to come to.
    pub act: Act,
}

/// A service that stays at a version until it is released.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Number of the version.
    pub version: u64,
    /// The images that a release must not bring back: of every version that was left since somebody else's update.
    pub bad: Vec<BadImage>,
}

/// An image that ran or was to run when a service was rolled back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadImage {
    /// Its digest, where known.
    pub digest: Option<String>,
    /// How the configuration named it.
    pub name: Option<String>,
}

impl BadImage {
    /// Whether a configuration that names this image, which now means this digest, may bring it back.
    pub fn may_be(&self, name: Option<&str>, digest: Option<&str>) -> bool {
        match (self.digest.as_deref(), digest) {
            (Some(bad), Some(now)) => bad == now,
            // Which one was bad is not known: the same name may bring it back.
            _ => self.name.as_deref() == name && name.is_some_and(|name| !name.contains('@')),
        }
    }
}

/// What a person asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// What.
    pub what: Wanted,
    /// Past a guard that asks.
    pub force: bool,
    /// The thread of its messages.
    pub thread: IncidentId,
}

/// A person's wish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wanted {
    /// Back to this version, or the last known good one.
    Version(Option<u64>),
    /// An end of the hold.
    Release,
}

/// Why a service is rolled back: the reasons of docs/announcements.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// App Runner could not undo a failed operation.
    NativeRollbackFailed,
    /// An operation failed and what it attempted is still configured.
    FailedAttemptStillConfigured,
    /// It runs, and its analysis failed.
    AnalysisFailed,
    /// A person asked.
    Requested,
}

impl Why {
    /// The machine word.
    pub fn word(self) -> &'static str {
        match self {
            Self::NativeRollbackFailed => "native-rollback-failed",
            Self::FailedAttemptStillConfigured => "failed-attempt-still-configured",
            Self::AnalysisFailed => "analysis-failed",
            Self::Requested => "requested",
        }
    }
}

/// What can be done: one `UpdateService` each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Back to a version, by its digest and with automatic deployments off.
    RollBack {
        /// Number of the version.
        to: u64,
        /// Why.
        why: Why,
        /// What that is in a sentence.
        because: String,
        /// The newest operation when it was decided; ours comes after it.
        after: Option<OperationId>,
        /// Number of the newer version that is left and counts as bad from now on.
        left: Option<u64>,
        /// The images that a release must not bring back.
        bad: Vec<BadImage>,
        /// Members that will no longer be as the service's template has them.
        drift: Vec<String>,
        /// What a person does where it cannot be done.
        by_hand: Vec<String>,
    },
    /// The version's own identifier and automatic deployments again.
    Release {
        /// Number of the version.
        version: u64,
        /// The newest operation when it was decided.
        after: Option<OperationId>,
        /// What a person does where it cannot be done.
        by_hand: Vec<String>,
    },
}

impl Act {
    /// The version that it brings.
    pub fn version(&self) -> u64 {
        match self {
            Self::RollBack { to, .. } => *to,
            Self::Release { version, .. } => *version,
        }
    }

    /// The newest operation when it was decided.
    pub fn after(&self) -> Option<&OperationId> {
        match self {
            Self::RollBack { after, .. } | Self::Release { after, .. } => after.as_ref(),
        }
    }

    /// Number of the newer version that is left and counts as bad from now on.
    pub fn left(&self) -> Option<u64> {
        match self {
            Self::RollBack { left, .. } => *left,
            Self::Release { .. } => None,
        }
    }

    /// What a person does where it cannot be done.
    pub fn by_hand(&self) -> &[String] {
        match self {
            Self::RollBack { by_hand, .. } | Self::Release { by_hand, .. } => by_hand,
        }
    }

    /// Whether a person asked for it, who may ask again.
    pub fn is_requested(&self) -> bool {
        matches!(self, Self::Release { .. } | Self::RollBack { why: Why::Requested, .. })
    }
}
