//! What to do about a failed creation or deletion. Pure: the time is handed in.
//!
//! | situation | plan |
//! |---|---|
//! | the service is gone | end: `gone` for a creation, `deleted` for a deletion |
//! | mode `off` | nothing, and nothing is said |
//! | an operation is running, or the status is not known here | wait |
//! | the service runs | end: `running` where we did it, else `someone-else-acted` |
//! | a later operation that is not ours failed with another configuration | begin anew with it |
//! | any other later operation that is not ours | end: `someone-else-acted` |
//! | failed 24 hours ago or more, and nobody asked | end: `too-old` |
//! | a creation with a cause that a rebuild cannot mend, and nobody asked | hold: `needs-a-fix` |
//! | as many tries as there are delays | hold: `budget-exhausted` |
//! | the delay since the last failure has not passed, and nobody asked | wait |
//! | a creation | rebuild |
//! | a deletion that an ingress connection blocks | remove that first |
//! | a deletion | delete again |

use autopilot::{
    announcement::Phase,
    case::{Case, Say},
    control::{Mode, SetBy},
    desk::Plan,
    mutation::Outcome,
    service::{Operation, OperationStatus, OperationType, ServiceArn, ServiceStatus},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{
    case::{Act, Kind, Verdict, Work},
    settings::Delays,
};

/// An older failure is touched on a person's word only.
const TOO_OLD: SignedDuration = SignedDuration::from_hours(24);

/// What was read about a service.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// The service.
    pub service: ServiceArn,
    /// The mode in force.
    pub mode: Mode,
    /// Its status; `None` where App Runner does not know the service any more.
    pub status: Option<ServiceStatus>,
    /// Checksum of its configuration.
    pub configuration: Option<u32>,
    /// Its operations, newest first.
    pub operations: Vec<Operation>,
    /// Why the newest failure happened, where that was not judged before.
    pub cause: Option<Verdict>,
    /// For a deletion: the service's VPC ingress connections.
    pub ingress: Vec<Ingress>,
    /// Who set it.
    pub set_by: SetBy,
    /// The value of the mode tag.
    pub tag: Option<String>,
}

/// A VPC ingress connection of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ingress {
    /// ARN.
    pub arn: String,
    /// As AWS spells it.
    pub status: String,
}

impl Seen {
    /// A service that App Runner does not know any more.
    pub fn gone(service: ServiceArn, mode: Mode) -> Self {
        Self {
            service,
            mode,
            set_by: SetBy::Parameter,
            status: None,
            configuration: None,
            operations: Vec::new(),
            cause: None,
            ingress: Vec::new(),
            tag: None,
        }
    }
}

impl Ingress {
    /// AVAILABLE and FAILED_* keep the service from being deleted.
    pub fn blocks(&self) -> bool {
        self.status == "AVAILABLE" || self.status.starts_with("FAILED_")
    }

    fn is_gone(&self) -> bool {
        self.status == "DELETED"
    }
}

/// Decides.
pub fn decide(case: &Case<Work>, seen: &Seen, delays: &Delays, now: Timestamp) -> Plan<Work, Act> {
    let mut work = case.work.clone();
    let over = over(case, seen);
    if let Some((phase, reason, summary)) = over {
        let say = Say::new(phase, reason, summary, json!({"action": "none"}));
        return Plan {
            decision: "end",
            reason: reason.to_owned(),
            work,
            open: false,
            say: vec![say],
            act: None,
        };
    }
    if seen.mode == Mode::Off {
        let mut plan = stays("wait", "rebuild is off here", work);
        plan.open = !is_too_old(&plan.work, now);
        return plan;
    }
    let newest = seen.operations.first();
    if !at_rest(work.kind, seen) || newest.is_some_and(|operation| operation.status.is_running()) {
        return stays("wait", "an operation is running", work);
    }
    if let Some(theirs) = foreign(&work, &seen.operations) {
        if theirs.kind != OperationType::UpdateService || work.configuration == seen.configuration {
            // It is not taken for a new failure later.
            work.note(Some(&theirs.id));
            return ends(case, Phase::Skipped, "someone-else-acted", work);
        }
        work = Work { kind: work.kind, failed_at: theirs.last_known_at(), ..Work::default() };
    }
    work.note(newest.map(|operation| &operation.id));
    work.last_failed_at = newest.and_then(Operation::last_known_at).max(work.last_failed_at).or(Some(now));
    work.failed_at = work.failed_at.or(work.last_failed_at);
    work.configuration = seen.configuration.or(work.configuration);
    work.cause = seen.cause.clone().or(work.cause);
    due(case, seen, work, delays, now)
}

fn is_too_old(work: &Work, now: Timestamp) -> bool {
    work.failed_at.is_some_and(|at| now.duration_since(at) >= TOO_OLD)
}

/// Of a failure that is at rest and ours to deal with: whether, and when.
fn due(case: &Case<Work>, seen: &Seen, work: Work, delays: &Delays, now: Timestamp) -> Plan<Work, Act> {
    if is_too_old(&work, now) && !work.requested {
        // Who was told to mend it needs no second message.
        let fix_was_told = work.tries == 0 && work.cause.as_ref().is_some_and(|cause| !cause.may_pass);
        let told = work.tries >= delays.tries() || fix_was_told;
        let mut plan = ends(case, Phase::Skipped, "too-old", work);
        plan.say.retain(|_| !told);
        return plan;
    }
    let name = name(case);
    if let (Kind::Creation, Some(cause), false) = (work.kind, &work.cause, work.requested)
        && !cause.may_pass
    {
        let mut plan = json!({"action": "hold", "cause": cause.kind, "fix": cause.fix});
        let mut summary =
            format!("{name} is not built again, since no rebuild mends {}. {}", cause.kind, cause.fix);
        if !cause.would_free.is_empty() {
            plan["would_free"] = json!(cause.would_free);
            summary = format!(
                "{summary} These services failed to be created and count against the quota until they are deleted: {}.",
                cause.would_free.join(", ")
            );
        }
        return holds("needs-a-fix", summary, plan, work);
    }
    let Some(next_at) = work.next_at(delays) else { return exhausted(case, work) };
    if now < next_at && !work.requested {
        return stays(
            "wait",
            format!("try {} of {} is due at {next_at}", work.tries + 1, delays.tries()),
            work,
        );
    }
    let act = match work.kind {
        Kind::Creation => Act::Rebuild,
        Kind::Deletion => match seen.ingress.iter().find(|ingress| !ingress.is_gone()) {
            None => Act::Delete,
            // Each removal has its turn as each try has, and as many.
            Some(_) if work.removals.len() >= delays.tries() => return exhausted(case, work),
            Some(ingress) if ingress.blocks() => match work.next_removal_at(delays) {
                Some(at) if now < at && !work.requested => {
                    return stays("wait", format!("{} is removed again at {at}", ingress.arn), work);
                }
                _ => Act::RemoveIngress(ingress.arn.clone()),
            },
            Some(ingress) => {
                return stays("wait", format!("{} is {}", ingress.arn, ingress.status), work);
            }
        },
    };
    let reason = format!("try {} of {}", work.tries + 1, delays.tries());
    Plan { decision: word(&act), reason, work, open: true, say: Vec::new(), act: Some(act) }
}

fn exhausted(case: &Case<Work>, work: Work) -> Plan<Work, Act> {
    let by_hand = by_hand(case, work.kind);
    let summary = format!(
        "{} is left as it is: its {} failed again after {} tries. Now it is for a person: {by_hand}",
        name(case),
        work.kind.noun(),
        work.tries.max(work.removals.len())
    );
    holds("budget-exhausted", summary, json!({"action": "hold", "by_hand": [by_hand]}), work)
}

/// Ends that are plain from the status alone.
fn over(case: &Case<Work>, seen: &Seen) -> Option<(Phase, &'static str, String)> {
    let (name, work) = (name(case), &case.work);
    let tries = if work.tries == 1 { "the first try".to_owned() } else { format!("{} tries", work.tries) };
    match (&seen.status, work.kind) {
        (None | Some(ServiceStatus::Deleted), Kind::Deletion) if work.tries > 0 => {
            Some((Phase::Succeeded, "deleted", format!("{name} is deleted after {tries}.")))
        }
        (None | Some(ServiceStatus::Deleted), Kind::Deletion) => {
            Some((Phase::Succeeded, "deleted", format!("{name} is deleted; it needed no second try.")))
        }
        (None | Some(ServiceStatus::Deleted), Kind::Creation) => {
            Some((Phase::Skipped, "gone", format!("{name} is not built again: somebody deleted it.")))
        }
        (Some(ServiceStatus::Running), Kind::Creation) if is_our_success(work, &seen.operations) => {
            Some((Phase::Succeeded, "running", format!("{name} runs after {tries}.")))
        }
        (Some(ServiceStatus::Running | ServiceStatus::Paused), _)
        | (Some(ServiceStatus::DeleteFailed), Kind::Creation)
        | (Some(ServiceStatus::CreateFailed), Kind::Deletion) => {
            Some((Phase::Skipped, "someone-else-acted", left_alone(case)))
        }
        _ => None,
    }
}

fn is_our_success(work: &Work, operations: &[Operation]) -> bool {
    let ours = operations.iter().find(|operation| Some(&operation.id) == work.operations.last());
    work.tries > 0 && ours.is_none_or(|operation| operation.status == OperationStatus::Succeeded)
}

/// The service is in the state that its failure left it in.
fn at_rest(kind: Kind, seen: &Seen) -> bool {
    seen.status
        == Some(match kind {
            Kind::Creation => ServiceStatus::CreateFailed,
            Kind::Deletion => ServiceStatus::DeleteFailed,
        })
}

/// The newest operation, where it is later than the one that we know and so somebody else's.
fn foreign<'a>(work: &Work, operations: &'a [Operation]) -> Option<&'a Operation> {
    let known = operations.iter().position(|operation| Some(&operation.id) == work.operations.last())?;
    operations.first().filter(|_| known > 0)
}

fn stays(decision: &'static str, reason: impl Into<String>, work: Work) -> Plan<Work, Act> {
    // Whoever asked was told to wait, and asks again.
    let work = Work { requested: false, ..work };
    Plan { decision, reason: reason.into(), work, open: true, say: Vec::new(), act: None }
}

fn holds(reason: &'static str, summary: String, plan: Value, work: Work) -> Plan<Work, Act> {
    let say = vec![Say::new(Phase::Held, reason, summary, plan)];
    // What was asked for was answered.
    let work = Work { requested: false, ..work };
    Plan { decision: "hold", reason: reason.to_owned(), work, open: true, say, act: None }
}

fn ends(case: &Case<Work>, phase: Phase, reason: &'static str, work: Work) -> Plan<Work, Act> {
    let summary = match reason {
        "too-old" => format!(
            "{} is left alone: its {} failed more than a day ago. The command retry tries again.",
            name(case),
            work.kind.noun()
        ),
        _ => left_alone(case),
    };
    let say = vec![Say::new(phase, reason, summary, json!({"action": "none"}))];
    Plan { decision: "end", reason: reason.to_owned(), work, open: false, say, act: None }
}

fn left_alone(case: &Case<Work>) -> String {
    format!("{} is left alone: somebody else acted after its {} failed.", name(case), case.work.kind.noun())
}

fn by_hand(case: &Case<Work>, kind: Kind) -> String {
    let command = match kind {
        Kind::Creation => "update-service",
        Kind::Deletion => "delete-service",
    };
    format!("aws apprunner {command} --service-arn {}", case.subject)
}

fn name(case: &Case<Work>) -> String {
    name_of(&case.subject)
}

fn name_of(subject: &str) -> String {
    subject.parse::<ServiceArn>().map_or_else(|_| subject.to_owned(), |service| service.name().to_owned())
}

fn word(act: &Act) -> &'static str {
    match act {
        Act::Rebuild => "rebuild",
        Act::Delete => "delete",
        Act::RemoveIngress(_) => "remove-ingress-connection",
    }
}

/// What an act's outcome changes, and what is said of it.
pub fn concluded(
    work: &mut Work,
    subject: &str,
    act: &Act,
    outcome: &Outcome,
    delays: &Delays,
    now: Timestamp,
) -> Vec<Say> {
    let name = name_of(subject);
    let number = work.tries + 1;
    let plan = json!({"action": word(act), "try": number, "of": delays.tries()});
    let reason = match (act, &work.cause, work.requested) {
        (_, _, true) => "requested",
        (Act::Rebuild, Some(cause), _) if cause.known => "transient",
        (Act::Rebuild, ..) => "cause-unknown",
        (Act::Delete | Act::RemoveIngress(_), ..) => "retry-deletion",
    };
    let what = match act {
        Act::Rebuild => format!("build {name} again without a change"),
        Act::Delete => format!("delete {name} again"),
        Act::RemoveIngress(arn) => format!("delete {arn}, which keeps {name} from being deleted"),
    };
    match outcome {
        Outcome::Made(receipt) => {
            let phase = match act {
                Act::RemoveIngress(_) => {
                    work.removals.push(now);
                    Phase::Progressed
                }
                Act::Rebuild | Act::Delete => {
                    work.tries = number;
                    work.note(receipt.operation.as_ref());
                    work.requested = false;
                    Phase::Started
                }
            };
            let because = match reason {
                "transient" => "; its creation failed for a cause that passes by itself",
                "cause-unknown" => "; nothing shows why its creation failed",
                "requested" => ", as a person asked",
                _ => "",
            };
            let summary = format!("Began to {what}: try {number} of {}{because}.", delays.tries());
            vec![Say::new(phase, reason, summary, plan)]
        }
        Outcome::Refused(_) => {
            // It counts as a failed try, so that the next one waits its turn.
            work.tries = number;
            work.last_failed_at = Some(now);
            work.requested = false;
            Say::of_refusal(outcome, reason, &what, plan).into_iter().collect()
        }
        // Silence, or a state that refuses: the next tick goes on.
        Outcome::Wait(_) => Vec::new(),
        _ => {
            work.requested = false;
            Say::of_refusal(outcome, reason, &what, plan).into_iter().collect()
        }
    }
}

#[cfg(test)]
mod tests;
