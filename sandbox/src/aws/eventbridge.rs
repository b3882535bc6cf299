//! EventBridge's `PutEvents` on the default bus.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::bus::Bus;
use super::clock::Clock;
use super::error::ApiError;
use super::lock;
use super::protocol::Protocol;
use super::service::Service;
use crate::aws::identity::fresh;

/// The most entries and bytes that one call may carry.
const MAX_ENTRIES: usize = 10;
const MAX_BYTES: usize = 262_144;

/// EventBridge.
pub struct EventBridge {
    bus: Arc<Bus>,
    clock: Clock,
    refusals: Mutex<VecDeque<bool>>,
}

impl EventBridge {
    pub(crate) fn new(bus: Arc<Bus>, clock: Clock) -> Self {
        Self { bus, clock, refusals: Mutex::default() }
    }

    /// Decides the fate of the next entries, one value an entry in order of arrival: `true` refuses the
    /// entry with `InternalFailure` while the call itself succeeds.
    pub fn refuse_entries(&self, refuse: impl IntoIterator<Item = bool>) {
        lock(&self.refusals).extend(refuse);
    }

    fn put_events(&self, input: &Value) -> Result<Value, ApiError> {
        let entries = input["Entries"].as_array().map(Vec::as_slice).unwrap_or_default();
        if entries.is_empty() || entries.len() > MAX_ENTRIES {
            return Err(ApiError::refused(
                "ValidationException",
                format!(
                    "1 validation error detected: Value '{}' at 'entries' failed to satisfy constraint: \
                     Member must have length between 1 and {MAX_ENTRIES}",
                    entries.len()
                ),
            ));
        }
        if entries.iter().map(entry_bytes).sum::<usize>() > MAX_BYTES {
            return Err(ApiError::refused(
                "ValidationException",
                "Total size of the entries in the request is over the limit.",
            ));
        }
        let results: Vec<Value> = entries.iter().map(|entry| self.put_entry(entry)).collect();
        let failed = results.iter().filter(|result| result.get("ErrorCode").is_some()).count();
        Ok(json!({ "FailedEntryCount": failed, "Entries": results }))
    }

    fn put_entry(&self, entry: &Value) -> Value {
        let ordered_refusal = lock(&self.refusals).pop_front().unwrap_or(false);
        if ordered_refusal {
            return refusal("InternalFailure", "Internal failure");
        }
        let detail = match checked_detail(entry) {
            Ok(detail) => detail,
            Err(refused) => return refused,
        };
        if let Some(bus) = entry["EventBusName"].as_str()
            && bus != "default"
            && !bus.ends_with(":event-bus/default")
        {
            // The real service accepts the entry and drops it, as no such bus exists.
            return json!({ "EventId": fresh().to_string() });
        }
        let resources: Vec<&str> =
            entry["Resources"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let id = self.bus.publish_at(
            self.time(entry),
            entry["Source"].as_str().unwrap_or_default(),
            entry["DetailType"].as_str().unwrap_or_default(),
            &resources,
            &detail,
        );
        json!({ "EventId": id })
    }

    fn time(&self, entry: &Value) -> Timestamp {
        entry["Time"]
            .as_f64()
            .and_then(|seconds| {
                Timestamp::from_duration(jiff::SignedDuration::try_from_secs_f64(seconds).ok()?).ok()
            })
            .unwrap_or_else(|| self.clock.now())
    }
}

/// Bytes of an entry as EventBridge counts them.
fn entry_bytes(entry: &Value) -> usize {
    let text = |member: &str| entry[member].as_str().map_or(0, str::len);
    let resources: usize =
        entry["Resources"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::len).sum();
    let time = if entry["Time"].is_null() { 0 } else { 14 };
    time + text("Source") + text("DetailType") + text("Detail") + resources
}

/// The detail of an entry that EventBridge would accept, or its refusal.
fn checked_detail(entry: &Value) -> Result<Value, Value> {
    for member in ["Source", "DetailType", "Detail"] {
        if entry[member].as_str().is_none_or(str::is_empty) {
            return Err(refusal(
                "InvalidArgument",
                &format!("Parameter {member} is not valid. Reason: {member} is a required argument."),
            ));
        }
    }
    if entry["Source"].as_str().is_some_and(|source| source.starts_with("aws.")) {
        return Err(refusal("NotAuthorizedForSourceException", "Not authorized for the source."));
    }
    match serde_json::from_str::<Value>(entry["Detail"].as_str().unwrap_or_default()) {
        Ok(detail) if detail.is_object() => Ok(detail),
        _ => Err(refusal("MalformedDetail", "Detail is malformed.")),
    }
}

fn refusal(code: &str, message: &str) -> Value {
    json!({ "ErrorCode": code, "ErrorMessage": message })
}

impl Service for EventBridge {
    fn name(&self) -> &'static str {
        "events"
    }

    fn protocol(&self) -> Protocol {
        Protocol::Json { target: "AWSEvents", version: "1.1", message_member: "message" }
    }

    fn server_error(&self) -> &'static str {
        "InternalException"
    }

    fn call(&self, operation: &str, input: &Value) -> Result<Value, ApiError> {
        match operation {
            "PutEvents" => self.put_events(input),
            _ => Err(ApiError::unknown_operation(operation)),
        }
    }
}
