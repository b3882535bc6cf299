//! The adapters over the narrow client against emulators that others wrote. Every test starts a server of its own.

mod cleanup;
mod facts;
mod shift;
mod state;

use anyhow::Result;
use autopilot_aws::sdk::configuration;
use autopilot_tests::environment;
use aws_types::SdkConfig;

/// The SDK's configuration for an emulator.
fn sdk(endpoint: &str) -> Result<SdkConfig> {
    Ok(configuration(&environment(endpoint))?)
}
