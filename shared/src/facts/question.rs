//! Which facts can still change a diagnosis, by a table of rules with the reason of each.
//!
//! A rule looks at the operation, the configuration, the logs and the first verdict; nothing is asked that the
//! configuration rules out. Where a trace of the application explains itself no rule holds.

use std::collections::BTreeMap;

use crate::{
    diagnosis::{Cause, CauseKind},
    evidence::{Evidence, LogGroup, LogStream, Occasion},
};

/// A question to AWS about something beside the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    /// Does the image exist, for which platforms, how large, which ports? (ECR)
    Image,
    /// Do the roles exist, trust App Runner, and since when? (IAM)
    Roles,
    /// Free addresses, zones and default routes of the connector's subnets, and the instances that share them. (EC2)
    Subnets,
    /// Is the connection to the source provider usable? (App Runner)
    Connection,
    /// Where does the custom domain stand? (App Runner)
    CustomDomain,
    /// Which VPC ingress connections does the service have? (App Runner)
    IngressConnections,
    /// How much memory, how many requests and errors around the operation? (CloudWatch)
    Metrics,
}

impl Question {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Image,
        Self::Roles,
        Self::Subnets,
        Self::Connection,
        Self::CustomDomain,
        Self::IngressConnections,
        Self::Metrics,
    ];

    /// The most calls that it takes, a connector's neighbours apart: the table of [`crate::facts`].
    pub fn calls(self) -> usize {
        match self {
            Self::Image | Self::IngressConnections => 4,
            Self::Roles => 2,
            Self::Subnets => 5,
            Self::Connection | Self::CustomDomain | Self::Metrics => 1,
        }
    }

    /// False where the configuration says that there is nothing to ask about.
    fn possible(self, case: &Case<'_>) -> bool {
        let Some(service) = case.evidence.service.as_ref() else { return true };
        match self {
            Self::Image => service.from_code != Some(true) && service.public_image != Some(true),
            Self::Roles => service.has_access_role != Some(false) || service.has_instance_role != Some(false),
            Self::Subnets => service.egress_vpc != Some(false),
            Self::Connection => service.from_code != Some(false),
            Self::CustomDomain | Self::IngressConnections | Self::Metrics => true,
        }
    }
}

/// What the rules look at.
struct Case<'e> {
    evidence: &'e Evidence,
    /// The kind that the first verdict puts first; `None` where it sees nothing wrong.
    first: Option<CauseKind>,
    /// The application wrote nothing.
    silent: bool,
}

impl Case<'_> {
    fn first_is(&self, kinds: &[CauseKind]) -> bool {
        self.first.is_some_and(|first| kinds.contains(&first))
    }

    fn ships(&self) -> bool {
        use Occasion::{CreateService, ResumeService, StartDeployment, Unsaid, UpdateService};
        matches!(
            self.evidence.operation,
            CreateService | UpdateService | StartDeployment | ResumeService | Unsaid
        )
    }

    fn is_code(&self) -> bool {
        self.evidence.service.as_ref().and_then(|service| service.from_code) == Some(true)
    }
}

/// Where it holds, these questions are worth their calls.
struct Rule {
    holds: fn(&Case<'_>) -> bool,
    asks: &'static [Question],
    because: &'static str,
}

use CauseKind as K;
use Question as Q;

const RULES: &[Rule] = &[
    Rule {
        holds: |case| case.first_is(&[K::ImagePullDenied, K::ImageNotFound, K::ImageArchitecture]),
        asks: &[Q::Image, Q::Roles],
        because: "one sentence of App Runner covers a missing image, a wrong platform and a role that is wrong or too young",
    },
    Rule {
        holds: |case| case.first_is(&[K::Unknown]) && case.ships(),
        asks: &[Q::Image, Q::Roles, Q::Subnets],
        because: "a deployment that failed without a word: image, roles and addresses are what fails silently",
    },
    Rule {
        holds: |case| case.first_is(&[K::Unknown]) && case.ships() && case.silent && case.is_code(),
        asks: &[Q::Connection],
        because: "a code service that failed before its build says little when its connection is gone",
    },
    Rule {
        holds: |case| case.first_is(&[K::ConnectionPending, K::SourceNotFound]),
        asks: &[Q::Connection],
        because: "a pending connection and a missing branch end in the same sentence",
    },
    Rule {
        holds: |case| {
            case.silent
                && case.first_is(&[
                    K::HealthCheckPort,
                    K::HealthCheckPath,
                    K::HealthCheckBindAddress,
                    K::HealthCheckSlowStart,
                    K::StartCommand,
                    K::TransientPlatform,
                    K::DiskFull,
                ])
        },
        asks: &[Q::Image, Q::Roles, Q::Subnets],
        because: "a container that wrote nothing may never have run: wrong platform, no role, no address",
    },
    Rule {
        holds: |case| case.first_is(&[K::HealthCheckPort]),
        asks: &[Q::Image],
        because: "the ports that the image exposes tell whether the configured one is wrong",
    },
    Rule {
        holds: |case| {
            case.first_is(&[K::InstanceRoleTrust, K::RolePropagation, K::InstanceRolePermission])
                && case.ships()
        },
        asks: &[Q::Roles],
        because: "a role that is not trusted and a role that is only seconds old are refused alike",
    },
    Rule {
        holds: |case| case.first_is(&[K::InstanceRoleTrust, K::RolePropagation]) && case.silent,
        asks: &[Q::Image],
        because: "where the role is right after all, the image is the next that fails silently",
    },
    Rule {
        holds: |case| {
            case.first_is(&[K::DownstreamUnreachable, K::VpcNoEgress, K::VpcPublicSubnet, K::IpExhaustion])
        },
        asks: &[Q::Subnets],
        because: "a time-out looks the same without a route, with a useless route and with a closed port",
    },
    Rule {
        holds: |case| case.evidence.operation == Occasion::DeleteService && case.first.is_some(),
        asks: &[Q::IngressConnections],
        because: "App Runner does not say that a VPC ingress connection keeps the service",
    },
    Rule {
        holds: |case| case.evidence.operation == Occasion::CustomDomain,
        asks: &[Q::CustomDomain],
        because: "the domain's status and its validation records are in no log",
    },
    Rule {
        holds: |case| {
            case.evidence.operation == Occasion::Runtime
                || case.first_is(&[K::OutOfMemory, K::ConcurrencyLimit, K::RequestTimeout, K::WafBlocked])
        },
        asks: &[Q::Metrics],
        because: "memory, concurrency and refused requests are measured, not logged",
    },
];

/// Questions, each with the reason of the first rule that asks it.
pub type Questions = BTreeMap<Question, &'static str>;

/// The questions whose answers can still change the verdict; empty where it explains itself.
pub fn worth_asking(evidence: &Evidence, causes: &[Cause]) -> Questions {
    let written = |stream: &LogStream| stream.group == LogGroup::Application && !stream.lines.is_empty();
    let case = Case {
        evidence,
        first: causes.first().map(|cause| cause.kind),
        silent: !evidence.logs.iter().any(written),
    };
    let mut questions = Questions::new();
    for rule in RULES.iter().filter(|rule| (rule.holds)(&case)) {
        for question in rule.asks.iter().filter(|question| question.possible(&case)) {
            questions.entry(*question).or_insert(rule.because);
        }
    }
    questions
}
