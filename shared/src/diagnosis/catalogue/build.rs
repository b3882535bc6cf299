//! Code services: connection, source, configuration file, runtime, build.

use super::super::hit::Detail;
use super::super::kind::CauseKind;
use super::super::signal::Signal;
use super::super::story::{Phase, Story};
use super::clue::{build_lines, fact, fatal_lines, lines, platform_lines, service};
use super::{Clue, Doubt, Entry, REFUTES};

const DOCS_CODE: &str = "https://docs.aws.amazon.com/apprunner/latest/dg/service-source-code.html";
const DOCS_RUNTIMES: &str = "https://docs.aws.amazon.com/apprunner/latest/dg/service-source-code.html";

fn connection_broken(story: &Story<'_>) -> bool {
    let status = story.evidence.connection_status.as_deref().map(str::to_uppercase);
    status.is_some_and(|status| !matches!(status.as_str(), "AVAILABLE" | ""))
}

fn source_failed(story: &Story<'_>) -> bool {
    story.phase == Phase::Source && story.failed
}

/// Whether the last word about packages is that the registry could not be reached.
fn network_last(story: &Story<'_>) -> bool {
    let network = story.last(Signal::RegistryUnreachable).map(|hit| hit.at);
    let missing = story.all(Signal::DependencyMissing).map(|hit| hit.at).min();
    let nothing_seen = story.all(Signal::DependencyMissing).any(|hit| hit.lower().contains("versions: none"));
    match (network, missing) {
        (Some(network), Some(missing)) => {
            network >= missing || story.count(Signal::RegistryUnreachable) >= 2 || nothing_seen
        }
        (network, _) => network.is_some(),
    }
}

fn build_failed(story: &Story<'_>) -> bool {
    story.phase == Phase::Build && (story.failed || story.has(Signal::BuildExited))
}

const BUILT: Doubt =
    Doubt { percent: REFUTES, says: "the build succeeded", holds: |s| s.phase >= Phase::Deploy };

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        kind: CauseKind::ConnectionPending,
        transient: false,
        means: "The connection to the source provider is not usable.",
        supports: &[
            Clue {
                percent: 92,
                says: "the connection's status is not AVAILABLE",
                holds: |s| fact(connection_broken(s) && !s.completed),
            },
            Clue {
                percent: 88,
                says: "the connection is refused as not usable",
                holds: |s| platform_lines(s, Signal::ConnectionBroken),
            },
        ],
        against: &[
            Doubt {
                percent: REFUTES,
                says: "the source was pulled in the same operation",
                holds: |s| s.has(Signal::SourcePulled) || s.phase > Phase::Source,
            },
            Doubt {
                percent: 60,
                says: "the connection is AVAILABLE",
                holds: |s| s.evidence.connection_status.is_some() && !connection_broken(s),
            },
        ],
        fix: "Finish the connection's handshake in the App Runner console (only a person can do that). If it was deleted, create a \
              new one and set its ARN in the service. Then deploy again.",
        docs: "https://docs.aws.amazon.com/apprunner/latest/dg/manage-connections.html",
    },
    Entry {
        kind: CauseKind::SourceNotFound,
        transient: false,
        means: "The repository, branch or source directory does not exist or may not be read.",
        supports: &[
            Clue {
                percent: 90,
                says: "repository, branch or directory was not found",
                holds: |s| lines(s, Signal::SourceMissing),
            },
            Clue {
                percent: 74,
                says: "pulling the source failed although the connection is AVAILABLE",
                holds: |s| {
                    let available = s.evidence.connection_status.is_some() && !connection_broken(s);
                    fact(source_failed(s) && available)
                },
            },
            Clue {
                percent: 62,
                says: "the step that pulls the source is the one that failed",
                holds: |s| {
                    if source_failed(s) {
                        lines(s, Signal::SourceFailed).or(lines(s, Signal::SourcePullStarted))
                    } else {
                        None
                    }
                },
            },
        ],
        against: &[
            Doubt {
                percent: REFUTES,
                says: "the source was built or an image was pulled",
                holds: |s| s.phase >= Phase::Deploy,
            },
            Doubt { percent: REFUTES, says: "the connection is not usable", holds: connection_broken },
            Doubt {
                percent: 60,
                says: "the source was pulled",
                holds: |s| {
                    s.has(Signal::SourcePulled)
                        && !s.all(Signal::SourceMissing).any(|h| h.lower().contains("source directory"))
                },
            },
        ],
        fix: "Correct the repository's URL, the branch or the source directory, and make sure that the connection's app may read this \
              repository. Then deploy again.",
        docs: DOCS_CODE,
    },
    Entry {
        kind: CauseKind::ConfigFile,
        transient: false,
        means: "apprunner.yaml is missing or invalid.",
        supports: &[
            Clue {
                percent: 93,
                says: "the configuration file is missing or invalid",
                holds: |s| platform_lines(s, Signal::ConfigBroken),
            },
            Clue {
                percent: 78,
                says: "the configuration file was read and never found valid",
                holds: |s| {
                    let stopped = s.failed
                        && !s.any(&[Signal::ConfigValid, Signal::BuildStarted, Signal::RuntimeUnsupported]);
                    if stopped { lines(s, Signal::ConfigReading) } else { None }
                },
            },
        ],
        against: &[
            BUILT,
            Doubt {
                percent: REFUTES,
                says: "the configuration file was found valid",
                holds: |s| s.has(Signal::ConfigValid),
            },
        ],
        fix: "Put a valid apprunner.yaml into the source directory (check its indentation and keys), or switch the configuration source \
              to API. Then deploy again.",
        docs: "https://docs.aws.amazon.com/apprunner/latest/dg/config-file.html",
    },
    Entry {
        kind: CauseKind::RuntimeVersionUnsupported,
        transient: false,
        means: "App Runner does not support the runtime or its version.",
        supports: &[Clue {
            percent: 94,
            says: "the runtime or its version is refused",
            holds: |s| lines(s, Signal::RuntimeUnsupported),
        }],
        against: &[BUILT],
        fix: "Set a runtime and runtime-version of the release information in the guide (old ones cannot be used for new services), or \
              deploy an image. Then deploy again.",
        docs: DOCS_RUNTIMES,
    },
    Entry {
        kind: CauseKind::RuntimeVersionConflict,
        transient: false,
        means: "The code needs another version of its language than the runtime has.",
        supports: &[
            Clue {
                percent: 90,
                says: "the build needs another version of the language",
                holds: |s| if build_failed(s) { build_lines(s, Signal::VersionConflict) } else { None },
            },
            Clue {
                percent: 87,
                says: "the program needs another version of the language",
                holds: |s| fatal_lines(s, Signal::VersionConflict),
            },
        ],
        against: &[],
        fix: "Align the runtime version with what the project asks for (engines in package.json, requires-python, go.mod, the Gemfile), \
              or change the project. Then deploy again.",
        docs: DOCS_RUNTIMES,
    },
    Entry {
        kind: CauseKind::BuildDependency,
        transient: false,
        means: "A dependency cannot be resolved, found or compiled.",
        supports: &[Clue {
            percent: 87,
            says: "the package manager cannot find, resolve or compile a dependency",
            holds: |s| if build_failed(s) { build_lines(s, Signal::DependencyMissing) } else { None },
        }],
        against: &[
            BUILT,
            Doubt {
                percent: 40,
                says: "the registry could not be reached",
                holds: |s| s.has(Signal::RegistryUnreachable) && network_last(s),
            },
            Doubt {
                percent: 10,
                says: "the compiler ran out of memory or disk",
                holds: |s| s.any(&[Signal::Killed, Signal::MemoryExhausted, Signal::DiskFull]),
            },
        ],
        fix: "Pin a version that exists for this runtime, take a binary package or install the system packages it needs in pre-build, \
              commit the lock file, and give private registries their credentials. Then deploy again.",
        docs: DOCS_CODE,
    },
    Entry {
        kind: CauseKind::BuildNetwork,
        transient: true,
        means: "A package registry could not be reached during the build.",
        supports: &[Clue {
            percent: 85,
            says: "the package registry timed out, refused or failed",
            holds: |s| if build_failed(s) { build_lines(s, Signal::RegistryUnreachable) } else { None },
        }],
        against: &[
            BUILT,
            Doubt {
                percent: 45,
                says: "only a retry; the registry answered afterwards",
                holds: |s| s.has(Signal::DependencyMissing) && !network_last(s),
            },
            Doubt {
                percent: 45,
                says: "the program needs another version of the language",
                holds: |s| s.has(Signal::VersionConflict),
            },
        ],
        fix: "Build again. If it happens often, mirror or cache the dependencies, or build an image elsewhere.",
        docs: DOCS_CODE,
    },
    Entry {
        kind: CauseKind::BuildCommand,
        transient: false,
        means: "The build command fails.",
        supports: &[
            Clue {
                percent: 80,
                says: "a program of the build failed",
                holds: |s| if build_failed(s) { build_lines(s, Signal::BuildToolMissing) } else { None },
            },
            Clue {
                percent: 72,
                says: "the build command did not succeed",
                holds: |s| {
                    let code =
                        |hit: &super::super::hit::Hit| matches!(hit.detail, Detail::Code(code) if code != 0);
                    let exited = s.all(Signal::BuildExited).any(code);
                    if !build_failed(s) {
                        None
                    } else if exited {
                        build_lines(s, Signal::BuildExited)
                    } else {
                        platform_lines(s, Signal::BuildFailed)
                    }
                },
            },
        ],
        against: &[
            BUILT,
            Doubt {
                percent: REFUTES,
                says: "the build did not start: the configuration file or the runtime was refused",
                holds: |s| s.any(&[Signal::ConfigBroken, Signal::RuntimeUnsupported]),
            },
            Doubt {
                percent: REFUTES,
                says: "the service is built from an image",
                holds: |s| service(s).is_some_and(|v| v.from_code == Some(false)),
            },
        ],
        fix: "Append ' 2>&1' to the build command to see its error. Run it in the source directory with the runtime's own names \
              (pip3, python3), install the tools it needs, and put values it needs into the build section: the service's variables exist \
              at run time only. Then deploy again.",
        docs: DOCS_CODE,
    },
];
