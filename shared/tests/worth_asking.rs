//! Which questions the third round of gathering asks: a table of situations, and the whole corpus.

#[path = "../examples/evidence_calls/replay.rs"]
mod replay;

use autopilot::{
    diagnosis::diagnose,
    evidence::{Evidence, EvidenceError},
    facts::{
        CALLS,
        Question::{self, Connection, CustomDomain, Image, IngressConnections, Metrics, Roles, Subnets},
        worth_asking,
    },
};
use serde_json::{Value, json};

fn asked(evidence: &Value) -> Result<Vec<Question>, EvidenceError> {
    let evidence = Evidence::from_json(evidence)?;
    Ok(worth_asking(&evidence, &diagnose(&evidence)).into_keys().collect())
}

/// An operation that failed with this sentence of the platform, and this output of the application.
fn failed(operation: &str, reason: &str, application: &[&str], service: &Value) -> Value {
    json!({
        "operation": operation,
        "logs": [
            {"group": "service", "stream": "events", "lines": [
                "[AppRunner] Deployment with ID : 0123456789abcdef0123456789abcdef started. Triggering event : SERVICE_CREATE",
                format!("[AppRunner] Deployment with ID : 0123456789abcdef0123456789abcdef failed. Failure reason : {reason}"),
            ]},
            {"group": "application", "stream": "instance/1", "lines": application},
        ],
        "service": service,
    })
}

fn image(egress: &str) -> Value {
    json!({
        "SourceConfiguration": {
            "AuthenticationConfiguration": {"AccessRoleArn": "arn:aws:iam::123456789012:role/access"},
            "ImageRepository": {
                "ImageIdentifier": "123456789012.dkr.ecr.us-east-1.amazonaws.com/orders:v7",
                "ImageRepositoryType": "ECR",
                "ImageConfiguration": {"Port": "8080"},
            },
        },
        "NetworkConfiguration": {"EgressConfiguration": {"EgressType": egress}},
    })
}

fn code() -> Value {
    json!({
        "SourceConfiguration": {"CodeRepository": {"RepositoryUrl": "https://github.com/example/orders"}},
        "InstanceConfiguration": {},
    })
}

const PULL: &str = "Failed to copy the image from ECR.";
const HEALTH: &str = "Container health check failed on protocol `TCP` [Port: '8080'].";
const BARE: &str = "Failed to deploy your application image.";
const TRACE: &[&str] = &[
    "Traceback (most recent call last):",
    "  File \"/app/main.py\", line 1, in <module>",
    "    import flask",
    "ModuleNotFoundError: No module named 'flask'",
];

#[test]
fn a_question_is_asked_only_where_its_answer_matters() {
    let (default, vpc) = (image("DEFAULT"), image("VPC"));
    let mut public = default.clone();
    public["SourceConfiguration"]["ImageRepository"]["ImageRepositoryType"] = json!("ECR_PUBLIC");
    for (situation, evidence, expected) in [
        ("a failed pull", failed("CREATE_SERVICE", PULL, &[], &default), &[Image, Roles][..]),
        (
            "a silent failed health check",
            failed("UPDATE_SERVICE", HEALTH, &[], &vpc),
            &[Image, Roles, Subnets],
        ),
        ("the same without a connector", failed("UPDATE_SERVICE", HEALTH, &[], &default), &[Image, Roles]),
        ("the same with a public image", failed("UPDATE_SERVICE", HEALTH, &[], &public), &[Roles]),
        ("a bare failure", failed("START_DEPLOYMENT", BARE, &[], &vpc), &[Image, Roles, Subnets]),
        (
            "a role that cannot be assumed",
            failed(
                "CREATE_SERVICE",
                "Error in assuming instance role arn:aws:iam::123456789012:role/i",
                &[],
                &default,
            ),
            &[Image, Roles],
        ),
        (
            "a time-out through a connector",
            failed("CREATE_SERVICE", HEALTH, &["Error: connect ETIMEDOUT 52.94.133.131:443"], &vpc),
            &[Subnets],
        ),
        (
            "a time-out without a connector",
            failed("CREATE_SERVICE", HEALTH, &["Error: connect ETIMEDOUT 52.94.133.131:443"], &default),
            &[],
        ),
        ("a trace that explains itself", failed("CREATE_SERVICE", HEALTH, TRACE, &vpc), &[]),
        (
            "a bare failure of a code service",
            failed("CREATE_SERVICE", BARE, &[], &code()),
            &[Subnets, Connection],
        ),
        (
            "a deletion",
            json!({"operation": "DELETE_SERVICE", "service": {"Status": "DELETE_FAILED"}, "last_operation": {"Type": "DELETE_SERVICE", "Status": "FAILED"}}),
            &[IngressConnections],
        ),
        ("a custom domain", json!({"operation": "CUSTOM_DOMAIN"}), &[CustomDomain]),
        ("a running service", json!({"operation": "RUNTIME"}), &[Metrics]),
        (
            "a success",
            json!({"operation": "UPDATE_SERVICE", "last_operation": {"Type": "UPDATE_SERVICE", "Status": "SUCCEEDED"},
                   "logs": [{"group": "service", "stream": "events", "lines": ["[AppRunner] Service update completed successfully."]}]}),
            &[],
        ),
    ] {
        assert_eq!(asked(&evidence).unwrap(), expected, "{situation}");
    }
}

#[test]
fn every_question_comes_with_its_reason() {
    let evidence = Evidence::from_json(&failed("CREATE_SERVICE", PULL, &[], &image("VPC"))).unwrap();
    for (question, because) in worth_asking(&evidence, &diagnose(&evidence)) {
        assert!(because.len() > 20, "{question:?}: {because}");
    }
}

/// What is asked is enough: with those answers the verdict is the one that all facts give.
#[test]
fn the_facts_asked_for_give_the_verdict_that_all_facts_give() {
    for part in ["tune", "held-out"] {
        let replayed = replay::replay(part).unwrap();
        let differing = replayed.iter().filter(|case| case.verdicts[1] != case.verdicts[2]).count();
        let (silent, mut missed) = (replayed.iter().filter(|case| case.asked.is_empty()).count(), Vec::new());
        for case in replayed.iter().filter(|case| case.verdicts[1] != case.verdicts[2]) {
            missed.push((
                &case.name,
                &case.kind,
                case.answerable.difference(&case.asked).collect::<Vec<_>>(),
            ));
        }
        println!("{part}: {} cases, {silent} ask nothing, {differing} verdicts differ", replayed.len());
        if part == "tune" {
            println!("{missed:?}");
        }
        let most =
            replayed.iter().map(|case| case.asked.iter().map(|question| question.calls()).sum::<usize>());
        assert!(most.max() <= Some(CALLS), "{part}: the budget is {CALLS} calls");
        assert!(
            differing * 50 <= replayed.len(),
            "{part}: {differing} of {} verdicts differ",
            replayed.len()
        );
        assert!(silent * 3 >= replayed.len(), "{part}: {silent} of {} cases ask nothing", replayed.len());
    }
}
