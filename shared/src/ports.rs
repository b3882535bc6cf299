//! What a function asks of the world, a capability each, in the domain's own types.
//!
//! Reading and changing are apart. Tests answer these traits from memory; `autopilot-aws` answers them from AWS.
//! Futures need not be `Send`: a Lambda process handles one invocation at a time on one thread.

mod balancing;
mod dns;
mod leftovers;

use std::{collections::HashMap, future::Future};

use jiff::Timestamp;

use crate::{
    analysis::{Alarm, MetricQuery, Series},
    announcement::Announcement,
    configuration::{Configuration, ImageIdentifier},
    error::PortError,
    evidence::{CustomDomain, Image, IngressConnection, Metrics, Service, Subnet},
    mutation::{Permit, Receipt},
    redact::{PublicText, Untrusted},
    service::{Operation, ServiceArn, ServiceStatus, ServiceSummary},
};
pub use leftovers::{EndpointRead, EndpointWrite, IngressWrite, LeftoverRead, TrafficRead};

pub use balancing::{BalancingRead, CertificateRead, ExpressRead};
pub use dns::{DnsRead, DnsWrite, ZoneRead};

/// A service as `DescribeService` shows it.
#[derive(Clone, Debug)]
pub struct Described {
    /// Present status.
    pub status: ServiceStatus,
    /// Host name of the default domain.
    pub url: Option<String>,
    /// Configuration, as far as a diagnosis asks about it.
    pub configuration: Service,
    /// Checksum of the complete configuration.
    pub checksum: u32,
    /// Other resources that it names.
    pub refers_to: References,
}

/// ARNs that a service's configuration names, where it names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// Role that pulls the image.
    pub access_role: Option<String>,
    /// Role of the application.
    pub instance_role: Option<String>,
    /// Connector of outgoing traffic.
    pub vpc_connector: Option<String>,
    /// Connection to the source provider.
    pub connection: Option<String>,
    /// Auto scaling configuration, with its revision.
    pub auto_scaling: Option<String>,
}

/// Reading App Runner.
pub trait AppRunnerRead {
    /// Every service of the Region, all pages.
    fn services(&self) -> impl Future<Output = Result<Vec<ServiceSummary>, PortError>>;
    /// One service, whole.
    fn describe(&self, service: &ServiceArn) -> impl Future<Output = Result<Described, PortError>>;
    /// Operations, newest first, back to `since` or the first page at least.
    fn operations(
        &self,
        service: &ServiceArn,
        since: Option<Timestamp>,
    ) -> impl Future<Output = Result<Vec<Operation>, PortError>>;
    /// Tags of a service.
    fn tags(&self, service: &ServiceArn) -> impl Future<Output = Result<HashMap<String, String>, PortError>>;
}

/// A service's complete configuration, and when it was read so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configured {
    /// Present status.
    pub status: ServiceStatus,
    /// The configuration.
    pub configuration: Configuration,
    /// When the service was last changed.
    pub updated_at: Option<Timestamp>,
}

/// Reading a service's complete configuration, secrets included: for functions that store or restore it.
pub trait ConfigurationRead {
    /// One `DescribeService`.
    fn configuration(&self, service: &ServiceArn) -> impl Future<Output = Result<Configured, PortError>>;
}

/// Changing services. No call is repeated by the SDK: what became of one without an answer is settled by reading.
pub trait ServiceWrite {
    /// Updates a service to a whole configuration, saying explicitly what an update might else leave as it is;
    /// with `None` to nothing new, which rebuilds it.
    fn update(
        &self,
        permit: &Permit,
        service: &ServiceArn,
        configuration: Option<&Configuration>,
    ) -> impl Future<Output = Result<Receipt, PortError>>;
    /// Deletes a service.
    fn delete(
        &self,
        permit: &Permit,
        service: &ServiceArn,
    ) -> impl Future<Output = Result<Receipt, PortError>>;
    /// Deletes a VPC ingress connection, given by its ARN. There is no operation that could be followed.
    fn delete_ingress_connection(
        &self,
        permit: &Permit,
        connection: &str,
    ) -> impl Future<Output = Result<Receipt, PortError>>;
}

/// An image as ECR has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedImage {
    /// Its digest, with the algorithm.
    pub digest: String,
    /// When it was pushed. Pushing the same image again does not change it.
    pub pushed_at: Option<Timestamp>,
}

/// What images' tags mean.
pub trait ImageDigests {
    /// The image that a tag means now, or that a digest names; `None` where there is none. That it may not be
    /// read, or lies in ECR Public, is an error.
    fn resolve(
        &self,
        image: &ImageIdentifier,
    ) -> impl Future<Output = Result<Option<PushedImage>, PortError>>;
}

/// A log stream and when it was last written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamInfo {
    /// Name within its group.
    pub name: String,
    /// Time of its newest event, where told. It may lag by an hour.
    pub last_event_at: Option<Timestamp>,
}

/// A stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// From this instant on.
    pub start: Timestamp,
    /// Up to this instant.
    pub end: Timestamp,
}

/// Reading CloudWatch Logs.
pub trait LogsRead {
    /// Streams of a group, last written first, at most 50. A group that does not exist has none.
    fn streams(&self, group: &str) -> impl Future<Output = Result<Vec<StreamInfo>, PortError>>;
    /// The last messages of a stream within a window, oldest first, at most `limit`.
    fn tail(
        &self,
        group: &str,
        stream: &str,
        window: Window,
        limit: u16,
    ) -> impl Future<Output = Result<Vec<Untrusted>, PortError>>;
}

/// A message as a topic takes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Publication {
    /// ASCII, one line, under 100 characters. `None` for topics that no mailbox reads.
    pub subject: Option<String>,
    /// At most 256 KB.
    pub body: PublicText,
    /// Attributes for filter policies; none may be empty.
    pub attributes: Vec<(&'static str, String)>,
}

/// One subscription of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// `email`, `sqs`, …
    pub protocol: String,
    /// Address, queue or function.
    pub endpoint: String,
    /// False while nobody followed the link in the confirmation mail.
    pub confirmed: bool,
}

/// Messages to people.
pub trait Publish {
    /// Publishes to a topic.
    fn publish(&self, topic: &str, message: &Publication) -> impl Future<Output = Result<(), PortError>>;
    /// Every subscription of a topic.
    fn subscriptions(&self, topic: &str) -> impl Future<Output = Result<Vec<Subscription>, PortError>>;
}

/// Announcements on the bus.
pub trait Announce {
    /// Puts announcements on the default bus and answers for each whether the bus took it.
    fn announce(&self, announcements: &[Announcement]) -> impl Future<Output = Vec<Result<(), PortError>>>;
}

/// Reading the image registry.
pub trait ImageRead {
    /// The image of this identifier, as `DescribeService` shows it. That it does not exist is an answer; that it
    /// may not be read is an error.
    fn image(&self, identifier: &str) -> impl Future<Output = Result<Image, PortError>>;
}

/// A role as IAM shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedRole {
    /// When it was created. IAM does not tell when it was changed.
    pub created_at: Option<Timestamp>,
    /// Its trust policy, JSON.
    pub trust_policy: String,
}

/// Reading roles.
pub trait RoleRead {
    /// A role by its ARN; `None` where there is none.
    fn role(&self, arn: &str) -> impl Future<Output = Result<Option<TrustedRole>, PortError>>;
}

/// Reading VPCs.
pub trait SubnetRead {
    /// These subnets with their default routes.
    fn subnets(&self, ids: &[String]) -> impl Future<Output = Result<Vec<Subnet>, PortError>>;
}

/// Reading CloudWatch metrics.
pub trait MetricsRead {
    /// The highest values that a service's metrics had within a window. A metric without data is left out.
    fn highest(
        &self,
        service: &ServiceArn,
        window: Window,
    ) -> impl Future<Output = Result<Metrics, PortError>>;
}

/// Reading metrics and alarms for an analysis.
pub trait MetricQueries {
    /// The series of each query by its ID, for the minutes from the window's start to before its end; at most 500
    /// queries. That a metric has no value is an empty series.
    fn data(
        &self,
        queries: &[MetricQuery],
        window: Window,
    ) -> impl Future<Output = Result<HashMap<String, Series>, PortError>>;
    /// These alarms as they are now, metric alarms and composite ones, by name. What does not exist is left out.
    fn alarms(&self, names: &[String]) -> impl Future<Output = Result<HashMap<String, Alarm>, PortError>>;
}

/// Reading what belongs to a service beside itself.
pub trait RelatedRead {
    /// IDs of a VPC connector's subnets.
    fn connector_subnets(&self, connector: &str) -> impl Future<Output = Result<Vec<String>, PortError>>;
    /// The most instances that an auto scaling configuration allows.
    fn max_size(&self, auto_scaling: &str) -> impl Future<Output = Result<Option<u64>, PortError>>;
    /// Status of a connection to a source provider; `None` where it is not listed any more.
    fn connection_status(&self, connection: &str) -> impl Future<Output = Result<Option<String>, PortError>>;
    /// Custom domains of a service.
    fn custom_domains(
        &self,
        service: &ServiceArn,
    ) -> impl Future<Output = Result<Vec<CustomDomain>, PortError>>;
    /// VPC ingress connections of a service.
    fn ingress_connections(
        &self,
        service: &ServiceArn,
    ) -> impl Future<Output = Result<Vec<IngressConnection>, PortError>>;
}

/// Reading whether what a configuration names by a revision's ARN can still be used. What is deleted is described as
/// inactive, and in time not found.
pub trait RevisionRead {
    /// Whether there is this VPC connector.
    fn connector_is_active(&self, connector: &str) -> impl Future<Output = Result<bool, PortError>>;
    /// Whether there is this auto scaling configuration.
    fn scaling_is_active(&self, auto_scaling: &str) -> impl Future<Output = Result<bool, PortError>>;
}

/// Everything that the questions of [`crate::facts`] are put to.
pub trait FactsRead: ImageRead + RoleRead + SubnetRead + MetricsRead + RelatedRead {}

impl<T: ImageRead + RoleRead + SubnetRead + MetricsRead + RelatedRead> FactsRead for T {}
