//! A narrow client for services of which only a few calls are needed and whose SDK crate would cost every user's
//! build minutes and gigabytes: docs/decisions/0005-narrow-query-client.md.
//!
//! A call is a name and parameters; its answer is text for [`xml`] or JSON. Everything else is the SDK's own:
//! the orchestrator that the generated clients run on signs every attempt anew with fresh credentials, times it
//! out, retries throttling, 5xx and broken connections with jitter under the configured limits, and keeps the
//! HTTP connections. Endpoints come from the SDK's variables (`AWS_ENDPOINT_URL_EC2`, `AWS_ENDPOINT_URL`).
//!
//! A further call of a known service is one line in its adapter; a further service is one [`Api`].

mod protocol;
#[cfg(test)]
mod tests;
pub(crate) mod xml;

use std::sync::OnceLock;

use autopilot::error::{Class, PortError};
use aws_smithy_types::retry::RetryConfig;

use aws_runtime::{
    auth::{
        SigV4OperationSigningConfig,
        sigv4::{SCHEME_ID, SigV4AuthScheme},
    },
    retries::classifiers::AwsErrorCodeClassifier,
};
use aws_smithy_runtime::client::{
    orchestrator::operation::Operation,
    retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier},
};
use aws_smithy_runtime_api::client::{
    auth::{AuthSchemeOptionResolverParams, static_resolver::StaticAuthSchemeOptionResolver},
    behavior_version::BehaviorVersion,
    identity::SharedIdentityResolver,
    runtime_components::RuntimeComponentsBuilder,
    runtime_plugin::StaticRuntimePlugin,
};
use aws_smithy_types::config_bag::Layer;
use aws_types::{
    SdkConfig, SigningName,
    region::{Region, SigningRegion},
    service_config::ServiceConfigKey,
};

use crate::failure::port_error;
use protocol::{Answer, Bounded, Request};
pub(crate) use protocol::{Protocol, Refusal, encoded};

/// A service as the narrow client knows it.
#[derive(Debug)]
pub(crate) struct Api {
    /// The SDK's service ID, as in `AWS_ENDPOINT_URL_<ID>`.
    pub(crate) id: &'static str,
    /// The name that requests are signed for.
    pub(crate) signing_name: &'static str,
    /// The host's first labels, such as `ec2`.
    pub(crate) host: &'static str,
    /// True for IAM and Route 53, which have one endpoint a partition.
    pub(crate) global: bool,
    /// How it talks.
    pub(crate) protocol: Protocol,
}

type Client = Operation<Request, Answer, Refusal>;

/// A client of one service, made when its first call is.
#[derive(Debug)]
pub(crate) struct Narrow {
    api: &'static Api,
    sdk: SdkConfig,
    client: OnceLock<Client>,
}

/// Parameters of a Query call: dotted names with their values.
pub(crate) type Parameters<'a> = [(String, &'a str)];

impl Narrow {
    pub(crate) fn new(sdk: &SdkConfig, api: &'static Api) -> Self {
        Self { api, sdk: sdk.clone(), client: OnceLock::new() }
    }

    /// A Query call; the answer is XML.
    pub(crate) async fn query(
        &self,
        call: &'static str,
        parameters: &Parameters<'_>,
    ) -> Result<String, PortError> {
        self.send(call, Request::query(self.api.protocol, operation_of(call), parameters)).await
    }

    /// A JSON call.
    pub(crate) async fn json(
        &self,
        call: &'static str,
        input: &serde_json::Value,
    ) -> Result<serde_json::Value, PortError> {
        let answer = self.send(call, Request::json(self.api.protocol, operation_of(call), input)).await?;
        serde_json::from_str(&answer).map_err(|error| unreadable(call, &error))
    }

    /// A GET of a REST service: its path with the query; the answer is XML.
    pub(crate) async fn get(&self, call: &'static str, path: &str) -> Result<String, PortError> {
        self.send(call, Request::get(path)).await
    }

    /// A POST of an XML document to a REST service; the answer is XML.
    pub(crate) async fn post_xml(
        &self,
        call: &'static str,
        path: &str,
        document: String,
    ) -> Result<String, PortError> {
        self.send(call, Request::post_xml(path, document)).await
    }

    async fn send(&self, call: &'static str, request: Request) -> Result<String, PortError> {
        let client = if let Some(client) = self.client.get() {
            client
        } else {
            let made = self.client(call)?;
            self.client.get_or_init(|| made)
        };
        let answer = client.invoke(request).await.map_err(|error| port_error(call, error))?;
        answer.text().map_err(|error| unreadable(call, &error))
    }

    fn client(&self, call: &'static str) -> Result<Client, PortError> {
        let missing = |what: &str| {
            PortError::new(call, Class::Permanent, format!("the configuration of the SDK holds no {what}"))
        };
        let region = self.sdk.region().ok_or_else(|| missing("region"))?;
        let credentials = self.sdk.credentials_provider().ok_or_else(|| missing("credentials"))?;
        let partition = Partition::of(region);
        let signing_region =
            if self.api.global { Region::from_static(partition.global_region) } else { region.clone() };
        let mut layer = Layer::new("narrow");
        layer.store_put(AuthSchemeOptionResolverParams::new(()));
        layer.store_put(SigV4OperationSigningConfig {
            region: Some(SigningRegion::from(signing_region)),
            name: Some(SigningName::from(self.api.signing_name)),
            ..SigV4OperationSigningConfig::default()
        });
        let components = RuntimeComponentsBuilder::new("narrow")
            .with_auth_scheme(SigV4AuthScheme::new())
            .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID])))
            .with_identity_resolver(SCHEME_ID, SharedIdentityResolver::new(credentials))
            .with_identity_cache(self.sdk.identity_cache())
            .with_http_client(self.sdk.http_client())
            .with_sleep_impl(self.sdk.sleep_impl())
            .with_time_source(self.sdk.time_source());
        let retries = self.sdk.retry_config().cloned().unwrap_or_else(RetryConfig::standard);
        let timeouts = self.sdk.timeout_config().cloned();
        let protocol = self.api.protocol;
        Ok(Operation::builder()
            .service_name(self.api.id)
            .operation_name(self.api.signing_name)
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(&self.endpoint(region, &partition))
            .standard_retry(&retries)
            .timeout_config(timeouts.unwrap_or_else(aws_smithy_types::timeout::TimeoutConfig::disabled))
            .retry_classifier(TransientErrorClassifier::<Refusal>::new())
            .retry_classifier(HttpStatusCodeClassifier::default())
            .retry_classifier(AwsErrorCodeClassifier::<Refusal>::new())
            .interceptor(Bounded)
            .with_connection_poisoning()
            .runtime_plugin(
                StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components),
            )
            .serializer(|request: Request| request.into_http())
            .deserializer(move |response| protocol.read(response))
            .build())
    }

    /// The endpoint by the SDK's own variables and profile keys, else the public one.
    fn endpoint(&self, region: &Region, partition: &Partition) -> String {
        let key = ServiceConfigKey::builder()
            .service_id(self.api.id)
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build();
        let own = key.ok().and_then(|key| self.sdk.service_config()?.load_config(key));
        own.or_else(|| self.sdk.endpoint_url().map(str::to_owned)).unwrap_or_else(|| {
            if self.api.global {
                partition.global_endpoint(self.api.host)
            } else {
                format!("https://{}.{region}.{}", self.api.host, partition.suffix)
            }
        })
    }
}

/// One GET without a signature, such as of a presigned URL; the answer is bounded like every other.
pub(crate) async fn download(sdk: &SdkConfig, call: &'static str, url: &str) -> Result<String, PortError> {
    let no_url = || PortError::new(call, Class::Permanent, "the address to read from is no URL");
    let start = url.find("://").map(|at| at + 3).ok_or_else(no_url)?;
    let (origin, path) = url.split_at(url[start..].find('/').map(|at| at + start).ok_or_else(no_url)?);
    let mut components = RuntimeComponentsBuilder::new("download");
    components.set_http_client(sdk.http_client()).set_sleep_impl(sdk.sleep_impl());
    let client: Client = Operation::builder()
        .service_name("download")
        .operation_name("GET")
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(origin)
        .no_auth()
        .standard_retry(&sdk.retry_config().cloned().unwrap_or_else(RetryConfig::standard))
        .timeout_config(
            sdk.timeout_config().cloned().unwrap_or_else(aws_smithy_types::timeout::TimeoutConfig::disabled),
        )
        .retry_classifier(TransientErrorClassifier::<Refusal>::new())
        .retry_classifier(HttpStatusCodeClassifier::default())
        .interceptor(Bounded)
        .runtime_plugin(StaticRuntimePlugin::new().with_runtime_components(components))
        .serializer(|request: Request| request.into_http())
        .deserializer(|response| Protocol::Plain.read(response))
        .build();
    let answer = client.invoke(Request::get(path)).await.map_err(|error| port_error(call, error))?;
    answer.text().map_err(|error| unreadable(call, &error))
}

/// An answer that came and makes no sense. Another attempt may get a better one.
pub(crate) fn unreadable(call: &'static str, why: &dyn std::fmt::Display) -> PortError {
    PortError::new(call, Class::Retryable, format!("the answer cannot be read: {why}"))
}

/// `ec2:DescribeSubnets` is the operation `DescribeSubnets`.
fn operation_of(call: &'static str) -> &'static str {
    call.split_once(':').map_or(call, |(_, operation)| operation)
}

/// Names that differ between AWS's partitions.
struct Partition {
    suffix: &'static str,
    /// The Region that requests to global services are signed for.
    global_region: &'static str,
}

impl Partition {
    fn of(region: &Region) -> Self {
        match region.as_ref() {
            name if name.starts_with("cn-") => {
                Self { suffix: "amazonaws.com.cn", global_region: "cn-north-1" }
            }
            name if name.starts_with("us-gov-") => {
                Self { suffix: "amazonaws.com", global_region: "us-gov-west-1" }
            }
            _ => Self { suffix: "amazonaws.com", global_region: "us-east-1" },
        }
    }

    fn global_endpoint(&self, host: &str) -> String {
        match self.global_region {
            "us-east-1" => format!("https://{host}.amazonaws.com"),
            "us-gov-west-1" => format!("https://{host}.us-gov.amazonaws.com"),
            region => format!("https://{host}.{region}.{}", self.suffix),
        }
    }
}
