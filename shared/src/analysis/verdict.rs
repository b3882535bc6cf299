//! What checks answer, and what several answers amount to.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a check says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is within its limit.
    Pass,
    /// It is beyond its limit.
    Fail,
    /// It cannot be said. Never taken for a success.
    Inconclusive,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Inconclusive => "inconclusive",
        })
    }
}

/// One check and what it says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckResult {
    /// `error-share`, `latency`, `hosts`, `connections`, or `alarm:<name>`.
    pub name: String,
    /// What it says.
    pub verdict: Verdict,
    /// One sentence with the numbers.
    pub detail: String,
    /// What was measured, in the check's own unit (share of requests, milliseconds, hosts, connections).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<f64>,
}

/// All checks of one target at one time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// `Fail` where any check fails, else `Inconclusive` where any is or there is none, else `Pass`.
    pub verdict: Verdict,
    /// Each check.
    pub checks: Vec<CheckResult>,
}

impl Analysis {
    /// What these checks amount to.
    pub fn of(checks: Vec<CheckResult>) -> Self {
        let any = |verdict| checks.iter().any(|check| check.verdict == verdict);
        let verdict = if any(Verdict::Fail) {
            Verdict::Fail
        } else if checks.is_empty() || any(Verdict::Inconclusive) {
            Verdict::Inconclusive
        } else {
            Verdict::Pass
        };
        Self { verdict, checks }
    }

    /// The checks that say this.
    pub fn with(&self, verdict: Verdict) -> impl Iterator<Item = &CheckResult> {
        self.checks.iter().filter(move |check| check.verdict == verdict)
    }
}

/// The sentences of the checks that made the verdict.
impl fmt::Display for Analysis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.verdict)?;
        for (at, check) in self.with(self.verdict).enumerate() {
            write!(f, "{} {}", if at == 0 { ":" } else { "" }, check.detail)?;
        }
        Ok(())
    }
}

/// A value up to so many times the one before counts as the same trouble.
const WORSE: f64 = 2.0;

/// Whether all that fails now failed before already, and at most twice as badly: then a new
/// version is not to blame. Where nothing fails now, or it is not known how it was before, the answer is no.
pub fn fails_the_same_way(now: &Analysis, before: &Analysis) -> bool {
    let failed_before = |check: &CheckResult| {
        let earlier = before.with(Verdict::Fail).find(|earlier| earlier.name == check.name);
        earlier.is_some_and(|earlier| match (check.measured, earlier.measured) {
            (Some(now), Some(before)) => now <= before * WORSE,
            _ => true,
        })
    };
    now.verdict == Verdict::Fail && now.with(Verdict::Fail).all(failed_before)
}

/// How many analyses failed one after the other. Only a pass ends the row: what cannot be told is no success.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Streak {
    failures: u32,
}

impl Streak {
    /// Counts a further analysis.
    pub fn count(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Pass => self.failures = 0,
            Verdict::Fail => self.failures = self.failures.saturating_add(1),
            Verdict::Inconclusive => {}
        }
    }

    /// How many failed in a row.
    pub fn failures(self) -> u32 {
        self.failures
    }

    /// True once so many failed in a row; a limit of 0 means 1.
    pub fn reached(self, failure_limit: u32) -> bool {
        self.failures >= failure_limit.max(1)
    }
}
