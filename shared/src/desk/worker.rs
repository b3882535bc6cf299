//! What an acting function says of itself: how it observes, decides and performs.

use std::{fmt, future::Future};

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    case::{Case, Say},
    control::{Action, Mode, SetBy},
    error::{Failure, PortError},
    incident::IncidentId,
    mutation::{Gate, Intent, Outcome, Permit, Receipt, Settled},
};

/// What is to be done about a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan<W, A> {
    /// Machine word of the decision, for the log.
    pub decision: &'static str,
    /// Why, for the log.
    pub reason: String,
    /// What the function knows from now on.
    pub work: W,
    /// Whether there is anything left to do.
    pub open: bool,
    /// What to announce.
    pub say: Vec<Say>,
    /// What to change. Its announcement is made when its outcome is known.
    pub act: Option<A>,
}

/// An acting function, as far as it differs from the others.
pub trait Worker {
    /// What it knows of a case.
    type Work: Serialize + DeserializeOwned + Default + Clone + PartialEq + fmt::Debug;
    /// What it reads before it decides.
    type Seen;
    /// What it can change, described completely enough to recognise it by reading.
    type Act: Serialize + DeserializeOwned + fmt::Debug;

    /// Reads what the decision needs.
    fn observe(
        &self,
        case: &Case<Self::Work>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Self::Seen, Failure>>;
    /// The mode under which it decides.
    fn mode(&self, seen: &Self::Seen) -> Mode;
    /// Whose word that mode is, where it was read.
    fn set_by<'a>(&self, _: &'a Self::Seen) -> Option<(Action, &'a SetBy)> {
        None
    }
    /// Decides, purely.
    fn decide(
        &self,
        case: &Case<Self::Work>,
        seen: &Self::Seen,
        now: Timestamp,
    ) -> Plan<Self::Work, Self::Act>;
    /// The thread in which the case speaks from now on, where what was decided begins another one.
    fn incident(&self, _: &Case<Self::Work>) -> Option<IncidentId> {
        None
    }
    /// The conditions of an act.
    fn gate<'a>(&'a self, case: &'a Case<Self::Work>, seen: &'a Self::Seen, act: &Self::Act) -> Gate<'a>;
    /// Makes the call, once.
    fn perform(
        &self,
        case: &Case<Self::Work>,
        act: &Self::Act,
        permit: &Permit,
    ) -> impl Future<Output = Result<Receipt, PortError>>;
    /// Reads what became of an earlier intent.
    fn settle(
        &self,
        case: &Case<Self::Work>,
        act: &Self::Act,
        intent: &Intent,
    ) -> impl Future<Output = Result<Settled, PortError>>;
    /// What the outcome changes, and what to announce of it; pure. Only here may `work` say that something was
    /// done: what a plan's `work` says must be true even if nothing is.
    fn concluded(
        &self,
        work: &mut Self::Work,
        subject: &str,
        act: &Self::Act,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Vec<Say>;
}
