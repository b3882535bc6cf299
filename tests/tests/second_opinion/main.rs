//! The adapters over the narrow client against emulators that others wrote. Every test starts a server of its own.

mod cleanup;
mod facts;
mod shift;
mod state;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};

/// The SDK's configuration for an emulator.
async fn sdk(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new("AKIAFACTS", "secret", None, None, "test");
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .load()
        .await
}
