//! What stands behind the successor's name, as it was found.

use autopilot::{
    balancing::{
        Certificate, ExpressService, Listener, ListenerRule, LoadBalancer, Target as Host, TargetState,
    },
    dns::AliasTarget,
    error::FieldError,
};
use serde::{Deserialize, Serialize};

use crate::{
    plan::{Plan, Target},
    records::Lead,
};

/// Where the successor's metrics are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watched {
    /// ARN of the load balancer; `None` where an Express service has none.
    pub load_balancer: Option<String>,
    /// ARNs of the target groups.
    pub target_groups: Vec<String>,
}

/// A target group with its hosts.
#[derive(Clone, Debug)]
pub struct Group {
    /// ARN.
    pub arn: String,
    /// Load balancers that send traffic to it.
    pub load_balancers: Vec<String>,
    /// Its hosts, or why they could not be read.
    pub hosts: Result<Vec<Host>, String>,
}

impl Group {
    /// True where a host of it can answer.
    pub fn is_healthy(&self) -> bool {
        let hosts = self.hosts.iter().flatten();
        hosts.into_iter().any(|host| host.state == TargetState::Healthy)
    }
}

/// A listener with its rules and the certificates that it shows.
#[derive(Clone, Debug)]
pub struct Entrance {
    /// The listener.
    pub listener: Listener,
    /// In their order, the default last.
    pub rules: Vec<ListenerRule>,
    /// Its certificates.
    pub certificates: Vec<Certificate>,
}

/// Everything that a preflight wants to know.
#[derive(Clone, Debug, Default)]
pub struct Successor {
    /// The Express service, where the plan names one.
    pub express: Option<ExpressService>,
    /// The load balancer in front.
    pub load_balancer: Option<LoadBalancer>,
    /// Its target groups, as far as they are the successor's.
    pub groups: Vec<Group>,
    /// How many other target groups are behind the load balancer.
    pub neighbours: usize,
    /// Ways in.
    pub entrances: Vec<Entrance>,
    /// What could not be found or read.
    pub trouble: Vec<FieldError>,
}

impl Successor {
    /// Where the successor's records lead.
    pub fn lead(&self, plan: &Plan) -> Option<Lead> {
        match &plan.to.target {
            Target::Alias(alias) => {
                Some(Lead { name: alias.dns_name.clone(), alias: Some(alias.clone()), either: false })
            }
            Target::Cname(name) => Some(Lead { name: name.clone(), alias: None, either: false }),
            Target::ExpressServiceArn(_) => self.load_balancer.as_ref().map(|balancer| Lead {
                name: balancer.dns_name.clone(),
                alias: Some(AliasTarget {
                    dns_name: balancer.dns_name.clone(),
                    hosted_zone_id: balancer.hosted_zone_id.clone(),
                    // The load balancer is shared with other services, whose empty groups would count.
                    evaluate_target_health: false,
                }),
                either: true,
            }),
        }
    }

    /// What is watched from now on.
    pub fn watched(&self) -> Watched {
        Watched {
            load_balancer: self.load_balancer.as_ref().map(|balancer| balancer.arn.clone()),
            target_groups: self.groups.iter().map(|group| group.arn.clone()).collect(),
        }
    }
}

/// The load balancer and the target groups of an Express service: those that the public way in leads to, if there is
/// one. Its own updates are canaries over several groups, so all of them count.
pub fn watched_of(express: &ExpressService) -> Watched {
    let paths = &express.ingress_paths;
    let load_balancer = paths
        .iter()
        .filter(|path| path.access == "PUBLIC")
        .chain(paths)
        .find_map(|path| path.load_balancer.clone());
    let own = paths.iter().filter(|path| path.load_balancer == load_balancer);
    let mut target_groups: Vec<String> = own.flat_map(|path| path.target_groups.iter().cloned()).collect();
    target_groups.sort();
    target_groups.dedup();
    Watched { load_balancer, target_groups }
}

#[cfg(test)]
mod tests {
    use autopilot::balancing::{ExpressStatus, IngressPath};

    use super::*;

    fn path(access: &str, load_balancer: Option<&str>, groups: &[&str]) -> IngressPath {
        IngressPath {
            access: access.to_owned(),
            endpoint: "ex-1.ecs.us-east-1.on.aws".to_owned(),
            load_balancer: load_balancer.map(str::to_owned),
            listener: None,
            rule: None,
            certificate: None,
            target_groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        }
    }

    #[test]
    fn an_express_service_is_watched_where_its_public_way_in_leads() {
        let (public, private) = ("PUBLIC", "PRIVATE");
        for (paths, load_balancer, groups) in [
            (
                vec![path(private, Some("b"), &["3"]), path(public, Some("a"), &["2", "1"])],
                Some("a"),
                vec!["1", "2"],
            ),
            // Revisions share the load balancer, and groups while a deployment moves between them.
            (
                vec![path(public, Some("a"), &["1", "2"]), path(public, Some("a"), &["2", "3"])],
                Some("a"),
                vec!["1", "2", "3"],
            ),
            (vec![path(public, None, &[]), path(public, Some("a"), &["1"])], Some("a"), vec!["1"]),
            (vec![path(private, Some("b"), &["3"])], Some("b"), vec!["3"]),
            (vec![], None, vec![]),
        ] {
            let express = ExpressService {
                arn: "arn:express".to_owned(),
                status: ExpressStatus::Active,
                deploying: false,
                ingress_paths: paths.clone(),
            };
            let watched = watched_of(&express);
            assert_eq!(watched.load_balancer.as_deref(), load_balancer, "{paths:?}");
            assert_eq!(watched.target_groups, groups, "{paths:?}");
        }
    }
}
