//! Load balancers, Express services and certificates on the wire: what is refused. What is answered, the adapters'
//! tests look at.

use sandbox::aws::ecs::Ingress;
use sandbox::aws::elbv2::{LoadBalancerSpec, RuleSpec};
use serde_json::json;

use crate::wire::start;

#[tokio::test]
async fn load_balancing_refuses_what_it_does_not_know() {
    let (sandbox, client) = start().await;
    let balancer = sandbox.elbv2().add_load_balancer(&LoadBalancerSpec::application("shop"));
    let listener = sandbox.elbv2().add_listener(&balancer, 443, "HTTPS", &["arn:c"], &RuleSpec::default());
    let none = "arn:none";
    for (form, code) in [
        ("Action=DescribeListeners".to_owned(), "ValidationError"),
        ("Action=DescribeLoadBalancers&PageSize=0".to_owned(), "ValidationError"),
        ("Action=DescribeLoadBalancers&PageSize=401".to_owned(), "ValidationError"),
        ("Action=DescribeLoadBalancers&Marker=x".to_owned(), "ValidationError"),
        (format!("Action=DescribeLoadBalancers&LoadBalancerArns.member.1={none}"), "LoadBalancerNotFound"),
        (format!("Action=DescribeTargetGroups&LoadBalancerArn={none}"), "LoadBalancerNotFound"),
        (format!("Action=DescribeTargetGroups&TargetGroupArns.member.1={none}"), "TargetGroupNotFound"),
        (format!("Action=DescribeTargetHealth&TargetGroupArn={none}"), "TargetGroupNotFound"),
        (format!("Action=DescribeListeners&ListenerArns.member.1={none}"), "ListenerNotFound"),
        (format!("Action=DescribeRules&ListenerArn={none}"), "ListenerNotFound"),
        (format!("Action=DescribeRules&ListenerArn={listener}&RuleArns.member.1={none}"), "RuleNotFound"),
        (format!("Action=DescribeListenerCertificates&ListenerArn={none}"), "ListenerNotFound"),
        ("Action=DeleteLoadBalancer".to_owned(), "InvalidAction"),
    ] {
        let answer = client.query("elasticloadbalancing", &form).await.unwrap();
        assert_eq!(answer.status, 400, "{form}");
        assert!(answer.body.contains(&format!("<Code>{code}</Code>")), "{form}: {}", answer.body);
    }
    let logged = sandbox.requests().of("elbv2", "DescribeListenerCertificates");
    assert_eq!(logged[0].resource.as_deref(), Some(none));
}

#[tokio::test]
async fn express_services_are_found_in_their_cluster_only() {
    let (sandbox, client) = start().await;
    let arn = sandbox.ecs().add_express_service("apps", "orders", &Ingress::default());
    let many: Vec<String> = (0..21).map(|n| format!("arn:{n}")).collect();
    for (operation, input, code) in [
        ("DescribeExpressGatewayService", json!({ "serviceArn": "arn:none" }), "ResourceNotFoundException"),
        ("DescribeServiceRevisions", json!({ "serviceRevisionArns": [] }), "InvalidParameterException"),
        ("DescribeServiceRevisions", json!({ "serviceRevisionArns": many }), "InvalidParameterException"),
        ("ListServiceDeployments", json!({ "service": arn }), "ServiceNotFoundException"),
        (
            "ListServiceDeployments",
            json!({ "service": "none", "cluster": "apps" }),
            "ServiceNotFoundException",
        ),
        ("DeleteExpressGatewayService", json!({}), "UnknownOperationException"),
    ] {
        let target = format!("AmazonEC2ContainerServiceV20141113.{operation}");
        let refusal = client.json(&target, input).await.unwrap().unwrap_err();
        assert_eq!(refusal.code, code, "{operation}");
    }
    let target = "AmazonEC2ContainerServiceV20141113.DescribeServiceRevisions";
    let missing = client.json(target, json!({ "serviceRevisionArns": ["arn:none"] })).await.unwrap().unwrap();
    assert_eq!(missing["failures"], json!([{ "arn": "arn:none", "reason": "MISSING" }]));
}

#[tokio::test]
async fn certificates_that_are_not_there_are_refused() {
    let (_sandbox, client) = start().await;
    for (arn, code) in [
        ("arn:aws:acm:us-east-1:123456789012:certificate/none", "ResourceNotFoundException"),
        ("none", "InvalidArnException"),
    ] {
        let input = json!({ "CertificateArn": arn });
        let refusal =
            client.json("CertificateManager.DescribeCertificate", input).await.unwrap().unwrap_err();
        assert_eq!(refusal.code, code);
    }
}
