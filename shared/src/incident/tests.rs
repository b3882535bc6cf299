use super::*;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
}

fn operation(
    id: &str,
    kind: OperationType,
    status: OperationStatus,
    from: i64,
    to: Option<i64>,
) -> Operation {
    let (started_at, ended_at) = (Some(at(from)), to.map(at));
    Operation { id: OperationId(id.into()), kind, status, started_at, ended_at, updated_at: None }
}

fn hint(minute: i64) -> Hint {
    let kinds = &[OperationType::StartDeployment];
    Hint { kinds, at: at(minute), event_id: "e1".into(), word: "DeploymentFailed".into() }
}

fn service() -> ServiceArn {
    "arn:aws:apprunner:eu-west-1:123456789012:service/orders/8fe1".parse().unwrap()
}

#[test]
fn a_hint_finds_its_operation() {
    use OperationStatus::{Failed, InProgress, RollbackInProgress, RollbackSucceeded, Succeeded};
    use OperationType::{StartDeployment as D, UpdateService as U};
    let operations = [
        operation("running", D, InProgress, 100, None),
        operation("rolled-back", D, RollbackSucceeded, 50, Some(90)),
        operation("fine", D, Succeeded, 45, Some(49)),
        operation("update", U, Failed, 40, Some(44)),
        operation("old", D, Failed, 10, Some(20)),
    ];
    for (minute, expected) in [
        (20, Some("old")),
        (21, Some("old")),
        (30, Some("old")),
        (31, Some("rolled-back")), // what ended ten minutes before is not meant
        (60, Some("rolled-back")), // told when it failed, ended by its rollback half an hour later
        (90, Some("rolled-back")),
        (105, Some("running")),  // ListOperations lags behind the event
        (-500_000, Some("old")), // a sample with a time of long ago
    ] {
        assert_eq!(
            match_operation(&hint(minute), &operations).map(|op| op.id.0.as_str()),
            expected,
            "{minute}"
        );
    }
    assert_eq!(match_operation(&hint(200), &operations[1..]), None, "a failure that is not listed yet");
    let rolling = [operation("rolling", D, RollbackInProgress, 50, None)];
    assert_eq!(match_operation(&hint(60), &rolling).map(|op| op.id.0.as_str()), Some("rolling"));
    let next = [operation("next", D, InProgress, 55, None), operation("before", D, Failed, 50, Some(55))];
    let meant = match_operation(&hint(60), &next).map(|op| op.id.0.as_str());
    assert_eq!(meant, Some("next"), "what runs reaches up to now");
}

#[test]
fn a_failed_status_stands_for_its_operations_and_a_success_for_its_end() {
    use OperationType::{
        CreateService, DeleteService, PauseService, ResumeService, StartDeployment, UpdateService,
    };
    for (status, kinds) in [
        (ServiceStatus::CreateFailed, &[CreateService, UpdateService][..]),
        (ServiceStatus::DeleteFailed, &[DeleteService]),
        (ServiceStatus::Running, &[]),
    ] {
        assert_eq!(kinds_behind(&status), kinds, "{status}");
    }
    for (kind, end) in [
        (StartDeployment, Some(ClosedBy::LaterSuccess)),
        (UpdateService, Some(ClosedBy::LaterSuccess)),
        (CreateService, Some(ClosedBy::Running)),
        (ResumeService, Some(ClosedBy::Running)),
        (PauseService, Some(ClosedBy::Paused)),
        (DeleteService, Some(ClosedBy::Deleted)),
        (OperationType::Other("DANCE".to_owned()), None),
    ] {
        assert_eq!(ClosedBy::of_success(&kind), end, "{kind}");
    }
}

#[test]
fn only_a_success_after_the_failure_ends_it() {
    use OperationStatus::{Failed, Succeeded};
    use OperationType::{ResumeService, StartDeployment as D, UpdateService as U};
    let failed = operation("x", D, Failed, 50, Some(60));
    let known = Incident::open(&service(), &hint(60), Some(&failed), at(60));
    let provisional = Incident::open(&service(), &hint(60), None, at(60));
    assert_eq!(known.id.to_string(), "orders:x", "the thread that every function speaks in");
    for (kind, status, from, known_ends, provisional_ends) in [
        (U, Succeeded, 51, true, true),
        (U, Failed, 51, false, false),
        (ResumeService, Succeeded, 51, false, false),
        (U, Succeeded, 50, false, false),
        (U, Succeeded, 49, false, false),
    ] {
        let later = operation("later", kind.clone(), status.clone(), from, Some(from + 10));
        let ends = |incident: &Incident| incident.closed_by(&[later.clone(), failed.clone()], None);
        let expected = |ends: bool| ends.then_some(ClosedBy::LaterSuccess);
        assert_eq!(
            (ends(&known), ends(&provisional)),
            (expected(known_ends), expected(provisional_ends)),
            "{kind} {status} from {from}"
        );
    }
}

#[test]
fn a_known_operation_is_not_replaced_by_another() {
    let operation =
        |id| operation(id, OperationType::UpdateService, OperationStatus::RollbackFailed, 50, Some(60));
    let mut incident = Incident::open(&service(), &hint(60), None, at(60));
    assert_eq!((&incident.kind, incident.failed_at), (&OperationType::StartDeployment, at(60)));
    for id in ["first", "second"] {
        incident.alias(&operation(id));
        assert_eq!(incident.operation, Some(OperationId("first".into())));
        assert_eq!(incident.kind, OperationType::UpdateService);
    }
}

#[test]
fn an_incident_is_forgotten_after_fourteen_days() {
    let incident = Incident::open(&service(), &hint(0), None, at(0));
    let days = |days: i64| at(days * 24 * 60);
    assert_eq!([13, 14, 15].map(|day| incident.is_expired(days(day))), [false, true, true]);
}

#[test]
fn a_provisional_incident_takes_in_its_siblings_and_its_operation() {
    let mut incident = Incident::open(&service(), &hint(60), None, at(60));
    assert_eq!(incident.id.as_str(), "orders:DeploymentFailed:e1");
    assert!(incident.is_told_by(&Hint { event_id: "e2".into(), ..hint(61) }, None));
    assert!(!incident.is_told_by(&hint(80), None), "too far away to be the same");
    let found =
        operation("0af3", OperationType::StartDeployment, OperationStatus::RollbackSucceeded, 50, Some(60));
    assert!(incident.is_told_by(&hint(60), Some(&found)));
    incident.alias(&found);
    assert_eq!(incident.id.as_str(), "orders:DeploymentFailed:e1", "the thread stays the same");
    let other = Operation { id: OperationId("other".into()), ..found };
    assert!(!incident.is_told_by(&hint(60), Some(&other)));
}

#[test]
fn a_provisional_incident_does_not_take_in_the_failure_that_came_next() {
    use OperationStatus::Failed;
    use OperationType::StartDeployment;
    let open = Incident::open(&service(), &hint(60), None, at(60));
    let closed = Incident { closed: Some(Closed { at: at(62), by: ClosedBy::LaterSuccess }), ..open.clone() };
    assert!(closed.is_told_by(&hint(60), None), "the same event, late");
    assert!(closed.is_told_by(&hint(62), None), "its second is not told apart");
    assert!(!closed.is_told_by(&hint(63), None), "it had ended by then");
    let started = |second: i64| Operation {
        started_at: Some(at(60) + SignedDuration::from_secs(second)),
        ..operation("next", StartDeployment, Failed, 0, Some(66))
    };
    assert_eq!(
        [0, 1, 2].map(|second| open.is_told_by(&hint(66), Some(&started(second)))),
        [true, true, false]
    );
    let unknown = Operation { started_at: None, ..started(0) };
    assert!(open.is_told_by(&hint(66), Some(&unknown)));
}

#[test]
fn incidents_close_as_documented() {
    use OperationStatus::{RollbackSucceeded, Succeeded};
    use OperationType::{
        CreateService, DeleteService, PauseService, ResumeService, StartDeployment, UpdateService,
    };
    let failed = |kind: &OperationType| operation("x", kind.clone(), RollbackSucceeded, 50, Some(90));
    let before = operation("before", UpdateService, Succeeded, 40, Some(45));
    let after = operation("after", UpdateService, Succeeded, 95, Some(99));
    let all = [CreateService, DeleteService, PauseService, ResumeService, StartDeployment, UpdateService];
    for (status, with_later, ended) in [
        (ServiceStatus::Running, false, vec![CreateService, ResumeService]),
        (ServiceStatus::Running, true, vec![CreateService, ResumeService, StartDeployment, UpdateService]),
        (ServiceStatus::Paused, false, vec![PauseService]),
        (ServiceStatus::OperationInProgress, false, vec![]),
        (ServiceStatus::Deleted, false, all.to_vec()),
    ] {
        for kind in &all {
            let mut operations = vec![failed(kind), before.clone()];
            if with_later {
                operations.insert(0, after.clone());
            }
            let hint = Hint { kinds: &[], ..hint(60) };
            let incident = Incident::open(&service(), &hint, Some(&operations[operations.len() - 2]), at(90));
            let closed = incident.closed_by(&operations, Some(&status));
            assert_eq!(
                closed.is_some(),
                ended.contains(kind),
                "{kind} under {status}, later success: {with_later}"
            );
        }
    }
}

#[test]
fn a_kind_that_is_not_documented_is_told_by_its_own_word() {
    let word = |word: &str| Hint { kinds: &[], word: word.into(), ..hint(60) };
    let restart = Incident::open(&service(), &word("RestartServiceFailed"), None, at(60));
    assert!(restart.is_told_by(&word("RestartServiceFailed"), None));
    assert!(!restart.is_told_by(&word("MoveServiceFailed"), None));
    assert!(!restart.is_told_by(&hint(60), None));
    let deployment = Incident::open(&service(), &hint(60), None, at(60));
    assert!(!deployment.is_told_by(&word("RestartServiceFailed"), None));
    let named = Hint { kinds: &[OperationType::PauseService], ..word("RestartServiceFailed") };
    assert!(!restart.is_told_by(&named, None), "a documented kind is another");
}
