//! When something counts, and for how long: what is assumed after a lost answer, which analysis counts, which day
//! reminds.

use autopilot::{
    analysis::Verdict,
    dns::{ChangeId, ChangeStatus},
};
use serde_json::json;

use super::{
    super::{Act, FromSide, Seen, What, decide, made},
    model::{analysis, at, plan, running, seen},
};
use crate::shift::{Analysed, Phase, Why, Written};

#[test]
fn a_change_is_everywhere_once_route_53_says_so_and_where_its_answer_was_lost_after_a_minute() {
    let (known, lost) = (Some(ChangeId("c1".into())), None);
    for (id, change, second, is_everywhere) in [
        (&known, Some(Ok(ChangeStatus::InSync)), 1, true),
        (&known, Some(Ok(ChangeStatus::Pending)), 600, false),
        (&known, Some(Err("AccessDenied".to_owned())), 600, false),
        (&known, None, 600, false),
        (&lost, None, 59, false),
        (&lost, None, 60, true),
    ] {
        let mut shift = running(&plan(&json!({})), 2);
        shift.written = Some(Written { id: id.clone(), at: at(0), insync_at: None, ttl: 60 });
        let next =
            decide(&shift, &Seen { change: change.clone(), ..seen(&shift, Verdict::Pass) }, at(second));
        let insync_at = next.shift.written.unwrap().insync_at;
        assert_eq!(insync_at, is_everywhere.then_some(at(second)), "{id:?} {change:?} {second} s");
    }
    let shift = running(&plan(&json!({})), 2);
    let later = decide(&shift, &seen(&shift, Verdict::Pass), at(120)).shift;
    assert_eq!(later.written, shift.written, "what is known stays so");
}

#[test]
fn an_analysis_counts_again_after_the_interval_less_what_ticks_come_early() {
    for (interval, second, counts) in [
        ("1m", 54, false),
        ("1m", 55, true),
        ("10s", 4, false),
        ("10s", 5, true),
        // Half of a short interval at most.
        ("4s", 1, false),
        ("4s", 2, true),
    ] {
        let mut shift = running(&plan(&json!({"analysis_interval": interval, "failure_limit": 9})), 2);
        let pass = analysis(Verdict::Pass, "error-share");
        shift.analysed = Some(Analysed { at: at(0), analysis: pass });
        let next = decide(&shift, &seen(&shift, Verdict::Fail), at(second)).shift;
        assert_eq!(next.streak.failures(), u32::from(counts), "{interval} {second} s");
        assert_eq!(next.analysed.unwrap().at, at(if counts { second } else { 0 }), "{interval} {second} s");
    }
}

#[test]
fn a_hold_is_reminded_of_once_a_day_from_the_second_day_on() {
    let mut shift = running(&plan(&json!({})), 2);
    shift.pause(Why::Paused, "A person paused it.", at(0));
    for (second, reminder) in [(0, None), (86_399, None), (86_400, Some(1)), (172_800, Some(2))] {
        let next = decide(&shift, &seen(&shift, Verdict::Pass), at(second));
        assert_eq!(next.say[0].plan.get("reminder"), reminder.map(|days| json!(days)).as_ref(), "{second} s");
    }
}

#[test]
fn what_waits_for_the_successor_pauses_past_the_deadline_and_nothing_else_does() {
    let shift = running(&plan(&json!({"progress_deadline": "1h", "failure_limit": 1})), 2);
    let mut edited = seen(&shift, Verdict::Pass);
    edited.records[0].weight = Some(80);
    let unwell = Seen { from: FromSide::Unasked, ..seen(&shift, Verdict::Fail) };
    for (seen, phase, reason) in [
        (seen(&shift, Verdict::Inconclusive), Phase::Paused, "deadline"),
        (edited, Phase::Progressing, "foreign-edit"),
        (unwell, Phase::Progressing, "from-not-healthy"),
    ] {
        let late = decide(&shift, &seen, at(3_600));
        assert_eq!((late.shift.phase, late.say[0].reason), (phase, reason));
    }
}

#[test]
fn a_phase_lasts_since_it_was_entered_and_a_shift_that_ended_says_how() {
    let mut shift = running(&plan(&json!({})), 2);
    for (phase, second, since) in [
        (Phase::Progressing, 10, 0),
        (Phase::Paused, 20, 20),
        (Phase::Paused, 30, 20),
        (Phase::Failed, 40, 40),
    ] {
        shift.enter(phase, at(second));
        assert_eq!((shift.phase, shift.since), (phase, at(since)), "{second} s");
    }
    let next = decide(&shift, &seen(&shift, Verdict::Pass), at(50));
    assert_eq!((next.decision, next.reason.as_str()), ("nothing", "the shift is Failed"));
}

#[test]
fn a_step_that_lands_while_somebody_pauses_leaves_the_shift_paused() {
    for (phase, expected) in [
        (Phase::Preparing, Phase::Progressing),
        (Phase::Progressing, Phase::Progressing),
        (Phase::Paused, Phase::Paused),
    ] {
        let mut shift = running(&plan(&json!({})), 2);
        shift.phase = phase;
        let act = Act {
            what: What::Step { steps: 3 },
            before: shift.expected.clone(),
            after: shift.pairs.at(crate::records::Weights::successor(50)),
        };
        let says = made(&mut shift, &act, None, at(700));
        assert_eq!((shift.phase, shift.steps, shift.weights.to()), (expected, 3, 50));
        let summary = "app.example.com: 50 of 100 answers name the successor now (step 3 of 5).";
        assert_eq!((says[0].reason, says[0].summary.as_str()), ("step", summary));
    }
}
