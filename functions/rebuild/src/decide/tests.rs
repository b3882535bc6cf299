use OperationStatus::{Failed, InProgress, Succeeded};
use OperationType::{CreateService, DeleteService, UpdateService};
use autopilot::{incident::IncidentId, mutation::Receipt, period::Period, service::OperationId};

use super::*;

mod deletions;
mod messages;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
}

fn delays() -> Delays {
    Delays([5, 15, 45].map(Period::minutes).to_vec())
}

fn service() -> ServiceArn {
    "arn:aws:apprunner:eu-west-1:123456789012:service/orders/8fe1".parse().unwrap()
}

fn operation(id: &str, kind: OperationType, status: OperationStatus, ended: i64) -> Operation {
    let ended_at = (!status.is_running()).then(|| at(ended));
    let id = OperationId(id.into());
    Operation { id, kind, status, started_at: Some(at(ended - 3)), ended_at, updated_at: None }
}

/// A creation that failed at minute 0 by the operation `c`.
fn creation(work: Work) -> Case<Work> {
    let work = Work {
        failed_at: work.failed_at.or(Some(at(0))),
        operations: if work.operations.is_empty() { vec![OperationId("c".into())] } else { work.operations },
        ..work
    };
    let mut case = Case::new(service().as_str(), IncidentId::new("orders:c"));
    case.work = work;
    case
}

fn deletion(work: Work) -> Case<Work> {
    creation(Work { kind: Kind::Deletion, ..work })
}

fn seen(status: ServiceStatus, operations: &[Operation]) -> Seen {
    Seen {
        service: service(),
        mode: Mode::On,
        set_by: SetBy::Parameter,
        status: Some(status),
        configuration: Some(1),
        operations: operations.to_vec(),
        cause: None,
        ingress: Vec::new(),
        tag: None,
    }
}

fn failed() -> Seen {
    seen(ServiceStatus::CreateFailed, &[operation("c", CreateService, Failed, 0)])
}

fn undeleted(ingress: &[&str]) -> Seen {
    let ingress = ingress.iter().map(|status| Ingress { arn: "ingress".into(), status: (*status).into() });
    let operations = [operation("c", DeleteService, Failed, 0)];
    Seen { ingress: ingress.collect(), ..seen(ServiceStatus::DeleteFailed, &operations) }
}

fn verdict(may_pass: bool, known: bool) -> Verdict {
    let (kind, fix) = ("image-pull-denied".to_owned(), "Give the role access.".to_owned());
    let of = Some(OperationId("c".into()));
    Verdict { of, at: at(0), kind, may_pass, known, fix, would_free: Vec::new() }
}

/// Decision, what is said, and whether the case stays open.
fn plan(case: &Case<Work>, seen: &Seen, minute: i64) -> (&'static str, Vec<String>, bool) {
    let plan = decide(case, seen, &delays(), at(minute));
    let said = plan.say.iter().map(|say| format!("{} {}", say.phase, say.reason)).collect();
    (plan.decision, said, plan.open)
}

fn acts(decision: &'static str) -> (&'static str, Vec<String>, bool) {
    (decision, vec![], true)
}

fn waits() -> (&'static str, Vec<String>, bool) {
    acts("wait")
}

fn ends(said: &str) -> (&'static str, Vec<String>, bool) {
    ("end", vec![said.to_owned()], false)
}

fn holds(said: &str) -> (&'static str, Vec<String>, bool) {
    ("hold", vec![format!("held {said}")], true)
}

#[test]
fn a_creation_is_tried_at_5_15_and_45_minutes_after_the_failure_before() {
    let mut case = creation(Work::default());
    let mut operations = vec![operation("c", CreateService, Failed, 0)];
    for (number, due) in [(1, 5), (2, 25), (3, 75)] {
        let now = seen(ServiceStatus::CreateFailed, &operations);
        assert_eq!(plan(&case, &now, due - 1), waits(), "try {number}");
        assert_eq!(plan(&case, &now, due), acts("rebuild"), "try {number}");
        case.work = decide(&case, &now, &delays(), at(due)).work;
        let id = OperationId(format!("u{number}"));
        let made = Outcome::Made(Receipt { operation: Some(id.clone()) });
        let said = concluded(&mut case.work, &case.subject, &Act::Rebuild, &made, &delays(), at(due));
        assert_eq!(
            (&said[0].phase, said[0].reason, &said[0].plan["try"]),
            (&Phase::Started, "cause-unknown", &json!(number))
        );
        let running = operation(&id.0, UpdateService, InProgress, due + 5);
        operations.insert(0, running);
        let busy = seen(ServiceStatus::OperationInProgress, &operations);
        assert_eq!(plan(&case, &busy, due + 1), waits());
        operations[0] = operation(&id.0, UpdateService, Failed, due + 5);
    }
    assert_eq!(plan(&case, &seen(ServiceStatus::CreateFailed, &operations), 500), holds("budget-exhausted"));
}

#[test]
fn a_status_that_was_read_later_than_the_operations_is_not_somebody_elses_doing() {
    let ours = Work { tries: 1, operations: vec![OperationId("u1".into())], ..Work::default() };
    let works = [operation("u1", UpdateService, InProgress, 9), operation("c", CreateService, Failed, 0)];
    for status in [ServiceStatus::Running, ServiceStatus::Paused, ServiceStatus::DeleteFailed] {
        assert_eq!(plan(&creation(ours.clone()), &seen(status, &works), 10), waits());
    }
    let deletes = [operation("d", OperationType::DeleteService, InProgress, 9)];
    for status in [ServiceStatus::Running, ServiceStatus::CreateFailed] {
        assert_eq!(plan(&deletion(Work::default()), &seen(status, &deletes), 10), waits());
    }
}

#[test]
fn what_ends_a_creation() {
    let ours = Work { tries: 1, operations: vec![OperationId("u1".into())], ..Work::default() };
    let success = [operation("u1", UpdateService, Succeeded, 9), operation("c", CreateService, Failed, 0)];
    let theirs = |kind: OperationType, status| {
        [operation("x", kind, status, 3), operation("c", CreateService, Failed, 0)]
    };
    let gone = Seen::gone(service(), Mode::On);
    for (work, seen, expected) in [
        (Work::default(), gone.clone(), "skipped gone"),
        (Work::default(), seen(ServiceStatus::Deleted, &[]), "skipped gone"),
        (ours, seen(ServiceStatus::Running, &success), "succeeded running"),
        (Work::default(), seen(ServiceStatus::Running, &success), "skipped someone-else-acted"),
        (Work::default(), seen(ServiceStatus::Paused, &success), "skipped someone-else-acted"),
        (Work::default(), seen(ServiceStatus::DeleteFailed, &[]), "skipped someone-else-acted"),
        (
            Work::default(),
            seen(ServiceStatus::CreateFailed, &theirs(DeleteService, Failed)),
            "skipped someone-else-acted",
        ),
        (
            Work { configuration: Some(1), ..Work::default() },
            seen(ServiceStatus::CreateFailed, &theirs(UpdateService, Failed)),
            "skipped someone-else-acted",
        ),
    ] {
        assert_eq!(plan(&creation(work), &seen, 5), ends(expected), "{seen:?}");
        // Whatever the mode: that it is over is no change.
        let off = Seen { mode: Mode::Off, ..seen };
        assert!(
            !plan(&creation(Work::default()), &off, 5).2 || off.status == Some(ServiceStatus::CreateFailed)
        );
    }
}

#[test]
fn a_changed_configuration_begins_anew() {
    let spent =
        Work { tries: 3, configuration: Some(7), cause: Some(verdict(false, true)), ..Work::default() };
    let operations = [operation("x", UpdateService, Failed, 60), operation("c", CreateService, Failed, 0)];
    let now = seen(ServiceStatus::CreateFailed, &operations);
    assert_eq!(plan(&creation(spent.clone()), &now, 64), waits());
    assert_eq!(plan(&creation(spent.clone()), &now, 65), acts("rebuild"));
    let begun = decide(&creation(spent), &now, &delays(), at(64)).work;
    assert_eq!(
        (begun.tries, begun.operations, begun.configuration),
        (0, vec![OperationId("x".into())], Some(1))
    );
    assert_eq!((begun.failed_at, begun.cause), (Some(at(60)), None));
    let asked = creation(Work { requested: true, configuration: Some(7), ..Work::default() });
    assert_eq!(plan(&asked, &now, 61), acts("rebuild"), "a person's word is not lost by it");
}

#[test]
fn a_cause_that_no_rebuild_mends_is_told_and_not_tried() {
    let case = creation(Work::default());
    let permanent = Seen { cause: Some(verdict(false, true)), ..failed() };
    for minute in [0, 5, 600] {
        assert_eq!(plan(&case, &permanent, minute), holds("needs-a-fix"));
    }
    let mut told = decide(&case, &permanent, &delays(), at(5));
    assert!(told.say[0].summary.contains("Give the role access."), "{}", told.say[0].summary);
    // A day later it is over, and nobody is told a second time.
    let later = decide(&creation(told.work.clone()), &failed(), &delays(), at(24 * 60));
    assert_eq!((later.reason.as_str(), later.say, later.open), ("too-old", vec![], false));
    told.work.requested = true;
    assert_eq!(plan(&creation(told.work), &failed(), 6), acts("rebuild"), "a person knows better");
    let quota = Verdict { would_free: vec!["old-one".to_owned()], ..verdict(false, true) };
    let quota = decide(&case, &Seen { cause: Some(quota), ..failed() }, &delays(), at(5));
    assert_eq!(quota.say[0].plan["would_free"], json!(["old-one"]));
    assert!(quota.say[0].summary.ends_with("old-one."));
}

#[test]
fn only_the_last_day_is_touched_and_older_on_request() {
    let case = creation(Work::default());
    assert_eq!(plan(&case, &failed(), 24 * 60 - 1), acts("rebuild"));
    assert_eq!(plan(&case, &failed(), 24 * 60), ends("skipped too-old"));
    let asked = creation(Work { requested: true, ..Work::default() });
    assert_eq!(plan(&asked, &failed(), 30 * 24 * 60), acts("rebuild"));
    assert_eq!(plan(&asked, &failed(), 0), acts("rebuild"), "at once");
    let spent = creation(Work { requested: true, tries: 3, ..Work::default() });
    assert_eq!(plan(&spent, &failed(), 0), holds("budget-exhausted"), "within the tries");
}

#[test]
fn what_is_running_or_unknown_or_off_waits() {
    let case = creation(Work::default());
    let rolling = operation("x", UpdateService, InProgress, 3);
    for now in [
        seen(ServiceStatus::OperationInProgress, std::slice::from_ref(&rolling)),
        seen(ServiceStatus::CreateFailed, &[rolling, operation("c", CreateService, Failed, 0)]),
        seen(ServiceStatus::from("ON_HOLIDAY"), &[operation("c", CreateService, Failed, 0)]),
        Seen { mode: Mode::Off, ..failed() },
    ] {
        assert_eq!(plan(&case, &now, 60), waits(), "{now:?}");
    }
}

#[test]
fn a_deletion_removes_what_blocks_it_first_and_nothing_else() {
    for (ingress, decision) in [
        (&[][..], "delete"),
        (&["DELETED"], "delete"),
        (&["AVAILABLE"], "remove-ingress-connection"),
        (&["FAILED_DELETION"], "remove-ingress-connection"),
        (&["PENDING_DELETION"], "wait"),
        (&["DELETED", "AVAILABLE"], "remove-ingress-connection"),
    ] {
        assert_eq!(plan(&deletion(Work::default()), &undeleted(ingress), 5), acts(decision), "{ingress:?}");
        assert_eq!(plan(&deletion(Work::default()), &undeleted(ingress), 4), waits(), "{ingress:?}");
    }
    let gone = Seen::gone(service(), Mode::On);
    assert_eq!(plan(&deletion(Work { tries: 1, ..Work::default() }), &gone, 9), ends("succeeded deleted"));
    assert_eq!(
        plan(&deletion(Work::default()), &seen(ServiceStatus::Running, &[]), 9),
        ends("skipped someone-else-acted")
    );
}

#[test]
fn outcomes_count_tries_only_where_something_was_tried() {
    let made = Outcome::Made(Receipt { operation: None });
    let refused = Outcome::Refused("no".to_owned());
    let waits = Outcome::Wait("busy".to_owned());
    for (act, outcome, tries, phase) in [
        (Act::Rebuild, &made, 1, Some("started")),
        (Act::Delete, &made, 1, Some("started")),
        (Act::RemoveIngress("i".into()), &made, 0, Some("progressed")),
        (Act::Rebuild, &refused, 1, Some("held")),
        (Act::Rebuild, &waits, 0, None),
        (Act::Rebuild, &Outcome::Planned(Mode::DryRun), 0, Some("planned")),
        (Act::Rebuild, &Outcome::Planned(Mode::Off), 0, None),
        (Act::Rebuild, &Outcome::Stopped(at(0)), 0, Some("held")),
    ] {
        let mut work = Work { cause: Some(verdict(true, true)), ..Work::default() };
        let said = concluded(&mut work, service().as_str(), &act, outcome, &delays(), at(9));
        assert_eq!(
            (work.tries, said.first().map(|say| say.phase.as_str())),
            (tries, phase),
            "{act:?} {outcome:?}"
        );
        if let (Act::Rebuild, Some(say), false) = (&act, said.first(), outcome == &waits) {
            let reason = if matches!(outcome, Outcome::Refused(_)) {
                "refused"
            } else if matches!(outcome, Outcome::Stopped(_)) {
                "stopped"
            } else {
                "transient"
            };
            assert_eq!(say.reason, reason);
        }
    }
}

#[test]
fn what_was_asked_for_and_cannot_be_done_now_is_not_done_later() {
    let asked = Work { requested: true, ..Work::default() };
    let rolling = operation("x", UpdateService, InProgress, 3);
    for now in [
        Seen { mode: Mode::Off, ..failed() },
        seen(ServiceStatus::OperationInProgress, std::slice::from_ref(&rolling)),
    ] {
        assert!(!decide(&creation(asked.clone()), &now, &delays(), at(1)).work.requested, "{now:?}");
    }
    let spent = creation(Work { tries: 3, ..asked.clone() });
    let told = decide(&spent, &failed(), &delays(), at(60)).work;
    assert_eq!(plan(&creation(told), &failed(), 24 * 60), ("end", vec![], false), "it does not keep it open");
    for (outcome, still) in [
        (Outcome::Planned(Mode::DryRun), false),
        (Outcome::Stopped(at(0)), false),
        (Outcome::BudgetExhausted(at(0)), false),
        // What was begun and not answered is settled, and then it was asked for.
        (Outcome::Wait("no answer in time".to_owned()), true),
    ] {
        let mut work = asked.clone();
        concluded(&mut work, service().as_str(), &Act::Rebuild, &outcome, &delays(), at(1));
        assert_eq!(work.requested, still, "{outcome}");
    }
}

#[test]
fn somebody_elses_failed_try_is_not_taken_for_a_new_failure() {
    let operations = [operation("x", UpdateService, Failed, 3), operation("c", CreateService, Failed, 0)];
    let same = creation(Work { configuration: Some(1), ..Work::default() });
    let plan = decide(&same, &seen(ServiceStatus::CreateFailed, &operations), &delays(), at(9));
    assert_eq!((plan.reason.as_str(), plan.open), ("someone-else-acted", false));
    assert!(plan.work.operations.contains(&OperationId("x".into())), "the reconciliation knows it");
}

#[test]
fn an_ingress_connection_that_will_not_go_is_removed_at_its_times_and_then_left() {
    let mut case = deletion(Work::default());
    let stuck = undeleted(&["FAILED_DELETION"]);
    for due in [5, 10, 25] {
        assert_eq!(plan(&case, &stuck, due - 1), waits(), "{due}");
        assert_eq!(plan(&case, &stuck, due), acts("remove-ingress-connection"), "{due}");
        let made = Outcome::Made(Receipt { operation: None });
        let act = Act::RemoveIngress("ingress".into());
        concluded(&mut case.work, &case.subject, &act, &made, &delays(), at(due));
    }
    assert_eq!(plan(&case, &stuck, 600), holds("budget-exhausted"));
    assert_eq!(
        plan(&case, &undeleted(&["DELETED"]), 600),
        acts("delete"),
        "once it is gone the deletion goes on"
    );
}

#[test]
fn a_day_later_it_is_over_under_any_mode_and_whatever_was_tried_is_told() {
    let day = 24 * 60;
    let off = Seen { mode: Mode::Off, ..failed() };
    assert_eq!(plan(&creation(Work::default()), &off, day), ("wait", vec![], false));
    let cause = Some(verdict(false, true));
    let tried = creation(Work { tries: 1, cause, ..Work::default() });
    assert_eq!(plan(&tried, &failed(), day), ends("skipped too-old"), "a person's try failed");
}
