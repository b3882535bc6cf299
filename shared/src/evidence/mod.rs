//! What a diagnosis may be based on.
//!
//! [`Evidence`] is everything the `diagnose` command accepts and everything the gatherers collect. All of it
//! is optional: what is absent is *unknown*, never *no*. Reading it from JSON (see `read`) is lenient, since
//! people paste what `aws … describe-…` printed: names may be `PascalCase` or `snake_case`, numbers may be
//! strings, a list may be an object that holds it. Only what cannot mean anything is refused, naming the path.
//!
//! Log lines and configuration values are [`Untrusted`]: matchers read them, nobody prints them unredacted.

mod facts;
mod field;
mod read;
mod service;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::redact::Untrusted;

pub use field::EvidenceError;
pub use service::{HealthCheck, Service};

/// What the question is about: an App Runner operation, or a trouble without one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Occasion {
    /// `CREATE_SERVICE`
    CreateService,
    /// `UPDATE_SERVICE`
    UpdateService,
    /// `START_DEPLOYMENT`
    StartDeployment,
    /// `PAUSE_SERVICE`
    PauseService,
    /// `RESUME_SERVICE`
    ResumeService,
    /// `DELETE_SERVICE`
    DeleteService,
    /// `RUNTIME`: the service is deployed and misbehaves.
    Runtime,
    /// `CUSTOM_DOMAIN`: the association of a domain does not become active.
    CustomDomain,
    /// `DELETE_VPC_CONNECTOR`: the deletion of a connector was refused.
    DeleteVpcConnector,
    /// Not said, or a type that we do not know.
    #[default]
    Unsaid,
}

impl Occasion {
    /// Reads an operation type in any spelling (`CREATE_SERVICE`, `CreateService`).
    pub fn from_name(name: &str) -> Self {
        match field::plain(name).as_str() {
            "createservice" | "create" => Self::CreateService,
            "updateservice" | "update" => Self::UpdateService,
            "startdeployment" | "deployment" | "deploy" | "servicedeploy" => Self::StartDeployment,
            "pauseservice" | "pause" => Self::PauseService,
            "resumeservice" | "resume" => Self::ResumeService,
            "deleteservice" | "delete" => Self::DeleteService,
            "runtime" => Self::Runtime,
            "customdomain" | "associatecustomdomain" => Self::CustomDomain,
            "deletevpcconnector" => Self::DeleteVpcConnector,
            _ => Self::Unsaid,
        }
    }
}

/// Everything known about one failure. The default knows nothing.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// What the question is about.
    pub operation: Occasion,
    /// Log streams, each with its messages oldest first (newest first is recognised).
    pub logs: Vec<LogStream>,
    /// The service's configuration and status.
    pub service: Option<Service>,
    /// What ECR says about the image.
    pub image: Option<Image>,
    /// What IAM says about the service's roles.
    pub roles: Roles,
    /// The VPC connector's subnets.
    pub subnets: Option<Vec<Subnet>>,
    /// Sum of the maximum sizes of all services on the connector.
    pub max_size_sum: Option<u64>,
    /// Status of the source connection, as AWS spells it.
    pub connection_status: Option<String>,
    /// Number of application log streams of this deployment.
    pub application_streams: Option<u64>,
    /// The service's VPC ingress connections.
    pub ingress_connections: Option<Vec<IngressConnection>>,
    /// The custom domain in question.
    pub custom_domain: Option<CustomDomain>,
    /// The web ACL of the service.
    pub web_acl: Option<WebAcl>,
    /// Recent metrics.
    pub metrics: Metrics,
    /// The operation as `ListOperations` reports it.
    pub last_operation: Option<LastOperation>,
}

impl Evidence {
    /// Reads the `diagnose` command's `evidence`.
    pub fn from_json(value: &Value) -> Result<Self, EvidenceError> {
        read::evidence(value)
    }
}

impl<'de> Deserialize<'de> for Evidence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::from_json(&value).map_err(serde::de::Error::custom)
    }
}

/// Which of the service's two log groups a stream belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogGroup {
    /// `…/service`: the event log and the deployment logs.
    Service,
    /// `…/application`: what the containers print.
    Application,
}

/// Messages of one log stream.
#[derive(Clone, Debug)]
pub struct LogStream {
    /// The group it stands in.
    pub group: LogGroup,
    /// `events`, `deployment/<id>` or `instance/<id>`.
    pub stream: String,
    /// One message an entry; a message may hold several lines.
    pub lines: Vec<Untrusted>,
}

/// An image as ECR describes it.
#[derive(Clone, Debug, Default)]
pub struct Image {
    /// `os/architecture` of each platform in the manifest; `None` if unknown.
    pub platforms: Option<Vec<String>>,
    /// Whether the tag or digest is in the repository.
    pub exists: Option<bool>,
    /// Compressed size in MB.
    pub size_mb: Option<f64>,
    /// Ports of the image's `EXPOSE` instructions.
    pub exposed_ports: Option<Vec<u16>>,
}

/// The two roles of a service.
#[derive(Clone, Debug, Default)]
pub struct Roles {
    /// The access role, which pulls from ECR; trusts `build.apprunner.amazonaws.com`.
    pub access: Option<Role>,
    /// The instance role, which the application uses; trusts `tasks.apprunner.amazonaws.com`.
    pub instance: Option<Role>,
}

/// What IAM says about a role.
#[derive(Clone, Debug, Default)]
pub struct Role {
    /// Whether its trust policy names the App Runner principal that needs it.
    pub trusted: Option<bool>,
    /// Seconds between its creation or change and the operation's start.
    pub age_seconds: Option<f64>,
    /// Whether the role exists at all.
    pub exists: Option<bool>,
}

/// Where a subnet's route for 0.0.0.0/0 leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultRoute {
    /// To a NAT gateway (or another way out that works for private addresses).
    Nat,
    /// To an internet gateway: useless for interfaces without a public address.
    InternetGateway,
    /// There is none.
    Missing,
}

/// A subnet of the VPC connector.
#[derive(Clone, Debug, Default)]
pub struct Subnet {
    /// `subnet-…`
    pub id: String,
    /// For example `use1-az3`.
    pub availability_zone_id: Option<String>,
    /// Free addresses.
    pub free_addresses: Option<u64>,
    /// Its default route; `None` if unknown.
    pub default_route: Option<DefaultRoute>,
}

/// A VPC ingress connection of the service.
#[derive(Clone, Debug, Default)]
pub struct IngressConnection {
    /// ARN; `None` in given evidence.
    pub arn: Option<String>,
    /// As AWS spells it; `None` if only its existence is known.
    pub status: Option<String>,
}

/// A custom domain's association.
#[derive(Clone, Debug, Default)]
pub struct CustomDomain {
    /// The domain.
    pub name: Option<String>,
    /// True where `www.` before it belongs to it, too.
    pub www: bool,
    /// As AWS spells it, in lower case.
    pub status: Option<String>,
    /// Values of the CAA records that apply to the name; `None` if nobody looked.
    pub caa: Option<Vec<String>>,
    /// Whether the certificate validation records are published and right; `None` if nobody looked.
    pub validation_published: Option<bool>,
}

/// The web ACL in front of a service.
#[derive(Clone, Debug, Default)]
pub struct WebAcl {
    /// Whether one is associated.
    pub associated: bool,
    /// Whether requests that no rule matches are blocked.
    pub blocks_by_default: Option<bool>,
    /// Requests that it blocked lately.
    pub blocked_requests: Option<f64>,
}

/// Recent metrics: for each its highest value in the window.
#[derive(Clone, Debug, Default)]
pub struct Metrics(pub Vec<(String, f64)>);

impl Metrics {
    /// The highest value of the metrics whose name contains `part` (letters and digits, lower case).
    pub fn highest(&self, part: &str) -> Option<f64> {
        let matching = self.0.iter().filter(|(name, _)| field::plain(name).contains(part));
        matching.map(|(_, value)| *value).reduce(f64::max)
    }
}

/// An operation as `ListOperations` reports it.
#[derive(Clone, Debug, Default)]
pub struct LastOperation {
    /// `CREATE_SERVICE` and so on.
    pub kind: Option<String>,
    /// `FAILED`, `SUCCEEDED`, `ROLLBACK_SUCCEEDED` and so on.
    pub status: Option<String>,
}
