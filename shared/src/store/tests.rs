use std::error::Error;

use serde_json::json;

use super::*;

fn item(state: Value, pending: Value) -> Item {
    Item { version: 3, state, pending, expires_at: None }
}

#[test]
fn a_key_names_partition_and_item_and_is_as_long_as_the_table_takes() {
    assert_eq!(Key::new("rollback", "case orders").to_string(), "rollback/case orders");
    assert_eq!(Key::new("notify", "s".repeat(1_024)).sort.len(), 1_024);
    assert_eq!(Key::new("notify", "s".repeat(1_025)).sort.len(), 1_024);
    assert_eq!(Key::new("notify", "ß".repeat(600)).sort, "ß".repeat(512), "whole characters");
}

#[test]
fn what_is_shown_of_an_item_holds_no_content() {
    let shown = format!("{:?}", item(json!({"token": "hunter2"}), json!(null)));
    assert_eq!(shown, "Item(version 3)");
}

#[test]
fn an_item_that_cannot_be_read_is_an_error_that_names_item_and_part() {
    let empty = json!({"entries": [], "next": 0, "claim": null});
    for (part, item) in
        [("state", item(json!("seven"), empty)), ("pending part", item(json!(7), json!("none")))]
    {
        let error = Record::<u8, ()>::from_item(Key::new("rollback", "case orders"), Some(item)).unwrap_err();
        assert_eq!(error.message, format!("the {part} of item rollback/case orders cannot be read"));
        assert!(error.source().is_some_and(|why| why.to_string().contains("invalid type")), "{error:?}");
    }
}
