//! Deletions, above all those that an ingress connection blocks.

use super::*;

const ARN: &str = "ingress";

fn asked(work: Work) -> Case<Work> {
    deletion(Work { requested: true, ..work })
}

/// Has the ingress connection removed, if that is what is decided.
fn removes(case: &mut Case<Work>, minute: i64) {
    let plan = decide(case, &undeleted(&["AVAILABLE"]), &delays(), at(minute));
    assert_eq!(plan.act, Some(Act::RemoveIngress(ARN.to_owned())), "{}", plan.reason);
    case.work = plan.work;
    conclude(case, &Act::RemoveIngress(ARN.to_owned()), minute);
}

fn conclude(case: &mut Case<Work>, act: &Act, minute: i64) -> Vec<Say> {
    let made = Outcome::Made(Receipt { operation: None });
    concluded(&mut case.work, &case.subject, act, &made, &delays(), at(minute))
}

/// Looks at the case and takes over what is known then.
fn looks(case: &mut Case<Work>, ingress: &[&str], minute: i64) -> (&'static str, Vec<String>, bool) {
    let (now, then) = (undeleted(ingress), at(minute));
    let planned = plan(case, &now, minute);
    case.work = decide(case, &now, &delays(), then).work;
    planned
}

#[test]
fn what_was_asked_for_is_finished_once_the_ingress_connection_is_gone_however_old_it_is() {
    for minute in [1, 30 * 24 * 60] {
        let mut case = asked(Work::default());
        removes(&mut case, minute);
        // Minutes may pass before it is gone.
        assert_eq!(looks(&mut case, &["PENDING_DELETION"], minute + 1), waits(), "at {minute}");
        assert_eq!(looks(&mut case, &["PENDING_DELETION"], minute + 2), waits(), "at {minute}");
        assert_eq!(looks(&mut case, &["DELETED"], minute + 3), acts("delete"), "at {minute}");
    }
    // What failed after the removal was no part of that try, and was not asked for.
    let removals = vec![at(0)];
    let mut over = deletion(Work { removals, tries: 1, last_failed_at: Some(at(0)), ..Work::default() });
    assert_eq!(looks(&mut over, &[], 14), waits());
    assert_eq!(looks(&mut over, &[], 24 * 60), ends("skipped too-old"));
}

#[test]
fn one_request_is_one_removal() {
    let mut case = asked(Work::default());
    removes(&mut case, 30);
    assert_eq!(looks(&mut case, &["FAILED_DELETION"], 34), waits());
    case.work.requested = true;
    removes(&mut case, 34);
}

#[test]
fn nobody_is_called_while_the_last_removal_is_under_way() {
    let mut case = deletion(Work { removals: vec![at(5), at(10)], ..Work::default() });
    removes(&mut case, 25);
    assert_eq!(looks(&mut case, &["PENDING_DELETION"], 26), waits());
    assert_eq!(looks(&mut case, &["DELETED"], 27), acts("delete"));
    assert_eq!(looks(&mut case, &["FAILED_DELETION"], 27), holds("budget-exhausted"));
    // Who was told has no second message when it is over, a day after the last removal.
    let day = 25 + 24 * 60;
    assert_eq!(looks(&mut case, &["FAILED_DELETION"], day - 1), holds("budget-exhausted"));
    assert_eq!(looks(&mut case, &["FAILED_DELETION"], day), ("end", vec![], false));
    let mut untold = deletion(Work { removals: vec![at(5)], ..Work::default() });
    assert_eq!(looks(&mut untold, &["PENDING_DELETION"], day), ends("skipped too-old"));
}

#[test]
fn each_removal_has_its_number() {
    let mut case = deletion(Work::default());
    let act = Act::RemoveIngress(ARN.to_owned());
    for number in [1, 2] {
        assert_eq!(conclude(&mut case, &act, 5)[0].plan["try"], number);
    }
    let refused = Outcome::Refused("no".to_owned());
    let says = concluded(&mut case.work, &case.subject, &act, &refused, &delays(), at(9));
    assert_eq!((&says[0].plan["try"], case.work.tries), (&json!(3), 1), "it counts as a failed try");
    let says = conclude(&mut case, &Act::Delete, 9);
    assert_eq!((&says[0].plan["try"], case.work.tries), (&json!(2), 2));
}

#[test]
fn a_service_that_somebody_updated_after_its_deletion_failed_is_not_deleted() {
    let operations = [operation("x", UpdateService, Failed, 3), operation("c", DeleteService, Failed, 0)];
    let now = seen(ServiceStatus::DeleteFailed, &operations);
    let changed = deletion(Work { configuration: Some(7), ..Work::default() });
    assert_eq!(plan(&changed, &now, 60), ends("skipped someone-else-acted"));
}
