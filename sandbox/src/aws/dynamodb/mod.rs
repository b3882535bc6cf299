//! DynamoDB: tables with string keys, conditional writes that are atomic among parallel requests,
//! queries, transactions.

mod condition;
mod number;
mod path;
mod read;
mod table;
mod token;
mod update;
mod value;
mod write;

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Value, json};

use self::table::Table;
use super::clock::{Clock, epoch_seconds};
use super::error::ApiError;
use super::lock;
use super::protocol::Protocol;
use super::service::Service;

type Tables = BTreeMap<String, Table>;

/// Everything behind one lock: that makes each request atomic.
#[derive(Default)]
struct State {
    tables: Tables,
    /// Transactions done, by client token, so that a repeated one is not done twice.
    transactions: BTreeMap<String, Value>,
}

/// DynamoDB for one account.
pub struct DynamoDb {
    account: String,
    region: String,
    clock: Clock,
    state: Mutex<State>,
}

/// Parameters of the service that are older than expressions, or need indexes: refused, not ignored.
const UNSUPPORTED: [&str; 10] = [
    "AttributeUpdates",
    "AttributesToGet",
    "ConditionalOperator",
    "Expected",
    "IndexName",
    "KeyConditions",
    "QueryFilter",
    "ScanFilter",
    "Segment",
    "TotalSegments",
];

impl DynamoDb {
    pub(crate) fn new(account: &str, region: &str, clock: Clock) -> Self {
        Self { account: account.to_owned(), region: region.to_owned(), clock, state: Mutex::default() }
    }

    /// Creates a table with string keys `pk` and `sk`; an existing one is left as it is.
    pub fn add_table(&self, name: &str) {
        let table = Table::new(vec!["pk".to_owned(), "sk".to_owned()], self.now());
        lock(&self.state).tables.entry(name.to_owned()).or_insert(table);
    }

    /// All items of a table in key order, in DynamoDB's JSON.
    pub fn items(&self, table: &str) -> Vec<Value> {
        let state = lock(&self.state);
        let table = state.tables.get(table);
        table.map(|table| table.all().map(|(_, item)| json!(item)).collect()).unwrap_or_default()
    }

    /// Writes an item (DynamoDB's JSON) without a condition.
    pub fn put(&self, table: &str, item: &Value) -> Result<(), ApiError> {
        self.put_item(&json!({ "TableName": table, "Item": item })).map(|_| ())
    }

    fn now(&self) -> f64 {
        epoch_seconds(self.clock.now()).as_f64().unwrap_or_default()
    }

    fn create_table(&self, input: &Value) -> Result<Value, ApiError> {
        let name = input["TableName"].as_str().ok_or_else(|| validation("TableName is missing"))?;
        let attribute = |kind: &str| {
            let keys = input["KeySchema"].as_array().into_iter().flatten();
            keys.filter(|key| key["KeyType"] == kind).find_map(|key| key["AttributeName"].as_str())
        };
        let key_names: Vec<String> =
            [attribute("HASH"), attribute("RANGE")].into_iter().flatten().map(str::to_owned).collect();
        let is_string = |name: &String| {
            let definitions = input["AttributeDefinitions"].as_array().into_iter().flatten();
            definitions.clone().any(|definition| {
                definition["AttributeName"] == json!(name) && definition["AttributeType"] == "S"
            })
        };
        if attribute("HASH").is_none() || !key_names.iter().all(is_string) {
            return Err(validation(
                "The sandbox's tables need a HASH key, and keys of type S that are defined",
            ));
        }
        {
            let mut state = lock(&self.state);
            if state.tables.contains_key(name) {
                return Err(ApiError::refused(
                    "ResourceInUseException",
                    format!("Table already exists: {name}"),
                ));
            }
            state.tables.insert(name.to_owned(), Table::new(key_names, self.now()));
        }
        Ok(json!({ "TableDescription": self.description(input)? }))
    }

    fn describe_table(&self, input: &Value) -> Result<Value, ApiError> {
        Ok(json!({ "Table": self.description(input)? }))
    }

    fn description(&self, input: &Value) -> Result<Value, ApiError> {
        let state = lock(&self.state);
        let table = table_ref(&state.tables, input)?;
        let name = input["TableName"].as_str().unwrap_or_default();
        let keys = table.key_names.iter().zip(["HASH", "RANGE"]);
        let schema: Vec<Value> =
            keys.map(|(name, kind)| json!({ "AttributeName": name, "KeyType": kind })).collect();
        let definitions: Vec<Value> = table
            .key_names
            .iter()
            .map(|name| json!({ "AttributeName": name, "AttributeType": "S" }))
            .collect();
        Ok(json!({
            "TableName": name,
            "TableArn": format!("arn:aws:dynamodb:{}:{}:table/{name}", self.region, self.account),
            "TableStatus": "ACTIVE",
            "CreationDateTime": table.created_at,
            "ItemCount": table.len(),
            "KeySchema": schema,
            "AttributeDefinitions": definitions,
        }))
    }
}

/// The table that a request names, by name or by ARN.
fn table_name(input: &Value) -> &str {
    let name = input["TableName"].as_str().unwrap_or_default();
    name.rsplit_once(":table/").map_or(name, |(_, name)| name)
}

fn table<'a>(tables: &'a mut Tables, input: &Value) -> Result<&'a mut Table, ApiError> {
    tables.get_mut(table_name(input)).ok_or_else(no_table)
}

fn table_ref<'a>(tables: &'a Tables, input: &Value) -> Result<&'a Table, ApiError> {
    tables.get(table_name(input)).ok_or_else(no_table)
}

fn no_table() -> ApiError {
    ApiError::refused("ResourceNotFoundException", "Requested resource not found")
}

/// What most of DynamoDB's refusals are.
fn validation(message: &str) -> ApiError {
    ApiError::refused("ValidationException", message)
}

impl Service for DynamoDb {
    fn name(&self) -> &'static str {
        "dynamodb"
    }

    fn protocol(&self) -> Protocol {
        Protocol::Json { target: "DynamoDB_20120810", version: "1.0", message_member: "message" }
    }

    fn server_error(&self) -> &'static str {
        "InternalServerError"
    }

    fn call(&self, operation: &str, input: &Value) -> Result<Value, ApiError> {
        if let Some(member) = UNSUPPORTED.iter().find(|member| input.get(member).is_some()) {
            return Err(validation(&format!("The sandbox does not know the parameter {member}")));
        }
        match operation {
            "BatchGetItem" => self.batch_get(input),
            "CreateTable" => self.create_table(input),
            "DeleteItem" => self.delete_item(input),
            "DescribeTable" => self.describe_table(input),
            "GetItem" => self.get_item(input),
            "PutItem" => self.put_item(input),
            "Query" => self.query(input),
            "Scan" => self.scan(input),
            "TransactWriteItems" => self.transact_write(input),
            "UpdateItem" => self.update_item(input),
            _ => Err(ApiError::unknown_operation(operation)),
        }
    }
}
