//! EC2, over the narrow client: no SDK crate, see docs/decisions/0005-narrow-query-client.md.
//!
//! Two calls read subnets and their explicitly associated route tables at the same time; a third reads the main
//! tables of the VPCs whose subnets have no table of their own. VPC endpoints: `endpoints`.

mod endpoints;

use std::collections::BTreeMap;

use autopilot::{
    error::PortError,
    evidence::{DefaultRoute, Subnet},
    ports::SubnetRead,
};
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use roxmltree::Node;

use crate::narrow::{Api, Narrow, Protocol, unreadable, xml};

const EC2: Api = Api {
    id: "EC2",
    signing_name: "ec2",
    host: "ec2",
    global: false,
    protocol: Protocol::Query { version: "2016-11-15" },
};

/// Pages read of one list. A caller that needs more asks too much.
const PAGES: usize = 20;

/// EC2.
#[derive(Debug)]
pub struct Ec2 {
    narrow: Narrow,
    /// For calls that change something: each is made once.
    once: Narrow,
}

/// A filter: its name and the values that it lets through.
type Filter<'a> = (&'a str, Vec<&'a str>);

impl Ec2 {
    /// A client.
    pub fn new(sdk: &SdkConfig) -> Self {
        let without_retries = sdk.to_builder().retry_config(RetryConfig::disabled()).build();
        Self { narrow: Narrow::new(sdk, &EC2), once: Narrow::new(&without_retries, &EC2) }
    }

    /// Every entry of a list, page by page, as `read` understands it.
    async fn list<T>(
        &self,
        call: &'static str,
        list: &str,
        parameters: &[(String, &str)],
        read: impl Fn(Node<'_, '_>) -> Option<T>,
    ) -> Result<Vec<T>, PortError> {
        let mut found = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..PAGES {
            let mut page = parameters.to_vec();
            page.extend(token.as_deref().map(|token| ("NextToken".to_owned(), token)));
            let answer = self.narrow.query(call, &page).await?;
            let document = xml::parse(&answer).map_err(|error| unreadable(call, &error))?;
            let root = document.root_element();
            // An answer without the list is none: an empty list is an empty element.
            if xml::child(root, list).is_none() {
                return Err(unreadable(call, &xml::Unreadable::Missing("list of what was asked for")));
            }
            found.extend(xml::entries(root, list).filter_map(&read));
            token = xml::text(root, &["nextToken"]).map(str::to_owned);
            if token.is_none() {
                return Ok(found);
            }
        }
        Err(unreadable(call, &format!("it does not end within {PAGES} pages")))
    }

    async fn route_tables(&self, filters: &[Filter<'_>]) -> Result<Vec<RouteTable>, PortError> {
        self.list("ec2:DescribeRouteTables", "routeTableSet", &filtered(filters), route_table).await
    }
}

impl SubnetRead for Ec2 {
    async fn subnets(&self, ids: &[String]) -> Result<Vec<Subnet>, PortError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let names: Vec<&str> = ids.iter().map(String::as_str).collect();
        let parameters = numbered("SubnetId", &names);
        let explicit = [("association.subnet-id", names)];
        let (subnets, tables) = tokio::join!(
            self.list("ec2:DescribeSubnets", "subnetSet", &parameters, subnet),
            self.route_tables(&explicit),
        );
        let (subnets, tables) = (subnets?, tables?);
        let routes: BTreeMap<&str, Option<DefaultRoute>> = tables
            .iter()
            .flat_map(|table| table.subnets.iter().map(|subnet| (subnet.as_str(), table.default_route)))
            .collect();
        let without = |(subnet, _): &&(Subnet, String)| !routes.contains_key(subnet.id.as_str());
        let mut vpcs: Vec<&str> = subnets.iter().filter(without).map(|(_, vpc)| vpc.as_str()).collect();
        vpcs.dedup();
        let main = if vpcs.is_empty() {
            Vec::new()
        } else {
            self.route_tables(&[("vpc-id", vpcs), ("association.main", vec!["true"])]).await?
        };
        let of_vpc = |vpc: &str| main.iter().find(|table| table.vpc == vpc)?.default_route;
        let route = |(subnet, vpc): &(Subnet, String)| Subnet {
            default_route: routes.get(subnet.id.as_str()).copied().unwrap_or_else(|| of_vpc(vpc)),
            ..subnet.clone()
        };
        Ok(subnets.iter().map(route).collect())
    }
}

/// `SubnetId.1`, `SubnetId.2`, …
fn numbered<'a>(name: &str, values: &[&'a str]) -> Vec<(String, &'a str)> {
    values.iter().enumerate().map(|(at, value)| (format!("{name}.{}", at + 1), *value)).collect()
}

fn filtered<'a>(filters: &[Filter<'a>]) -> Vec<(String, &'a str)> {
    let one = |(at, (name, values)): (usize, &Filter<'a>)| {
        let place = format!("Filter.{}", at + 1);
        let mut parameters = vec![(format!("{place}.Name"), *name)];
        parameters.extend(numbered(&format!("{place}.Value"), values));
        parameters
    };
    filters.iter().enumerate().flat_map(one).collect()
}

/// A subnet and its VPC.
fn subnet(node: Node<'_, '_>) -> Option<(Subnet, String)> {
    let subnet = Subnet {
        id: xml::text(node, &["subnetId"])?.to_owned(),
        availability_zone_id: xml::text(node, &["availabilityZoneId"]).map(str::to_owned),
        free_addresses: xml::text(node, &["availableIpAddressCount"]).and_then(|count| count.parse().ok()),
        default_route: None,
    };
    Some((subnet, xml::text(node, &["vpcId"]).unwrap_or_default().to_owned()))
}

/// A route table, as far as a default route goes.
#[derive(Debug, PartialEq)]
struct RouteTable {
    vpc: String,
    /// Subnets that are associated explicitly.
    subnets: Vec<String>,
    default_route: Option<DefaultRoute>,
}

fn route_table(node: Node<'_, '_>) -> Option<RouteTable> {
    let associated = xml::entries(node, "associationSet").filter_map(|a| xml::text(a, &["subnetId"]));
    Some(RouteTable {
        vpc: xml::text(node, &["vpcId"])?.to_owned(),
        subnets: associated.map(str::to_owned).collect(),
        default_route: default_route(xml::entries(node, "routeSet")),
    })
}

/// Where 0.0.0.0/0 leads; unknown where prefix lists or halves of the Internet may stand for it.
fn default_route<'a, 'i: 'a>(routes: impl Iterator<Item = Node<'a, 'i>>) -> Option<DefaultRoute> {
    let mut unclear = false;
    for route in routes {
        let gateway = xml::text(route, &["gatewayId"]).unwrap_or_default();
        match xml::text(route, &["destinationCidrBlock"]) {
            Some("0.0.0.0/0") if xml::text(route, &["state"]) == Some("blackhole") => {
                return Some(DefaultRoute::Missing);
            }
            Some("0.0.0.0/0") if gateway.starts_with("igw-") => return Some(DefaultRoute::InternetGateway),
            // NAT gateways and instances, transit gateways, peerings, on-premises: ways out for private addresses.
            Some("0.0.0.0/0") => return Some(DefaultRoute::Nat),
            Some("0.0.0.0/1" | "128.0.0.0/1") => unclear = true,
            // Gateway endpoints route prefix lists of S3 and DynamoDB.
            None => {
                let list = xml::text(route, &["destinationPrefixListId"]).is_some();
                unclear |= list && !gateway.starts_with("vpce-");
            }
            Some(_) => {}
        }
    }
    (!unclear).then_some(DefaultRoute::Missing)
}
