//! What was asked of AWS.

use anyhow::{Result, ensure};
use sandbox::{aws::RequestRecord, stage::Stage};
use serde_json::Value;

use crate::NOTIFY;

/// Every call of the function, in order of arrival.
pub fn all(stage: &Stage) -> Vec<RequestRecord> {
    stage.account.requests().by(NOTIFY)
}

/// The calls as `service:Operation`, in order of arrival.
pub fn names(stage: &Stage) -> Vec<String> {
    all(stage).iter().map(|call| format!("{}:{}", call.service, call.operation)).collect()
}

/// How often the function made this call.
pub fn count(stage: &Stage, name: &str) -> usize {
    names(stage).iter().filter(|call| *call == name).count()
}

/// The calls that the template's policy for the function allows, as `service:Operation`.
pub fn allowed(stage: &Stage) -> Result<Vec<String>> {
    let role = stage.template.properties("NotifyRole")?;
    let statements = role["Policies"].as_array().into_iter().flatten();
    let statements = statements.filter_map(|policy| policy["PolicyDocument"]["Statement"].as_array());
    let actions = statements.flatten().flat_map(|statement| match &statement["Action"] {
        Value::Array(actions) => actions.clone(),
        action => vec![action.clone()],
    });
    Ok(actions.filter_map(|action| action.as_str().map(str::to_owned)).collect())
}

/// Asserts that the function only made calls that its policy allows, and only reading ones of App Runner.
pub fn assert_allowed(stage: &Stage) -> Result<()> {
    let allowed = allowed(stage)?;
    for call in names(stage) {
        ensure!(allowed.contains(&call), "{call} is not allowed by the template");
        let operation = call.strip_prefix("apprunner:");
        let reads = |operation: &str| operation.starts_with("List") || operation.starts_with("Describe");
        ensure!(operation.is_none_or(reads), "{call} may change a service");
    }
    Ok(())
}
