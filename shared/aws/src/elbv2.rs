//! Elastic Load Balancing (2015-12-01), over the narrow client: six lists, each read to its end.

use autopilot::{
    balancing::{Listener, ListenerRule, LoadBalancer, LoadBalancerKind, Target, TargetGroup, TargetState},
    error::PortError,
    ports::BalancingRead,
};
use aws_types::SdkConfig;
use roxmltree::Node;

use crate::narrow::{Api, Narrow, Protocol, unreadable, xml};

const ELBV2: Api = Api {
    id: "Elastic Load Balancing v2",
    signing_name: "elasticloadbalancing",
    host: "elasticloadbalancing",
    global: false,
    protocol: Protocol::Query { version: "2015-12-01" },
};

/// Pages read of one list; a page has up to 400 entries.
const PAGES: usize = 20;

/// Elastic Load Balancing.
#[derive(Debug)]
pub struct Elbv2 {
    narrow: Narrow,
}

/// A parameter of a Query call.
type Parameter<'a> = (String, &'a str);

impl Elbv2 {
    /// A client.
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { narrow: Narrow::new(sdk, &ELBV2) }
    }

    /// Every entry of a list, page by page. An entry that cannot be read makes the answer unreadable.
    async fn list<T>(
        &self,
        call: &'static str,
        list: &'static str,
        parameters: &[Parameter<'_>],
        read: impl Fn(Node<'_, '_>) -> Option<T>,
    ) -> Result<Vec<T>, PortError> {
        let result = format!("{}Result", call.rsplit(':').next().unwrap_or_default());
        let unfit = |what: &'static str| unreadable(call, &xml::Unreadable::Missing(what));
        let mut found = Vec::new();
        let mut marker: Option<String> = None;
        for _ in 0..PAGES {
            let mut page = parameters.to_vec();
            page.extend(marker.as_deref().map(|marker| ("Marker".to_owned(), marker)));
            let answer = self.narrow.query(call, &page).await?;
            let document = xml::parse(&answer).map_err(|error| unreadable(call, &error))?;
            let result = xml::child(document.root_element(), &result).ok_or_else(|| unfit("result"))?;
            // An answer without the list is none: an empty list is an empty element.
            xml::child(result, list).ok_or_else(|| unfit(list))?;
            for entry in xml::entries(result, list) {
                found.push(read(entry).ok_or_else(|| unfit("whole entry of a list"))?);
            }
            marker = xml::text(result, &["NextMarker"]).map(str::to_owned);
            if marker.is_none() {
                return Ok(found);
            }
        }
        Err(unreadable(call, &format!("it does not end within {PAGES} pages")))
    }

    async fn groups(&self, parameters: &[Parameter<'_>]) -> Result<Vec<TargetGroup>, PortError> {
        self.list("elasticloadbalancing:DescribeTargetGroups", "TargetGroups", parameters, target_group).await
    }
}

impl BalancingRead for Elbv2 {
    async fn load_balancers(&self, arns: &[String]) -> Result<Vec<LoadBalancer>, PortError> {
        // Without an ARN every load balancer would be meant.
        if arns.is_empty() {
            return Ok(Vec::new());
        }
        let arns = numbered("LoadBalancerArns", arns);
        self.list("elasticloadbalancing:DescribeLoadBalancers", "LoadBalancers", &arns, load_balancer).await
    }

    async fn target_groups(&self, arns: &[String]) -> Result<Vec<TargetGroup>, PortError> {
        if arns.is_empty() {
            return Ok(Vec::new());
        }
        self.groups(&numbered("TargetGroupArns", arns)).await
    }

    async fn groups_behind(&self, load_balancer: &str) -> Result<Vec<TargetGroup>, PortError> {
        self.groups(&[("LoadBalancerArn".to_owned(), load_balancer)]).await
    }

    async fn target_health(&self, target_group: &str) -> Result<Vec<Target>, PortError> {
        let group = [("TargetGroupArn".to_owned(), target_group)];
        let call = "elasticloadbalancing:DescribeTargetHealth";
        self.list(call, "TargetHealthDescriptions", &group, target).await
    }

    async fn listeners(&self, load_balancer: &str) -> Result<Vec<Listener>, PortError> {
        let balancer = [("LoadBalancerArn".to_owned(), load_balancer)];
        self.list("elasticloadbalancing:DescribeListeners", "Listeners", &balancer, listener).await
    }

    async fn rules(&self, listener: &str) -> Result<Vec<ListenerRule>, PortError> {
        let listener = [("ListenerArn".to_owned(), listener)];
        self.list("elasticloadbalancing:DescribeRules", "Rules", &listener, rule).await
    }

    async fn listener_certificates(&self, listener: &str) -> Result<Vec<String>, PortError> {
        let listener = [("ListenerArn".to_owned(), listener)];
        let call = "elasticloadbalancing:DescribeListenerCertificates";
        let arn = |node: Node<'_, '_>| owned(node, &["CertificateArn"]);
        self.list(call, "Certificates", &listener, arn).await
    }
}

/// `Name.member.1`, `Name.member.2`, …
fn numbered<'a>(name: &str, values: &'a [String]) -> Vec<Parameter<'a>> {
    let named = values.iter().enumerate();
    named.map(|(at, value)| (format!("{name}.member.{}", at + 1), value.as_str())).collect()
}

fn owned(node: Node<'_, '_>, path: &[&str]) -> Option<String> {
    xml::text(node, path).map(str::to_owned)
}

/// The texts of a list.
fn texts(node: Node<'_, '_>, list: &str) -> Vec<String> {
    xml::entries(node, list).filter_map(|entry| entry.text()).map(str::to_owned).collect()
}

fn load_balancer(node: Node<'_, '_>) -> Option<LoadBalancer> {
    Some(LoadBalancer {
        arn: owned(node, &["LoadBalancerArn"])?,
        dns_name: xml::text(node, &["DNSName"])?.parse().ok()?,
        hosted_zone_id: xml::text(node, &["CanonicalHostedZoneId"])?.parse().ok()?,
        kind: LoadBalancerKind::from(xml::text(node, &["Type"])?),
        scheme: owned(node, &["Scheme"]),
        state: owned(node, &["State", "Code"]),
        // `dualstack`, or `dualstack-without-public-ipv4`.
        dual_stack: xml::text(node, &["IpAddressType"]).is_some_and(|kind| kind.starts_with("dualstack")),
    })
}

fn target_group(node: Node<'_, '_>) -> Option<TargetGroup> {
    let arn = owned(node, &["TargetGroupArn"])?;
    Some(TargetGroup { arn, load_balancers: texts(node, "LoadBalancerArns") })
}

fn target(node: Node<'_, '_>) -> Option<Target> {
    Some(Target {
        id: owned(node, &["Target", "Id"])?,
        state: TargetState::from(xml::text(node, &["TargetHealth", "State"])?),
        reason: owned(node, &["TargetHealth", "Reason"]),
    })
}

fn listener(node: Node<'_, '_>) -> Option<Listener> {
    Some(Listener {
        arn: owned(node, &["ListenerArn"])?,
        port: xml::text(node, &["Port"]).and_then(|port| port.parse().ok()),
        protocol: owned(node, &["Protocol"]),
    })
}

fn rule(node: Node<'_, '_>) -> Option<ListenerRule> {
    let mut rule = ListenerRule {
        arn: owned(node, &["RuleArn"])?,
        is_default: xml::text(node, &["IsDefault"]) == Some("true"),
        hosts: Vec::new(),
        has_other_conditions: false,
        target_groups: Vec::new(),
    };
    for condition in xml::entries(node, "Conditions") {
        // The patterns stand in the condition's own shape, and for old clients beside it.
        let config = xml::child(condition, "HostHeaderConfig");
        let mut hosts = config.map(|config| texts(config, "Values")).unwrap_or_default();
        if hosts.is_empty() && xml::text(condition, &["Field"]) == Some("host-header") {
            hosts = texts(condition, "Values");
        }
        rule.has_other_conditions |= hosts.is_empty();
        rule.hosts.extend(hosts);
    }
    for action in xml::entries(node, "Actions") {
        let config = xml::child(action, "ForwardConfig");
        let several = config.into_iter().flat_map(|config| xml::entries(config, "TargetGroups"));
        let mut groups: Vec<String> = several.filter_map(|group| owned(group, &["TargetGroupArn"])).collect();
        if groups.is_empty() {
            groups.extend(owned(action, &["TargetGroupArn"]));
        }
        rule.target_groups.extend(groups);
    }
    Some(rule)
}
