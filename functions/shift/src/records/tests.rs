use autopilot::dns::{AliasTarget, Attribute, Content, HostedZoneId, RecordName};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::plan::Plan;

const ALB: &str = "my-alb.us-east-1.elb.amazonaws.com";

fn name(text: &str) -> RecordName {
    text.parse().unwrap()
}

fn zone(text: &str) -> HostedZoneId {
    text.parse().unwrap()
}

fn plan(to: &serde_json::Value) -> Plan {
    let mut plan = json!({
        "hosted_zone_id": "Z0EXAMPLE", "record_name": "app.example.com",
        "from": {"service_arn": "arn:aws:apprunner:us-east-1:123456789012:service/orders/8fe1"},
    });
    plan["to"] = to.clone();
    plan["to"]["target_group_arns"] =
        json!(["arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/orders/6d0e"]);
    Plan::read(Some(&plan)).unwrap()
}

fn alias_plan() -> Plan {
    plan(&json!({"alias": {"dns_name": ALB, "hosted_zone_id": "Z35SXDOTRQ7X7K"}}))
}

fn alias_to(target: &str, zone_id: &str) -> AliasTarget {
    AliasTarget { dns_name: name(target), hosted_zone_id: zone(zone_id), evaluate_target_health: true }
}

fn lead(alias: bool, either: bool) -> Lead {
    let target = AliasTarget { evaluate_target_health: false, ..alias_to(ALB, "Z35SXDOTRQ7X7K") };
    Lead { name: name(ALB), alias: alias.then_some(target), either }
}

fn alias(kind: RecordType) -> RecordSet {
    RecordSet {
        alias: Some(alias_to("x.us-east-1.awsapprunner.com", "Z01915732ZBZKC8D32TPT")),
        ..empty(kind)
    }
}

fn cname(ttl: u32) -> RecordSet {
    let values = vec!["x.us-east-1.awsapprunner.com".to_owned()];
    RecordSet { ttl: Some(ttl), values, ..empty(RecordType::Cname) }
}

fn empty(kind: RecordType) -> RecordSet {
    RecordSet {
        name: name("app.example.com"),
        kind,
        set_identifier: None,
        weight: None,
        ttl: None,
        values: Vec::new(),
        alias: None,
        health_check_id: None,
        rest: Vec::new(),
    }
}

fn weighted(record: RecordSet, identifier: &str, weight: u8) -> RecordSet {
    RecordSet { set_identifier: Some(identifier.to_owned()), weight: Some(weight), ..record }
}

fn refusals(plan: &Plan, lead: &Lead, records: &[RecordSet]) -> Vec<String> {
    convert(plan, Some(lead), records).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn a_simple_record_becomes_a_pair_in_one_batch_and_keeps_what_it_carries() {
    let txt = RecordSet { ttl: Some(300), values: vec!["\"v=spf1\"".into()], ..empty(RecordType::Txt) };
    let simple = RecordSet { health_check_id: Some("hc".into()), ..alias(RecordType::A) };
    let found = convert(&alias_plan(), Some(&lead(true, false)), &[simple.clone(), txt]).unwrap();
    assert_eq!(found.original, std::slice::from_ref(&simple), "a TXT record steers nothing");
    let batch = swap(&found.original, &found.pairs.at(Weights::START), "start");
    let shown: Vec<_> = batch
        .changes
        .iter()
        .map(|change| (change.action.as_str(), change.record.set_identifier.as_deref(), change.record.weight))
        .collect();
    assert_eq!(
        shown,
        [
            ("DELETE", None, None),
            ("CREATE", Some("app-runner-service"), Some(100)),
            ("CREATE", Some("ecs-express-service"), Some(0)),
        ]
    );
    assert_eq!(batch.changes[0].record, simple, "DELETE is exact");
    assert_eq!(batch.changes[1].record, weighted(simple, "app-runner-service", 100));
    let to = &batch.changes[2].record;
    assert!(!to.alias.as_ref().unwrap().evaluate_target_health && to.ttl.is_none());
}

#[test]
fn both_address_types_and_cnames_are_paired() {
    let both = [alias(RecordType::A), alias(RecordType::Aaaa)];
    let found = convert(&alias_plan(), Some(&lead(true, false)), &both).unwrap();
    assert_eq!(found.pairs.at(Weights::successor(25)).len(), 4);
    let express =
        plan(&json!({"express_service_arn": "arn:aws:ecs:us-east-1:123456789012:service/default/orders"}));
    let found = convert(&express, Some(&lead(true, true)), &[cname(120)]).unwrap();
    let to = &found.pairs.iter().next().unwrap().to;
    assert_eq!((to.ttl, to.values.as_slice(), &to.alias), (Some(120), [ALB.to_owned()].as_slice(), &None));
    assert_eq!((longest_ttl(&found.original), longest_ttl(&both)), (120, ALIAS_TTL));
}

#[test]
fn a_pair_that_exists_is_taken_over() {
    let from = weighted(alias(RecordType::A), "app-runner-service", 255);
    let target = alias_to(&format!("dualstack.{ALB}"), "Z35SXDOTRQ7X7K");
    let to = weighted(RecordSet { alias: Some(target), ..empty(RecordType::A) }, "ecs-express-service", 0);
    let found = convert(&alias_plan(), Some(&lead(true, false)), &[from.clone(), to.clone()]).unwrap();
    let batch = swap(&found.original, &found.pairs.at(Weights::START), "start");
    assert_eq!(batch.changes.len(), 2, "the successor's record stays as it is: {batch:?}");
    assert_eq!(batch.changes[1].record.weight, Some(100));
}

#[test]
fn what_cannot_be_weighed_is_refused_with_its_field() {
    let (a, to) = (alias(RecordType::A), "ecs-express-service");
    let policy = Attribute { name: "Region".into(), content: Content::Text("eu-west-1".into()) };
    let elsewhere = weighted(a.clone(), to, 0);
    let several = RecordSet {
        ttl: Some(60),
        values: vec!["192.0.2.1".into(), "192.0.2.2".into()],
        ..empty(RecordType::A)
    };
    for (records, expected) in [
        (vec![], "plan.record_name: has no record of type A, AAAA or CNAME"),
        (vec![alias(RecordType::Aaaa)], "plan.record_name: has an AAAA record alone"),
        (vec![a.clone(), empty(RecordType::Https)], "plan.record_name: has a record of type HTTPS"),
        (
            vec![RecordSet { rest: vec![policy], ..weighted(a.clone(), "app-runner-service", 1) }],
            "plan.record_name: has a record of type A with Region",
        ),
        (
            vec![weighted(a.clone(), "app-runner-service", 1), weighted(a.clone(), "third", 1)],
            "plan.record_name: has a third weighted record of type A, \"third\"",
        ),
        (
            vec![weighted(a.clone(), "app-runner-service", 0)],
            "plan.from.set_identifier: the A record has weight 0",
        ),
        (vec![several], "plan.record_name: has a record of type A with 2 values"),
        (vec![a.clone(), elsewhere], "plan.to.set_identifier: the A record exists and leads to alias x."),
        (vec![cname(60)], "plan.to.alias: the name has a CNAME record"),
    ] {
        let refusals = refusals(&alias_plan(), &lead(true, false), &records);
        assert!(refusals.len() == 1 && refusals[0].starts_with(expected), "{expected}: {refusals:?}");
    }
    let cname_plan = plan(&json!({"cname": ALB}));
    let refused = refusals(&cname_plan, &lead(false, false), std::slice::from_ref(&a));
    assert!(refused[0].starts_with("plan.to.cname: the name has a record of type A"), "{refused:?}");
    let refused = refusals(&cname_plan, &lead(false, false), &[cname(301)]);
    assert!(refused[0].contains("a TTL of 301 s") && refused.len() == 1, "{refused:?}");
    let weighted_to = weighted(RecordSet { values: vec![ALB.into()], ..cname(30) }, to, 5);
    let from = weighted(cname(60), "app-runner-service", 1);
    let refused = refusals(&cname_plan, &lead(false, false), &[from, weighted_to]);
    assert_eq!(refused.len(), 2, "weight and TTL at once: {refused:?}");
}

#[test]
fn a_ttl_makes_the_way_back_slow_from_301_seconds_on_and_a_person_may_accept_that() {
    let quick = plan(&json!({"cname": ALB}));
    let slow = Plan { accept_slow_abort: true, ..quick.clone() };
    for (plan, ttl, is_taken) in
        [(&quick, 300, true), (&quick, 301, false), (&slow, 301, true), (&slow, 86_400, true)]
    {
        let taken = convert(plan, Some(&lead(false, false)), &[cname(ttl)]);
        assert_eq!(taken.is_ok(), is_taken, "{ttl}: {taken:?}");
    }
}

#[test]
fn a_record_of_the_successor_is_taken_over_only_where_it_leads_to_the_same() {
    let to = |target: AliasTarget| {
        let record = RecordSet { alias: Some(target), ..empty(RecordType::A) };
        weighted(record, "ecs-express-service", 0)
    };
    let from = weighted(alias(RecordType::A), "app-runner-service", 1);
    let value = RecordSet { values: vec!["192.0.2.1".into()], ttl: Some(60), ..empty(RecordType::A) };
    for (found, is_taken) in [
        (to(alias_to(ALB, "Z35SXDOTRQ7X7K")), true),
        (to(alias_to(&format!("dualstack.{ALB}"), "Z35SXDOTRQ7X7K")), true),
        (to(alias_to("another.us-east-1.elb.amazonaws.com", "Z35SXDOTRQ7X7K")), false),
        (to(alias_to(ALB, "Z0ANOTHER")), false),
        (weighted(value, "ecs-express-service", 0), false),
    ] {
        let taken = convert(&alias_plan(), Some(&lead(true, false)), &[from.clone(), found.clone()]);
        assert_eq!(taken.is_ok(), is_taken, "{found:?}: {taken:?}");
    }
    let cnames = |value: &str| {
        let to = RecordSet { values: vec![value.to_owned()], ..cname(60) };
        [weighted(cname(60), "app-runner-service", 1), weighted(to, "ecs-express-service", 0)]
    };
    for (value, is_taken) in [("My-ALB.us-east-1.elb.amazonaws.com.", true), ("x.example.com", false)] {
        let taken = convert(&plan(&json!({"cname": ALB})), Some(&lead(false, false)), &cnames(value));
        assert_eq!(taken.is_ok(), is_taken, "{value}: {taken:?}");
    }
}

#[test]
fn edits_are_told_in_words() {
    let found = convert(&alias_plan(), Some(&lead(true, false)), &[alias(RecordType::A)]).unwrap();
    let expected = found.pairs.at(Weights::successor(10));
    assert_eq!(standing(&expected, &expected), Standing::AsExpected);
    let reversed: Vec<_> = expected.iter().rev().cloned().collect();
    assert_eq!(standing(&expected, &reversed), Standing::AsExpected, "their order says nothing");
    assert_eq!(standing(&expected, &[empty(RecordType::Txt)]), Standing::Gone);
    let mut edited = expected.clone();
    edited[0].weight = Some(80);
    edited[0].health_check_id = Some("hc-1".into());
    edited[1].alias.as_mut().unwrap().evaluate_target_health = true;
    edited.push(weighted(cname(60), "third", 5));
    edited.push(empty(RecordType::Https));
    let Standing::Edited(words) = standing(&expected, &edited) else { panic!() };
    assert_eq!(
        words,
        [
            "the A record \"app-runner-service\" has weight 80 instead of 90",
            "the A record \"app-runner-service\" has health check hc-1 instead of none",
            "the A record \"ecs-express-service\" has evaluate_target_health true instead of false",
            "there is a new CNAME record \"third\" to x.us-east-1.awsapprunner.com",
            "there is a new HTTPS record to ",
        ]
    );
    let Standing::Edited(words) = standing(&expected, &expected[..1]) else { panic!() };
    assert_eq!(words, ["the A record \"ecs-express-service\" is gone"]);
    let mut rest = expected.clone();
    rest[0].rest.push(Attribute { name: "New".into(), content: Content::Text("1".into()) });
    let Standing::Edited(words) = standing(&expected, &rest) else { panic!() };
    assert_eq!(words, ["the A record \"app-runner-service\" has other attributes New instead of none"]);
    let known = rest.clone();
    rest[0].rest[0].content = Content::Text("2".into());
    let Standing::Edited(words) = standing(&known, &rest) else { panic!() };
    assert_eq!(words, ["the A record \"app-runner-service\" has other attributes of another value"]);
}

#[test]
fn the_end_is_a_simple_record_of_the_successor_or_the_original() {
    let found = convert(&alias_plan(), Some(&lead(true, false)), &[alias(RecordType::A)]).unwrap();
    let done = found.pairs.successor_alone();
    assert_eq!((done.len(), &done[0].set_identifier, done[0].weight), (1, &None, None));
    let batch = swap(&found.pairs.at(Weights::successor(100)), &done, "finish");
    assert_eq!(batch.changes.iter().filter(|change| change.action == ChangeAction::Delete).count(), 2);
    let back = swap(&found.pairs.at(Weights::START), &found.original, "finish");
    assert_eq!(back.changes.last().unwrap().record, alias(RecordType::A));
}

proptest! {
    #[test]
    fn weights_sum_to_100_and_batches_only_swap(from in 0_u8..=255, to in 0_u8..=255) {
        let (from, to) = (Weights::successor(from), Weights::successor(to));
        let pairs = convert(&alias_plan(), Some(&lead(true, false)), &[alias(RecordType::A), alias(RecordType::Aaaa)])
            .unwrap().pairs;
        for weights in [from, to] {
            prop_assert_eq!(weights.from() + weights.to(), 100);
            prop_assert_eq!(weights.to_string(), format!("{}/{}", weights.from(), weights.to()));
            for pair in pairs.at(weights).chunks(2) {
                prop_assert_eq!(pair.iter().filter_map(|record| record.weight).map(u32::from).sum::<u32>(), 100);
            }
        }
        let (before, after) = (pairs.at(from), pairs.at(to));
        let batch = swap(&before, &after, "step");
        // Carrying the batch out leads from the one to the other and nowhere else.
        let mut records = before;
        for change in batch.changes {
            match change.action {
                ChangeAction::Delete => {
                    let at = records.iter().position(|record| *record == change.record).unwrap();
                    records.remove(at);
                }
                _ => records.push(change.record),
            }
        }
        prop_assert_eq!(standing(&after, &records), Standing::AsExpected);
    }
}
