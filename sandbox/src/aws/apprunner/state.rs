//! What App Runner knows: services and the resources beside them.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::configuration::{Configuration, MEMBERS};
use super::revisions::Revision;
use super::script::Script;
use super::words::{
    ConnectionStatus, DomainStatus, IngressStatus, OperationStatus, OperationType, ServiceStatus,
};
use crate::aws::clock::epoch_seconds;

/// Everything in one account and Region, behind one lock.
#[derive(Default)]
pub(super) struct State {
    /// In order of creation.
    pub(super) services: Vec<ServiceState>,
    pub(super) ingress: Vec<Ingress>,
    pub(super) connectors: Vec<Connector>,
    pub(super) connections: Vec<Connection>,
    pub(super) revisions: Vec<Revision>,
    /// Tags by resource ARN.
    pub(super) tags: BTreeMap<String, BTreeMap<String, String>>,
    /// Scripts that wait for an operation, by ARN or name.
    pub(super) scripts: BTreeMap<String, VecDeque<Script>>,
}

pub(super) struct ServiceState {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) arn: String,
    pub(super) url: String,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) deleted_at: Option<Timestamp>,
    pub(super) status: ServiceStatus,
    pub(super) configuration: Configuration,
    pub(super) encryption: Option<Value>,
    /// Oldest first.
    pub(super) operations: Vec<Operation>,
    pub(super) domains: Vec<Domain>,
}

pub(super) struct Operation {
    pub(super) id: String,
    pub(super) kind: OperationType,
    pub(super) status: OperationStatus,
    pub(super) started_at: Timestamp,
    pub(super) ended_at: Option<Timestamp>,
    pub(super) updated_at: Timestamp,
}

pub(super) struct Domain {
    pub(super) name: String,
    pub(super) www: bool,
    pub(super) status: DomainStatus,
    /// The certificate validation records.
    pub(super) records: Vec<Value>,
}

pub(super) struct Ingress {
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) service_arn: String,
    pub(super) status: IngressStatus,
    pub(super) domain: String,
    /// `VpcId` and `VpcEndpointId`.
    pub(super) vpc: Value,
    pub(super) created_at: Timestamp,
    pub(super) deleted_at: Option<Timestamp>,
}

pub(super) struct Connector {
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) revision: usize,
    pub(super) subnets: Value,
    pub(super) security_groups: Value,
    pub(super) active: bool,
    pub(super) created_at: Timestamp,
    pub(super) deleted_at: Option<Timestamp>,
}

pub(super) struct Connection {
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) provider: String,
    pub(super) status: ConnectionStatus,
    pub(super) created_at: Timestamp,
}

impl State {
    pub(super) fn service(&self, arn: &str) -> Option<&ServiceState> {
        self.services.iter().find(|service| service.arn == arn)
    }

    pub(super) fn service_mut(&mut self, arn: &str) -> Option<&mut ServiceState> {
        self.services.iter_mut().find(|service| service.arn == arn)
    }

    /// The script ordered for the next operation of a resource, by its ARN or else by its name.
    pub(super) fn next_script(&mut self, arn: &str, name: &str) -> Option<Script> {
        [arn, name].into_iter().find_map(|key| self.scripts.get_mut(key)?.pop_front())
    }

    /// The `Service` of an answer.
    pub(super) fn describe(&self, service: &ServiceState) -> Value {
        let mut shown = service.summary();
        for member in MEMBERS {
            if let Some(value) = service.configuration.get(member)
                && member != "AutoScalingConfigurationArn"
            {
                shown.insert(member.to_owned(), value.clone());
            }
        }
        let scaling = service.configuration.get("AutoScalingConfigurationArn").and_then(Value::as_str);
        let scaling = scaling.and_then(|arn| self.revisions.iter().find(|revision| revision.arn == arn));
        shown.insert(
            "AutoScalingConfigurationSummary".to_owned(),
            scaling.map_or_else(|| json!({}), |revision| self.revision_summary(revision)),
        );
        if let Some(encryption) = &service.encryption {
            shown.insert("EncryptionConfiguration".to_owned(), encryption.clone());
        }
        if let Some(deleted_at) = service.deleted_at {
            shown.insert("DeletedAt".to_owned(), epoch_seconds(deleted_at));
        }
        Value::Object(shown)
    }
}

impl ServiceState {
    /// The members of a `ServiceSummary`.
    pub(super) fn summary(&self) -> Map<String, Value> {
        let pairs = [
            ("ServiceName", json!(self.name)),
            ("ServiceId", json!(self.id)),
            ("ServiceArn", json!(self.arn)),
            ("ServiceUrl", json!(self.url)),
            ("CreatedAt", epoch_seconds(self.created_at)),
            ("UpdatedAt", epoch_seconds(self.updated_at)),
            ("Status", json!(self.status)),
        ];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The operation with this ID.
    pub(super) fn operation_mut(&mut self, id: &str) -> Option<&mut Operation> {
        self.operations.iter_mut().find(|operation| operation.id == id)
    }
}

impl Operation {
    /// The `OperationSummary` of an answer.
    pub(super) fn summary(&self, target: &str) -> Value {
        let mut summary = json!({
            "Id": self.id,
            "Type": self.kind,
            "Status": self.status,
            "TargetArn": target,
            "StartedAt": epoch_seconds(self.started_at),
            "UpdatedAt": epoch_seconds(self.updated_at),
        });
        if let Some(ended_at) = self.ended_at {
            summary["EndedAt"] = epoch_seconds(ended_at);
        }
        summary
    }
}
