//! `abort`: back to 100/0, in every phase up to `finish`.

use autopilot::{
    error::Failure,
    ports::{Announce, DnsRead},
    store::{StateRead, StateWrite},
};
use jiff::Timestamp;

use super::{Tried, answered, go_on::difference, shift_of};
use crate::{
    advance::{ShiftRecord, Shifts, settle},
    look::from_side,
    records::{Standing, standing, steering},
    shift::{Phase, Shift},
    world::World,
};

impl<W, S, B> Shifts<W, S, B>
where
    W: World,
    S: StateRead + StateWrite,
    B: Announce,
{
    /// What a person wants is stored before it is done: where Route 53 does not take it at once, the ticks go on
    /// trying.
    pub(super) async fn abort(
        &self,
        mut record: ShiftRecord,
        force: bool,
        now: Timestamp,
    ) -> Result<Tried, Failure> {
        let shift = shift_of(&mut record)?;
        let names = [shift.plan.record_name.clone()].into();
        let found = self.world.dns().records(&shift.plan.hosted_zone_id, &names).await;
        // An earlier abort may have been carried out without anybody hearing of it: it is told, and not done again.
        if let Ok(found) = &found {
            settle(&mut record, found, now)?;
        }
        let shift = shift_of(&mut record)?;
        match (shift.phase, shift.finished_at) {
            (Phase::Succeeded, _) => {
                let message =
                    "the shift is finished and the successor's record stands alone; there is no way back";
                return Ok(Tried::refused("record_name", message));
            }
            (Phase::RolledBack, finished) if finished.is_some() || !force => {
                return Ok(match self.store_and_advance(record, now).await? {
                    Ok(job) if job.raced => Tried::Raced,
                    Ok(job) => Tried::Answer(answered(&job.record)),
                    Err(tried) => tried,
                });
            }
            _ => {}
        }
        match &found {
            Ok(found) if !force && standing(&shift.expected, found) != Standing::AsExpected => {
                return Ok(Tried::refused("record_name", difference(shift, found)));
            }
            // Where they cannot be read now, what the person wants is kept for the ticks.
            _ => {}
        }
        if !force && let Some(objection) = from_side(&self.world, shift, now).await.certain_objection() {
            let message = format!("{objection}; \"force\": true sends all traffic there all the same");
            return Ok(Tried::refused("plan.from.service_arn", message));
        }
        if force {
            shift.expected = steering(&found?);
        }
        begin_abort(shift_of(&mut record)?, force, now);
        let job = match self.store_and_advance(record, now).await? {
            Ok(job) if job.raced => return Ok(Tried::Raced),
            Ok(job) => job,
            Err(tried) => return Ok(tried),
        };
        let mut answer = answered(&job.record);
        let phase = job.record.state.work.as_ref().map(|shift| shift.phase);
        if phase != Some(Phase::RolledBack) {
            let why = job
                .outcome
                .map_or_else(|| "it was not tried yet".to_owned(), |outcome| format!("{outcome:?}"));
            answer["ok"] = false.into();
            answer["errors"] = serde_json::json!([{
                "field": "record_name",
                "message": format!("not turned back yet ({why}); each tick tries again, and so does abort"),
            }]);
        }
        Ok(Tried::Answer(answer))
    }
}

fn begin_abort(shift: &mut Shift, force: bool, now: Timestamp) {
    shift.note(if force { "abort-forced" } else { "abort" }, now);
    shift.aborting = true;
    if !shift.phase.is_open() {
        shift.enter(Phase::Paused, now);
    }
}
