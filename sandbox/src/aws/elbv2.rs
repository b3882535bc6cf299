//! Elastic Load Balancing (2015-12-01), as far as reading goes: load balancers, target groups with the health of
//! their targets, listeners with rules and certificates. All lists are paged.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::error::ApiError;
use super::lock;
use super::paging::page;
use super::protocol::Protocol;
use super::service::Service;

/// A load balancer to seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadBalancerSpec {
    /// Name.
    pub name: String,
    /// `application` or `network`.
    pub kind: &'static str,
    /// `internet-facing` or `internal`.
    pub scheme: &'static str,
    /// Whether it answers on IPv6, too.
    pub dual_stack: bool,
}

impl LoadBalancerSpec {
    /// An application load balancer that faces the Internet on IPv4.
    pub fn application(name: &str) -> Self {
        Self { name: name.to_owned(), kind: "application", scheme: "internet-facing", dual_stack: false }
    }
}

/// A rule of a listener to seed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleSpec {
    /// Patterns of the `host-header` condition; none without one.
    pub hosts: Vec<String>,
    /// Patterns of the `path-pattern` condition; none without one.
    pub paths: Vec<String>,
    /// ARNs of the target groups that it forwards to; without one it answers 404 by itself.
    pub target_groups: Vec<String>,
}

#[derive(Default)]
struct State {
    balancers: Vec<Value>,
    groups: Vec<Value>,
    listeners: Vec<Value>,
    /// ARN of the listener, and the rule.
    rules: Vec<(String, Value)>,
    /// By listener; its default is the first.
    certificates: BTreeMap<String, Vec<String>>,
    /// By target group: address and state.
    health: BTreeMap<String, Vec<(String, String)>>,
    page_size: Option<usize>,
}

/// Elastic Load Balancing for one account.
pub struct Elbv2 {
    account: String,
    region: String,
    state: Mutex<State>,
}

impl Elbv2 {
    pub(crate) fn new(account: &str, region: &str) -> Self {
        Self { account: account.to_owned(), region: region.to_owned(), state: Mutex::default() }
    }

    /// Seeds a load balancer and returns its ARN. Its DNS name is `<name>-1.<region>.elb.amazonaws.com`.
    pub fn add_load_balancer(&self, spec: &LoadBalancerSpec) -> String {
        let mut state = lock(&self.state);
        let kind = if spec.kind == "network" { "net" } else { "app" };
        let arn = self.arn(&format!("loadbalancer/{kind}/{}", spec.name), state.balancers.len());
        state.balancers.push(json!({
            "LoadBalancerArn": arn,
            "LoadBalancerName": spec.name,
            "DNSName": format!("{}-1.{}.elb.amazonaws.com", spec.name, self.region),
            "CanonicalHostedZoneId": "Z35SXDOTRQ7X7K",
            "Scheme": spec.scheme,
            "Type": spec.kind,
            "IpAddressType": if spec.dual_stack { "dualstack" } else { "ipv4" },
            "State": { "Code": "active" },
        }));
        arn
    }

    /// Seeds a target group behind a load balancer, or behind none, and returns its ARN.
    pub fn add_target_group(&self, name: &str, load_balancer: Option<&str>) -> String {
        let mut state = lock(&self.state);
        let arn = self.arn(&format!("targetgroup/{name}"), state.groups.len());
        let balancers: Vec<&str> = load_balancer.into_iter().collect();
        state.groups.push(json!({
            "TargetGroupArn": arn,
            "TargetGroupName": name,
            "TargetType": "ip",
            "LoadBalancerArns": { "member": balancers },
        }));
        arn
    }

    /// Sets the targets of a group: address and state, such as `healthy` or `unhealthy`.
    pub fn set_targets(&self, target_group: &str, targets: &[(&str, &str)]) {
        let owned = |(id, state): &(&str, &str)| ((*id).to_owned(), (*state).to_owned());
        lock(&self.state).health.insert(target_group.to_owned(), targets.iter().map(owned).collect());
    }

    /// Seeds a listener with its certificates, the default one first, and with a default rule; returns its ARN.
    pub fn add_listener(
        &self,
        load_balancer: &str,
        port: u16,
        protocol: &str,
        certificates: &[&str],
        default: &RuleSpec,
    ) -> String {
        let mut state = lock(&self.state);
        let arn =
            format!("{}/{:x}", load_balancer.replace(":loadbalancer/", ":listener/"), state.listeners.len());
        let certificate = certificates.first().map(|arn| json!({ "member": [{ "CertificateArn": arn }] }));
        state.listeners.push(json!({
            "ListenerArn": arn,
            "LoadBalancerArn": load_balancer,
            "Port": port,
            "Protocol": protocol,
            "Certificates": certificate,
            "DefaultActions": actions(default),
        }));
        let owned = certificates.iter().map(|arn| (*arn).to_owned()).collect();
        state.certificates.insert(arn.clone(), owned);
        drop(state);
        self.add_rule(&arn, "default", default);
        arn
    }

    /// Seeds a rule before the default one and returns its ARN.
    pub fn add_rule(&self, listener: &str, priority: &str, spec: &RuleSpec) -> String {
        let mut state = lock(&self.state);
        let arn = format!("{}/{:x}", listener.replace(":listener/", ":listener-rule/"), state.rules.len());
        let condition = |field: &str, config: &str, values: &[String]| {
            (!values.is_empty()).then(|| {
                let values = json!({ "member": values });
                let mut condition = json!({ "Field": field, "Values": values });
                condition[config] = json!({ "Values": values });
                condition
            })
        };
        let conditions: Vec<Value> = [
            condition("host-header", "HostHeaderConfig", &spec.hosts),
            condition("path-pattern", "PathPatternConfig", &spec.paths),
        ]
        .into_iter()
        .flatten()
        .collect();
        let rule = json!({
            "RuleArn": arn,
            "Priority": priority,
            "IsDefault": priority == "default",
            "Conditions": { "member": conditions },
            "Actions": actions(spec),
        });
        let before_default = |(of, rule): &(String, Value)| of == listener && rule["IsDefault"] == true;
        let at = state.rules.iter().position(before_default).unwrap_or(state.rules.len());
        state.rules.insert(at, (listener.to_owned(), rule));
        arn
    }

    /// Answers in pages of this size, though nobody asked for pages.
    pub fn set_page_size(&self, size: usize) {
        lock(&self.state).page_size = Some(size);
    }

    fn arn(&self, path: &str, number: usize) -> String {
        format!("arn:aws:elasticloadbalancing:{}:{}:{path}/{number:016x}", self.region, self.account)
    }
}

fn actions(spec: &RuleSpec) -> Value {
    let action = match &spec.target_groups[..] {
        [] => json!({ "Type": "fixed-response", "FixedResponseConfig": { "StatusCode": "404" } }),
        groups => {
            let weigh = |arn: &String| json!({ "TargetGroupArn": arn, "Weight": 1 });
            let tuples: Vec<Value> = groups.iter().map(weigh).collect();
            // The short form exists for a single group only.
            let single = if let [group] = groups { json!(group) } else { Value::Null };
            json!({
                "Type": "forward",
                "TargetGroupArn": single,
                "ForwardConfig": { "TargetGroups": { "member": tuples } },
            })
        }
    };
    json!({ "member": [action] })
}

/// How a list is asked for by ARN, and what is said of one that does not exist.
struct Kind {
    list: &'static str,
    arns: &'static str,
    arn: &'static str,
    missing: (&'static str, &'static str),
}

const BALANCERS: Kind = Kind {
    list: "LoadBalancers",
    arns: "LoadBalancerArns",
    arn: "LoadBalancerArn",
    missing: ("LoadBalancerNotFound", "One or more load balancers not found"),
};

const GROUPS: Kind = Kind {
    list: "TargetGroups",
    arns: "TargetGroupArns",
    arn: "TargetGroupArn",
    missing: ("TargetGroupNotFound", "One or more target groups not found"),
};

const LISTENERS: Kind = Kind {
    list: "Listeners",
    arns: "ListenerArns",
    arn: "ListenerArn",
    missing: ("ListenerNotFound", "One or more listeners not found"),
};

const RULES: Kind = Kind {
    list: "Rules",
    arns: "RuleArns",
    arn: "RuleArn",
    missing: ("RuleNotFound", "One or more rules not found"),
};

impl Kind {
    fn not_found(&self) -> ApiError {
        ApiError::refused(self.missing.0, self.missing.1)
    }

    /// Those of `all` that the request names; all of them where it names none.
    fn named(&self, all: &[Value], input: &Value) -> Result<Vec<Value>, ApiError> {
        let Some(arns) = input[self.arns]["member"].as_array() else { return Ok(all.to_vec()) };
        let find = |arn: &Value| all.iter().find(|item| item[self.arn] == *arn).cloned();
        arns.iter().map(|arn| find(arn).ok_or_else(|| self.not_found())).collect()
    }

    /// Refuses an ARN in the request that is none of `all`.
    fn exists(&self, all: &[Value], input: &Value) -> Result<(), ApiError> {
        let asked = &input[self.arn];
        let known = asked.is_null() || all.iter().any(|item| item[self.arn] == *asked);
        if known { Ok(()) } else { Err(self.not_found()) }
    }
}

impl State {
    fn paged(&self, list: &str, items: Vec<Value>, input: &Value) -> Result<Value, ApiError> {
        let refuse = |problem: &str| ApiError::refused("ValidationError", problem);
        let asked = match input["PageSize"].as_str().map(str::parse) {
            None => 400,
            Some(Ok(size @ 1..=400)) => size,
            Some(_) => return Err(refuse("PageSize must be between 1 and 400")),
        };
        let size = self.page_size.unwrap_or(400).min(asked);
        let page = page(items, size, input["Marker"].as_str(), || refuse("Invalid marker"))?;
        let mut answer = json!({ "NextMarker": page.next });
        answer[list] = json!({ "member": page.items });
        Ok(answer)
    }

    fn groups(&self, input: &Value) -> Result<Value, ApiError> {
        BALANCERS.exists(&self.balancers, input)?;
        let mut groups = GROUPS.named(&self.groups, input)?;
        if let Some(balancer) = input["LoadBalancerArn"].as_str() {
            let behind = |group: &Value| group["LoadBalancerArns"]["member"].as_array().cloned();
            groups.retain(|group| behind(group).is_some_and(|arns| arns.iter().any(|arn| arn == balancer)));
        }
        self.paged(GROUPS.list, groups, input)
    }

    fn listeners(&self, input: &Value) -> Result<Value, ApiError> {
        if input["LoadBalancerArn"].is_null() && input["ListenerArns"].is_null() {
            let problem = "You must specify either listener ARNs or a load balancer ARN";
            return Err(ApiError::refused("ValidationError", problem));
        }
        BALANCERS.exists(&self.balancers, input)?;
        let mut listeners = LISTENERS.named(&self.listeners, input)?;
        if let Some(balancer) = input["LoadBalancerArn"].as_str() {
            listeners.retain(|listener| listener["LoadBalancerArn"] == balancer);
        }
        self.paged(LISTENERS.list, listeners, input)
    }

    fn rules(&self, input: &Value) -> Result<Value, ApiError> {
        LISTENERS.exists(&self.listeners, input)?;
        let asked = input["ListenerArn"].as_str();
        let of_listener = self.rules.iter().filter(|(of, _)| asked.is_none_or(|asked| of == asked));
        let rules: Vec<Value> = of_listener.map(|(_, rule)| rule.clone()).collect();
        self.paged(RULES.list, RULES.named(&rules, input)?, input)
    }

    fn listener_certificates(&self, input: &Value) -> Result<Value, ApiError> {
        LISTENERS.exists(&self.listeners, input)?;
        let listener = input["ListenerArn"].as_str().unwrap_or_default();
        let arns = self.certificates.get(listener).map(Vec::as_slice).unwrap_or_default();
        let shown = arns.iter().enumerate();
        let shown = shown.map(|(at, arn)| json!({ "CertificateArn": arn, "IsDefault": at == 0 }));
        self.paged("Certificates", shown.collect(), input)
    }

    fn health(&self, input: &Value) -> Result<Value, ApiError> {
        GROUPS.exists(&self.groups, input)?;
        let targets = self.health.get(input["TargetGroupArn"].as_str().unwrap_or_default());
        let shown = targets.into_iter().flatten().map(|(id, state)| {
            let reason = (state == "unhealthy").then_some("Target.FailedHealthChecks");
            json!({
                "Target": { "Id": id, "Port": 8080 },
                "TargetHealth": { "State": state, "Reason": reason },
            })
        });
        Ok(json!({ "TargetHealthDescriptions": { "member": shown.collect::<Vec<_>>() } }))
    }
}

impl Service for Elbv2 {
    fn name(&self) -> &'static str {
        "elbv2"
    }

    fn protocol(&self) -> Protocol {
        Protocol::Query {
            signing_name: "elasticloadbalancing",
            namespace: "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
        }
    }

    fn server_error(&self) -> &'static str {
        "InternalFailure"
    }

    fn call(&self, operation: &str, input: &Value) -> Result<Value, ApiError> {
        let state = lock(&self.state);
        match operation {
            "DescribeLoadBalancers" => {
                state.paged(BALANCERS.list, BALANCERS.named(&state.balancers, input)?, input)
            }
            "DescribeTargetGroups" => state.groups(input),
            "DescribeTargetHealth" => state.health(input),
            "DescribeListeners" => state.listeners(input),
            "DescribeRules" => state.rules(input),
            "DescribeListenerCertificates" => state.listener_certificates(input),
            _ => Err(ApiError::refused("InvalidAction", format!("Could not find operation {operation}"))),
        }
    }
}
