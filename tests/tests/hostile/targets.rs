//! What reads input that others wrote, each as a function from bytes that must not panic whatever they are.
//!
//! The same file is compiled into the stable test beside it and into the coverage-guided targets of `tests/fuzz`.

use std::collections::BTreeSet;

use autopilot::{
    announcement::Announcement,
    configuration::{Configuration, Snapshot, differences},
    diagnosis::diagnose,
    dns::{RecordName, RecordSet},
    event::{self, Input},
    evidence::{Evidence, LogGroup, LogStream, Occasion},
    redact::{Redactor, Untrusted},
};
use jiff::Timestamp;
use serde_json::Value;
use shift::{
    plan::Plan,
    records::{Standing, standing, steering, swap},
};

/// A target by its name, which is also its corpus' directory.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// All of them.
pub(crate) const TARGETS: [Target; 6] = [
    ("event", event),
    ("plan", plan),
    ("logs", logs),
    ("evidence", evidence),
    ("records", records),
    ("configuration", configuration),
];

fn json(bytes: &[u8]) -> Option<Value> {
    serde_json::from_slice(bytes).ok()
}

/// Events, schedules and commands: what Lambda hands to every function.
pub(crate) fn event(bytes: &[u8]) {
    let Some(payload) = json(bytes) else { return };
    match event::parse(&payload, Timestamp::UNIX_EPOCH) {
        Err(error) => assert!(!error.field.is_empty(), "an error names its field"),
        Ok(Input::Command(command)) => {
            let _ = command.service_arn();
        }
        Ok(Input::Announcement(announcement)) => {
            let detail = announcement.detail();
            let detail = detail.as_object().cloned().unwrap_or_default();
            let again = Announcement::from_event(announcement.topic.as_str(), &detail);
            assert_eq!(again, Ok(*announcement), "what was read can be written and read");
        }
        Ok(_) => {}
    }
}

/// The plan of a shift.
pub(crate) fn plan(bytes: &[u8]) {
    let payload = json(bytes);
    match Plan::read(payload.as_ref()) {
        Err(errors) => {
            assert!(!errors.is_empty());
            assert!(errors.iter().all(|error| error.field.starts_with("plan")), "{errors:?}");
        }
        Ok(plan) => {
            assert!(plan.step_weights.windows(2).all(|pair| pair[0] < pair[1]));
            assert_eq!(plan.step_weights.last(), Some(&100));
            assert!(plan.step_weights.first() > Some(&0));
        }
    }
}

fn judged(evidence: &Evidence) {
    let causes = diagnose(evidence);
    assert!(causes.len() <= 50, "{} causes", causes.len());
    assert!(causes.iter().all(|cause| (0.0..=1.0).contains(&cause.confidence.get())));
    assert!(causes.windows(2).all(|pair| pair[0].confidence.get() >= pair[1].confidence.get()), "best first");
}

/// Lines of logs as applications write them: any bytes.
pub(crate) fn logs(bytes: &[u8]) {
    const OCCASIONS: [Occasion; 3] =
        [Occasion::CreateService, Occasion::UpdateService, Occasion::StartDeployment];
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<Untrusted> = text.lines().take(400).map(Untrusted::new).collect();
    for line in &lines {
        let _ = Redactor::default().clean(line);
    }
    let stream = |group, stream: &str| LogStream { group, stream: stream.to_owned(), lines: lines.clone() };
    judged(&Evidence {
        operation: OCCASIONS[bytes.len() % OCCASIONS.len()],
        logs: vec![stream(LogGroup::Service, "events"), stream(LogGroup::Application, "instance/1")],
        ..Evidence::default()
    });
}

/// Evidence as `diagnose` takes it.
pub(crate) fn evidence(bytes: &[u8]) {
    let Some(value) = json(bytes) else { return };
    if let Ok(evidence) = Evidence::from_json(&value) {
        judged(&evidence);
    }
}

/// Two lists of records: what is expected and what is there.
pub(crate) fn records(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(name) = text.parse::<RecordName>()
    {
        assert_eq!(
            name.to_string().parse::<RecordName>().as_ref(),
            Ok(&name),
            "a name is read as it is shown"
        );
    }
    let Some(Ok([one, other])) = json(bytes).map(serde_json::from_value::<[Vec<RecordSet>; 2]>) else {
        return;
    };
    let place = |record: &RecordSet| (record.kind.to_string(), record.set_identifier.clone());
    for records in [&one, &other] {
        // Route 53 has one record of a place.
        let places: BTreeSet<_> = records.iter().map(place).collect();
        if places.len() < records.len() {
            continue;
        }
        // What is expected steers traffic; what is there may be anything.
        let same = standing(&steering(records), records);
        assert!(matches!(same, Standing::AsExpected | Standing::Gone), "{same:?}");
    }
    let _ = standing(&steering(&one), &other);
    let _ = swap(&one, &other, "a comment");
}

/// A service's configuration as App Runner shows it, and its comparison.
pub(crate) fn configuration(bytes: &[u8]) {
    let Some(value) = json(bytes) else { return };
    let Ok(configuration) = Configuration::from_json(&value) else { return };
    let snapshot = Snapshot { configuration: &configuration, digest: None };
    assert!(differences(snapshot, snapshot).is_empty(), "a configuration is equal to itself");
}
