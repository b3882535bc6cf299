//! The state table: `pk`, `sk`, `version`, `state`, `pending`, `expires_at`.
//!
//! State and pending are JSON text, so a person can read an item in the console and a new field needs no
//! migration. Every write is conditional on the version before it. A write whose answer was lost may be
//! refused when the SDK repeats it; the caller then reads again and finds its own change.

use std::collections::HashMap;

use autopilot::{
    error::{Class, PortError},
    store::{Item, Key, StateRead, StateWrite, Written},
};
use aws_sdk_dynamodb::{Client, operation::put_item::PutItemError, types::AttributeValue};
use aws_types::SdkConfig;
use jiff::Timestamp;

use crate::failure::port_error;

/// The table of [`autopilot::store`].
#[derive(Clone, Debug)]
pub struct Table {
    client: Client,
    name: String,
}

impl Table {
    /// The table of this name.
    pub fn new(sdk: &SdkConfig, name: impl Into<String>) -> Self {
        Self { client: Client::new(sdk), name: name.into() }
    }
}

type Attributes = HashMap<String, AttributeValue>;

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn key_of(key: &Key) -> Attributes {
    HashMap::from([("pk".to_owned(), text(key.partition)), ("sk".to_owned(), text(&key.sort))])
}

fn read_item(attributes: &Attributes) -> Result<Item, PortError> {
    let bad = |name: &str| {
        PortError::new(
            "dynamodb:GetItem",
            Class::Permanent,
            format!("attribute {name} of a state item is unreadable"),
        )
    };
    let json = |name: &str| {
        let text = attributes.get(name).and_then(|value| value.as_s().ok()).ok_or_else(|| bad(name))?;
        serde_json::from_str(text).map_err(|_| bad(name))
    };
    let number = |name: &str| attributes.get(name).and_then(|value| value.as_n().ok());
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
        let call =
            self.client.get_item().table_name(&self.name).set_key(Some(key_of(key))).consistent_read(true);
        let answer = call.send().await.map_err(|error| port_error("dynamodb:GetItem", error))?;
        answer.item().map(read_item).transpose()
    }

    async fn list(&self, partition: &'static str) -> Result<Vec<(Key, Item)>, PortError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :partition")
            .expression_attribute_values(":partition", text(partition))
            .consistent_read(true)
            .into_paginator()
            .send();
        let mut items = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| port_error("dynamodb:Query", error))?;
            for attributes in page.items() {
                let sort =
                    attributes.get("sk").and_then(|sort| sort.as_s().ok()).cloned().unwrap_or_default();
                items.push((Key::new(partition, sort), read_item(attributes)?));
            }
        }
        Ok(items)
    }
}

impl StateWrite for Table {
    async fn put(&self, key: &Key, item: &Item) -> Result<Written, PortError> {
        let mut attributes = key_of(key);
        attributes.insert("version".to_owned(), number(item.version));
        attributes.insert("state".to_owned(), text(item.state.to_string()));
        attributes.insert("pending".to_owned(), text(item.pending.to_string()));
        if let Some(at) = item.expires_at {
            attributes.insert("expires_at".to_owned(), number(at.as_second()));
        }
        let call = self.client.put_item().table_name(&self.name).set_item(Some(attributes));
        let call = if item.version == 1 {
            call.condition_expression("attribute_not_exists(pk)")
        } else {
            call.condition_expression("version = :before")
                .expression_attribute_values(":before", number(item.version - 1))
        };
        match call.send().await {
            Ok(_) => Ok(Written::Yes),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(PutItemError::is_conditional_check_failed_exception) =>
            {
                Ok(Written::Conflict)
            }
            Err(error) => Err(port_error("dynamodb:PutItem", error)),
        }
    }
}
