//! What became of writes whose answer was not heard.
//!
//! An intent whose records are not there is dropped, so that nothing waits for it. But its call may be on its way
//! still: until no function can be waiting for it any more it is remembered, and records that turn up as it wanted
//! them are ours and nobody's edit.

use autopilot::{
    announcement::Topic,
    case::Say,
    control::Mode,
    dns::RecordSet,
    error::{Class, Failure, PortError},
    mutation::{IN_FLIGHT, Intent},
};
use jiff::Timestamp;
use tracing::info;

use super::ShiftRecord;
use crate::{
    decide::{Act, made},
    records::{Standing, standing},
    shift::Shift,
};

/// True while ticks have anything to do with it: to advance it, or to find out what became of a write.
pub fn is_open(record: &ShiftRecord) -> bool {
    let unsettled =
        |shift: &Shift| record.state.ledger.intent.is_some() || !shift.maybe_on_their_way.is_empty();
    record.state.work.as_ref().is_some_and(|shift| shift.phase.is_open() || unsettled(shift))
}

/// Adds announcements to what is to be sent.
pub(super) fn say(record: &mut ShiftRecord, says: Vec<Say>, now: Timestamp) {
    for say in says {
        record.say(&Topic::TrafficShift, Some(Mode::On), say, now);
    }
}

/// What was begun and not heard of is there in these records, or it is not.
pub fn settle(record: &mut ShiftRecord, found: &[RecordSet], now: Timestamp) -> Result<(), Failure> {
    let intent = record.state.ledger.intent.take();
    let Some(shift) = &mut record.state.work else { return Ok(()) };
    let is_new = intent.is_some();
    let mut settled = None;
    for intent in intent.iter().chain(shift.maybe_on_their_way.iter().rev()) {
        let act = act_of(intent)?;
        if standing(&act.after, found) == Standing::AsExpected {
            settled = Some(act);
            break;
        }
    }
    shift.maybe_on_their_way.extend(intent);
    shift.maybe_on_their_way.retain(|intent| now.duration_since(intent.at) < IN_FLIGHT);
    if is_new || settled.is_some() {
        let reason = if settled.is_some() { "made" } else { "not made" };
        info!(decision = "settle", reason, what = ?settled.as_ref().map(|act| act.what));
    }
    if let Some(act) = settled {
        let says = made(shift, &act, None, now);
        shift.maybe_on_their_way.clear();
        say(record, says, now);
    }
    Ok(())
}

fn act_of(intent: &Intent) -> Result<Act, Failure> {
    serde_json::from_value(intent.act.clone()).map_err(|error| {
        let words = format!("an intent of shift is unreadable: {error}");
        PortError::new("state:read", Class::Permanent, words).into()
    })
}
