//! Cases that configuration facts decide, as a reader of the `diagnose` command would state them.

use serde_json::{Value, json};

const BARE: [&str; 4] = [
    "[AppRunner] Deployment with ID : 0123456789abcdef0123456789abcdef started. Triggering event : SERVICE_CREATE",
    "[AppRunner] Successfully pulled your application image from ECR.",
    "[AppRunner] Failed to deploy your application image.",
    "[AppRunner] Service status is set to CREATE_FAILED.",
];

const PULL: [&str; 3] = [
    "[AppRunner] Pulling image 111122223333.dkr.ecr.eu-west-1.amazonaws.com/web:1 from ECR repository.",
    "[AppRunner] Deployment with ID : 0123 failed. Failure reason : Failed to copy the image from ECR",
    "[AppRunner] Service status is set to CREATE_FAILED.",
];

const CHECK: [&str; 4] = [
    "[AppRunner] Successfully pulled your application image from ECR.",
    "[AppRunner] Performing health check on port '8080'.",
    "[AppRunner] Health check on port '8080' failed. Service is rolling back. Check your configured port number. For more information, read the application logs.",
    "[AppRunner] Service update failed. For details, see service logs.",
];

fn with(lines: &[&str], facts: Value) -> Value {
    let mut evidence = json!({
        "operation": "CREATE_SERVICE",
        "logs": [{"group": "service", "stream": "events", "lines": lines}],
    });
    if let (Some(evidence), Value::Object(facts)) = (evidence.as_object_mut(), facts) {
        evidence.extend(facts);
    }
    evidence
}

fn application(lines: &[&str]) -> Value {
    json!([
        {"group": "service", "stream": "events", "lines": CHECK},
        {"group": "application", "stream": "instance/1", "lines": lines},
    ])
}

pub(crate) fn rows() -> Vec<(&'static str, Value)> {
    let private_image = json!({"SourceConfiguration": {"ImageRepository": {
        "ImageIdentifier": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/web:1", "ImageRepositoryType": "ECR",
        "ImageConfiguration": {"Port": "8080"}}}});
    let old = json!({"trusted": true, "age_seconds": 900_000});
    vec![
        // bare failures before the start
        ("transient-platform", with(&BARE, json!({"image": {"platforms": ["linux/amd64"], "exists": true}, "roles": {"instance": old}, "application_streams": 0}))),
        ("role-propagation", with(&BARE, json!({"roles": {"instance": {"trusted": "true", "age_seconds": "45"}}, "application_streams": []}))),
        ("instance-role-trust", with(&BARE, json!({"roles": {"instance": {"trusted": false, "age_seconds": 900_000}}, "application_streams": 0}))),
        ("image-architecture", with(&BARE, json!({"image": {"platforms": [{"os": "linux", "architecture": "arm64"}]}, "application_streams": 0}))),
        ("ip-exhaustion", with(&BARE, json!({"subnets": [{"SubnetId": "subnet-1", "AvailableIpAddressCount": 3}], "max_size_sum": "25", "application_streams": 0}))),
        ("unknown", with(&BARE, json!({}))),
        // pulls
        ("image-not-found", with(&PULL, json!({"image": {"exists": false}}))),
        ("image-architecture", with(&PULL, json!({"image": {"exists": true, "platforms": ["linux/arm64"]}}))),
        ("image-pull-denied", with(&PULL, json!({"roles": {"access": {"trusted": false}}}))),
        ("image-pull-denied", with(&PULL, json!({"service": private_image}))),
        ("unknown", with(&PULL, json!({"image": {"exists": true, "platforms": ["linux/amd64"]}, "roles": {"access": old}}))),
        // checks
        ("image-architecture", with(&CHECK, json!({"image": {"platforms": ["linux/arm64"]}, "application_streams": 0}))),
        ("unknown", with(&CHECK, json!({"image": {"platforms": ["linux/amd64", "unknown/unknown"]}, "application_streams": 0}))),
        ("health-check-port", json!({"operation": "UPDATE_SERVICE", "logs": application(&["/docker-entrypoint.sh: Configuration complete; ready for start up", "2024/05/01 10:00:00 [notice] 1#1: start worker processes"]), "image": {"exposed_ports": ["80/tcp"]}})),
        ("health-check-port", json!({"operation": "UPDATE_SERVICE", "logs": application(&["Server started on port 3000"]), "service": private_image})),
        ("start-command", json!({"operation": "UPDATE_SERVICE", "logs": application(&["exec /app/start.sh: exec format error"]), "image": {"platforms": ["linux/amd64"]}})),
        // connection
        ("connection-pending", json!({"operation": "CREATE_SERVICE", "connection_status": "PENDING_HANDSHAKE", "service": {"Status": "CREATE_FAILED"}})),
        // domains, deletion, traffic
        ("domain-caa", json!({"operation": "CUSTOM_DOMAIN", "custom_domain": {"DomainName": "a.example.com", "Status": "create_failed", "caa": ["0 issue \"letsencrypt.org\""]}})),
        ("domain-validation-missing", json!({"operation": "CUSTOM_DOMAIN", "custom_domain": {"DomainName": "a.example.com", "Status": "pending_certificate_dns_validation", "CertificateValidationRecords": [{"Name": "_x.a.example.com.", "Type": "CNAME", "Value": "_y.acm-validations.aws.", "Status": "PENDING_VALIDATION"}]}})),
        ("healthy", json!({"operation": "CUSTOM_DOMAIN", "custom_domain": {"DomainName": "a.example.com", "Status": "active"}})),
        ("unknown", json!({"operation": "CUSTOM_DOMAIN", "custom_domain": {"DomainName": "a.example.com", "Status": "create_failed", "caa": ["0 issue \"amazon.com\""]}})),
        ("delete-blocked-by-ingress-connection", json!({"operation": "DELETE_SERVICE", "service": {"Status": "DELETE_FAILED"}, "ingress_connections": ["AVAILABLE"]})),
        ("unknown", json!({"operation": "DELETE_SERVICE", "service": {"Status": "DELETE_FAILED"}, "ingress_connections": [{"Status": "DELETED"}]})),
        ("connector-in-use", json!({"operation": "DELETE_VPC_CONNECTOR", "logs": [], "service": {"Status": "CREATE_FAILED", "NetworkConfiguration": {"EgressConfiguration": {"EgressType": "VPC", "VpcConnectorArn": "arn:aws:apprunner:eu-west-1:1:vpcconnector/x/1/y"}}}})),
        ("waf-blocked", json!({"operation": "RUNTIME", "logs": [], "web_acl": {"DefaultAction": {"Block": {}}}, "metrics": {"4xxStatusResponses": "120"}})),
        ("healthy", json!({"operation": "RUNTIME", "logs": [{"group": "application", "stream": "instance/1", "lines": ["GET /admin 403 1 ms", "GET / 200 1 ms"]}], "web_acl": {"associated": true, "default_action": "allow"}})),
        ("concurrency-limit", json!({"operation": "RUNTIME", "logs": [], "metrics": [{"MetricName": "429StatusResponses", "Values": [0, 12, 3]}]})),
        ("out-of-memory", json!({"operation": "RUNTIME", "logs": [], "metrics": {"MemoryUtilization": {"Maximum": 99.2}}})),
        ("request-timeout", json!({"operation": "RUNTIME", "logs": [{"group": "application", "stream": "instance/1", "lines": ["[1] [CRITICAL] WORKER TIMEOUT (pid:9)"]}]})),
        ("healthy", json!({"operation": "RUNTIME", "logs": [], "metrics": {"MemoryUtilization": 40, "CPUUtilization": 30}})),
        ("ip-exhaustion", json!({"operation": "RUNTIME", "logs": [], "subnets": [{"AvailableIpAddressCount": 2}, {"AvailableIpAddressCount": 1}], "max_size_sum": 10})),
        ("vpc-no-egress", json!({"operation": "RUNTIME", "logs": [{"group": "application", "stream": "instance/1", "lines": ["ConnectTimeoutError: Connect timeout on endpoint URL: \"https://dynamodb.eu-west-1.amazonaws.com/\""]}], "subnets": [{"DefaultRoute": "none"}], "service": {"EgressType": "VPC"}})),
        ("downstream-unreachable", json!({"operation": "RUNTIME", "logs": [{"group": "application", "stream": "instance/1", "lines": ["Error: connect ETIMEDOUT 10.0.1.5:5432"]}], "service": {"NetworkConfiguration": {"EgressConfiguration": {"EgressType": "DEFAULT"}}}})),
        // an old failure before a success, and an old success before a failure
        ("healthy", with(&[&PULL[..], &["[AppRunner] Service update started.", "[AppRunner] Successfully pulled your application image from ECR.", "[AppRunner] Service update completed successfully. New configuration is deployed.", "[AppRunner] Service status is set to RUNNING."]].concat(), json!({"operation": "UPDATE_SERVICE"}))),
        ("image-not-found", with(&["[AppRunner] Service creation started.", "[AppRunner] Successfully pulled your application image from ECR.", "[AppRunner] Service creation completed successfully.", "[AppRunner] Service status is set to RUNNING.", "[AppRunner] Deployment started.", "[AppRunner] Failed to pull your application image. Reason: ECR image doesn't exist.", "[AppRunner] Deployment failed. For details, see service logs."], json!({"operation": "START_DEPLOYMENT"}))),
        ("unknown", json!({"operation": "RUNTIME", "logs": [], "metrics": {"Requests": 100, "5xxStatusResponses": 40}})),
        ("unknown", with(&[&CHECK[..], &["[AppRunner] Rollback completed successfully.", "[AppRunner] Service status is set to RUNNING."]].concat(), json!({}))),
        // the rollback's echo
        ("unknown", with(&[&CHECK[..3], &["[AppRunner] Failed to pull your application image. Reason: Invalid Access Role in AuthenticationConfiguration."]].concat(), json!({}))),
    ]
}
