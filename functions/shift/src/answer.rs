//! What `status` and `list` answer: for a person to read and a script to parse.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{
    decide::FromSide,
    shift::{Phase, Shift},
};

/// A shift with its history.
pub fn whole(shift: &Shift) -> Value {
    let mut shown = short(shift);
    if let Value::Object(shown) = &mut shown {
        shown.insert("history".to_owned(), json!(shift.history));
    }
    shown
}

/// A shift.
pub fn short(shift: &Shift) -> Value {
    let (next_at, waiting_for) = outlook(shift);
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    put("record_name", shift.plan.record_name.to_string().into());
    put("hosted_zone_id", shift.plan.hosted_zone_id.as_str().into());
    put("phase", json!(shift.phase));
    put("weights", json!(shift.weights));
    put("step", shift.steps.into());
    put("steps", shift.plan.step_weights.len().into());
    put("since", shift.since.to_string().into());
    put("next_at", next_at.map_or(Value::Null, |at| at.to_string().into()));
    put("waiting_for", waiting_for.into());
    put("held_by", shift.hold.as_ref().map_or(Value::Null, |hold| hold.why.as_str().into()));
    let analysis = shift.analysed.as_ref().map(|analysed| analysed.analysis.to_string());
    put("analysis", json!(analysis));
    Value::Object(shown)
}

/// How App Runner's side does.
pub fn side(side: &FromSide) -> Value {
    match side {
        FromSide::Unasked => Value::Null,
        FromSide::Unread(why) => json!({"unread": why}),
        FromSide::Read { status, domain, analysis } => json!({
            "service": status,
            "domain": domain,
            "analysis": analysis.to_string(),
            "objection": side.objection(),
        }),
    }
}

/// When something is due next, and what for.
fn outlook(shift: &Shift) -> (Option<Timestamp>, String) {
    let nothing = |words: &str| (None, words.to_owned());
    match shift.phase {
        Phase::Succeeded => return nothing("nothing: the successor serves alone"),
        Phase::RolledBack if shift.finished_at.is_some() => {
            return nothing("nothing: the original record is back");
        }
        Phase::RolledBack => return nothing("a new start; or finish, which restores the original record"),
        Phase::Failed => return nothing("a person: abort puts the records back to 100/0"),
        _ => {}
    }
    if shift.aborting {
        return nothing("the next tick, which turns back");
    }
    if let Some(hold) = &shift.hold {
        return (None, hold.words.clone());
    }
    if shift.phase == Phase::Paused {
        return nothing("resume");
    }
    let Some(written) = &shift.written else { return nothing("the next tick, which writes the pair") };
    let Some(effective) = written.effective_at() else {
        return nothing("Route 53 to tell all of its servers (INSYNC)");
    };
    match (shift.phase, shift.next_weight(), shift.baked_at()) {
        (Phase::Validating, ..) => {
            let next = if shift.plan.finish_automatically { "finish, by itself" } else { "finish" };
            (shift.validated_at(), format!("the end of the validation time, then {next}"))
        }
        (Phase::Preparing, Some(weight), _) => {
            (Some(effective), format!("resolvers to forget the old record, then the step to {weight}"))
        }
        (_, Some(weight), baked) => (baked, format!("the end of the bake time, then the step to {weight}")),
        (_, None, baked) => (baked, "the end of the bake time, then the validation".to_owned()),
    }
}
