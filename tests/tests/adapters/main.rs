//! The adapters over the narrow client, over HTTP: against the sandbox, and against a server that answers anything.

mod changes;
mod dns;
mod endpoints;
mod hostile;
mod image;
mod metrics;
mod signing;
mod subnets;
mod successor;
mod whole;

use std::time::Duration;

use anyhow::Result;
use autopilot_aws::{apprunner::AppRunner, facts::Facts, sdk::configuration};
use autopilot_tests::environment;
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::SdkConfig;
use sandbox::aws::{Options, Sandbox};

/// An account whose unanswered calls are held shortly.
async fn account() -> Result<Sandbox> {
    Sandbox::start(Options { hold: Duration::from_secs(2), ..Options::default() }).await
}

/// What a function starts with, for an endpoint: quick retries, one second an attempt.
fn sdk_for(endpoint: &str) -> Result<SdkConfig> {
    Ok(configuration(&environment(endpoint))?
        .into_builder()
        .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(5)))
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(1)).build())
        .build())
}

fn sdk(account: &Sandbox) -> Result<SdkConfig> {
    sdk_for(account.endpoint())
}

fn facts(sdk: &SdkConfig) -> Facts {
    Facts::new(sdk, &AppRunner::new(sdk))
}
