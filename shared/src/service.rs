//! An App Runner service as others see it: its name, its statuses, its operations.
//!
//! Sources: the App Runner API reference (`Service`, `ServiceSummary`, `OperationSummary`) and the guide's
//! chapter on EventBridge events.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::words::aws_words;

aws_words! {
    /// `ServiceStatus` of the App Runner API.
    ServiceStatus {
        CreateFailed = "CREATE_FAILED",
        Running = "RUNNING",
        Deleted = "DELETED",
        DeleteFailed = "DELETE_FAILED",
        Paused = "PAUSED",
        OperationInProgress = "OPERATION_IN_PROGRESS",
    }
}

aws_words! {
    /// `OperationType` of the App Runner API.
    OperationType {
        StartDeployment = "START_DEPLOYMENT",
        CreateService = "CREATE_SERVICE",
        PauseService = "PAUSE_SERVICE",
        ResumeService = "RESUME_SERVICE",
        DeleteService = "DELETE_SERVICE",
        UpdateService = "UPDATE_SERVICE",
    }
}

impl OperationType {
    /// What a person calls it.
    pub fn noun(&self) -> &str {
        match self {
            Self::StartDeployment => "deployment",
            Self::CreateService => "creation",
            Self::PauseService => "pause",
            Self::ResumeService => "resume",
            Self::DeleteService => "deletion",
            Self::UpdateService => "update",
            Self::Other(word) => word,
        }
    }

    /// True for the two types that replace what the service runs.
    pub fn ships_a_version(&self) -> bool {
        matches!(self, Self::StartDeployment | Self::UpdateService)
    }
}

aws_words! {
    /// `OperationStatus` of the App Runner API.
    OperationStatus {
        Pending = "PENDING",
        InProgress = "IN_PROGRESS",
        Failed = "FAILED",
        Succeeded = "SUCCEEDED",
        RollbackInProgress = "ROLLBACK_IN_PROGRESS",
        RollbackFailed = "ROLLBACK_FAILED",
        RollbackSucceeded = "ROLLBACK_SUCCEEDED",
    }
}

impl OperationStatus {
    /// The operation did not do what was asked, whatever App Runner did about it.
    pub fn is_failure(&self) -> bool {
        matches!(
            self,
            Self::Failed | Self::RollbackInProgress | Self::RollbackFailed | Self::RollbackSucceeded
        )
    }

    /// The operation has not ended.
    pub fn is_running(&self) -> bool {
        matches!(self, Self::Pending | Self::InProgress | Self::RollbackInProgress)
    }
}

/// ARN of an App Runner service: `arn:<partition>:apprunner:<region>:<account>:service/<name>/<id>`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServiceArn {
    arn: String,
    /// Byte offsets of region, account, name and id in `arn`; each part ends at the next separator.
    parts: [(usize, usize); 4],
}

/// Why a text is not the ARN of a service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected arn:<partition>:apprunner:<region>:<account>:service/<name>/<id>, found {found:?}")]
pub struct NotAServiceArn {
    found: String,
}

impl ServiceArn {
    /// Region, for example `eu-west-1`.
    pub fn region(&self) -> &str {
        self.part(0)
    }

    /// The twelve digits of the account.
    pub fn account(&self) -> &str {
        self.part(1)
    }

    /// Name of the service; a deleted service's name can be used again.
    pub fn name(&self) -> &str {
        self.part(2)
    }

    /// Identifier of the service, unique over time.
    pub fn id(&self) -> &str {
        self.part(3)
    }

    /// The whole ARN.
    pub fn as_str(&self) -> &str {
        &self.arn
    }

    /// Log group of the platform's own lines: stream `events` and one stream an operation.
    pub fn service_log_group(&self) -> String {
        format!("/aws/apprunner/{}/{}/service", self.name(), self.id())
    }

    /// Log group of the application's output: one stream an instance.
    pub fn application_log_group(&self) -> String {
        format!("/aws/apprunner/{}/{}/application", self.name(), self.id())
    }

    fn part(&self, index: usize) -> &str {
        let (start, end) = self.parts[index];
        &self.arn[start..end]
    }
}

impl std::str::FromStr for ServiceArn {
    type Err = NotAServiceArn;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || NotAServiceArn { found: text.chars().take(200).collect() };
        let plain = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        if text.len() > 1011 {
            return Err(refuse());
        }
        let sections: Vec<&str> = text.split(':').collect();
        let ["arn", partition, "apprunner", region, account, resource] = sections[..] else {
            return Err(refuse());
        };
        let path: Vec<&str> = resource.split('/').collect();
        let ["service", name, id] = path[..] else {
            return Err(refuse());
        };
        if ![partition, region, account, name, id].into_iter().all(plain) {
            return Err(refuse());
        }
        let region_at = "arn::apprunner:".len() + partition.len();
        let account_at = region_at + region.len() + 1;
        let name_at = account_at + account.len() + ":service/".len();
        let id_at = name_at + name.len() + 1;
        Ok(Self {
            parts: [
                (region_at, region_at + region.len()),
                (account_at, account_at + account.len()),
                (name_at, name_at + name.len()),
                (id_at, text.len()),
            ],
            arn: text.to_owned(),
        })
    }
}

impl TryFrom<String> for ServiceArn {
    type Error = NotAServiceArn;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ServiceArn> for String {
    fn from(arn: ServiceArn) -> Self {
        arn.arn
    }
}

impl fmt::Display for ServiceArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.arn)
    }
}

impl fmt::Debug for ServiceArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.arn)
    }
}

/// Identifier of an App Runner operation, unique over time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperationId(pub String);

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One entry of `ListOperations`. It tells neither image nor configuration nor reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Identifier.
    pub id: OperationId,
    /// What was asked.
    #[serde(rename = "type")]
    pub kind: OperationType,
    /// Where it stands.
    pub status: OperationStatus,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended; absent while it runs.
    pub ended_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
}

impl Operation {
    /// The latest instant that is known of it: its end, else its last change, else its start.
    pub fn last_known_at(&self) -> Option<Timestamp> {
        self.ended_at.or(self.updated_at).or(self.started_at)
    }
}

/// One entry of `ListServices`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceSummary {
    /// ARN.
    pub arn: ServiceArn,
    /// Present status.
    pub status: ServiceStatus,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_gives_its_parts_and_log_groups() {
        let arn: ServiceArn =
            "arn:aws-cn:apprunner:cn-north-1:123456789012:service/orders-api/8fe1".parse().unwrap();
        assert_eq!(
            [arn.region(), arn.account(), arn.name(), arn.id()],
            ["cn-north-1", "123456789012", "orders-api", "8fe1"]
        );
        assert_eq!(arn.service_log_group(), "/aws/apprunner/orders-api/8fe1/service");
        assert_eq!(arn.application_log_group(), "/aws/apprunner/orders-api/8fe1/application");
    }

    #[test]
    fn what_is_not_the_arn_of_a_service_is_refused() {
        for text in [
            "",
            "arn:aws:apprunner:eu-west-1:123456789012:service/orders",
            "arn:aws:apprunner:eu-west-1:123456789012:connection/orders/8fe1",
            "arn:aws:apprunner:eu-west-1:123456789012:service/orders/8fe1/more",
            "arn:aws:apprunner:eu-west-1:123456789012:service/or\nders/8fe1",
            "arn:aws:ecs:eu-west-1:123456789012:service/orders/8fe1",
            "arn:aws:apprunner:eu-west-1::service/orders/8fe1",
        ] {
            assert!(text.parse::<ServiceArn>().is_err(), "{text}");
        }
    }

    #[test]
    fn unknown_words_are_carried() {
        let status = ServiceStatus::from("ON_HOLIDAY");
        assert_eq!(status, ServiceStatus::Other("ON_HOLIDAY".into()));
        assert_eq!(serde_json::to_string(&status).unwrap(), "\"ON_HOLIDAY\"");
        for word in ServiceStatus::KNOWN {
            assert_eq!(ServiceStatus::from(*word).as_str(), *word);
        }
    }
}
