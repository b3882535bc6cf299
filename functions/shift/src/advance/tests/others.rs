//! Everything that a shift asks beside Route 53, in memory: App Runner is well, and the successor is or fails. The
//! benchmark `thousand_shifts` uses it too.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
};

use autopilot::{
    analysis::{Alarm, MetricQuery, Series},
    balancing::{Certificate, ExpressService, Listener, ListenerRule, LoadBalancer, Target, TargetGroup},
    error::{Class, PortError},
    evidence::{CustomDomain, IngressConnection, Service},
    ports::{
        AppRunnerRead, BalancingRead, CertificateRead, Described, ExpressRead, MetricQueries, References,
        RelatedRead, Window,
    },
    service::{Operation, ServiceArn, ServiceStatus, ServiceSummary},
};
use jiff::{SignedDuration, Timestamp};

/// App Runner and the successor.
pub struct Others {
    /// 5xx answers of the successor among its 1,000 requests; `None` without any request.
    pub errors: Cell<Option<f64>>,
    /// Domains of every service beside its own, or the code by which it is refused to tell them.
    pub beside: RefCell<Result<Vec<CustomDomain>, &'static str>>,
}

impl Others {
    /// App Runner is well, and so is the successor.
    pub fn well() -> Self {
        Self { errors: Cell::new(Some(0.0)), beside: RefCell::new(Ok(Vec::new())) }
    }
}

fn unasked(call: &'static str) -> PortError {
    PortError::new(call, Class::Permanent, "is not asked here")
}

impl AppRunnerRead for &Others {
    async fn services(&self) -> Result<Vec<ServiceSummary>, PortError> {
        Err(unasked("apprunner:ListServices"))
    }

    async fn describe(&self, _: &ServiceArn) -> Result<Described, PortError> {
        Ok(Described {
            status: ServiceStatus::Running,
            url: None,
            checksum: Default::default(),
            configuration: Service::default(),
            refers_to: References::default(),
        })
    }

    async fn operations(&self, _: &ServiceArn, _: Option<Timestamp>) -> Result<Vec<Operation>, PortError> {
        Err(unasked("apprunner:ListOperations"))
    }

    async fn tags(&self, _: &ServiceArn) -> Result<HashMap<String, String>, PortError> {
        Err(unasked("apprunner:ListTagsForResource"))
    }
}

impl RelatedRead for &Others {
    async fn connector_subnets(&self, _: &str) -> Result<Vec<String>, PortError> {
        Err(unasked("apprunner:DescribeVpcConnector"))
    }

    async fn max_size(&self, _: &str) -> Result<Option<u64>, PortError> {
        Err(unasked("apprunner:DescribeAutoScalingConfiguration"))
    }

    async fn connection_status(&self, _: &str) -> Result<Option<String>, PortError> {
        Err(unasked("apprunner:ListConnections"))
    }

    async fn custom_domains(&self, service: &ServiceArn) -> Result<Vec<CustomDomain>, PortError> {
        let beside = self.beside.borrow().clone().map_err(|code| {
            let error = PortError::new("apprunner:DescribeCustomDomains", Class::Permanent, "no");
            PortError { code: Some(code.to_owned()), ..error }
        })?;
        let name = Some(format!("{}.example.com", service.name()));
        let own = CustomDomain { name, status: Some("active".to_owned()), ..CustomDomain::default() };
        Ok([own].into_iter().chain(beside).collect())
    }

    async fn ingress_connections(&self, _: &ServiceArn) -> Result<Vec<IngressConnection>, PortError> {
        Err(unasked("apprunner:ListVpcIngressConnections"))
    }
}

impl MetricQueries for &Others {
    async fn data(
        &self,
        queries: &[MetricQuery],
        window: Window,
    ) -> Result<HashMap<String, Series>, PortError> {
        let value = |query: &MetricQuery| match (query.metric, self.errors.get()) {
            ("HealthyHostCount", _) => Some(1.0),
            ("RequestCount", Some(_)) => Some(1_000.0),
            ("HTTPCode_Target_5XX_Count", Some(errors)) => Some(errors),
            _ => None,
        };
        let series = queries.iter().map(|query| {
            let points = value(query).map(|value| (window.end - SignedDuration::from_secs(1), value));
            (query.id.clone(), Series { points: points.into_iter().collect(), missing: None })
        });
        Ok(series.collect())
    }

    async fn alarms(&self, _: &[String]) -> Result<HashMap<String, Alarm>, PortError> {
        Ok(HashMap::new())
    }
}

impl BalancingRead for &Others {
    async fn load_balancers(&self, _: &[String]) -> Result<Vec<LoadBalancer>, PortError> {
        Err(unasked("elasticloadbalancing:DescribeLoadBalancers"))
    }

    async fn target_groups(&self, _: &[String]) -> Result<Vec<TargetGroup>, PortError> {
        Err(unasked("elasticloadbalancing:DescribeTargetGroups"))
    }

    async fn groups_behind(&self, _: &str) -> Result<Vec<TargetGroup>, PortError> {
        Err(unasked("elasticloadbalancing:DescribeTargetGroups"))
    }

    async fn target_health(&self, _: &str) -> Result<Vec<Target>, PortError> {
        Err(unasked("elasticloadbalancing:DescribeTargetHealth"))
    }

    async fn listeners(&self, _: &str) -> Result<Vec<Listener>, PortError> {
        Err(unasked("elasticloadbalancing:DescribeListeners"))
    }

    async fn rules(&self, _: &str) -> Result<Vec<ListenerRule>, PortError> {
        Err(unasked("elasticloadbalancing:DescribeRules"))
    }

    async fn listener_certificates(&self, _: &str) -> Result<Vec<String>, PortError> {
        Err(unasked("elasticloadbalancing:DescribeListenerCertificates"))
    }
}

impl CertificateRead for &Others {
    async fn certificate(&self, _: &str) -> Result<Option<Certificate>, PortError> {
        Err(unasked("acm:DescribeCertificate"))
    }
}

impl ExpressRead for &Others {
    async fn express_service(&self, _: &str) -> Result<Option<ExpressService>, PortError> {
        Err(unasked("ecs:DescribeExpressGatewayService"))
    }
}
