//! Our own update, followed to its end.

use super::*;
use crate::case::Hold;

/// Our release `r` of the hold at version 1, which our rollback `o` had left.
fn releasing() -> Work {
    let act = Act::Release { version: 1, after: Some(id("o")), by_hand: vec![] };
    Work {
        rolling: Some(Rolling { operation: Some(id("r")), since: at(6), act }),
        hold: Some(Hold { version: 1, bad: vec![] }),
        own: vec![id("o")],
        ..Work::default()
    }
}

#[test]
fn a_release_that_succeeded_ends_the_hold_whatever_came_after_it() {
    let later = |kind, status| Some(operation("e", kind, status, 12));
    for (status, later, said) in [
        (Succeeded, None, "succeeded released"),
        (Succeeded, later(StartDeployment, Succeeded), "succeeded released"),
        (Succeeded, later(UpdateService, Succeeded), "succeeded released"),
        (Succeeded, later(UpdateService, Failed), "succeeded released"),
        (Failed, None, "failed own-rollback-failed"),
        (RollbackSucceeded, None, "failed own-rollback-failed"),
        (RollbackFailed, None, "failed own-rollback-failed"),
        (Failed, later(StartDeployment, Succeeded), "failed own-rollback-failed"),
        (Failed, later(UpdateService, Succeeded), "skipped someone-else-acted"),
    ] {
        let came = later.is_some();
        let mut operations: Vec<_> = later.into_iter().collect();
        operations.push(operation("r", UpdateService, status.clone(), 9));
        operations.push(operation("o", UpdateService, Succeeded, 0));
        let plan = decided(releasing(), &look(&operations), 13);
        let released = said == "succeeded released";
        assert_eq!(shown(&plan).1, [said], "{operations:?}");
        assert_eq!(plan.work.hold.is_none(), released, "{operations:?}");
        // Its version is recorded and bakes like any other; where it failed, it brought none.
        assert_eq!(plan.work.dealt != Some(id("r")), released, "{operations:?}");
        assert_eq!(plan.open, released || came, "{operations:?}");
        assert_eq!((plan.work.rolling, plan.work.own), (None, vec![id("o")]), "{operations:?}");
    }
}

#[test]
fn a_rollback_that_failed_says_what_still_differs_or_how_its_operation_ended() {
    let image = "SourceConfiguration.ImageRepository.ImageIdentifier";
    for (status, configured, what) in [
        (Succeeded, ":v2", format!("it still differs in {image}")),
        (RollbackFailed, ":v2", "its operation r ended as ROLLBACK_FAILED".to_owned()),
        (Failed, "@sha256:aa", "its operation r ended as FAILED".to_owned()),
    ] {
        let operations =
            [operation("r", UpdateService, status, 9), operation("d", UpdateService, RollbackFailed, 0)];
        let now = Look { configuration: super::image(configured, &json!({})), ..look(&operations) };
        let plan = decided(ours(), &now, 10);
        let summary = format!("The rollback of orders to version 1 failed: {what}. It is not tried again.");
        assert_eq!(plan.say[0].summary, summary);
    }
}

#[test]
fn an_update_of_ours_that_was_never_named_is_the_first_one_since_it_was_decided() {
    let failed = operation("d", UpdateService, RollbackFailed, 0);
    let made = operation("r", UpdateService, Succeeded, 9);
    let deployed = operation("e", StartDeployment, Succeeded, 12);
    let updated = operation("f", UpdateService, Succeeded, 15);
    for (since, said) in [
        (vec![], None),
        (vec![deployed.clone()], None),
        (vec![made.clone()], Some("succeeded verified")),
        (vec![deployed.clone(), made.clone()], Some("succeeded verified")),
        (vec![updated, deployed, made], Some("skipped someone-else-acted")),
    ] {
        let now = Look {
            configuration: image("@sha256:aa", &json!({})),
            ..look(&[since, vec![failed.clone()]].concat())
        };
        let mut work = ours();
        work.rolling.as_mut().unwrap().operation = None;
        let plan = decided(work, &now, 20);
        let Some(said) = said else {
            assert_eq!(shown(&plan), silent("wait", true), "it is not listed yet");
            assert!(plan.work.rolling.is_some() && plan.work.own.is_empty());
            continue;
        };
        assert_eq!((shown(&plan).1, plan.work.own), (vec![said.to_owned()], vec![id("r")]));
    }
}
