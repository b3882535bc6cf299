//! The third round of gathering: facts that are in no log, asked only where they can change the diagnosis.
//!
//! [`worth_asking`] is pure: from the evidence so far and its first verdict to [`Question`]s with their reasons. [`ask`]
//! puts them to AWS, all at the same time, within the time that it is given.
//!
//! | question | calls | at most |
//! |---|---|---|
//! | [`Question::Image`] | `ecr:BatchGetImage`, again for the linux/amd64 entry of an index, `ecr:GetDownloadUrlForLayer` and one GET of the image's configuration | 4 |
//! | [`Question::Roles`] | `iam:GetRole` of the access role and of the instance role | 2 |
//! | [`Question::Subnets`] | `apprunner:DescribeVpcConnector`, `ec2:DescribeSubnets`, `ec2:DescribeRouteTables` and again for the VPC's main table, `apprunner:DescribeAutoScalingConfiguration` | 5 |
//! | its neighbours, see below | `apprunner:ListServices` for S services, `apprunner:DescribeService`, `apprunner:DescribeAutoScalingConfiguration` | ⌈S/20⌉ + 10 + 5 |
//! | [`Question::Connection`] | `apprunner:ListConnections` | 1 |
//! | [`Question::CustomDomain`] | `apprunner:DescribeCustomDomains` | 1 |
//! | [`Question::IngressConnections`] | `apprunner:ListVpcIngressConnections`, `apprunner:DescribeVpcIngressConnection` | 1 + 3 |
//! | [`Question::Metrics`] | `cloudwatch:GetMetricData` | 1 |
//!
//! Every list is one page, but for `ListServices`. One failure asks [`CALLS`] calls at most, and 15 + ⌈S/20⌉ more
//! where a connector's addresses run short: only then does it matter how many instances its other services may
//! start. [`question`] has the rules; the example `evidence_calls` counts what they cost.

mod inquiry;
pub mod question;
mod trust;

use std::time::Duration;

use crate::{
    error::PortError,
    evidence::{CustomDomain, Evidence, Image, IngressConnection, Metrics, Roles, Subnet},
    gather::Unread,
    ports::{AppRunnerRead, FactsRead},
};

pub use inquiry::About;
use inquiry::Inquiry;
pub use question::{Question, Questions, worth_asking};
pub use trust::trusts;

/// The budget: image, roles, subnets and one short question. No failure asks more.
pub const CALLS: usize = 12;

/// What AWS answered.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The image.
    pub image: Option<Image>,
    /// The roles.
    pub roles: Roles,
    /// The connector's subnets.
    pub subnets: Option<Vec<Subnet>>,
    /// Sum of the maximum sizes of the services on the connector; the least that it can be.
    pub max_size_sum: Option<u64>,
    /// Status of the connection to the source provider.
    pub connection_status: Option<String>,
    /// The custom domain that is not active, or the first.
    pub custom_domain: Option<CustomDomain>,
    /// VPC ingress connections.
    pub ingress_connections: Option<Vec<IngressConnection>>,
    /// Metrics.
    pub metrics: Metrics,
}

impl Facts {
    /// Adds them to what is known.
    pub fn add_to(&self, evidence: &mut Evidence) {
        let facts = self.clone();
        evidence.image = evidence.image.take().or(facts.image);
        evidence.roles.access = evidence.roles.access.take().or(facts.roles.access);
        evidence.roles.instance = evidence.roles.instance.take().or(facts.roles.instance);
        evidence.subnets = evidence.subnets.take().or(facts.subnets);
        evidence.max_size_sum = evidence.max_size_sum.or(facts.max_size_sum);
        evidence.connection_status = evidence.connection_status.take().or(facts.connection_status);
        evidence.custom_domain = evidence.custom_domain.take().or(facts.custom_domain);
        evidence.ingress_connections = evidence.ingress_connections.take().or(facts.ingress_connections);
        evidence.metrics.0.extend(facts.metrics.0);
    }
}

/// Puts questions to AWS, all at the same time. What is not answered in time is said to be unread.
pub async fn ask(
    questions: &Questions,
    about: &About<'_>,
    apprunner: &impl AppRunnerRead,
    facts: &impl FactsRead,
    budget: Duration,
) -> (Facts, Vec<Unread>) {
    let inquiry = Inquiry { questions, about, apprunner, facts, budget };
    let (image, roles, (subnets, max_size_sum), others) =
        tokio::join!(inquiry.image(), inquiry.roles(), inquiry.subnets(), async {
            tokio::join!(inquiry.connection(), inquiry.domain(), inquiry.ingress(), inquiry.metrics())
        },);
    let (connection, domain, ingress, metrics) = others;
    let mut unread = Vec::new();
    let facts = Facts {
        image: told(&mut unread, "the image in ECR", image),
        roles: Roles {
            access: told(&mut unread, "the access role", roles.0),
            instance: told(&mut unread, "the instance role", roles.1),
        },
        subnets: told(&mut unread, "the connector's subnets", subnets),
        max_size_sum: told(&mut unread, "the sizes of the services on the connector", max_size_sum),
        connection_status: told(&mut unread, "the connection to the source provider", connection),
        custom_domain: told(&mut unread, "the custom domains", domain).flatten(),
        ingress_connections: told(&mut unread, "the VPC ingress connections", ingress),
        metrics: told(&mut unread, "the metrics", metrics).unwrap_or_default(),
    };
    (facts, unread)
}

/// An answer, nothing where nothing was asked, or a note that it could not be read.
type Told<T> = Option<Result<T, PortError>>;

fn told<T>(unread: &mut Vec<Unread>, what: &str, answer: Told<T>) -> Option<T> {
    match answer? {
        Ok(fact) => Some(fact),
        Err(error) => {
            unread.push(Unread { what: what.to_owned(), why: error.in_short() });
            None
        }
    }
}
