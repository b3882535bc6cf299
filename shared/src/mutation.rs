//! The one way to change anything in the account: gate, intent, call, settlement.
//!
//! ```text
//! Gate (mode, stop, budget, cool-down) ──► intent stored (conditional write = the lock)
//!        │ no                                   │ lost: somebody else acts
//!        ▼                                      ▼
//!   Outcome::Planned/Held/Wait             the call, with a Permit, once, without SDK retries
//!                                               │ answered            │ refused            │ no answer
//!                                               ▼                     ▼                    ▼
//!                                          receipt stored       intent dropped      intent stays; the next
//!                                                                                   invocation settles it by
//!                                                                                   reading before anything else
//! ```
//! App Runner's calls have no client token, so the stored intent is what makes them idempotent: there is never
//! a second call for one intent. An intent that reading proves was never carried out is dropped, and only then
//! may a new one be made, which counts in the budget like any other. Ports that change something ask for a
//! [`Permit`], which only this module makes; nothing can be changed past it.

use std::future::Future;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    control::{self, Action, Control, Mode},
    error::{Class, Failure, PortError},
    period::Period,
    service::{OperationId, ServiceArn},
    store::{Record, StateRead, StateWrite, Written},
};

/// An intent younger than this may still be on its way: its function may be waiting for the answer. No function
/// runs for longer than half of it (template.yaml), so after it "not made" is final.
const IN_FLIGHT: SignedDuration = SignedDuration::from_mins(2);

/// Proof that gate and intent were passed. Every changing call of a port takes one.
#[derive(Debug)]
pub struct Permit(());

/// How many mutations one record may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// At most so many…
    pub most: usize,
    /// …within this time.
    pub within: Period,
    /// And none so soon after the one before.
    pub cool_down: Period,
}

/// What a record remembers of its mutations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// A mutation that was begun and whose outcome is not known yet.
    pub intent: Option<Intent>,
    /// When mutations were made, oldest first; what left the budget's window is dropped.
    pub made: Vec<Timestamp>,
}

/// A mutation about to be made, stored before it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Machine word of the mutation, for logs and settlement.
    pub what: String,
    /// When it was decided.
    pub at: Timestamp,
}

/// What a mutation answered, or what reading showed that it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The operation that it began, where the service names one.
    pub operation: Option<OperationId>,
}

/// What reading shows about an intent without an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The change is there and it was ours.
    Made(Receipt),
    /// It was never made.
    NotMade,
    /// It cannot be told yet; ask again later.
    Unclear,
}

/// A change of one resource.
pub trait Mutation {
    /// Machine word.
    fn what(&self) -> &'static str;
    /// Makes the call, once.
    fn perform(&self, permit: &Permit) -> impl Future<Output = Result<Receipt, PortError>>;
    /// Reads what became of an earlier intent.
    fn settle(&self, intent: &Intent) -> impl Future<Output = Result<Settled, PortError>>;
}

/// The conditions under which a mutation may be made. Mode and stop are read when it is made, not before.
#[derive(Clone, Debug)]
pub struct Gate<'a> {
    /// Whose mode counts.
    pub action: Action,
    /// The service that is changed.
    pub service: &'a ServiceArn,
    /// The value of the service's tag for this action.
    pub tag: Option<&'a str>,
    /// The template's parameter.
    pub parameter: Mode,
    /// How much is allowed.
    pub budget: Budget,
}

/// How an attempt to change something ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The mode allows no change: the plan is all there is.
    Planned(Mode),
    /// A person stopped everything at this time.
    Stopped(Timestamp),
    /// The budget is used up until this time.
    BudgetExhausted(Timestamp),
    /// Not yet: cool-down, an unclear earlier intent, or a state that refuses. Try at the next tick.
    Wait(String),
    /// Somebody else changed the record; read and decide again.
    Raced,
    /// It was made, now or earlier.
    Made(Receipt),
    /// The service refused it for good.
    Refused(String),
}

/// What the gate says, before anything is written.
fn refusal(gate: &Gate<'_>, control: &Control, ledger: &Ledger, now: Timestamp) -> Option<Outcome> {
    let mode = control.resolve(gate.action, gate.service, gate.tag, gate.parameter).mode;
    if mode != Mode::On {
        return Some(Outcome::Planned(mode));
    }
    if let Some(since) = control.stopped_since {
        return Some(Outcome::Stopped(since));
    }
    let Budget { most, within, cool_down } = gate.budget;
    let span = |period: Period| SignedDuration::try_from(period.as_duration()).unwrap_or(SignedDuration::MAX);
    let recent: Vec<_> = ledger.made.iter().filter(|at| now.duration_since(**at) < span(within)).collect();
    if recent.len() >= most {
        let frees_at = recent.get(recent.len() - most).map_or(now, |at| **at + span(within));
        return Some(Outcome::BudgetExhausted(frees_at));
    }
    let last = recent.last().filter(|at| now.duration_since(***at) < span(cool_down))?;
    Some(Outcome::Wait(format!("cool-down until {}", **last + span(cool_down))))
}

/// Makes a mutation, or says why not. `ledger` finds the ledger in the record's state.
///
/// Announcements that belong to the outcome are pushed by the caller into `record.outbox` and saved with its
/// next write; the intent itself is already stored, so a death in between is settled by the next invocation.
pub async fn run<S, M, St>(
    store: &St,
    record: &mut Record<S, M>,
    ledger: fn(&mut S) -> &mut Ledger,
    gate: &Gate<'_>,
    mutation: &impl Mutation,
    now: Timestamp,
) -> Result<Outcome, Failure>
where
    S: Serialize + DeserializeOwned + Default,
    M: Serialize + DeserializeOwned,
    St: StateRead + StateWrite,
{
    if let Some(intent) = ledger(&mut record.state).intent.clone() {
        return settle(store, record, ledger, mutation, &intent, now).await;
    }
    let control: Record<Control, ()> = Record::load(store, control::key()).await?;
    if let Some(outcome) = refusal(gate, &control.state, ledger(&mut record.state), now) {
        return Ok(outcome);
    }
    let book = ledger(&mut record.state);
    let window = SignedDuration::try_from(gate.budget.within.as_duration()).unwrap_or(SignedDuration::MAX);
    book.made.retain(|at| now.duration_since(*at) < window);
    book.made.push(now);
    book.intent = Some(Intent { what: mutation.what().to_owned(), at: now });
    if record.save(store).await? == Written::Conflict {
        return Ok(Outcome::Raced);
    }
    match mutation.perform(&Permit(())).await {
        Ok(receipt) => close(store, record, ledger, Outcome::Made(receipt)).await,
        // An answer with a code is a refusal: the service did not do it. Silence is settled by reading.
        Err(error) if error.code.is_some() && error.class == Class::Permanent => {
            close(store, record, ledger, Outcome::Refused(error.to_string())).await
        }
        Err(error) if is_refusal_by_state(&error) => {
            ledger(&mut record.state).made.pop();
            close(store, record, ledger, Outcome::Wait(error.to_string())).await
        }
        Err(error) => Ok(Outcome::Wait(error.to_string())),
    }
}

/// Codes that say "not now" before anything was done. Throttling is refused at the door, too.
fn is_refusal_by_state(error: &PortError) -> bool {
    const BEFORE_ANY_WORK: [&str; 6] = [
        "InvalidStateException",
        "PriorRequestNotComplete",
        "ThrottlingException",
        "Throttling",
        "TooManyRequestsException",
        "RequestLimitExceeded",
    ];
    error.code.as_deref().is_some_and(|code| BEFORE_ANY_WORK.contains(&code))
}

async fn settle<S, M>(
    store: &impl StateWrite,
    record: &mut Record<S, M>,
    ledger: fn(&mut S) -> &mut Ledger,
    mutation: &impl Mutation,
    intent: &Intent,
    now: Timestamp,
) -> Result<Outcome, Failure>
where
    S: Serialize + DeserializeOwned + Default,
    M: Serialize + DeserializeOwned,
{
    match mutation.settle(intent).await? {
        Settled::Made(receipt) => close(store, record, ledger, Outcome::Made(receipt)).await,
        Settled::NotMade if now.duration_since(intent.at) >= IN_FLIGHT => {
            let outcome = Outcome::Wait(format!("{} was begun at {} and never made", intent.what, intent.at));
            close(store, record, ledger, outcome).await
        }
        Settled::NotMade | Settled::Unclear => {
            Ok(Outcome::Wait(format!("what became of {} is not clear yet", intent.what)))
        }
    }
}

async fn close<S, M>(
    store: &impl StateWrite,
    record: &mut Record<S, M>,
    ledger: fn(&mut S) -> &mut Ledger,
    outcome: Outcome,
) -> Result<Outcome, Failure>
where
    S: Serialize + DeserializeOwned + Default,
    M: Serialize + DeserializeOwned,
{
    ledger(&mut record.state).intent = None;
    // A conflict here leaves the intent in place; whoever wrote settles it by reading, with the same answer.
    Ok(match record.save(store).await? {
        Written::Yes => outcome,
        Written::Conflict => Outcome::Raced,
    })
}

#[cfg(test)]
mod tests;
