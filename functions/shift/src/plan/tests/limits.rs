//! The last value that each field takes, and the first that it does not.

use serde_json::{Value, json};

use super::{errors, sample, with};
use crate::plan::Plan;

const GROUP: &str = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/orders/6d0e";

fn text(length: usize) -> Value {
    json!("ä".repeat(length))
}

fn names(count: usize) -> Value {
    (0..count).map(|number| format!("alarm-{number}")).collect()
}

fn groups(count: usize) -> Value {
    (0..count).map(|number| format!("{GROUP}{number}")).collect()
}

#[test]
fn each_limit_itself_is_taken_and_what_is_beyond_it_is_refused() {
    let cases: [(&str, Vec<Value>, Vec<Value>); 13] = [
        ("/hosted_zone_id", vec![json!("Z"), json!("Z".repeat(32))], vec![json!(""), json!("Z".repeat(33))]),
        ("/from/set_identifier", vec![text(1), text(128)], vec![text(0), text(129)]),
        ("/to/set_identifier", vec![text(1), text(128)], vec![text(0), text(129)]),
        ("/to/target_group_arns", vec![groups(1), groups(20)], vec![groups(21)]),
        ("/bake_time", vec![json!("0s"), json!("7d")], vec![json!("604801s")]),
        ("/analysis_interval", vec![json!("1s"), json!("1h")], vec![json!("0s"), json!("3601s")]),
        ("/failure_limit", vec![json!(1), json!(100)], vec![json!(0), json!(101), json!(1.5), json!("2")]),
        ("/min_requests", vec![json!(1), json!(1_000_000_000)], vec![json!(0), json!(1_000_000_001)]),
        ("/max_error_share", vec![json!(0.0001), json!(1)], vec![json!(0), json!(-0.1), json!(1.0001)]),
        ("/max_latency", vec![json!("1s"), json!("2m")], vec![json!("0s"), json!("121s")]),
        ("/alarms", vec![names(0), names(100)], vec![names(101)]),
        ("/progress_deadline", vec![json!("601s"), json!("30d")], vec![json!("600s"), json!("2592001s")]),
        ("/validation_time", vec![json!("0s"), json!("30d")], vec![json!("2592001s")]),
    ];
    for (path, taken, refused) in cases {
        let plan = |value: &Value| {
            let mut plan = with(path, value.clone());
            if path != "/progress_deadline" {
                plan["progress_deadline"] = json!("30d");
            }
            plan
        };
        for value in &taken {
            let read = Plan::read(Some(&plan(value)));
            assert!(read.is_ok(), "{path} {value}: {read:?}");
        }
        for value in &refused {
            let (errors, field) = (errors(&plan(value)), path.replace('/', "."));
            assert!(
                errors.len() == 1 && errors[0].starts_with(&format!("plan{field}: ")),
                "{path} {value}: {errors:?}"
            );
        }
    }
}

#[test]
fn weights_are_whole_hundredths_and_names_of_alarms_as_long_as_cloudwatch_takes_them() {
    for (path, value, expected) in [
        ("/step_weights", json!([1, 100]), None),
        (
            "/step_weights",
            json!([0, 100]),
            Some("plan.step_weights[0]: expected a whole number from 1 to 100, found 0"),
        ),
        (
            "/step_weights",
            json!([100, 101]),
            Some("plan.step_weights[1]: expected a whole number from 1 to 100, found 101"),
        ),
        ("/pause_before", json!([10, 100]), None),
        (
            "/pause_before",
            json!([0]),
            Some("plan.pause_before[0]: expected one of plan.step_weights, found 0"),
        ),
        (
            "/pause_before",
            json!([101]),
            Some("plan.pause_before[0]: expected one of plan.step_weights, found 101"),
        ),
        ("/alarms", json!([text(1), text(255)]), None),
        (
            "/alarms",
            json!([text(0)]),
            Some("plan.alarms[0]: expected the name of a CloudWatch alarm, found \"\""),
        ),
        (
            "/alarms",
            json!(["a", text(256)]),
            Some("plan.alarms[1]: expected the name of a CloudWatch alarm, found "),
        ),
    ] {
        match (Plan::read(Some(&with(path, value.clone()))), expected) {
            (Ok(_), None) => {}
            (Err(errors), Some(expected)) => {
                assert!(
                    errors.len() == 1 && errors[0].to_string().starts_with(expected),
                    "{value}: {errors:?}"
                );
            }
            (read, _) => panic!("{path} {value}: {read:?}"),
        }
    }
}

#[test]
fn an_arn_is_that_of_the_right_kind_of_thing_and_whole() {
    let long = |length: usize| format!("{GROUP}{}", "x".repeat(length - GROUP.len()));
    for (arn, is_taken) in [
        (GROUP.to_owned(), true),
        (GROUP.replace("arn:aws:", "arn:aws-cn:"), true),
        (long(512), true),
        (long(513), false),
        (GROUP.replace("arn:", "urn:"), false),
        (GROUP.replace(":aws:", "::"), false),
        (GROUP.replace("us-east-1", ""), false),
        (GROUP.replace("123456789012", ""), false),
        (GROUP.replace("elasticloadbalancing", "ecs"), false),
        (GROUP.replace("targetgroup/", "loadbalancer/"), false),
        (GROUP.replace("targetgroup/orders/6d0e", "targetgroup/"), false),
        (GROUP.replace(":targetgroup/orders/6d0e", ""), false),
        (GROUP.replace("orders", "or ders"), false),
        (GROUP.replace("orders", "örders"), false),
    ] {
        let read = Plan::read(Some(&with("/to/target_group_arns", json!([arn]))));
        assert_eq!(read.is_ok(), is_taken, "{arn}: {read:?}");
    }
    let mut plan = sample();
    let express = "arn:aws:ecs:us-east-1:123456789012:service/default/orders";
    for (arn, is_taken) in [(express, true), (GROUP, false)] {
        plan["to"] = json!({"express_service_arn": arn});
        assert_eq!(Plan::read(Some(&plan)).is_ok(), is_taken, "{arn}");
    }
}

#[test]
fn a_long_value_is_shown_by_its_beginning() {
    for (length, shown) in [(58, format!("\"{}\"", "x".repeat(58))), (59, format!("\"{}…", "x".repeat(59)))]
    {
        let expected = format!("plan.preset: expected standard or critical, found {shown}");
        assert_eq!(errors(&with("/preset", json!("x".repeat(length)))), [expected]);
    }
}
