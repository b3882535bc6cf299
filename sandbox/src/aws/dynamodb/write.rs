//! Writing: put, update, delete, and transactions of them.

use serde_json::{Value, json};

use super::condition::Condition;
use super::table::{Key, Table, check_condition, check_size};
use super::token::Placeholders;
use super::update::{Update, touched};
use super::value::{Item, checked_item};
use super::{DynamoDb, Tables, table, validation};
use crate::aws::error::ApiError;
use crate::aws::lock;

/// A write that is ready to be done: its condition holds.
struct Prepared {
    key: Key,
    before: Option<Item>,
    after: Option<Item>,
    update: Option<Update>,
}

/// The kinds of writes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Put,
    Update,
    Delete,
    ConditionCheck,
}

const TRANSACTION_MEMBERS: [(&str, Kind); 4] = [
    ("Put", Kind::Put),
    ("Update", Kind::Update),
    ("Delete", Kind::Delete),
    ("ConditionCheck", Kind::ConditionCheck),
];

impl DynamoDb {
    pub(super) fn put_item(&self, input: &Value) -> Result<Value, ApiError> {
        self.write(Kind::Put, input)
    }

    pub(super) fn update_item(&self, input: &Value) -> Result<Value, ApiError> {
        self.write(Kind::Update, input)
    }

    pub(super) fn delete_item(&self, input: &Value) -> Result<Value, ApiError> {
        self.write(Kind::Delete, input)
    }

    fn write(&self, kind: Kind, input: &Value) -> Result<Value, ApiError> {
        let mut state = lock(&self.state);
        let prepared = prepare(&state.tables, kind, input)?;
        let answer = returned(input, &prepared)?;
        table(&mut state.tables, input)?.write(prepared.key, prepared.after);
        Ok(answer)
    }

    pub(super) fn transact_write(&self, input: &Value) -> Result<Value, ApiError> {
        let actions = input["TransactItems"].as_array().map(Vec::as_slice).unwrap_or_default();
        if actions.is_empty() || actions.len() > 100 {
            return Err(validation("Member must have length between 1 and 100 at 'transactItems'"));
        }
        let mut state = lock(&self.state);
        let token = input["ClientRequestToken"].as_str();
        if let Some(done) = token.and_then(|token| state.transactions.get(token)) {
            return if *done == input["TransactItems"] {
                Ok(json!({}))
            } else {
                Err(ApiError::refused(
                    "IdempotentParameterMismatchException",
                    "The request uses the same client token as a previous, but non-identical request.",
                ))
            };
        }
        let writes = prepare_all(&state.tables, actions)?;
        for (name, prepared) in writes {
            if let (Some(prepared), Some(table)) = (prepared, state.tables.get_mut(&name)) {
                table.write(prepared.key, prepared.after);
            }
        }
        if let Some(token) = token {
            state.transactions.insert(token.to_owned(), input["TransactItems"].clone());
        }
        Ok(json!({}))
    }
}

/// Checks every action of a transaction before any is done. Condition checks prepare nothing.
fn prepare_all(tables: &Tables, actions: &[Value]) -> Result<Vec<(String, Option<Prepared>)>, ApiError> {
    let mut writes = Vec::new();
    let mut reasons = Vec::new();
    let mut seen: Vec<(String, Key)> = Vec::new();
    for action in actions {
        let found = TRANSACTION_MEMBERS.iter().find(|(member, _)| action[member].is_object());
        let (member, kind) = found.ok_or_else(|| validation("A TransactItem holds no action"))?;
        let input = &action[member];
        let name = super::table_name(input).to_owned();
        let target = (name.clone(), target_key(tables, *kind, input)?);
        if seen.contains(&target) {
            return Err(validation("Transaction request cannot include multiple operations on one item"));
        }
        seen.push(target);
        match prepare(tables, *kind, input) {
            Ok(prepared) => {
                reasons.push(json!({ "Code": "None" }));
                writes.push((name, (*kind != Kind::ConditionCheck).then_some(prepared)));
            }
            Err(error) if error.code == "ConditionalCheckFailedException" => {
                let mut reason = json!({ "Code": "ConditionalCheckFailed", "Message": error.message });
                if let Some(item) = error.members.get("Item") {
                    reason["Item"] = item.clone();
                }
                reasons.push(reason);
            }
            Err(error) => return Err(error),
        }
    }
    if writes.len() == actions.len() {
        return Ok(writes);
    }
    let codes: Vec<&str> = reasons.iter().filter_map(|reason| reason["Code"].as_str()).collect();
    let message = format!(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
        codes.join(", ")
    );
    Err(ApiError::refused("TransactionCanceledException", message)
        .with_member("CancellationReasons", json!(reasons)))
}

fn target_key(tables: &Tables, kind: Kind, input: &Value) -> Result<Key, ApiError> {
    let table = super::table_ref(tables, input)?;
    match (kind, input["Item"].as_object()) {
        (Kind::Put, Some(item)) => table.key_of(item),
        _ => table.key(&input["Key"]),
    }
}

/// Parses and checks one write and computes the item that it leaves.
fn prepare(tables: &Tables, kind: Kind, input: &Value) -> Result<Prepared, ApiError> {
    let table = super::table_ref(tables, input)?;
    let mut placeholders = Placeholders::read(input)?;
    let condition = input["ConditionExpression"]
        .as_str()
        .map(|text| Condition::parse("ConditionExpression", text, &mut placeholders))
        .transpose()?;
    let update = match (kind, input["UpdateExpression"].as_str()) {
        (Kind::Update, Some(text)) => Some(Update::parse(text, &mut placeholders)?),
        _ => None,
    };
    placeholders.all_used()?;
    let item = match kind {
        Kind::Put => {
            let given = input["Item"].as_object().ok_or_else(|| validation("The Item is missing"))?;
            let item = checked_item(given)?;
            check_size(&item)?;
            Some(item)
        }
        _ => None,
    };
    let key = match &item {
        Some(item) => table.key_of(item)?,
        None => table.key(&input["Key"])?,
    };
    let before = table.get(&key).cloned();
    let return_item = input["ReturnValuesOnConditionCheckFailure"] == json!("ALL_OLD");
    check_condition(condition.as_ref(), before.as_ref(), return_item)?;
    let after = match kind {
        Kind::Put => item,
        Kind::Delete => None,
        Kind::ConditionCheck => before.clone(),
        Kind::Update => Some(updated(table, &key, before.as_ref(), update.as_ref())?),
    };
    Ok(Prepared { key, before, after, update })
}

fn updated(
    table: &Table,
    key: &Key,
    before: Option<&Item>,
    update: Option<&Update>,
) -> Result<Item, ApiError> {
    let present = before.cloned().unwrap_or_else(|| table.key_item(key));
    let Some(update) = update else { return Ok(present) };
    if let Some(path) =
        update.paths().find(|path| table.key_names.iter().any(|name| name == path.attribute()))
    {
        return Err(validation(&format!(
            "One or more parameter values were invalid: Cannot update attribute {}. This attribute is part of the key",
            path.attribute()
        )));
    }
    let after = update.apply(&present)?;
    check_size(&after)?;
    Ok(after)
}

/// What `ReturnValues` asks for.
fn returned(input: &Value, prepared: &Prepared) -> Result<Value, ApiError> {
    let wanted = input["ReturnValues"].as_str().unwrap_or("NONE");
    let attributes = match (wanted, &prepared.update) {
        ("NONE", _) => None,
        ("ALL_OLD", _) => prepared.before.clone(),
        ("ALL_NEW", Some(_)) => prepared.after.clone(),
        ("UPDATED_OLD", Some(update)) => prepared.before.as_ref().map(|item| touched(update, item)),
        ("UPDATED_NEW", Some(update)) => prepared.after.as_ref().map(|item| touched(update, item)),
        _ => return Err(validation("ReturnValues can only be ALL_OLD or NONE")),
    };
    Ok(attributes.map_or_else(|| json!({}), |attributes| json!({ "Attributes": attributes })))
}
