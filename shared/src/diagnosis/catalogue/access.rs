//! Roles, secrets, and who may do what.

use super::super::kind::CauseKind;
use super::super::signal::Signal;
use super::super::story::{Phase, Story};
use super::clue::{
    fact, failed_before_start, lines, platform_lines, refusals, service, untrusted, young,
    young_instance_role,
};
use super::{Clue, Doubt, Entry, REFUTES};

const DOCS_ROLES: &str = "https://docs.aws.amazon.com/apprunner/latest/dg/security_iam_service-with-iam.html";
const DOCS_SECRETS: &str = "https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html";

fn young_role(story: &Story<'_>) -> bool {
    young_instance_role(story) || young(story.evidence.roles.access.as_ref())
}

fn secrets_without_role(story: &Story<'_>) -> bool {
    let absent = story.evidence.roles.instance.as_ref().is_some_and(|role| role.exists == Some(false));
    service(story).is_some_and(|s| !s.secrets.is_empty() && (s.has_instance_role == Some(false) || absent))
}

/// Whether a secret is named by an ARN that lacks the six random characters at its end.
fn incomplete_secret_arn(story: &Story<'_>) -> bool {
    let secrets = service(story).map(|service| service.secrets.as_slice()).unwrap_or_default();
    secrets.iter().any(|(_, reference)| {
        let Some((_, name)) = reference.expose().split_once(":secret:") else { return false };
        let name = name.split(':').next().unwrap_or(name);
        let suffix = name.rsplit_once('-').map(|(_, suffix)| suffix);
        suffix.is_none_or(|suffix| suffix.len() != 6 || !suffix.bytes().all(|b| b.is_ascii_alphanumeric()))
    })
}

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        kind: CauseKind::InstanceRoleTrust,
        transient: false,
        means: "App Runner cannot assume the instance role.",
        supports: &[
            Clue {
                percent: 91,
                says: "assuming the instance role failed",
                holds: |s| platform_lines(s, Signal::RoleNotAssumed),
            },
            Clue {
                percent: 86,
                says: "the instance role does not trust tasks.apprunner.amazonaws.com",
                holds: |s| {
                    fact(
                        s.failed
                            && s.phase != Phase::Pull
                            && untrusted(s.evidence.roles.instance.as_ref())
                            && s.silent(),
                    )
                },
            },
            Clue {
                percent: 80,
                says: "secrets are configured, and the service has no instance role",
                holds: |s| fact(failed_before_start(s) && secrets_without_role(s)),
            },
        ],
        against: &[
            Doubt { percent: 60, says: "the role is right and only seconds old", holds: young_role },
            Doubt {
                percent: 60,
                says: "the image was not pulled, or the code not built",
                holds: |s| {
                    matches!(s.phase, Phase::Pull | Phase::Source | Phase::Build)
                        && !s.has(Signal::RoleNotAssumed)
                },
            },
        ],
        fix: "Set an instance role whose trust policy names tasks.apprunner.amazonaws.com (not ssm, ec2 or ecs-tasks), in the service's instance \
              configuration. Then deploy again.",
        docs: DOCS_ROLES,
    },
    Entry {
        kind: CauseKind::RolePropagation,
        transient: true,
        means: "A role was created so shortly before that App Runner could not see it yet.",
        supports: &[
            Clue {
                percent: 94,
                says: "assuming a role failed that was created or changed only just before",
                holds: |s| {
                    if young_role(s) {
                        platform_lines(s, Signal::RoleNotAssumed).or(platform_lines(s, Signal::PullDenied))
                    } else {
                        None
                    }
                },
            },
            Clue {
                percent: 85,
                says: "the deployment failed before the first container, and a role was created or changed only just before",
                holds: |s| fact(failed_before_start(s) && young_role(s)),
            },
        ],
        against: &[Doubt {
            percent: REFUTES,
            says: "the role itself is wrong",
            holds: |s| untrusted(s.evidence.roles.instance.as_ref()) && !s.has(Signal::PullDenied),
        }],
        fix: "Try again in a minute or two without changes.",
        docs: DOCS_ROLES,
    },
    Entry {
        kind: CauseKind::InstanceRolePermission,
        transient: false,
        means: "The program's own calls to AWS are refused.",
        supports: &[
            Clue {
                percent: 88,
                says: "an AWS call of the program was denied",
                holds: |s| refusals(s, Signal::AccessDenied),
            },
            Clue {
                percent: 88,
                says: "the program found no AWS credentials",
                holds: |s| refusals(s, Signal::NoCredentials),
            },
        ],
        against: &[],
        fix: "Grant the denied action to the instance role (not to the access role, which only pulls images); if the service has no instance role, \
              set one. Then deploy again if the role changed.",
        docs: DOCS_ROLES,
    },
    Entry {
        kind: CauseKind::IamPermissionDenied,
        transient: false,
        means: "Whoever called App Runner may not do that.",
        supports: &[Clue {
            percent: 92,
            says: "the call to App Runner was denied",
            holds: |s| platform_lines(s, Signal::CallerDenied),
        }],
        against: &[],
        fix: "Grant the named action to the person, pipeline or stack that calls App Runner: apprunner:…, iam:PassRole on the service's roles, or \
              iam:CreateServiceLinkedRole for the first VPC connector.",
        docs: "https://docs.aws.amazon.com/apprunner/latest/dg/security-iam.html",
    },
    Entry {
        kind: CauseKind::SecretAccessDenied,
        transient: false,
        means: "The instance role may not read a secret or its key.",
        supports: &[Clue {
            percent: 92,
            says: "reading a secret was denied",
            holds: |s| lines(s, Signal::SecretDenied),
        }],
        against: &[],
        fix: "Grant the instance role secretsmanager:GetSecretValue (or ssm:GetParameters) on exactly this secret, and kms:Decrypt on its key. \
              A secret of another account needs a policy there. Then deploy again.",
        docs: DOCS_SECRETS,
    },
    Entry {
        kind: CauseKind::SecretNotFound,
        transient: false,
        means: "A secret, its version, or a key in it does not exist.",
        supports: &[
            Clue { percent: 92, says: "a secret was not found", holds: |s| lines(s, Signal::SecretMissing) },
            Clue {
                percent: 70,
                says: "a secret's ARN lacks the six random characters at its end, and the deployment failed before the first container",
                holds: |s| fact(failed_before_start(s) && incomplete_secret_arn(s)),
            },
        ],
        against: &[Doubt {
            percent: 40,
            says: "the secret is there, access is denied",
            holds: |s| s.has(Signal::SecretDenied),
        }],
        fix: "Use the complete ARN of an existing secret (with its six random characters) in the right Region, with an existing version and JSON key. \
              Secrets are read at deployment only, so deploy again.",
        docs: DOCS_SECRETS,
    },
];
