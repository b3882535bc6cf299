//! App Runner itself: faults, refusals for a state, quotas.

use super::super::kind::CauseKind;
use super::super::signal::Signal;
use super::super::story::Story;
use super::clue::{egress_vpc, fact, failed_before_start, platform_lines, runs_on_amd64, untrusted, young};
use super::{Clue, Doubt, Entry, REFUTES};

const DOCS_QUOTAS: &str =
    "https://docs.aws.amazon.com/apprunner/latest/dg/architecture.html#architecture.quotas";
const DOCS_FAILED: &str = "https://docs.aws.amazon.com/apprunner/latest/dg/manage-create.html";

/// Whether everything that could explain a silent failure was looked at and is right.
fn all_else_right(story: &Story<'_>) -> bool {
    let roles = &story.evidence.roles;
    let instance = roles.instance.as_ref();
    let looked = story.evidence.image.is_some() || instance.is_some() || roles.access.is_some();
    let role_fine = !untrusted(instance) && !young(instance) && !young(roles.access.as_ref());
    looked && runs_on_amd64(story) != Some(false) && role_fine
}

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        kind: CauseKind::TransientPlatform,
        transient: true,
        means: "App Runner failed by itself.",
        supports: &[
            Clue {
                percent: 74,
                says: "the image was there, nothing was started, the program wrote nothing, and image and roles are right",
                holds: |s| fact(failed_before_start(s) && s.has_events && all_else_right(s)),
            },
            Clue {
                percent: 60,
                says: "the image was there, the program wrote nothing, and image and roles are right",
                holds: |s| {
                    let no_stream = s.evidence.application_streams == Some(0);
                    fact(
                        failed_before_start(s)
                            && no_stream
                            && s.evidence.image.is_some()
                            && all_else_right(s),
                    )
                },
            },
            Clue {
                percent: 76,
                says: "App Runner reports an error of its own",
                holds: |s| platform_lines(s, Signal::PlatformError),
            },
        ],
        against: &[
            Doubt {
                percent: REFUTES,
                says: "the container ran and stopped",
                holds: |s| s.exit_code().is_some(),
            },
            Doubt {
                percent: REFUTES,
                says: "the log names another reason",
                holds: |s| {
                    s.any(&[
                        Signal::RoleNotAssumed,
                        Signal::SecretDenied,
                        Signal::SecretMissing,
                        Signal::AddressesExhausted,
                        Signal::ZoneUnsupported,
                        Signal::VcpuQuota,
                        Signal::ServiceQuota,
                        Signal::OtherQuota,
                        Signal::DiskFull,
                    ])
                },
            },
            Doubt {
                percent: 20,
                says: "a VPC connector is in use, whose state nobody checked",
                holds: |s| egress_vpc(s) == Some(true) && s.evidence.subnets.is_none(),
            },
        ],
        fix: "Deploy again without changes (for a service that was never created: update it with nothing changed). If it persists, try without VPC \
              connector or in another Region, and open a case with AWS Support.",
        docs: DOCS_FAILED,
    },
    Entry {
        kind: CauseKind::OperationConflict,
        transient: true,
        means: "The service was busy with another operation or maintenance.",
        supports: &[Clue {
            percent: 90,
            says: "the call was refused for the service's state",
            holds: |s| platform_lines(s, Signal::StateConflict),
        }],
        against: &[
            Doubt {
                percent: REFUTES,
                says: "waiting does not help: the service is paused, failed or deleted",
                holds: stuck_state,
            },
            Doubt {
                percent: 60,
                says: "a VPC ingress connection blocks the deletion",
                holds: |s| s.has(Signal::IngressBlocks),
            },
        ],
        fix: "Wait for the running operation or the maintenance to end (minutes), then do it again.",
        docs: DOCS_FAILED,
    },
    Entry {
        kind: CauseKind::OperationConflict,
        transient: false,
        means: "The service is in a state that does not pass by waiting: paused, failed or deleted.",
        supports: &[Clue {
            percent: 90,
            says: "the call was refused for a state of the service that does not pass by waiting",
            holds: |s| {
                if stuck_state(s) {
                    platform_lines(s, Signal::StateConflict).or(platform_lines(s, Signal::StatusForbids))
                } else {
                    None
                }
            },
        }],
        against: &[Doubt {
            percent: 60,
            says: "a VPC ingress connection blocks the deletion",
            holds: |s| s.has(Signal::IngressBlocks),
        }],
        fix: "Look at the service's status. PAUSED: resume it first. CREATE_FAILED: rebuild or delete it. Then do it again.",
        docs: DOCS_FAILED,
    },
    Entry {
        kind: CauseKind::QuotaServices,
        transient: false,
        means: "The Region's quota of App Runner services is used up.",
        supports: &[Clue {
            percent: 92,
            says: "the quota of services is exceeded",
            holds: |s| platform_lines(s, Signal::ServiceQuota),
        }],
        against: &[],
        fix: "Delete services that are not needed (failed ones count) or raise the quota in Service Quotas.",
        docs: DOCS_QUOTAS,
    },
    Entry {
        kind: CauseKind::QuotaOther,
        transient: false,
        means: "Another quota of App Runner is used up.",
        supports: &[Clue {
            percent: 88,
            says: "a quota is exceeded",
            holds: |s| platform_lines(s, Signal::OtherQuota),
        }],
        against: &[Doubt {
            percent: REFUTES,
            says: "it is the quota of services or of vCPUs",
            holds: |s| s.any(&[Signal::ServiceQuota, Signal::VcpuQuota]),
        }],
        fix: "Delete what is not needed of the named resource or raise its quota in Service Quotas.",
        docs: DOCS_QUOTAS,
    },
    Entry {
        kind: CauseKind::QuotaFargateVcpu,
        transient: false,
        means: "The account's quota of Fargate On-Demand vCPUs is used up.",
        supports: &[Clue {
            percent: 93,
            says: "the quota of vCPUs is exceeded",
            holds: |s| platform_lines(s, Signal::VcpuQuota),
        }],
        against: &[],
        fix: "Raise the quota 'Fargate On-Demand vCPU resource count', or use smaller instances or a smaller maximum size.",
        docs: DOCS_QUOTAS,
    },
    Entry {
        kind: CauseKind::VariableReserved,
        transient: false,
        means: "The configuration sets a variable whose name App Runner reserves.",
        supports: &[Clue {
            percent: 90,
            says: "a variable's name is reserved",
            holds: |s| platform_lines(s, Signal::VariableReserved),
        }],
        against: &[],
        fix: "Remove the variable (PORT is set by App Runner from the configured port) and deploy again.",
        docs: "https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html",
    },
];

/// Whether the service is in a state that only somebody's action ends.
fn stuck_state(story: &Story<'_>) -> bool {
    let status = story.evidence.service.as_ref().and_then(|service| service.status.as_deref());
    let stuck = status
        .is_some_and(|status| matches!(status, "PAUSED" | "CREATE_FAILED" | "DELETE_FAILED" | "DELETED"));
    stuck || story.has(Signal::StatusForbids)
}
