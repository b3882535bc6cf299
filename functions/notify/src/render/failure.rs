//! The alert about a failure.

use autopilot::{
    gather::{Excerpt, Gathered},
    incident::Incident,
    redact::{PublicText, Redactor, Untrusted},
    service::{Operation, OperationStatus, OperationType, ServiceArn, ServiceStatus},
};

use super::{closing_words, length, time};
use crate::{
    explain::Explanation,
    links,
    message::{Message, Section, Severity},
};

/// Lines shown of one log stream.
const EXCERPT: usize = 25;

/// What a failure means for those who use the service.
pub(super) struct Consequence {
    pub severity: Severity,
    pub short: &'static str,
    pub long: String,
}

pub(super) fn consequence(
    kind: &OperationType,
    outcome: Option<&OperationStatus>,
    status: Option<&ServiceStatus>,
) -> Consequence {
    use Severity::{Critical, Warning};
    let says = |severity, short, long: &str| Consequence { severity, short, long: long.to_owned() };
    let running = status == Some(&ServiceStatus::Running);
    let now = status.map_or_else(String::new, |status| format!(" The service's status is {status}."));
    match kind {
        OperationType::CreateService => says(
            Critical,
            "nothing is serving",
            "The service has never been usable. It counts against the quota until it is rebuilt or deleted.",
        ),
        OperationType::DeleteService => {
            says(Warning, "the service still exists", "The service was not deleted and is still there.")
        }
        OperationType::PauseService => Consequence {
            severity: Warning,
            short: "the service was not paused",
            long: format!("The service was not paused; it is billed as before.{now}"),
        },
        OperationType::ResumeService => Consequence {
            severity: Critical,
            short: "the service is not back",
            long: format!("The service was to be resumed and is not back.{now}"),
        },
        OperationType::StartDeployment | OperationType::UpdateService => match outcome {
            Some(OperationStatus::RollbackSucceeded) => says(
                Warning,
                "rolled back by App Runner",
                "App Runner rolled back by itself: the version from before is serving. What was to be deployed is \
                 not deployed.",
            ),
            Some(OperationStatus::RollbackFailed) => Consequence {
                severity: Critical,
                short: "App Runner's rollback failed too",
                long: format!(
                    "App Runner's own rollback failed as well. What is serving now is not certain.{now}"
                ),
            },
            Some(outcome) if outcome.is_running() => says(
                Warning,
                "App Runner is rolling back",
                "App Runner is still at it. Its own rollback takes 15 to 40 minutes; another message in this \
                 thread will say how it ended.",
            ),
            Some(_) => Consequence {
                severity: if running { Warning } else { Critical },
                short: "without a rollback",
                long: format!("App Runner reports a failure and no rollback.{now}"),
            },
            None => Consequence {
                severity: if running { Warning } else { Critical },
                short: "outcome not known yet",
                long: format!("Whether App Runner rolled back by itself could not be read.{now}"),
            },
        },
        OperationType::Other(_) => Consequence {
            severity: Warning,
            short: "look at it",
            long: format!("App Runner reports it as failed.{now}"),
        },
    }
}

/// The alert about a failure.
pub fn failure(
    service: &ServiceArn,
    incident: &Incident,
    gathered: &Gathered,
    causes: &[Explanation],
    redactor: &Redactor,
) -> Message {
    let operation = gathered.operation.as_ref();
    let status = gathered.described.as_ref().map(|described| &described.status);
    let outcome = operation.map(|op| &op.status).or(incident.told_status.as_ref());
    let meaning = consequence(&incident.kind, outcome, status);
    let mut sections = vec![Section::ours("", [meaning.long])];
    if let Some(closed) = &incident.closed {
        sections
            .push(Section::ours("Meanwhile", [format!("It is over already: {}", closing_words(closed.by))]));
    }
    sections.extend(cause_sections(causes));
    let mut details = vec![facts(service, incident, operation, status)];
    details.extend(gathered.excerpts.iter().filter_map(|excerpt| log_section(excerpt, redactor)));
    details.push(configuration(gathered, redactor));
    let unread = gathered.unread.iter().map(|unread| format!("{}: {}", unread.what, unread.why));
    details.push(Section::ours("Not read", unread));
    details.push(Section::ours(
        "The autopilot",
        ["This message changes nothing. Whatever a function of the autopilot does about this failure is announced \
          in this thread."
            .to_owned()],
    ));
    let mut links = vec![links::service(service)];
    links.extend(gathered.excerpts.iter().map(|e| links::log_stream(service, &e.group, &e.stream)));
    Message {
        severity: meaning.severity,
        service: service.name().to_owned(),
        kind: causes.first().map_or_else(|| "unknown".to_owned(), |cause| cause.kind.clone()),
        phase: "failure".to_owned(),
        title: format!(
            "{}: {} failed, {} ({})",
            service.name(),
            incident.kind.noun(),
            meaning.short,
            service.region()
        ),
        thread: incident.id.to_string(),
        sections,
        next_steps: next_steps(service, incident, causes),
        details,
        links,
        resources: vec![service.to_string()],
    }
}

fn facts(
    service: &ServiceArn,
    incident: &Incident,
    operation: Option<&Operation>,
    status: Option<&ServiceStatus>,
) -> Section {
    let mut lines = vec![
        format!("Service    {} ({})", service.name(), service.id()),
        format!("Account    {}, {}", service.account(), service.region()),
    ];
    match operation {
        Some(op) => {
            lines.push(format!("Operation  {} {}", op.kind, op.id));
            lines.push(format!("Outcome    {}", op.status));
            lines.push(format!("Started    {}", op.started_at.map_or_else(|| "not known".to_owned(), time)));
            let ended = || match op.started_at.zip(op.ended_at) {
                Some((start, end)) => format!("{} (after {})", time(end), length(start, end)),
                None => "not yet".to_owned(),
            };
            lines.push(format!("Ended      {}", ended()));
        }
        None => lines.push(format!("Failed     {}", time(incident.failed_at))),
    }
    lines.extend(status.map(|status| format!("Status     {status}")));
    Section::ours("What failed", lines)
}

fn cause_sections(causes: &[Explanation]) -> Vec<Section> {
    let Some((best, others)) = causes.split_first() else { return Vec::new() };
    let again = if best.transient { "; trying again can help" } else { "" };
    let mut lines =
        vec![PublicText::ours(format!("{} ({:.0} % sure{again})", best.kind, best.confidence * 100.0))];
    lines.extend(best.evidence.iter().cloned());
    let mut sections = vec![Section { heading: "Likely cause", lines }];
    if !others.is_empty() {
        let others: Vec<_> = others.iter().map(|cause| cause.kind.clone()).collect();
        sections.push(Section::ours("Also possible", [others.join(", ")]));
    }
    sections
}

fn log_section(excerpt: &Excerpt, redactor: &Redactor) -> Option<Section> {
    let whole: Vec<_> = excerpt.lines.iter().map(Untrusted::expose).collect();
    let cleaned = redactor.clean(&Untrusted::new(whole.join("\n")));
    let lines: Vec<_> = cleaned.as_str().lines().filter(|line| !line.trim().is_empty()).collect();
    let hidden = lines.len().saturating_sub(EXCERPT);
    let mut shown = vec![PublicText::ours(excerpt.stream.clone())];
    if hidden > 0 {
        shown.push(PublicText::ours(format!("... [{hidden} earlier lines not shown]")));
    }
    shown.extend(lines[hidden..].iter().map(|line| PublicText::ours(format!("| {line}"))));
    (!lines.is_empty()).then_some(Section { heading: "Log", lines: shown })
}

fn configuration(gathered: &Gathered, redactor: &Redactor) -> Section {
    let Some(described) = &gathered.described else { return Section::ours("Configuration", []) };
    let service = &described.configuration;
    let check = &service.health_check;
    let protocol = check.http.map(|http| if http { "HTTP" } else { "TCP" });
    let rows = [
        ("Image", service.image_identifier.clone()),
        ("Runtime", service.runtime.clone()),
        ("Port", service.port.map(|port| port.to_string())),
        (
            "Health",
            protocol.map(|protocol| match &check.path {
                Some(path) if check.http == Some(true) => format!("{protocol} {path}"),
                _ => protocol.to_owned(),
            }),
        ),
        (
            "Egress",
            service.egress_vpc.map(|vpc| if vpc { "through a VPC connector" } else { "default" }.to_owned()),
        ),
        ("Start", service.start_command.as_ref().map(|_| "a start command is set (not shown)".to_owned())),
        ("Build", service.build_command.as_ref().map(|_| "a build command is set (not shown)".to_owned())),
        ("Variables", names(service.variables.iter().chain(&service.secrets).map(|(name, _)| name))),
        ("URL", described.url.clone()),
    ];
    let lines = rows.into_iter().filter_map(|(label, value)| Some((label, value?)));
    let line =
        |(label, value): (&str, String)| redactor.clean(&format!("{label:<10} {}", value.trim_end()).into());
    Section { heading: "Configuration", lines: lines.map(line).collect() }
}

fn names<'a>(names: impl Iterator<Item = &'a String>) -> Option<String> {
    let names: Vec<_> = names.map(String::as_str).collect();
    (!names.is_empty()).then(|| format!("{} (values are not shown)", names.join(", ")))
}

fn next_steps(service: &ServiceArn, incident: &Incident, causes: &[Explanation]) -> Vec<String> {
    let mut steps: Vec<String> = causes.first().map(|cause| cause.fix.clone()).into_iter().collect();
    steps.push(match incident.kind {
        OperationType::CreateService => {
            format!("When it is mended, rebuild: aws apprunner update-service --service-arn {service}")
        }
        OperationType::StartDeployment => {
            format!("When it is mended, deploy again: aws apprunner start-deployment --service-arn {service}")
        }
        OperationType::UpdateService => "When it is mended, make the same update again.".to_owned(),
        OperationType::DeleteService => {
            format!("When it is mended, delete again: aws apprunner delete-service --service-arn {service}")
        }
        OperationType::PauseService => {
            format!("Pause again: aws apprunner pause-service --service-arn {service}")
        }
        OperationType::ResumeService => {
            format!("Resume again: aws apprunner resume-service --service-arn {service}")
        }
        OperationType::Other(_) => {
            format!("Look at the service: aws apprunner describe-service --service-arn {service}")
        }
    });
    steps
}
