//! What to do about a failed creation or deletion. Pure: the time is handed in.
//!
//! | situation | plan |
//! |---|---|
//! | the service is gone | end: `gone` for a creation, `deleted` for a deletion |
//! | the service runs, by a try of ours that succeeded | end: `running` |
//! | an operation is running, or the status is not known here | wait |
//! | the service runs or is paused | end: `someone-else-acted` |
//! | mode `off` | nothing, and nothing is said |
//! | a creation, and a later update that is not ours failed with another configuration | begin anew with it |
//! | any other later operation that is not ours | end: `someone-else-acted` |
//! | failed 24 hours ago or more, and nobody asked | end: `too-old` |
//! | a creation with a cause that a rebuild cannot mend, and nobody asked | hold: `needs-a-fix` |
//! | as many tries as there are delays | hold: `budget-exhausted` |
//! | the delay since the last failure has not passed, and nobody asked | wait |
//! | a creation | rebuild |
//! | a deletion that an ingress connection blocks | remove that first; what follows is the same try |
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
    if let Some((phase, reason, summary)) = over(case, seen) {
        return ends(phase, reason, summary, work);
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
        let is_another_try = work.kind == Kind::Creation
            && theirs.kind == OperationType::UpdateService
            && work.configuration != seen.configuration;
        if !is_another_try {
            // It is not taken for a new failure later.
            work.note(Some(&theirs.id));
            return ends(Phase::Skipped, "someone-else-acted", left_alone(case), work);
        }
        work = Work { requested: work.requested, ..Work::default() };
    }
    work.note(newest.map(|operation| &operation.id));
    work.last_failed_at = newest.and_then(Operation::last_known_at).max(work.last_failed_at).or(Some(now));
    work.failed_at = work.failed_at.or(work.last_failed_at);
    work.configuration = seen.configuration.or(work.configuration);
    work.cause = seen.cause.clone().or(work.cause);
    due(case, seen, work, delays, now)
}

fn is_too_old(work: &Work, now: Timestamp) -> bool {
    work.begun_at().or(work.failed_at).is_some_and(|at| now.duration_since(at) >= TOO_OLD)
}

/// Of a failure that is at rest and ours to deal with: whether, and when.
fn due(case: &Case<Work>, seen: &Seen, work: Work, delays: &Delays, now: Timestamp) -> Plan<Work, Act> {
    let name = name(case);
    let ingress = seen.ingress.iter().find(|ingress| !ingress.is_gone());
    let blocking = ingress.filter(|ingress| ingress.blocks());
    // Each removal has its turn as each try has, and as many.
    let is_stuck = blocking.is_some() && work.removals.len() >= delays.tries();
    let next_at = work.next_at(delays).filter(|_| !is_stuck);
    if is_too_old(&work, now) && !work.requested {
        // Who was told to mend it needs no second message.
        let fix_was_told = work.tries == 0 && work.cause.as_ref().is_some_and(|cause| !cause.may_pass);
        let told = next_at.is_none() || fix_was_told;
        let noun = work.kind.noun();
        let summary = format!(
            "{name} is left alone: its {noun} failed more than a day ago. The command retry tries again."
        );
        let mut plan = ends(Phase::Skipped, "too-old", summary, work);
        plan.say.retain(|_| !told);
        return plan;
    }
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
    let Some(next_at) = next_at else { return exhausted(case, blocking, work) };
    if now < next_at && !work.requested && work.begun_at().is_none() {
        return stays(
            "wait",
            format!("try {} of {} is due at {next_at}", work.tries + 1, delays.tries()),
            work,
        );
    }
    let act = match (work.kind, ingress) {
        (Kind::Creation, _) => Act::Rebuild,
        (Kind::Deletion, None) => Act::Delete,
        (Kind::Deletion, Some(ingress)) if ingress.blocks() => match work.next_removal_at(delays) {
            Some(at) if now < at && !work.requested => {
                return stays("wait", format!("{} is removed again at {at}", ingress.arn), work);
            }
            _ => Act::RemoveIngress(ingress.arn.clone()),
        },
        (Kind::Deletion, Some(ingress)) => {
            return stays("wait", format!("{} is {}", ingress.arn, ingress.status), work);
        }
    };
    let reason = format!("try {} of {}", work.number(&act), delays.tries());
    Plan { decision: word(&act), reason, work, open: true, say: Vec::new(), act: Some(act) }
}

fn exhausted(case: &Case<Work>, blocking: Option<&Ingress>, work: Work) -> Plan<Work, Act> {
    let by_hand = by_hand(case, blocking);
    let summary = format!(
        "{} is left as it is: its {} failed again after {}. Now it is for a person: {}",
        name(case),
        work.kind.noun(),
        counted(work.tried()),
        by_hand.join(", and then ")
    );
    holds("budget-exhausted", summary, json!({"action": "hold", "by_hand": by_hand}), work)
}

fn counted(tries: usize) -> String {
    if tries == 1 { "the first try".to_owned() } else { format!("{tries} tries") }
}

/// Ends that are plain from the status alone.
fn over(case: &Case<Work>, seen: &Seen) -> Option<(Phase, &'static str, String)> {
    let (name, work) = (name(case), &case.work);
    let tries = counted(work.tries);
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
        // Status and operations are read at the same time, and what ends just then is seen in one of them only.
        _ if seen.operations.first().is_some_and(|newest| newest.status.is_running()) => None,
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

fn ends(phase: Phase, reason: &'static str, summary: String, work: Work) -> Plan<Work, Act> {
    let say = vec![Say::new(phase, reason, summary, json!({"action": "none"}))];
    Plan { decision: "end", reason: reason.to_owned(), work, open: false, say, act: None }
}

fn left_alone(case: &Case<Work>) -> String {
    format!("{} is left alone: somebody else acted after its {} failed.", name(case), case.work.kind.noun())
}

/// What a person does instead, in this order.
fn by_hand(case: &Case<Work>, blocking: Option<&Ingress>) -> Vec<String> {
    let command = match case.work.kind {
        Kind::Creation => "update-service",
        Kind::Deletion => "delete-service",
    };
    let unblock = blocking.map(|ingress| {
        let arn = &ingress.arn;
        format!("aws apprunner delete-vpc-ingress-connection --vpc-ingress-connection-arn {arn}")
    });
    let command = format!("aws apprunner {command} --service-arn {}", case.subject);
    unblock.into_iter().chain([command]).collect()
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
    let number = work.number(act);
    let plan = json!({"action": word(act), "try": number, "of": delays.tries()});
    let (reason, because) = match (act, &work.cause) {
        (Act::RemoveIngress(_), _) => ("retry-deletion", ""),
        _ if work.requested => ("requested", ", as a person asked"),
        (Act::Delete, _) => ("retry-deletion", ""),
        (Act::Rebuild, Some(cause)) if cause.known => {
            ("transient", "; its creation failed for a cause that passes by itself")
        }
        (Act::Rebuild, _) => ("cause-unknown", "; nothing shows why its creation failed"),
    };
    let what = match act {
        Act::Rebuild => format!("build {name} again without a change"),
        Act::Delete => format!("delete {name} again"),
        Act::RemoveIngress(arn) => format!("delete {arn}, which keeps {name} from being deleted"),
    };
    // Silence, or a state that refuses: the next tick goes on. Everything else answers what was asked for.
    work.requested &= matches!(outcome, Outcome::Wait(_));
    match outcome {
        Outcome::Made(receipt) => {
            let phase = match act {
                Act::RemoveIngress(_) => {
                    work.removals.push(now);
                    Phase::Progressed
                }
                Act::Rebuild | Act::Delete => {
                    work.tries += 1;
                    work.note(receipt.operation.as_ref());
                    Phase::Started
                }
            };
            let summary = format!("Began to {what}: try {number} of {}{because}.", delays.tries());
            return vec![Say::new(phase, reason, summary, plan)];
        }
        Outcome::Refused(_) => {
            // It counts as a failed try, so that the next one waits its turn.
            work.tries += 1;
            work.last_failed_at = Some(now);
        }
        _ => {}
    }
    Say::of_refusal(outcome, reason, &what, plan).into_iter().collect()
}

#[cfg(test)]
mod tests;
