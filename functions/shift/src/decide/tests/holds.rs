//! What holds is told once, told again when it comes again, and not told for what holds no more.

use autopilot::{analysis::Verdict, announcement::Topic, control::Mode, mutation::Outcome, store::Record};
use jiff::Timestamp;
use serde_json::json;

use super::{
    super::{Act, Next, Seen, Unready, What, decide, made, not_made},
    model::{at, plan, running, seen},
};
use crate::{
    advance::ShiftRecord,
    shift::{Phase, Shift, Why},
};

/// A record that is told everything; its outbox is what people hear.
struct Ears(ShiftRecord);

impl Ears {
    fn new() -> Self {
        let key = autopilot::store::Key { partition: "shift", sort: "case x".to_owned() };
        Self(Record::from_item(key, None).unwrap())
    }

    fn hear(&mut self, next: &Next, now: Timestamp) {
        for say in next.say.clone() {
            self.0.say(&Topic::TrafficShift, None, say, now);
        }
    }

    fn heard(&self) -> Vec<String> {
        self.0.outbox.entries.iter().map(|entry| entry.message.reason.clone()).collect()
    }
}

/// Hears of a shift through these minutes, as each of them is seen.
fn through(shift: &Shift, minutes: &[&dyn Fn(&Shift) -> Seen], from: i64) -> (Shift, Vec<String>) {
    let (mut shift, mut ears) = (shift.clone(), Ears::new());
    for (seen, minute) in minutes.iter().zip(0..) {
        let now = at(from + 60 * minute);
        let next = decide(&shift, &seen(&shift), now);
        ears.hear(&next, now);
        shift = next.shift;
    }
    (shift, ears.heard())
}

fn edited(shift: &Shift) -> Seen {
    let mut seen = seen(shift, Verdict::Pass);
    seen.records[0].weight = Some(80);
    seen
}

#[test]
fn an_edit_that_comes_again_is_told_again_and_one_that_stays_is_told_once() {
    let shift = running(&plan(&json!({})), 2);
    let fine: &dyn Fn(&Shift) -> Seen = &|shift| seen(shift, Verdict::Pass);
    let (held, heard) = through(&shift, &[&edited, &edited, fine, &edited, &edited], 0);
    assert_eq!(heard, ["foreign-edit", "foreign-edit"]);
    assert_eq!(held.hold.map(|hold| hold.since), Some(at(180)));
}

#[test]
fn what_keeps_a_finish_does_not_speak_every_minute() {
    let mut shift = running(&plan(&json!({"finish_automatically": true, "validation_time": "0s"})), 5);
    shift.phase = Phase::Validating;
    shift.validating_since = Some(at(0));
    let left =
        |verdict| move |shift: &Shift| Seen { domains_left: vec!["www".to_owned()], ..seen(shift, verdict) };
    let (fails, passes) = (left(Verdict::Inconclusive), left(Verdict::Pass));
    let (_, heard) = through(&shift, &[&fails, &passes, &fails, &passes], 700);
    assert_eq!(heard, ["domains-left"]);
}

#[test]
fn a_paused_shift_names_what_paused_it_once_what_held_it_beside_is_over() {
    let mut shift = running(&plan(&json!({"failure_limit": 9})), 2);
    shift.pause(Why::Paused, "A person paused it.", at(0));
    let fine: &dyn Fn(&Shift) -> Seen = &|shift| seen(shift, Verdict::Pass);
    let (held, _) = through(&shift, &[&edited], 0);
    assert_eq!(held.hold.as_ref().map(|hold| hold.why), Some(Why::ForeignEdit));
    let (held, _) = through(&held, &[fine], 60);
    let by = held.hold.unwrap();
    assert_eq!((held.phase, by.why, by.since), (Phase::Paused, Why::Paused, at(0)));
    assert_eq!(by.words, "A person paused it.");
}

#[test]
fn a_refused_promotion_is_not_kept_for_a_later_analysis() {
    for (steps, second) in [(2, 700), (5, 700)] {
        let mut shift = running(&plan(&json!({"failure_limit": 9})), steps);
        shift.promoted = true;
        let failed = decide(&shift, &seen(&shift, Verdict::Fail), at(second));
        assert_eq!((failed.decision, failed.shift.promoted), ("hold", false));
        let later = decide(&failed.shift, &seen(&shift, Verdict::Inconclusive), at(second + 60));
        assert_eq!((later.decision, later.shift.steps), ("hold", steps), "{}", later.reason);
    }
}

#[test]
fn waiting_for_insync_is_told_once_it_lasts_and_pauses_past_the_deadline() {
    let mut shift = running(&plan(&json!({"progress_deadline": "1h"})), 2);
    shift.written.as_mut().unwrap().insync_at = None;
    let unread =
        |shift: &Shift| Seen { change: Some(Err("AccessDenied".to_owned())), ..seen(shift, Verdict::Pass) };
    assert_eq!(decide(&shift, &unread(&shift), at(299)).decision, "wait");
    let held = decide(&shift, &unread(&shift), at(300));
    assert_eq!((held.decision, held.say[0].reason), ("hold", "not-in-sync"));
    assert!(held.say[0].summary.contains("AccessDenied"), "{}", held.say[0].summary);
    let unasked = Seen { change: None, ..seen(&shift, Verdict::Pass) };
    assert_eq!(decide(&shift, &unasked, at(300)).decision, "wait", "it is not its turn to be asked after");
    let late = decide(&held.shift, &unread(&shift), at(3_600));
    assert_eq!((late.shift.phase, late.say[0].reason), (Phase::Paused, "deadline"));
    let told = decide(&held.shift, &seen(&shift, Verdict::Pass), at(360));
    assert_eq!((told.decision, told.shift.hold), ("wait", None));
}

#[test]
fn a_write_that_is_not_taken_is_told_once_that_lasts() {
    let mut shift = running(&plan(&json!({})), 2);
    let wait = Outcome::Wait("ServiceUnavailable".to_owned());
    let mut told = Vec::new();
    for second in (700..1_100).step_by(60) {
        let next = decide(&shift, &seen(&shift, Verdict::Pass), at(second));
        shift = next.shift;
        let says = not_made(&mut shift, &next.act.unwrap(), &wait, at(second));
        told.extend(says.into_iter().map(|say| (second, say.reason, say.plan)));
    }
    let seconds: Vec<i64> = told.iter().map(|(second, ..)| *second).collect();
    assert_eq!(seconds, [1_000, 1_060]);
    assert_eq!((told[0].1, &told[0].2), ("refused", &told[1].2), "the same plan, which is sent once");
    let deploying = Seen { unready: Some(Unready::Deploying), ..seen(&shift, Verdict::Pass) };
    assert_eq!(decide(&shift, &deploying, at(1_120)).shift.unwritten_since, None, "nothing is to be written");
    let step = Act {
        what: What::Step { steps: 3 },
        before: shift.expected.clone(),
        after: shift.pairs.at(crate::records::Weights::successor(50)),
    };
    made(&mut shift, &step, None, at(1_120));
    assert_eq!((shift.unwritten_since, shift.hold), (None, None));
}

#[test]
fn what_could_not_be_written_holds_no_longer_once_nothing_is_to_be_written() {
    let mut shift = running(&plan(&json!({"failure_limit": 1})), 2);
    let mut paused = shift.clone();
    paused.pause(Why::Paused, "A person paused it.", at(0));
    let stopped = Outcome::Stopped(at(5));
    for (shift, then) in [(&mut shift, None), (&mut paused, Some((Why::Paused, at(0))))] {
        let failing = decide(shift, &seen(shift, Verdict::Fail), at(10));
        *shift = failing.shift;
        let says = not_made(shift, &failing.act.unwrap(), &stopped, at(10));
        assert_eq!(
            (says[0].reason, shift.hold.as_ref().map(|hold| hold.why)),
            ("stopped", Some(Why::Refused))
        );
        let passing = decide(shift, &seen(shift, Verdict::Pass), at(70));
        let hold = passing.shift.hold;
        assert_eq!(hold.map(|hold| (hold.why, hold.since)), then, "{}", passing.reason);
    }
}

#[test]
fn each_way_not_to_write_has_its_words() {
    let before = running(&plan(&json!({})), 2);
    let step = decide(&before, &seen(&before, Verdict::Pass), at(700)).act.unwrap();
    for (outcome, told) in [
        (
            Outcome::Refused("AccessDenied".into()),
            Some(("refused", "Route 53 refuses the change: AccessDenied.")),
        ),
        (Outcome::Stopped(at(600)), Some(("stopped", "Everything was stopped by a person at"))),
        (Outcome::BudgetExhausted(at(900)), Some(("refused", "The budget of changes is used up until"))),
        (Outcome::Wait("Throttling".into()), None),
        (Outcome::Planned(Mode::DryRun), None),
    ] {
        let mut shift = before.clone();
        let says = not_made(&mut shift, &step, &outcome, at(700));
        assert_eq!(says.first().map(|say| say.reason), told.map(|(reason, _)| reason), "{outcome:?}");
        assert_eq!(shift.hold.is_some(), told.is_some(), "{outcome:?}");
        if let (Some(say), Some((_, words))) = (says.first(), told) {
            assert!(
                say.summary.starts_with(&format!("The shift of app.example.com holds. {words}")),
                "{}",
                say.summary
            );
        }
    }
}
