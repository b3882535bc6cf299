//! What was asked of AWS.

use anyhow::{Result, ensure};
use sandbox::{aws::RequestRecord, stage::Stage};
use serde_json::Value;

use crate::NOTIFY;

/// Every call of `notify`, in order of arrival.
pub fn all(stage: &Stage) -> Vec<RequestRecord> {
    stage.account.requests().by(NOTIFY)
}

/// The calls of `notify` as `service:Operation`, in order of arrival.
pub fn names(stage: &Stage) -> Vec<String> {
    names_of(stage, NOTIFY)
}

/// A function's calls as `service:Operation`, in order of arrival.
pub fn names_of(stage: &Stage, function: &str) -> Vec<String> {
    let calls = stage.account.requests().by(function).into_iter();
    // As IAM names them.
    let service =
        |name: &str| if name == "elbv2" { "elasticloadbalancing".to_owned() } else { name.to_owned() };
    calls.map(|call| format!("{}:{}", service(&call.service), call.operation)).collect()
}

/// A function's calls of App Runner that may change something.
pub fn changes(stage: &Stage, function: &str) -> Vec<String> {
    let reads = |name: &str| name.starts_with("List") || name.starts_with("Describe");
    let calls = names_of(stage, function).into_iter();
    calls.filter(|call| call.strip_prefix("apprunner:").is_some_and(|name| !reads(name))).collect()
}

/// How often the function made this call.
pub fn count(stage: &Stage, name: &str) -> usize {
    names(stage).iter().filter(|call| *call == name).count()
}

/// The calls that the template's policy for a function allows, as `service:Operation`.
pub fn allowed(stage: &Stage, function: &str) -> Result<Vec<String>> {
    let role = stage.template.properties(&function.replace("Function", "Role"))?;
    let statements = role["Policies"].as_array().into_iter().flatten();
    let statements = statements.filter_map(|policy| policy["PolicyDocument"]["Statement"].as_array());
    let actions = statements.flatten().flat_map(|statement| match &statement["Action"] {
        Value::Array(actions) => actions.clone(),
        action => vec![action.clone()],
    });
    Ok(actions.filter_map(|action| action.as_str().map(str::to_owned)).collect())
}

/// Asserts that the functions only made calls that their policies allow, and `notify` only reading ones of App
/// Runner.
pub fn assert_allowed(stage: &Stage) -> Result<()> {
    for function in stage.template.functions().keys() {
        let allowed = allowed(stage, function)?;
        for call in names_of(stage, function) {
            ensure!(allowed.contains(&call), "{function}: {call} is not allowed by the template");
        }
    }
    let changes = changes(stage, NOTIFY);
    ensure!(changes.is_empty(), "notify may change a service: {changes:?}");
    Ok(())
}
