//! Which incident a failure belongs to, and what the reconciliation finds untold.

use OperationStatus::{Failed, Succeeded};
use OperationType::{CreateService, PauseService, StartDeployment};

use super::*;

const NONE: [&str; 0] = [];

fn failed(id: &str, kind: OperationType, from: i64, to: i64) -> Operation {
    operation(id, kind, Failed, from, Some(to))
}

#[test]
fn an_event_ends_only_what_failed_before_it() {
    let mut story = Story::default();
    story.words(&status_event("CREATE_FAILED", 60).unwrap(), &Look::default(), 60);
    assert_eq!(
        story.words(&status_event("RUNNING", 60).unwrap(), &Look::default(), 60),
        NONE,
        "in one second"
    );
    assert_eq!(story.words(&status_event("RUNNING", 61).unwrap(), &Look::default(), 61), ["recovered"]);
}

#[test]
fn the_end_of_what_nobody_was_told_of_is_remembered_with_its_count() {
    let failures = vec![failed("d1", StartDeployment, -20, -10), failed("c1", CreateService, -90, -80)];
    let look = looked(ServiceStatus::CreateFailed, failures);
    let mut story = Story::default();
    assert_eq!(story.words(&Trigger::Reconciled { since: None }, &look, 0), NONE);
    assert_eq!(story.state.incidents.len(), 2);
    let trigger = operation_event("DeploymentCompletedSuccessfully", 30).unwrap();
    let plan = decide(&trigger, &service(), &story.state, &Look::default(), &on(), LONGEST, at(30));
    assert_eq!((plan.word(), plan.to_string().as_str()), ("remember", "2 incidents end with it"));
}

#[test]
fn a_failure_whose_operation_was_unreadable_gets_it_at_the_reconciliation() {
    let mut story = Story::default();
    story.words(&operation_event("DeploymentFailed", 60).unwrap(), &Look::default(), 60);
    assert_eq!(story.state.incidents[0].operation, None);
    let running = ServiceStatus::Running;
    let look = looked(running.clone(), vec![failed("d1", StartDeployment, 50, 60)]);
    assert_eq!(story.words(&reconciled(), &look, 75), ["rollback-ended"], "what the alert could not say");
    assert_eq!(story.state.incidents[0].operation, Some(OperationId("d1".into())));

    // The operation of another incident is not taken, and none that began later.
    for (later, began) in [("known", 58), ("began later", 61)] {
        let mut story = Story::default();
        story.words(&operation_event("DeploymentFailed", 60).unwrap(), &Look::default(), 60);
        let look = looked(running.clone(), vec![failed("d2", StartDeployment, began, 80)]);
        if later == "known" {
            assert_eq!(
                story.words(&operation_event("DeploymentFailed", 80).unwrap(), &look, 80),
                ["failure"]
            );
        }
        let told = story.words(&reconciled(), &look, 90);
        assert_eq!(told.len(), usize::from(later != "known"), "{later}: {told:?}");
        assert_eq!(story.state.incidents[0].operation, None, "{later}");
    }
}

#[test]
fn the_next_failure_is_told_however_soon_it_comes() {
    let next = looked(
        ServiceStatus::Running,
        vec![
            failed("d3", StartDeployment, 63, 66),
            operation("d2", StartDeployment, Succeeded, 61, Some(62)),
        ],
    );
    for (way, trigger, minute) in [
        ("event", operation_event("DeploymentFailed", 66).unwrap(), 66),
        ("event without operations", operation_event("DeploymentFailed", 66).unwrap(), 66),
        ("reconciliation", reconciled(), 70),
    ] {
        let mut story = Story::default();
        story.words(&operation_event("DeploymentFailed", 60).unwrap(), &Look::default(), 60);
        let success = operation_event("DeploymentCompletedSuccessfully", 62).unwrap();
        assert_eq!(story.words(&success, &Look::default(), 62), ["recovered"]);
        let unread = way.ends_with("without operations");
        let look = if unread { Look::default() } else { next.clone() };
        assert_eq!(story.words(&trigger, &look, minute), ["failure"], "{way}");
        let after: &[&str] = if unread { &["rollback-ended"] } else { &[] };
        assert_eq!(story.words(&reconciled(), &next, 75), after, "{way}: once");
    }
}

#[test]
fn a_failure_is_old_before_the_installation_and_after_fourteen_days() {
    let told = |ended: i64, now: i64| {
        let look = looked(ServiceStatus::Running, vec![failed("d1", StartDeployment, ended - 5, ended)]);
        Story::default().words(&reconciled(), &look, now)
    };
    assert_eq!(told(-1, 15), NONE);
    assert_eq!(told(0, 15), ["failure"], "since the installation, to the second");
    let fortnight = 14 * 24 * 60;
    assert_eq!(told(5, fortnight + 4), ["failure"]);
    assert_eq!(told(5, fortnight + 5), NONE);
}

#[test]
fn a_failed_status_that_nothing_explains_is_told() {
    let delete_failed = |operations| looked(ServiceStatus::DeleteFailed, operations);
    let create_failed = |operations| looked(ServiceStatus::CreateFailed, operations);
    let mut story = Story::default();
    assert_eq!(story.words(&reconciled(), &delete_failed(vec![]), 15), ["failure"]);
    assert_eq!(story.words(&reconciled(), &delete_failed(vec![]), 30), NONE, "explained by its incident");
    let first = &mut Story::default();
    assert_eq!(first.words(&Trigger::Reconciled { since: None }, &delete_failed(vec![]), 15), NONE);

    // Another kind's incident or operation explains nothing, nor what is over or went well.
    let mut story = Story::default();
    let pause = vec![failed("p1", PauseService, 20, 25)];
    assert_eq!(story.words(&reconciled(), &looked(ServiceStatus::Running, pause.clone()), 30), ["failure"]);
    assert_eq!(story.words(&reconciled(), &delete_failed(pause), 45), ["failure"]);
    let mut story = Story::default();
    assert_eq!(story.words(&reconciled(), &create_failed(vec![]), 15), ["failure"]);
    assert_eq!(story.words(&reconciled(), &looked(ServiceStatus::Running, vec![]), 30), ["recovered"]);
    assert_eq!(story.words(&reconciled(), &create_failed(vec![]), 45), ["failure"], "again");
    let created = operation("c1", CreateService, Succeeded, 1, Some(5));
    assert_eq!(Story::default().words(&reconciled(), &create_failed(vec![created]), 15), ["failure"]);
    // An old failure that was acknowledged explains it for good.
    let old = vec![failed("c1", CreateService, -20_000, -19_990)];
    assert_eq!(Story::default().words(&reconciled(), &create_failed(old), 15), NONE);
}
