//! Observe, decide, apply: one invocation of `notify`.

use std::time::Duration;

use autopilot::{
    announcement::Announcement,
    call::{Call, Handler, ignored},
    control::{self, Action, Control, Mode},
    error::{Failure, PortError},
    event::{self, Input},
    gather::{self, FirstLook, Gathered, in_time},
    outbox::CLAIM,
    ports::{AppRunnerRead, Described, FactsRead, LogsRead, Publish},
    service::{Operation, ServiceArn},
    store::{self, Record, StateRead, StateWrite, Written},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tracing::info;

use crate::{
    decide::{self, Look, Plan, Trigger, decide, pass_on, under_mode},
    settings::Settings,
    state::{self, KEEP, Subject, SubjectRecord},
};

/// `notify` over its ports.
#[derive(Debug)]
pub struct Notify<A, L, F, S, P> {
    /// Settings.
    pub settings: Settings,
    /// App Runner.
    pub apprunner: A,
    /// CloudWatch Logs.
    pub logs: L,
    /// ECR, IAM, EC2 and CloudWatch, and what belongs to a service.
    pub facts: F,
    /// The state table.
    pub state: S,
    /// The topics.
    pub topics: P,
}

impl<A, L, F, S, P> Handler for Notify<A, L, F, S, P>
where
    A: AppRunnerRead,
    L: LogsRead,
    F: FactsRead,
    S: StateRead + StateWrite,
    P: Publish,
{
    async fn handle(&self, payload: Value, call: Call) -> Result<Value, Failure> {
        self.answer(&payload, &call).await
    }
}

impl<A, L, F, S, P> Notify<A, L, F, S, P>
where
    A: AppRunnerRead,
    L: LogsRead,
    F: FactsRead,
    S: StateRead + StateWrite,
    P: Publish,
{
    async fn answer(&self, payload: &Value, call: &Call) -> Result<Value, Failure> {
        let (service, trigger) = match event::parse(payload, call.now)? {
            Input::Command(command) => return self.command(&command, call).await,
            Input::Announcement(announcement) => return self.announcement(&announcement, call).await,
            Input::Alarm(_) => return Ok(ignored("notify does not act on alarms")),
            Input::NotOurs(reason) => return Ok(ignored(&reason)),
            Input::Operation(event) => (event.service.clone(), decide::operation_trigger(&event)),
            Input::Status(event) => (event.service.clone(), decide::status_trigger(&event)),
            Input::CustomDomain(event) => {
                let (event_id, at, change) = (event.id, event.at, event.change);
                (event.service, Ok(Trigger::Domain { event_id, at, change }))
            }
        };
        match trigger {
            Ok(trigger) => self.event(&service, &trigger, call).await,
            Err(reason) => Ok(ignored(&reason)),
        }
    }

    async fn event(&self, service: &ServiceArn, trigger: &Trigger, call: &Call) -> Result<Value, Failure> {
        let key = state::subject_key(service.as_str());
        let (record, control, tag, seen, look) = if let Trigger::Failed(_) = trigger {
            // A failure is looked at in one go: every read that the event alone leads to, at the same time.
            let (record, control, tag, look) = tokio::join!(
                Record::load(&self.state, key),
                self.control(),
                self.tag(service),
                self.first_look(service)
            );
            (record?, control?, tag, seen(&look.described, &look.operations), Some(look))
        } else {
            // Most successes end nothing; those cost one read.
            let record: SubjectRecord = Record::load(&self.state, key).await?;
            let idle = record.outbox.is_empty() && is_quiet(&record.state);
            if idle && matches!(trigger, Trigger::Ended { .. }) {
                return Ok(ignored("no incident of this service is open"));
            }
            let (control, tag, described, operations) = tokio::join!(
                self.control(),
                self.tag(service),
                in_time(self.round(), "apprunner:DescribeService", self.apprunner.describe(service)),
                in_time(self.round(), "apprunner:ListOperations", self.apprunner.operations(service, None)),
            );
            (record, control?, tag, seen(&described, &operations), None)
        };
        let mode = control.resolve(Action::Notify, service, tag.as_deref(), Mode::On);
        let longest = self.settings.long_operation;
        let plan = |state: &Subject| {
            under_mode(decide(trigger, service, state, &seen, &mode, longest, call.now), state, &mode)
        };
        self.carry_out(record, plan, look.as_ref(), call).await
    }

    async fn announcement(&self, announcement: &Announcement, call: &Call) -> Result<Value, Failure> {
        let record = Record::load(&self.state, state::subject_key(&announcement.subject));
        let Ok(service) = announcement.subject.parse::<ServiceArn>() else {
            return self.carry_out(record.await?, |state| pass_on(announcement, state), None, call).await;
        };
        let (record, control, tag) = tokio::join!(record, self.control(), self.tag(&service));
        let mode = control?.resolve(Action::Notify, &service, tag.as_deref(), Mode::On);
        let plan = |state: &Subject| under_mode(pass_on(announcement, state), state, &mode);
        self.carry_out(record?, plan, None, call).await
    }

    /// Decides and applies, again from a fresh read whenever somebody else changed the record.
    async fn carry_out(
        &self,
        mut record: SubjectRecord,
        decide: impl Fn(&Subject) -> Plan,
        look: Option<&FirstLook>,
        call: &Call,
    ) -> Result<Value, Failure> {
        for _ in 0..store::ATTEMPTS {
            let plan = decide(&record.state);
            let (decision, reason) = (plan.word(), plan.to_string());
            info!(decision, reason, subject = %record.key.sort, "Decided to {decision}: {reason}");
            if self.apply(&mut record, plan, look, call).await? == Written::Yes {
                return Ok(json!({"ok": true, "decision": decision, "reason": reason}));
            }
            record = Record::load(&self.state, record.key).await?;
        }
        Err(Failure::Contended(record.key.to_string()))
    }

    /// Remembers and tells. A conflict means that nothing was done and the plan is to be made again.
    pub(crate) async fn apply(
        &self,
        record: &mut SubjectRecord,
        plan: Plan,
        look: Option<&FirstLook>,
        call: &Call,
    ) -> Result<Written, Failure> {
        let changed = !matches!(plan, Plan::Ignore(_));
        match plan {
            Plan::Ignore(_) => {}
            Plan::Remember(state, _) => record.state = state,
            Plan::Tell(state, notices) => {
                record.state = state;
                for notice in &notices {
                    state::push(record, notice);
                }
            }
        }
        let claimed = record.outbox.claim(&call.request_id, call.now);
        if changed || claimed {
            record.expires_at = Some(call.now + KEEP);
            let mut draft = record.clone();
            // The evidence is read while the intention to tell is being stored.
            let (saved, gathered) =
                tokio::join!(draft.save(&self.state), self.gather_all(record, claimed, look));
            if saved? == Written::Conflict {
                return Ok(Written::Conflict);
            }
            *record = draft;
            if claimed {
                self.deliver(record, &gathered, call).await?;
                return Ok(Written::Yes);
            }
        }
        if !record.outbox.is_empty() {
            self.wait_for_the_other(record, call).await?;
        }
        Ok(Written::Yes)
    }

    /// Somebody else is sending. Stays until that is done, and takes over if it never is.
    async fn wait_for_the_other(&self, record: &SubjectRecord, call: &Call) -> Result<(), Failure> {
        let patience = CLAIM.as_secs() + 2;
        for waited in 1..=patience {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let mut record: SubjectRecord = Record::load(&self.state, record.key.clone()).await?;
            if record.outbox.is_empty() {
                return Ok(());
            }
            let now = call.now + SignedDuration::from_secs(waited);
            if record.outbox.claim(&call.request_id, now) && record.save(&self.state).await? == Written::Yes {
                let gathered = self.gather_all(&record, true, None).await;
                return self.deliver(&mut record, &gathered, call).await;
            }
        }
        Err(Failure::Contended(record.key.to_string()))
    }

    pub(crate) async fn control(&self) -> Result<Control, Failure> {
        let record: Record<Control, ()> = Record::load(&self.state, control::key()).await?;
        Ok(record.state)
    }

    /// The service's tag for `notify`; where it cannot be read, people are told rather than not.
    pub(crate) async fn tag(&self, service: &ServiceArn) -> Option<String> {
        let tags = in_time(self.round(), "apprunner:ListTagsForResource", self.apprunner.tags(service)).await;
        tags.ok()?.remove(Action::Notify.tag())
    }

    pub(crate) async fn first_look(&self, service: &ServiceArn) -> FirstLook {
        gather::first_look(&self.apprunner, &self.logs, service, self.round()).await
    }

    /// The logs, and the facts that they leave open.
    pub(crate) async fn look_closer(
        &self,
        service: &ServiceArn,
        look: &FirstLook,
        operation: Option<Operation>,
        subject: gather::Subject,
        failed_at: Timestamp,
    ) -> Gathered {
        let mut gathered =
            gather::read_logs(&self.logs, service, look, operation, failed_at, self.round()).await;
        gathered.subject = subject;
        gather::read_facts(&mut gathered, &self.apprunner, &self.facts, service, failed_at, self.round())
            .await;
        gathered
    }

    /// Evidence is gathered in three rounds; each may take a third of the budget.
    pub(crate) fn round(&self) -> Duration {
        self.settings.evidence_budget.as_duration() / 3
    }
}

fn seen(described: &Result<Described, PortError>, operations: &Result<Vec<Operation>, PortError>) -> Look {
    Look {
        status: described.as_ref().ok().map(|described| described.status.clone()),
        operations: operations.as_ref().ok().cloned(),
        unreadable: None,
    }
}

/// True where nothing about a subject is open.
pub(crate) fn is_quiet(subject: &Subject) -> bool {
    subject.incidents.iter().all(|incident| incident.closed.is_some())
}
