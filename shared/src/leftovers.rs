//! What App Runner leaves behind in an account when a service goes or becomes public: interface endpoints, VPC
//! ingress connections, VPC connectors, failed services.
//!
//! Sources: the App Runner guide, "Private endpoints" and "Network"; the API references of App Runner and EC2.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    service::{ServiceArn, ServiceStatus},
    words::aws_words,
};

/// The tag that marks an orphan; its value is an RFC 3339 time in UTC.
pub const MARK: &str = "apprunner-autopilot:orphaned-since";

/// The tag that keeps a resource for good.
pub const KEEP: &str = "apprunner-autopilot:keep";

/// The name of the endpoint service that carries requests to private services of a Region. The one without
/// `.requests` carries calls of the API: nothing in App Runner refers to it, and it is nobody's leftover.
pub fn requests_service(region: &str) -> String {
    format!("com.amazonaws.{region}.apprunner.requests")
}

aws_words! {
    /// `State` of an EC2 VPC endpoint, in lower case as EC2 answers it.
    EndpointState {
        Available = "available",
        Deleting = "deleting",
        Deleted = "deleted",
    }
}

/// A VPC endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `vpce-…`
    pub id: String,
    /// The service that it leads to.
    pub service_name: String,
    /// `Interface`, `Gateway`, …
    pub kind: String,
    /// Where it stands.
    pub state: EndpointState,
    /// `vpc-…`
    pub vpc: String,
    /// The account that owns it.
    pub owner: Option<String>,
    /// Whether an AWS service made it and keeps it.
    pub requester_managed: bool,
    /// When it was created.
    pub created_at: Option<Timestamp>,
    /// In how many zones it has a network interface: each is billed by the hour.
    pub zones: usize,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

impl Endpoint {
    /// True where it is going or gone.
    pub fn is_gone(&self) -> bool {
        matches!(self.state, EndpointState::Deleting | EndpointState::Deleted)
    }
}

aws_words! {
    /// `VpcIngressConnectionStatus` of the App Runner API.
    IngressStatus {
        Available = "AVAILABLE",
        PendingCreation = "PENDING_CREATION",
        PendingUpdate = "PENDING_UPDATE",
        PendingDeletion = "PENDING_DELETION",
        FailedCreation = "FAILED_CREATION",
        FailedUpdate = "FAILED_UPDATE",
        FailedDeletion = "FAILED_DELETION",
        Deleted = "DELETED",
    }
}

impl IngressStatus {
    /// True for the three statuses in which App Runner gave up.
    pub fn is_failed(&self) -> bool {
        matches!(self, Self::FailedCreation | Self::FailedUpdate | Self::FailedDeletion)
    }

    /// True where App Runner accepts its deletion (guide, "Private endpoints").
    pub fn can_be_deleted(&self) -> bool {
        self.is_failed() || *self == Self::Available
    }
}

/// A VPC ingress connection: what links a private service to an interface endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ingress {
    /// ARN.
    pub arn: String,
    /// ARN of its service, which may be gone.
    pub service: String,
    /// Where it stands.
    pub status: IngressStatus,
    /// The endpoint that it refers to.
    pub endpoint: Option<String>,
    /// `vpc-…`
    pub vpc: Option<String>,
    /// The private service's host name.
    pub domain: Option<String>,
    /// When it was created.
    pub created_at: Option<Timestamp>,
}

/// A service as `ListServices` shows it, with what its leftovers are judged by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedService {
    /// ARN.
    pub arn: ServiceArn,
    /// Present status.
    pub status: ServiceStatus,
    /// Host name of the default domain.
    pub url: Option<String>,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
}

/// A VPC connector of outgoing traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connector {
    /// ARN.
    pub arn: String,
    /// When it was created.
    pub created_at: Option<Timestamp>,
}

/// An endpoint that was not deleted by a call that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotDeleted {
    /// The endpoint.
    pub id: String,
    /// EC2's error code.
    pub code: String,
    /// EC2's own words.
    pub message: String,
}
