//! What the end-to-end tests share: a stage with the installed stack, and a look at the messages.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use sandbox::{
    aws::{self, sns::Message},
    host,
    stage::Stage,
};
use serde_json::Value;

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The directory of the built functions: `cargo build --workspace` puts them where the tests are.
pub fn binaries() -> Result<PathBuf> {
    let exe = std::env::current_exe().context("a test has a path")?;
    let deps = exe.parent().and_then(Path::parent).context("a test lies in target/<profile>/deps")?;
    Ok(deps.to_owned())
}

/// Options of a host that repeats failed invocations soon: the order counts in tests, not the minutes.
pub fn impatient() -> host::Options {
    host::Options { retry_delays: [Duration::from_millis(30); 2], ..host::Options::default() }
}

/// A stage with the whole stack and the account's default options.
pub async fn stage() -> Result<Stage> {
    stage_with(aws::Options::default(), &impatient()).await
}

/// A stage with the whole stack.
pub async fn stage_with(account: aws::Options, host: &host::Options) -> Result<Stage> {
    Stage::raise(&root().join("template.yaml"), &[], &binaries()?, account, host).await
}

/// The messages of the alert topic, oldest first.
pub fn alerts(stage: &Stage) -> Vec<Message> {
    stage
        .account
        .messages()
        .into_iter()
        .filter(|message| message.topic_arn.ends_with("-AlertTopic"))
        .collect()
}

/// The messages of the chat topic, oldest first, parsed.
pub fn chats(stage: &Stage) -> Result<Vec<Value>> {
    let chats =
        stage.account.messages().into_iter().filter(|message| message.topic_arn.ends_with("-ChatTopic"));
    chats.map(|message| serde_json::from_str(&message.message).context("a chat message is JSON")).collect()
}

/// A sample event of the repository.
pub fn sample(path: &str) -> Result<Value> {
    let file = root().join("events").join(path);
    let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    serde_json::from_str(&text).with_context(|| file.display().to_string())
}
