//! The third round of evidence in the real binary: asked where it can matter, and only there.

use anyhow::Result;
use autopilot_tests::{alerts, command, invoke, messages::assert_says, sample, stage, start_deployment};
use jiff::Timestamp;
use sandbox::{
    aws::{
        Fault, Outcome, Script,
        apprunner::{DomainStatus, ServiceSpec},
        ecr::ImageSpec,
    },
    stage::Stage,
};
use serde_json::json;

const ACCOUNT: &str = "123456789012";

/// Services whose calls only answer questions.
const ASKED: [&str; 4] = ["cloudwatch", "ec2", "ecr", "iam"];

/// A service whose image is built for this platform, and a role that may pull it.
fn orders(stage: &Stage, platform: &str) -> Result<String> {
    stage.account.ecr().push(
        ACCOUNT,
        "orders",
        "v7",
        &ImageSpec {
            platforms: vec![platform.to_owned()],
            bytes: 50_000_000,
            exposed_ports: vec![8080],
            pushed_at: Timestamp::UNIX_EPOCH,
        },
    );
    stage.account.iam().add_role("access", "build.apprunner.amazonaws.com", Timestamp::UNIX_EPOCH);
    let image = format!("{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/orders:v7");
    stage.account.services().create(ServiceSpec::image("orders", &image))
}

/// A deployment that fails its health check, with this output of the application.
async fn fails(stage: &Stage, arn: &str, application: &[&'static str]) -> Result<()> {
    let script = Script::new(Outcome::FailThenRollBack).application_log(application.iter().copied());
    stage.account.script(arn, script);
    start_deployment(stage, arn)?;
    stage.settle().await;
    Ok(())
}

fn asked(stage: &Stage) -> Vec<String> {
    let requests = stage.account.requests().all().into_iter();
    let asked = requests.filter(|request| ASKED.contains(&request.service.as_str()));
    let mut calls: Vec<_> = asked.map(|r| format!("{}:{}", r.service, r.operation)).collect();
    calls.sort();
    calls
}

#[tokio::test]
async fn a_silent_failure_is_explained_by_the_images_platform() -> Result<()> {
    let stage = stage().await?;
    let arn = orders(&stage, "linux/arm64")?;
    fails(&stage, &arn, &[]).await?;
    let [alert] = &alerts(&stage)[..] else { panic!("one alert") };
    assert_eq!(alert.attributes["kind"], "image-architecture");
    assert_says(&alert.message, &["the image's manifest has no linux/amd64", "--platform linux/amd64"]);
    assert_eq!(asked(&stage), ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "iam:GetRole"]);
    Ok(())
}

#[tokio::test]
async fn a_trace_that_explains_itself_asks_nothing() -> Result<()> {
    let stage = stage().await?;
    let arn = orders(&stage, "linux/arm64")?;
    fails(&stage, &arn, &["ModuleNotFoundError: No module named 'flask'"]).await?;
    assert_eq!(alerts(&stage)[0].attributes["kind"], "app-module-missing");
    assert_eq!(asked(&stage), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn diagnose_asks_too_and_names_what_it_could_not_read() -> Result<()> {
    let stage = stage().await?;
    let arn = orders(&stage, "linux/arm64")?;
    fails(&stage, &arn, &[]).await?;
    let denied = Fault::Refuse { code: "AccessDeniedException".to_owned(), message: "not you".to_owned() };
    stage.account.faults().always("ecr", "BatchGetImage", denied);
    let ask = json!({"command": "diagnose", "service_arn": arn});
    let answer = command(&stage, &ask).await?;
    assert_eq!(answer["unread"], json!(["the image in ECR: AccessDeniedException"]), "{answer}");
    assert_ne!(answer["causes"][0]["kind"], "image-architecture");
    assert_ne!(answer["causes"][0]["kind"], "image-not-found", "what may not be read is not missing");
    stage.account.faults().clear();
    let answer = command(&stage, &ask).await?;
    assert_eq!((&answer["unread"], &answer["causes"][0]["kind"]), (&json!([]), &json!("image-architecture")));
    Ok(())
}

#[tokio::test]
async fn an_alert_does_not_wait_for_facts_that_do_not_come() -> Result<()> {
    let stage = stage().await?;
    let arn = orders(&stage, "linux/arm64")?;
    stage.account.faults().always("ecr", "*", Fault::TimeoutBeforeWork);
    fails(&stage, &arn, &[]).await?;
    let [alert] = &alerts(&stage)[..] else { panic!("one alert") };
    assert_says(&alert.message, &["the image in ECR: no answer in time"]);
    Ok(())
}

#[tokio::test]
async fn a_custom_domains_trouble_is_explained_by_where_that_domain_stands() -> Result<()> {
    let stage = stage().await?;
    let arn = orders(&stage, "linux/amd64")?;
    let services = stage.account.services();
    services.add_domain(&arn, "aaa.example.com", false, DomainStatus::Deleting)?;
    services.add_domain(&arn, "orders.example.com", false, DomainStatus::PendingCertificateDnsValidation)?;
    let mut event = sample("notify/custom-domain-failed.json")?;
    event["resources"] = json!([arn]);
    invoke(&stage, &event).await?;
    let [alert] = &alerts(&stage)[..] else { panic!("one alert") };
    assert_eq!(alert.attributes["kind"], "domain-validation-missing", "{}", alert.message);
    assert_eq!(asked(&stage), Vec::<String>::new());
    assert_eq!(stage.account.requests().of("apprunner", "DescribeCustomDomains").len(), 1);
    Ok(())
}
