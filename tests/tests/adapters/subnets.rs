//! EC2: routes, pages, and what happens when a call fails.

use anyhow::Result;
use autopilot::{
    error::Class,
    evidence::{DefaultRoute, Subnet},
    ports::SubnetRead,
};
use autopilot_aws::ec2::Ec2;
use sandbox::aws::{
    Fault, Sandbox,
    ec2::{RouteTableSpec, SubnetSpec},
};

use crate::{account, sdk};

const DEFAULT: (&str, &str) = ("destinationCidrBlock", "0.0.0.0/0");

fn seed(account: &Sandbox) {
    let tables = [
        ("nat", vec![DEFAULT, ("natGatewayId", "nat-1")]),
        ("igw", vec![DEFAULT, ("gatewayId", "igw-1")]),
        ("tgw", vec![DEFAULT, ("transitGatewayId", "tgw-1")]),
        ("hole", vec![DEFAULT, ("natGatewayId", "nat-2"), ("state", "blackhole")]),
        ("endpoint", vec![("destinationPrefixListId", "pl-1"), ("gatewayId", "vpce-1")]),
        ("list", vec![("destinationPrefixListId", "pl-2"), ("transitGatewayId", "tgw-1")]),
        ("six", vec![("destinationIpv6CidrBlock", "::/0"), ("egressOnlyInternetGatewayId", "eigw-1")]),
    ];
    for (at, (name, route)) in tables.into_iter().enumerate() {
        account.ec2().add_subnet(subnet(name, "vpc-1", at as u64));
        account.ec2().add_route_table(RouteTableSpec {
            vpc: "vpc-1".to_owned(),
            subnets: vec![format!("subnet-{name}")],
            routes: vec![route],
            ..RouteTableSpec::default()
        });
    }
    account.ec2().add_subnet(subnet("main", "vpc-2", 9));
    account.ec2().add_route_table(RouteTableSpec {
        vpc: "vpc-2".to_owned(),
        main: true,
        routes: vec![vec![DEFAULT, ("networkInterfaceId", "eni-1")]],
        ..RouteTableSpec::default()
    });
}

fn subnet(name: &str, vpc: &str, free_addresses: u64) -> SubnetSpec {
    SubnetSpec {
        id: format!("subnet-{name}"),
        vpc: vpc.to_owned(),
        zone_id: "use1-az3".to_owned(),
        free_addresses,
    }
}

fn ids(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("subnet-{name}")).collect()
}

const ALL: [(&str, Option<DefaultRoute>); 8] = [
    ("nat", Some(DefaultRoute::Nat)),
    ("igw", Some(DefaultRoute::InternetGateway)),
    ("tgw", Some(DefaultRoute::Nat)),
    ("hole", Some(DefaultRoute::Missing)),
    ("endpoint", Some(DefaultRoute::Missing)),
    ("list", None),
    ("six", Some(DefaultRoute::Missing)),
    ("main", Some(DefaultRoute::Nat)),
];

fn routes(subnets: &[Subnet]) -> Vec<(&str, Option<DefaultRoute>)> {
    subnets.iter().map(|subnet| (&subnet.id["subnet-".len()..], subnet.default_route)).collect()
}

#[tokio::test]
async fn a_subnets_way_out_is_found_whichever_table_it_has() -> Result<()> {
    let account = account().await?;
    seed(&account);
    let found = Ec2::new(&sdk(&account)?).subnets(&ids(&ALL.map(|(name, _)| name))).await?;
    assert_eq!(routes(&found), ALL);
    assert_eq!(found[2].free_addresses, Some(2));
    assert_eq!(found[0].availability_zone_id.as_deref(), Some("use1-az3"));
    let calls = account.requests();
    assert_eq!(calls.of("ec2", "DescribeSubnets").len(), 1);
    assert_eq!(calls.of("ec2", "DescribeRouteTables").len(), 2, "the explicit tables, then vpc-2's main one");
    Ok(())
}

#[tokio::test]
async fn lists_are_read_to_their_last_page() -> Result<()> {
    let account = account().await?;
    seed(&account);
    account.ec2().set_page_size(3);
    let found = Ec2::new(&sdk(&account)?).subnets(&ids(&ALL.map(|(name, _)| name))).await?;
    assert_eq!(routes(&found), ALL);
    assert_eq!(account.requests().of("ec2", "DescribeSubnets").len(), 3);
    Ok(())
}

#[tokio::test]
async fn a_failed_page_gives_no_part_of_the_list() -> Result<()> {
    let account = account().await?;
    seed(&account);
    account.ec2().set_page_size(3);
    let ec2 = Ec2::new(&sdk(&account)?);
    account.faults().next("ec2", "DescribeSubnets", 1, Fault::Slow(std::time::Duration::ZERO));
    let denied = Fault::Refuse { code: "UnauthorizedOperation".to_owned(), message: "not you".to_owned() };
    account.faults().next("ec2", "DescribeSubnets", 1, denied);
    let error = ec2.subnets(&ids(&["nat", "igw", "tgw", "hole"])).await.unwrap_err();
    assert_eq!((error.class, error.code.as_deref()), (Class::Permanent, Some("UnauthorizedOperation")));
    assert_eq!((error.call, error.message.as_str()), ("ec2:DescribeSubnets", "not you"));
    Ok(())
}

#[tokio::test]
async fn throttling_and_failures_of_the_service_are_tried_again() -> Result<()> {
    let account = account().await?;
    seed(&account);
    for fault in [Fault::Throttle, Fault::ServerError, Fault::Reset] {
        account.requests().clear();
        account.faults().next("ec2", "DescribeSubnets", 2, fault.clone());
        let found = Ec2::new(&sdk(&account)?).subnets(&ids(&["nat"])).await?;
        assert_eq!(found.len(), 1, "{fault:?}");
        assert_eq!(account.requests().of("ec2", "DescribeSubnets").len(), 3, "{fault:?}");
    }
    Ok(())
}

#[tokio::test]
async fn what_goes_on_failing_is_classed_and_keeps_the_requests_id() -> Result<()> {
    let account = account().await?;
    seed(&account);
    for (fault, code, message) in [
        (Fault::Throttle, Some("RequestLimitExceeded"), "Rate exceeded"),
        (Fault::ServerError, Some("InternalError"), "internal error"),
        (Fault::TimeoutBeforeWork, None, "no answer in time"),
    ] {
        account.faults().always("ec2", "DescribeSubnets", fault.clone());
        let error = Ec2::new(&sdk(&account)?).subnets(&ids(&["nat"])).await.unwrap_err();
        assert_eq!((error.class, error.code.as_deref()), (Class::Retryable, code), "{fault:?}");
        assert!(error.message.contains(message), "{fault:?}: {error}");
        if code.is_some() {
            let source = error.source.as_ref().map(|source| format!("{source:?}")).unwrap_or_default();
            assert!(source.contains("aws_request_id"), "{source}");
        }
        account.faults().clear();
    }
    Ok(())
}

#[tokio::test]
async fn a_subnet_that_is_gone_is_an_error_with_ec2s_code() -> Result<()> {
    let account = account().await?;
    let error = Ec2::new(&sdk(&account)?).subnets(&ids(&["gone"])).await.unwrap_err();
    assert_eq!((error.class, error.code.as_deref()), (Class::Permanent, Some("InvalidSubnetID.NotFound")));
    Ok(())
}
