//! The log of every request, for tests to read: who called what, on which resource, and how it ended.

use std::collections::HashSet;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::clock::Clock;
use super::faults::Fault;
use super::lock;

/// One request, as received and as answered.
#[derive(Clone, Debug)]
pub struct RequestRecord {
    /// Position in the log, counted from 0 since the start of the sandbox.
    pub number: u64,
    /// When it arrived.
    pub at: Timestamp,
    /// `apprunner`, `dynamodb`, `logs`, …
    pub service: String,
    /// The API's name of the operation.
    pub operation: String,
    /// The ARN or name that the request is about, where its body says so.
    pub resource: Option<String>,
    /// The access key ID that signed it.
    pub caller: Option<String>,
    /// The input, decoded from whatever protocol it came in.
    pub input: Value,
    /// HTTP status of the answer; none before the answer, and none if there was no answer.
    pub status: Option<u16>,
    /// The error code of the answer.
    pub error: Option<String>,
    /// The fault that was applied.
    pub fault: Option<Fault>,
}

/// Called with the record of a request.
pub type RequestHook = Arc<dyn Fn(&RequestRecord) + Send + Sync>;

/// Members that name what a request is about, most telling first.
const RESOURCE_MEMBERS: [&str; 20] = [
    "ServiceArn",
    "ResourceArn",
    "VpcIngressConnectionArn",
    "VpcConnectorArn",
    "AutoScalingConfigurationArn",
    "ObservabilityConfigurationArn",
    "ConnectionArn",
    "ServiceName",
    "TableName",
    "TopicArn",
    "SubscriptionArn",
    "logGroupName",
    "TargetArn",
    "HostedZoneId",
    "VpcEndpointId",
    "LoadBalancerArn",
    "TargetGroupArn",
    "ListenerArn",
    "CertificateArn",
    "Name",
];

/// All requests so far. Clones share the log.
#[derive(Clone, Default)]
pub struct RequestLog {
    records: Arc<Mutex<Log>>,
}

#[derive(Default)]
struct Log {
    next: u64,
    records: Vec<RequestRecord>,
    copy: Option<Copy>,
}

/// The kinds of requests, one JSON object a line, for whoever compares them with permissions.
struct Copy {
    file: File,
    written: HashSet<String>,
}

/// Longer text says nothing of what a request is about.
const TELLING: usize = 256;

impl Copy {
    fn add(&mut self, record: &RequestRecord) {
        let line = json!({
            "caller": record.caller,
            "service": record.service,
            "operation": record.operation,
            "input": telling(&record.input),
        });
        let line = format!("{line}\n");
        // A full disk must not change what the account answers; the comparison finds the gap.
        if self.written.insert(line.clone()) {
            let _ = self.file.write_all(line.as_bytes());
        }
    }
}

/// The input without long text.
fn telling(input: &Value) -> Value {
    match input {
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), telling(value))).collect()
        }
        Value::Array(items) => items.iter().map(telling).collect(),
        Value::String(text) if text.len() > TELLING => Value::Null,
        short => short.clone(),
    }
}

impl RequestLog {
    /// A log that also appends each new request to a file of this process in `directory`.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub(crate) fn copied_to(directory: &Path) -> Result<Self> {
        let path = directory.join(format!("{}.jsonl", std::process::id()));
        let file = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("{} cannot be written", path.display()))?;
        let log = Self::default();
        lock(&log.records).copy = Some(Copy { file, written: HashSet::new() });
        Ok(log)
    }

    /// Every request since the start or the last [`RequestLog::clear`], in order of arrival.
    pub fn all(&self) -> Vec<RequestRecord> {
        lock(&self.records).records.clone()
    }

    /// The requests of one operation of one service.
    pub fn of(&self, service: &str, operation: &str) -> Vec<RequestRecord> {
        self.matching(|record| record.service == service && record.operation == operation)
    }

    /// The requests that this access key ID signed.
    pub fn by(&self, caller: &str) -> Vec<RequestRecord> {
        self.matching(|record| record.caller.as_deref() == Some(caller))
    }

    /// Forgets what was logged. Numbers go on.
    pub fn clear(&self) {
        lock(&self.records).records.clear();
    }

    fn matching(&self, wanted: impl Fn(&RequestRecord) -> bool) -> Vec<RequestRecord> {
        lock(&self.records).records.iter().filter(|record| wanted(record)).cloned().collect()
    }

    /// Logs the arrival of a request.
    pub(crate) fn arrived(
        &self,
        clock: &Clock,
        service: &str,
        operation: &str,
        caller: Option<String>,
        input: Value,
    ) -> RequestRecord {
        let resource = RESOURCE_MEMBERS.iter().find_map(|member| input[member].as_str()).map(str::to_owned);
        let mut log = lock(&self.records);
        let record = RequestRecord {
            number: log.next,
            at: clock.now(),
            service: service.to_owned(),
            operation: operation.to_owned(),
            resource,
            caller,
            input,
            status: None,
            error: None,
            fault: None,
        };
        log.next += 1;
        if let Some(copy) = &mut log.copy {
            copy.add(&record);
        }
        log.records.push(record.clone());
        record
    }

    /// Replaces the record of a request by what is known of it now.
    pub(crate) fn update(&self, record: &RequestRecord) {
        let mut log = lock(&self.records);
        if let Some(logged) = log.records.iter_mut().rev().find(|logged| logged.number == record.number) {
            logged.clone_from(record);
        }
    }
}
