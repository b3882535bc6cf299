//! Marks that are not set or not taken away.

use super::{grace::Turn, *};

#[test]
fn a_mark_that_is_not_set_is_told_once_with_the_reason() {
    for (answers, why) in [
        (Answers::TagsRefused, "UnauthorizedOperation"),
        (Answers::Stopped, "everything was stopped by a person at 2026-11-01T12:00:00Z"),
        (Answers::OverBudget, "the budget of changes is used up"),
    ] {
        let mut world = World::new(1);
        world.answers = answers;
        world.daily(0..3);
        assert_eq!(world.reasons(), ["not-marked"], "{answers:?}");
        assert_eq!(world.said[0].phase, Phase::Held);
        assert_eq!(
            world.said[0].summary,
            format!(
                "Endpoint vpce-0 in vpc-1, 3 zones, about 21.90 USD a month: could not be marked ({why}): no ingress \
                 connection refers to it, seen since 2026-11-01 12:00 UTC. It is tried again tomorrow."
            )
        );
        world.answers = Answers::Made;
        world.daily(3..4);
        assert_eq!(world.reasons(), ["not-marked", "marked"], "{answers:?}");
    }
    let mut world = World::new(1);
    world.answers = Answers::TagsThrottled;
    world.daily(0..3);
    assert_eq!(world.reasons(), [""; 0], "what only waits is not told");
}

#[test]
fn a_mark_that_is_not_taken_away_is_told_once_with_the_reason() {
    let ways = [
        (Turn::Used(0), "vpcingressconnection/in/vpce-0 refers to it", "unmarked"),
        (Turn::Kept(0), "a person keeps it", "unmarked"),
        (Turn::Stack(0), "its tag aws:cloudformation:stack-id says that a tool owns it", "stack-owned"),
    ];
    for answers in [Answers::TagsRefused, Answers::Stopped, Answers::OverBudget] {
        for (way, because, at_last) in ways {
            let mut world = World::new(1);
            world.daily(0..1);
            world.turn(way);
            world.answers = answers;
            world.daily(1..4);
            assert_eq!(world.reasons(), ["marked", "not-unmarked"], "{answers:?}, {because}");
            let said = &world.said[1];
            assert_eq!(said.phase, Phase::Held);
            assert!(said.summary.contains(because), "{}", said.summary);
            assert_eq!(
                said.more["next_steps"][0],
                format!("aws ec2 delete-tags --resources vpce-0 --tags Key={MARK}")
            );
            world.answers = Answers::Made;
            world.daily(4..5);
            assert_eq!(world.reasons(), ["marked", "not-unmarked", at_last], "{answers:?}, {because}");
        }
    }
}

/// Another run goes on with the inventory that it read before the deletion.
#[test]
fn an_old_inventory_does_not_bring_back_what_another_run_deleted() {
    let mut world = World::new(1);
    world.daily(0..7);
    let before = Rc::new(world.inventory.clone());
    let due = Seen { inventory: Ok(before), heard: Heard::default(), confirmed: None };
    let plan = decide(&world.memory, &due, &policy(), day(7));
    let act = plan.act.expect("it is due");
    world.memory = plan.work;
    concluded(&mut world.memory, &act, &Outcome::Made(Receipt { operation: None }), day(7));
    // It began a moment earlier, and writes a moment later.
    let plan = decide(&world.memory, &due, &policy(), day(7) - SignedDuration::from_secs(2));
    assert_eq!(plan.act, None, "it is not deleted again");
    world.memory = plan.work;
    world.inventory.endpoints.clear();
    world.run(Mode::On, None, day(8));
    assert_eq!(world.reasons(), ["marked", "deleted"]);
}

#[test]
fn hundreds_are_marked_unmarked_and_deleted_in_one_run_by_calls_of_a_bounded_size() {
    let mut world = World::new(230);
    let sizes =
        |done: Vec<String>| -> Vec<usize> { done.iter().map(|act| act.matches("vpce-").count()).collect() };
    assert_eq!(sizes(world.run(Mode::On, None, day(0))), [200, 30]);
    for number in 0..230 {
        world.turn(Turn::Kept(number));
    }
    assert_eq!(sizes(world.run(Mode::On, None, day(1))), [200, 30]);
    assert!(world.inventory.endpoints.iter().all(|endpoint| !endpoint.tags.contains_key(MARK)));
    for number in 0..230 {
        world.turn(Turn::Released(number));
    }
    world.daily(2..9);
    let deletions = sizes(world.run(Mode::On, Some(230), day(9)));
    assert_eq!(deletions, [25, 25, 25, 25, 25, 25, 25, 25, 25, 5]);
    assert_eq!((world.living(), world.reasons()), (0, vec!["marked", "unmarked", "marked", "deleted"]));
}
