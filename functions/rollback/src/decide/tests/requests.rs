//! What people ask for, and the hold that it leaves.

use autopilot::mutation::Outcome;

use super::*;
use crate::case::{BadImage, Hold, Request};

/// Versions 1, 2 and 3 by the operations `o1` to `o3`, with the digests `sha256:1` to `sha256:3`, all known good.
fn three() -> Look {
    let mut versions = Versions::default();
    let ids = ["o1", "o2", "o3"];
    for (number, id) in (1..).zip(ids) {
        let operation = operation(id, UpdateService, Succeeded, number);
        let image = PushedImage { digest: format!("sha256:{number}"), pushed_at: Some(at(-900)) };
        let success = Success {
            operation: &operation,
            configuration: super::image(":live", &json!({})),
            began: None,
            image: Some(image),
            assumed: true,
        };
        versions.record(&success, at(number));
    }
    let operations: Vec<_> =
        (1..).zip(ids).map(|(number, id)| operation(id, UpdateService, Succeeded, number)).collect();
    Look {
        operations: operations.into_iter().rev().collect(),
        configuration: super::image(":live", &json!({})),
        versions,
        ..look(&[])
    }
}

fn bad(digest: &str) -> BadImage {
    let name = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders:live".to_owned();
    BadImage { digest: Some(digest.to_owned()), name: Some(name) }
}

fn asks(what: Wanted) -> Request {
    Request { what, force: false, thread: IncidentId::new("orders:rollback:1") }
}

fn bake_of(operation: &str) -> Bake {
    Bake {
        operation: id(operation),
        began_at: at(-3),
        since: at(0),
        streak: autopilot::analysis::Streak::default(),
        analysed_at: None,
        last: None,
        blamed: false,
        evidence: Evidence::None,
    }
}

/// What a person's rollback comes to; the version that it should be checked is.
fn asked(work: Work, look: Look, named: Option<u64>, checked: u64) -> Act {
    let look = Look { way_back: Some(WayBack { version: checked, ..WayBack::default() }), ..look };
    let dealt = look.shipping().map(|ship| ship.id.clone());
    let plan = decided(Work { dealt, request: Some(asks(Wanted::Version(named))), ..work }, &look, 60);
    plan.act.unwrap_or_else(|| panic!("{}: {}", plan.decision, plan.reason))
}

#[test]
fn the_version_that_a_person_leaves_counts_as_bad_unless_it_is_the_older_one() {
    assert_eq!(asked(Work::default(), three(), None, 2).left(), Some(3));
    assert_eq!(asked(Work::default(), three(), Some(1), 1).left(), Some(3));
    assert_eq!(asked(Work::default(), three(), Some(3), 3).left(), None, "what runs, by its digest");
    // Held at 1 and back to 3, which was named.
    let work = Work {
        hold: Some(Hold { version: 1, bad: vec![bad("sha256:3")] }),
        own: vec![id("r")],
        ..Work::default()
    };
    let mut look = three();
    look.operations.insert(0, operation("r", UpdateService, Succeeded, 9));
    look.configuration = super::image("@sha256:1", &json!({}));
    assert_eq!(asked(work, look, Some(3), 3).left(), None);
}

#[test]
fn a_second_rollback_goes_further_back_and_remembers_every_bad_image() {
    let hold = Some(Hold { version: 2, bad: vec![bad("sha256:3")] });
    let work = Work { hold, own: vec![id("r")], ..Work::default() };
    let mut look = three();
    look.operations.insert(0, operation("r", UpdateService, Succeeded, 9));
    look.configuration = super::image("@sha256:2", &json!({}));
    let act = asked(work.clone(), look.clone(), None, 1);
    assert_eq!((act.version(), act.left()), (1, Some(2)), "neither the held one nor one newer than it");
    let Act::RollBack { bad: images, .. } = act else { panic!("{act:?}") };
    let digests: Vec<_> = images.iter().filter_map(|image| image.digest.as_deref()).collect();
    assert_eq!(digests, ["sha256:3", "sha256:2"]);
    // A failure while it is held goes back to the held version, not to one that was left.
    look.operations.insert(0, operation("f", UpdateService, RollbackFailed, 20));
    look.way_back = Some(WayBack { version: 2, ..WayBack::default() });
    let plan = decided(Work { dealt: Some(id("r")), ..work }, &look, 60);
    assert_eq!(plan.act.map(|act| act.version()), Some(2));
    // What the tag must not mean for a release.
    for (means, force, released) in [
        (Some("sha256:3"), false, false),
        (Some("sha256:2"), false, false),
        (None, false, false),
        (Some("sha256:1"), false, true),
        (Some("sha256:4"), false, true),
        (Some("sha256:3"), true, true),
    ] {
        let mut look = three();
        look.operations.insert(0, operation("r2", UpdateService, Succeeded, 12));
        look.released_digest = means.map(str::to_owned);
        let request = Some(Request { force, ..asks(Wanted::Release) });
        let work = Work {
            hold: Some(Hold { version: 1, bad: images.clone() }),
            own: vec![id("r"), id("r2")],
            dealt: Some(id("r2")),
            request,
            ..Work::default()
        };
        let plan = decided(work, &look, 60);
        assert_eq!(plan.decision, if released { "release" } else { "hold" }, "{means:?} {force}");
    }
}

#[test]
fn an_image_that_both_versions_ran_was_not_what_was_bad() {
    let mut look = three();
    let success = Success {
        operation: &operation("o4", UpdateService, Succeeded, 20),
        configuration: super::image("@sha256:3", &json!({"InstanceConfiguration": {"Cpu": "2048"}})),
        began: None,
        image: None,
        assumed: true,
    };
    look.versions.record(&success, at(20));
    look.operations.insert(0, success.operation.clone());
    look.configuration = success.configuration.clone();
    let act = asked(Work::default(), look, None, 3);
    let Act::RollBack { bad, .. } = act else { panic!("{act:?}") };
    assert_eq!(bad, []);
}

#[test]
fn a_plan_for_a_person_leaves_what_bakes_and_what_failed() {
    let work = Work { failed: Some(id("d")), dealt: Some(id("c")), ..Work::default() };
    let act = |why| match ours().rolling.unwrap().act {
        Act::RollBack { to, because, after, left, bad, drift, by_hand, .. } => {
            Act::RollBack { to, why, because, after, left, bad, drift, by_hand }
        }
        act @ Act::Release { .. } => act,
    };
    let release = Act::Release { version: 1, after: None, by_hand: vec![] };
    for (act, kept) in [(act(Why::Requested), true), (release, true), (act(Why::AnalysisFailed), false)] {
        for outcome in [Outcome::Planned(Mode::DryRun), Outcome::Refused("no".into())] {
            let mut after = work.clone();
            crate::tell::concluded(&mut after, service().as_str(), &act, &outcome, at(1));
            assert_eq!(after == work, kept, "{act:?}, {outcome}: {after:?}");
        }
    }
}

#[test]
fn a_request_goes_past_a_guard_only_by_force() {
    let role = json!({"InstanceConfiguration": {"InstanceRoleArn": "arn:aws:iam::123456789012:role/other"}});
    let now = Look { configuration: image(":v2", &role), ..look(&[]) };
    let asked = |version, force| {
        let thread = IncidentId::new("orders:rollback:1");
        let request = Some(Request { what: Wanted::Version(version), force, thread });
        decided(Work { request, ..Work::default() }, &now, 9)
    };
    // The bad version is not what the last known good one is; here it is named.
    assert_eq!(shown(&asked(Some(1), false)).1, ["held would-widen-exposure"]);
    assert!(!asked(Some(1), false).open, "it was answered");
    assert_eq!(shown(&asked(Some(1), true)), silent("roll-back", true));
    assert_eq!(shown(&asked(Some(7), true)).1, ["held no-known-good-version"]);
}

#[test]
fn a_request_does_not_outlive_its_command() {
    let thread = IncidentId::new("orders:rollback:1");
    let request = Some(Request { what: Wanted::Version(Some(1)), force: true, thread });
    let running = look(&[operation("d", UpdateService, InProgress, 0)]);
    let ended =
        look(&[operation("r", UpdateService, Succeeded, 9), operation("d", UpdateService, Failed, 0)]);
    for (work, now) in [(Work::default(), running), (ours(), ended)] {
        let plan = decided(Work { request: request.clone(), ..work }, &now, 10);
        assert_eq!(plan.work.request, None, "{}", plan.decision);
        assert!(plan.reason.contains("ask again"), "{}", plan.reason);
    }
    let act = ours().rolling.unwrap().act;
    for outcome in [
        Outcome::Stopped(at(0)),
        Outcome::BudgetExhausted(at(0)),
        Outcome::Wait("cool-down".into()),
        Outcome::Planned(Mode::DryRun),
        Outcome::Refused("no".into()),
    ] {
        let mut work = Work { request: request.clone(), ..Work::default() };
        crate::tell::concluded(&mut work, service().as_str(), &act, &outcome, at(1));
        assert_eq!(work.request, None, "{outcome}");
    }
}

#[test]
fn a_request_that_is_refused_ends_there_and_leaves_what_bakes_or_failed_open() {
    // Its tag may still mean what was bad.
    let name = look(&[]).configuration.text(Member::Image).map(str::to_owned);
    let hold = Some(Hold { version: 1, bad: vec![BadImage { digest: None, name }] });
    let now = look(&[operation("d", UpdateService, RollbackFailed, 0)]);
    for (failed, baking, open) in
        [(None, None, false), (Some(id("d")), None, true), (None, Some(bake_of("d")), true)]
    {
        for (what, reason) in [
            (Wanted::Version(Some(7)), "no-known-good-version"),
            (Wanted::Release, "would-bring-back-the-bad-version"),
        ] {
            let work = Work {
                request: Some(asks(what)),
                failed: failed.clone(),
                baking: baking.clone(),
                hold: hold.clone(),
                dealt: Some(id("c")),
                ..Work::default()
            };
            let plan = decided(work.clone(), &now, 9);
            assert_eq!(shown(&plan), ("hold", vec![format!("held {reason}")], open), "{failed:?}");
            assert!(!plan.reason.contains("ask again"), "it was answered: {}", plan.reason);
            let thread = Some(asks(Wanted::Release).thread);
            assert_eq!(plan.work, Work { request: None, thread, ..work });
        }
    }
}

#[test]
fn a_rollback_is_told_in_the_thread_of_what_it_answers() {
    let now = look(&[operation("d", UpdateService, RollbackFailed, 0)]);
    for (request, thread) in [(None, "orders:d"), (Some(asks(Wanted::Version(Some(1)))), "orders:rollback:1")]
    {
        let plan = decided(Work { request, ..Work::default() }, &now, 9);
        assert_eq!((plan.decision, plan.work.thread), ("roll-back", Some(IncidentId::new(thread))));
    }
}

#[test]
fn a_person_leaves_the_version_that_bakes_unless_something_else_is_configured_by_now() {
    for (undone, left) in [(true, Some(3)), (false, None)] {
        let mut look = three();
        look.operations.insert(0, operation("e", UpdateService, Failed, 9));
        look.way_back = Some(WayBack { version: 2, ..WayBack::default() });
        let work = Work {
            baking: Some(bake_of("o3")),
            dealt: Some(id(if undone { "e" } else { "o3" })),
            request: Some(asks(Wanted::Version(Some(2)))),
            ..Work::default()
        };
        let act = decided(work, &look, 20).act.unwrap();
        assert_eq!(act.left(), left, "undone and dealt with: {undone}");
    }
}

#[test]
fn what_no_longer_matches_a_template_is_what_a_rollback_changes() {
    let (name, deployments) =
        ("SourceConfiguration.ImageRepository.ImageIdentifier", "SourceConfiguration.AutoDeploymentsEnabled");
    for (automatic, expected) in
        [(None, &[name][..]), (Some(false), &[name]), (Some(true), &[name, deployments])]
    {
        let mut configuration = image(":v2", &json!({}));
        configuration.set_flag(Member::AutoDeployments, automatic);
        let failed = look(&[operation("d", UpdateService, RollbackFailed, 0)]);
        let act = decided(Work::default(), &Look { configuration, ..failed }, 9).act.unwrap();
        let Act::RollBack { drift, .. } = act else { panic!("{act:?}") };
        assert_eq!(drift, expected);
    }
}
