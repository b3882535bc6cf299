//! One failure, one incident, one thread of messages, however many events tell of it.
//!
//! An incident is known by its operation. Where `ListOperations` could not be read it is provisional, known
//! by the event that told of it, and is given its operation as soon as one can be matched; its id, and so the
//! thread of messages, stays what it was.

#[cfg(test)]
mod tests;

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::service::{Operation, OperationId, OperationStatus, OperationType, ServiceArn, ServiceStatus};

/// After this time an incident is forgotten, closed or not.
pub const LIFETIME: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Two failures of one kind this near to each other are one, where nothing better tells them apart.
const NEAR: SignedDuration = SignedDuration::from_mins(10);

/// Identifier of an incident and of its thread of messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IncidentId(String);

impl IncidentId {
    /// An identifier as it was stored or announced.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The incident of an operation. Every function derives the same one, so their messages share a thread.
    pub fn of_operation(service: &ServiceArn, operation: &OperationId) -> Self {
        Self(format!("{}:{operation}", service.name()))
    }

    /// The incident of an event whose operation could not be found.
    pub fn of_event(service: &ServiceArn, word: &str, event_id: &str) -> Self {
        Self(format!("{}:{word}:{event_id}", service.name()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A failure and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Identifier; never changes.
    pub id: IncidentId,
    /// What failed.
    pub kind: OperationType,
    /// Which operation, once known.
    pub operation: Option<OperationId>,
    /// When it failed.
    pub failed_at: Timestamp,
    /// When it became known; its lifetime counts from here.
    pub opened_at: Timestamp,
    /// The operation's status as last told to people.
    pub told_status: Option<OperationStatus>,
    /// It was there before the autopilot was installed: nobody is told about it.
    pub acknowledged: bool,
    /// When and how it ended.
    pub closed: Option<Closed>,
}

/// The end of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// When.
    pub at: Timestamp,
    /// How.
    pub by: ClosedBy,
}

/// What ends an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClosedBy {
    /// A later deployment or update succeeded.
    LaterSuccess,
    /// The service runs.
    Running,
    /// The service is paused, as was asked.
    Paused,
    /// The service is gone.
    Deleted,
}

impl ClosedBy {
    /// What a status of the service can end.
    pub fn of_status(status: &ServiceStatus) -> Option<Self> {
        match status {
            ServiceStatus::Running => Some(Self::Running),
            ServiceStatus::Paused => Some(Self::Paused),
            ServiceStatus::Deleted => Some(Self::Deleted),
            _ => None,
        }
    }

    /// What the success of an operation can end. An update or deployment that succeeds also means that the
    /// service runs, and that is how a creation is mended.
    pub fn of_success(kind: &OperationType) -> Option<Self> {
        match kind {
            OperationType::StartDeployment | OperationType::UpdateService => Some(Self::LaterSuccess),
            OperationType::CreateService | OperationType::ResumeService => Some(Self::Running),
            OperationType::PauseService => Some(Self::Paused),
            OperationType::DeleteService => Some(Self::Deleted),
            OperationType::Other(_) => None,
        }
    }

    /// Whether this ends a failure of that kind. RUNNING ends no failed deployment: after App Runner's own
    /// rollback the service runs, and what was to be deployed is not deployed.
    pub fn ends(self, kind: &OperationType) -> bool {
        use OperationType::{CreateService, PauseService, ResumeService, StartDeployment, UpdateService};
        match self {
            Self::Deleted => true,
            Self::LaterSuccess => matches!(kind, StartDeployment | UpdateService | CreateService),
            Self::Running => matches!(kind, CreateService | ResumeService),
            Self::Paused => *kind == PauseService,
        }
    }
}

/// A failure as an event or a status tells it: the kinds of operation that it may be, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// Kinds of operation that can be meant, the likeliest first.
    pub kinds: &'static [OperationType],
    /// When it failed, as far as told.
    pub at: Timestamp,
    /// Id of the event, or what stands in for it.
    pub event_id: String,
    /// The word that told of it.
    pub word: String,
}

/// The kinds of operation behind a status, the likeliest first.
pub fn kinds_behind(status: &ServiceStatus) -> &'static [OperationType] {
    match status {
        // A failed rebuild is an update that leaves the service in CREATE_FAILED.
        ServiceStatus::CreateFailed => &[OperationType::CreateService, OperationType::UpdateService],
        ServiceStatus::DeleteFailed => &[OperationType::DeleteService],
        _ => &[],
    }
}

/// The operation that a hint means: of the right kind, not succeeded, and nearest in time.
///
/// One that ended well before the hint is not meant, so a new failure that `ListOperations` does not show yet
/// is never taken for an old one.
pub fn match_operation<'a>(hint: &Hint, operations: &'a [Operation]) -> Option<&'a Operation> {
    let distance = |op: &Operation| {
        let end = op.last_known_at().unwrap_or(hint.at);
        let start = op.started_at.unwrap_or(end);
        if op.status.is_running() || end >= hint.at {
            (start.max(hint.at)).duration_since(hint.at)
        } else {
            hint.at.duration_since(end)
        }
    };
    operations
        .iter()
        .filter(|op| hint.kinds.contains(&op.kind) && op.status != OperationStatus::Succeeded)
        .filter(|op| op.status.is_running() || op.last_known_at().is_none_or(|end| end + NEAR >= hint.at))
        // An ended failure beats a running operation at the same distance.
        .min_by_key(|op| (distance(op), op.status.is_running()))
}

impl Incident {
    /// A new incident for a hint, by its operation where that is known.
    pub fn open(service: &ServiceArn, hint: &Hint, operation: Option<&Operation>, now: Timestamp) -> Self {
        let kind = operation.map(|op| &op.kind).or(hint.kinds.first());
        Self {
            id: operation.map_or_else(
                || IncidentId::of_event(service, &hint.word, &hint.event_id),
                |op| IncidentId::of_operation(service, &op.id),
            ),
            kind: kind.cloned().unwrap_or_else(|| OperationType::Other(hint.word.clone())),
            operation: operation.map(|op| op.id.clone()),
            failed_at: operation.and_then(|op| op.ended_at).unwrap_or(hint.at),
            opened_at: now,
            told_status: operation.map(|op| op.status.clone()),
            acknowledged: false,
            closed: None,
        }
    }

    /// True where a hint, with the operation matched to it, tells of this incident.
    pub fn is_told_by(&self, hint: &Hint, operation: Option<&Operation>) -> bool {
        if let (Some(mine), Some(theirs)) = (&self.operation, operation) {
            return *mine == theirs.id;
        }
        // A word that is not documented stands for its own kind.
        let kind = hint.kinds.contains(&self.kind)
            || hint.kinds.is_empty() && self.kind == OperationType::Other(hint.word.clone());
        // What failed after this one had ended, or in an operation that began after it failed, is a failure of its own.
        let after = self.closed.as_ref().is_some_and(|closed| closed.at < hint.at)
            || operation.is_some_and(|operation| self.is_before_the_start_of(operation));
        kind && !after && self.failed_at.duration_since(hint.at).abs() <= NEAR
    }

    /// True where this failed before an operation began, which so cannot be its own. A second is left for times that
    /// were cut to seconds.
    pub fn is_before_the_start_of(&self, operation: &Operation) -> bool {
        operation.started_at.is_some_and(|start| start > self.failed_at + SignedDuration::from_secs(1))
    }

    /// Gives a provisional incident its operation.
    pub fn alias(&mut self, operation: &Operation) {
        if self.operation.is_none() {
            self.operation = Some(operation.id.clone());
            self.kind = operation.kind.clone();
        }
    }

    /// What ends the incident, of the operations and the status that were read.
    pub fn closed_by(&self, operations: &[Operation], status: Option<&ServiceStatus>) -> Option<ClosedBy> {
        let succeeded = |op: &Operation| {
            op.kind.ships_a_version()
                && op.status == OperationStatus::Succeeded
                && self.is_before(op, operations)
        };
        let later = operations.iter().any(succeeded).then_some(ClosedBy::LaterSuccess);
        status.and_then(ClosedBy::of_status).into_iter().chain(later).find(|by| by.ends(&self.kind))
    }

    /// True where an operation came after this incident's. Operations of one service never overlap.
    fn is_before(&self, later: &Operation, operations: &[Operation]) -> bool {
        let mine = operations.iter().find(|op| self.operation.as_ref() == Some(&op.id));
        match mine.and_then(|op| op.started_at) {
            Some(mine) => later.started_at.is_some_and(|at| at > mine),
            None => later.last_known_at().is_some_and(|at| at > self.failed_at),
        }
    }

    /// True once the incident is to be forgotten.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now.duration_since(self.opened_at) >= LIFETIME
    }
}
