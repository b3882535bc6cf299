//! Lines that mean something, with the details that a cause may ask for.

use super::address::{Address, Target};
use super::context::Context;
use super::line::{Line, Place};
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

/// All hits of a stream's lines.
pub(super) fn hits(stream: usize, lines: &[Line<'_>]) -> Vec<Hit> {
    let mut context = Context::default();
    let mut found: Vec<(Signal, Vec<Hit>, usize)> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let lower = lower_case(&line.text);
        let words = words::words(&lower);
        for signal in wording::signals(line.place, &words) {
            let Some(detail) = context.detail(signal, &line.text, &lower, words.len()) else { continue };
            let text = Untrusted::new(&line.text[..line.text.floor_char_boundary(EXCERPT)]);
            let hit = Hit { signal, place: line.place, stream, at, time: line.time, detail, text };
            keep(&mut found, hit);
        }
        context.pass(lower);
    }
    let mut hits: Vec<Hit> = found.into_iter().flat_map(|(_, hits, _)| hits).collect();
    hits.sort_by_key(|hit| (hit.at, hit.signal));
    hits
}

/// A line in lower case, with plain apostrophes, and with the escapes of logs in JSON turned into blanks.
fn lower_case(text: &str) -> String {
    let mut lower = text.to_lowercase();
    if lower.contains('\u{2019}') {
        lower = lower.replace('\u{2019}', "'");
    }
    if lower.contains('\\') {
        lower = lower.replace("\\n", "  ").replace("\\t", "  ").replace("\\r", "  ").replace("\\\"", "\" ");
    }
    lower
}

/// Keeps a signal's first and last hits.
fn keep(found: &mut Vec<(Signal, Vec<Hit>, usize)>, hit: Hit) {
    let known = found.iter().position(|(signal, _, _)| *signal == hit.signal);
    let slot = known.unwrap_or(found.len());
    if known.is_none() {
        found.push((hit.signal, Vec::new(), 0));
    }
    let (_, hits, count) = &mut found[slot];
    if hits.len() < FIRST_HITS + LAST_HITS {
        hits.push(hit);
    } else {
        hits[FIRST_HITS + (*count - FIRST_HITS) % LAST_HITS] = hit; // the oldest of the last ones
    }
    *count += 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_signal_the_first_hits_are_kept_and_the_last() {
        for all in [1, 64, 65, 70, 200] {
            let mut found = Vec::new();
            for at in 0..all {
                let (signal, place, detail) = (Signal::Listening, Place::Application, Detail::Nothing);
                let text = Untrusted::new("up");
                keep(&mut found, Hit { signal, place, stream: 0, at, time: None, detail, text });
            }
            let mut kept: Vec<usize> = found[0].1.iter().map(|hit| hit.at).collect();
            kept.sort_unstable();
            let last = all.saturating_sub(LAST_HITS).max(FIRST_HITS.min(all));
            let expected: Vec<_> = (0..FIRST_HITS.min(all)).chain(last..all).collect();
            assert_eq!(kept, expected, "of {all}");
        }
    }
}
