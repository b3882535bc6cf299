//! A service's configuration, as far as a diagnosis asks about it.

use serde_json::Value;

use super::EvidenceError;
use super::field::{Field, plain};
use crate::redact::Untrusted;

/// Health check settings; `None` is unknown.
#[derive(Clone, Debug, Default)]
pub struct HealthCheck {
    /// Whether the protocol is HTTP (else TCP).
    pub http: Option<bool>,
    /// Path of an HTTP check.
    pub path: Option<String>,
    /// Seconds between checks.
    pub interval_seconds: Option<u64>,
    /// Failed checks in a row that make an instance unhealthy.
    pub unhealthy_threshold: Option<u64>,
}

/// `DescribeService`'s answer, read wherever in the object its names stand.
#[derive(Clone, Debug, Default)]
pub struct Service {
    /// As AWS spells it.
    pub status: Option<String>,
    /// Whether the source is a repository of code (else an image); `None` if unknown.
    pub from_code: Option<bool>,
    /// Image identifier.
    pub image_identifier: Option<String>,
    /// Whether the image lies in the public registry, which needs no role.
    pub public_image: Option<bool>,
    /// The configured port.
    pub port: Option<u16>,
    /// Start command.
    pub start_command: Option<Untrusted>,
    /// Build command.
    pub build_command: Option<Untrusted>,
    /// Managed runtime, for example `PYTHON_311`.
    pub runtime: Option<String>,
    /// Whether an access role is set; `None` if the answer's part that names it is absent.
    pub has_access_role: Option<bool>,
    /// Whether an instance role is set; `None` if the answer's part that names it is absent.
    pub has_instance_role: Option<bool>,
    /// Environment: names and values.
    pub variables: Vec<(String, Untrusted)>,
    /// Secrets: variable names and what they refer to.
    pub secrets: Vec<(String, Untrusted)>,
    /// Health check settings.
    pub health_check: HealthCheck,
    /// Whether outgoing traffic goes through a VPC connector; `None` if unknown.
    pub egress_vpc: Option<bool>,
    /// Requests an instance takes at once before another one is started.
    pub max_concurrency: Option<u64>,
}

/// Reads a service from `DescribeService`'s shape, wrapped in `Service` or not.
pub(super) fn service(field: &Field<'_>) -> Result<Service, EvidenceError> {
    field.object()?;
    let inner = field.get(&["Service"])?.unwrap_or_else(|| field.clone());
    let service = inner.clone();
    let has = |name: &str| service.find(name).is_some();
    let from_code = match (has("CodeRepository"), has("ImageRepository")) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    let repository_type = service.find_text("ImageRepositoryType")?.map(|t| plain(&t));
    let image_identifier = service.find_text("ImageIdentifier")?;
    let public_by_name = image_identifier.as_ref().map(|id| id.starts_with("public.ecr.aws/"));
    let authentication_known =
        has("AuthenticationConfiguration") || has("AccessRoleArn") || from_code.is_some();
    let role =
        |name: &str| Ok::<_, EvidenceError>(service.find_text(name)?.is_some_and(|arn| !arn.is_empty()));
    let egress = service.find_text("EgressType")?.map(|t| plain(&t));
    let connector = service.find_text("VpcConnectorArn")?;
    Ok(Service {
        status: service.get(&["Status", "ServiceStatus"])?.map(|s| s.text()).transpose()?,
        from_code,
        public_image: repository_type.map(|t| t == "ecrpublic").or(public_by_name),
        image_identifier,
        port: port(&service)?,
        start_command: service.find_text("StartCommand")?.map(Untrusted::from),
        build_command: service.find_text("BuildCommand")?.map(Untrusted::from),
        runtime: service.find_text("Runtime")?,
        has_access_role: authentication_known.then(|| role("AccessRoleArn")).transpose()?,
        has_instance_role: has("InstanceConfiguration").then(|| role("InstanceRoleArn")).transpose()?,
        variables: pairs(&service, "RuntimeEnvironmentVariables"),
        secrets: pairs(&service, "RuntimeEnvironmentSecrets"),
        health_check: health_check(&service)?,
        egress_vpc: egress.map(|t| t == "vpc").or(connector.map(|arn| !arn.is_empty())),
        max_concurrency: service.find("MaxConcurrency").map(|f| f.whole()).transpose()?,
    })
}

/// The configured port. The documented default counts where the source's configuration is known without one.
fn port(service: &Field<'_>) -> Result<Option<u16>, EvidenceError> {
    if let Some(port) = service.find("Port") {
        return Ok(u16::try_from(port.whole()?).ok());
    }
    let configured = service.find("ImageConfiguration").or_else(|| service.find("CodeConfigurationValues"));
    Ok(configured.map(|_| 8080))
}

fn health_check(service: &Field<'_>) -> Result<HealthCheck, EvidenceError> {
    let Some(check) = service.find("HealthCheckConfiguration") else {
        return Ok(HealthCheck::default());
    };
    let protocol = check.get(&["Protocol"])?.map(|p| p.text()).transpose()?;
    Ok(HealthCheck {
        http: protocol.map(|p| plain(&p) == "http"),
        path: check.get(&["Path"])?.map(|p| p.text()).transpose()?,
        interval_seconds: check.get(&["Interval"])?.map(|n| n.whole()).transpose()?,
        unhealthy_threshold: check.get(&["UnhealthyThreshold"])?.map(|n| n.whole()).transpose()?,
    })
}

/// An object of names and values, or a list of `{Name, Value}`.
fn pairs(service: &Field<'_>, name: &str) -> Vec<(String, Untrusted)> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match service.find(name).map(|field| field.value) {
        Some(Value::Object(map)) => map.iter().map(|(k, v)| (k.clone(), text(v).into())).collect(),
        Some(Value::Array(list)) => list.iter().filter_map(|item| named_pair(item, &text)).collect(),
        _ => Vec::new(),
    }
}

fn named_pair(item: &Value, text: &impl Fn(&Value) -> String) -> Option<(String, Untrusted)> {
    if let Some(name) = item.as_str() {
        return Some((name.to_owned(), Untrusted::default()));
    }
    let map = item.as_object()?;
    let find = |wanted: &str| map.iter().find(|(key, _)| plain(key) == wanted).map(|(_, value)| value);
    let name = find("name").or_else(|| find("key"))?.as_str()?;
    let value = find("value").or_else(|| find("valuefrom")).map(text).unwrap_or_default();
    Some((name.to_owned(), value.into()))
}
