//! Matching on words, so that blanks, quotes, colons and a final stop do not matter.
//!
//! A line is a row of words: letters, digits, `_` and inner apostrophes, in lower case. A pattern is a row of
//! words, too: `a b` stands for neighbours, `..` for a gap, `a/b` for either, `a*` for words that begin so.
//! All patterns are indexed by their rarest-looking word, so a line costs one look-up a word, however many
//! patterns there are: linear time without a regex engine's size and start-up in the Lambda artifact.

use std::collections::HashMap;

/// The words of a line in lower case.
pub(super) fn words(lower: &str) -> Vec<&str> {
    let bytes = lower.as_bytes();
    let mut found = Vec::with_capacity(16);
    let mut start = None;
    for (at, c) in lower.char_indices() {
        let quote_inside = c == '\''
            && start.is_some()
            && bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric)
            && at > 0
            && bytes[at - 1].is_ascii_alphanumeric();
        let inside = c == '_' || quote_inside || if c.is_ascii() { c.is_ascii_alphanumeric() } else { c.is_alphanumeric() };
        match (inside, start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                found.push(&lower[from..at]);
                start = None;
            }
            _ => (),
        }
    }
    found.extend(start.map(|from| &lower[from..]));
    found
}

/// A row of neighbouring words, each given by its alternatives.
type Group = Vec<Vec<&'static str>>;

/// A compiled pattern.
#[derive(Debug)]
struct Pattern {
    groups: Vec<Group>,
}

impl Pattern {
    fn new(text: &'static str) -> Self {
        let group = |part: &'static str| part.split_whitespace().map(|word| word.split('/').collect()).collect();
        Self { groups: text.split("..").map(group).filter(|group: &Group| !group.is_empty()).collect() }
    }

    /// The words by which the pattern is found: those of the position that looks rarest, whole ones first.
    fn anchors(&self) -> &[&'static str] {
        let length = |words: &[&str]| words.iter().map(|word| word.len()).min().unwrap_or(0);
        let whole = |words: &[&str]| words.iter().all(|word| !word.ends_with('*'));
        let rarest = self.groups.iter().flatten().max_by_key(|words| (whole(words), length(words)));
        rarest.map_or(&[], Vec::as_slice)
    }

    fn matches(&self, words: &[&str]) -> bool {
        let mut from = 0;
        self.groups.iter().all(|group| {
            let starts = from..(words.len() + 1).saturating_sub(group.len());
            let found = starts.into_iter().find(|at| group.iter().zip(&words[*at..]).all(|(a, w)| fits(a, w)));
            from = found.map_or(from, |at| at + group.len());
            found.is_some()
        })
    }
}

fn fits(alternatives: &[&str], word: &str) -> bool {
    alternatives.iter().any(|want| match want.strip_suffix('*') {
        Some(prefix) => word.starts_with(prefix),
        None => *want == word,
    })
}

/// Patterns with what they mean, findable by word.
pub(super) struct Lexicon<M> {
    entries: Vec<(Pattern, Vec<Pattern>, M)>,
    by_word: HashMap<&'static str, Vec<usize>>,
    /// Patterns that name no whole word, by the beginning of one.
    by_beginning: HashMap<&'static str, Vec<usize>>,
}

/// Bytes of a word's beginning that are indexed.
const BEGINNING: usize = 4;

fn beginning(word: &str) -> Option<&str> {
    word.get(..BEGINNING)
}

impl<M: Copy + PartialEq> Lexicon<M> {
    /// Compiles rows of meaning, patterns and exceptions.
    pub(super) fn new(rows: impl Iterator<Item = (M, &'static [&'static str], &'static [&'static str])>) -> Self {
        let mut lexicon = Self { entries: Vec::new(), by_word: HashMap::new(), by_beginning: HashMap::new() };
        for (meaning, says, unless) in rows {
            for text in says {
                lexicon.add(Pattern::new(text), unless, meaning);
            }
        }
        lexicon
    }

    fn add(&mut self, pattern: Pattern, unless: &'static [&'static str], meaning: M) {
        let number = self.entries.len();
        for word in pattern.anchors() {
            match word.strip_suffix('*').map(beginning) {
                Some(start) => self.by_beginning.entry(start.unwrap_or_default()).or_default().push(number),
                None => self.by_word.entry(word).or_default().push(number),
            }
        }
        self.entries.push((pattern, unless.iter().map(|text| Pattern::new(text)).collect(), meaning));
    }

    /// Every meaning that the words have and `wanted` accepts, each once, in the order of the rows.
    pub(super) fn meanings(&self, words: &[&str], wanted: impl Fn(M) -> bool) -> Vec<M> {
        let whole = words.iter().filter_map(|word| self.by_word.get(word));
        let begun = words.iter().filter_map(|word| self.by_beginning.get(beginning(word)?));
        let mut numbers: Vec<usize> = whole.chain(begun).flatten().copied().collect();
        numbers.sort_unstable();
        numbers.dedup();
        let mut found = Vec::new();
        for number in numbers {
            let (pattern, unless, meaning) = &self.entries[number];
            let new = wanted(*meaning) && !found.contains(meaning);
            if new && pattern.matches(words) && !unless.iter().any(|exception| exception.matches(words)) {
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
            let words = pattern.groups.iter().flatten().flatten();
            let odd = |word: &&str| words_of_pattern_are_odd(word);
            let short = |word: &&str| word.strip_suffix('*').is_some_and(|start| beginning(start).is_none());
            pattern.anchors().is_empty() || pattern.anchors().iter().any(|word| short(&word)) || words.clone().any(|word| odd(&word))
        };
        let all = self.entries.iter().flat_map(|(pattern, unless, _)| std::iter::once(pattern).chain(unless));
        all.filter(lost).map(|pattern| format!("{:?}", pattern.groups)).collect()
    }
}

#[cfg(test)]
fn words_of_pattern_are_odd(word: &str) -> bool {
    let word = word.strip_suffix('*').unwrap_or(word);
    !word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '\'')
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
        assert!(matches("fail* to pull .. access role", "Failed to pull the image. Reason: Invalid Access Role in X"));
        assert!(!matches("access role .. pull", "failed to pull: access role"));
        assert!(matches("cannot/can't connect to", "ERROR 2003: Can't connect to MySQL server"));
        assert!(!matches("exec format", "exec a format"));
        assert!(!matches("format error twice", "format error"));
    }
}
