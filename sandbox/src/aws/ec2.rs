//! EC2, as far as apprunner-autopilot asks: a subnet's way out (`DescribeSubnets`, `DescribeRouteTables`), and VPC
//! endpoints with their tags ([`endpoints`]). With the filters that it uses, paged.

pub mod endpoints;

use std::sync::Mutex;

use serde_json::{Value, json};

use super::error::ApiError;
use super::lock;
use super::paging::page;
use super::protocol::Protocol;
use super::service::Service;

/// A subnet to seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubnetSpec {
    /// `subnet-…`
    pub id: String,
    /// `vpc-…`
    pub vpc: String,
    /// For example `use1-az1`.
    pub zone_id: String,
    /// Free addresses.
    pub free_addresses: u64,
}

/// A route table to seed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteTableSpec {
    /// `vpc-…`
    pub vpc: String,
    /// Whether it is the VPC's main table.
    pub main: bool,
    /// Subnets that are associated with it explicitly.
    pub subnets: Vec<String>,
    /// Members of each route beside the local one, as the API spells them, for example
    /// `("destinationCidrBlock", "0.0.0.0/0"), ("natGatewayId", "nat-1")`.
    pub routes: Vec<Vec<(&'static str, &'static str)>>,
}

/// EC2 for one account.
#[derive(Default)]
pub struct Ec2 {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    subnets: Vec<SubnetSpec>,
    tables: Vec<RouteTableSpec>,
    endpoints: Vec<endpoints::Kept>,
    page_size: Option<usize>,
}

impl Ec2 {
    /// Seeds a subnet.
    pub fn add_subnet(&self, subnet: SubnetSpec) {
        lock(&self.state).subnets.push(subnet);
    }

    /// Seeds a route table.
    pub fn add_route_table(&self, table: RouteTableSpec) {
        lock(&self.state).tables.push(table);
    }

    /// Answers in pages of this size at most, whatever is asked.
    pub fn set_page_size(&self, size: usize) {
        lock(&self.state).page_size = Some(size);
    }

    fn subnets(&self, input: &Value) -> Result<Value, ApiError> {
        let state = lock(&self.state);
        let ids = texts(&input["SubnetId"]);
        if let Some(unknown) = ids.iter().find(|id| !state.subnets.iter().any(|subnet| subnet.id == **id)) {
            let problem = format!("The subnet ID '{unknown}' does not exist");
            return Err(ApiError::refused("InvalidSubnetID.NotFound", problem));
        }
        let filters = Filters::read(input, &["vpc-id", "subnet-id"])?;
        let wanted = state.subnets.iter().filter(|subnet| {
            (ids.is_empty() || ids.contains(&subnet.id.as_str()))
                && filters.admit("vpc-id", &[subnet.vpc.as_str()])
                && filters.admit("subnet-id", &[subnet.id.as_str()])
        });
        state.answer(input, "subnetSet", wanted.map(shown_subnet))
    }

    fn route_tables(&self, input: &Value) -> Result<Value, ApiError> {
        let filters = Filters::read(input, &["vpc-id", "association.subnet-id", "association.main"])?;
        let state = lock(&self.state);
        let tables = state.tables.iter().enumerate();
        let wanted = tables.filter(|(_, table)| {
            let subnets: Vec<&str> = table.subnets.iter().map(String::as_str).collect();
            filters.admit("vpc-id", &[table.vpc.as_str()])
                && filters.admit("association.subnet-id", &subnets)
                && filters.admit("association.main", &[if table.main { "true" } else { "false" }])
        });
        state.answer(input, "routeTableSet", wanted.map(|(at, table)| shown_table(at, table)))
    }
}

impl State {
    fn answer(
        &self,
        input: &Value,
        list: &str,
        items: impl Iterator<Item = Value>,
    ) -> Result<Value, ApiError> {
        let asked = input["MaxResults"].as_str().and_then(|size| size.parse().ok()).unwrap_or(1_000);
        let size = asked.min(self.page_size.unwrap_or(1_000));
        let bad_token = || ApiError::refused("InvalidNextToken", "The token is not valid");
        let page = page(items, size, input["NextToken"].as_str(), bad_token)?;
        let mut answer = json!({ "nextToken": page.next });
        answer[list] = items_of(&page.items);
        Ok(answer)
    }
}

fn shown_subnet(subnet: &SubnetSpec) -> Value {
    json!({
        "subnetId": subnet.id,
        "vpcId": subnet.vpc,
        "availabilityZoneId": subnet.zone_id,
        "availableIpAddressCount": subnet.free_addresses,
        "state": "available",
    })
}

fn shown_table(at: usize, table: &RouteTableSpec) -> Value {
    let mut routes = vec![
        json!({ "destinationCidrBlock": "10.0.0.0/16", "gatewayId": "local", "state": "active", "origin": "CreateRouteTable" }),
    ];
    for members in &table.routes {
        let mut route = json!({ "state": "active", "origin": "CreateRoute" });
        for (name, value) in members {
            route[*name] = json!(value);
        }
        routes.push(route);
    }
    let mut associations: Vec<Value> =
        table.subnets.iter().map(|subnet| json!({ "subnetId": subnet, "main": false })).collect();
    if table.main {
        associations.push(json!({ "main": true }));
    }
    json!({
        "routeTableId": format!("rtb-{at:017x}"),
        "vpcId": table.vpc,
        "routeSet": { "item": routes },
        "associationSet": items_of(&associations),
    })
}

/// A list as EC2 writes it; an empty one is an empty element.
fn items_of(items: &[Value]) -> Value {
    if items.is_empty() { json!("") } else { json!({ "item": items }) }
}

/// The filters of a request; within one any value is enough, and all of them must let through.
struct Filters<'a>(Vec<(&'a str, Vec<&'a str>)>);

impl<'a> Filters<'a> {
    fn read(input: &'a Value, known: &[&str]) -> Result<Self, ApiError> {
        let filters = input["Filter"].as_array().map(Vec::as_slice).unwrap_or_default();
        let filters = filters.iter().map(|filter| {
            let name = filter["Name"].as_str().unwrap_or_default();
            if known.contains(&name) || (known.contains(&"tag:") && name.starts_with("tag:")) {
                Ok((name, texts(&filter["Value"])))
            } else {
                Err(ApiError::refused("InvalidParameterValue", format!("The filter '{name}' is invalid")))
            }
        });
        filters.collect::<Result<_, _>>().map(Self)
    }

    fn admit(&self, name: &str, values: &[&str]) -> bool {
        let mut concerned = self.0.iter().filter(|(filter, _)| *filter == name);
        concerned.all(|(_, wanted)| values.iter().any(|value| wanted.contains(value)))
    }
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

impl Service for Ec2 {
    fn name(&self) -> &'static str {
        "ec2"
    }

    fn protocol(&self) -> Protocol {
        Protocol::Ec2Query { namespace: "http://ec2.amazonaws.com/doc/2016-11-15/" }
    }

    fn server_error(&self) -> &'static str {
        "InternalError"
    }

    fn call(&self, operation: &str, input: &Value) -> Result<Value, ApiError> {
        match operation {
            "DescribeSubnets" => self.subnets(input),
            "DescribeRouteTables" => self.route_tables(input),
            "DescribeVpcEndpoints" => self.endpoints(input),
            "DeleteVpcEndpoints" => self.delete_endpoints(input),
            "CreateTags" => self.create_tags(input),
            "DeleteTags" => self.delete_tags(input),
            _ => {
                let problem = format!("The action {operation} is not valid for this web service.");
                Err(ApiError::refused("InvalidAction", problem))
            }
        }
    }
}
