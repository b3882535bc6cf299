//! What holds for every input: no panic, bounded answers, and nothing but meaning decides.

use autopilot::diagnosis::{Cause, causes_page, diagnose};
use autopilot::evidence::{Evidence, LogGroup, LogStream, Occasion};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Lines that mean something, to be mixed with anything.
const TELLING: &[&str] = &[
    "Traceback (most recent call last):",
    "KeyError: 'DATABASE_URL'",
    "Server listening on port 3000",
    "[AppRunner] Health check failed on protocol `TCP` [Port: '8080'].",
    "Error: connect ETIMEDOUT 10.0.2.15:5432",
    "GET /health 404 1 ms",
    "[Build] npm ERR! code ERESOLVE",
    "[AppRunner] Service creation failed. For details, see service logs.",
    "exec /bin/sh: exec format error",
];

fn line() -> impl Strategy<Value = String> {
    prop_oneof![proptest::sample::select(TELLING).prop_map(str::to_owned), ".{0,120}", "[\\x00-\\xff]{0,40}"]
}

fn stream(group: LogGroup, stream: &str, lines: &[String]) -> LogStream {
    LogStream {
        group,
        stream: stream.to_owned(),
        lines: lines.iter().map(|line| line.as_str().into()).collect(),
    }
}

fn evidence(lines: &[String]) -> Evidence {
    Evidence {
        operation: Occasion::CreateService,
        logs: vec![
            stream(LogGroup::Service, "events", lines),
            stream(LogGroup::Service, "deployment/1", lines),
            stream(LogGroup::Application, "instance/1", lines),
        ],
        ..Evidence::default()
    }
}

fn verdict(causes: &[Cause]) -> Vec<String> {
    causes.iter().map(|cause| format!("{} {:.3}", cause.kind, cause.confidence.get())).collect()
}

/// An event log and an application log of a failure, as messages.
fn failure() -> (Vec<String>, Vec<String>) {
    let events = [
        "[AppRunner] Service creation started.",
        "[AppRunner] Successfully pulled your application image from ECR.",
        "[AppRunner] Provisioning instances and deploying image for publicly accessible service.",
        "[AppRunner] Performing health check on protocol `TCP` [Port: '8080'].",
        "[AppRunner] Health check failed on protocol `TCP` [Port: '8080']. Check your configured port number.",
        "[AppRunner] Service creation failed. For details, see service logs.",
    ];
    let application = ["starting", "Server listening on port 3000"];
    (events.map(str::to_owned).to_vec(), application.map(str::to_owned).to_vec())
}

fn diagnose_logs(events: &[String], application: &[String]) -> Vec<String> {
    let logs = vec![
        stream(LogGroup::Service, "events", events),
        stream(LogGroup::Application, "instance/1", application),
    ];
    verdict(&diagnose(&Evidence { operation: Occasion::CreateService, logs, ..Evidence::default() }))
}

#[test]
fn console_order_does_not_matter() {
    let (events, application) = failure();
    let stamp = |lines: &[String]| -> Vec<String> {
        let stamped =
            lines.iter().enumerate().map(|(at, line)| format!("05-01-2024 11:59:{:02} PM {line}", at + 10));
        stamped.rev().collect()
    };
    let unstamped: Vec<String> = events.iter().rev().cloned().collect();
    let wanted = diagnose_logs(&events, &application);
    assert_eq!(wanted[0].split(' ').next(), Some("health-check-port"));
    assert_eq!(diagnose_logs(&stamp(&events), &stamp(&application)), wanted);
    assert_eq!(diagnose_logs(&unstamped, &application), wanted);
    assert_eq!(diagnose_logs(&[stamp(&events).join("\n")], &[stamp(&application).join("\r\n")]), wanted);
}

#[test]
fn line_ends_and_colours_do_not_matter() {
    let (events, application) = failure();
    let wanted = diagnose_logs(&events, &application);
    for dress in ["{}\n", "{}\r\n", "\u{1b}[31m{}\u{1b}[0m", "  {}  "] {
        let dressed = |lines: &[String]| -> Vec<String> {
            lines.iter().map(|line| dress.replace("{}", line)).collect()
        };
        assert_eq!(diagnose_logs(&dressed(&events), &dressed(&application)), wanted, "{dress:?}");
    }
}

#[test]
fn a_long_log_keeps_its_head_and_tail() {
    let (events, _) = failure();
    let mut application = vec!["Server listening on port 3000".to_owned()];
    application.extend((0..100_000).map(|at| format!("tick {at}")));
    assert_eq!(diagnose_logs(&events, &application)[0].split(' ').next(), Some("health-check-port"));
    application.remove(0);
    application.push("KeyError: 'DATABASE_URL'".to_owned());
    assert_eq!(diagnose_logs(&events, &application)[0].split(' ').next(), Some("app-env-missing"));
}

#[test]
fn wrong_evidence_names_its_path() {
    let table: &[(Value, &str)] = &[
        (json!([]), "evidence: expected an object"),
        (json!({"logs": 3}), "evidence.logs: expected a list of log streams"),
        (json!({"logs": [{"lines": 3}]}), "evidence.logs[0].lines: expected a list of lines"),
        (json!({"image": {"exists": "perhaps"}}), "evidence.image.exists: expected true or false"),
        (
            json!({"roles": {"instance": {"age_seconds": "young"}}}),
            "evidence.roles.instance.age_seconds: expected a number",
        ),
        (json!({"service": "web"}), "evidence.service: expected an object"),
    ];
    for (value, wanted) in table {
        assert_eq!(Evidence::from_json(value).unwrap_err().to_string(), *wanted);
    }
}

#[test]
fn the_page_is_in_step_with_the_catalogue() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/causes.md")).unwrap();
    assert!(page == causes_page(), "docs/causes.md is old: cargo run -p autopilot --example causes");
}

/// Any JSON, with the evidence's names among its keys.
fn any_json() -> impl Strategy<Value = Value> {
    const KEYS: &[&str] = &[
        "operation",
        "logs",
        "group",
        "stream",
        "lines",
        "service",
        "image",
        "platforms",
        "exists",
        "roles",
        "access",
        "trusted",
        "subnets",
        "custom_domain",
        "Status",
        "web_acl",
        "metrics",
        "last_operation",
        "connection_status",
        "Port",
        "ingress_connections",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        let key = prop_oneof![proptest::sample::select(KEYS).prop_map(str::to_owned), "[a-z]{1,5}"];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(key, inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_lines_give_a_bounded_ordered_answer(lines in proptest::collection::vec(line(), 0..40)) {
        let causes = diagnose(&evidence(&lines));
        prop_assert!(causes.len() <= 5);
        prop_assert!(causes.windows(2).all(|pair| pair[0].confidence >= pair[1].confidence));
        for cause in &causes {
            prop_assert!((0.0..=1.0).contains(&cause.confidence.get()));
            prop_assert!(!cause.evidence.is_empty() && cause.evidence.len() <= 6 && !cause.fix.is_empty());
        }
    }

    #[test]
    fn line_ends_never_matter(lines in proptest::collection::vec(line(), 0..20)) {
        let plain = verdict(&diagnose(&evidence(&lines)));
        let dressed: Vec<String> = lines.iter().map(|line| format!("{line}\r\n")).collect();
        prop_assert_eq!(plain, verdict(&diagnose(&evidence(&dressed))));
    }

    #[test]
    fn any_json_is_read_or_refused(value in any_json()) {
        if let Ok(evidence) = Evidence::from_json(&value) {
            let _ = diagnose(&evidence);
        }
    }
}
