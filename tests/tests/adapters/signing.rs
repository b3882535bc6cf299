//! Signatures and endpoints: each attempt is signed anew, and the SDK's own variables lead where they say.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::Result;
use autopilot::ports::{BalancingRead, DnsRead, RoleRead, SubnetRead};
use autopilot_aws::{ec2::Ec2, elbv2::Elbv2, iam::Iam, route53::Route53, sdk::configuration};
use autopilot_tests::environment;
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider, future},
};
use aws_types::region::Region;
use sandbox::aws::{
    Fault,
    ec2::{RouteTableSpec, SubnetSpec},
};

use crate::{account, sdk};

/// Gives another key each time; each is about to expire.
#[derive(Debug, Default)]
struct Rotating(AtomicUsize);

impl ProvideCredentials for Rotating {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let number = self.0.fetch_add(1, Ordering::SeqCst);
        #[expect(clippy::disallowed_methods, reason = "the SDK compares it with the machine's clock")]
        let expiry = SystemTime::now() + Duration::from_secs(1);
        let key = format!("AKIAROTATING{number}");
        future::ProvideCredentials::ready(Ok(Credentials::new(key, "secret", None, Some(expiry), "test")))
    }
}

#[tokio::test]
async fn each_attempt_is_signed_with_credentials_that_are_valid_then() -> Result<()> {
    let account = account().await?;
    account.ec2().add_subnet(SubnetSpec {
        id: "subnet-1".to_owned(),
        vpc: "vpc-1".to_owned(),
        zone_id: "use1-az1".to_owned(),
        free_addresses: 1,
    });
    let main = RouteTableSpec { vpc: "vpc-1".to_owned(), main: true, ..RouteTableSpec::default() };
    account.ec2().add_route_table(main);
    let rotating = SharedCredentialsProvider::new(Rotating::default());
    let sdk = sdk(&account)?.into_builder().credentials_provider(rotating).build();
    account.faults().next("ec2", "DescribeSubnets", 2, Fault::Throttle);
    Ec2::new(&sdk).subnets(&["subnet-1".to_owned()]).await?;
    let attempts = account.requests().of("ec2", "DescribeSubnets");
    let mut callers: Vec<_> = attempts.iter().filter_map(|attempt| attempt.caller.clone()).collect();
    callers.dedup();
    assert_eq!((attempts.len(), callers.len()), (3, 3), "{callers:?}");
    Ok(())
}

#[tokio::test]
async fn a_services_own_endpoint_comes_before_the_common_one() -> Result<()> {
    let (own, common) = (account().await?, account().await?);
    for variable in ["AWS_ENDPOINT_URL_EC2", "AWS_ENDPOINT_URL_IAM"] {
        let mut environment = environment(common.endpoint());
        environment.insert(variable.to_owned(), own.endpoint().to_owned());
        let sdk = configuration(&environment)?;
        let _ = Ec2::new(&sdk).subnets(&["subnet-1".to_owned()]).await;
        assert_eq!(Iam::new(&sdk).role("arn:aws:iam::123456789012:role/none").await?, None);
    }
    for (account, services) in [(&own, ["ec2", "iam"]), (&common, ["iam", "ec2"])] {
        let mut asked: Vec<_> = account.requests().all().into_iter().map(|request| request.service).collect();
        asked.dedup();
        assert_eq!(asked, services);
    }
    Ok(())
}

#[tokio::test]
async fn the_names_of_the_sdk_lead_to_route_53_and_load_balancing() -> Result<()> {
    let account = account().await?;
    account.route53().add_zone("Z0EXAMPLE", "example.com");
    for variable in ["AWS_ENDPOINT_URL_ROUTE_53", "AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2"] {
        let mut environment = environment("http://127.0.0.1:9");
        environment.insert(variable.to_owned(), account.endpoint().to_owned());
        let sdk = configuration(&environment)?;
        let zone = Route53::new(&sdk).zone(&"Z0EXAMPLE".parse()?).await;
        let listeners = Elbv2::new(&sdk).listeners("arn:none").await.unwrap_err();
        let reached = (zone.is_ok(), listeners.code.is_some());
        let route53 = variable.ends_with("ROUTE_53");
        assert_eq!(reached, (route53, !route53), "{variable}");
    }
    Ok(())
}

#[tokio::test]
async fn without_credentials_or_region_nothing_is_sent() -> Result<()> {
    let account = account().await?;
    let sdk = sdk(&account)?;
    let mut nobody = sdk.clone().into_builder();
    nobody.set_credentials_provider(None);
    let mut nowhere = sdk.into_builder();
    nowhere.set_region(None::<Region>);
    for (sdk, missing) in [(nobody.build(), "credentials"), (nowhere.build(), "region")] {
        let error = Iam::new(&sdk).role("arn:aws:iam::123456789012:role/any").await.unwrap_err();
        assert!(error.message.contains(missing), "{error}");
    }
    assert!(account.requests().all().is_empty());
    Ok(())
}
