//! Route 53's records as it shows and takes them, whole.
//!
//! A change is safe against other hands only as a compare-and-swap: DELETE of exactly what was read beside CREATE of
//! what is to be, in one batch that is carried out whole or not at all. DELETE has to give every attribute, so a
//! record keeps all of them: those that decisions read are fields, any other is carried as it came.
//!
//! Source: the Route 53 API reference (`ResourceRecordSet`, `ChangeResourceRecordSets`).

mod name;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

pub use name::{NotAName, RecordName};

use crate::words::aws_words;

/// Identifier of a hosted zone, such as `Z0EXAMPLE`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostedZoneId(String);

/// A text that is no hosted zone's identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not the ID of a hosted zone, such as Z0EXAMPLE")]
pub struct NotAZoneId {
    found: String,
}

impl HostedZoneId {
    /// The identifier without `/hostedzone/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HostedZoneId {
    type Err = NotAZoneId;

    /// Reads it with or without `/hostedzone/` before it, as Route 53's answers have it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let id = text.strip_prefix("/hostedzone/").unwrap_or(text);
        if (1..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric()) {
            Ok(Self(id.to_owned()))
        } else {
            Err(NotAZoneId { found: text.chars().take(100).collect() })
        }
    }
}

impl TryFrom<String> for HostedZoneId {
    type Error = NotAZoneId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<HostedZoneId> for String {
    fn from(id: HostedZoneId) -> Self {
        id.0
    }
}

impl fmt::Display for HostedZoneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A hosted zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostedZone {
    /// Identifier.
    pub id: HostedZoneId,
    /// Name of its apex.
    pub name: RecordName,
    /// True where only VPCs can ask it.
    pub private: bool,
}

aws_words! {
    /// Type of a record.
    RecordType {
        A = "A",
        Aaaa = "AAAA",
        Cname = "CNAME",
        Ns = "NS",
        Soa = "SOA",
        Txt = "TXT",
        Https = "HTTPS",
        Svcb = "SVCB",
    }
}

/// One record of Route 53: what it calls a resource record set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSet {
    /// Name, normalised.
    pub name: RecordName,
    /// Type.
    #[serde(rename = "type")]
    pub kind: RecordType,
    /// Tells records of one name and type apart; present with every routing policy but the simple one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_identifier: Option<String>,
    /// Relative weight, 0 to 255. Only weighted records have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u8>,
    /// Seconds that resolvers may keep it. An alias has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u32>,
    /// Values, as they were written. An alias has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// What it stands for, instead of values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<AliasTarget>,
    /// Health check that it depends on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check_id: Option<String>,
    /// Every other attribute, as it came: `Region`, `Failover`, `GeoLocation`, `MultiValueAnswer`,
    /// `CidrRoutingConfig`, `GeoProximityLocation`, `TrafficPolicyInstanceId`, and what AWS may add.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rest: Vec<Attribute>,
}

/// Where an alias leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AliasTarget {
    /// Name of the target, normalised.
    pub dns_name: RecordName,
    /// Zone of the target: the service's own one, not the user's.
    pub hosted_zone_id: HostedZoneId,
    /// Whether Route 53 asks for the target's health.
    pub evaluate_target_health: bool,
}

/// An attribute that is carried as it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// Its name in the API.
    pub name: String,
    /// What it holds.
    pub content: Content,
}

/// What an [`Attribute`] holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Content {
    /// A value.
    Text(String),
    /// Further attributes, at least one.
    Attributes(Vec<Attribute>),
}

/// What is done with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ChangeAction {
    /// Fails where such a record exists.
    Create,
    /// Fails where no record is equal in every attribute.
    Delete,
    /// Creates it or overwrites what is there.
    Upsert,
}

impl ChangeAction {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Delete => "DELETE",
            Self::Upsert => "UPSERT",
        }
    }
}

/// One change of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What is done.
    pub action: ChangeAction,
    /// The record that it is done with.
    pub record: RecordSet,
}

/// Changes that are made together or not at all. At most 1,000 records, of which an UPSERT counts as two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// What Route 53 keeps beside the change, at most 256 characters.
    pub comment: Option<String>,
    /// The changes, in their order.
    pub changes: Vec<Change>,
}

/// Identifier of a batch that Route 53 took, to be asked after.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChangeId(pub String);

impl fmt::Display for ChangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

aws_words! {
    /// How far a change has come.
    ChangeStatus {
        Pending = "PENDING",
        InSync = "INSYNC",
    }
}

#[cfg(test)]
mod tests;
