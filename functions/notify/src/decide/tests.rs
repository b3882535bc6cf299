mod announced;
mod incidents;
mod plan;

use autopilot::{
    control::SetBy,
    event::{OperationChange, ServiceEvent, StatusChange},
    service::OperationId,
};

use super::*;

const LONGEST: Period = Period::minutes(30);

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
}

fn service() -> ServiceArn {
    "arn:aws:apprunner:eu-west-1:123456789012:service/orders/8fe1".parse().unwrap()
}

fn on() -> Resolved {
    Resolved { mode: Mode::On, by: SetBy::Parameter }
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

fn looked(status: ServiceStatus, operations: Vec<Operation>) -> Look {
    Look { status: Some(status), operations: Some(operations), unreadable: None }
}

/// A service over time: each step decides on what the steps before left.
#[derive(Clone, Default)]
struct Story {
    state: Subject,
}

impl Story {
    fn step(&mut self, trigger: &Trigger, look: &Look, minute: i64) -> Vec<Notice> {
        match decide(trigger, &service(), &self.state, look, &on(), LONGEST, at(minute)) {
            Plan::Ignore(_) => Vec::new(),
            Plan::Remember(state, _) => {
                self.state = state;
                Vec::new()
            }
            Plan::Tell(state, notices) => {
                self.state = state;
                notices
            }
        }
    }

    fn words(&mut self, trigger: &Trigger, look: &Look, minute: i64) -> Vec<&'static str> {
        self.step(trigger, look, minute).iter().map(Notice::word).collect()
    }
}

fn operation_event(word: &str, minute: i64) -> Result<Trigger, String> {
    operation_trigger(&ServiceEvent {
        id: format!("{word}-{minute}"),
        at: at(minute),
        service: service(),
        message: None,
        change: OperationChange::new(word),
    })
}

fn status_event(status: &str, minute: i64) -> Result<Trigger, String> {
    let change = StatusChange { previous: None, current: status.into() };
    let id = format!("{status}-{minute}");
    status_trigger(&ServiceEvent { id, at: at(minute), service: service(), message: None, change })
}

fn reconciled() -> Trigger {
    Trigger::Reconciled { since: Some(at(0)) }
}

const FAILED: [&str; 6] = [
    "CreateServiceFailed",
    "DeleteServiceFailed",
    "UpdateServiceFailed",
    "DeploymentFailed",
    "PauseServiceFailed",
    "ResumeServiceFailed",
];

#[test]
fn exactly_the_failing_words_alert() {
    for prefix in
        ["CreateService", "DeleteService", "UpdateService", "Deployment", "PauseService", "ResumeService"]
    {
        for suffix in ["Started", "CompletedSuccessfully", "Failed"] {
            let word = format!("{prefix}{suffix}");
            let told = operation_event(&word, 60)
                .map(|trigger| Story::default().words(&trigger, &Look::default(), 60))
                .unwrap_or_default();
            let expected: &[&str] = if FAILED.contains(&word.as_str()) { &["failure"] } else { &[] };
            assert_eq!(told, expected, "{word}");
        }
    }
    for (status, expected) in [
        ("CREATE_FAILED", &["failure"][..]),
        ("DELETE_FAILED", &["failure"]),
        ("RUNNING", &[]),
        ("PAUSED", &[]),
        ("DELETED", &[]),
        ("OPERATION_IN_PROGRESS", &[]),
        ("ON_HOLIDAY", &[]),
        ("HOLIDAY_FAILED", &["failure"]), // a failure that AWS added later
    ] {
        let told = status_event(status, 60)
            .map(|trigger| Story::default().words(&trigger, &Look::default(), 60))
            .unwrap_or_default();
        assert_eq!(told, expected, "{status}");
    }
    for word in ["RestartServiceFailed", "RESTART_FAILED"] {
        let unknown = operation_event(word, 60).unwrap();
        assert_eq!(Story::default().words(&unknown, &Look::default(), 60), ["failure"], "{word}");
    }
    assert!(operation_event("RestartServiceStarted", 60).is_err());
}

#[test]
fn however_often_and_in_whatever_order_one_failure_is_told_once() {
    let create = operation("c1", OperationType::CreateService, OperationStatus::Failed, 50, Some(60));
    let readable = looked(ServiceStatus::CreateFailed, vec![create]);
    let triggers = [
        (operation_event("CreateServiceFailed", 60).unwrap(), 60),
        (status_event("CREATE_FAILED", 60).unwrap(), 60),
        (operation_event("CreateServiceFailed", 60).unwrap(), 61),
        (reconciled(), 75),
        (status_event("CREATE_FAILED", 60).unwrap(), 3_000),
    ];
    // Every order, and each step with operations readable or not.
    for order in [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [3, 0, 4, 1, 2], [1, 2, 0, 4, 3]] {
        for mask in 0..32 {
            let mut story = Story::default();
            let mut told = Vec::new();
            for (step, index) in order.into_iter().enumerate() {
                let (trigger, _) = &triggers[index];
                let blind = Look { operations: None, ..readable.clone() };
                let look = if mask & (1 << step) == 0 { &readable } else { &blind };
                // The reconciliation has no event's time to go by where it cannot read operations either.
                if matches!(trigger, Trigger::Reconciled { .. }) && look.operations.is_none() {
                    continue;
                }
                told.extend(story.words(trigger, look, 60 + i64::try_from(step).unwrap()));
            }
            assert_eq!(told, ["failure"], "order {order:?}, unreadable steps {mask:05b}");
        }
    }
}

#[test]
fn a_recovery_is_told_once_and_a_native_rollback_is_none() {
    use OperationStatus::{InProgress, RollbackSucceeded, Succeeded};
    use OperationType::StartDeployment;
    let failed = operation("d1", StartDeployment, RollbackSucceeded, 50, Some(60));
    let mut story = Story::default();
    let rolled_back = looked(ServiceStatus::Running, vec![failed.clone()]);
    assert_eq!(story.words(&operation_event("DeploymentFailed", 60).unwrap(), &rolled_back, 60), ["failure"]);
    let none: [&str; 0] = [];
    assert_eq!(story.words(&status_event("RUNNING", 61).unwrap(), &Look::default(), 61), none);
    assert_eq!(story.words(&reconciled(), &rolled_back, 75), none);
    assert_eq!(
        story.words(&operation_event("DeploymentCompletedSuccessfully", 40).unwrap(), &Look::default(), 76),
        none,
        "an earlier success, late"
    );
    let again = operation("d2", StartDeployment, InProgress, 80, None);
    assert_eq!(
        story.words(
            &reconciled(),
            &looked(ServiceStatus::OperationInProgress, vec![again.clone(), failed.clone()]),
            85
        ),
        none
    );
    assert_eq!(
        story.words(&operation_event("DeploymentCompletedSuccessfully", 90).unwrap(), &Look::default(), 90),
        ["recovered"]
    );
    let done = Operation { status: Succeeded, ended_at: Some(at(90)), ..again };
    assert_eq!(
        story.words(&reconciled(), &looked(ServiceStatus::Running, vec![done, failed]), 95),
        none,
        "told already"
    );
}

#[test]
fn without_any_event_the_reconciliation_tells_the_same() {
    use OperationStatus::{RollbackFailed, RollbackInProgress, Succeeded};
    use OperationType::UpdateService;
    let none: [&str; 0] = [];
    let mut story = Story::default();
    let rolling = operation("u1", UpdateService, RollbackInProgress, 50, None);
    let busy = looked(
        ServiceStatus::OperationInProgress,
        vec![Operation { updated_at: Some(at(58)), ..rolling.clone() }],
    );
    assert_eq!(story.words(&reconciled(), &busy, 60), ["failure"]);
    assert_eq!(story.words(&reconciled(), &busy, 75), none);
    let ended = Operation { status: RollbackFailed, ended_at: Some(at(80)), ..rolling };
    assert_eq!(
        story.words(&reconciled(), &looked(ServiceStatus::Running, vec![ended.clone()]), 90),
        ["rollback-ended"]
    );
    assert_eq!(story.words(&reconciled(), &looked(ServiceStatus::Running, vec![ended.clone()]), 105), none);
    let mended = operation("u2", UpdateService, Succeeded, 110, Some(112));
    assert_eq!(
        story.words(&reconciled(), &looked(ServiceStatus::Running, vec![mended.clone(), ended.clone()]), 120),
        ["recovered"]
    );
    let fresh = &mut Story::default();
    assert_eq!(
        fresh.words(&reconciled(), &looked(ServiceStatus::Running, vec![mended, ended]), 120),
        none,
        "history"
    );
}

#[test]
fn the_end_of_a_rollback_is_told_by_the_event_that_the_service_runs_again() {
    use OperationStatus::{RollbackInProgress, RollbackSucceeded, Succeeded};
    let mut story = Story::default();
    let rolling = operation("d1", OperationType::StartDeployment, RollbackInProgress, 50, None);
    let busy = looked(ServiceStatus::OperationInProgress, vec![rolling.clone()]);
    assert_eq!(story.words(&operation_event("DeploymentFailed", 55).unwrap(), &busy, 55), ["failure"]);
    let ended = Operation { status: RollbackSucceeded, ended_at: Some(at(80)), ..rolling };
    let runs = looked(ServiceStatus::Running, vec![ended.clone()]);
    let running = status_event("RUNNING", 80).unwrap();
    let mut late = story.clone();
    assert_eq!(story.words(&running, &runs, 80), ["rollback-ended"]);
    assert_eq!(story.words(&running, &runs, 81), [""; 0], "once");
    let mended = operation("d2", OperationType::StartDeployment, Succeeded, 82, Some(84));
    let mended = looked(ServiceStatus::Running, vec![mended, ended]);
    assert_eq!(late.words(&running, &mended, 85), ["recovered"], "and not where it is history");
}

#[test]
fn the_first_reconciliation_touches_nothing_old() {
    let failed = operation("c1", OperationType::CreateService, OperationStatus::Failed, -9_000, Some(-8_990));
    let look = looked(ServiceStatus::CreateFailed, vec![failed]);
    let none: [&str; 0] = [];
    let mut story = Story::default();
    assert_eq!(story.words(&Trigger::Reconciled { since: None }, &look, 0), none);
    assert!(story.state.incidents[0].acknowledged);
    assert_eq!(story.words(&reconciled(), &look, 15), none);
    assert_eq!(
        story.words(&status_event("CREATE_FAILED", -8_990).unwrap(), &look, 16),
        none,
        "an old event, late"
    );
    assert_eq!(
        story.words(&reconciled(), &looked(ServiceStatus::Running, vec![]), 30),
        none,
        "nobody was told it failed"
    );
}

#[test]
fn a_long_operation_is_told_once() {
    let running = operation("d1", OperationType::StartDeployment, OperationStatus::InProgress, 10, None);
    let look = looked(ServiceStatus::OperationInProgress, vec![running]);
    let none: [&str; 0] = [];
    let mut story = Story::default();
    assert_eq!(story.words(&reconciled(), &look, 39), none);
    assert_eq!(story.words(&reconciled(), &look, 40), ["long-running"]);
    assert_eq!(story.words(&reconciled(), &look, 56), none);
    let next = operation("d2", OperationType::StartDeployment, OperationStatus::InProgress, 60, None);
    let done = operation("d1", OperationType::StartDeployment, OperationStatus::Succeeded, 10, Some(58));
    assert_eq!(story.words(&reconciled(), &looked(ServiceStatus::Running, vec![next, done]), 61), none);
    assert_eq!(story.state.long_running, [], "what ended is forgotten");
}

#[test]
fn a_rollback_that_takes_long_is_told_as_the_failure_that_it_is() {
    use OperationStatus::{Failed, RollbackInProgress};
    let rolling = operation("d2", OperationType::StartDeployment, RollbackInProgress, 10, None);
    let rolling = Operation { updated_at: Some(at(20)), ..rolling };
    let before = operation("d1", OperationType::StartDeployment, Failed, 2, Some(4));
    let look = looked(ServiceStatus::OperationInProgress, vec![rolling, before]);
    assert_eq!(Story::default().words(&reconciled(), &look, 45), ["failure", "failure"]);
    let none = looked(ServiceStatus::Running, vec![]);
    let mut story = Story::default();
    story.words(&operation_event("DeploymentFailed", 5).unwrap(), &none, 5);
    let other = operation("d9", OperationType::UpdateService, OperationStatus::InProgress, 10, None);
    let look = looked(ServiceStatus::OperationInProgress, vec![other]);
    assert_eq!(story.words(&reconciled(), &look, 45), ["long-running"], "another incident hides nothing");
}

#[test]
fn operations_that_cannot_be_read_are_told_once() {
    let look = Look {
        status: Some(ServiceStatus::Running),
        operations: None,
        unreadable: Some("AccessDeniedException".into()),
    };
    let mut story = Story::default();
    let none: [&str; 0] = [];
    assert_eq!(story.words(&reconciled(), &look, 10), ["unreadable"]);
    assert_eq!(story.words(&reconciled(), &look, 25), none);
    assert_eq!(story.words(&reconciled(), &looked(ServiceStatus::Running, vec![]), 40), none);
    assert_eq!(story.words(&reconciled(), &look, 55), ["unreadable"]);
}

#[test]
fn a_custom_domains_trouble_and_its_end() {
    let change = |status: &str| Trigger::Domain {
        event_id: format!("d-{status}"),
        at: at(if status == "ACTIVE" { 70 } else { 60 }),
        change: DomainChange { domain: Some("shop.example.com".into()), status: status.into() },
    };
    let none: [&str; 0] = [];
    let mut story = Story::default();
    assert_eq!(story.words(&change("PENDING_CERTIFICATE_DNS_VALIDATION"), &Look::default(), 59), none);
    assert_eq!(story.words(&change("CREATE_FAILED"), &Look::default(), 60), ["failure"]);
    assert_eq!(story.words(&change("VALIDATION_FAILED"), &Look::default(), 61), none);
    let deployment = operation_event("DeploymentFailed", 62).unwrap();
    assert_eq!(story.words(&deployment, &Look::default(), 62), ["failure"]);
    assert_eq!(story.words(&change("ACTIVE"), &Look::default(), 70), ["recovered"], "the domain's, no other");
    assert_eq!(story.words(&change("CREATE_FAILED"), &Look::default(), 72), ["failure"], "anew");
    let same = Trigger::Domain {
        event_id: "d-3".into(),
        at: at(60),
        change: DomainChange { domain: Some("shop.example.com".into()), status: "ACTIVE".into() },
    };
    assert_eq!(story.words(&same, &Look::default(), 73), none, "it was active before it failed, or at once");
    let other = Trigger::Domain {
        event_id: "d-4".into(),
        at: at(74),
        change: DomainChange { domain: Some("pay.example.com".into()), status: "REVOKED".into() },
    };
    assert_eq!(story.words(&other, &Look::default(), 74), ["failure"], "another domain's is another");
}

#[test]
fn off_and_dry_run_tell_nothing_but_an_unreadable_tag() {
    let trigger = operation_event("DeploymentFailed", 60).unwrap();
    let state = Subject::default();
    for mode in [Mode::Off, Mode::DryRun] {
        let mode = Resolved { mode, by: SetBy::Command };
        let plan = decide(&trigger, &service(), &state, &Look::default(), &mode, LONGEST, at(60));
        assert!(matches!(under_mode(plan, &state, &mode), Plan::Ignore(_)), "{mode:?}");
    }
    let mode = Resolved { mode: Mode::Off, by: SetBy::UnreadableTag("yes".into()) };
    let plan = decide(&trigger, &service(), &state, &Look::default(), &mode, LONGEST, at(60));
    let Plan::Tell(state, notices) = under_mode(plan, &state, &mode) else { panic!("nothing told") };
    assert_eq!(notices, [Notice::UnreadableTag { value: "yes".into() }]);
    assert!(state.incidents.is_empty(), "what was not told is not remembered as told");
    let plan = decide(&trigger, &service(), &state, &Look::default(), &mode, LONGEST, at(61));
    assert!(matches!(under_mode(plan, &state, &mode), Plan::Ignore(_)), "told once");
}
