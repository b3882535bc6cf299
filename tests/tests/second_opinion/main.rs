//! The adapters over the narrow client against emulators that others wrote. Every test starts a server of its own.

mod cleanup;
mod facts;
mod parallel;
mod shift;
mod state;

use anyhow::Result;
use autopilot_aws::sdk::configuration;
use autopilot_tests::environment;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;

/// The SDK's configuration for an emulator.
fn sdk(endpoint: &str) -> Result<SdkConfig> {
    // An emulator in Python may take longer than AWS.
    let sdk = configuration(&environment(endpoint))?.into_builder();
    Ok(sdk.timeout_config(TimeoutConfig::disabled()).build())
}
