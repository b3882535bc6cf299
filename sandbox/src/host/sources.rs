//! A function's `Events`: the rules and schedules that invoke it. A type or a
//! property that this host would not honour is an error.

use anyhow::{Context, Result};
use serde_json::Value;

use super::input::{Input, Path};
use super::intrinsics::Scope;
use super::node::Node;
use super::pattern::Pattern;
use super::schedule::{Expression, Schedule, ScheduleInput};

/// A rule that invokes its function.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The rule's logical ID within its function.
    pub id: String,
    /// Which events it takes.
    pub pattern: Pattern,
    /// The pattern as the template has it.
    pub source: Value,
    /// What the function receives.
    pub input: Input,
    /// Whether its state is `ENABLED`.
    pub enabled: bool,
    /// What becomes of events that cannot be delivered.
    pub delivery: DeliveryPolicy,
}

/// `RetryPolicy` and `DeadLetterConfig` of a rule or schedule.
#[derive(Clone, Debug, Default)]
pub struct DeliveryPolicy {
    /// `MaximumRetryAttempts`; 185 if the template does not say.
    pub maximum_retry_attempts: Option<u32>,
    /// `MaximumEventAgeInSeconds`; 24 hours if the template does not say.
    pub maximum_event_age_s: Option<u64>,
    /// The ARN of the dead-letter queue.
    pub dead_letter: Option<String>,
}

/// What a function's `Events` hold.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    pub(crate) rules: Vec<Rule>,
    pub(crate) schedules: Vec<(Schedule, DeliveryPolicy)>,
}

/// Properties that change nothing about what arrives and when.
const DESCRIPTIVE: &[&str] = &["Name", "Description", "RuleName", "RoleArn", "PermissionsBoundary", "Tags"];

/// Reads the resolved `Events` of a function.
pub(crate) fn read(scope: &Scope, function: &str, events: &Node<'_>) -> Result<Sources> {
    let mut sources = Sources::default();
    for (id, event) in events.entries()? {
        let kind = event.require("Type")?;
        let properties = event.require("Properties")?;
        match kind.str()? {
            "EventBridgeRule" | "CloudWatchEvent" => {
                sources.rules.push(rule(scope, function, id, &properties)?);
            }
            "Schedule" => sources.schedules.push(rule_schedule(scope, function, id, &properties)?),
            "ScheduleV2" => sources.schedules.push(scheduler_schedule(scope, function, id, &properties)?),
            other => return Err(kind.error(format_args!("this host has no event source of type {other}"))),
        }
    }
    Ok(sources)
}

fn rule(scope: &Scope, function: &str, id: &str, properties: &Node<'_>) -> Result<Rule> {
    only(
        properties,
        &[
            "Pattern",
            "Input",
            "InputPath",
            "InputTransformer",
            "EventBusName",
            "State",
            "Enabled",
            "RetryPolicy",
            "DeadLetterConfig",
            "Target",
        ],
    )?;
    if let Some(bus) = properties.get("EventBusName")
        && bus.str()? != "default"
    {
        return Err(bus.error("this host has the default bus only"));
    }
    let pattern = properties.require("Pattern")?;
    Ok(Rule {
        id: id.to_owned(),
        pattern: Pattern::compile(pattern.value()).with_context(|| pattern.path().to_owned())?,
        source: pattern.value().clone(),
        input: rule_input(properties)?,
        enabled: enabled(properties)?,
        delivery: delivery(scope, function, id, properties)?,
    })
}

fn rule_input(properties: &Node<'_>) -> Result<Input> {
    let given = ["Input", "InputPath", "InputTransformer"].map(|name| properties.get(name));
    match &given {
        [None, None, None] => Ok(Input::Event),
        [Some(constant), None, None] => Ok(Input::Constant(constant.json()?)),
        [None, Some(path), None] => {
            Path::parse(path.str()?).map(Input::Part).with_context(|| path.path().to_owned())
        }
        [None, None, Some(transformer)] => {
            transformer.only(&["InputPathsMap", "InputTemplate"])?;
            let paths = transformer.get("InputPathsMap").map(|paths| paths.entries()).transpose()?;
            let parts = paths.unwrap_or_default().into_iter().map(|(name, path)| {
                Ok((name.to_owned(), Path::parse(path.str()?).with_context(|| path.path().to_owned())?))
            });
            let template = transformer.require("InputTemplate")?;
            Input::transformed(parts.collect::<Result<_>>()?, template.str()?.to_owned())
                .with_context(|| template.path().to_owned())
        }
        _ => Err(properties.error("takes one of Input, InputPath and InputTransformer")),
    }
}

fn rule_schedule(
    scope: &Scope,
    function: &str,
    id: &str,
    properties: &Node<'_>,
) -> Result<(Schedule, DeliveryPolicy)> {
    only(properties, &["Schedule", "Input", "State", "Enabled", "RetryPolicy", "DeadLetterConfig"])?;
    let expression = properties.require("Schedule")?;
    let schedule = schedule(id, properties, &expression, "aws.events")?;
    if schedule.expression.is_one_time() {
        return Err(expression.error("at(…) needs an event of type ScheduleV2"));
    }
    Ok((schedule, delivery(scope, function, id, properties)?))
}

fn scheduler_schedule(
    scope: &Scope,
    function: &str,
    id: &str,
    properties: &Node<'_>,
) -> Result<(Schedule, DeliveryPolicy)> {
    only(
        properties,
        &[
            "ScheduleExpression",
            "ScheduleExpressionTimezone",
            "FlexibleTimeWindow",
            "GroupName",
            "OmitName",
            "KmsKeyArn",
            "Input",
            "State",
            "RetryPolicy",
            "DeadLetterConfig",
        ],
    )?;
    if let Some(zone) = properties.get("ScheduleExpressionTimezone")
        && !matches!(zone.str()?, "UTC" | "Etc/UTC")
    {
        return Err(zone.error("this host has no time zone but UTC"));
    }
    let expression = properties.require("ScheduleExpression")?;
    let schedule = schedule(id, properties, &expression, "aws.scheduler")?;
    Ok((schedule, delivery(scope, function, id, properties)?))
}

fn schedule(
    id: &str,
    properties: &Node<'_>,
    expression: &Node<'_>,
    source: &'static str,
) -> Result<Schedule> {
    let input = match properties.get("Input") {
        None => ScheduleInput::Event { source },
        Some(input) if input.str()?.contains("<aws.scheduler.") => {
            return Err(input.error("this host does not fill in <aws.scheduler.…>"));
        }
        Some(input) => ScheduleInput::Constant(input.json()?),
    };
    Ok(Schedule {
        id: id.to_owned(),
        expression: Expression::parse(expression.str()?).with_context(|| expression.path().to_owned())?,
        input,
        enabled: enabled(properties)?,
    })
}

fn only(properties: &Node<'_>, known: &[&str]) -> Result<()> {
    properties.only(&[known, DESCRIPTIVE].concat())
}

fn enabled(properties: &Node<'_>) -> Result<bool> {
    let state = match properties.get("State") {
        None => true,
        Some(state) => match state.str()? {
            "ENABLED" => true,
            "DISABLED" => false,
            other => return Err(state.error(format_args!("{other} is neither ENABLED nor DISABLED"))),
        },
    };
    let flag = properties.get("Enabled").map(|flag| flag.boolean()).transpose()?.unwrap_or(true);
    Ok(state && flag)
}

fn delivery(scope: &Scope, function: &str, id: &str, properties: &Node<'_>) -> Result<DeliveryPolicy> {
    let mut policy = DeliveryPolicy::default();
    if let Some(retry) = properties.get("RetryPolicy") {
        retry.only(&["MaximumRetryAttempts", "MaximumEventAgeInSeconds"])?;
        policy.maximum_retry_attempts = retry.get("MaximumRetryAttempts").map(|n| n.integer()).transpose()?;
        policy.maximum_event_age_s =
            retry.get("MaximumEventAgeInSeconds").map(|n| n.integer()).transpose()?;
    }
    if let Some(config) = properties.get("DeadLetterConfig") {
        config.only(&["Arn", "Type", "QueueLogicalId"])?;
        policy.dead_letter = Some(match (config.get("Arn"), config.get("Type")) {
            (Some(arn), None) => arn.str()?.to_owned(),
            (None, Some(kind)) if kind.str()? == "SQS" => {
                // SAM makes a queue of its own, of this logical ID.
                let queue = match config.get("QueueLogicalId") {
                    Some(queue) => queue.str()?.to_owned(),
                    None => format!("{function}{id}Queue"),
                };
                scope.account.arn("sqs", &format!("{}-{queue}", scope.account.stack))
            }
            _ => return Err(config.error("takes Arn, or Type: SQS")),
        });
    }
    Ok(policy)
}
