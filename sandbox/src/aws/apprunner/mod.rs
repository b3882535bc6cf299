//! App Runner: services with their lifecycle, and the resources beside them.
//!
//! Every request is checked against the service's published model before anything else (`model.rs`). An
//! operation takes a configurable time, and a test may order its course ([`Script`]); events and log lines
//! come as the real service writes them.

mod configuration;
mod connectors;
mod domains;
mod ingress;
mod lifecycle;
mod model;
mod narration;
mod revisions;
mod script;
mod seeds;
mod services;
mod state;
mod tags;
mod words;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use self::narration::Narrator;
use self::state::State;
use super::bus::Bus;
use super::clock::Clock;
use super::error::ApiError;
use super::idle::Activity;
use super::logs::Logs;
use super::protocol::Protocol;
use super::service::Service;

pub use script::{Outcome, Script};
pub use seeds::{OperationSpec, ServiceSpec};
pub use words::{
    ConnectionStatus, DomainStatus, IngressStatus, OperationStatus, OperationType, ServiceStatus,
};

/// App Runner for one account. Clones share the account.
#[derive(Clone)]
pub struct AppRunner {
    shared: Arc<Shared>,
}

struct Shared {
    account: String,
    region: String,
    phase: Duration,
    service_quota: usize,
    narrator: Narrator,
    activity: Activity,
    state: Mutex<State>,
}

/// What App Runner is told at the start.
pub(crate) struct Settings {
    pub(crate) account: String,
    pub(crate) region: String,
    /// How long each phase of an operation lasts.
    pub(crate) phase: Duration,
    /// The most services that `CreateService` admits.
    pub(crate) service_quota: usize,
}

impl AppRunner {
    pub(crate) fn new(
        settings: Settings,
        bus: Arc<Bus>,
        logs: Arc<Logs>,
        clock: Clock,
        activity: Activity,
    ) -> Self {
        let Settings { account, region, phase, service_quota } = settings;
        let narrator = Narrator { bus, logs, clock };
        let state = Mutex::default();
        let shared = Shared { account, region, phase, service_quota, narrator, activity, state };
        let apprunner = Self { shared: Arc::new(shared) };
        apprunner.add_default_configurations();
        apprunner
    }
}

impl Shared {
    fn arn(&self, resource: &str) -> String {
        format!("arn:aws:apprunner:{}:{}:{resource}", self.region, self.account)
    }
}

fn refused(code: &str, message: &str) -> ApiError {
    ApiError::refused(code, message)
}

fn not_found(what: &str, arn: &str) -> ApiError {
    refused("ResourceNotFoundException", &format!("{what} not found: {arn}"))
}

fn bad_token() -> ApiError {
    refused("InvalidRequestException", "NextToken is invalid.")
}

/// A string member that the model has checked.
fn text<'a>(input: &'a Value, member: &str) -> &'a str {
    input[member].as_str().unwrap_or_default()
}

impl Service for AppRunner {
    fn name(&self) -> &'static str {
        "apprunner"
    }

    fn protocol(&self) -> Protocol {
        Protocol::Json { target: "AppRunner", version: "1.0", message_member: "Message" }
    }

    fn server_error(&self) -> &'static str {
        "InternalServiceErrorException"
    }

    fn call(&self, operation: &str, input: &Value) -> Result<Value, ApiError> {
        model::check(operation, input)?;
        match operation {
            "CreateService" => self.create_service(input),
            "DescribeService" => self.describe_service(input),
            "ListServices" => self.list_services(input),
            "UpdateService" => self.update_service(input),
            "StartDeployment" => self.start_deployment(input),
            "PauseService" => self.plain_operation(OperationType::PauseService, input),
            "ResumeService" => self.plain_operation(OperationType::ResumeService, input),
            "DeleteService" => self.plain_operation(OperationType::DeleteService, input),
            "ListOperations" => self.list_operations(input),
            "TagResource" => self.tag_resource(input),
            "UntagResource" => self.untag_resource(input),
            "ListTagsForResource" => self.list_tags(input),
            "AssociateCustomDomain" => self.associate_domain(input),
            "DisassociateCustomDomain" => self.disassociate_domain(input),
            "DescribeCustomDomains" => self.describe_domains(input),
            "CreateVpcIngressConnection" => self.create_ingress(input),
            "DescribeVpcIngressConnection" => self.describe_ingress(input),
            "ListVpcIngressConnections" => self.list_ingress(input),
            "UpdateVpcIngressConnection" => self.update_ingress(input),
            "DeleteVpcIngressConnection" => self.delete_ingress(input),
            "CreateVpcConnector" => self.create_connector(input),
            "DescribeVpcConnector" => self.describe_connector(input),
            "ListVpcConnectors" => self.list_connectors(input),
            "DeleteVpcConnector" => self.delete_connector(input),
            "CreateConnection" => self.create_connection(input),
            "ListConnections" => self.list_connections(input),
            "DeleteConnection" => self.delete_connection(input),
            "UpdateDefaultAutoScalingConfiguration" => self.update_default_scaling(input),
            "ListServicesForAutoScalingConfiguration" => self.list_scaling_users(input),
            _ => self.revision_operation(operation, input),
        }
    }
}
