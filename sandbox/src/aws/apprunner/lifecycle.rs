//! Operations over time: PENDING, `IN_PROGRESS`, and the end that the script says.
//!
//! ```text
//! PENDING ─> IN_PROGRESS ─┬─> SUCCEEDED
//!                         ├─> FAILED
//!                         └─> ROLLBACK_IN_PROGRESS ─┬─> ROLLBACK_SUCCEEDED
//!                                                   └─> ROLLBACK_FAILED
//! ```

use super::configuration::Configuration;
use super::narration::Stage;
use super::script::{Outcome, Script};
use super::state::{Operation, ServiceState, State};
use super::words::{IngressStatus, OperationStatus, OperationType, ServiceStatus};
use super::{AppRunner, Shared};
use crate::aws::identity::fresh;
use crate::aws::lock;

/// An operation under way.
struct Run {
    arn: String,
    operation: String,
    kind: OperationType,
    script: Script,
    /// The service's status and configuration before.
    before: (ServiceStatus, Configuration),
    /// Whether an update brings a new application.
    with_application: bool,
}

/// How an operation ends: its own status, the service's, and whether the configuration goes back.
type End = (OperationStatus, ServiceStatus, bool);

impl AppRunner {
    /// Begins an operation on a service and returns its ID. `attempt` is the configuration that it brings.
    pub(super) fn begin(
        &self,
        state: &mut State,
        arn: &str,
        kind: OperationType,
        attempt: Option<Configuration>,
    ) -> String {
        let name = state.service(arn).map_or_else(String::new, |service| service.name.clone());
        let blocked = kind == OperationType::DeleteService
            && state
                .ingress
                .iter()
                .any(|ingress| ingress.service_arn == arn && ingress.status == IngressStatus::Available);
        let mut script = state.next_script(arn, &name).unwrap_or_else(|| Script::new(Outcome::Succeed));
        if blocked {
            script.outcome = Outcome::Fail;
        }
        let operation = fresh().simple().to_string();
        let Some(service) = state.service_mut(arn) else { return operation };
        let before = (service.status, service.configuration.clone());
        let with_application = attempt.as_ref().is_some_and(|attempt| {
            attempt.get("SourceConfiguration") != service.configuration.get("SourceConfiguration")
        });
        if let Some(attempt) = attempt {
            service.configuration = attempt;
        }
        let now = self.shared.narrator.clock.now();
        service.updated_at = now;
        service.operations.push(Operation {
            id: operation.clone(),
            kind,
            status: OperationStatus::Pending,
            started_at: now,
            ended_at: None,
            updated_at: now,
        });
        self.shared.narrator.operation(service, kind, Stage::Started, with_application);
        // A new service has had no other status before this one.
        let previous = (kind != OperationType::CreateService).then_some(service.status);
        service.status = ServiceStatus::OperationInProgress;
        self.shared.narrator.status(service, previous);
        self.shared.narrator.deployment_started(service, kind, &operation);
        let run =
            Run { arn: arn.to_owned(), operation: operation.clone(), kind, script, before, with_application };
        let (shared, work) = (self.shared.clone(), self.shared.activity.begin());
        tokio::spawn(async move {
            let _work = work;
            run.to_the_end(&shared).await;
        });
        operation
    }
}

impl Run {
    async fn to_the_end(&self, shared: &Shared) {
        let phase = self.script.phase.unwrap_or(shared.phase);
        tokio::time::sleep(phase).await;
        self.advance(shared, OperationStatus::InProgress, |_| ());
        tokio::time::sleep(phase).await;
        let succeeds = self.script.outcome == Outcome::Succeed;
        let end @ (status, ..) = self.end();
        let rolls_back =
            matches!(status, OperationStatus::RollbackSucceeded | OperationStatus::RollbackFailed);
        let told = |service: &mut ServiceState| {
            let narrator = &shared.narrator;
            narrator.body(service, self.kind, &self.operation, &self.script, succeeds);
            if !succeeds {
                narrator.deployment_failed(service, self.kind, &self.operation, &self.script);
            }
            let stage = if succeeds { Stage::CompletedSuccessfully } else { Stage::Failed };
            narrator.operation(service, self.kind, stage, self.with_application);
        };
        if rolls_back {
            self.advance(shared, OperationStatus::RollbackInProgress, told);
            tokio::time::sleep(phase).await;
            self.finish(shared, end, |_| ());
        } else {
            self.finish(shared, end, told);
        }
    }

    /// The end that the outcome leads to for this kind of operation.
    fn end(&self) -> End {
        let before = self.before.0;
        match (self.kind, self.script.outcome) {
            (OperationType::DeleteService, Outcome::Succeed) => {
                (OperationStatus::Succeeded, ServiceStatus::Deleted, false)
            }
            (OperationType::PauseService, Outcome::Succeed) => {
                (OperationStatus::Succeeded, ServiceStatus::Paused, false)
            }
            (_, Outcome::Succeed) => (OperationStatus::Succeeded, ServiceStatus::Running, false),
            (OperationType::DeleteService, _) => {
                (OperationStatus::Failed, ServiceStatus::DeleteFailed, false)
            }
            (OperationType::CreateService, _) => {
                (OperationStatus::Failed, ServiceStatus::CreateFailed, false)
            }
            (OperationType::PauseService | OperationType::ResumeService, _) => {
                (OperationStatus::Failed, before, false)
            }
            // A service that never ran has nothing to return to.
            (_, _) if before == ServiceStatus::CreateFailed => {
                (OperationStatus::Failed, ServiceStatus::CreateFailed, false)
            }
            (_, Outcome::FailThenRollBack) => {
                (OperationStatus::RollbackSucceeded, ServiceStatus::Running, true)
            }
            (_, Outcome::RollbackFails) => (OperationStatus::RollbackFailed, ServiceStatus::Running, false),
            (_, Outcome::FailReverted) => (OperationStatus::Failed, ServiceStatus::Running, true),
            (_, Outcome::Fail) => (OperationStatus::Failed, ServiceStatus::Running, false),
        }
    }

    fn finish(
        &self,
        shared: &Shared,
        (status, service_status, goes_back): End,
        told: impl FnOnce(&mut ServiceState),
    ) {
        self.advance(shared, status, |service| {
            if goes_back {
                service.configuration.clone_from(&self.before.1);
            }
            told(service);
            let now = shared.narrator.clock.now();
            if let Some(operation) = service.operation_mut(&self.operation) {
                operation.ended_at = Some(now);
            }
            if service_status == ServiceStatus::Deleted {
                service.deleted_at = Some(now);
            }
            let previous = std::mem::replace(&mut service.status, service_status);
            shared.narrator.status(service, Some(previous));
        });
    }

    /// Sets the operation's status and then does more, in one step for whoever looks on.
    fn advance(&self, shared: &Shared, status: OperationStatus, more: impl FnOnce(&mut ServiceState)) {
        let now = shared.narrator.clock.now();
        let mut state = lock(&shared.state);
        let Some(service) = state.service_mut(&self.arn) else { return };
        service.updated_at = now;
        if let Some(operation) = service.operation_mut(&self.operation) {
            operation.status = status;
            operation.updated_at = now;
        }
        more(service);
    }
}

/// The host name that App Runner gives something new: ten random characters under its domain.
pub(super) fn default_domain(region: &str) -> String {
    let random = fresh().simple().to_string();
    format!("{}.{region}.awsapprunner.com", &random[..10])
}
