//! DynamoDB over the wire: expressions, conditional writes under races, queries, transactions.

use crate::wire::{Client, start};
use sandbox::aws::Sandbox;
use serde_json::{Value, json};

async fn table() -> (Sandbox, Client) {
    let (sandbox, client) = start().await;
    sandbox.dynamodb().add_table("state");
    (sandbox, client)
}

fn key(sk: &str) -> Value {
    json!({ "pk": { "S": "p" }, "sk": { "S": sk } })
}

#[tokio::test]
async fn the_grammar_of_conditions() {
    let (sandbox, client) = table().await;
    let mut item = key("1");
    item["n"] = json!({ "N": "10" });
    item["name"] = json!({ "S": "web-shop" });
    item["flags"] = json!({ "SS": ["a", "b"] });
    item["steps"] = json!({ "L": [{ "N": "1" }, { "M": { "deep": { "S": "x" } } }] });
    item["nothing"] = json!({ "NULL": true });
    sandbox.dynamodb().put("state", &item).unwrap();
    let values = [
        (":n", json!({ "N": "10.0" })),
        (":big", json!({ "N": "100" })),
        (":small", json!({ "N": "9" })),
        (":s", json!({ "S": "web-shop" })),
        (":web", json!({ "S": "web" })),
        (":a", json!({ "S": "a" })),
        (":x", json!({ "S": "x" })),
        (":NULL", json!({ "S": "NULL" })),
        (":set", json!({ "SS": ["b", "a"] })),
        (":one", json!({ "N": "1" })),
    ];
    // Whether the condition holds for the item above; `None`: refused as invalid.
    let table = [
        ("n = :n", Some(true)),
        ("n <> :n", Some(false)),
        ("n < :big", Some(true)),
        ("n < :small", Some(false)),
        ("n <= :n AND n >= :n", Some(true)),
        ("n > :small", Some(true)),
        ("n = :s", Some(false)),
        ("n < :s", Some(false)),
        ("n BETWEEN :small AND :big", Some(true)),
        ("NOT n BETWEEN :small AND :big", Some(false)),
        ("n IN (:small, :big)", Some(false)),
        ("n IN (:small, :n)", Some(true)),
        ("absent = :n", Some(false)),
        ("absent <> :n", Some(true)),
        ("absent < :n", Some(false)),
        ("attribute_exists(n)", Some(true)),
        ("attribute_exists(steps[1].deep)", Some(true)),
        ("attribute_not_exists(steps[2])", Some(true)),
        ("attribute_type(nothing, :NULL)", Some(true)),
        ("begins_with(#name, :web)", Some(true)),
        ("begins_with(#name, :n)", None),
        ("contains(#name, :web)", Some(true)),
        ("contains(flags, :a)", Some(true)),
        ("contains(flags, :x)", Some(false)),
        ("contains(steps, :one)", Some(true)),
        ("flags = :set", Some(true)),
        ("steps[1].deep = :x", Some(true)),
        ("size(#name) < :small", Some(true)),
        ("size(steps) = :one", Some(false)),
        ("n = :n OR n = :small AND n = :big", Some(true)),
        ("(n = :n OR n = :small) AND n = :big", Some(false)),
        ("NOT (n = :n AND n = :big)", Some(true)),
        ("not n = :n or n = :n", Some(true)),
        ("n=:n AND(n>:small)", Some(true)),
        ("((n = :n))", None),
        ("n = n", None),
        ("n = ", None),
        ("n == :n", None),
        ("n = :n AND", None),
        ("n = :undefined", None),
        ("#undefined = :n", None),
        ("name = :s", None),
        ("exists(n)", None),
        ("n = :n)", None),
        ("n LIKE :n", None),
        ("", None),
    ];
    for (expression, expected) in table {
        // Only what occurs may be given.
        let mut used = serde_json::Map::new();
        for (name, value) in &values {
            let rest = expression.split(name).skip(1);
            if rest.into_iter().any(|rest| !rest.starts_with(|c: char| c.is_alphanumeric())) {
                used.insert((*name).to_owned(), value.clone());
            }
        }
        let mut input = json!({ "TableName": "state", "Key": key("1"), "ConditionExpression": expression,
            "UpdateExpression": "SET touched = :touched" });
        used.insert(":touched".to_owned(), json!({ "BOOL": true }));
        input["ExpressionAttributeValues"] = json!(used);
        if expression.contains("#name") {
            input["ExpressionAttributeNames"] = json!({ "#name": "name" });
        }
        let answer = client.dynamodb("UpdateItem", input).await;
        let found = match answer {
            Ok(_) => Some(true),
            Err(refusal) if refusal.code == "ConditionalCheckFailedException" => Some(false),
            Err(refusal) => {
                assert_eq!(refusal.code, "ValidationException", "{expression}");
                None
            }
        };
        assert_eq!(found, expected, "{expression}");
    }
}

#[tokio::test]
async fn updates_change_what_they_say() {
    let (sandbox, client) = table().await;
    let mut item = key("1");
    item["n"] = json!({ "N": "1" });
    item["steps"] = json!({ "L": [{ "N": "1" }, { "N": "2" }, { "N": "3" }] });
    item["map"] = json!({ "M": { "a": { "S": "1" } } });
    item["set"] = json!({ "SS": ["a"] });
    sandbox.dynamodb().put("state", &item).unwrap();
    let input = json!({
        "TableName": "state", "Key": key("1"), "ReturnValues": "ALL_NEW",
        "UpdateExpression": "SET n = n + :one, #m.b = if_not_exists(#m.b, :text), twin = n, \
            tail = list_append(#l, :more) REMOVE #l[0], #l[1] ADD tally :one, fresh :set DELETE #s :set",
        "ExpressionAttributeNames": { "#m": "map", "#l": "steps", "#s": "set" },
        "ExpressionAttributeValues": { ":one": { "N": "1" }, ":text": { "S": "2" },
            ":more": { "L": [{ "N": "4" }] }, ":set": { "SS": ["a"] } },
    });
    let updated = client.dynamodb("UpdateItem", input).await.unwrap();
    let mut expected = key("1");
    expected["n"] = json!({ "N": "2" });
    expected["twin"] = json!({ "N": "1" });
    expected["tally"] = json!({ "N": "1" });
    expected["map"] = json!({ "M": { "a": { "S": "1" }, "b": { "S": "2" } } });
    expected["steps"] = json!({ "L": [{ "N": "3" }] });
    expected["tail"] = json!({ "L": [{ "N": "1" }, { "N": "2" }, { "N": "3" }, { "N": "4" }] });
    expected["fresh"] = json!({ "SS": ["a"] });
    assert_eq!(updated["Attributes"], expected);
    for (expression, named) in [
        ("SET pk = :v", "part of the key"),
        ("SET a = :v, a = :v", "overlap"),
        ("SET a = :v SET b = :v", "only be used once"),
        ("SET a = absent, b = :v", "does not exist in the item"),
        ("SET absent.b = :v", "invalid for update"),
        ("SET a = map + :v", "incorrect data type"),
        ("SET a = :v, b = :unknown", "not defined"),
        ("ADD n :v", "operand type"),
    ] {
        let input = json!({ "TableName": "state", "Key": key("1"), "UpdateExpression": expression.replace("map", "#m"),
            "ExpressionAttributeValues": { ":v": { "S": "x" } } });
        let mut input = input;
        if expression.contains("map") {
            input["ExpressionAttributeNames"] = json!({ "#m": "map" });
        }
        let refusal = client.dynamodb("UpdateItem", input).await.expect_err(expression);
        assert_eq!(refusal.code, "ValidationException");
        assert!(refusal.message.contains(named), "{expression}: {}", refusal.message);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_racing_writers_wins() {
    let (sandbox, client) = table().await;
    for round in 0..5 {
        let sk = format!("lock-{round}");
        let writers = (0..30).map(|writer| {
            let client = client.clone();
            let mut item = key(&sk);
            item["owner"] = json!({ "N": writer.to_string() });
            let input = json!({ "TableName": "state", "Item": item,
                "ConditionExpression": "attribute_not_exists(pk)",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD" });
            tokio::spawn(async move { client.dynamodb("PutItem", input).await })
        });
        let mut wins = 0;
        for writer in writers.collect::<Vec<_>>() {
            match writer.await.unwrap() {
                Ok(_) => wins += 1,
                Err(refusal) => {
                    assert_eq!(refusal.code, "ConditionalCheckFailedException");
                    assert!(refusal.body["Item"]["owner"]["N"].is_string(), "{:?}", refusal.body);
                }
            }
        }
        assert_eq!(wins, 1);
    }
    let counters = (0..40).map(|_| {
        let client = client.clone();
        let input = json!({ "TableName": "state", "Key": key("counter"), "UpdateExpression": "ADD n :one",
            "ExpressionAttributeValues": { ":one": { "N": "1" } } });
        tokio::spawn(async move { client.dynamodb("UpdateItem", input).await })
    });
    for counter in counters.collect::<Vec<_>>() {
        counter.await.unwrap().unwrap();
    }
    let items = sandbox.dynamodb().items("state");
    let counter = items.iter().find(|item| item["sk"]["S"] == "counter").unwrap();
    assert_eq!(counter["n"]["N"], "40");
}

#[tokio::test]
async fn queries_select_sort_filter_and_page() {
    let (sandbox, client) = table().await;
    for number in 0..30 {
        let mut item = key(&format!("op#{number:02}"));
        item["even"] = json!({ "BOOL": number % 2 == 0 });
        item["history"] =
            json!({ "L": [{ "M": { "at": { "N": number.to_string() }, "no": { "N": "0" } } }] });
        sandbox.dynamodb().put("state", &item).unwrap();
    }
    sandbox.dynamodb().put("state", &json!({ "pk": { "S": "p\u{1}" }, "sk": { "S": "op#00" } })).unwrap();
    let query = |condition: &str, values: Value| {
        json!({ "TableName": "state", "KeyConditionExpression": condition, "ExpressionAttributeValues": values,
            "ConsistentRead": true })
    };
    for (condition, values, count) in [
        ("pk = :p", json!({ ":p": { "S": "p" } }), 30),
        ("pk = :p AND sk = :s", json!({ ":p": { "S": "p" }, ":s": { "S": "op#03" } }), 1),
        ("pk = :p AND begins_with(sk, :s)", json!({ ":p": { "S": "p" }, ":s": { "S": "op#1" } }), 10),
        (
            "pk = :p AND sk BETWEEN :a AND :b",
            json!({ ":p": { "S": "p" }, ":a": { "S": "op#03" }, ":b": { "S": "op#05" } }),
            3,
        ),
        ("sk >= :s AND pk = :p", json!({ ":p": { "S": "p" }, ":s": { "S": "op#28" } }), 2),
        ("pk = :p", json!({ ":p": { "S": "nobody" } }), 0),
    ] {
        let answer = client.dynamodb("Query", query(condition, values)).await.unwrap();
        assert_eq!(answer["Count"], count, "{condition}");
        assert!(answer.get("LastEvaluatedKey").is_none());
    }
    let mut paged = query("pk = :p", json!({ ":p": { "S": "p" }, ":yes": { "BOOL": true } }));
    paged["FilterExpression"] = json!("even = :yes");
    paged["ProjectionExpression"] = json!("sk, history[0].#at");
    paged["ExpressionAttributeNames"] = json!({ "#at": "at" });
    paged["Limit"] = json!(8);
    paged["ScanIndexForward"] = json!(false);
    let mut seen = Vec::new();
    let mut scanned = 0;
    loop {
        let page = client.dynamodb("Query", paged.clone()).await.unwrap();
        scanned += page["ScannedCount"].as_u64().unwrap();
        seen.extend(page["Items"].as_array().unwrap().clone());
        match page.get("LastEvaluatedKey") {
            Some(last) => paged["ExclusiveStartKey"] = last.clone(),
            None => break,
        }
    }
    assert_eq!((seen.len(), scanned), (15, 30));
    assert_eq!(
        seen[0],
        json!({ "sk": { "S": "op#28" }, "history": { "L": [{ "M": { "at": { "N": "28" } } }] } })
    );
    let filter = json!({ "TableName": "state", "KeyConditionExpression": "pk = :p",
        "FilterExpression": "size(sk) > :n", "ExpressionAttributeValues": { ":p": { "S": "p" }, ":n": { "N": "1" } } });
    let refusal = client.dynamodb("Query", filter).await.unwrap_err();
    assert!(refusal.message.contains("non-primary key"), "{}", refusal.message);
    for (condition, values) in [
        ("sk = :s", json!({ ":s": { "S": "x" } })),
        ("pk = :p OR sk = :p", json!({ ":p": { "S": "p" } })),
        ("pk > :p", json!({ ":p": { "S": "p" } })),
        ("pk = :p AND sk <> :p", json!({ ":p": { "S": "p" } })),
        ("pk = :p", json!({ ":p": { "N": "1" } })),
        ("pk = :p AND contains(sk, :p)", json!({ ":p": { "S": "p" } })),
    ] {
        let refusal = client.dynamodb("Query", query(condition, values)).await.expect_err(condition);
        assert_eq!(refusal.code, "ValidationException", "{condition}");
    }
}

#[tokio::test]
async fn pages_end_at_one_megabyte_and_items_at_400_kilobytes() {
    let (sandbox, client) = table().await;
    for number in 0..4 {
        let mut item = key(&number.to_string());
        item["blob"] = json!({ "S": "x".repeat(390 * 1024) });
        sandbox.dynamodb().put("state", &item).unwrap();
    }
    let scan = client.dynamodb("Scan", json!({ "TableName": "state" })).await.unwrap();
    assert_eq!(scan["Count"], 3);
    assert_eq!(scan["LastEvaluatedKey"], key("2"));
    let mut large = key("large");
    large["blob"] = json!({ "S": "x".repeat(400 * 1024) });
    let refusal =
        client.dynamodb("PutItem", json!({ "TableName": "state", "Item": large })).await.unwrap_err();
    assert_eq!(refusal.message, "Item size has exceeded the maximum allowed size");
}

#[tokio::test]
async fn transactions_are_all_or_nothing_and_done_once() {
    let (sandbox, client) = table().await;
    sandbox.dynamodb().put("state", &key("there")).unwrap();
    let put = |sk: &str| json!({ "Put": { "TableName": "state", "Item": key(sk), "ConditionExpression": "attribute_not_exists(pk)" } });
    let failing = json!({ "TransactItems": [put("new"), put("there")] });
    let refusal = client.dynamodb("TransactWriteItems", failing).await.unwrap_err();
    assert_eq!(refusal.code, "TransactionCanceledException");
    let codes: Vec<&str> = refusal.body["CancellationReasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["Code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["None", "ConditionalCheckFailed"]);
    assert_eq!(sandbox.dynamodb().items("state").len(), 1);

    let check = json!({ "ConditionCheck": { "TableName": "state", "Key": key("there"),
        "ConditionExpression": "attribute_exists(pk)" } });
    let good = json!({ "TransactItems": [put("new"), check], "ClientRequestToken": "t-1" });
    for _ in 0..2 {
        client.dynamodb("TransactWriteItems", good.clone()).await.unwrap();
    }
    assert_eq!(sandbox.dynamodb().items("state").len(), 2);
    let other = json!({ "TransactItems": [put("more")], "ClientRequestToken": "t-1" });
    let refusal = client.dynamodb("TransactWriteItems", other).await.unwrap_err();
    assert_eq!(refusal.code, "IdempotentParameterMismatchException");
    let twice = json!({ "TransactItems": [put("same"), put("same")] });
    let refusal = client.dynamodb("TransactWriteItems", twice).await.unwrap_err();
    assert!(refusal.message.contains("multiple operations on one item"));
}

#[tokio::test]
async fn malformed_requests_are_refused() {
    let (_sandbox, client) = table().await;
    let put = |item: Value| json!({ "TableName": "state", "Item": item });
    let with = |name: &str, value: Value| {
        let mut item = key("1");
        item[name] = value;
        put(item)
    };
    for (operation, input, named) in [
        ("PutItem", put(json!({ "pk": { "S": "p" } })), "Missing the key sk"),
        ("PutItem", put(json!({ "pk": { "S": "p" }, "sk": { "N": "1" } })), "Type mismatch for key sk"),
        ("PutItem", put(json!({ "pk": { "S": "" }, "sk": { "S": "1" } })), "Key: pk"),
        ("PutItem", with("n", json!({ "N": "ten" })), "numeric value"),
        ("PutItem", with("s", json!({ "SS": [] })), "may not be empty"),
        ("PutItem", with("s", json!({ "NS": ["1", "1.0"] })), "duplicates"),
        ("PutItem", with("x", json!({ "S": "a", "N": "1" })), "exactly one"),
        (
            "GetItem",
            json!({ "TableName": "state", "Key": { "pk": { "S": "p" } } }),
            "does not match the schema",
        ),
        (
            "GetItem",
            json!({ "TableName": "state", "Key": key("1"), "ProjectionExpression": "status" }),
            "reserved keyword",
        ),
        (
            "GetItem",
            json!({ "TableName": "state", "Key": key("1"), "ProjectionExpression": "a",
                "ExpressionAttributeNames": { "#unused": "b" } }),
            "unused in expressions",
        ),
        ("Query", json!({ "TableName": "state", "IndexName": "i" }), "IndexName"),
    ] {
        let refusal = client.dynamodb(operation, input).await.expect_err(named);
        assert_eq!(refusal.code, "ValidationException");
        assert!(refusal.message.contains(named), "{named}: {}", refusal.message);
    }
    let refusal =
        client.dynamodb("GetItem", json!({ "TableName": "none", "Key": key("1") })).await.unwrap_err();
    assert_eq!(refusal.code, "ResourceNotFoundException");
    assert_eq!(refusal.body["__type"], "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException");
}
