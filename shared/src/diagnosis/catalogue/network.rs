//! What the program cannot reach, and the VPC connector.

use super::super::address::Target;
use super::super::kind::CauseKind;
use super::super::signal::Signal;
use super::super::story::{Phase, Story};
use super::clue::{connections, egress_vpc, fact, platform_lines, refusals, routes, service};
use super::{Clue, Doubt, Entry, REFUTES};
use crate::evidence::{DefaultRoute, Occasion};

const DOCS_VPC: &str = "https://docs.aws.amazon.com/apprunner/latest/dg/network-vpc.html";

/// Whether all of the connector's subnets are known to have a way out.
fn has_way_out(story: &Story<'_>) -> bool {
    let subnets = story.evidence.subnets.as_deref().unwrap_or_default();
    !subnets.is_empty() && subnets.iter().all(|subnet| subnet.default_route == Some(DefaultRoute::Nat))
}

fn public_fails(story: &Story<'_>) -> bool {
    connections(story, Target::Public).is_some()
}

/// Whether the connector's subnets have fewer free addresses than twice the instances that may run.
fn too_few_addresses(story: &Story<'_>) -> bool {
    let Some(subnets) = story.evidence.subnets.as_deref() else { return false };
    let free: Option<u64> = subnets.iter().map(|subnet| subnet.free_addresses).sum();
    let needed = story.evidence.max_size_sum.map(|sum| sum.saturating_mul(2));
    match (free, needed) {
        (Some(free), Some(needed)) => free < needed,
        (Some(free), None) => free < 2 && !subnets.is_empty(),
        _ => false,
    }
}

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        kind: CauseKind::DownstreamUnreachable,
        transient: false,
        means: "The program cannot reach its database or another service that it needs.",
        supports: &[
            Clue {
                percent: 85,
                says: "connections to a private address or a database fail",
                holds: |s| connections(s, Target::Private),
            },
            Clue {
                percent: 72,
                says: "connections to a public address fail, and no VPC connector is in the way",
                holds: |s| if egress_vpc(s) == Some(true) { None } else { connections(s, Target::Public) },
            },
            Clue {
                percent: 76,
                says: "a connection that the start needs fails",
                holds: |s| unnamed_connection(s),
            },
            Clue {
                percent: 77,
                says: "the program connects to the container itself",
                holds: |s| connections(s, Target::Loopback),
            },
        ],
        against: &[
            Doubt {
                percent: 12,
                says: "the server answered and refused the login",
                holds: |s| s.has(Signal::DatabaseRefused),
            },
            Doubt {
                percent: 10,
                says: "public addresses cannot be reached through the VPC connector either",
                holds: |s| egress_vpc(s) == Some(true) && public_fails(s),
            },
            Doubt {
                percent: 10,
                says: "a variable is missing, or a secret could not be read",
                holds: |s| s.any(&[Signal::VariableMissing, Signal::SecretDenied, Signal::SecretMissing]),
            },
            Doubt { percent: 12, says: "the program went on and became ready", holds: |s| s.went_on() },
        ],
        fix: "Give the service a VPC connector in the database's VPC and let the database's security group admit the connector's group. For a public \
              database check its inbound rule; check the host and port in the variable. Then deploy again.",
        docs: DOCS_VPC,
    },
    Entry {
        kind: CauseKind::DownstreamCredentials,
        transient: false,
        means: "The database answers and refuses the user, the password or the database's name.",
        supports: &[Clue {
            percent: 88,
            says: "the database refused the login",
            holds: |s| refusals(s, Signal::DatabaseRefused),
        }],
        against: &[],
        fix: "Correct the user, password or database name in the variable or secret, and deploy again: secrets are read at deployment only.",
        docs: "https://docs.aws.amazon.com/apprunner/latest/dg/env-variable.html",
    },
    Entry {
        kind: CauseKind::VpcNoEgress,
        transient: false,
        means: "Outgoing traffic goes through the VPC connector, whose subnets have no way out.",
        supports: &[
            Clue {
                percent: 92,
                says: "public addresses cannot be reached, and a subnet of the connector has no default route",
                holds: |s| {
                    if routes(s, DefaultRoute::Missing) {
                        connections(s, Target::Public).or(unnamed_connection(s))
                    } else {
                        None
                    }
                },
            },
            Clue {
                percent: 87,
                says: "public addresses cannot be reached, and outgoing traffic goes through the VPC connector",
                holds: |s| if egress_vpc(s) == Some(true) { connections(s, Target::Public) } else { None },
            },
        ],
        against: &[
            Doubt {
                percent: REFUTES,
                says: "outgoing traffic does not go through a VPC",
                holds: |s| egress_vpc(s) == Some(false),
            },
            Doubt { percent: 50, says: "every subnet has a NAT gateway", holds: has_way_out },
            Doubt {
                percent: 30,
                says: "a subnet's default route leads to an internet gateway",
                holds: |s| routes(s, DefaultRoute::InternetGateway),
            },
        ],
        fix: "Give every subnet of the connector a default route to a NAT gateway, or add VPC endpoints for the AWS services that the program calls.",
        docs: DOCS_VPC,
    },
    Entry {
        kind: CauseKind::VpcPublicSubnet,
        transient: false,
        means: "The VPC connector uses public subnets, in which its interfaces have no public address.",
        supports: &[
            Clue {
                percent: 92,
                says: "public addresses cannot be reached, and a subnet of the connector routes to an internet gateway",
                holds: |s| {
                    if routes(s, DefaultRoute::InternetGateway) {
                        connections(s, Target::Public).or(unnamed_connection(s))
                    } else {
                        None
                    }
                },
            },
            Clue {
                percent: 80,
                says: "App Runner complains about public subnets",
                holds: |s| platform_lines(s, Signal::PublicSubnets),
            },
        ],
        against: &[Doubt {
            percent: REFUTES,
            says: "outgoing traffic does not go through a VPC",
            holds: |s| egress_vpc(s) == Some(false),
        }],
        fix: "Create a VPC connector with private subnets that route to a NAT gateway, and set it in the service.",
        docs: DOCS_VPC,
    },
    Entry {
        kind: CauseKind::VpcUnsupportedAz,
        transient: false,
        means: "A subnet of the VPC connector lies in an Availability Zone that App Runner does not support.",
        supports: &[Clue {
            percent: 93,
            says: "subnets are refused for their Availability Zone",
            holds: |s| platform_lines(s, Signal::ZoneUnsupported),
        }],
        against: &[],
        fix: "Create a VPC connector without the named subnets, and set it in the service.",
        docs: DOCS_VPC,
    },
    Entry {
        kind: CauseKind::VpcMixedAddressTypes,
        transient: false,
        means: "The VPC connector's subnets have different IP address types.",
        supports: &[Clue {
            percent: 90,
            says: "subnets are refused for their address types",
            holds: |s| platform_lines(s, Signal::AddressTypesMixed),
        }],
        against: &[],
        fix: "Create a VPC connector whose subnets are all IPv4 or all dual-stack, and set it in the service.",
        docs: DOCS_VPC,
    },
    Entry {
        kind: CauseKind::IpExhaustion,
        transient: false,
        means: "The VPC connector's subnets have no free addresses for further instances.",
        supports: &[
            Clue {
                percent: 93,
                says: "no subnet with free addresses was found",
                holds: |s| platform_lines(s, Signal::AddressesExhausted),
            },
            Clue {
                percent: 76,
                says: "the subnets have fewer free addresses than twice the sum of the services' maximum sizes",
                holds: |s| {
                    fact(
                        too_few_addresses(s)
                            && (s.failed || s.at_run_time())
                            && !s.has(Signal::Trace)
                            && s.phase != Phase::Pull,
                    )
                },
            },
        ],
        against: &[
            Doubt {
                percent: REFUTES,
                says: "outgoing traffic does not go through a VPC",
                holds: |s| egress_vpc(s) == Some(false),
            },
            Doubt {
                percent: 50,
                says: "the program was started in this operation, so it got an address",
                holds: |s| s.failed && !s.at_run_time() && !s.silent() && !s.has(Signal::AddressesExhausted),
            },
        ],
        fix: "Create larger subnets (free addresses: twice the sum of the maximum sizes of all services on the connector), a new connector with \
              them, and set it in the service. Until then lower the maximum size.",
        docs: "https://docs.aws.amazon.com/apprunner/latest/dg/troubleshooting-not-enough-ips.html",
    },
    Entry {
        kind: CauseKind::ConnectorInUse,
        transient: false,
        means: "The VPC connector cannot be deleted while a service refers to it.",
        supports: &[
            Clue {
                percent: 94,
                says: "the connector is in use",
                holds: |s| platform_lines(s, Signal::ConnectorBusy),
            },
            Clue {
                percent: 66,
                says: "deleting a connector fails only while a service refers to it",
                holds: |s| {
                    fact(
                        s.evidence.operation == Occasion::DeleteVpcConnector
                            && (s.failed || service(s).is_some()),
                    )
                },
            },
        ],
        against: &[],
        fix: "Move the services off the connector or delete them (failed and just deleted ones count), wait a few minutes, and delete it again.",
        docs: DOCS_VPC,
    },
];

/// A connection without a named target: enough if the start died of it and nothing more specific is known.
fn unnamed_connection(story: &Story<'_>) -> super::clue::Proof {
    let proof = connections(story, Target::Unsaid)?;
    (!story.went_on()).then_some(proof)
}
