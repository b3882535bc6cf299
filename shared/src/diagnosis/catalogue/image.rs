//! The image: may it be pulled, is it there, can it run.

use super::super::kind::CauseKind;
use super::super::signal::Signal;
use super::super::story::{Phase, Story};
use super::clue::{fact, image, lines, platform_lines, runs_on_amd64, service, untrusted, young};
use super::{Clue, Doubt, Entry, REFUTES};

/// Whether something about pulling failed, in whatever words.
fn pull_failed(story: &Story<'_>) -> bool {
    story.phase <= Phase::Pull && story.failed && service(story).is_none_or(|s| s.from_code != Some(true))
}

fn private_without_role(story: &Story<'_>) -> bool {
    let absent = story.evidence.roles.access.as_ref().is_some_and(|role| role.exists == Some(false));
    service(story).is_some_and(|s| {
        let no_role = s.has_access_role == Some(false) || absent;
        no_role && s.from_code == Some(false) && s.public_image == Some(false)
    })
}

const PULLED: Doubt = Doubt {
    percent: REFUTES,
    says: "the image was pulled, or containers were started, in the same operation (a complaint about the pull after that is an echo of the rollback)",
    holds: |s| s.pulled(),
};

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        kind: CauseKind::ImagePullDenied,
        transient: false,
        means: "App Runner may not pull the image from ECR.",
        supports: &[
            Clue {
                percent: 93,
                says: "the pull was refused for the access role or its rights",
                holds: |s| platform_lines(s, Signal::PullDenied),
            },
            Clue {
                percent: 88,
                says: "the access role does not trust build.apprunner.amazonaws.com",
                holds: |s| fact(pull_failed(s) && untrusted(s.evidence.roles.access.as_ref())),
            },
            Clue {
                percent: 85,
                says: "the image is in a private repository and the service has no access role",
                holds: |s| fact(pull_failed(s) && private_without_role(s)),
            },
        ],
        against: &[
            PULLED,
            Doubt {
                percent: 60,
                says: "the access role is right and only seconds old",
                holds: |s| young(s.evidence.roles.access.as_ref()),
            },
            Doubt {
                percent: 40,
                says: "the image does not exist, or cannot run on linux/amd64, and no line speaks of the role",
                holds: |s| {
                    let bad =
                        image(s).is_some_and(|i| i.exists == Some(false)) || runs_on_amd64(s) == Some(false);
                    bad && !s.has(Signal::PullDenied)
                },
            },
        ],
        fix: "Give the service an access role that trusts build.apprunner.amazonaws.com and has the policy \
              AWSAppRunnerServicePolicyForECRAccess (ecr:GetAuthorizationToken needs the resource *). For an image of another \
              account add that repository's policy, too. Then deploy again.",
        docs: "https://docs.aws.amazon.com/apprunner/latest/dg/security_iam_service-with-iam.html",
    },
    Entry {
        kind: CauseKind::ImageNotFound,
        transient: false,
        means: "The tag or digest is not in the repository.",
        supports: &[
            Clue {
                percent: 94,
                says: "the registry does not have the image",
                holds: |s| platform_lines(s, Signal::PullMissing),
            },
            Clue {
                percent: 90,
                says: "ECR has no image with this tag or digest",
                holds: |s| fact(pull_failed(s) && image(s).is_some_and(|i| i.exists == Some(false))),
            },
        ],
        against: &[PULLED],
        fix: "Push the image (built for linux/amd64) under exactly this identifier, or correct the identifier, then deploy. \
              If it was there before, a lifecycle rule of the repository may have removed it.",
        docs: "https://docs.aws.amazon.com/apprunner/latest/dg/service-source-image.html",
    },
    Entry {
        kind: CauseKind::ImageArchitecture,
        transient: false,
        means: "The image is not built for linux/amd64, the only platform that App Runner runs.",
        supports: &[
            Clue {
                percent: 92,
                says: "the image's manifest has no linux/amd64",
                holds: |s| {
                    fact(
                        s.failed
                            && service(s).is_none_or(|v| v.from_code != Some(true))
                            && runs_on_amd64(s) == Some(false),
                    )
                },
            },
            Clue {
                percent: 86,
                says: "the container's first program cannot be executed",
                holds: |s| lines(s, Signal::FormatError),
            },
        ],
        against: &[
            Doubt {
                percent: REFUTES,
                says: "the image has linux/amd64",
                holds: |s| runs_on_amd64(s) == Some(true),
            },
            Doubt {
                percent: 60,
                says: "the application ran: it printed a trace or the address it listens on",
                holds: |s| {
                    s.any(&[Signal::Trace, Signal::Listening, Signal::Ready]) && !s.has(Signal::FormatError)
                },
            },
            Doubt {
                percent: 60,
                says: "the registry says that the image is missing or the role is wrong",
                holds: |s| s.any(&[Signal::PullDenied, Signal::PullMissing]) && !s.pulled(),
            },
        ],
        fix: "Build for the right platform and push again: docker build --platform linux/amd64 --provenance=false. Then deploy.",
        docs: "https://docs.aws.amazon.com/apprunner/latest/dg/service-source-image.html",
    },
];
