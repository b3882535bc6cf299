//! What a service refers to: read to explain a failure, checked before a version returns, and handed on with it.

use std::time::Duration;

use anyhow::{Context as _, Result};
use autopilot_tests::{
    IMAGE, NOTIFY, REBUILD, ROLLBACK, app_runner, ask, assert_well, calls, hosting, stage_of,
    start_deployment,
};
use jiff::Timestamp;
use sandbox::{
    aws::{
        Options, Outcome, Script,
        apprunner::ServiceSpec,
        ec2::{RouteTableSpec, SubnetSpec},
        ecr::ImageSpec,
    },
    stage::Stage,
};
use serde_json::{Value, json};

const BOTH: [&str; 2] = [NOTIFY, REBUILD];

/// A creation of this service that fails with these lines of the application.
async fn creation_fails(configuration: Value, application: &'static [&'static str]) -> Result<Stage> {
    let stage = stage_of(&[("RebuildMode", "dry-run")], Options::default(), &hosting(&BOTH)).await?;
    furnish(&stage);
    let mut input = configuration;
    input["ServiceName"] = "orders".into();
    if input["NetworkConfiguration"].is_object() {
        let connector = stage.account.services().add_connector("private", &["subnet-1"], &["sg-1"]);
        input["NetworkConfiguration"]["EgressConfiguration"]["VpcConnectorArn"] = connector.into();
    }
    let script = Script::new(Outcome::Fail).application_log(application.iter().copied());
    stage.account.script("orders", script);
    app_runner(&stage, "CreateService", &input)?;
    stage.settle().await;
    Ok(stage)
}

fn furnish(stage: &Stage) {
    for (tag, bytes) in [("v7", 50_000_000), ("v8", 60_000_000)] {
        let platforms = vec!["linux/amd64".to_owned()];
        let image =
            ImageSpec { platforms, bytes, exposed_ports: vec![8080], pushed_at: Timestamp::UNIX_EPOCH };
        stage.account.ecr().push("123456789012", "orders", tag, &image);
    }
    stage.account.iam().add_role("access", "build.apprunner.amazonaws.com", Timestamp::UNIX_EPOCH);
    let (id, vpc) = ("subnet-1".to_owned(), "vpc-1".to_owned());
    let subnet = SubnetSpec { id, vpc: vpc.clone(), zone_id: "use1-az1".to_owned(), free_addresses: 0 };
    stage.account.ec2().add_subnet(subnet);
    stage.account.ec2().add_route_table(RouteTableSpec { vpc, main: true, ..RouteTableSpec::default() });
}

/// Both functions that explain failures made these calls.
fn assert_asked(stage: &Stage, expected: &[&str]) -> Result<()> {
    for function in BOTH {
        let names = calls::names_of(stage, function);
        for call in expected {
            assert!(names.iter().any(|name| name == call), "{function} did not ask {call}: {names:?}");
        }
    }
    assert_well(stage)
}

#[tokio::test]
async fn a_silent_failure_behind_a_connector_is_explained_by_its_subnets() -> Result<()> {
    let mut configuration = ServiceSpec::image("orders", IMAGE).configuration;
    configuration["NetworkConfiguration"] = json!({"EgressConfiguration": {"EgressType": "VPC"}});
    let stage = creation_fails(configuration, &[]).await?;
    assert_asked(
        &stage,
        &[
            "apprunner:DescribeVpcConnector",
            "apprunner:DescribeAutoScalingConfiguration",
            "ec2:DescribeSubnets",
            "ec2:DescribeRouteTables",
        ],
    )
}

#[tokio::test]
async fn exhausted_memory_is_measured() -> Result<()> {
    let configuration = ServiceSpec::image("orders", IMAGE).configuration;
    let stage = creation_fails(configuration, &["java.lang.OutOfMemoryError: Java heap space"]).await?;
    assert_asked(&stage, &["cloudwatch:GetMetricData"])
}

#[tokio::test]
async fn a_source_that_is_not_found_is_asked_of_its_connection() -> Result<()> {
    let stage = stage_of(&[("RebuildMode", "dry-run")], Options::default(), &hosting(&BOTH)).await?;
    let lines =
        ["Failed to pull the source code.", "fatal: Remote branch release not found in upstream origin"];
    stage.account.script("site", Script::new(Outcome::Fail).deployment_log(lines));
    app_runner(&stage, "CreateService", &site("release"))?;
    stage.settle().await;
    assert_asked(&stage, &["apprunner:ListConnections"])
}

/// A service built from code.
fn site(branch: &str) -> Value {
    json!({"ServiceName": "site", "SourceConfiguration": {
        "AutoDeploymentsEnabled": false,
        "AuthenticationConfiguration": {"ConnectionArn":
            "arn:aws:apprunner:us-east-1:123456789012:connection/github/0123456789abcdef0123456789abcdef"},
        "CodeRepository": {
            "RepositoryUrl": "https://github.com/example/site",
            "SourceCodeVersion": {"Type": "BRANCH", "Value": branch},
            "CodeConfiguration": {"ConfigurationSource": "API", "CodeConfigurationValues": {
                "Runtime": "NODEJS_22", "Port": "8080", "StartCommand": "node server.js"}},
        },
    }})
}

/// Rolls an update of this service back, and gives what App Runner was asked to become.
async fn rolled_back(stage: &Stage, arn: &str, update: Value) -> Result<Value> {
    ask(stage, ROLLBACK, &json!({"command": "reconcile"})).await?;
    stage.account.script(arn, Script::new(Outcome::RollbackFails));
    let mut input = update;
    input["ServiceArn"] = arn.into();
    app_runner(stage, "UpdateService", &input)?;
    stage.settle().await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    for _ in 0..4 {
        ask(stage, ROLLBACK, &json!({"command": "tick"})).await?;
        stage.settle().await;
    }
    assert_well(stage)?;
    let requests = stage.account.requests().by(ROLLBACK);
    let sent = requests.into_iter().find(|request| request.operation == "UpdateService");
    Ok(sent.context("it was rolled back")?.input)
}

async fn rolling_back() -> Result<Stage> {
    let parameters =
        [("RollbackMode", "on"), ("BakeTime", "1h"), ("SettleTime", "1s"), ("RollbackCoolDown", "1s")];
    let stage = stage_of(&parameters, Options::default(), &hosting(&[ROLLBACK, NOTIFY])).await?;
    furnish(&stage);
    Ok(stage)
}

#[tokio::test]
async fn a_rollback_keeps_connector_and_observability() -> Result<()> {
    let stage = rolling_back().await?;
    let connector = stage.account.services().add_connector("private", &["subnet-1"], &["sg-1"]);
    let traces =
        json!({"ObservabilityConfigurationName": "traces", "TraceConfiguration": {"Vendor": "AWSXRAY"}});
    let observed = app_runner(&stage, "CreateObservabilityConfiguration", &traces)?;
    let observed = observed["ObservabilityConfiguration"]["ObservabilityConfigurationArn"].clone();
    let mut spec = ServiceSpec::image("orders", IMAGE);
    spec.configuration["NetworkConfiguration"] =
        json!({"EgressConfiguration": {"EgressType": "VPC", "VpcConnectorArn": connector}});
    spec.configuration["ObservabilityConfiguration"] =
        json!({"ObservabilityEnabled": true, "ObservabilityConfigurationArn": observed});
    let arn = stage.account.services().create(spec)?;
    let next = IMAGE.replace("v7", "v8");
    let update = json!({"SourceConfiguration": ServiceSpec::image("orders", &next).configuration["SourceConfiguration"]});
    let sent = rolled_back(&stage, &arn, update).await?;
    assert_eq!(sent["NetworkConfiguration"]["EgressConfiguration"]["VpcConnectorArn"], connector);
    assert_eq!(sent["ObservabilityConfiguration"]["ObservabilityConfigurationArn"], observed);
    let asked = calls::names_of(&stage, ROLLBACK);
    assert!(asked.iter().any(|call| call == "apprunner:DescribeVpcConnector"), "{asked:?}");
    Ok(())
}

#[tokio::test]
async fn a_service_built_from_code_returns_with_its_connection() -> Result<()> {
    let stage = rolling_back().await?;
    let arn = stage.account.services().create(ServiceSpec::new("site", site("main")))?;
    let update = json!({"SourceConfiguration": site("next")["SourceConfiguration"]});
    let sent = rolled_back(&stage, &arn, update).await?;
    let source = &sent["SourceConfiguration"];
    assert_eq!(source["CodeRepository"]["SourceCodeVersion"]["Value"], "main");
    assert!(source["AuthenticationConfiguration"]["ConnectionArn"].is_string(), "{sent:#}");
    Ok(())
}

#[tokio::test]
async fn a_bad_commit_is_told_and_not_rolled_back() -> Result<()> {
    let stage = rolling_back().await?;
    let arn = stage.account.services().create(ServiceSpec::new("site", site("main")))?;
    ask(&stage, ROLLBACK, &json!({"command": "reconcile"})).await?;
    // The configuration stays; what changed is the branch's head, and App Runner cannot be told a commit.
    stage.account.script(&arn, Script::new(Outcome::RollbackFails));
    start_deployment(&stage, &arn)?;
    stage.settle().await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    for _ in 0..3 {
        ask(&stage, ROLLBACK, &json!({"command": "tick"})).await?;
        stage.settle().await;
    }
    assert_eq!(calls::changes(&stage, ROLLBACK), [""; 0]);
    let events = stage.account.events();
    let said = events.iter().find(|event| event["detail"]["reason"] == "code-cannot-be-pinned");
    let steps = said.context("it is told")?["detail"]["plan"]["by_hand"].to_string();
    assert!(steps.contains("Revert the commit"), "{steps}");
    assert_well(&stage)
}
