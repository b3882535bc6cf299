//! What is said: of an act and how it ended.

use autopilot::{
    announcement::Phase, case::Say, configuration::Member, control::Mode, mutation::Outcome,
    service::ServiceArn,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    by_hand,
    case::{Act, Rolling, Work},
    seen::Look,
};

/// Members by name, for a sentence.
pub(crate) fn names(members: &[Member]) -> String {
    members.iter().map(Member::to_string).collect::<Vec<_>>().join(", ")
}

/// What an act's outcome changes, and what is said of it.
pub(crate) fn concluded(
    work: &mut Work,
    subject: &str,
    act: &Act,
    outcome: &Outcome,
    now: Timestamp,
) -> Vec<Say> {
    let service = subject.parse::<ServiceArn>();
    let name = service.as_ref().map_or(subject, ServiceArn::name);
    let (what, reason, mut plan) = described(act, name);
    if matches!(outcome, Outcome::Refused(_) | Outcome::Stopped(_) | Outcome::BudgetExhausted(_)) {
        plan["by_hand"] = json!(act.by_hand());
    }
    // The command has answered. What is begun is described by its act.
    work.request = None;
    match outcome {
        Outcome::Made(receipt) => {
            if let (Some(operation), Act::RollBack { .. }) = (&receipt.operation, act) {
                work.remember_own(operation);
            }
            work.rolling =
                Some(Rolling { operation: receipt.operation.clone(), since: now, act: act.clone() });
            let because = match act {
                Act::RollBack { because, .. } => format!(", because {because}"),
                Act::Release { .. } => ", as a person asked".to_owned(),
            };
            vec![Say::new(Phase::Started, reason, format!("Began to {what}{because}."), plan)]
        }
        Outcome::Refused(why) => {
            done(work, act);
            let summary = format!("Could not {what}: {why}. It is not tried again.");
            vec![Say::new(Phase::Failed, "own-rollback-failed", summary, plan)]
        }
        Outcome::Planned(mode) => {
            // The plan is all there is; the same operation is not planned again.
            done(work, act);
            if *mode == Mode::Off {
                Vec::new()
            } else {
                Say::of_refusal(outcome, reason, &what, plan).into_iter().collect()
            }
        }
        _ => Say::of_refusal(outcome, reason, &what, plan).into_iter().collect(),
    }
}

/// Nothing is left to do about the act's cause. A person's wish leaves what bakes or failed as it was.
fn done(work: &mut Work, act: &Act) {
    if act.is_requested() {
        return;
    }
    work.dealt = act.after().cloned().or(work.dealt.take());
    work.failed = None;
    work.baking = None;
}

fn described(act: &Act, name: &str) -> (String, &'static str, Value) {
    match act {
        Act::RollBack { to, why, after, drift, .. } => (
            format!("roll {name} back to version {to}"),
            why.word(),
            json!({"action": "roll-back", "to_version": to, "after": after, "changes": drift}),
        ),
        Act::Release { version, after, .. } => (
            format!("release {name} from version {version}"),
            "requested",
            json!({"action": "release", "version": version, "after": after}),
        ),
    }
}

/// What is said where our own update did not come to what was meant. It is never tried again by itself.
pub(crate) fn own_failure(look: &Look, act: &Act, what: &str) -> Say {
    let (name, number) = (look.service.name(), act.version());
    let mut steps = act.by_hand().to_vec();
    let noun = if matches!(act, Act::Release { .. }) {
        "release"
    } else {
        steps.insert(0, by_hand::by_command(&look.service, number));
        "rollback"
    };
    let summary = format!("The {noun} of {name} to version {number} failed: {what}. It is not tried again.");
    let plan = json!({"action": "hold", "version": number, "by_hand": steps, "after": act.after()});
    Say::new(Phase::Failed, "own-rollback-failed", summary, plan)
}
