//! From a notice and what is known to a message. Pure.
//!
//! Written for somebody who was woken by it: the title says what failed and what is serving now, the cause and
//! the next step come before the evidence, and what could not be read is said.

mod announced;
mod failure;

use autopilot::{
    announcement::Phase,
    incident::{ClosedBy, Incident},
    service::{Operation, ServiceArn},
};
use jiff::Timestamp;

pub(crate) use self::announced::SHOWN;
use self::failure::consequence;
pub use self::{announced::announced, failure::failure};
use crate::{
    links,
    message::{Message, Section, Severity},
};

/// How App Runner's own rollback ended.
pub fn rollback_ended(service: &ServiceArn, incident: &Incident) -> Message {
    let meaning = consequence(&incident.kind, incident.told_status.as_ref(), None);
    let title = format!(
        "{}: {} failed, {} ({})",
        service.name(),
        incident.kind.noun(),
        meaning.short,
        service.region()
    );
    let phase = Phase::Progressed.as_str();
    Message {
        severity: meaning.severity,
        sections: vec![Section::ours("", [meaning.long])],
        ..about(service, "rollback-ended", phase, title, incident.id.as_str())
    }
}

/// The end of an incident.
pub fn recovered(service: &ServiceArn, incident: &Incident) -> Message {
    let by = incident.closed.as_ref().map(|closed| closed.by);
    let what = by.map_or("", closing_words);
    let since = incident.closed.as_ref().map(|closed| length(incident.failed_at, closed.at));
    let title = format!(
        "{}: recovered from the failed {} ({})",
        service.name(),
        incident.kind.noun(),
        service.region()
    );
    Message {
        severity: Severity::Info,
        sections: vec![Section::ours("", [what.to_owned()]), Section::ours("Lasted", since)],
        ..about(service, "recovered", "recovered", title, incident.id.as_str())
    }
}

fn closing_words(by: ClosedBy) -> &'static str {
    match by {
        ClosedBy::LaterSuccess => "A later deployment or update succeeded; what it deployed is serving.",
        ClosedBy::Running => "App Runner reports that it is well again.",
        ClosedBy::Paused => "The service is paused, as was asked.",
        ClosedBy::Deleted => "The service was deleted.",
    }
}

/// An operation that runs for longer than usual.
pub fn long_running(service: &ServiceArn, operation: &Operation, now: Timestamp) -> Message {
    let since = operation.started_at.map_or_else(|| "a while".to_owned(), |start| length(start, now));
    let title = format!(
        "{}: {} still running after {since} ({})",
        service.name(),
        operation.kind.noun(),
        service.region()
    );
    let thread = autopilot::incident::IncidentId::of_operation(service, &operation.id);
    Message {
        severity: Severity::Warning,
        sections: vec![Section::ours(
            "",
            [
                format!("Operation {} ({}) is {}.", operation.id, operation.kind, operation.status),
                "While it runs App Runner refuses deployments, updates, pausing and deletion. Nothing is changed by \
                 this message; its end is told only if it fails."
                    .to_owned(),
            ],
        )],
        next_steps: vec![
            format!("Watch it: aws apprunner list-operations --service-arn {service}"),
            "A VPC connector's first use adds 2 to 5 minutes, App Runner's own rollback 15 to 40.".to_owned(),
        ],
        ..about(service, "long-running", Phase::Progressed.as_str(), title, thread.as_str())
    }
}

/// The mode tag cannot be read and counts as `off`.
pub fn unreadable_tag(service: &ServiceArn, tag: &str, value: &str) -> Message {
    let title =
        format!("{}: tag {tag} is not a mode, so it counts as off ({})", service.name(), service.region());
    Message {
        severity: Severity::Warning,
        sections: vec![Section::ours("", [format!("Its value is {value:?}; off, dry-run and on are read.")])],
        next_steps: vec![
            format!("aws apprunner tag-resource --resource-arn {service} --tags Key={tag},Value=on"),
            "Do not set it in a CloudFormation template: changing tags there replaces the service."
                .to_owned(),
        ],
        ..about(service, "unreadable-tag", Phase::Held.as_str(), title, &format!("{}:tag", service.name()))
    }
}

/// The reconciliation cannot read a service.
pub fn unreadable(service: &ServiceArn, why: &str) -> Message {
    let title = format!("{}: its operations cannot be read ({})", service.name(), service.region());
    Message {
        severity: Severity::Warning,
        sections: vec![Section::ours(
            "",
            [format!(
                "ListOperations failed: {why}. Failures that no event tells of are not found until it works again."
            )],
        )],
        next_steps: vec![format!("Try it: aws apprunner list-operations --service-arn {service}")],
        ..about(service, "unreadable", Phase::Held.as_str(), title, &format!("{}:unreadable", service.name()))
    }
}

/// What the first reconciliation found and leaves alone.
pub fn already_there(failures: &[String]) -> Message {
    Message {
        severity: Severity::Info,
        service: "account".to_owned(),
        kind: "already-there".to_owned(),
        phase: Phase::Skipped.to_string(),
        title: format!("apprunner-autopilot is watching; {} failures were there before", failures.len()),
        thread: "apprunner-autopilot:installed".to_owned(),
        sections: vec![
            Section::ours("", ["Nothing is done about these, and they are not told again:".to_owned()]),
            Section::ours("Found", failures.iter().cloned()),
        ],
        details: Vec::new(),
        next_steps: vec![
            "Diagnose one: invoke notify with {\"command\":\"diagnose\",\"service_arn\":\"...\"}".to_owned(),
        ],
        links: Vec::new(),
        resources: Vec::new(),
    }
}

/// A message of our own words, for the commands `test`, `stop` and `go`.
pub fn own(kind: &str, severity: Severity, title: &str, lines: impl IntoIterator<Item = String>) -> Message {
    Message {
        severity,
        service: "account".to_owned(),
        kind: kind.to_owned(),
        phase: Phase::Progressed.to_string(),
        title: title.to_owned(),
        thread: format!("apprunner-autopilot:{kind}"),
        sections: vec![Section::ours("", lines)],
        next_steps: Vec::new(),
        details: Vec::new(),
        links: Vec::new(),
        resources: Vec::new(),
    }
}

fn about(service: &ServiceArn, kind: &str, phase: &str, title: String, thread: &str) -> Message {
    Message {
        severity: Severity::Info,
        service: service.name().to_owned(),
        kind: kind.to_owned(),
        phase: phase.to_owned(),
        title,
        thread: thread.to_owned(),
        sections: Vec::new(),
        next_steps: Vec::new(),
        details: Vec::new(),
        links: vec![links::service(service)],
        resources: vec![service.to_string()],
    }
}

fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn length(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.duration_since(from).as_secs().max(0);
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} days", seconds / 86_400),
    }
}
