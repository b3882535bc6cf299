//! One failure, one incident, one thread of messages, however many events tell of it.
//!
//! An incident is known by its operation. Where `ListOperations` could not be read it is provisional, known
//! by the event that told of it, and is given its operation as soon as one can be matched; its id, and so the
//! thread of messages, stays what it was.

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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
    }

    fn operation(
        id: &str,
        kind: OperationType,
        status: OperationStatus,
        from: i64,
        to: Option<i64>,
    ) -> Operation {
        let (started_at, ended_at) = (Some(at(from)), to.map(at));
        Operation { id: OperationId(id.into()), kind, status, started_at, ended_at, updated_at: None }
    }

    fn hint(minute: i64) -> Hint {
        let kinds = &[OperationType::StartDeployment];
        Hint { kinds, at: at(minute), event_id: "e1".into(), word: "DeploymentFailed".into() }
    }

    fn service() -> ServiceArn {
        "arn:aws:apprunner:eu-west-1:123456789012:service/orders/8fe1".parse().unwrap()
    }

    #[test]
    fn a_hint_finds_its_operation() {
        use OperationStatus::{Failed, InProgress, RollbackInProgress, RollbackSucceeded, Succeeded};
        use OperationType::{StartDeployment as D, UpdateService as U};
        let operations = [
            operation("running", D, InProgress, 100, None),
            operation("rolled-back", D, RollbackSucceeded, 50, Some(90)),
            operation("fine", D, Succeeded, 45, Some(49)),
            operation("update", U, Failed, 40, Some(44)),
            operation("old", D, Failed, 10, Some(20)),
        ];
        for (minute, expected) in [
            (20, Some("old")),
            (21, Some("old")),
            (30, Some("old")),
            (31, Some("rolled-back")), // what ended ten minutes before is not meant
            (60, Some("rolled-back")), // told when it failed, ended by its rollback half an hour later
            (90, Some("rolled-back")),
            (105, Some("running")),  // ListOperations lags behind the event
            (-500_000, Some("old")), // a sample with a time of long ago
        ] {
            assert_eq!(
                match_operation(&hint(minute), &operations).map(|op| op.id.0.as_str()),
                expected,
                "{minute}"
            );
        }
        assert_eq!(match_operation(&hint(200), &operations[1..]), None, "a failure that is not listed yet");
        let rolling = [operation("rolling", D, RollbackInProgress, 50, None)];
        assert_eq!(match_operation(&hint(60), &rolling).map(|op| op.id.0.as_str()), Some("rolling"));
        let next = [operation("next", D, InProgress, 55, None), operation("before", D, Failed, 50, Some(55))];
        let meant = match_operation(&hint(60), &next).map(|op| op.id.0.as_str());
        assert_eq!(meant, Some("next"), "what runs reaches up to now");
    }

    #[test]
    fn a_failed_status_stands_for_its_operations_and_a_success_for_its_end() {
        use OperationType::{
            CreateService, DeleteService, PauseService, ResumeService, StartDeployment, UpdateService,
        };
        for (status, kinds) in [
            (ServiceStatus::CreateFailed, &[CreateService, UpdateService][..]),
            (ServiceStatus::DeleteFailed, &[DeleteService]),
            (ServiceStatus::Running, &[]),
        ] {
            assert_eq!(kinds_behind(&status), kinds, "{status}");
        }
        for (kind, end) in [
            (StartDeployment, Some(ClosedBy::LaterSuccess)),
            (UpdateService, Some(ClosedBy::LaterSuccess)),
            (CreateService, Some(ClosedBy::Running)),
            (ResumeService, Some(ClosedBy::Running)),
            (PauseService, Some(ClosedBy::Paused)),
            (DeleteService, Some(ClosedBy::Deleted)),
            (OperationType::Other("DANCE".to_owned()), None),
        ] {
            assert_eq!(ClosedBy::of_success(&kind), end, "{kind}");
        }
    }

    #[test]
    fn only_a_success_after_the_failure_ends_it() {
        use OperationStatus::{Failed, Succeeded};
        use OperationType::{ResumeService, StartDeployment as D, UpdateService as U};
        let failed = operation("x", D, Failed, 50, Some(60));
        let known = Incident::open(&service(), &hint(60), Some(&failed), at(60));
        let provisional = Incident::open(&service(), &hint(60), None, at(60));
        assert_eq!(known.id.to_string(), "orders:x", "the thread that every function speaks in");
        for (kind, status, from, known_ends, provisional_ends) in [
            (U, Succeeded, 51, true, true),
            (U, Failed, 51, false, false),
            (ResumeService, Succeeded, 51, false, false),
            (U, Succeeded, 50, false, false),
            (U, Succeeded, 49, false, false),
        ] {
            let later = operation("later", kind.clone(), status.clone(), from, Some(from + 10));
            let ends = |incident: &Incident| incident.closed_by(&[later.clone(), failed.clone()], None);
            let expected = |ends: bool| ends.then_some(ClosedBy::LaterSuccess);
            assert_eq!(
                (ends(&known), ends(&provisional)),
                (expected(known_ends), expected(provisional_ends)),
                "{kind} {status} from {from}"
            );
        }
    }

    #[test]
    fn a_known_operation_is_not_replaced_by_another() {
        let operation =
            |id| operation(id, OperationType::UpdateService, OperationStatus::RollbackFailed, 50, Some(60));
        let mut incident = Incident::open(&service(), &hint(60), None, at(60));
        assert_eq!((&incident.kind, incident.failed_at), (&OperationType::StartDeployment, at(60)));
        for id in ["first", "second"] {
            incident.alias(&operation(id));
            assert_eq!(incident.operation, Some(OperationId("first".into())));
            assert_eq!(incident.kind, OperationType::UpdateService);
        }
    }

    #[test]
    fn an_incident_is_forgotten_after_fourteen_days() {
        let incident = Incident::open(&service(), &hint(0), None, at(0));
        let days = |days: i64| at(days * 24 * 60);
        assert_eq!([13, 14, 15].map(|day| incident.is_expired(days(day))), [false, true, true]);
    }

    #[test]
    fn a_provisional_incident_takes_in_its_siblings_and_its_operation() {
        let mut incident = Incident::open(&service(), &hint(60), None, at(60));
        assert_eq!(incident.id.as_str(), "orders:DeploymentFailed:e1");
        assert!(incident.is_told_by(&Hint { event_id: "e2".into(), ..hint(61) }, None));
        assert!(!incident.is_told_by(&hint(80), None), "too far away to be the same");
        let found = operation(
            "0af3",
            OperationType::StartDeployment,
            OperationStatus::RollbackSucceeded,
            50,
            Some(60),
        );
        assert!(incident.is_told_by(&hint(60), Some(&found)));
        incident.alias(&found);
        assert_eq!(incident.id.as_str(), "orders:DeploymentFailed:e1", "the thread stays the same");
        let other = Operation { id: OperationId("other".into()), ..found };
        assert!(!incident.is_told_by(&hint(60), Some(&other)));
    }

    #[test]
    fn a_provisional_incident_does_not_take_in_the_failure_that_came_next() {
        use OperationStatus::Failed;
        use OperationType::StartDeployment;
        let open = Incident::open(&service(), &hint(60), None, at(60));
        let closed =
            Incident { closed: Some(Closed { at: at(62), by: ClosedBy::LaterSuccess }), ..open.clone() };
        assert!(closed.is_told_by(&hint(60), None), "the same event, late");
        assert!(closed.is_told_by(&hint(62), None), "its second is not told apart");
        assert!(!closed.is_told_by(&hint(63), None), "it had ended by then");
        let started = |second: i64| Operation {
            started_at: Some(at(60) + SignedDuration::from_secs(second)),
            ..operation("next", StartDeployment, Failed, 0, Some(66))
        };
        assert_eq!(
            [0, 1, 2].map(|second| open.is_told_by(&hint(66), Some(&started(second)))),
            [true, true, false]
        );
        let unknown = Operation { started_at: None, ..started(0) };
        assert!(open.is_told_by(&hint(66), Some(&unknown)));
    }

    #[test]
    fn incidents_close_as_documented() {
        use OperationStatus::{RollbackSucceeded, Succeeded};
        use OperationType::{
            CreateService, DeleteService, PauseService, ResumeService, StartDeployment, UpdateService,
        };
        let failed = |kind: &OperationType| operation("x", kind.clone(), RollbackSucceeded, 50, Some(90));
        let before = operation("before", UpdateService, Succeeded, 40, Some(45));
        let after = operation("after", UpdateService, Succeeded, 95, Some(99));
        let all = [CreateService, DeleteService, PauseService, ResumeService, StartDeployment, UpdateService];
        for (status, with_later, ended) in [
            (ServiceStatus::Running, false, vec![CreateService, ResumeService]),
            (
                ServiceStatus::Running,
                true,
                vec![CreateService, ResumeService, StartDeployment, UpdateService],
            ),
            (ServiceStatus::Paused, false, vec![PauseService]),
            (ServiceStatus::OperationInProgress, false, vec![]),
            (ServiceStatus::Deleted, false, all.to_vec()),
        ] {
            for kind in &all {
                let mut operations = vec![failed(kind), before.clone()];
                if with_later {
                    operations.insert(0, after.clone());
                }
                let hint = Hint { kinds: &[], ..hint(60) };
                let incident =
                    Incident::open(&service(), &hint, Some(&operations[operations.len() - 2]), at(90));
                let closed = incident.closed_by(&operations, Some(&status));
                assert_eq!(
                    closed.is_some(),
                    ended.contains(kind),
                    "{kind} under {status}, later success: {with_later}"
                );
            }
        }
    }
}
