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
