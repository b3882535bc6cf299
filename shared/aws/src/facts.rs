//! Everything that the facts of a diagnosis are read from, each client made when its first question is put.

use autopilot::{
    error::PortError,
    evidence::{CustomDomain, Image, IngressConnection, Metrics, Subnet},
    ports::{ImageRead, MetricsRead, RelatedRead, RoleRead, SubnetRead, TrustedRole, Window},
    service::ServiceArn,
};
use aws_types::SdkConfig;

use crate::{apprunner::AppRunner, cloudwatch::CloudWatch, ec2::Ec2, ecr::Ecr, iam::Iam};

/// The readers of [`autopilot::facts`]. Making one opens nothing.
#[derive(Debug)]
pub struct Facts {
    apprunner: AppRunner,
    cloudwatch: CloudWatch,
    ec2: Ec2,
    ecr: Ecr,
    iam: Iam,
}

impl Facts {
    /// Readers that share the function's App Runner client.
    pub fn new(sdk: &SdkConfig, apprunner: &AppRunner) -> Self {
        Self {
            apprunner: apprunner.clone(),
            cloudwatch: CloudWatch::new(sdk),
            ec2: Ec2::new(sdk),
            ecr: Ecr::new(sdk),
            iam: Iam::new(sdk),
        }
    }
}

impl ImageRead for Facts {
    async fn image(&self, identifier: &str) -> Result<Image, PortError> {
        self.ecr.image(identifier).await
    }
}

impl RoleRead for Facts {
    async fn role(&self, arn: &str) -> Result<Option<TrustedRole>, PortError> {
        self.iam.role(arn).await
    }
}

impl SubnetRead for Facts {
    async fn subnets(&self, ids: &[String]) -> Result<Vec<Subnet>, PortError> {
        self.ec2.subnets(ids).await
    }
}

impl MetricsRead for Facts {
    async fn highest(&self, service: &ServiceArn, window: Window) -> Result<Metrics, PortError> {
        self.cloudwatch.highest(service, window).await
    }
}

impl RelatedRead for Facts {
    async fn connector_subnets(&self, connector: &str) -> Result<Vec<String>, PortError> {
        self.apprunner.connector_subnets(connector).await
    }

    async fn max_size(&self, auto_scaling: &str) -> Result<Option<u64>, PortError> {
        self.apprunner.max_size(auto_scaling).await
    }

    async fn connection_status(&self, connection: &str) -> Result<Option<String>, PortError> {
        self.apprunner.connection_status(connection).await
    }

    async fn custom_domains(&self, service: &ServiceArn) -> Result<Vec<CustomDomain>, PortError> {
        self.apprunner.custom_domains(service).await
    }

    async fn ingress_connections(&self, service: &ServiceArn) -> Result<Vec<IngressConnection>, PortError> {
        self.apprunner.ingress_connections(service).await
    }
}
