//! The state store: versioned records, each written only over the version that was read.
//!
//! Every write is conditional, so of two invocations that race on one record one wins and the other reads
//! again and decides again ([`update`] is that loop). What must be told because of a change travels in the
//! same write, in the record's [`Outbox`].

#[cfg(test)]
mod tests;

use std::{fmt, future::Future};

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    error::{Class, Failure, PortError},
    outbox::Outbox,
};

/// Where a record lies. The partition says which functions may touch it; IAM policies are written by it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Partition key (`pk`): the owning function's name, or `control`.
    pub partition: &'static str,
    /// Sort key (`sk`), at most 1,024 bytes.
    pub sort: String,
}

impl Key {
    /// A key; a longer sort key than the table takes is cut.
    pub fn new(partition: &'static str, sort: impl Into<String>) -> Self {
        let mut sort = sort.into();
        let end = sort.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= 1024).last();
        sort.truncate(end.unwrap_or_default());
        Self { partition, sort }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.partition, self.sort)
    }
}

/// A stored item, as the table keeps it. Its `Debug` shows no content: configurations hold secrets.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Counts the writes of this item, from 1.
    pub version: u64,
    /// The record's state.
    pub state: Value,
    /// What is still to be told because of it.
    pub pending: Value,
    /// When the table may drop it.
    pub expires_at: Option<Timestamp>,
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Item(version {})", self.version)
    }
}

/// How a conditional write ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is stored.
    Yes,
    /// Somebody wrote the record since it was read; nothing was stored.
    Conflict,
}

/// Reading state.
pub trait StateRead {
    /// Reads one item, strongly consistent.
    fn get(&self, key: &Key) -> impl Future<Output = Result<Option<Item>, PortError>>;
    /// Reads every item of a partition, strongly consistent, all pages.
    fn list(&self, partition: &'static str) -> impl Future<Output = Result<Vec<(Key, Item)>, PortError>>;
}

/// Writing state.
pub trait StateWrite {
    /// Writes an item over the version before it (`item.version - 1`; 0 means that none exists).
    fn put(&self, key: &Key, item: &Item) -> impl Future<Output = Result<Written, PortError>>;
}

/// A record in memory: state, what is to be told, and the version it was read at.
#[derive(Clone, Debug, PartialEq)]
pub struct Record<S, M> {
    /// Where it lies.
    pub key: Key,
    /// The version that was read; 0 where there was none.
    pub version: u64,
    /// The state.
    pub state: S,
    /// What is still to be told.
    pub outbox: Outbox<M>,
    /// When the table may drop it.
    pub expires_at: Option<Timestamp>,
}

impl<S, M> Record<S, M>
where
    S: Serialize + DeserializeOwned + Default,
    M: Serialize + DeserializeOwned,
{
    /// A record from what the table holds, or a new one.
    pub fn from_item(key: Key, item: Option<Item>) -> Result<Self, PortError> {
        let Some(item) = item else {
            return Ok(Self {
                key,
                version: 0,
                state: S::default(),
                outbox: Outbox::default(),
                expires_at: None,
            });
        };
        let unreadable = |part: &str, error: serde_json::Error| PortError {
            source: Some(Box::new(error)),
            ..PortError::new(
                "state:read",
                Class::Permanent,
                format!("the {part} of item {key} cannot be read"),
            )
        };
        Ok(Self {
            version: item.version,
            state: serde_json::from_value(item.state).map_err(|e| unreadable("state", e))?,
            outbox: serde_json::from_value(item.pending).map_err(|e| unreadable("pending part", e))?,
            expires_at: item.expires_at,
            key,
        })
    }

    /// Reads a record.
    pub async fn load(store: &impl StateRead, key: Key) -> Result<Self, PortError> {
        let item = store.get(&key).await?;
        Self::from_item(key, item)
    }

    /// Writes the record if nobody else did since; on success it carries the new version.
    pub async fn save(&mut self, store: &impl StateWrite) -> Result<Written, PortError> {
        let unwritable =
            |error: serde_json::Error| PortError::new("state:write", Class::Permanent, error.to_string());
        let item = Item {
            version: self.version + 1,
            state: serde_json::to_value(&self.state).map_err(unwritable)?,
            pending: serde_json::to_value(&self.outbox).map_err(unwritable)?,
            expires_at: self.expires_at,
        };
        let written = store.put(&self.key, &item).await?;
        if written == Written::Yes {
            self.version = item.version;
        }
        Ok(written)
    }
}

/// How often a record is read and decided again before an invocation gives up to be retried.
pub const ATTEMPTS: usize = 8;

/// Changes a record by a pure function, again from a fresh read whenever somebody else was faster.
pub async fn update<S, M, R>(
    store: &(impl StateRead + StateWrite),
    key: Key,
    change: impl Fn(&mut Record<S, M>) -> R,
) -> Result<R, Failure>
where
    S: Serialize + DeserializeOwned + Default,
    M: Serialize + DeserializeOwned,
{
    for _ in 0..ATTEMPTS {
        let mut record = Record::load(store, key.clone()).await?;
        let result = change(&mut record);
        if record.save(store).await? == Written::Yes {
            return Ok(result);
        }
    }
    Err(Failure::Contended(key.to_string()))
}
