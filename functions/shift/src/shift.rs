//! What is remembered of a shift: the plan, the records as they should be, and how far it is.

use autopilot::{
    analysis::{Analysis, Streak},
    dns::{ChangeId, RecordSet},
    mutation::Intent,
    period::Period,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    plan::Plan,
    records::{Conversion, Pairs, Weights, is_pointer},
    successor::Watched,
};

/// Trouble that may pass by itself is told once it has lasted so long.
pub const LASTING: SignedDuration = SignedDuration::from_mins(5);

/// Where a shift stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// The pair is being written at 100/0, and resolvers forget what was before.
    Preparing,
    /// Steps are written one after the other, each after its bake time.
    Progressing,
    /// No step before somebody sends `resume`. Analysis and the way back stay on.
    Paused,
    /// Everything is at the successor; the way back is open.
    Validating,
    /// The successor's record stands alone.
    Succeeded,
    /// Everything is at App Runner again.
    RolledBack,
    /// It could not turn back, or the records are gone.
    Failed,
}

impl Phase {
    /// True while ticks work on it.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Preparing | Self::Progressing | Self::Paused | Self::Validating)
    }
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

/// Why nothing is written, as announcements say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// The analysis says neither pass nor fail.
    Inconclusive,
    /// Somebody edited the records.
    ForeignEdit,
    /// The plan wants a person before this step.
    PauseBefore,
    /// A person paused it.
    Paused,
    /// There was no step for too long.
    Deadline,
    /// It ought to turn back and App Runner's side is not well.
    FromNotHealthy,
    /// The successor is being deployed.
    TargetDeploying,
    /// The Express service does not exist any more.
    TargetGone,
    /// The Express service could not be read.
    TargetUnread,
    /// Route 53's servers do not all have the newest change, or it cannot be asked.
    NotInSync,
    /// The gate let nothing through: a stop, or a refusal of Route 53.
    Refused,
    /// It could finish, but other domains of the service still lead to App Runner.
    DomainsLeft,
}

impl Why {
    /// True for what comes and goes by people's doing, or may matter more the second time.
    pub fn is_news_again(self) -> bool {
        matches!(
            self,
            Self::ForeignEdit | Self::FromNotHealthy | Self::Paused | Self::Deadline | Self::Refused
        )
    }

    /// The machine word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inconclusive => "inconclusive",
            Self::ForeignEdit => "foreign-edit",
            Self::PauseBefore => "pause-before",
            Self::Paused => "paused",
            Self::Deadline => "deadline",
            Self::FromNotHealthy => "from-not-healthy",
            Self::TargetDeploying => "target-deploying",
            Self::TargetGone => "target-gone",
            Self::TargetUnread => "target-unread",
            Self::NotInSync => "not-in-sync",
            Self::Refused => "refused",
            Self::DomainsLeft => "domains-left",
        }
    }
}

/// What a shift is held by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hold {
    /// Why.
    pub why: Why,
    /// Since when.
    pub since: Timestamp,
    /// For people: what it is and what would release it.
    pub words: String,
}

/// A change that was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Written {
    /// Route 53's identifier; `None` where its answer was lost.
    pub id: Option<ChangeId>,
    /// When.
    pub at: Timestamp,
    /// Since when all of Route 53's servers have it.
    pub insync_at: Option<Timestamp>,
    /// How many seconds resolvers may keep what was before.
    pub ttl: u32,
}

impl Written {
    /// When nobody is answered with what was before any more.
    pub fn effective_at(&self) -> Option<Timestamp> {
        self.insync_at.map(|at| at + SignedDuration::from_secs(self.ttl.into()))
    }
}

/// An analysis that counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Analysed {
    /// When.
    pub at: Timestamp,
    /// What it said.
    pub analysis: Analysis,
}

/// One line of the history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// What happened, as a machine word.
    pub event: String,
    /// The weights from then on.
    pub weights: Weights,
    /// What the analysis said, if it was asked.
    pub analysis: Option<String>,
}

/// The history is cut to so many lines, the oldest first.
const LONGEST_HISTORY: usize = 100;

/// A shift.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shift {
    /// What was asked for.
    pub plan: Plan,
    /// When.
    pub started_at: Timestamp,
    /// The records that steered traffic before.
    pub original: Vec<RecordSet>,
    /// What is weighed.
    pub pairs: Pairs,
    /// Where the successor's metrics are.
    pub watched: Watched,
    /// What Route 53 should hold now.
    pub expected: Vec<RecordSet>,
    /// The weights in `expected`.
    pub weights: Weights,
    /// How far it is.
    pub phase: Phase,
    /// Since when it is there.
    pub since: Timestamp,
    /// How many steps were written.
    pub steps: usize,
    /// The newest change; `None` until the pair is written.
    pub written: Option<Written>,
    /// When the newest step was written, or a person let it go on.
    pub progressed_at: Timestamp,
    /// Failures one after the other.
    pub streak: Streak,
    /// The newest analysis that counted.
    pub analysed: Option<Analysed>,
    /// What keeps it from going on.
    pub hold: Option<Hold>,
    /// What paused it, while it is paused: whatever else holds it meanwhile, this does so after it.
    pub paused_by: Option<Hold>,
    /// Writes whose answer was not heard and whose records were not there; they may come yet.
    pub maybe_on_their_way: Vec<Intent>,
    /// Since when it could not be looked at.
    pub troubled_since: Option<Timestamp>,
    /// Since when what it wants written could not be written.
    pub unwritten_since: Option<Timestamp>,
    /// The step of `pause_before` that a person has let through.
    pub cleared: Option<u8>,
    /// A person wants it back at 100/0.
    pub aborting: bool,
    /// A person wants the next step without the rest of the bake time.
    pub promoted: bool,
    /// Since when everything is at the successor and baked.
    pub validating_since: Option<Timestamp>,
    /// When `finish` was done.
    pub finished_at: Option<Timestamp>,
    /// What happened.
    pub history: Vec<Entry>,
}

impl Shift {
    /// A shift that is yet to write its pair.
    pub fn new(plan: Plan, conversion: Conversion, watched: Watched, now: Timestamp) -> Self {
        let Conversion { original, pairs } = conversion;
        let mut shift = Self {
            plan,
            started_at: now,
            expected: original.clone(),
            original,
            pairs,
            watched,
            weights: Weights::START,
            phase: Phase::Preparing,
            since: now,
            steps: 0,
            written: None,
            progressed_at: now,
            streak: Streak::default(),
            analysed: None,
            hold: None,
            paused_by: None,
            maybe_on_their_way: Vec::new(),
            troubled_since: None,
            unwritten_since: None,
            cleared: None,
            aborting: false,
            promoted: false,
            validating_since: None,
            finished_at: None,
            history: Vec::new(),
        };
        shift.note("accepted", now);
        shift
    }

    /// Adds a line to the history.
    pub fn note(&mut self, event: &str, now: Timestamp) {
        let analysis = self.analysed.as_ref().map(|analysed| analysed.analysis.to_string());
        self.history.push(Entry { at: now, event: event.to_owned(), weights: self.weights, analysis });
        let surplus = self.history.len().saturating_sub(LONGEST_HISTORY);
        self.history.drain(..surplus);
    }

    /// Goes over to another phase, where what held it holds it no longer.
    pub fn enter(&mut self, phase: Phase, now: Timestamp) {
        if self.phase != phase {
            self.phase = phase;
            self.since = now;
        }
        if phase != Phase::Paused {
            self.paused_by = None;
        }
        self.hold.clone_from(&self.paused_by);
    }

    /// Waits for a person.
    pub fn pause(&mut self, why: Why, words: &str, now: Timestamp) {
        self.paused_by = Some(Hold { why, since: now, words: words.to_owned() });
        self.enter(Phase::Paused, now);
    }

    /// This does not hold it any more.
    pub fn release(&mut self, why: Why) {
        if self.hold.as_ref().is_some_and(|hold| hold.why == why) {
            self.hold.clone_from(&self.paused_by);
        }
    }

    /// The phase that it is in when nothing pauses it.
    pub fn running_phase(&self) -> Phase {
        match (self.steps, self.validating_since) {
            (0, _) => Phase::Preparing,
            (_, None) => Phase::Progressing,
            (_, Some(_)) => Phase::Validating,
        }
    }

    /// When the present step has been watched for long enough: its bake begins once nobody is answered with what was
    /// before. The pair at 100/0 has nothing to watch: its wait is over when the old record is forgotten.
    pub fn baked_at(&self) -> Option<Timestamp> {
        let effective = self.written.as_ref()?.effective_at()?;
        Some(if self.steps == 0 { effective } else { effective + span(self.plan.bake_time) })
    }

    /// When the way back need not be kept open any longer.
    pub fn validated_at(&self) -> Option<Timestamp> {
        self.validating_since.map(|since| since + span(self.plan.validation_time))
    }

    /// True where a person knows that the records are gone and wants them written again.
    pub fn expects_nothing(&self) -> bool {
        !self.expected.iter().any(|record| is_pointer(&record.kind))
    }

    /// The pair at 100/0, and what else steers at the name and is no shift's to write.
    pub fn back_at_start(&self) -> Vec<RecordSet> {
        let others = self.expected.iter().filter(|record| !is_pointer(&record.kind));
        self.pairs.at(Weights::START).into_iter().chain(others.cloned()).collect()
    }

    /// The successor's weight after the next step; `None` after the last.
    pub fn next_weight(&self) -> Option<u8> {
        self.plan.step_weights.get(self.steps).copied()
    }
}

/// A period as a difference of times.
pub fn span(period: Period) -> SignedDuration {
    SignedDuration::try_from(period.as_duration()).unwrap_or(SignedDuration::MAX)
}
