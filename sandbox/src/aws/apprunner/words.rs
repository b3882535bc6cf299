//! The words of App Runner's API for states and kinds.

use serde::Serialize;
use serde_json::Value;

/// The status of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ServiceStatus {
    /// Never usable yet.
    CreateFailed,
    /// Serving.
    Running,
    /// Gone.
    Deleted,
    /// The deletion failed.
    DeleteFailed,
    /// Compute is at zero.
    Paused,
    /// An operation or maintenance is under way.
    OperationInProgress,
}

/// The type of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OperationType {
    /// `CreateService`
    CreateService,
    /// `StartDeployment`, or an automatic deployment.
    StartDeployment,
    /// `UpdateService`
    UpdateService,
    /// `PauseService`
    PauseService,
    /// `ResumeService`
    ResumeService,
    /// `DeleteService`
    DeleteService,
}

/// The status of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OperationStatus {
    /// Accepted.
    Pending,
    /// At work.
    InProgress,
    /// Ended without success and without a rollback.
    Failed,
    /// Ended well.
    Succeeded,
    /// App Runner is returning to the previous version.
    RollbackInProgress,
    /// App Runner could not return to the previous version.
    RollbackFailed,
    /// App Runner returned to the previous version.
    RollbackSucceeded,
}

/// The status of a VPC ingress connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum IngressStatus {
    /// Traffic flows.
    Available,
    /// Being created.
    PendingCreation,
    /// Being updated.
    PendingUpdate,
    /// Being deleted.
    PendingDeletion,
    /// Creation failed.
    FailedCreation,
    /// Update failed.
    FailedUpdate,
    /// Deletion failed.
    FailedDeletion,
    /// Gone.
    Deleted,
}

/// The status of a custom domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DomainStatus {
    /// Being linked.
    Creating,
    /// Linking failed.
    CreateFailed,
    /// Serving.
    Active,
    /// Being unlinked.
    Deleting,
    /// Unlinking failed.
    DeleteFailed,
    /// The validation records are not published.
    PendingCertificateDnsValidation,
    /// The certificate is being bound.
    BindingCertificate,
}

/// The status of a connection to a source code provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ConnectionStatus {
    /// A person has to finish the handshake in the console.
    PendingHandshake,
    /// Usable.
    Available,
    /// Broken.
    Error,
    /// Gone.
    Deleted,
}

/// The word of the API for a value of one of these enums.
pub(super) fn word(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}
