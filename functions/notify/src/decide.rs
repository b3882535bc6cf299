//! What to tell: from a trigger, what is remembered and what was read, to a plan. Pure.
//!
//! Events and the reconciliation meet in the same rules. An event only says where to look and when it
//! happened; the reconciliation finds the same by looking everywhere. So a lost, repeated or late event changes
//! when people are told, never whether or how often.

mod announced;
#[cfg(test)]
mod tests;
mod trigger;

use std::fmt;

use autopilot::{
    control::{Mode, Resolved, SetBy},
    event::DomainChange,
    incident::{self, Closed, ClosedBy, Hint, Incident},
    period::Period,
    service::{Operation, OperationStatus, OperationType, ServiceArn, ServiceStatus},
};
use jiff::{SignedDuration, Timestamp};

use crate::state::{Notice, Subject};
pub use announced::pass_on;
pub use trigger::{Trigger, operation_trigger, status_trigger};
use trigger::{only, plain};

/// How an incident of a custom domain is called; the domain follows.
pub(crate) const VALIDATION_OF: &str = "certificate validation of ";

/// What was read about the service. Absent where it could not be read, or was not asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Look {
    /// Present status.
    pub status: Option<ServiceStatus>,
    /// Operations, newest first.
    pub operations: Option<Vec<Operation>>,
    /// Why the operations cannot be read, where trying again will not help.
    pub unreadable: Option<String>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Plan {
    /// Nothing, for a reason.
    Ignore(String),
    /// Remember something, tell nobody.
    Remember(Subject, String),
    /// Tell people, and remember it.
    Tell(Subject, Vec<Notice>),
}

impl Plan {
    /// Machine word, for the logs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ignore(_) => "ignore",
            Self::Remember(..) => "remember",
            Self::Tell(..) => "tell",
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ignore(reason) | Self::Remember(_, reason) => f.write_str(reason),
            Self::Tell(_, notices) => {
                let words: Vec<_> = notices.iter().map(Notice::word).collect();
                write!(f, "{}", words.join(", "))
            }
        }
    }
}

impl Notice {
    /// Machine word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Failure { .. } => "failure",
            Self::RollbackEnded { .. } => "rollback-ended",
            Self::Recovered { .. } => "recovered",
            Self::LongRunning { .. } => "long-running",
            Self::Announced { .. } => "announced",
            Self::UnreadableTag { .. } => "unreadable-tag",
            Self::Unreadable { .. } => "unreadable",
            Self::AlreadyThere { .. } => "already-there",
        }
    }
}

/// What a plan becomes under the mode of `notify` for the service. Only `on` tells anybody anything, but for
/// one thing: that the mode itself cannot be read.
pub fn under_mode(plan: Plan, state: &Subject, mode: &Resolved) -> Plan {
    let Plan::Tell(planned, notices) = plan else {
        return if mode.mode == Mode::On {
            plan
        } else {
            Plan::Ignore(format!("notify is {} here", mode.mode))
        };
    };
    if mode.mode == Mode::On {
        return Plan::Tell(planned, notices);
    }
    let (kept, dropped): (Vec<_>, Vec<_>) =
        notices.into_iter().partition(|notice| matches!(notice, Notice::UnreadableTag { .. }));
    if kept.is_empty() {
        let words: Vec<_> = dropped.iter().map(Notice::word).collect();
        return Plan::Ignore(format!(
            "notify is {} here; it would have told: {}",
            mode.mode,
            words.join(", ")
        ));
    }
    Plan::Tell(Subject { unreadable_tag: planned.unreadable_tag, ..state.clone() }, kept)
}

/// Decides what to tell.
pub fn decide(
    trigger: &Trigger,
    service: &ServiceArn,
    state: &Subject,
    look: &Look,
    mode: &Resolved,
    long_operation: Period,
    now: Timestamp,
) -> Plan {
    let mut draft = Draft { service, now, state: state.clone(), look, notices: Vec::new() };
    draft.state.incidents.retain(|incident| !incident.is_expired(now));
    let reason = match trigger {
        Trigger::Failed(hint) => draft.failed(hint),
        Trigger::Ended { by, at } => draft.ended(*by, *at),
        Trigger::Domain { event_id, at, change } => draft.domain(event_id, *at, change),
        Trigger::Reconciled { since } => draft.reconciled(*since, long_operation),
    };
    draft.unreadable_tag(mode);
    if !draft.notices.is_empty() {
        Plan::Tell(draft.state, draft.notices)
    } else if draft.state != *state {
        Plan::Remember(draft.state, reason)
    } else {
        Plan::Ignore(reason)
    }
}

struct Draft<'a> {
    service: &'a ServiceArn,
    now: Timestamp,
    state: Subject,
    look: &'a Look,
    notices: Vec<Notice>,
}

impl Draft<'_> {
    fn operations(&self) -> &[Operation] {
        self.look.operations.as_deref().unwrap_or_default()
    }

    fn failed(&mut self, hint: &Hint) -> String {
        let operation = incident::match_operation(hint, self.operations()).cloned();
        if let Some(known) = self.state.incidents.iter_mut().find(|i| i.is_told_by(hint, operation.as_ref()))
        {
            if let Some(operation) = &operation {
                known.alias(operation);
            }
            return format!("incident {} is known already", known.id);
        }
        self.open(hint, operation.as_ref(), false)
    }

    /// Opens an incident; `quietly` where nobody is to be told.
    fn open(&mut self, hint: &Hint, operation: Option<&Operation>, quietly: bool) -> String {
        let mut incident = Incident::open(self.service, hint, operation, self.now);
        incident.acknowledged = quietly;
        if let Some(by) = incident.closed_by(self.operations(), self.look.status.as_ref()) {
            incident.closed = Some(Closed { at: self.now, by });
        }
        let id = incident.id.clone();
        self.state.incidents.push(incident);
        if !quietly {
            self.notices.push(Notice::Failure { incident: id.clone() });
        }
        format!("incident {id} was opened")
    }

    /// Ends what the event ends, by its time; and what the operations show to be over. An event's time has whole
    /// seconds, so for what happened within one only the operations tell the order.
    fn ended(&mut self, by: ClosedBy, at: Timestamp) -> String {
        let (operations, status) = (self.operations().to_vec(), self.look.status.clone());
        let reason = self.close(at, |incident| {
            let by_event = (by.ends(&incident.kind) && incident.failed_at < at).then_some(by);
            by_event.or_else(|| incident.closed_by(&operations, status.as_ref()))
        });
        // The service runs again after App Runner's own rollback too.
        self.rollbacks_ended(&operations);
        reason
    }

    fn close(&mut self, at: Timestamp, by: impl Fn(&Incident) -> Option<ClosedBy>) -> String {
        let mut closed = 0;
        for incident in self.state.incidents.iter_mut().filter(|incident| incident.closed.is_none()) {
            let Some(by) = by(incident) else { continue };
            incident.closed = Some(Closed { at, by });
            closed += 1;
            if !incident.acknowledged {
                self.notices.push(Notice::Recovered { incident: incident.id.clone() });
            }
        }
        format!("{closed} incidents end with it")
    }

    fn domain(&mut self, event_id: &str, at: Timestamp, change: &DomainChange) -> String {
        let name = change.domain.as_deref().unwrap_or("custom domain");
        let kind = OperationType::Other(format!("{VALIDATION_OF}{}", plain(name)));
        let status = change.status.to_ascii_uppercase();
        if ["ACTIVE", "SUCCESS", "ISSUED", "DELETED"].iter().any(|good| status.contains(good)) {
            return self.close(at, |incident| {
                (incident.kind == kind && incident.failed_at < at).then_some(ClosedBy::Running)
            });
        }
        if !["FAIL", "TIMED_OUT", "EXPIRED", "REVOKED"].iter().any(|bad| status.contains(bad)) {
            return format!("{} is no trouble of a custom domain", plain(&change.status));
        }
        if let Some(known) = self.state.incidents.iter().find(|i| i.kind == kind && i.closed.is_none()) {
            return format!("incident {} is known already", known.id);
        }
        let hint = Hint { kinds: &[], at, event_id: event_id.to_owned(), word: "domain".to_owned() };
        let reason = self.open(&hint, None, false);
        if let Some(incident) = self.state.incidents.last_mut() {
            incident.kind = kind;
        }
        reason
    }

    fn reconciled(&mut self, since: Option<Timestamp>, long_operation: Period) -> String {
        let operations = self.operations().to_vec();
        let status = self.look.status.clone();
        self.match_provisional(&operations);
        self.close(self.now, |incident| incident.closed_by(&operations, status.as_ref()));
        self.rollbacks_ended(&operations);
        for operation in operations.iter().rev() {
            self.untold_failure(operation, since);
            self.long_running(operation, long_operation, since.is_none());
        }
        self.untold_status(&operations, since);
        if let (Some(why), None) = (&self.look.unreadable, self.state.unreadable_since) {
            self.state.unreadable_since = Some(self.now);
            self.notices.push(Notice::Unreadable { why: why.clone() });
        }
        if self.look.operations.is_some() {
            self.state.unreadable_since = None;
            self.state
                .long_running
                .retain(|id| operations.iter().any(|op| op.id == *id && op.status.is_running()));
        }
        "nothing that was not known".to_owned()
    }

    fn match_provisional(&mut self, operations: &[Operation]) {
        for index in 0..self.state.incidents.len() {
            let incident = &self.state.incidents[index];
            if incident.operation.is_some() {
                continue;
            }
            let (at, word) = (incident.failed_at, incident.id.to_string());
            let hint = Hint { kinds: only(&incident.kind), at, event_id: String::new(), word };
            let fits = |op: &&Operation| {
                let taken = self.state.incidents.iter().any(|i| i.operation.as_ref() == Some(&op.id));
                !taken && !incident.is_before_the_start_of(op)
            };
            if let Some(operation) = incident::match_operation(&hint, operations).filter(fits) {
                self.state.incidents[index].alias(operation);
            }
        }
    }

    /// Tells how App Runner's own rollback ended, where the alert could only say that it was under way.
    fn rollbacks_ended(&mut self, operations: &[Operation]) {
        for incident in self.state.incidents.iter_mut().filter(|incident| incident.closed.is_none()) {
            let Some(operation) = operations.iter().find(|op| incident.operation.as_ref() == Some(&op.id))
            else {
                continue;
            };
            let untold = incident.told_status.as_ref().is_none_or(OperationStatus::is_running);
            if !untold || operation.status.is_running() {
                continue;
            }
            incident.told_status = Some(operation.status.clone());
            if incident.kind.ships_a_version() && !incident.acknowledged {
                self.notices.push(Notice::RollbackEnded { incident: incident.id.clone() });
            }
        }
    }

    /// A failed operation that no event told of, unless a later success made it history.
    fn untold_failure(&mut self, operation: &Operation, since: Option<Timestamp>) {
        let Some(ended) = operation.last_known_at().filter(|_| operation.status.is_failure()) else { return };
        let old =
            since.is_some_and(|since| ended < since) || self.now.duration_since(ended) >= incident::LIFETIME;
        let hint = Hint {
            kinds: only(&operation.kind),
            at: ended,
            event_id: operation.id.to_string(),
            word: operation.kind.to_string(),
        };
        let known = self.state.incidents.iter().any(|incident| incident.is_told_by(&hint, Some(operation)));
        let history = Incident::open(self.service, &hint, Some(operation), self.now)
            .closed_by(self.operations(), self.look.status.as_ref())
            .is_some();
        if !old && !known && !history {
            self.open(&hint, Some(operation), since.is_none());
        }
    }

    /// A failed status that no operation explains.
    fn untold_status(&mut self, operations: &[Operation], since: Option<Timestamp>) {
        let Some(status) = &self.look.status else { return };
        let kinds = incident::kinds_behind(status);
        let explained = self.state.incidents.iter().any(|i| i.closed.is_none() && kinds.contains(&i.kind))
            || operations.iter().any(|op| kinds.contains(&op.kind) && op.status.is_failure());
        if kinds.is_empty() || explained {
            return;
        }
        let event_id = self.now.to_string();
        let hint = Hint { kinds, at: self.now, event_id, word: status.as_str().to_owned() };
        self.open(&hint, None, since.is_none());
    }

    fn long_running(&mut self, operation: &Operation, longest: Period, quietly: bool) {
        let Some(started) = operation.started_at.filter(|_| operation.status.is_running()) else { return };
        let longest = SignedDuration::try_from(longest.as_duration()).unwrap_or(SignedDuration::MAX);
        let known = self.state.long_running.contains(&operation.id)
            || self.state.incidents.iter().any(|incident| incident.operation.as_ref() == Some(&operation.id));
        if known || self.now.duration_since(started) < longest {
            return;
        }
        self.state.long_running.push(operation.id.clone());
        if !quietly {
            self.notices.push(Notice::LongRunning { operation: operation.clone() });
        }
    }

    fn unreadable_tag(&mut self, mode: &Resolved) {
        let value = match &mode.by {
            SetBy::UnreadableTag(value) => Some(value.clone()),
            _ => None,
        };
        if value != self.state.unreadable_tag {
            if let Some(value) = &value {
                self.notices.push(Notice::UnreadableTag { value: value.clone() });
            }
            self.state.unreadable_tag = value;
        }
    }
}
