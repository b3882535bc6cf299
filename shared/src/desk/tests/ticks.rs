//! What a tick takes up, and what it leaves behind.

use super::*;

async fn subjects(desk: &Desk<MemoryStore, &Bus>, only_open: bool) -> Vec<String> {
    let cases: Result<Vec<CaseRecord<usize>>, Failure> =
        if only_open { desk.open_cases().await } else { desk.cases().await };
    cases.unwrap().into_iter().map(|record| record.state.subject).collect()
}

#[tokio::test]
async fn a_tick_works_on_what_is_open_or_untold_and_the_trouble_of_one_is_its_own() {
    for (trouble, held) in [(Class::Permanent, &["broken:1/rollback#1 held"][..]), (Class::Retryable, &[])] {
        let mut scene = Scene::new(&[]);
        scene.mender.trouble = trouble;
        let desk = scene.desk();
        let say = || Say::new(Phase::Skipped, "gone", "It is gone.", json!({}));
        for (subject, open) in [("broken", true), ("closed", false), ("orders", true), ("untold", false)] {
            scene.bus.down.set(true);
            let edit = |record: &mut CaseRecord<usize>| {
                record.state.open = open;
                record.state.incident = IncidentId::new(format!("{subject}:1"));
                if subject == "untold" {
                    record.say(&Topic::Rollback, None, say(), at(0));
                }
            };
            let told = desk.change(subject, edit, at(0)).await;
            assert_eq!(told.is_err(), subject == "untold", "{told:?}");
        }
        scene.bus.down.set(false);
        assert_eq!(subjects(&desk, false).await, ["broken", "closed", "orders", "untold"]);
        assert_eq!(subjects(&desk, true).await, ["broken", "orders", "untold"]);
        // What was mended is seen to be so by the next tick.
        for (minute, cases) in [(1, 3), (2, 2), (3, 1)] {
            let open = desk.open_cases().await.unwrap();
            let tally = desk.advance_all(&scene.mender, open, at(minute)).await;
            assert_eq!(tally, Tally { cases, failed: 1 }, "minute {minute}");
        }
        let mut said = scene.bus.said.take();
        said.sort();
        let others = ["orders:1/rollback#1 started", "untold:1/rollback#1 skipped"];
        assert_eq!(said, [held, &others].concat(), "each once");
    }
}

#[tokio::test]
async fn what_changes_is_kept_for_its_time_and_what_does_not_is_not_written() {
    let scene = Scene::new(&[]);
    scene.at(0).await;
    let open = scene.record().await;
    assert_eq!(open.expires_at, None, "what is open is kept for good");
    // It is mended, and nothing is left to do.
    scene.desk().advance(&scene.mender, open, |_| {}, at(5)).await.unwrap();
    let closed = scene.record().await;
    assert!(!closed.state.open && closed.expires_at > Some(at(5)));
    scene.desk().advance(&scene.mender, closed.clone(), |_| {}, at(10)).await.unwrap();
    assert_eq!(scene.record().await, closed);
}

#[tokio::test]
async fn the_first_reconciliation_is_noted_once_and_each_is_answered() {
    let scene = Scene::new(&[]);
    let desk = scene.desk();
    assert_eq!(desk.first_reconciled().await.unwrap(), None);
    for minute in [3, 18] {
        desk.mark_reconciled(at(minute)).await.unwrap();
        assert_eq!(desk.first_reconciled().await.unwrap(), Some(at(3)));
    }
    assert_eq!(subjects(&desk, false).await, [""; 0], "the note is no case");
    let answer = Taken { up: 2, failed: 1 }.answer(9, false);
    assert_eq!(answer, json!({"ok": true, "services": 9, "taken_up": 2, "failed": 1, "first": false}));
}
