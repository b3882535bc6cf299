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
use autopilot_aws::{apprunner::AppRunner, facts::Facts};
use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use sandbox::aws::{Options, Sandbox};

/// An account whose unanswered calls are held shortly.
async fn account() -> Result<Sandbox> {
    Sandbox::start(Options { hold: Duration::from_secs(2), ..Options::default() }).await
}

/// The SDK's configuration for an endpoint: quick retries, one second an attempt.
async fn sdk_for(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new("AKIAFACTS", "secret", Some("token".to_owned()), None, "test");
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(5)))
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(1)).build())
        .load()
        .await
}

async fn sdk(account: &Sandbox) -> SdkConfig {
    sdk_for(account.endpoint()).await
}

fn facts(sdk: &SdkConfig) -> Facts {
    Facts::new(sdk, &AppRunner::new(sdk))
}
