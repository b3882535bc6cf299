//! Why a service failed: from evidence to ranked causes, purely.
//!
//! ```text
//! Evidence ─ line ─→ plain lines, oldest first ─ words, wording, parse ─→ hits (meaning + detail)
//!          ─ story ─→ what happened in this operation, how far it came ─ catalogue, rank ─→ causes
//! ```
//!
//! The `catalogue` is a table with one entry a kind: what supports it and how strongly, what speaks against
//! it, the fix. The rules that hold for all kinds are the story's: only the operation in question counts; a
//! step that succeeded refutes the kinds of that step; the application's words count only if it was started;
//! a success has no cause. A cause is named only if its support reaches `rank::CLAIM`; otherwise the answer
//! is [`CauseKind::Unknown`], since a confidently wrong cause is worse than none.
//!
//! Time is linear in the input; lines, their number and the kept hits are capped.

mod address;
mod catalogue;
mod context;
mod hit;
mod kind;
mod line;
mod page;
mod parse;
mod rank;
mod signal;
mod story;
mod wording;
mod words;

use serde::{Deserialize, Serialize};

use crate::evidence::Evidence;
use crate::redact::{PublicText, Untrusted};

pub use kind::CauseKind;
pub use page::causes_page;

/// One likely cause.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// Which one.
    pub kind: CauseKind,
    /// How well the evidence supports it.
    pub confidence: Confidence,
    /// What supports it.
    pub evidence: Vec<Finding>,
    /// What to do, in full sentences.
    pub fix: &'static str,
    /// Whether trying again without changes can help.
    pub transient: bool,
}

/// A share from 0 (no support) to 1 (proof).
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Confidence(f64);

impl Confidence {
    fn from_percent(percent: f64) -> Self {
        Self((percent / 100.0).clamp(0.0, 1.0))
    }

    /// The share.
    pub fn get(self) -> f64 {
        self.0
    }
}

/// A piece of support.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// What we concluded, in our own words.
    Said(PublicText),
    /// A line of a log; to be redacted before anybody sees it.
    Line(Untrusted),
}

/// The causes that the evidence supports, best first; empty where nothing is wrong.
pub fn diagnose(evidence: &Evidence) -> Vec<Cause> {
    rank::causes(&story::Story::read(evidence))
}
