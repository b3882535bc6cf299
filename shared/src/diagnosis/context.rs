//! What the lines before a line add to its meaning: the address that a bare "connection refused" is about, the
//! expression that a `KeyError` comes from, the request that a status belongs to.

use std::cell::Cell;
use std::collections::VecDeque;

use super::address::{self, Target};
use super::hit::Detail;
use super::parse;
use super::signal::Signal;

/// Lines that are remembered.
const REMEMBERED: usize = 30;

/// Marks of lines that read the environment.
const ENVIRONMENT: &[&str] = &["environ", "getenv", "process.env", "env.fetch"];

/// Local ports of tracing and metrics agents, which a program can do without.
const OBSERVERS: &[&str] = &[
    "127.0.0.1:2000",
    "127.0.0.1:4317",
    "127.0.0.1:4318",
    "127.0.0.1:8125",
    "127.0.0.1:8126",
    "localhost:4317",
    "localhost:4318",
    "localhost:8125",
    "localhost:8126",
    "localhost:2000",
    "::1:4317",
    "::1:4318",
];

/// Words by which a line that misses something shows that it is configuration.
const SELF_EVIDENT: &[&str] = &[
    "environment variable",
    "env var",
    "environment validation",
    "env validation",
    "placeholder",
    "connection string",
    "connectionstring",
    "secret_key_base",
    "encryption key",
    "undefinedvalueerror",
    "missingenvvars",
    "config property",
    "srcfg00014",
    "url attribute is not specified",
    "failed to configure a datasource",
    "url' attribute is not specified",
    "missingappkey",
    "env.example",
    "config validation",
    "configuration validation",
    "api_key",
    "api key",
    "secret_key",
    "improperlyconfigured",
    "required env",
    "missing env",
    "missing required config",
    "missing required setting",
    "missing config",
    "environment variables",
    "missing required option",
];

/// Marks of syntax that older versions of Python and JavaScript do not know.
const NEW_SYNTAX: &[&str] = &[
    "??=",
    "||=",
    "&&=",
    "?.",
    "'?'",
    "??",
    "'.'",
    ":= ",
    "match ",
    "except*",
    "'#'",
    "static {",
    "print \"",
    "with {",
    "assert {",
    "'with'",
    "invalid regular expression flags",
    "type alias",
    "'static'",
    "'await'",
    "top-level await",
    "'??",
    "case {",
    "unexpected reserved word",
];

/// Parts of package registries' names.
const REGISTRIES: &[&str] = &[
    "registry",
    "npm",
    "yarn",
    "pnpm",
    "pypi",
    "pythonhosted",
    "pip",
    "rubygems",
    "maven",
    "gradle",
    "nuget",
    "packagist",
    "proxy.golang",
    "crates",
    "github",
    "gitlab",
    "debian",
    "ubuntu",
    "alpine",
    "hex.pm",
    "artifact",
    "index",
];

/// What is remembered from line to line of a stream.
#[derive(Default)]
pub(super) struct Context {
    /// The path of a request whose status stands on a later line.
    open_path: Option<String>,
    /// The last lines in lower case, latest first, each with its target once somebody asked.
    recent: VecDeque<(String, Cell<Option<Target>>)>,
}

impl Context {
    /// Remembers a line.
    pub(super) fn pass(&mut self, lower: String) {
        if self.recent.len() == REMEMBERED {
            self.recent.pop_back();
        }
        self.recent.push_front((lower, Cell::new(None)));
    }

    /// Whether one of the last lines, or this one, has one of these marks.
    fn near(&self, lower: &str, lines: usize, marks: &[&str]) -> bool {
        let has = |line: &str| marks.iter().any(|mark| line.contains(mark));
        has(lower) || self.recent.iter().take(lines).any(|(line, _)| has(line))
    }

    /// The latest target that one of the last lines names.
    fn near_target(&self, lines: usize) -> Option<Target> {
        self.recent.iter().take(lines).find_map(|(line, known)| {
            let target = known.get().unwrap_or_else(|| address::target(line));
            known.set(Some(target));
            (target != Target::Unsaid).then_some(target)
        })
    }

    /// The detail of a signal, or nothing if the line only looked like it.
    pub(super) fn detail(&mut self, signal: Signal, text: &str, lower: &str, words: usize) -> Option<Detail> {
        match signal {
            Signal::ContainerExited | Signal::BuildExited => {
                Some(parse::code(lower).map_or(Detail::Nothing, Detail::Code))
            }
            Signal::Listening => address::listening(lower).map(Detail::Address),
            Signal::Ready | Signal::CheckFailed => {
                Some(parse::seconds(lower).map_or(Detail::Nothing, Detail::Seconds))
            }
            Signal::Answered => self.answer(text, lower),
            Signal::VariableMissing => self.names_variable(text, lower).then_some(Detail::Nothing),
            Signal::ConnectFailed if OBSERVERS.iter().any(|port| lower.contains(port)) => None,
            Signal::ConnectFailed | Signal::NameUnresolved => {
                Some(Detail::Target(self.target_of(signal, lower)))
            }
            Signal::DatabaseRefused => {
                let about =
                    address::about_database(lower) || lower.contains("user") || self.near_target(8).is_some();
                about.then_some(Detail::Nothing)
            }
            Signal::RegistryUnreachable => {
                let own = matches!(address::target(lower), Target::Loopback | Target::Private);
                (!own || REGISTRIES.iter().any(|name| lower.contains(name))).then_some(Detail::Nothing)
            }
            Signal::VersionConflict
                if lower.contains("syntaxerror") || lower.contains("unexpected token") =>
            {
                let library = lower.contains("site-packages") || lower.contains("node_modules");
                let newer = self.near(lower, 4, NEW_SYNTAX);
                (newer || library).then_some(Detail::Nothing)
            }
            Signal::Killed => {
                let said = ["137", "sigkill", "signal", "oom", "disappeared"]
                    .iter()
                    .any(|word| lower.contains(word));
                (words <= 4 || said).then_some(Detail::Nothing)
            }
            Signal::MemoryExhausted
                if lower.contains("killed") && !lower.contains("mem") && !lower.contains("oom") =>
            {
                (words <= 4 || lower.contains("137") || lower.contains("signal 9")).then_some(Detail::Nothing)
            }
            _ => Some(Detail::Nothing),
        }
    }

    fn target_of(&self, signal: Signal, lower: &str) -> Target {
        let own = address::target(lower);
        if own != Target::Unsaid {
            return own;
        }
        // A name of one label exists only inside a network.
        if signal == Signal::NameUnresolved && !lower.contains("http") {
            return self.near_target(3).unwrap_or(Target::Private);
        }
        self.near_target(REMEMBERED).unwrap_or(Target::Unsaid)
    }

    fn answer(&mut self, text: &str, lower: &str) -> Option<Detail> {
        let path = parse::path(text).or_else(|| parse::path_field(text));
        match (path, parse::http_status(lower)) {
            (Some(path), Some(status)) => Some(Detail::Answer { path: Some(path), status }),
            (Some(path), None) => {
                self.open_path = Some(path);
                None
            }
            (None, Some(status)) => {
                self.open_path.take().map(|path| Detail::Answer { path: Some(path), status })
            }
            (None, None) => None,
        }
    }

    /// Whether a line that misses something misses an environment variable.
    fn names_variable(&self, text: &str, lower: &str) -> bool {
        let environment = self.near(lower, 12, ENVIRONMENT);
        if lower.contains("keyerror")
            || lower.contains("key not found")
            || lower.contains("undefined array key")
        {
            let python_data = self.near("", 12, &["file \""]) && !environment && !lower.contains("frozen os");
            return parse::variable(text, !environment).is_some() && !python_data;
        }
        if lower.contains("value cannot be null") || lower.contains("argumentnullexception") {
            return lower.contains("connectionstring")
                || parse::variable(text, true).is_some()
                || lower.contains("configuration");
        }
        if lower.contains("validation error")
            && ["setting", "config", "env"].iter().any(|word| lower.contains(word))
        {
            return true;
        }
        let self_evident = SELF_EVIDENT.iter().any(|word| lower.contains(word));
        self_evident
            || parse::variable(text, true).is_some()
            || environment && parse::variable(text, false).is_some()
    }
}
