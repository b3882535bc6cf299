//! A hosted zone and what may be in it. A batch is carried out whole or not at all.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::name::is_within;
use super::record::Record;
use crate::aws::error::ApiError;

/// Limits of one batch: records and characters of their values; an UPSERT counts twice.
const MOST_RECORDS: usize = 1_000;
const MOST_CHARACTERS: usize = 32_000;

/// Records with one name and type.
const MOST_OF_ONE_NAME: usize = 100;

/// A hosted zone.
pub(super) struct Zone {
    pub(super) id: String,
    /// Normalised name of its apex.
    pub(super) name: String,
    pub(super) private: bool,
    records: Vec<Record>,
}

/// One change of a batch.
struct Change {
    action: String,
    record: Record,
}

impl Zone {
    pub(super) fn new(id: &str, name: &str, private: bool) -> Self {
        let servers =
            ["ns-1.awsdns-01.org.", "ns-2.awsdns-02.co.uk."].map(|server| json!({ "Value": server }));
        let soa = "ns-1.awsdns-01.org. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400";
        let own = [("NS", "172800", json!(servers)), ("SOA", "900", json!([{ "Value": soa }]))];
        let mut zone = Self { id: id.to_owned(), name: name.to_owned(), private, records: Vec::new() };
        for (kind, ttl, values) in own {
            let shape = json!({ "Name": name, "Type": kind, "TTL": ttl,
                "ResourceRecords": { "ResourceRecord": values } });
            // Both are records by construction.
            if let Ok(record) = Record::read("CREATE", &shape) {
                zone.seed(record);
            }
        }
        zone
    }

    /// Puts a record where it belongs, whatever else is there; one at the same place is replaced.
    pub(super) fn seed(&mut self, record: Record) {
        self.records.retain(|known| !known.is_at(&record));
        self.records.push(record);
        self.records.sort_by_key(Record::sort_key);
    }

    /// Every record, in Route 53's order.
    pub(super) fn records(&self) -> &[Record] {
        &self.records
    }

    /// Carries out a batch.
    pub(super) fn change(&mut self, batch: &Value, health_checks: &BTreeSet<String>) -> Result<(), ApiError> {
        let changes = read(batch)?;
        let missing = changes.iter().filter_map(|change| change.record.health_check());
        if let Some(missing) = missing.into_iter().find(|id| !health_checks.contains(*id)) {
            let problem = format!("No health check exists with the specified ID: {missing}");
            return Err(ApiError::refused("NoSuchHealthCheck", problem).with_status(404));
        }
        let mut after = self.records.clone();
        let mut complaints = limits(&changes);
        for Change { action, record } in &changes {
            let complaint = self.complaint(record).or_else(|| carry_out(&mut after, action, record));
            complaints.extend(complaint);
        }
        if complaints.is_empty() {
            let names: BTreeSet<&str> = changes.iter().map(|change| change.record.name()).collect();
            complaints = names.into_iter().flat_map(|name| self.conflicts(name, &after)).collect();
        }
        if !complaints.is_empty() {
            return Err(ApiError::refused("InvalidChangeBatch", format!("[{}]", complaints.join(", "))));
        }
        after.sort_by_key(Record::sort_key);
        self.records = after;
        Ok(())
    }

    /// What is wrong with a record of this zone, whatever else is there.
    fn complaint(&self, record: &Record) -> Option<String> {
        let (name, zone) = (record.name(), &self.name);
        if !is_within(name, zone) {
            return Some(format!("RRSet with DNS name {name} is not permitted in zone {zone}"));
        }
        if record.kind() == "CNAME" && name == zone {
            return Some(format!(
                "RRSet of type CNAME with DNS name {name} is not permitted at apex in zone {zone}"
            ));
        }
        record.complaint()
    }

    /// What of one name's records cannot stand together.
    fn conflicts(&self, name: &str, records: &[Record]) -> Vec<String> {
        let here: Vec<&Record> = records.iter().filter(|record| record.name() == name).collect();
        let kinds: BTreeSet<&str> = here.iter().map(|record| record.kind()).collect();
        let mut complaints = Vec::new();
        if kinds.contains("CNAME") && kinds.len() > 1 {
            complaints.push(format!(
                "RRSet of type CNAME with DNS name {name} is not permitted as it conflicts with other records with \
                 the same DNS name in zone {}",
                self.name
            ));
        }
        for kind in &kinds {
            let group: Vec<_> = here.iter().filter(|record| record.kind() == *kind).collect();
            if let Some(other) = group.iter().find(|record| record.policy() != group[0].policy()) {
                let identifier = other.identifier().unwrap_or("null");
                complaints.push(format!(
                    "RRSet with DNS name {name}, type {kind}, SetIdentifier {identifier}, cannot be created as other \
                     RRSets exist with the same name and type."
                ));
            }
            if group.len() > MOST_OF_ONE_NAME {
                complaints
                    .push(format!("More than {MOST_OF_ONE_NAME} RRSets with DNS name {name}, type {kind}."));
            }
        }
        if name == self.name {
            let missing = ["NS", "SOA"].into_iter().filter(|kind| !kinds.contains(kind));
            complaints
                .extend(missing.map(|kind| format!("A HostedZone must contain at least one {kind} record.")));
        }
        complaints
    }
}

fn read(batch: &Value) -> Result<Vec<Change>, ApiError> {
    let invalid = |problem: &str| {
        ApiError::refused("InvalidInput", format!("1 validation error detected: Value at {problem}"))
    };
    if batch["Comment"].as_str().is_some_and(|comment| comment.chars().count() > 256) {
        return Err(invalid("'changeBatch.comment' must have length less than or equal to 256"));
    }
    let changes = batch["Changes"]["Change"].as_array().filter(|changes| !changes.is_empty());
    let changes = changes
        .ok_or_else(|| invalid("'changeBatch.changes' must have length greater than or equal to 1"))?;
    let read = |change: &Value| {
        let action = change["Action"].as_str().unwrap_or_default().to_owned();
        if !["CREATE", "DELETE", "UPSERT"].contains(&&*action) {
            return Err(invalid("'action' must satisfy enum value set: [CREATE, UPSERT, DELETE]"));
        }
        Ok(Change { record: Record::read(&action, &change["ResourceRecordSet"])?, action })
    };
    changes.iter().map(read).collect()
}

fn limits(changes: &[Change]) -> Vec<String> {
    let sum = |count: &dyn Fn(&Record) -> usize| -> usize {
        let weigh = |change: &Change| if change.action == "UPSERT" { 2 } else { 1 };
        changes.iter().map(|change| weigh(change) * count(&change.record)).sum()
    };
    let mut complaints = Vec::new();
    // A record with several values counts once for each, an alias once.
    if sum(&|record| record.values().len().max(1)) > MOST_RECORDS {
        complaints.push(format!("Number of records limit of {MOST_RECORDS} exceeded."));
    }
    if sum(&|record| record.values().iter().map(|value| value.len()).sum()) > MOST_CHARACTERS {
        complaints.push(format!("Number of characters limit of {MOST_CHARACTERS} exceeded."));
    }
    complaints
}

/// Makes one change, or says why not.
fn carry_out(records: &mut Vec<Record>, action: &str, record: &Record) -> Option<String> {
    let identifier = record.identifier().map(|id| format!(", set identifier='{id}'")).unwrap_or_default();
    let place = format!("[name='{}', type='{}'{identifier}]", record.name(), record.kind());
    let at = records.iter().position(|known| known.is_at(record));
    match (action, at) {
        ("CREATE", Some(_)) => {
            return Some(format!("Tried to create resource record set {place} but it already exists"));
        }
        ("DELETE", None) => {
            return Some(format!("Tried to delete resource record set {place} but it was not found"));
        }
        ("DELETE", Some(at)) if !records[at].equals(record) => {
            return Some(format!(
                "Tried to delete resource record set {place} but the values provided do not match the current values"
            ));
        }
        ("DELETE", Some(at)) => {
            records.remove(at);
        }
        (_, Some(at)) => records[at] = record.clone(),
        (_, None) => records.push(record.clone()),
    }
    None
}
