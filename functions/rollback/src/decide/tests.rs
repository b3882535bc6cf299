mod endings;
mod findings;
mod followed;
mod requests;

use autopilot::{
    configuration::Configuration,
    ports::PushedImage,
    service::{OperationId, ServiceArn},
};
use serde_json::Value;

use super::*;
use crate::{
    case::Rolling,
    seen::WayBack,
    versions::{Ended, Success, Versions},
};
use OperationStatus::{
    Failed, InProgress, Pending, RollbackFailed, RollbackInProgress, RollbackSucceeded, Succeeded,
};
use OperationType::{CreateService, PauseService, ResumeService, StartDeployment, UpdateService};

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
}

fn service() -> ServiceArn {
    "arn:aws:apprunner:eu-west-1:123456789012:service/orders/8fe1".parse().unwrap()
}

fn settings() -> Settings {
    let given = [
        ("STATE_TABLE", "t"),
        ("ROLLBACK_MODE", "on"),
        ("BAKE_TIME", "10m"),
        ("SETTLE_TIME", "5m"),
        ("ROLLBACK_BUDGET", "3"),
        ("ROLLBACK_COOL_DOWN", "10m"),
        ("ANALYSIS_FAILURE_LIMIT", "2"),
        ("ANALYSIS_MAX_ERROR_SHARE", "0.05"),
        ("ANALYSIS_MIN_REQUESTS", "50"),
    ];
    Settings::from_environment(&given.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
        .unwrap()
}

fn id(word: &str) -> OperationId {
    OperationId(word.into())
}

/// An operation that ends at this minute.
fn operation(id: &str, kind: OperationType, status: OperationStatus, ended: i64) -> Operation {
    let ended_at = (!status.is_running()).then(|| at(ended));
    Operation {
        id: OperationId(id.into()),
        kind,
        status,
        started_at: Some(at(ended - 3)),
        ended_at,
        updated_at: None,
    }
}

fn image(tag: &str, more: &Value) -> Configuration {
    let image = format!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders{tag}");
    let mut all = json!({"SourceConfiguration": {"ImageRepository": {"ImageIdentifier": image, "ImageRepositoryType": "ECR"}}});
    for (name, value) in more.as_object().into_iter().flatten() {
        all[name] = value.clone();
    }
    Configuration::from_json(&all).unwrap()
}

fn code(port: &str) -> Configuration {
    let values = json!({"Runtime": "PYTHON_311", "Port": port});
    let configuration = json!({"ConfigurationSource": "API", "CodeConfigurationValues": values});
    let version = json!({"Type": "BRANCH", "Value": "main"});
    let repository = json!({"RepositoryUrl": "https://github.com/example/orders", "SourceCodeVersion": version,
                            "CodeConfiguration": configuration});
    Configuration::from_json(&json!({"SourceConfiguration": {"CodeRepository": repository}})).unwrap()
}

/// Version 1 by the creation `c` at minute -60, known good; pinned where a digest is given.
fn known_good(configuration: Configuration, digest: Option<&str>) -> Versions {
    let mut versions = Versions::default();
    let image = digest.map(|digest| PushedImage { digest: digest.into(), pushed_at: Some(at(-900)) });
    let success = Success {
        operation: &operation("c", CreateService, Succeeded, -60),
        configuration,
        began: None,
        image,
        assumed: true,
    };
    versions.record(&success, at(-60));
    versions
}

/// A look at the service with these operations after the creation, running what version 1 ran.
fn look(operations: &[Operation]) -> Look {
    let mut operations = operations.to_vec();
    operations.push(operation("c", CreateService, Succeeded, -60));
    Look {
        status: Some(ServiceStatus::Running),
        operations,
        configuration: image(":v1", &json!({})),
        versions: known_good(image(":v1", &json!({})), Some("sha256:aa")),
        way_back: Some(WayBack { version: 1, ..WayBack::default() }),
        ..Look::gone(service(), Mode::On)
    }
}

fn case(work: Work) -> Case<Work> {
    let mut case = Case::new(service().as_str(), IncidentId::new("orders:x"));
    case.work = Work { dealt: work.dealt.or(Some(id("c"))), ..work };
    case
}

fn decided(work: Work, look: &Look, minute: i64) -> Decision {
    decide(&case(work), &Seen::Whole(Box::new(look.clone())), &settings(), at(minute))
}

/// The decision, what it says, and whether the case stays open.
fn plan(look: &Look, minute: i64) -> (&'static str, Vec<String>, bool) {
    shown(&decided(Work::default(), look, minute))
}

fn shown(plan: &Decision) -> (&'static str, Vec<String>, bool) {
    let said = plan.say.iter().map(|say| format!("{} {}", say.phase, say.reason)).collect();
    (plan.decision, said, plan.open)
}

fn silent(decision: &'static str, open: bool) -> (&'static str, Vec<String>, bool) {
    (decision, vec![], open)
}

fn held(reason: &str) -> (&'static str, Vec<String>, bool) {
    ("hold", vec![format!("held {reason}")], true)
}

#[test]
fn what_runs_or_is_not_known_waits() {
    for status in [Pending, InProgress, RollbackInProgress, OperationStatus::from("PONDERING")] {
        assert_eq!(plan(&look(&[operation("d", UpdateService, status, 0)]), 99), silent("wait", true));
    }
    for status in [ServiceStatus::OperationInProgress, ServiceStatus::from("ON_HOLIDAY")] {
        let failed = [operation("d", UpdateService, RollbackFailed, 0)];
        assert_eq!(plan(&Look { status: Some(status), ..look(&failed) }, 99), silent("wait", true));
    }
}

#[test]
fn a_failure_is_decided_once_it_has_settled() {
    let other = image(":v2", &json!({}));
    for (kind, status, changed, after) in [
        (StartDeployment, RollbackSucceeded, false, "skipped recovered-by-app-runner"),
        (UpdateService, RollbackSucceeded, true, "skipped recovered-by-app-runner"),
        (StartDeployment, Failed, false, "skipped recovered-by-app-runner"),
        (UpdateService, Failed, false, "skipped recovered-by-app-runner"),
        (UpdateService, Failed, true, "roll-back"),
        (UpdateService, RollbackFailed, true, "roll-back"),
        (UpdateService, RollbackFailed, false, "roll-back"),
        (StartDeployment, RollbackFailed, false, "roll-back"),
    ] {
        let mut now = look(&[operation("d", kind.clone(), status.clone(), 0)]);
        if changed {
            now.configuration = other.clone();
        }
        assert_eq!(plan(&now, 4), silent("wait", true), "{kind} {status}: it settles");
        let (decision, said, open) = plan(&now, 5);
        if after == "roll-back" {
            assert_eq!((decision, said, open), silent("roll-back", true), "{kind} {status} {changed}");
        } else {
            assert_eq!((said, open), (vec![after.to_owned()], false), "{kind} {status} {changed}");
        }
        // Somebody acted after it.
        let mut busy = now.clone();
        busy.operations.insert(0, operation("e", ResumeService, Succeeded, 4));
        assert_eq!(plan(&busy, 5).1, ["skipped someone-else-acted"], "{kind} {status}");
        let off = Look { mode: Mode::Off, ..now };
        let off = decided(Work::default(), &off, 5);
        assert!(off.act.is_none() && off.say.is_empty() && !off.open, "{kind} {status}");
    }
}

#[test]
fn a_service_that_cannot_be_acted_on_is_skipped_and_told_only_after_a_failure() {
    for (status, reason) in
        [(Some(ServiceStatus::Paused), "paused"), (Some(ServiceStatus::Deleted), "gone"), (None, "gone")]
    {
        let failed = look(&[operation("d", UpdateService, RollbackFailed, 0)]);
        let said = vec![format!("skipped {reason}")];
        assert_eq!(plan(&Look { status: status.clone(), ..failed }, 9), ("skip", said, false));
        let paused = look(&[operation("p", PauseService, Succeeded, 0)]);
        assert_eq!(plan(&Look { status, ..paused }, 9), silent("skip", false));
    }
    let failed = look(&[operation("d", UpdateService, RollbackFailed, 0)]);
    assert_eq!(plan(&Look { status: Some(ServiceStatus::CreateFailed), ..failed }, 9), silent("end", false));
}

#[test]
fn what_stands_in_the_way_is_held() {
    let failed = || Look {
        configuration: image(":v2", &json!({})),
        ..look(&[operation("d", UpdateService, RollbackFailed, 0)])
    };
    let private = json!({"NetworkConfiguration": {"IngressConfiguration": {"IsPubliclyAccessible": false}}});
    let role = json!({"InstanceConfiguration": {"InstanceRoleArn": "arn:aws:iam::123456789012:role/other"}});
    let gone = |way_back| Look { way_back: Some(way_back), ..failed() };
    let unpinned = known_good(image(":v2", &json!({})), None);
    let built =
        |port| Look { configuration: code(port), versions: known_good(code("8080"), None), ..failed() };
    for (now, reason) in [
        (Look { versions: Versions::default(), ..failed() }, "no-known-good-version"),
        (
            gone(WayBack { version: 1, image_missing: Some("is gone".into()), ..WayBack::default() }),
            "image-gone",
        ),
        (
            gone(WayBack { version: 1, resource_missing: Some("arn".into()), ..WayBack::default() }),
            "resource-gone",
        ),
        (Look { versions: unpinned, ..failed() }, "image-not-pinned"),
        (built("8080"), "code-cannot-be-pinned"),
        (Look { configuration: image(":v2", &private), ..failed() }, "would-widen-exposure"),
        (Look { configuration: image(":v2", &role), ..failed() }, "would-widen-exposure"),
    ] {
        assert_eq!(plan(&now, 9), held(reason));
    }
    // Unpinned, but another tag; code, but another configuration.
    let other = known_good(image(":v1", &json!({})), None);
    for now in [Look { versions: other, ..failed() }, built("9090")] {
        assert_eq!(plan(&now, 9), silent("roll-back", true));
    }
    let unread = Look { way_back: None, ..failed() };
    assert_eq!(plan(&unread, 9), silent("wait", true), "nothing is done unseen");
}

#[test]
fn a_success_bakes_and_its_verdict_decides() {
    let operations = [operation("d", UpdateService, Succeeded, 0)];
    let mut now = Look { configuration: image(":v2", &json!({})), ..look(&operations) };
    assert_eq!(plan(&now, 1), silent("wait", true), "another operation came while it was recorded");
    let (configuration, began) = (now.configuration.clone(), None);
    let success = Success { operation: &operations[0], configuration, began, image: None, assumed: false };
    now.versions.record(&success, at(0));
    let baking = decided(Work::default(), &now, 1);
    assert_eq!(shown(&baking), silent("bake", true));
    for (ended, expected) in [
        (Ended::Good(Evidence::None), silent("known-good", false)),
        (Ended::Unproven, silent("unproven", false)),
        (Ended::Bad("fail: errors".into()), silent("roll-back", true)),
    ] {
        let mut now = now.clone();
        now.versions.judge(&operations[0].id, ended);
        assert_eq!(shown(&decided(baking.work.clone(), &now, 20)), expected);
    }
    // A failed deployment in between was undone: what bakes still bakes.
    now.operations.insert(0, operation("e", StartDeployment, RollbackSucceeded, 5));
    let skipped = decided(baking.work, &now, 10);
    assert_eq!((skipped.say[0].reason, skipped.open), ("recovered-by-app-runner", true));
    assert_eq!(shown(&decided(skipped.work, &now, 11)), silent("bake", true));
}

fn ours() -> Work {
    let act = Act::RollBack {
        to: 1,
        why: Why::AnalysisFailed,
        because: String::new(),
        after: Some(id("d")),
        left: None,
        bad: vec![],
        drift: vec![],
        by_hand: vec![],
    };
    Work { rolling: Some(Rolling { operation: Some(id("r")), since: at(6), act }), ..Work::default() }
}

#[test]
fn our_own_update_is_verified_and_never_rolled_back() {
    let undone = operation("d", UpdateService, RollbackFailed, 0);
    for (status, configuration, said) in [
        (Succeeded, "@sha256:aa", "succeeded verified"),
        (Succeeded, ":v2", "failed own-rollback-failed"),
        (Failed, "@sha256:aa", "failed own-rollback-failed"),
        (RollbackFailed, ":v2", "failed own-rollback-failed"),
        (RollbackSucceeded, ":v2", "failed own-rollback-failed"),
    ] {
        let operations = [operation("r", UpdateService, status.clone(), 9), undone.clone()];
        let now = Look { configuration: image(configuration, &json!({})), ..look(&operations) };
        let plan = decided(ours(), &now, 10);
        assert_eq!(plan.work.hold.is_some(), said == "succeeded verified", "{status}");
        let work = plan.work.clone();
        assert_eq!(
            (shown(&plan).1, work.rolling.is_some()),
            (vec![said.to_owned()], false),
            "{status} {configuration}"
        );
        // No chain: later looks do nothing.
        assert_eq!(shown(&decided(work, &now, 60)), silent("end", false), "{status}");
    }
    let later =
        [operation("e", UpdateService, Succeeded, 12), operation("r", UpdateService, Succeeded, 9), undone];
    assert_eq!(shown(&decided(ours(), &look(&later), 13)).1, ["skipped someone-else-acted"]);
}
