//! Secrets stay inside, by type.
//!
//! Everything that AWS hands us and a user could have put a secret into (environment values, commands,
//! log lines, event messages) enters as [`Untrusted`]. It has no `Display`, its `Debug` shows a length, and
//! it cannot be serialized. The only way out is a [`Redactor`], which makes [`PublicText`]; messages,
//! announcements and log fields take `PublicText` alone.
//!
//! A redactor removes two things: the *known* values of a service (its environment, the words of its
//! commands, the password part of any URL among them), wherever they stand; and what *looks like* a secret
//! (`password=…`, bearer tokens, AWS keys, JSON web tokens, credentials in URLs, private keys).

#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::evidence::Service;

/// Text from outside that may hold a secret. Readable by matchers through [`Untrusted::expose`], never shown.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(transparent)]
pub struct Untrusted(String);

impl Untrusted {
    /// Wraps text from outside.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for matching and comparing. Whatever is derived from it is as secret as it is.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Untrusted({} bytes)", self.0.len())
    }
}

impl<T: Into<String>> From<T> for Untrusted {
    fn from(text: T) -> Self {
        Self::new(text)
    }
}

/// Text that may be shown to people: our own words, or what a [`Redactor`] let through.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PublicText(String);

impl PublicText {
    /// Words of the program itself.
    pub fn ours(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PublicText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&'static str> for PublicText {
    fn from(words: &'static str) -> Self {
        Self::ours(words)
    }
}

/// What stands in place of a secret.
pub const MASK: &str = "[redacted]";

/// What stands in place of a text of a service whose secrets are not known.
pub const WITHHELD: &str =
    "[withheld: the service's configuration could not be read, so what is secret is not known]";

/// Makes public text of untrusted text. Built from a service's configuration; without one it knows only what
/// secrets look like.
#[derive(Clone, Default)]
pub struct Redactor {
    /// Values to remove wherever they stand, longest first.
    known: Vec<String>,
    /// Nobody could say what is secret, so nothing is shown.
    blind: bool,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} known values)", self.known.len())
    }
}

impl Redactor {
    /// A redactor that knows every secret of a service's configuration.
    pub fn of_configuration(service: &Service) -> Self {
        let mut redactor = Self::default();
        for (name, value) in &service.variables {
            redactor.know_variable(name, value);
        }
        for command in [&service.start_command, &service.build_command].into_iter().flatten() {
            redactor.know_command(command);
        }
        redactor
    }

    /// A redactor for a service whose configuration could not be read: what is secret is not known, so every text is
    /// withheld.
    pub fn blind() -> Self {
        Self { blind: true, ..Self::default() }
    }

    /// Learns the value of an environment variable. Values too short or too common to be secrets are not
    /// removed (a port, a flag), unless the variable's name says that they are.
    pub fn know_variable(&mut self, name: &str, value: &Untrusted) {
        let shortest = if names_a_secret(name) { 3 } else { 6 };
        let value = value.expose();
        let parts = value.lines().chain(url_password(value)).chain(value.split(is_boundary));
        let secret = |part: &str| {
            part.len() >= shortest && (shortest == 3 || !part.bytes().all(|b| b.is_ascii_digit()))
        };
        self.learn(std::iter::once(value).chain(parts).map(str::trim).filter(|part| secret(part)));
    }

    /// Learns the words of a command, all but those that are plainly programs, options, paths and file names.
    pub fn know_command(&mut self, command: &Untrusted) {
        let words = command.expose().split(is_boundary).flat_map(|word| word.split('='));
        self.learn(words.filter(|word| word.len() >= 6 && !is_plain_word(word)));
    }

    /// Removes what is known and what looks like a secret.
    pub fn clean(&self, text: &Untrusted) -> PublicText {
        if self.blind {
            return PublicText::ours(WITHHELD);
        }
        self.clean_str(text.expose())
    }

    /// Known words come last: one of them may be the very key that shows what follows it to be a secret
    /// (`password` in a JSON value). Longer known values come first, before a pattern can take them apart.
    fn clean_str(&self, text: &str) -> PublicText {
        let (words, values): (Vec<_>, Vec<_>) = self.known.iter().partition(|value| is_word(value));
        let text = without(text.to_owned(), values);
        PublicText(without(mask_patterns(&text), words))
    }

    fn learn<'a>(&mut self, values: impl Iterator<Item = &'a str>) {
        for value in values {
            if !self.known.iter().any(|known| known == value) {
                self.known.push(value.to_owned());
            }
        }
        self.known.sort_by_key(|value| std::cmp::Reverse(value.len()));
    }
}

/// Ends of keys that name a secret, lower case, without `-`, `_` and `.`.
const SECRET_NAMES: [&str; 16] = [
    "password",
    "passwd",
    "passphrase",
    "passwort",
    "pwd",
    "pass",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "secretkey",
    "credential",
    "credentials",
    "authorization",
    "connectionstring",
];

/// Beginnings of well-known credentials: AWS key IDs, GitHub, Slack, Google, Stripe, npm.
const CREDENTIAL_STARTS: [&str; 13] = [
    "AKIA",
    "ASIA",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "xoxb-",
    "xoxp-",
    "AIza",
    "sk-",
    "sk_live_",
    "rk_live_",
    "npm_",
];

/// Words of commands that are no secrets although they are long.
const PLAIN_WORDS: [&str; 17] = [
    "install",
    "gunicorn",
    "uvicorn",
    "python",
    "python3",
    "requirements",
    "production",
    "development",
    "server",
    "application",
    "bundle",
    "dotnet",
    "manage",
    "migrate",
    "hypercorn",
    "runserver",
    "0.0.0.0",
];

fn names_a_secret(name: &str) -> bool {
    let name: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    SECRET_NAMES.iter().any(|secret| name.ends_with(secret))
}

/// True for a value in which no pattern finds a part of its own.
fn is_word(value: &str) -> bool {
    value.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c))
}

fn without(mut text: String, values: Vec<&String>) -> String {
    for value in values {
        if text.contains(value.as_str()) {
            text = text.replace(value.as_str(), MASK);
        }
    }
    text
}

fn is_boundary(c: char) -> bool {
    c.is_whitespace() || "\"'`,;()[]{}<>|&?".contains(c)
}

fn is_plain_word(word: &str) -> bool {
    let path_like = word.starts_with('-') || word.contains('/') || word.contains('.') || word.contains(':');
    let lower = word.to_ascii_lowercase();
    (path_like && !looks_random(word)) || PLAIN_WORDS.contains(&lower.as_str())
}

/// A long word that mixes cases and digits as only generated text does. Lower-case hexadecimal is not meant:
/// digests and operation IDs are evidence.
fn looks_random(word: &str) -> bool {
    let count = |wanted: fn(&u8) -> bool| word.bytes().filter(wanted).count();
    word.len() >= 24
        && count(u8::is_ascii_uppercase) >= 3
        && count(u8::is_ascii_lowercase) >= 3
        && count(u8::is_ascii_digit) >= 2
        && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=_-.".contains(&b))
}

fn url_password(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    let (userinfo, _) = rest.rsplit_once('@')?;
    let (_, password) = userinfo.split_once(':')?;
    (password.len() >= 3).then_some(password)
}

/// Masks what looks like a secret, word by word; everything between the words stays as it is.
fn mask_patterns(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_private_key = false;
    for line in text.split_inclusive('\n') {
        let begins = line.contains("-----BEGIN") && line.contains("PRIVATE KEY");
        if begins || in_private_key {
            in_private_key = !line.contains("-----END");
            out.push_str(MASK);
            out.push_str(if line.ends_with('\n') { "\n" } else { "" });
        } else {
            mask_line(line, &mut out);
        }
    }
    out
}

/// What the words so far say about the next one.
#[derive(Clone, Copy, PartialEq)]
enum Next {
    /// Nothing.
    Open,
    /// A secret's name stood there; a separator makes the word after it the secret.
    AfterName,
    /// It is a secret.
    Secret,
}

fn mask_line(line: &str, out: &mut String) {
    let mut next = Next::Open;
    let mut rest = line;
    while !rest.is_empty() {
        let gap = rest.len() - rest.trim_start_matches(is_boundary).len();
        out.push_str(&rest[..gap]);
        rest = &rest[gap..];
        let end = rest.find(is_boundary).unwrap_or(rest.len());
        if end > 0 {
            next = mask_word(&rest[..end], next, out);
        }
        rest = &rest[end..];
    }
}

/// Writes a word, masked where it must be.
fn mask_word(word: &str, expected: Next, out: &mut String) -> Next {
    const SCHEMES: [&str; 4] = ["bearer", "basic", "digest", "token"];
    let separator = word.bytes().all(|b| b"=:>".contains(&b));
    if expected != Next::Open && separator {
        out.push_str(word);
        return Next::Secret;
    }
    if expected == Next::Secret {
        let scheme = SCHEMES.contains(&word.to_ascii_lowercase().as_str());
        out.push_str(if scheme { word } else { MASK });
        return if scheme { Next::Secret } else { Next::Open };
    }
    if CREDENTIAL_STARTS.iter().any(|start| word.starts_with(start) && word.len() >= start.len() + 12)
        || (word.starts_with("eyJ") && word.matches('.').count() >= 2)
        || looks_random(word)
    {
        out.push_str(MASK);
        return Next::Open;
    }
    if let Some(password) = url_password(word) {
        out.push_str(&word.replacen(&format!(":{password}@"), &format!(":{MASK}@"), 1));
        return Next::Open;
    }
    if let Some(at) = word.find(['=', ':']) {
        let (key, value) = (&word[..at], word[at..].trim_start_matches(['=', ':']));
        if names_a_secret(key) {
            out.push_str(&word[..word.len() - value.len()]);
            out.push_str(if value.is_empty() { "" } else { MASK });
            return if value.is_empty() { Next::Secret } else { Next::Open };
        }
        // A key further in, as in `x=1;password=…` or `Server=db:Password=…`.
        if value.contains('=') {
            out.push_str(&word[..word.len() - value.len()]);
            return mask_word(value, Next::Open, out);
        }
    }
    out.push_str(word);
    match names_a_secret(word) {
        true if word.starts_with('-') => Next::Secret,
        true => Next::AfterName,
        false if word.eq_ignore_ascii_case("bearer") => Next::Secret,
        false => Next::Open,
    }
}
