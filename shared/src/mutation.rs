//! The one way to change anything in the account: gate, intent, call, settlement.
//!
//! ```text
//! Gate (mode, stop, budget, cool-down) ──► intent stored (conditional write = the lock)
//!        │ no                                   │ lost: somebody else acts
//!        ▼                                      ▼
//!   Outcome::Planned/Stopped/…/Wait        the call, with a Permit, once, without SDK retries
//!                                               │ answered            │ refused            │ no answer
//!                                               ▼                     ▼                    ▼
//!                                          intent dropped        intent dropped       intent stays; the next
//!                                                                                   invocation settles it by
//!                                                                                   reading before anything else
//! ```
//! App Runner's calls have no client token, so the stored intent is what makes them idempotent: there is never
//! a second call for one intent. An intent that reading proves was never carried out is dropped, and only then
//! may a new one be made, which counts in the budget like any other. Ports that change something ask for a
//! [`Permit`], which only this module makes; nothing can be changed past it.
//!
//! [`crate::desk`] walks this path for functions with a case a service: [`begin`], the call, [`conclude`]. `shift`
//! walks it itself: its steps of one zone share a call.

#[cfg(test)]
mod tests;

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    control::{Action, Control, Mode},
    error::{Class, PortError},
    period::Period,
    service::{OperationId, ServiceArn},
};

/// An intent younger than this may still be on its way: its function may be waiting for the answer. No function
/// runs for longer than half of it (template.yaml), so after it "not made" is final.
pub const IN_FLIGHT: SignedDuration = SignedDuration::from_mins(2);

/// Proof that gate and intent were passed. Every changing call of a port takes one.
#[derive(Debug)]
pub struct Permit(());

/// How many mutations one case may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// At most so many…
    pub most: usize,
    /// …within this time.
    pub within: Period,
    /// And none so soon after the one before.
    pub cool_down: Period,
}

impl Budget {
    /// As many as a person wants, and they count in no budget.
    pub const UNLIMITED: Self =
        Self { most: usize::MAX, within: Period::days(1), cool_down: Period::seconds(0) };
}

/// What a case remembers of its mutations.
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
    /// The function's own description of it, complete enough to recognise it by reading.
    pub act: Value,
    /// When it was decided.
    pub at: Timestamp,
}

/// AWS's clock and ours may differ by this much.
const SKEW: SignedDuration = SignedDuration::from_secs(5);

impl Intent {
    /// Whether an operation that started then can be its own: neither before it was decided, nor when its function had
    /// ended long ago.
    pub fn may_have_begun(&self, started_at: Timestamp) -> bool {
        started_at + SKEW >= self.at && started_at <= self.at + IN_FLIGHT
    }
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

/// The conditions under which a mutation may be made. Mode and stop are read when it is made, not before.
#[derive(Clone, Debug)]
pub struct Gate<'a> {
    /// Whose word counts.
    pub leave: Leave<'a>,
    /// How much is allowed.
    pub budget: Budget,
}

/// Who allows a mutation.
#[derive(Clone, Debug)]
pub enum Leave<'a> {
    /// The mode of an action for a service: command, tag, parameter.
    OfService {
        /// The action.
        action: Action,
        /// The service.
        service: &'a ServiceArn,
        /// The value of the service's tag for the action.
        tag: Option<&'a str>,
        /// The template's parameter.
        parameter: Mode,
    },
    /// A mode that holds for the whole function.
    OfFunction(Mode),
    /// A person's command.
    OfPerson,
    /// To take back what was done, by itself or by a person's command: the one thing that the stop of everything lets
    /// through.
    ToTurnBack,
}

impl Leave<'_> {
    /// The mode in force.
    pub fn mode(&self, control: &Control) -> Mode {
        match self {
            Self::OfService { action, service, tag, parameter } => {
                control.resolve(*action, service, *tag, *parameter).mode
            }
            Self::OfFunction(mode) => *mode,
            Self::OfPerson | Self::ToTurnBack => Mode::On,
        }
    }
}

/// How an attempt to change something ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The mode allows no change: the plan is all there is.
    Planned(Mode),
    /// A person stopped everything at this time.
    Stopped(Timestamp),
    /// The budget is used up until this time.
    BudgetExhausted(Timestamp),
    /// Not yet: cool-down, an unclear earlier intent, or a state that refuses. Try at the next tick.
    Wait(String),
    /// It was made, now or earlier.
    Made(Receipt),
    /// The service refused it for good.
    Refused(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Planned(mode) => write!(f, "nothing is changed: the mode is {mode}"),
            Self::Stopped(since) => write!(f, "nothing is changed: everything was stopped at {since}"),
            Self::BudgetExhausted(until) => {
                write!(f, "nothing is changed: the budget is used up until {until}")
            }
            Self::Wait(why) => write!(f, "not yet: {why}"),
            Self::Made(Receipt { operation: Some(id) }) => write!(f, "made by operation {id}"),
            Self::Made(Receipt { operation: None }) => f.write_str("made"),
            Self::Refused(why) => write!(f, "refused: {why}"),
        }
    }
}

/// Notes an intent in the ledger, to be stored before the call; or says why nothing may be done.
pub fn begin(
    ledger: &mut Ledger,
    gate: &Gate<'_>,
    control: &Control,
    act: Value,
    now: Timestamp,
) -> Result<Intended, Outcome> {
    if let Some(intent) = &ledger.intent {
        return Err(Outcome::Wait(format!("what was begun at {} is not settled yet", intent.at)));
    }
    refusal(gate, control, ledger, now)?;
    let window = span(gate.budget.within);
    ledger.made.retain(|at| now.duration_since(*at) < window);
    if gate.budget != Budget::UNLIMITED {
        ledger.made.push(now);
    }
    ledger.intent = Some(Intent { act, at: now });
    Ok(Intended(()))
}

/// An intent that is noted and has yet to be stored.
#[derive(Debug)]
#[must_use = "the intent must be stored before the call"]
pub struct Intended(());

impl Intended {
    /// The permit, once the intent is stored.
    pub fn stored(self) -> Permit {
        Permit(())
    }
}

fn span(period: Period) -> SignedDuration {
    SignedDuration::try_from(period.as_duration()).unwrap_or(SignedDuration::MAX)
}

/// What the gate says, before anything is written.
fn refusal(gate: &Gate<'_>, control: &Control, ledger: &Ledger, now: Timestamp) -> Result<(), Outcome> {
    let mode = gate.leave.mode(control);
    if mode != Mode::On {
        return Err(Outcome::Planned(mode));
    }
    if let (Some(since), false) = (control.stopped_since, matches!(gate.leave, Leave::ToTurnBack)) {
        return Err(Outcome::Stopped(since));
    }
    let Budget { most, within, cool_down } = gate.budget;
    let recent: Vec<_> = ledger.made.iter().filter(|at| now.duration_since(**at) < span(within)).collect();
    if recent.len() >= most {
        let frees_at = recent.get(recent.len() - most).map_or(now, |at| **at + span(within));
        return Err(Outcome::BudgetExhausted(frees_at));
    }
    match recent.last().filter(|at| now.duration_since(***at) < span(cool_down)) {
        Some(last) => Err(Outcome::Wait(format!("cool-down until {}", **last + span(cool_down)))),
        None => Ok(()),
    }
}

/// What the answer to the call means. The intent is dropped where the answer says what became of it.
pub fn conclude(ledger: &mut Ledger, answer: Result<Receipt, PortError>) -> Outcome {
    match answer {
        Ok(receipt) => {
            ledger.intent = None;
            Outcome::Made(receipt)
        }
        Err(error) if is_refusal_by_state(&error) => {
            let begun = ledger.intent.take().map(|intent| intent.at);
            // What was not made does not count, if it would have.
            ledger.made.pop_if(|last| Some(*last) == begun);
            Outcome::Wait(error.to_string())
        }
        // An answer with a code is a refusal: the service did not do it. Silence is settled by reading.
        Err(error) if error.code.is_some() && error.class == Class::Permanent => {
            ledger.intent = None;
            Outcome::Refused(error.to_string())
        }
        Err(error) => Outcome::Wait(error.to_string()),
    }
}

/// What reading an earlier intent's traces means.
pub fn settle(ledger: &mut Ledger, settled: Settled, now: Timestamp) -> Outcome {
    let begun = ledger.intent.as_ref().map(|intent| intent.at);
    match (settled, begun) {
        (Settled::Made(receipt), _) => {
            ledger.intent = None;
            Outcome::Made(receipt)
        }
        (Settled::NotMade, Some(at)) if now.duration_since(at) >= IN_FLIGHT => {
            ledger.intent = None;
            Outcome::Wait(format!("what was begun at {at} was never made"))
        }
        _ => Outcome::Wait("what became of the last attempt is not clear yet".to_owned()),
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
