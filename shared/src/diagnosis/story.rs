//! What happened, as far as the evidence tells: the hits of the operation in question, how far it came, and
//! how it ended. The causes ask the story, never the logs.

use super::address::Address;
use super::hit::{Detail, Hit, hits};
use super::line::{Line, Place, lines};
use super::signal::Signal;
use super::{wording, words};
use crate::evidence::{Evidence, LogGroup, Occasion};

/// How far an operation came before it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Nothing of its course is known.
    Unknown,
    /// An image was being pulled.
    Pull,
    /// Source code was being fetched.
    Source,
    /// Source code was being built, its configuration file read before.
    Build,
    /// The image was there, nothing had been started yet.
    Deploy,
    /// Containers were started and checked.
    Start,
}

/// The evidence, read once.
pub(super) struct Story<'a> {
    pub(super) evidence: &'a Evidence,
    hits: Vec<Hit>,
    /// How far the operation came.
    pub(super) phase: Phase,
    /// Whether it failed; a service that runs badly has not failed.
    pub(super) failed: bool,
    /// Whether it succeeded.
    pub(super) completed: bool,
    /// Lines of the application that were read.
    pub(super) application_lines: usize,
    /// Whether the event log was read.
    pub(super) has_events: bool,
    /// The time of each stream's first line that has one.
    first_times: Vec<Option<i64>>,
}

/// Signals that say that something failed or was refused.
const FAILURES: &[Signal] = &[
    Signal::OperationFailed,
    Signal::StatusFailed,
    Signal::DeploymentFailed,
    Signal::CheckFailed,
    Signal::ContainerExited,
    Signal::PullDenied,
    Signal::PullMissing,
    Signal::PullFailed,
    Signal::BuildFailed,
    Signal::DeployFailed,
    Signal::SourceFailed,
    Signal::SourceMissing,
    Signal::ConnectionBroken,
    Signal::ConfigBroken,
    Signal::RuntimeUnsupported,
    Signal::RoleNotAssumed,
    Signal::AddressesExhausted,
    Signal::ZoneUnsupported,
    Signal::ConnectorBusy,
    Signal::IngressBlocks,
    Signal::StateConflict,
    Signal::StatusForbids,
    Signal::CallerDenied,
    Signal::ServiceQuota,
    Signal::OtherQuota,
    Signal::VcpuQuota,
    Signal::PlatformError,
    Signal::AclPropagating,
    Signal::VariableReserved,
    Signal::AddressTypesMixed,
];

impl<'a> Story<'a> {
    pub(super) fn read(evidence: &'a Evidence) -> Self {
        let mut all: Vec<Hit> = Vec::new();
        let mut application_lines = 0;
        let mut has_events = false;
        let mut first_times = Vec::new();
        for (number, stream) in evidence.logs.iter().enumerate() {
            let mut stream_lines = lines(stream);
            if stream.group == LogGroup::Application {
                application_lines += stream_lines.len();
            } else if !stream.stream.starts_with("deployment") {
                has_events |= !stream_lines.is_empty();
                cut_to_operation(&mut stream_lines, evidence.operation);
            }
            first_times.push(stream_lines.iter().find_map(|line| line.time));
            all.extend(hits(number, &stream_lines));
        }
        let mut story = Self {
            evidence,
            hits: all,
            phase: Phase::Unknown,
            failed: false,
            completed: false,
            application_lines,
            has_events,
            first_times,
        };
        story.judge_end();
        story.phase = story.reached();
        story.forget_other_phases();
        story
    }

    fn judge_end(&mut self) {
        let completed = self.last(Signal::OperationCompleted).map(|hit| (hit.stream, hit.at));
        let fails = |hit: &&Hit| hit.place != Place::Application && FAILURES.contains(&hit.signal);
        let after = |hit: &Hit| completed.is_none_or(|(stream, at)| hit.stream == stream && hit.at > at);
        let said = self.hits.iter().filter(fails).any(after);
        let status =
            |text: Option<&String>, part: &str| text.is_some_and(|text| text.to_uppercase().contains(part));
        let operation = self.evidence.last_operation.as_ref().and_then(|operation| operation.status.as_ref());
        let service = self.evidence.service.as_ref().and_then(|service| service.status.as_ref());
        let rolled_back = status(operation, "FAILED") || status(operation, "ROLLBACK");
        let domain = self.evidence.custom_domain.as_ref().and_then(|domain| domain.status.as_ref());
        self.failed = said
            || self.at_run_time() && self.many_errors()
            || completed.is_none() && (rolled_back || status(service, "FAILED") || status(domain, "FAIL"));
        self.completed = !self.failed && (completed.is_some() || status(operation, "SUCCEEDED"));
    }

    /// Whether the metrics of a running service show that requests fail.
    fn many_errors(&self) -> bool {
        let metrics = &self.evidence.metrics;
        let errors = metrics.highest("5xx").unwrap_or_default();
        metrics
            .highest("requests")
            .map_or(errors >= 10.0, |requests| errors >= 1.0 && errors >= 0.05 * requests)
    }

    fn reached(&self) -> Phase {
        let pulled = self.has(Signal::Pulled);
        let started = [
            Signal::Provisioning,
            Signal::CheckStarted,
            Signal::CheckFailed,
            Signal::ContainerExited,
            Signal::Routed,
        ];
        match () {
            () if started.iter().any(|signal| self.platform(*signal)) => Phase::Start,
            () if self.has(Signal::Built) => Phase::Deploy,
            () if pulled => Phase::Deploy,
            () if self.any(&[
                Signal::BuildFailed,
                Signal::BuildStarted,
                Signal::SourcePulled,
                Signal::ConfigBroken,
            ]) =>
            {
                Phase::Build
            }
            () if self.any(&[Signal::RuntimeUnsupported, Signal::ConfigReading]) => Phase::Build,
            () if self.any(&[Signal::SourcePullStarted, Signal::SourceFailed]) => Phase::Source,
            () if self.any(&[
                Signal::PullDenied,
                Signal::PullMissing,
                Signal::PullFailed,
                Signal::PullStarted,
            ]) =>
            {
                Phase::Pull
            }
            () if self.hits.iter().any(|hit| hit.place == Place::Application) => Phase::Start,
            () if self.hits.iter().any(|hit| hit.place == Place::Build) => Phase::Build,
            () => Phase::Unknown,
        }
    }

    /// The application's lines explain nothing that failed before it started (they are the old version's), nor
    /// the build's lines anything once it succeeded.
    fn forget_other_phases(&mut self) {
        let (phase, failed, silent) = (self.phase, self.failed, self.silent());
        self.hits.retain(|hit| match hit.place {
            Place::Platform => true,
            Place::Application => {
                !failed || !(silent || matches!(phase, Phase::Pull | Phase::Source | Phase::Build))
            }
            Place::Build => !matches!(phase, Phase::Deploy | Phase::Start),
        });
    }

    /// Whether the question is about a running service.
    pub(super) fn at_run_time(&self) -> bool {
        self.evidence.operation == Occasion::Runtime
    }

    pub(super) fn all(&self, signal: Signal) -> impl DoubleEndedIterator<Item = &Hit> {
        self.hits.iter().filter(move |hit| hit.signal == signal)
    }

    pub(super) fn has(&self, signal: Signal) -> bool {
        self.all(signal).next().is_some()
    }

    pub(super) fn any(&self, signals: &[Signal]) -> bool {
        self.hits.iter().any(|hit| signals.contains(&hit.signal))
    }

    pub(super) fn count(&self, signal: Signal) -> usize {
        self.all(signal).count()
    }

    pub(super) fn last(&self, signal: Signal) -> Option<&Hit> {
        self.all(signal).next_back()
    }

    fn platform(&self, signal: Signal) -> bool {
        self.all(signal).any(|hit| hit.place == Place::Platform)
    }

    /// Whether the image was pulled or the code built in this operation.
    pub(super) fn pulled(&self) -> bool {
        self.phase >= Phase::Deploy
    }

    /// Whether a start was tried and did not become healthy.
    pub(super) fn check_failed(&self) -> bool {
        self.has(Signal::CheckFailed)
    }

    /// The container's exit code, as the platform gives it.
    pub(super) fn exit_code(&self) -> Option<i32> {
        self.all(Signal::ContainerExited).find_map(|hit| match hit.detail {
            Detail::Code(code) => Some(code),
            _ => None,
        })
    }

    /// Whether the container is known to have written nothing.
    pub(super) fn silent(&self) -> bool {
        self.evidence.application_streams.map_or(self.application_lines == 0, |count| count == 0)
    }

    /// Addresses that the application says it listens on, the debugging and management ones among them.
    pub(super) fn addresses(&self) -> impl Iterator<Item = (&Hit, Address)> {
        self.all(Signal::Listening).filter_map(|hit| match hit.detail {
            Detail::Address(address) => Some((hit, address)),
            _ => None,
        })
    }

    /// Seconds between the first line of a hit's stream and the hit, if both tell the time.
    pub(super) fn seconds_into_stream(&self, hit: &Hit) -> Option<f64> {
        let first = self.first_times.get(hit.stream).copied().flatten()?;
        #[expect(clippy::cast_precision_loss, reason = "seconds since a start")]
        hit.time.map(|time| (time - first) as f64)
    }

    /// The port that App Runner checks: from the service's configuration, else from the health check's line.
    pub(super) fn port(&self) -> Option<u16> {
        let configured = self.evidence.service.as_ref().and_then(|service| service.port);
        let from_line = |hit: &Hit| {
            let lower = hit.lower();
            let after = &lower[lower.find("port")? + 4..];
            let digits = after.trim_start_matches(|c: char| !c.is_ascii_digit());
            digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
        };
        let said = self.all(Signal::CheckFailed).chain(self.all(Signal::CheckStarted)).find_map(from_line);
        said.or(configured)
    }

    /// The path of an HTTP health check; `None` if it is a TCP check or unknown.
    pub(super) fn check_path(&self) -> Option<String> {
        let from_line = |hit: &Hit| {
            let text = hit.text.expose();
            let after = text[text.to_ascii_lowercase().find("path")? + 4..].find('/')?
                + text.to_ascii_lowercase().find("path")?
                + 4;
            let end =
                text[after..].find(['\'', ']', '"', '`', ' ', ',']).map_or(text.len(), |end| after + end);
            Some(text[after..end].to_owned())
        };
        let said = self.all(Signal::CheckFailed).chain(self.all(Signal::CheckStarted)).find_map(from_line);
        let check = self.evidence.service.as_ref().map(|service| &service.health_check);
        let configured = check
            .filter(|check| check.http == Some(true))
            .map(|c| c.path.clone().unwrap_or_else(|| "/".into()));
        said.or(configured)
    }

    /// Whether the health check is known to be a TCP one.
    pub(super) fn tcp_check(&self) -> bool {
        let line = self.all(Signal::CheckFailed).chain(self.all(Signal::CheckStarted)).any(|hit| {
            let words_of = hit.lower();
            words::words(&words_of).contains(&"tcp")
        });
        let check = self.evidence.service.as_ref().and_then(|service| service.health_check.http);
        line || self.check_path().is_none() && check == Some(false)
    }

    /// Whether the application went on normally after all of its failed connections.
    pub(super) fn went_on(&self) -> bool {
        let failed = || self.all(Signal::ConnectFailed).chain(self.all(Signal::NameUnresolved));
        failed().next().is_some() && failed().all(|hit| self.survived(hit))
    }

    /// Whether the application went on normally after this line: it listened, or answered requests.
    pub(super) fn survived(&self, hit: &Hit) -> bool {
        let later = |other: &Hit| other.stream == hit.stream && other.at > hit.at;
        let normal = |other: &Hit| match &other.detail {
            Detail::Answer { status, .. } => *status < 400,
            _ => matches!(other.signal, Signal::Listening | Signal::Ready),
        };
        let stopped = self.exit_code().is_some_and(|code| code != 0);
        !stopped && self.hits.iter().any(|other| later(other) && normal(other))
    }
}

/// Cuts the event log, which holds the service's whole life, to the last operation (of the asked kind).
fn cut_to_operation(lines: &mut Vec<Line<'_>>, occasion: Occasion) {
    let mut starts: Vec<usize> = vec![0];
    let mut ended = false;
    for (at, line) in lines.iter().enumerate() {
        let lower = line.text.to_lowercase();
        let signals = wording::signals(line.place, &words::words(&lower));
        let has = |signal| signals.contains(&signal);
        if has(Signal::OperationStarted) && ended {
            starts.push(at);
            ended = false;
        }
        ended |=
            has(Signal::OperationCompleted) || has(Signal::OperationFailed) || has(Signal::StatusRunning);
    }
    let word = match occasion {
        Occasion::CreateService => "creation",
        Occasion::UpdateService => "update",
        Occasion::StartDeployment => "deployment started",
        Occasion::PauseService => "pause",
        Occasion::ResumeService => "resume",
        Occasion::DeleteService => "deletion",
        _ => "",
    };
    let end = |number: usize| starts.get(number + 1).copied().unwrap_or(lines.len());
    let fits = |number: &usize| {
        lines[starts[*number]..end(*number)].iter().take(3).any(|l| l.text.to_lowercase().contains(word))
    };
    let chosen = (0..starts.len()).rev().find(fits).unwrap_or(starts.len() - 1);
    let (from, to) = (starts[chosen], end(chosen));
    lines.truncate(to);
    lines.drain(..from);
}
