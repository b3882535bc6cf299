//! Lines that mean something, with the details that a cause may ask for.

use super::line::{Line, Place};
use super::parse::{self, Address, Target};
use super::signal::Signal;
use super::{wording, words};
use crate::redact::Untrusted;

/// Bytes of a line that are kept as evidence.
const EXCERPT: usize = 400;
/// Hits kept of one signal in one stream, from its beginning and from its end.
const FIRST_HITS: usize = 16;
const LAST_HITS: usize = 48;

/// What a signal's line says beyond its meaning.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Detail {
    Nothing,
    Code(i32),
    Address(Address),
    Answer { path: Option<String>, status: u16 },
    Target(Target),
    Seconds(f64),
}

/// A line with one of its meanings.
#[derive(Clone, Debug)]
pub(super) struct Hit {
    pub(super) signal: Signal,
    pub(super) place: Place,
    /// The stream's number.
    pub(super) stream: usize,
    /// The line's number in its stream, oldest first.
    pub(super) at: usize,
    pub(super) time: Option<i64>,
    pub(super) detail: Detail,
    /// The line as evidence.
    pub(super) text: Untrusted,
}

impl Hit {
    /// The line in lower case.
    pub(super) fn lower(&self) -> String {
        self.text.expose().to_lowercase()
    }
}

/// What the reader remembers from line to line of a stream.
#[derive(Default)]
struct Memory {
    /// The path of a request whose status stands on a later line.
    open_path: Option<String>,
    /// The last line that read the environment.
    environment_at: Option<usize>,
    /// The last line that shows a frame of a Python trace.
    frame_at: Option<usize>,
    /// The last line about a database, a name or an address that a following error may belong to.
    target: Option<(usize, Target)>,
}

/// All hits of a stream's lines.
pub(super) fn hits(stream: usize, lines: &[Line<'_>]) -> Vec<Hit> {
    let mut memory = Memory::default();
    let mut found: Vec<(Signal, Vec<Hit>, usize)> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let lower = line.text.to_lowercase().replace('\u{2019}', "'");
        let words = words::words(&lower);
        memory.note(at, &lower);
        for signal in wording::signals(line.place, &words) {
            let Some(detail) = memory.detail(signal, at, &line.text, &lower, words.len()) else { continue };
            let text = Untrusted::new(&line.text[..line.text.floor_char_boundary(EXCERPT)]);
            let hit = Hit { signal, place: line.place, stream, at, time: line.time, detail, text };
            keep(&mut found, hit);
        }
    }
    let mut hits: Vec<Hit> = found.into_iter().flat_map(|(_, hits, _)| hits).collect();
    hits.sort_by_key(|hit| (hit.at, hit.signal));
    hits
}

/// Keeps a signal's first and last hits.
fn keep(found: &mut Vec<(Signal, Vec<Hit>, usize)>, hit: Hit) {
    let slot = match found.iter().position(|(signal, _, _)| *signal == hit.signal) {
        Some(slot) => slot,
        None => {
            found.push((hit.signal, Vec::new(), 0));
            found.len() - 1
        }
    };
    let (_, hits, count) = &mut found[slot];
    if hits.len() < FIRST_HITS + LAST_HITS {
        hits.push(hit);
    } else {
        hits[FIRST_HITS + *count % LAST_HITS] = hit;
    }
    *count += 1;
}

impl Memory {
    fn note(&mut self, at: usize, lower: &str) {
        if lower.contains("environ") || lower.contains("getenv") || lower.contains("process.env") || lower.contains("env.fetch") {
            self.environment_at = Some(at);
        }
        if lower.starts_with("file \"") {
            self.frame_at = Some(at);
        }
        let target = parse::target(lower);
        if target != Target::Unsaid {
            self.target = Some((at, target));
        }
    }

    /// The detail of a signal, or nothing if the line only looked like it.
    fn detail(&mut self, signal: Signal, at: usize, text: &str, lower: &str, words: usize) -> Option<Detail> {
        match signal {
            Signal::ContainerExited | Signal::BuildExited => Some(parse::code(lower).map_or(Detail::Nothing, Detail::Code)),
            Signal::Listening => parse::listening(lower).map(Detail::Address),
            Signal::Ready | Signal::CheckFailed => Some(parse::seconds(lower).map_or(Detail::Nothing, Detail::Seconds)),
            Signal::Answered => self.answer(text, lower),
            Signal::VariableMissing => self.names_variable(at, text, lower).then_some(Detail::Nothing),
            Signal::ConnectFailed | Signal::NameUnresolved => Some(Detail::Target(self.target_of(signal, at, lower))),
            Signal::DatabaseRefused => {
                let about = parse::about_database(lower) || lower.contains("user") || self.near(self.target, at, 8).is_some();
                about.then_some(Detail::Nothing)
            }
            Signal::Killed => {
                let said = ["137", "sigkill", "signal", "oom", "disappeared"].iter().any(|word| lower.contains(word));
                (words <= 4 || said).then_some(Detail::Nothing)
            }
            Signal::MemoryExhausted if lower.contains("killed") && !lower.contains("mem") && !lower.contains("oom") => {
                (words <= 4 || lower.contains("137") || lower.contains("signal 9")).then_some(Detail::Nothing)
            }
            _ => Some(Detail::Nothing),
        }
    }

    fn near(&self, seen: Option<(usize, Target)>, at: usize, lines: usize) -> Option<Target> {
        seen.filter(|(line, _)| at - line <= lines).map(|(_, target)| target)
    }

    fn target_of(&self, signal: Signal, at: usize, lower: &str) -> Target {
        let own = parse::target(lower);
        if own != Target::Unsaid {
            return own;
        }
        // A name of one label exists only inside a network.
        if signal == Signal::NameUnresolved && !lower.contains("http") {
            return self.near(self.target, at, 3).unwrap_or(Target::Private);
        }
        self.near(self.target, at, 30).unwrap_or(Target::Unsaid)
    }

    fn answer(&mut self, text: &str, lower: &str) -> Option<Detail> {
        let path = parse::path(text).or_else(|| parse::path_field(text));
        match (path, parse::http_status(lower)) {
            (Some(path), Some(status)) => Some(Detail::Answer { path: Some(path), status }),
            (Some(path), None) => {
                self.open_path = Some(path);
                None
            }
            (None, Some(status)) => self.open_path.take().map(|path| Detail::Answer { path: Some(path), status }),
            (None, None) => None,
        }
    }

    /// Whether a line that misses something misses an environment variable.
    fn names_variable(&self, at: usize, text: &str, lower: &str) -> bool {
        const SELF_EVIDENT: &[&str] = &[
            "environment variable", "env var", "environment validation", "env validation", "placeholder", "connection string",
            "connectionstring", "secret_key_base", "encryption key", "undefinedvalueerror", "missingenvvars", "config property",
            "srcfg00014", "validation error for", "validation errors for", "missingappkey", "env.example", "config validation",
            "configuration validation", "api_key", "api key", "secret_key", "improperlyconfigured", "required env",
            "missing env", "missing required config", "missing required setting", "missing config", "environment variables",
            "missing required option",
        ];
        let environment = self.environment_at.is_some_and(|line| at - line <= 12);
        if lower.contains("keyerror") || lower.contains("key not found") || lower.contains("undefined array key") {
            let python_data = self.frame_at.is_some_and(|line| at - line <= 12) && !environment && !lower.contains("frozen os");
            return parse::variable(text, !environment).is_some() && !python_data;
        }
        if lower.contains("value cannot be null") || lower.contains("argumentnullexception") {
            return lower.contains("connectionstring") || parse::variable(text, true).is_some() || lower.contains("configuration");
        }
        let self_evident = SELF_EVIDENT.iter().any(|word| lower.contains(word));
        self_evident || parse::variable(text, true).is_some() || environment && parse::variable(text, false).is_some()
    }
}
