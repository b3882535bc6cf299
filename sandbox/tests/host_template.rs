//! Reading SAM templates: what a deployment would make of them.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use sandbox::host::resources::Account;
use sandbox::host::template::Template;
use serde_json::json;

const TEMPLATE: &str = r#"
AWSTemplateFormatVersion: 2010-09-09
Transform: AWS::Serverless-2016-10-31
Parameters:
  AlertEmail: {Type: String, Default: ""}
  Mode: {Type: String, Default: dry-run, AllowedValues: ["off", dry-run, "on"]}
  Zones: {Type: CommaDelimitedList, Default: "Z1,Z2"}
  Budget: {Type: Number, Default: 3}
Mappings:
  Sizes: {us-east-1: {memory: 256}}
Conditions:
  HasEmail: !Not [!Equals [!Ref AlertEmail, ""]]
  IsOn: !And [!Condition HasEmail, !Or [!Equals [!Ref Mode, "on"], !Equals [!Ref AWS::Region, eu-west-1]]]
Globals:
  Function:
    Runtime: provided.al2023
    Timeout: 30
    Environment:
      Variables: {SHARED: "1", BUDGET: global}
Resources:
  AlertTopic: {Type: AWS::SNS::Topic}
  StateTable: {Type: AWS::DynamoDB::Table, Properties: {TableName: !Sub "${AWS::StackName}-state"}}
  FailureQueue: {Type: AWS::SQS::Queue}
  OnlyWithEmail: {Type: AWS::SNS::Topic, Condition: HasEmail}
  NotifyLogs:
    Type: AWS::Logs::LogGroup
    Properties: {LogGroupName: !Sub "/aws/lambda/${NotifyFunction}"}
  NotifyFunction:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: rust-cargolambda, BuildProperties: {Binary: notify}}
    Properties:
      CodeUri: .
      MemorySize: !FindInMap [Sizes, !Ref AWS::Region, memory]
      ReservedConcurrentExecutions: 2
      Environment:
        Variables:
          ALERT_EMAIL: !Ref AlertEmail
          ALERT_TOPIC_ARN: !Ref AlertTopic
          STATE_TABLE: !Ref StateTable
          TABLE_ARN: !GetAtt StateTable.Arn
          QUEUE_URL: !Ref FailureQueue
          ZONES: !Join [",", !Ref Zones]
          SECOND_ZONE: !Select [1, !Split [",", "a,b"]]
          BUDGET: !Ref Budget
          SWITCH: !If [IsOn, "yes", "no"]
          EMAIL_TOPIC: !If [HasEmail, !Ref OnlyWithEmail, !Ref AWS::NoValue]
          SUB: !Sub ["${Own}/${!Kept}/${FailureQueue.QueueName}/${AWS::AccountId}", {Own: !Ref Mode}]
      EventInvokeConfig:
        MaximumRetryAttempts: 1
        MaximumEventAgeInSeconds: 3600
        DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt FailureQueue.Arn}}
      Events:
        Failures:
          Type: EventBridgeRule
          Properties:
            Pattern: {source: [aws.apprunner], detail: {state: [{prefix: F}]}}
            DeadLetterConfig: {Arn: !GetAtt FailureQueue.Arn}
            RetryPolicy: {MaximumRetryAttempts: 5, MaximumEventAgeInSeconds: 600}
        Reconcile:
          Type: ScheduleV2
          Properties:
            ScheduleExpression: rate(15 minutes)
            Input: '{"command":"reconcile"}'
        Daily:
          Type: Schedule
          Properties: {Schedule: cron(0 3 * * ? *), State: DISABLED}
  CleanupFunction:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: functions/cleanup/, FunctionName: the-cleanup, Timeout: 60}
Outputs:
  Topic: {Value: !Ref AlertTopic}
"#;

fn read(text: &str, parameters: &[(&str, &str)]) -> Result<Template> {
    let parameters: BTreeMap<_, _> =
        parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Template::parse(text, Account::default(), &parameters)
}

#[test]
fn environments_are_resolved() {
    let template = read(TEMPLATE, &[]).unwrap();
    let notify = template.function("NotifyFunction").unwrap();
    let expected = [
        ("ALERT_EMAIL", ""),
        ("ALERT_TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:apprunner-autopilot-AlertTopic"),
        ("BUDGET", "3"),
        ("SWITCH", "no"),
        ("QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/123456789012/apprunner-autopilot-FailureQueue"),
        ("SECOND_ZONE", "b"),
        ("SHARED", "1"),
        ("STATE_TABLE", "apprunner-autopilot-state"),
        ("SUB", "dry-run/${Kept}/apprunner-autopilot-FailureQueue/123456789012"),
        ("TABLE_ARN", "arn:aws:dynamodb:us-east-1:123456789012:table/apprunner-autopilot-state"),
        ("ZONES", "Z1,Z2"),
    ];
    let expected: BTreeMap<_, _> = expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    assert_eq!(notify.environment, expected);
    assert_eq!(
        template.output("Topic").unwrap(),
        "arn:aws:sns:us-east-1:123456789012:apprunner-autopilot-AlertTopic"
    );
    assert_eq!(template.resources()["NotifyLogs"].name, "/aws/lambda/apprunner-autopilot-NotifyFunction");
    assert!(!template.resources().contains_key("OnlyWithEmail"));
}

#[test]
fn parameters_switch_conditions() {
    let template = read(TEMPLATE, &[("AlertEmail", "a@example.com"), ("Mode", "on")]).unwrap();
    let environment = &template.function("NotifyFunction").unwrap().environment;
    assert_eq!(environment["SWITCH"], "yes");
    assert_eq!(
        environment["EMAIL_TOPIC"],
        "arn:aws:sns:us-east-1:123456789012:apprunner-autopilot-OnlyWithEmail"
    );
    let error = read(TEMPLATE, &[("Mode", "loud")]).unwrap_err().to_string();
    assert!(error.starts_with("Parameters.Mode: \"loud\" is none of"), "{error}");
}

#[test]
fn functions_have_their_settings() {
    let template = read(TEMPLATE, &[]).unwrap();
    let notify = template.function("NotifyFunction").unwrap();
    assert_eq!(notify.name, "apprunner-autopilot-NotifyFunction");
    assert_eq!(
        notify.arn,
        "arn:aws:lambda:us-east-1:123456789012:function:apprunner-autopilot-NotifyFunction"
    );
    assert_eq!((notify.binary.as_str(), notify.memory_mb), ("notify", 256));
    assert_eq!((notify.timeout, notify.reserved_concurrency), (Duration::from_secs(30), Some(2)));
    assert_eq!(notify.asynchronous.maximum_retry_attempts, 1);
    assert_eq!(notify.asynchronous.maximum_event_age, Duration::from_hours(1));
    let queue = "arn:aws:sqs:us-east-1:123456789012:apprunner-autopilot-FailureQueue";
    assert_eq!(notify.asynchronous.on_failure.as_deref(), Some(queue));

    let rule = &notify.rules[0];
    assert_eq!((rule.id.as_str(), rule.enabled), ("Failures", true));
    assert_eq!(rule.delivery.dead_letter.as_deref(), Some(queue));
    assert_eq!(
        (rule.delivery.maximum_retry_attempts, rule.delivery.maximum_event_age_s),
        (Some(5), Some(600))
    );
    assert!(rule.pattern.matches(&json!({"source": "aws.apprunner", "detail": {"state": "Failed"}})));
    let schedules: Vec<_> = notify.schedules.iter().map(|(s, _)| (s.id.as_str(), s.enabled)).collect();
    assert_eq!(schedules, [("Daily", false), ("Reconcile", true)]);

    let cleanup = template.function("CleanupFunction").unwrap();
    assert_eq!((cleanup.binary.as_str(), cleanup.name.as_str()), ("cleanup", "the-cleanup"));
    assert_eq!((cleanup.timeout, cleanup.memory_mb), (Duration::from_mins(1), 128));
    assert_eq!(cleanup.asynchronous.maximum_retry_attempts, 2);
    assert_eq!(cleanup.asynchronous.maximum_event_age, Duration::from_hours(6));
    assert_eq!(cleanup.environment["BUDGET"], "global");
}

#[test]
fn properties_of_any_resource_are_resolved() {
    let template = read(TEMPLATE, &[]).unwrap();
    assert_eq!(template.properties("StateTable").unwrap(), json!({"TableName": "apprunner-autopilot-state"}));
    assert!(template.properties("NotifyFunctionRole").unwrap().is_null());
    assert!(template.properties("OnlyWithEmail").is_err());
    assert_eq!(template.reference("Budget").unwrap(), "3");
    let made_by_sam = [
        ("NotifyFunctionRole", "iam::123456789012:role/apprunner-autopilot-NotifyFunctionRole"),
        (
            "NotifyFunctionFailures",
            "events:us-east-1:123456789012:rule/apprunner-autopilot-NotifyFunctionFailures",
        ),
        (
            "NotifyFunctionReconcile",
            "scheduler:us-east-1:123456789012:schedule/default/NotifyFunctionReconcile",
        ),
    ];
    for (id, arn) in made_by_sam {
        assert_eq!(template.attribute(id, "Arn").unwrap(), format!("arn:aws:{arn}"));
    }
}

/// A template with one function whose properties hold `properties`.
fn function_with(properties: &str) -> String {
    format!(
        "Parameters: {{L: {{Type: CommaDelimitedList, Default: 'a,b'}}}}
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties: {{CodeUri: target/f, {properties}}}
"
    )
}

#[test]
fn what_is_not_honoured_is_an_error_with_its_path() {
    let event = |kind: &str, properties: &str| {
        format!("Events: {{E: {{Type: {kind}, Properties: {{{properties}}}}}}}")
    };
    let variables = |text: &str| format!("Environment: {{Variables: {{V: {text}}}}}");
    let rows = [
        (
            event("SNS", "Topic: x"),
            "Resources.F.Properties.Events.E.Type: this host has no event source of type SNS",
        ),
        (event("EventBridgeRule", "Pattern: {source: x}"), "Events.E.Properties.Pattern: source: must be"),
        (event("EventBridgeRule", "Input: '{}'"), "Events.E.Properties: Pattern is missing"),
        (
            event("EventBridgeRule", "Pattern: {a: [b]}, Filter: x"),
            "Events.E.Properties.Filter: this host does not",
        ),
        (
            event("EventBridgeRule", "Pattern: {a: [b]}, EventBusName: mine"),
            "EventBusName: this host has the default",
        ),
        (
            event("EventBridgeRule", "Pattern: {a: [b]}, Input: '{'"),
            "Events.E.Properties.Input: must hold JSON",
        ),
        (
            event("EventBridgeRule", "Pattern: {a: [b]}, DeadLetterConfig: {TargetArn: x}"),
            "DeadLetterConfig.TargetArn",
        ),
        (
            event("ScheduleV2", "ScheduleExpression: rate(1 minutes)"),
            "E.Properties.ScheduleExpression: \"rate(1 minutes)\"",
        ),
        (event("ScheduleV2", "ScheduleExpression: cron(0 3 * * ?)"), "6 fields"),
        (
            event("ScheduleV2", "ScheduleExpression: rate(1 day), ScheduleExpressionTimezone: Europe/Rome"),
            "no time zone",
        ),
        (
            event("ScheduleV2", "ScheduleExpression: rate(1 day), State: MAYBE"),
            "neither ENABLED nor DISABLED",
        ),
        (event("Schedule", "Schedule: 'at(2030-01-01T00:00:00)'"), "needs an event of type ScheduleV2"),
        (
            variables("!Ref Nothing"),
            "Resources.F.Properties.Environment.Variables.V: Nothing is no parameter",
        ),
        (variables("!GetAtt Nothing.Arn"), "Variables.V: Nothing is no resource"),
        (variables("!Sub '${Nothing}'"), "Variables.V: Nothing is no parameter"),
        (variables("!Ref L"), "Environment.Variables.V: must be a string"),
        (variables("!If [Missing, a, b]"), "Conditions.Missing: is not declared"),
        (variables("!ImportValue x"), "Variables.V: this host does not evaluate Fn::ImportValue"),
        (variables("!Select [5, !Ref L]"), "Variables.V.Fn::Select: no element 5"),
        (variables("'{{resolve:ssm:x}}'"), "does not resolve dynamic references"),
        (
            "Environment: {Variables: {AWS_REGION: x}}".to_owned(),
            "AWS_REGION: is a variable that Lambda sets",
        ),
        ("Timeout: soon".to_owned(), "Resources.F.Properties.Timeout: \"soon\" is not a whole number"),
        ("DeadLetterQueue: {Type: SQS, TargetArn: x}".to_owned(), "Properties.DeadLetterQueue: this host"),
        ("EventInvokeConfig: {MaximumRetryAttempts: 3}".to_owned(), "repeats at most twice"),
        ("EventInvokeConfig: {MaximumEventAgeInSeconds: 5}".to_owned(), "within 60 and 21600"),
    ];
    for (properties, expected) in rows {
        let error = format!("{:#}", read(&function_with(&properties), &[]).unwrap_err());
        assert!(error.contains(expected), "{properties}: {error}");
    }
}

#[test]
fn circles_and_unread_resources_are_refused() {
    let circle = "Conditions: {A: !Condition B, B: !Not [!Condition A]}\nResources: {}";
    assert!(read(circle, &[]).unwrap_err().to_string().contains("refers to itself"));
    for kind in ["AWS::Events::Rule", "AWS::Scheduler::Schedule", "AWS::Lambda::EventInvokeConfig"] {
        let error = read(&format!("Resources: {{R: {{Type: '{kind}'}}}}"), &[]).unwrap_err().to_string();
        assert!(error.starts_with("Resources.R.Type: this host reads"), "{error}");
    }
    let removed = "Conditions: {No: !Equals [a, b]}
Resources:
  T: {Type: AWS::SNS::Topic, Condition: No}
  F: {Type: AWS::Serverless::Function, Properties: {CodeUri: f, Environment: {Variables: {V: !Ref T}}}}";
    let error = read(removed, &[]).unwrap_err().to_string();
    assert!(error.contains("T is no parameter and no resource of this stack"), "{error}");
}
