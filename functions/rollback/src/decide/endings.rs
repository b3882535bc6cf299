//! What a look comes to where nothing is changed.

use autopilot::{
    announcement::Phase,
    case::Say,
    desk::Plan,
    incident::IncidentId,
    service::{OperationId, OperationStatus},
};
use serde_json::json;

use super::{Decision, Draft};
use crate::{
    case::{Act, Work},
    way_back,
};

impl Draft<'_> {
    pub(super) fn settle_all(&mut self) {
        self.work.dealt = self.look.shipping().map(|ship| ship.id.clone());
        self.work.failed = None;
        self.work.baking = None;
        self.work.thread = None;
    }

    /// What came after the failure is looked at next, in its own thread.
    pub(super) fn skip_someone_else(mut self) -> Decision {
        if let Some(failed) = self.work.failed.take() {
            self.work.thread = Some(IncidentId::of_operation(&self.look.service, &failed));
            self.say.push(someone_else(self.look.service.name(), &failed));
        }
        self.plan("skip", "someone else acted after the failure", true, None)
    }

    /// All that is said belongs to one thread; a bake is looked at next, in its own.
    pub(super) fn told(self, decision: &'static str, reason: &str) -> Decision {
        let open = self.work.baking.is_some();
        self.plan(decision, reason, open, None)
    }

    /// The service cannot be acted on any more.
    pub(super) fn over(mut self, reason: &'static str, because: &str) -> Decision {
        let dealt = self.work.dealt.clone();
        let news = self.look.operations.iter().take_while(|operation| Some(&operation.id) != dealt.as_ref());
        let failed = news.filter(|it| it.kind.ships_a_version() && it.status.is_failure()).last();
        let failed = self.work.failed.clone().or(failed.map(|operation| operation.id.clone()));
        let underway = self.work.rolling.is_some() || self.work.request.is_some();
        let about = failed.or_else(|| way_back::bad_operation(&self.work, self.look).filter(|_| underway));
        if let Some(about) = about {
            let summary = format!("{} is not rolled back: {because}.", self.look.service.name());
            self.work.thread = Some(IncidentId::of_operation(&self.look.service, &about));
            let plan = json!({"action": "none", "operation": about});
            self.say.push(Say::new(Phase::Skipped, reason, summary, plan));
        }
        let hold = self.work.hold.take().filter(|_| reason == "paused");
        self.settle_all();
        self.work = Work {
            own: self.work.own,
            thread: self.work.thread,
            dealt: self.work.dealt,
            hold,
            ..Work::default()
        };
        self.plan("skip", reason, false, None)
    }

    /// Hands the draft on; what is left of it is not used any more.
    pub(super) fn take(&mut self) -> Self {
        Self { look: self.look, work: std::mem::take(&mut self.work), say: std::mem::take(&mut self.say) }
    }

    pub(super) fn waits(mut self, reason: impl Into<String>) -> Decision {
        self.work.began = self.look.began.clone().or(self.work.began);
        // That it failed is known, although not how it ends.
        let newest = self.look.operations.first().filter(|newest| newest.kind.ships_a_version());
        if let Some(newest) = newest.filter(|newest| newest.status == OperationStatus::RollbackInProgress)
            && self.work.rolling.is_none()
        {
            self.work.failed = Some(newest.id.clone());
        }
        self.plan("wait", reason, true, None)
    }

    pub(super) fn ends(self, reason: impl Into<String>) -> Decision {
        self.plan("end", reason, false, None)
    }

    pub(super) fn holds(mut self, reason: &'static str, summary: String, by_hand: &[String]) -> Decision {
        let about = way_back::bad_operation(&self.work, self.look);
        let plan = json!({"action": "hold", "operation": about, "by_hand": by_hand});
        self.say.push(Say::new(Phase::Held, reason, summary, plan));
        self.plan("hold", reason, true, None)
    }

    pub(super) fn plan(
        self,
        decision: &'static str,
        reason: impl Into<String>,
        open: bool,
        act: Option<Act>,
    ) -> Decision {
        Plan { decision, reason: reason.into(), work: self.work, open, say: self.say, act }
    }
}

pub(super) fn someone_else(name: &str, operation: &OperationId) -> Say {
    let summary = format!("{name} is left alone: somebody else acted after operation {operation}.");
    Say::new(Phase::Skipped, "someone-else-acted", summary, json!({"action": "none", "operation": operation}))
}
