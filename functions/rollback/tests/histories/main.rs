//! A thousand random histories of a service: events lost, repeated and reordered, ticks that race them, crashes at any
//! call, throttling. Whatever happens, there is never a second rollback for one incident, never more than the budget,
//! never a write in another mode than `on`, and always an end that is told.

#![expect(clippy::expect_used, clippy::panic, reason = "a test ends by them")]

mod world;

use std::{
    cell::RefCell,
    collections::HashMap,
    pin::pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use autopilot::{
    announcement::{Announcement, Phase, Topic},
    call::{Call, Handler as _},
    desk::Desk,
    memory::MemoryStore,
    service::{Operation, OperationId, OperationStatus, OperationType, ServiceStatus},
};
use jiff::{SignedDuration, Timestamp};
use rollback::{case::PARTITION, handler::Rollback, settings::Settings};
use serde_json::{Value, json};
use world::{Account, Chance, Met, Race, Trouble, World, configured, service};

const HISTORIES: u64 = 1_000;
const BUDGET: usize = 3;

fn settings(mode: &str) -> Settings {
    let given = [
        ("STATE_TABLE", "t"),
        ("ROLLBACK_MODE", mode),
        ("BAKE_TIME", "5m"),
        ("SETTLE_TIME", "1m"),
        ("ROLLBACK_BUDGET", "3"),
        ("ROLLBACK_COOL_DOWN", "10m"),
        ("ANALYSIS_FAILURE_LIMIT", "2"),
        ("ANALYSIS_MAX_ERROR_SHARE", "0.05"),
        ("ANALYSIS_MIN_REQUESTS", "50"),
    ];
    let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Settings::from_environment(&HashMap::from(given)).expect("settings")
}

fn account(seed: u64) -> Account {
    let now = Timestamp::from_second(1_800_000_000).expect("a time");
    let before = now - SignedDuration::from_hours(1);
    let first = Operation {
        id: OperationId("op0".into()),
        kind: OperationType::CreateService,
        status: OperationStatus::Succeeded,
        started_at: Some(before),
        ended_at: Some(before),
        updated_at: None,
    };
    let world = World {
        now,
        chance: Chance(seed),
        status: ServiceStatus::Running,
        configuration: configured("v1"),
        operations: vec![first],
        course: None,
        updates: Vec::new(),
        announced: std::collections::BTreeMap::new(),
        events: Vec::new(),
        health: vec![(before, false)],
        trouble: Trouble::default(),
        calls: 0,
        dead: false,
        met: Met::default(),
    };
    Account { world: Rc::new(RefCell::new(world)), store: MemoryStore::default(), race: Rc::default() }
}

/// One invocation, to its end or its death.
fn invoke(account: &Account, settings: &Settings, payload: Value) {
    let now = account.world.borrow().now;
    let function = Rollback {
        settings: settings.clone(),
        apprunner: account.clone(),
        changes: account.clone(),
        metrics: account.clone(),
        images: account.clone(),
        desk: Desk {
            partition: PARTITION,
            topic: Topic::Rollback,
            state: account.clone(),
            bus: account.clone(),
        },
    };
    let call = Call { request_id: now.to_string(), now };
    let mut handled = pin!(function.handle(payload, call));
    // Every call of the account is answered at once: what is still pending has died.
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..1_000 {
        match handled.as_mut().poll(&mut context) {
            Poll::Ready(_) => return,
            Poll::Pending if account.world.borrow().dead => return,
            Poll::Pending => {}
        }
    }
    panic!("an invocation neither ended nor died");
}

fn troubled(account: &Account, settings: &Settings, payload: Value) {
    {
        let mut world = account.world.borrow_mut();
        world.calls = 0;
        world.dead = false;
        let dies = world.chance.percent(15).then(|| (1 + world.chance.below(20), world.chance.percent(50)));
        let raced = world.chance.percent(15).then(|| 1 + world.chance.below(15));
        let throttled = if world.chance.percent(20) { 10 } else { 0 };
        let dies_in_update = world.chance.percent(15);
        world.trouble = Trouble { dies_at: dies, dies_in_update, throttled, raced_at: raced };
    }
    invoke(account, settings, payload);
    let mut world = account.world.borrow_mut();
    world.trouble = Trouble::default();
    world.met.deaths += usize::from(world.dead);
    world.dead = false;
}

fn event(at: Timestamp) -> Value {
    json!({"source": "aws.apprunner", "detail-type": "AppRunner Service Operation Status Change", "id": at.to_string(),
           "time": at.to_string(), "resources": [service().as_str()], "detail": {"operationStatus": "DeploymentFailed"}})
}

fn tick() -> Value {
    json!({"command": "tick"})
}

fn reconcile() -> Value {
    json!({"command": "reconcile"})
}

/// What people and pipelines do to the service.
fn meddle(world: &mut World) {
    let status = match world.chance.below(7) {
        0 => OperationStatus::RollbackFailed,
        1 => OperationStatus::RollbackSucceeded,
        2 | 3 => OperationStatus::Failed,
        _ => OperationStatus::Succeeded,
    };
    let (kind, attempt) = if world.chance.percent(30) {
        (OperationType::StartDeployment, world.configuration.clone())
    } else {
        let number = world.chance.below(6);
        let tag = if world.chance.percent(40) { format!("bad{number}") } else { format!("v{number}") };
        (OperationType::UpdateService, configured(&tag))
    };
    world.begin(kind, attempt, status);
}

fn play(seed: u64) -> (Account, &'static str) {
    let account = account(seed);
    let mode = match seed % 10 {
        0 => "off",
        1 => "dry-run",
        _ => "on",
    };
    let settings = settings(mode);
    invoke(&account, &settings, reconcile());
    let (other, same) = (account.clone(), settings.clone());
    let race: Race = Rc::new(move || {
        let mine = std::mem::take(&mut other.world.borrow_mut().trouble);
        invoke(&other, &same, tick());
        let mut world = other.world.borrow_mut();
        world.trouble = Trouble { raced_at: None, ..mine };
    });
    *account.race.borrow_mut() = Some(race);
    for step in 0..80 {
        let (due, delivered) = {
            let mut world = account.world.borrow_mut();
            let seconds = 5 + world.chance.below(60);
            world.pass(seconds);
            if world.chance.percent(12) {
                meddle(&mut world);
            }
            let mut delivered = Vec::new();
            while !world.events.is_empty() && world.chance.percent(60) {
                let bound = u64::try_from(world.events.len()).expect("small");
                let at = usize::try_from(world.chance.below(bound)).expect("small");
                let event = if world.chance.percent(20) { world.events[at] } else { world.events.remove(at) };
                if !world.chance.percent(30) {
                    delivered.push(event);
                }
            }
            (world.chance.percent(70), delivered)
        };
        for at in delivered {
            troubled(&account, &settings, event(at));
        }
        if due {
            troubled(&account, &settings, tick());
        }
        if step % 20 == 19 {
            troubled(&account, &settings, reconcile());
        }
    }
    account.race.borrow_mut().take();
    // It calms down: long enough for a cool-down, a lost intent and a bake.
    for minute in 0..60 {
        account.world.borrow_mut().pass(60);
        invoke(&account, &settings, tick());
        if minute % 15 == 14 {
            invoke(&account, &settings, reconcile());
        }
    }
    (account, mode)
}

/// What a history came to: rollbacks, ends by phase, and what it met on the way.
fn check(seed: u64) -> (usize, Vec<Phase>, Met) {
    let (account, mode) = play(seed);
    let world = account.world.borrow();
    let updates = &world.updates;
    assert!(mode == "on" || updates.is_empty(), "seed {seed}: a write in {mode}");
    assert!(mode != "off" || world.announced.is_empty(), "seed {seed}: something is said in off");
    for (number, update) in updates.iter().enumerate() {
        let again = updates[..number].iter().any(|earlier| earlier.after == update.after);
        assert!(!again, "seed {seed}: two rollbacks after {}: {updates:?}", update.after);
        let own = updates[..number].iter().any(|earlier| {
            let at = world.operations.iter().rposition(|it| it.id == earlier.after).expect("listed");
            world.operations[at - 1].id == update.after
        });
        assert!(!own, "seed {seed}: a rollback of a rollback: {updates:?}");
        let day = update.at - SignedDuration::from_hours(24);
        let recent = updates[..=number].iter().filter(|earlier| earlier.at > day).count();
        assert!(recent <= BUDGET, "seed {seed}: {recent} rollbacks within a day");
        if let Some(earlier) = number.checked_sub(1).map(|at| &updates[at]) {
            let apart = update.at.duration_since(earlier.at);
            assert!(apart >= SignedDuration::from_mins(10), "seed {seed}: cool-down: {apart}");
        }
    }
    let mut ends = Vec::new();
    let mut threads: HashMap<_, Vec<_>> = HashMap::new();
    for announcement in world.announced.values() {
        threads.entry(announcement.incident_id.to_string()).or_default().push(announcement);
    }
    for (thread, mut said) in threads {
        said.sort_by_key(|said| {
            let number =
                said.announcement_id.rsplit('#').next().and_then(|number| number.parse::<u64>().ok());
            (said.time, number)
        });
        let last = said.last().expect("something was said");
        let over = !matches!(last.phase, Phase::Started | Phase::Progressed)
            || last.reason == "nothing-new-deployed";
        assert!(over, "seed {seed}: {thread} ends with {} {}", last.phase, last.reason);
        ends.push(last.phase.clone());
    }
    // Whatever the newest operation is, if it failed and is not ours it was told.
    let newest = &world.operations[0];
    let ours =
        updates.last().is_some_and(|update| world.operations.get(1).is_some_and(|it| it.id == update.after));
    if newest.status.is_failure() && !ours && mode != "off" {
        // Somebody's update in the moment of ours, which died on its way, cannot be told from it: it is told as ours.
        let taken_for_ours = |said: &Announcement| {
            said.reason == "own-rollback-failed"
                && world.operations.get(1).is_some_and(|before| said.plan["after"] == before.id.0)
        };
        let its_own = format!("orders:{}", newest.id);
        let told =
            world.announced.values().any(|said| said.incident_id.as_str() == its_own || taken_for_ours(said));
        assert!(told, "seed {seed}: {newest:?} was never told");
    }
    let partitions = [PARTITION];
    for partition in partitions {
        let mut listed = pin!(autopilot::store::StateRead::list(&account.store, partition));
        let Poll::Ready(items) = listed.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("memory answers at once")
        };
        for (key, item) in items.expect("memory") {
            assert_eq!(item.pending["entries"], json!([]), "seed {seed}: {key} has something to tell");
            assert_eq!(item.state["ledger"]["intent"], Value::Null, "seed {seed}: {key} is not settled");
            let held = world
                .announced
                .values()
                .max_by_key(|said| said.time)
                .is_some_and(|said| said.phase == Phase::Held);
            assert!(
                item.state["open"] != json!(true) || held,
                "seed {seed}: {key} is open: {:#}, {:#?}",
                item.state,
                world
                    .announced
                    .values()
                    .map(|said| format!("{} {} {} {}", said.time, said.incident_id, said.phase, said.reason))
                    .collect::<Vec<_>>()
            );
        }
    }
    (updates.len(), ends, world.met)
}

#[test]
fn a_thousand_histories_end_well() {
    let (mut rollbacks, mut ends) = (0, HashMap::<String, usize>::new());
    let mut all = Met::default();
    for seed in 0..HISTORIES {
        let (updates, phases, met) = check(seed);
        rollbacks += updates;
        all.deaths += met.deaths;
        all.deaths_in_updates += met.deaths_in_updates;
        all.throttled += met.throttled;
        all.races += met.races;
        for phase in phases {
            *ends.entry(phase.to_string()).or_default() += 1;
        }
    }
    // Histories in which nothing happens prove nothing.
    assert!(rollbacks > 500, "{rollbacks} rollbacks, {ends:?}");
    let often = all.deaths > 1_000 && all.throttled > 1_000 && all.races > 1_000;
    assert!(often && all.deaths_in_updates > 50, "{all:?}");
    for phase in ["succeeded", "failed", "held", "skipped", "planned"] {
        assert!(ends.get(phase).is_some_and(|count| *count > 10), "{phase}: {ends:?}");
    }
}
