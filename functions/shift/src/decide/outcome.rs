//! What a write changes once it is known what became of it.

use autopilot::{announcement::Phase as Told, case::Say, dns::ChangeId, mutation::Outcome};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Act, Because, What, particulars};
use crate::{
    records::{Standing, Weights, longest_ttl, standing},
    shift::{Hold, LASTING, Phase, Shift, Why, Written},
};

/// The write was made, now or earlier. `id` is missing where Route 53's answer was lost.
pub fn made(shift: &mut Shift, act: &Act, id: Option<ChangeId>, now: Timestamp) -> Vec<Say> {
    let ttl = longest_ttl(&act.before);
    // Where the records were so already, no server has anything to hear of.
    let insync_at = (standing(&act.before, &act.after) == Standing::AsExpected).then_some(now);
    shift.written = Some(Written { id, at: now, insync_at, ttl });
    shift.expected.clone_from(&act.after);
    shift.hold.clone_from(&shift.paused_by);
    shift.promoted = false;
    shift.unwritten_since = None;
    if insync_at.is_none() {
        // What wanted other records than these finds them no more.
        shift.maybe_on_their_way.clear();
    }
    let name = shift.plan.record_name.clone();
    match act.what {
        What::Begin => {
            shift.weights = Weights::START;
            shift.note("prepared", now);
            let steps = shift.plan.step_weights.len();
            let summary = format!("Shifting {name} from App Runner to its successor in {steps} steps.");
            vec![Say { plan: json!(shift.plan), ..said(shift, Told::Started, "accepted", summary) }]
        }
        What::Step { steps } => {
            shift.steps = steps;
            shift.weights = Weights::successor(shift.plan.weight_after(steps));
            shift.cleared = None;
            shift.progressed_at = now;
            // Somebody may have paused it while the write was on its way.
            if shift.phase != Phase::Paused {
                shift.enter(Phase::Progressing, now);
            }
            shift.note("step", now);
            let (of, to) = (shift.plan.step_weights.len(), shift.weights.to());
            let summary =
                format!("{name}: {to} of 100 answers name the successor now (step {steps} of {of}).");
            vec![said(shift, Told::Progressed, "step", summary)]
        }
        What::TurnBack { because } => {
            shift.weights = Weights::START;
            shift.aborting = false;
            shift.enter(Phase::RolledBack, now);
            shift.note(because.as_str(), now);
            vec![turned_back(shift, because)]
        }
        What::Finish => {
            shift.finished_at = Some(now);
            shift.note("finished", now);
            let summary = if shift.phase == Phase::RolledBack {
                format!("{name} has its original record again; everything is at App Runner.")
            } else {
                shift.enter(Phase::Succeeded, now);
                format!(
                    "{name} is served by the successor alone. finish answers what is left to take down, in order."
                )
            };
            vec![said(shift, Told::Succeeded, "finished", summary)]
        }
    }
}

fn turned_back(shift: &Shift, because: Because) -> Say {
    let name = &shift.plan.record_name;
    let why = match (because, &shift.analysed) {
        (Because::Aborted, _) => "a person aborted it".to_owned(),
        (Because::Alarm, Some(analysed)) => format!("an alarm is on. {}", analysed.analysis),
        (Because::AnalysisFailed, Some(analysed)) => format!("the successor failed. {}", analysed.analysis),
        (_, None) => "the successor failed".to_owned(),
    };
    let summary = format!("The shift of {name} was turned back to App Runner (100/0): {why}");
    said(shift, Told::Failed, because.as_str(), summary)
}

/// The write was not made: what to announce of it, if anything. Waiting needs no word unless it lasts.
pub fn not_made(shift: &mut Shift, act: &Act, outcome: &Outcome, now: Timestamp) -> Vec<Say> {
    let name = shift.plan.record_name.clone();
    let words = match outcome {
        Outcome::Refused(why) if matches!(act.what, What::TurnBack { .. }) => {
            shift.enter(Phase::Failed, now);
            shift.note("cannot-turn-back", now);
            let summary = format!(
                "The shift of {name} could not turn back: {why}. Set the weights to 100 and 0 by hand, or mend this \
                 and send abort."
            );
            return vec![said(shift, Told::Failed, "cannot-turn-back", summary)];
        }
        Outcome::Refused(why) => {
            format!("Route 53 refuses the change: {why}. It is tried again at each tick.")
        }
        Outcome::Stopped(since) => format!(
            "Everything was stopped by a person at {since}; {{\"command\":\"go\"}} to any function lifts it. abort \
             still works."
        ),
        Outcome::BudgetExhausted(until) => format!("The budget of changes is used up until {until}."),
        Outcome::Wait(why) => {
            let since = *shift.unwritten_since.get_or_insert(now);
            if now.duration_since(since) < LASTING {
                return Vec::new();
            }
            format!("Since {since} Route 53 has not taken the change: {why}. It is tried again at each tick.")
        }
        Outcome::Planned(_) | Outcome::Made(_) => return Vec::new(),
    };
    let since = shift.hold.as_ref().filter(|hold| hold.why == Why::Refused).map_or(now, |hold| hold.since);
    shift.hold = Some(Hold { why: Why::Refused, since, words: words.clone() });
    let reason = if matches!(outcome, Outcome::Stopped(_)) { "stopped" } else { "refused" };
    vec![said(shift, Told::Held, reason, format!("The shift of {name} holds. {words}"))]
}

/// The plan of an announcement: how far the shift is. The same as long as nothing changes; what holds it a second time
/// is news.
pub fn described(shift: &Shift) -> Value {
    let mut plan = json!({"step": shift.steps, "of": shift.plan.step_weights.len()});
    if let Some(hold) = shift.hold.as_ref().filter(|hold| hold.why.is_news_again()) {
        plan["since"] = json!(hold.since);
    }
    plan
}

pub(super) fn said(shift: &Shift, phase: Told, reason: &'static str, summary: String) -> Say {
    Say { more: particulars(shift), ..Say::new(phase, reason, summary, described(shift)) }
}
