//! From raw log messages to plain lines in order of time.
//!
//! A message may hold several lines; the console's download puts a time before each and shows the newest
//! first; a build tool colours its output. One pass removes all that. Lines and their number are capped, head
//! and tail kept, so that memory stays bounded whatever a program prints.

use std::borrow::Cow;

use crate::evidence::{LogGroup, LogStream};

/// Bytes kept of a long line: this many from its head and a third as many from its tail.
const LINE_HEAD: usize = 3072;
const LINE_TAIL: usize = 1024;
/// Lines kept of a long stream, from its head and from its tail.
const STREAM_HEAD: usize = 4_000;
const STREAM_TAIL: usize = 12_000;

/// Who wrote a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// App Runner itself.
    Platform,
    /// The build of a code service.
    Build,
    /// The container.
    Application,
}

/// A line without colours, times and prefixes.
#[derive(Clone, Debug)]
pub(super) struct Line<'a> {
    pub(super) place: Place,
    /// As written, trimmed and capped.
    pub(super) text: Cow<'a, str>,
    /// Seconds on some clock of this stream, for differences only.
    pub(super) time: Option<i64>,
}

/// All lines of a stream, oldest first.
pub(super) fn lines(stream: &LogStream) -> Vec<Line<'_>> {
    let mut groups: Vec<Line<'_>> = Vec::new();
    let mut starts: Vec<bool> = Vec::new();
    let raw = stream.lines.iter().flat_map(|message| message.expose().lines().enumerate());
    for (number, physical) in keep_ends(raw) {
        let (stamp, mut line, said) = read_line(physical, stream);
        if line.text.is_empty() {
            continue;
        }
        // A further line of a message belongs to whoever wrote its first one.
        if let (false, Some(previous)) = (said || number == 0, groups.last()) {
            line.place = previous.place;
        }
        starts.push(stamp);
        groups.push(line);
    }
    if newest_first(&groups) { reversed(groups, &starts) } else { groups }
}

/// Head and tail of a long sequence.
fn keep_ends<T>(raw: impl Iterator<Item = T>) -> Vec<T> {
    let mut kept: Vec<T> = raw.collect();
    if kept.len() > STREAM_HEAD + STREAM_TAIL {
        let tail_starts = kept.len() - STREAM_TAIL;
        kept.drain(STREAM_HEAD..tail_starts);
    }
    kept
}

/// One physical line; the flags say whether the console's time stood before it, and whether it names its writer.
fn read_line<'a>(raw: &'a str, stream: &LogStream) -> (bool, Line<'a>, bool) {
    let text = trim_cow(without_colours(capped(raw)));
    let (stamp, text) = match console_time(&text) {
        Some((seconds, rest)) => (Some(seconds), rest_of(&text, rest)),
        None => (None, text),
    };
    let (place, text, said) = match stream.group {
        LogGroup::Application => (Place::Application, text, true),
        LogGroup::Service => match stage(&text) {
            Some((place, rest)) => (place, rest_of(&text, rest), true),
            None if stream.stream.starts_with("deployment") => (Place::Build, text, false),
            None => (Place::Platform, text, false),
        },
    };
    let time = stamp.or_else(|| clock_time(&text));
    (stamp.is_some(), Line { place, text, time }, said)
}

/// The rest of a text from a byte on, trimmed.
fn rest_of<'a>(text: &Cow<'a, str>, from: usize) -> Cow<'a, str> {
    match text {
        Cow::Borrowed(whole) => Cow::Borrowed(whole[from..].trim()),
        Cow::Owned(whole) => Cow::Owned(whole[from..].trim().to_owned()),
    }
}

fn trim_cow(text: Cow<'_, str>) -> Cow<'_, str> {
    let trimmed = |c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}';
    match text {
        Cow::Borrowed(whole) => Cow::Borrowed(whole.trim_matches(trimmed)),
        Cow::Owned(whole) => Cow::Owned(whole.trim_matches(trimmed).to_owned()),
    }
}

fn capped(raw: &str) -> Cow<'_, str> {
    if raw.len() <= LINE_HEAD + LINE_TAIL {
        return Cow::Borrowed(raw);
    }
    let head = raw.floor_char_boundary(LINE_HEAD);
    let tail = raw.ceil_char_boundary(raw.len() - LINE_TAIL);
    Cow::Owned(format!("{} … {}", &raw[..head], &raw[tail..]))
}

/// Removes ANSI escape sequences (colours, cursor movements).
fn without_colours(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.contains(['\u{1b}', '\u{9b}']) {
        return text;
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '\u{1b}' && c != '\u{9b}' {
            plain.push(c);
            continue;
        }
        if c == '\u{1b}' && rest.next_if(|c| *c == '[').is_none() {
            continue;
        }
        while rest.next().is_some_and(|c| !('@'..='~').contains(&c)) {}
    }
    Cow::Owned(plain)
}

/// The writer named by a prefix in brackets, and where the rest starts.
fn stage(text: &str) -> Option<(Place, usize)> {
    let inner = text.strip_prefix('[')?;
    let end = inner.find(']')?;
    let place = match inner[..end].to_ascii_lowercase().as_str() {
        "apprunner" | "app runner" => Place::Platform,
        "build" | "prebuild" | "prerun" | "postbuild" => Place::Build,
        _ => return None,
    };
    Some((place, end + 2))
}

/// `MM-DD-YYYY HH:MM:SS AM|PM `, as the console shows it: seconds, and where the rest starts.
fn console_time(text: &str) -> Option<(i64, usize)> {
    let head = text.as_bytes().get(..22)?;
    let shape = b"00-00-0000 00:00:00 ?M";
    let fits = head.iter().zip(shape).all(|(byte, want)| match want {
        b'0' => byte.is_ascii_digit(),
        b'?' => matches!(byte, b'A' | b'P'),
        _ => byte == want,
    });
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    if !fits {
        return None;
    }
    let hour = number(11, 13)? % 12 + if head[20] == b'P' { 12 } else { 0 };
    let day = days(number(6, 10)?, number(0, 2)?, number(3, 5)?);
    Some((day * 86_400 + hour * 3_600 + number(14, 16)? * 60 + number(17, 19)?, 22))
}

/// Days on a calendar good enough for differences.
fn days(year: i64, month: i64, day: i64) -> i64 {
    year * 372 + month * 31 + day
}

/// A time of day `HH:MM:SS` near the line's start, with its date `YYYY-MM-DD` if that stands before it.
fn clock_time(text: &str) -> Option<i64> {
    let head = &text[..text.floor_char_boundary(48)];
    let bytes = head.as_bytes();
    let two = |at: usize| -> Option<i64> {
        let pair = bytes.get(at..at + 2)?;
        pair.iter()
            .all(u8::is_ascii_digit)
            .then(|| i64::from(pair[0] - b'0') * 10 + i64::from(pair[1] - b'0'))
    };
    let colon = |at: usize| bytes.get(at) == Some(&b':');
    let at = (0..bytes.len().saturating_sub(7)).find(|&at| {
        let starts = at == 0 || !bytes[at - 1].is_ascii_digit() && bytes[at - 1] != b'.';
        starts
            && two(at).is_some()
            && colon(at + 2)
            && two(at + 3).is_some()
            && colon(at + 5)
            && two(at + 6).is_some()
    })?;
    let seconds = two(at)? * 3_600 + two(at + 3)? * 60 + two(at + 6)?;
    let date = at.checked_sub(11).and_then(|from| {
        let dashes = matches!(bytes[from + 4], b'-' | b'/') && matches!(bytes[from + 7], b'-' | b'/');
        dashes.then(|| Some(days(two(from)? * 100 + two(from + 2)?, two(from + 5)?, two(from + 8)?)))?
    });
    Some(date.unwrap_or(0) * 86_400 + seconds)
}

/// Whether the lines stand in the console's order: times fall, or the platform's steps run backwards.
fn newest_first(lines: &[Line<'_>]) -> bool {
    let times: Vec<i64> = lines.iter().filter_map(|line| line.time).collect();
    let mut falls = times.windows(2).filter(|pair| pair[1] < pair[0]).count();
    let mut rises = times.windows(2).filter(|pair| pair[1] > pair[0]).count();
    if falls == 0 && rises == 0 {
        let steps: Vec<u8> = lines.iter().filter(|l| l.place == Place::Platform).filter_map(step).collect();
        falls = steps.windows(2).filter(|pair| pair[1] < pair[0]).count();
        rises = steps.windows(2).filter(|pair| pair[1] > pair[0]).count();
    }
    falls > rises
}

/// How far an operation has come, by the platform's sentence.
fn step(line: &Line<'_>) -> Option<u8> {
    let text = line.text.to_lowercase();
    let has = |part: &str| text.contains(part);
    if text.starts_with("service status is set") {
        return Some(if has("in_progress") { 1 } else { 9 });
    }
    let ended = has("completed") || has("failed");
    match () {
        () if has("deployment artifact") => Some(3),
        () if has("deployment") && ended
            || has("creation failed")
            || has("update failed")
            || has("completed") =>
        {
            Some(8)
        }
        () if has("failed to deploy") || has("successfully deployed") => Some(7),
        () if has("routed") || has("routing") || has("health check") && ended => Some(6),
        () if has("health check") => Some(5),
        () if has("provisioning") => Some(4),
        () if has("successfully built") || has("failed to build") => Some(4),
        () if has("successfully pulled") || has("failed to pull") || has("successfully copied") => Some(3),
        () if has("starting to build") || has("starting source") => Some(3),
        () if has("pulling") || has("starting to pull") => Some(2),
        () if has("started") => Some(0),
        () => None,
    }
}

/// Turns the order around; lines that continue a message with a time stay behind it.
fn reversed<'a>(lines: Vec<Line<'a>>, starts: &[bool]) -> Vec<Line<'a>> {
    let stamped = starts.iter().any(|start| *start);
    let mut groups: Vec<Vec<Line<'a>>> = Vec::new();
    for (line, starts) in lines.into_iter().zip(starts) {
        match groups.last_mut() {
            Some(group) if stamped && !starts => group.push(line),
            _ => groups.push(vec![line]),
        }
    }
    groups.into_iter().rev().flatten().collect()
}
