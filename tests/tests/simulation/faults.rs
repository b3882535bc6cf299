//! What can go wrong with a call, an event or a process, and how often it does just now.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use fastrand::Rng;
use sandbox::aws::{Fault, Outcome, Script};

use crate::world::SECRET;

/// How much goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weather {
    /// Nothing.
    Calm,
    /// A call or an event in fifty.
    Breeze,
    /// A call or an event in eight.
    Storm,
}

impl Weather {
    /// One call, event or invocation in so many meets something; none in calm weather.
    fn one_in(self) -> Option<u32> {
        match self {
            Self::Calm => None,
            Self::Breeze => Some(50),
            Self::Storm => Some(8),
        }
    }
}

/// When within a call its function dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    BeforeWork,
    BeforeAnswer,
}

/// What a call meets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fate {
    /// On the way to the service and back.
    pub(crate) there: Duration,
    pub(crate) back: Duration,
    pub(crate) fault: Option<Fault>,
    pub(crate) death: Option<Death>,
}

/// What becomes of an event, a schedule or an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Arrives,
    Lost,
    Twice,
    Late(Duration),
}

/// The sky over one account: everything random about its faults comes from here. Clones share it.
#[derive(Clone)]
pub(crate) struct Sky(Arc<Mutex<State>>);

struct State {
    rng: Rng,
    weather: Weather,
    counts: BTreeMap<&'static str, u64>,
}

impl std::fmt::Debug for Sky {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sky")
    }
}

impl Sky {
    pub(crate) fn new(seed: u64) -> Self {
        let (rng, counts) = (Rng::with_seed(seed), BTreeMap::new());
        Self(Arc::new(Mutex::new(State { rng, weather: Weather::Calm, counts })))
    }

    pub(crate) fn set(&self, weather: Weather) {
        self.state().weather = weather;
    }

    /// How often each kind of fault was injected.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.state().counts.clone()
    }

    /// Counts a fault that came about by itself, such as a lost race.
    pub(crate) fn count(&self, kind: &'static str) {
        *self.state().counts.entry(kind).or_default() += 1;
    }

    /// What the next call meets.
    pub(crate) fn fate(&self) -> Fate {
        let state = &mut *self.state();
        let (there, back) = (state.rng.u64(1..40), state.rng.u64(1..40));
        let mut fate = Fate {
            there: Duration::from_millis(there),
            back: Duration::from_millis(back),
            ..Fate::default()
        };
        if !state.strikes(1) {
            return fate;
        }
        let slow = Duration::from_millis(state.rng.u64(200..2_500));
        let (kind, fault, death) = match state.rng.u32(0..16) {
            0..=3 => ("throttled", Some(Fault::Throttle), None),
            4..=6 => ("answered 500", Some(Fault::ServerError), None),
            7 | 8 => ("timed out before the work", Some(Fault::TimeoutBeforeWork), None),
            9 | 10 => ("timed out after the work", Some(Fault::TimeoutAfterWork), None),
            11 => ("connection reset", Some(Fault::Reset), None),
            12 | 13 => ("slow", Some(Fault::Slow(slow)), None),
            14 => ("died before a call's work", None, Some(Death::BeforeWork)),
            _ => ("died before a call's answer", None, Some(Death::BeforeAnswer)),
        };
        *state.counts.entry(kind).or_default() += 1;
        fate.fault = fault;
        fate.death = death;
        fate
    }

    /// What becomes of the next event or schedule.
    pub(crate) fn delivery(&self) -> Delivery {
        let state = &mut *self.state();
        if !state.strikes(4) {
            return Delivery::Arrives;
        }
        let late = Duration::from_secs(state.rng.u64(5..1_200));
        let (kind, delivery) = match state.rng.u32(0..5) {
            0 | 1 => ("event lost", Delivery::Lost),
            2 | 3 => ("event repeated", Delivery::Twice),
            _ => ("event late and out of order", Delivery::Late(late)),
        };
        *state.counts.entry(kind).or_default() += 1;
        delivery
    }

    /// How an operation that a function begins goes; as it should in calm weather.
    pub(crate) fn course(&self) -> Option<Script> {
        let state = &mut *self.state();
        (state.weather != Weather::Calm).then(|| course(&mut state.rng))
    }

    /// Whether the next invocation runs twice at once.
    pub(crate) fn doubles(&self) -> bool {
        let state = &mut *self.state();
        let doubles = state.strikes(2);
        if doubles {
            *state.counts.entry("ran twice at once").or_default() += 1;
        }
        doubles
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// True in one of so many cases, as the weather is; `times` as often.
    fn strikes(&mut self, times: u32) -> bool {
        self.weather.one_in().is_some_and(|one_in| self.rng.u32(0..one_in) < times.min(one_in / 2))
    }
}

/// Causes as App Runner's logs tell them: one that passes, one that needs a person, and none.
const STORIES: [&[&str]; 3] = [
    &["Failed to build your application. Reason: Internal error. Please try again later."],
    &[
        "Failed to pull your application image. Be sure you configure your service with a valid access role to your ECR repository.",
    ],
    &[],
];

/// How an operation of App Runner goes: it fails in every way that it can.
pub(crate) fn course(rng: &mut Rng) -> Script {
    let outcome = match rng.u32(0..10) {
        0..=3 => Outcome::Succeed,
        4 => Outcome::FailThenRollBack,
        5..=7 => Outcome::RollbackFails,
        8 => Outcome::Fail,
        _ => Outcome::FailReverted,
    };
    let script = Script::new(outcome).phases_of(Duration::from_secs(rng.u64(10..300)));
    if outcome == Outcome::Succeed {
        return script;
    }
    let story = STORIES[rng.usize(0..STORIES.len())];
    let leak = format!("cannot connect as {SECRET}");
    let script = if story.is_empty() { script } else { script.deployment_log(story.iter().copied()) };
    script.application_log([leak.as_str()])
}
