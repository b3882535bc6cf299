//! What to do about a service. Pure: the time is handed in.
//!
//! | situation | plan |
//! |---|---|
//! | the service is deleted, or `PAUSED` | skip: `gone`, `paused`; nothing is said where nothing had failed |
//! | `CREATE_FAILED`, `DELETE_FAILED` | end: that is `rebuild`'s |
//! | an operation is running, maintenance, or a word that is not known here | wait |
//! | our rollback ended, and the configuration reads back as meant; our release succeeded | end: `verified`, `released` |
//! | our update ended otherwise | end: `own-rollback-failed`, with the steps for a person |
//! | somebody else's operation came after a failure, or their update after our rollback | skip: `someone-else-acted` |
//! | a deployment while the service is held | `nothing-new-deployed` |
//! | somebody's update while the service is held | the hold ends |
//! | an operation succeeded | its version bakes |
//! | an operation failed less than `SettleTime` ago | wait |
//! | `ROLLBACK_SUCCEEDED`; or `FAILED`, and what is configured is not what was attempted | skip: `recovered-by-app-runner` |
//! | `ROLLBACK_FAILED`; or `FAILED`, and what is configured is what was attempted | roll back |
//! | the bake ended well | end |
//! | the analysis failed within the bake | roll back; hold (`analysis-outdated`) where that was long ago |
//!
//! What keeps a rollback from being made is the table of [`crate::way_back`].

mod endings;
mod follow;

use autopilot::{
    announcement::Phase,
    case::{Case, Say},
    configuration::{Member, Snapshot, differences},
    control::Mode,
    desk::Plan,
    incident::IncidentId,
    service::{Operation, OperationStatus, OperationType, ServiceStatus},
};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    bake::{acts_until, counted},
    by_hand,
    case::{Act, Bake, Wanted, Why, Work},
    seen::{Look, Seen},
    settings::{Settings, span},
    tell::names,
    versions::{Evidence, Standing},
    way_back::{self, Shut, Way},
};

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
            return self.follow(&rolling, newest);
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
        self.baked(settings, now)
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
        // What we did is followed, and never judged like somebody's.
        if !ship.kind.ships_a_version() || self.work.is_own(&ship.id) {
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
        if self.look.mode == Mode::Off {
            return self.off();
        }
        let summary = format!(
            "A {} of {} failed, and there is no known good version to compare with or to go back to.",
            ship.kind.noun(),
            self.look.service.name(),
        );
        let by_hand = by_hand::without_a_version(&self.look.service);
        self.holds("no-known-good-version", summary, &by_hand)
    }

    fn succeeded(&mut self, ship: &Operation) -> Option<Decision> {
        self.work.began = None;
        // A version that failed while it baked, and now another came.
        if self.work.failed.is_some() {
            return Some(self.take().skip_someone_else());
        }
        let own = self.work.is_own(&ship.id);
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
    fn baked(mut self, settings: &Settings, now: Timestamp) -> Decision {
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
                let outdated = now > acts_until(bake, settings);
                self.work.thread = Some(IncidentId::of_operation(&self.look.service, &bake.operation));
                self.work.failed = Some(bake.operation.clone());
                let because = version.failure.clone().unwrap_or_default();
                let because = format!("its analysis failed ({})", because.trim_end_matches('.'));
                if outdated && self.look.mode != Mode::Off {
                    return self.outdated(&because);
                }
                self.roll_back(Why::AnalysisFailed, None, &because)
            }
        }
    }

    /// It failed while nothing could be done, and may serve well by now.
    fn outdated(self, because: &str) -> Decision {
        let service = &self.look.service;
        let summary = format!(
            "{} is not rolled back by itself although {because}: that was too long ago. If it still fails, say so.",
            service.name()
        );
        let command = format!(
            "Say {{\"command\":\"rollback\",\"service_arn\":\"{service}\"}} to this function if it still fails."
        );
        let mut plan = self.holds("analysis-outdated", summary, &[command]);
        (plan.work.failed, plan.work.baking, plan.open) = (None, None, false);
        plan
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
        // What equals no version came from an update since the newest version or our own rollback; where all of
        // these failed, from one that failed.
        let since = self.look.operations.iter().take_while(|it| {
            let own = self.work.is_own(&it.id) && it.status == OperationStatus::Succeeded;
            versions.of(&it.id).is_none() && !own
        });
        let mut updates = since.filter(|operation| operation.kind == OperationType::UpdateService);
        Some(updates.all(|operation| operation.status.is_failure()))
    }

    fn recovered(mut self, ship: &Operation) -> Decision {
        let name = self.look.service.name();
        let left = self.look.versions.good().next().map(|version| {
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

    fn roll_back(mut self, why: Why, version: Option<u64>, because: &str) -> Decision {
        if self.look.mode == Mode::Off && why != Why::Requested {
            return self.off();
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
            Way::Shut(Shut { reason, what, by_hand }) => {
                let name = self.look.service.name();
                let summary = format!("{name} is not rolled back although {because}: {what}.");
                self.holds(reason, summary, &by_hand)
            }
        }
    }

    fn release(mut self) -> Decision {
        let force = self.work.request.as_ref().is_some_and(|request| request.force);
        self.work.thread = self.work.request.as_ref().map(|request| request.thread.clone());
        match way_back::find_release(&self, force) {
            Ok(act) => self.plan("release", "a person asked", true, Some(act)),
            Err(summary) => {
                let force = format!(
                    "Say {{\"command\":\"release\",\"service_arn\":\"{}\",\"force\":true}} to this function.",
                    self.look.service
                );
                self.holds("would-bring-back-the-bad-version", summary, &[force])
            }
        }
    }
}

#[cfg(test)]
mod tests;
