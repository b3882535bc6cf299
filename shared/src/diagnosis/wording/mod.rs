//! How lines word their meaning: tables of patterns (see [`super::words`]) by who writes them.
//!
//! Wordings change with the years and the frameworks, so a pattern keeps the few words that carry the meaning.

mod access;
mod application;
mod build;
mod connection;
mod platform;
mod refusal;
mod resources;
mod start;

use std::sync::LazyLock;

use super::line::Place;
use super::signal::Signal;
use super::words::Lexicon;

/// A meaning, the patterns that express it, and the patterns that show that something else is meant.
pub(super) struct Row {
    signal: Signal,
    says: &'static [&'static str],
    unless: &'static [&'static str],
}

const fn row(signal: Signal, says: &'static [&'static str]) -> Row {
    Row { signal, says, unless: &[] }
}

const fn row_unless(signal: Signal, says: &'static [&'static str], unless: &'static [&'static str]) -> Row {
    Row { signal, says, unless }
}

/// A table and the places whose lines it is for.
struct Table {
    places: &'static [Place],
    rows: &'static [Row],
}

const TABLES: &[Table] = &[
    Table { places: &[Place::Platform], rows: platform::ROWS },
    Table { places: &[Place::Platform], rows: refusal::ROWS },
    Table { places: &[Place::Build], rows: build::ROWS },
    Table { places: &[Place::Application], rows: application::ROWS },
    Table { places: &[Place::Application], rows: start::ROWS },
    Table { places: &[Place::Application], rows: connection::ROWS },
    Table { places: &[Place::Application, Place::Platform], rows: access::ROWS },
    Table { places: &[Place::Application, Place::Build], rows: resources::ROWS },
];

/// The number of a row's table with the row's meaning.
type Meaning = (usize, Signal);

static LEXICON: LazyLock<Lexicon<Meaning>> = LazyLock::new(|| {
    let tables = TABLES.iter().enumerate();
    Lexicon::new(
        tables.flat_map(|(at, table)| table.rows.iter().map(move |r| ((at, r.signal), r.says, r.unless))),
    )
});

/// Everything that a line of this place means.
pub(super) fn signals(place: Place, words: &[&str]) -> Vec<Signal> {
    let meanings = LEXICON.meanings(words, |(table, _)| TABLES[table].places.contains(&place));
    let mut signals: Vec<Signal> = meanings.into_iter().map(|(_, signal)| signal).collect();
    signals.dedup();
    signals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_can_be_found() {
        assert_eq!(LEXICON.unfindable(), Vec::<String>::new());
    }
}
