use super::*;

#[test]
fn only_a_final_no_with_a_code_drops_an_intent() {
    let at = Timestamp::from_second(1_800_000_000).unwrap();
    for (code, class, dropped) in [
        (Some("AccessDeniedException"), Class::Permanent, true),
        (Some("InternalServiceErrorException"), Class::Retryable, false),
        (None, Class::Permanent, false),
        (None, Class::Retryable, false),
    ] {
        let intent = Some(Intent { act: Value::Null, at });
        let mut ledger = Ledger { intent, made: vec![at] };
        let error = PortError::new("apprunner:UpdateService", class, "no");
        let outcome = conclude(&mut ledger, Err(PortError { code: code.map(str::to_owned), ..error }));
        assert_eq!(ledger.intent.is_none(), dropped, "{code:?} {class:?}");
        assert_eq!(matches!(outcome, Outcome::Refused(_)), dropped, "{outcome}");
        assert_eq!(ledger.made, [at], "what may have been made counts");
    }
}

#[test]
fn an_operation_of_ours_began_between_the_intent_and_the_end_of_its_function() {
    let second = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
    let intent = Intent { act: Value::Null, at: second(0) };
    for (began, ours) in [(-6, false), (-5, true), (0, true), (120, true), (121, false)] {
        assert_eq!(intent.may_have_begun(second(began)), ours, "{began} s");
    }
}

#[test]
fn a_budget_frees_up_as_its_oldest_change_leaves_the_window() {
    let at = |minute: i64| Timestamp::from_second(1_800_000_000 + minute * 60).unwrap();
    let budget = Budget { most: 2, within: Period::minutes(60), cool_down: Period::minutes(5) };
    let gate = Gate { leave: Leave::OfPerson, budget };
    for (made, now, refused) in [
        (&[0, 10][..], 59, Some(Outcome::BudgetExhausted(at(60)))),
        (&[0, 10], 60, None),
        // More were allowed when they were made.
        (&[0, 10, 20], 30, Some(Outcome::BudgetExhausted(at(70)))),
        (&[0], 4, Some(Outcome::Wait(format!("cool-down until {}", at(5))))),
        (&[0], 5, None),
    ] {
        let made: Vec<_> = made.iter().copied().map(at).collect();
        let mut ledger = Ledger { intent: None, made: made.clone() };
        let begun = begin(&mut ledger, &gate, &Control::default(), Value::Null, at(now));
        assert_eq!(begun.err(), refused, "{made:?} at {now}");
        if refused.is_none() {
            let kept = made.into_iter().filter(|made| *made > at(now - 60));
            assert_eq!(ledger.made, kept.chain([at(now)]).collect::<Vec<_>>());
        }
    }
}

#[test]
fn what_was_not_made_is_given_up_only_when_its_function_has_ended() {
    let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
    for (settled, second, dropped) in [
        (Settled::NotMade, 119, false),
        (Settled::NotMade, 120, true),
        (Settled::Unclear, 9_999, false),
        (Settled::Made(Receipt { operation: None }), 1, true),
    ] {
        let mut ledger = Ledger { intent: Some(Intent { act: Value::Null, at: at(0) }), made: vec![] };
        let made = matches!(settled, Settled::Made(_));
        let outcome = settle(&mut ledger, settled, at(second));
        assert_eq!(ledger.intent.is_none(), dropped, "{outcome} at {second}");
        assert_eq!(matches!(outcome, Outcome::Made(_)), made, "{outcome}");
    }
}

#[test]
fn an_outcome_says_what_became_of_the_change() {
    let at = Timestamp::from_second(1_800_000_000).unwrap();
    let made = |id: Option<&str>| {
        let operation = id.map(|id| OperationId(id.to_owned()));
        Outcome::Made(Receipt { operation })
    };
    for (outcome, text) in [
        (Outcome::Planned(Mode::DryRun), "nothing is changed: the mode is dry-run".to_owned()),
        (Outcome::Stopped(at), format!("nothing is changed: everything was stopped at {at}")),
        (Outcome::BudgetExhausted(at), format!("nothing is changed: the budget is used up until {at}")),
        (Outcome::Wait("busy".to_owned()), "not yet: busy".to_owned()),
        (made(Some("o1")), "made by operation o1".to_owned()),
        (made(None), "made".to_owned()),
        (Outcome::Refused("no".to_owned()), "refused: no".to_owned()),
    ] {
        assert_eq!(outcome.to_string(), text);
    }
}

#[test]
fn what_has_no_budget_does_not_count_in_one_and_what_was_not_made_does_not_either() {
    let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
    let limited = Budget { most: 1, within: Period::days(1), cool_down: Period::minutes(10) };
    let control = Control::default();
    let busy = || {
        let error = PortError::new("apprunner:UpdateService", Class::Retryable, "busy");
        Err(PortError { code: Some("InvalidStateException".to_owned()), ..error })
    };
    let mut ledger = Ledger::default();
    for (second, budget, answer, made) in [
        (0, Budget::UNLIMITED, Ok(Receipt { operation: None }), 0),
        (1, limited, busy(), 0),
        (2, limited, Ok(Receipt { operation: None }), 1),
        (3, Budget::UNLIMITED, busy(), 1),
        (4, Budget::UNLIMITED, Ok(Receipt { operation: None }), 1),
    ] {
        let gate = Gate { leave: Leave::OfPerson, budget };
        let begun = begin(&mut ledger, &gate, &control, Value::Null, at(second));
        let _permit = begun.unwrap().stored();
        conclude(&mut ledger, answer);
        assert_eq!(ledger.made.len(), made, "at {second}");
    }
}
