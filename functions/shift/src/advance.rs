//! From looking to writing, for all shifts of a tick together.
//!
//! ```text
//! look ─► settle what was begun ─► decide each ─► turn back, a batch a zone ─► steps, a batch a zone ─► the rest
//!                                                     │  refused: in parts
//!                          gate ─► put the intents ─► one call ─► put the outcomes ─► announce
//! ```
//! Every batch is a compare-and-swap of exact records. So an intent whose answer was lost needs no waiting: where its
//! records are there it was made; where they are not, it is dropped, and should it yet arrive, [`settle`] knows it.

mod job;
mod settle;
mod write;

use autopilot::{
    announcement::send_pending,
    case::CaseRecord,
    desk::Desk,
    error::Failure,
    ports::Announce,
    store::{Record, StateRead, StateWrite, Written},
    telemetry,
};
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use serde_json::{Value, json};
use tracing::warn;

pub use job::Job;
pub use settle::{is_open, settle};

use crate::{look::look, plan::Plan, shift::Shift, world::World};

/// Partition of the table that `shift` owns.
pub const PARTITION: &str = "shift";

/// A shift as the table holds it.
pub type ShiftRecord = CaseRecord<Option<Shift>>;

/// Records that are stored at the same time.
const AT_ONCE: usize = 16;

/// `shift` over its ports.
#[derive(Debug)]
pub struct Shifts<W, S, B> {
    /// What is shifted.
    pub world: W,
    /// The shifts.
    pub desk: Desk<S, B>,
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
            if let Err(failure) = sight.and_then(|seen| job.decide(&seen, now)) {
                job.trouble(failure, now);
            }
        }
    }

    /// Stores what changed and announces what is to be told.
    pub(crate) async fn put_away(&self, job: &mut Job, now: Timestamp) {
        if job.raced {
            return;
        }
        date(&mut job.record, now);
        if !job.is_unchanged() {
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

/// Opens or closes the case.
pub(crate) fn date(record: &mut ShiftRecord, now: Timestamp) {
    record.state.open = is_open(record);
    record.date(now);
}

#[cfg(test)]
mod tests;
