//! What a function of the autopilot announced, for people.

use autopilot::{
    announcement::{Announcement, Phase, Topic},
    redact::{PublicText, Redactor},
    service::ServiceArn,
};
use serde_json::Value;

use super::time;
use crate::{
    links,
    message::{Message, Section, Severity},
};

/// Fields of an announcement beside its summary that a message shows: lists of sentences, and the weights of a shift.
pub(crate) const SHOWN: [&str; 3] = ["lines", "next_steps", "weights"];

/// Holds that leave something broken until a person comes. Every other hold can wait for the morning.
fn needs_a_person_now(announcement: &Announcement) -> bool {
    match announcement.topic {
        // A bad version is serving and there is no safe way back.
        Topic::Rollback => {
            !["stopped", "unreadable", "unreadable-tag"].contains(&announcement.reason.as_str())
        }
        // Nothing serves, and every try failed.
        Topic::Rebuild => announcement.reason == "budget-exhausted",
        // The successor fails, and so does the way back.
        Topic::TrafficShift => announcement.reason == "from-not-healthy",
        _ => false,
    }
}

/// The message about an announcement.
pub fn announced(announcement: &Announcement) -> Message {
    let service: Option<ServiceArn> = announcement.subject.parse().ok();
    let name = service.as_ref().map_or(announcement.subject.as_str(), ServiceArn::name).to_owned();
    let function = announcement.topic.as_str().trim_start_matches("Autopilot ").to_lowercase();
    let severity = match announcement.phase {
        // A person turned the traffic back.
        Phase::Failed if announcement.reason == "aborted" => Severity::Warning,
        Phase::Failed => Severity::Critical,
        Phase::Held if needs_a_person_now(announcement) => Severity::Critical,
        Phase::Held => Severity::Warning,
        _ => Severity::Info,
    };
    let mut facts = vec![
        format!("Function   {function}"),
        format!("Phase      {} ({})", announcement.phase, announcement.reason),
        format!("Time       {}", time(announcement.time)),
    ];
    facts.extend(announcement.mode.map(|mode| format!("Mode       {mode}")));
    let mut steps = sentences(announcement.more.get("next_steps"));
    steps.extend(sentences(announcement.plan.get("by_hand")));
    Message {
        severity,
        service: name.clone(),
        kind: announcement.reason.clone(),
        phase: announcement.phase.to_string(),
        title: format!("{name}: {function} {} ({})", announcement.phase, announcement.reason),
        thread: announcement.incident_id.to_string(),
        sections: vec![
            Section { heading: "", lines: vec![clean(&announcement.summary)] },
            Section::ours("Traffic", weights(announcement)),
            Section { heading: "In detail", lines: sentences(announcement.more.get("lines")) },
            Section::ours("What", facts),
            Section { heading: "Plan", lines: plan(announcement) },
        ],
        next_steps: steps.iter().map(|step| step.as_str().to_owned()).collect(),
        details: Vec::new(),
        links: service.iter().map(links::service).collect(),
        resources: vec![announcement.subject.clone()],
    }
}

fn clean(text: &str) -> PublicText {
    Redactor::default().clean(&text.into())
}

/// A list of sentences that an announcement carries.
fn sentences(list: Option<&Value>) -> Vec<PublicText> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(clean).collect()
}

/// The plan, a line a field; what is to be done by hand stands among the next steps.
fn plan(announcement: &Announcement) -> Vec<PublicText> {
    let fields = announcement.plan.as_object().into_iter().flatten().filter(|(name, _)| *name != "by_hand");
    let line = |(name, value): (&String, &Value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        clean(&format!("{name:<10} {value}"))
    };
    fields.map(line).collect()
}

/// Where the traffic of a shift goes, as a bar.
fn weights(announcement: &Announcement) -> Option<String> {
    const WIDTH: usize = 20;
    let weights = announcement.more.get("weights")?;
    let weight = |side: &str| weights.get(side)?.as_u64().filter(|weight| *weight <= 100);
    let (from, to) = (weight("from")?, weight("to")?);
    let filled = usize::try_from(to).ok()? * WIDTH / 100;
    let bar = ["\u{2591}".repeat(WIDTH - filled), "\u{2588}".repeat(filled)].concat();
    Some(format!("App Runner {from:>3} {bar} {to:>3} successor"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_weights_of_a_shift_are_drawn() {
        let detail = |weights| {
            json!({
                "announcement_id": "a#1", "incident_id": "a", "phase": "held", "reason": "from-not-healthy",
                "summary": "It holds.", "resource": "app.example.com", "time": "2026-11-20T09:53:16Z",
                "weights": weights,
            })
        };
        for (weights, drawn) in [
            (json!({"from": 75, "to": 25}), Some("App Runner  75 ░░░░░░░░░░░░░░░█████  25 successor")),
            (json!({"from": 0, "to": 100}), Some("App Runner   0 ████████████████████ 100 successor")),
            (json!({"from": 0, "to": 1000}), None),
            (json!("all"), None),
        ] {
            let detail = detail(weights);
            let read =
                Announcement::from_event("Autopilot Traffic Shift", detail.as_object().unwrap()).unwrap();
            let message = announced(&read);
            assert_eq!(message.severity, Severity::Critical);
            let mail = message.for_people().body;
            match drawn {
                Some(drawn) => assert!(mail.as_str().contains(drawn), "{mail}"),
                None => assert!(!mail.as_str().contains("successor"), "{mail}"),
            }
        }
    }

    #[test]
    fn what_a_person_turned_back_wakes_nobody() {
        for (reason, severity) in [("aborted", Severity::Warning), ("analysis-failed", Severity::Critical)] {
            let detail = json!({
                "announcement_id": "a#1", "incident_id": "a", "phase": "failed", "reason": reason,
                "summary": "It turned back.", "resource": "app.example.com", "time": "2026-11-20T09:53:16Z",
            });
            let read =
                Announcement::from_event("Autopilot Traffic Shift", detail.as_object().unwrap()).unwrap();
            assert_eq!(announced(&read).severity, severity, "{reason}");
        }
    }

    #[test]
    fn what_is_to_be_done_by_hand_is_the_next_step_and_wakes_somebody() {
        for (topic, reason, severity) in [
            ("Autopilot Rollback", "image-gone", Severity::Critical),
            ("Autopilot Rollback", "stopped", Severity::Warning),
            ("Autopilot Rebuild", "needs-a-fix", Severity::Warning),
            ("Autopilot Rebuild", "budget-exhausted", Severity::Critical),
            ("Autopilot Cleanup", "over-cap", Severity::Warning),
        ] {
            let detail = json!({
                "announcement_id": "a#1", "incident_id": "a", "phase": "held", "reason": reason,
                "summary": "It holds.", "resource": "orders", "time": "2026-11-20T09:53:16Z",
                "plan": {"action": "hold", "by_hand": ["aws apprunner describe-service"]},
            });
            let message = announced(&Announcement::from_event(topic, detail.as_object().unwrap()).unwrap());
            assert_eq!(message.severity, severity, "{topic} {reason}");
            assert_eq!(message.next_steps, ["aws apprunner describe-service"]);
        }
    }
}
