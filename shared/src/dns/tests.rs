use proptest::prelude::*;

use super::*;

fn name(text: &str) -> RecordName {
    text.parse().unwrap()
}

#[test]
fn spellings_of_one_name_are_equal() {
    for (text, spelling, for_people) in [
        ("App.Example.COM", "app.example.com.", "app.example.com"),
        ("app.example.com.", "app.example.com.", "app.example.com"),
        ("*.example.com", "\\052.example.com.", "*.example.com"),
        ("\\052.example.com.", "\\052.example.com.", "*.example.com"),
        ("_acme.a-b.example.com", "_acme.a-b.example.com.", "_acme.a-b.example.com"),
        ("exa\\344mple.com", "exa\\344mple.com.", "exa\\344mple.com"),
        ("a\\056b.example.com", "a\\056b.example.com.", "a\\056b.example.com"),
        ("\\101\\055b.example.com", "a-b.example.com.", "a-b.example.com"),
        ("ä.example.com", "\\303\\244.example.com.", "\\303\\244.example.com"),
    ] {
        assert_eq!((name(text).as_str(), name(text).to_string().as_str()), (spelling, for_people), "{text}");
        assert_eq!(name(&name(text).to_string()), name(text));
    }
}

#[test]
fn a_label_may_have_63_octets() {
    let longest = format!("{}.example.com", "a".repeat(63));
    assert_eq!(name(&longest).to_string(), longest);
}

#[test]
fn a_name_may_have_255_octets_with_a_length_before_each_label_and_the_roots() {
    let labels = |last: usize| [63, 63, 63, last].map(|octets| "a".repeat(octets)).join(".");
    assert_eq!(name(&labels(61)).to_string(), labels(61));
    let error = labels(62).parse::<RecordName>().unwrap_err().to_string();
    assert!(error.contains("255"), "{error}");
}

#[test]
fn what_is_no_name_is_refused_with_its_problem() {
    let long_label = format!("{}.example.com", "a".repeat(64));
    let long_name = vec!["abcdefg"; 32].join(".");
    for (text, problem) in [
        ("", "empty"),
        (".", "empty"),
        ("a..example.com", "empty label"),
        (".example.com", "empty label"),
        ("example.com..", "empty label"),
        ("a\\05", "octal"),
        ("a\\9992.com", "octal"),
        ("a\\777.com", "octal"),
        (long_label.as_str(), "63"),
        (long_name.as_str(), "255"),
    ] {
        let error = text.parse::<RecordName>().unwrap_err().to_string();
        assert!(error.contains(problem), "{text}: {error}");
    }
}

#[test]
fn names_are_ordered_by_labels_from_the_right() {
    let sorted =
        ["example.com", "*.example.com", "a.example.com", "z.a.example.com", "b.example.com", "a.org"];
    let mut names: Vec<RecordName> = sorted.iter().rev().map(|text| name(text)).collect();
    names.sort();
    // `\` comes after digits and `-`, before `_` and letters.
    assert_eq!(names, sorted.map(name));
}

#[test]
fn a_zone_holds_its_apex_and_what_is_below() {
    let zone = name("example.com");
    for (text, within) in
        [("example.com", true), ("a.b.EXAMPLE.com.", true), ("badexample.com", false), ("com", false)]
    {
        assert_eq!(name(text).is_within(&zone), within, "{text}");
    }
}

#[test]
fn identifiers_of_zones_are_read_with_and_without_their_path() {
    for text in ["Z0EXAMPLE", "/hostedzone/Z0EXAMPLE"] {
        let zone = text.parse::<HostedZoneId>().unwrap();
        assert_eq!((zone.as_str(), zone.to_string().as_str()), ("Z0EXAMPLE", "Z0EXAMPLE"));
    }
    for text in ["", "/hostedzone/", "Z0/../Z1", "Z0?x", &"Z".repeat(33)] {
        assert!(text.parse::<HostedZoneId>().is_err(), "{text}");
    }
}

#[test]
fn a_change_is_written_in_the_words_of_the_api() {
    for (action, word) in
        [(ChangeAction::Create, "CREATE"), (ChangeAction::Delete, "DELETE"), (ChangeAction::Upsert, "UPSERT")]
    {
        assert_eq!(action.as_str(), word);
        assert_eq!(serde_json::to_value(action).unwrap(), word);
    }
    assert_eq!(ChangeId("C1".into()).to_string(), "C1");
}

#[test]
fn a_record_is_stored_with_all_that_it_has() {
    let record = RecordSet {
        name: name("app.example.com"),
        kind: RecordType::from("A"),
        set_identifier: Some("blue".to_owned()),
        weight: Some(0),
        ttl: None,
        values: vec![],
        alias: Some(AliasTarget {
            dns_name: name("lb.us-east-1.elb.amazonaws.com"),
            hosted_zone_id: "Z35SXDOTRQ7X7K".parse().unwrap(),
            evaluate_target_health: false,
        }),
        health_check_id: None,
        rest: vec![Attribute {
            name: "GeoLocation".to_owned(),
            content: Content::Attributes(vec![Attribute {
                name: "CountryCode".to_owned(),
                content: Content::Text("*".to_owned()),
            }]),
        }],
    };
    let stored = serde_json::to_value(&record).unwrap();
    assert_eq!(
        stored,
        serde_json::json!({
            "name": "app.example.com.", "type": "A", "set_identifier": "blue", "weight": 0,
            "alias": {"dns_name": "lb.us-east-1.elb.amazonaws.com.", "hosted_zone_id": "Z35SXDOTRQ7X7K",
                "evaluate_target_health": false},
            "rest": [{"name": "GeoLocation", "content": [{"name": "CountryCode", "content": "*"}]}],
        })
    );
    assert_eq!(serde_json::from_value::<RecordSet>(stored).unwrap(), record);
}

proptest! {
    #[test]
    fn a_name_in_its_own_spelling_stays_as_it_is(text in "[a-zA-Z0-9_*/é-]{1,9}(\\.[a-z\\\\0-7]{1,9}){0,4}\\.?") {
        if let Ok(name) = text.parse::<RecordName>() {
            prop_assert_eq!(&name.as_str().parse::<RecordName>().unwrap(), &name);
            prop_assert_eq!(&name.to_string().parse::<RecordName>().unwrap(), &name);
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,80}") {
        let _ = text.parse::<RecordName>();
        let _ = text.parse::<HostedZoneId>();
    }
}
