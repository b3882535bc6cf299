//! Reading: get, batch get, query and scan.

use serde_json::{Value, json};

use super::condition::{Comparator, Condition, Operand, begins_with};
use super::path::{Path, project};
use super::table::{Key, Table};
use super::token::{Placeholders, projection};
use super::value::{Item, item_bytes};
use super::{DynamoDb, table_ref, validation};
use crate::aws::error::ApiError;
use crate::aws::lock;

const PAGE_BYTES: usize = 1_048_576;
const BATCH_BYTES: usize = 16 * PAGE_BYTES;

impl DynamoDb {
    pub(super) fn get_item(&self, input: &Value) -> Result<Value, ApiError> {
        let state = lock(&self.state);
        let table = table_ref(&state.tables, input)?;
        let mut placeholders = Placeholders::read(input)?;
        let paths = paths(input, &mut placeholders)?;
        placeholders.all_used()?;
        let item = table.get(&table.key(&input["Key"])?);
        Ok(item.map_or_else(|| json!({}), |item| json!({ "Item": shown(item, paths.as_deref()) })))
    }

    pub(super) fn batch_get(&self, input: &Value) -> Result<Value, ApiError> {
        let requests =
            input["RequestItems"].as_object().ok_or_else(|| validation("RequestItems is missing"))?;
        let state = lock(&self.state);
        let mut responses = Item::new();
        let mut unprocessed = Item::new();
        let (mut keys_seen, mut bytes) = (0, 0);
        for (name, request) in requests {
            let table = state.tables.get(name).ok_or_else(super::no_table)?;
            let mut placeholders = Placeholders::read(request)?;
            let paths = paths(request, &mut placeholders)?;
            placeholders.all_used()?;
            let mut seen: Vec<Key> = Vec::new();
            let (mut found, mut left) = (Vec::new(), Vec::new());
            for given in request["Keys"].as_array().into_iter().flatten() {
                let key = table.key(given)?;
                if seen.contains(&key) {
                    return Err(validation("Provided list of item keys contains duplicates"));
                }
                let item = table.get(&key);
                bytes += item.map_or(0, item_bytes);
                if bytes > BATCH_BYTES {
                    left.push(given.clone());
                } else if let Some(item) = item {
                    found.push(json!(shown(item, paths.as_deref())));
                }
                seen.push(key);
            }
            keys_seen += seen.len();
            responses.insert(name.clone(), json!(found));
            if !left.is_empty() {
                let mut rest = request.clone();
                rest["Keys"] = json!(left);
                unprocessed.insert(name.clone(), rest);
            }
        }
        if keys_seen == 0 || keys_seen > 100 {
            return Err(validation("Too many items requested for the BatchGetItem call, or none"));
        }
        Ok(json!({ "Responses": responses, "UnprocessedKeys": unprocessed }))
    }

    pub(super) fn query(&self, input: &Value) -> Result<Value, ApiError> {
        let state = lock(&self.state);
        let table = table_ref(&state.tables, input)?;
        let mut placeholders = Placeholders::read(input)?;
        let text = input["KeyConditionExpression"].as_str().ok_or_else(|| {
            validation("Either the KeyConditions or KeyConditionExpression parameter must be specified")
        })?;
        let condition = Condition::parse("KeyConditionExpression", text, &mut placeholders)?;
        let keys = KeyCondition::of(table, condition)?;
        refuse_keys_in_filter(table, input, &mut placeholders)?;
        let forward = input["ScanIndexForward"] != json!(false);
        let start = start_key(table, input)?;
        let matching = table.partition(&keys.partition).filter(|(_, item)| keys.sort_holds(item));
        let behind = |key: &Key| match &start {
            None => true,
            Some(start) if forward => key > start,
            Some(start) => key < start,
        };
        if forward {
            page(table, input, &mut placeholders, matching.filter(|(key, _)| behind(key)))
        } else {
            page(table, input, &mut placeholders, matching.rev().filter(|(key, _)| behind(key)))
        }
    }

    pub(super) fn scan(&self, input: &Value) -> Result<Value, ApiError> {
        let state = lock(&self.state);
        let table = table_ref(&state.tables, input)?;
        let mut placeholders = Placeholders::read(input)?;
        let start = start_key(table, input)?;
        let items = table.all().filter(|(key, _)| start.as_ref().is_none_or(|start| *key > start));
        page(table, input, &mut placeholders, items)
    }
}

/// A query's filter must not name the keys: that is what the key condition is for.
fn refuse_keys_in_filter(
    table: &Table,
    input: &Value,
    placeholders: &mut Placeholders,
) -> Result<(), ApiError> {
    let Some(text) = input["FilterExpression"].as_str() else { return Ok(()) };
    let filter = Condition::parse("FilterExpression", text, placeholders)?;
    let named = filter.attributes().into_iter().find(|name| table.key_names.iter().any(|key| key == name));
    named.map_or(Ok(()), |name| {
        Err(validation(&format!(
            "Filter Expression can only contain non-primary key attributes: Primary key attribute: {name}"
        )))
    })
}

/// A page: as many items as `Limit` and 1 MB allow are read, then filtered.
fn page<'a>(
    table: &Table,
    input: &Value,
    placeholders: &mut Placeholders,
    items: impl Iterator<Item = (&'a Key, &'a Item)>,
) -> Result<Value, ApiError> {
    let filter = input["FilterExpression"]
        .as_str()
        .map(|text| Condition::parse("FilterExpression", text, placeholders))
        .transpose()?;
    let paths = paths(input, placeholders)?;
    placeholders.all_used()?;
    let limit = match &input["Limit"] {
        Value::Null => usize::MAX,
        limit => limit.as_u64().filter(|limit| *limit > 0).and_then(|limit| usize::try_from(limit).ok()).ok_or_else(
            || validation("Value at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1"),
        )?,
    };
    let (mut found, mut scanned, mut bytes) = (Vec::new(), 0, 0);
    let mut last_read = None;
    for (key, item) in items {
        scanned += 1;
        bytes += item_bytes(item);
        if filter.as_ref().is_none_or(|filter| filter.holds(item)) {
            found.push(json!(shown(item, paths.as_deref())));
        }
        // The service stops here without looking whether more follows.
        if scanned == limit || bytes >= PAGE_BYTES {
            last_read = Some(key);
            break;
        }
    }
    let mut answer = json!({ "Count": found.len(), "ScannedCount": scanned });
    if input["Select"] != json!("COUNT") {
        answer["Items"] = json!(found);
    }
    if let Some(key) = last_read {
        answer["LastEvaluatedKey"] = json!(table.key_item(key));
    }
    Ok(answer)
}

fn start_key(table: &Table, input: &Value) -> Result<Option<Key>, ApiError> {
    match &input["ExclusiveStartKey"] {
        Value::Null => Ok(None),
        given => table.key(given).map(Some).map_err(|_| validation("The provided starting key is invalid")),
    }
}

fn paths(input: &Value, placeholders: &mut Placeholders) -> Result<Option<Vec<Path>>, ApiError> {
    input["ProjectionExpression"].as_str().map(|text| projection(text, placeholders)).transpose()
}

fn shown(item: &Item, paths: Option<&[Path]>) -> Item {
    paths.map_or_else(|| item.clone(), |paths| project(item, paths))
}

/// A key condition taken apart: the partition, and what the sort key must meet.
struct KeyCondition {
    partition: String,
    sort: Option<Condition>,
}

impl KeyCondition {
    fn of(table: &Table, condition: Condition) -> Result<Self, ApiError> {
        let parts = match condition {
            Condition::And(left, right) => vec![*left, *right],
            single => vec![single],
        };
        let (mut partition, mut sort) = (None, None);
        for part in parts {
            let attribute = key_attribute(&part)?.to_owned();
            if Some(&attribute) == table.key_names.first() && partition.is_none() {
                partition = Some(equal_text(&part)?);
            } else if Some(&attribute) == table.key_names.get(1) && sort.is_none() {
                sort = Some(part);
            } else {
                return Err(validation("Query condition missed key schema element, or names it twice"));
            }
        }
        let partition = partition.ok_or_else(|| {
            let name = table.key_names.first().map_or("", String::as_str);
            validation(&format!("Query condition missed key schema element: {name}"))
        })?;
        Ok(Self { partition, sort })
    }

    fn sort_holds(&self, item: &Item) -> bool {
        self.sort.as_ref().is_none_or(|sort| sort.holds(item))
    }
}

/// The attribute that a part of a key condition is about, if the part is of an allowed form.
fn key_attribute(part: &Condition) -> Result<&str, ApiError> {
    let is_text = |operand: &Operand| matches!(operand, Operand::Value(value) if begins_with(value, &json!({ "S": "" })));
    let (operand, values_are_text) = match part {
        Condition::Compare(operand, comparator, value) if *comparator != Comparator::NotEqual => {
            (operand, is_text(value))
        }
        Condition::Between(operand, low, high) => (operand, is_text(low) && is_text(high)),
        Condition::BeginsWith(operand, prefix) => (operand, is_text(prefix)),
        _ => return Err(validation("Invalid operator used in KeyConditionExpression")),
    };
    match operand {
        Operand::Path(path) if path.0.len() == 1 && values_are_text => Ok(path.attribute()),
        Operand::Path(_) => Err(validation(
            "One or more parameter values were invalid: Condition parameter type does not match schema type",
        )),
        _ => Err(validation("Invalid KeyConditionExpression: a key attribute must stand on the left")),
    }
}

fn equal_text(part: &Condition) -> Result<String, ApiError> {
    match part {
        Condition::Compare(_, Comparator::Equal, Operand::Value(value)) => value["S"]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| validation("Query key condition not supported")),
        _ => Err(validation("Query key condition not supported")),
    }
}
