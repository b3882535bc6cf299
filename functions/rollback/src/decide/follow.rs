//! Our own update, followed to its end.

use autopilot::{
    announcement::Phase,
    case::Say,
    configuration::{Snapshot, differences},
    service::{Operation, OperationStatus, OperationType},
};
use serde_json::json;

use super::{Decision, Draft, endings::someone_else};
use crate::{
    case::{Act, BadImage, Hold, Rolling},
    tell::{self, names},
};

impl Draft<'_> {
    /// Follows our own update to its end. What came after it is looked at next.
    pub(super) fn follow(mut self, rolling: &Rolling, newest: &Operation) -> Decision {
        let operations = &self.look.operations;
        let ours = match &rolling.operation {
            Some(id) => operations.iter().find(|it| it.id == *id),
            None => operations
                .iter()
                .take_while(|it| Some(&it.id) != rolling.act.after())
                .filter(|it| it.kind == OperationType::UpdateService)
                .last(),
        };
        let Some(ours) = ours else { return self.waits("our own operation is not listed yet") };
        self.work.rolling = None;
        self.work.failed = None;
        self.work.baking = None;
        if matches!(rolling.act, Act::RollBack { .. }) {
            self.work.remember_own(&ours.id);
        }
        let succeeded = ours.status == OperationStatus::Succeeded;
        // Whatever came after it. The version that a release brings is recorded and bakes; a rollback brings none.
        if let (Act::Release { version, .. }, true) = (&rolling.act, succeeded) {
            return self.released(*version, ours);
        }
        self.work.dealt = Some(ours.id.clone());
        let left = self.look.versions.numbered(rolling.act.version()).map(|version| {
            let now = Snapshot { configuration: &self.look.configuration, digest: None };
            differences(version.snapshot(), now)
        });
        let verified = succeeded && left.as_ref().is_some_and(Vec::is_empty);
        // Only an update changes the configuration, and one that was undone did not.
        let later = operations.iter().take_while(|it| it.id != ours.id);
        let mut updates = later.filter(|it| it.kind == OperationType::UpdateService);
        if updates.any(|update| !(verified && update.status.is_failure())) {
            self.say.push(someone_else(self.look.service.name(), &ours.id));
            return self.plan("skip", "someone else acted after our update", true, None);
        }
        let open = newest.id != ours.id;
        match &rolling.act {
            Act::RollBack { to, bad, drift, .. } if verified => self.verified(*to, bad, drift, ours, open),
            act => {
                let what = match left.filter(|left| succeeded && !left.is_empty()) {
                    Some(left) => format!("it still differs in {}", names(&left)),
                    None => format!("its operation {} ended as {}", ours.id, ours.status),
                };
                self.say.push(tell::own_failure(self.look, act, &what));
                self.plan("failed", what, open, None)
            }
        }
    }

    fn released(mut self, version: u64, ours: &Operation) -> Decision {
        let summary = format!(
            "{} is released from version {version}: its own tag and automatic deployments are configured again.",
            self.look.service.name()
        );
        let plan = json!({"operation": ours.id, "version": version});
        self.say.push(Say::new(Phase::Succeeded, "released", summary, plan));
        self.work.hold = None;
        self.plan("verified", "the hold is released", true, None)
    }

    fn verified(
        mut self,
        to: u64,
        bad: &[BadImage],
        drift: &[String],
        ours: &Operation,
        open: bool,
    ) -> Decision {
        let drift_told = if drift.is_empty() {
            String::new()
        } else {
            format!(" If a template manages it, it no longer matches it in {}.", drift.join(", "))
        };
        let summary = format!(
            "{} runs version {to} again, verified by reading back, and is held there with automatic deployments \
             off.{drift_told} {{\"command\":\"release\"}} ends the hold.",
            self.look.service.name()
        );
        let plan = json!({"operation": ours.id, "version": to, "drift": drift});
        self.say.push(Say::new(Phase::Succeeded, "verified", summary, plan));
        self.work.hold = Some(Hold { version: to, bad: bad.to_vec() });
        self.plan("verified", "our rollback is verified", open, None)
    }
}
