//! From looking to writing, for all shifts of a tick together.
//!
//! ```text
//! settle what was begun ─► look ─► decide each ─► turn back, a batch a zone ─► steps, a batch a zone ─► the rest
//!                                                     │  rejected: one shift at a time
//!                          gate ─► put the intents ─► one call ─► put the outcomes ─► announce
//! ```
//! Every batch is a compare-and-swap of exact records. So an intent whose answer was lost needs no waiting: where its
//! records are there it was made; where they are not, it is dropped, and should it yet arrive it finds other records
//! than it wants, or the very ones that were written for it.

use std::collections::BTreeSet;

use autopilot::{
    announcement::{Phase as Told, Topic, send_pending},
    case::{CaseRecord, Say},
    control::{Control, Mode},
    desk::Desk,
    dns::{Batch, ChangeId, HostedZoneId},
    error::{Class, Failure, PortError},
    mutation::{self, Budget, Gate, Leave, Outcome, Permit, Receipt},
    period::Period,
    ports::{Announce, DnsRead, DnsWrite},
    store::{Record, StateRead, StateWrite, Written},
    telemetry,
};
use futures_util::{StreamExt, future::join_all, stream};
use jiff::Timestamp;
use serde_json::{Value, json};
use tracing::{error, info, warn};

use crate::{
    decide::{Act, Seen, What, decide, made, not_made},
    look::{again, look},
    plan::Plan,
    records::{Standing, standing, swap},
    shift::Shift,
    world::World,
};

/// Partition of the table that `shift` owns.
pub const PARTITION: &str = "shift";

/// A shift as the table holds it.
pub type ShiftRecord = CaseRecord<Option<Shift>>;

/// So many shifts share a batch: with four records each they stay under the limits of 1,000 records and 32,000
/// characters.
const SHARING: usize = 50;

/// So many shifts of a rejected batch are tried alone; the others wait for the next tick.
const ALONE: usize = 20;

/// Records that are stored at the same time, and zones that are written to.
const AT_ONCE: usize = 16;
const ZONES_AT_ONCE: usize = 5;

/// A shift makes far fewer changes; this only bounds a fault of ours.
const BUDGET: Budget = Budget { most: 200, within: Period::days(1), cool_down: Period::seconds(0) };
const UNBOUNDED: Budget = Budget { most: usize::MAX, within: Period::days(1), cool_down: Period::seconds(0) };

/// `shift` over its ports.
#[derive(Debug)]
pub struct Shifts<W, S, B> {
    /// What is shifted.
    pub world: W,
    /// The shifts.
    pub desk: Desk<S, B>,
}

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
enum Lane {
    Back,
    Step,
    Alone,
}

impl Job {
    fn new(record: ShiftRecord) -> Self {
        Self { before: record.clone(), record, act: None, outcome: None, raced: false, failure: None }
    }

    /// A shift with a write that a person asked for.
    pub(crate) fn with(record: ShiftRecord, act: Act) -> Self {
        Self { act: Some(act), ..Self::new(record) }
    }

    fn shift(&self) -> Option<&Shift> {
        self.record.state.work.as_ref()
    }

    fn lane(&self) -> Option<Lane> {
        Some(match self.act.as_ref()?.what {
            What::TurnBack { .. } => Lane::Back,
            What::Step { .. } => Lane::Step,
            What::Begin | What::Finish => Lane::Alone,
        })
    }

    fn zone(&self) -> Option<&HostedZoneId> {
        self.shift().map(|shift| &shift.plan.hosted_zone_id)
    }

    fn say(&mut self, says: Vec<Say>, now: Timestamp) {
        for say in says {
            self.record.say(&Topic::TrafficShift, Some(Mode::On), say, now);
        }
    }

    /// What was begun and whose answer was lost is there or is not.
    fn settle(&mut self, seen: &Seen, now: Timestamp) -> Result<(), Failure> {
        let Some(intent) = self.record.state.ledger.intent.take() else { return Ok(()) };
        let act: Act = serde_json::from_value(intent.act).map_err(|error| unreadable(&error))?;
        let is_there = standing(&act.after, &seen.records) == Standing::AsExpected;
        info!(decision = "settle", reason = if is_there { "made" } else { "not made" }, what = ?act.what);
        if is_there && let Some(shift) = &mut self.record.state.work {
            let says = made(shift, &act, None, now);
            self.say(says, now);
        }
        Ok(())
    }

    fn decide(&mut self, seen: &Seen, now: Timestamp) {
        let Some(shift) = self.shift() else { return };
        let next = decide(shift, seen, now);
        let (decision, reason) = (next.decision, next.reason);
        let weights = next.shift.weights.to_string();
        let name = next.shift.plan.record_name.to_string();
        info!(decision, reason, record_name = name, weights, "Decided to {decision}: {reason}");
        self.record.state.work = Some(next.shift);
        self.say(next.say, now);
        self.act = next.act;
    }

    /// What became of the write.
    fn conclude(&mut self, answer: Result<Option<ChangeId>, PortError>, now: Timestamp) {
        let (id, answer) = match answer {
            Ok(id) => (id, Ok(Receipt { operation: None })),
            Err(error) => (None, Err(error)),
        };
        let outcome = mutation::conclude(&mut self.record.state.ledger, answer);
        self.end(outcome, id, now);
    }

    fn end(&mut self, outcome: Outcome, id: Option<ChangeId>, now: Timestamp) {
        let (Some(act), Some(shift)) = (&self.act, &mut self.record.state.work) else { return };
        info!(decision = "conclude", reason = ?outcome, what = ?act.what, record_name = %shift.plan.record_name);
        let says = match &outcome {
            Outcome::Made(_) => made(shift, act, id, now),
            other => not_made(shift, act, other, now),
        };
        self.say(says, now);
        self.outcome = Some(outcome);
    }
}

fn unreadable(error: &serde_json::Error) -> Failure {
    PortError::new("state:read", Class::Permanent, format!("an intent of shift is unreadable: {error}"))
        .into()
}

fn of_act(act: &Act, plan: &Plan) -> Batch {
    swap(&act.before, &act.after, &format!("apprunner-autopilot: shift of {}", plan.record_name))
}

/// A write that is noted and stored, and may be made.
struct Ready<'a> {
    job: &'a mut Job,
    permit: Permit,
    batch: Batch,
}

impl<W, S, B> Shifts<W, S, B>
where
    W: World,
    S: StateRead + StateWrite,
    B: Announce,
{
    /// Takes shifts as far as they go now.
    pub async fn advance(&self, records: Vec<ShiftRecord>, now: Timestamp) -> Result<Vec<Job>, Failure> {
        let mut jobs: Vec<Job> = records.into_iter().map(Job::new).collect();
        self.look_and_decide(&mut jobs, now).await;
        if jobs.iter().any(|job| job.act.is_some()) {
            let control = self.desk.control().await?;
            self.write_all(&mut jobs, &control, now).await;
        }
        let put_away = stream::iter(jobs.iter_mut()).map(|job| self.put_away(job, now));
        put_away.buffer_unordered(AT_ONCE).collect::<()>().await;
        Ok(jobs)
    }

    async fn look_and_decide(&self, jobs: &mut [Job], now: Timestamp) {
        let mut open: Vec<&mut Job> = jobs.iter_mut().filter(|job| job.record.state.open).collect();
        let sights = {
            let mut shifts: Vec<&mut Shift> =
                open.iter_mut().filter_map(|job| job.record.state.work.as_mut()).collect();
            look(&self.world, &mut shifts, now).await
        };
        let open = open.into_iter().filter(|job| job.record.state.work.is_some());
        for (job, sight) in open.zip(sights) {
            let seen = sight.and_then(|seen| job.settle(&seen, now).map(|()| seen));
            match seen {
                Ok(seen) => job.decide(&seen, now),
                Err(failure) => job.trouble(failure, now),
            }
        }
    }

    /// Turning back comes first and shares nothing with steps.
    pub(crate) async fn write_all(&self, jobs: &mut [Job], control: &Control, now: Timestamp) {
        let zones: BTreeSet<HostedZoneId> = jobs.iter().filter_map(Job::zone).cloned().collect();
        for lane in [Lane::Back, Lane::Step, Lane::Alone] {
            let writes = zones.iter().map(|zone| (zone, Vec::new()));
            let mut writes: Vec<(&HostedZoneId, Vec<&mut Job>)> = writes.collect();
            for job in jobs.iter_mut().filter(|job| job.lane() == Some(lane)) {
                let at = job.zone().and_then(|of| writes.iter().position(|(zone, _)| *zone == of));
                if let Some((_, own)) = at.and_then(|at| writes.get_mut(at)) {
                    own.push(job);
                }
            }
            let sharing = if lane == Lane::Alone { 1 } else { SHARING };
            let zones = stream::iter(writes).map(|(zone, mut own)| async move {
                while !own.is_empty() {
                    let rest = own.split_off(own.len().min(sharing));
                    self.write(zone, own, control, now).await;
                    own = rest;
                }
            });
            zones.buffer_unordered(ZONES_AT_ONCE).collect::<()>().await;
        }
    }

    /// One batch for several shifts of a zone.
    async fn write(&self, zone: &HostedZoneId, jobs: Vec<&mut Job>, control: &Control, now: Timestamp) {
        let stored = join_all(jobs.into_iter().map(|job| self.begin(job, control, now))).await;
        let mut ready: Vec<Ready<'_>> = stored.into_iter().flatten().collect();
        let changes = ready.iter().flat_map(|ready| ready.batch.changes.iter().cloned()).collect();
        let Some(first) = ready.first() else { return };
        let comment = match ready.len() {
            1 => first.batch.comment.clone(),
            many => Some(format!("apprunner-autopilot: {many} shifts")),
        };
        let answer = self.world.dns().change(&first.permit, zone, &Batch { comment, changes }).await;
        match answer {
            Ok(id) => {
                for ready in ready {
                    ready.job.conclude(Ok(Some(id.clone())), now);
                }
            }
            Err(error) if is_rejected(&error) && ready.len() > 1 => {
                warn!(error = %error, shifts = ready.len(), "A batch was rejected; its shifts are tried one at a time");
                let waiting = ready.split_off(ready.len().min(ALONE));
                for one in ready {
                    let answer = self.world.dns().change(&one.permit, zone, &one.batch).await;
                    self.conclude_alone(zone, one.job, answer, now).await;
                }
                for one in waiting {
                    one.job.record.state.ledger.intent = None;
                    one.job.end(Outcome::Wait("for the next tick".to_owned()), None, now);
                }
            }
            Err(error) => {
                let alone = ready.len() == 1;
                for one in ready {
                    let answer = Err(again(&error));
                    if alone {
                        self.conclude_alone(zone, one.job, answer, now).await;
                    } else {
                        one.job.conclude(answer.map(Some), now);
                    }
                }
            }
        }
    }

    /// Gate and intent. `None` where nothing may be, or need be, called.
    async fn begin<'a>(&self, job: &'a mut Job, control: &Control, now: Timestamp) -> Option<Ready<'a>> {
        let (act, shift) = (job.act.as_ref()?, job.record.state.work.as_ref()?);
        let batch = of_act(act, &shift.plan);
        let gate = match act.what {
            What::TurnBack { .. } => Gate { leave: Leave::ToTurnBack, budget: UNBOUNDED },
            _ => Gate { leave: Leave::OfPerson, budget: BUDGET },
        };
        let described = json!(act);
        match mutation::begin(&mut job.record.state.ledger, &gate, control, described, now) {
            Err(refused) => {
                job.end(refused, None, now);
                None
            }
            // The records are so already: what was allowed need not be done.
            Ok(_) if batch.changes.is_empty() => {
                job.conclude(Ok(None), now);
                None
            }
            Ok(intended) => match job.record.save(&self.desk.state).await {
                Ok(Written::Yes) => Some(Ready { job, permit: intended.stored(), batch }),
                Ok(Written::Conflict) => {
                    job.raced = true;
                    None
                }
                Err(error) => {
                    job.failure = Some(error.into());
                    job.raced = true;
                    None
                }
            },
        }
    }

    /// A batch of one shift's own. Where Route 53 rejects it, the records tell whether it was somebody's edit.
    async fn conclude_alone(
        &self,
        zone: &HostedZoneId,
        job: &mut Job,
        answer: Result<ChangeId, PortError>,
        now: Timestamp,
    ) {
        let rejected = matches!(&answer, Err(error) if is_rejected(error));
        let (Some(act), Some(shift), true) = (&job.act, &job.record.state.work, rejected) else {
            return job.conclude(answer.map(Some), now);
        };
        let names = BTreeSet::from([shift.plan.record_name.clone()]);
        let found = self.world.dns().records(zone, &names).await;
        let is_there =
            |expected| found.as_ref().is_ok_and(|found| standing(expected, found) == Standing::AsExpected);
        if is_there(&act.after) {
            job.conclude(Ok(None), now);
        } else if is_there(&act.before) {
            job.conclude(answer.map(Some), now);
        } else {
            job.record.state.ledger.intent = None;
            job.end(Outcome::Wait("the records were edited meanwhile".to_owned()), None, now);
        }
    }

    /// Stores what changed and announces what is to be told.
    pub(crate) async fn put_away(&self, job: &mut Job, now: Timestamp) {
        if job.raced {
            return;
        }
        job.record.state.open = job.shift().is_some_and(|shift| shift.phase.is_open());
        job.record.date(now);
        let unchanged = job.record.state == job.before.state && job.record.outbox == job.before.outbox;
        if !unchanged {
            match job.record.save(&self.desk.state).await {
                Ok(Written::Yes) => {}
                Ok(Written::Conflict) => return job.raced = true,
                Err(error) => return job.failure = Some(error.into()),
            }
        }
        if let Some(shift) = job.shift() {
            let name = shift.plan.record_name.to_string();
            telemetry::weights(&name, shift.weights.from(), shift.weights.to(), now);
        }
        if let Err(failure) = send_pending(&self.desk.state, &self.desk.bus, &mut job.record).await {
            warn!(error = %failure, "An announcement is still to be sent");
            job.failure.get_or_insert(failure);
        }
    }

    /// The shift of this name in this zone.
    pub(crate) async fn load(&self, plan: &Plan) -> Result<ShiftRecord, Failure> {
        let key = self.desk.key(&format!("{} {}", plan.hosted_zone_id, plan.record_name));
        Ok(Record::load(&self.desk.state, key).await?)
    }

    /// Advances everything that is open.
    pub(crate) async fn tick(&self, now: Timestamp) -> Result<Value, Failure> {
        let records = self.desk.open_cases().await?;
        if records.is_empty() {
            return Ok(json!({"ok": true, "shifts": 0, "failed": 0}));
        }
        let jobs = self.advance(records, now).await?;
        let failed = jobs.iter().filter(|job| job.failure.is_some()).count();
        Ok(json!({"ok": true, "shifts": jobs.len(), "failed": failed}))
    }
}

impl Job {
    /// One shift's trouble is recorded and announced once with it, and does not fail the others.
    fn trouble(&mut self, failure: Failure, now: Timestamp) {
        let class = failure.class();
        let subject = self.record.state.subject.clone();
        error!(class = class.as_str(), subject, error = %failure, "A shift could not be worked on: {failure}");
        if class == Class::Permanent {
            let what = match &failure {
                Failure::Port(error) => format!("{}: {}", error.call, error.in_short()),
                other => other.to_string(),
            };
            let summary =
                format!("The shift of {subject} cannot go on: {what}. It is tried again at every tick.");
            let plan = json!({"action": "hold", "error": what});
            self.say(vec![Say::new(Told::Held, "unreadable", summary, plan)], now);
        }
        self.failure = Some(failure);
    }
}

fn is_rejected(error: &PortError) -> bool {
    error.code.as_deref() == Some("InvalidChangeBatch")
}
