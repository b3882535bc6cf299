//! What the function remembers.

use anyhow::{Context as _, Result, ensure};
use sandbox::stage::Stage;
use serde_json::Value;

/// Name of the state table.
pub fn table(stage: &Stage) -> Result<String> {
    let name = stage.template.reference("StateTable")?;
    Ok(name.as_str().context("a table's reference is its name")?.to_owned())
}

/// Every item of the state table, in DynamoDB's JSON.
pub fn items(stage: &Stage) -> Result<Vec<Value>> {
    Ok(stage.account.dynamodb().items(&table(stage)?))
}

/// Asserts that nothing waits to be told.
pub fn assert_told(stage: &Stage) -> Result<()> {
    for item in items(stage)? {
        let pending: Value = serde_json::from_str(item["pending"]["S"].as_str().unwrap_or_default())?;
        ensure!(pending["entries"] == serde_json::json!([]), "{} waits: {pending:#}", item["sk"]["S"]);
    }
    Ok(())
}

/// The incidents that are remembered of a service, as stored.
pub fn incidents(stage: &Stage, arn: &str) -> Result<Vec<Value>> {
    let key = format!("subject {arn}");
    let Some(item) = items(stage)?.into_iter().find(|item| item["sk"]["S"] == key) else {
        return Ok(Vec::new());
    };
    let subject: Value = serde_json::from_str(item["state"]["S"].as_str().unwrap_or_default())?;
    Ok(subject["incidents"].as_array().cloned().unwrap_or_default())
}
