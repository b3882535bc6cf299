//! What is no longer left over: what is told of it, and what is forgotten.

use super::{grace::Turn, *};

/// An endpoint in use, and a connection to it of a service that is gone.
fn connected() -> (World, String) {
    let mut world = World::new(1);
    world.inventory.ingress = vec![orphaned("vpce-0"), ingress(service().arn.as_str(), "vpce-9")];
    (world, orphaned("vpce-0").arn)
}

/// For each way in which people were told that a connection is left over, and of each status in which it may be
/// found again.
#[test]
fn a_connection_that_is_alive_after_all_is_told() {
    use Answers::{DeletionsRefused, DryRun, Made, OverBudget, Stopped, TagsRefused};
    let ways = [
        (1, Made, "marked"),
        (1, DryRun, "would-mark"),
        (1, TagsRefused, "not-marked"),
        (8, DryRun, "would-delete"),
        (8, Stopped, "withheld"),
        (8, OverBudget, "withheld"),
        (8, DeletionsRefused, "not-deleted"),
    ];
    let statuses = [
        (IngressStatus::Available, "its service is there"),
        (IngressStatus::PendingUpdate, "its status is PENDING_UPDATE"),
        (IngressStatus::PendingCreation, "its status is PENDING_CREATION"),
    ];
    for (days, answers, reason) in ways {
        for (status, why) in &statuses {
            let (mut world, arn) = connected();
            world.daily(0..days - 1);
            world.answers = answers;
            world.daily(days - 1..days);
            assert_eq!(world.reasons().last(), Some(&reason), "{answers:?}");
            world
                .inventory
                .services
                .push(ListedService { arn: orphaned("vpce-0").service.parse().unwrap(), ..service() });
            world.inventory.ingress[0].status = status.clone();
            world.answers = Made;
            world.said.clear();
            world.daily(days..days + 2);
            assert_eq!(world.reasons(), ["unmarked"], "{answers:?}, {status}");
            let service = orphaned("vpce-0").service;
            let expected = format!(
                "VPC ingress connection {arn}, of service {service}, AVAILABLE: no longer marked: {why}."
            );
            assert_eq!(world.said[0].summary, expected);
            assert!(!world.is_remembered(&arn), "{answers:?}, {status}");
        }
    }
}

#[test]
fn what_somebody_else_removed_is_forgotten_without_a_word() {
    let removals: [fn(&mut World); 5] = [
        |world| drop(world.inventory.endpoints.remove(1)),
        |world| world.inventory.endpoints[1].state = EndpointState::Deleting,
        |world| drop(world.inventory.ingress.remove(0)),
        |world| world.inventory.ingress[0].status = IngressStatus::PendingDeletion,
        |world| world.inventory.ingress[0].status = IngressStatus::Deleted,
    ];
    for (number, remove) in removals.iter().enumerate() {
        for answers in [Answers::Made, Answers::DryRun, Answers::TagsRefused, Answers::TagsThrottled] {
            let (mut world, arn) = connected();
            world.inventory.endpoints.push(endpoint(1));
            world.inventory.endpoints.push(endpoint(2));
            world.answers = answers;
            world.daily(0..1);
            let removed = if number < 2 { "vpce-1" } else { &arn };
            assert!(world.is_remembered(removed) && world.is_remembered("vpce-2"));
            world.said.clear();
            remove(&mut world);
            world.daily(1..2);
            assert!(!world.is_remembered(removed), "{number}, {answers:?}");
            assert!(world.is_remembered("vpce-2"), "what is left is remembered");
            let told = format!("{:?}", world.said);
            assert!(!told.contains(removed), "{number}, {answers:?}: {told}");
        }
    }
}

#[test]
fn what_a_run_deleted_before_it_died_is_told_by_the_next() {
    for acts in [1, 2] {
        let (mut world, arn) = connected();
        world.inventory.endpoints.push(endpoint(1));
        world.daily(0..7);
        world.dies_after = acts;
        world.daily(7..8);
        assert_eq!(world.reasons(), ["marked"], "it died before it told anything");
        world.dies_after = usize::MAX;
        world.daily(8..10);
        let told: Vec<_> = world.said[1].more["resources"].as_array().unwrap().iter().collect();
        let deleted = told.iter().filter(|told| told["reason"] == "deleted").map(|told| &told["resource"]);
        assert_eq!(deleted.collect::<Vec<_>>(), [&json!(arn), &json!("vpce-1")], "{acts}");
        assert_eq!(world.said.len(), 2, "{acts}: once");
    }
}

/// What was told as left over, in whatever way, and is not any more without a mark that could be taken away.
#[test]
fn what_is_used_again_is_told_to_who_was_told_that_it_is_left_over() {
    use Answers::{DryRun, Made, OverBudget, Stopped, TagsRefused, TagsThrottled};
    for (answers, reasons) in [
        (Made, &["marked", "unmarked"][..]),
        (DryRun, &["would-mark", "unmarked"]),
        (TagsRefused, &["not-marked", "unmarked"]),
        (Stopped, &["not-marked", "unmarked"]),
        (OverBudget, &["not-marked", "unmarked"]),
        (TagsThrottled, &[]),
    ] {
        for turn in [Turn::Used(0), Turn::Kept(0), Turn::Foreign(0)] {
            let mut world = World::new(1);
            world.answers = answers;
            world.daily(0..1);
            world.turn(Turn::MarkTakenAway(0));
            world.turn(turn);
            world.daily(1..3);
            assert_eq!(world.reasons(), reasons, "{answers:?}, {turn:?}");
            assert!(!world.is_remembered("vpce-0"), "{answers:?}, {turn:?}");
        }
    }
    let (mut world, arn) = connected();
    world.daily(0..1);
    world.memory.kept.insert(arn.clone());
    world.daily(1..10);
    assert_eq!(world.reasons(), ["marked", "unmarked"]);
    assert!(world.said[1].summary.ends_with("a person keeps it."), "{}", world.said[1].summary);
    assert!(!world.is_remembered(&arn));
}

#[test]
fn nothing_is_told_or_remembered_of_what_is_not_left_over() {
    let all: [fn(&mut World); 6] = [
        |world| world.turn(Turn::Used(0)),
        |world| world.turn(Turn::Kept(0)),
        |world| world.turn(Turn::Foreign(0)),
        |world| world.inventory.endpoints[0].created_at = Some(start()),
        |world| world.inventory.endpoints[0].state = EndpointState::Deleting,
        |world| world.inventory.endpoints[0].state = "failed".into(),
    ];
    for (number, change) in all.iter().enumerate() {
        let mut world = World::new(1);
        change(&mut world);
        assert_eq!(world.run(Mode::On, None, day(0)), [""; 0], "{number}");
        assert_eq!((world.said.len(), world.memory.resources.len()), (0, 0), "{number}");
    }
}

/// The table is new, or somebody else set the mark: what is changed in the account is told all the same.
#[test]
fn a_mark_that_is_taken_away_from_what_was_never_seen_is_told() {
    for turn in [Turn::Used(0), Turn::Kept(0)] {
        for (answers, reason) in [
            (Answers::Made, "unmarked"),
            (Answers::TagsRefused, "not-unmarked"),
            (Answers::Stopped, "not-unmarked"),
        ] {
            let mut world = World::new(1);
            world.answers = answers;
            world.turn(Turn::MarkedLongAgo(0));
            world.turn(turn);
            world.daily(0..3);
            assert_eq!(world.reasons(), [reason], "{turn:?}, {answers:?}");
        }
    }
    let mut foreign = World::new(1);
    foreign.turn(Turn::MarkedLongAgo(0));
    foreign.turn(Turn::Foreign(0));
    foreign.daily(0..1);
    assert_eq!(
        (foreign.said.len(), foreign.memory.resources.len()),
        (0, 0),
        "what is not ours keeps its mark"
    );
}

#[test]
fn what_was_only_reported_and_recovered_is_forgotten_without_a_word() {
    let mut world = World::new(0);
    world.inventory.ingress = vec![ingress(service().arn.as_str(), "vpce-9")];
    world.inventory.ingress[0].status = IngressStatus::FailedUpdate;
    world.daily(0..1);
    assert_eq!(world.reasons(), ["left-over"]);
    world.inventory.ingress[0].status = IngressStatus::Available;
    world.daily(1..3);
    assert_eq!((world.said.len(), world.memory.resources.len()), (1, 0));
}
