//! A client of the SDK, made by its first call.
//!
//! Making one reads the SDK's table of partitions, a JSON text with a regular expression for each: 0.7 million
//! instructions, which an idle tick need not pay.

use std::sync::OnceLock;

use aws_types::SdkConfig;

/// A client that is made when it is needed.
#[derive(Clone, Debug)]
pub(crate) struct OnDemand<C> {
    sdk: SdkConfig,
    make: fn(&SdkConfig) -> C,
    client: OnceLock<C>,
}

impl<C> OnDemand<C> {
    pub(crate) fn new(sdk: &SdkConfig, make: fn(&SdkConfig) -> C) -> Self {
        Self { sdk: sdk.clone(), make, client: OnceLock::new() }
    }

    pub(crate) fn get(&self) -> &C {
        self.client.get_or_init(|| (self.make)(&self.sdk))
    }
}
