//! Reading load balancers, certificates and ECS Express services.

use std::future::Future;

use crate::{
    balancing::{Certificate, ExpressService, Listener, ListenerRule, LoadBalancer, Target, TargetGroup},
    error::PortError,
};

/// Reading Elastic Load Balancing. An ARN that does not exist is an error of class permanent.
pub trait BalancingRead {
    /// Load balancers by ARN.
    fn load_balancers(&self, arns: &[String]) -> impl Future<Output = Result<Vec<LoadBalancer>, PortError>>;
    /// Target groups by ARN.
    fn target_groups(&self, arns: &[String]) -> impl Future<Output = Result<Vec<TargetGroup>, PortError>>;
    /// Every target group behind a load balancer.
    fn groups_behind(&self, load_balancer: &str)
    -> impl Future<Output = Result<Vec<TargetGroup>, PortError>>;
    /// The targets of a group with their health.
    fn target_health(&self, target_group: &str) -> impl Future<Output = Result<Vec<Target>, PortError>>;
    /// The listeners of a load balancer.
    fn listeners(&self, load_balancer: &str) -> impl Future<Output = Result<Vec<Listener>, PortError>>;
    /// The rules of a listener, in their order, the default last.
    fn rules(&self, listener: &str) -> impl Future<Output = Result<Vec<ListenerRule>, PortError>>;
    /// ARNs of every certificate of a listener, its default among them.
    fn listener_certificates(&self, listener: &str) -> impl Future<Output = Result<Vec<String>, PortError>>;
}

/// Reading certificates.
pub trait CertificateRead {
    /// A certificate by its ARN; `None` where there is none.
    fn certificate(&self, arn: &str) -> impl Future<Output = Result<Option<Certificate>, PortError>>;
}

/// Reading ECS Express services.
pub trait ExpressRead {
    /// An Express service by its ARN; `None` where there is none.
    fn express_service(&self, arn: &str) -> impl Future<Output = Result<Option<ExpressService>, PortError>>;
}
