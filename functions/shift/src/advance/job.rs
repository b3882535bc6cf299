//! One shift on its way through an invocation.

use autopilot::{
    announcement::Phase as Told,
    case::Say,
    dns::{Batch, ChangeId, HostedZoneId},
    error::{Class, Failure, PortError},
    mutation::{self, Outcome, Receipt},
    store::{StateWrite, Written},
};
use jiff::Timestamp;
use serde_json::json;
use tracing::{error, info};

use super::{
    ShiftRecord, date,
    settle::{say, settle},
};
use crate::{
    decide::{Act, Seen, What, decide, made, not_made},
    plan::Plan,
    records::swap,
    shift::{LASTING, Shift},
};

/// One shift on its way through an invocation.
#[derive(Debug)]
pub struct Job {
    /// The shift.
    pub record: ShiftRecord,
    /// What is to be written, and once it was tried, how that ended.
    pub act: Option<Act>,
    /// How the write ended.
    pub outcome: Option<Outcome>,
    /// Somebody else changed the record meanwhile; what is here is void.
    pub raced: bool,
    /// Why it could not be worked on.
    pub failure: Option<Failure>,
    before: ShiftRecord,
}

/// Which writes may share a batch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lane {
    Back,
    Step,
    Alone,
}

impl Job {
    pub(super) fn new(record: ShiftRecord) -> Self {
        Self { before: record.clone(), record, act: None, outcome: None, raced: false, failure: None }
    }

    /// A shift with a write that a person asked for.
    pub(crate) fn with(record: ShiftRecord, act: Act) -> Self {
        Self { act: Some(act), ..Self::new(record) }
    }

    pub(super) fn shift(&self) -> Option<&Shift> {
        self.record.state.work.as_ref()
    }

    pub(super) fn lane(&self) -> Option<Lane> {
        Some(match self.act.as_ref()?.what {
            What::TurnBack { .. } => Lane::Back,
            What::Step { .. } => Lane::Step,
            What::Begin | What::Finish => Lane::Alone,
        })
    }

    pub(super) fn zone(&self) -> Option<&HostedZoneId> {
        self.shift().map(|shift| &shift.plan.hosted_zone_id)
    }

    /// True where there is nothing to store.
    pub(super) fn is_unchanged(&self) -> bool {
        self.record.state == self.before.state && self.record.outbox == self.before.outbox
    }

    /// Stores it as it is now.
    pub(super) async fn store(
        &mut self,
        state: &impl StateWrite,
        now: Timestamp,
    ) -> Result<Written, PortError> {
        date(&mut self.record, now);
        self.record.save(state).await
    }

    /// What is done next, after what became of earlier writes.
    pub(super) fn decide(&mut self, seen: &Seen, now: Timestamp) -> Result<(), Failure> {
        settle(&mut self.record, &seen.records, now)?;
        let Some(shift) = &mut self.record.state.work else { return Ok(()) };
        shift.troubled_since = None;
        let next = decide(shift, seen, now);
        let (decision, reason) = (next.decision, next.reason);
        let weights = next.shift.weights.to_string();
        let name = next.shift.plan.record_name.to_string();
        info!(decision, reason, record_name = name, weights, "Decided to {decision}: {reason}");
        self.record.state.work = Some(next.shift);
        say(&mut self.record, next.say, now);
        self.act = next.act;
        Ok(())
    }

    /// What became of the write.
    pub(super) fn conclude(&mut self, answer: Result<Option<ChangeId>, PortError>, now: Timestamp) {
        let (id, answer) = match answer {
            Ok(id) => (id, Ok(Receipt { operation: None })),
            Err(error) => (None, Err(error)),
        };
        let outcome = mutation::conclude(&mut self.record.state.ledger, answer);
        self.end(outcome, id, now);
    }

    /// The write was not made, and is not tried before the next tick.
    pub(super) fn put_off(&mut self, why: &str, now: Timestamp) {
        self.record.state.ledger.intent = None;
        self.end(Outcome::Wait(why.to_owned()), None, now);
    }

    pub(super) fn end(&mut self, outcome: Outcome, id: Option<ChangeId>, now: Timestamp) {
        let (Some(act), Some(shift)) = (&self.act, &mut self.record.state.work) else { return };
        info!(decision = "conclude", reason = ?outcome, what = ?act.what, record_name = %shift.plan.record_name);
        let says = match &outcome {
            Outcome::Made(_) => made(shift, act, id, now),
            other => not_made(shift, act, other, now),
        };
        say(&mut self.record, says, now);
        self.outcome = Some(outcome);
    }

    /// One shift's trouble is recorded and announced once with it, and does not fail the others.
    pub(super) fn trouble(&mut self, failure: Failure, now: Timestamp) {
        let class = failure.class();
        let subject = self.record.state.subject.clone();
        error!(class = class.as_str(), subject, error = %failure, "A shift could not be worked on: {failure}");
        let what = match &failure {
            Failure::Port(error) => format!("{}: {}", error.call, error.in_short()),
            other => other.to_string(),
        };
        let since = self.record.state.work.as_mut().map(|shift| *shift.troubled_since.get_or_insert(now));
        let lasts = since.is_some_and(|since| now.duration_since(since) >= LASTING);
        let plan = match class {
            Class::Permanent => Some(json!({"action": "hold", "error": what})),
            // Its words may differ from one time to the next.
            Class::Retryable => lasts.then(|| json!({"action": "hold", "since": since})),
        };
        if let Some(plan) = plan {
            let summary =
                format!("The shift of {subject} cannot go on: {what}. It is tried again at every tick.");
            say(&mut self.record, vec![Say::new(Told::Held, "unreadable", summary, plan)], now);
        }
        self.failure = Some(failure);
    }
}

pub(super) fn of_act(act: &Act, plan: &Plan) -> Batch {
    swap(&act.before, &act.after, &format!("apprunner-autopilot: shift of {}", plan.record_name))
}
