//! All questions at once, and the budget that they keep.

use std::time::Duration;

use anyhow::{Context as _, Result};
use autopilot::{
    evidence::DefaultRoute,
    facts::{self, About, Question, Questions},
    ports::{AppRunnerRead as _, MetricsRead as _, RelatedRead as _, Window},
    service::ServiceArn,
};
use autopilot_aws::apprunner::AppRunner;
use jiff::{SignedDuration, Timestamp};
use sandbox::aws::{
    Fault, Sandbox,
    apprunner::{ConnectionStatus, DomainStatus, IngressStatus, ServiceSpec},
    ec2::{RouteTableSpec, SubnetSpec},
    ecr::ImageSpec,
    service::Service as _,
};
use serde_json::json;

use crate::{account, facts, sdk};

const IMAGE: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/orders:v7";

fn started_at() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().unwrap_or_default()
}

fn window() -> Window {
    Window { start: started_at(), end: started_at() + SignedDuration::from_mins(10) }
}

/// A service on a connector whose one subnet has this many free addresses, with everything around it.
fn seed(account: &Sandbox, free_addresses: u64) -> Result<ServiceArn> {
    let connector = account.services().add_connector("own", &["subnet-1"], &["sg-1"]);
    let service = |image: &str| {
        json!({
            "SourceConfiguration": {
                "AutoDeploymentsEnabled": false,
                "AuthenticationConfiguration": {"AccessRoleArn": "arn:aws:iam::123456789012:role/service/access"},
                "ImageRepository": {"ImageIdentifier": image, "ImageRepositoryType": "ECR"},
            },
            "InstanceConfiguration": {"InstanceRoleArn": "arn:aws:iam::123456789012:role/instance"},
            "NetworkConfiguration": {"EgressConfiguration": {"EgressType": "VPC", "VpcConnectorArn": connector}},
        })
    };
    let arn = account.services().create(ServiceSpec::new("orders", service(IMAGE)))?;
    for name in ["billing", "search"] {
        account.services().create(ServiceSpec::new(name, service(IMAGE)))?;
    }
    account.services().create(ServiceSpec::image("elsewhere", IMAGE))?;
    account.services().add_domain(&arn, "good.example.com", false, DomainStatus::Active)?;
    account.services().add_domain(
        &arn,
        "bad.example.com",
        false,
        DomainStatus::PendingCertificateDnsValidation,
    )?;
    account.services().add_ingress("private", &arn, "vpc-1", "vpce-1", IngressStatus::Available);
    account.ec2().add_subnet(SubnetSpec {
        id: "subnet-1".to_owned(),
        vpc: "vpc-1".to_owned(),
        zone_id: "use1-az1".to_owned(),
        free_addresses,
    });
    account.ec2().add_route_table(RouteTableSpec {
        vpc: "vpc-1".to_owned(),
        main: true,
        ..RouteTableSpec::default()
    });
    let day = SignedDuration::from_hours(24);
    account.iam().add_role("access", "build.apprunner.amazonaws.com", started_at() - day);
    account.iam().add_role(
        "instance",
        "ecs-tasks.amazonaws.com",
        started_at() - SignedDuration::from_secs(9),
    );
    account.ecr().push(
        "123456789012",
        "orders",
        "v7",
        &ImageSpec {
            platforms: vec!["linux/arm64".to_owned()],
            bytes: 1_000_000,
            exposed_ports: vec![],
            pushed_at: started_at(),
        },
    );
    let put = |name, seconds, value| {
        let at = started_at() + SignedDuration::from_secs(seconds);
        account.cloudwatch().put_service_metric(&arn, name, at, value);
    };
    put("MemoryUtilization", 60, 40.0);
    put("MemoryUtilization", 120, 98.5);
    put("MemoryUtilization", 3_600, 99.0);
    put("5xxStatusResponses", 60, 7.0);
    Ok(arn.parse()?)
}

fn every_question() -> Questions {
    Question::ALL.into_iter().map(|question| (question, "a test asks")).collect()
}

#[tokio::test]
async fn every_question_is_answered() -> Result<()> {
    let account = account().await?;
    let service = seed(&account, 200)?;
    let sdk = sdk(&account)?;
    let (apprunner, facts) = (AppRunner::new(&sdk), facts(&sdk));
    let described = apprunner.describe(&service).await?;
    account.requests().clear();
    let about = About {
        service: &service,
        image: described.configuration.image_identifier.as_deref(),
        refers_to: &described.refers_to,
        domain: None,
        started_at: Some(started_at()),
        window: window(),
    };
    let questions = every_question();
    let asked = facts::ask(&questions, &about, &apprunner, &facts, Duration::from_secs(5));
    let (found, unread) = Box::pin(asked).await;
    assert_eq!(unread, []);
    let image = found.image.context("an image")?;
    assert_eq!(image.platforms, Some(vec!["linux/arm64".to_owned()]));
    let (access, instance) = (found.roles.access.context("a role")?, found.roles.instance.context("a role")?);
    assert_eq!((access.exists, access.trusted, access.age_seconds), (Some(true), Some(true), Some(86_400.0)));
    assert_eq!((instance.trusted, instance.age_seconds), (Some(false), Some(9.0)));
    let subnets = found.subnets.context("subnets")?;
    assert_eq!(subnets[0].default_route, Some(DefaultRoute::Missing));
    assert_eq!(found.max_size_sum, Some(25), "200 addresses are enough for four services of 25 instances");
    let domain = found.custom_domain.context("a domain")?;
    assert_eq!(domain.name.as_deref(), Some("bad.example.com"));
    assert_eq!(domain.validation_published, None);
    assert_eq!(found.ingress_connections.context("a list")?[0].status.as_deref(), Some("AVAILABLE"));
    assert_eq!(found.connection_status, None, "an image service has none");
    let metrics = [("MemoryUtilization".to_owned(), 98.5), ("5xxStatusResponses".to_owned(), 7.0)];
    assert_eq!(found.metrics.0, metrics);
    let calls = account.requests().all();
    assert_eq!(calls.len(), 14, "{:?}", calls.iter().map(|call| &call.operation).collect::<Vec<_>>());
    Ok(())
}

#[tokio::test]
async fn where_addresses_run_short_the_connectors_other_services_count() -> Result<()> {
    let account = account().await?;
    let service = seed(&account, 30)?;
    let sdk = sdk(&account)?;
    let (apprunner, facts) = (AppRunner::new(&sdk), facts(&sdk));
    let described = apprunner.describe(&service).await?;
    let questions = Questions::from([(Question::Subnets, "a test asks")]);
    let about = About {
        service: &service,
        image: None,
        refers_to: &described.refers_to,
        domain: None,
        started_at: None,
        window: window(),
    };
    let asked = facts::ask(&questions, &about, &apprunner, &facts, Duration::from_secs(5));
    let (found, _) = Box::pin(asked).await;
    assert_eq!(found.max_size_sum, Some(75), "three services of 25 instances share the connector");
    Ok(())
}

#[tokio::test]
async fn what_is_late_or_denied_is_named_and_the_rest_is_used() -> Result<()> {
    let account = account().await?;
    let service = seed(&account, 200)?;
    let sdk = sdk(&account)?;
    let (apprunner, facts) = (AppRunner::new(&sdk), facts(&sdk));
    let described = apprunner.describe(&service).await?;
    account.faults().always("ec2", "*", Fault::TimeoutBeforeWork);
    let denied = Fault::Refuse { code: "AccessDenied".to_owned(), message: "not you".to_owned() };
    account.faults().always("iam", "GetRole", denied);
    let about = About {
        service: &service,
        image: Some(IMAGE),
        refers_to: &described.refers_to,
        domain: None,
        started_at: Some(started_at()),
        window: window(),
    };
    let questions = every_question();
    let asked = facts::ask(&questions, &about, &apprunner, &facts, Duration::from_millis(700));
    let (found, unread) = tokio::time::timeout(Duration::from_secs(1), Box::pin(asked)).await?;
    let unread: Vec<_> = unread.iter().map(|unread| (unread.what.as_str(), unread.why.as_str())).collect();
    assert_eq!(
        unread,
        [
            ("the access role", "AccessDenied"),
            ("the instance role", "AccessDenied"),
            ("the connector's subnets", "no answer in time"),
        ]
    );
    assert!(found.image.is_some() && found.custom_domain.is_some() && found.roles.access.is_none());
    assert_eq!(found.max_size_sum, None);
    Ok(())
}

#[tokio::test]
async fn a_connection_is_told_by_its_arn() -> Result<()> {
    let account = account().await?;
    let wanted = json!({"ConnectionName": "github", "ProviderType": "GITHUB"});
    let made = account.services().call("CreateConnection", &wanted).expect("a new name is accepted");
    let arn = made["Connection"]["ConnectionArn"].as_str().context("an ARN")?.to_owned();
    let facts = facts(&sdk(&account)?);
    assert_eq!(facts.connection_status(&arn).await?.as_deref(), Some("PENDING_HANDSHAKE"));
    account.services().set_connection_status(&arn, ConnectionStatus::Available)?;
    assert_eq!(facts.connection_status(&arn).await?.as_deref(), Some("AVAILABLE"));
    let namesake = format!("{arn}0");
    assert_eq!(facts.connection_status(&namesake).await?, None);
    Ok(())
}

#[tokio::test]
async fn metrics_are_read_in_one_call() -> Result<()> {
    let account = account().await?;
    let service = seed(&account, 1)?;
    let metrics = facts(&sdk(&account)?).highest(&service, window()).await?;
    assert_eq!(metrics.highest("memoryutili"), Some(98.5));
    assert_eq!(account.requests().of("cloudwatch", "GetMetricData").len(), 1);
    Ok(())
}
