mod aborts;
mod clock;
mod holds;
mod model;
mod properties;

use autopilot::{dns::ChangeId, mutation::Outcome, service::ServiceStatus};
use model::{analysis, at, healthy, plan, running, seen};
use serde_json::json;

use super::*;
use crate::records::ALIAS_TTL;

fn decision(next: &Next) -> (&'static str, Option<What>) {
    (next.decision, next.act.as_ref().map(|act| act.what))
}

#[test]
fn the_pair_is_written_first_and_the_first_step_waits_for_the_old_ttl() {
    let mut shift = running(&plan(&json!({})), 0);
    shift.written = None;
    shift.expected.clone_from(&shift.original);
    let next = decide(&shift, &seen(&shift, Verdict::Inconclusive), at(0));
    assert_eq!(decision(&next), ("begin", Some(What::Begin)));
    let act = next.act.unwrap();
    assert_eq!((&act.before, &act.after), (&shift.original, &shift.pairs.at(Weights::START)));
    made(&mut shift, &act, Some(ChangeId("c1".into())), at(0));
    let pending = Seen { change: Some(Ok(ChangeStatus::Pending)), ..seen(&shift, Verdict::Inconclusive) };
    assert_eq!(decision(&decide(&shift, &pending, at(200))), ("wait", None));
    let next = decide(&shift, &seen(&shift, Verdict::Inconclusive), at(600));
    assert_eq!(decision(&next), ("wait", None), "INSYNC is new");
    let shift = next.shift;
    let ttl = i64::from(ALIAS_TTL);
    for (second, expected) in
        [(600 + ttl - 1, ("wait", None)), (600 + ttl, ("step", Some(What::Step { steps: 1 })))]
    {
        let next = decide(&shift, &seen(&shift, Verdict::Inconclusive), at(second));
        assert_eq!(decision(&next), expected, "nothing can be measured before the first step");
    }
    let next = decide(&shift, &seen(&shift, Verdict::Fail), at(900));
    assert_eq!(decision(&next), ("hold", None), "but what fails already takes no traffic");
}

#[test]
fn each_situation_has_its_plan() {
    let step = |steps| ("step", Some(What::Step { steps }));
    let back = |because| ("turn-back", Some(What::TurnBack { because }));
    for (steps, second, verdict, expected) in [
        (2, 0, Verdict::Pass, ("wait", None)),
        (2, 659, Verdict::Pass, ("wait", None)),
        (2, 660, Verdict::Pass, step(3)),
        (2, 660, Verdict::Inconclusive, ("hold", None)),
        (2, 660, Verdict::Fail, ("hold", None)),
        (5, 660, Verdict::Pass, ("validate", None)),
        (5, 660, Verdict::Inconclusive, ("hold", None)),
    ] {
        let shift = running(&plan(&json!({})), steps);
        let next = decide(&shift, &seen(&shift, verdict), at(second));
        assert_eq!(decision(&next), expected, "{steps} steps, {second} s, {verdict}");
    }
    for steps in 1..=5 {
        let mut shift = running(&plan(&json!({})), steps);
        shift.streak.count(Verdict::Fail);
        let next = decide(&shift, &seen(&shift, Verdict::Fail), at(1));
        assert_eq!(decision(&next), back(Because::AnalysisFailed), "the way back is open at step {steps}");
        let act = next.act.unwrap();
        assert_eq!((&act.before, act.after), (&shift.expected, shift.pairs.at(Weights::START)));
    }
}

#[test]
fn failures_count_one_an_interval_and_one_after_the_other() {
    let mut shift = running(&plan(&json!({"failure_limit": 3})), 2);
    for (second, verdict, failures) in [
        (0, Verdict::Fail, 1),
        (20, Verdict::Fail, 1),
        (57, Verdict::Fail, 2),
        (120, Verdict::Inconclusive, 2),
        (180, Verdict::Pass, 0),
        (240, Verdict::Fail, 1),
    ] {
        shift = decide(&shift, &seen(&shift, verdict), at(second)).shift;
        assert_eq!(shift.streak.failures(), failures, "{second} s");
    }
}

#[test]
fn alarms_have_their_own_reason() {
    let mut shift = running(&plan(&json!({"failure_limit": 1})), 2);
    let alarm = |name: &str| analysis(Verdict::Fail, name);
    let only = Seen { analysis: alarm("alarm:checkout-5xx"), ..seen(&shift, Verdict::Fail) };
    let next = decide(&shift, &only, at(1));
    assert_eq!(decision(&next).1, Some(What::TurnBack { because: Because::Alarm }));
    let says = made(&mut shift, &next.act.unwrap(), None, at(2));
    assert_eq!((says[0].reason, says[0].phase.as_str(), shift.phase), ("alarm", "failed", Phase::RolledBack));
    assert_eq!(says[0].more["weights"], json!({"from": 100, "to": 0}));
}

#[test]
fn no_turning_back_onto_a_side_that_is_not_well() {
    use ServiceStatus::{OperationInProgress, Paused, Running};

    let mut shift = running(&plan(&json!({"failure_limit": 1})), 3);
    shift.phase = Phase::Validating;
    let read = |status, domain: Option<&str>, verdict| FromSide::Read {
        status,
        domain: domain.map(str::to_owned),
        analysis: analysis(verdict, "error-share"),
    };
    // What is certain is told also to a person who wants it back; what is in doubt keeps the shift alone from it.
    for (from, words, is_certain) in [
        (read(Paused, Some("active"), Verdict::Pass), "is PAUSED", true),
        (read(OperationInProgress, Some("active"), Verdict::Pass), "is OPERATION_IN_PROGRESS", false),
        (read(Running, Some("deleting"), Verdict::Pass), "is deleting, not active", true),
        (read(Running, None, Verdict::Pass), "not linked", true),
        (read(Running, Some("active"), Verdict::Fail), "fails, too", false),
        (FromSide::Unread("ThrottlingException".into()), "ThrottlingException", false),
        (FromSide::Unasked, "nobody has looked", false),
    ] {
        assert_eq!(from.certain_objection().is_some(), is_certain, "{words}");
        let next = decide(&shift, &Seen { from, ..seen(&shift, Verdict::Fail) }, at(1));
        assert_eq!(decision(&next), ("hold", None), "{words}");
        assert_eq!(next.say[0].reason, "from-not-healthy");
        assert!(next.say[0].summary.contains(words), "{}", next.say[0].summary);
        let well = decide(&next.shift, &seen(&shift, Verdict::Fail), at(61));
        assert_eq!(decision(&well).0, "turn-back", "once it is well, it does");
    }
    assert_eq!(healthy().objection(), None);
}

#[test]
fn a_foreign_edit_holds_and_is_never_overwritten() {
    let mut shift = running(&plan(&json!({"failure_limit": 1})), 2);
    for verdict in [Verdict::Pass, Verdict::Fail] {
        let mut edited = seen(&shift, verdict);
        edited.records[0].weight = Some(80);
        let next = decide(&shift, &edited, at(5_000));
        assert_eq!(decision(&next), ("hold", None));
        assert!(next.say[0].summary.contains("has weight 80 instead of 75"), "{}", next.say[0].summary);
        let undone = decide(&next.shift, &seen(&shift, Verdict::Pass), at(5_060));
        assert_eq!(decision(&undone).0, "step", "the edit was undone");
    }
    let gone = Seen { records: Vec::new(), ..seen(&shift, Verdict::Pass) };
    shift = decide(&shift, &gone, at(6_000)).shift;
    assert_eq!(shift.phase, Phase::Failed);
    assert_eq!(decision(&decide(&shift, &gone, at(6_060))), ("nothing", None));
}

#[test]
fn pauses_wait_for_a_person_and_keep_the_way_back() {
    let shift = running(&plan(&json!({"pause_before": [50]})), 2);
    let next = decide(&shift, &seen(&shift, Verdict::Pass), at(700));
    assert_eq!((next.shift.phase, next.say[0].reason), (Phase::Paused, "pause-before"));
    let mut paused = next.shift;
    let later = decide(&paused, &seen(&paused, Verdict::Pass), at(90_000));
    assert_eq!((decision(&later), later.shift.phase), (("hold", None), Phase::Paused));
    assert_eq!(later.say[0].plan["reminder"], 1, "a reminder a day");
    paused.streak.count(Verdict::Fail);
    let failing = decide(&paused, &seen(&paused, Verdict::Fail), at(90_060));
    assert_eq!(decision(&failing).0, "turn-back");
    let mut cleared = later.shift;
    cleared.phase = cleared.running_phase();
    (cleared.hold, cleared.cleared) = (None, Some(50));
    assert_eq!(decision(&decide(&cleared, &seen(&cleared, Verdict::Pass), at(90_060))).0, "step");
}

#[test]
fn past_the_deadline_it_pauses() {
    let shift = running(&plan(&json!({"progress_deadline": "1h"})), 2);
    let held = decide(&shift, &seen(&shift, Verdict::Inconclusive), at(3_599));
    assert_eq!((held.shift.phase, held.say[0].reason), (Phase::Progressing, "inconclusive"));
    let paused = decide(&held.shift, &seen(&shift, Verdict::Inconclusive), at(3_600));
    assert_eq!((paused.shift.phase, paused.say[0].reason), (Phase::Paused, "deadline"));
    let passing = decide(&paused.shift, &seen(&shift, Verdict::Pass), at(3_660));
    assert_eq!(decision(&passing), ("hold", None), "only a person lets it go on");
}

#[test]
fn a_promotion_overrides_what_is_inconclusive_and_the_bake_but_no_failure() {
    let mut shift = running(&plan(&json!({"failure_limit": 9})), 2);
    shift.promoted = true;
    for (verdict, expected) in
        [(Verdict::Pass, "step"), (Verdict::Inconclusive, "step"), (Verdict::Fail, "hold")]
    {
        assert_eq!(decide(&shift, &seen(&shift, verdict), at(1)).decision, expected, "{verdict}");
    }
    shift.written.as_mut().unwrap().insync_at = None;
    let pending = Seen { change: Some(Ok(ChangeStatus::Pending)), ..seen(&shift, Verdict::Pass) };
    assert_eq!(decide(&shift, &pending, at(1)).decision, "wait", "not before the last change is everywhere");
}

#[test]
fn a_deployment_of_the_successor_holds_steps_and_no_way_back() {
    let mut shift = running(&plan(&json!({"failure_limit": 1})), 2);
    for (unready, reason, words) in [
        (Unready::Deploying, "target-deploying", "is being deployed"),
        (Unready::Gone, "target-gone", "was deleted"),
        (Unready::Unread("Throttling".into()), "target-unread", "could not be read (Throttling)"),
    ] {
        let with = |shift: &Shift, verdict| Seen { unready: Some(unready.clone()), ..seen(shift, verdict) };
        let next = decide(&shift, &with(&shift, Verdict::Pass), at(700));
        assert_eq!((decision(&next), next.say[0].reason), (("hold", None), reason));
        assert!(next.say[0].summary.contains(words), "{}", next.say[0].summary);
        shift = next.shift;
        assert_eq!(decide(&shift, &with(&shift, Verdict::Fail), at(800)).decision, "turn-back");
        assert_eq!(decide(&shift, &seen(&shift, Verdict::Pass), at(800)).decision, "step");
    }
    let late = Seen { unready: Some(Unready::Gone), ..seen(&shift, Verdict::Pass) };
    assert_eq!(decide(&shift, &late, at(21_600)).say[0].reason, "deadline");
}

#[test]
fn validation_ends_with_finish_by_itself_only_where_the_plan_says_so() {
    for (automatic, expected) in [(false, ("wait", None)), (true, ("finish", Some(What::Finish)))] {
        let shift = running(&plan(&json!({"finish_automatically": automatic, "validation_time": "2h"})), 5);
        let next = decide(&shift, &seen(&shift, Verdict::Pass), at(660));
        assert_eq!((next.shift.phase, next.say[0].reason), (Phase::Validating, "validating"));
        let told = format!("send finish after {}.", at(660 + 7_200));
        assert!(next.say[0].summary.ends_with(&told), "{}", next.say[0].summary);
        let shift = next.shift;
        assert_eq!(decide(&shift, &seen(&shift, Verdict::Pass), at(660 + 7_199)).decision, "wait");
        let next = decide(&shift, &seen(&shift, Verdict::Pass), at(660 + 7_200));
        assert_eq!(decision(&next), expected);
        if let Some(act) = next.act {
            let mut shift = next.shift;
            let says = made(&mut shift, &act, None, at(8_000));
            assert_eq!((shift.phase, says[0].reason), (Phase::Succeeded, "finished"));
            assert_eq!(shift.expected, shift.pairs.successor_alone());
        }
    }
}

#[test]
fn times_are_lengths_and_no_dates() {
    let mut shift = running(&plan(&json!({"validation_time": "24h"})), 5);
    // Over a leap day, and over both changes of the clock in Europe and America.
    for (begins, ends) in [
        ("2028-02-28T12:00:00Z", "2028-02-29T12:00:00Z"),
        ("2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z"),
        ("2026-03-28T22:30:00Z", "2026-03-29T22:30:00Z"),
        ("2026-11-01T05:30:00Z", "2026-11-02T05:30:00Z"),
    ] {
        shift.validating_since = Some(begins.parse().unwrap());
        assert_eq!(shift.validated_at(), Some(ends.parse().unwrap()), "{begins}");
    }
}

#[test]
fn it_does_not_finish_by_itself_while_another_domain_leads_to_app_runner() {
    let mut shift = running(&plan(&json!({"finish_automatically": true, "validation_time": "0s"})), 5);
    shift.phase = Phase::Validating;
    shift.validating_since = Some(at(0));
    let left = Seen { domains_left: vec!["www.example.com".to_owned()], ..seen(&shift, Verdict::Pass) };
    let held = decide(&shift, &left, at(700));
    assert_eq!((decision(&held), held.say[0].reason), (("hold", None), "domains-left"));
    let next = decide(&held.shift, &seen(&shift, Verdict::Pass), at(760));
    assert_eq!(decision(&next), ("finish", Some(What::Finish)));
}

#[test]
fn what_was_not_made_is_told_where_a_person_is_needed() {
    let shift = running(&plan(&json!({})), 2);
    let step = decide(&shift, &seen(&shift, Verdict::Pass), at(700)).act.unwrap();
    let mut held = shift.clone();
    let says = not_made(&mut held, &step, &Outcome::Refused("AccessDenied".into()), at(700));
    assert_eq!((says[0].reason, held.phase), ("refused", Phase::Progressing));
    assert!(not_made(&mut held, &step, &Outcome::Wait("Throttling".into()), at(700)).is_empty());
    let back = Act { what: What::TurnBack { because: Because::Aborted }, ..step };
    let says = not_made(&mut held, &back, &Outcome::Refused("AccessDenied".into()), at(700));
    assert_eq!(
        (says[0].phase.as_str(), says[0].reason, held.phase),
        ("failed", "cannot-turn-back", Phase::Failed)
    );
}
