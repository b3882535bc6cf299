//! What people are told.

use super::*;

/// The one message that a decision has.
fn told(case: &Case<Work>, seen: &Seen, minute: i64) -> String {
    let [say] = &decide(case, seen, &delays(), at(minute)).say[..] else { panic!("one message: {seen:?}") };
    say.summary.clone()
}

fn tried(tries: usize) -> Work {
    Work { tries, ..Work::default() }
}

#[test]
fn an_end_says_what_became_of_the_service() {
    let gone = Seen::gone(service(), Mode::On);
    let running = seen(ServiceStatus::Running, &[operation("c", UpdateService, Succeeded, 9)]);
    let by_another = [operation("x", DeleteService, Failed, 3), operation("c", CreateService, Failed, 0)];
    let by_another = seen(ServiceStatus::CreateFailed, &by_another);
    for (case, seen, minute, summary) in [
        (creation(tried(1)), &running, 9, "orders runs after the first try."),
        (creation(tried(2)), &running, 9, "orders runs after 2 tries."),
        (deletion(tried(1)), &gone, 9, "orders is deleted after the first try."),
        (deletion(tried(2)), &gone, 9, "orders is deleted after 2 tries."),
        (deletion(tried(0)), &gone, 9, "orders is deleted; it needed no second try."),
        (creation(tried(1)), &gone, 9, "orders is not built again: somebody deleted it."),
        (
            creation(tried(0)),
            &running,
            9,
            "orders is left alone: somebody else acted after its creation failed.",
        ),
        (
            creation(tried(0)),
            &by_another,
            9,
            "orders is left alone: somebody else acted after its creation failed.",
        ),
        (
            deletion(tried(1)),
            &running,
            9,
            "orders is left alone: somebody else acted after its deletion failed.",
        ),
        (
            creation(tried(0)),
            &failed(),
            24 * 60,
            "orders is left alone: its creation failed more than a day ago. The command retry tries again.",
        ),
        (
            deletion(tried(0)),
            &undeleted(&[]),
            24 * 60,
            "orders is left alone: its deletion failed more than a day ago. The command retry tries again.",
        ),
    ] {
        assert_eq!(told(&case, seen, minute), summary);
    }
}

#[test]
fn it_runs_by_our_doing_only_if_our_last_try_succeeded() {
    let others = [operation("x", UpdateService, Succeeded, 9), operation("c", UpdateService, Failed, 6)];
    for (tries, operations, ours) in [
        (1, &[operation("c", UpdateService, Succeeded, 9)][..], true),
        (0, &[operation("c", UpdateService, Succeeded, 9)], false),
        (1, &others, false),
        // App Runner forgets old operations.
        (1, &others[..1], true),
        (0, &others[..1], false),
    ] {
        let expected = if ours { "succeeded running" } else { "skipped someone-else-acted" };
        let running = seen(ServiceStatus::Running, operations);
        assert_eq!(plan(&creation(tried(tries)), &running, 10), ends(expected), "{tries} {operations:?}");
    }
}

#[test]
fn a_hold_says_what_a_person_is_to_do() {
    let update = format!("aws apprunner update-service --service-arn {}", service());
    let delete = format!("aws apprunner delete-service --service-arn {}", service());
    let unblock =
        "aws apprunner delete-vpc-ingress-connection --vpc-ingress-connection-arn ingress".to_owned();
    let unblocked = deletion(Work { removals: [5, 10, 25].map(at).to_vec(), ..Work::default() });
    for (case, seen, what, steps) in [
        (creation(tried(3)), failed(), "creation failed again after 3 tries", vec![&update]),
        (deletion(tried(3)), undeleted(&[]), "deletion failed again after 3 tries", vec![&delete]),
        (
            deletion(tried(3)),
            undeleted(&["PENDING_DELETION"]),
            "deletion failed again after 3 tries",
            vec![&delete],
        ),
        (
            unblocked,
            undeleted(&["AVAILABLE"]),
            "deletion failed again after 3 tries",
            vec![&unblock, &delete],
        ),
    ] {
        let plan = decide(&case, &seen, &delays(), at(60));
        assert_eq!(plan.say[0].plan, json!({"action": "hold", "by_hand": steps}));
        let steps: Vec<_> = steps.into_iter().map(String::as_str).collect();
        let steps = steps.join(", and then ");
        let summary = format!("orders is left as it is: its {what}. Now it is for a person: {steps}");
        assert_eq!(plan.say[0].summary, summary);
    }
    let once = Delays(vec![Period::minutes(5)]);
    let said = decide(&creation(tried(1)), &failed(), &once, at(60)).say;
    assert!(said[0].summary.contains("failed again after the first try."), "{}", said[0].summary);

    let quota = Verdict { would_free: vec!["old".into(), "older".into()], ..verdict(false, true) };
    let why = "orders is not built again, since no rebuild mends image-pull-denied. Give the role access.";
    let count = " These services failed to be created and count against the quota until they are deleted: ";
    for (cause, summary) in
        [(verdict(false, true), why.to_owned()), (quota, format!("{why}{count}old, older."))]
    {
        assert_eq!(told(&creation(tried(0)), &Seen { cause: Some(cause), ..failed() }, 0), summary);
    }
}

#[test]
fn an_act_says_which_try_it_is_and_why() {
    let (rebuild, delete, remove) = (Act::Rebuild, Act::Delete, Act::RemoveIngress("ingress".to_owned()));
    let (known, unknown) = (Some(verdict(true, true)), Some(Verdict::unknown(None, at(0))));
    let build = "Began to build orders again without a change: try 2 of 3";
    let passes = "; its creation failed for a cause that passes by itself.";
    let nobody_knows = "; nothing shows why its creation failed.";
    for (act, cause, requested, reason, summary) in [
        (&rebuild, &known, false, "transient", format!("{build}{passes}")),
        (&rebuild, &unknown, false, "cause-unknown", format!("{build}{nobody_knows}")),
        (&rebuild, &None, false, "cause-unknown", format!("{build}{nobody_knows}")),
        (&rebuild, &known, true, "requested", format!("{build}, as a person asked.")),
        (&delete, &None, false, "retry-deletion", "Began to delete orders again: try 2 of 3.".to_owned()),
        (
            &delete,
            &None,
            true,
            "requested",
            "Began to delete orders again: try 2 of 3, as a person asked.".to_owned(),
        ),
        // As docs/announcements.md has it, whoever asked.
        (
            &remove,
            &None,
            true,
            "retry-deletion",
            "Began to delete ingress, which keeps orders from being deleted: try 2 of 3.".to_owned(),
        ),
    ] {
        let mut work = Work { cause: cause.clone(), requested, ..tried(1) };
        let made = Outcome::Made(Receipt { operation: None });
        let said = concluded(&mut work, service().as_str(), act, &made, &delays(), at(9));
        assert_eq!((said[0].reason, &said[0].summary), (reason, &summary));
        assert_eq!((work.requested, said.len()), (false, 1), "what was asked for is answered: {act:?}");
    }
}
