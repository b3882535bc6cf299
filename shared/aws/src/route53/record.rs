//! Records and batches as XML. What is read is written back as it came: deletion wants every attribute.

use autopilot::dns::{AliasTarget, Attribute, Batch, Content, NotAName, NotAZoneId, RecordSet, RecordType};
use roxmltree::Node;

use crate::narrow::xml;

const NAMESPACE: &str = "https://route53.amazonaws.com/doc/2013-04-01/";

/// The order that the API's schema wants; what it does not name comes last.
const ORDER: [&str; 15] = [
    "Name",
    "Type",
    "SetIdentifier",
    "Weight",
    "Region",
    "GeoLocation",
    "Failover",
    "MultiValueAnswer",
    "TTL",
    "ResourceRecords",
    "AliasTarget",
    "HealthCheckId",
    "TrafficPolicyInstanceId",
    "CidrRoutingConfig",
    "GeoProximityLocation",
];

/// Elements within elements of an attribute that is carried; the API's own go three deep.
const DEEPEST: usize = 8;

/// Why an element is no record.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unfit {
    #[error("it holds no {0}")]
    Missing(&'static str),
    #[error("{0} of a record is not readable: {1:?}")]
    Unreadable(&'static str, String),
    #[error(transparent)]
    Name(#[from] NotAName),
    #[error(transparent)]
    Zone(#[from] NotAZoneId),
}

/// The whole text of an element, blanks and all.
pub(super) fn content(node: Node<'_, '_>) -> String {
    node.children().filter(Node::is_text).filter_map(|text| text.text()).collect()
}

/// A `ResourceRecordSet`.
pub(super) fn read(node: Node<'_, '_>) -> Result<RecordSet, Unfit> {
    let member = |name: &'static str| xml::child(node, name).map(content).ok_or(Unfit::Missing(name));
    let mut record = RecordSet {
        name: member("Name")?.parse()?,
        kind: RecordType::from(member("Type")?),
        set_identifier: None,
        weight: None,
        ttl: None,
        values: Vec::new(),
        alias: None,
        health_check_id: None,
        rest: Vec::new(),
    };
    for child in node.children().filter(Node::is_element) {
        match child.tag_name().name() {
            "Name" | "Type" => {}
            "SetIdentifier" => record.set_identifier = Some(content(child)),
            "Weight" => record.weight = Some(parsed("Weight", child)?),
            "TTL" => record.ttl = Some(parsed("TTL", child)?),
            "HealthCheckId" => record.health_check_id = Some(content(child)),
            "AliasTarget" => record.alias = Some(alias(child)?),
            "ResourceRecords" => {
                for value in child.children().filter(Node::is_element) {
                    let value = xml::child(value, "Value").ok_or(Unfit::Missing("Value"))?;
                    record.values.push(content(value));
                }
            }
            _ => record.rest.push(attribute(child, 0)?),
        }
    }
    Ok(record)
}

fn parsed<T: std::str::FromStr>(name: &'static str, node: Node<'_, '_>) -> Result<T, Unfit> {
    let text = content(node);
    text.trim().parse().map_err(|_| Unfit::Unreadable(name, text))
}

fn alias(node: Node<'_, '_>) -> Result<AliasTarget, Unfit> {
    let member = |name: &'static str| xml::child(node, name).ok_or(Unfit::Missing(name));
    Ok(AliasTarget {
        dns_name: content(member("DNSName")?).parse()?,
        hosted_zone_id: content(member("HostedZoneId")?).parse()?,
        evaluate_target_health: parsed("EvaluateTargetHealth", member("EvaluateTargetHealth")?)?,
    })
}

fn attribute(node: Node<'_, '_>, depth: usize) -> Result<Attribute, Unfit> {
    let name = node.tag_name().name().to_owned();
    if depth == DEEPEST {
        return Err(Unfit::Unreadable("An attribute", name));
    }
    let inner = node.children().filter(Node::is_element).map(|child| attribute(child, depth + 1));
    let inner: Vec<Attribute> = inner.collect::<Result<_, _>>()?;
    let content = if inner.is_empty() { Content::Text(content(node)) } else { Content::Attributes(inner) };
    Ok(Attribute { name, content })
}

/// A `ChangeResourceRecordSetsRequest`.
pub(super) fn batch(batch: &Batch) -> String {
    let comment = batch.comment.as_ref().map(|comment| element("Comment", &escaped(comment)));
    let changes: String = batch
        .changes
        .iter()
        .map(|change| {
            let action = element("Action", change.action.as_str());
            element("Change", &(action + &written(&change.record)))
        })
        .collect();
    let batch = element("ChangeBatch", &(comment.unwrap_or_default() + &element("Changes", &changes)));
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ChangeResourceRecordSetsRequest \
         xmlns=\"{NAMESPACE}\">{batch}</ChangeResourceRecordSetsRequest>"
    )
}

/// A record as the element `ResourceRecordSet`.
pub(super) fn written(record: &RecordSet) -> String {
    let text = |name: &'static str, value: &str| (name, element(name, &escaped(value)));
    let mut members = vec![text("Name", record.name.as_str()), text("Type", record.kind.as_str())];
    members.extend(record.set_identifier.as_ref().map(|id| text("SetIdentifier", id)));
    members.extend(record.weight.map(|weight| text("Weight", &weight.to_string())));
    members.extend(record.ttl.map(|ttl| text("TTL", &ttl.to_string())));
    members.extend(record.health_check_id.as_ref().map(|id| text("HealthCheckId", id)));
    if !record.values.is_empty() {
        let value = |value: &String| element("ResourceRecord", &element("Value", &escaped(value)));
        let values: String = record.values.iter().map(value).collect();
        members.push(("ResourceRecords", element("ResourceRecords", &values)));
    }
    if let Some(alias) = &record.alias {
        let health = if alias.evaluate_target_health { "true" } else { "false" };
        let inner = [
            element("HostedZoneId", alias.hosted_zone_id.as_str()),
            element("DNSName", &escaped(alias.dns_name.as_str())),
            element("EvaluateTargetHealth", health),
        ];
        members.push(("AliasTarget", element("AliasTarget", &inner.concat())));
    }
    members.extend(record.rest.iter().map(|attribute| (attribute.name.as_str(), carried(attribute))));
    let place = |name: &str| ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len());
    members.sort_by_key(|(name, _)| place(name));
    element("ResourceRecordSet", &members.into_iter().map(|(_, member)| member).collect::<String>())
}

fn carried(attribute: &Attribute) -> String {
    let inner = match &attribute.content {
        Content::Text(text) => escaped(text),
        Content::Attributes(inner) => inner.iter().map(carried).collect(),
    };
    element(&attribute.name, &inner)
}

fn element(name: &str, inner: &str) -> String {
    format!("<{name}>{inner}</{name}>")
}

/// Text between two tags. A carriage return would be read as a line feed if it were written as it is.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\r', "&#13;")
}
