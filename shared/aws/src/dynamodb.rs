//! The state table: `pk`, `sk`, `version`, `state`, `pending`, `expires_at`; over the narrow client, three calls.
//!
//! State and pending are JSON text, so a person can read an item in the console and a new field needs no
//! migration. Every write is conditional on the version before it. A write whose answer was lost may be
//! refused when the SDK repeats it; the caller then reads again and finds its own change.

use autopilot::{
    error::{Class, PortError},
    store::{Item, Key, StateRead, StateWrite, Written},
};
use aws_types::SdkConfig;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::narrow::{Api, Narrow, Protocol};

const DYNAMO_DB: Api = Api {
    id: "DynamoDB",
    signing_name: "dynamodb",
    host: "dynamodb",
    global: false,
    protocol: Protocol::Json { target: "DynamoDB_20120810", version: "1.0" },
};

/// The table of [`autopilot::store`].
#[derive(Debug)]
pub struct Table {
    narrow: Narrow,
    name: String,
}

impl Table {
    /// The table of this name.
    pub fn new(sdk: &SdkConfig, name: impl Into<String>) -> Self {
        Self { narrow: Narrow::new(sdk, &DYNAMO_DB), name: name.into() }
    }
}

/// An attribute that holds text.
fn text(value: &str) -> Value {
    json!({ "S": value })
}

/// An attribute that holds a number, which DynamoDB takes as text.
fn number(value: impl std::fmt::Display) -> Value {
    json!({ "N": value.to_string() })
}

fn key_of(key: &Key) -> Value {
    json!({ "pk": text(key.partition), "sk": text(&key.sort) })
}

fn read_item(attributes: &Value) -> Result<Item, PortError> {
    let bad = |name: &str| {
        PortError::new(
            "dynamodb:GetItem",
            Class::Permanent,
            format!("attribute {name} of a state item is unreadable"),
        )
    };
    let json = |name: &str| {
        let text = attributes[name]["S"].as_str().ok_or_else(|| bad(name))?;
        serde_json::from_str(text).map_err(|_| bad(name))
    };
    let number = |name: &str| attributes[name]["N"].as_str();
    Ok(Item {
        version: number("version").and_then(|n| n.parse().ok()).ok_or_else(|| bad("version"))?,
        state: json("state")?,
        pending: json("pending")?,
        expires_at: number("expires_at")
            .and_then(|n| n.parse().ok())
            .and_then(|s| Timestamp::from_second(s).ok()),
    })
}

impl StateRead for Table {
    async fn get(&self, key: &Key) -> Result<Option<Item>, PortError> {
        let input = json!({ "TableName": self.name, "Key": key_of(key), "ConsistentRead": true });
        let answer = self.narrow.json("dynamodb:GetItem", &input).await?;
        answer.get("Item").map(read_item).transpose()
    }

    async fn list(&self, partition: &'static str) -> Result<Vec<(Key, Item)>, PortError> {
        let mut input = json!({
            "TableName": self.name, "ConsistentRead": true,
            "KeyConditionExpression": "pk = :partition",
            "ExpressionAttributeValues": { ":partition": text(partition) },
        });
        let mut items = Vec::new();
        loop {
            let page = self.narrow.json("dynamodb:Query", &input).await?;
            for attributes in page["Items"].as_array().into_iter().flatten() {
                let sort = attributes["sk"]["S"].as_str().unwrap_or_default();
                items.push((Key::new(partition, sort.to_owned()), read_item(attributes)?));
            }
            match page.get("LastEvaluatedKey") {
                Some(last) if last.is_object() => input["ExclusiveStartKey"] = last.clone(),
                _ => return Ok(items),
            }
        }
    }
}

impl StateWrite for Table {
    async fn put(&self, key: &Key, item: &Item) -> Result<Written, PortError> {
        let mut attributes = key_of(key);
        attributes["version"] = number(item.version);
        attributes["state"] = text(&item.state.to_string());
        attributes["pending"] = text(&item.pending.to_string());
        if let Some(at) = item.expires_at {
            attributes["expires_at"] = number(at.as_second());
        }
        let mut input = json!({ "TableName": self.name, "Item": attributes });
        if item.version == 1 {
            input["ConditionExpression"] = "attribute_not_exists(pk)".into();
        } else {
            input["ConditionExpression"] = "version = :before".into();
            input["ExpressionAttributeValues"] = json!({ ":before": number(item.version - 1) });
        }
        match self.narrow.json("dynamodb:PutItem", &input).await {
            Ok(_) => Ok(Written::Yes),
            Err(error) if error.code.as_deref() == Some("ConditionalCheckFailedException") => {
                Ok(Written::Conflict)
            }
            Err(error) => Err(error),
        }
    }
}
