//! What the outcome of an act changes. What is refused, stopped or over budget is told of each resource.

use autopilot::mutation::Outcome;
use jiff::Timestamp;

use super::Act;
use crate::state::{Memory, Sighting, Standing};

/// What the outcome of an act changes.
pub fn concluded(memory: &mut Memory, act: &Act, outcome: &Outcome, now: Timestamp) {
    memory.handle(&act.deals_with(), now);
    let mut each = |ids: &[String], change: &dyn Fn(&mut Sighting)| {
        for id in ids {
            if let Some(sighting) = memory.resources.get_mut(id) {
                change(sighting);
            }
        }
    };
    match act {
        Act::Mark { endpoints, ingress, since } => {
            each(endpoints, &|sighting| mark(sighting, *since, outcome));
            each(ingress, &|sighting| mark(sighting, *since, outcome));
        }
        Act::Unmark { why } => {
            for (id, because) in why {
                each(std::slice::from_ref(id), &|sighting| unmark(sighting, because, outcome));
            }
        }
        Act::DeleteEndpoints { .. } | Act::DeleteIngress { .. } => {
            each(&act.deals_with(), &|sighting| delete(sighting, outcome));
        }
    }
}

fn mark(sighting: &mut Sighting, since: Timestamp, outcome: &Outcome) {
    match outcome {
        Outcome::Made(_) => {
            let since = since.max(sighting.first_seen);
            sighting.marked = Some(since);
            sighting.standing = Standing::Marked { since };
        }
        Outcome::Planned(_) => sighting.standing = Standing::WouldMark,
        outcome => {
            if let Some(why) = why_not(outcome) {
                sighting.standing = Standing::NotMarked { why };
            }
        }
    }
}

fn unmark(sighting: &mut Sighting, because: &str, outcome: &Outcome) {
    if matches!(outcome, Outcome::Made(_)) {
        sighting.marked = None;
        sighting.standing = Standing::Unmarked { why: because.to_owned() };
    } else if let Some(why) = why_not(outcome) {
        sighting.standing = Standing::NotUnmarked { because: because.to_owned(), why };
    }
}

fn delete(sighting: &mut Sighting, outcome: &Outcome) {
    match outcome {
        Outcome::Made(_) => sighting.standing = Standing::Deleting,
        Outcome::Planned(_) => sighting.standing = Standing::WouldDelete,
        Outcome::Refused(why) => sighting.standing = Standing::NotDeleted { why: why.clone() },
        outcome => {
            if let Some(why) = why_not(outcome) {
                sighting.standing = Standing::Withheld { why };
            }
        }
    }
}

/// Why it was not done, where that is more than a matter of waiting. The same at every try, so that it is told once.
fn why_not(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Stopped(since) => Some(format!("everything was stopped by a person at {since}")),
        Outcome::BudgetExhausted(_) => Some("the budget of changes is used up".to_owned()),
        Outcome::Refused(why) => Some(why.clone()),
        Outcome::Planned(_) | Outcome::Wait(_) | Outcome::Made(_) => None,
    }
}
