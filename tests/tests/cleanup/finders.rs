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

/// A record of the command line's JSON in the shape of the API's XML, where every value is a text.
fn as_api(record: &serde_json::Value) -> serde_json::Value {
    let mut record = record.clone();
    if let Some(ttl) = record["TTL"].as_u64() {
        record["TTL"] = json!(ttl.to_string());
        record["ResourceRecords"] = json!({"ResourceRecord": record["ResourceRecords"]});
    } else {
        record["AliasTarget"]["EvaluateTargetHealth"] = json!("false");
        if let Some(members) = record.as_object_mut() {
            members.remove("TTL");
        }
    }
    record
}

#[tokio::test]
async fn a_record_that_points_to_a_service_that_is_gone_is_reported_with_its_exact_removal() -> Result<()> {
    let stage =
        crate::stage_with(&[("HostedZoneIds", "Z0EXAMPLE")], sandbox::aws::Options::default()).await?;
    let dns = stage.account.route53();
    dns.add_zone("Z0EXAMPLE", "example.com");
    dns.set_page_size(2);
    let service = stage.account.services().create(ServiceSpec::image("orders", autopilot_tests::IMAGE))?;
    let here =
        stage.account.services().describe(&service)?["ServiceUrl"].as_str().unwrap_or_default().to_owned();
    let cname = |name: &str, target: &str| {
        json!({"Name": format!("{name}.example.com."), "Type": "CNAME", "TTL": 300,
               "ResourceRecords": [{"Value": target}]})
    };
    let alias = json!({"Name": "old.example.com.", "Type": "A", "AliasTarget": {
        "HostedZoneId": "Z01915732ZBZKC8D32TPT", "DNSName": "gone456789.us-east-1.awsapprunner.com.",
        "EvaluateTargetHealth": false}});
    let gone = cname("shop", "Gone123456.us-east-1.awsapprunner.com");
    let others = [
        cname("orders", &here),
        cname("far", "gone123456.eu-west-1.awsapprunner.com"),
        cname("elsewhere", "example.org"),
        json!({"Name": "text.example.com.", "Type": "TXT", "TTL": 60,
               "ResourceRecords": [{"Value": "\"gone123456.us-east-1.awsapprunner.com\""}]}),
    ];
    for record in others.iter().chain([&gone, &alias]) {
        dns.put_record("Z0EXAMPLE", &as_api(record)).map_err(|error| anyhow::anyhow!("{error:?}"))?;
    }
    run(&stage).await?;
    let told = report(&stage, "left-over")?;
    let ids: Vec<_> =
        told["resources"].as_array().into_iter().flatten().map(|entry| entry["resource"].clone()).collect();
    assert_eq!(ids, ["Z0EXAMPLE/old.example.com/A", "Z0EXAMPLE/shop.example.com/CNAME"]);
    let before = dns.records("Z0EXAMPLE").len();
    for step in told["next_steps"].as_array().into_iter().flatten().filter_map(|step| step.as_str()) {
        let batch = step.split('\'').nth(1).unwrap_or_default();
        let batch: serde_json::Value = serde_json::from_str(batch)?;
        let record = as_api(&batch["Changes"][0]["ResourceRecordSet"]);
        dns.change("Z0EXAMPLE", &[("DELETE", record)])
            .map_err(|error| anyhow::anyhow!("{step}: {error:?}"))?;
    }
    assert_eq!(dns.records("Z0EXAMPLE").len(), before - 2, "each command removes its record");
    run(&stage).await?;
    assert_eq!((reports(&stage).len(), mutations(&stage)), (1, Vec::new()));
    assert_well(&stage)
}
