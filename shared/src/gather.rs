//! Gathering evidence: from the ports to what a diagnosis and a message need.
//!
//! Three rounds, each concurrent and each bounded by a third of the caller's time budget:
//!
//! | round | calls | needs |
//! |---|---|---|
//! | [`first_look`] | `DescribeService`, `ListOperations`, and `DescribeLogStreams` of both log groups | the ARN |
//! | [`read_logs`] | `GetLogEvents` of `events`, of the operation's stream, and of up to 2 application streams | the operation and the streams |
//! | [`read_facts`] | what [`crate::facts`] finds worth asking, often nothing | the logs |
//!
//! So at most 8 calls before the facts, 2 in sequence. What cannot be read in time is named in
//! [`Gathered::unread`]; the rest is used without it. Logs are cut to the operation's time: the stream `events`
//! holds the service's whole life.

use std::{future::Future, time::Duration};

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use tracing::debug;

use crate::{
    diagnosis::diagnose,
    error::PortError,
    evidence::{Evidence, LastOperation, LogGroup, LogStream, Occasion},
    facts::{self, About, Facts, worth_asking},
    ports::{AppRunnerRead, Described, FactsRead, LogsRead, StreamInfo, Window},
    redact::{Redactor, Untrusted},
    service::{Operation, ServiceArn},
};

/// Messages that are read of one stream: enough for a build log, small enough for one answer.
const LIMIT: u16 = 1_000;

/// Application streams that are read: a deployment starts one instance, and a second one if the first failed.
const APPLICATION_STREAMS: usize = 2;

/// Where an operation's time is not known, this much before the failure is read…
const BEFORE: SignedDuration = SignedDuration::from_mins(45);

/// …and this much after its end, since logs arrive late.
const AFTER: SignedDuration = SignedDuration::from_mins(2);

/// Something that was to be read and was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// What, in a person's words.
    pub what: String,
    /// Why: an error code or "no answer in time".
    pub why: String,
}

/// The first round's answers.
#[derive(Debug)]
pub struct FirstLook {
    /// The service.
    pub described: Result<Described, PortError>,
    /// Its operations, newest first.
    pub operations: Result<Vec<Operation>, PortError>,
    /// Streams of the platform's log group.
    pub service_streams: Result<Vec<StreamInfo>, PortError>,
    /// Streams of the application's log group.
    pub application_streams: Result<Vec<StreamInfo>, PortError>,
}

/// Lines of one log stream, as shown to people.
#[derive(Clone, Debug)]
pub struct Excerpt {
    /// The log group.
    pub group: String,
    /// The stream.
    pub stream: String,
    /// Its messages, oldest first.
    pub lines: Vec<Untrusted>,
}

/// What a failure is about, where no operation tells.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// The kind of operation or trouble.
    pub occasion: Occasion,
    /// The custom domain in trouble.
    pub domain: Option<String>,
}

/// Everything that was gathered about one failure.
#[derive(Debug, Default)]
pub struct Gathered {
    /// The service, if it could be read.
    pub described: Option<Described>,
    /// The failed operation, if it is known.
    pub operation: Option<Operation>,
    /// What the failure is about, if the operation is not known.
    pub subject: Subject,
    /// Log excerpts: the event log, the operation's own log, the application's.
    pub excerpts: Vec<Excerpt>,
    /// Streams that the application wrote to during the operation; `None` where that could not be read.
    pub application_streams: Option<usize>,
    /// What the third round found out.
    pub facts: Facts,
    /// What could not be read.
    pub unread: Vec<Unread>,
}

/// Bounds a call by a time budget.
pub async fn in_time<T>(
    budget: Duration,
    call: &'static str,
    answer: impl Future<Output = Result<T, PortError>>,
) -> Result<T, PortError> {
    match tokio::time::timeout(budget, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(PortError::new(call, crate::error::Class::Retryable, "no answer in time")),
    }
}

/// First round: everything that the ARN alone leads to.
pub async fn first_look(
    apprunner: &impl AppRunnerRead,
    logs: &impl LogsRead,
    service: &ServiceArn,
    budget: Duration,
) -> FirstLook {
    let (service_group, application_group) = (service.service_log_group(), service.application_log_group());
    let (described, operations, service_streams, application_streams) = tokio::join!(
        in_time(budget, "apprunner:DescribeService", apprunner.describe(service)),
        in_time(budget, "apprunner:ListOperations", apprunner.operations(service, None)),
        in_time(budget, "logs:DescribeLogStreams", logs.streams(&service_group)),
        in_time(budget, "logs:DescribeLogStreams", logs.streams(&application_group)),
    );
    FirstLook { described, operations, service_streams, application_streams }
}

/// Second round: the logs of an operation, or of the time before a failure whose operation is not known.
pub async fn read_logs(
    logs: &impl LogsRead,
    service: &ServiceArn,
    look: &FirstLook,
    operation: Option<Operation>,
    failed_at: Timestamp,
    budget: Duration,
) -> Gathered {
    let mut gathered = Gathered { operation, ..Gathered::default() };
    let window = window(gathered.operation.as_ref(), failed_at);
    let mut note = |what: &str, error: &PortError| {
        gathered.unread.push(Unread { what: what.to_owned(), why: error.in_short() });
    };
    look.operations.as_ref().err().into_iter().for_each(|error| note("the list of operations", error));
    let described = look.described.as_ref().map_err(|error| note("the service's configuration", error)).ok();
    let service_streams = look
        .service_streams
        .as_deref()
        .map_err(|error| note("the list of deployment logs", error))
        .unwrap_or_default();
    let application_streams =
        look.application_streams.as_deref().map_err(|error| note("the list of application logs", error)).ok();
    let application_streams = application_streams.map(|streams| written_in(streams, window));
    gathered.described = described.cloned();
    gathered.application_streams = application_streams.as_ref().map(Vec::len);
    let wanted =
        wanted(service, service_streams, application_streams.as_deref(), gathered.operation.as_ref(), window);
    let reads = wanted
        .iter()
        .map(|(group, stream)| in_time(budget, "logs:GetLogEvents", logs.tail(group, stream, window, LIMIT)));
    for ((group, stream), lines) in wanted.iter().zip(join_all(reads).await) {
        match lines {
            Ok(lines) => {
                gathered.excerpts.push(Excerpt { group: group.clone(), stream: stream.clone(), lines });
            }
            // A stream that does not exist yet holds nothing; that is no trouble.
            Err(error) if error.is_not_found() => {}
            Err(error) => {
                gathered
                    .unread
                    .push(Unread { what: format!("the log stream {stream}"), why: error.in_short() });
            }
        }
    }
    gathered
}

/// Third round: the facts that can still change the diagnosis.
pub async fn read_facts(
    gathered: &mut Gathered,
    apprunner: &impl AppRunnerRead,
    facts: &impl FactsRead,
    service: &ServiceArn,
    failed_at: Timestamp,
    budget: Duration,
) {
    let Some(described) = &gathered.described else { return };
    let evidence = gathered.evidence();
    let questions = worth_asking(&evidence, &diagnose(&evidence));
    if questions.is_empty() {
        return;
    }
    for (question, because) in &questions {
        debug!(?question, because, service = %service, "Asks about {question:?}: {because}");
    }
    let operation = gathered.operation.as_ref();
    let about = About {
        service,
        image: described.configuration.image_identifier.as_deref(),
        refers_to: &described.refers_to,
        domain: gathered.subject.domain.as_deref(),
        started_at: operation.and_then(|operation| operation.started_at),
        window: window(operation, failed_at),
    };
    // Boxed: many calls make a large future, and most failures ask nothing.
    let (found, unread) = Box::pin(facts::ask(&questions, &about, apprunner, facts, budget)).await;
    gathered.facts = found;
    gathered.unread.extend(unread);
}

/// The operation's time, with some room for late lines.
fn window(operation: Option<&Operation>, failed_at: Timestamp) -> Window {
    let start = operation.and_then(|op| op.started_at).unwrap_or(failed_at - BEFORE);
    let end = operation.and_then(|op| op.ended_at).unwrap_or(failed_at).max(failed_at);
    Window { start: start - SignedDuration::from_secs(1), end: end + AFTER }
}

/// Streams that can hold lines of the window. The time of the newest event may lag, so a stream without one counts.
fn written_in(streams: &[StreamInfo], window: Window) -> Vec<StreamInfo> {
    streams
        .iter()
        .filter(|stream| stream.last_event_at.is_none_or(|at| at >= window.start))
        .cloned()
        .collect()
}

/// The streams worth reading, by group.
fn wanted(
    service: &ServiceArn,
    service_streams: &[StreamInfo],
    application_streams: Option<&[StreamInfo]>,
    operation: Option<&Operation>,
    window: Window,
) -> Vec<(String, String)> {
    let mut wanted = vec![(service.service_log_group(), "events".to_owned())];
    // The stream is named by the operation; where that name is not there, by the deployment that it started.
    let named =
        operation.and_then(|op| service_streams.iter().find(|stream| stream.name.ends_with(&op.id.0)));
    let newest = || {
        let deployments = service_streams.iter().filter(|stream| stream.name.starts_with("deployment/"));
        deployments
            .clone()
            .find(|stream| stream.last_event_at.is_some_and(|at| at >= window.start && at <= window.end))
    };
    wanted.extend(named.or_else(newest).map(|stream| (service.service_log_group(), stream.name.clone())));
    let application = application_streams.unwrap_or_default().iter().take(APPLICATION_STREAMS);
    wanted.extend(application.map(|stream| (service.application_log_group(), stream.name.clone())));
    wanted
}

impl Gathered {
    /// A redactor that knows the service's secrets, or that they are not known.
    pub fn redactor(&self) -> Redactor {
        let configuration = self.described.as_ref().map(|described| &described.configuration);
        configuration.map_or_else(Redactor::blind, Redactor::of_configuration)
    }

    /// As a diagnosis takes it.
    pub fn evidence(&self) -> Evidence {
        let log = |excerpt: &Excerpt| LogStream {
            group: if excerpt.group.ends_with("/application") {
                LogGroup::Application
            } else {
                LogGroup::Service
            },
            stream: excerpt.stream.clone(),
            lines: excerpt.lines.clone(),
        };
        let operation = self.operation.as_ref();
        let mut evidence = Evidence {
            operation: operation.map_or(self.subject.occasion, |op| Occasion::from_name(op.kind.as_str())),
            logs: self.excerpts.iter().map(log).collect(),
            service: self.described.as_ref().map(|described| described.configuration.clone()),
            application_streams: self.application_streams.and_then(|count| u64::try_from(count).ok()),
            last_operation: operation.map(|op| LastOperation {
                kind: Some(op.kind.to_string()),
                status: Some(op.status.to_string()),
            }),
            ..Evidence::default()
        };
        self.facts.add_to(&mut evidence);
        evidence
    }
}
