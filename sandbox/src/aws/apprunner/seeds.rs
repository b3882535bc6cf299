//! What tests do to the account without the API: seeding, scripting, forcing.

use anyhow::{Context as _, anyhow};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::domains::new_domain;
use super::services::startable;
use super::state::{Operation, ServiceState, State};
use super::words::{
    ConnectionStatus, DomainStatus, IngressStatus, OperationStatus, OperationType, ServiceStatus,
};
use super::{AppRunner, Script};
use crate::aws::ApiError;
use crate::aws::identity::fresh;
use crate::aws::lock;

/// A service to seed. Nothing is told of it on the bus or in the logs.
#[derive(Clone, Debug)]
pub struct ServiceSpec {
    /// Its name.
    pub name: String,
    /// Members of a `CreateService` request; what is left out gets the service's defaults.
    pub configuration: Value,
    /// Its status.
    pub status: ServiceStatus,
    /// When it was created; now if left out.
    pub created_at: Option<Timestamp>,
    /// Its tags.
    pub tags: Vec<(String, String)>,
    /// Its operations, oldest first; if empty, one creation that fits the status.
    pub operations: Vec<OperationSpec>,
}

/// An operation to seed.
#[derive(Clone, Debug)]
pub struct OperationSpec {
    /// Its type.
    pub kind: OperationType,
    /// Its status.
    pub status: OperationStatus,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended, if it has.
    pub ended_at: Option<Timestamp>,
}

impl ServiceSpec {
    /// A running image service with an access role and automatic deployments off.
    pub fn image(name: &str, image: &str) -> Self {
        Self::new(
            name,
            json!({ "SourceConfiguration": {
                "AutoDeploymentsEnabled": false,
                "AuthenticationConfiguration": { "AccessRoleArn": "arn:aws:iam::123456789012:role/access" },
                "ImageRepository": { "ImageIdentifier": image, "ImageRepositoryType": "ECR" },
            } }),
        )
    }

    /// A running service with these members of a `CreateService` request.
    pub fn new(name: &str, configuration: Value) -> Self {
        Self {
            name: name.to_owned(),
            configuration,
            status: ServiceStatus::Running,
            created_at: None,
            tags: Vec::new(),
            operations: Vec::new(),
        }
    }

    /// The same with another status.
    #[must_use]
    pub fn status(self, status: ServiceStatus) -> Self {
        Self { status, ..self }
    }

    /// The same, created at this time.
    #[must_use]
    pub fn created_at(self, at: Timestamp) -> Self {
        Self { created_at: Some(at), ..self }
    }

    /// The same with a further tag.
    #[must_use]
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.tags.push((key.to_owned(), value.to_owned()));
        self
    }

    /// The same with a further operation, newer than those before.
    #[must_use]
    pub fn operation(mut self, operation: OperationSpec) -> Self {
        self.operations.push(operation);
        self
    }

    /// The creation that fits the status.
    fn creation(&self, at: Timestamp) -> OperationSpec {
        let status = if self.status == ServiceStatus::CreateFailed {
            OperationStatus::Failed
        } else {
            OperationStatus::Succeeded
        };
        OperationSpec { kind: OperationType::CreateService, status, started_at: at, ended_at: Some(at) }
    }
}

impl AppRunner {
    /// Seeds a service and returns its ARN.
    pub fn create(&self, spec: ServiceSpec) -> anyhow::Result<String> {
        let mut state = lock(&self.shared.state);
        let mut service =
            self.new_service(&state, &spec.name, &spec.configuration).map_err(|error| because(&error))?;
        let created_at = spec.created_at.unwrap_or(service.created_at);
        let operations =
            if spec.operations.is_empty() { vec![spec.creation(created_at)] } else { spec.operations };
        service.operations = operations.into_iter().map(Operation::from).collect();
        service.created_at = created_at;
        service.updated_at = created_at;
        service.status = spec.status;
        let arn = service.arn.clone();
        state.tags.insert(arn.clone(), spec.tags.into_iter().collect());
        state.services.push(service);
        Ok(arn)
    }

    /// Adds an operation to a service, as its newest, and returns its ID.
    pub fn add_operation(&self, arn: &str, spec: OperationSpec) -> anyhow::Result<String> {
        self.with_service(arn, |service| {
            let operation = Operation::from(spec);
            let id = operation.id.clone();
            service.operations.push(operation);
            id
        })
    }

    /// Seeds a VPC connector and returns its ARN.
    pub fn add_connector(&self, name: &str, subnets: &[&str], security_groups: &[&str]) -> String {
        let mut state = lock(&self.shared.state);
        let connector = self.new_connector(&state, name, json!(subnets), json!(security_groups));
        let arn = connector.arn.clone();
        state.connectors.push(connector);
        arn
    }

    /// Seeds a VPC ingress connection, also to a service that is gone, and returns its ARN.
    pub fn add_ingress(
        &self,
        name: &str,
        service_arn: &str,
        vpc_id: &str,
        vpc_endpoint_id: &str,
        status: IngressStatus,
    ) -> String {
        let vpc = json!({ "VpcId": vpc_id, "VpcEndpointId": vpc_endpoint_id });
        let mut ingress = self.new_ingress(name, service_arn, &vpc);
        ingress.status = status;
        let arn = ingress.arn.clone();
        lock(&self.shared.state).ingress.push(ingress);
        arn
    }

    /// Seeds a custom domain of a service.
    pub fn add_domain(&self, arn: &str, name: &str, www: bool, status: DomainStatus) -> anyhow::Result<()> {
        self.with_service(arn, |service| service.domains.push(new_domain(name, www)))?;
        self.set_domain_status(arn, name, status)
    }

    /// Gives a custom domain a status; ACTIVE validates its certificate records.
    pub fn set_domain_status(&self, arn: &str, name: &str, status: DomainStatus) -> anyhow::Result<()> {
        self.with_service(arn, |service| {
            let domain = service.domains.iter_mut().find(|domain| domain.name == name);
            let domain = domain.with_context(|| format!("no custom domain {name}"))?;
            domain.status = status;
            if status == DomainStatus::Active {
                domain.records.iter_mut().for_each(|record| record["Status"] = json!("SUCCESS"));
            }
            Ok(())
        })?
    }

    /// Gives an ingress connection a status.
    pub fn set_ingress_status(&self, arn: &str, status: IngressStatus) -> anyhow::Result<()> {
        let mut state = lock(&self.shared.state);
        let ingress = state.ingress.iter_mut().find(|ingress| ingress.arn == arn);
        ingress.with_context(|| format!("no ingress connection {arn}"))?.status = status;
        Ok(())
    }

    /// Gives a connection to a source code provider a status, as its handshake in the console would.
    pub fn set_connection_status(&self, arn: &str, status: ConnectionStatus) -> anyhow::Result<()> {
        let mut state = lock(&self.shared.state);
        let connection = state.connections.iter_mut().find(|connection| connection.arn == arn);
        connection.with_context(|| format!("no connection {arn}"))?.status = status;
        Ok(())
    }

    /// Removes a VPC connector or a scaling configuration as if it had never been, though it is in use.
    pub fn forget(&self, arn: &str) {
        let mut state = lock(&self.shared.state);
        state.connectors.retain(|connector| connector.arn != arn);
        state.revisions.retain(|revision| revision.arn != arn);
    }

    /// Orders the course of the next operation of a service (or ingress connection, or custom domain), by
    /// ARN or by name. Several orders for one resource are used up in the order given.
    pub fn script(&self, arn_or_name: &str, script: impl Into<Script>) {
        let mut state = lock(&self.shared.state);
        state.scripts.entry(arn_or_name.to_owned()).or_default().push_back(script.into());
    }

    /// Starts a deployment, as a push to the repository would. Returns the operation's ID.
    pub fn deploy(&self, arn: &str) -> Result<String, ApiError> {
        let mut state = lock(&self.shared.state);
        startable(&state, arn, OperationType::StartDeployment)?;
        Ok(self.begin(&mut state, arn, OperationType::StartDeployment, None))
    }

    /// Begins or ends maintenance: `OPERATION_IN_PROGRESS` without an operation.
    pub fn maintenance(&self, arn: &str, on: bool) -> anyhow::Result<()> {
        let status = if on { ServiceStatus::OperationInProgress } else { ServiceStatus::Running };
        self.set_status(arn, status)
    }

    /// Forces a status upon a service and tells of it on the bus and in the event log.
    pub fn set_status(&self, arn: &str, status: ServiceStatus) -> anyhow::Result<()> {
        let shared = self.shared.clone();
        self.with_service(arn, |service| {
            let previous = std::mem::replace(&mut service.status, status);
            shared.narrator.status(service, Some(previous));
        })
    }

    /// The `Service` that `DescribeService` answers.
    pub fn describe(&self, arn: &str) -> anyhow::Result<Value> {
        let state = lock(&self.shared.state);
        let service = state.service(arn).with_context(|| format!("no service {arn}"))?;
        Ok(state.describe(service))
    }

    /// The operations of a service as `ListOperations` shows them, newest first, without pages.
    pub fn operations(&self, arn: &str) -> Vec<Value> {
        let state = lock(&self.shared.state);
        let operations = state.service(arn).map(|service| service.operations.as_slice()).unwrap_or_default();
        operations.iter().rev().map(|operation| operation.summary(arn)).collect()
    }

    /// The tags of a resource.
    pub fn tags(&self, arn: &str) -> Vec<(String, String)> {
        lock(&self.shared.state)
            .tags
            .get(arn)
            .into_iter()
            .flatten()
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect()
    }

    /// The names of a service's log groups: of the service and of the application.
    pub fn log_groups(&self, arn: &str) -> anyhow::Result<(String, String)> {
        self.with_service(arn, |service| {
            let group = |kind: &str| format!("/aws/apprunner/{}/{}/{kind}", service.name, service.id);
            (group("service"), group("application"))
        })
    }

    fn with_service<T>(&self, arn: &str, change: impl FnOnce(&mut ServiceState) -> T) -> anyhow::Result<T> {
        let mut state: std::sync::MutexGuard<'_, State> = lock(&self.shared.state);
        state.service_mut(arn).map(change).with_context(|| format!("no service {arn}"))
    }
}

fn because(error: &ApiError) -> anyhow::Error {
    anyhow!("{}: {}", error.code, error.message)
}

impl From<OperationSpec> for Operation {
    fn from(spec: OperationSpec) -> Self {
        Self {
            id: fresh().simple().to_string(),
            kind: spec.kind,
            status: spec.status,
            started_at: spec.started_at,
            updated_at: spec.ended_at.unwrap_or(spec.started_at),
            ended_at: spec.ended_at,
        }
    }
}
