//! What to tell: from a trigger, what is remembered and what was read, to a plan. Pure.
//!
//! Events and the reconciliation meet in the same rules. An event only says where to look and when it
//! happened; the reconciliation finds the same by looking everywhere. So a lost, repeated or late event changes
//! when people are told, never whether or how often.

use std::fmt;

use autopilot::{
    announcement::Announcement,
    control::{Mode, Resolved, SetBy},
    event::{DomainChange, OperationChange, ServiceEvent, Stage, StatusChange},
    incident::{self, Closed, ClosedBy, Hint, Incident},
    period::Period,
    service::{Operation, OperationStatus, OperationType, ServiceArn, ServiceStatus},
};
use jiff::{SignedDuration, Timestamp};

use crate::state::{Notice, Subject};

/// Announcements that are remembered, to drop repeated ones.
const REMEMBERED: usize = 200;

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
    let word = event.change.word.clone();
    Ok(Trigger::Failed(Hint { kinds, at: event.at, event_id: event.id.clone(), word }))
}

/// The trigger in a status event, if it is one that concerns people.
pub fn status_trigger(event: &ServiceEvent<StatusChange>) -> Result<Trigger, String> {
    let status = &event.change.current;
    let kinds = incident::kinds_behind(status);
    if !kinds.is_empty() {
        let word = status.as_str().to_owned();
        return Ok(Trigger::Failed(Hint { kinds, at: event.at, event_id: event.id.clone(), word }));
    }
    ClosedBy::of_status(status)
        .map(|by| Trigger::Ended { by, at: event.at })
        .ok_or_else(|| "a status that is no failure and ends none".to_owned())
}

fn only(kind: &OperationType) -> &'static [OperationType] {
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

/// Passes an announcement on, once.
pub fn pass_on(announcement: &Announcement, state: &Subject) -> Plan {
    if state.announced.contains(&announcement.announcement_id) {
        return Plan::Ignore("this announcement was passed on already".to_owned());
    }
    let mut state = state.clone();
    state.announced.push(announcement.announcement_id.clone());
    let excess = state.announced.len().saturating_sub(REMEMBERED);
    state.announced.drain(..excess);
    Plan::Tell(state, vec![Notice::Announced { announcement: Box::new(announcement.clone()) }])
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
        self.close(at, |incident| {
            let by_event = (by.ends(&incident.kind) && incident.failed_at < at).then_some(by);
            by_event.or_else(|| incident.closed_by(&operations, status.as_ref()))
        })
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
        let kind = OperationType::Other(format!("certificate validation of {}", plain(name)));
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
        self.rollbacks_ended(&operations);
        self.close(self.now, |incident| incident.closed_by(&operations, status.as_ref()));
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
            if incident.operation.is_some() || incident.closed.is_some() {
                continue;
            }
            let (at, word) = (incident.failed_at, incident.id.to_string());
            let hint = Hint { kinds: only(&incident.kind), at, event_id: String::new(), word };
            let free =
                |op: &&Operation| !self.state.incidents.iter().any(|i| i.operation.as_ref() == Some(&op.id));
            if let Some(operation) = incident::match_operation(&hint, operations).filter(free) {
                self.state.incidents[index].alias(operation);
            }
        }
    }

    /// Tells how App Runner's own rollback ended, where the alert could only say that it was under way.
    fn rollbacks_ended(&mut self, operations: &[Operation]) {
        for incident in &mut self.state.incidents {
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

/// A word from outside, made safe to repeat: printable ASCII, at most 120 characters.
fn plain(word: &str) -> String {
    word.chars().take(120).map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use autopilot::{control::SetBy, service::OperationId};

    use super::*;

    const LONGEST: Period = Period::minutes(30);

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
    }

    fn service() -> ServiceArn {
        "arn:aws:apprunner:eu-west-1:123456789012:service/orders/8fe1".parse().unwrap()
    }

    fn on() -> Resolved {
        Resolved { mode: Mode::On, by: SetBy::Parameter }
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

    fn looked(status: ServiceStatus, operations: Vec<Operation>) -> Look {
        Look { status: Some(status), operations: Some(operations), unreadable: None }
    }

    /// A service over time: each step decides on what the steps before left.
    #[derive(Default)]
    struct Story {
        state: Subject,
    }

    impl Story {
        fn step(&mut self, trigger: &Trigger, look: &Look, minute: i64) -> Vec<Notice> {
            match decide(trigger, &service(), &self.state, look, &on(), LONGEST, at(minute)) {
                Plan::Ignore(_) => Vec::new(),
                Plan::Remember(state, _) => {
                    self.state = state;
                    Vec::new()
                }
                Plan::Tell(state, notices) => {
                    self.state = state;
                    notices
                }
            }
        }

        fn words(&mut self, trigger: &Trigger, look: &Look, minute: i64) -> Vec<&'static str> {
            self.step(trigger, look, minute).iter().map(Notice::word).collect()
        }
    }

    fn operation_event(word: &str, minute: i64) -> Result<Trigger, String> {
        operation_trigger(&ServiceEvent {
            id: format!("{word}-{minute}"),
            at: at(minute),
            service: service(),
            message: None,
            change: OperationChange::new(word),
        })
    }

    fn status_event(status: &str, minute: i64) -> Result<Trigger, String> {
        let change = StatusChange { previous: None, current: status.into() };
        let id = format!("{status}-{minute}");
        status_trigger(&ServiceEvent { id, at: at(minute), service: service(), message: None, change })
    }

    fn reconciled() -> Trigger {
        Trigger::Reconciled { since: Some(at(0)) }
    }

    const FAILED: [&str; 6] = [
        "CreateServiceFailed",
        "DeleteServiceFailed",
        "UpdateServiceFailed",
        "DeploymentFailed",
        "PauseServiceFailed",
        "ResumeServiceFailed",
    ];

    #[test]
    fn exactly_the_failing_words_alert() {
        for prefix in
            ["CreateService", "DeleteService", "UpdateService", "Deployment", "PauseService", "ResumeService"]
        {
            for suffix in ["Started", "CompletedSuccessfully", "Failed"] {
                let word = format!("{prefix}{suffix}");
                let told = operation_event(&word, 60)
                    .map(|trigger| Story::default().words(&trigger, &Look::default(), 60))
                    .unwrap_or_default();
                let expected: &[&str] = if FAILED.contains(&word.as_str()) { &["failure"] } else { &[] };
                assert_eq!(told, expected, "{word}");
            }
        }
        for (status, expected) in [
            ("CREATE_FAILED", &["failure"][..]),
            ("DELETE_FAILED", &["failure"]),
            ("RUNNING", &[]),
            ("PAUSED", &[]),
            ("DELETED", &[]),
            ("OPERATION_IN_PROGRESS", &[]),
            ("ON_HOLIDAY", &[]),
        ] {
            let told = status_event(status, 60)
                .map(|trigger| Story::default().words(&trigger, &Look::default(), 60))
                .unwrap_or_default();
            assert_eq!(told, expected, "{status}");
        }
        let unknown = operation_event("RestartServiceFailed", 60).unwrap();
        assert_eq!(
            Story::default().words(&unknown, &Look::default(), 60),
            ["failure"],
            "a failure that AWS added later"
        );
    }

    #[test]
    fn however_often_and_in_whatever_order_one_failure_is_told_once() {
        let create = operation("c1", OperationType::CreateService, OperationStatus::Failed, 50, Some(60));
        let readable = looked(ServiceStatus::CreateFailed, vec![create]);
        let triggers = [
            (operation_event("CreateServiceFailed", 60).unwrap(), 60),
            (status_event("CREATE_FAILED", 60).unwrap(), 60),
            (operation_event("CreateServiceFailed", 60).unwrap(), 61),
            (reconciled(), 75),
            (status_event("CREATE_FAILED", 60).unwrap(), 3_000),
        ];
        // Every order, and each step with operations readable or not.
        for order in [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [3, 0, 4, 1, 2], [1, 2, 0, 4, 3]] {
            for mask in 0..32 {
                let mut story = Story::default();
                let mut told = Vec::new();
                for (step, index) in order.into_iter().enumerate() {
                    let (trigger, _) = &triggers[index];
                    let blind = Look { operations: None, ..readable.clone() };
                    let look = if mask & (1 << step) == 0 { &readable } else { &blind };
                    // The reconciliation has no event's time to go by where it cannot read operations either.
                    if matches!(trigger, Trigger::Reconciled { .. }) && look.operations.is_none() {
                        continue;
                    }
                    told.extend(story.words(trigger, look, 60 + i64::try_from(step).unwrap()));
                }
                assert_eq!(told, ["failure"], "order {order:?}, unreadable steps {mask:05b}");
            }
        }
    }

    #[test]
    fn a_recovery_is_told_once_and_a_native_rollback_is_none() {
        use OperationStatus::{InProgress, RollbackSucceeded, Succeeded};
        use OperationType::StartDeployment;
        let failed = operation("d1", StartDeployment, RollbackSucceeded, 50, Some(60));
        let mut story = Story::default();
        let rolled_back = looked(ServiceStatus::Running, vec![failed.clone()]);
        assert_eq!(
            story.words(&operation_event("DeploymentFailed", 60).unwrap(), &rolled_back, 60),
            ["failure"]
        );
        let none: [&str; 0] = [];
        assert_eq!(story.words(&status_event("RUNNING", 61).unwrap(), &Look::default(), 61), none);
        assert_eq!(story.words(&reconciled(), &rolled_back, 75), none);
        assert_eq!(
            story.words(
                &operation_event("DeploymentCompletedSuccessfully", 40).unwrap(),
                &Look::default(),
                76
            ),
            none,
            "an earlier success, late"
        );
        let again = operation("d2", StartDeployment, InProgress, 80, None);
        assert_eq!(
            story.words(
                &reconciled(),
                &looked(ServiceStatus::OperationInProgress, vec![again.clone(), failed.clone()]),
                85
            ),
            none
        );
        assert_eq!(
            story.words(
                &operation_event("DeploymentCompletedSuccessfully", 90).unwrap(),
                &Look::default(),
                90
            ),
            ["recovered"]
        );
        let done = Operation { status: Succeeded, ended_at: Some(at(90)), ..again };
        assert_eq!(
            story.words(&reconciled(), &looked(ServiceStatus::Running, vec![done, failed]), 95),
            none,
            "told already"
        );
    }

    #[test]
    fn without_any_event_the_reconciliation_tells_the_same() {
        use OperationStatus::{RollbackFailed, RollbackInProgress, Succeeded};
        use OperationType::UpdateService;
        let none: [&str; 0] = [];
        let mut story = Story::default();
        let rolling = operation("u1", UpdateService, RollbackInProgress, 50, None);
        let busy = looked(
            ServiceStatus::OperationInProgress,
            vec![Operation { updated_at: Some(at(58)), ..rolling.clone() }],
        );
        assert_eq!(story.words(&reconciled(), &busy, 60), ["failure"]);
        assert_eq!(story.words(&reconciled(), &busy, 75), none);
        let ended = Operation { status: RollbackFailed, ended_at: Some(at(80)), ..rolling };
        assert_eq!(
            story.words(&reconciled(), &looked(ServiceStatus::Running, vec![ended.clone()]), 90),
            ["rollback-ended"]
        );
        assert_eq!(
            story.words(&reconciled(), &looked(ServiceStatus::Running, vec![ended.clone()]), 105),
            none
        );
        let mended = operation("u2", UpdateService, Succeeded, 110, Some(112));
        assert_eq!(
            story.words(
                &reconciled(),
                &looked(ServiceStatus::Running, vec![mended.clone(), ended.clone()]),
                120
            ),
            ["recovered"]
        );
        let fresh = &mut Story::default();
        assert_eq!(
            fresh.words(&reconciled(), &looked(ServiceStatus::Running, vec![mended, ended]), 120),
            none,
            "history"
        );
    }

    #[test]
    fn the_first_reconciliation_touches_nothing_old() {
        let failed =
            operation("c1", OperationType::CreateService, OperationStatus::Failed, -9_000, Some(-8_990));
        let look = looked(ServiceStatus::CreateFailed, vec![failed]);
        let none: [&str; 0] = [];
        let mut story = Story::default();
        assert_eq!(story.words(&Trigger::Reconciled { since: None }, &look, 0), none);
        assert!(story.state.incidents[0].acknowledged);
        assert_eq!(story.words(&reconciled(), &look, 15), none);
        assert_eq!(
            story.words(&status_event("CREATE_FAILED", -8_990).unwrap(), &look, 16),
            none,
            "an old event, late"
        );
        assert_eq!(
            story.words(&reconciled(), &looked(ServiceStatus::Running, vec![]), 30),
            none,
            "nobody was told it failed"
        );
    }

    #[test]
    fn a_long_operation_is_told_once() {
        let running = operation("d1", OperationType::StartDeployment, OperationStatus::InProgress, 10, None);
        let look = looked(ServiceStatus::OperationInProgress, vec![running]);
        let none: [&str; 0] = [];
        let mut story = Story::default();
        assert_eq!(story.words(&reconciled(), &look, 39), none);
        assert_eq!(story.words(&reconciled(), &look, 41), ["long-running"]);
        assert_eq!(story.words(&reconciled(), &look, 56), none);
    }

    #[test]
    fn operations_that_cannot_be_read_are_told_once() {
        let look = Look {
            status: Some(ServiceStatus::Running),
            operations: None,
            unreadable: Some("AccessDeniedException".into()),
        };
        let mut story = Story::default();
        let none: [&str; 0] = [];
        assert_eq!(story.words(&reconciled(), &look, 10), ["unreadable"]);
        assert_eq!(story.words(&reconciled(), &look, 25), none);
        assert_eq!(story.words(&reconciled(), &looked(ServiceStatus::Running, vec![]), 40), none);
        assert_eq!(story.words(&reconciled(), &look, 55), ["unreadable"]);
    }

    #[test]
    fn a_custom_domains_trouble_and_its_end() {
        let change = |status: &str| Trigger::Domain {
            event_id: format!("d-{status}"),
            at: at(if status == "ACTIVE" { 70 } else { 60 }),
            change: DomainChange { domain: Some("shop.example.com".into()), status: status.into() },
        };
        let none: [&str; 0] = [];
        let mut story = Story::default();
        assert_eq!(story.words(&change("PENDING_CERTIFICATE_DNS_VALIDATION"), &Look::default(), 59), none);
        assert_eq!(story.words(&change("CREATE_FAILED"), &Look::default(), 60), ["failure"]);
        assert_eq!(story.words(&change("VALIDATION_FAILED"), &Look::default(), 61), none);
        assert_eq!(story.words(&change("ACTIVE"), &Look::default(), 70), ["recovered"]);
    }

    #[test]
    fn off_and_dry_run_tell_nothing_but_an_unreadable_tag() {
        let trigger = operation_event("DeploymentFailed", 60).unwrap();
        let state = Subject::default();
        for mode in [Mode::Off, Mode::DryRun] {
            let mode = Resolved { mode, by: SetBy::Command };
            let plan = decide(&trigger, &service(), &state, &Look::default(), &mode, LONGEST, at(60));
            assert!(matches!(under_mode(plan, &state, &mode), Plan::Ignore(_)), "{mode:?}");
        }
        let mode = Resolved { mode: Mode::Off, by: SetBy::UnreadableTag("yes".into()) };
        let plan = decide(&trigger, &service(), &state, &Look::default(), &mode, LONGEST, at(60));
        let Plan::Tell(state, notices) = under_mode(plan, &state, &mode) else { panic!("nothing told") };
        assert_eq!(notices, [Notice::UnreadableTag { value: "yes".into() }]);
        assert!(state.incidents.is_empty(), "what was not told is not remembered as told");
        let plan = decide(&trigger, &service(), &state, &Look::default(), &mode, LONGEST, at(61));
        assert!(matches!(under_mode(plan, &state, &mode), Plan::Ignore(_)), "told once");
    }
}
