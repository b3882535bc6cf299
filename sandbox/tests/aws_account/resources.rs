//! The resources beside App Runner's services: ingress connections, connectors, domains, configurations, tags.

use sandbox::aws::Outcome;
use sandbox::aws::apprunner::{ConnectionStatus, DomainStatus, IngressStatus, ServiceSpec};
use serde_json::json;

use crate::apprunner::{IMAGE, describe};
use crate::wire::start;

#[tokio::test]
async fn an_ingress_connection_blocks_deletion() {
    let (sandbox, client) = start().await;
    let arn = sandbox.services().create(ServiceSpec::image("web-shop", IMAGE)).unwrap();
    let input = json!({ "ServiceArn": arn, "VpcIngressConnectionName": "private",
        "IngressVpcConfiguration": { "VpcId": "vpc-1", "VpcEndpointId": "vpce-1" } });
    let created = client.apprunner("CreateVpcIngressConnection", input.clone()).await.unwrap();
    let ingress =
        json!({ "VpcIngressConnectionArn": created["VpcIngressConnection"]["VpcIngressConnectionArn"] });
    assert_eq!(created["VpcIngressConnection"]["Status"], "PENDING_CREATION");
    let early = client.apprunner("DeleteVpcIngressConnection", ingress.clone()).await.unwrap_err();
    assert_eq!(early.code, "InvalidStateException");
    let second = client.apprunner("CreateVpcIngressConnection", input).await.unwrap_err();
    assert_eq!(second.code, "ServiceQuotaExceededException");
    sandbox.settle().await;

    client.apprunner("DeleteService", json!({ "ServiceArn": arn })).await.unwrap();
    sandbox.settle().await;
    assert_eq!(describe(&client, &arn).await["Status"], "DELETE_FAILED");
    client.apprunner("DeleteVpcIngressConnection", ingress.clone()).await.unwrap();
    sandbox.settle().await;
    let gone = client.apprunner("DescribeVpcIngressConnection", ingress).await.unwrap();
    assert_eq!(gone["VpcIngressConnection"]["Status"], "DELETED");
    client.apprunner("DeleteService", json!({ "ServiceArn": arn })).await.unwrap();
    sandbox.settle().await;
    assert_eq!(describe(&client, &arn).await["Status"], "DELETED");
}

#[tokio::test]
async fn ingress_connections_are_found_by_endpoint() {
    let (sandbox, client) = start().await;
    let service = sandbox.services().create(ServiceSpec::image("web-shop", IMAGE)).unwrap();
    let gone = "arn:aws:apprunner:us-east-1:123456789012:service/gone/0";
    let failed =
        sandbox.services().add_ingress("one", &service, "vpc-1", "vpce-1", IngressStatus::FailedUpdate);
    let orphan = sandbox.services().add_ingress("two", gone, "vpc-1", "vpce-2", IngressStatus::Available);
    sandbox.services().add_ingress("old", gone, "vpc-1", "vpce-2", IngressStatus::Deleted);
    for (filter, expected) in [
        (json!({}), vec![&failed, &orphan]),
        (json!({ "VpcEndpointId": "vpce-2" }), vec![&orphan]),
        (json!({ "ServiceArn": service }), vec![&failed]),
        (json!({ "ServiceArn": service, "VpcEndpointId": "vpce-2" }), vec![]),
    ] {
        let listed =
            client.apprunner("ListVpcIngressConnections", json!({ "Filter": filter })).await.unwrap();
        let list = listed["VpcIngressConnectionSummaryList"].as_array().unwrap();
        let arns: Vec<&str> = list.iter().map(|it| it["VpcIngressConnectionArn"].as_str().unwrap()).collect();
        assert_eq!(arns, expected);
    }
}

#[tokio::test]
async fn a_connection_waits_for_its_handshake() {
    let (sandbox, client) = start().await;
    let input = json!({ "ConnectionName": "github", "ProviderType": "GITHUB" });
    let created = client.apprunner("CreateConnection", input.clone()).await.unwrap();
    assert_eq!(created["Connection"]["Status"], "PENDING_HANDSHAKE");
    let arn = created["Connection"]["ConnectionArn"].as_str().unwrap();
    sandbox.services().set_connection_status(arn, ConnectionStatus::Available).unwrap();
    let listed = client.apprunner("ListConnections", json!({})).await.unwrap();
    assert_eq!(listed["ConnectionSummaryList"][0]["Status"], "AVAILABLE");
    assert_eq!(
        client.apprunner("CreateConnection", input).await.unwrap_err().code,
        "InvalidRequestException"
    );
    let deleted = client.apprunner("DeleteConnection", json!({ "ConnectionArn": arn })).await.unwrap();
    assert_eq!(deleted["Connection"]["Status"], "DELETED");
    assert_eq!(
        client.apprunner("ListConnections", json!({})).await.unwrap()["ConnectionSummaryList"],
        json!([])
    );
}

#[tokio::test]
async fn tags_and_revisions() {
    let (sandbox, client) = start().await;
    let arn = sandbox.services().create(ServiceSpec::image("web-shop", IMAGE).tag("a", "1")).unwrap();
    client
        .apprunner("TagResource", json!({ "ResourceArn": arn, "Tags": [{ "Key": "b", "Value": "2" }] }))
        .await
        .unwrap();
    client.apprunner("UntagResource", json!({ "ResourceArn": arn, "TagKeys": ["a"] })).await.unwrap();
    let tags = client.apprunner("ListTagsForResource", json!({ "ResourceArn": arn })).await.unwrap();
    assert_eq!(tags, json!({ "Tags": [{ "Key": "b", "Value": "2" }] }));

    let create = json!({ "AutoScalingConfigurationName": "small", "MaxSize": 2 });
    for revision in 1..=5 {
        let made = client.apprunner("CreateAutoScalingConfiguration", create.clone()).await.unwrap();
        assert_eq!(made["AutoScalingConfiguration"]["AutoScalingConfigurationRevision"], revision);
    }
    let sixth = client.apprunner("CreateAutoScalingConfiguration", create).await.unwrap_err();
    assert_eq!(sixth.code, "ServiceQuotaExceededException");
    let latest = "arn:aws:apprunner:us-east-1:123456789012:autoscalingconfiguration/small";
    client
        .apprunner("UpdateService", json!({ "ServiceArn": arn, "AutoScalingConfigurationArn": latest }))
        .await
        .unwrap();
    sandbox.settle().await;
    let used = describe(&client, &arn).await["AutoScalingConfigurationSummary"].take();
    assert_eq!(used["AutoScalingConfigurationRevision"], 5);
    let in_use = json!({ "AutoScalingConfigurationArn": used["AutoScalingConfigurationArn"] });
    let refusal = client.apprunner("DeleteAutoScalingConfiguration", in_use).await.unwrap_err();
    assert!(refusal.message.contains("in use"), "{}", refusal.message);
}

#[tokio::test]
async fn a_scripted_ingress_connection_fails() {
    let (sandbox, client) = start().await;
    let service = sandbox.services().create(ServiceSpec::image("web-shop", IMAGE)).unwrap();
    let ingress =
        sandbox.services().add_ingress("private", &service, "vpc-1", "vpce-1", IngressStatus::Available);
    for (operation, vpc, expected) in [
        (
            "UpdateVpcIngressConnection",
            json!({ "VpcId": "vpc-1", "VpcEndpointId": "vpce-2" }),
            "FAILED_UPDATE",
        ),
        ("DeleteVpcIngressConnection", json!(null), "FAILED_DELETION"),
    ] {
        sandbox.script(&ingress, Outcome::Fail);
        let mut input = json!({ "VpcIngressConnectionArn": ingress });
        if !vpc.is_null() {
            input["IngressVpcConfiguration"] = vpc;
        }
        client.apprunner(operation, input).await.unwrap();
        sandbox.settle().await;
        let input = json!({ "VpcIngressConnectionArn": ingress });
        let shown = client.apprunner("DescribeVpcIngressConnection", input).await.unwrap();
        assert_eq!(shown["VpcIngressConnection"]["Status"], expected);
    }
}

#[tokio::test]
async fn a_connector_in_use_is_not_deleted() {
    let (sandbox, client) = start().await;
    let connector = sandbox.services().add_connector("private", &["subnet-1"], &["sg-1"]);
    let service = sandbox.services().create(ServiceSpec::image("web-shop", IMAGE)).unwrap();
    let egress = |egress: serde_json::Value| json!({ "ServiceArn": service, "NetworkConfiguration": { "EgressConfiguration": egress } });
    let vpc = egress(json!({ "EgressType": "VPC", "VpcConnectorArn": connector }));
    client.apprunner("UpdateService", vpc).await.unwrap();
    sandbox.settle().await;
    let delete = json!({ "VpcConnectorArn": connector });
    let refusal = client.apprunner("DeleteVpcConnector", delete.clone()).await.unwrap_err();
    assert!(refusal.message.contains("web-shop"), "{}", refusal.message);
    client.apprunner("UpdateService", egress(json!({ "EgressType": "DEFAULT" }))).await.unwrap();
    sandbox.settle().await;
    let deleted = client.apprunner("DeleteVpcConnector", delete).await.unwrap();
    assert_eq!(deleted["VpcConnector"]["Status"], "INACTIVE");
    assert_eq!(
        client.apprunner("ListVpcConnectors", json!({})).await.unwrap(),
        json!({ "VpcConnectors": [] })
    );
}

#[tokio::test]
async fn a_custom_domain_waits_for_its_records() {
    let (sandbox, client) = start().await;
    let arn = sandbox.services().create(ServiceSpec::image("web-shop", IMAGE)).unwrap();
    let input = json!({ "ServiceArn": arn, "DomainName": "example.com" });
    let linked = client.apprunner("AssociateCustomDomain", input.clone()).await.unwrap();
    assert_eq!(linked["CustomDomain"]["Status"], "CREATING");
    assert_eq!(
        linked["CustomDomain"]["CertificateValidationRecords"].as_array().unwrap().len(),
        2,
        "www, too"
    );
    assert_eq!(linked["DNSTarget"], describe(&client, &arn).await["ServiceUrl"]);
    sandbox.settle().await;
    let service = json!({ "ServiceArn": arn });
    let shown = client.apprunner("DescribeCustomDomains", service.clone()).await.unwrap();
    assert_eq!(shown["CustomDomains"][0]["Status"], "PENDING_CERTIFICATE_DNS_VALIDATION");
    sandbox.services().set_domain_status(&arn, "example.com", DomainStatus::Active).unwrap();
    let shown = client.apprunner("DescribeCustomDomains", service.clone()).await.unwrap();
    assert_eq!(shown["CustomDomains"][0]["CertificateValidationRecords"][0]["Status"], "SUCCESS");
    for (domain, named) in [("login*.example.org", "wildcard"), ("example.com", "linked")] {
        let input = json!({ "ServiceArn": arn, "DomainName": domain });
        let refusal = client.apprunner("AssociateCustomDomain", input).await.unwrap_err();
        assert!(refusal.message.contains(named), "{}", refusal.message);
    }
    let unlinked = client.apprunner("DisassociateCustomDomain", input).await.unwrap();
    assert_eq!(unlinked["CustomDomain"]["Status"], "DELETING");
    sandbox.settle().await;
    assert_eq!(client.apprunner("DescribeCustomDomains", service).await.unwrap()["CustomDomains"], json!([]));
}

#[tokio::test]
async fn an_image_is_described_by_tag_and_by_digest_until_it_expires() {
    use sandbox::aws::{ecr::ImageSpec, service::Service as _};
    let (sandbox, _client) = start().await;
    let image = ImageSpec {
        platforms: vec!["linux/amd64".to_owned()],
        bytes: 12,
        exposed_ports: vec![],
        pushed_at: jiff::Timestamp::UNIX_EPOCH,
    };
    let digest = sandbox.ecr().push("123456789012", "orders", "v7", &image);
    let ask = |id: serde_json::Value| {
        sandbox.ecr().call("DescribeImages", &json!({"repositoryName": "orders", "imageIds": [id]}))
    };
    for id in [json!({"imageTag": "v7"}), json!({"imageDigest": digest})] {
        let detail = ask(id).unwrap()["imageDetails"][0].clone();
        assert_eq!(
            [&detail["imageDigest"], &detail["imageTags"], &detail["imageSizeInBytes"]],
            [&json!(digest), &json!(["v7"]), &json!(12)]
        );
    }
    sandbox.ecr().expire("123456789012", "orders", &digest);
    assert_eq!(ask(json!({"imageTag": "v7"})).unwrap_err().code, "ImageNotFoundException");
}
