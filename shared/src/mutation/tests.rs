use std::cell::{Cell, RefCell};

use super::*;
use crate::{memory::MemoryStore, store::Key};

/// A service that can be changed once for each permitted call, and that may fail to answer.
#[derive(Default)]
struct Service {
    calls: Cell<usize>,
    changed: Cell<bool>,
    answers: RefCell<Vec<Answer>>,
}

#[derive(Clone, Copy)]
enum Answer {
    Done,
    Unanswered,
    LostOnTheWay,
    RefusedByState,
    RefusedForGood,
}

impl Mutation for Service {
    fn what(&self) -> &'static str {
        "update-service"
    }

    async fn perform(&self, _: &Permit) -> Result<Receipt, PortError> {
        self.calls.set(self.calls.get() + 1);
        let refuse = |class, code: &str| PortError {
            code: Some(code.to_owned()),
            ..PortError::new("apprunner:UpdateService", class, "refused")
        };
        let silence = PortError::new("apprunner:UpdateService", Class::Retryable, "no answer in time");
        match self.answers.borrow_mut().pop().unwrap_or(Answer::Done) {
            Answer::Done => {
                self.changed.set(true);
                Ok(receipt())
            }
            Answer::Unanswered => {
                self.changed.set(true);
                Err(silence)
            }
            Answer::LostOnTheWay => Err(silence),
            Answer::RefusedByState => Err(refuse(Class::Retryable, "InvalidStateException")),
            Answer::RefusedForGood => Err(refuse(Class::Permanent, "AccessDeniedException")),
        }
    }

    async fn settle(&self, _: &Intent) -> Result<Settled, PortError> {
        Ok(if self.changed.get() { Settled::Made(receipt()) } else { Settled::NotMade })
    }
}

fn receipt() -> Receipt {
    Receipt { operation: Some(OperationId("0af3".into())) }
}

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
}

type Book = Record<Ledger, ()>;

async fn attempt(store: &MemoryStore, service: &Service, mode: Mode, minute: i64) -> Outcome {
    let arn: ServiceArn = "arn:aws:apprunner:eu-west-1:123456789012:service/orders/8fe1".parse().unwrap();
    let budget = Budget { most: 3, within: Period::days(1), cool_down: Period::minutes(10) };
    let gate = Gate { action: Action::Rollback, service: &arn, tag: None, parameter: mode, budget };
    let mut record: Book = Record::load(store, Key::new("rollback", "orders")).await.unwrap();
    run(store, &mut record, |ledger| ledger, &gate, service, at(minute)).await.unwrap()
}

async fn stop(store: &MemoryStore, since: Option<Timestamp>) {
    let change = |record: &mut Record<Control, ()>| record.state.stopped_since = since;
    crate::store::update(store, control::key(), change).await.unwrap();
}

#[tokio::test]
async fn only_on_makes_a_call() {
    for (mode, outcome, calls) in [
        (Mode::Off, Outcome::Planned(Mode::Off), 0),
        (Mode::DryRun, Outcome::Planned(Mode::DryRun), 0),
        (Mode::On, Outcome::Made(receipt()), 1),
    ] {
        let (store, service) = (MemoryStore::default(), Service::default());
        assert_eq!(attempt(&store, &service, mode, 0).await, outcome);
        assert_eq!(service.calls.get(), calls, "{mode}");
    }
}

#[tokio::test]
async fn a_stop_holds_everything_until_it_is_lifted() {
    let (store, service) = (MemoryStore::default(), Service::default());
    stop(&store, Some(at(1))).await;
    assert_eq!(attempt(&store, &service, Mode::On, 2).await, Outcome::Stopped(at(1)));
    assert_eq!(service.calls.get(), 0);
    stop(&store, None).await;
    assert_eq!(attempt(&store, &service, Mode::On, 3).await, Outcome::Made(receipt()));
}

#[tokio::test]
async fn budget_and_cool_down_hold() {
    let (store, service) = (MemoryStore::default(), Service::default());
    assert_eq!(attempt(&store, &service, Mode::On, 0).await, Outcome::Made(receipt()));
    let early = attempt(&store, &service, Mode::On, 9).await;
    assert_eq!(early, Outcome::Wait(format!("cool-down until {}", at(10))));
    for minute in [10, 20] {
        assert_eq!(attempt(&store, &service, Mode::On, minute).await, Outcome::Made(receipt()));
    }
    let day = 24 * 60;
    assert_eq!(attempt(&store, &service, Mode::On, 30).await, Outcome::BudgetExhausted(at(day)));
    assert_eq!(attempt(&store, &service, Mode::On, day - 1).await, Outcome::BudgetExhausted(at(day)));
    assert_eq!(attempt(&store, &service, Mode::On, day).await, Outcome::Made(receipt()));
    assert_eq!(service.calls.get(), 4);
}

#[tokio::test]
async fn a_lost_answer_is_settled_by_reading_and_never_by_a_second_call() {
    let (store, service) = (MemoryStore::default(), Service::default());
    service.answers.borrow_mut().push(Answer::Unanswered);
    assert!(matches!(attempt(&store, &service, Mode::On, 0).await, Outcome::Wait(_)));
    // Even under a stop: settling changes nothing.
    stop(&store, Some(at(1))).await;
    assert_eq!(attempt(&store, &service, Mode::On, 1).await, Outcome::Made(receipt()));
    assert_eq!(service.calls.get(), 1);
}

#[tokio::test]
async fn a_call_that_never_arrived_is_made_anew_within_the_budget() {
    let (store, service) = (MemoryStore::default(), Service::default());
    service.answers.borrow_mut().push(Answer::LostOnTheWay);
    assert!(matches!(attempt(&store, &service, Mode::On, 0).await, Outcome::Wait(_)));
    assert!(matches!(attempt(&store, &service, Mode::On, 1).await, Outcome::Wait(_)), "settled as not made");
    assert!(matches!(attempt(&store, &service, Mode::On, 2).await, Outcome::Wait(_)), "cool-down");
    assert_eq!(attempt(&store, &service, Mode::On, 10).await, Outcome::Made(receipt()));
    assert_eq!(service.calls.get(), 2);
}

#[tokio::test]
async fn a_call_under_way_is_not_taken_for_one_that_was_never_made() {
    let (store, service) = (MemoryStore::default(), Service::default());
    service.answers.borrow_mut().push(Answer::LostOnTheWay);
    assert!(matches!(attempt(&store, &service, Mode::On, 0).await, Outcome::Wait(_)));
    // Another invocation looks before the change shows; then it shows.
    assert!(matches!(attempt(&store, &service, Mode::On, 1).await, Outcome::Wait(_)));
    service.changed.set(true);
    assert_eq!(attempt(&store, &service, Mode::On, 2).await, Outcome::Made(receipt()));
    assert_eq!(service.calls.get(), 1);
}

#[tokio::test]
async fn refusals_leave_no_intent_behind() {
    let (store, service) = (MemoryStore::default(), Service::default());
    service.answers.borrow_mut().extend([Answer::Done, Answer::RefusedByState]);
    assert!(matches!(attempt(&store, &service, Mode::On, 0).await, Outcome::Wait(_)));
    assert_eq!(
        attempt(&store, &service, Mode::On, 1).await,
        Outcome::Made(receipt()),
        "a refusal costs no budget"
    );
    let (store, service) = (MemoryStore::default(), Service::default());
    service.answers.borrow_mut().push(Answer::RefusedForGood);
    assert!(matches!(attempt(&store, &service, Mode::On, 0).await, Outcome::Refused(_)));
    let record: Book = Record::load(&store, Key::new("rollback", "orders")).await.unwrap();
    assert_eq!(record.state.intent, None);
}

#[tokio::test]
async fn of_two_that_race_one_acts() {
    let (store, service) = (MemoryStore::default(), Service::default());
    let arn: ServiceArn = "arn:aws:apprunner:eu-west-1:123456789012:service/orders/8fe1".parse().unwrap();
    let budget = Budget { most: 3, within: Period::days(1), cool_down: Period::seconds(0) };
    let gate = Gate { action: Action::Rollback, service: &arn, tag: None, parameter: Mode::On, budget };
    let key = Key::new("rollback", "orders");
    let mut one: Book = Record::load(&store, key.clone()).await.unwrap();
    let mut two = one.clone();
    let first = run(&store, &mut one, |ledger| ledger, &gate, &service, at(0)).await.unwrap();
    let second = run(&store, &mut two, |ledger| ledger, &gate, &service, at(0)).await.unwrap();
    assert_eq!((first, second), (Outcome::Made(receipt()), Outcome::Raced));
    assert_eq!(service.calls.get(), 1);
}
