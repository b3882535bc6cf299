//! What happened on the stage, as lines a person can follow.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sandbox::stage::Stage;
use serde_json::Value;

/// Shows what is new on the stage since the last time.
pub(crate) struct Timeline<'a> {
    stage: &'a Stage,
    began: Timestamp,
    events: usize,
    requests: usize,
    messages: usize,
}

impl<'a> Timeline<'a> {
    /// Begins now.
    pub(crate) fn new(stage: &'a Stage) -> Self {
        let account = &stage.account;
        Self {
            stage,
            began: account.clock().now(),
            events: account.events().len(),
            requests: account.requests().all().len(),
            messages: account.messages().len(),
        }
    }

    /// Prints the events, the functions' calls and the titles of messages since the last time, by time.
    pub(crate) fn print(&mut self) {
        let account = &self.stage.account;
        let mut lines: BTreeMap<(Timestamp, usize), String> = BTreeMap::new();
        let mut add = |at: Timestamp, line: String| {
            let order = lines.len();
            lines.insert((at, order), line);
        };
        let (events, requests, messages) = (account.events(), account.requests().all(), account.messages());
        for event in &events[self.events.min(events.len())..] {
            add(arrival(event).unwrap_or(self.began), format!("event    {}", event_words(event)));
        }
        for request in &requests[self.requests.min(requests.len())..] {
            let failed = request.error.as_ref().map(|error| format!(" -> {error}")).unwrap_or_default();
            let caller = request.caller.as_deref().unwrap_or("somebody");
            add(request.at, format!("call     {caller}: {}:{}{failed}", request.service, request.operation));
        }
        for message in messages[self.messages.min(messages.len())..].iter().filter(|m| m.subject.is_some()) {
            add(message.at, format!("MESSAGE  {}", message.subject.as_deref().unwrap_or_default()));
        }
        for ((at, _), line) in lines {
            let after = at.duration_since(self.began).as_secs_f64().max(0.0);
            println!("  {after:>6.2} s  {line}");
        }
        (self.events, self.requests, self.messages) = (events.len(), requests.len(), messages.len());
    }
}

fn arrival(event: &Value) -> Option<Timestamp> {
    event["time"].as_str()?.parse().ok()
}

fn event_words(event: &Value) -> String {
    let detail = &event["detail"];
    let words = [&detail["operationStatus"], &detail["currentServiceStatus"], &detail["phase"]];
    let word = words.into_iter().find_map(Value::as_str).unwrap_or_default();
    let name = detail["serviceName"].as_str().unwrap_or_default();
    format!("{name} {word}  ({})", event["detail-type"].as_str().unwrap_or_default())
}
