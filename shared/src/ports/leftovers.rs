//! Finding and removing what App Runner leaves behind.

use std::{collections::BTreeMap, future::Future};

use jiff::Timestamp;

use crate::{
    error::PortError,
    leftovers::{Connector, Endpoint, Ingress, ListedService, NotDeleted},
    mutation::Permit,
    ports::Window,
    service::{ServiceArn, ServiceStatus},
};

/// Reading VPC endpoints.
pub trait EndpointRead {
    /// Every interface endpoint to this service, in any state, all pages.
    fn endpoints(&self, service_name: &str) -> impl Future<Output = Result<Vec<Endpoint>, PortError>>;
}

/// Changing VPC endpoints. No call is repeated by itself.
pub trait EndpointWrite {
    /// Marks endpoints as orphaned since a time.
    fn mark(
        &self,
        permit: &Permit,
        ids: &[String],
        since: Timestamp,
    ) -> impl Future<Output = Result<(), PortError>>;
    /// Takes the mark away.
    fn unmark(&self, permit: &Permit, ids: &[String]) -> impl Future<Output = Result<(), PortError>>;
    /// Deletes endpoints, at most 25, and answers which ones were not.
    fn delete(
        &self,
        permit: &Permit,
        ids: &[String],
    ) -> impl Future<Output = Result<Vec<NotDeleted>, PortError>>;
}

/// Reading what passes through VPC endpoints.
pub trait TrafficRead {
    /// Bytes that each endpoint processed within a window, by ID. An endpoint without data has processed none.
    fn bytes_processed(
        &self,
        endpoints: &[&Endpoint],
        window: Window,
    ) -> impl Future<Output = Result<BTreeMap<String, f64>, PortError>>;
}

/// Reading what belongs to services that may be gone.
pub trait LeftoverRead {
    /// Every service of the Region, all pages.
    fn listed_services(&self) -> impl Future<Output = Result<Vec<ListedService>, PortError>>;
    /// The status of a service; `None` where there is none.
    fn status(&self, service: &str) -> impl Future<Output = Result<Option<ServiceStatus>, PortError>>;
    /// The VPC connector that a service uses, if it uses one; `None` also where there is no such service.
    fn connector_of(&self, service: &ServiceArn) -> impl Future<Output = Result<Option<String>, PortError>>;
    /// ARNs of every VPC ingress connection, or of those that refer to one endpoint, all pages.
    fn ingress_arns(&self, endpoint: Option<&str>) -> impl Future<Output = Result<Vec<String>, PortError>>;
    /// A VPC ingress connection; `None` where there is none.
    fn ingress(&self, arn: &str) -> impl Future<Output = Result<Option<Ingress>, PortError>>;
    /// Every active VPC connector, all pages.
    fn connectors(&self) -> impl Future<Output = Result<Vec<Connector>, PortError>>;
}

/// Changing VPC ingress connections. No call is repeated by itself.
pub trait IngressWrite {
    /// Begins to delete a connection.
    fn delete_ingress(&self, permit: &Permit, arn: &str) -> impl Future<Output = Result<(), PortError>>;
}
