//! Reading the other details out of a line whose meaning is known: paths, statuses, codes, durations, names.

/// A request's path, if the line names one.
pub(super) fn path(text: &str) -> Option<String> {
    let mut words = text
        .split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '|' | ',' | '=' | '[' | ']'))
        .filter(|w| !w.is_empty());
    words.find(|word| matches!(word.trim_end_matches(':'), "GET" | "HEAD" | "get" | "head" | "Get"))?;
    let path = words.find(|word| word.starts_with('/') || word.contains("://") || *word == "*")?;
    let path = path.split_once("://").map_or(path, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    Some(path.split(['?', '#']).next().unwrap_or(path).trim_end_matches(':').to_owned())
}

/// The path in a line of fields: `"url":"/health"`, `path=/health`.
pub(super) fn path_field(text: &str) -> Option<String> {
    ["\"url\"", "\"path\"", "\"uri\"", "\"request_path\"", "\"request_uri\"", "path=", "uri=", "url="]
        .iter()
        .find_map(|key| {
            let after = &text[text.find(key)? + key.len()..];
            let value = after.trim_start_matches([' ', ':', '"', '=']);
            let end = value
                .find(|c: char| c.is_whitespace() || matches!(c, '"' | ',' | '?' | '}'))
                .unwrap_or(value.len());
            value.starts_with('/').then(|| value[..end].to_owned())
        })
}

/// An HTTP status: after the path, after a word for it, or alone in its column.
pub(super) fn http_status(lower: &str) -> Option<u16> {
    let status = |text: &str| -> Option<u16> {
        let number: u16 = text.parse().ok()?;
        (text.len() == 3 && (100..600).contains(&number)).then_some(number)
    };
    for key in [
        "status code",
        "statuscode",
        "status_code",
        "status",
        "completed",
        "sent",
        "responded",
        "returned",
        "response",
        "code",
    ] {
        let mut rest = lower;
        while let Some((_, after)) = rest.split_once(key) {
            rest = after;
            let after = after.trim_start_matches([' ', ':', '"', '=', '(']);
            let digits = after.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
            if let Some(found) = status(digits) {
                return Some(found);
            }
        }
    }
    let column = |word: &&str| status(word).is_some();
    let cut = |c: char| c.is_whitespace() || matches!(c, '"' | '[' | ']' | '|' | '(' | ')' | ':' | ',');
    let after_path = lower.find(" /").or_else(|| lower.find("://")).map_or("", |at| &lower[at + 1..]);
    let after_path = after_path.split_once([' ', '"']).map_or("", |(_, rest)| rest);
    let mut words = after_path.split(cut);
    words.find(column).or_else(|| lower.split(cut).find(column)).and_then(status)
}

/// The number that follows one of these words, as in `exit code: 137`.
pub(super) fn code(lower: &str) -> Option<i32> {
    for key in [
        "exit code",
        "exited with code",
        "exited with status",
        "exit status",
        "status code",
        "code",
        "status",
    ] {
        let mut rest = lower;
        while let Some((_, after)) = rest.split_once(key) {
            rest = after;
            let after = after.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '-');
            let after = after.strip_prefix("is ").or_else(|| after.strip_prefix("was ")).unwrap_or(after);
            let end = after.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(after.len());
            if let Ok(code) = after[..end].parse() {
                return Some(code);
            }
        }
    }
    None
}

/// The longest duration in seconds that the line states (`in 312.4 seconds`, `after 95s`).
pub(super) fn seconds(lower: &str) -> Option<f64> {
    let words: Vec<&str> =
        lower.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | ';')).collect();
    let number = |text: &str| text.parse::<f64>().ok();
    let mut longest: Option<f64> = None;
    for (at, word) in words.iter().enumerate() {
        let unit = words.get(at + 1).copied().unwrap_or_default().trim_end_matches(['.', ':']);
        let found = match unit {
            "seconds" | "second" | "secs" | "sec" | "s" => number(word),
            "minutes" | "minute" | "mins" | "min" => number(word).map(|n| n * 60.0),
            _ => word.strip_suffix('s').and_then(number).or_else(|| word.strip_suffix("s.").and_then(number)),
        };
        longest = longest.into_iter().chain(found).reduce(f64::max);
    }
    longest
}

/// Words in capitals that are no variable's name.
const CAPITALS: &[&str] = &[
    "HTTP",
    "HTTPS",
    "ERROR",
    "FATAL",
    "WARN",
    "WARNING",
    "INFO",
    "DEBUG",
    "JSON",
    "NULL",
    "POST",
    "HEAD",
    "DELETE",
    "PATCH",
    "TRACE",
    "CRITICAL",
    "TYPE",
    "TABLE",
    "COLUMN",
    "UTC",
    "GMT",
    "SQL",
    "TLS",
    "SSL",
    "TCP",
    "UDP",
    "DNS",
    "API",
    "URL",
    "CLI",
    "GET",
    "PUT",
    "EOF",
    "DETAIL",
    "HINT",
    "STATEMENT",
    "CONTEXT",
    "LOG",
    "NOTICE",
    "ENV",
    "APP",
    "ID",
    "OK",
    "YAML",
    "HTML",
];

/// The name of an environment variable in the line. `strict` asks for an underscore.
pub(super) fn variable(text: &str, strict: bool) -> Option<&str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).find(|word| {
        let capital = word.starts_with(|c: char| c.is_ascii_uppercase())
            && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        let error = word.starts_with("ERR_") || word.starts_with("ER_") || word.starts_with("E_");
        capital && word.len() >= 3 && !CAPITALS.contains(word) && !error && (!strict || word.contains('_'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests() {
        let table: &[(&str, &str, u16)] = &[
            ("10.0.0.1 - - [01/Jan/2024:10:00:00 +0000] \"GET /health HTTP/1.1\" 404 12", "/health", 404),
            ("INFO:     10.0.0.1:1234 - \"GET /health HTTP/1.1\" 401 Unauthorized", "/health", 401),
            ("[GIN] 2024/01/01 - 10:00:00 | 404 |  1.2µs | 10.0.0.1 | GET      \"/health\"", "/health", 404),
            ("GET /health 302 1.234 ms - 139", "/health", 302),
            ("method=GET path=/ status=302", "/", 302),
            ("Request finished HTTP/1.1 GET http://10.0.0.1:8080/healthz - 404 0 - 1.2ms", "/healthz", 404),
            ("[Mon Jan  1 10:00:00 2024] 10.0.0.1:4000 [404]: GET /health", "/health", 404),
        ];
        for (line, want_path, status) in table {
            assert_eq!(path(line).as_deref(), Some(*want_path), "{line}");
            assert_eq!(http_status(&line.to_lowercase()), Some(*status), "{line}");
        }
    }

    #[test]
    fn codes_durations_names() {
        assert_eq!(code("container exit code: 137"), Some(137));
        assert_eq!(code("exited with code 1."), Some(1));
        assert_eq!(seconds("started app in 312.4 seconds (process running for 320.1)"), Some(312.4));
        assert_eq!(variable("KeyError: 'DATABASE_URL'", true), Some("DATABASE_URL"));
        assert_eq!(variable("ERROR: something", false), None);
    }
}
