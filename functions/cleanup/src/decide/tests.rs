use std::collections::BTreeSet;

use autopilot::{
    control::Mode,
    leftovers::{Endpoint, EndpointState, Ingress, IngressStatus, ListedService, MARK},
    mutation::Receipt,
    period::Period,
    service::ServiceStatus,
};
use proptest::prelude::*;

use super::*;

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn start() -> Timestamp {
    "2026-11-01T12:00:00Z".parse().unwrap()
}

fn day(number: i32) -> Timestamp {
    start() + DAY * number
}

fn policy() -> Policy {
    Policy {
        account: "123456789012".into(),
        region: "us-east-1".into(),
        grace: Period::days(7),
        minimum_age: Period::days(1),
        max_deletions: 5,
        max_share: "0.25".parse().unwrap(),
        hour_price: "0.01".parse().unwrap(),
    }
}

fn endpoint(number: usize) -> Endpoint {
    Endpoint {
        id: format!("vpce-{number:x}"),
        service_name: "com.amazonaws.us-east-1.apprunner.requests".into(),
        kind: "Interface".into(),
        state: EndpointState::Available,
        vpc: "vpc-1".into(),
        owner: Some("123456789012".into()),
        requester_managed: false,
        created_at: Some(start() - DAY * 30),
        zones: 3,
        tags: BTreeMap::new(),
    }
}

fn service() -> ListedService {
    ListedService {
        arn: "arn:aws:apprunner:us-east-1:123456789012:service/orders/8fe1".parse().unwrap(),
        status: ServiceStatus::Running,
        url: None,
        updated_at: None,
    }
}

fn ingress(service: &str, endpoint: &str) -> Ingress {
    Ingress {
        arn: format!("arn:aws:apprunner:us-east-1:123456789012:vpcingressconnection/in/{endpoint}"),
        service: service.to_owned(),
        status: IngressStatus::Available,
        endpoint: Some(endpoint.to_owned()),
        vpc: None,
        domain: None,
        created_at: Some(start() - DAY * 30),
    }
}

/// An account of endpoints whose acts all succeed, and its function's memory.
struct World {
    inventory: Inventory,
    memory: Memory,
    deleted: Vec<String>,
    said: Vec<Say>,
}

impl World {
    fn new(endpoints: usize) -> Self {
        let endpoints = (0..endpoints).map(endpoint).collect();
        let inventory = Inventory { endpoints, services: vec![service()], ..Inventory::default() };
        Self { inventory, memory: Memory::default(), deleted: Vec::new(), said: Vec::new() }
    }

    /// One run in a mode; what was done, in words.
    fn run(&mut self, mode: Mode, confirmed: Option<usize>, now: Timestamp) -> Vec<String> {
        let mut seen =
            Seen { inventory: Ok(Rc::new(self.inventory.clone())), heard: Heard::default(), confirmed };
        let mut done = Vec::new();
        for _ in 0..50 {
            let plan = decide(&self.memory, &seen, &policy(), now);
            self.memory = plan.work;
            self.said.extend(plan.say);
            let Some(act) = plan.act else { return done };
            done.push(act.to_string());
            let outcome = if mode == Mode::On {
                self.carry_out(&act, &mut seen.heard);
                Outcome::Made(Receipt { operation: None })
            } else {
                Outcome::Planned(mode)
            };
            concluded(&mut self.memory, &act, &outcome, now);
        }
        panic!("a run ends: {done:?}")
    }

    fn carry_out(&mut self, act: &Act, heard: &mut Heard) {
        let mut tag = |id: &String, value: Option<String>| {
            for endpoint in self.inventory.endpoints.iter_mut().filter(|endpoint| endpoint.id == *id) {
                match &value {
                    Some(value) => endpoint.tags.insert(MARK.to_owned(), value.clone()),
                    None => endpoint.tags.remove(MARK),
                };
            }
        };
        match act {
            Act::Mark { endpoints, since, .. } => {
                for id in endpoints {
                    tag(id, Some(since.to_string()));
                }
            }
            Act::Unmark { why } => {
                for id in why.keys() {
                    tag(id, None);
                }
            }
            Act::DeleteIngress { arn } => {
                self.inventory.ingress.retain(|ingress| ingress.arn != *arn);
                heard.deleted.insert(arn.clone(), None);
            }
            Act::DeleteEndpoints { ids } => {
                self.inventory.endpoints.retain(|endpoint| !ids.contains(&endpoint.id));
                heard.deleted.extend(ids.iter().map(|id| (id.clone(), None)));
                self.deleted.extend(ids.iter().cloned());
            }
        }
    }

    /// A run a day.
    fn daily(&mut self, days: std::ops::Range<i32>) {
        for number in days {
            self.run(Mode::On, None, day(number));
        }
    }

    fn living(&self) -> usize {
        self.inventory.endpoints.len()
    }

    fn reasons(&self) -> Vec<&'static str> {
        self.said.iter().map(|say| say.reason).collect()
    }
}

#[test]
fn the_life_of_an_orphan() {
    let mut world = World::new(2);
    world.inventory.ingress = vec![ingress(service().arn.as_str(), "vpce-1")];
    let mut story = Vec::new();
    for number in 0..9 {
        for done in world.run(Mode::On, None, day(number)) {
            story.push(format!("day {number}: {done}"));
        }
    }
    insta::assert_snapshot!(story.join("\n"), @r"
    day 0: mark vpce-0 as orphaned since 2026-11-01T12:00:00Z
    day 7: delete vpce-0
    ");
    assert_eq!(world.reasons(), ["marked", "deleted"]);
    assert!(world.memory.resources.is_empty(), "nothing is remembered of what is gone");
}

#[test]
fn what_is_used_again_loses_its_mark_and_starts_anew() {
    let mut world = World::new(1);
    world.daily(0..6);
    world.inventory.ingress = vec![ingress(service().arn.as_str(), "vpce-0")];
    world.daily(6..8);
    world.inventory.ingress.clear();
    world.daily(8..14);
    assert_eq!(world.run(Mode::On, None, day(14)), [""; 0]);
    assert_eq!(world.run(Mode::On, None, day(15)), ["delete vpce-0"]);
    assert_eq!(world.reasons(), ["marked", "unmarked", "marked", "deleted"]);
}

#[test]
fn a_grace_period_that_nobody_watched_begins_anew() {
    let gone = "arn:aws:apprunner:us-east-1:123456789012:service/gone/8fe1";
    for (away, deleted_on) in [(1, 7), (2, 7), (3, 10), (30, 37)] {
        let mut world = World::new(2);
        world.inventory.ingress = vec![ingress(gone, "vpce-1")];
        world.run(Mode::On, None, day(0));
        let deletions = (away..away + 8).find(|number| !world.run(Mode::On, None, day(*number)).is_empty());
        assert_eq!(deletions, Some(deleted_on), "{away} days away");
    }
}

#[test]
fn a_dry_run_says_what_it_would_do_once_and_the_real_one_still_marks_first() {
    let mut world = World::new(1);
    for number in 0..10 {
        world.run(Mode::DryRun, None, day(number));
    }
    assert_eq!(world.reasons(), ["would-mark"]);
    assert_eq!(world.run(Mode::On, None, day(10)), ["mark vpce-0 as orphaned since 2026-11-11T12:00:00Z"]);
    world.daily(11..17);
    assert_eq!(world.living(), 1);
    world.run(Mode::DryRun, None, day(17));
    assert_eq!(world.run(Mode::On, None, day(18)), ["delete vpce-0"]);
    assert_eq!(world.reasons(), ["would-mark", "marked", "would-delete", "deleted"]);
}

#[test]
fn a_connection_of_a_deleted_service_goes_before_its_endpoint() {
    let mut world = World::new(1);
    let gone = "arn:aws:apprunner:us-east-1:123456789012:service/gone/8fe1";
    world.inventory.ingress = vec![ingress(gone, "vpce-0")];
    let story: Vec<_> = (0..16).flat_map(|number| world.run(Mode::On, None, day(number))).collect();
    let arn = ingress(gone, "vpce-0").arn;
    assert_eq!(
        story,
        [
            format!("mark {arn} as orphaned since 2026-11-01T12:00:00Z"),
            format!("delete {arn}"),
            "mark vpce-0 as orphaned since 2026-11-09T12:00:00Z".to_owned(),
            "delete vpce-0".to_owned(),
        ]
    );
}

#[test]
fn the_cap_is_a_share_and_a_number_and_one_at_least() {
    for (endpoints, orphans, confirmed, deletes) in [
        (1, 1, None, true),
        (7, 1, None, true),
        (7, 2, None, false),
        (8, 2, None, true),
        (100, 5, None, true),
        (100, 6, None, false),
        (100, 6, Some(5), false),
        (100, 6, Some(6), true),
        (100, 60, Some(60), true),
    ] {
        let mut world = World::new(endpoints);
        let in_use =
            (orphans..endpoints).map(|number| ingress(service().arn.as_str(), &format!("vpce-{number:x}")));
        world.inventory.ingress = in_use.collect();
        world.daily(0..7);
        world.run(Mode::On, confirmed, day(7));
        let expected = if deletes { orphans } else { 0 };
        assert_eq!(world.deleted.len(), expected, "{orphans} of {endpoints}, confirmed {confirmed:?}");
        assert_eq!(world.reasons().last(), Some(&if deletes { "deleted" } else { "over-cap" }));
    }
}

#[test]
fn an_inventory_that_is_not_whole_leads_to_nothing() {
    let mut world = World::new(1);
    world.run(Mode::On, None, day(0));
    let seen = Seen { inventory: Err("no".into()), heard: Heard::default(), confirmed: Some(100) };
    let plan = decide(&world.memory, &seen, &policy(), day(30));
    assert_eq!((plan.act, plan.decision, plan.work), (None, "hold", world.memory));
    assert_eq!(plan.say[0].reason, "inventory-incomplete");
}

/// What may be otherwise in the second look.
type Change = fn(&mut EndpointLook);

/// A look at `vpce-0` in which nothing speaks against its deletion.
fn look(since: Timestamp) -> EndpointLook {
    let mut endpoint = endpoint(0);
    endpoint.tags.insert(MARK.into(), since.to_string());
    EndpointLook {
        endpoints: vec![endpoint],
        ingress: Vec::new(),
        bytes: BTreeMap::from([("vpce-0".into(), 0.0)]),
    }
}

#[test]
fn the_second_look_keeps_whatever_is_not_proven_to_be_an_orphan_still() {
    let mut world = World::new(1);
    world.run(Mode::On, None, day(0));
    let (policy, kept) = (policy(), BTreeSet::new());
    let judge = |look: &EndpointLook, memory: &Memory| {
        still_orphaned("vpce-0", memory, look, Rules { policy: &policy, kept: &kept, now: day(7) })
    };
    assert_eq!(judge(&look(day(0)), &world.memory), Ok(()));
    let unsure: [Change; 7] = [
        |look| look.endpoints.clear(),
        |look| look.endpoints[0].tags.clear(),
        |look| drop(look.endpoints[0].tags.insert(MARK.into(), day(1).to_string())),
        |look| drop(look.endpoints[0].tags.insert(MARK.into(), "long ago".into())),
        |look| look.bytes.clear(),
        |look| {
            look.bytes.insert("vpce-0".into(), f64::NAN);
        },
        |look| {
            look.bytes.insert("vpce-0".into(), -1.0);
        },
    ];
    for (number, change) in unsure.iter().enumerate() {
        let mut look = look(day(0));
        change(&mut look);
        assert!(matches!(judge(&look, &world.memory), Err(Kept::Unsure(_))), "{number}");
    }
    let used: [Change; 5] = [
        |look| {
            look.bytes.insert("vpce-0".into(), 1.0);
        },
        |look| {
            look.bytes.insert("vpce-0".into(), f64::INFINITY);
        },
        |look| look.ingress.push(ingress("of nobody", "vpce-0")),
        |look| look.endpoints[0].state = EndpointState::Deleting,
        |look| look.endpoints[0].service_name = "com.amazonaws.us-east-1.apprunner".into(),
    ];
    for (number, change) in used.iter().enumerate() {
        let mut look = look(day(0));
        change(&mut look);
        assert!(matches!(judge(&look, &world.memory), Err(Kept::Used(_))), "{number}");
    }
    assert!(
        judge(&look(day(0)), &Memory::default()).is_err(),
        "what was never seen has no grace period behind it"
    );
}

/// What may happen to an endpoint from one day to the next.
#[derive(Clone, Copy, Debug)]
enum Turn {
    Nothing,
    Used(usize),
    Left(usize),
    Kept(usize),
    Foreign(usize),
    Stack(usize),
    MarkTakenAway(usize),
    MarkedLongAgo(usize),
    TableLost,
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let of = |make: fn(usize) -> Turn| (0..6_usize).prop_map(make);
    let turn = prop_oneof![
        4 => Just(Turn::Nothing), 2 => of(Turn::Used), 3 => of(Turn::Left), 1 => of(Turn::Kept), 1 => of(Turn::Foreign),
        1 => of(Turn::Stack), 1 => of(Turn::MarkTakenAway), 1 => of(Turn::MarkedLongAgo), 1 => Just(Turn::TableLost),
    ];
    proptest::collection::vec(turn, 1..40)
}

impl World {
    fn turn(&mut self, turn: Turn) {
        let mut change = |number: usize, change: &dyn Fn(&mut Endpoint)| {
            let id = format!("vpce-{number:x}");
            self.inventory.endpoints.iter_mut().filter(|endpoint| endpoint.id == id).for_each(change);
        };
        match turn {
            Turn::Nothing => {}
            Turn::Used(number) => {
                let connection = ingress(service().arn.as_str(), &format!("vpce-{number:x}"));
                if !self.inventory.ingress.contains(&connection) {
                    self.inventory.ingress.push(connection);
                }
            }
            Turn::Left(number) => {
                let id = format!("vpce-{number:x}");
                self.inventory.ingress.retain(|ingress| ingress.endpoint.as_ref() != Some(&id));
            }
            Turn::Kept(number) => {
                change(number, &|e| drop(e.tags.insert("apprunner-autopilot:keep".into(), "true".into())));
            }
            Turn::Foreign(number) => change(number, &|e| e.owner = Some("999999999999".into())),
            Turn::Stack(number) => {
                change(number, &|e| drop(e.tags.insert("aws:cloudformation:stack-id".into(), "x".into())));
            }
            Turn::MarkTakenAway(number) => change(number, &|e| drop(e.tags.remove(MARK))),
            Turn::MarkedLongAgo(number) => {
                change(number, &|e| drop(e.tags.insert(MARK.into(), (start() - DAY * 20).to_string())));
            }
            Turn::TableLost => self.memory = Memory::default(),
        }
    }
}

proptest! {
    #[test]
    fn nothing_is_deleted_that_was_not_an_orphan_for_the_whole_grace_period(turns in turns()) {
        let mut world = World::new(6);
        // Since when each endpoint is an untouched orphan, as the account itself knows.
        let mut since: BTreeMap<String, Timestamp> = BTreeMap::new();
        for (number, turn) in (0..).zip(turns) {
            let now = day(number);
            world.turn(turn);
            let (policy, kept) = (policy(), BTreeSet::new());
            for finding in finders::find(&world.inventory, Rules { policy: &policy, kept: &kept, now }) {
                if matches!(finding.verdict, Verdict::Orphan(_)) {
                    since.entry(finding.id).or_insert(now);
                } else {
                    since.remove(&finding.id);
                }
            }
            let (whole, before) = (world.inventory.endpoints.len(), world.deleted.len());
            world.run(Mode::On, None, now);
            for id in &world.deleted[before..] {
                let orphaned = since.get(id);
                prop_assert!(orphaned.is_some_and(|since| now.duration_since(*since) >= DAY * 7), "{id} since {orphaned:?}");
            }
            prop_assert!(world.deleted.len() - before <= policy.max_share.of(whole).min(policy.max_deletions));
            // A second run at the same time has nothing to do and nothing to tell.
            let said = world.said.len();
            let again = world.run(Mode::On, None, now + SignedDuration::from_secs(1));
            prop_assert!(again.is_empty() || world.said.len() > said, "{again:?}");
        }
    }

    #[test]
    fn a_dry_run_never_leads_to_a_deletion(turns in turns()) {
        let mut world = World::new(6);
        for (number, turn) in (0..).zip(turns) {
            world.turn(turn);
            let before = world.inventory.clone();
            world.run(Mode::DryRun, None, day(number));
            prop_assert_eq!(&before, &world.inventory);
        }
        prop_assert!(!world.reasons().contains(&"deleted"));
    }
}
