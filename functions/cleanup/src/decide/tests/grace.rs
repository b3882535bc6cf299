//! Whatever happens, and whatever fails: nothing is deleted before it was an orphan for the whole grace period.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// What may happen to an endpoint from one day to the next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Turn {
    Nothing,
    Used(usize),
    Left(usize),
    Kept(usize),
    Foreign(usize),
    Stack(usize),
    Released(usize),
    MarkTakenAway(usize),
    MarkedLongAgo(usize),
    TableLost,
}

fn turns() -> impl Strategy<Value = Vec<(Turn, Answers)>> {
    let of = |make: fn(usize) -> Turn| (0..6_usize).prop_map(make);
    let turn = prop_oneof![
        4 => Just(Turn::Nothing), 2 => of(Turn::Used), 3 => of(Turn::Left), 1 => of(Turn::Kept), 1 => of(Turn::Foreign),
        1 => of(Turn::Stack), 2 => of(Turn::Released), 1 => of(Turn::MarkTakenAway), 1 => of(Turn::MarkedLongAgo),
        1 => Just(Turn::TableLost),
    ];
    let answers = prop_oneof![
        6 => Just(Answers::Made), 2 => Just(Answers::TagsRefused), 2 => Just(Answers::TagsThrottled),
        2 => Just(Answers::Stopped), 1 => Just(Answers::OverBudget), 2 => Just(Answers::DryRun),
    ];
    proptest::collection::vec((turn, answers), 1..40)
}

impl World {
    pub(super) fn turn(&mut self, turn: Turn) {
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
            Turn::Released(number) => change(number, &|endpoint| {
                endpoint.tags.retain(|key, _| key == MARK);
                endpoint.owner = Some("123456789012".into());
            }),
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
        for (number, (turn, answers)) in (0..).zip(turns) {
            let now = day(number);
            world.turn(turn);
            world.answers = answers;
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
            let tries_again = answers != Answers::Made;
            prop_assert!(tries_again || again.is_empty() || world.said.len() > said, "{again:?}");
        }
    }

    #[test]
    fn a_dry_run_never_leads_to_a_deletion(turns in turns()) {
        let mut world = World::new(6);
        for (number, (turn, _)) in (0..).zip(turns) {
            world.turn(turn);
            let before = world.inventory.clone();
            world.run(Mode::DryRun, None, day(number));
            prop_assert_eq!(&before, &world.inventory);
        }
        prop_assert!(!world.reasons().contains(&"deleted"));
    }
}

/// For each way in which an act may fail, what becomes of an endpoint that was used on days 6 and 7 only.
#[test]
fn what_is_used_again_starts_anew_whatever_becomes_of_its_mark() {
    use Answers::{DryRun, OverBudget, Stopped, TagsRefused, TagsThrottled};
    for answers in [TagsRefused, TagsThrottled, Stopped, OverBudget, DryRun] {
        let mut world = World::new(1);
        world.daily(0..6);
        world.turn(Turn::Used(0));
        world.answers = answers;
        world.daily(6..8);
        world.turn(Turn::Left(0));
        world.answers = Answers::Made;
        world.daily(8..15);
        assert_eq!(world.living(), 1, "{answers:?}");
        world.daily(15..16);
        assert_eq!(world.living(), 0, "{answers:?}: a grace period after day 8");
    }
}

#[test]
fn what_a_dry_run_finds_in_use_starts_anew() {
    let mut world = World::new(1);
    world.daily(0..6);
    world.turn(Turn::Used(0));
    world.run(Mode::DryRun, None, day(6));
    world.turn(Turn::Left(0));
    world.daily(7..14);
    assert_eq!(world.living(), 1);
    world.daily(14..15);
    assert_eq!(world.living(), 0);
}

#[test]
fn what_was_another_accounts_or_a_stacks_starts_anew() {
    for turn in [Turn::Foreign(0), Turn::Stack(0)] {
        let mut world = World::new(1);
        world.turn(turn);
        world.daily(0..8);
        world.turn(Turn::Released(0));
        world.turn(Turn::MarkedLongAgo(0));
        world.daily(8..15);
        assert_eq!(world.living(), 1, "{turn:?}");
        world.daily(15..16);
        assert_eq!(world.living(), 0, "{turn:?}");
    }
}

#[test]
fn a_connection_whose_service_was_there_starts_anew() {
    let mut world = World::new(1);
    let gone = "arn:aws:apprunner:us-east-1:123456789012:service/gone/8fe1";
    world.inventory.ingress = vec![ingress(gone, "vpce-0")];
    world.daily(0..6);
    // Its service is listed again, and the connection in a status that is reported.
    let back = ListedService { arn: gone.parse().unwrap(), ..service() };
    world.inventory.services.push(back);
    world.inventory.ingress[0].status = IngressStatus::FailedUpdate;
    world.daily(6..8);
    world.inventory.services.pop();
    world.daily(8..15);
    assert_eq!(world.inventory.ingress.len(), 1);
    world.daily(15..16);
    assert_eq!(world.inventory.ingress, []);
}

/// So that a run with nothing new writes nothing, however often it is started by events.
#[test]
fn when_somebody_looked_is_remembered_to_half_a_day() {
    for (hours, remembered) in [(1, false), (12, false), (13, true), (24, true)] {
        let mut world = World::new(1);
        world.turn(Turn::Used(0));
        world.run(Mode::On, None, day(0));
        let (before, again) = (world.memory.clone(), day(0) + SignedDuration::from_hours(hours));
        world.run(Mode::On, None, again);
        assert_eq!(world.memory != before, remembered, "after {hours} h");
    }
}
