//! What happened on the stage, as lines a person can follow.

use jiff::Timestamp;
use sandbox::stage::Stage;
use serde_json::Value;

/// Columns of a line of calls.
const WIDTH: usize = 96;

/// Shows what is new on the stage since the last time.
pub(crate) struct Timeline<'a> {
    stage: &'a Stage,
    began: Timestamp,
    events: usize,
    requests: usize,
    messages: usize,
}

/// Something that happened.
enum Happening {
    Event(String),
    Call { caller: String, words: String },
    Message(String),
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
        let happenings = self.news();
        for run in happenings.chunk_by(|(_, a), (_, b)| a.caller().is_some() && a.caller() == b.caller()) {
            let Some((at, first)) = run.first() else { continue };
            let after = at.duration_since(self.began).as_secs_f64().max(0.0);
            match first {
                Happening::Event(words) => println!("  {after:>6.2} s  event    {words}"),
                Happening::Message(title) => println!("  {after:>6.2} s  MESSAGE  {title}"),
                Happening::Call { caller, .. } => {
                    println!("  {after:>6.2} s  {}", calls(caller, run));
                }
            }
        }
    }

    fn news(&mut self) -> Vec<(Timestamp, Happening)> {
        let account = &self.stage.account;
        let (events, requests, messages) =
            (account.bus().recorded(), account.requests().all(), account.messages());
        let mut news: Vec<_> = events
            .iter()
            .skip(self.events)
            .map(|(at, event)| (*at, Happening::Event(event_words(event))))
            .chain(requests.iter().skip(self.requests).filter_map(|request| {
                let error = request.error.as_ref().map(|error| format!(" ({error})")).unwrap_or_default();
                let words = format!("{}:{}{error}", request.service, request.operation);
                Some((request.at, Happening::Call { caller: request.caller.clone()?, words }))
            }))
            .chain(
                messages
                    .iter()
                    .skip(self.messages)
                    .filter_map(|message| Some((message.at, Happening::Message(message.subject.clone()?)))),
            )
            .collect();
        news.sort_by_key(|(at, _)| *at);
        (self.events, self.requests, self.messages) = (events.len(), requests.len(), messages.len());
        news
    }
}

impl Happening {
    fn caller(&self) -> Option<&str> {
        match self {
            Self::Call { caller, .. } => Some(caller),
            _ => None,
        }
    }
}

/// A function's calls, one after the other, over as many lines as they need.
fn calls(caller: &str, run: &[(Timestamp, Happening)]) -> String {
    let mut lines = vec![format!("{:<8}", caller.trim_end_matches("Function").to_lowercase())];
    for (_, happening) in run {
        let Happening::Call { words, .. } = happening else { continue };
        if lines.last().is_some_and(|line| line.len() + words.len() > WIDTH) {
            lines.push(" ".repeat(19));
        }
        if let Some(line) = lines.last_mut() {
            line.push(' ');
            line.push_str(words);
        }
    }
    lines.join("\n")
}

fn event_words(event: &Value) -> String {
    let detail = &event["detail"];
    let words = [&detail["operationStatus"], &detail["currentServiceStatus"], &detail["phase"]];
    let word = words.into_iter().find_map(Value::as_str).unwrap_or_default();
    let name = detail["serviceName"].as_str().unwrap_or_default();
    format!("{name} {word}")
}
