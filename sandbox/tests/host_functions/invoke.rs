//! Synchronous invocations, and what becomes of processes.

use std::time::Duration;

use sandbox::host::Options;
use sandbox::host::log::Stream;
use serde_json::{Value, json};

use crate::{bytes, host, options, variables};

#[tokio::test]
async fn an_answer_comes_back_and_the_process_is_used_again() {
    let host = host(&options()).unwrap();
    let first = host.lambda.invoke("Echo", bytes(&json!({"n": 1}))).await.unwrap();
    let answer = first.json().unwrap();
    assert_eq!(answer["event"], json!({"n": 1}));
    let context = &answer["context"];
    assert_eq!(context["request_id"], first.request_id);
    assert_eq!(
        context["function_arn"],
        "arn:aws:lambda:us-east-1:123456789012:function:apprunner-autopilot-Echo"
    );
    assert!(context["trace_id"].as_str().unwrap().starts_with("Root=1-"));
    assert!(first.cold);

    let second = host.lambda.invoke("apprunner-autopilot-Echo", bytes(&json!({"n": 2}))).await.unwrap();
    assert!(!second.cold);
    assert_ne!(second.request_id, first.request_id);
    assert_eq!(second.json().unwrap()["process"], answer["process"]);
    assert!(host.lambda.invoke("Nobody", "{}").await.is_err());
}

#[tokio::test]
async fn the_deadline_is_the_timeout_from_the_hand_over() {
    let host = host(&options()).unwrap();
    let answers = [
        host.lambda.invoke("Echo", "{}").await.unwrap().json().unwrap(),
        host.lambda.invoke("Single", "{}").await.unwrap().json().unwrap(),
    ];
    let deadline = |answer: &Value| -> i64 {
        answer["context"]["deadline_ms"].as_str().and_then(|ms| ms.parse().ok()).unwrap()
    };
    let line = host.lambda.invoke("Echo", bytes(&json!({"do": "log"}))).await.unwrap().logs.remove(0);
    let left = deadline(&answers[0]) - line.at.as_millisecond();
    assert!((2000..=5000).contains(&left), "{left} ms are left of 5 s");
    assert!(deadline(&answers[1]) >= deadline(&answers[0]));
}

#[tokio::test]
async fn the_environment_is_lambdas_and_the_templates_and_no_more() {
    let extra = variables(&[("EXTRA", "1"), ("AWS_ENDPOINT_URL_APPRUNNER", "http://127.0.0.1:8")]);
    let host = host(&Options { variables: extra, ..options() }).unwrap();
    let expected = json!([
        ["GREETING", ""],
        ["EXTRA", "1"],
        ["AWS_ENDPOINT_URL", "http://127.0.0.1:9"],
        ["AWS_ENDPOINT_URL_APPRUNNER", "http://127.0.0.1:8"],
        ["AWS_REGION", "us-east-1"],
        ["AWS_DEFAULT_REGION", "us-east-1"],
        ["AWS_ACCESS_KEY_ID", "Echo"],
        ["AWS_LAMBDA_FUNCTION_NAME", "apprunner-autopilot-Echo"],
        ["AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"],
        ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"],
        ["AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/apprunner-autopilot-Echo"],
        ["AWS_LAMBDA_LOG_STREAM_NAME", "sandbox"],
        ["_HANDLER", "bootstrap"],
        ["LAMBDA_TASK_ROOT", "/var/task"],
        ["TZ", ":UTC"],
        ["CARGO_MANIFEST_DIR", null],
        ["HOME", null],
    ]);
    let names: Vec<Value> = expected.as_array().unwrap().iter().map(|pair| pair[0].clone()).collect();
    let order = json!({"do": "environment", "names": names});
    let answer = host.lambda.invoke("Echo", bytes(&order)).await.unwrap();
    assert_eq!(answer.json().unwrap(), expected);
}

#[tokio::test]
async fn errors_are_the_functions_own() {
    let host = host(&options()).unwrap();
    let failed = host.lambda.invoke("Echo", bytes(&json!({"do": "fail"}))).await.unwrap();
    let error = failed.error.clone().unwrap();
    assert_eq!((error.error_type.as_str(), error.error_message.as_str()), ("Asked", "failed as asked"));
    let document: Value = serde_json::from_slice(&failed.payload).unwrap();
    assert_eq!(document, json!({"errorType": "Asked", "errorMessage": "failed as asked"}));
    assert!(failed.json().is_err());

    let cut_off = host.lambda.invoke("Echo", r#"{"detail": {"#).await.unwrap();
    assert_eq!(cut_off.error.unwrap().error_message, r#"{"detail": {"#);
    assert!(!cut_off.cold, "an error answer does not end the process");
}

#[tokio::test]
async fn output_is_read_by_line_and_request() {
    let host = host(&options()).unwrap();
    let first = host.lambda.invoke("Echo", bytes(&json!({"do": "log"}))).await.unwrap();
    let second = host.lambda.invoke("Echo", bytes(&json!({"do": "log"}))).await.unwrap();
    for result in [&first, &second] {
        assert_eq!(result.json_logs(), [json!({"level": "INFO", "request": result.request_id})]);
        let plain = |stream, text| result.logs.iter().any(|l| l.stream == stream && l.text == text);
        assert!(plain(Stream::Stdout, "plain line"), "{:?}", result.logs);
        assert!(result.logs.iter().all(|line| line.request_id == result.request_id));
    }
    let all = host.lambda.logs("Echo").unwrap();
    assert_eq!(all.iter().filter(|line| line.text == "plain line").count(), 2);
    assert!(host.lambda.logs("Single").unwrap().is_empty());
}

#[tokio::test]
async fn a_crash_is_lambdas_error_and_the_next_invocation_starts_anew() {
    let host = host(&options()).unwrap();
    let crashed = host.lambda.invoke("Echo", bytes(&json!({"do": "exit", "code": 1}))).await.unwrap();
    let id = &crashed.request_id;
    let error = crashed.error.unwrap();
    assert_eq!(error.error_type, "Runtime.ExitError");
    assert_eq!(
        error.error_message,
        format!("RequestId: {id} Error: Runtime exited with error: exit status 1")
    );
    let clean_exit = host.lambda.invoke("Echo", bytes(&json!({"do": "exit", "code": 0}))).await.unwrap();
    assert!(clean_exit.error.unwrap().error_message.ends_with("Runtime exited without providing a reason"));
    assert!(host.lambda.invoke("Echo", "{}").await.unwrap().cold);
}

#[tokio::test]
async fn the_timeout_kills_the_process() {
    let host = host(&Options { timeout: Some(Duration::from_millis(250)), ..options() }).unwrap();
    let warm = host.lambda.invoke("Echo", "{}").await.unwrap();
    let late = host.lambda.invoke("Echo", bytes(&json!({"do": "sleep", "ms": 5000}))).await.unwrap();
    let error = late.error.unwrap();
    assert_eq!(error.error_type, "Sandbox.Timedout");
    let id = late.request_id;
    assert_eq!(error.error_message, format!("RequestId: {id} Error: Task timed out after 0.25 seconds"));
    assert!((250..2000).contains(&late.duration.as_millis()), "{:?}", late.duration);
    assert_gone(&warm.json().unwrap()["process"]);
    assert!(host.lambda.invoke("Echo", "{}").await.unwrap().cold);
}

#[tokio::test]
async fn a_kill_strikes_in_mid_invocation_and_idle() {
    let host = host(&options()).unwrap();
    let busy = tokio::spawn({
        let lambda = host.lambda.clone();
        async move { lambda.invoke("Echo", bytes(&json!({"do": "sleep", "ms": 60_000}))).await }
    });
    let idle = host.lambda.invoke("Single", "{}").await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(host.lambda.kill_all(), 2);
    let killed = busy.await.unwrap().unwrap().error.unwrap();
    assert!(killed.error_message.ends_with("Runtime exited with error: signal: killed"), "{killed:?}");
    let next = host.lambda.invoke("Single", "{}").await.unwrap();
    assert!(next.cold);
    assert_gone(&idle.json().unwrap()["process"]);
    assert_eq!((host.lambda.kill("Single").unwrap(), host.lambda.kill_all()), (1, 0));
}

#[tokio::test]
async fn a_failed_start_is_told() {
    let rows = [
        ("exit", "Runtime.ExitError", "Runtime exited with error: exit status 3"),
        ("error", "Settings", "BAKE_TIME is missing"),
        ("hang", "Sandbox.Timedout", "Task timed out after 0.50 seconds"),
    ];
    for (init, error_type, message) in rows {
        let options = Options {
            variables: variables(&[("INIT", init)]),
            init_timeout: Duration::from_millis(500),
            ..options()
        };
        let failed = host(&options).unwrap().lambda.invoke("Echo", "{}").await.unwrap();
        let error = failed.error.unwrap();
        assert_eq!(error.error_type, error_type, "{init}");
        assert!(error.error_message.ends_with(message), "{init}: {error:?}");
    }
}

#[tokio::test]
async fn concurrent_invocations_have_processes_of_their_own_up_to_the_limit() {
    let host = host(&options()).unwrap();
    let order = bytes(&json!({"do": "sleep", "ms": 300}));
    let both =
        tokio::join!(host.lambda.invoke("Echo", order.clone()), host.lambda.invoke("Echo", order.clone()),);
    let process = |result: &anyhow::Result<_>| -> Value {
        let result: &sandbox::host::invocation::InvokeResult = result.as_ref().unwrap();
        result.json().unwrap()["process"].clone()
    };
    assert_ne!(process(&both.0), process(&both.1));

    let one = tokio::join!(host.lambda.invoke("Single", order.clone()), host.lambda.invoke("Single", order));
    assert_eq!(process(&one.0), process(&one.1), "ReservedConcurrentExecutions is 1");
}

#[tokio::test]
async fn a_missing_binary_is_told_at_the_start() {
    let text = crate::TEMPLATE.replace("target/echo", "target/nothing");
    let template = sandbox::host::template::Template::parse(
        &text,
        sandbox::host::resources::Account::default(),
        &variables(&[]),
    );
    let directory = crate::function::directory().unwrap();
    let started = sandbox::host::Host::start(&template.unwrap(), directory, "http://127.0.0.1:9", &options());
    let error = format!("{:#}", started.unwrap_err());
    assert!(error.starts_with("Echo: there is no binary") && error.contains("nothing"), "{error}");
}

/// Processes are waited for, so an ended one leaves no trace.
fn assert_gone(process: &Value) {
    let path = format!("/proc/{process}");
    assert!(!std::path::Path::new(&path).exists(), "{path} is still there");
}
