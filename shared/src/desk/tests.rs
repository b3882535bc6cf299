mod ticks;

use std::cell::{Cell, RefCell};

use super::*;
use crate::{
    announcement::Announcement,
    control::Action,
    memory::MemoryStore,
    mutation::{Budget, Leave, Permit, Receipt, Settled},
    period::Period,
    service::{OperationId, ServiceArn},
};

/// A service that is to be changed until it is, and that may fail to answer.
struct Mender {
    service: ServiceArn,
    parameter: Mode,
    turns_back: bool,
    calls: Cell<usize>,
    changed: Cell<bool>,
    answers: RefCell<Vec<Answer>>,
    /// Somebody else writes the record while this one observes.
    interferes: RefCell<Option<CaseRecord<usize>>>,
    store: MemoryStore,
    /// Somebody else settles the intent while the call is under way.
    settles_meanwhile: bool,
    /// The number of the try does not count up.
    forgetful: Cell<bool>,
    /// How the subject `broken` cannot be observed.
    trouble: Class,
}

#[derive(Clone, Copy, Debug)]
enum Answer {
    Unanswered,
    LostOnTheWay,
    RefusedByState,
    RefusedForGood,
}

impl Worker for Mender {
    /// How often it was mended.
    type Work = usize;
    type Seen = bool;
    type Act = String;

    async fn observe(&self, case: &Case<usize>, _: Timestamp) -> Result<bool, Failure> {
        if case.subject == "broken" {
            Err(PortError::new("apprunner:DescribeService", self.trouble, "no answer that helps"))?;
        }
        if let Some(mut other) = self.interferes.take() {
            other.state.work = 7;
            assert_eq!(other.save(&self.store).await.unwrap(), Written::Yes);
        }
        Ok(self.changed.get())
    }

    fn mode(&self, _: &bool) -> Mode {
        self.parameter
    }

    fn decide(&self, case: &Case<usize>, changed: &bool, _: Timestamp) -> Plan<usize, String> {
        let act = (!changed).then(|| "mend".to_owned());
        let reason = String::new();
        Plan { decision: "mend", reason, work: case.work, open: act.is_some(), say: Vec::new(), act }
    }

    fn gate<'a>(&'a self, _: &'a Case<usize>, _: &'a bool, _: &String) -> Gate<'a> {
        let budget = Budget { most: 3, within: Period::days(1), cool_down: Period::minutes(10) };
        let leave = if self.turns_back {
            Leave::ToTurnBack
        } else {
            let (service, parameter) = (&self.service, self.parameter);
            Leave::OfService { action: Action::Rollback, service, tag: None, parameter }
        };
        Gate { leave, budget }
    }

    async fn perform(&self, _: &Case<usize>, _: &String, _: &Permit) -> Result<Receipt, PortError> {
        self.calls.set(self.calls.get() + 1);
        let refuse = |class, code: &str| PortError {
            code: Some(code.to_owned()),
            ..PortError::new("apprunner:UpdateService", class, "refused")
        };
        let silence = PortError::new("apprunner:UpdateService", Class::Retryable, "no answer in time");
        let answer = self.answers.borrow_mut().pop();
        match answer {
            None => {
                self.changed.set(true);
                if self.settles_meanwhile {
                    let key = Key::new("rollback", "case orders");
                    let mut other: CaseRecord<usize> = Record::load(&self.store, key).await?;
                    other.state.ledger.intent = None;
                    let say = Say::new(Phase::Started, "requested", "Mending it.", json!({"try": 1}));
                    other.say(&Topic::Rollback, None, say, at(0));
                    other.save(&self.store).await?;
                }
                Ok(receipt())
            }
            Some(Answer::Unanswered) => {
                self.changed.set(true);
                Err(silence)
            }
            Some(Answer::LostOnTheWay) => Err(silence),
            Some(Answer::RefusedByState) => Err(refuse(Class::Retryable, "InvalidStateException")),
            Some(Answer::RefusedForGood) => Err(refuse(Class::Permanent, "AccessDeniedException")),
        }
    }

    async fn settle(&self, _: &Case<usize>, _: &String, _: &Intent) -> Result<Settled, PortError> {
        Ok(if self.changed.get() { Settled::Made(receipt()) } else { Settled::NotMade })
    }

    fn concluded(&self, work: &mut usize, _: &str, _: &String, outcome: &Outcome, _: Timestamp) -> Vec<Say> {
        if matches!(outcome, Outcome::Made(_)) {
            *work += usize::from(!self.forgetful.get());
            return vec![Say::new(Phase::Started, "requested", "Mending it.", json!({"try": *work}))];
        }
        Say::of_refusal(outcome, "requested", "mend it", json!({"try": *work + 1})).into_iter().collect()
    }
}

/// A bus that takes everything, or nothing.
#[derive(Default)]
struct Bus {
    down: Cell<bool>,
    said: RefCell<Vec<String>>,
}

impl Announce for &Bus {
    async fn announce(&self, announcements: &[Announcement]) -> Vec<Result<(), PortError>> {
        let answer = |announcement: &Announcement| {
            if self.down.get() {
                return Err(PortError::new("events:PutEvents", Class::Retryable, "no answer in time"));
            }
            self.said.borrow_mut().push(format!("{} {}", announcement.announcement_id, announcement.phase));
            Ok(())
        };
        announcements.iter().map(answer).collect()
    }
}

fn receipt() -> Receipt {
    Receipt { operation: Some(OperationId("0af3".into())) }
}

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
}

/// Everything that a test needs: the case `orders` of a function that mends.
struct Scene {
    mender: Mender,
    bus: Bus,
}

impl Scene {
    fn new(answers: &[Answer]) -> Self {
        let mender = Mender {
            service: "arn:aws:apprunner:eu-west-1:123456789012:service/orders/8fe1".parse().unwrap(),
            parameter: Mode::On,
            turns_back: false,
            calls: Cell::default(),
            changed: Cell::default(),
            answers: RefCell::new(answers.iter().rev().copied().collect()),
            interferes: RefCell::default(),
            store: MemoryStore::default(),
            settles_meanwhile: false,
            forgetful: Cell::default(),
            trouble: Class::Permanent,
        };
        Self { mender, bus: Bus::default() }
    }

    fn desk(&self) -> Desk<MemoryStore, &Bus> {
        Desk {
            partition: "rollback",
            topic: Topic::Rollback,
            state: self.mender.store.clone(),
            bus: &self.bus,
        }
    }

    async fn record(&self) -> CaseRecord<usize> {
        let mut record = self.desk().case("orders").await.unwrap();
        record.state.incident = IncidentId::new("orders:0af3");
        record
    }

    async fn try_at(&self, minute: i64) -> Result<Option<Outcome>, Failure> {
        let record = self.record().await;
        let decided = self.desk().advance(&self.mender, record, |case| case.open = true, at(minute)).await;
        decided.map(|decided| decided.outcome)
    }

    async fn at(&self, minute: i64) -> Option<Outcome> {
        self.try_at(minute).await.unwrap()
    }

    /// Makes it need mending once more.
    fn break_again(&self) {
        self.mender.changed.set(false);
    }

    async fn command(&self, word: &str, minute: i64) -> Value {
        let command = Command { name: word.to_owned(), fields: serde_json::Map::new() };
        self.desk().command(&command, at(minute)).await.unwrap().unwrap()
    }

    fn calls(&self) -> usize {
        self.mender.calls.get()
    }
}

fn made() -> Outcome {
    Outcome::Made(receipt())
}

fn waits(outcome: Option<&Outcome>) -> bool {
    matches!(outcome, Some(Outcome::Wait(_)))
}

#[tokio::test]
async fn only_on_acts_and_the_plan_of_a_dry_run_is_announced_once() {
    for (mode, outcome, calls, said) in [
        (Mode::Off, Some(Outcome::Planned(Mode::Off)), 0, vec![]),
        (Mode::DryRun, Some(Outcome::Planned(Mode::DryRun)), 0, vec!["orders:0af3/rollback#1 planned"]),
        (Mode::On, Some(made()), 1, vec!["orders:0af3/rollback#1 started"]),
    ] {
        let mut scene = Scene::new(&[]);
        scene.mender.parameter = mode;
        assert_eq!(scene.at(0).await, outcome);
        scene.at(1).await;
        assert_eq!(scene.calls(), calls, "{mode}");
        assert_eq!(scene.bus.said.take(), said, "{mode}");
    }
}

#[tokio::test]
async fn a_stop_holds_everything_but_the_way_back_until_it_is_lifted() {
    let mut scene = Scene::new(&[]);
    scene.command("stop", 1).await;
    for minute in 2..4 {
        assert_eq!(scene.at(minute).await, Some(Outcome::Stopped(at(1))));
    }
    assert_eq!(scene.calls(), 0);
    scene.mender.turns_back = true;
    assert_eq!(scene.at(4).await, Some(made()));
    scene.mender.turns_back = false;
    scene.break_again();
    scene.command("go", 5).await;
    assert_eq!(scene.at(20).await, Some(made()));
    let said = scene.bus.said.take();
    let expected = [
        "apprunner-autopilot:stop/rollback#1 held",
        "orders:0af3/rollback#1 held",
        "orders:0af3/rollback#2 started",
        "apprunner-autopilot:stop/rollback#2 progressed",
        "orders:0af3/rollback#3 started",
    ];
    assert_eq!(said, expected);
}

#[tokio::test]
async fn budget_and_cool_down_hold() {
    let scene = Scene::new(&[]);
    assert_eq!(scene.at(0).await, Some(made()));
    scene.break_again();
    assert_eq!(scene.at(9).await, Some(Outcome::Wait(format!("cool-down until {}", at(10)))));
    for minute in [10, 20] {
        assert_eq!(scene.at(minute).await, Some(made()));
        scene.break_again();
    }
    let day = 24 * 60;
    assert_eq!(scene.at(30).await, Some(Outcome::BudgetExhausted(at(day))));
    assert_eq!(scene.at(day - 1).await, Some(Outcome::BudgetExhausted(at(day))));
    assert_eq!(scene.at(day).await, Some(made()));
    assert_eq!(scene.calls(), 4);
    let said = scene.bus.said.take();
    assert_eq!(said.iter().filter(|line| line.ends_with("held")).count(), 1, "{said:?}");
}

#[tokio::test]
async fn a_lost_answer_is_settled_by_reading_and_never_by_a_second_call() {
    let scene = Scene::new(&[Answer::Unanswered]);
    assert!(waits(scene.at(0).await.as_ref()));
    // Even under a stop: settling changes nothing.
    scene.command("stop", 1).await;
    assert_eq!(scene.at(1).await, Some(made()));
    assert_eq!(scene.calls(), 1);
    assert!(scene.bus.said.take().contains(&"orders:0af3/rollback#1 started".to_owned()), "it is told");
}

#[tokio::test]
async fn a_call_that_never_arrived_is_made_anew_within_the_budget() {
    let scene = Scene::new(&[Answer::LostOnTheWay]);
    for minute in 0..4 {
        assert!(waits(scene.at(minute).await.as_ref()), "under way, not made, cool-down");
    }
    assert_eq!(scene.at(10).await, Some(made()));
    assert_eq!(scene.calls(), 2);
}

#[tokio::test]
async fn a_call_under_way_is_not_taken_for_one_that_was_never_made() {
    let scene = Scene::new(&[Answer::LostOnTheWay]);
    assert!(waits(scene.at(0).await.as_ref()));
    // Another invocation looks before the change shows; then it shows.
    assert!(waits(scene.at(1).await.as_ref()));
    scene.mender.changed.set(true);
    assert_eq!(scene.at(2).await, Some(made()));
    assert_eq!(scene.calls(), 1);
}

#[tokio::test]
async fn refusals_leave_no_intent_behind() {
    let scene = Scene::new(&[Answer::RefusedByState; 3]);
    for minute in 0..3 {
        assert!(waits(scene.at(minute).await.as_ref()));
        assert_eq!(scene.record().await.state.ledger.intent, None);
    }
    assert_eq!(scene.at(3).await, Some(made()), "a refusal costs no budget");
    let scene = Scene::new(&[Answer::RefusedForGood]);
    assert!(matches!(scene.at(0).await, Some(Outcome::Refused(_))));
    assert_eq!(scene.record().await.state.ledger.intent, None);
    assert_eq!(scene.bus.said.take(), ["orders:0af3/rollback#1 held"]);
}

#[tokio::test]
async fn of_two_that_race_one_acts() {
    let scene = Scene::new(&[]);
    let record = scene.record().await;
    scene.mender.interferes.replace(Some(record));
    assert_eq!(scene.at(0).await, Some(made()));
    assert_eq!(scene.calls(), 1, "the first attempt found its record changed before it called");
    assert_eq!(scene.record().await.state.work, 8, "and decided again from what the other wrote");
}

#[tokio::test]
async fn what_the_bus_does_not_take_is_announced_by_the_next_invocation() {
    let scene = Scene::new(&[]);
    scene.bus.down.set(true);
    assert!(scene.try_at(0).await.is_err());
    assert_eq!(scene.calls(), 1);
    scene.bus.down.set(false);
    scene.at(1).await;
    scene.at(2).await;
    assert_eq!(scene.bus.said.take(), ["orders:0af3/rollback#1 started"]);
    assert_eq!(scene.calls(), 1);
}

#[tokio::test]
async fn a_mode_that_is_none_names_every_bad_field() {
    let scene = Scene::new(&[]);
    let fields = json!({"service_arn": "orders", "action": "dance", "mode": "maybe"});
    let command = Command { name: "mode".to_owned(), fields: fields.as_object().unwrap().clone() };
    let answer = scene.desk().command(&command, at(0)).await.unwrap().unwrap();
    let errors: Vec<_> = answer["errors"].as_array().unwrap().iter().map(|e| e["field"].clone()).collect();
    assert_eq!(
        (&answer["ok"], errors),
        (&json!(false), vec![json!("service_arn"), json!("action"), json!("mode")])
    );
    let other = Command { name: "dance".to_owned(), ..command };
    assert_eq!(scene.desk().command(&other, at(0)).await.unwrap(), None);
}

#[tokio::test]
async fn what_was_asked_for_is_not_asked_for_again_once_it_was_acted_on() {
    // Somebody else settles the intent while the call is under way: the outcome's write conflicts.
    let mut scene = Scene::new(&[]);
    scene.mender.settles_meanwhile = true;
    let record = scene.record().await;
    let edits = Cell::new(0);
    let edit = |case: &mut Case<usize>| {
        case.open = true;
        edits.set(edits.get() + 1);
    };
    scene.desk().advance(&scene.mender, record, edit, at(0)).await.unwrap();
    assert_eq!((edits.get(), scene.calls()), (1, 1));
    let started = scene.bus.said.take();
    assert_eq!(started, ["orders:0af3/rollback#1 started"], "told by whoever stored it");
}

#[tokio::test]
async fn every_act_is_told_however_alike_and_every_stop() {
    let scene = Scene::new(&[]);
    for minute in [0, 10] {
        scene.mender.forgetful.set(true);
        assert_eq!(scene.at(minute).await, Some(made()));
        scene.break_again();
    }
    for minute in [20, 30] {
        scene.command("stop", minute).await;
        // Lifted by another function, which has a record of its own.
        control::command(
            &scene.mender.store,
            &Command { name: "go".into(), fields: serde_json::Map::new() },
            at(minute),
        )
        .await
        .unwrap();
    }
    let said = scene.bus.said.take();
    assert_eq!(said.iter().filter(|line| line.ends_with("started")).count(), 2, "{said:?}");
    assert_eq!(said.iter().filter(|line| line.ends_with("held")).count(), 2, "{said:?}");
}

#[tokio::test]
async fn services_are_taken_up_several_at_a_time_and_the_trouble_of_one_is_its_own() {
    let service: ServiceArn = "arn:aws:apprunner:eu-west-1:123456789012:service/orders/0af3".parse().unwrap();
    let (running, most) = (Cell::new(0), Cell::new(0));
    let (running, most) = (&running, &most);
    let each = (0..300).map(|number| {
        let taken = async move {
            running.set(running.get() + 1);
            most.set(most.get().max(running.get()));
            tokio::task::yield_now().await;
            running.set(running.get() - 1);
            if number == 7 { Err(Failure::Contended("a record".to_owned())) } else { Ok(number % 3 == 0) }
        };
        (&service, taken)
    });
    assert_eq!(take_up(each).await, Taken { up: 100, failed: 1 });
    assert_eq!(most.get(), AT_ONCE);
}
