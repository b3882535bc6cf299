//! Event patterns against events: the behaviour that the `EventBridge` user
//! guide ("Comparison operators for use in event patterns") and the published
//! matcher's guide describe, row by row.

use sandbox::host::pattern::Pattern;
use serde_json::{Value, json};

/// Whether the pattern matches; the error of a pattern that is refused.
fn matches(pattern: &Value, event: &Value) -> Result<bool, String> {
    let pattern = Pattern::compile(pattern).map_err(|error| format!("{error:#}"))?;
    Ok(pattern.matches(event))
}

/// Rows of a pattern for the field `f`, a value of `f`, and whether they match.
fn check(rows: &[(Value, Value, bool)]) {
    for (tests, value, expected) in rows {
        let (pattern, event) = (json!({"f": tests}), json!({"f": value, "other": 1}));
        assert_eq!(matches(&pattern, &event), Ok(*expected), "{pattern} on {event}");
    }
}

#[test]
fn exact_values() {
    check(&[
        (json!(["a"]), json!("a"), true),
        (json!(["a"]), json!("A"), false),
        (json!(["a"]), json!("ab"), false),
        (json!(["b", "a"]), json!("a"), true),
        (json!([""]), json!(""), true),
        (json!([""]), json!(null), false),
        (json!([null]), json!(null), true),
        (json!([null]), json!("null"), false),
        (json!([true]), json!(true), true),
        (json!([true]), json!("true"), false),
        (json!([false]), json!(true), false),
        (json!([300]), json!(300), true),
        (json!([300]), json!(300.0), false),
        (json!([300]), json!("300"), false),
        (json!([1.5, "x"]), json!(1.5), true),
        (json!(["a"]), json!({"a": "a"}), false),
    ]);
}

#[test]
fn arrays_in_events() {
    check(&[
        (json!(["a"]), json!(["b", "a"]), true),
        (json!(["a", "c"]), json!(["b", "c"]), true),
        (json!(["a"]), json!(["b"]), false),
        (json!(["a"]), json!([]), false),
        (json!(["a"]), json!([["b"], ["a"]]), true),
        (json!([{"prefix": "a"}]), json!(["b", "ab"]), true),
        (json!([{"anything-but": "a"}]), json!(["a", "b"]), true),
        (json!([{"anything-but": "a"}]), json!(["a"]), false),
        (json!([{"exists": true}]), json!([]), false),
        (json!([{"exists": false}]), json!([]), true),
    ]);
}

#[test]
fn strings() {
    check(&[
        (json!([{"prefix": "eu-"}]), json!("eu-west-1"), true),
        (json!([{"prefix": "eu-"}]), json!("us-eu-1"), false),
        (json!([{"prefix": "EU-"}]), json!("eu-west-1"), false),
        (json!([{"prefix": {"equals-ignore-case": "EU-"}}]), json!("eu-west-1"), true),
        (json!([{"prefix": {"equals-ignore-case": "EU-"}}]), json!("us-west-1"), false),
        (json!([{"prefix": "1"}]), json!(12), false),
        (json!([{"suffix": ".png"}]), json!("a.png"), true),
        (json!([{"suffix": ".png"}]), json!("a.png.txt"), false),
        (json!([{"suffix": ".png"}]), json!("a.PNG"), false),
        (json!([{"suffix": {"equals-ignore-case": ".png"}}]), json!("a.PNG"), true),
        (json!([{"equals-ignore-case": "alice"}]), json!("ALICE"), true),
        (json!([{"equals-ignore-case": "ALICE"}]), json!("alice"), true),
        (json!([{"equals-ignore-case": "alice"}]), json!("alicia"), false),
        (json!([{"equals-ignore-case": "1"}]), json!(1), false),
        (json!([{"equals-ignore-case": "x"}, {"prefix": "y"}]), json!("yes"), true),
    ]);
}

#[test]
fn wildcards() {
    check(&[
        (json!([{"wildcard": "dir/*.png"}]), json!("dir/a/b.png"), true),
        (json!([{"wildcard": "dir/*.png"}]), json!("dir/.png"), true),
        (json!([{"wildcard": "dir/*.png"}]), json!("dir/a.pngx"), false),
        (json!([{"wildcard": "dir/*.png"}]), json!("xdir/a.png"), false),
        (json!([{"wildcard": "*/lib/*"}]), json!("usr/lib/x"), true),
        (json!([{"wildcard": "*/lib/*"}]), json!("usr/library"), false),
        (json!([{"wildcard": "*"}]), json!(""), true),
        (json!([{"wildcard": "ab*ba"}]), json!("aba"), false),
        (json!([{"wildcard": "a*b*c"}]), json!("a-c-b-b-c"), true),
        (json!([{"wildcard": "plain"}]), json!("plain"), true),
        (json!([{"wildcard": "plain"}]), json!("plains"), false),
        (json!([{"wildcard": "a\\*b"}]), json!("a*b"), true),
        (json!([{"wildcard": "a\\*b"}]), json!("axb"), false),
        (json!([{"wildcard": "a\\\\*"}]), json!("a\\x"), true),
        (json!([{"wildcard": "1*"}]), json!(12), false),
    ]);
}

#[test]
fn anything_but() {
    check(&[
        (json!([{"anything-but": "initializing"}]), json!("running"), true),
        (json!([{"anything-but": "initializing"}]), json!("initializing"), false),
        (json!([{"anything-but": "initializing"}]), json!(null), true),
        (json!([{"anything-but": "1"}]), json!(1), true),
        (json!([{"anything-but": 123}]), json!(123), false),
        (json!([{"anything-but": 123}]), json!(124), true),
        (json!([{"anything-but": ["stopped", "overloaded"]}]), json!("overloaded"), false),
        (json!([{"anything-but": ["stopped", "overloaded"]}]), json!("running"), true),
        (json!([{"anything-but": [100, 200]}]), json!(200), false),
        (json!([{"anything-but": [100, 200]}]), json!(300), true),
        (json!([{"anything-but": {"prefix": "init"}}]), json!("initial"), false),
        (json!([{"anything-but": {"prefix": "init"}}]), json!("running"), true),
        (json!([{"anything-but": {"prefix": ["a", "b"]}}]), json!("bc"), false),
        (json!([{"anything-but": {"prefix": ["a", "b"]}}]), json!("cb"), true),
        (json!([{"anything-but": {"suffix": ".png"}}]), json!("a.png"), false),
        (json!([{"anything-but": {"suffix": [".png", ".txt"]}}]), json!("a.jpg"), true),
        (json!([{"anything-but": {"equals-ignore-case": "init"}}]), json!("INIT"), false),
        (json!([{"anything-but": {"equals-ignore-case": ["a", "b"]}}]), json!("B"), false),
        (json!([{"anything-but": {"equals-ignore-case": ["a", "b"]}}]), json!("c"), true),
        (json!([{"anything-but": {"wildcard": "*/lib/*"}}]), json!("usr/lib/x"), false),
        (json!([{"anything-but": {"wildcard": ["*/lib/*", "*/bin/*"]}}]), json!("usr/share/x"), true),
        (json!([{"anything-but": "a"}]), json!({"b": 1}), false),
    ]);
    assert_eq!(
        matches(&json!({"f": [{"anything-but": "a"}]}), &json!({})),
        Ok(false),
        "a missing field is not a value"
    );
}

#[test]
fn numbers() {
    check(&[
        (json!([{"numeric": ["=", 301.8]}]), json!(301.8), true),
        (json!([{"numeric": ["=", 300]}]), json!(300.0), true),
        (json!([{"numeric": ["<", 10]}]), json!(9.99), true),
        (json!([{"numeric": ["<", 10]}]), json!(10), false),
        (json!([{"numeric": ["<=", 10]}]), json!(10), true),
        (json!([{"numeric": [">", 0, "<=", 5]}]), json!(0), false),
        (json!([{"numeric": [">", 0, "<=", 5]}]), json!(5), true),
        (json!([{"numeric": [">", 0, "<=", 5]}]), json!(5.1), false),
        (json!([{"numeric": [">=", -1, "<", 1]}]), json!(-1), true),
        (json!([{"numeric": [">", 0]}]), json!("5"), false),
        (json!([{"numeric": [">", 0]}]), json!(true), false),
        (json!([{"numeric": ["=", 1]}, {"numeric": ["=", 2]}]), json!(2), true),
    ]);
}

#[test]
fn addresses() {
    check(&[
        (json!([{"cidr": "10.0.0.0/24"}]), json!("10.0.0.255"), true),
        (json!([{"cidr": "10.0.0.0/24"}]), json!("10.0.1.0"), false),
        (json!([{"cidr": "10.0.0.7/32"}]), json!("10.0.0.7"), true),
        (json!([{"cidr": "0.0.0.0/0"}]), json!("1.2.3.4"), true),
        (json!([{"cidr": "0.0.0.0/0"}]), json!("::1"), false),
        (json!([{"cidr": "2001:db8::/32"}]), json!("2001:db8:1::1"), true),
        (json!([{"cidr": "2001:db8::/32"}]), json!("2001:db9::1"), false),
        (json!([{"cidr": "10.0.0.0/24"}]), json!("host"), false),
    ]);
}

#[test]
fn exists_looks_at_leaves_only() {
    let rows = [
        (json!({"d": {"c": [{"exists": true}]}}), json!({"d": {"c": 1}}), true),
        (json!({"d": {"c": [{"exists": true}]}}), json!({"d": {"c": null}}), true),
        (json!({"d": {"c": [{"exists": true}]}}), json!({"d": {"e": 1}}), false),
        (json!({"d": {"c": [{"exists": true}]}}), json!({"d": {"c": {"c1": 100}}}), false),
        (json!({"d": {"c": [{"exists": false}]}}), json!({"d": {"c": {"c1": 100}}}), true),
        (json!({"d": {"c": [{"exists": false}]}}), json!({"d": {"c": ""}}), false),
        (json!({"d": {"c": [{"exists": false}]}}), json!({"d": {}}), true),
        (json!({"d": {"c": [{"exists": false}]}}), json!({}), true),
        (json!({"d": {"c": ["x", {"exists": false}]}}), json!({"d": {"c": "x"}}), true),
        (json!({"d": {"c": ["x", {"exists": false}]}}), json!({"d": {"c": "y"}}), false),
        (json!({"d": {"c": ["x", {"exists": false}]}}), json!({"d": {}}), true),
    ];
    for (pattern, event, expected) in rows {
        assert_eq!(matches(&pattern, &event), Ok(expected), "{pattern} on {event}");
    }
}

#[test]
fn fields_and_alternatives() {
    let or = json!({"source": ["aws.cloudwatch"], "$or": [{"m": ["CPU", "Lag"]}, {"n": ["EC2"], "k": [1]}]});
    let nested = json!({"d": {"$or": [{"a": [1]}, {"b": {"c": [{"numeric": [">", 5]}]}}]}});
    let both = json!({"d": {"a": [1], "b": [2]}});
    let rows = [
        (&or, json!({"source": "aws.cloudwatch", "m": "Lag"}), true),
        (&or, json!({"source": "aws.cloudwatch", "n": "EC2", "k": 1}), true),
        (&or, json!({"source": "aws.cloudwatch", "n": "EC2"}), false),
        (&or, json!({"source": "aws.cloudwatch"}), false),
        (&or, json!({"source": "aws.ec2", "m": "Lag"}), false),
        (&nested, json!({"d": {"a": 1}}), true),
        (&nested, json!({"d": {"b": {"c": 6}}}), true),
        (&nested, json!({"d": {"b": {"c": 5}}}), false),
        (&both, json!({"d": {"a": 1, "b": 2, "more": 3}}), true),
        (&both, json!({"d": {"a": 1}}), false),
        (&both, json!({"d": "a"}), false),
        (&both, json!({}), false),
        // One object of an array must satisfy the whole pattern.
        (&both, json!({"d": [{"a": 1, "b": 3}, {"a": 2, "b": 2}]}), false),
        (&both, json!({"d": [{"a": 0}, {"a": 1, "b": 2}]}), true),
    ];
    for (pattern, event, expected) in rows {
        assert_eq!(matches(pattern, &event), Ok(expected), "{pattern} on {event}");
    }
    // A single branch, or operators for names, make `$or` a field like others.
    assert_eq!(matches(&json!({"$or": ["x"]}), &json!({"$or": "x"})), Ok(true));
    assert_eq!(matches(&json!({"$or": [{"prefix": "x"}, {"suffix": "y"}]}), &json!({"$or": "xz"})), Ok(true));
}

#[test]
fn an_event_of_app_runner() {
    let pattern = json!({
        "source": ["aws.apprunner"],
        "detail-type": ["AppRunner Service Operation Status Change"],
        "detail": {"$or": [
            {"operationStatus": [{"suffix": {"equals-ignore-case": "failed"}}, {"wildcard": "*FullyFailed"}]},
            {"Status": [{"prefix": "Failed"}]},
        ]},
    });
    let event = |detail: Value| {
        json!({
            "version": "0", "source": "aws.apprunner", "region": "us-east-1", "detail": detail,
            "detail-type": "AppRunner Service Operation Status Change",
        })
    };
    assert_eq!(matches(&pattern, &event(json!({"operationStatus": "DeploymentFailed"}))), Ok(true));
    assert_eq!(matches(&pattern, &event(json!({"Status": "FailedToDeploy"}))), Ok(true));
    assert_eq!(
        matches(&pattern, &event(json!({"operationStatus": "DeploymentCompletedSuccessfully"}))),
        Ok(false)
    );
}

#[test]
fn bad_patterns_name_the_key() {
    let rows = [
        (json!([]), "must be an object"),
        (json!({}), "pattern: empty objects"),
        (json!({"source": "aws.ec2"}), "source: must be an object or an array"),
        (json!({"source": []}), "source: empty arrays"),
        (json!({"detail": {}}), "detail: empty objects"),
        (json!({"detail": {"state": [["a"]]}}), "detail.state: a list within a list"),
        (
            json!({"detail": {"state": [{"starts-with": "a"}]}}),
            "detail.state: starts-with is not an operator",
        ),
        (
            json!({"f": [{"prefix": "a", "suffix": "b"}]}),
            "f: {\"prefix\":\"a\",\"suffix\":\"b\"} must hold one operator",
        ),
        (json!({"f": [{}]}), "f: {} must hold one operator"),
        (json!({"f": [{"prefix": 1}]}), "f: prefix takes a string"),
        (json!({"f": [{"suffix": {"prefix": "x"}}]}), "f: suffix takes a string"),
        (json!({"f": [{"equals-ignore-case": ["x"]}]}), "f: equals-ignore-case takes a string"),
        (json!({"f": [{"exists": "yes"}]}), "f: exists takes true or false"),
        (json!({"f": [{"wildcard": "a**b"}]}), "consecutive asterisks"),
        (json!({"f": [{"wildcard": "a\\b"}]}), "only \\* and \\\\ may be escaped"),
        (json!({"f": [{"numeric": [">"]}]}), "by turns"),
        (json!({"f": [{"numeric": 5}]}), "f: numeric takes a list"),
        (json!({"f": [{"numeric": ["~", 5]}]}), "no comparison ~"),
        (json!({"f": [{"numeric": ["<", 5, ">", 1]}]}), "a lower bound and then"),
        (json!({"f": [{"numeric": [">", 5, "<", 1]}]}), "a lower bound and then"),
        (json!({"f": [{"numeric": ["<", 6.0e9]}]}), "within"),
        (json!({"f": [{"cidr": "10.0.0.0"}]}), "has no /"),
        (json!({"f": [{"cidr": "10.0.0.0/33"}]}), "at most 32 bits"),
        (json!({"f": [{"anything-but": []}]}), "strings only or numbers only"),
        (json!({"f": [{"anything-but": ["a", 1]}]}), "strings only or numbers only"),
        (json!({"f": [{"anything-but": true}]}), "strings only or numbers only"),
        (json!({"f": [{"anything-but": {"numeric": ["=", 1]}}]}), "does not take numeric"),
        (json!({"f": [{"anything-but": {"prefix": ""}}]}), "not empty"),
        (json!({"d": {"$or": [{"a": ["x"]}, {"b": "y"}]}}), "d.$or[1].b: must be an object or an array"),
    ];
    for (pattern, expected) in rows {
        let error = format!("{:#}", Pattern::compile(&pattern).unwrap_err());
        assert!(error.contains(expected), "{pattern}: {error}");
    }
}
