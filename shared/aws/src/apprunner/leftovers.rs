//! What services leave behind: VPC ingress connections and connectors, and the services that are still there.

use autopilot::{
    error::{Class, PortError},
    leftovers::{Connector, Ingress, IngressStatus, ListedService},
    mutation::Permit,
    ports::{IngressWrite, LeftoverRead, ServiceWrite},
    service::{NotAServiceArn, ServiceArn, ServiceStatus},
};
use aws_sdk_apprunner::types::{ListVpcIngressConnectionsFilter, VpcIngressConnection};

use super::{AppRunner, AppRunnerWrite, timestamp};
use crate::failure::port_error;

impl LeftoverRead for AppRunner {
    async fn listed_services(&self) -> Result<Vec<ListedService>, PortError> {
        const CALL: &str = "apprunner:ListServices";
        let mut pages = self.client.get().list_services().into_paginator().send();
        let mut services = Vec::new();
        while let Some(page) = pages.next().await {
            for summary in page.map_err(|error| port_error(CALL, error))?.service_summary_list {
                let arn = summary.service_arn.unwrap_or_default();
                services.push(ListedService {
                    arn: arn.parse().map_err(|error: NotAServiceArn| {
                        PortError::new(CALL, Class::Permanent, error.to_string())
                    })?,
                    status: ServiceStatus::from(summary.status.as_ref().map_or("", |s| s.as_str())),
                    url: summary.service_url,
                    updated_at: summary.updated_at.and_then(timestamp),
                });
            }
        }
        Ok(services)
    }

    async fn status(&self, service: &str) -> Result<Option<ServiceStatus>, PortError> {
        let answer = self.client.get().describe_service().service_arn(service).send().await;
        let answer = found(answer.map_err(|error| port_error("apprunner:DescribeService", error)))?;
        let service = answer.map(|answer| answer.service.ok_or_else(|| empty("apprunner:DescribeService")));
        Ok(service.transpose()?.map(|service| ServiceStatus::from(service.status.as_str())))
    }

    async fn connector_of(&self, service: &ServiceArn) -> Result<Option<String>, PortError> {
        let answer = self.client.get().describe_service().service_arn(service.as_str()).send().await;
        let answer = found(answer.map_err(|error| port_error("apprunner:DescribeService", error)))?;
        let Some(answer) = answer else { return Ok(None) };
        let service = answer.service.ok_or_else(|| empty("apprunner:DescribeService"))?;
        let network = service.network_configuration;
        Ok(network.and_then(|network| network.egress_configuration).and_then(|e| e.vpc_connector_arn))
    }

    async fn ingress_arns(&self, endpoint: Option<&str>) -> Result<Vec<String>, PortError> {
        const CALL: &str = "apprunner:ListVpcIngressConnections";
        let filter =
            endpoint.map(|id| ListVpcIngressConnectionsFilter::builder().vpc_endpoint_id(id).build());
        let call = self.client.get().list_vpc_ingress_connections().set_filter(filter);
        let mut pages = call.into_paginator().send();
        let mut arns = Vec::new();
        while let Some(page) = pages.next().await {
            for summary in page.map_err(|error| port_error(CALL, error))?.vpc_ingress_connection_summary_list
            {
                arns.push(summary.vpc_ingress_connection_arn.ok_or_else(|| empty(CALL))?);
            }
        }
        Ok(arns)
    }

    async fn ingress(&self, arn: &str) -> Result<Option<Ingress>, PortError> {
        const CALL: &str = "apprunner:DescribeVpcIngressConnection";
        let call = self.client.get().describe_vpc_ingress_connection().vpc_ingress_connection_arn(arn);
        let answer = found(call.send().await.map_err(|error| port_error(CALL, error)))?;
        let Some(answer) = answer else { return Ok(None) };
        answer
            .vpc_ingress_connection
            .map(|connection| ingress(arn, connection))
            .ok_or_else(|| empty(CALL))
            .map(Some)
    }

    async fn connectors(&self) -> Result<Vec<Connector>, PortError> {
        let mut pages = self.client.get().list_vpc_connectors().into_paginator().send();
        let mut connectors = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| port_error("apprunner:ListVpcConnectors", error))?;
            connectors.extend(page.vpc_connectors.into_iter().filter_map(|connector| {
                Some(Connector {
                    arn: connector.vpc_connector_arn?,
                    created_at: connector.created_at.and_then(timestamp),
                })
            }));
        }
        Ok(connectors)
    }
}

/// The one change that `cleanup` makes here; the rest of [`ServiceWrite`] stays out of its reach.
impl IngressWrite for AppRunnerWrite {
    async fn delete_ingress(&self, permit: &Permit, arn: &str) -> Result<(), PortError> {
        self.delete_ingress_connection(permit, arn).await.map(drop)
    }
}

/// That something is not there is an answer.
fn found<T>(answer: Result<T, PortError>) -> Result<Option<T>, PortError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

fn empty(call: &'static str) -> PortError {
    PortError::new(call, Class::Retryable, "the answer does not hold what was asked for")
}

fn ingress(arn: &str, connection: VpcIngressConnection) -> Ingress {
    let vpc = connection.ingress_vpc_configuration;
    let (vpc, endpoint) = vpc.map_or((None, None), |vpc| (vpc.vpc_id, vpc.vpc_endpoint_id));
    Ingress {
        arn: arn.to_owned(),
        service: connection.service_arn.unwrap_or_default(),
        status: IngressStatus::from(connection.status.as_ref().map_or("", |status| status.as_str())),
        endpoint,
        vpc,
        domain: connection.domain_name,
        created_at: connection.created_at.and_then(timestamp),
    }
}
