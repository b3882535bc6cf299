//! What an invocation came to.

use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::log::LogLine;
use super::process::Failure;

/// The result of one try of an invocation.
#[derive(Clone, Debug)]
pub struct InvokeResult {
    /// The same for all tries of one asynchronous invocation.
    pub request_id: String,
    /// The answer; with an error, Lambda's error document.
    pub payload: Vec<u8>,
    /// The error, if it failed.
    pub error: Option<InvokeError>,
    /// What the process wrote while serving it.
    pub logs: Vec<LogLine>,
    /// How long it took, the cold start included, until its lines were in the log.
    pub duration: Duration,
    /// How long a new process took to ask for its first invocation; nothing where one was waiting.
    pub init: Option<Duration>,
    /// When the answer came, counted from the call; nothing where none came.
    pub answered: Option<Duration>,
    /// Whether a process was started for it.
    pub cold: bool,
}

/// The error of an invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvokeError {
    /// For instance `Runtime.ExitError`, or the function's own type.
    pub error_type: String,
    /// The message.
    pub error_message: String,
}

impl InvokeResult {
    /// The answer as JSON; an error if the invocation failed.
    pub fn json(&self) -> Result<Value> {
        match &self.error {
            Some(error) => anyhow::bail!("{}: {}", error.error_type, error.error_message),
            None => serde_json::from_slice(&self.payload).context("the answer is not JSON"),
        }
    }

    /// The log lines that are JSON.
    pub fn json_logs(&self) -> Vec<Value> {
        self.logs.iter().filter_map(LogLine::json).collect()
    }
}

impl InvokeError {
    /// An error as the function reported it. Unreadable documents keep their
    /// text, as Lambda passes them on.
    pub(crate) fn reported(document: &[u8]) -> Self {
        let value: Value = serde_json::from_slice(document).unwrap_or_default();
        let member = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        Self {
            error_type: member("errorType").unwrap_or_else(|| "Unhandled".to_owned()),
            error_message: member("errorMessage")
                .unwrap_or_else(|| String::from_utf8_lossy(document).into_owned()),
        }
    }

    /// An error that Lambda makes when there is no answer.
    pub(crate) fn without_answer(request_id: &str, failure: &Failure) -> Self {
        let (error_type, message) = match failure {
            Failure::InitFailed(document) => return Self::reported(document),
            Failure::Exited(how) => ("Runtime.ExitError", how.clone()),
            Failure::TimedOut(limit) => {
                ("Sandbox.Timedout", format!("Task timed out after {:.2} seconds", limit.as_secs_f64()))
            }
        };
        Self::made_by_lambda(request_id, error_type, &message)
    }

    pub(crate) fn made_by_lambda(request_id: &str, error_type: &str, message: &str) -> Self {
        Self {
            error_type: error_type.to_owned(),
            error_message: format!("RequestId: {request_id} Error: {message}"),
        }
    }

    /// Lambda's error document.
    pub(crate) fn document(&self) -> Vec<u8> {
        json!({"errorType": self.error_type, "errorMessage": self.error_message}).to_string().into_bytes()
    }
}

/// What was delivered to an on-failure destination.
#[derive(Clone, Debug)]
pub struct DestinationRecord {
    /// The logical ID of the function.
    pub function: String,
    /// The ARN of the destination.
    pub destination: String,
    /// The record in Lambda's format.
    pub record: Value,
}

/// How an asynchronous invocation ended.
#[derive(Clone, Debug)]
pub struct AsyncOutcome {
    /// The same for all tries.
    pub request_id: String,
    /// Every try, in order; none if the event was too old before the first.
    pub attempts: Vec<InvokeResult>,
    /// Why Lambda gave up, unless the last try succeeded.
    pub gave_up: Option<Condition>,
}

/// Why Lambda gave an event up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It failed as often as it may be tried.
    RetriesExhausted,
    /// It became older than `MaximumEventAgeInSeconds`.
    EventAgeExceeded,
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::RetriesExhausted => "RetriesExhausted",
            Self::EventAgeExceeded => "EventAgeExceeded",
        })
    }
}

impl AsyncOutcome {
    /// The last try.
    pub fn last(&self) -> Option<&InvokeResult> {
        self.attempts.last()
    }

    /// The record for the on-failure destination (Lambda developer guide,
    /// "Capturing records of Lambda asynchronous invocations").
    pub(crate) fn record(&self, now: Timestamp, function_arn: &str, payload: &[u8], why: Condition) -> Value {
        let mut record = json!({
            "version": "1.0",
            "timestamp": format!("{now:.3}"),
            "requestContext": {
                "requestId": self.request_id,
                "functionArn": format!("{function_arn}:$LATEST"),
                "condition": why.to_string(),
                "approximateInvokeCount": self.attempts.len(),
            },
            "requestPayload": json_or_text(payload),
        });
        if let Some(last) = self.last() {
            record["responseContext"] =
                json!({"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"});
            record["responsePayload"] = json_or_text(&last.payload);
        }
        record
    }
}

fn json_or_text(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into())
}
