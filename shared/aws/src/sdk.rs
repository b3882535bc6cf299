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
//! | `SSL_CERT_FILE`, `SSL_CERT_DIR` | trust these certificates instead of [`AMAZON_ROOTS`] |

use std::time::Duration;

use autopilot::settings::{Environment, SettingError, optional, required};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::{rt::sleep::SharedAsyncSleep, time::SharedTimeSource};
use aws_smithy_http_client::{
    Connector,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime_api::{
    client::{
        behavior_version::BehaviorVersion,
        http::{HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn},
    },
    shared::IntoShared as _,
};
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::{
    SdkConfig,
    region::Region,
    service_config::{LoadServiceConfig, ServiceConfigKey},
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
    let sleep = SharedAsyncSleep::new(aws_smithy_async::rt::sleep::TokioSleep::new());
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
        .http_client(http_client(tls(environment)?, sleep.clone()))
        .sleep_impl(sleep)
        .time_source(SharedTimeSource::default());
    configuration.set_use_fips(optional(environment, "AWS_USE_FIPS_ENDPOINT")?);
    configuration.set_use_dual_stack(optional(environment, "AWS_USE_DUALSTACK_ENDPOINT")?);
    Ok(configuration.build())
}

/// One connector for all clients. The SDK's own would read the trust anchors again for each client that is made.
fn http_client(tls: TlsContext, sleep: SharedAsyncSleep) -> SharedHttpClient {
    let connector = Connector::builder()
        .connector_settings(HttpConnectorSettings::builder().connect_timeout(CONNECT).build())
        .sleep_impl(sleep)
        .tls_provider(Provider::rustls(CryptoMode::Ring))
        .tls_context(tls)
        .build();
    let connector: SharedHttpConnector = connector.into_shared();
    http_client_fn(move |_, _| connector.clone())
}

fn tls(environment: &Environment) -> Result<TlsContext, SettingError> {
    let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(|variable| environment.contains_key(*variable));
    let trusted = if named {
        TrustStore::default() // what the operating system trusts, which these variables lead
    } else {
        TrustStore::empty().with_pem_certificate(AMAZON_ROOTS)
    };
    TlsContext::builder()
        .with_trust_store(trusted)
        .build()
        .map_err(|error| SettingError { variable: "SSL_CERT_FILE", problem: error.to_string() })
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
