//! A message, and its two forms: plain text for people, Amazon Q's custom notification for chat.
//!
//! Limits: an SNS subject is ASCII, one line, under 100 characters; a message at most 256 KB; Amazon Q cuts long
//! descriptions. What is longer is cut, and the cut is shown.

use autopilot::{ports::Publication, redact::PublicText};
use serde_json::json;

use crate::links::Link;

/// How loud a message is: the SNS attribute `severity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Look at it today.
    Warning,
    /// Look at it now.
    Critical,
}

impl Severity {
    /// The word in the attribute and in subjects.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// One message to people, in parts.
#[derive(Clone, Debug)]
pub struct Message {
    /// How loud.
    pub severity: Severity,
    /// The service's name, or the other subject.
    pub service: String,
    /// Machine word: the cause of a failure, or the kind of message.
    pub kind: String,
    /// `failure`, `recovered`, or the announcement's phase.
    pub phase: String,
    /// One line that says it all.
    pub title: String,
    /// The thread: the incident.
    pub thread: String,
    /// What it is about: consequence and cause. Comes first.
    pub sections: Vec<Section>,
    /// What to do, most useful first. Comes next.
    pub next_steps: Vec<String>,
    /// The evidence, for whoever reads on.
    pub details: Vec<Section>,
    /// Where to look.
    pub links: Vec<Link>,
    /// ARNs and names that it is about.
    pub resources: Vec<String>,
}

/// A part of a message.
#[derive(Clone, Debug)]
pub struct Section {
    /// Heading; empty for none.
    pub heading: &'static str,
    /// Lines.
    pub lines: Vec<PublicText>,
}

impl Section {
    /// A section of our own words.
    pub fn ours(heading: &'static str, lines: impl IntoIterator<Item = String>) -> Self {
        Self { heading, lines: lines.into_iter().map(PublicText::ours).collect() }
    }
}

impl Section {
    fn write(&self, text: &mut String, chat: bool) {
        if self.lines.is_empty() {
            return;
        }
        let heading = match (self.heading, chat) {
            ("", _) => String::new(),
            (heading, true) => format!("*{heading}*\n"),
            (heading, false) => format!("{}\n", heading.to_uppercase()),
        };
        text.push('\n');
        text.push_str(&heading);
        for line in &self.lines {
            text.push_str(if chat { "" } else { "  " });
            text.push_str(&printable(line.as_str()));
            text.push('\n');
        }
    }
}

const SUBJECT: usize = 99;
const BODY: usize = 250_000;
const DESCRIPTION: usize = 6_000;
/// A log line of this length says what it has to say; a link into the console is shorter.
const LINE: usize = 600;
/// What filters and threads go by is a word or a name.
const WORD: usize = 200;

impl Message {
    /// For the alert topic.
    pub fn for_people(&self) -> Publication {
        let subject = format!("[{}] {}", self.severity.as_str(), self.title);
        Publication {
            subject: Some(one_ascii_line(&subject)),
            body: PublicText::ours(cut(&self.text(false), BODY)),
            attributes: self.attributes(),
        }
    }

    /// For Amazon Q in chat applications: a custom notification, threaded by incident.
    /// Source: Amazon Q Developer in chat applications guide, "Custom notifications".
    pub fn for_chat(&self, id: &str) -> Publication {
        let (service, kind) = (cut(&self.service, WORD), cut(&self.kind, WORD));
        let notification = json!({
            "version": "1.0",
            "source": "custom",
            "id": id,
            "content": {
                "textType": "client-markdown",
                "title": format!("{} {}", self.emoji(), cut(&self.title, 240)),
                "description": cut(&self.text(true), DESCRIPTION),
                "nextSteps": self.next_steps.iter().take(8).map(|step| cut(step, 300)).collect::<Vec<_>>(),
                "keywords": [self.severity.as_str(), service, kind],
            },
            "metadata": {
                "threadId": cut(&self.thread, LINE),
                "summary": cut(&self.title, 240),
                "eventType": cut(&self.phase, WORD),
                "relatedResources": self.resources.iter().map(|resource| cut(resource, LINE)).collect::<Vec<_>>(),
                "additionalContext": {"severity": self.severity.as_str(), "service": service, "kind": kind},
            },
        });
        Publication {
            subject: None,
            body: PublicText::ours(notification.to_string()),
            attributes: self.attributes(),
        }
    }

    fn attributes(&self) -> Vec<(&'static str, String)> {
        let filled = |text: &str| if text.is_empty() { "none".to_owned() } else { cut(text, WORD) };
        vec![
            ("severity", self.severity.as_str().to_owned()),
            ("service", filled(&self.service)),
            ("kind", filled(&self.kind)),
            ("phase", filled(&self.phase)),
        ]
    }

    fn emoji(&self) -> &'static str {
        match (self.phase.as_str(), self.severity) {
            ("recovered", _) => ":large_green_circle:",
            (_, Severity::Critical) => ":red_circle:",
            (_, Severity::Warning) => ":large_orange_circle:",
            (_, Severity::Info) => ":large_blue_circle:",
        }
    }

    /// The text; in chat the title and the next steps have places of their own.
    fn text(&self, chat: bool) -> String {
        let mut text = if chat { String::new() } else { format!("{}\n", self.title) };
        let next_steps = Section::ours("Next", self.next_steps.iter().map(|step| format!("- {step}")));
        let links =
            self.links.iter().map(
                |Link { label, url }| {
                    if chat { format!("<{url}|{label}>") } else { format!("{label}: {url}") }
                },
            );
        let links = Section::ours("Links", links);
        let next_steps = (!chat).then_some(&next_steps);
        for section in self.sections.iter().chain(next_steps).chain(&self.details).chain([&links]) {
            section.write(&mut text, chat);
        }
        text.trim_start().to_owned()
    }
}

/// A line as it can be printed: no control characters, no escape sequences, at most [`LINE`] characters.
fn printable(line: &str) -> String {
    let mut out = String::new();
    let mut chars = line.trim_end().chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            // An ANSI escape sequence ends with a letter.
            '\u{1b}' if chars.peek() == Some(&'[') => {
                chars.by_ref().find(char::is_ascii_alphabetic);
            }
            '\n' | '\t' => out.push(' '),
            '`' => out.push('\''),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    cut(&out, LINE)
}

/// At most `most` bytes; that something is missing is said.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let note = format!(" ... [cut, {} bytes in all]", text.len());
    format!("{}{note}", &text[..text.floor_char_boundary(most.saturating_sub(note.len()))])
}

/// A subject: printable ASCII, no line break, under 100 characters.
fn one_ascii_line(text: &str) -> String {
    let ascii: String =
        text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
    if ascii.len() <= SUBJECT { ascii } else { format!("{}...", &ascii[..SUBJECT - 3]) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn message(title: &str, line: &str) -> Message {
        Message {
            severity: Severity::Critical,
            service: "orders".into(),
            kind: String::new(),
            phase: "failure".into(),
            title: title.into(),
            thread: "orders:0af3".into(),
            sections: vec![Section::ours("Log", [line.to_owned()])],
            next_steps: vec!["Look.".into()],
            details: vec![],
            links: vec![],
            resources: vec![],
        }
    }

    proptest! {
        #[test]
        fn every_message_fits_sns(title in ".{0,400}", line in "\\PC{0,600}|[\\x00-\\x1f]{0,50}") {
            let message = message(&title, &line);
            let mail = message.for_people();
            let subject = mail.subject.unwrap();
            prop_assert!(subject.len() < 100 && subject.bytes().all(|b| (0x20..0x7f).contains(&b)));
            prop_assert!(mail.body.as_str().len() <= 256 * 1024);
            prop_assert!(mail.attributes.iter().all(|(_, value)| !value.is_empty()));
            let chat = message.for_chat("1");
            prop_assert!(chat.body.as_str().len() <= 256 * 1024);
            let parsed: Value = serde_json::from_str(chat.body.as_str()).unwrap();
            prop_assert_eq!(&parsed["metadata"]["threadId"], "orders:0af3");
        }
    }

    #[test]
    fn a_cut_is_shown() {
        let mail = message("x", &"a".repeat(200_000)).for_people();
        assert!(mail.body.as_str().contains("[cut, 200000 bytes in all]"), "{}", mail.body);
        let huge = Message {
            sections: vec![Section::ours("Log", (0..5_000).map(|n| format!("{n} {}", "b".repeat(300))))],
            ..message("x", "")
        };
        let body = huge.for_people().body;
        assert!(body.as_str().len() <= 256 * 1024 && body.as_str().ends_with("bytes in all]"));
    }

    #[test]
    fn escapes_and_control_characters_are_gone() {
        assert_eq!(printable("\u{1b}[31mred\u{1b}[0m\u{7}\ttab `tick`\r\n"), "red tab 'tick'");
    }
}
