//! ECS Express services, over the narrow client: three calls, where the SDK crate has hundreds.
//!
//! `DescribeExpressGatewayService` gives the active revisions and `DescribeServiceRevisions` what each manages. Two
//! revisions are active in a deployment; whether one is under way is asked of `ListServiceDeployments`, since the
//! service names its last deployment whether it has ended or not.

use autopilot::{
    balancing::{ExpressService, ExpressStatus, IngressPath},
    error::PortError,
    ports::ExpressRead,
};
use aws_types::SdkConfig;
use serde_json::{Value, json};

use crate::narrow::{Api, Narrow, Protocol, unreadable};

const ECS: Api = Api {
    id: "ECS",
    signing_name: "ecs",
    host: "ecs",
    global: false,
    protocol: Protocol::Json { target: "AmazonEC2ContainerServiceV20141113", version: "1.1" },
};

const DESCRIBE: &str = "ecs:DescribeExpressGatewayService";
const REVISIONS: &str = "ecs:DescribeServiceRevisions";
const DEPLOYMENTS: &str = "ecs:ListServiceDeployments";

/// Statuses of a deployment that has not ended (API reference, `ServiceDeploymentBrief`).
const UNDER_WAY: [&str; 5] =
    ["PENDING", "IN_PROGRESS", "STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"];

/// ECS.
#[derive(Debug)]
pub struct Ecs {
    narrow: Narrow,
}

impl Ecs {
    /// A client.
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { narrow: Narrow::new(sdk, &ECS) }
    }

    async fn is_deploying(&self, arn: &str) -> Result<bool, PortError> {
        // arn:aws:ecs:us-east-1:123456789012:service/cluster/name; without a cluster ECS looks into `default`.
        let path = arn.split_once(":service/").and_then(|(_, path)| path.split_once('/'));
        let cluster = path.map_or("default", |(cluster, _)| cluster);
        let input = json!({ "service": arn, "cluster": cluster, "status": UNDER_WAY, "maxResults": 1 });
        let answer = self.narrow.json(DEPLOYMENTS, &input).await?;
        let found = answer["serviceDeployments"].as_array();
        Ok(!found.ok_or_else(|| unreadable(DEPLOYMENTS, &"it holds no serviceDeployments"))?.is_empty())
    }

    async fn ingress_paths(&self, revisions: &[&Value]) -> Result<Vec<IngressPath>, PortError> {
        let answer = self.narrow.json(REVISIONS, &json!({ "serviceRevisionArns": revisions })).await?;
        let found = answer["serviceRevisions"].as_array().map(Vec::as_slice).unwrap_or_default();
        if found.len() != revisions.len() {
            let failures = &answer["failures"];
            return Err(unreadable(REVISIONS, &format!("not every revision is in it; failures: {failures}")));
        }
        let mut paths = Vec::new();
        for revision in found {
            let managed = revision["ecsManagedResources"]["ingressPaths"].as_array();
            for path in managed.into_iter().flatten().map(ingress_path) {
                if !paths.contains(&path) {
                    paths.push(path);
                }
            }
        }
        Ok(paths)
    }
}

impl ExpressRead for Ecs {
    async fn express_service(&self, arn: &str) -> Result<Option<ExpressService>, PortError> {
        let answer = match self.narrow.json(DESCRIBE, &json!({ "serviceArn": arn })).await {
            Ok(answer) => answer,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        let service = &answer["service"];
        let status = service["status"]["statusCode"].as_str();
        let status = status.ok_or_else(|| unreadable(DESCRIBE, &"it holds no statusCode"))?;
        let active = service["activeConfigurations"].as_array().into_iter().flatten();
        let revisions: Vec<&Value> =
            active.map(|active| &active["serviceRevisionArn"]).filter(|arn| arn.is_string()).collect();
        let mut found = ExpressService {
            arn: arn.to_owned(),
            status: ExpressStatus::from(status),
            deploying: revisions.len() > 1,
            ingress_paths: Vec::new(),
        };
        // A service that is inactive has no revision, and its deployments are not listed any more.
        if revisions.is_empty() {
            return Ok(Some(found));
        }
        let (paths, deploying) = tokio::join!(self.ingress_paths(&revisions), self.is_deploying(arn));
        found.ingress_paths = paths?;
        found.deploying |= deploying?;
        Ok(Some(found))
    }
}

fn ingress_path(path: &Value) -> IngressPath {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let groups = path["targetGroups"].as_array().into_iter().flatten();
    IngressPath {
        access: text(&path["accessType"]).unwrap_or_default(),
        endpoint: text(&path["endpoint"]).unwrap_or_default(),
        load_balancer: text(&path["loadBalancer"]["arn"]),
        listener: text(&path["listener"]["arn"]),
        rule: text(&path["rule"]["arn"]),
        certificate: text(&path["certificate"]["arn"]),
        target_groups: groups.filter_map(|group| text(&group["arn"])).collect(),
    }
}
