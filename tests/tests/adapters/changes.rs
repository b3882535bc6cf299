//! The calls that change a service: each is made once, whatever becomes of it.

use anyhow::{Context as _, Result};
use autopilot::{
    configuration::{Configuration, Member, Snapshot, differences},
    error::Class,
    ports::{ConfigurationRead as _, ServiceWrite as _},
    service::ServiceArn,
};
use autopilot_aws::apprunner::{AppRunner, AppRunnerWrite};
use autopilot_tests::permit::permit;
use sandbox::aws::{
    Fault, Sandbox,
    apprunner::{IngressStatus, ServiceSpec},
};
use serde_json::{Value, json};

use crate::{account, sdk};

const IMAGE: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/orders:v7";

/// Waits until no operation runs.
async fn settled(account: &Sandbox, service: &ServiceArn) -> Result<()> {
    while account.services().describe(service.as_str())?["Status"] == "OPERATION_IN_PROGRESS" {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    Ok(())
}

/// All that an image service may be given, other than the defaults.
fn whole(connector: &str) -> Value {
    json!({
        "SourceConfiguration": {
            "AutoDeploymentsEnabled": true,
            "AuthenticationConfiguration": {"AccessRoleArn": "arn:aws:iam::123456789012:role/access"},
            "ImageRepository": {
                "ImageIdentifier": IMAGE,
                "ImageRepositoryType": "ECR",
                "ImageConfiguration": {
                    "Port": "3000",
                    "StartCommand": "node server.js --key=open-sesame",
                    "RuntimeEnvironmentVariables": {"DATABASE_URL": "postgres://app:open-sesame@db/x", "EMPTY": ""},
                    "RuntimeEnvironmentSecrets": {"TOKEN": "arn:aws:ssm:us-east-1:123456789012:parameter/open-sesame"},
                },
            },
        },
        "InstanceConfiguration": {
            "Cpu": "2048", "Memory": "4096", "InstanceRoleArn": "arn:aws:iam::123456789012:role/instance",
        },
        "HealthCheckConfiguration": {
            "Protocol": "HTTP", "Path": "/health", "Interval": 10, "Timeout": 3, "HealthyThreshold": 2,
            "UnhealthyThreshold": 4,
        },
        "NetworkConfiguration": {
            "EgressConfiguration": {"EgressType": "VPC", "VpcConnectorArn": connector},
            "IngressConfiguration": {"IsPubliclyAccessible": false},
            "IpAddressType": "IPV4",
        },
        "ObservabilityConfiguration": {"ObservabilityEnabled": false},
    })
}

fn code() -> Value {
    json!({
        "SourceConfiguration": {
            "AutoDeploymentsEnabled": false,
            "AuthenticationConfiguration": {
                "ConnectionArn": "arn:aws:apprunner:us-east-1:123456789012:connection/github/0af3bc",
            },
            "CodeRepository": {
                "RepositoryUrl": "https://github.com/example/orders",
                "SourceCodeVersion": {"Type": "BRANCH", "Value": "main"},
                "SourceDirectory": "/app",
                "CodeConfiguration": {
                    "ConfigurationSource": "API",
                    "CodeConfigurationValues": {
                        "Runtime": "NODEJS_22",
                        "BuildCommand": "npm ci",
                        "StartCommand": "node server.js",
                        "Port": "3000",
                        "RuntimeEnvironmentVariables": {"STAGE": "production"},
                        "RuntimeEnvironmentSecrets": {"TOKEN": "arn:aws:ssm:us-east-1:123456789012:parameter/token"},
                    },
                },
            },
        },
    })
}

/// Every member that both the request and what `DescribeService` shows must have.
fn of_update(described: &Value) -> Value {
    let members = [
        "SourceConfiguration",
        "InstanceConfiguration",
        "HealthCheckConfiguration",
        "NetworkConfiguration",
        "ObservabilityConfiguration",
    ];
    let mut update: serde_json::Map<_, _> =
        members.iter().map(|member| ((*member).to_owned(), described[*member].clone())).collect();
    let scaling = &described["AutoScalingConfigurationSummary"]["AutoScalingConfigurationArn"];
    update.insert("AutoScalingConfigurationArn".to_owned(), scaling.clone());
    update.insert("ServiceArn".to_owned(), described["ServiceArn"].clone());
    Value::Object(update)
}

#[tokio::test]
async fn what_was_described_is_what_an_update_says() -> Result<()> {
    let account = account().await?;
    let connector = account.services().add_connector("own", &["subnet-1"], &["sg-1"]);
    let sdk = sdk(&account)?;
    for (name, configuration) in [("orders", whole(&connector)), ("built", code())] {
        let service: ServiceArn =
            account.services().create(ServiceSpec::new(name, configuration))?.parse()?;
        let described = account.services().describe(service.as_str())?;
        let read = AppRunner::new(&sdk).configuration(&service).await?;
        assert_eq!(read.status.as_str(), "RUNNING");
        assert!(read.updated_at.is_some());
        assert_eq!(read.configuration, Configuration::from_json(&described)?, "{name}: by SDK and by JSON");
        assert!(!format!("{read:?}").contains("open-sesame"), "{read:?}");
        let writer = AppRunnerWrite::new(&sdk);
        let receipt = writer.update(&permit()?, &service, Some(&read.configuration)).await?;
        let operation = receipt.operation.context("an operation")?;
        assert_eq!(account.services().operations(service.as_str())[0]["Id"], operation.0.as_str());
        let [said] = &account.requests().of("apprunner", "UpdateService")[..] else { panic!("one call") };
        assert_eq!(said.input, of_update(&described), "{name}");
        account.requests().clear();
        settled(&account, &service).await?;
        assert_eq!(
            of_update(&account.services().describe(service.as_str())?),
            of_update(&described),
            "{name}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_way_back_reaches_a_private_service_without_environment() -> Result<()> {
    let account = account().await?;
    let sdk = sdk(&account)?;
    let private = json!({"NetworkConfiguration": {"IngressConfiguration": {"IsPubliclyAccessible": false}}});
    let mut good = whole("none");
    good["NetworkConfiguration"] = private["NetworkConfiguration"].clone();
    good["SourceConfiguration"]["ImageRepository"]["ImageConfiguration"] = json!({"Port": "3000"});
    let service: ServiceArn = account.services().create(ServiceSpec::new("orders", good))?.parse()?;
    let known_good = AppRunner::new(&sdk).configuration(&service).await?.configuration;
    let mut bad = known_good.clone();
    bad.set_flag(Member::Public, Some(true));
    bad.set_flag(Member::Observability, Some(true));
    let variables = [("DEBUG".to_owned(), "1".into())].into_iter().collect();
    bad.set_environment(Member::ImageVariables, Some(variables));
    let writer = AppRunnerWrite::new(&sdk);
    for configuration in [&bad, &known_good] {
        writer.update(&permit()?, &service, Some(configuration)).await?;
        settled(&account, &service).await?;
        let now = AppRunner::new(&sdk).configuration(&service).await?.configuration;
        let snapshot = |configuration| Snapshot { configuration, digest: None };
        assert_eq!(differences(snapshot(&now), snapshot(configuration)), []);
    }
    Ok(())
}

#[tokio::test]
async fn a_rebuild_carries_the_arn_alone() -> Result<()> {
    let account = account().await?;
    let service: ServiceArn = account.services().create(ServiceSpec::image("orders", IMAGE))?.parse()?;
    let writer = AppRunnerWrite::new(&sdk(&account)?);
    writer.update(&permit()?, &service, None).await?;
    let [said] = &account.requests().of("apprunner", "UpdateService")[..] else { panic!("one call") };
    assert_eq!(said.input, json!({"ServiceArn": service.as_str()}));
    Ok(())
}

#[tokio::test]
async fn services_and_ingress_connections_are_deleted() -> Result<()> {
    let account = account().await?;
    let service: ServiceArn = account.services().create(ServiceSpec::image("orders", IMAGE))?.parse()?;
    let ingress =
        account.services().add_ingress("in", service.as_str(), "vpc-1", "vpce-1", IngressStatus::Available);
    let writer = AppRunnerWrite::new(&sdk(&account)?);
    let gone = writer.delete_ingress_connection(&permit()?, &ingress).await?;
    assert_eq!(gone.operation, None);
    let [said] = &account.requests().of("apprunner", "DeleteVpcIngressConnection")[..] else { panic!("one") };
    assert_eq!(said.input, json!({"VpcIngressConnectionArn": ingress}));
    account.services().set_ingress_status(&ingress, IngressStatus::Deleted)?;
    let deleted = writer.delete(&permit()?, &service).await?;
    let operation = deleted.operation.context("an operation")?;
    let newest = &account.services().operations(service.as_str())[0];
    assert_eq!((&newest["Id"], &newest["Type"]), (&json!(operation.0), &json!("DELETE_SERVICE")));
    Ok(())
}

#[tokio::test]
async fn no_changing_call_is_repeated() -> Result<()> {
    let account = account().await?;
    let service: ServiceArn = account.services().create(ServiceSpec::image("orders", IMAGE))?.parse()?;
    let sdk = sdk(&account)?;
    let configuration = AppRunner::new(&sdk).configuration(&service).await?.configuration;
    let writer = AppRunnerWrite::new(&sdk);
    let refuse = |code: &str| Fault::Refuse { code: code.to_owned(), message: "no".to_owned() };
    for (fault, code, class) in [
        (Fault::Throttle, Some("ThrottlingException"), Class::Retryable),
        (Fault::ServerError, Some("InternalServiceErrorException"), Class::Retryable),
        (refuse("InvalidStateException"), Some("InvalidStateException"), Class::Retryable),
        (refuse("InvalidRequestException"), Some("InvalidRequestException"), Class::Permanent),
        (refuse("AccessDeniedException"), Some("AccessDeniedException"), Class::Permanent),
        (Fault::Reset, None, Class::Retryable),
        (Fault::TimeoutAfterWork, None, Class::Retryable),
    ] {
        account.requests().clear();
        account.faults().clear();
        account.faults().next("apprunner", "*", 3, fault.clone());
        let whole = writer.update(&permit()?, &service, Some(&configuration)).await;
        let alone = writer.update(&permit()?, &service, None).await;
        let delete = writer.delete(&permit()?, &service).await;
        for (answer, call) in [(whole, "UpdateService"), (alone, "UpdateService"), (delete, "DeleteService")]
        {
            let error = answer.unwrap_err();
            assert_eq!((error.code.as_deref(), error.class), (code, class), "{fault:?}: {error}");
            assert_eq!(error.call, format!("apprunner:{call}"));
        }
        assert_eq!(account.requests().all().len(), 3, "{fault:?}");
    }
    Ok(())
}
