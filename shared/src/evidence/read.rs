//! Reading evidence from JSON: lenient about spelling and shape, exact about the path of what makes no sense.

use serde_json::Value;

use super::field::{EvidenceError, Field, member, plain};
use super::{Evidence, LogGroup, LogStream, Occasion, facts, service};
use crate::redact::Untrusted;

/// Reads the whole of it.
pub(super) fn evidence(value: &Value) -> Result<Evidence, EvidenceError> {
    let root = Field { path: "evidence".to_owned(), value };
    root.object()?;
    let optional = |names: &[&str]| root.get(names);
    Ok(Evidence {
        operation: optional(&["operation"])?.map(|f| operation(&f)).transpose()?.unwrap_or_default(),
        logs: optional(&["logs"])?.map(|f| logs(&f)).transpose()?.unwrap_or_default(),
        service: optional(&["service"])?.map(|f| service::service(&f)).transpose()?,
        image: optional(&["image"])?.map(|f| facts::image(&f)).transpose()?,
        roles: optional(&["roles"])?.map(|f| facts::roles(&f)).transpose()?.unwrap_or_default(),
        subnets: optional(&["subnets"])?.map(|f| facts::subnets(&f)).transpose()?,
        max_size_sum: optional(&["max_size_sum"])?.map(|f| f.whole()).transpose()?,
        connection_status: optional(&["connection_status", "connection"])?.map(|f| status(&f)).transpose()?,
        application_streams: optional(&["application_streams"])?.map(|f| count(&f)).transpose()?,
        ingress_connections: optional(&["ingress_connections", "ingress_connection"])?
            .map(|f| facts::ingress_connections(&f))
            .transpose()?,
        custom_domain: optional(&["custom_domain", "custom_domains"])?
            .map(|f| facts::domain(&f))
            .transpose()?,
        web_acl: optional(&["web_acl", "waf"])?.map(|f| facts::web_acl(&f)).transpose()?,
        metrics: optional(&["metrics"])?.map(|f| facts::metrics(&f)).transpose()?.unwrap_or_default(),
        last_operation: optional(&["last_operation"])?.map(|f| facts::last_operation(&f)).transpose()?,
    })
}

fn operation(field: &Field<'_>) -> Result<Occasion, EvidenceError> {
    let name =
        if field.value.is_object() { field.find_text("Type")?.unwrap_or_default() } else { field.text()? };
    Ok(Occasion::from_name(&name))
}

/// A status given as text or as `{"Status": …}`.
fn status(field: &Field<'_>) -> Result<String, EvidenceError> {
    if !field.value.is_object() {
        return field.text();
    }
    field.find_text("Status")?.map_or_else(|| field.wrong("a status"), Ok)
}

/// A count given as a number, a list or a flag.
pub(super) fn count(field: &Field<'_>) -> Result<u64, EvidenceError> {
    match field.value {
        Value::Array(list) => Ok(list.len() as u64),
        Value::Object(_) => {
            field.get(&["count", "total"])?.map_or(Ok(field.items().len() as u64), |f| f.whole())
        }
        Value::Bool(flag) => Ok(u64::from(*flag)),
        Value::String(text) if plain(text) == "none" || text.is_empty() => Ok(0),
        _ => field.whole(),
    }
}

fn logs(field: &Field<'_>) -> Result<Vec<LogStream>, EvidenceError> {
    let entries = match field.value {
        Value::Array(_) => field.items(),
        Value::Object(map) if member(map, "lines").is_some() => vec![field.clone()],
        _ => return field.wrong("a list of log streams"),
    };
    entries.iter().map(log_stream).collect()
}

fn log_stream(field: &Field<'_>) -> Result<LogStream, EvidenceError> {
    field.object()?;
    let text = |names: &[&str]| field.get(names)?.map(|f| f.text()).transpose();
    let group = text(&["group", "log_group", "logGroupName"])?.unwrap_or_default().to_lowercase();
    let stream = text(&["stream", "log_stream", "logStreamName"])?.unwrap_or_default();
    let group = if group.contains("app") && !group.ends_with("service") || stream.starts_with("instance/") {
        LogGroup::Application
    } else {
        LogGroup::Service
    };
    let lines = match field.get(&["lines", "messages", "events"])? {
        Some(lines) => messages(&lines)?,
        None => Vec::new(),
    };
    Ok(LogStream { group, stream, lines })
}

fn messages(field: &Field<'_>) -> Result<Vec<Untrusted>, EvidenceError> {
    match field.value {
        Value::String(text) => Ok(vec![Untrusted::new(text.as_str())]),
        Value::Array(_) => field.items().iter().map(message).collect(),
        _ => field.wrong("a list of lines"),
    }
}

fn message(field: &Field<'_>) -> Result<Untrusted, EvidenceError> {
    if field.value.is_object() {
        return match field.get(&["message", "text", "line", "log"])? {
            Some(message) => Ok(message.text()?.into()),
            None => Ok(field.value.to_string().into()),
        };
    }
    Ok(field.text()?.into())
}
