//! What a decision wants written.

use autopilot::dns::RecordSet;
use serde::{Deserialize, Serialize};

/// A write, described completely enough to recognise it by reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// What it is.
    pub what: What,
    /// The records that it replaces, exactly.
    pub before: Vec<RecordSet>,
    /// The records that are there afterwards.
    pub after: Vec<RecordSet>,
}

/// What a write is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum What {
    /// The pair at 100/0.
    Begin,
    /// The step after which so many are written.
    Step {
        /// How many.
        steps: usize,
    },
    /// Back to 100/0.
    TurnBack {
        /// Why.
        because: Because,
    },
    /// A simple record again: the successor's, or after turning back the original.
    Finish,
}

/// Why a shift turns back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Because {
    /// The analysis failed.
    AnalysisFailed,
    /// An alarm of the plan is on, and nothing else fails.
    Alarm,
    /// A person said so.
    Aborted,
}

impl Because {
    /// The machine word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AnalysisFailed => "analysis-failed",
            Self::Alarm => "alarm",
            Self::Aborted => "aborted",
        }
    }
}
