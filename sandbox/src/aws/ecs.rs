//! ECS, as far as an Express service's way in goes: `DescribeExpressGatewayService`, `DescribeServiceRevisions` and
//! `ListServiceDeployments`.

use std::sync::Mutex;

use serde_json::{Value, json};

use super::error::ApiError;
use super::lock;
use super::protocol::Protocol;
use super::service::Service;
use crate::aws::identity::fresh;

/// What an Express service manages, to seed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ingress {
    /// ARN of the load balancer.
    pub load_balancer: String,
    /// ARN of the listener.
    pub listener: String,
    /// ARN of the service's rule.
    pub rule: String,
    /// ARN of the certificate.
    pub certificate: String,
    /// ARNs of the target groups.
    pub target_groups: Vec<String>,
}

struct Express {
    arn: String,
    cluster: String,
    name: String,
    /// Host name that it got.
    endpoint: String,
    status: &'static str,
    /// ARN and way in of each revision; those that are active are the last one, or the last two in a deployment.
    revisions: Vec<(String, Ingress)>,
    /// ARN and status, oldest first.
    deployments: Vec<(String, &'static str)>,
}

/// ECS for one account.
pub struct Ecs {
    account: String,
    region: String,
    services: Mutex<Vec<Express>>,
}

impl Ecs {
    pub(crate) fn new(account: &str, region: &str) -> Self {
        Self { account: account.to_owned(), region: region.to_owned(), services: Mutex::default() }
    }

    /// Seeds an active Express service whose first deployment is done, and returns its ARN.
    pub fn add_express_service(&self, cluster: &str, name: &str, ingress: &Ingress) -> String {
        let mut service = Express {
            arn: self.arn("service", &format!("{cluster}/{name}")),
            cluster: cluster.to_owned(),
            name: name.to_owned(),
            endpoint: format!("{name}.ecs.{}.on.aws", self.region),
            status: "ACTIVE",
            revisions: Vec::new(),
            deployments: Vec::new(),
        };
        self.deploy(&mut service, ingress);
        service.end_deployment("SUCCESSFUL");
        let arn = service.arn.clone();
        lock(&self.services).push(service);
        arn
    }

    /// Begins a deployment of a revision with this way in: two revisions are active until it ends.
    pub fn begin_deployment(&self, arn: &str, ingress: &Ingress) {
        for service in lock(&self.services).iter_mut().filter(|service| service.arn == arn) {
            self.deploy(service, ingress);
        }
    }

    /// Ends the deployment of a service in a status such as `SUCCESSFUL`. What did not succeed leaves the revision
    /// before it.
    pub fn end_deployment(&self, arn: &str, status: &'static str) {
        for service in lock(&self.services).iter_mut().filter(|service| service.arn == arn) {
            service.end_deployment(status);
        }
    }

    /// Sets the status of a service: `ACTIVE`, `DRAINING` or `INACTIVE`.
    pub fn set_status(&self, arn: &str, status: &'static str) {
        for service in lock(&self.services).iter_mut().filter(|service| service.arn == arn) {
            service.status = status;
        }
    }

    fn deploy(&self, service: &mut Express, ingress: &Ingress) {
        let of_service = |id: &str| format!("{}/{}/{id}", service.cluster, service.name);
        let id = fresh().simple().to_string();
        let revision = self.arn("service-revision", &of_service(&id));
        let deployment = self.arn("service-deployment", &of_service(&id));
        service.revisions.push((revision, ingress.clone()));
        service.deployments.push((deployment, IN_PROGRESS));
    }

    fn arn(&self, kind: &str, path: &str) -> String {
        format!("arn:aws:ecs:{}:{}:{kind}/{path}", self.region, self.account)
    }
}

const IN_PROGRESS: &str = "IN_PROGRESS";

impl Express {
    fn end_deployment(&mut self, status: &'static str) {
        if let Some(last) = self.deployments.last_mut() {
            last.1 = status;
        }
        if status != "SUCCESSFUL" {
            self.revisions.pop();
        }
    }

    /// The revisions that take traffic.
    fn active(&self) -> &[(String, Ingress)] {
        let deploying = self.deployments.last().is_some_and(|(_, status)| *status == IN_PROGRESS);
        let count = if deploying { 2 } else { 1 };
        &self.revisions[self.revisions.len().saturating_sub(count)..]
    }

    fn shown(&self) -> Value {
        let configuration = |(revision, _): &(String, Ingress)| {
            json!({
                "serviceRevisionArn": revision,
                "ingressPaths": [{ "accessType": "PUBLIC", "endpoint": self.endpoint }],
            })
        };
        json!({
            "serviceArn": self.arn,
            "serviceName": self.name,
            "cluster": self.cluster,
            "status": { "statusCode": self.status },
            "currentDeployment": self.deployments.last().map(|(arn, _)| arn),
            "activeConfigurations": self.active().iter().map(configuration).collect::<Vec<_>>(),
        })
    }

    fn shown_revision(&self, (revision, ingress): &(String, Ingress)) -> Value {
        let managed = |arn: &String| json!({ "arn": arn, "status": "ACTIVE", "updatedAt": 0 });
        json!({
            "serviceRevisionArn": revision,
            "serviceArn": self.arn,
            "clusterArn": self.cluster,
            "ecsManagedResources": { "ingressPaths": [{
                "accessType": "PUBLIC",
                "endpoint": self.endpoint,
                "loadBalancer": managed(&ingress.load_balancer),
                "listener": managed(&ingress.listener),
                "rule": managed(&ingress.rule),
                "certificate": managed(&ingress.certificate),
                "targetGroups": ingress.target_groups.iter().map(managed).collect::<Vec<_>>(),
            }] },
        })
    }
}

fn describe(services: &[Express], input: &Value) -> Result<Value, ApiError> {
    let arn = input["serviceArn"].as_str().unwrap_or_default();
    let service = services.iter().find(|service| service.arn == arn);
    let service = service.ok_or_else(|| {
        ApiError::refused("ResourceNotFoundException", format!("The Express service {arn} was not found."))
    })?;
    Ok(json!({ "service": service.shown() }))
}

fn describe_revisions(services: &[Express], input: &Value) -> Result<Value, ApiError> {
    let arns = input["serviceRevisionArns"].as_array().map(Vec::as_slice).unwrap_or_default();
    if arns.is_empty() || arns.len() > 20 {
        return Err(ApiError::refused(
            "InvalidParameterException",
            "serviceRevisionArns holds 1 to 20 ARNs.",
        ));
    }
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for arn in arns {
        let mut revisions =
            services.iter().flat_map(|it| it.revisions.iter().map(move |revision| (it, revision)));
        match revisions.find(|(_, (revision, _))| arn == revision) {
            Some((service, revision)) => found.push(service.shown_revision(revision)),
            None => failures.push(json!({ "arn": arn, "reason": "MISSING" })),
        }
    }
    Ok(json!({ "serviceRevisions": found, "failures": failures }))
}

fn list_deployments(services: &[Express], input: &Value) -> Result<Value, ApiError> {
    // Without a cluster ECS looks into the one called default.
    let cluster = input["cluster"].as_str().unwrap_or("default");
    let named = &input["service"];
    let service = services.iter().find(|it| it.cluster == cluster && (*named == it.arn || *named == it.name));
    let service =
        service.ok_or_else(|| ApiError::refused("ServiceNotFoundException", "Service not found."))?;
    let statuses = input["status"].as_array();
    let wanted = service
        .deployments
        .iter()
        .rev()
        .filter(|(_, status)| statuses.is_none_or(|wanted| wanted.iter().any(|word| word == status)));
    let shown = wanted.map(
        |(arn, status)| json!({ "serviceDeploymentArn": arn, "serviceArn": service.arn, "status": status }),
    );
    Ok(json!({ "serviceDeployments": shown.collect::<Vec<_>>() }))
}

impl Service for Ecs {
    fn name(&self) -> &'static str {
        "ecs"
    }

    fn protocol(&self) -> Protocol {
        let target = "AmazonEC2ContainerServiceV20141113";
        Protocol::Json { target, version: "1.1", message_member: "message" }
    }

    fn server_error(&self) -> &'static str {
        "ServerException"
    }

    fn call(&self, operation: &str, input: &Value) -> Result<Value, ApiError> {
        let services = lock(&self.services);
        match operation {
            "DescribeExpressGatewayService" => describe(&services, input),
            "DescribeServiceRevisions" => describe_revisions(&services, input),
            "ListServiceDeployments" => list_deployments(&services, input),
            _ => Err(ApiError::unknown_operation(operation)),
        }
    }
}
