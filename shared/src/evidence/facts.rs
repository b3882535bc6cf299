//! Reading the facts beside logs and configuration: image, roles, subnets, domain, web ACL, metrics.

use std::fmt::Write as _;

use serde_json::Value;

use super::field::{EvidenceError, Field, member, plain};
use super::read::count;
use super::{
    CustomDomain, DefaultRoute, Image, IngressConnection, LastOperation, Metrics, Role, Roles, Subnet, WebAcl,
};

pub(super) fn image(field: &Field<'_>) -> Result<Image, EvidenceError> {
    field.object()?;
    let platforms = match field.get(&["platforms", "platform", "architectures", "architecture"])? {
        Some(list) => Some(list.items().iter().map(platform).collect::<Result<_, _>>()?),
        None => None,
    };
    let ports = match field.get(&["exposed_ports"])? {
        Some(Field { value: Value::Object(map), .. }) => Some(map.keys().filter_map(|k| port(k)).collect()),
        Some(list) => {
            let texts: Vec<String> = list.items().iter().map(Field::text).collect::<Result<_, _>>()?;
            Some(texts.iter().filter_map(|text| port(text)).collect())
        }
        None => None,
    };
    Ok(Image {
        platforms,
        exists: field.get(&["exists"])?.map(|f| f.flag()).transpose()?,
        size_mb: field.get(&["size_mb", "size"])?.map(|f| f.number()).transpose()?,
        exposed_ports: ports,
    })
}

/// `8080` or `8080/tcp`.
fn port(text: &str) -> Option<u16> {
    text.split('/').next()?.trim().parse().ok()
}

/// `linux/amd64`, `amd64`, or `{"os": "linux", "architecture": "amd64"}`.
fn platform(field: &Field<'_>) -> Result<String, EvidenceError> {
    if !field.value.is_object() {
        return Ok(field.text()?.to_lowercase());
    }
    let part = |name: &str| Ok::<_, EvidenceError>(field.find_text(name)?.unwrap_or_default().to_lowercase());
    Ok(format!("{}/{}", part("os")?, part("architecture")?))
}

pub(super) fn roles(field: &Field<'_>) -> Result<Roles, EvidenceError> {
    let map = field.object()?;
    // A role that is `null` here was looked for: the service has none.
    let absent = |names: &[&str]| names.iter().any(|name| map.get(*name).is_some_and(Value::is_null));
    let none = |names: &[&str]| absent(names).then(|| Role { exists: Some(false), ..Role::default() });
    let one = |names: &[&str]| {
        Ok::<_, EvidenceError>(field.get(names)?.map(|f| role(&f)).transpose()?.or_else(|| none(names)))
    };
    Ok(Roles { access: one(&["access", "access_role"])?, instance: one(&["instance", "instance_role"])? })
}

fn role(field: &Field<'_>) -> Result<Role, EvidenceError> {
    if let Value::String(text) = field.value {
        let absent = matches!(plain(text).as_str(), "none" | "missing" | "");
        return Ok(Role { exists: Some(!absent), ..Role::default() });
    }
    field.object()?;
    Ok(Role {
        trusted: field.get(&["trusted", "trust"])?.map(|f| f.flag()).transpose()?,
        age_seconds: field.get(&["age_seconds", "age"])?.map(|f| f.number()).transpose()?,
        exists: field.get(&["exists"])?.map(|f| f.flag()).transpose()?,
    })
}

pub(super) fn subnets(field: &Field<'_>) -> Result<Vec<Subnet>, EvidenceError> {
    field.list()?.iter().map(subnet).collect()
}

fn subnet(field: &Field<'_>) -> Result<Subnet, EvidenceError> {
    if !field.value.is_object() {
        return Ok(Subnet { id: field.text()?, ..Subnet::default() });
    }
    let text = |names: &[&str]| field.get(names)?.map(|f| f.text()).transpose();
    let route = text(&["DefaultRoute", "default_route", "route"])?;
    Ok(Subnet {
        id: text(&["SubnetId", "id"])?.unwrap_or_default(),
        availability_zone_id: text(&["AvailabilityZoneId", "az_id"])?,
        free_addresses: field.get(&["AvailableIpAddressCount", "free"])?.map(|f| f.whole()).transpose()?,
        default_route: route.as_deref().and_then(default_route),
    })
}

fn default_route(text: &str) -> Option<DefaultRoute> {
    let text = text.to_lowercase();
    match () {
        () if text.contains("igw") || text.contains("internet") => Some(DefaultRoute::InternetGateway),
        () if text.contains("none")
            || text.is_empty()
            || text.contains("missing")
            || text.contains("blackhole") =>
        {
            Some(DefaultRoute::Missing)
        }
        () if ["nat", "tgw", "transit", "eni", "vgw"].iter().any(|way| text.contains(way)) => {
            Some(DefaultRoute::Nat)
        }
        () => None,
    }
}

pub(super) fn ingress_connections(field: &Field<'_>) -> Result<Vec<IngressConnection>, EvidenceError> {
    if let Value::Number(_) | Value::Bool(_) = field.value {
        return Ok((0..count(field)?.min(100)).map(|_| IngressConnection::default()).collect());
    }
    if matches!(field.value, Value::String(text) if plain(text) == "none") {
        return Ok(Vec::new());
    }
    field
        .items()
        .iter()
        .map(|item| Ok(IngressConnection { arn: None, status: ingress_status(item)? }))
        .collect()
}

fn ingress_status(field: &Field<'_>) -> Result<Option<String>, EvidenceError> {
    let text = if field.value.is_object() { field.find_text("Status")? } else { Some(field.text()?) };
    Ok(text.filter(|text| !text.starts_with("arn:")).map(|text| text.to_uppercase()))
}

pub(super) fn domain(field: &Field<'_>) -> Result<CustomDomain, EvidenceError> {
    if let Value::String(status) = field.value {
        return Ok(CustomDomain { status: Some(status.to_lowercase()), ..CustomDomain::default() });
    }
    let all = field.items();
    let active = |item: &&Field<'_>| matches!(item.get(&["Status"]), Ok(Some(s)) if s.value == "active");
    let Some(one) = all.iter().find(|item| !active(item)).or(all.first()) else {
        return Ok(CustomDomain::default());
    };
    one.object()?;
    let text = |names: &[&str]| one.get(names)?.map(|f| f.text()).transpose();
    let caa = one.get(&["caa", "caa_records", "CAARecords"])?.map(|list| caa(&list));
    Ok(CustomDomain {
        name: text(&["DomainName", "domain", "name"])?,
        status: text(&["Status"])?.map(|s| s.to_lowercase()),
        caa,
        validation_published: published(one.value),
        ..CustomDomain::default()
    })
}

/// CAA records as plain lines, whatever they came as.
fn caa(field: &Field<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for item in field.items() {
        match item.value {
            Value::String(text) => lines.extend(text.lines().map(str::to_lowercase)),
            other => lines.push(other.to_string().to_lowercase()),
        }
    }
    lines.retain(|line| !line.trim().is_empty());
    lines
}

/// Whether the validation records are published: by comparison with the records found in the DNS, else by
/// what flags and ACM's record statuses say.
fn published(value: &Value) -> Option<bool> {
    let root = Field { path: String::new(), value };
    let wanted =
        ["CertificateValidationRecords", "validation_records"].iter().find_map(|name| root.find(name));
    let found =
        ["DnsRecords", "dns", "records_found", "found_records"].iter().find_map(|name| root.find(name));
    if let (Some(wanted), Some(Field { value: Value::Array(found), .. })) = (&wanted, &found) {
        let published = |want: &Field<'_>| found.iter().any(|record| answers(record, want.value));
        return Some(wanted.items().iter().all(published));
    }
    let mut verdict = None;
    judge_records("", value, &mut verdict);
    verdict
}

/// Whether a record of the DNS is the wanted one. A stray quote makes it another one.
fn answers(record: &Value, wanted: &Value) -> bool {
    let part = |value: &Value, name: &str| -> Option<String> {
        let text = member(value.as_object()?, name)?.1.as_str()?;
        Some(text.trim_end_matches('.').to_lowercase())
    };
    part(record, "name") == part(wanted, "name") && part(record, "value") == part(wanted, "value")
}

fn judge_records(key: &str, value: &Value, verdict: &mut Option<bool>) {
    let key = plain(key);
    let asks = |words: &[&str]| words.iter().any(|word| key.contains(word));
    let said = match value {
        Value::Object(map) => return map.iter().for_each(|(k, v)| judge_records(k, v, verdict)),
        Value::Array(list) if !list.is_empty() => {
            return list.iter().for_each(|item| judge_records(&key, item, verdict));
        }
        Value::Array(_) => asks(&["found", "dnsrecords", "actual"]).then_some(false),
        Value::Bool(flag) if asks(&["missing", "absent", "wrong"]) => Some(!flag),
        Value::Bool(flag) => {
            asks(&["publish", "present", "exist", "found", "resolv", "match", "correct", "valid"])
                .then_some(*flag)
        }
        Value::String(text) => match plain(text).as_str() {
            "success" if key == "status" => Some(true),
            "failed" | "missing" | "absent" | "notfound" | "nxdomain" | "wrong" | "mismatch" => Some(false),
            _ => None,
        },
        _ => None,
    };
    if let Some(good) = said {
        *verdict = Some(verdict.unwrap_or(true) && good);
    }
}

pub(super) fn web_acl(field: &Field<'_>) -> Result<WebAcl, EvidenceError> {
    match field.value {
        Value::Bool(associated) => {
            return Ok(WebAcl { associated: *associated, ..WebAcl::default() });
        }
        Value::String(text) => {
            let word = plain(text);
            let associated = !matches!(word.as_str(), "none" | "" | "no" | "false");
            let blocks = (word.contains("block")).then_some(true).or((word == "allow").then_some(false));
            return Ok(WebAcl { associated, blocks_by_default: blocks, blocked_requests: None });
        }
        _ => (),
    }
    let Some(one) = field.items().into_iter().next() else {
        return Ok(WebAcl::default());
    };
    let associated = one.get(&["associated", "attached"])?.map(|f| f.flag()).transpose()?.unwrap_or(true);
    let action = one.find("DefaultAction").map(|f| f.value.to_string().to_lowercase());
    let blocked = ["BlockedRequests", "blocked", "blocked_count"].iter().find_map(|name| one.find(name));
    Ok(WebAcl {
        associated,
        blocks_by_default: action.map(|text| text.contains("block")),
        blocked_requests: blocked.and_then(|f| f.number().ok()),
    })
}

pub(super) fn metrics(field: &Field<'_>) -> Result<Metrics, EvidenceError> {
    if !matches!(field.value, Value::Array(_) | Value::Object(_)) {
        return field.wrong("an object or a list");
    }
    let mut found = Vec::new();
    match field.value {
        Value::Object(map) => map.iter().for_each(|(key, value)| collect_metric(key, value, &mut found)),
        Value::Array(list) => list.iter().for_each(|item| collect_metric("", item, &mut found)),
        _ => (),
    }
    Ok(Metrics(found))
}

/// A metric as a number, a list of numbers or datapoints, an object of statistics, or one that names itself.
fn collect_metric(name: &str, value: &Value, found: &mut Vec<(String, f64)>) {
    match value {
        Value::Number(number) => found.extend(number.as_f64().map(|n| (name.to_owned(), n))),
        Value::String(text) => {
            found.extend(
                text.trim().trim_end_matches('%').trim().parse().ok().map(|n: f64| (name.to_owned(), n)),
            );
        }
        Value::Array(list) => list.iter().for_each(|item| collect_metric(name, item, found)),
        Value::Object(map) => {
            let named =
                ["MetricName", "name", "Label", "Id"].iter().find_map(|key| member(map, key)?.1.as_str());
            for (key, inner) in map {
                if plain(key).contains("time") || inner.as_str() == named && named.is_some() {
                    continue;
                }
                let mut path = named.unwrap_or(name).to_owned();
                // The key of a nested name is kept, so that {"responses": {"429": 3}} still says 429.
                let _ = write!(path, " {key}");
                collect_metric(&path, inner, found);
            }
        }
        _ => (),
    }
}

pub(super) fn last_operation(field: &Field<'_>) -> Result<LastOperation, EvidenceError> {
    let field = field.items().into_iter().next().unwrap_or_else(|| field.clone());
    if !field.value.is_object() {
        return Ok(LastOperation { kind: None, status: Some(field.text()?.to_uppercase()) });
    }
    Ok(LastOperation {
        kind: field.find_text("Type")?,
        status: field.find_text("Status")?.map(|status| status.to_uppercase()),
    })
}
