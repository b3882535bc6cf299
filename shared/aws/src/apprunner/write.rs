//! App Runner, changing. Its calls have no client token, so a repeated call could act twice: the SDK's retries are
//! off here, and only here.
//!
//! The SDK leaves `IsPubliclyAccessible` out of a request where it is false (it is a plain `bool` there), so that a
//! way back to a private service would not say that it is to be private. The input of an update is therefore
//! written by the configuration itself and put in the place of the SDK's.

use autopilot::{
    configuration::Configuration,
    error::PortError,
    mutation::{Permit, Receipt},
    ports::ServiceWrite,
    service::{OperationId, ServiceArn},
};
use aws_sdk_apprunner::{
    Client,
    config::{self, http::HttpRequest},
};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;

use crate::{failure::port_error, on_demand::OnDemand};

const UPDATE: &str = "apprunner:UpdateService";
const DELETE: &str = "apprunner:DeleteService";
const DELETE_CONNECTION: &str = "apprunner:DeleteVpcIngressConnection";

/// App Runner, for functions that change services.
#[derive(Clone, Debug)]
pub struct AppRunnerWrite {
    client: OnDemand<Client>,
}

impl AppRunnerWrite {
    /// A client that makes each call once.
    pub fn new(sdk: &SdkConfig) -> Self {
        let once = |sdk: &SdkConfig| {
            Client::from_conf(config::Builder::from(sdk).retry_config(RetryConfig::disabled()).build())
        };
        Self { client: OnDemand::new(sdk, once) }
    }
}

/// Before the request is signed.
fn replace_body(request: &mut HttpRequest, body: &str) {
    request.headers_mut().insert("content-length", body.len().to_string());
    *request.body_mut() = SdkBody::from(body);
}

fn receipt(operation: String) -> Receipt {
    Receipt { operation: (!operation.is_empty()).then_some(OperationId(operation)) }
}

impl ServiceWrite for AppRunnerWrite {
    async fn update(
        &self,
        _: &Permit,
        service: &ServiceArn,
        configuration: Option<&Configuration>,
    ) -> Result<Receipt, PortError> {
        let call = self.client.get().update_service().service_arn(service.as_str());
        let answer = match configuration {
            None => call.send().await,
            Some(configuration) => {
                let input = configuration.update_input(service);
                call.customize()
                    .mutate_request(move |request| replace_body(request, input.expose()))
                    .send()
                    .await
            }
        };
        let answer = answer.map_err(|error| port_error(UPDATE, error))?;
        Ok(receipt(answer.operation_id))
    }

    async fn delete(&self, _: &Permit, service: &ServiceArn) -> Result<Receipt, PortError> {
        let call = self.client.get().delete_service().service_arn(service.as_str());
        let answer = call.send().await.map_err(|error| port_error(DELETE, error))?;
        Ok(receipt(answer.operation_id))
    }

    async fn delete_ingress_connection(&self, _: &Permit, connection: &str) -> Result<Receipt, PortError> {
        let call = self.client.get().delete_vpc_ingress_connection().vpc_ingress_connection_arn(connection);
        call.send().await.map_err(|error| port_error(DELETE_CONNECTION, error))?;
        Ok(Receipt { operation: None })
    }
}
