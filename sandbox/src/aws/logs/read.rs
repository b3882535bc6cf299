//! Reading logs: lists of groups and streams, windows of a stream, search in a group.

use serde_json::{Value, json};

use super::{Event, Logs, Stream, group_name, invalid, no_group, no_stream, text};
use crate::aws::error::ApiError;
use crate::aws::lock;
use crate::aws::paging::page;

/// What one page of events may hold at most.
const MAX_EVENTS: usize = 10_000;
const MAX_BYTES: usize = 1_048_576;

impl Logs {
    pub(super) fn describe_groups(&self, input: &Value) -> Result<Value, ApiError> {
        let limit = limit(input, 50, 50)?;
        let prefix = input["logGroupNamePrefix"].as_str().unwrap_or_default();
        let pattern = input["logGroupNamePattern"].as_str().unwrap_or_default();
        let state = lock(&self.state);
        let matching =
            state.groups.iter().filter(|(name, _)| name.starts_with(prefix) && name.contains(pattern));
        let page = page(matching, limit, input["nextToken"].as_str(), bad_token)?;
        let groups: Vec<Value> = page
            .items
            .into_iter()
            .map(|(name, group)| {
                let arn = self.group_arn(name);
                json!({
                    "logGroupName": name,
                    "creationTime": group.created_ms,
                    "metricFilterCount": 0,
                    "arn": format!("{arn}:*"),
                    "logGroupArn": arn,
                    "storedBytes": 0,
                    "logGroupClass": "STANDARD",
                })
            })
            .collect();
        Ok(with_token(json!({ "logGroups": groups }), page.next))
    }

    pub(super) fn describe_streams(&self, input: &Value) -> Result<Value, ApiError> {
        let limit = limit(input, 50, 50)?;
        let prefix = input["logStreamNamePrefix"].as_str();
        let by_time = match input["orderBy"].as_str() {
            None | Some("LogStreamName") => false,
            Some("LastEventTime") => true,
            Some(_) => return Err(invalid("orderBy must be LogStreamName or LastEventTime")),
        };
        if by_time && prefix.is_some() {
            return Err(invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
        }
        let name = group_name(input)?;
        let state = lock(&self.state);
        let group = state.groups.get(name).ok_or_else(no_group)?;
        let mut streams: Vec<(&String, &Stream)> =
            group.streams.iter().filter(|(name, _)| name.starts_with(prefix.unwrap_or_default())).collect();
        if by_time {
            streams.sort_by_key(|(_, stream)| stream.events.last().map(|event| event.at_ms));
        }
        if input["descending"] == json!(true) {
            streams.reverse();
        }
        let page = page(streams, limit, input["nextToken"].as_str(), bad_token)?;
        let arn = self.group_arn(name);
        let streams: Vec<Value> =
            page.items.into_iter().map(|(name, stream)| stream_summary(&arn, name, stream)).collect();
        Ok(with_token(json!({ "logStreams": streams }), page.next))
    }

    /// Without a token the newest page of the window (or with `startFromHead` the oldest); the tokens lead
    /// forward and backward from there. At the end the token given comes back.
    pub(super) fn get_events(&self, input: &Value) -> Result<Value, ApiError> {
        let limit = limit(input, MAX_EVENTS, MAX_EVENTS)?;
        let state = lock(&self.state);
        let group = state.groups.get(group_name(input)?).ok_or_else(no_group)?;
        let stream = group.streams.get(text(input, "logStreamName")?).ok_or_else(no_stream)?;
        let window: Vec<&Event> = in_window(input, &stream.events).collect();
        let from_head = input["startFromHead"] == json!(true);
        let cursor = input["nextToken"].as_str().map(Cursor::decode).transpose()?;
        let page = match cursor {
            Some(Cursor { forward: true, position }) => {
                let start = window.partition_point(|event| event.position() <= position);
                first_page(&window[start..], limit)
            }
            Some(Cursor { forward: false, position }) => {
                let end = window.partition_point(|event| event.position() < position);
                last_page(&window[..end], limit)
            }
            None if from_head => first_page(&window, limit),
            None => last_page(&window, limit),
        };
        let empty_at = cursor.map_or_else(
            || if from_head { (i64::MIN, 0) } else { window.last().map_or((i64::MIN, 0), |e| e.position()) },
            |cursor| cursor.position,
        );
        let first = page.first().map_or(empty_at, |event| event.position());
        let last = page.last().map_or(empty_at, |event| event.position());
        let events: Vec<Value> = page
            .iter()
            .map(|event| {
                json!({ "timestamp": event.at_ms, "ingestionTime": event.ingested_ms, "message": event.message })
            })
            .collect();
        Ok(json!({
            "events": events,
            "nextForwardToken": Cursor { forward: true, position: last }.encode(),
            "nextBackwardToken": Cursor { forward: false, position: first }.encode(),
        }))
    }

    /// Lines of several streams in order of time. The pattern is a list of words that must all occur.
    pub(super) fn filter_events(&self, input: &Value) -> Result<Value, ApiError> {
        let limit = limit(input, MAX_EVENTS, MAX_EVENTS)?;
        let names: Option<Vec<&str>> =
            input["logStreamNames"].as_array().map(|names| names.iter().filter_map(Value::as_str).collect());
        let prefix = input["logStreamNamePrefix"].as_str();
        if names.is_some() && prefix.is_some() {
            return Err(invalid("logStreamNames and logStreamNamePrefix exclude each other"));
        }
        let words = pattern_words(input["filterPattern"].as_str().unwrap_or_default());
        let state = lock(&self.state);
        let group = state.groups.get(group_name(input)?).ok_or_else(no_group)?;
        let mut found: Vec<(&str, &Event)> = group
            .streams
            .iter()
            .filter(|(name, _)| names.as_ref().is_none_or(|names| names.contains(&name.as_str())))
            .filter(|(name, _)| name.starts_with(prefix.unwrap_or_default()))
            .flat_map(|(name, stream)| {
                in_window(input, &stream.events).map(move |event| (name.as_str(), event))
            })
            .filter(|(_, event)| words.iter().all(|word| event.message.contains(word)))
            .collect();
        found.sort_by_key(|(_, event)| event.position());
        let start = match input["nextToken"].as_str().map(Cursor::decode).transpose()? {
            Some(cursor) => found.partition_point(|(_, event)| event.position() <= cursor.position),
            None => 0,
        };
        let rest = &found[start..];
        let page = &rest[..limit.min(fitting(rest.iter().map(|(_, event)| *event)))];
        let next = page
            .last()
            .filter(|_| page.len() < rest.len())
            .map(|(_, event)| Cursor { forward: true, position: event.position() }.encode());
        let events: Vec<Value> = page
            .iter()
            .map(|(stream, event)| {
                json!({
                    "logStreamName": stream,
                    "timestamp": event.at_ms,
                    "ingestionTime": event.ingested_ms,
                    "message": event.message,
                    "eventId": format!("{:056}", event.number),
                })
            })
            .collect();
        Ok(with_token(json!({ "events": events, "searchedLogStreams": [] }), next))
    }
}

fn stream_summary(group_arn: &str, name: &str, stream: &Stream) -> Value {
    let mut summary = json!({
        "logStreamName": name,
        "creationTime": stream.created_ms,
        "arn": format!("{group_arn}:log-stream:{name}"),
        "storedBytes": 0,
    });
    if let (Some(first), Some(last)) = (stream.events.first(), stream.events.last()) {
        summary["firstEventTimestamp"] = json!(first.at_ms);
        summary["lastEventTimestamp"] = json!(last.at_ms);
        summary["lastIngestionTime"] = json!(stream.events.iter().map(|event| event.ingested_ms).max());
        summary["uploadSequenceToken"] = json!("0");
    }
    summary
}

/// Events with startTime <= time < endTime.
fn in_window<'a>(input: &Value, events: &'a [Event]) -> impl Iterator<Item = &'a Event> {
    let start = input["startTime"].as_i64().unwrap_or(i64::MIN);
    let end = input["endTime"].as_i64().unwrap_or(i64::MAX);
    events.iter().filter(move |event| start <= event.at_ms && event.at_ms < end)
}

/// How many of these fit on one page.
fn fitting<'a>(events: impl Iterator<Item = &'a Event>) -> usize {
    let mut bytes = 0;
    events
        .take(MAX_EVENTS)
        .take_while(|event| {
            bytes += event.bytes();
            bytes <= MAX_BYTES
        })
        .count()
}

fn first_page<'a, 'b>(events: &'b [&'a Event], limit: usize) -> &'b [&'a Event] {
    let count = limit.min(fitting(events.iter().copied()));
    &events[..count]
}

fn last_page<'a, 'b>(events: &'b [&'a Event], limit: usize) -> &'b [&'a Event] {
    let count = limit.min(fitting(events.iter().rev().copied()));
    &events[events.len() - count..]
}

/// Where a page ended: the next one begins behind (or before) this position.
#[derive(Clone, Copy)]
struct Cursor {
    forward: bool,
    position: (i64, u64),
}

impl Cursor {
    fn encode(self) -> String {
        let direction = if self.forward { 'f' } else { 'b' };
        format!("{direction}/{}/{}", self.position.0, self.position.1)
    }

    fn decode(token: &str) -> Result<Self, ApiError> {
        let mut parts = token.split('/');
        let forward = match parts.next() {
            Some("f") => true,
            Some("b") => false,
            _ => return Err(bad_token()),
        };
        let at = parts.next().and_then(|part| part.parse().ok()).ok_or_else(bad_token)?;
        let number = parts.next().and_then(|part| part.parse().ok()).ok_or_else(bad_token)?;
        Ok(Self { forward, position: (at, number) })
    }
}

fn pattern_words(pattern: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in pattern.split('"').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

fn limit(input: &Value, default: usize, max: usize) -> Result<usize, ApiError> {
    match &input["limit"] {
        Value::Null => Ok(default),
        value => value
            .as_u64()
            .and_then(|limit| usize::try_from(limit).ok())
            .filter(|limit| (1..=max).contains(limit))
            .ok_or_else(|| invalid(&format!("limit must be between 1 and {max}"))),
    }
}

fn with_token(mut answer: Value, next: Option<String>) -> Value {
    if let Some(next) = next {
        answer["nextToken"] = json!(next);
    }
    answer
}

fn bad_token() -> ApiError {
    invalid("The specified nextToken is invalid.")
}
