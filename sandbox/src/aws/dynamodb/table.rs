//! A table: its key schema, its items in key order, and one conditional write.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::condition::Condition;
use super::validation;
use super::value::{Item, item_bytes};
use crate::aws::error::ApiError;

const MAX_ITEM_BYTES: usize = 400 * 1024;
const MAX_PARTITION_KEY_BYTES: usize = 2048;
const MAX_SORT_KEY_BYTES: usize = 1024;

/// The values of an item's key: partition, and sort (empty in tables without).
pub(super) type Key = (String, String);

/// A table whose keys are strings.
pub(super) struct Table {
    /// The key attributes: one (partition) or two (partition, sort).
    pub(super) key_names: Vec<String>,
    pub(super) created_at: f64,
    items: BTreeMap<Key, Item>,
}

impl Table {
    pub(super) fn new(key_names: Vec<String>, created_at: f64) -> Self {
        Self { key_names, created_at, items: BTreeMap::new() }
    }

    /// The key among the attributes of a whole item.
    pub(super) fn key_of(&self, item: &Item) -> Result<Key, ApiError> {
        let mut values = Vec::new();
        for (name, max) in self.key_names.iter().zip([MAX_PARTITION_KEY_BYTES, MAX_SORT_KEY_BYTES]) {
            let value = item.get(name).ok_or_else(|| {
                validation(&format!(
                    "One or more parameter values were invalid: Missing the key {name} in the item"
                ))
            })?;
            let text = value["S"].as_str().ok_or_else(|| {
                validation(&format!(
                    "One or more parameter values were invalid: Type mismatch for key {name} expected: S actual: {}",
                    super::value::kind(value)
                ))
            })?;
            if text.is_empty() || text.len() > max {
                return Err(validation(&format!(
                    "One or more parameter values are not valid. The AttributeValue for a key attribute must hold 1 \
                     to {max} bytes. Key: {name}"
                )));
            }
            values.push(text.to_owned());
        }
        let mut values = values.into_iter();
        Ok((values.next().unwrap_or_default(), values.next().unwrap_or_default()))
    }

    /// The key given as the `Key` of a request: the key attributes and nothing else.
    pub(super) fn key(&self, given: &Value) -> Result<Key, ApiError> {
        let given = given.as_object().ok_or_else(|| validation("The Key is missing"))?;
        let exact =
            given.len() == self.key_names.len() && self.key_names.iter().all(|name| given.contains_key(name));
        if !exact {
            return Err(validation("The provided key element does not match the schema"));
        }
        self.key_of(given)
    }

    /// A key as attributes.
    pub(super) fn key_item(&self, key: &Key) -> Item {
        let values = [&key.0, &key.1];
        self.key_names.iter().zip(values).map(|(name, value)| (name.clone(), json!({ "S": value }))).collect()
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Item> {
        self.items.get(key)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&Key, &Item)> {
        self.items.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// The items of one partition in order of the sort key.
    pub(super) fn partition<'a>(
        &'a self,
        value: &str,
    ) -> impl DoubleEndedIterator<Item = (&'a Key, &'a Item)> {
        // A string followed by NUL is the next string in order, so this bounds the partition above.
        let end = (format!("{value}\0"), String::new());
        self.items.range((value.to_owned(), String::new())..end)
    }

    /// Puts (or with none removes) the item. The caller has checked the condition.
    pub(super) fn write(&mut self, key: Key, item: Option<Item>) {
        match item {
            Some(item) => self.items.insert(key, item),
            None => self.items.remove(&key),
        };
    }
}

/// Refuses what is too large to be an item.
pub(super) fn check_size(item: &Item) -> Result<(), ApiError> {
    if item_bytes(item) > MAX_ITEM_BYTES {
        return Err(validation("Item size has exceeded the maximum allowed size"));
    }
    Ok(())
}

/// Refuses a write whose condition the present item does not meet.
pub(super) fn check_condition(
    condition: Option<&Condition>,
    present: Option<&Item>,
    return_item: bool,
) -> Result<(), ApiError> {
    let empty = Item::new();
    if condition.is_none_or(|condition| condition.holds(present.unwrap_or(&empty))) {
        return Ok(());
    }
    let refusal = ApiError::refused("ConditionalCheckFailedException", "The conditional request failed");
    Err(match present {
        Some(item) if return_item => refusal.with_member("Item", json!(item)),
        _ => refusal,
    })
}
