mod gone;
mod grace;
mod holds;
mod look;
mod marks;

use autopilot::{
    control::Mode,
    leftovers::{Endpoint, EndpointState, Ingress, IngressStatus, ListedService, MARK},
    mutation::{Outcome, Receipt},
    period::Period,
    service::ServiceStatus,
};

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

/// A connection to an endpoint, of a service that is gone.
fn orphaned(endpoint: &str) -> Ingress {
    ingress("arn:aws:apprunner:us-east-1:123456789012:service/gone/8fe1", endpoint)
}

/// What becomes of acts.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Answers {
    Made,
    /// Tags are not changed for good.
    TagsRefused,
    /// Tags are not changed now.
    TagsThrottled,
    /// Nothing is deleted for good.
    DeletionsRefused,
    Stopped,
    OverBudget,
    DryRun,
}

impl Answers {
    fn to(self, act: &Act) -> Outcome {
        let of_tags = matches!(act, Act::Mark { .. } | Act::Unmark { .. });
        match self {
            Self::TagsRefused if of_tags => Outcome::Refused("UnauthorizedOperation".into()),
            Self::TagsThrottled if of_tags => Outcome::Wait("RequestLimitExceeded".into()),
            Self::DeletionsRefused if !of_tags => Outcome::Refused("UnauthorizedOperation".into()),
            Self::Made | Self::TagsRefused | Self::TagsThrottled | Self::DeletionsRefused => {
                Outcome::Made(Receipt { operation: None })
            }
            Self::Stopped => Outcome::Stopped(start()),
            Self::OverBudget => Outcome::BudgetExhausted(start() + DAY * 99),
            Self::DryRun => Outcome::Planned(Mode::DryRun),
        }
    }
}

/// An account of endpoints, and its function's memory.
#[derive(Clone)]
struct World {
    inventory: Inventory,
    memory: Memory,
    answers: Answers,
    /// What the second look keeps.
    second_look: BTreeMap<String, Kept>,
    /// A run dies after so many acts.
    dies_after: usize,
    deleted: Vec<String>,
    said: Vec<Say>,
}

impl World {
    fn new(endpoints: usize) -> Self {
        let endpoints = (0..endpoints).map(endpoint).collect();
        let inventory = Inventory { endpoints, services: vec![service()], ..Inventory::default() };
        Self {
            inventory,
            memory: Memory::default(),
            answers: Answers::Made,
            second_look: BTreeMap::new(),
            dies_after: usize::MAX,
            deleted: Vec::new(),
            said: Vec::new(),
        }
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
            assert_eq!(act.to_string().split(' ').next(), Some(plan.decision), "the log's word");
            let outcome = if mode == Mode::On { self.answers.to(&act) } else { Outcome::Planned(mode) };
            if matches!(outcome, Outcome::Made(_) | Outcome::Refused(_)) {
                self.look_again(&act, &mut seen.heard);
            }
            if matches!(outcome, Outcome::Made(_)) {
                self.carry_out(&act, &mut seen.heard);
            }
            concluded(&mut self.memory, &act, &outcome, now);
            if done.len() == self.dies_after {
                return done;
            }
        }
        panic!("a run ends: {done:?}")
    }

    /// The second look, before anything is deleted.
    fn look_again(&self, act: &Act, heard: &mut Heard) {
        if matches!(act, Act::DeleteIngress { .. } | Act::DeleteEndpoints { .. }) {
            let mut kept = self.second_look.clone();
            kept.retain(|id, _| act.deals_with().contains(id));
            heard.kept.extend(kept);
        }
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
            Act::DeleteIngress { arn } if heard.kept.contains_key(arn) => {}
            Act::DeleteIngress { arn } => {
                self.inventory.ingress.retain(|ingress| ingress.arn != *arn);
                heard.deleted.insert(arn.clone(), None);
            }
            Act::DeleteEndpoints { ids } => {
                let ids: Vec<_> = ids.iter().filter(|id| !heard.kept.contains_key(*id)).cloned().collect();
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

    fn is_remembered(&self, id: &str) -> bool {
        self.memory.resources.contains_key(id)
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
    for (away, deleted_on) in [(1, 7), (2, 7), (3, 10), (30, 37)] {
        let mut world = World::new(2);
        world.inventory.ingress = vec![orphaned("vpce-1")];
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
    world.inventory.ingress = vec![orphaned("vpce-0")];
    let story: Vec<_> = (0..16).flat_map(|number| world.run(Mode::On, None, day(number))).collect();
    let arn = orphaned("vpce-0").arn;
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
