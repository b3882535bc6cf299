//! Cases that went wrong once, or would have.

use autopilot::mutation::Outcome;

use super::*;

#[test]
fn a_failed_analysis_is_acted_on_in_time_or_a_person_is_asked() {
    let operations = [operation("d", UpdateService, Succeeded, 0)];
    let mut now = Look { configuration: image(":v2", &json!({})), ..look(&operations) };
    let (configuration, began) = (now.configuration.clone(), None);
    let success = Success { operation: &operations[0], configuration, began, image: None, assumed: false };
    now.versions.record(&success, at(0));
    let baking = decided(Work::default(), &now, 1).work;
    now.versions.judge(&operations[0].id, Ended::Bad("fail: errors".into()));
    // 10 minutes of bake, 2 analyses, 10 minutes of cool-down, 5 to spare.
    assert_eq!(shown(&decided(baking.clone(), &now, 27)), silent("roll-back", true));
    let late = decided(baking.clone(), &now, 28);
    assert_eq!(shown(&late), ("hold", vec!["held analysis-outdated".to_owned()], false));
    assert_eq!(late.say[0].plan["operation"], "d");
    assert_eq!(shown(&decided(late.work, &now, 29)), silent("end", false), "asked once");
    // A stop kept it from being made, and was lifted much later.
    let mut stopped = decided(baking, &now, 20);
    let act = stopped.act.take().unwrap();
    crate::tell::concluded(&mut stopped.work, service().as_str(), &act, &Outcome::Stopped(at(5)), at(20));
    assert_eq!(shown(&decided(stopped.work, &now, 2_900)).1, ["held analysis-outdated"]);
}

#[test]
fn what_comes_after_our_update_does_not_end_its_hold_unless_it_is_an_update() {
    let before = operation("d", UpdateService, RollbackFailed, 0);
    let ours_ended = operation("r", UpdateService, Succeeded, 9);
    for (kind, status, configured, said) in [
        (StartDeployment, Succeeded, "@sha256:aa", "succeeded verified"),
        (StartDeployment, RollbackFailed, "@sha256:aa", "succeeded verified"),
        (ResumeService, Succeeded, "@sha256:aa", "succeeded verified"),
        (UpdateService, RollbackSucceeded, "@sha256:aa", "succeeded verified"),
        (UpdateService, RollbackSucceeded, ":v9", "skipped someone-else-acted"),
        (UpdateService, Failed, ":v9", "skipped someone-else-acted"),
        (UpdateService, Succeeded, "@sha256:aa", "skipped someone-else-acted"),
    ] {
        let later = operation("e", kind.clone(), status.clone(), 12);
        let operations = [later, ours_ended.clone(), before.clone()];
        let now = Look { configuration: image(configured, &json!({})), ..look(&operations) };
        let plan = decided(ours(), &now, 13);
        assert_eq!(shown(&plan).1, [said], "{kind} {status} {configured}");
        assert_eq!(plan.work.hold.is_some(), said == "succeeded verified", "{kind} {status}");
        assert!(plan.open, "{kind} {status}: what came is looked at next");
        let next = decided(plan.work, &now, 30);
        let told: Vec<_> = next.say.iter().map(|say| say.reason).collect();
        match (kind, status) {
            (StartDeployment, Succeeded) => assert_eq!(told, ["nothing-new-deployed"]),
            (StartDeployment, RollbackFailed) => assert_eq!(next.decision, "roll-back"),
            _ => assert!(next.act.is_none() || configured == ":v9", "{next:?}"),
        }
    }
}

#[test]
fn an_update_that_fails_after_our_rollback_is_compared_with_what_we_left() {
    let operations = [
        operation("e", UpdateService, Failed, 20),
        operation("r", UpdateService, Succeeded, 9),
        operation("d", UpdateService, Succeeded, 0),
    ];
    for (ours, expected) in [(true, "roll-back"), (false, "skip")] {
        let work = Work {
            own: ours.then(|| id("r")).into_iter().collect(),
            dealt: Some(id("r")),
            ..Work::default()
        };
        let now = Look { configuration: image(":v9", &json!({})), ..look(&operations) };
        let plan = decided(work, &now, 30);
        assert_eq!(plan.decision, expected, "ours: {ours}: {}", plan.reason);
    }
}

#[test]
fn our_own_failure_is_never_a_failure_to_roll_back_from() {
    let operations =
        [operation("r", UpdateService, RollbackFailed, 9), operation("d", UpdateService, RollbackFailed, 0)];
    let now = Look { configuration: image(":v2", &json!({})), ..look(&operations) };
    let own = vec![id("r")];
    // Even where it is not known any more that it was dealt with.
    for dealt in ["d", "r", "c"] {
        let work = Work { own: own.clone(), dealt: Some(id(dealt)), ..Work::default() };
        assert_eq!(shown(&decided(work, &now, 600_000)), silent("end", false), "{dealt}");
    }
    // It is ours from the moment that it is made.
    let mut work = Work::default();
    let receipt = autopilot::mutation::Receipt { operation: Some(id("r")) };
    let act = ours().rolling.unwrap().act;
    crate::tell::concluded(&mut work, service().as_str(), &act, &Outcome::Made(receipt), at(6));
    assert_eq!(work.own, own);
}

#[test]
fn every_hold_has_steps_that_can_work() {
    let failed = || Look {
        configuration: image(":v2", &json!({})),
        ..look(&[operation("d", UpdateService, RollbackFailed, 0)])
    };
    let steps = |look: &Look| {
        let plan = decided(Work::default(), look, 9);
        assert_eq!(plan.decision, "hold", "{}", plan.reason);
        let steps: Vec<String> = serde_json::from_value(plan.say[0].plan["by_hand"].clone()).unwrap();
        assert!(!plan.say[0].summary.contains("By hand"), "they stand in the plan");
        steps.join("; ")
    };
    let gone = |image: Option<&str>, resource: Option<&str>| WayBack {
        version: 1,
        image_missing: image.map(str::to_owned),
        resource_missing: resource.map(str::to_owned),
    };
    let no_image = steps(&Look { way_back: Some(gone(Some("is gone"), None)), ..failed() });
    assert!(no_image.starts_with("Push 123456789012") && !no_image.contains("update-service"), "{no_image}");
    let no_connector = steps(&Look { way_back: Some(gone(None, Some("arn"))), ..failed() });
    assert!(
        no_connector.contains("Create the resource anew") && !no_connector.contains("command"),
        "{no_connector}"
    );
    let no_version = steps(&Look { versions: Versions::default(), ..failed() });
    assert!(no_version.contains("describe-service --service-arn arn:aws"), "{no_version}");
    let built = Look { configuration: code("1"), versions: known_good(code("1"), None), ..failed() };
    assert!(steps(&built).contains("Revert the commit"));

    // What only the gate keeps from being made.
    let act = decided(Work::default(), &failed(), 9).act.unwrap();
    for outcome in [Outcome::BudgetExhausted(at(99)), Outcome::Stopped(at(0)), Outcome::Refused("no".into())]
    {
        let says = crate::tell::concluded(&mut Work::default(), service().as_str(), &act, &outcome, at(9));
        let steps = says[0].plan["by_hand"].to_string();
        assert!(
            steps.contains("ImageIdentifier = \\\"123456789012") && steps.contains("@sha256:aa"),
            "{steps}"
        );
        assert!(!steps.contains("ImageRepositoryType"), "whichever registry it is in: {steps}");
    }
}
