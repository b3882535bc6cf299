//! App Runner over the wire: the life of a service, refusals, pages, and what App Runner tells of it.

use std::time::Duration;

use crate::wire::{Client, start, start_with};
use sandbox::aws::apprunner::{
    DomainStatus, OperationSpec, OperationStatus, OperationType, ServiceSpec, ServiceStatus,
};
use sandbox::aws::{Options, Outcome, Sandbox, Script};
use serde_json::{Value, json};

pub(crate) const IMAGE: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/shop/web:1";
const NEXT_IMAGE: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/shop/web:2";

fn image(identifier: &str) -> Value {
    json!({ "ImageRepository": { "ImageIdentifier": identifier, "ImageRepositoryType": "ECR" } })
}

pub(crate) async fn describe(client: &Client, arn: &str) -> Value {
    client.apprunner("DescribeService", json!({ "ServiceArn": arn })).await.unwrap()["Service"].take()
}

async fn newest_operation(client: &Client, arn: &str) -> Value {
    client.apprunner("ListOperations", json!({ "ServiceArn": arn })).await.unwrap()["OperationSummaryList"][0]
        .take()
}

/// `previous>current` of status changes and `operationStatus` of operations, in order.
fn told(sandbox: &Sandbox) -> Vec<String> {
    let words = sandbox.events().into_iter().map(|event| {
        let detail = &event["detail"];
        match detail["operationStatus"].as_str() {
            Some(status) => status.to_owned(),
            None => format!(
                "{}>{}",
                detail["previousServiceStatus"].as_str().unwrap(),
                detail["currentServiceStatus"].as_str().unwrap()
            ),
        }
    });
    words.collect()
}

#[tokio::test]
async fn a_service_lives_from_creation_to_deletion() {
    let (sandbox, client) = start().await;
    let input = json!({ "ServiceName": "web-shop", "SourceConfiguration": image(IMAGE),
        "Tags": [{ "Key": "team", "Value": "shop" }] });
    let created = client.apprunner("CreateService", input).await.unwrap();
    let arn = created["Service"]["ServiceArn"].as_str().unwrap().to_owned();
    assert_eq!(created["Service"]["Status"], "OPERATION_IN_PROGRESS");
    assert_eq!(newest_operation(&client, &arn).await["Id"], created["OperationId"]);
    sandbox.settle().await;
    let service = describe(&client, &arn).await;
    assert_eq!(service["Status"], "RUNNING");
    assert_eq!(
        service["AutoScalingConfigurationSummary"]["AutoScalingConfigurationName"],
        "DefaultConfiguration"
    );
    assert!(service["CreatedAt"].as_f64().unwrap() > 1.7e9);

    for (operation, status) in [
        ("PauseService", "PAUSED"),
        ("ResumeService", "RUNNING"),
        ("StartDeployment", "RUNNING"),
        ("DeleteService", "DELETED"),
    ] {
        client.apprunner(operation, json!({ "ServiceArn": arn })).await.unwrap();
        sandbox.settle().await;
        assert_eq!(describe(&client, &arn).await["Status"], status, "{operation}");
    }
    assert_eq!(
        told(&sandbox),
        [
            "CreateServiceStarted",
            "CreateServiceCompletedSuccessfully",
            "OPERATION_IN_PROGRESS>RUNNING",
            "PauseServiceStarted",
            "RUNNING>OPERATION_IN_PROGRESS",
            "PauseServiceCompletedSuccessfully",
            "OPERATION_IN_PROGRESS>PAUSED",
            "ResumeServiceStarted",
            "PAUSED>OPERATION_IN_PROGRESS",
            "ResumeServiceCompletedSuccessfully",
            "OPERATION_IN_PROGRESS>RUNNING",
            "DeploymentStarted",
            "RUNNING>OPERATION_IN_PROGRESS",
            "DeploymentCompletedSuccessfully",
            "OPERATION_IN_PROGRESS>RUNNING",
            "DeleteServiceStarted",
            "RUNNING>OPERATION_IN_PROGRESS",
            "DeleteServiceCompletedSuccessfully",
            "OPERATION_IN_PROGRESS>DELETED",
        ]
    );
    let listed = client.apprunner("ListServices", json!({})).await.unwrap();
    assert_eq!(listed, json!({ "ServiceSummaryList": [] }));
}

#[tokio::test]
async fn events_have_the_documented_fields() {
    let (sandbox, client) = start().await;
    let arn = sandbox.services().create(ServiceSpec::image("web-shop", IMAGE)).unwrap();
    let id = arn.rsplit('/').next().unwrap();
    client
        .apprunner("UpdateService", json!({ "ServiceArn": arn, "SourceConfiguration": image(NEXT_IMAGE) }))
        .await
        .unwrap();
    sandbox.settle().await;
    let events = sandbox.events();
    let update = &events[2];
    assert_eq!(update["source"], "aws.apprunner");
    assert_eq!(update["detail-type"], "AppRunner Service Operation Status Change");
    assert_eq!(update["resources"], json!([arn]));
    assert_eq!(update["account"], "123456789012");
    assert!(update["time"].as_str().unwrap().ends_with('Z'));
    assert_eq!(
        update["detail"],
        json!({
            "operationStatus": "UpdateServiceCompletedSuccessfully",
            "serviceName": "web-shop",
            "serviceId": id,
            "message": "Service update completed successfully. New application and configuration is deployed.",
            "severity": "INFO",
        })
    );
    assert_eq!(
        events[3]["detail"],
        json!({
            "previousServiceStatus": "OPERATION_IN_PROGRESS",
            "currentServiceStatus": "RUNNING",
            "serviceName": "web-shop",
            "serviceId": id,
            "message": "Service status is set to RUNNING.",
            "severity": "INFO",
        })
    );
    assert_eq!(events[0]["detail"]["message"], "", "UpdateServiceStarted has no message");
}

#[tokio::test]
async fn a_failed_update_ends_as_its_script_says() {
    for (outcome, operation, image_after) in [
        (Outcome::Succeed, "SUCCEEDED", NEXT_IMAGE),
        (Outcome::FailThenRollBack, "ROLLBACK_SUCCEEDED", IMAGE),
        (Outcome::RollbackFails, "ROLLBACK_FAILED", NEXT_IMAGE),
        (Outcome::Fail, "FAILED", NEXT_IMAGE),
        (Outcome::FailReverted, "FAILED", IMAGE),
    ] {
        let (sandbox, client) = start().await;
        let arn = sandbox.services().create(ServiceSpec::image("web-shop", IMAGE)).unwrap();
        sandbox.script(&arn, outcome);
        let update = json!({ "ServiceArn": arn, "SourceConfiguration": image(NEXT_IMAGE) });
        client.apprunner("UpdateService", update).await.unwrap();
        let during = describe(&client, &arn).await;
        assert_eq!(during["SourceConfiguration"]["ImageRepository"]["ImageIdentifier"], NEXT_IMAGE);
        sandbox.settle().await;
        let after = describe(&client, &arn).await;
        assert_eq!(after["Status"], "RUNNING", "{outcome:?}");
        assert_eq!(
            after["SourceConfiguration"]["ImageRepository"]["ImageIdentifier"], image_after,
            "{outcome:?}"
        );
        let newest = newest_operation(&client, &arn).await;
        assert_eq!(newest["Status"], operation);
        assert!(newest["EndedAt"].as_f64() >= newest["StartedAt"].as_f64());
        let failed = told(&sandbox).contains(&"UpdateServiceFailed".to_owned());
        assert_eq!(failed, outcome != Outcome::Succeed, "{outcome:?}");
    }
}

#[tokio::test]
async fn an_operation_passes_through_every_phase() {
    let (sandbox, client) = start().await;
    let arn = sandbox.services().create(ServiceSpec::image("web-shop", IMAGE)).unwrap();
    sandbox.script(&arn, Script::new(Outcome::FailThenRollBack).phases_of(Duration::from_millis(120)));
    client.apprunner("StartDeployment", json!({ "ServiceArn": arn })).await.unwrap();
    let mut seen = Vec::new();
    loop {
        let status = newest_operation(&client, &arn).await["Status"].as_str().unwrap().to_owned();
        let failed = told(&sandbox).contains(&"DeploymentFailed".to_owned());
        if seen.last() != Some(&(status.clone(), failed)) {
            seen.push((status.clone(), failed));
        }
        if status == "ROLLBACK_SUCCEEDED" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // The event of the failure comes before the rollback, not after it.
    let expected = [
        ("PENDING", false),
        ("IN_PROGRESS", false),
        ("ROLLBACK_IN_PROGRESS", true),
        ("ROLLBACK_SUCCEEDED", true),
    ];
    assert_eq!(seen, expected.map(|(status, failed)| (status.to_owned(), failed)));
}

#[tokio::test]
async fn failures_of_the_other_operations() {
    let (sandbox, client) = start().await;
    for (operation, before, after) in [
        ("PauseService", ServiceStatus::Running, "RUNNING"),
        ("ResumeService", ServiceStatus::Paused, "PAUSED"),
        ("DeleteService", ServiceStatus::Running, "DELETE_FAILED"),
        ("UpdateService", ServiceStatus::CreateFailed, "CREATE_FAILED"),
    ] {
        let spec = ServiceSpec::image(&format!("service-{operation}"), IMAGE).status(before);
        let arn = sandbox.services().create(spec).unwrap();
        sandbox.script(&arn, Outcome::FailThenRollBack);
        client.apprunner(operation, json!({ "ServiceArn": arn })).await.unwrap();
        sandbox.settle().await;
        assert_eq!(describe(&client, &arn).await["Status"], after, "{operation}");
        assert_eq!(newest_operation(&client, &arn).await["Status"], "FAILED", "{operation}");
        assert!(told(&sandbox).contains(&format!("{operation}Failed")), "{operation}");
    }
    sandbox.script("web-shop", Outcome::Fail);
    let input = json!({ "ServiceName": "web-shop", "SourceConfiguration": image(IMAGE) });
    let created = client.apprunner("CreateService", input).await.unwrap();
    sandbox.settle().await;
    let arn = created["Service"]["ServiceArn"].as_str().unwrap();
    assert_eq!(describe(&client, arn).await["Status"], "CREATE_FAILED");
    client.apprunner("UpdateService", json!({ "ServiceArn": arn })).await.unwrap();
    sandbox.settle().await;
    assert_eq!(describe(&client, arn).await["Status"], "RUNNING", "rebuilt without changes");
}

#[tokio::test]
async fn states_refuse_what_they_must() {
    use ServiceStatus::{CreateFailed, DeleteFailed, Deleted, OperationInProgress, Paused, Running};
    let (sandbox, client) = start().await;
    // `+` allowed, `s` InvalidState, `r` InvalidRequest, `n` not found; in the order of the operations below.
    let operations = ["UpdateService", "StartDeployment", "PauseService", "ResumeService", "DeleteService"];
    for (status, expected) in [
        (Running, "+++s+"),
        (Paused, "srs++"),
        (OperationInProgress, "srsss"),
        (CreateFailed, "+rss+"),
        (DeleteFailed, "srss+"),
        (Deleted, "nnnnn"),
    ] {
        for (operation, expected) in operations.into_iter().zip(expected.chars()) {
            let spec = ServiceSpec::image(&format!("s-{operation}"), IMAGE).status(status);
            let arn = sandbox.services().create(spec).unwrap();
            let answer = client.apprunner(operation, json!({ "ServiceArn": arn })).await;
            let code = match expected {
                '+' => None,
                's' => Some("InvalidStateException"),
                'r' => Some("InvalidRequestException"),
                _ => Some("ResourceNotFoundException"),
            };
            let refusal = answer.err();
            assert_eq!(refusal.as_ref().map(|refusal| &*refusal.code), code, "{operation} in {status:?}");
            assert_eq!(refusal.map_or(400, |refusal| refusal.status), 400);
        }
    }
}

#[tokio::test]
async fn requests_that_the_model_does_not_admit_are_refused() {
    let (sandbox, client) = start().await;
    let arn = sandbox.services().create(ServiceSpec::image("web-shop", IMAGE)).unwrap();
    let code = json!({ "CodeRepository": { "RepositoryUrl": "https://example.com/r",
        "SourceCodeVersion": { "Type": "BRANCH", "Value": "main" } } });
    for (operation, input, named) in [
        ("DescribeService", json!({}), "ServiceArn"),
        ("DescribeService", json!({ "ServiceArn": "web-shop" }), "ServiceArn"),
        ("ListServices", json!({ "MaxResults": 21 }), "MaxResults"),
        ("ListServices", json!({ "NextToken": "7" }), "NextToken"),
        ("UpdateService", json!({ "ServiceArn": arn, "ServiceName": "other" }), "ServiceName"),
        ("UpdateService", json!({ "ServiceArn": arn, "SourceConfiguration": code }), "SourceConfiguration"),
        (
            "UpdateService",
            json!({ "ServiceArn": arn, "SourceConfiguration": image("nginx:latest") }),
            "ImageIdentifier",
        ),
        (
            "UpdateService",
            json!({ "ServiceArn": arn, "NetworkConfiguration": { "EgressConfiguration": {
                "EgressType": "VPC",
                "VpcConnectorArn": "arn:aws:apprunner:us-east-1:123456789012:vpcconnector/gone/1/0" } } }),
            "VPC connector",
        ),
        (
            "CreateService",
            json!({ "ServiceName": "web-shop", "SourceConfiguration": image(IMAGE) }),
            "already exists",
        ),
    ] {
        let refusal = client.apprunner(operation, input).await.expect_err(named);
        assert_eq!(refusal.code, "InvalidRequestException", "{operation}");
        assert!(refusal.message.contains(named), "{}", refusal.message);
    }
    assert_eq!(sandbox.events(), Vec::<Value>::new());
}

#[tokio::test]
async fn lists_come_in_pages() {
    let (sandbox, client) = start().await;
    let now = sandbox.clock().now();
    let mut arns = Vec::new();
    for number in 0..45 {
        arns.push(
            sandbox.services().create(ServiceSpec::image(&format!("service-{number}"), IMAGE)).unwrap(),
        );
    }
    for minute in 0..25_i64 {
        let started_at = now - jiff::SignedDuration::from_mins(60 - minute);
        let (kind, status) = (OperationType::StartDeployment, OperationStatus::Succeeded);
        let spec = OperationSpec { kind, status, started_at, ended_at: Some(started_at) };
        sandbox.services().add_operation(&arns[0], spec).unwrap();
    }
    for number in 0..5 {
        let name = format!("d{number}.example.com");
        sandbox.services().add_domain(&arns[0], &name, false, DomainStatus::Active).unwrap();
    }
    for (operation, member, input, sizes) in [
        ("ListServices", "ServiceSummaryList", json!({}), vec![20, 20, 5]),
        ("ListOperations", "OperationSummaryList", json!({ "ServiceArn": arns[0] }), vec![20, 6]),
        (
            "DescribeCustomDomains",
            "CustomDomains",
            json!({ "ServiceArn": arns[0], "MaxResults": 2 }),
            vec![2, 2, 1],
        ),
    ] {
        let (mut token, mut seen, mut all) = (Value::Null, Vec::new(), Vec::new());
        loop {
            let mut page_input = input.clone();
            page_input["NextToken"] = token;
            let page = client.apprunner(operation, page_input).await.unwrap();
            let items = page[member].as_array().unwrap().clone();
            seen.push(items.len());
            all.extend(items);
            token = page["NextToken"].clone();
            if token.is_null() {
                assert!(page.get("NextToken").is_none(), "the last page has no token at all");
                break;
            }
        }
        assert_eq!(seen, sizes, "{operation}");
        all.dedup();
        assert_eq!(all.len(), sizes.iter().sum::<usize>());
        if operation == "ListOperations" {
            assert!(
                all.is_sorted_by(|a, b| a["StartedAt"].as_f64() >= b["StartedAt"].as_f64()
                    || b["Type"] == "CREATE_SERVICE")
            );
        }
    }
}

#[tokio::test]
async fn maintenance_and_forced_states_refuse_and_are_told() {
    let (sandbox, client) = start().await;
    let arn = sandbox.services().create(ServiceSpec::image("web-shop", IMAGE)).unwrap();
    sandbox.services().maintenance(&arn, true).unwrap();
    let refusal = client.apprunner("UpdateService", json!({ "ServiceArn": arn })).await.unwrap_err();
    assert_eq!(refusal.code, "InvalidStateException");
    assert_eq!(newest_operation(&client, &arn).await["Type"], "CREATE_SERVICE", "there is no operation");
    sandbox.services().maintenance(&arn, false).unwrap();
    sandbox.services().set_status(&arn, ServiceStatus::DeleteFailed).unwrap();
    assert_eq!(
        told(&sandbox),
        ["RUNNING>OPERATION_IN_PROGRESS", "OPERATION_IN_PROGRESS>RUNNING", "RUNNING>DELETE_FAILED"]
    );
}

#[tokio::test]
async fn logs_tell_the_course_of_an_operation() {
    let (sandbox, client) = start().await;
    let arn = sandbox.services().create(ServiceSpec::image("web-shop", IMAGE)).unwrap();
    let pull = "[AppRunner] Failed to pull your application image. Reason: ECR image doesn't exist.";
    let script = Script::new(Outcome::FailThenRollBack)
        .deployment_log(["[AppRunner] Starting to pull your application image.", pull])
        .application_log(["bye"]);
    sandbox.script(&arn, script);
    let operation = sandbox.deploy(&arn).unwrap();
    sandbox.settle().await;
    let (service, application) = sandbox.services().log_groups(&arn).unwrap();
    let input = json!({ "logGroupName": service, "logStreamName": "events", "startFromHead": true });
    let events = client.logs("GetLogEvents", input).await.unwrap();
    let lines: Vec<&str> =
        events["events"].as_array().unwrap().iter().map(|line| line["message"].as_str().unwrap()).collect();
    assert_eq!(
        lines,
        [
            "[AppRunner] Deployment started.",
            "[AppRunner] Service status is set to OPERATION_IN_PROGRESS.",
            &format!(
                "[AppRunner] Deployment with ID : {operation} started. Triggering event : SERVICE_DEPLOY"
            ),
            &format!("[AppRunner] Deployment with ID : {operation} failed."),
            "[AppRunner] Deployment failed. For details, see service logs.",
            "[AppRunner] Service status is set to RUNNING.",
        ]
    );
    let deployment = sandbox.logs().lines(&service, &format!("deployment/{operation}"));
    assert_eq!(deployment.last().map(String::as_str), Some(pull));
    let streams = client.logs("DescribeLogStreams", json!({ "logGroupName": application })).await.unwrap();
    assert!(streams["logStreams"][0]["logStreamName"].as_str().unwrap().starts_with("instance/"));
}

#[tokio::test]
async fn quotas_hold_for_created_services_only() {
    let (sandbox, client) = start_with(Options { service_quota: 2, ..Options::default() }).await;
    for number in 0..3 {
        sandbox.services().create(ServiceSpec::image(&format!("seed-{number}"), IMAGE)).unwrap();
    }
    let input = json!({ "ServiceName": "web-shop", "SourceConfiguration": image(IMAGE) });
    let refusal = client.apprunner("CreateService", input).await.unwrap_err();
    assert_eq!(refusal.code, "ServiceQuotaExceededException");
}
