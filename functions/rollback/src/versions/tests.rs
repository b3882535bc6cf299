use autopilot::service::{OperationStatus, OperationType};
use serde_json::json;

use super::*;

const DIGEST: &str = "sha256:aa";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn operation(id: &str) -> Operation {
    Operation {
        id: OperationId(id.into()),
        kind: OperationType::UpdateService,
        status: OperationStatus::Succeeded,
        started_at: Some(at(0)),
        ended_at: Some(at(300)),
        updated_at: None,
    }
}

fn configuration(image: &str) -> Configuration {
    let image = format!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders{image}");
    let repository = json!({"ImageIdentifier": image, "ImageRepositoryType": "ECR"});
    let source = json!({"AutoDeploymentsEnabled": true, "ImageRepository": repository});
    Configuration::from_json(&json!({"SourceConfiguration": source})).unwrap()
}

fn looked_up(digest: Option<&str>, second: i64) -> LookUp {
    let image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders:v1".to_owned();
    LookUp { operation: OperationId("d".into()), image, digest: digest.map(str::to_owned), at: at(second) }
}

fn pushed(digest: &str, second: Option<i64>) -> PushedImage {
    PushedImage { digest: digest.to_owned(), pushed_at: second.map(at) }
}

#[test]
fn an_image_is_pinned_only_by_the_same_answer_at_start_and_end_and_a_push_before() {
    let start = looked_up(Some(DIGEST), 5);
    let of_another = LookUp { operation: OperationId("e".into()), ..start.clone() };
    let renamed = LookUp { image: "other".to_owned(), ..start.clone() };
    let before = Some(pushed(DIGEST, Some(-60)));
    for (began, image, pinned) in [
        (Some(start.clone()), before.clone(), true),
        (None, before.clone(), false),
        (Some(looked_up(None, 5)), before.clone(), false),
        (Some(looked_up(Some("sha256:bb"), 5)), before.clone(), false),
        (Some(looked_up(Some(DIGEST), 121)), before.clone(), false),
        (Some(of_another), before.clone(), false),
        (Some(renamed), before, false),
        (Some(start.clone()), None, false),
        (Some(start.clone()), Some(pushed(DIGEST, None)), false),
        (Some(start.clone()), Some(pushed(DIGEST, Some(0))), true),
        (Some(start.clone()), Some(pushed(DIGEST, Some(1))), false),
        (Some(start), Some(pushed("sha256:bb", Some(-60))), false),
    ] {
        let operation = operation("d");
        let success = Success {
            operation: &operation,
            configuration: configuration(":v1"),
            began: began.as_ref(),
            image: image.clone(),
            assumed: false,
        };
        let mut versions = Versions::default();
        versions.record(&success, at(301));
        versions.record(&success, at(302));
        assert_eq!(versions.kept.len(), 1, "once an operation");
        assert_eq!(versions.kept[0].digest.is_some(), pinned, "{began:?} {image:?}");
    }
}

fn with(ids: &[&str], assumed: bool, image: Option<&PushedImage>) -> Versions {
    let mut versions = Versions::default();
    for id in ids {
        let (operation, image) = (operation(id), image.cloned());
        let configuration = configuration(":v1");
        versions
            .record(&Success { operation: &operation, configuration, began: None, image, assumed }, at(301));
    }
    versions
}

#[test]
fn an_assumed_version_is_no_way_back_if_its_image_came_later() {
    for (pushed_at, usable) in [(-60, true), (0, true), (1, false)] {
        let versions = with(&["a"], true, Some(&pushed(DIGEST, Some(pushed_at))));
        assert_eq!(versions.good().next().is_some(), usable, "{pushed_at}");
        assert_eq!(versions.kept[0].digest.is_some(), usable);
    }
}

#[test]
fn the_last_five_known_good_versions_are_kept_and_what_is_bad_is_never_chosen() {
    let ids: Vec<_> = (0..8).map(|number| format!("o{number}")).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let mut versions = Versions::default();
    for id in &ids {
        let operation = operation(id);
        let configuration = configuration("@sha256:cc");
        let success =
            Success { operation: &operation, configuration, began: None, image: None, assumed: false };
        versions.record(&success, at(301));
        versions.judge(&operation.id, Ended::Good(Evidence::None));
        // The verdict is final.
        versions.judge(&operation.id, Ended::Bad("late".to_owned()));
    }
    assert_eq!(versions.kept.iter().map(|it| it.number).collect::<Vec<_>>(), [4, 5, 6, 7, 8]);
    assert_eq!(versions.good().map(|it| it.number).collect::<Vec<_>>(), [8, 7, 6, 5, 4]);
    versions.reject(8);
    assert_eq!(versions.good().next().map(|it| it.number), Some(7), "a person rolled back from it");
    for ended in [Ended::Bad("x".to_owned()), Ended::Unproven] {
        let mut versions = with(&["a"], false, None);
        assert_eq!(versions.good().next(), None, "it bakes");
        versions.judge(&OperationId("a".into()), ended);
        assert_eq!(versions.good().next(), None);
    }
}

#[test]
fn a_rollback_sends_the_digest_and_no_automatic_deployments_and_keeps_the_rest() {
    let versions = with(&["a"], true, Some(&pushed(DIGEST, Some(-60))));
    let version = &versions.kept[0];
    let sent = version.pinned();
    assert!(sent.text(Member::Image).is_some_and(|image| image.ends_with("orders@sha256:aa")), "{sent:?}");
    assert_eq!(sent.flag(Member::AutoDeployments), Some(false));
    assert_eq!(versions.equal_to(&sent).map(|it| it.number), Some(1), "what was sent is the version");
    assert_eq!(versions.equal_to(&configuration(":v2")), None);
}
