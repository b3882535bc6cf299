//! A configuration as the encrypted table stores it: in the shape of `UpdateService`'s input, secrets included.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::{Map, Value, json};

use super::{Configuration, Held, Kind, Member};
use crate::{error::FieldError, redact::Untrusted, service::ServiceArn};

/// A configuration that can be serialized, for the state table and nothing else. Its `Debug` shows no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed(Configuration);

impl Sealed {
    /// The configuration.
    pub fn open(&self) -> &Configuration {
        &self.0
    }
}

impl Configuration {
    /// Makes it storable. What is made of it belongs into the encrypted table, under the key that only `rollback`
    /// may read, and nowhere else.
    pub fn seal(self) -> Sealed {
        Sealed(self)
    }

    /// The JSON of `UpdateService`'s input that brings a service to this configuration, every secret included. It
    /// says explicitly what the service might else leave as it is.
    pub fn update_input(&self, service: &ServiceArn) -> Untrusted {
        let mut input = self.said_explicitly().to_json();
        input["ServiceArn"] = json!(service.as_str());
        Untrusted::new(input.to_string())
    }

    /// Tells whether a configuration was changed, where it must not be kept: 32 bits say nothing of a secret.
    pub fn checksum(&self) -> u32 {
        crc32fast::hash(self.to_json().to_string().as_bytes())
    }

    fn to_json(&self) -> Value {
        let mut root = Value::Object(Map::new());
        for (member, held) in &self.members {
            let place = member.path().split('.').fold(&mut root, |value, name| &mut value[name]);
            *place = shown(held);
        }
        root
    }

    /// Reads a configuration from the shape of `UpdateService`'s input, or of `DescribeService`'s answer beside
    /// whose other members it may stand. An error names a member that is of another kind, or a text that is too.
    pub fn from_json(json: &Value) -> Result<Self, FieldError> {
        let mut configuration = Self::default();
        for member in Member::ALL {
            let value = member.path().split('.').fold(json, |value, name| &value[name]);
            let value = match (member, value) {
                (Member::AutoScaling, Value::Null) => {
                    &json["AutoScalingConfigurationSummary"]["AutoScalingConfigurationArn"]
                }
                (_, value) => value,
            };
            if !value.is_null() {
                let held = held(member.kind(), value)
                    .ok_or_else(|| FieldError::new(member.path(), format!("is no {:?}", member.kind())))?;
                configuration.members.insert(*member, held);
            }
        }
        Ok(configuration)
    }
}

fn held(kind: Kind, value: &Value) -> Option<Held> {
    Some(match kind {
        Kind::Text => Held::Text(value.as_str()?.to_owned()),
        Kind::Secret => Held::Secret(Untrusted::new(value.as_str()?)),
        Kind::Flag => Held::Flag(value.as_bool()?),
        Kind::Number => Held::Number(i32::try_from(value.as_i64()?).ok()?),
        Kind::Environment => {
            let pairs = value.as_object()?.iter();
            let pairs = pairs.map(|(name, value)| Some((name.clone(), Untrusted::new(value.as_str()?))));
            Held::Environment(pairs.collect::<Option<BTreeMap<_, _>>>()?)
        }
    })
}

fn shown(held: &Held) -> Value {
    match held {
        Held::Text(text) => json!(text),
        Held::Secret(text) => json!(text.expose()),
        Held::Flag(flag) => json!(flag),
        Held::Number(number) => json!(number),
        Held::Environment(environment) => {
            let pairs = environment.iter().map(|(name, value)| (name.clone(), json!(value.expose())));
            Value::Object(pairs.collect())
        }
    }
}

impl Serialize for Sealed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Sealed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Value::deserialize(deserializer)?;
        Configuration::from_json(&json).map(Sealed).map_err(D::Error::custom)
    }
}
