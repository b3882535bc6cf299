//! What a plan says of itself, and what a mode leaves of it.

use super::*;

#[test]
fn a_plan_says_in_a_word_and_a_line_what_it_is() {
    let notices =
        vec![Notice::Unreadable { why: "denied".into() }, Notice::UnreadableTag { value: "yes".into() }];
    for (plan, word, line) in [
        (Plan::Ignore("nothing new".into()), "ignore", "nothing new"),
        (Plan::Remember(Subject::default(), "one ended".into()), "remember", "one ended"),
        (Plan::Tell(Subject::default(), notices), "tell", "unreadable, unreadable-tag"),
    ] {
        assert_eq!((plan.word(), plan.to_string().as_str()), (word, line));
    }
}

#[test]
fn what_tells_nobody_passes_while_on_and_is_left_while_not() {
    let state = Subject::default();
    for plan in [Plan::Ignore("nothing new".into()), Plan::Remember(Subject::default(), "one ended".into())] {
        assert_eq!(under_mode(plan.clone(), &state, &on()), plan);
        let off = Resolved { mode: Mode::Off, by: SetBy::Command };
        assert_eq!(under_mode(plan, &state, &off), Plan::Ignore("notify is off here".into()));
    }
}

#[test]
fn a_word_from_outside_is_made_safe_to_repeat() {
    let Ok(Trigger::Failed(hint)) = status_event("SAD \u{1b}[2J\u{e9}_FAILED", 60) else {
        panic!("no failure")
    };
    assert_eq!(hint.word, "SAD ?[2J?_FAILED");
    let Ok(Trigger::Failed(hint)) = operation_event(&format!("{}Failed", "x".repeat(500)), 60) else {
        panic!("no failure")
    };
    assert_eq!(hint.word, "x".repeat(120));
}
