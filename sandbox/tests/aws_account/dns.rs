//! Route 53 on the wire: what is refused, in which words, and that a refused batch changes nothing.

use jiff::SignedDuration;
use sandbox::aws::route53::Propagation;
use sandbox::aws::{Fault, Sandbox};
use serde_json::{Value, json};

use crate::wire::{Answer, Client, start};

const ZONE: &str = "Z0EXAMPLE";
const RRSET: &str = "/2013-04-01/hostedzone/Z0EXAMPLE/rrset";

/// A record with values or an alias, and further attributes.
fn record(name: &str, kind: &str, target: &str, more: &Value) -> Value {
    let mut record = json!({ "Name": name, "Type": kind });
    if target.ends_with("amazonaws.com") {
        record["AliasTarget"] =
            json!({ "HostedZoneId": "Z35SXDOTRQ7X7K", "DNSName": target, "EvaluateTargetHealth": false });
    } else {
        record["TTL"] = json!(60);
        record["ResourceRecords"] = json!({ "ResourceRecord": [{ "Value": target }] });
    }
    for (member, value) in more.as_object().into_iter().flatten() {
        record[member] = value.clone();
    }
    record
}

fn weighted(name: &str, target: &str, identifier: &str, weight: u16) -> Value {
    record(name, "A", target, &json!({ "SetIdentifier": identifier, "Weight": weight }))
}

fn xml(name: &str, value: &Value) -> String {
    let inner = match value {
        Value::Object(members) => members.iter().map(|(name, value)| xml(name, value)).collect(),
        Value::Array(items) => return items.iter().map(|item| xml(name, item)).collect(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    format!("<{name}>{inner}</{name}>")
}

fn batch(changes: &[(&str, Value)]) -> String {
    let one = |(action, record): &(&str, Value)| json!({ "Action": action, "ResourceRecordSet": record });
    let changes: Vec<Value> = changes.iter().map(one).collect();
    let batch = json!({ "ChangeBatch": { "Changes": { "Change": changes } } });
    format!("<?xml version=\"1.0\"?>{}", xml("ChangeResourceRecordSetsRequest", &batch))
}

async fn change(client: &Client, changes: &[(&str, Value)]) -> Answer {
    client.rest("route53", &format!("POST {RRSET}/"), &batch(changes)).await.unwrap()
}

async fn get(client: &Client, path: &str) -> Answer {
    client.rest("route53", &format!("GET {path}"), "").await.unwrap()
}

fn element<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    let rest = answer.body.split_once(&format!("<{name}>"))?.1;
    Some(rest.split_once(&format!("</{name}>"))?.0)
}

/// A zone with a simple A record `app`, a weighted pair `pair`, and a CNAME `old`.
async fn zone() -> (Sandbox, Client) {
    let (sandbox, client) = start().await;
    sandbox.route53().add_zone(ZONE, "Example.com");
    for record in [
        record("app.example.com", "A", "192.0.2.1", &json!({})),
        weighted("pair.example.com", "one.us-east-1.elb.amazonaws.com", "one", 100),
        weighted("pair.example.com", "192.0.2.2", "two", 0),
        record("old.example.com", "CNAME", "elsewhere.example.net", &json!({})),
    ] {
        sandbox.route53().put_record(ZONE, &record).unwrap();
    }
    (sandbox, client)
}

#[tokio::test]
async fn every_refusal_says_why_and_changes_nothing() {
    let (sandbox, client) = zone().await;
    let before = sandbox.route53().records(ZONE);
    let app = || record("app.example.com", "A", "192.0.2.1", &json!({}));
    let pair = |weight| weighted("pair.example.com", "one.us-east-1.elb.amazonaws.com", "one", weight);
    let with = |mut record: Value, member: &str, value: Value| {
        record[member] = value;
        record
    };
    let fresh = |more: &Value| record("new.example.com", "A", "192.0.2.9", more);
    let many: Vec<(&str, Value)> = (0..1_001)
        .map(|n| ("CREATE", record(&format!("n{n}.example.com"), "A", "192.0.2.3", &json!({}))))
        .collect();
    let twice = many[..501].iter().map(|(_, record)| ("UPSERT", record.clone())).collect();
    let long = record("t.example.com", "TXT", &"x".repeat(32_001), &json!({}));
    let (batch, input) = ("InvalidChangeBatch", "InvalidInput");
    let ip = json!({ "ResourceRecord": [{ "Value": "192.0.2.300" }] });
    for (changes, code, words) in [
        (vec![("CREATE", app())], batch, "it already exists"),
        (vec![("DELETE", fresh(&json!({})))], batch, "it was not found"),
        (vec![("DELETE", with(app(), "TTL", json!(61)))], batch, "do not match the current values"),
        (vec![("DELETE", pair(99))], batch, "set identifier='one'] but the values provided do not match"),
        (vec![("DELETE", with(pair(100), "HealthCheckId", json!("h1")))], "NoSuchHealthCheck", "h1"),
        (vec![("DELETE", app()), ("DELETE", app())], batch, "it was not found"),
        (vec![("CREATE", weighted("app.example.com", "192.0.2.3", "two", 1))], batch, "other RRSets exist"),
        (vec![("CREATE", with(app(), "Name", json!("pair.example.com")))], batch, "other RRSets exist"),
        (
            vec![("CREATE", with(app(), "Name", json!("old.example.com")))],
            batch,
            "conflicts with other records",
        ),
        (vec![("CREATE", record("example.com", "CNAME", "a.example.net", &json!({})))], batch, "at apex"),
        (
            vec![("CREATE", record("badexample.com", "A", "192.0.2.1", &json!({})))],
            batch,
            "not permitted in zone",
        ),
        (vec![("CREATE", with(fresh(&json!({})), "ResourceRecords", ip))], batch, "IllegalIPv4Address"),
        (many.clone(), batch, "Number of records limit of 1000"),
        (twice, batch, "Number of records limit of 1000"),
        (vec![("CREATE", long)], batch, "Number of characters limit of 32000"),
        (vec![("CREATE", fresh(&json!({ "Weight": 1 })))], input, "Missing field 'SetIdentifier'"),
        (vec![("CREATE", fresh(&json!({ "SetIdentifier": "one" })))], input, "found 0"),
        (
            vec![("CREATE", fresh(&json!({ "SetIdentifier": "a", "Weight": 1, "Region": "us-east-1" })))],
            input,
            "found 2",
        ),
        (
            vec![("CREATE", fresh(&json!({ "SetIdentifier": "a", "Weight": 256 })))],
            input,
            "between 0 and 255",
        ),
        (
            vec![("CREATE", fresh(&json!({ "SetIdentifier": "a".repeat(129), "Weight": 1 })))],
            input,
            "SetIdentifier",
        ),
        (vec![("CREATE", with(fresh(&json!({})), "Type", json!("AA")))], input, "'Type'"),
        (vec![("CREATE", with(pair(1), "TTL", json!(60)))], input, "AliasTarget"),
        (vec![("CREATE", with(app(), "TTL", json!(2_147_483_648_u32)))], input, "'TTL'"),
        (vec![("CREATE", with(pair(1), "AliasTarget", json!({ "DNSName": "a.b." })))], input, "AliasTarget"),
        (vec![("MOVE", app())], input, "action"),
        (vec![], input, "changes"),
    ] {
        let answer = change(&client, &changes).await;
        let message = element(&answer, "Message").unwrap_or_default();
        assert_eq!(element(&answer, "Code"), Some(code), "{words}: {}", answer.body);
        assert!(message.contains(words), "{words}: {message}");
        assert_eq!(answer.status, if code == "NoSuchHealthCheck" { 404 } else { 400 }, "{words}");
        assert_eq!(sandbox.route53().records(ZONE), before, "{words}");
    }
    let nowhere = client.rest("route53", "POST /2013-04-01/hostedzone/Z9/rrset/", "<A/>").await.unwrap();
    assert_eq!((nowhere.status, element(&nowhere, "Code")), (404, Some("NoSuchHostedZone")));
    let malformed = client.rest("route53", &format!("POST {RRSET}/"), "<A>").await.unwrap();
    assert_eq!((malformed.status, element(&malformed, "Code")), (400, Some("MalformedXML")));
}

#[tokio::test]
async fn all_complaints_of_a_batch_come_at_once() {
    let (_sandbox, client) = zone().await;
    let answer = change(
        &client,
        &[
            ("DELETE", weighted("pair.example.com", "192.0.2.2", "two", 1)),
            ("CREATE", record("new.example.com", "A", "192.0.2.1", &json!({}))),
            ("DELETE", record("gone.example.com", "A", "192.0.2.1", &json!({}))),
        ],
    )
    .await;
    let message = element(&answer, "Message").unwrap();
    assert!(message.contains("do not match") && message.contains("gone.example.com.'"), "{message}");
}

#[tokio::test]
async fn a_batch_replaces_a_simple_record_by_a_weighted_pair() {
    let (sandbox, client) = zone().await;
    let everything =
        json!({ "SetIdentifier": "geo", "GeoLocation": { "CountryCode": "*" }, "HealthCheckId": "h1" });
    sandbox.route53().add_health_check("h1");
    let answer = change(
        &client,
        &[
            ("DELETE", record("APP.example.com.", "A", "192.0.2.1", &json!({}))),
            ("CREATE", weighted("app.example.com", "192.0.2.1", "from", 100)),
            ("CREATE", weighted("app.example.com", "Two.us-east-1.elb.amazonaws.com", "to", 0)),
            ("UPSERT", record("*.example.com", "A", "192.0.2.4", &everything)),
        ],
    )
    .await;
    assert_eq!((answer.status, element(&answer, "Status")), (200, Some("PENDING")), "{}", answer.body);
    let records = sandbox.route53().records(ZONE);
    let found = |name: &str, id: &str| {
        records
            .iter()
            .find(|record| record["Name"] == name && record["SetIdentifier"] == id)
            .cloned()
            .unwrap()
    };
    assert_eq!(found("app.example.com.", "from")["Weight"], "100");
    let alias = &found("app.example.com.", "to")["AliasTarget"];
    assert_eq!(alias["DNSName"], "two.us-east-1.elb.amazonaws.com.");
    let geo = found("\\052.example.com.", "geo");
    assert_eq!((&geo["GeoLocation"]["CountryCode"], &geo["HealthCheckId"]), (&json!("*"), &json!("h1")));
}

#[tokio::test]
async fn a_list_goes_on_where_its_page_ends() {
    let (sandbox, client) = zone().await;
    sandbox.route53().set_page_size(1);
    let mut seen = Vec::new();
    let mut query = String::new();
    loop {
        let answer = get(&client, &format!("{RRSET}?maxitems=300{query}")).await;
        assert_eq!((answer.status, element(&answer, "MaxItems")), (200, Some("300")), "{}", answer.body);
        let text = |name| element(&answer, name).unwrap_or_default().to_owned();
        seen.push(format!("{} {} {}", text("Name"), text("Type"), text("SetIdentifier")));
        if text("IsTruncated") == "false" {
            break;
        }
        let identifier = element(&answer, "NextRecordIdentifier").map(|id| format!("&identifier={id}"));
        let (name, kind) = (text("NextRecordName"), text("NextRecordType"));
        query = format!("&name={name}&type={kind}{}", identifier.unwrap_or_default());
    }
    assert_eq!(
        seen,
        [
            "example.com. NS ",
            "example.com. SOA ",
            "app.example.com. A ",
            "old.example.com. CNAME ",
            "pair.example.com. A one",
            "pair.example.com. A two",
        ]
    );
    for (query, code) in
        [("type=A", "InvalidInput"), ("name=a.&identifier=a", "InvalidInput"), ("maxitems=0", "InvalidInput")]
    {
        assert_eq!(element(&get(&client, &format!("{RRSET}?{query}")).await, "Code"), Some(code), "{query}");
    }
    let behind = get(&client, &format!("{RRSET}?name=zz.example.com")).await;
    assert_eq!((element(&behind, "IsTruncated"), element(&behind, "Name")), (Some("false"), None));
}

#[tokio::test]
async fn a_change_is_pending_until_it_has_spread() {
    let (sandbox, client) = zone().await;
    let mut number = 0;
    let mut submit = async || {
        number += 1;
        let name = format!("n{number}.example.com");
        let answer = change(&client, &[("CREATE", record(&name, "A", "192.0.2.1", &json!({})))]).await;
        element(&answer, "Id").unwrap().to_owned()
    };
    let status = async |id: &str| {
        let answer = get(&client, &format!("/2013-04-01{id}")).await;
        element(&answer, "Status").map(str::to_owned)
    };
    sandbox.route53().set_propagation(Propagation::AtPoll(2));
    let polled = submit().await;
    sandbox.route53().set_propagation(Propagation::After(SignedDuration::from_secs(60)));
    let timed = submit().await;
    for expected in ["PENDING", "INSYNC", "INSYNC"] {
        assert_eq!(status(&polled).await.as_deref(), Some(expected));
    }
    assert_eq!(status(&timed).await.as_deref(), Some("PENDING"));
    sandbox.clock().advance(SignedDuration::from_secs(60));
    assert_eq!(status(&timed).await.as_deref(), Some("INSYNC"));
    let gone = get(&client, "/2013-04-01/change/C1").await;
    assert_eq!((gone.status, element(&gone, "Code")), (404, Some("NoSuchChange")));
}

#[tokio::test]
async fn zones_tell_whether_they_are_private() {
    let (sandbox, client) = zone().await;
    sandbox.route53().add_private_zone("Z1PRIVATE", "corp.example.com");
    for (id, name, private) in
        [("Z0EXAMPLE", "example.com.", "false"), ("Z1PRIVATE", "corp.example.com.", "true")]
    {
        let answer = get(&client, &format!("/2013-04-01/hostedzone/{id}")).await;
        assert_eq!((element(&answer, "Name"), element(&answer, "PrivateZone")), (Some(name), Some(private)));
        assert_eq!(answer.body.contains("<VPCId>"), private == "true");
    }
}

#[tokio::test]
async fn requests_above_the_limit_are_throttled_and_all_are_logged() {
    let (sandbox, client) = zone().await;
    sandbox.route53().set_requests_a_second(Some(5));
    for number in 0..6 {
        let answer = get(&client, RRSET).await;
        let expected = if number < 5 { (200, None) } else { (400, Some("Throttling")) };
        assert_eq!((answer.status, element(&answer, "Code")), expected);
    }
    sandbox.clock().advance(SignedDuration::from_secs(1));
    let refusal = Fault::Refuse { code: "PriorRequestNotComplete".to_owned(), message: "busy".to_owned() };
    sandbox.faults().next("route53", "ChangeResourceRecordSets", 1, refusal);
    let answer = change(&client, &[("CREATE", record("n.example.com", "A", "192.0.2.1", &json!({})))]).await;
    assert_eq!(element(&answer, "Code"), Some("PriorRequestNotComplete"));
    let logged = sandbox.requests().of("route53", "ListResourceRecordSets");
    assert_eq!(logged.len(), 6);
    assert_eq!((logged[5].resource.as_deref(), logged[5].error.as_deref()), (Some(ZONE), Some("Throttling")));
}
