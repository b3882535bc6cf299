//! What stands behind a name once traffic has left App Runner: load balancers, target groups, certificates, and the
//! ECS Express services that own them, as far as a shift asks about them.
//!
//! Sources: the API references of Elastic Load Balancing (2015-12-01), Amazon ECS and ACM.

use crate::{
    dns::{HostedZoneId, RecordName},
    words::aws_words,
};

/// A load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadBalancer {
    /// ARN.
    pub arn: String,
    /// The name that records lead to.
    pub dns_name: RecordName,
    /// The zone of that name, for aliases.
    pub hosted_zone_id: HostedZoneId,
    /// What it is.
    pub kind: LoadBalancerKind,
    /// `internet-facing` or `internal`.
    pub scheme: Option<String>,
    /// `active`, `provisioning`, `active_impaired` or `failed`.
    pub state: Option<String>,
    /// True where it answers on IPv6, too.
    pub dual_stack: bool,
}

aws_words! {
    /// What a load balancer is.
    LoadBalancerKind {
        Application = "application",
        Network = "network",
        Gateway = "gateway",
    }
}

/// A target group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetGroup {
    /// ARN.
    pub arn: String,
    /// ARNs of the load balancers that send traffic to it: one, or none.
    pub load_balancers: Vec<String>,
}

/// A target of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Address, instance or function.
    pub id: String,
    /// Its health.
    pub state: TargetState,
    /// The service's word for why it is not healthy.
    pub reason: Option<String>,
}

aws_words! {
    /// Health of a target.
    TargetState {
        Initial = "initial",
        Healthy = "healthy",
        Unhealthy = "unhealthy",
        UnhealthyDraining = "unhealthy.draining",
        Unused = "unused",
        Draining = "draining",
        Unavailable = "unavailable",
    }
}

/// A listener of a load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// ARN.
    pub arn: String,
    /// Port.
    pub port: Option<u16>,
    /// `HTTP`, `HTTPS`, `TLS`, …
    pub protocol: Option<String>,
}

/// A rule of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerRule {
    /// ARN.
    pub arn: String,
    /// True for the one that takes what no other does.
    pub is_default: bool,
    /// Host names that it wants, with `*` and `?`; empty where it asks for none.
    pub hosts: Vec<String>,
    /// True where it asks for more than a host name that can be read here: a path, a header, an expression.
    pub has_other_conditions: bool,
    /// ARNs of the groups that it forwards to; none where it redirects or answers by itself.
    pub target_groups: Vec<String>,
}

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// ARN.
    pub arn: String,
    /// Whether it may be used.
    pub status: CertificateStatus,
    /// Every name on it; a wildcard stands for one label.
    pub names: Vec<String>,
}

aws_words! {
    /// Whether a certificate may be used.
    CertificateStatus {
        PendingValidation = "PENDING_VALIDATION",
        Issued = "ISSUED",
        Inactive = "INACTIVE",
        Expired = "EXPIRED",
        ValidationTimedOut = "VALIDATION_TIMED_OUT",
        Revoked = "REVOKED",
        Failed = "FAILED",
    }
}

/// An ECS Express service with what it manages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressService {
    /// ARN.
    pub arn: String,
    /// Status of the service.
    pub status: ExpressStatus,
    /// True while a deployment of it has not ended: its traffic is then split between revisions.
    pub deploying: bool,
    /// Ways in, of all its active revisions, each once.
    pub ingress_paths: Vec<IngressPath>,
}

aws_words! {
    /// Status of an Express service.
    ExpressStatus {
        Active = "ACTIVE",
        Draining = "DRAINING",
        Inactive = "INACTIVE",
    }
}

/// A way into an Express service. While it is being made or taken down, parts of it have no ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngressPath {
    /// `PUBLIC` or `PRIVATE`.
    pub access: String,
    /// The host name that the service got.
    pub endpoint: String,
    /// ARN of the load balancer, which several services share.
    pub load_balancer: Option<String>,
    /// ARN of the listener.
    pub listener: Option<String>,
    /// ARN of the rule that is this service's.
    pub rule: Option<String>,
    /// ARN of the certificate of the service's own host name.
    pub certificate: Option<String>,
    /// ARNs of the target groups: two, between which a deployment moves the traffic.
    pub target_groups: Vec<String>,
}
