//! Names of records, in the one spelling that Route 53 answers with.
//!
//! Route 53 takes `*.Example.com` and gives back `\052.example.com.`: lower case, a trailing dot, and every byte
//! but `a-z`, `0-9`, `-` and `_` as three octal digits (developer guide, "DNS domain name format"). Two spellings of
//! one name are therefore equal here, and a name that was read is written as it came.

use std::{cmp::Ordering, fmt, fmt::Write as _, str::FromStr};

use serde::{Deserialize, Serialize};

/// Octets of a name and of one of its labels (RFC 1035, section 2.3.4).
const LONGEST_NAME: usize = 255;
const LONGEST_LABEL: usize = 63;

/// A DNS name in Route 53's spelling. Ordered as Route 53 lists records: by the labels from the right.
///
/// `Display` is for people: without the trailing dot, and with `*` for `\052`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RecordName(String);

/// A text that is no DNS name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not a DNS name: {problem}")]
pub struct NotAName {
    found: String,
    problem: &'static str,
}

impl RecordName {
    /// Route 53's spelling, such as `\052.example.com.`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True for the zone's own name and for every name below it.
    pub fn is_within(&self, zone: &Self) -> bool {
        self.0.strip_suffix(&zone.0).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }

    /// What Route 53 sorts by: `com.example.www.`
    fn reversed(&self) -> String {
        let labels: Vec<&str> = self.0.trim_end_matches('.').rsplit('.').collect();
        labels.join(".") + "."
    }
}

impl FromStr for RecordName {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        normalised(text)
            .map(Self)
            .map_err(|problem| NotAName { found: text.chars().take(300).collect(), problem })
    }
}

fn normalised(text: &str) -> Result<String, &'static str> {
    let mut name = String::with_capacity(text.len() + 1);
    let (mut octets, mut in_label) = (0, 0);
    let mut rest = text.strip_suffix('.').unwrap_or(text).as_bytes();
    if rest.is_empty() {
        return Err("it is empty");
    }
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        octets += 1;
        if first == b'.' {
            if in_label == 0 || rest.is_empty() {
                return Err("it has an empty label");
            }
            name.push('.');
            in_label = 0;
            continue;
        }
        let byte = match first {
            b'\\' => {
                let escape = rest.get(..3).and_then(octal).ok_or("a backslash wants three octal digits")?;
                rest = &rest[3..];
                escape
            }
            other => other,
        };
        in_label += 1;
        if in_label > LONGEST_LABEL {
            return Err("a label has more than 63 octets");
        }
        match byte.to_ascii_lowercase() {
            plain @ (b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_') => name.push(char::from(plain)),
            other => {
                let _ = write!(name, "\\{other:03o}");
            }
        }
    }
    name.push('.');
    // A length before each label, and the root's.
    if octets + 2 > LONGEST_NAME { Err("it has more than 255 octets") } else { Ok(name) }
}

fn octal(digits: &[u8]) -> Option<u8> {
    digits.iter().try_fold(0_u8, |value, digit| match digit {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(digit - b'0'),
        _ => None,
    })
}

impl Ord for RecordName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.reversed().cmp(&other.reversed())
    }
}

impl PartialOrd for RecordName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl TryFrom<String> for RecordName {
    type Error = NotAName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<RecordName> for String {
    fn from(name: RecordName) -> Self {
        name.0
    }
}

impl fmt::Display for RecordName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.trim_end_matches('.').replace("\\052", "*"))
    }
}
