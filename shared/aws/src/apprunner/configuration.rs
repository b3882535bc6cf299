//! A service's complete configuration, as `DescribeService` answers it.

use std::collections::HashMap;

use autopilot::{
    configuration::{Configuration, Environment, Member},
    error::PortError,
    ports::{ConfigurationRead, Configured},
    redact::Untrusted,
    service::{ServiceArn, ServiceStatus},
};
use aws_sdk_apprunner::types;

use super::{AppRunner, timestamp};

impl ConfigurationRead for AppRunner {
    async fn configuration(&self, service: &ServiceArn) -> Result<Configured, PortError> {
        let service = self.described(service).await?;
        Ok(Configured {
            status: ServiceStatus::from(service.status.as_str()),
            updated_at: timestamp(service.updated_at),
            configuration: read(&service),
        })
    }
}

/// Every member that the answer holds.
pub(super) fn read(service: &types::Service) -> Configuration {
    let mut all = Configuration::default();
    if let Some(source) = &service.source_configuration {
        all.set_flag(Member::AutoDeployments, source.auto_deployments_enabled);
        if let Some(authentication) = &source.authentication_configuration {
            all.set_text(Member::AccessRole, authentication.access_role_arn());
            all.set_text(Member::Connection, authentication.connection_arn());
        }
        if let Some(image) = &source.image_repository {
            read_image(&mut all, image);
        }
        if let Some(code) = &source.code_repository {
            read_code(&mut all, code);
        }
    }
    if let Some(instance) = &service.instance_configuration {
        all.set_text(Member::Cpu, instance.cpu());
        all.set_text(Member::Memory, instance.memory());
        all.set_text(Member::InstanceRole, instance.instance_role_arn());
    }
    let encryption = service.encryption_configuration.as_ref();
    all.set_text(Member::KmsKey, encryption.map(types::EncryptionConfiguration::kms_key));
    let scaling = service.auto_scaling_configuration_summary.as_ref();
    all.set_text(Member::AutoScaling, scaling.and_then(|scaling| scaling.auto_scaling_configuration_arn()));
    if let Some(check) = &service.health_check_configuration {
        all.set_text(Member::HealthProtocol, check.protocol().map(types::HealthCheckProtocol::as_str));
        all.set_text(Member::HealthPath, check.path());
        all.set_number(Member::HealthInterval, check.interval());
        all.set_number(Member::HealthTimeout, check.timeout());
        all.set_number(Member::HealthyThreshold, check.healthy_threshold());
        all.set_number(Member::UnhealthyThreshold, check.unhealthy_threshold());
    }
    if let Some(network) = &service.network_configuration {
        let egress = network.egress_configuration();
        all.set_text(
            Member::EgressType,
            egress.and_then(|egress| egress.egress_type()).map(types::EgressType::as_str),
        );
        all.set_text(Member::VpcConnector, egress.and_then(|egress| egress.vpc_connector_arn()));
        let ingress = network.ingress_configuration();
        all.set_flag(Member::Public, ingress.map(types::IngressConfiguration::is_publicly_accessible));
        all.set_text(Member::IpAddressType, network.ip_address_type().map(types::IpAddressType::as_str));
    }
    if let Some(observability) = &service.observability_configuration {
        all.set_flag(Member::Observability, Some(observability.observability_enabled()));
        all.set_text(Member::ObservabilityArn, observability.observability_configuration_arn());
    }
    all
}

fn read_image(all: &mut Configuration, image: &types::ImageRepository) {
    all.set_text(Member::Image, Some(image.image_identifier()));
    all.set_text(Member::ImageRepositoryType, Some(image.image_repository_type().as_str()));
    let Some(settings) = image.image_configuration() else { return };
    all.set_text(Member::ImagePort, settings.port());
    all.set_text(Member::ImageStartCommand, settings.start_command());
    all.set_environment(Member::ImageVariables, environment(settings.runtime_environment_variables()));
    all.set_environment(Member::ImageSecrets, environment(settings.runtime_environment_secrets()));
}

fn read_code(all: &mut Configuration, code: &types::CodeRepository) {
    all.set_text(Member::RepositoryUrl, Some(code.repository_url()));
    all.set_text(Member::SourceDirectory, code.source_directory());
    if let Some(version) = code.source_code_version() {
        all.set_text(Member::VersionType, Some(version.r#type().as_str()));
        all.set_text(Member::VersionValue, Some(version.value()));
    }
    let Some(settings) = code.code_configuration() else { return };
    all.set_text(Member::ConfigurationSource, Some(settings.configuration_source().as_str()));
    let Some(values) = settings.code_configuration_values() else { return };
    all.set_text(Member::Runtime, Some(values.runtime().as_str()));
    all.set_text(Member::BuildCommand, values.build_command());
    all.set_text(Member::CodeStartCommand, values.start_command());
    all.set_text(Member::CodePort, values.port());
    all.set_environment(Member::CodeVariables, environment(values.runtime_environment_variables()));
    all.set_environment(Member::CodeSecrets, environment(values.runtime_environment_secrets()));
}

fn environment(map: Option<&HashMap<String, String>>) -> Option<Environment> {
    Some(map?.iter().map(|(name, value)| (name.clone(), Untrusted::new(value.as_str()))).collect())
}
