//! What is held is told once, and hides no news.

use super::{grace::Turn, *};

#[test]
fn an_inventory_that_is_not_whole_leads_to_nothing_and_is_told_once_each_time() {
    let mut world = World::new(1);
    world.run(Mode::On, None, day(0));
    let seen = Seen { inventory: Err("no".into()), heard: Heard::default(), confirmed: Some(100) };
    let mut plans = Vec::new();
    for number in [30, 31] {
        let plan = decide(&world.memory, &seen, &policy(), day(number));
        assert_eq!((&plan.act, plan.decision), (&None, "hold"));
        assert_eq!((plan.work.resources.clone(), plan.say.len()), (world.memory.resources.clone(), 1));
        assert_eq!(plan.say[0].reason, "inventory-incomplete");
        world.memory = plan.work;
        plans.push(plan.say[0].plan.clone());
    }
    assert_eq!(plans[0], plans[1], "the same trouble is one plan, and so is told once");
    world.run(Mode::On, None, day(32));
    let again = decide(&world.memory, &seen, &policy(), day(33));
    assert_ne!(plans[0], again.say[0].plan, "once it was over it is news again");
}

/// Two of seven are due, and one may go.
fn over_cap() -> World {
    let mut world = World::new(7);
    world.inventory.ingress =
        (2..7).map(|number| ingress(service().arn.as_str(), &format!("vpce-{number:x}"))).collect();
    world.daily(0..7);
    world.said.clear();
    world
}

#[test]
fn a_hold_is_told_once_and_hides_no_news() {
    let mut world = over_cap();
    world.daily(7..10);
    assert_eq!(world.reasons(), ["over-cap"]);
    // Two more are left over on the next days, one by one.
    for (number, id) in [(10, "vpce-2"), (11, "vpce-3")] {
        world.inventory.ingress.remove(0);
        world.daily(number..number + 1);
        let said = world.said.last().unwrap();
        assert_eq!((said.reason, &said.plan["resources"]), ("over-cap", &json!([id])));
        assert!(said.more["lines"].to_string().contains(id), "{said:?}");
        assert!(said.summary.contains(id), "{said:?}");
    }
    let plans: Vec<_> = world.said.iter().map(|say| &say.plan).collect();
    assert!(plans.windows(2).all(|two| two[0] != two[1]), "what is the same is not told: {plans:?}");
    world.daily(12..14);
    assert_eq!(world.said.len(), 3, "without news a hold is not repeated");
    // One is kept, and what is due fits under the cap.
    world.turn(Turn::Kept(0));
    world.daily(14..15);
    assert_eq!(world.deleted, ["vpce-1"]);
}

#[test]
fn a_hold_that_comes_again_is_told_again() {
    let mut world = over_cap();
    world.daily(7..8);
    world.turn(Turn::Used(0));
    world.turn(Turn::Used(1));
    world.daily(8..9);
    world.turn(Turn::Left(0));
    world.turn(Turn::Left(1));
    world.daily(9..18);
    assert_eq!(world.reasons(), ["over-cap", "unmarked", "marked", "over-cap"]);
}

#[test]
fn a_deletion_that_is_stopped_or_over_budget_is_told_once_and_made_later() {
    for (answers, why) in [
        (Answers::Stopped, "everything was stopped by a person at 2026-11-01T12:00:00Z"),
        (Answers::OverBudget, "the budget of changes is used up"),
    ] {
        let mut world = World::new(1);
        world.daily(0..7);
        world.answers = answers;
        world.daily(7..10);
        assert_eq!(world.reasons(), ["marked", "withheld"], "{answers:?}");
        assert_eq!(world.said[1].phase, Phase::Held);
        assert!(world.said[1].summary.ends_with(&format!("due, but not deleted: {why}.")));
        world.answers = Answers::Made;
        world.daily(10..11);
        assert_eq!((world.living(), world.reasons().last()), (0, Some(&"deleted")), "{answers:?}");
    }
}
