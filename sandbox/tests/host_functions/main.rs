//! Functions that really run: processes under the Runtime API, asynchronous
//! invocations, rules and schedules.

mod asynchronous;
mod function;
mod invoke;
mod routing;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use sandbox::host::resources::Account;
use sandbox::host::template::Template;
use sandbox::host::{Host, Options};
use serde_json::Value;

/// Two functions that run the same binary.
const TEMPLATE: &str = r#"
Parameters: {Greeting: {Type: String, Default: ""}}
Globals: {Function: {CodeUri: target/echo, Timeout: 5, MemorySize: 256}}
Resources:
  FailureQueue: {Type: AWS::SQS::Queue}
  Echo:
    Type: AWS::Serverless::Function
    Properties:
      Environment: {Variables: {GREETING: !Ref Greeting}}
      EventInvokeConfig:
        DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt FailureQueue.Arn}}
      Events:
        Failures:
          Type: EventBridgeRule
          Properties: {Pattern: {source: [aws.apprunner], detail: {do: [{exists: true}]}}}
        Everything:
          Type: EventBridgeRule
          Properties: {Pattern: {source: [aws.apprunner]}, Input: '{"do":"echo","rule":"Everything"}'}
        Disabled:
          Type: EventBridgeRule
          Properties: {Pattern: {source: [aws.apprunner]}, State: DISABLED}
        Tick:
          Type: ScheduleV2
          Properties: {ScheduleExpression: rate(1 minute), Input: '{"do":"echo","command":"tick"}'}
  Single:
    Type: AWS::Serverless::Function
    Properties:
      ReservedConcurrentExecutions: 1
      EventInvokeConfig: {MaximumRetryAttempts: 0}
      Events:
        Daily:
          Type: Schedule
          Properties: {Schedule: cron(0 3 * * ? *)}
"#;

/// When the test's stack was deployed.
const DEPLOYED_AT: &str = "2026-01-01T00:00:00Z";

fn options() -> Options {
    Options {
        deployed_at: DEPLOYED_AT.parse().ok(),
        retry_delays: [Duration::from_millis(20); 2],
        ..Options::default()
    }
}

fn host(options: &Options) -> Result<Host> {
    let template = Template::parse(TEMPLATE, Account::default(), &BTreeMap::new())?;
    Host::start(&template, function::directory()?, "http://127.0.0.1:9", options)
}

fn variables(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn bytes(payload: &Value) -> Vec<u8> {
    payload.to_string().into_bytes()
}
