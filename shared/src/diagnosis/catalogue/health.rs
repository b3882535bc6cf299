//! The container runs, and the health check does not find it well.

use super::super::Finding;
use super::super::address::{Address, Interface};
use super::super::hit::{Detail, Hit};
use super::super::kind::CauseKind;
use super::super::signal::Signal;
use super::super::story::Story;
use super::clue::{Proof, exited, image, lines, reachable, service};
use super::{Clue, Doubt, Entry, REFUTES};

const DOCS: &str = "https://docs.aws.amazon.com/apprunner/latest/dg/manage-configure-healthcheck.html";
const DOCS_DEVELOP: &str = "https://docs.aws.amazon.com/apprunner/latest/dg/develop.html";

/// Seconds within which a new instance must become healthy.
const START_LIMIT: f64 = 300.0;

fn failed(story: &Story<'_>) -> bool {
    story.check_failed() || story.failed
}

/// The lines of a stream in which every address is `wrong`. Streams that answered requests well are the old
/// version's.
fn only(story: &Story<'_>, wrong: impl Fn(&Address) -> bool) -> Proof {
    let addresses: Vec<_> = story.addresses().filter(|(hit, _)| !serves(story, hit.stream)).collect();
    let all_wrong = |stream: usize| {
        addresses.iter().filter(|(hit, _)| hit.stream == stream).all(|(_, address)| wrong(address))
    };
    let shown: Vec<_> = addresses.iter().rev().filter(|(hit, _)| all_wrong(hit.stream)).take(2).collect();
    let lines: Vec<Finding> = shown.into_iter().map(|(hit, _)| Finding::Line(hit.text.clone())).collect();
    (failed(story) && !lines.is_empty()).then_some(lines)
}

fn serves(story: &Story<'_>, stream: usize) -> bool {
    let good = |hit: &&Hit| matches!(hit.detail, Detail::Answer { status: 200..300, .. });
    story.all(Signal::Answered).filter(good).any(|hit| hit.stream == stream)
}

/// The lines that name a port, if none of their stream is the checked one.
fn other_port(story: &Story<'_>) -> Proof {
    let port = story.port()?;
    only(story, |address| address.port != port)
}

/// The lines that name the right port on an interface that nobody else reaches, if no other line of their stream
/// names it on a better one.
fn closed_interface(story: &Story<'_>) -> Proof {
    let right = |address: &Address| story.port().is_none_or(|port| port == address.port);
    let closed = |address: &Address| matches!(address.interface, Interface::Loopback | Interface::HostName);
    if !story.addresses().any(|(_, address)| right(&address) && closed(&address)) {
        return None;
    }
    only(story, |address| closed(address) || !right(address))
}

fn exposes_other_port(story: &Story<'_>) -> bool {
    let exposed = image(story).and_then(|image| image.exposed_ports.as_deref()).unwrap_or_default();
    let port = story.port();
    story.check_failed() && !exposed.is_empty() && port.is_some_and(|port| !exposed.contains(&port))
}

/// Answers to the health check that are no success.
fn bad_answers(story: &Story<'_>) -> Proof {
    let wanted = story.check_path();
    let same = |path: &Option<String>| match (&wanted, path) {
        (Some(wanted), Some(path)) => wanted.trim_end_matches('/') == path.trim_end_matches('/'),
        _ => false,
    };
    let answers = || {
        story
            .all(Signal::Answered)
            .filter(|hit| matches!(&hit.detail, Detail::Answer { path, .. } if same(path)))
    };
    let good = |status: u16| (200..300).contains(&status);
    let is_good = |hit: &Hit| matches!(hit.detail, Detail::Answer { status, .. } if good(status));
    let last = answers().next_back()?;
    if !failed(story) || is_good(last) {
        return None;
    }
    Some(answers().rev().take(2).map(|hit| Finding::Line(hit.text.clone())).collect())
}

/// Seconds between the application's first line and the one that says it is ready.
fn start_seconds(story: &Story<'_>) -> Option<f64> {
    let stated = story.all(Signal::Ready).filter_map(|hit| match hit.detail {
        Detail::Seconds(seconds) => Some(seconds),
        _ => None,
    });
    let measured = story.all(Signal::Ready).chain(story.all(Signal::Listening)).next();
    let measured = measured.and_then(|ready| story.seconds_into_stream(ready));
    stated.chain(measured).filter(|seconds| *seconds < 86_400.0).reduce(f64::max)
}

/// Seconds that the health check's settings give an instance to start.
fn patience(story: &Story<'_>) -> Option<f64> {
    let check = &service(story)?.health_check;
    #[expect(clippy::cast_precision_loss, reason = "both are at most 20")]
    Some((check.interval_seconds? * check.unhealthy_threshold?) as f64)
}

fn too_slow(story: &Story<'_>) -> bool {
    let limit = patience(story).unwrap_or(60.0).min(START_LIMIT);
    start_seconds(story).is_some_and(|seconds| seconds >= limit.max(10.0))
}

/// Whether the program was still starting when its log ends.
fn still_loading(story: &Story<'_>) -> bool {
    let ready = story.any(&[Signal::Ready, Signal::Listening]);
    story.has(Signal::Loading) && !ready
}

fn hangs_on_network(story: &Story<'_>) -> bool {
    story.any(&[Signal::ConnectFailed, Signal::NameUnresolved])
}

const STOPPED: Doubt = Doubt {
    percent: 45,
    says: "the process stopped by itself with an error",
    holds: |s| {
        exited(s)
            && s.any(&[
                Signal::Trace,
                Signal::ConnectFailed,
                Signal::ModuleMissing,
                Signal::VariableMissing,
                Signal::DatabaseRefused,
            ])
    },
};

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        kind: CauseKind::HealthCheckPort,
        transient: false,
        means: "The program listens on another port than the configured one.",
        supports: &[
            Clue {
                percent: 90,
                says: "the program listens on a port that is not the configured one",
                holds: other_port,
            },
            Clue {
                percent: 64,
                says: "the program is ready, and its image exposes another port than the configured one",
                holds: |s| {
                    if exposes_other_port(s) && s.addresses().next().is_none() {
                        lines(s, Signal::Ready)
                    } else {
                        None
                    }
                },
            },
        ],
        against: &[
            STOPPED,
            Doubt {
                percent: REFUTES,
                says: "the health check passed",
                holds: |s| s.has(Signal::CheckPassed) && !s.check_failed(),
            },
        ],
        fix: "Set the service's port to the one the program listens on, or let the program listen on the port in the variable PORT. Then \
              deploy again.",
        docs: DOCS_DEVELOP,
    },
    Entry {
        kind: CauseKind::HealthCheckBindAddress,
        transient: false,
        means: "The program listens on an address that only the container itself reaches.",
        supports: &[Clue {
            percent: 89,
            says: "the program listens on the loopback address or on its host name only",
            holds: closed_interface,
        }],
        against: &[
            STOPPED,
            Doubt {
                percent: REFUTES,
                says: "the health check passed",
                holds: |s| s.has(Signal::CheckPassed) && !s.check_failed(),
            },
        ],
        fix: "Bind to 0.0.0.0. For Next.js set HOSTNAME=0.0.0.0 in the service's variables or in the start command (App Runner overwrites the \
              Dockerfile's). Then deploy again.",
        docs: DOCS_DEVELOP,
    },
    Entry {
        kind: CauseKind::HealthCheckPath,
        transient: false,
        means: "The path of the health check does not answer 200.",
        supports: &[
            Clue {
                percent: 88,
                says: "the program answers the health check's path, with something else than success",
                holds: bad_answers,
            },
            Clue {
                percent: 84,
                says: "the program refuses the health check's Host header",
                holds: |s| if failed(s) { lines(s, Signal::HostRefused) } else { None },
            },
        ],
        against: &[
            Doubt {
                percent: REFUTES,
                says: "the health check is a TCP one, which sees no path",
                holds: |s| s.tcp_check(),
            },
            Doubt {
                percent: 25,
                says: "the answer is an error of the server, and a connection of its own fails",
                holds: |s| hangs_on_network(s) || s.any(&[Signal::DatabaseRefused]),
            },
        ],
        fix: "Point the health check at a path that answers 200 without login, redirect or known Host header, or use TCP. Then deploy again.",
        docs: DOCS,
    },
    Entry {
        kind: CauseKind::HealthCheckSlowStart,
        transient: false,
        means: "The program becomes ready later than the health check waits.",
        supports: &[
            Clue {
                percent: 86,
                says: "the program needed longer to start than the health check waits",
                holds: |s| {
                    if failed(s) && too_slow(s) {
                        lines(s, Signal::Ready).or(lines(s, Signal::Listening))
                    } else {
                        None
                    }
                },
            },
            Clue {
                percent: 74,
                says: "the program was still loading when the health check gave up",
                holds: |s| {
                    if s.check_failed() && still_loading(s) { lines(s, Signal::Loading) } else { None }
                },
            },
        ],
        against: &[
            Doubt { percent: 45, says: "it hangs on a connection", holds: hangs_on_network },
            Doubt {
                percent: 55,
                says: "the process stopped by itself with an error",
                holds: |s| exited(s) || s.has(Signal::Trace),
            },
            Doubt {
                percent: 40,
                says: "it listens where App Runner does not reach it",
                holds: |s| reachable(s) == Some(false),
            },
        ],
        fix: "Open the port early and load afterwards; raise the health check's timeout, interval and unhealthy threshold (the whole start must be \
              healthy within about 5 minutes); give the instance more CPU.",
        docs: DOCS,
    },
];
