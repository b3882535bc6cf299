//! What the end-to-end tests share: a stage with the installed stack, and looks at what came of a test.
//!
//! The tests run the real `notify` binary under the sandbox's Lambda Runtime API, behind the rules of
//! `template.yaml`. They look at what people get ([`messages`]), at what was asked of AWS ([`calls`]) and at
//! what is remembered ([`records`]); [`crash`] kills the function at a given call.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, ensure};
use autopilot::settings::Environment;
use sandbox::{
    aws::{self, service::Service as _},
    host::{
        self,
        invocation::{AsyncOutcome, InvokeResult},
    },
    stage::Stage,
};
use serde_json::{Value, json};

pub mod calls;
pub mod crash;
pub mod crossing;
pub mod emulator;
pub mod messages;
pub mod order;
pub mod permit;
pub mod records;

pub use messages::{alerts, chats, phases};

/// The logical ID of `notify`, which is also the caller in the account's log of requests.
pub const NOTIFY: &str = "NotifyFunction";

/// The logical ID of `rebuild`.
pub const REBUILD: &str = "RebuildFunction";

/// The logical ID of `shift`.
pub const SHIFT: &str = "ShiftFunction";

/// The logical ID of `rollback`.
pub const ROLLBACK: &str = "RollbackFunction";

/// An image in the account's registry.
pub const IMAGE: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/orders:v7";

/// What a person asked a long test for, by a variable.
#[expect(clippy::disallowed_methods, reason = "how long a test runs is its caller's to say")]
pub fn asked(variable: &str) -> Option<String> {
    std::env::var(variable).ok()
}

/// How many of something a person asked a long test for.
pub fn amount(variable: &str, default: u64) -> u64 {
    asked(variable).and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The directory of the built functions: a test lies in `deps` below it, a program beside them.
pub fn binaries() -> Result<PathBuf> {
    let exe = std::env::current_exe().context("a test has a path")?;
    let directory = exe.parent().context("a test lies in target/<profile>/deps")?;
    let profile = if directory.ends_with("deps") { directory.parent() } else { Some(directory) };
    Ok(profile.context("deps lies in target/<profile>")?.to_owned())
}

/// What Lambda gives a function, with this endpoint for every service.
pub fn environment(endpoint: &str) -> Environment {
    let given = [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "AKIAFACTS"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_SESSION_TOKEN", "token"),
        ("AWS_ENDPOINT_URL", endpoint),
    ];
    given.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Options of a host that repeats failed invocations soon: the order counts in tests, not the minutes. It runs
/// `notify` alone.
pub fn impatient() -> host::Options {
    hosting(&[NOTIFY])
}

/// [`impatient`] with these functions.
pub fn hosting(functions: &[&str]) -> host::Options {
    host::Options {
        functions: functions.iter().map(|name| (*name).to_owned()).collect(),
        retry_delays: [Duration::from_millis(30); 2],
        ..host::Options::default()
    }
}

/// A stage with the whole stack. A failed operation is at its end before a function that is told of the failure can
/// look; what is said of one under way has tests of its own, with slower operations.
pub async fn stage() -> Result<Stage> {
    let account = aws::Options { phase: Duration::from_millis(2), ..aws::Options::default() };
    stage_with(account, &impatient()).await
}

/// A stage with the whole stack.
pub async fn stage_with(account: aws::Options, host: &host::Options) -> Result<Stage> {
    stage_of(&[], account, host).await
}

/// A stage with the whole stack, installed with these parameters.
pub async fn stage_of(
    parameters: &[(&str, &str)],
    mut account: aws::Options,
    host: &host::Options,
) -> Result<Stage> {
    account.requests = requests_directory();
    Stage::raise(&root().join("template.yaml"), parameters, &binaries()?, account, host).await
}

/// Where `scripts/test` collects all requests, to compare them with what the template's policies allow.
#[expect(clippy::disallowed_methods, reason = "no decision of the product reads it")]
fn requests_directory() -> Option<PathBuf> {
    std::env::var_os("AUTOPILOT_TEST_REQUESTS").map(PathBuf::from)
}

/// A sample event of the repository.
pub fn sample(path: &str) -> Result<Value> {
    let file = root().join("events").join(path);
    let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    serde_json::from_str(&text).with_context(|| file.display().to_string())
}

/// Every sample event for `notify`, by file name.
pub fn samples() -> Result<Vec<(String, Value)>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root().join("events/notify"))? {
        names.push(entry?.file_name().into_string().ok().context("a sample's name is text")?);
    }
    names.sort();
    names.into_iter().map(|name| Ok((name.clone(), sample(&format!("notify/{name}"))?))).collect()
}

/// Sends a function a command, as a person or a schedule does; the answer must be one.
pub async fn ask(stage: &Stage, function: &str, command: &Value) -> Result<Value> {
    stage.host.lambda.invoke(function, command.to_string()).await?.json()
}

/// Invokes `notify` once, as a person does, and waits.
pub async fn invoke(stage: &Stage, payload: &Value) -> Result<InvokeResult> {
    stage.host.lambda.invoke(NOTIFY, payload.to_string()).await
}

/// Sends `notify` a command; the answer must be one.
pub async fn command(stage: &Stage, command: &Value) -> Result<Value> {
    invoke(stage, command).await?.json()
}

/// Compares the account with what is remembered.
pub async fn reconcile(stage: &Stage) -> Result<Value> {
    command(stage, &json!({"command": "reconcile"})).await
}

/// Invokes `notify` as Lambda does for events, repeats included, and waits for the end.
pub async fn invoke_as_event(stage: &Stage, payload: impl Into<Vec<u8>>) -> Result<AsyncOutcome> {
    stage.host.lambda.invoke_async(NOTIFY, payload)?.outcome().await
}

/// Calls App Runner as somebody in the account does; the answer is the API's.
pub fn app_runner(stage: &Stage, operation: &str, input: &Value) -> Result<Value> {
    let answer = stage.account.services().call(operation, input);
    answer.map_err(|error| anyhow!("{operation}: {}: {}", error.code, error.message))
}

/// Starts a deployment, as a push to the repository would, and returns its operation's ID.
pub fn start_deployment(stage: &Stage, arn: &str) -> Result<String> {
    stage.account.deploy(arn).map_err(|error| anyhow!("{}: {}", error.code, error.message))
}

/// Asserts what must hold after every test: the function read App Runner and never changed it, it made no call
/// that its policy does not allow, nothing waits to be told, and no event was given up.
pub fn assert_well(stage: &Stage) -> Result<()> {
    calls::assert_allowed(stage)?;
    records::assert_told(stage)?;
    let given_up = stage.host.lambda.destination_records();
    ensure!(given_up.is_empty(), "events were given up: {given_up:#?}");
    Ok(())
}
