//! What to do about a service. Pure: the time is handed in.
//!
//! | situation | plan |
//! |---|---|
//! | the service is deleted, or `PAUSED` | skip: `gone`, `paused`; nothing is said where nothing had failed |
//! | `CREATE_FAILED`, `DELETE_FAILED` | end: that is `rebuild`'s |
//! | an operation is running, maintenance, or a word that is not known here | wait |
//! | our update ended, and the configuration reads back as meant | end: `verified`, `released` |
//! | our update ended otherwise | end: `own-rollback-failed`, with the steps for a person |
//! | somebody else's operation came after a failure or after our update | skip: `someone-else-acted` |
//! | a deployment while the service is held | `nothing-new-deployed` |
//! | somebody's update while the service is held | the hold ends |
//! | an operation succeeded | its version bakes |
//! | an operation failed less than `SettleTime` ago | wait |
//! | `ROLLBACK_SUCCEEDED`; or `FAILED`, and what is configured is not what was attempted | skip: `recovered-by-app-runner` |
//! | `ROLLBACK_FAILED`; or `FAILED`, and what is configured is what was attempted | roll back |
//! | the bake ended well | end |
//! | the analysis failed within the bake | roll back |
//!
//! What keeps a rollback from being made is the table of [`crate::way_back`].

use autopilot::{
    announcement::Phase,
    case::{Case, Say},
    configuration::{Member, Snapshot, differences},
    control::Mode,
    desk::Plan,
    incident::IncidentId,
    service::{Operation, OperationId, OperationStatus, OperationType, ServiceStatus},
};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    bake::counted,
    case::{Act, Bake, Hold, Rolling, Wanted, Why, Work},
    seen::{Look, Seen},
    settings::{Settings, span},
    tell::{by_hand, names},
    versions::{Evidence, Standing},
    way_back::{self, Way},
};

/// Our rollbacks that are remembered by their operations.
const OWN_KEPT: usize = 20;

/// A decision in the making.
pub(crate) struct Draft<'a> {
    pub(crate) look: &'a Look,
    pub(crate) work: Work,
    pub(crate) say: Vec<Say>,
}

type Decision = Plan<Work, Act>;

/// Decides.
pub fn decide(case: &Case<Work>, seen: &Seen, settings: &Settings, now: Timestamp) -> Decision {
    match seen {
        Seen::Baking(judged) => {
            let mut work = case.work.clone();
            work.baking = work.baking.map(|bake| counted(bake, judged, now));
            let reason = judged.now.to_string();
            Plan { decision: "bake", reason, work, open: true, say: Vec::new(), act: None }
        }
        Seen::Whole(look) => {
            let mut plan = Draft { look, work: case.work.clone(), say: Vec::new() }.whole(settings, now);
            // Versions are recorded in any mode; what was begun or asked for is told to its end.
            if look.mode == Mode::Off && case.work.rolling.is_none() && case.work.request.is_none() {
                plan.say.clear();
            }
            without_request(plan)
        }
    }
}

/// A request is answered by the command that brings it. One that stayed would be carried out on another version.
fn without_request(mut plan: Decision) -> Decision {
    if plan.act.is_none() && plan.work.request.take().is_some() {
        plan.reason.push_str("; the request is not kept, ask again then");
    }
    plan
}

impl Draft<'_> {
    fn whole(mut self, settings: &Settings, now: Timestamp) -> Decision {
        match &self.look.status {
            None | Some(ServiceStatus::Deleted) => return self.over("gone", "it was deleted"),
            Some(ServiceStatus::Paused) => return self.over("paused", "it is paused"),
            Some(ServiceStatus::CreateFailed | ServiceStatus::DeleteFailed) => {
                return self.ends("its creation or deletion failed, which is rebuild's");
            }
            Some(ServiceStatus::Running) => {}
            Some(_) => {
                return self.waits("an operation or maintenance is running, or the status is not known");
            }
        }
        let Some(newest) = self.look.operations.first() else { return self.ends("it has no operation") };
        if newest.status.is_running() {
            return self.waits("an operation is running");
        }
        if let OperationStatus::Other(word) = &newest.status {
            return self.waits(format!("the status {word} of the newest operation is not known"));
        }
        if let Some(rolling) = self.work.rolling.clone() {
            return self.follow(rolling, newest, now);
        }
        let Some(ship) = self.look.shipping() else { return self.ends("it has no deployment") };
        let bakes = self.work.baking.as_ref().map(|bake| &bake.operation);
        if self.work.failed.as_ref().is_some_and(|failed| *failed != ship.id && Some(failed) != bakes) {
            return self.skip_someone_else();
        }
        if let Some(request) = self.work.request.clone() {
            return match request.what {
                Wanted::Version(version) => self.roll_back(Why::Requested, version, "a person asked"),
                Wanted::Release => self.release(),
            };
        }
        if self.work.dealt.as_ref() != Some(&ship.id)
            && let Some(decision) = self.news(ship, newest, settings, now)
        {
            return decision;
        }
        self.baked()
    }

    /// An operation that nothing was done about yet. `None` where only its bake is left.
    fn news(
        &mut self,
        ship: &Operation,
        newest: &Operation,
        settings: &Settings,
        now: Timestamp,
    ) -> Option<Decision> {
        if ship.status == OperationStatus::Succeeded {
            return self.succeeded(ship);
        }
        if !ship.kind.ships_a_version() {
            self.work.dealt = Some(ship.id.clone());
            return None;
        }
        self.work.failed = Some(ship.id.clone());
        self.work.thread = Some(IncidentId::of_operation(&self.look.service, &ship.id));
        if newest.id != ship.id {
            self.work.dealt = Some(ship.id.clone());
            return Some(self.take().skip_someone_else());
        }
        let settled = ship.last_known_at().unwrap_or(now) + span(settings.settle_time);
        if now < settled {
            return Some(self.take().waits(format!("others may clean up until {settled}")));
        }
        let attempted = match ship.status {
            OperationStatus::RollbackFailed => {
                let because = format!("App Runner could not undo the failed {} itself", ship.kind.noun());
                return Some(self.take().roll_back(Why::NativeRollbackFailed, None, &because));
            }
            OperationStatus::RollbackSucceeded => false,
            _ => {
                let Some(attempted) = self.runs_the_attempt(ship) else {
                    return Some(self.take().incomparable(ship));
                };
                attempted
            }
        };
        if attempted {
            let because =
                format!("the {} failed and what it attempted is still configured", ship.kind.noun());
            return Some(self.take().roll_back(Why::FailedAttemptStillConfigured, None, &because));
        }
        Some(self.take().recovered(ship))
    }

    /// Nothing is recorded that could say what runs.
    fn incomparable(self, ship: &Operation) -> Decision {
        let summary = format!(
            "A {} of {} failed, and there is no known good version to compare with or to go back to. {}",
            ship.kind.noun(),
            self.look.service.name(),
            by_hand(self.look, None)
        );
        self.holds("no-known-good-version", summary, &ship.id)
    }

    fn succeeded(&mut self, ship: &Operation) -> Option<Decision> {
        self.work.began = None;
        // A version that failed while it baked, and now another came.
        if self.work.failed.is_some() {
            return Some(self.take().skip_someone_else());
        }
        let own = self.work.own.contains(&ship.id);
        if let (Some(hold), false) = (&self.work.hold, own) {
            let (plan, name) =
                (json!({"operation": ship.id, "version": hold.version}), self.look.service.name());
            self.work.thread = Some(IncidentId::of_operation(&self.look.service, &ship.id));
            if ship.kind == OperationType::StartDeployment {
                let summary = format!(
                    "A deployment of {name} succeeded and brought nothing new: the service is held at version {}. \
                     {{\"command\":\"release\"}} ends the hold.",
                    hold.version
                );
                self.say.push(Say::new(Phase::Progressed, "nothing-new-deployed", summary, plan));
                self.work.dealt = Some(ship.id.clone());
                return Some(self.take().told("nothing-new", "the service is held"));
            }
            let summary =
                format!("{name} is no longer held at version {}: somebody updated it.", hold.version);
            self.say.push(Say::new(Phase::Succeeded, "released", summary, plan));
            self.work.hold = None;
        }
        if own {
            self.work.dealt = Some(ship.id.clone());
            return None;
        }
        let Some(version) = self.look.versions.of(&ship.id) else {
            return Some(self.take().waits("another operation came while its version was recorded"));
        };
        self.work.dealt = Some(ship.id.clone());
        self.work.assume = false;
        if version.standing == Standing::Baking {
            self.work.baking = Some(Bake {
                operation: ship.id.clone(),
                began_at: ship.started_at.unwrap_or(version.deployed_at),
                since: version.deployed_at,
                streak: autopilot::analysis::Streak::default(),
                analysed_at: None,
                last: None,
                blamed: false,
                evidence: Evidence::None,
            });
        }
        None
    }

    /// What is left of a bake, once nothing else is.
    fn baked(mut self) -> Decision {
        let Some(bake) = &self.work.baking else {
            return self.ends("all is done about its newest operation");
        };
        let Some(version) = self.look.versions.of(&bake.operation) else {
            self.work.baking = None;
            return self.ends("the version that baked is not kept any more");
        };
        match version.standing {
            Standing::Baking => {
                let reason = format!("version {} bakes", version.number);
                self.plan("bake", reason, true, None)
            }
            Standing::KnownGood | Standing::Assumed => {
                let reason = format!("version {} is known good", version.number);
                self.work.baking = None;
                self.plan("known-good", reason, false, None)
            }
            Standing::Unproven => {
                let reason = format!("version {} is not proven", version.number);
                self.work.baking = None;
                self.plan("unproven", reason, false, None)
            }
            Standing::Bad => {
                self.work.thread = Some(IncidentId::of_operation(&self.look.service, &bake.operation));
                self.work.failed = Some(bake.operation.clone());
                let because = version.failure.clone().unwrap_or_default();
                let because = format!("its analysis failed ({})", because.trim_end_matches('.'));
                self.roll_back(Why::AnalysisFailed, None, &because)
            }
        }
    }

    /// Whether what is configured is what a failed operation attempted; `None` where it cannot be said.
    fn runs_the_attempt(&self, failed: &Operation) -> Option<bool> {
        let versions = &self.look.versions;
        if versions.kept.is_empty() {
            return None;
        }
        // What equals a version that ran is not the attempt; a deployment attempts no other configuration.
        if versions.equal_to(&self.look.configuration).is_some()
            || failed.kind == OperationType::StartDeployment
        {
            return Some(false);
        }
        // What equals no version came from an update since the newest version; where all of these failed, from
        // one that failed.
        let since = self.look.operations.iter().take_while(|operation| versions.of(&operation.id).is_none());
        let mut updates = since.filter(|operation| operation.kind == OperationType::UpdateService);
        Some(updates.all(|operation| operation.status.is_failure()))
    }

    fn recovered(mut self, ship: &Operation) -> Decision {
        let name = self.look.service.name();
        let left = self.look.versions.last_good(None).map(|version| {
            let now = Snapshot { configuration: &self.look.configuration, digest: None };
            (version.number, differences(version.snapshot(), now))
        });
        let left = left.filter(|(_, left)| !left.is_empty());
        let difference = left.as_ref().map_or_else(String::new, |(number, left)| {
            format!(" It differs from version {number}, the last known good one, in {}.", names(left))
        });
        let summary =
            format!("App Runner recovered {name} from the failed {}.{difference}", ship.kind.noun());
        let members: Vec<_> = left.iter().flat_map(|(_, left)| left).map(Member::to_string).collect();
        let plan = json!({"action": "none", "operation": ship.id, "differences": members});
        self.say.push(Say::new(Phase::Skipped, "recovered-by-app-runner", summary, plan));
        self.work.dealt = Some(ship.id.clone());
        self.work.failed = None;
        self.told("skip", "App Runner recovered it")
    }

    /// Follows our own update to its end.
    fn follow(mut self, mut rolling: Rolling, newest: &Operation, now: Timestamp) -> Decision {
        if rolling.operation.is_none() {
            let since = self.look.operations.iter().take_while(|it| Some(&it.id) != rolling.act.after());
            let ours = since.filter(|it| it.kind == OperationType::UpdateService).last();
            rolling.operation = ours.map(|it| it.id.clone());
        }
        let ours = self.look.operations.iter().find(|it| Some(&it.id) == rolling.operation.as_ref());
        let Some(ours) = ours else { return self.waits("our own operation is not listed yet") };
        let (name, id) = (self.look.service.name(), ours.id.clone());
        self.work.rolling = None;
        self.work.failed = None;
        self.work.baking = None;
        if matches!(rolling.act, Act::RollBack { .. }) && !self.work.own.contains(&id) {
            self.work.own.push(id.clone());
            let excess = self.work.own.len().saturating_sub(OWN_KEPT);
            self.work.own.drain(..excess);
        }
        if newest.id != id {
            self.say.push(someone_else(name, &id));
            // What they did is looked at next.
            self.work.dealt = Some(id);
            return self.plan("skip", "someone else acted after our update", true, None);
        }
        let left = self.look.versions.numbered(rolling.act.version()).map(|version| {
            let now = Snapshot { configuration: &self.look.configuration, digest: None };
            differences(version.snapshot(), now)
        });
        let succeeded = ours.status == OperationStatus::Succeeded;
        match (&rolling.act, left) {
            (Act::Release { version, .. }, Some(_)) if succeeded => {
                let summary = format!(
                    "{name} is released from version {version}: its own tag and automatic deployments are configured again."
                );
                let plan = json!({"operation": id, "version": version});
                self.say.push(Say::new(Phase::Succeeded, "released", summary, plan));
                self.work.hold = None;
                // What the tag means now is a new version, to be recorded and baked.
                self.plan("verified", "the hold is released", true, None)
            }
            (Act::RollBack { to, drift, bad_digest, bad_image, .. }, Some(left))
                if succeeded && left.is_empty() =>
            {
                let drift_told = if drift.is_empty() {
                    String::new()
                } else {
                    format!(" If a template manages it, it no longer matches it in {}.", drift.join(", "))
                };
                let summary = format!(
                    "{name} runs version {to} again, verified by reading back, and is held there with automatic \
                     deployments off.{drift_told} {{\"command\":\"release\"}} ends the hold."
                );
                let plan = json!({"operation": id, "version": to, "drift": drift});
                self.say.push(Say::new(Phase::Succeeded, "verified", summary, plan));
                let (bad_digest, bad_image) = (bad_digest.clone(), bad_image.clone());
                self.work.hold = Some(Hold { version: *to, bad_digest, bad_image, since: now });
                self.work.dealt = Some(id);
                self.plan("verified", "our rollback is verified", false, None)
            }
            (act, left) => {
                let what = match left.filter(|left| succeeded && !left.is_empty()) {
                    Some(left) => format!("it still differs in {}", names(&left)),
                    None => format!("its operation {id} ended as {}", ours.status),
                };
                self.say.push(way_back::own_failure(self.look, act, &what));
                self.work.dealt = Some(id);
                self.plan("failed", what, false, None)
            }
        }
    }

    fn roll_back(mut self, why: Why, version: Option<u64>, because: &str) -> Decision {
        if self.look.mode == Mode::Off && why != Why::Requested {
            self.settle_all();
            return self.ends("rollback is off here");
        }
        if why == Why::Requested {
            self.work.thread = self.work.request.as_ref().map(|request| request.thread.clone());
        }
        match way_back::find(&self, why, version, because) {
            Way::Open(act) => {
                let reason = format!("{}, to version {}", why.word(), act.version());
                self.plan("roll-back", reason, true, Some(act))
            }
            Way::Unread => self.waits("the way back was not looked at yet"),
            Way::Shut { reason, summary } => {
                let about = self.about();
                let requested = self.work.request.take().is_some();
                let mut plan = self.holds(reason, summary, &about);
                plan.open = !requested || plan.work.failed.is_some() || plan.work.baking.is_some();
                plan
            }
        }
    }

    fn release(mut self) -> Decision {
        let force = self.work.request.as_ref().is_some_and(|request| request.force);
        self.work.thread = self.work.request.as_ref().map(|request| request.thread.clone());
        match way_back::find_release(&self, force) {
            Ok(act) => self.plan("release", "a person asked", true, Some(act)),
            Err(summary) => {
                self.work.request = None;
                let about = self.about();
                let mut plan = self.holds("would-bring-back-the-bad-version", summary, &about);
                plan.open = plan.work.failed.is_some() || plan.work.baking.is_some();
                plan
            }
        }
    }

    /// The operation that the present trouble is about.
    pub(crate) fn about(&self) -> OperationId {
        let bake = self.work.baking.as_ref().map(|bake| &bake.operation);
        let about = self.work.failed.as_ref().or(bake).or(self.look.shipping().map(|ship| &ship.id));
        about.cloned().unwrap_or_else(|| OperationId(String::new()))
    }

    fn settle_all(&mut self) {
        self.work.dealt = self.look.shipping().map(|ship| ship.id.clone());
        self.work.failed = None;
        self.work.baking = None;
        self.work.thread = None;
    }

    /// What came after the failure is looked at next, in its own thread.
    fn skip_someone_else(mut self) -> Decision {
        if let Some(failed) = self.work.failed.take() {
            self.work.thread = Some(IncidentId::of_operation(&self.look.service, &failed));
            self.say.push(someone_else(self.look.service.name(), &failed));
        }
        self.plan("skip", "someone else acted after the failure", true, None)
    }

    /// All that is said belongs to one thread; a bake is looked at next, in its own.
    fn told(self, decision: &'static str, reason: &str) -> Decision {
        let open = self.work.baking.is_some();
        self.plan(decision, reason, open, None)
    }

    /// The service cannot be acted on any more.
    fn over(mut self, reason: &'static str, because: &str) -> Decision {
        let dealt = self.work.dealt.clone();
        let news = self.look.operations.iter().take_while(|operation| Some(&operation.id) != dealt.as_ref());
        let failed = news.filter(|it| it.kind.ships_a_version() && it.status.is_failure()).last();
        let failed = self.work.failed.clone().or(failed.map(|operation| operation.id.clone()));
        let underway = self.work.rolling.is_some() || self.work.request.is_some();
        if let Some(about) = failed.or(underway.then(|| self.about())) {
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
    fn take(&mut self) -> Self {
        Self { look: self.look, work: std::mem::take(&mut self.work), say: std::mem::take(&mut self.say) }
    }

    fn waits(mut self, reason: impl Into<String>) -> Decision {
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

    fn ends(self, reason: impl Into<String>) -> Decision {
        self.plan("end", reason, false, None)
    }

    fn holds(mut self, reason: &'static str, summary: String, about: &OperationId) -> Decision {
        let plan = json!({"action": "hold", "operation": about});
        self.say.push(Say::new(Phase::Held, reason, summary, plan));
        self.plan("hold", reason, true, None)
    }

    fn plan(
        self,
        decision: &'static str,
        reason: impl Into<String>,
        open: bool,
        act: Option<Act>,
    ) -> Decision {
        Plan { decision, reason: reason.into(), work: self.work, open, say: self.say, act }
    }
}

fn someone_else(name: &str, operation: &OperationId) -> Say {
    let summary = format!("{name} is left alone: somebody else acted after operation {operation}.");
    Say::new(Phase::Skipped, "someone-else-acted", summary, json!({"action": "none", "operation": operation}))
}

#[cfg(test)]
mod tests;
