//! How a story ends without a rollback, and in which thread.

use super::*;
use crate::case::{Hold, Request};

fn thread(word: &str) -> IncidentId {
    IncidentId::new(format!("orders:{word}"))
}

fn request() -> Request {
    Request { what: Wanted::Version(None), force: false, thread: thread("request") }
}

fn dealt(id: &str) -> Work {
    Work { dealt: Some(super::id(id)), ..Work::default() }
}

#[test]
fn a_service_that_is_gone_ends_every_story_in_its_own_thread() {
    let [succeeded, undone, failed] =
        [Succeeded, RollbackSucceeded, Failed].map(|status| operation("d", UpdateService, status, 0));
    let pause = operation("p", PauseService, Succeeded, 5);
    let not_resumed = operation("q", ResumeService, Failed, 6);
    let later = operation("e", StartDeployment, Failed, 4);
    let rolling = Work { thread: Some(thread("begun")), ..ours() };
    for (work, operations, said) in [
        (Work::default(), vec![pause.clone()], None),
        (Work::default(), vec![pause.clone(), succeeded.clone()], None),
        (Work::default(), vec![not_resumed, pause.clone()], None),
        (dealt("d"), vec![pause.clone(), failed.clone()], None),
        (Work::default(), vec![pause.clone(), failed.clone()], Some(thread("d"))),
        (Work::default(), vec![pause.clone(), undone.clone()], Some(thread("d"))),
        (Work::default(), vec![pause.clone(), later, failed.clone()], Some(thread("d"))),
        (Work { failed: Some(id("d")), ..dealt("d") }, vec![pause.clone(), undone], Some(thread("d"))),
        (rolling.clone(), vec![pause.clone(), failed.clone()], Some(thread("begun"))),
        (
            Work { request: Some(request()), ..rolling.clone() },
            vec![pause.clone(), succeeded.clone()],
            Some(thread("begun")),
        ),
        (Work { request: Some(request()), ..dealt("d") }, vec![pause, succeeded], Some(thread("request"))),
        (rolling, vec![], Some(thread("begun"))),
    ] {
        for (status, reason) in
            [(Some(ServiceStatus::Paused), "paused"), (Some(ServiceStatus::Deleted), "gone"), (None, "gone")]
        {
            let plan = decided(work.clone(), &Look { status, ..look(&operations) }, 9);
            let told = said.iter().map(|_| format!("skipped {reason}")).collect();
            assert_eq!(shown(&plan), ("skip", told, false), "{operations:?}");
            assert_eq!(plan.work.thread, said, "{operations:?}");
        }
    }
    // App Runner does not know it any more, nor its operations.
    let begun = Work { thread: Some(thread("begun")), ..ours() };
    let plan = decided(begun, &Look::gone(service(), Mode::On), 9);
    assert_eq!((shown(&plan).1, plan.work.thread), (vec!["skipped gone".to_owned()], Some(thread("begun"))));
}

#[test]
fn a_pause_keeps_the_hold_and_what_was_ours_and_nothing_else() {
    let failed = operation("d", UpdateService, RollbackFailed, 0);
    let paused = [operation("p", PauseService, Succeeded, 5), failed.clone()];
    let hold = Some(Hold { version: 1, bad: vec![] });
    let work = Work {
        failed: Some(id("d")),
        hold: hold.clone(),
        own: vec![id("o")],
        request: Some(request()),
        assume: true,
        thread: Some(thread("d")),
        ..ours()
    };
    for (status, hold) in [(Some(ServiceStatus::Paused), hold), (Some(ServiceStatus::Deleted), None)] {
        let plan = decided(work.clone(), &Look { status, ..look(&paused) }, 9);
        let kept = Work { own: vec![id("o")], thread: Some(thread("d")), hold, ..dealt("d") };
        assert_eq!(plan.work, kept);
        // What failed before is left alone when it runs again.
        let resumed = [operation("q", ResumeService, Succeeded, 20), paused[0].clone(), failed.clone()];
        assert_eq!(shown(&decided(plan.work, &look(&resumed), 30)), silent("end", false));
    }
}

#[test]
fn what_fails_while_it_is_off_is_left_alone_also_once_it_is_on() {
    let recorded = look(&[]).versions;
    for (status, versions) in [
        (RollbackFailed, recorded.clone()),
        (Failed, recorded),
        (RollbackFailed, Versions::default()),
        (Failed, Versions::default()),
    ] {
        let configuration = image(":v2", &json!({}));
        let failed = look(&[operation("d", UpdateService, status.clone(), 0)]);
        let on = Look { configuration, versions, ..failed };
        let off = decided(Work::default(), &Look { mode: Mode::Off, ..on.clone() }, 9);
        assert_eq!(shown(&off), silent("end", false), "{status}");
        assert_eq!(shown(&decided(off.work, &on, 10)), silent("end", false), "{status}");
    }
}

#[test]
fn a_failure_is_noted_as_soon_as_it_is_seen_and_told_although_somebody_acts_before_it_ends() {
    for (work, kind, status, noted) in [
        (Work::default(), UpdateService, RollbackInProgress, true),
        (Work::default(), StartDeployment, RollbackInProgress, true),
        (Work::default(), UpdateService, RollbackFailed, true),
        (Work::default(), UpdateService, InProgress, false),
        (Work::default(), ResumeService, RollbackInProgress, false),
        (ours(), UpdateService, RollbackInProgress, false),
    ] {
        let seen = decided(work, &look(&[operation("d", kind, status.clone(), 0)]), 1);
        assert_eq!(shown(&seen), silent("wait", true), "{status}");
        assert_eq!(seen.work.failed, noted.then(|| id("d")), "{status}");
        if !noted {
            continue;
        }
        // Their update fails as well, seen on its way or not: first the one, then the other, each in its thread.
        let after = |later| {
            look(&[operation("e", UpdateService, later, 3), operation("d", UpdateService, RollbackFailed, 2)])
        };
        let on_its_way = decided(seen.work.clone(), &after(RollbackInProgress), 2).work;
        for work in [seen.work, on_its_way] {
            let skipped = decided(work, &after(RollbackFailed), 9);
            assert_eq!(shown(&skipped), ("skip", vec!["skipped someone-else-acted".to_owned()], true));
            assert_eq!(
                (skipped.work.thread.clone(), &skipped.say[0].plan["operation"]),
                (Some(thread("d")), &json!("d"))
            );
            let next = decided(skipped.work, &after(RollbackFailed), 10);
            assert_eq!((shown(&next), next.work.thread), (silent("roll-back", true), Some(thread("e"))));
        }
    }
    // One that settles is decided.
    let failed = look(&[operation("d", UpdateService, RollbackFailed, 0)]);
    let settling = decided(Work::default(), &failed, 4).work;
    assert_eq!(shown(&decided(settling, &failed, 5)), silent("roll-back", true));
}

#[test]
fn what_app_runner_recovered_is_told_with_what_it_left_different() {
    let image = "SourceConfiguration.ImageRepository.ImageIdentifier";
    let told = format!(" It differs from version 1, the last known good one, in {image}.");
    for (configured, differs, differences) in
        [(":v1", String::new(), json!([])), (":v2", told, json!([image]))]
    {
        let undone = look(&[operation("d", UpdateService, RollbackSucceeded, 0)]);
        let plan = decided(
            Work::default(),
            &Look { configuration: super::image(configured, &json!({})), ..undone },
            9,
        );
        assert_eq!(
            plan.say[0].summary,
            format!("App Runner recovered orders from the failed update.{differs}")
        );
        assert_eq!(plan.say[0].plan["differences"], differences);
    }
}
