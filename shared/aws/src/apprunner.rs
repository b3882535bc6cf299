//! App Runner, reading.

use std::collections::HashMap;

use autopilot::{
    error::{Class, PortError},
    evidence::{HealthCheck, Service},
    ports::{AppRunnerRead, Described, References},
    redact::Untrusted,
    service::{
        Operation, OperationId, OperationStatus, OperationType, ServiceArn, ServiceStatus, ServiceSummary,
    },
};
use aws_config::SdkConfig;
use aws_sdk_apprunner::{Client, primitives::DateTime, types};
use jiff::Timestamp;

use crate::failure::port_error;

/// App Runner.
#[derive(Clone, Debug)]
pub struct AppRunner {
    client: Client,
}

impl AppRunner {
    /// A client.
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { client: Client::new(sdk) }
    }
}

impl AppRunnerRead for AppRunner {
    async fn services(&self) -> Result<Vec<ServiceSummary>, PortError> {
        let mut pages = self.client.list_services().into_paginator().send();
        let mut services = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| port_error("apprunner:ListServices", error))?;
            for summary in page.service_summary_list {
                let arn = summary.service_arn.unwrap_or_default();
                let arn = arn.parse().map_err(|error: autopilot::service::NotAServiceArn| {
                    PortError::new("apprunner:ListServices", Class::Permanent, error.to_string())
                })?;
                let status =
                    ServiceStatus::from(summary.status.as_ref().map_or("", |status| status.as_str()));
                services.push(ServiceSummary { arn, status });
            }
        }
        Ok(services)
    }

    async fn describe(&self, service: &ServiceArn) -> Result<Described, PortError> {
        let call = self.client.describe_service().service_arn(service.as_str());
        let answer = call.send().await.map_err(|error| port_error("apprunner:DescribeService", error))?;
        answer.service.as_ref().map(described).ok_or_else(|| {
            PortError::new("apprunner:DescribeService", Class::Retryable, "the answer holds no service")
        })
    }

    async fn operations(
        &self,
        service: &ServiceArn,
        since: Option<Timestamp>,
    ) -> Result<Vec<Operation>, PortError> {
        let call = self.client.list_operations().service_arn(service.as_str());
        let mut pages = call.into_paginator().send();
        let mut operations: Vec<Operation> = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| port_error("apprunner:ListOperations", error))?;
            operations.extend(page.operation_summary_list.unwrap_or_default().into_iter().map(operation));
            let oldest = operations.last().and_then(|op| op.started_at);
            if since.is_none_or(|since| oldest.is_some_and(|oldest| oldest < since)) {
                break;
            }
        }
        Ok(operations)
    }

    async fn tags(&self, service: &ServiceArn) -> Result<HashMap<String, String>, PortError> {
        let call = self.client.list_tags_for_resource().resource_arn(service.as_str());
        let answer = call.send().await.map_err(|error| port_error("apprunner:ListTagsForResource", error))?;
        let tags = answer.tags.unwrap_or_default().into_iter();
        Ok(tags.map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default())).collect())
    }
}

fn timestamp(time: DateTime) -> Option<Timestamp> {
    time.to_millis().ok().and_then(|ms| Timestamp::from_millisecond(ms).ok())
}

fn operation(summary: types::OperationSummary) -> Operation {
    Operation {
        id: OperationId(summary.id.unwrap_or_default()),
        kind: OperationType::from(summary.r#type.as_ref().map_or("", |kind| kind.as_str())),
        status: OperationStatus::from(summary.status.as_ref().map_or("", |status| status.as_str())),
        started_at: summary.started_at.and_then(timestamp),
        ended_at: summary.ended_at.and_then(timestamp),
        updated_at: summary.updated_at.and_then(timestamp),
    }
}

fn described(service: &types::Service) -> Described {
    let source = service.source_configuration.as_ref();
    let instance = service.instance_configuration.as_ref();
    let authentication = source.and_then(|source| source.authentication_configuration());
    let egress = service.network_configuration.as_ref().and_then(|network| network.egress_configuration());
    let scaling = service.auto_scaling_configuration_summary.as_ref();
    let owned = |text: &str| text.to_owned();
    Described {
        status: ServiceStatus::from(service.status.as_str()),
        url: service.service_url.clone(),
        refers_to: References {
            access_role: authentication.and_then(|auth| auth.access_role_arn()).map(owned),
            instance_role: instance.and_then(|instance| instance.instance_role_arn()).map(owned),
            vpc_connector: egress.and_then(|egress| egress.vpc_connector_arn()).map(owned),
            connection: authentication.and_then(|auth| auth.connection_arn()).map(owned),
            auto_scaling: scaling.and_then(|scaling| scaling.auto_scaling_configuration_arn()).map(owned),
        },
        configuration: configuration(service),
    }
}

fn configuration(service: &types::Service) -> Service {
    let source = service.source_configuration.as_ref();
    let image = source.and_then(|source| source.image_repository());
    let code = source.and_then(|source| source.code_repository());
    let values =
        code.and_then(|code| code.code_configuration()).and_then(|code| code.code_configuration_values());
    let image_configuration = image.and_then(|image| image.image_configuration());
    let instance = service.instance_configuration.as_ref();
    let egress = service.network_configuration.as_ref().and_then(|network| network.egress_configuration());
    let port = image_configuration.and_then(|c| c.port()).or_else(|| values.and_then(|v| v.port()));
    let start = image_configuration
        .and_then(|c| c.start_command())
        .or_else(|| values.and_then(|v| v.start_command()));
    let variables = image_configuration
        .and_then(|c| c.runtime_environment_variables())
        .or_else(|| values.and_then(|v| v.runtime_environment_variables()));
    let secrets = image_configuration
        .and_then(|c| c.runtime_environment_secrets())
        .or_else(|| values.and_then(|v| v.runtime_environment_secrets()));
    Service {
        status: Some(service.status.as_str().to_owned()),
        from_code: source.map(|_| code.is_some()),
        image_identifier: image.map(|image| image.image_identifier().to_owned()),
        public_image: image
            .map(|image| image.image_repository_type() == &types::ImageRepositoryType::EcrPublic),
        // Without one App Runner listens on 8080 (API reference, ImageConfiguration.Port).
        port: source.and_then(|_| port.unwrap_or("8080").parse().ok()),
        start_command: start.map(Untrusted::from),
        build_command: values.and_then(|values| values.build_command()).map(Untrusted::from),
        runtime: values.map(|values| values.runtime().as_str().to_owned()),
        has_access_role: source.map(|source| {
            source.authentication_configuration().and_then(|auth| auth.access_role_arn()).is_some()
        }),
        has_instance_role: instance.map(|instance| instance.instance_role_arn().is_some()),
        variables: pairs(variables),
        secrets: pairs(secrets),
        health_check: health_check(service),
        egress_vpc: egress
            .and_then(|egress| egress.egress_type())
            .map(|kind| kind == &types::EgressType::Vpc),
        ..Service::default()
    }
}

fn health_check(service: &types::Service) -> HealthCheck {
    let Some(check) = service.health_check_configuration.as_ref() else {
        return HealthCheck::default();
    };
    let whole = |number: Option<i32>| number.and_then(|number| u64::try_from(number).ok());
    HealthCheck {
        http: check.protocol().map(|protocol| protocol == &types::HealthCheckProtocol::Http),
        path: check.path().map(str::to_owned),
        interval_seconds: whole(check.interval()),
        unhealthy_threshold: whole(check.unhealthy_threshold()),
    }
}

fn pairs(map: Option<&HashMap<String, String>>) -> Vec<(String, Untrusted)> {
    let mut pairs: Vec<_> = map
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), Untrusted::new(value.as_str())))
        .collect();
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    pairs
}
