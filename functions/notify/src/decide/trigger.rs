//! Why a decision is to be made, as events tell it.

use autopilot::{
    event::{DomainChange, OperationChange, ServiceEvent, Stage, StatusChange},
    incident::{self, ClosedBy, Hint},
    service::OperationType,
};
use jiff::Timestamp;

/// Why a decision is to be made.
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    /// An event tells of a failure.
    Failed(Hint),
    /// An event tells of something that can end a failure.
    Ended {
        /// What it can end.
        by: ClosedBy,
        /// When it happened.
        at: Timestamp,
    },
    /// An event tells of a custom domain.
    Domain {
        /// Id of the event.
        event_id: String,
        /// When it happened.
        at: Timestamp,
        /// What changed.
        change: DomainChange,
    },
    /// The reconciliation looked at the service.
    Reconciled {
        /// Failures that ended before this time are acknowledged, not told. `None` at the first reconciliation.
        since: Option<Timestamp>,
    },
}

/// The trigger in an operation event, if it is one that concerns people.
pub fn operation_trigger(event: &ServiceEvent<OperationChange>) -> Result<Trigger, String> {
    let kinds: &'static [OperationType] = match &event.change.meaning {
        Some((kind, Stage::Failed)) => only(kind),
        Some((kind, Stage::Completed)) => {
            return ClosedBy::of_success(kind)
                .map(|by| Trigger::Ended { by, at: event.at })
                .ok_or_else(|| format!("{} ends no failure", event.change.word));
        }
        Some((_, Stage::Started)) => return Err(format!("{} is no failure", event.change.word)),
        // A failure of a kind that AWS added later is a failure.
        None if event.change.word.ends_with("Failed") || event.change.word.ends_with("FAILED") => &[],
        None => return Err("an operation status that this version does not know, and no failure".to_owned()),
    };
    let word = plain(&event.change.word);
    Ok(Trigger::Failed(Hint { kinds, at: event.at, event_id: event.id.clone(), word }))
}

/// The trigger in a status event, if it is one that concerns people.
pub fn status_trigger(event: &ServiceEvent<StatusChange>) -> Result<Trigger, String> {
    let status = &event.change.current;
    let kinds = incident::kinds_behind(status);
    // A failed status that AWS added later is a failure.
    if !kinds.is_empty() || status.as_str().ends_with("_FAILED") {
        let word = plain(status.as_str());
        return Ok(Trigger::Failed(Hint { kinds, at: event.at, event_id: event.id.clone(), word }));
    }
    ClosedBy::of_status(status)
        .map(|by| Trigger::Ended { by, at: event.at })
        .ok_or_else(|| "a status that is no failure and ends none".to_owned())
}

/// A kind as the kinds of a hint.
pub(super) fn only(kind: &OperationType) -> &'static [OperationType] {
    use OperationType::{
        CreateService, DeleteService, PauseService, ResumeService, StartDeployment, UpdateService,
    };
    match kind {
        CreateService => &[CreateService],
        DeleteService => &[DeleteService],
        PauseService => &[PauseService],
        ResumeService => &[ResumeService],
        StartDeployment => &[StartDeployment],
        UpdateService => &[UpdateService],
        OperationType::Other(_) => &[],
    }
}

/// A word from outside, made safe to repeat: printable ASCII, at most 120 characters.
pub(super) fn plain(word: &str) -> String {
    word.chars().take(120).map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
}
