//! Inputs that are almost right: pieces of the corpus, spliced, cut, repeated, and filled with what breaks readers.

use fastrand::Rng;

/// What readers stumble over.
const AWKWARD: [&str; 24] = [
    "null",
    "true",
    "-1",
    "0",
    "1e400",
    "18446744073709551616",
    "\"\"",
    "[]",
    "{}",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"9999-12-31T23:59:59Z\"",
    "\"-009999-01-01T00:00:00Z\"",
    "arn:aws:apprunner:::service//",
    "\\052.example.com",
    "\u{202e}",
    "é",
    "\n",
    "\r\n",
    "\u{1b}[31m",
    "password=hunter2",
    "%s%n",
    "../..",
    "\u{0}",
];

/// A further input out of the corpus.
pub(crate) fn mutated(rng: &mut Rng, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut input = corpus[rng.usize(0..corpus.len())].clone();
    for _ in 0..=rng.usize(0..6) {
        mutate_once(rng, &mut input, corpus);
    }
    input.truncate(64 * 1024);
    input
}

fn mutate_once(rng: &mut Rng, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
    let length = input.len();
    let at = rng.usize(0..=length);
    let until = rng.usize(at..=length.min(at + 40));
    match rng.u32(0..9) {
        0 if length > 0 => input[at.min(length - 1)] ^= 1 << rng.u32(0..8),
        1 => drop(input.drain(at..until)),
        2 => {
            let piece = input[at..until].to_vec();
            let times = rng.usize(1..20);
            input.splice(at..at, piece.repeat(times));
        }
        3 | 4 => drop(input.splice(at..until, rng.choice(AWKWARD).unwrap_or("").bytes())),
        5 | 6 => replace_value(rng, input),
        7 => {
            let other = &corpus[rng.usize(0..corpus.len())];
            let from = rng.usize(0..=other.len());
            let to = rng.usize(from..=other.len().min(from + 200));
            drop(input.splice(at..until, other[from..to].iter().copied()));
        }
        _ => input.truncate(at),
    }
}

/// Puts something awkward in the place of one JSON value, so that the rest stays readable.
fn replace_value(rng: &mut Rng, input: &mut Vec<u8>) {
    let colons: Vec<usize> =
        input.iter().enumerate().filter(|(_, byte)| **byte == b':').map(|(at, _)| at).collect();
    let Some(colon) = rng.choice(&colons).copied() else { return };
    let end = input[colon + 1..].iter().position(|byte| [b',', b'}', b']'].contains(byte));
    let end = end.map_or(input.len(), |length| colon + 1 + length);
    drop(input.splice(colon + 1..end, rng.choice(AWKWARD).unwrap_or("null").bytes()));
}
