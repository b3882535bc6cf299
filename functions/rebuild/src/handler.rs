//! One invocation of `rebuild`: events open cases, schedules and people advance them.

use autopilot::{
    call::{Call, Handler, ignored},
    case::Case,
    desk::Desk,
    error::Failure,
    event::{self, Input, Stage},
    incident::{self, Hint, Incident},
    ports::{Announce, AppRunnerRead, FactsRead, LogsRead, ServiceWrite},
    service::{Operation, OperationType, ServiceArn, ServiceStatus},
    store::{StateRead, StateWrite},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    case::{Failed, Kind, Work},
    settings::Settings,
};

/// `rebuild` over its ports.
#[derive(Debug)]
pub struct Rebuild<A, C, L, F, S, B> {
    /// Settings.
    pub settings: Settings,
    /// App Runner, reading.
    pub apprunner: A,
    /// App Runner, changing.
    pub changes: C,
    /// CloudWatch Logs.
    pub logs: L,
    /// What the diagnosis asks beside the logs.
    pub facts: F,
    /// The cases.
    pub desk: Desk<S, B>,
}

impl<A, C, L, F, S, B> Handler for Rebuild<A, C, L, F, S, B>
where
    A: AppRunnerRead,
    C: ServiceWrite,
    L: LogsRead,
    F: FactsRead,
    S: StateRead + StateWrite,
    B: Announce,
{
    async fn handle(&self, payload: Value, call: Call) -> Result<Value, Failure> {
        let (service, kind, event) = match event::parse(&payload, call.now)? {
            Input::Command(command) => return self.command(&command, &call).await,
            Input::Operation(event) => {
                let kind = match &event.change.meaning {
                    Some((OperationType::CreateService, Stage::Failed)) => Kind::Creation,
                    Some((OperationType::DeleteService, Stage::Failed)) => Kind::Deletion,
                    _ => return Ok(ignored("no failed creation or deletion")),
                };
                (event.service, kind, (event.at, event.id))
            }
            Input::Status(event) => match kind_of(&event.change.current) {
                Some(kind) => (event.service, kind, (event.at, event.id)),
                None => return Ok(ignored("no failed creation or deletion")),
            },
            Input::CustomDomain(_) | Input::Alarm(_) | Input::Announcement(_) => {
                return Ok(ignored("rebuild does not act on this"));
            }
            Input::NotOurs(reason) => return Ok(ignored(&reason)),
        };
        let Some((record, opening)) = self.open(&service, kind, Some(event), &call).await? else {
            return Ok(ignored("this failure was dealt with already"));
        };
        let decided = self.desk.advance(self, record, |case| opening.apply(case), call.now).await?;
        Ok(json!({"ok": true, "decision": decided.decision, "reason": decided.reason}))
    }
}

impl<A, C, L, F, S, B> Rebuild<A, C, L, F, S, B>
where
    A: AppRunnerRead,
    S: StateRead + StateWrite,
    B: Announce,
{
    /// The case of a failure and what opens it; `None` where it is closed, or the service is gone. Without the word
    /// of an event the newest failure is meant.
    pub(crate) async fn open(
        &self,
        service: &ServiceArn,
        kind: Kind,
        event: Option<(Timestamp, String)>,
        call: &Call,
    ) -> Result<Option<(Failed, Opening)>, Failure> {
        let record: Failed = self.desk.case(service.as_str()).await?;
        if record.state.open && record.state.work.kind == kind {
            return Ok(Some((record, Opening(None))));
        }
        let operations = match self.apprunner.operations(service, None).await {
            Err(gone) if gone.is_not_found() => return Ok(None),
            operations => operations?,
        };
        let kinds = incident::kinds_behind(kind.status());
        let newest = operations
            .iter()
            .find(|operation| kinds.contains(&operation.kind) && operation.status.is_failure());
        let told = event.is_some();
        let (at, event_id) = event.unwrap_or_else(|| {
            let at = newest.and_then(Operation::last_known_at).unwrap_or(call.now);
            (at, at.to_string())
        });
        let hint = Hint { kinds, at, event_id, word: kind.status().as_str().to_owned() };
        let operation = if told { incident::match_operation(&hint, &operations) } else { newest };
        let opening = Opening(Some((kind, Incident::open(service, &hint, operation, call.now))));
        Ok((!opening.is_known(&record.state)).then_some((record, opening)))
    }
}

/// A failure that is to have an open case; nothing where it has one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Opening(Option<(Kind, Incident)>);

impl Opening {
    /// Whether the case is about this failure already, closed or not.
    fn is_known(&self, case: &Case<Work>) -> bool {
        let Some((kind, incident)) = &self.0 else { return true };
        let operation = incident.operation.as_ref();
        let same =
            case.incident == incident.id || operation.is_some_and(|id| case.work.operations.contains(id));
        case.work.kind == *kind && (same || case.open)
    }

    /// Makes the case one of this failure.
    pub(crate) fn apply(&self, case: &mut Case<Work>) {
        let Some((kind, incident)) = &self.0 else { return };
        if self.is_known(case) {
            return;
        }
        case.open = true;
        case.incident = incident.id.clone();
        case.work = Work {
            kind: *kind,
            failed_at: Some(incident.failed_at),
            operations: incident.operation.clone().into_iter().collect(),
            ..Work::default()
        };
    }
}

/// What a status says has failed.
pub(crate) fn kind_of(status: &ServiceStatus) -> Option<Kind> {
    match status {
        ServiceStatus::CreateFailed => Some(Kind::Creation),
        ServiceStatus::DeleteFailed => Some(Kind::Deletion),
        _ => None,
    }
}
