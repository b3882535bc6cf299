//! Changes of records: compare-and-swap, weights, and whatever else a record holds.

use jiff::Timestamp;
use sandbox::aws::{RequestRecord, Sandbox};
use serde_json::Value;

use super::{Before, Invariant, State};
use crate::world::{NAME, ZONE};

impl State {
    pub(super) fn before_records(&mut self, account: &Sandbox, now: Timestamp) -> Before {
        let (intent, turns_back) = self.shift();
        // The one thing that a stop lets through.
        if !turns_back {
            self.stop_is_obeyed("ChangeResourceRecordSets", now);
        }
        Before::Records { intent, there: text(&records(account)) }
    }

    /// The intent of the one shift that there is, and whether it is a way back.
    fn shift(&self) -> (Option<String>, bool) {
        let mut cases = self.items().filter(|(partition, ..)| *partition == "shift");
        let Some((_, sort, stored)) = cases.find(|(_, _, stored)| stored.state["work"].is_object()) else {
            return (None, false);
        };
        let intent = &stored.state["ledger"]["intent"];
        let turns_back = intent["act"]["what"]["kind"] == "turn-back";
        let intent = intent.is_object().then(|| format!("{sort} {intent}"));
        (intent, turns_back)
    }

    /// From now on shifts may replace what is there.
    pub(super) fn know_records(&mut self, account: &Sandbox) {
        self.known_records.entry(text(&records(account))).or_insert(false);
    }

    pub(super) fn after_records(
        &mut self,
        account: &Sandbox,
        record: &RequestRecord,
        intent: Option<String>,
        there: &str,
        now: Timestamp,
    ) {
        self.spend(record, intent, now);
        self.note_change(record, NAME, now);
        let known = self.known_records.get(there).copied();
        self.check(Invariant::ForeignEdit, known.is_some(), now, || {
            format!("somebody else's records are gone: {there}")
        });
        let after = records(account);
        let weighted: Vec<u32> = after
            .iter()
            .filter(|record| record["SetIdentifier"].is_string())
            .map(|record| {
                record["Weight"].as_str().and_then(|weight| weight.parse().ok()).unwrap_or_default()
            })
            .collect();
        let sum: u32 = weighted.iter().sum();
        // What was there before the shift comes back as it was.
        let was_there = self.known_records.get(&text(&after)) == Some(&false);
        let holds = !after.is_empty() && (weighted.is_empty() || sum == 100 || was_there);
        self.check(Invariant::Weights, holds, now, || format!("weights {weighted:?} in {after:?}"));
        // What a person let replace is put back as it was planned, whole.
        let changed = known == Some(true) && attributes_changed(there, &after);
        self.check(Invariant::Weights, !changed, now, || {
            format!("more than weights changed: {there} to {after:?}")
        });
        self.known_records.entry(text(&after)).or_insert(true);
    }
}

/// The records that steer traffic at the name.
fn records(account: &Sandbox) -> Vec<Value> {
    let all = account.route53().records(ZONE).into_iter();
    let at_name =
        all.filter(|record| record["Name"].as_str().unwrap_or_default().trim_end_matches('.') == NAME);
    at_name
        .filter(|record| ["A", "AAAA", "CNAME"].contains(&record["Type"].as_str().unwrap_or_default()))
        .collect()
}

fn text(records: &[Value]) -> String {
    Value::from(records.to_vec()).to_string()
}

/// Whether a record that was weighted before has anything but another weight.
fn attributes_changed(before: &str, after: &[Value]) -> bool {
    let without_weight = |record: &Value| {
        let mut record = record.clone();
        if let Some(record) = record.as_object_mut() {
            record.remove("Weight");
        }
        record
    };
    let before: Vec<Value> = serde_json::from_str(before).unwrap_or_default();
    let weighted = |record: &&Value| record["SetIdentifier"].is_string();
    before.iter().filter(weighted).any(|old| {
        let new = after
            .iter()
            .find(|new| new["SetIdentifier"] == old["SetIdentifier"] && new["Type"] == old["Type"]);
        new.is_some_and(|new| without_weight(new) != without_weight(old))
    })
}
