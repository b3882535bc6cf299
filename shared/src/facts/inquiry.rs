//! One question after the other put into calls, each within the same time.

use std::{collections::BTreeMap, time::Duration};

use futures_util::future::join_all;
use jiff::Timestamp;

use super::{Question, Questions, Told, trusts};
use crate::{
    error::{Class, PortError},
    evidence::{CustomDomain, Image, IngressConnection, Metrics, Role, Subnet},
    gather::in_time,
    ports::{AppRunnerRead, FactsRead, References, TrustedRole, Window},
    service::{ServiceArn, ServiceStatus},
};

/// Principal that pulls images with the access role.
const BUILD: &str = "build.apprunner.amazonaws.com";

/// Principal that the application runs as with the instance role.
const TASKS: &str = "tasks.apprunner.amazonaws.com";

/// Free addresses that a service needs if its maximum size is the default: two for each of 25 instances.
const PLENTY: usize = 2 * 25;

/// Services of the account that are looked at for sharing the connector.
const NEIGHBOURS: usize = 10;

/// Different auto scaling configurations that are read for them.
const SCALINGS: usize = 5;

/// What is asked about.
#[derive(Clone, Debug)]
pub struct About<'a> {
    /// The service.
    pub service: &'a ServiceArn,
    /// Its image, if it runs one.
    pub image: Option<&'a str>,
    /// What else its configuration names.
    pub refers_to: &'a References,
    /// The custom domain in trouble, where it is known which.
    pub domain: Option<&'a str>,
    /// When the operation began, where that is known.
    pub started_at: Option<Timestamp>,
    /// The time that metrics are read of.
    pub window: Window,
}

pub(super) struct Inquiry<'a, A, F> {
    pub(super) questions: &'a Questions,
    pub(super) about: &'a About<'a>,
    pub(super) apprunner: &'a A,
    pub(super) facts: &'a F,
    pub(super) budget: Duration,
}

impl<A: AppRunnerRead, F: FactsRead> Inquiry<'_, A, F> {
    /// Puts a question about a thing that the configuration names.
    async fn put<N, T>(
        &self,
        question: Question,
        name: Option<N>,
        call: &'static str,
        answer: impl AsyncFnOnce(N) -> Result<T, PortError>,
    ) -> Told<T> {
        let name = name.filter(|_| self.questions.contains_key(&question))?;
        Some(in_time(self.budget, call, answer(name)).await)
    }

    pub(super) async fn image(&self) -> Told<Image> {
        let read = async |identifier| self.facts.image(identifier).await;
        self.put(Question::Image, self.about.image, "ecr:BatchGetImage", read).await
    }

    pub(super) async fn roles(&self) -> (Told<Role>, Told<Role>) {
        let refers_to = self.about.refers_to;
        let read = async |(arn, principal): (&String, &str)| {
            let role = self.facts.role(arn).await?;
            Ok(judged(role.as_ref(), principal, self.about.started_at))
        };
        let role = |arn: &'_ Option<String>, principal: &'static str| {
            let named = arn.clone();
            async move {
                let named = named.as_ref().map(|arn| (arn, principal));
                self.put(Question::Roles, named, "iam:GetRole", read).await
            }
        };
        tokio::join!(role(&refers_to.access_role, BUILD), role(&refers_to.instance_role, TASKS))
    }

    pub(super) async fn connection(&self) -> Told<String> {
        let read = async |arn: &String| {
            let status = self.facts.connection_status(arn).await?;
            Ok(status.unwrap_or_else(|| "DELETED".to_owned()))
        };
        let connection = self.about.refers_to.connection.as_ref();
        self.put(Question::Connection, connection, "apprunner:ListConnections", read).await
    }

    /// The domain in trouble, else one that is not active, else the first; nothing where the service has none.
    pub(super) async fn domain(&self) -> Told<Option<CustomDomain>> {
        let read = async |service| {
            let mut domains = self.facts.custom_domains(service).await?;
            let in_trouble = |domain: &CustomDomain| domain.name.as_deref() == self.about.domain;
            let active = |domain: &CustomDomain| domain.status.as_deref() == Some("active");
            domains.sort_by_key(|domain| (!in_trouble(domain), active(domain)));
            Ok(domains.into_iter().next())
        };
        let service = Some(self.about.service);
        self.put(Question::CustomDomain, service, "apprunner:DescribeCustomDomains", read).await
    }

    pub(super) async fn ingress(&self) -> Told<Vec<IngressConnection>> {
        let read = async |service| self.facts.ingress_connections(service).await;
        let call = "apprunner:ListVpcIngressConnections";
        self.put(Question::IngressConnections, Some(self.about.service), call, read).await
    }

    pub(super) async fn metrics(&self) -> Told<Metrics> {
        let read = async |service| self.facts.highest(service, self.about.window).await;
        self.put(Question::Metrics, Some(self.about.service), "cloudwatch:GetMetricData", read).await
    }

    /// The connector's subnets, and the least sum of the maximum sizes of the services on it.
    pub(super) async fn subnets(&self) -> (Told<Vec<Subnet>>, Told<u64>) {
        let refers_to = self.about.refers_to;
        let Some(connector) = &refers_to.vpc_connector else { return (None, None) };
        if !self.questions.contains_key(&Question::Subnets) {
            return (None, None);
        }
        let (mut subnets, mut sum) = (None, None);
        let work = async {
            let addresses = async {
                let ids = self.facts.connector_subnets(connector).await?;
                self.facts.subnets(&ids).await
            };
            let own = async { Some(self.facts.max_size(refers_to.auto_scaling.as_ref()?).await) };
            let (addresses, own) = tokio::join!(addresses, own);
            let free = addresses.as_deref().unwrap_or_default().iter().map(|s| s.free_addresses).sum();
            subnets = Some(addresses);
            sum = own.and_then(Result::transpose);
            // A sum that leaves somebody out is still the least that it can be.
            if let (Some(free), Some(Ok(sum))) = (free, &mut sum) {
                *sum += self.neighbours(connector, free).await;
            }
        };
        if tokio::time::timeout(self.budget, work).await.is_err() {
            let late =
                || Some(Err(PortError::new("ec2:DescribeSubnets", Class::Retryable, "no answer in time")));
            subnets = subnets.or_else(late);
        }
        (subnets, sum)
    }

    /// The maximum sizes of other services on this connector, asked for where its free addresses could be too few.
    async fn neighbours(&self, connector: &str, free: u64) -> u64 {
        let services = self.apprunner.services().await.unwrap_or_default();
        let enough = u64::try_from(services.len() * PLENTY).unwrap_or(u64::MAX);
        if free >= enough {
            return 0;
        }
        let other = |arn: &ServiceArn, status: &ServiceStatus| {
            arn != self.about.service && *status != ServiceStatus::Deleted
        };
        let others = services.iter().filter(|service| other(&service.arn, &service.status)).take(NEIGHBOURS);
        let described = join_all(others.map(|service| self.apprunner.describe(&service.arn))).await;
        let beside = described.into_iter().flatten().map(|described| described.refers_to);
        let beside = beside.filter(|refers_to| refers_to.vpc_connector.as_deref() == Some(connector));
        let mut scalings: BTreeMap<String, u64> = BTreeMap::new();
        for scaling in beside.filter_map(|refers_to| refers_to.auto_scaling) {
            *scalings.entry(scaling).or_default() += 1;
        }
        let sizes = scalings.iter().take(SCALINGS).map(|(scaling, services)| async move {
            services * self.facts.max_size(scaling).await.ok().flatten().unwrap_or_default()
        });
        join_all(sizes).await.into_iter().sum()
    }
}

/// What a diagnosis asks about a role.
fn judged(role: Option<&TrustedRole>, principal: &str, started_at: Option<Timestamp>) -> Role {
    let Some(role) = role else { return Role { exists: Some(false), ..Role::default() } };
    #[expect(clippy::cast_precision_loss, reason = "a role's age in seconds is far below 2^52")]
    let seconds =
        |created_at: Timestamp| started_at.map(|at: Timestamp| (at - created_at).get_seconds() as f64);
    Role {
        exists: Some(true),
        trusted: trusts(&role.trust_policy, principal),
        // A role that was made after the start did not exist then, which is as young as can be.
        age_seconds: role.created_at.and_then(seconds).map(|age| age.max(0.0)),
    }
}
