//! The desk of an acting function: the one way from a case to what is done about it.
//!
//! ```text
//!            ┌──────────── record changed by somebody else: from a fresh read ───────────┐
//!            ▼                                                                           │
//!   settle what was begun ─► observe ─► decide (pure) ─► nothing to do ─► put if changed ┤
//!                                            │                                           │
//!                                            └► gate ─► put the intent ─► the call ─► put the outcome
//!                                                                                        │
//!                                                       announce what the record has to say ─► put, cleared
//! ```
//!
//! A function says how it observes, decides and performs ([`Worker`]); everything else is here once: the order of
//! reads and writes, modes, the stop, budgets, races, crashes, and that no action goes untold.

mod reconcile;
#[cfg(test)]
mod tests;
mod worker;

use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tracing::{error, info};

use crate::{
    announcement::{self, Phase, Topic},
    case::{Case, CaseRecord, Say},
    control::{self, Control, Mode},
    error::{Class, Failure, PortError},
    event::Command,
    incident::IncidentId,
    mutation::{self, Gate, Intent, Outcome},
    ports::Announce,
    store::{self, Key, Record, StateRead, StateWrite, Written},
};

pub use reconcile::{Taken, take_up};
pub use worker::{Plan, Worker};

/// Cases and services that are worked on at the same time.
const AT_ONCE: usize = 8;

/// Sort keys of cases begin with this; what else lies in the partition is no case.
const CASE: &str = "case ";

/// Where an acting function keeps its cases, and how it speaks.
#[derive(Debug)]
pub struct Desk<S, B> {
    /// Partition of the table that the function owns.
    pub partition: &'static str,
    /// Which function speaks.
    pub topic: Topic,
    /// The state table.
    pub state: S,
    /// The bus.
    pub bus: B,
}

/// What a tick or a reconciliation came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Cases that were looked at.
    pub cases: usize,
    /// Cases that could not be worked on.
    pub failed: usize,
}

impl<S: StateRead + StateWrite, B: Announce> Desk<S, B> {
    /// The key of a subject's case.
    pub fn key(&self, subject: &str) -> Key {
        Key::new(self.partition, format!("{CASE}{subject}"))
    }

    /// The case of a subject; a new one where there is none.
    pub async fn case<W>(&self, subject: &str) -> Result<CaseRecord<W>, Failure>
    where
        W: Serialize + DeserializeOwned + Default,
    {
        let mut record: CaseRecord<W> = Record::load(&self.state, self.key(subject)).await?;
        subject.clone_into(&mut record.state.subject);
        Ok(record)
    }

    /// Every case, in one strongly consistent query.
    pub async fn cases<W>(&self) -> Result<Vec<CaseRecord<W>>, Failure>
    where
        W: Serialize + DeserializeOwned + Default,
    {
        let items = self.state.list(self.partition).await?.into_iter();
        let cases = items.filter(|(key, _)| key.sort.starts_with(CASE));
        Ok(cases.map(|(key, item)| Record::from_item(key, Some(item))).collect::<Result<_, _>>()?)
    }

    /// Cases with something left to do or to tell.
    pub async fn open_cases<W>(&self) -> Result<Vec<CaseRecord<W>>, Failure>
    where
        W: Serialize + DeserializeOwned + Default,
    {
        let cases = self.cases().await?.into_iter();
        Ok(cases.filter(|record| record.state.open || !record.outbox.is_empty()).collect())
    }

    /// Who set which mode, and whether everything is stopped.
    pub async fn control(&self) -> Result<Control, Failure> {
        let record: Record<Control, ()> = Record::load(&self.state, control::key()).await?;
        Ok(record.state)
    }

    /// Works on several cases; the trouble of one is recorded with it and does not stop the others.
    pub async fn advance_all<K: Worker>(
        &self,
        worker: &K,
        records: Vec<CaseRecord<K::Work>>,
        now: Timestamp,
    ) -> Tally {
        let results: Vec<Result<_, Failure>> = stream::iter(records)
            .map(|record| self.advance_or_note(worker, record, now))
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let failed = results.iter().filter(|result| result.is_err()).count();
        Tally { cases: results.len(), failed }
    }

    async fn advance_or_note<K: Worker>(
        &self,
        worker: &K,
        record: CaseRecord<K::Work>,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let subject = record.state.subject.clone();
        let Err(failure) = self.advance(worker, record, |_| {}, now).await else { return Ok(()) };
        let class = failure.class();
        error!(class = class.as_str(), subject, error = %failure, "A case could not be worked on: {failure}");
        if class == Class::Permanent {
            // Where even this cannot be stored, the log line above is what is left.
            let noted = self.note_trouble::<K::Work>(&subject, &failure, now).await;
            if let Err(unnoted) = noted {
                error!(class = unnoted.class().as_str(), subject, error = %unnoted, "Its trouble could not be announced");
            }
        }
        Err(failure)
    }

    /// Announces once, with the case, that it cannot be worked on.
    async fn note_trouble<W>(&self, subject: &str, failure: &Failure, now: Timestamp) -> Result<(), Failure>
    where
        W: Serialize + DeserializeOwned + Default,
    {
        let what = match failure {
            Failure::Port(error) => format!("{}: {}", error.call, error.in_short()),
            other => other.to_string(),
        };
        let say = Say::new(
            Phase::Held,
            "unreadable",
            format!("Cannot go on: {what}. It is tried again at every tick."),
            json!({"action": "hold", "error": what}),
        );
        self.change(
            subject,
            |record: &mut CaseRecord<W>| record.say(&self.topic, None, say.clone(), now),
            now,
        )
        .await
    }

    /// Takes a case as far as it goes now, after an edit that is made anew on every fresh read. Returns what was
    /// decided.
    pub async fn advance<K: Worker>(
        &self,
        worker: &K,
        mut record: CaseRecord<K::Work>,
        edit: impl Fn(&mut Case<K::Work>),
        now: Timestamp,
    ) -> Result<Decided, Failure> {
        let mut acted = false;
        for _ in 0..store::ATTEMPTS {
            let before = record.clone();
            // What was asked for was answered by acting; from then on only the outcome is to be stored.
            if !acted {
                edit(&mut record.state);
            }
            let decided = self.step(worker, &mut record, now).await?;
            acted |= record.version != before.version;
            if record.state != before.state {
                record.date(now);
            }
            // What was stored on the way, an intent that was dropped again, is a change too.
            if record == before || record.save(&self.state).await? == Written::Yes {
                announcement::send_pending(&self.state, &self.bus, &mut record).await?;
                return Ok(decided);
            }
            record = Record::load(&self.state, record.key).await?;
        }
        Err(Failure::Contended(record.key.to_string()))
    }

    /// Settles or decides, and acts. What it leaves in the record is still to be stored.
    async fn step<K: Worker>(
        &self,
        worker: &K,
        record: &mut CaseRecord<K::Work>,
        now: Timestamp,
    ) -> Result<Decided, Failure> {
        if let Some(intent) = record.state.ledger.intent.clone() {
            let act = self.intended::<K>(&intent)?;
            let settled = worker.settle(&record.state, &act, &intent).await?;
            let outcome = mutation::settle(&mut record.state.ledger, settled, now);
            // Nothing is begun in any other mode.
            self.conclude(worker, record, &act, &outcome, Mode::On, now);
            return Ok(Decided { decision: "settle", reason: outcome.to_string(), outcome: Some(outcome) });
        }
        if !record.state.open {
            let reason = "nothing is left to do".to_owned();
            return Ok(Decided { decision: "ignore", reason, outcome: None });
        }
        let seen = worker.observe(&record.state, now).await?;
        let mode = worker.mode(&seen);
        if let Some((action, set_by)) = worker.set_by(&seen) {
            record.say_unreadable(&self.topic, action, set_by, now);
        }
        let plan = worker.decide(&record.state, &seen, now);
        let (decision, reason) = (plan.decision, plan.reason);
        info!(decision, reason, subject = record.state.subject, "Decided to {decision}: {reason}");
        let before = record.state.clone();
        record.state.work = plan.work;
        record.state.open = plan.open;
        if let Some(incident) = worker.incident(&record.state) {
            record.state.incident = incident;
        }
        for say in plan.say {
            record.say(&self.topic, Some(mode), say, now);
        }
        let Some(act) = plan.act else { return Ok(Decided { decision, reason, outcome: None }) };
        let gate = worker.gate(&before, &seen, &act);
        let outcome = self.act(worker, record, &gate, &act, now).await?;
        let Some(outcome) = outcome else {
            // Somebody else was faster: the caller's write over the old version will tell.
            return Ok(Decided { decision, reason, outcome: None });
        };
        self.conclude(worker, record, &act, &outcome, mode, now);
        Ok(Decided { decision, reason, outcome: Some(outcome) })
    }

    /// Gate, intent, call. `None` where somebody else changed the record before the intent was stored.
    async fn act<K: Worker>(
        &self,
        worker: &K,
        record: &mut CaseRecord<K::Work>,
        gate: &Gate<'_>,
        act: &K::Act,
        now: Timestamp,
    ) -> Result<Option<Outcome>, Failure> {
        let control = self.control().await?;
        let described = serde_json::to_value(act).map_err(|error| {
            PortError::new("state:write", Class::Permanent, format!("the intent cannot be stored: {error}"))
        })?;
        let intended = match mutation::begin(&mut record.state.ledger, gate, &control, described, now) {
            Ok(intended) => intended,
            Err(refused) => return Ok(Some(refused)),
        };
        record.date(now);
        if record.save(&self.state).await? == Written::Conflict {
            return Ok(None);
        }
        let answer = worker.perform(&record.state, act, &intended.stored()).await;
        Ok(Some(mutation::conclude(&mut record.state.ledger, answer)))
    }

    fn conclude<K: Worker>(
        &self,
        worker: &K,
        record: &mut CaseRecord<K::Work>,
        act: &K::Act,
        outcome: &Outcome,
        mode: Mode,
        now: Timestamp,
    ) {
        let reason = outcome.to_string();
        info!(
            decision = "conclude",
            reason,
            subject = record.state.subject,
            "The act {act:?} ended: {reason}"
        );
        let says = worker.concluded(&mut record.state.work, &record.state.subject, act, outcome, now);
        for say in says {
            record.say(&self.topic, Some(mode), say, now);
        }
    }

    fn intended<K: Worker>(&self, intent: &Intent) -> Result<K::Act, Failure> {
        let unreadable = |error: serde_json::Error| {
            PortError::new(
                "state:read",
                Class::Permanent,
                format!("an intent of {} is unreadable: {error}", self.partition),
            )
        };
        Ok(serde_json::from_value(intent.act.clone()).map_err(unreadable)?)
    }

    /// Changes a case by a pure function, again from a fresh read whenever somebody else was faster, and tells what
    /// it has to say.
    pub async fn change<W>(
        &self,
        subject: &str,
        edit: impl Fn(&mut CaseRecord<W>),
        now: Timestamp,
    ) -> Result<(), Failure>
    where
        W: Serialize + DeserializeOwned + Default,
    {
        for _ in 0..store::ATTEMPTS {
            let mut record = self.case(subject).await?;
            edit(&mut record);
            record.date(now);
            if record.save(&self.state).await? == Written::Yes {
                return announcement::send_pending(&self.state, &self.bus, &mut record).await;
            }
        }
        Err(Failure::Contended(subject.to_owned()))
    }

    /// Answers what every function answers: `mode`, `stop` and `go`. `None` for any other command.
    pub async fn command(&self, command: &Command, now: Timestamp) -> Result<Option<Value>, Failure> {
        let Some((answer, changed)) = control::command(&self.state, command, now).await? else {
            return Ok(None);
        };
        let say = match changed {
            Some(control::Changed::Stopped) => Say::new(
                Phase::Held,
                "stopped",
                "A person stopped every change of every function. Messages still go out, and a shift of traffic \
                 can still be aborted. {\"command\":\"go\"} to any function lifts it.",
                json!({"action": "hold", "at": now.to_string()}),
            ),
            Some(control::Changed::Going) => {
                let summary = "A person lifted the stop: functions act again.";
                Say::new(Phase::Progressed, "going", summary, json!({}))
            }
            None => return Ok(Some(answer)),
        };
        let key = Key::new(self.partition, "account");
        for _ in 0..store::ATTEMPTS {
            let mut record: CaseRecord<()> = Record::load(&self.state, key.clone()).await?;
            "account".clone_into(&mut record.state.subject);
            record.state.incident = IncidentId::new("apprunner-autopilot:stop");
            record.say(&self.topic, None, say.clone(), now);
            if record.save(&self.state).await? == Written::Yes {
                announcement::send_pending(&self.state, &self.bus, &mut record).await?;
                return Ok(Some(answer));
            }
        }
        Err(Failure::Contended(key.to_string()))
    }
}

/// What was decided about a case, and how the act ended if there was one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// Machine word.
    pub decision: &'static str,
    /// Why.
    pub reason: String,
    /// How the act ended.
    pub outcome: Option<Outcome>,
}
