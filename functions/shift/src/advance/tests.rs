mod others;
mod world;

use autopilot::evidence::CustomDomain;
use serde_json::json;
use world::{Fate, Little, Sky, clear, under};

use crate::shift::Phase;

/// Until the first step is written, at second 120.
async fn to_the_first_step(little: &Little<'_>) {
    for second in [60, 120, 180] {
        little.minute(second).await;
    }
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("n{number}")).collect()
}

async fn one(sky: &Sky, changed: serde_json::Value) -> Little<'_> {
    let little = under(sky);
    little.open(&names(1), &changed).await;
    little
}

#[tokio::test]
async fn a_write_that_comes_late_is_ours_and_nobodys_edit() {
    for fails in [false, true] {
        let sky = clear();
        let little = one(&sky, json!({"failure_limit": 1})).await;
        to_the_first_step(&little).await;
        *sky.fate.borrow_mut() = Fate::Delayed;
        little.minute(300).await;
        *sky.fate.borrow_mut() = Fate::Made;
        // Somebody else's tick reads before the write lands, and drops what it does not find.
        little.tell("pause", "n0", 310).await;
        let record = little.record("n0").await;
        assert_eq!((record.state.ledger.intent, record.state.open), (None, true));
        assert_eq!(sky.land(), [true]);
        sky.others.errors.set(Some(if fails { 900.0 } else { 0.0 }));
        little.minute(370).await;
        let shift = little.shift("n0").await;
        if fails {
            assert_eq!(
                (shift.phase, sky.weights("n0.example.com")),
                (Phase::RolledBack, vec![Some(100), Some(0)])
            );
        } else {
            assert_eq!((shift.phase, shift.steps), (Phase::Paused, 2), "{:?}", shift.hold);
            assert_eq!(shift.hold.map(|hold| hold.why.as_str()), Some("paused"));
        }
        assert!(!sky.said().contains(&"held foreign-edit".to_owned()), "{:?}", sky.said());
    }
}

#[tokio::test]
async fn a_person_can_abort_while_a_write_is_still_on_its_way() {
    let sky = clear();
    let little = one(&sky, json!({})).await;
    to_the_first_step(&little).await;
    *sky.fate.borrow_mut() = Fate::Delayed;
    little.minute(300).await;
    *sky.fate.borrow_mut() = Fate::Made;
    little.tell("pause", "n0", 305).await;
    sky.land();
    let aborted = little.tell("abort", "n0", 310).await;
    assert_eq!(
        (&aborted["ok"], &aborted["shift"]["phase"]),
        (&json!(true), &json!("RolledBack")),
        "{aborted:#}"
    );
    assert_eq!(sky.weights("n0.example.com"), [Some(100), Some(0)]);
}

#[tokio::test]
async fn what_turns_up_later_than_any_function_lives_is_an_edit() {
    let sky = clear();
    let little = one(&sky, json!({})).await;
    to_the_first_step(&little).await;
    *sky.fate.borrow_mut() = Fate::Delayed;
    little.minute(300).await;
    *sky.fate.borrow_mut() = Fate::Made;
    little.tell("pause", "n0", 310).await;
    little.minute(430).await;
    assert!(little.shift("n0").await.maybe_on_their_way.is_empty());
    sky.edit("n0.example.com", 0, 100);
    little.minute(490).await;
    assert_eq!(little.shift("n0").await.hold.map(|hold| hold.why.as_str()), Some("foreign-edit"));
}

#[tokio::test]
async fn one_bad_record_keeps_no_other_from_turning_back() {
    for code in ["NoSuchHealthCheck", "AccessDenied", "InvalidChangeBatch"] {
        let (sky, names) = (clear(), names(50));
        let little = under(&sky);
        little.open(&names, &json!({"failure_limit": 1, "bake_time": "30m"})).await;
        to_the_first_step(&little).await;
        assert_eq!(sky.weights("n7.example.com"), [Some(50), Some(50)]);
        sky.others.errors.set(Some(900.0));
        sky.batches.set(0);
        *sky.fate.borrow_mut() = Fate::Refused { name: "n33.example.com", code };
        little.minute(240).await;
        for name in &names {
            let shift = little.shift(name).await;
            let weights = sky.weights(&format!("{name}.example.com"));
            if name == "n33" {
                assert_eq!((shift.phase, weights), (Phase::Failed, vec![Some(50), Some(50)]), "{code}");
            } else {
                assert_eq!(
                    (shift.phase, weights),
                    (Phase::RolledBack, vec![Some(100), Some(0)]),
                    "{code} {name}"
                );
            }
        }
        assert!(sky.batches.get() <= 13, "halving: {}", sky.batches.get());
        assert_eq!(sky.said().iter().filter(|said| *said == "failed cannot-turn-back").count(), 1);
    }
}

#[tokio::test]
async fn a_zone_that_takes_nothing_does_not_use_up_a_tick_and_each_shift_of_it_is_told() {
    let (sky, names) = (clear(), names(50));
    let little = under(&sky);
    little.open(&names, &json!({"failure_limit": 1, "bake_time": "30m"})).await;
    to_the_first_step(&little).await;
    sky.others.errors.set(Some(900.0));
    *sky.fate.borrow_mut() = Fate::Refused { name: "example.com", code: "AccessDenied" };
    for tick in 0..12 {
        sky.batches.set(0);
        little.minute(240 + 60 * tick).await;
        assert!(sky.batches.get() <= 16, "{}", sky.batches.get());
    }
    assert_eq!(sky.said().iter().filter(|said| *said == "failed cannot-turn-back").count(), 50);
}

#[tokio::test]
async fn one_bad_record_holds_up_its_own_step_alone() {
    let (sky, names) = (clear(), names(6));
    let little = under(&sky);
    little.open(&names, &json!({})).await;
    *sky.fate.borrow_mut() = Fate::Refused { name: "n3.example.com", code: "NoSuchHealthCheck" };
    to_the_first_step(&little).await;
    for name in &names {
        let shift = little.shift(name).await;
        assert_eq!(shift.steps, usize::from(name != "n3"), "{name}");
    }
    assert_eq!(little.shift("n3").await.hold.map(|hold| hold.why.as_str()), Some("refused"));
}

#[tokio::test]
async fn a_promotion_that_was_refused_steps_at_no_later_tick() {
    let sky = clear();
    let little = one(&sky, json!({"failure_limit": 9, "bake_time": "30m"})).await;
    to_the_first_step(&little).await;
    sky.others.errors.set(Some(900.0));
    let refused = little.tell("promote", "n0", 240).await;
    assert_eq!(refused["ok"], false, "{refused:#}");
    sky.others.errors.set(None);
    for second in [300, 360, 420] {
        little.minute(second).await;
    }
    assert_eq!(sky.weights("n0.example.com"), [Some(50), Some(50)]);
    let promoted = little.tell("promote", "n0", 480).await;
    assert_eq!((&promoted["ok"], &promoted["shift"]["step"]), (&json!(true), &json!(2)), "{promoted:#}");
}

#[tokio::test]
async fn an_edit_back_to_a_middle_step_is_not_validated_any_more() {
    let sky = clear();
    let little = one(&sky, json!({"finish_automatically": true, "validation_time": "0s"})).await;
    for second in [60, 120, 180, 300, 360, 480] {
        little.minute(second).await;
    }
    assert_eq!(little.shift("n0").await.phase, Phase::Validating);
    sky.edit("n0.example.com", 50, 50);
    let resumed = little.tell("resume", "n0", 490).await;
    assert_eq!((&resumed["shift"]["phase"], &resumed["shift"]["step"]), (&json!("Progressing"), &json!(1)));
    let finished = little.tell("finish", "n0", 500).await;
    assert_eq!(finished["ok"], false, "{finished:#}");
    little.minute(510).await;
    assert_eq!(sky.weights("n0.example.com"), [Some(50), Some(50)], "its bake time comes first");
}

#[tokio::test]
async fn what_cannot_be_read_is_told_once_that_lasts_and_again_when_it_comes_again() {
    let sky = clear();
    let little = one(&sky, json!({"bake_time": "2h"})).await;
    to_the_first_step(&little).await;
    let before = sky.said().len();
    sky.readable.set(false);
    for second in [240, 300, 360, 420, 480] {
        little.minute(second).await;
    }
    assert_eq!(sky.said().len(), before, "it may pass by itself");
    for second in [540, 600, 660] {
        assert_eq!(little.minute(second).await["failed"], 1);
    }
    assert_eq!(sky.said()[before..], ["held unreadable"]);
    sky.readable.set(true);
    little.minute(720).await;
    sky.readable.set(false);
    for second in [780, 840, 900, 960, 1_020, 1_080] {
        little.minute(second).await;
    }
    assert_eq!(sky.said()[before..], ["held unreadable", "held unreadable"]);
}

#[tokio::test]
async fn a_way_back_that_route_53_does_not_take_is_told() {
    let sky = clear();
    let little = one(&sky, json!({"failure_limit": 1, "bake_time": "30m"})).await;
    to_the_first_step(&little).await;
    let before = sky.said().len();
    sky.others.errors.set(Some(900.0));
    *sky.fate.borrow_mut() = Fate::Down;
    for minute in 4..12 {
        little.minute(60 * minute).await;
    }
    assert_eq!(sky.said()[before..], ["held refused"]);
    *sky.fate.borrow_mut() = Fate::Made;
    little.minute(720).await;
    assert_eq!(sky.said().last().map(String::as_str), Some("failed analysis-failed"));
}

#[tokio::test]
async fn an_abort_whose_answer_is_lost_is_told_once_however_often_it_is_asked() {
    let sky = clear();
    let little = one(&sky, json!({"bake_time": "30m"})).await;
    to_the_first_step(&little).await;
    *sky.fate.borrow_mut() = Fate::Unheard;
    let unknown = little.tell("abort", "n0", 240).await;
    assert_eq!(unknown["ok"], false, "{unknown:#}");
    *sky.fate.borrow_mut() = Fate::Made;
    for second in [245, 250] {
        let aborted = little.tell("abort", "n0", second).await;
        assert_eq!((&aborted["ok"], &aborted["shift"]["phase"]), (&json!(true), &json!("RolledBack")));
    }
    assert_eq!(sky.said().iter().filter(|said| *said == "failed aborted").count(), 1, "{:?}", sky.said());
    let shift = little.shift("n0").await;
    assert_eq!(shift.history.iter().filter(|entry| entry.event == "aborted").count(), 1);
}

#[tokio::test]
async fn a_finish_whose_answer_is_lost_is_settled_by_the_next_tick() {
    for back in [false, true] {
        let sky = clear();
        let little = one(&sky, json!({"validation_time": "0s"})).await;
        for second in [60, 120, 180, 300, 360, 480] {
            little.minute(second).await;
        }
        if back {
            little.tell("abort", "n0", 490).await;
        }
        *sky.fate.borrow_mut() = Fate::Unheard;
        let unknown = little.tell("finish", "n0", 500).await;
        assert_eq!(unknown["ok"], false, "{unknown:#}");
        *sky.fate.borrow_mut() = Fate::Made;
        let record = little.record("n0").await;
        assert!(record.state.open && record.expires_at.is_none(), "a tick has to look");
        little.minute(560).await;
        let record = little.record("n0").await;
        let shift = record.state.work.unwrap();
        let phase = if back { Phase::RolledBack } else { Phase::Succeeded };
        assert_eq!((shift.phase, shift.finished_at.is_some(), record.state.open), (phase, true, false));
        assert_eq!(sky.said().last().map(String::as_str), Some("succeeded finished"));
        let again = little.tell("finish", "n0", 600).await;
        assert_eq!(again["ok"], true, "{again:#}");
        assert_eq!(sky.weights("n0.example.com"), [None]);
    }
}

#[tokio::test]
async fn records_that_somebody_deleted_are_written_again_by_an_abort_with_force_alone() {
    for was_written in [true, false] {
        let sky = clear();
        let little = one(&sky, json!({})).await;
        if !was_written {
            let mut record = little.record("n0").await;
            let shift = record.state.work.as_mut().unwrap();
            (shift.written, shift.expected) = (None, shift.original.clone());
            record.save(&little.desk.state).await.unwrap();
        }
        sky.records.borrow_mut().clear();
        little.minute(60).await;
        assert_eq!(sky.said().last().map(String::as_str), Some("failed records-gone"));
        assert_eq!(little.tell("abort", "n0", 70).await["ok"], false, "they are not as expected");
        let aborted = little.force("abort", "n0", 80).await;
        assert_eq!(
            (&aborted["ok"], &aborted["shift"]["phase"]),
            (&json!(true), &json!("RolledBack")),
            "{aborted:#}"
        );
        assert_eq!(sky.weights("n0.example.com"), [Some(100), Some(0)], "written before: {was_written}");
    }
}

#[tokio::test]
async fn a_shift_does_not_finish_by_itself_while_another_domain_may_lead_to_the_service() {
    let domain =
        |name: &str, www| CustomDomain { name: Some(name.to_owned()), www, ..CustomDomain::default() };
    let untold = |name: &str| format!("{name} (has no record in this zone, so it cannot be told)");
    for (beside, left) in [
        (Ok(vec![]), vec![]),
        (Ok(vec![domain("shop.example.com", false)]), vec![untold("shop.example.com")]),
        (Ok(vec![domain("n0.example.com", true)]), vec![untold("www.n0.example.com")]),
        (Ok(vec![domain("n1.example.com", false)]), vec!["n1.example.com".to_owned()]),
        (Err("AccessDeniedException"), vec!["domains that cannot be read".to_owned()]),
        (Err("ResourceNotFoundException"), vec![]),
    ] {
        let sky = clear();
        let little = under(&sky);
        little.open(&names(1), &json!({"validation_time": "0s", "finish_automatically": true})).await;
        // The pair of the other is at 100/0: all of it is at App Runner, and stays there.
        little.open(&["n1".to_owned()], &json!({"pause_before": [50]})).await;
        *sky.others.beside.borrow_mut() = beside;
        for second in [60, 120, 180, 300, 360, 480, 540] {
            little.minute(second).await;
        }
        let shift = little.shift("n0").await;
        if left.is_empty() {
            assert_eq!(shift.phase, Phase::Succeeded, "{:?}", shift.hold);
        } else {
            let words = shift.hold.unwrap().words;
            assert!(words.starts_with(&format!("Does not finish: {}", left.join(", "))), "{words}");
        }
    }
}
