//! VPC connectors, and connections to source code providers.

use serde_json::{Value, json};

use super::services::page_size;
use super::state::{Connection, Connector, State};
use super::words::{ConnectionStatus, ServiceStatus};
use super::{AppRunner, bad_token, not_found, refused, text};
use crate::aws::clock::epoch_seconds;
use crate::aws::error::ApiError;
use crate::aws::identity::fresh;
use crate::aws::lock;
use crate::aws::paging::page;

const CONNECTOR_QUOTA: usize = 10;

impl AppRunner {
    pub(super) fn create_connector(&self, input: &Value) -> Result<Value, ApiError> {
        let mut state = lock(&self.shared.state);
        if state.connectors.iter().filter(|connector| connector.active).count() >= CONNECTOR_QUOTA {
            return Err(refused(
                "ServiceQuotaExceededException",
                "You have reached the limit of VPC connectors.",
            ));
        }
        let (subnets, groups) = (input["Subnets"].clone(), input.get("SecurityGroups").cloned());
        let groups = groups.unwrap_or_else(|| json!(["sg-default"]));
        let connector = self.new_connector(&state, text(input, "VpcConnectorName"), subnets, groups);
        let answer = described(&connector);
        let arn = connector.arn.clone();
        state.connectors.push(connector);
        state.set_tags(&arn, &input["Tags"]);
        Ok(answer)
    }

    /// A connector of this name, not yet part of the account.
    pub(super) fn new_connector(
        &self,
        state: &State,
        name: &str,
        subnets: Value,
        security_groups: Value,
    ) -> Connector {
        let id = fresh().simple();
        let revision = 1 + state.connectors.iter().filter(|connector| connector.name == name).count();
        Connector {
            arn: self.shared.arn(&format!("vpcconnector/{name}/{revision}/{id}")),
            name: name.to_owned(),
            revision,
            subnets,
            security_groups,
            active: true,
            created_at: self.shared.narrator.clock.now(),
            deleted_at: None,
        }
    }

    pub(super) fn describe_connector(&self, input: &Value) -> Result<Value, ApiError> {
        let arn = text(input, "VpcConnectorArn");
        let state = lock(&self.shared.state);
        let connector = state.connectors.iter().find(|connector| connector.arn == arn);
        connector.map(described).ok_or_else(|| not_found("VpcConnector", arn))
    }

    pub(super) fn list_connectors(&self, input: &Value) -> Result<Value, ApiError> {
        let state = lock(&self.shared.state);
        let active = state.connectors.iter().filter(|connector| connector.active);
        let page = page(active, page_size(input, 100), input["NextToken"].as_str(), bad_token)?;
        let shown: Vec<Value> =
            page.items.into_iter().map(|connector| described(connector)["VpcConnector"].take()).collect();
        Ok(json!({ "VpcConnectors": shown, "NextToken": page.next }))
    }

    pub(super) fn delete_connector(&self, input: &Value) -> Result<Value, ApiError> {
        let arn = text(input, "VpcConnectorArn");
        let mut state = lock(&self.shared.state);
        let user = state.services.iter().find(|service| {
            let egress = &service.configuration["NetworkConfiguration"]["EgressConfiguration"];
            service.status != ServiceStatus::Deleted && egress["VpcConnectorArn"] == arn
        });
        if let Some(user) = user {
            let problem = format!("The VPC connector is used by the service {}.", user.name);
            return Err(refused("InvalidRequestException", &problem));
        }
        let now = self.shared.narrator.clock.now();
        let connector =
            state.connectors.iter_mut().find(|connector| connector.arn == arn && connector.active);
        let connector = connector.ok_or_else(|| not_found("VpcConnector", arn))?;
        connector.active = false;
        connector.deleted_at = Some(now);
        Ok(described(connector))
    }

    pub(super) fn create_connection(&self, input: &Value) -> Result<Value, ApiError> {
        let name = text(input, "ConnectionName");
        let mut state = lock(&self.shared.state);
        if state.connections.iter().any(|connection| connection.name == name) {
            return Err(refused("InvalidRequestException", "A connection with this name already exists."));
        }
        let connection = Connection {
            arn: self.shared.arn(&format!("connection/{name}/{}", fresh().simple())),
            name: name.to_owned(),
            provider: text(input, "ProviderType").to_owned(),
            status: ConnectionStatus::PendingHandshake,
            created_at: self.shared.narrator.clock.now(),
        };
        let answer = json!({ "Connection": shown_connection(&connection) });
        let arn = connection.arn.clone();
        state.connections.push(connection);
        state.set_tags(&arn, &input["Tags"]);
        Ok(answer)
    }

    pub(super) fn list_connections(&self, input: &Value) -> Result<Value, ApiError> {
        let name = input["ConnectionName"].as_str();
        let state = lock(&self.shared.state);
        let wanted =
            state.connections.iter().filter(|connection| name.is_none_or(|name| name == connection.name));
        let page = page(wanted, page_size(input, 100), input["NextToken"].as_str(), bad_token)?;
        let shown: Vec<Value> = page.items.into_iter().map(shown_connection).collect();
        Ok(json!({ "ConnectionSummaryList": shown, "NextToken": page.next }))
    }

    pub(super) fn delete_connection(&self, input: &Value) -> Result<Value, ApiError> {
        let arn = text(input, "ConnectionArn");
        let mut state = lock(&self.shared.state);
        let place = state.connections.iter().position(|connection| connection.arn == arn);
        let mut connection = state.connections.remove(place.ok_or_else(|| not_found("Connection", arn))?);
        connection.status = ConnectionStatus::Deleted;
        Ok(json!({ "Connection": shown_connection(&connection) }))
    }
}

fn described(connector: &Connector) -> Value {
    let mut shown = json!({
        "VpcConnectorArn": connector.arn,
        "VpcConnectorName": connector.name,
        "VpcConnectorRevision": connector.revision,
        "Subnets": connector.subnets,
        "SecurityGroups": connector.security_groups,
        "Status": if connector.active { "ACTIVE" } else { "INACTIVE" },
        "CreatedAt": epoch_seconds(connector.created_at),
    });
    if let Some(deleted_at) = connector.deleted_at {
        shown["DeletedAt"] = epoch_seconds(deleted_at);
    }
    json!({ "VpcConnector": shown })
}

fn shown_connection(connection: &Connection) -> Value {
    json!({
        "ConnectionArn": connection.arn,
        "ConnectionName": connection.name,
        "ProviderType": connection.provider,
        "Status": connection.status,
        "CreatedAt": epoch_seconds(connection.created_at),
    })
}
