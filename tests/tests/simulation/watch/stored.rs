//! What the functions stored: the state table as it is known from the writes that it took.

use autopilot::control::Control;
use jiff::Timestamp;
use serde_json::Value;

use super::{Invariant, State};
use crate::world::SECRET;

/// The one partition that may hold secrets.
const VERSIONS: &str = "versions";

/// An item as it was last written.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) version: u64,
    pub(super) state: Value,
    pub(super) pending: Value,
}

impl State {
    /// A write that the table took.
    pub(super) fn stores(&mut self, input: &Value, now: Timestamp) {
        let item = &input["Item"];
        let text = |name: &str| item[name]["S"].as_str().unwrap_or_default();
        let key = (text("pk").to_owned(), text("sk").to_owned());
        let version = item["version"]["N"].as_str().and_then(|n| n.parse().ok()).unwrap_or_default();
        let before = self.stored.get(&key).map_or(0, |stored| stored.version);
        self.check(Invariant::Versions, version == before + 1, now, || {
            format!("{}/{} went from version {before} to {version}", key.0, key.1)
        });
        if key.0 != VERSIONS {
            let hidden = !text("state").contains(SECRET) && !text("pending").contains(SECRET);
            self.check(Invariant::Secret, hidden, now, || format!("{}/{} holds the secret", key.0, key.1));
        }
        let json = |name: &str| serde_json::from_str(text(name)).unwrap_or_default();
        let stored = Stored { version, state: json("state"), pending: json("pending") };
        if key.0 == "control" && self.control() != control_of(Some(&stored)) {
            let services: Vec<String> = self.touched.keys().cloned().collect();
            for service in services {
                self.touched.insert(service, now);
            }
            self.touched.insert("control".to_owned(), now);
        }
        self.stored.insert(key, stored);
    }

    /// A function's case of a subject.
    pub(super) fn case(&self, partition: &str, subject: &str) -> Option<&Stored> {
        self.stored.get(&(partition.to_owned(), format!("case {subject}")))
    }

    /// The intent of a case, told apart from every other.
    pub(super) fn intent(&self, partition: &str, subject: &str) -> Option<String> {
        let intent = &self.case(partition, subject)?.state["ledger"]["intent"];
        intent.is_object().then(|| format!("{partition} {subject} {intent}"))
    }

    /// What people said by command.
    pub(super) fn control(&self) -> Control {
        control_of(self.stored.get(&("control".to_owned(), "control".to_owned())))
    }

    /// Every item with its key.
    pub(super) fn items(&self) -> impl Iterator<Item = (&str, &str, &Stored)> {
        self.stored.iter().map(|((partition, sort), stored)| (partition.as_str(), sort.as_str(), stored))
    }
}

fn control_of(stored: Option<&Stored>) -> Control {
    stored.and_then(|stored| serde_json::from_value(stored.state.clone()).ok()).unwrap_or_default()
}
