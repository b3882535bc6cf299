//! A function of the template: what is run, with what, and what invokes it.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use super::intrinsics::Scope;
use super::node::Node;
use super::schedule::Schedule;
use super::sources::{self, DeliveryPolicy, Rule};

/// Lambda's limits and defaults for asynchronous invocations.
const DEFAULT_RETRIES: u32 = 2;
const DEFAULT_EVENT_AGE_S: u64 = 6 * 60 * 60;

/// An `AWS::Serverless::Function`.
#[derive(Clone, Debug)]
pub struct Function {
    /// The logical ID in the template.
    pub logical_id: String,
    /// The function's name.
    pub name: String,
    /// The function's ARN.
    pub arn: String,
    /// The file name of its binary.
    pub binary: String,
    /// `Handler`.
    pub handler: String,
    /// The variables that the template sets.
    pub environment: BTreeMap<String, String>,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// `MemorySize`.
    pub memory_mb: u32,
    /// `ReservedConcurrentExecutions`.
    pub reserved_concurrency: Option<usize>,
    /// The rules that invoke it.
    pub rules: Vec<Rule>,
    /// The schedules that invoke it, each with its delivery policy.
    pub schedules: Vec<(Schedule, DeliveryPolicy)>,
    /// How it is invoked asynchronously.
    pub asynchronous: AsyncConfig,
}

/// `EventInvokeConfig`.
#[derive(Clone, Debug)]
pub struct AsyncConfig {
    /// How often a failed invocation is repeated.
    pub maximum_retry_attempts: u32,
    /// How old an event may become.
    pub maximum_event_age: Duration,
    /// The ARN of the on-failure destination.
    pub on_failure: Option<String>,
}

/// Variables that Lambda sets itself and refuses in a template.
const RESERVED_VARIABLES: &[&str] = &[
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
];

/// Reads one function. `resource` is the raw resource with the Globals merged.
pub(crate) fn read(scope: &Scope, logical_id: &str, resource: &Node<'_>) -> Result<Function> {
    let raw = resource.require("Properties")?;
    let resolved = |name: &str| -> Result<(String, Value)> {
        let path = format!("{}.{name}", raw.path());
        let value = raw.get(name).map_or(Ok(Value::Null), |node| scope.resolve(&path, node.value()))?;
        Ok((path, value))
    };
    let integer = |name: &str, default: u64| -> Result<u64> {
        let (path, value) = resolved(name)?;
        if value.is_null() { Ok(default) } else { Node::new(path, &value).integer() }
    };
    if let Some(queue) = raw.get("DeadLetterQueue") {
        return Err(queue.error("this host delivers failures to EventInvokeConfig's OnFailure only"));
    }
    let name = &scope.resources[logical_id].name;
    let (_, handler) = resolved("Handler")?;
    let (path, events) = resolved("Events")?;
    let sources = if events.is_null() {
        sources::Sources::default()
    } else {
        sources::read(scope, logical_id, &Node::new(path, &events))?
    };
    let (path, invoke) = resolved("EventInvokeConfig")?;
    let (variables_path, variables) = resolved("Environment")?;
    let concurrency = integer("ReservedConcurrentExecutions", 0)?;
    Ok(Function {
        logical_id: logical_id.to_owned(),
        name: name.clone(),
        arn: scope.account.arn("lambda", &format!("function:{name}")),
        binary: binary(scope, resource)?,
        handler: handler.as_str().unwrap_or("bootstrap").to_owned(),
        environment: environment(&Node::new(variables_path, &variables))?,
        timeout: Duration::from_secs(integer("Timeout", 3)?),
        memory_mb: u32::try_from(integer("MemorySize", 128)?)?,
        reserved_concurrency: Some(usize::try_from(concurrency)?).filter(|limit| *limit > 0),
        rules: sources.rules,
        schedules: sources.schedules,
        asynchronous: async_config(&Node::new(path, &invoke))?,
    })
}

/// The binary that the build metadata names, else the last part of `CodeUri`.
fn binary(scope: &Scope, resource: &Node<'_>) -> Result<String> {
    let named = resource.get("Metadata").and_then(|node| node.get("BuildProperties")?.get("Binary"));
    let properties = resource.require("Properties")?;
    let node = match named {
        Some(named) => named,
        None => properties.require("CodeUri")?,
    };
    let value = scope.resolve(node.path(), node.value())?;
    let text = Node::new(node.path(), &value).str()?.trim_end_matches('/').to_owned();
    match text.rsplit('/').next() {
        Some(last) if !matches!(last, "" | "." | "..") => Ok(last.to_owned()),
        _ => Err(node.error("names no binary; set Metadata.BuildProperties.Binary")),
    }
}

fn environment(environment: &Node<'_>) -> Result<BTreeMap<String, String>> {
    if environment.value().is_null() {
        return Ok(BTreeMap::new());
    }
    environment.only(&["Variables"])?;
    let mut variables = BTreeMap::new();
    for (name, node) in environment.require("Variables")?.entries()? {
        let value = node.text()?;
        if RESERVED_VARIABLES.contains(&name) {
            return Err(node.error("is a variable that Lambda sets itself"));
        }
        if value.contains("{{resolve:") {
            return Err(node.error("this host does not resolve dynamic references"));
        }
        variables.insert(name.to_owned(), value);
    }
    Ok(variables)
}

fn async_config(config: &Node<'_>) -> Result<AsyncConfig> {
    if !config.value().is_null() {
        config.only(&["MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig"])?;
    }
    let retries = config.get("MaximumRetryAttempts");
    let age = config.get("MaximumEventAgeInSeconds");
    let maximum_retry_attempts = retries.as_ref().map_or(Ok(DEFAULT_RETRIES), Node::integer)?;
    let age_s = age.as_ref().map_or(Ok(DEFAULT_EVENT_AGE_S), Node::integer)?;
    if let Some(retries) = retries
        && maximum_retry_attempts > DEFAULT_RETRIES
    {
        return Err(retries.error("Lambda repeats at most twice"));
    }
    if let Some(age) = age
        && !(60..=DEFAULT_EVENT_AGE_S).contains(&age_s)
    {
        return Err(age.error("must be within 60 and 21600"));
    }
    let on_failure = match config.get("DestinationConfig") {
        None => None,
        Some(destinations) => {
            destinations.only(&["OnFailure"])?;
            let destination = destinations.require("OnFailure")?;
            destination.only(&["Type", "Destination"])?;
            Some(destination.require("Destination")?.str()?.to_owned())
        }
    };
    Ok(AsyncConfig { maximum_retry_attempts, maximum_event_age: Duration::from_secs(age_s), on_failure })
}
