//! A case: one piece of work of an acting function, from its first sight to its announced end.
//!
//! A case is one record of the table. It holds what the function knows ([`Case::work`]), its mutations
//! ([`Ledger`]), and in the same record's outbox what is still to be announced: so what was done and the telling
//! of it are one conditional write.

use std::mem;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    announcement::{Announcement, Phase, Topic},
    control::{Action, Mode, SetBy},
    incident::IncidentId,
    mutation::{Ledger, Outcome},
    service::ServiceArn,
    store::Record,
};

/// Closed cases are kept this long after their last change. They hold what must not be forgotten while a service
/// lives on quietly: what was acknowledged, which operations were ours, what a service is held at.
const KEEP: SignedDuration = SignedDuration::from_hours(400 * 24);

/// A case as the table holds it.
pub type CaseRecord<W> = Record<Case<W>, Announcement>;

/// One piece of work.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Case<W> {
    /// What it is about: a service's ARN, a record's name, an endpoint.
    pub subject: String,
    /// The incident, and the thread of its messages.
    pub incident: IncidentId,
    /// Whether there is anything left to do. The tick looks at open cases only.
    pub open: bool,
    /// What was changed.
    pub ledger: Ledger,
    /// What was said last; the same plan, hold or end is not said twice in a row.
    told: Option<String>,
    /// How many announcements there were.
    said: u64,
    /// The value of a mode tag that is no mode, as it was told.
    #[serde(default)]
    unreadable_tag: Option<String>,
    /// What the function knows.
    pub work: W,
}

impl<W: Default> Case<W> {
    /// A case with something to do.
    pub fn new(subject: impl Into<String>, incident: IncidentId) -> Self {
        Self { subject: subject.into(), incident, open: true, ..Self::default() }
    }
}

/// Something to announce about a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Say {
    /// Where the work stands.
    pub phase: Phase,
    /// Why: a machine word of docs/announcements.md.
    pub reason: &'static str,
    /// One sentence for people, with the next step where there is one.
    pub summary: String,
    /// The plan: an object, the same as long as nothing changes.
    pub plan: Value,
    /// What is particular to the function.
    pub more: Map<String, Value>,
}

impl Say {
    /// An announcement without particulars.
    pub fn new(phase: Phase, reason: &'static str, summary: impl Into<String>, plan: Value) -> Self {
        Self { phase, reason, summary: summary.into(), plan, more: Map::new() }
    }

    /// What every function says where the gate lets nothing through; `what` completes "would …", and `reason` is
    /// the one that acting would have had. `None` where there is nothing to say: the mode is off, or it is only a
    /// matter of waiting.
    pub fn of_refusal(outcome: &Outcome, reason: &'static str, what: &str, plan: Value) -> Option<Self> {
        match outcome {
            Outcome::Planned(Mode::DryRun) => {
                let summary = format!("Dry run: would {what}. Nothing is changed.");
                Some(Self::new(Phase::Planned, reason, summary, plan))
            }
            Outcome::Stopped(since) => {
                let summary = format!(
                    "Does not {what}: everything was stopped by a person at {since}. \
                     {{\"command\":\"go\"}} to any function lifts it."
                );
                Some(Self::new(Phase::Held, "stopped", summary, plan))
            }
            Outcome::BudgetExhausted(until) => {
                let summary = format!(
                    "Does not {what}: the budget is used up until {until}. Until then it is for a person to do."
                );
                Some(Self::new(Phase::Held, "budget-exhausted", summary, plan))
            }
            Outcome::Refused(why) => {
                let summary = format!("Could not {what}: {why}.");
                Some(Self::new(Phase::Held, "refused", summary, plan))
            }
            Outcome::Planned(_) | Outcome::Wait(_) | Outcome::Made(_) => None,
        }
    }
}

impl<W: Default> Case<W> {
    /// A new open case.
    pub fn opened(subject: impl Into<String>, incident: IncidentId, work: W) -> Self {
        Self { subject: subject.into(), incident, open: true, work, ..Self::default() }
    }
}

impl<W> CaseRecord<W> {
    /// Adds an announcement to what is to be sent, unless it only repeats the last one.
    pub fn say(&mut self, function: &Topic, mode: Option<Mode>, say: Say, now: Timestamp) {
        let told = format!("{} {} {}", say.phase, say.reason, say.plan);
        // Whatever was done is told, however alike; that nothing is done, once.
        let was_done = !matches!(say.phase, Phase::Planned | Phase::Held | Phase::Skipped);
        if !was_done && self.state.told.as_ref() == Some(&told) {
            return;
        }
        let case = &mut self.state;
        case.told = Some(told);
        case.said += 1;
        let word = function.as_str().trim_start_matches("Autopilot ").to_lowercase().replace(' ', "-");
        self.outbox.push(Announcement {
            topic: function.clone(),
            // Several functions may speak in one incident's thread, each with its own numbers.
            announcement_id: format!("{}/{word}#{}", case.incident, case.said),
            incident_id: case.incident.clone(),
            phase: say.phase,
            reason: say.reason.to_owned(),
            summary: say.summary,
            subject: case.subject.clone(),
            mode,
            time: now,
            plan: say.plan,
            more: say.more,
        });
    }

    /// Announces that a service's mode tag has a value that is no mode; once, as long as it stands.
    pub fn say_unreadable(&mut self, function: &Topic, action: Action, set_by: &SetBy, now: Timestamp) {
        let value = match set_by {
            SetBy::UnreadableTag(value) => Some(value.clone()),
            _ => None,
        };
        if self.state.unreadable_tag == value {
            return;
        }
        self.state.unreadable_tag.clone_from(&value);
        let (Some(value), subject) = (value, self.state.subject.clone()) else { return };
        let tag = action.tag();
        let summary = format!(
            "The tag {tag} has the value {value:?}, which is no mode: it counts as off, so {} does nothing here.",
            action.as_str()
        );
        let step = format!(
            "aws apprunner tag-resource --resource-arn {subject} --tags Key={tag},Value=on (or dry-run, off)"
        );
        let plan = json!({"action": "hold", "tag": tag, "by_hand": [step]});
        // It belongs to no failure.
        let name = subject.parse::<ServiceArn>().map_or(subject, |service| service.name().to_owned());
        let thread = IncidentId::new(format!("{name}:{}-tag", action.as_str()));
        let (incident, told) = (mem::replace(&mut self.state.incident, thread), self.state.told.take());
        self.say(function, Some(Mode::Off), Say::new(Phase::Held, "unreadable-tag", summary, plan), now);
        (self.state.incident, self.state.told) = (incident, told);
    }

    /// Sets when the table may forget the case: never while it is open.
    pub fn date(&mut self, now: Timestamp) {
        self.expires_at = (!self.state.open).then(|| now + KEEP);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Key, Record};

    #[test]
    fn a_closed_case_is_kept_for_400_days_and_an_open_one_for_good() {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let mut record: CaseRecord<u8> = Record::from_item(Key::new("rollback", "case x"), None).unwrap();
        record.state = Case::opened("x", IncidentId::new("x:d"), 7);
        assert_eq!((record.state.subject.as_str(), record.state.open, record.state.work), ("x", true, 7));
        assert_eq!(record.state.incident.as_str(), "x:d");
        record.date(now);
        assert_eq!(record.expires_at, None);
        record.state.open = false;
        record.date(now);
        assert_eq!(record.expires_at, Some("2027-12-26T10:00:00Z".parse().unwrap()));
    }

    #[test]
    fn an_unreadable_tag_is_said_once_a_standing_and_in_its_own_thread() {
        let key = Key::new("rollback", "case x");
        let mut record: CaseRecord<u8> = Record::from_item(key, None).unwrap();
        record.state = Case::new(
            "arn:aws:apprunner:eu-west-1:123456789012:service/orders/8fe1",
            IncidentId::new("orders:d"),
        );
        let unreadable = |value: &str| SetBy::UnreadableTag(value.to_owned());
        let mut said = Vec::new();
        for set_by in [
            SetBy::Parameter,
            unreadable("yes"),
            unreadable("yes"),
            unreadable("ON"),
            SetBy::Tag,
            unreadable("ON"),
        ] {
            record.say_unreadable(&Topic::Rollback, Action::Rollback, &set_by, Timestamp::UNIX_EPOCH);
            said.push(serde_json::to_value(&record.outbox).unwrap()["entries"].as_array().unwrap().len());
        }
        assert_eq!(said, [0, 1, 1, 2, 2, 3]);
        let said = serde_json::to_string(&record.outbox).unwrap();
        assert!(said.contains("orders:rollback-tag") && !said.contains("orders:d"), "{said}");
        assert!(said.contains("apprunner-autopilot:rollback has the value"), "{said}");
        assert_eq!(record.state.incident.as_str(), "orders:d", "the failure's thread goes on");
    }
}
