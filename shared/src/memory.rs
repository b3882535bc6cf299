//! The state store in memory, for tests of decisions and handlers. It is as strict as the table: a write over
//! another version than the one before is refused.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use crate::{
    error::PortError,
    store::{Item, Key, StateRead, StateWrite, Written},
};

/// A table in memory; its clones are the same table.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    items: Rc<RefCell<BTreeMap<Key, Item>>>,
}

impl StateRead for MemoryStore {
    async fn get(&self, key: &Key) -> Result<Option<Item>, PortError> {
        Ok(self.items.borrow().get(key).cloned())
    }

    async fn list(&self, partition: &'static str) -> Result<Vec<(Key, Item)>, PortError> {
        let items = self.items.borrow();
        let inside = items.iter().filter(|(key, _)| key.partition == partition);
        Ok(inside.map(|(key, item)| (key.clone(), item.clone())).collect())
    }
}

impl StateWrite for MemoryStore {
    async fn put(&self, key: &Key, item: &Item) -> Result<Written, PortError> {
        let mut items = self.items.borrow_mut();
        let stored = items.get(key).map_or(0, |item| item.version);
        if stored + 1 != item.version {
            return Ok(Written::Conflict);
        }
        items.insert(key.clone(), item.clone());
        Ok(Written::Yes)
    }
}
