//! The policy of a shift: one pure function from what is remembered and seen to what is done next.
//!
//! | | Preparing | Progressing | Paused | Validating |
//! |---|---|---|---|---|
//! | the pair was never written | write it at 100/0 | – | write it | – |
//! | the records are gone | Failed | Failed | Failed | Failed |
//! | somebody edited the records | hold `foreign-edit` | the same | the same | the same |
//! | a person aborted it | back to 100/0 | the same | the same | the same |
//! | `failure_limit` failures, App Runner well | – | back to 100/0 | back to 100/0 | back to 100/0 |
//! | the same, App Runner not well | – | hold `from-not-healthy` | the same | the same |
//! | a person, `pause_before` or the deadline paused it | – | – | wait, remind daily | – |
//! | the successor is being deployed, gone or cannot be read | hold `target-deploying`, `-gone`, `-unread` | the same | wait | the same |
//! | not INSYNC, or resolvers may keep what was before | wait | wait | wait | wait |
//! | within the bake time (the validation time) | – | wait | wait | wait |
//! | after it: pass | first step, unless the successor fails | next step; after 100: Validating | wait | finish, if the plan says so |
//! | after it: inconclusive | as with a pass: nothing can be measured at weight 0 | hold `inconclusive` | wait | hold, if it were to finish |
//! | after it: fail, below the limit | hold `inconclusive` | hold `inconclusive` | wait | wait |
//! | next step is in `pause_before` | Paused | Paused | wait | – |
//! | no step within `progress_deadline` | Paused | Paused | wait | – |
//!
//! The rows are tried from the top, and the first that fits decides. Succeeded, `RolledBack` and Failed do nothing.
//! What a person's command changes is in [`crate::command`]; what a write changes once it is made, in [`made`].

mod act;
mod holding;
mod outcome;
mod side;
mod unready;

use autopilot::{
    analysis::{Analysis, Verdict},
    announcement::Phase as Told,
    case::Say,
    dns::{ChangeStatus, RecordSet},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

pub use act::{Act, Because, What};
pub use outcome::{described, made, not_made};
pub use side::FromSide;
pub use unready::Unready;

use crate::{
    records::{Standing, Weights, standing},
    shift::{Analysed, Phase, Shift, Why, span},
};

/// What a decision looks at.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Every record of the name.
    pub records: Vec<RecordSet>,
    /// How far the newest change is, or why Route 53 did not tell; `None` where nobody asked.
    pub change: Option<Result<ChangeStatus, String>>,
    /// How the successor does.
    pub analysis: Analysis,
    /// How App Runner's side does; asked only where a way back may be needed.
    pub from: FromSide,
    /// Why the successor is to take no further step; `None` where it may.
    pub unready: Option<Unready>,
    /// Other names of the service that may still lead to App Runner; asked only where the shift is to finish by itself.
    pub domains_left: Vec<String>,
}

/// What is done next.
#[derive(Clone, Debug)]
pub struct Next {
    /// Machine word, for the log.
    pub decision: &'static str,
    /// Why, for the log.
    pub reason: String,
    /// The shift from now on.
    pub shift: Shift,
    /// What to announce.
    pub say: Vec<Say>,
    /// What to write.
    pub act: Option<Act>,
}

/// Ticks do not come to the second: an analysis this much early is due.
const JITTER: SignedDuration = SignedDuration::from_secs(5);

/// Where Route 53's answer to a write was lost, its servers have the change after this time (API reference,
/// `GetChange`: usually within 60 seconds).
const SPREADS_IN: SignedDuration = SignedDuration::from_secs(60);

/// Decides.
pub fn decide(shift: &Shift, seen: &Seen, now: Timestamp) -> Next {
    let turn = Turn { shift: shift.clone(), say: Vec::new(), now };
    if !shift.phase.is_open() {
        let reason = format!("the shift is {}", shift.phase);
        return turn.rest("nothing", reason);
    }
    match standing(&shift.expected, &seen.records) {
        Standing::AsExpected => turn.go_on(seen),
        Standing::Edited(words) => turn.foreign_edit(&words),
        Standing::Gone if shift.expects_nothing() => turn.abort(),
        Standing::Gone => turn.gone(),
    }
}

/// A decision under way.
struct Turn {
    shift: Shift,
    say: Vec<Say>,
    now: Timestamp,
}

impl Turn {
    /// Nothing is to be written, so that nothing is late with it either.
    fn rest(mut self, decision: &'static str, reason: impl Into<String>) -> Next {
        self.shift.unwritten_since = None;
        self.shift.release(Why::Refused);
        Next { decision, reason: reason.into(), shift: self.shift, say: self.say, act: None }
    }

    fn act(
        self,
        decision: &'static str,
        reason: impl Into<String>,
        what: What,
        after: Vec<RecordSet>,
    ) -> Next {
        let act = Act { what, before: self.shift.expected.clone(), after };
        Next { decision, reason: reason.into(), shift: self.shift, say: self.say, act: Some(act) }
    }

    fn go_on(mut self, seen: &Seen) -> Next {
        self.shift.release(Why::ForeignEdit);
        self.note_sync(seen);
        self.count(&seen.analysis);
        if self.shift.aborting {
            return self.abort();
        }
        if self.shift.written.is_none() {
            let after = self.shift.pairs.at(Weights::START);
            return self.act("begin", "the pair is not written yet", What::Begin, after);
        }
        if self.shift.streak.reached(self.shift.plan.failure_limit) && self.shift.weights != Weights::START {
            return self.turn_back(seen);
        }
        self.shift.release(Why::FromNotHealthy);
        if self.shift.phase == Phase::Paused {
            return self.stay_paused();
        }
        if let Some(unready) = &seen.unready {
            return self.hold(unready.why(), &unready.to_string());
        }
        for why in Unready::WHYS {
            self.shift.release(why);
        }
        let Some(baked_at) = self.shift.baked_at() else { return self.wait_for_sync(seen) };
        self.shift.release(Why::NotInSync);
        if self.now < baked_at && !self.shift.promoted {
            self.shift.release(Why::Inconclusive);
            return self.rest("wait", format!("until {baked_at}"));
        }
        match (self.shift.validated_at(), self.shift.next_weight()) {
            (Some(until), _) => self.validate(seen, until),
            (None, Some(weight)) => self.step(&seen.analysis, weight),
            (None, None) => self.all_there(&seen.analysis),
        }
    }

    fn abort(mut self) -> Next {
        if self.shift.written.is_none() && !self.shift.expects_nothing() {
            if !self.shift.maybe_on_their_way.is_empty() {
                return self
                    .rest("wait", "the pair may be on its way; only then there is something to turn back");
            }
            let name = self.shift.plan.record_name.clone();
            self.shift.aborting = false;
            self.shift.enter(Phase::RolledBack, self.now);
            self.shift.note("aborted", self.now);
            let summary = format!("The shift of {name} was aborted before anything was written.");
            self.tell(Told::Failed, "aborted", summary);
            return self.rest("abort", "nothing was written yet");
        }
        let after = self.shift.back_at_start();
        let what = What::TurnBack { because: Because::Aborted };
        self.act("turn-back", "a person aborted it", what, after)
    }

    fn note_sync(&mut self, seen: &Seen) {
        let now = self.now;
        let Some(written) = &mut self.shift.written else { return };
        if written.insync_at.is_none() {
            let told = seen.change == Some(Ok(ChangeStatus::InSync));
            let assumed = written.id.is_none() && now.duration_since(written.at) >= SPREADS_IN;
            written.insync_at = (told || assumed).then_some(now);
        }
    }

    /// Counts the analysis if enough time has passed since the last that counted. At weight 0 it says nothing about
    /// a way back, so it is kept and not counted.
    fn count(&mut self, analysis: &Analysis) {
        let interval = span(self.shift.plan.analysis_interval);
        let last = self.shift.analysed.as_ref().map(|analysed| analysed.at);
        if last.is_some_and(|last| self.now.duration_since(last) + JITTER.min(interval / 2) < interval) {
            return;
        }
        if self.shift.weights != Weights::START {
            self.shift.streak.count(analysis.verdict);
        }
        self.shift.analysed = Some(Analysed { at: self.now, analysis: analysis.clone() });
    }

    fn turn_back(self, seen: &Seen) -> Next {
        if let Some(why) = seen.from.objection() {
            let words = format!(
                "The successor fails ({}), and the way back is not safe: {why}. The shift turns back by itself once \
                 App Runner is well; abort with \"force\": true does it now.",
                seen.analysis
            );
            return self.hold(Why::FromNotHealthy, &words);
        }
        let alone = |prefix: &str| {
            let mut failing = seen.analysis.with(Verdict::Fail).peekable();
            failing.peek().is_some() && failing.all(|check| check.name.starts_with(prefix))
        };
        let because = if alone("alarm:") { Because::Alarm } else { Because::AnalysisFailed };
        let (failures, after) = (self.shift.streak.failures(), self.shift.pairs.at(Weights::START));
        let reason = format!("{failures} analyses failed one after the other: {}", seen.analysis);
        self.act("turn-back", reason, What::TurnBack { because }, after)
    }

    fn step(mut self, analysis: &Analysis, weight: u8) -> Next {
        // Before the first step there is no traffic to measure; what can be said then (hosts, alarms) must not fail.
        let inconclusive_will_do = self.shift.steps == 0 || self.shift.promoted;
        let allowed = match analysis.verdict {
            Verdict::Pass => true,
            Verdict::Inconclusive => inconclusive_will_do,
            Verdict::Fail => false,
        };
        if !allowed {
            self.disarm(analysis);
            let words = format!(
                "No step to {weight} on this: {analysis} It goes on once the analysis passes; promote overrides an \
                 inconclusive one."
            );
            return self.hold(Why::Inconclusive, &words);
        }
        self.shift.release(Why::Inconclusive);
        if self.shift.plan.pause_before.contains(&weight) && self.shift.cleared != Some(weight) {
            let words = format!("The plan wants a person before the step to {weight}; resume lets it go on.");
            return self.pause(Why::PauseBefore, &words);
        }
        let steps = self.shift.steps + 1;
        let after = self.shift.pairs.at(Weights::successor(weight));
        self.act("step", format!("to {weight}: {analysis}"), What::Step { steps }, after)
    }

    /// The last step is written and baked.
    fn all_there(mut self, analysis: &Analysis) -> Next {
        if analysis.verdict != Verdict::Pass
            && !(self.shift.promoted && analysis.verdict == Verdict::Inconclusive)
        {
            self.disarm(analysis);
            let words = format!(
                "Everything is at the successor, but: {analysis} Validation begins once the analysis passes; promote \
                 overrides an inconclusive one."
            );
            return self.hold(Why::Inconclusive, &words);
        }
        self.shift.release(Why::Inconclusive);
        self.shift.promoted = false;
        self.shift.enter(Phase::Validating, self.now);
        self.shift.validating_since = Some(self.now);
        self.shift.note("validating", self.now);
        let until = self.now + span(self.shift.plan.validation_time);
        let name = self.shift.plan.record_name.clone();
        let summary = format!(
            "{name}: everything is at the successor. The way back stays open; send finish after {until}."
        );
        self.tell(Told::Progressed, "validating", summary);
        self.rest("validate", format!("until {until}"))
    }

    /// A promotion that met a failure is refused, and not kept for a later analysis.
    fn disarm(&mut self, analysis: &Analysis) {
        self.shift.promoted &= analysis.verdict != Verdict::Fail;
    }

    fn validate(mut self, seen: &Seen, until: Timestamp) -> Next {
        let analysis = &seen.analysis;
        if self.now < until {
            return self.rest("wait", format!("validating until {until}"));
        }
        if !self.shift.plan.finish_automatically {
            return self.rest("wait", "for finish");
        }
        if !seen.domains_left.is_empty() {
            let words = format!(
                "Does not finish: {} may still lead to the App Runner service. It does once they are shifted or \
                 unlinked; finish with \"force\": true does it now.",
                seen.domains_left.join(", ")
            );
            return self.hold(Why::DomainsLeft, &words);
        }
        self.shift.release(Why::DomainsLeft);
        if analysis.verdict != Verdict::Pass {
            let words = format!(
                "Does not finish on this: {analysis} It does once the analysis passes; finish does it now."
            );
            return self.hold(Why::Inconclusive, &words);
        }
        self.shift.release(Why::Inconclusive);
        let after = self.shift.pairs.successor_alone();
        self.act("finish", "the validation time is over", What::Finish, after)
    }

    fn gone(mut self) -> Next {
        let name = self.shift.plan.record_name.clone();
        self.shift.enter(Phase::Failed, self.now);
        self.shift.note("records-gone", self.now);
        let summary = format!(
            "The records of {name} are gone: the name leads nowhere. abort with \"force\": true writes them again at \
             100/0."
        );
        self.tell(Told::Failed, "records-gone", summary);
        self.rest("fail", "the records are gone")
    }

    fn tell(&mut self, phase: Told, reason: &'static str, summary: String) {
        let say = self.said(phase, reason, summary);
        self.say.push(say);
    }

    fn said(&self, phase: Told, reason: &'static str, summary: String) -> Say {
        outcome::said(&self.shift, phase, reason, summary)
    }
}

/// What every announcement of a shift carries.
fn particulars(shift: &Shift) -> Map<String, Value> {
    let mut more = Map::new();
    more.insert("hosted_zone_id".to_owned(), shift.plan.hosted_zone_id.as_str().into());
    more.insert("weights".to_owned(), json!(shift.weights));
    if let Some(analysed) = &shift.analysed {
        more.insert("analysis".to_owned(), json!(analysed.analysis));
    }
    more
}

#[cfg(test)]
mod tests;
