//! What a test orders the next operation of a service to do.

use std::time::Duration;

/// How an operation ends. A creation can only succeed or fail, and so can deletions, pauses and resumes:
/// for them everything but `Succeed` is a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It succeeds.
    Succeed,
    /// It fails, and App Runner returns to the previous configuration (`ROLLBACK_SUCCEEDED`).
    FailThenRollBack,
    /// It fails, App Runner's rollback fails, and the failed configuration stays (`ROLLBACK_FAILED`).
    RollbackFails,
    /// It fails without a rollback, and the failed configuration stays (`FAILED`).
    Fail,
    /// It ends as `FAILED`, yet the previous configuration is back.
    FailReverted,
}

/// Which log a line goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Events,
    Deployment,
    Application,
}

/// The course of one operation: its outcome and what it writes to the logs.
#[derive(Clone, Debug)]
pub struct Script {
    pub(super) outcome: Outcome,
    pub(super) lines: Vec<(Place, String)>,
    pub(super) phase: Option<Duration>,
}

impl Script {
    /// An operation with this outcome and App Runner's usual lines; a failure is told as a failed health
    /// check.
    pub fn new(outcome: Outcome) -> Self {
        Self { outcome, lines: Vec::new(), phase: None }
    }

    /// Lines of the event log, instead of the usual ones between start and end. Lines are written in the
    /// order in which they were given, across the logs.
    #[must_use]
    pub fn event_log<'a>(self, lines: impl IntoIterator<Item = &'a str>) -> Self {
        self.with(Place::Events, lines)
    }

    /// Lines of the deployment log, instead of the usual ones between start and end.
    #[must_use]
    pub fn deployment_log<'a>(self, lines: impl IntoIterator<Item = &'a str>) -> Self {
        self.with(Place::Deployment, lines)
    }

    /// Lines of the application log, in one stream of a new instance.
    #[must_use]
    pub fn application_log<'a>(self, lines: impl IntoIterator<Item = &'a str>) -> Self {
        self.with(Place::Application, lines)
    }

    /// How long each phase lasts, instead of the sandbox's usual time.
    #[must_use]
    pub fn phases_of(self, phase: Duration) -> Self {
        Self { phase: Some(phase), ..self }
    }

    fn with<'a>(mut self, place: Place, lines: impl IntoIterator<Item = &'a str>) -> Self {
        self.lines.extend(lines.into_iter().map(|line| (place, line.to_owned())));
        self
    }

    /// Whether App Runner's own lines are replaced.
    pub(super) fn tells_its_own_story(&self) -> bool {
        self.lines.iter().any(|(place, _)| *place != Place::Application)
    }
}

impl From<Outcome> for Script {
    fn from(outcome: Outcome) -> Self {
        Self::new(outcome)
    }
}
