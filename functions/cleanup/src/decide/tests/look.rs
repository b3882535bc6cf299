//! The second look, and what it changes.

use std::collections::BTreeSet;

use super::*;
use crate::state::Standing;

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

#[test]
fn what_only_the_second_look_finds_in_use_starts_anew_whatever_becomes_of_its_mark() {
    let mut world = World::new(1);
    world.daily(0..7);
    let act = Act::DeleteEndpoints { ids: vec!["vpce-0".into()] };
    let kept = BTreeMap::from([("vpce-0".to_owned(), Kept::Used("it processed 1 bytes".into()))]);
    let inventory = Ok(Rc::new(world.inventory.clone()));
    let mut seen = Seen { inventory, heard: Heard::default(), confirmed: None };
    let plan = decide(&world.memory, &seen, &policy(), day(7));
    assert_eq!(plan.act.as_ref(), Some(&act));
    world.memory = plan.work;
    concluded(&mut world.memory, &act, &Outcome::Made(Receipt { operation: None }), day(7));
    seen.heard = Heard { kept, ..Heard::default() };
    let plan = decide(&world.memory, &seen, &policy(), day(7));
    world.memory = plan.work;
    let unmark = plan.act.unwrap();
    assert_eq!(unmark.to_string(), "unmark vpce-0 (it processed 1 bytes)");
    concluded(&mut world.memory, &unmark, &Outcome::Wait("RequestLimitExceeded".into()), day(7));
    world.memory = decide(&world.memory, &seen, &policy(), day(7)).work;
    world.daily(8..15);
    assert_eq!(world.living(), 1);
    world.daily(15..16);
    assert_eq!(world.living(), 0);
}

/// What the second look kept on day 7 is told in one way, and deleted on a later day or after a new grace period.
#[test]
fn what_the_second_look_kept_is_told_only_where_it_is_no_orphan() {
    use Answers::{Made, TagsRefused, TagsThrottled};
    let endpoint = (World::new(1), "vpce-0".to_owned());
    let mut world = World::new(0);
    world.inventory.ingress = vec![orphaned("vpce-9")];
    let connection = (world, orphaned("vpce-9").arn);
    let used = || Kept::Used("it is there".into());
    let unsure = || Kept::Unsure("ThrottlingException".into());
    for ((mut world, id), kept, answers, reason, gone_on) in [
        (endpoint.clone(), used(), Made, Some("unmarked"), 15),
        (endpoint.clone(), used(), TagsRefused, Some("not-unmarked"), 15),
        (endpoint.clone(), used(), TagsThrottled, None, 15),
        (endpoint, unsure(), Made, None, 8),
        (connection.clone(), used(), Made, Some("unmarked"), 15),
        (connection, unsure(), Made, None, 8),
    ] {
        world.daily(0..7);
        world.said.clear();
        world.second_look.insert(id.clone(), kept);
        world.answers = answers;
        world.daily(7..8);
        let case = format!("{id}, {:?}, {answers:?}", world.second_look);
        assert_eq!(world.reasons(), reason.as_slice(), "{case}");
        world.second_look.clear();
        world.answers = Made;
        let is_gone = |world: &World| world.living() + world.inventory.ingress.len() == 0;
        let gone = (8..20).find(|number| {
            world.daily(*number..number + 1);
            is_gone(&world)
        });
        assert_eq!(gone, Some(gone_on), "{case}");
        assert_eq!(world.reasons().last(), Some(&"deleted"), "{case}");
    }
}

#[test]
fn what_the_second_look_kept_in_doubt_repeats_no_news_and_takes_no_part_in_the_others() {
    let mut world = World::new(8);
    world.inventory.ingress =
        (2..8).map(|number| ingress(service().arn.as_str(), &format!("vpce-{number:x}"))).collect();
    world.daily(0..7);
    world.said.clear();
    world.second_look.insert("vpce-0".into(), Kept::Unsure("its traffic is not known".into()));
    world.answers = Answers::DeletionsRefused;
    world.daily(7..8);
    assert_eq!(world.said[0].plan["resources"], json!(["vpce-1"]), "only one was refused");
    // The other way round, and then both: each reason is told once.
    world.second_look = BTreeMap::from([("vpce-1".into(), Kept::Unsure("its traffic is not known".into()))]);
    world.daily(8..9);
    world.second_look.clear();
    world.daily(9..10);
    let told: Vec<_> = world.said.iter().map(|say| (say.reason, &say.plan["resources"])).collect();
    assert_eq!(told, [("not-deleted", &json!(["vpce-1"])), ("not-deleted", &json!(["vpce-0"]))]);
}

/// The second look of one run does not find any more what another one deleted, and died before it told it.
#[test]
fn what_another_run_deleted_is_told_though_the_second_look_kept_it() {
    for (standing, reason) in
        [(Standing::Deleted, "deleted"), (Standing::DeletedInUse { by: "in/1".into() }, "deleted-in-use")]
    {
        for kept in
            [Kept::Unsure("it is not there any more".into()), Kept::Used("its state is deleted".into())]
        {
            let mut world = World::new(1);
            world.daily(0..7);
            let inventory = Ok(Rc::new(world.inventory.clone()));
            world.memory.handle(&["vpce-0".into()], day(7));
            world.memory.resources.get_mut("vpce-0").unwrap().standing = standing.clone();
            let heard = Heard { kept: BTreeMap::from([("vpce-0".into(), kept)]), ..Heard::default() };
            let seen = Seen { inventory, heard, confirmed: None };
            let mut plan = decide(&world.memory, &seen, &policy(), day(7));
            if let Some(act) = &plan.act {
                concluded(&mut plan.work, act, &Outcome::Wait("it is not there".into()), day(7));
                plan = decide(&plan.work, &seen, &policy(), day(7));
            }
            let told: Vec<_> = plan.say.iter().map(|say| say.reason).collect();
            assert_eq!(told, [reason], "{:?}", seen.heard.kept);
        }
    }
}
