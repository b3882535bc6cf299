mod limits;

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn sample() -> Value {
    json!({
        "hosted_zone_id": "Z0EXAMPLE", "record_name": "app.example.com",
        "from": {"service_arn": "arn:aws:apprunner:us-east-1:123456789012:service/orders/8fe1",
                 "set_identifier": "app-runner-service"},
        "to": {"set_identifier": "ecs-express-service",
               "alias": {"dns_name": "my-alb.us-east-1.elb.amazonaws.com", "hosted_zone_id": "Z35SXDOTRQ7X7K",
                         "evaluate_target_health": false},
               "target_group_arns": ["arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/orders/6d0e"]},
        "step_weights": [10, 25, 50, 75, 100], "bake_time": "10m", "analysis_interval": "1m",
        "failure_limit": 2, "min_requests": 50, "alarms": ["checkout-5xx"], "pause_before": [100],
        "progress_deadline": "6h", "validation_time": "24h", "dry_run": false
    })
}

fn with(path: &str, value: Value) -> Value {
    let mut plan = sample();
    let (parent, name) = path.rsplit_once('/').unwrap();
    plan.pointer_mut(parent).unwrap()[name] = value;
    plan
}

fn errors(plan: &Value) -> Vec<String> {
    Plan::read(Some(plan)).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn the_documented_plan_is_read_and_survives_storage() {
    let plan = Plan::read(Some(&sample())).unwrap();
    assert_eq!(plan.record_name.as_str(), "app.example.com.");
    assert_eq!((plan.bake_time, plan.validation_time), (Period::minutes(10), Period::days(1)));
    assert_eq!(plan.pause_before, [100]);
    let stored = serde_json::to_value(&plan).unwrap();
    assert_eq!(stored["to"]["alias"]["hosted_zone_id"], "Z35SXDOTRQ7X7K");
    assert_eq!(serde_json::from_value::<Plan>(stored).unwrap(), plan);
}

#[test]
fn presets_fill_in_what_is_left_out() {
    let mut plan = json!({
        "hosted_zone_id": "/hostedzone/Z0EXAMPLE", "record_name": "App.Example.com.",
        "from": {"service_arn": "arn:aws:apprunner:us-east-1:123456789012:service/orders/8fe1"},
        "to": {"express_service_arn": "arn:aws:ecs:us-east-1:123456789012:service/default/orders"},
    });
    let standard = Plan::read(Some(&plan)).unwrap();
    assert_eq!((standard.step_weights, standard.failure_limit), (vec![10, 25, 50, 75, 100], 2));
    assert_eq!(standard.to.set_identifier, "ecs-express-service");
    plan["preset"] = json!("critical");
    let critical = Plan::read(Some(&plan)).unwrap();
    assert_eq!(critical.step_weights, [5, 10, 25, 50, 75, 100]);
    assert_eq!((critical.bake_time, critical.failure_limit), (Period::minutes(30), 1));
    plan["bake_time"] = json!("90s");
    assert_eq!(Plan::read(Some(&plan)).unwrap().bake_time, Period::seconds(90), "what is said wins");
}

#[test]
fn each_error_names_its_field_and_what_is_allowed() {
    let group = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/orders/6d0e";
    for (path, value, expected) in [
        ("/hosted_zone_id", json!("Z 1"), "plan.hosted_zone_id: expected the ID of a hosted zone"),
        ("/hosted_zone_id", Value::Null, "plan.hosted_zone_id: is missing"),
        ("/record_name", json!("a..b"), "plan.record_name: expected a domain name, found \"a..b\""),
        ("/from", json!(7), "plan.from: expected an object, found 7"),
        ("/from/service_arn", json!("orders"), "plan.from.service_arn: expected arn:"),
        ("/from/set_identifier", json!(""), "plan.from.set_identifier: expected a text of 1 to 128"),
        (
            "/from/set_identifier",
            json!("ecs-express-service"),
            "plan.to.set_identifier: expected another one",
        ),
        ("/to/alias", json!({"dns_name": "x.y"}), "plan.to.alias.hosted_zone_id: is missing"),
        ("/to/alias", Value::Null, "plan.to.alias: expected exactly one of alias, cname and express"),
        ("/to/cname", json!("x.y"), "plan.to.alias: expected exactly one of alias, cname and express"),
        ("/to/target_group_arns", json!([group, "x"]), "plan.to.target_group_arns[1]: expected the ARN of a"),
        (
            "/step_weights",
            json!([10, 25, 25, 100]),
            "plan.step_weights[2]: expected more than the step before it (25)",
        ),
        (
            "/step_weights",
            json!([0, 100]),
            "plan.step_weights[0]: expected a whole number from 1 to 100, found 0",
        ),
        ("/step_weights", json!([10.5, 100]), "plan.step_weights[0]: expected a whole number from 1 to 100"),
        ("/step_weights", json!([50, 101]), "plan.step_weights[1]: expected a whole number from 1 to 100"),
        ("/step_weights", json!("100"), "plan.step_weights: expected a list"),
        ("/bake_time", json!(600), "plan.bake_time: expected a time from 0s to 7d"),
        ("/bake_time", json!("8d"), "plan.bake_time: expected a time from 0s to 7d"),
        ("/analysis_interval", json!("0s"), "plan.analysis_interval: expected a time from 1s to 1h"),
        ("/failure_limit", json!(0), "plan.failure_limit: expected a whole number from 1 to 100, found 0"),
        ("/min_requests", json!(-1), "plan.min_requests: expected a whole number from 1 to 1000000000"),
        ("/max_error_share", json!(1.5), "plan.max_error_share: expected a number above 0, at most 1"),
        ("/alarms", json!(["a", 1]), "plan.alarms[1]: expected the name of a CloudWatch alarm, found 1"),
        (
            "/pause_before",
            json!([25, 30]),
            "plan.pause_before[1]: expected one of plan.step_weights, found 30",
        ),
        (
            "/progress_deadline",
            json!("10m"),
            "plan.progress_deadline: expected more than the bake time (10m)",
        ),
        ("/validation_time", json!("1.5h"), "plan.validation_time: expected a time from 0s to 30d"),
        ("/dry_run", json!("yes"), "plan.dry_run: expected true or false, found \"yes\""),
        ("/preset", json!("bold"), "plan.preset: expected standard or critical"),
        ("/bake_tme", json!("5m"), "plan.bake_tme: is not known here; known are accept_slow_abort, alarms"),
        ("/to/weight", json!(5), "plan.to.weight: is not known here; known are alias, cname"),
    ] {
        let errors = errors(&with(path, value.clone()));
        assert!(errors.len() == 1 && errors[0].starts_with(expected), "{path} {value}: {errors:?}");
    }
}

#[test]
fn alarms_alone_do_not_judge_a_step() {
    for groups in [json!([]), Value::Null] {
        let found = errors(&with("/to/target_group_arns", groups));
        assert!(
            found.len() == 1 && found[0].starts_with("plan.to.target_group_arns: expected at least one"),
            "{found:?}"
        );
    }
}

#[test]
fn steps_that_do_not_end_in_100_are_refused() {
    for (steps, expected) in [
        (json!([10, 50]), "plan.step_weights[1]: expected the last step to be 100, found 50"),
        (json!([]), "plan.step_weights: expected at least one step"),
    ] {
        let mut plan = with("/step_weights", steps);
        plan["pause_before"] = json!([]);
        assert_eq!(errors(&plan), [expected]);
    }
}

#[test]
fn all_errors_come_at_once() {
    let plan =
        json!({"record_name": 5, "to": {"cname": "x.y"}, "step_weights": [20, 10], "bake_time": "soon"});
    let mut fields: Vec<String> =
        Plan::read(Some(&plan)).unwrap_err().into_iter().map(|error| error.field).collect();
    fields.sort();
    assert_eq!(
        fields,
        [
            "plan.bake_time",
            "plan.from",
            "plan.hosted_zone_id",
            "plan.record_name",
            "plan.step_weights[1]",
            "plan.step_weights[1]",
            "plan.to.target_group_arns",
        ]
    );
    assert_eq!(Plan::read(None).unwrap_err().len(), 1);
}

#[test]
fn steps_and_weights_lead_to_each_other() {
    let plan = Plan::read(Some(&sample())).unwrap();
    assert_eq!((plan.weight_after(0), plan.weight_after(1), plan.weight_after(5)), (0, 10, 100));
    assert_eq!(plan.weight_after(6), 0);
    assert_eq!((plan.steps_to(0), plan.steps_to(50), plan.steps_to(60)), (Some(0), Some(3), None));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::from),
        "[0-9]{1,25}[dhms]".prop_map(Value::from),
        (0_u8..=101).prop_map(Value::from),
    ];
    let name = prop_oneof![
        "(hosted_zone_id|record_name|from|to|step_weights|bake_time|alarms|pause_before|alias|cname|service_arn)",
        "(target_group_arns|dns_name|failure_limit|progress_deadline|set_identifier|preset|max_latency)",
        "[a-z]{0,6}",
    ];
    leaf.prop_recursive(4, 40, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(name.clone(), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_makes_it_panic_and_every_refusal_says_where(value in any_json()) {
        if let Err(errors) = Plan::read(Some(&value)) {
            prop_assert!(!errors.is_empty());
            prop_assert!(errors.iter().all(|error| error.field.starts_with("plan") && !error.message.is_empty()));
        }
    }

    #[test]
    fn one_strange_field_in_a_good_plan_is_refused_or_harmless(
        field in "(hosted_zone_id|record_name|from|to|step_weights|bake_time|alarms|pause_before|preset|dry_run)",
        value in any_json(),
    ) {
        if let Ok(plan) = Plan::read(Some(&with(&format!("/{field}"), value))) {
            prop_assert!(plan.step_weights.is_sorted_by(|a, b| a < b));
            prop_assert!(plan.step_weights.iter().all(|weight| (1..=100).contains(weight)));
            prop_assert_eq!(plan.step_weights.last(), Some(&100));
            prop_assert!(plan.bake_time < plan.progress_deadline);
            prop_assert_ne!(plan.from.set_identifier, plan.to.set_identifier);
        }
    }
}
