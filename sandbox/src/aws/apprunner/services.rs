//! The API's operations on services.

use serde_json::{Map, Value, json};

use super::configuration::{Configuration, merged};
use super::lifecycle::default_domain;
use super::state::{ServiceState, State};
use super::words::{OperationType, ServiceStatus, word};
use super::{AppRunner, bad_token, model, not_found, refused, text};
use crate::aws::error::ApiError;
use crate::aws::identity::fresh;
use crate::aws::lock;
use crate::aws::paging::page;

/// The states in which an operation may begin.
fn allowed(kind: OperationType) -> &'static [ServiceStatus] {
    match kind {
        OperationType::CreateService => &[],
        OperationType::UpdateService => &[ServiceStatus::Running, ServiceStatus::CreateFailed],
        OperationType::StartDeployment | OperationType::PauseService => &[ServiceStatus::Running],
        OperationType::ResumeService => &[ServiceStatus::Paused],
        OperationType::DeleteService => &[
            ServiceStatus::Running,
            ServiceStatus::Paused,
            ServiceStatus::CreateFailed,
            ServiceStatus::DeleteFailed,
        ],
    }
}

impl AppRunner {
    pub(super) fn create_service(&self, input: &Value) -> Result<Value, ApiError> {
        let name = text(input, "ServiceName");
        let mut state = lock(&self.shared.state);
        let living = || state.services.iter().filter(|service| service.status != ServiceStatus::Deleted);
        if living().any(|service| service.name == name) {
            let problem = format!("Service with the provided name already exists: {name}.");
            return Err(refused("InvalidRequestException", &problem));
        }
        if living().count() >= self.shared.service_quota {
            let problem = format!("You have reached the limit of {} services.", self.shared.service_quota);
            return Err(refused("ServiceQuotaExceededException", &problem));
        }
        let service = self.new_service(&state, name, input)?;
        check_references(&state, &service.configuration)?;
        let arn = service.arn.clone();
        state.services.push(service);
        state.set_tags(&arn, &input["Tags"]);
        let operation = self.begin(&mut state, &arn, OperationType::CreateService, None);
        Self::answer(&state, &arn, &operation)
    }

    /// A service of this name as `input` describes it, not yet part of the account.
    pub(super) fn new_service(
        &self,
        state: &State,
        name: &str,
        input: &Value,
    ) -> Result<ServiceState, ApiError> {
        let now = self.shared.narrator.clock.now();
        let id = fresh().simple().to_string();
        let mut configuration = merged(&Configuration::new(), input, &self.shared.account)?;
        state.resolve_scaling(&mut configuration)?;
        Ok(ServiceState {
            name: name.to_owned(),
            arn: self.shared.arn(&format!("service/{name}/{id}")),
            id,
            url: default_domain(&self.shared.region),
            created_at: now,
            updated_at: now,
            deleted_at: None,
            status: ServiceStatus::OperationInProgress,
            configuration,
            encryption: input.get("EncryptionConfiguration").cloned(),
            operations: Vec::new(),
            domains: Vec::new(),
        })
    }

    pub(super) fn update_service(&self, input: &Value) -> Result<Value, ApiError> {
        let arn = text(input, "ServiceArn");
        let mut state = lock(&self.shared.state);
        let service = startable(&state, arn, OperationType::UpdateService)?;
        let mut attempt = merged(&service.configuration, input, &self.shared.account)?;
        state.resolve_scaling(&mut attempt)?;
        check_references(&state, &attempt)?;
        let operation = self.begin(&mut state, arn, OperationType::UpdateService, Some(attempt));
        Self::answer(&state, arn, &operation)
    }

    /// Pause, resume and delete: they answer with the service and the operation.
    pub(super) fn plain_operation(&self, kind: OperationType, input: &Value) -> Result<Value, ApiError> {
        let arn = text(input, "ServiceArn");
        let mut state = lock(&self.shared.state);
        startable(&state, arn, kind)?;
        let operation = self.begin(&mut state, arn, kind, None);
        Self::answer(&state, arn, &operation)
    }

    pub(super) fn start_deployment(&self, input: &Value) -> Result<Value, ApiError> {
        let arn = text(input, "ServiceArn");
        let mut state = lock(&self.shared.state);
        startable(&state, arn, OperationType::StartDeployment)?;
        let operation = self.begin(&mut state, arn, OperationType::StartDeployment, None);
        Ok(json!({ "OperationId": operation }))
    }

    pub(super) fn describe_service(&self, input: &Value) -> Result<Value, ApiError> {
        let state = lock(&self.shared.state);
        let service = known(&state, text(input, "ServiceArn"))?;
        Ok(json!({ "Service": state.describe(service) }))
    }

    pub(super) fn list_services(&self, input: &Value) -> Result<Value, ApiError> {
        let state = lock(&self.shared.state);
        let living = state.services.iter().filter(|service| service.status != ServiceStatus::Deleted);
        let page = page(living, page_size(input, 20), input["NextToken"].as_str(), bad_token)?;
        let summaries: Vec<Map<String, Value>> = page.items.into_iter().map(ServiceState::summary).collect();
        Ok(json!({ "ServiceSummaryList": summaries, "NextToken": page.next }))
    }

    pub(super) fn list_operations(&self, input: &Value) -> Result<Value, ApiError> {
        let state = lock(&self.shared.state);
        let service = known(&state, text(input, "ServiceArn"))?;
        let newest_first = service.operations.iter().rev();
        let page = page(newest_first, page_size(input, 20), input["NextToken"].as_str(), bad_token)?;
        let summaries: Vec<Value> =
            page.items.into_iter().map(|operation| operation.summary(&service.arn)).collect();
        Ok(json!({ "OperationSummaryList": summaries, "NextToken": page.next }))
    }

    fn answer(state: &State, arn: &str, operation: &str) -> Result<Value, ApiError> {
        let service = known(state, arn)?;
        Ok(json!({ "Service": state.describe(service), "OperationId": operation }))
    }
}

/// The service, if an operation of this kind may begin on it.
pub(super) fn startable<'a>(
    state: &'a State,
    arn: &str,
    kind: OperationType,
) -> Result<&'a ServiceState, ApiError> {
    let operation = match kind {
        OperationType::CreateService => "CreateService",
        OperationType::UpdateService => "UpdateService",
        OperationType::StartDeployment => "StartDeployment",
        OperationType::PauseService => "PauseService",
        OperationType::ResumeService => "ResumeService",
        OperationType::DeleteService => "DeleteService",
    };
    in_status(state, arn, operation, allowed(kind))
}

/// Refuses a configuration that refers to a VPC connector that does not exist.
fn check_references(state: &State, configuration: &Configuration) -> Result<(), ApiError> {
    let connector = &configuration["NetworkConfiguration"]["EgressConfiguration"]["VpcConnectorArn"];
    if let Some(arn) = connector.as_str()
        && !state.connectors.iter().any(|connector| connector.arn == arn && connector.active)
    {
        return Err(refused("InvalidRequestException", &format!("The VPC connector does not exist: {arn}")));
    }
    Ok(())
}

/// The service with this ARN.
pub(super) fn known<'a>(state: &'a State, arn: &str) -> Result<&'a ServiceState, ApiError> {
    state.service(arn).ok_or_else(|| not_found("Service", arn))
}

/// The service, if it is in one of these states. Operations whose model declares no `InvalidStateException`
/// refuse with `InvalidRequestException`.
pub(super) fn in_status<'a>(
    state: &'a State,
    arn: &str,
    operation: &str,
    allowed: &[ServiceStatus],
) -> Result<&'a ServiceState, ApiError> {
    let service = known(state, arn)?;
    if allowed.contains(&service.status) {
        return Ok(service);
    }
    if service.status == ServiceStatus::Deleted {
        return Err(not_found("Service", arn));
    }
    let code = ["InvalidStateException", "InvalidRequestException"]
        .into_iter()
        .find(|code| model::declares(operation, code))
        .unwrap_or("InvalidRequestException");
    let wanted: Vec<String> = allowed.iter().map(word).collect();
    let problem = format!(
        "{operation}: service status must be {}. The service is in status {}.",
        wanted.join(" or "),
        word(service.status)
    );
    Err(refused(code, &problem))
}

/// `MaxResults`, which the model has checked, or the default.
pub(super) fn page_size(input: &Value, default: usize) -> usize {
    input["MaxResults"].as_u64().and_then(|size| usize::try_from(size).ok()).unwrap_or(default)
}
