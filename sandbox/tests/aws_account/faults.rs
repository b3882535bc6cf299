//! Faults, the request log, the hooks and the clock.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::wire::{Client, start, start_with};
use jiff::SignedDuration;
use sandbox::aws::apprunner::ServiceSpec;
use sandbox::aws::{Fault, Options, RequestRecord, Sandbox};
use serde_json::json;

const IMAGE: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/shop/web:1";

/// What the hooks saw: which one, and the HTTP status then.
type Seen = Arc<Mutex<Vec<(&'static str, Option<u16>)>>>;

async fn with_service(options: Options) -> (Sandbox, Client, String) {
    let (sandbox, client) = start_with(options).await;
    let arn = sandbox.services().create(ServiceSpec::image("web-shop", IMAGE)).unwrap();
    (sandbox, client, arn)
}

#[tokio::test]
async fn faults_with_an_answer() {
    let (sandbox, client, arn) = with_service(Options::default()).await;
    let refuse = Fault::Refuse { code: "AccessDeniedException".to_owned(), message: "no".to_owned() };
    for (fault, status, code) in [
        (Fault::Throttle, 400, "ThrottlingException"),
        (Fault::ServerError, 500, "InternalServiceErrorException"),
        (refuse, 400, "AccessDeniedException"),
    ] {
        sandbox.faults().next("apprunner", "PauseService", 1, fault.clone());
        let input = json!({ "ServiceArn": arn });
        let refusal = client.apprunner("PauseService", input).await.unwrap_err();
        assert_eq!((refusal.status, &*refusal.code), (status, code));
        let record = sandbox.requests().of("apprunner", "PauseService").pop().unwrap();
        assert_eq!(
            (record.status, record.error.as_deref(), record.fault),
            (Some(status), Some(code), Some(fault))
        );
    }
    assert_eq!(sandbox.services().operations(&arn).len(), 1, "nothing was done");
}

#[tokio::test]
async fn faults_are_used_up_or_cleared() {
    let (sandbox, client, _) = with_service(Options::default()).await;
    let faults = sandbox.faults();
    faults.next("apprunner", "*", 2, Fault::Throttle);
    for expected in [true, true, false] {
        assert_eq!(client.apprunner("ListServices", json!({})).await.is_err(), expected);
    }
    faults.always("apprunner", "ListServices", Fault::ServerError);
    for _ in 0..5 {
        assert!(client.apprunner("ListServices", json!({})).await.is_err());
    }
    assert!(client.apprunner("ListVpcConnectors", json!({})).await.is_ok(), "another operation");
    faults.clear();
    assert!(client.apprunner("ListServices", json!({})).await.is_ok());
}

#[tokio::test]
async fn faults_without_an_answer() {
    let hold = Duration::from_secs(30);
    for (fault, operations, closed) in
        [(Fault::TimeoutBeforeWork, 1, false), (Fault::TimeoutAfterWork, 2, false), (Fault::Reset, 1, true)]
    {
        let (sandbox, client, arn) = with_service(Options { hold, ..Options::default() }).await;
        sandbox.faults().next("apprunner", "StartDeployment", 1, fault.clone());
        let call = client.json("AppRunner.StartDeployment", json!({ "ServiceArn": arn }));
        let answer = tokio::time::timeout(Duration::from_millis(200), call).await;
        assert_eq!(answer.is_ok(), closed, "{fault:?}: held until the client gives up, or closed");
        if let Ok(answer) = answer {
            assert!(answer.is_err(), "{fault:?} gives no answer");
        }
        assert_eq!(sandbox.services().operations(&arn).len(), operations, "{fault:?}");
        assert_eq!(sandbox.requests().of("apprunner", "StartDeployment")[0].status, None);
    }
}

#[tokio::test]
async fn a_held_call_ends_at_the_cap_and_a_slow_one_is_answered() {
    let hold = Duration::from_millis(100);
    let (sandbox, client, arn) = with_service(Options { hold, ..Options::default() }).await;
    sandbox.faults().next("apprunner", "*", 1, Fault::TimeoutBeforeWork);
    let call = client.json("AppRunner.DescribeService", json!({ "ServiceArn": arn }));
    assert!(tokio::time::timeout(Duration::from_secs(5), call).await.unwrap().is_err());
    sandbox.faults().next("apprunner", "*", 1, Fault::Slow(Duration::from_millis(150)));
    let call = client.apprunner("DescribeService", json!({ "ServiceArn": arn }));
    tokio::pin!(call);
    assert!(tokio::time::timeout(Duration::from_millis(100), &mut call).await.is_err(), "too early");
    assert!(call.await.is_ok());
}

#[tokio::test]
async fn requests_are_logged_with_caller_resource_and_outcome() {
    let (sandbox, client, arn) = with_service(Options::default()).await;
    sandbox.dynamodb().add_table("state");
    let rollback = Client::new(&sandbox, "AKIAROLLBACK");
    client.apprunner("DescribeService", json!({ "ServiceArn": arn })).await.unwrap();
    rollback.dynamodb("Scan", json!({ "TableName": "state" })).await.unwrap();
    rollback.apprunner("DescribeService", json!({})).await.unwrap_err();
    client.query("sts", "Action=GetCallerIdentity").await.unwrap();
    let all = sandbox.requests().all();
    let seen: Vec<(&str, &str, Option<&str>, Option<u16>)> = all
        .iter()
        .map(|it| (it.service.as_str(), it.operation.as_str(), it.resource.as_deref(), it.status))
        .collect();
    assert_eq!(
        seen,
        [
            ("apprunner", "DescribeService", Some(arn.as_str()), Some(200)),
            ("dynamodb", "Scan", Some("state"), Some(200)),
            ("apprunner", "DescribeService", None, Some(400)),
            ("sts", "GetCallerIdentity", None, Some(200)),
        ]
    );
    assert_eq!(sandbox.requests().by("AKIAROLLBACK").len(), 2);
    sandbox.requests().clear();
    client.apprunner("ListServices", json!({})).await.unwrap();
    assert_eq!(sandbox.requests().all()[0].number, 4, "numbers go on");
}

#[tokio::test]
async fn hooks_see_a_request_before_its_work_and_after() {
    let seen: Seen = Arc::default();
    let (before, after) = (seen.clone(), seen.clone());
    let options = Options {
        on_request: Some(Arc::new(move |record: &RequestRecord| {
            before.lock().unwrap().push(("before", record.status));
        })),
        on_response: Some(Arc::new(move |record: &RequestRecord| {
            after.lock().unwrap().push(("after", record.status));
        })),
        ..Options::default()
    };
    let (_sandbox, client, arn) = with_service(options).await;
    client.apprunner("DescribeService", json!({ "ServiceArn": arn })).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), [("before", None), ("after", Some(200))]);
}

#[tokio::test]
async fn every_time_comes_from_the_one_clock() {
    let (sandbox, client, arn) = with_service(Options::default()).await;
    let real = sandbox.clock().now();
    sandbox.clock().set_offset(SignedDuration::from_hours(-48));
    let operation = sandbox.deploy(&arn).unwrap();
    sandbox.settle().await;
    let listed = client.apprunner("ListOperations", json!({ "ServiceArn": arn })).await.unwrap();
    let newest = &listed["OperationSummaryList"][0];
    assert_eq!(newest["Id"], operation);
    let started_at = SignedDuration::from_secs_f64(newest["StartedAt"].as_f64().unwrap());
    let back_dated_by = real.as_duration() - started_at;
    assert!((47..=48).contains(&back_dated_by.as_hours()), "{back_dated_by}");
    let day = sandbox.clock().now().strftime("%Y-%m-%d").to_string();
    assert!(sandbox.events()[0]["time"].as_str().unwrap().starts_with(&day));
    let record = &sandbox.requests().all()[0];
    assert!(record.at < real - SignedDuration::from_hours(47));
}

#[tokio::test]
async fn unknown_operations_are_refused_in_the_shape_of_the_protocol() {
    let (_sandbox, client) = start().await;
    for target in
        ["AppRunner.Explode", "DynamoDB_20120810.Explode", "Logs_20140328.Explode", "Nobody.Explode"]
    {
        let refusal = client.json(target, json!({})).await.unwrap().unwrap_err();
        assert_eq!(refusal.code, "UnknownOperationException", "{target}");
    }
    let answer = client.raw_json("AppRunner.ListServices", &json!([])).await.unwrap();
    assert_eq!((answer.status, answer.header("x-amzn-errortype")), (400, Some("SerializationException")));
}
