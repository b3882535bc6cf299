//! The container starts and stops again.

use super::super::address::Target;
use super::super::kind::CauseKind;
use super::super::signal::Signal;
use super::super::story::{Phase, Story};
use super::clue::{
    build_lines, connections, exited, fact, fatal_lines, image, lines, platform_lines, runs_on_amd64, service,
};
use super::{Clue, Doubt, Entry, REFUTES};

const DOCS_IMAGE: &str = "https://docs.aws.amazon.com/apprunner/latest/dg/service-source-image.html";
const DOCS_DEVELOP: &str = "https://docs.aws.amazon.com/apprunner/latest/dg/develop.html";

/// Whether the start command is written for a shell, which App Runner does not use.
fn needs_shell(story: &Story<'_>) -> bool {
    let command = service(story).and_then(|service| service.start_command.as_ref());
    command.is_some_and(|command| {
        let command = command.expose().trim();
        let shell = ["sh -c", "bash -c", "sh -lc", "bash -lc"].iter().any(|shell| command.contains(shell));
        let operators = ["&&", "||", ";", " | ", "$", "`", " > "].iter().any(|op| command.contains(op));
        !shell
            && (operators
                || command.starts_with("cd ")
                || command.starts_with("export ")
                || command.starts_with("source "))
    })
}

/// Whether the container was killed from outside without App Runner having asked it to stop.
fn killed_unasked(story: &Story<'_>) -> bool {
    story.exit_code() == Some(137) && !story.any(&[Signal::Terminated]) && !check_failed_before_exit(story)
}

fn check_failed_before_exit(story: &Story<'_>) -> bool {
    let check = story.all(Signal::CheckFailed).next();
    let exit = story.all(Signal::ContainerExited).next();
    matches!((check, exit), (Some(check), Some(exit)) if check.stream == exit.stream && check.at < exit.at)
}

/// Whether something more specific than a crash explains the end of the application.
fn explained(story: &Story<'_>) -> bool {
    story.any(&[
        Signal::ModuleMissing,
        Signal::VariableMissing,
        Signal::SecretDenied,
        Signal::SecretMissing,
        Signal::DatabaseRefused,
        Signal::FormatError,
        Signal::MemoryExhausted,
        Signal::DiskFull,
    ]) || story.any(&[Signal::ConnectFailed, Signal::NameUnresolved]) && !story.went_on()
}

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        kind: CauseKind::StartCommand,
        transient: false,
        means: "The start command cannot be executed as it stands.",
        supports: &[
            Clue {
                percent: 86,
                says: "the start command or its arguments are refused",
                holds: |s| fatal_lines(s, Signal::CommandBroken),
            },
            Clue {
                percent: 86,
                says: "the image is built for linux/amd64, so the script has no #! line or has CRLF line ends",
                holds: |s| if runs_on_amd64(s) == Some(true) { lines(s, Signal::FormatError) } else { None },
            },
            Clue {
                percent: 82,
                says: "the exit code says that the command cannot be found or executed",
                holds: |s| {
                    if matches!(s.exit_code(), Some(126 | 127)) {
                        lines(s, Signal::ContainerExited)
                    } else {
                        None
                    }
                },
            },
            Clue {
                percent: 68,
                says: "the start command is written for a shell, and App Runner runs it without one",
                holds: |s| {
                    fact(s.failed && s.phase == Phase::Start && needs_shell(s) && !s.has(Signal::Listening))
                },
            },
            Clue {
                percent: 60,
                says: "the main process finished by itself: it is a job, or went to the background",
                holds: |s| if s.exit_code() == Some(0) { lines(s, Signal::ContainerExited) } else { None },
            },
        ],
        against: &[
            Doubt {
                percent: REFUTES,
                says: "the image cannot run on linux/amd64",
                holds: |s| runs_on_amd64(s) == Some(false),
            },
            Doubt {
                percent: 15,
                says: "the interpreter started and misses a module or a variable",
                holds: |s| {
                    s.any(&[Signal::ModuleMissing, Signal::VariableMissing])
                        && !matches!(s.exit_code(), Some(126 | 127))
                },
            },
        ],
        fix: "Make the start command one executable with its arguments: App Runner uses no shell, so &&, cd, quotes and variables are passed \
              on as arguments. Put several steps into a script in the image (with a #! line, LF line ends and the execute bit), or write \
              sh -c \"…\". A start command left over from an earlier update stays until it is replaced.",
        docs: DOCS_IMAGE,
    },
    Entry {
        kind: CauseKind::AppModuleMissing,
        transient: false,
        means: "The program cannot load a module, package or library.",
        supports: &[Clue {
            percent: 88,
            says: "a module, package or library is missing",
            holds: |s| fatal_lines(s, Signal::ModuleMissing),
        }],
        against: &[],
        fix: "Add the dependency to the image or to the production dependencies. On the runtimes with the revised build (Python 3.11, Node.js 18 \
              and later) only /app survives the build: install in pre-run, or below /app.",
        docs: DOCS_DEVELOP,
    },
    Entry {
        kind: CauseKind::AppEnvMissing,
        transient: false,
        means: "The program misses an environment variable.",
        supports: &[
            Clue {
                percent: 86,
                says: "a required variable is not set",
                holds: |s| fatal_lines(s, Signal::VariableMissing),
            },
            Clue {
                percent: 78,
                says: "the program connects to the container itself, so the variable with the address is missing or wrong",
                holds: |s| connections(s, Target::Loopback),
            },
        ],
        against: &[
            Doubt {
                percent: 30,
                says: "a secret could not be fetched, which leaves its variable empty",
                holds: |s| s.any(&[Signal::SecretDenied, Signal::SecretMissing]),
            },
            Doubt {
                percent: 25,
                says: "a database answered and refused",
                holds: |s| s.has(Signal::DatabaseRefused),
            },
            Doubt { percent: 10, says: "a module is missing", holds: |s| s.has(Signal::ModuleMissing) },
        ],
        fix: "Set the variable in the service's configuration (or change the code if it was removed on purpose), then deploy again.",
        docs: "https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html",
    },
    Entry {
        kind: CauseKind::AppCrash,
        transient: false,
        means: "The program stops with an error of its own.",
        supports: &[
            Clue {
                percent: 74,
                says: "the program ended with an uncaught error",
                holds: |s| fatal_lines(s, Signal::Trace),
            },
            Clue {
                percent: 58,
                says: "the container stopped with an error",
                holds: |s| {
                    let wrote = s.application_lines > 0;
                    if exited(s) && wrote { platform_lines(s, Signal::ContainerExited) } else { None }
                },
            },
        ],
        against: &[
            Doubt { percent: 20, says: "a line explains the end more precisely", holds: explained },
            Doubt {
                percent: 60,
                says: "the errors belong to single requests",
                holds: |s| s.has(Signal::RequestTrace) && !exited(s),
            },
        ],
        fix: "Read the last trace of the application log: the innermost error names the cause. Reproduce it with docker run and the same \
              variables, fix it, and deploy again.",
        docs: DOCS_DEVELOP,
    },
    Entry {
        kind: CauseKind::OutOfMemory,
        transient: false,
        means: "The program or the build needs more memory than it has.",
        supports: &[
            Clue {
                percent: 93,
                says: "the program says that memory is exhausted",
                holds: |s| lines(s, Signal::MemoryExhausted),
            },
            Clue {
                percent: 91,
                says: "the build was killed",
                holds: |s| if s.phase == Phase::Build { build_lines(s, Signal::Killed) } else { None },
            },
            Clue {
                percent: 84,
                says: "the container was killed (137) without having been asked to stop",
                holds: |s| if killed_unasked(s) { lines(s, Signal::ContainerExited) } else { None },
            },
            Clue {
                percent: 78,
                says: "memory was used up to 95 % and more",
                holds: |s| {
                    fact(
                        (s.failed || s.at_run_time())
                            && s.evidence.metrics.highest("memoryutili").is_some_and(|m| m >= 95.0),
                    )
                },
            },
        ],
        against: &[Doubt {
            percent: 50,
            says: "App Runner itself stopped the container",
            holds: |s| s.any(&[Signal::Terminated]) && !s.has(Signal::MemoryExhausted),
        }],
        fix: "Give the instance more memory, or let the program use less: fewer workers, heap limits. For builds set \
              NODE_OPTIONS=--max-old-space-size, or build an image elsewhere.",
        docs: "https://docs.aws.amazon.com/apprunner/latest/dg/architecture.html",
    },
    Entry {
        kind: CauseKind::DiskFull,
        transient: false,
        means: "The 3 GB of ephemeral storage, which image and files share, are used up.",
        supports: &[
            Clue { percent: 94, says: "no space is left on the disk", holds: |s| lines(s, Signal::DiskFull) },
            Clue {
                percent: 78,
                says: "the image alone is about as large as the disk",
                holds: |s| {
                    fact(
                        s.failed
                            && s.silent()
                            && image(s).is_some_and(|i| i.size_mb.is_some_and(|mb| mb >= 2_800.0)),
                    )
                },
            },
        ],
        against: &[Doubt {
            percent: REFUTES,
            says: "it is the limit of file watchers, not the disk",
            holds: |s| {
                s.has(Signal::WatchersExhausted)
                    && s.count(Signal::DiskFull) <= s.count(Signal::WatchersExhausted)
            },
        }],
        fix: "Make the image smaller (slim base, no build tools or models in it), delete temporary files, and keep data outside, for example in S3.",
        docs: "https://docs.aws.amazon.com/apprunner/latest/dg/develop.html",
    },
];
