//! Matching on words, so that blanks, quotes, colons and a final stop do not matter.
//!
//! A line is a row of words: letters, digits, `_` and inner apostrophes, in lower case. A pattern is a row of
//! words, too: `a b` stands for neighbours, `..` for a gap, `a/b` for either, `a*` for words that begin so.
//! All patterns are indexed by their rarest-looking word, so a line costs one look-up a word, however many
//! patterns there are: linear time without a regex engine's size and start-up in the Lambda artifact.

use std::{collections::HashMap, sync::OnceLock};

/// The words of a line in lower case.
pub(super) fn words(lower: &str) -> Vec<&str> {
    let bytes = lower.as_bytes();
    let mut found = Vec::with_capacity(16);
    let mut at = 0;
    while at < bytes.len() {
        let from = at;
        while at < bytes.len() && in_word(lower, at, from) {
            at += width(bytes[at]);
        }
        if at > from {
            found.push(&lower[from..at]);
        } else {
            at += width(bytes[at]);
        }
    }
    found
}

/// Whether the character at a byte belongs to a word that began at `from`.
fn in_word(lower: &str, at: usize, from: usize) -> bool {
    let bytes = lower.as_bytes();
    match bytes[at] {
        b'_' => true,
        b'\'' => {
            at > from
                && bytes[at - 1].is_ascii_alphanumeric()
                && bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric)
        }
        ascii if ascii < 0x80 => ascii.is_ascii_alphanumeric(),
        _ => lower[at..].chars().next().is_some_and(char::is_alphanumeric),
    }
}

/// Bytes of the character that starts with this byte.
fn width(first: u8) -> usize {
    match first {
        0..0xc0 => 1,
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        _ => 4,
    }
}

/// A word of a pattern, or the beginning of one.
#[derive(Clone, Copy, Debug)]
struct Word {
    text: &'static str,
    beginning: bool,
}

impl Word {
    fn new(text: &'static str) -> Self {
        text.strip_suffix('*')
            .map_or(Self { text, beginning: false }, |start| Self { text: start, beginning: true })
    }

    /// Most words differ in their first byte, so that is looked at before anything else.
    fn fits(self, word: &str) -> bool {
        let (want, word) = (self.text.as_bytes(), word.as_bytes());
        let length = want.len() == word.len() || self.beginning && want.len() < word.len();
        length && want.first() == word.first() && word.starts_with(want)
    }
}

/// A row of neighbouring words, each given by its alternatives.
type Group = Vec<Vec<Word>>;

/// A compiled pattern.
#[derive(Debug)]
struct Pattern {
    text: &'static str,
    /// Read from the text when a line may match: of hundreds of patterns a line needs a few.
    groups: OnceLock<Vec<Group>>,
}

impl Pattern {
    fn new(text: &'static str) -> Self {
        Self { text, groups: OnceLock::new() }
    }

    fn groups(&self) -> &[Group] {
        self.groups.get_or_init(|| {
            let position = |word: &'static str| word.split('/').map(Word::new).collect();
            let group = |part: &'static str| part.split_whitespace().map(position).collect();
            self.text.split("..").map(group).filter(|group: &Group| !group.is_empty()).collect()
        })
    }

    /// The words to find it by: those of the position that looks rarest.
    fn anchors(&self) -> impl Iterator<Item = Word> + use<> {
        let positions = self.text.split_ascii_whitespace().filter(|position| *position != "..");
        positions
            .max_by_key(|position| rarity(position))
            .into_iter()
            .flat_map(|position| position.split('/'))
            .map(Word::new)
    }

    fn matches(&self, words: &[&str]) -> bool {
        let mut from = 0;
        self.groups().iter().all(|group| {
            let last = (words.len() + 1).saturating_sub(group.len());
            let here = |at: &usize| {
                let words = &words[*at..];
                group.iter().zip(words).all(|(wanted, word)| wanted.iter().any(|want| want.fits(word)))
            };
            let found = (from..last).find(here);
            from = found.map_or(from, |at| at + group.len());
            found.is_some()
        })
    }
}

/// Whole words before beginnings, then by the shortest of the words that may stand there.
fn rarity(position: &str) -> (bool, usize) {
    let (mut whole, mut shortest, mut length) = (true, usize::MAX, 0);
    for byte in position.bytes() {
        match byte {
            b'*' => whole = false,
            b'/' => (shortest, length) = (shortest.min(length), 0),
            _ => length += 1,
        }
    }
    (whole, shortest.min(length))
}

/// Patterns with what they mean, findable by word.
pub(super) struct Lexicon<M> {
    /// Each pattern with the number of its row.
    patterns: Vec<(Pattern, usize)>,
    /// Each row's meaning with the patterns that show that something else is meant.
    rows: Vec<(M, Vec<Pattern>)>,
    by_word: HashMap<&'static str, Vec<usize>>,
    /// Patterns that name no whole word, by the beginning of one.
    by_beginning: HashMap<&'static str, Vec<usize>>,
}

/// Bytes of a word's beginning that are indexed.
const BEGINNING: usize = 4;

fn beginning(word: &str) -> Option<&str> {
    word.get(..BEGINNING)
}

impl<M: Copy> Lexicon<M> {
    /// Compiles rows of meaning, patterns and exceptions.
    pub(super) fn new(
        rows: impl Iterator<Item = (M, &'static [&'static str], &'static [&'static str])>,
    ) -> Self {
        let mut lexicon = Self {
            patterns: Vec::new(),
            rows: Vec::new(),
            by_word: HashMap::new(),
            by_beginning: HashMap::new(),
        };
        for (meaning, says, unless) in rows {
            lexicon.rows.push((meaning, unless.iter().map(|text| Pattern::new(text)).collect()));
            for text in says {
                lexicon.add(Pattern::new(text));
            }
        }
        lexicon
    }

    /// Adds a pattern of the last row.
    fn add(&mut self, pattern: Pattern) {
        let number = self.patterns.len();
        for word in pattern.anchors() {
            let (index, key) = if word.beginning {
                (&mut self.by_beginning, beginning(word.text).unwrap_or_default())
            } else {
                (&mut self.by_word, word.text)
            };
            index.entry(key).or_default().push(number);
        }
        self.patterns.push((pattern, self.rows.len() - 1));
    }

    /// Every meaning that the words have and `wanted` accepts, in the order of the rows.
    pub(super) fn meanings(&self, words: &[&str], wanted: impl Fn(M) -> bool) -> Vec<M> {
        let whole = words.iter().filter_map(|word| self.by_word.get(word));
        let begun = words.iter().filter_map(|word| self.by_beginning.get(beginning(word)?));
        let mut numbers: Vec<usize> = whole.chain(begun).flatten().copied().collect();
        numbers.sort_unstable();
        numbers.dedup();
        let mut settled = None;
        let mut found = Vec::new();
        for number in numbers {
            let (pattern, row) = &self.patterns[number];
            let (meaning, exceptions) = &self.rows[*row];
            if settled == Some(*row) || !wanted(*meaning) || !pattern.matches(words) {
                continue;
            }
            settled = Some(*row);
            if !exceptions.iter().any(|exception| exception.matches(words)) {
                found.push(*meaning);
            }
        }
        found
    }

    /// Patterns that no line can match: those without a word to find them by, and those with a character that is
    /// no part of a word.
    #[cfg(test)]
    pub(super) fn unfindable(&self) -> Vec<String> {
        let lost = |pattern: &&Pattern| {
            let mut all = pattern.groups().iter().flatten().flatten();
            let odd = |word: &Word| {
                word.text.is_empty()
                    || words(word.text) != [word.text]
                    || word.text.to_lowercase() != word.text
            };
            let short = |word: &Word| word.beginning && beginning(word.text).is_none();
            pattern.anchors().next().is_none() || pattern.anchors().any(|word| short(&word)) || all.any(odd)
        };
        let all = self
            .patterns
            .iter()
            .map(|(pattern, _)| pattern)
            .chain(self.rows.iter().flat_map(|(_, unless)| unless));
        all.filter(lost).map(|pattern| format!("{:?}", pattern.text)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &'static str, line: &str) -> bool {
        Pattern::new(pattern).matches(&words(&line.to_lowercase()))
    }

    #[test]
    fn words_ignore_punctuation() {
        assert_eq!(words("can't find `x_y` (why?)"), ["can't", "find", "x_y", "why"]);
        assert_eq!(words("keyerror: 'database_url'"), ["keyerror", "database_url"]);
    }

    #[test]
    fn patterns_match_in_order() {
        assert!(matches(
            "fail* to pull .. access role",
            "Failed to pull the image. Reason: Invalid Access Role in X"
        ));
        assert!(!matches("access role .. pull", "failed to pull: access role"));
        assert!(matches("cannot/can't connect to", "ERROR 2003: Can't connect to MySQL server"));
        assert!(!matches("exec format", "exec a format"));
        assert!(!matches("format error twice", "format error"));
    }
}
