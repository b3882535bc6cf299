//! The SDK's configuration from what Lambda gives every process: Region, credentials and endpoints are environment
//! variables, so there is no chain of providers to walk and no file to read. Why, and which certificates are trusted:
//! docs/decisions/0007-start.md.
//!
//! | variable | |
//! |---|---|
//! | `AWS_REGION` | the Region |
//! | `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` | the function's role |
//! | `AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_<SERVICE>` | other endpoints, all or one, as for every SDK |
//! | `AWS_USE_FIPS_ENDPOINT`, `AWS_USE_DUALSTACK_ENDPOINT` | variants of AWS's own endpoints |
//! | `SSL_CERT_FILE`, `SSL_CERT_DIR` | trust these certificates instead of Amazon's roots |

mod http;
#[cfg(test)]
mod tests;

use std::time::Duration;

use autopilot::settings::{Environment, SettingError, optional, required};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::{
    rt::sleep::{SharedAsyncSleep, TokioSleep},
    time::SharedTimeSource,
};
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime_api::client::{
    behavior_version::BehaviorVersion,
    http::{SharedHttpConnector, http_client_fn},
};
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::{
    SdkConfig,
    region::Region,
    service_config::{LoadServiceConfig, ServiceConfigKey},
};
use http::Http;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

/// One call never waits longer than this for an answer; with its retries it stays under [`PATIENCE`].
const ATTEMPT: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(2);

/// The five roots that Amazon Trust Services asks custom trust stores to hold; every public endpoint of AWS leads to
/// one of them. Source: <https://www.amazontrust.com/repository/>, checked by its published hashes in the tests.
const AMAZON_ROOTS: &[u8] = include_bytes!("sdk/amazon-roots.pem");

/// What every client is made from.
pub fn configuration(environment: &Environment) -> Result<SdkConfig, SettingError> {
    let region: String = required(environment, "AWS_REGION")?;
    let credentials = Credentials::new(
        required::<String>(environment, "AWS_ACCESS_KEY_ID")?,
        required::<String>(environment, "AWS_SECRET_ACCESS_KEY")?,
        optional(environment, "AWS_SESSION_TOKEN")?,
        None, // a process never outlives the credentials that Lambda starts it with
        "environment",
    );
    let http = Http::new(roots(environment)?, CONNECT)
        .map_err(|error| SettingError { variable: "SSL_CERT_FILE", problem: error.to_string() })?;
    let connector = SharedHttpConnector::new(http);
    let mut configuration = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .identity_cache(IdentityCache::lazy().build())
        .service_config(Endpoints::of(environment))
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(CONNECT)
                .operation_attempt_timeout(ATTEMPT)
                .operation_timeout(PATIENCE)
                .build(),
        )
        .retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(100)))
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(SharedTimeSource::default());
    configuration.set_use_fips(optional(environment, "AWS_USE_FIPS_ENDPOINT")?);
    configuration.set_use_dual_stack(optional(environment, "AWS_USE_DUALSTACK_ENDPOINT")?);
    Ok(configuration.build())
}

/// The certificates that are trusted: Amazon's, or those that the environment leads to.
fn roots(environment: &Environment) -> Result<RootCertStore, SettingError> {
    let wrong = |problem: String| SettingError { variable: "SSL_CERT_FILE", problem };
    let mut roots = RootCertStore::empty();
    if ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(|variable| environment.contains_key(*variable)) {
        let found = rustls_native_certs::load_native_certs(); // reads the same two variables
        let (taken, _) = roots.add_parsable_certificates(found.certs);
        if taken == 0 {
            return Err(wrong(format!("no certificate can be read there: {:?}", found.errors)));
        }
        return Ok(roots);
    }
    for root in CertificateDer::pem_slice_iter(AMAZON_ROOTS) {
        let root = root.map_err(|error| wrong(error.to_string()))?;
        roots.add(root).map_err(|error| wrong(error.to_string()))?;
    }
    Ok(roots)
}

/// The endpoints that the environment names, under the variables' names.
#[derive(Debug)]
struct Endpoints(Environment);

impl Endpoints {
    fn of(environment: &Environment) -> Self {
        let named = environment.iter().filter(|(name, _)| name.starts_with("AWS_ENDPOINT_URL"));
        Self(named.map(|(name, url)| (name.clone(), url.clone())).collect())
    }
}

impl LoadServiceConfig for Endpoints {
    /// A service's own variable comes before the common one.
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let own = format!("{}_{}", key.env(), key.service_id().to_uppercase().replace(' ', "_"));
        self.0.get(&own).or_else(|| self.0.get(key.env())).cloned()
    }
}
