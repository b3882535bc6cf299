//! App Runner. Here: reading services, and what belongs to them.
//!
//! | file | what |
//! |---|---|
//! | `configuration` | complete configurations |
//! | `leftovers` | what services leave behind |
//! | `write` | the calls that change a service |

mod configuration;
mod leftovers;
mod write;

use std::collections::HashMap;

use autopilot::{
    error::{Class, PortError},
    evidence::{CustomDomain, HealthCheck, IngressConnection, Service},
    ports::{AppRunnerRead, Described, References, RelatedRead, RevisionRead},
    redact::Untrusted,
    service::{
        Operation, OperationId, OperationStatus, OperationType, ServiceArn, ServiceStatus, ServiceSummary,
    },
};
use aws_sdk_apprunner::{Client, primitives::DateTime, types};
use aws_types::SdkConfig;
use futures_util::future::join_all;
use jiff::Timestamp;

use crate::{failure::port_error, on_demand::OnDemand};
pub use write::AppRunnerWrite;

/// App Runner.
#[derive(Clone, Debug)]
pub struct AppRunner {
    client: OnDemand<Client>,
}

impl AppRunner {
    /// A client.
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { client: OnDemand::new(sdk, Client::new) }
    }

    async fn described(&self, service: &ServiceArn) -> Result<types::Service, PortError> {
        let call = self.client.get().describe_service().service_arn(service.as_str());
        let answer = call.send().await.map_err(|error| port_error("apprunner:DescribeService", error))?;
        answer.service.ok_or_else(|| {
            PortError::new("apprunner:DescribeService", Class::Retryable, "the answer holds no service")
        })
    }
}

impl AppRunnerRead for AppRunner {
    async fn services(&self) -> Result<Vec<ServiceSummary>, PortError> {
        let mut pages = self.client.get().list_services().into_paginator().send();
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
        Ok(described(&self.described(service).await?))
    }

    async fn operations(
        &self,
        service: &ServiceArn,
        since: Option<Timestamp>,
    ) -> Result<Vec<Operation>, PortError> {
        let call = self.client.get().list_operations().service_arn(service.as_str());
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
        let call = self.client.get().list_tags_for_resource().resource_arn(service.as_str());
        let answer = call.send().await.map_err(|error| port_error("apprunner:ListTagsForResource", error))?;
        let tags = answer.tags.unwrap_or_default().into_iter();
        Ok(tags.map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default())).collect())
    }
}

/// `ListVpcIngressConnections` tells no status. A service has one, and may have some deleted ones in the list.
const INGRESS_CONNECTIONS: usize = 3;

impl RelatedRead for AppRunner {
    async fn connector_subnets(&self, connector: &str) -> Result<Vec<String>, PortError> {
        let call = self.client.get().describe_vpc_connector().vpc_connector_arn(connector);
        let answer =
            call.send().await.map_err(|error| port_error("apprunner:DescribeVpcConnector", error))?;
        Ok(answer.vpc_connector.and_then(|connector| connector.subnets).unwrap_or_default())
    }

    async fn max_size(&self, auto_scaling: &str) -> Result<Option<u64>, PortError> {
        let call = self
            .client
            .get()
            .describe_auto_scaling_configuration()
            .auto_scaling_configuration_arn(auto_scaling);
        let answer = call.send().await;
        let answer =
            answer.map_err(|error| port_error("apprunner:DescribeAutoScalingConfiguration", error))?;
        let size = answer.auto_scaling_configuration.and_then(|configuration| configuration.max_size);
        Ok(size.and_then(|size| u64::try_from(size).ok()))
    }

    async fn connection_status(&self, connection: &str) -> Result<Option<String>, PortError> {
        // arn:aws:apprunner:eu-west-1:123456789012:connection/name/id
        let name = connection.split('/').nth(1).unwrap_or_default();
        let answer = self.client.get().list_connections().connection_name(name).send().await;
        let answer = answer.map_err(|error| port_error("apprunner:ListConnections", error))?;
        let mut listed = answer.connection_summary_list.into_iter();
        let found = listed.find(|summary| summary.connection_arn.as_deref() == Some(connection));
        Ok(found.and_then(|summary| summary.status).map(|status| status.as_str().to_owned()))
    }

    async fn custom_domains(&self, service: &ServiceArn) -> Result<Vec<CustomDomain>, PortError> {
        let call = self.client.get().describe_custom_domains().service_arn(service.as_str());
        let mut pages = call.into_paginator().send();
        let mut domains = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| port_error("apprunner:DescribeCustomDomains", error))?;
            domains.extend(page.custom_domains.iter().map(custom_domain));
        }
        Ok(domains)
    }

    async fn ingress_connections(&self, service: &ServiceArn) -> Result<Vec<IngressConnection>, PortError> {
        let filter = types::ListVpcIngressConnectionsFilter::builder().service_arn(service.as_str()).build();
        let answer = self.client.get().list_vpc_ingress_connections().filter(filter).send().await;
        let answer = answer.map_err(|error| port_error("apprunner:ListVpcIngressConnections", error))?;
        let listed = answer.vpc_ingress_connection_summary_list.into_iter();
        let arns = listed.filter_map(|summary| summary.vpc_ingress_connection_arn);
        let described = arns.take(INGRESS_CONNECTIONS).map(|arn| async move {
            let call = self.client.get().describe_vpc_ingress_connection().vpc_ingress_connection_arn(arn);
            let answer = call.send().await;
            answer.map_err(|error| port_error("apprunner:DescribeVpcIngressConnection", error))
        });
        let status = |connection: types::VpcIngressConnection| {
            connection.status.map(|status| status.as_str().to_owned())
        };
        let answers = join_all(described).await.into_iter();
        answers
            .map(|answer| {
                let connection = answer?.vpc_ingress_connection;
                let arn = connection.as_ref().and_then(|it| it.vpc_ingress_connection_arn.clone());
                Ok(IngressConnection { arn, status: connection.and_then(status) })
            })
            .collect()
    }
}

impl RevisionRead for AppRunner {
    async fn connector_is_active(&self, connector: &str) -> Result<bool, PortError> {
        let call = self.client.get().describe_vpc_connector().vpc_connector_arn(connector);
        let answer = call.send().await.map_err(|error| port_error("apprunner:DescribeVpcConnector", error));
        let Some(answer) = found(answer)? else { return Ok(false) };
        let status = answer.vpc_connector.and_then(|connector| connector.status);
        Ok(status != Some(types::VpcConnectorStatus::Inactive))
    }

    async fn scaling_is_active(&self, auto_scaling: &str) -> Result<bool, PortError> {
        let call = self
            .client
            .get()
            .describe_auto_scaling_configuration()
            .auto_scaling_configuration_arn(auto_scaling);
        let answer = call.send().await;
        let answer = answer.map_err(|error| port_error("apprunner:DescribeAutoScalingConfiguration", error));
        let Some(answer) = found(answer)? else { return Ok(false) };
        let status = answer.auto_scaling_configuration.and_then(|configuration| configuration.status);
        Ok(status != Some(types::AutoScalingConfigurationStatus::Inactive))
    }
}

/// An answer, unless it is that there is no such thing.
fn found<T>(answer: Result<T, PortError>) -> Result<Option<T>, PortError> {
    match answer {
        Err(error) if error.is_not_found() => Ok(None),
        answer => answer.map(Some),
    }
}

/// A domain with what its validation records' statuses say; while one is pending nothing is known of the DNS.
fn custom_domain(domain: &types::CustomDomain) -> CustomDomain {
    use types::CertificateValidationRecordStatus::{Failed, Success};
    let records = domain.certificate_validation_records();
    let any_failed = records.iter().any(|record| record.status() == Some(&Failed));
    let all_found = !records.is_empty() && records.iter().all(|record| record.status() == Some(&Success));
    CustomDomain {
        name: Some(domain.domain_name().to_lowercase()),
        www: domain.enable_www_subdomain(),
        status: Some(domain.status().as_str().to_lowercase()),
        caa: None,
        validation_published: (any_failed || all_found).then_some(all_found),
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
        checksum: configuration::read(service).checksum(),
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
