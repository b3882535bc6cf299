//! `pause`, `resume` and `promote`.

use autopilot::{
    analysis::Streak,
    announcement::{Phase as Told, Topic},
    case::Say,
    control::Mode,
    error::Failure,
    ports::{Announce, DnsRead},
    store::{StateRead, StateWrite},
};
use jiff::Timestamp;

use super::{Tried, answered, shift_of};
use crate::{
    advance::{ShiftRecord, Shifts, settle},
    decide::described,
    records::{Standing, Weights, longest_ttl, standing},
    shift::{Phase, Shift, Why, Written},
    world::World,
};

impl<W, S, B> Shifts<W, S, B>
where
    W: World,
    S: StateRead + StateWrite,
    B: Announce,
{
    pub(super) async fn pause(&self, mut record: ShiftRecord, now: Timestamp) -> Result<Tried, Failure> {
        let shift = shift_of(&mut record)?;
        if !shift.phase.is_open() {
            return Ok(Tried::refused(
                "record_name",
                format!("the shift is {}; nothing is left to pause", shift.phase),
            ));
        }
        if shift.phase == Phase::Paused {
            return Ok(Tried::Answer(answered(&record)));
        }
        let words = "A person paused the shift; resume lets it go on. The analysis and the way back stay on.";
        shift.pause(Why::Paused, words, now);
        shift.note("paused", now);
        let summary = format!("The shift of {} holds. {words}", shift.plan.record_name);
        let say = Say::new(Told::Held, "paused", summary, described(shift));
        record.say(&Topic::TrafficShift, Some(Mode::On), say, now);
        Ok(match self.store_and_advance(record, now).await? {
            Ok(job) if job.raced => Tried::Raced,
            Ok(job) => Tried::Answer(answered(&job.record)),
            Err(tried) => tried,
        })
    }

    pub(super) async fn resume(&self, mut record: ShiftRecord, now: Timestamp) -> Result<Tried, Failure> {
        let shift = shift_of(&mut record)?;
        let names = [shift.plan.record_name.clone()].into();
        let found = self.world.dns().records(&shift.plan.hosted_zone_id, &names).await?;
        settle(&mut record, &found, now)?;
        let shift = shift_of(&mut record)?;
        if !shift.phase.is_open() {
            return Ok(Tried::refused(
                "record_name",
                format!("the shift is {}; nothing is left to resume", shift.phase),
            ));
        }
        let is_edited = standing(&shift.expected, &found) != Standing::AsExpected;
        if is_edited {
            let matching = (0..=shift.plan.step_weights.len()).find(|steps| {
                let weights = Weights::successor(shift.plan.weight_after(*steps));
                standing(&shift.pairs.at(weights), &found) == Standing::AsExpected
            });
            let Some(steps) = matching else {
                return Ok(Tried::refused("record_name", difference(shift, &found)));
            };
            take_over(shift, steps, now);
        }
        if is_edited || shift.hold.is_some() || shift.phase == Phase::Paused {
            shift.cleared = shift.next_weight();
            shift.progressed_at = now;
            shift.enter(shift.running_phase(), now);
            shift.note("resumed", now);
        }
        Ok(match self.store_and_advance(record, now).await? {
            Ok(job) if job.raced => Tried::Raced,
            Ok(job) => Tried::Answer(answered(&job.record)),
            Err(tried) => tried,
        })
    }

    pub(super) async fn promote(&self, mut record: ShiftRecord, now: Timestamp) -> Result<Tried, Failure> {
        let shift = shift_of(&mut record)?;
        let refusal = match (shift.phase, shift.hold.as_ref().map(|hold| hold.why)) {
            (Phase::Preparing | Phase::Progressing, Some(Why::ForeignEdit)) => {
                Some("the records were edited; send resume or abort".to_owned())
            }
            (Phase::Preparing | Phase::Progressing, _) => None,
            (Phase::Paused, _) => Some("the shift is paused; send resume first".to_owned()),
            (phase, _) => Some(format!("the shift is {phase}; there is no step left to promote")),
        };
        if let Some(message) = refusal {
            return Ok(Tried::refused("record_name", message));
        }
        shift.promoted = true;
        shift.note("promoted", now);
        let job = match self.store_and_advance(record, now).await? {
            Ok(job) if job.raced => return Ok(Tried::Raced),
            Ok(job) => job,
            Err(tried) => return Ok(tried),
        };
        // Nothing but a failure takes a promotion back without a step.
        let failed = job.record.state.work.as_ref().filter(|shift| !shift.promoted && job.act.is_none());
        let hold = failed.and_then(|shift| shift.hold.as_ref());
        Ok(match hold.filter(|hold| matches!(hold.why, Why::Inconclusive | Why::Deadline)) {
            Some(hold) => {
                let message = format!("a failed analysis is not overridden: {}", hold.words);
                Tried::refused("record_name", message)
            }
            None => Tried::Answer(answered(&job.record)),
        })
    }
}

/// What somebody changed, for an answer.
pub(super) fn difference(shift: &Shift, found: &[autopilot::dns::RecordSet]) -> String {
    let words = match standing(&shift.expected, found) {
        Standing::Edited(words) => words.join("; "),
        Standing::Gone => "they are gone".to_owned(),
        Standing::AsExpected => return "the records are as expected".to_owned(),
    };
    format!(
        "the records match neither the start nor a step of the plan: {words}. Put them right and send resume, or send \
         abort with \"force\": true"
    )
}

/// The records match another step than the one that was written: it goes on from there.
fn take_over(shift: &mut Shift, steps: usize, now: Timestamp) {
    let ttl = longest_ttl(&shift.expected);
    shift.steps = steps;
    shift.weights = Weights::successor(shift.plan.weight_after(steps));
    shift.expected = shift.pairs.at(shift.weights);
    shift.streak = Streak::default();
    shift.validating_since = None;
    // Nobody knows Route 53's identifier of another person's change, so it counts from now on.
    shift.written = Some(Written { id: None, at: now, insync_at: None, ttl });
    shift.note("taken-over", now);
}
