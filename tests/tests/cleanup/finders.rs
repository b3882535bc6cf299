//! Each finder, from first sight to the end.

use anyhow::Result;
use autopilot_tests::messages::{alerts, assert_says};
use jiff::SignedDuration;
use sandbox::aws::apprunner::{IngressStatus, ServiceSpec, ServiceStatus};
use serde_json::json;

use crate::{
    assert_well, command, connect, due, endpoint, grace, is_marked, living, mutations, report, reports, run,
    stage, told, used_endpoint,
};

#[tokio::test]
async fn an_orphaned_endpoint_is_marked_told_deleted_and_told() -> Result<()> {
    let stage = stage().await?;
    stage.account.ec2().add_endpoint(endpoint("vpce-0a1"));
    used_endpoint(&stage, "vpce-0b2", IngressStatus::Available)?;
    run(&stage).await?;
    assert!(is_marked(&stage, "vpce-0a1") && !is_marked(&stage, "vpce-0b2"));
    assert_eq!(told(&stage), [("progressed".to_owned(), "marked".to_owned())]);
    let message = alerts(&stage).pop().map(|message| message.message).unwrap_or_default();
    assert_says(
        &message,
        &[
            "vpce-0a1",
            "vpc-0123456789abcdef0",
            "3 zones",
            "21.90 USD a month",
            "marked by apprunner-autopilot",
            "aws ec2 create-tags --resources vpce-0a1 --tags Key=apprunner-autopilot:keep,Value=true",
        ],
    );
    // Nothing is new before the grace period is over, so nothing is told; then it goes.
    grace().await;
    run(&stage).await?;
    assert_eq!(living(&stage), ["vpce-0b2"]);
    assert_eq!(told(&stage)[1..], [("succeeded".to_owned(), "deleted".to_owned())]);
    assert_eq!(report(&stage, "deleted")?["monthly_saving_usd"], 21.9);
    run(&stage).await?;
    assert_eq!((reports(&stage).len(), alerts(&stage).len()), (2, 2), "{:?}", told(&stage));
    assert_well(&stage)
}

#[tokio::test]
async fn what_is_marked_is_told_once_and_not_deleted_before_its_time() -> Result<()> {
    let stage = crate::stage_with(&[("GracePeriod", "7d")], sandbox::aws::Options::default()).await?;
    stage.account.ec2().add_endpoint(endpoint("vpce-0a1"));
    for _ in 0..3 {
        run(&stage).await?;
    }
    assert_eq!((living(&stage).len(), mutations(&stage)), (1, vec!["CreateTags".to_owned()]));
    assert_eq!(reports(&stage).len(), 1);
    let status = command(&stage, json!({"command": "status"})).await?;
    assert_eq!(
        (&status["resources"][0]["resource"], &status["resources"][0]["reason"]),
        (&json!("vpce-0a1"), &json!("marked"))
    );
    assert_well(&stage)
}

#[tokio::test]
async fn a_connection_of_a_deleted_service_goes_first_and_its_endpoint_after_a_grace_of_its_own() -> Result<()>
{
    let stage = stage().await?;
    stage.account.ec2().add_endpoint(endpoint("vpce-0a1"));
    let gone = stage
        .account
        .services()
        .create(ServiceSpec::image("gone", autopilot_tests::IMAGE).status(ServiceStatus::Deleted))?;
    connect(&stage, &gone, "vpce-0a1", IngressStatus::Available);
    run(&stage).await?;
    assert_eq!(mutations(&stage), [""; 0], "a connection is marked in the table alone");
    assert_eq!(told(&stage), [("progressed".to_owned(), "marked".to_owned())]);
    grace().await;
    run(&stage).await?;
    assert_eq!(mutations(&stage), ["DeleteVpcIngressConnection"]);
    assert_eq!(told(&stage)[1].1, "deleted");
    run(&stage).await?;
    assert!(is_marked(&stage, "vpce-0a1"), "only now the endpoint is an orphan");
    grace().await;
    run(&stage).await?;
    assert_eq!(living(&stage), [""; 0]);
    assert_eq!(mutations(&stage), ["DeleteVpcIngressConnection", "CreateTags", "DeleteVpcEndpoints"]);
    assert_well(&stage)
}

#[tokio::test]
async fn what_only_counts_against_quotas_is_reported_with_the_command_that_removes_it() -> Result<()> {
    let stage = stage().await?;
    let services = stage.account.services();
    stage.account.clock().set_offset(SignedDuration::from_hours(-72));
    let unused = services.add_connector("unused", &["subnet-1"], &["sg-1"]);
    let used = services.add_connector("used", &["subnet-1"], &["sg-1"]);
    let failed = services
        .create(ServiceSpec::image("broken", autopilot_tests::IMAGE).status(ServiceStatus::CreateFailed))?;
    stage.account.clock().set_offset(SignedDuration::ZERO);
    let mut with_connector = ServiceSpec::image("user", autopilot_tests::IMAGE);
    with_connector.configuration["NetworkConfiguration"] =
        json!({"EgressConfiguration": {"EgressType": "VPC", "VpcConnectorArn": used}});
    services.create(with_connector)?;
    let stuck = used_endpoint(&stage, "vpce-0b2", IngressStatus::FailedCreation)?;
    run(&stage).await?;
    let told = report(&stage, "left-over")?["next_steps"].to_string();
    assert_says(
        &told,
        &[
            &format!("aws apprunner delete-vpc-connector --vpc-connector-arn {unused}"),
            &format!("aws apprunner delete-service --service-arn {failed}"),
            &format!("aws apprunner delete-vpc-ingress-connection --vpc-ingress-connection-arn {stuck}"),
        ],
    );
    assert!(!told.contains(&used), "{told}");
    grace().await;
    run(&stage).await?;
    assert_eq!((mutations(&stage), reports(&stage).len()), (Vec::new(), 1));
    assert_well(&stage)
}

#[tokio::test]
async fn a_service_made_public_or_deleted_starts_a_run() -> Result<()> {
    let stage = stage().await?;
    stage.account.ec2().add_endpoint(endpoint("vpce-0a1"));
    let arn = stage.account.services().create(ServiceSpec::image("orders", autopilot_tests::IMAGE))?;
    autopilot_tests::app_runner(&stage, "DeleteService", &json!({"ServiceArn": arn}))?;
    stage.settle().await;
    assert!(is_marked(&stage, "vpce-0a1"), "DeleteServiceCompletedSuccessfully");
    for (name, event) in crate::bus_events()? {
        let before = stage.account.requests().of("ec2", "DescribeVpcEndpoints").len();
        stage.account.bus().put(event);
        stage.settle().await;
        let ran = stage.account.requests().of("ec2", "DescribeVpcEndpoints").len() > before;
        assert_eq!(ran, !name.contains("deployment"), "{name}");
    }
    assert_well(&stage)
}

#[tokio::test]
async fn what_was_refused_for_good_is_told_once_and_tried_again() -> Result<()> {
    let stage = due().await?;
    stage.account.ec2().refuse_deletion("vpce-0a1", "OperationNotPermitted");
    run(&stage).await?;
    assert_eq!(told(&stage)[1..], [("failed".to_owned(), "not-deleted".to_owned())]);
    assert_says(&report(&stage, "not-deleted")?["summary"].to_string(), &["OperationNotPermitted"]);
    run(&stage).await?;
    assert_eq!((living(&stage).len(), reports(&stage).len()), (1, 2), "{:?}", told(&stage));
    assert_eq!(mutations(&stage).iter().filter(|call| *call == "DeleteVpcEndpoints").count(), 2);
    assert_well(&stage)
}
