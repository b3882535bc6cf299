//! Records through XML and back.

use autopilot::dns::{AliasTarget, Attribute, Change, ChangeAction, Content, RecordType};
use proptest::prelude::*;

use super::*;

/// Text that XML can hold; blanks at either end count.
fn text() -> impl Strategy<Value = String> {
    "[ -~éß\t\r\n]{1,20}"
}

fn attributes() -> impl Strategy<Value = Vec<Attribute>> {
    let name = || proptest::sample::select(vec!["Region", "Failover", "CollectionId", "NewThing"]);
    let attribute = |content: BoxedStrategy<Content>| {
        (name(), content).prop_map(|(name, content)| Attribute { name: name.to_owned(), content }).boxed()
    };
    let leaf = attribute(text().prop_map(Content::Text).boxed());
    let inner = proptest::collection::vec(leaf.clone(), 1..3).prop_map(Content::Attributes).boxed();
    proptest::collection::vec(prop_oneof![leaf, attribute(inner)], 0..3)
}

fn alias() -> impl Strategy<Value = AliasTarget> {
    ("[a-z0-9*-]{1,10}", "[A-Z0-9]{1,32}", any::<bool>()).prop_map(|(name, zone, health)| AliasTarget {
        dns_name: format!("{name}.elb.amazonaws.com").parse().unwrap(),
        hosted_zone_id: zone.parse().unwrap(),
        evaluate_target_health: health,
    })
}

prop_compose! {
    fn record()(
        name in "[A-Za-z0-9_*/-]{1,10}(\\.[a-z0-9]{1,8}){1,3}",
        kind in proptest::sample::select(vec!["A", "AAAA", "CNAME", "TXT", "NEWTYPE"]),
        set_identifier in proptest::option::of(text()),
        weight in proptest::option::of(any::<u8>()),
        ttl in proptest::option::of(any::<u32>()),
        values in proptest::collection::vec(text(), 0..3),
        alias in proptest::option::of(alias()),
        health_check_id in proptest::option::of("[a-f0-9-]{1,36}"),
        mut rest in attributes(),
    ) -> RecordSet {
        // The schema's order is the order in which Route 53 writes them.
        rest.sort_by_key(|attribute| match attribute.name.as_str() {
            "Region" => 0,
            "Failover" => 1,
            _ => 2,
        });
        let kind = RecordType::from(kind);
        RecordSet { name: name.parse().unwrap(), kind, set_identifier, weight, ttl, values, alias, health_check_id, rest }
    }
}

proptest! {
    #[test]
    fn a_record_is_written_and_read_back_exactly(record in record()) {
        let written = record::written(&record);
        let document = xml::parse(&written).unwrap();
        prop_assert_eq!(record::read(document.root_element()).unwrap(), record);
    }
}

#[test]
fn members_are_written_in_the_order_of_the_schema() {
    let answer = "<ResourceRecordSet><CidrRoutingConfig><CollectionId>c</CollectionId></CidrRoutingConfig>\
        <ResourceRecords><ResourceRecord><Value>192.0.2.1</Value></ResourceRecord></ResourceRecords><TTL>60</TTL>\
        <New>1</New><Region>us-east-1</Region><HealthCheckId>h</HealthCheckId><SetIdentifier>a &amp; b</SetIdentifier>\
        <Weight>7</Weight><Type>A</Type><Name>\\052.example.com.</Name></ResourceRecordSet>";
    let document = xml::parse(answer).unwrap();
    let record = record::read(document.root_element()).unwrap();
    let change = Change { action: ChangeAction::Delete, record };
    let batch = Batch { comment: Some("a < b".to_owned()), changes: vec![change] };
    let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ChangeResourceRecordSetsRequest \
        xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Comment>a &lt; b</Comment><Changes><Change>\
        <Action>DELETE</Action><ResourceRecordSet><Name>\\052.example.com.</Name><Type>A</Type><SetIdentifier>a &amp; b\
        </SetIdentifier><Weight>7</Weight><Region>us-east-1</Region><TTL>60</TTL><ResourceRecords><ResourceRecord>\
        <Value>192.0.2.1</Value></ResourceRecord></ResourceRecords><HealthCheckId>h</HealthCheckId><CidrRoutingConfig>\
        <CollectionId>c</CollectionId></CidrRoutingConfig><New>1</New></ResourceRecordSet></Change></Changes>\
        </ChangeBatch></ChangeResourceRecordSetsRequest>";
    assert_eq!(record::batch(&batch), expected);
}

#[test]
fn what_is_no_record_is_refused_with_its_member() {
    let deep = "<A>".repeat(100_000) + &"</A>".repeat(100_000);
    for (members, named) in [
        ("<Type>A</Type>", "no Name"),
        ("<Name>a.</Name>", "no Type"),
        ("<Name>a..b.</Name><Type>A</Type>", "a..b"),
        ("<Name>a.</Name><Type>A</Type><Weight>256</Weight>", "Weight"),
        ("<Name>a.</Name><Type>A</Type><TTL>soon</TTL>", "TTL"),
        ("<Name>a.</Name><Type>A</Type><ResourceRecords><ResourceRecord/></ResourceRecords>", "Value"),
        ("<Name>a.</Name><Type>A</Type><AliasTarget><DNSName>b.</DNSName></AliasTarget>", "HostedZoneId"),
        (&format!("<Name>a.</Name><Type>A</Type>{deep}"), "An attribute"),
    ] {
        let answer = format!("<ResourceRecordSet>{members}</ResourceRecordSet>");
        let document = xml::parse(&answer).unwrap();
        let refused = record::read(document.root_element()).unwrap_err().to_string();
        assert!(refused.contains(named), "{named}: {refused}");
    }
}

#[test]
fn a_page_says_whether_it_is_the_last() {
    let page = |members: &str| {
        let answer = format!("<R><ResourceRecordSets/>{members}</R>");
        let page = Page::read(xml::parse(&answer).unwrap().root_element());
        page.map(|page| page.next.map(|(_, place)| place))
    };
    assert_eq!(page("<IsTruncated>false</IsTruncated>").unwrap(), None);
    let next = "<IsTruncated>true</IsTruncated><NextRecordName>a.b.</NextRecordName><NextRecordType>A</NextRecordType>";
    let place = Place { name: "a.b.".to_owned(), kind: Some("A".to_owned()), identifier: None };
    assert_eq!(page(next).unwrap(), Some(place));
    for unfit in ["", "<IsTruncated>maybe</IsTruncated>", "<IsTruncated>true</IsTruncated>"] {
        assert!(page(unfit).is_err(), "{unfit}");
    }
}
