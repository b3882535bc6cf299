//! DNS names as Route 53 keeps and sorts them.

use std::fmt::Write as _;

/// Lower case, a dot at the end, and what is no letter, digit, hyphen or underscore as three octal digits.
pub(super) fn normalised(name: &str) -> String {
    let mut out = String::new();
    let mut rest = name.strip_suffix('.').unwrap_or(name).as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let mut byte = *first;
        if byte == b'.' {
            out.push('.');
            continue;
        }
        if byte == b'\\'
            && let Some(code) = escape(rest)
        {
            byte = code;
            rest = &rest[3..];
        }
        match byte.to_ascii_lowercase() {
            plain if plain.is_ascii_alphanumeric() || plain == b'-' || plain == b'_' => {
                out.push(char::from(plain));
            }
            other => {
                let _ = write!(out, "\\{other:03o}");
            }
        }
    }
    out + "."
}

fn escape(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits.get(..3)?).ok()?;
    u8::from_str_radix(digits, 8).ok()
}

/// What records are sorted by: the labels from the right, `com.example.www.`.
pub(super) fn reversed(name: &str) -> String {
    let mut labels: Vec<&str> = name.trim_end_matches('.').split('.').collect();
    labels.reverse();
    labels.join(".") + "."
}

/// Whether a normalised name is a zone's own or lies below it.
pub(super) fn is_within(name: &str, zone: &str) -> bool {
    name.strip_suffix(zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}
