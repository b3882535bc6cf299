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
    /// What fails while rollback is off is left alone, also once it is on.
    pub(super) fn off(mut self) -> Decision {
        self.work.dealt = self.look.shipping().map(|ship| ship.id.clone());
        self.work.failed = None;
        self.work.baking = None;
        self.work.thread = None;
        self.ends("rollback is off here")
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

    /// The service cannot be acted on any more. What was begun or asked for ends in its own thread.
    pub(super) fn over(mut self, reason: &'static str, because: &str) -> Decision {
        let work = std::mem::take(&mut self.work);
        let begun = match (&work.rolling, &work.request) {
            (Some(_), _) => work.thread.clone(),
            (None, Some(request)) => Some(request.thread.clone()),
            (None, None) => None,
        };
        let (look, service) = (self.look, &self.look.service);
        let news = look.operations.iter().take_while(|operation| Some(&operation.id) != work.dealt.as_ref());
        let failed = news.filter(|it| it.kind.ships_a_version() && it.status.is_failure()).last();
        let failed = work.failed.clone().or(failed.map(|operation| operation.id.clone()));
        let thread = begun.or_else(|| Some(IncidentId::of_operation(service, failed.as_ref()?)));
        if thread.is_some() {
            let about = failed.or_else(|| way_back::bad_operation(&work, look));
            let summary = format!("{} is not rolled back: {because}.", service.name());
            let plan = json!({"action": "none", "operation": about});
            self.say.push(Say::new(Phase::Skipped, reason, summary, plan));
        }
        self.work = Work {
            own: work.own,
            thread,
            dealt: look.shipping().map(|ship| ship.id.clone()),
            hold: work.hold.filter(|_| reason == "paused"),
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
            // An earlier one is told first.
            self.work.failed.get_or_insert_with(|| newest.id.clone());
        }
        self.plan("wait", reason, true, None)
    }

    pub(super) fn ends(self, reason: impl Into<String>) -> Decision {
        self.plan("end", reason, false, None)
    }

    /// Stays open as long as something failed or bakes. A request is answered by it.
    pub(super) fn holds(mut self, reason: &'static str, summary: String, by_hand: &[String]) -> Decision {
        self.work.request = None;
        let open = self.work.failed.is_some() || self.work.baking.is_some();
        let about = way_back::bad_operation(&self.work, self.look);
        let plan = json!({"action": "hold", "operation": about, "by_hand": by_hand});
        self.say.push(Say::new(Phase::Held, reason, summary, plan));
        self.plan("hold", reason, open, None)
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
