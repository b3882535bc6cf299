//! What App Runner tells the world while it works: events on the bus, lines in its log groups.
//!
//! Sentences are the ones found in real logs and in the documentation; where none is known nothing is said.

use std::sync::Arc;

use serde_json::{Value, json};

use super::script::{Place, Script};
use super::state::ServiceState;
use super::words::{OperationType, ServiceStatus, word};
use crate::aws::bus::Bus;
use crate::aws::clock::Clock;
use crate::aws::logs::Logs;

/// Stages of an operation that have an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Started,
    CompletedSuccessfully,
    Failed,
}

/// Writes events and log lines.
pub(super) struct Narrator {
    pub(super) bus: Arc<Bus>,
    pub(super) logs: Arc<Logs>,
    pub(super) clock: Clock,
}

const SOURCE: &str = "aws.apprunner";

/// The event's name of an operation, and the sentences of its three stages. `UpdateServiceStarted` has no
/// message in an event; the log has one.
fn sentences(kind: OperationType) -> (&'static str, [&'static str; 3]) {
    match kind {
        OperationType::CreateService => (
            "CreateService",
            [
                "Service creation started.",
                "Service creation completed successfully.",
                "Service creation failed. For details, see service logs.",
            ],
        ),
        OperationType::UpdateService => (
            "UpdateService",
            [
                "Service update started.",
                "Service update completed successfully. New configuration is deployed.",
                "Service update failed. For details, see service logs.",
            ],
        ),
        OperationType::StartDeployment => (
            "Deployment",
            [
                "Deployment started.",
                "Deployment completed successfully.",
                "Deployment failed. For details, see service logs.",
            ],
        ),
        OperationType::PauseService => (
            "PauseService",
            ["Service pause started.", "Service pause completed successfully.", "Service pause failed."],
        ),
        OperationType::ResumeService => (
            "ResumeService",
            ["Service resume started.", "Service resume completed successfully.", "Service resume failed."],
        ),
        OperationType::DeleteService => (
            "DeleteService",
            [
                "Service deletion started.",
                "Service deletion completed successfully.",
                "Service deletion failed.",
            ],
        ),
    }
}

/// What triggers a deployment, in the event log.
fn trigger(kind: OperationType) -> Option<&'static str> {
    match kind {
        OperationType::CreateService => Some("SERVICE_CREATE"),
        OperationType::UpdateService => Some("SERVICE_UPDATE"),
        OperationType::StartDeployment => Some("SERVICE_DEPLOY"),
        _ => None,
    }
}

impl Narrator {
    /// A stage of an operation: its event and its line in the event log.
    pub(super) fn operation(
        &self,
        service: &ServiceState,
        kind: OperationType,
        stage: Stage,
        with_application: bool,
    ) {
        let (name, [started, completed, failed]) = sentences(kind);
        let sentence = match stage {
            Stage::Started => started,
            Stage::CompletedSuccessfully if kind == OperationType::UpdateService && with_application => {
                "Service update completed successfully. New application and configuration is deployed."
            }
            Stage::CompletedSuccessfully => completed,
            Stage::Failed => failed,
        };
        let message =
            if kind == OperationType::UpdateService && stage == Stage::Started { "" } else { sentence };
        self.publish(
            service,
            "AppRunner Service Operation Status Change",
            &json!({
                "operationStatus": format!("{name}{stage:?}"),
                "serviceName": service.name,
                "serviceId": service.id,
                "message": message,
                "severity": if stage == Stage::Failed { "ERROR" } else { "INFO" },
            }),
        );
        self.event_line(service, sentence);
    }

    /// A change of the service's status: its event (not for the first status, which has no previous one) and
    /// its line in the event log.
    pub(super) fn status(&self, service: &ServiceState, previous: Option<ServiceStatus>) {
        let message = format!("Service status is set to {}.", word(service.status));
        if let Some(previous) = previous {
            let failed = matches!(service.status, ServiceStatus::CreateFailed | ServiceStatus::DeleteFailed);
            self.publish(
                service,
                "AppRunner Service Status Change",
                &json!({
                    "previousServiceStatus": previous,
                    "currentServiceStatus": service.status,
                    "serviceName": service.name,
                    "serviceId": service.id,
                    "message": message,
                    "severity": if failed { "ERROR" } else { "INFO" },
                }),
            );
        }
        self.event_line(service, &message);
    }

    fn publish(&self, service: &ServiceState, detail_type: &str, detail: &Value) {
        self.bus.publish(SOURCE, detail_type, &[&service.arn], detail);
    }

    /// The line that names the deployment of an operation.
    pub(super) fn deployment_started(&self, service: &ServiceState, kind: OperationType, operation: &str) {
        if let Some(trigger) = trigger(kind) {
            let line = format!("Deployment with ID : {operation} started. Triggering event : {trigger}");
            self.event_line(service, &line);
        }
    }

    /// The lines between start and end: the script's own, or the usual ones.
    pub(super) fn body(
        &self,
        service: &ServiceState,
        kind: OperationType,
        operation: &str,
        script: &Script,
        succeeds: bool,
    ) {
        if trigger(kind).is_some() && !script.tells_its_own_story() {
            for (places, line) in usual_lines(service, succeeds) {
                for place in places {
                    self.line(service, operation, *place, &format!("[AppRunner] {line}"));
                }
            }
        }
        for (place, line) in &script.lines {
            self.line(service, operation, *place, line);
        }
    }

    /// The last lines of a failed deployment before the service says that the operation failed.
    pub(super) fn deployment_failed(
        &self,
        service: &ServiceState,
        kind: OperationType,
        operation: &str,
        script: &Script,
    ) {
        if trigger(kind).is_none() {
            return;
        }
        let reason = if script.tells_its_own_story() { "" } else { " Failure reason : Health check failed." };
        self.event_line(service, &format!("Deployment with ID : {operation} failed.{reason}"));
        if !script.tells_its_own_story() {
            self.line(
                service,
                operation,
                Place::Deployment,
                "[AppRunner] Failed to deploy your application image.",
            );
        }
    }

    fn event_line(&self, service: &ServiceState, sentence: &str) {
        self.line(service, "", Place::Events, &format!("[AppRunner] {sentence}"));
    }

    fn line(&self, service: &ServiceState, operation: &str, place: Place, line: &str) {
        let (group, stream) = match place {
            Place::Events => ("service", "events".to_owned()),
            Place::Deployment => ("service", format!("deployment/{operation}")),
            Place::Application => ("application", format!("instance/{operation}")),
        };
        let group = format!("/aws/apprunner/{}/{}/{group}", service.name, service.id);
        self.logs.put(&group, &stream, self.clock.now(), line);
    }
}

const EVENTS: &[Place] = &[Place::Events];
const DEPLOYMENT: &[Place] = &[Place::Deployment];
const BOTH: &[Place] = &[Place::Events, Place::Deployment];

/// App Runner's own lines for a deployment that succeeds, or fails its health check.
fn usual_lines(service: &ServiceState, succeeds: bool) -> Vec<(&'static [Place], String)> {
    let source = &service.configuration["SourceConfiguration"];
    let mut lines = match source["ImageRepository"]["ImageIdentifier"].as_str() {
        Some(image) => vec![
            (EVENTS, format!("Pulling image {image} from ECR repository.")),
            (DEPLOYMENT, "Starting to pull your application image.".to_owned()),
            (BOTH, "Successfully pulled your application image from ECR.".to_owned()),
        ],
        None => code_lines(source["CodeRepository"]["RepositoryUrl"].as_str().unwrap_or_default()),
    };
    let public = service.configuration["NetworkConfiguration"]["IngressConfiguration"]["IsPubliclyAccessible"]
        == json!(true);
    let access = if public { "publicly" } else { "privately" };
    lines.push((
        EVENTS,
        format!("Provisioning instances and deploying image for {access} accessible service."),
    ));
    let (begun, failed) = health_check_lines(service);
    lines.push((EVENTS, begun));
    if succeeds {
        lines.push((EVENTS, "Health check is successful. Routing traffic to application.".to_owned()));
        lines.push((EVENTS, "Successfully routed incoming traffic to application.".to_owned()));
        lines.push((DEPLOYMENT, "Successfully deployed your application image.".to_owned()));
    } else {
        lines.push((EVENTS, failed));
    }
    lines
}

fn code_lines(repository: &str) -> Vec<(&'static [Place], String)> {
    vec![
        (EVENTS, format!("Pulling source code from GITHUB Repository ( {repository} ).")),
        (EVENTS, "Successfully pulled your application source code.".to_owned()),
        (EVENTS, "Starting source code build.".to_owned()),
        (DEPLOYMENT, "Starting to deploy your application source code.".to_owned()),
        (DEPLOYMENT, "Starting to build your application source code.".to_owned()),
        (BOTH, "Successfully built your application source code.".to_owned()),
    ]
}

/// The lines of a health check that begins, and of one that failed.
fn health_check_lines(service: &ServiceState) -> (String, String) {
    let check = &service.configuration["HealthCheckConfiguration"];
    let source = &service.configuration["SourceConfiguration"];
    let settings = [
        &source["ImageRepository"]["ImageConfiguration"],
        &source["CodeRepository"]["CodeConfiguration"]["CodeConfigurationValues"],
    ];
    let port = settings.iter().find_map(|settings| settings["Port"].as_str()).unwrap_or("8080");
    // For HTTP the failure has no blank before the path.
    let (protocol, path, blank) = match check["Protocol"].as_str() {
        Some("HTTP") => ("HTTP", format!("[Path: '{}'], ", check["Path"].as_str().unwrap_or("/")), ""),
        _ => ("TCP", String::new(), " "),
    };
    (
        format!("Performing health check on protocol `{protocol}` {path}[Port: '{port}']."),
        format!(
            "Health check failed on protocol `{protocol}`{blank}{path}[Port: '{port}']. Check your configured port \
             number. For more information, see the application logs."
        ),
    )
}
