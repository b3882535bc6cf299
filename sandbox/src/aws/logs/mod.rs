//! CloudWatch Logs: groups, streams and their events, with the paging of the real service.

mod read;

use std::collections::BTreeMap;
use std::sync::Mutex;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::clock::Clock;
use super::error::ApiError;
use super::lock;
use super::protocol::Protocol;
use super::service::Service;

/// A line of a stream.
#[derive(Clone, Debug)]
struct Event {
    at_ms: i64,
    ingested_ms: i64,
    /// Order of arrival in the whole account; orders lines of the same millisecond.
    number: u64,
    message: String,
}

#[derive(Default)]
struct Stream {
    created_ms: i64,
    /// In order of time, then arrival.
    events: Vec<Event>,
}

#[derive(Default)]
struct Group {
    created_ms: i64,
    streams: BTreeMap<String, Stream>,
}

#[derive(Default)]
struct State {
    next_number: u64,
    groups: BTreeMap<String, Group>,
}

/// CloudWatch Logs for one account.
pub struct Logs {
    account: String,
    region: String,
    clock: Clock,
    state: Mutex<State>,
}

impl Logs {
    pub(crate) fn new(account: &str, region: &str, clock: Clock) -> Self {
        Self { account: account.to_owned(), region: region.to_owned(), clock, state: Mutex::default() }
    }

    /// Writes a line with its own time; group and stream are made where they are missing.
    pub fn put(&self, group: &str, stream: &str, at: Timestamp, line: &str) {
        let now_ms = self.clock.now().as_millisecond();
        let mut state = lock(&self.state);
        state.next_number += 1;
        let event = Event {
            at_ms: at.as_millisecond(),
            ingested_ms: now_ms,
            number: state.next_number,
            message: line.to_owned(),
        };
        let group = state.groups.entry(group.to_owned()).or_insert_with(|| Group::new(now_ms));
        let stream = group.streams.entry(stream.to_owned()).or_insert_with(|| Stream::new(now_ms));
        stream.insert(event);
    }

    /// Makes a group without streams.
    pub fn add_group(&self, group: &str) {
        let now_ms = self.clock.now().as_millisecond();
        lock(&self.state).groups.entry(group.to_owned()).or_insert_with(|| Group::new(now_ms));
    }

    /// The lines of a stream, oldest first; empty if there is no such stream.
    pub fn lines(&self, group: &str, stream: &str) -> Vec<String> {
        let state = lock(&self.state);
        let stream = state.groups.get(group).and_then(|group| group.streams.get(stream));
        stream
            .map(|stream| stream.events.iter().map(|event| event.message.clone()).collect())
            .unwrap_or_default()
    }

    fn create_group(&self, input: &Value) -> Result<Value, ApiError> {
        let name = text(input, "logGroupName")?;
        let mut state = lock(&self.state);
        if state.groups.contains_key(name) {
            return Err(exists("The specified log group already exists"));
        }
        state.groups.insert(name.to_owned(), Group::new(self.clock.now().as_millisecond()));
        Ok(json!({}))
    }

    fn create_stream(&self, input: &Value) -> Result<Value, ApiError> {
        let name = text(input, "logStreamName")?;
        let mut state = lock(&self.state);
        let group = state.groups.get_mut(group_name(input)?).ok_or_else(no_group)?;
        if group.streams.contains_key(name) {
            return Err(exists("The specified log stream already exists"));
        }
        group.streams.insert(name.to_owned(), Stream::new(self.clock.now().as_millisecond()));
        Ok(json!({}))
    }

    fn put_events(&self, input: &Value) -> Result<Value, ApiError> {
        let group = group_name(input)?;
        let stream = text(input, "logStreamName")?;
        let events = input["logEvents"].as_array().ok_or_else(|| invalid("logEvents is required"))?;
        {
            let state = lock(&self.state);
            let group = state.groups.get(group).ok_or_else(no_group)?;
            group.streams.get(stream).ok_or_else(no_stream)?;
        }
        let times: Vec<i64> = events.iter().filter_map(|event| event["timestamp"].as_i64()).collect();
        if events.is_empty() || events.len() > 10_000 || times.len() != events.len() {
            return Err(invalid("logEvents must hold 1 to 10000 events with a timestamp each"));
        }
        if !times.is_sorted() {
            return Err(invalid(
                "Log events in a single PutLogEvents request must be in chronological order.",
            ));
        }
        for (event, at_ms) in events.iter().zip(times) {
            let at = Timestamp::from_millisecond(at_ms).map_err(|_| invalid("timestamp is out of range"))?;
            self.put(group, stream, at, text(event, "message")?);
        }
        Ok(json!({ "nextSequenceToken": "0" }))
    }

    fn group_arn(&self, group: &str) -> String {
        format!("arn:aws:logs:{}:{}:log-group:{group}", self.region, self.account)
    }
}

impl Group {
    fn new(created_ms: i64) -> Self {
        Self { created_ms, streams: BTreeMap::new() }
    }
}

impl Stream {
    fn new(created_ms: i64) -> Self {
        Self { created_ms, events: Vec::new() }
    }

    fn insert(&mut self, event: Event) {
        let place = self.events.partition_point(|known| known.position() < event.position());
        self.events.insert(place, event);
    }
}

impl Event {
    fn position(&self) -> (i64, u64) {
        (self.at_ms, self.number)
    }

    /// Bytes as the service counts them towards the size of a page.
    fn bytes(&self) -> usize {
        self.message.len() + 26
    }
}

fn text<'a>(input: &'a Value, member: &str) -> Result<&'a str, ApiError> {
    input[member]
        .as_str()
        .filter(|text| !text.is_empty())
        .ok_or_else(|| invalid(&format!("{member} is required")))
}

/// The group of a request, given by name or by ARN.
fn group_name(input: &Value) -> Result<&str, ApiError> {
    if let Some(identifier) = input["logGroupIdentifier"].as_str() {
        let name = identifier.split_once(":log-group:").map_or(identifier, |(_, name)| name);
        return Ok(name.strip_suffix(":*").unwrap_or(name));
    }
    text(input, "logGroupName")
}

fn invalid(message: &str) -> ApiError {
    ApiError::refused("InvalidParameterException", message)
}

fn exists(message: &str) -> ApiError {
    ApiError::refused("ResourceAlreadyExistsException", message)
}

fn no_group() -> ApiError {
    ApiError::refused("ResourceNotFoundException", "The specified log group does not exist.")
}

fn no_stream() -> ApiError {
    ApiError::refused("ResourceNotFoundException", "The specified log stream does not exist.")
}

impl Service for Logs {
    fn name(&self) -> &'static str {
        "logs"
    }

    fn protocol(&self) -> Protocol {
        Protocol::Json { target: "Logs_20140328", version: "1.1", message_member: "message" }
    }

    fn server_error(&self) -> &'static str {
        "ServiceUnavailableException"
    }

    fn call(&self, operation: &str, input: &Value) -> Result<Value, ApiError> {
        match operation {
            "CreateLogGroup" => self.create_group(input),
            "CreateLogStream" => self.create_stream(input),
            "DescribeLogGroups" => self.describe_groups(input),
            "DescribeLogStreams" => self.describe_streams(input),
            "FilterLogEvents" => self.filter_events(input),
            "GetLogEvents" => self.get_events(input),
            "PutLogEvents" => self.put_events(input),
            _ => Err(ApiError::unknown_operation(operation)),
        }
    }
}
