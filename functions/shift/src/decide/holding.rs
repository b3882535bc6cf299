//! Why nothing is written, and how that is told: a hold once, a reminder of it a day.

use autopilot::{announcement::Phase as Told, case::Say};
use jiff::SignedDuration;
use serde_json::Value;

use super::{Next, Seen, Turn, Unready, described};
use crate::shift::{Hold, LASTING, Phase, Why, span};

const DAY: SignedDuration = SignedDuration::from_hours(24);

impl Turn {
    pub(super) fn stay_paused(self) -> Next {
        let (why, words) = match &self.shift.paused_by {
            Some(hold) => (hold.why, hold.words.clone()),
            None => (Why::Paused, "A person paused the shift; resume lets it go on.".to_owned()),
        };
        self.hold(why, &words)
    }

    pub(super) fn foreign_edit(self, words: &[String]) -> Next {
        let words = format!(
            "Somebody edited the records: {}. Nothing is overwritten. resume goes on where they match a step of the \
             plan; abort with \"force\": true puts them back to 100/0.",
            words.join("; ")
        );
        self.hold(Why::ForeignEdit, &words)
    }

    pub(super) fn pause(mut self, why: Why, words: &str) -> Next {
        self.shift.pause(why, words, self.now);
        self.shift.note(&format!("held: {}", why.as_str()), self.now);
        self.hold(why, words)
    }

    /// True where a step is overdue.
    fn is_late(&self) -> bool {
        let deadline = self.shift.progressed_at + span(self.shift.plan.progress_deadline);
        matches!(self.shift.phase, Phase::Preparing | Phase::Progressing) && self.now >= deadline
    }

    fn pause_late(self, words: &str) -> Next {
        let limit = self.shift.plan.progress_deadline;
        let words = format!("No step for {limit}, so the shift is paused; resume lets it go on. {words}");
        self.pause(Why::Deadline, &words)
    }

    pub(super) fn wait_for_sync(self, seen: &Seen) -> Next {
        let since = self.shift.written.as_ref().map_or(self.now, |written| written.at);
        let words = match &seen.change {
            Some(Err(why)) => format!("Whether all servers of Route 53 have it could not be asked: {why}."),
            _ => format!("Not all servers of Route 53 have the change of {since} yet."),
        };
        if self.is_late() {
            return self.pause_late(&words);
        }
        if seen.change.is_some() && self.now.duration_since(since) >= LASTING {
            return self.hold(Why::NotInSync, &words);
        }
        self.rest("wait", "Route 53 is still telling its servers")
    }

    /// Nothing is done until a person or the facts change; past the deadline, until a person does.
    pub(super) fn hold(mut self, why: Why, words: &str) -> Next {
        if (why == Why::Inconclusive || Unready::WHYS.contains(&why)) && self.is_late() {
            return self.pause_late(words);
        }
        // Nothing is to be written, so a refusal holds no more, and what held beside it does since then.
        self.shift.release(Why::Refused);
        let since = self.shift.hold.as_ref().filter(|hold| hold.why == why).map(|hold| hold.since);
        self.shift.hold = Some(Hold { why, since: since.unwrap_or(self.now), words: words.to_owned() });
        if since.is_none() {
            self.shift.note(&format!("held: {}", why.as_str()), self.now);
        }
        let days = self.now.duration_since(since.unwrap_or(self.now)).as_secs() / DAY.as_secs();
        let mut plan = described(&self.shift);
        if days > 0
            && let Value::Object(plan) = &mut plan
        {
            plan.insert("reminder".to_owned(), days.into());
        }
        let summary = format!("The shift of {} holds. {words}", self.shift.plan.record_name);
        let say = Say { plan, ..self.said(Told::Held, why.as_str(), summary) };
        self.say.push(say);
        self.rest("hold", format!("{}: {words}", why.as_str()))
    }
}
