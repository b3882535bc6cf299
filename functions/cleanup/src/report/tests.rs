use super::*;
use crate::state::Facts;

fn at(day: u32) -> Timestamp {
    format!("2026-11-{day:02}T12:00:00Z").parse().unwrap()
}

fn policy() -> Policy {
    Policy {
        account: "123456789012".into(),
        region: "us-east-1".into(),
        grace: autopilot::period::Period::days(7),
        minimum_age: autopilot::period::Period::days(1),
        max_deletions: 5,
        max_share: "0.25".parse().unwrap(),
        hour_price: "0.013".parse().unwrap(),
    }
}

fn sighting(kind: Kind, standing: Standing) -> Sighting {
    let endpoint = Facts { vpc: Some("vpc-1".into()), zones: 2, ..Facts::default() };
    let facts = if kind == Kind::Endpoint {
        endpoint
    } else {
        Facts { about: Some("as it is".into()), removal: Some("remove it".into()), ..Facts::default() }
    };
    Sighting { standing, ..Sighting::new(kind, facts, at(1)) }
}

fn memory(sightings: impl IntoIterator<Item = (String, Sighting)>) -> Memory {
    Memory { resources: sightings.into_iter().collect(), ..Memory::default() }
}

/// Every standing that there is.
fn standings() -> Vec<Standing> {
    let why = || "the reason".to_owned();
    vec![
        Standing::Seen,
        Standing::WouldMark,
        Standing::Marked { since: at(2) },
        Standing::WouldDelete,
        Standing::Deleting,
        Standing::Deleted,
        Standing::DeletedInUse { by: "arn:in".into() },
        Standing::NotDeleted { why: why() },
        Standing::Withheld { why: why() },
        Standing::NotMarked { why: why() },
        Standing::NotUnmarked { because: "it is used".into(), why: why() },
        Standing::Unmarked { why: why() },
        Standing::StackOwned { tag: "aws:x".into() },
        Standing::Reported,
    ]
}

fn texts(say: &Say, of: &str) -> String {
    let texts = say.more[of].as_array().unwrap().iter().map(|text| text.as_str().unwrap());
    texts.collect::<Vec<_>>().join("\n")
}

fn report(memory: &mut Memory, over: Option<OverCap>) -> Option<Say> {
    of(memory, over, &policy(), at(3))
}

#[test]
fn each_standing_of_an_endpoint_has_its_line_the_most_telling_first_and_is_told_once() {
    let mut known = memory(
        standings()
            .into_iter()
            .zip(0..)
            .map(|(standing, number)| (format!("vpce-{number:x}"), sighting(Kind::Endpoint, standing))),
    );
    let say = report(&mut known, None).unwrap();
    insta::assert_snapshot!(texts(&say, "lines"), @r"
    Endpoint vpce-6 in vpc-1, 2 zones, about 18.98 USD a month: deleted, and arn:in began to use it in the moment before. That connection does not work: delete it, and create endpoint and connection anew.
    Endpoint vpce-7 in vpc-1, 2 zones, about 18.98 USD a month: could not be deleted: the reason. It is tried again tomorrow.
    Endpoint vpce-a in vpc-1, 2 zones, about 18.98 USD a month: no orphan any more (it is used), but its mark could not be taken away: the reason. It is tried again tomorrow; the mark no longer counts.
    Endpoint vpce-9 in vpc-1, 2 zones, about 18.98 USD a month: could not be marked (the reason): no ingress connection refers to it, seen since 2026-11-01 12:00 UTC. It is tried again tomorrow.
    Endpoint vpce-8 in vpc-1, 2 zones, about 18.98 USD a month: due, but not deleted: the reason.
    Endpoint vpce-5 in vpc-1, 2 zones, about 18.98 USD a month: deleted, which saves about 18.98 USD a month.
    Endpoint vpce-b in vpc-1, 2 zones, about 18.98 USD a month: no longer marked: the reason.
    Endpoint vpce-2 in vpc-1, 2 zones, about 18.98 USD a month: marked by somebody else: no ingress connection refers to it, seen since 2026-11-01 12:00 UTC. It is deleted after 2026-11-09 12:00 UTC unless it is used again or kept.
    Endpoint vpce-3 in vpc-1, 2 zones, about 18.98 USD a month: would be deleted: no ingress connection refers to it, seen since 2026-11-01 12:00 UTC. Dry run: nothing is changed.
    Endpoint vpce-1 in vpc-1, 2 zones, about 18.98 USD a month: would be marked: no ingress connection refers to it, seen since 2026-11-01 12:00 UTC. Dry run: nothing is changed.
    Endpoint vpce-c in vpc-1, 2 zones, about 18.98 USD a month: no ingress connection refers to it, seen since 2026-11-01 12:00 UTC, but its tag aws:x says that a stack or a tool owns it: remove it there.
    Endpoint vpce-d in vpc-1, 2 zones, about 18.98 USD a month: left over, seen since 2026-11-01 12:00 UTC.
    ");
    insta::assert_snapshot!(texts(&say, "next_steps"), @r"
    Keep: aws ec2 create-tags --resources vpce-8 vpce-2 vpce-3 vpce-1 --tags Key=apprunner-autopilot:keep,Value=true
    aws ec2 delete-vpc-endpoints --vpc-endpoint-ids vpce-7
    aws ec2 delete-tags --resources vpce-a --tags Key=apprunner-autopilot:orphaned-since
    ");
    insta::assert_snapshot!(say.summary, @"Leftovers of App Runner: 1 deleted-in-use, 1 not-deleted, 1 not-unmarked, 1 not-marked, 1 withheld, 1 deleted, 1 unmarked, 1 marked, 1 would-delete, 1 would-mark, 1 stack-owned, 1 left-over, which saves about 18.98 USD a month.");
    insta::assert_snapshot!(say.plan, @r#"{"action":"report","at":"2026-11-03T12:00:00Z","count":{"deleted":1,"deleted-in-use":1,"left-over":1,"marked":1,"not-deleted":1,"not-marked":1,"not-unmarked":1,"stack-owned":1,"unmarked":1,"withheld":1,"would-delete":1,"would-mark":1},"resources":["vpce-6","vpce-7","vpce-a","vpce-9","vpce-8","vpce-5","vpce-b","vpce-2","vpce-3","vpce-1","vpce-c","vpce-d"]}"#);
    assert_eq!((say.phase.clone(), say.reason), (Phase::Failed, "deleted-in-use"));
    assert_eq!(say.more["monthly_saving_usd"], json!(18.98));
    assert_eq!(known.freed_zones, 2, "only what was deleted and is not in use saves anything");
    assert_eq!(known.resources.len(), standings().iter().filter(|standing| !standing.is_final()).count());
    assert_eq!(report(&mut known, None), None, "nothing is new");
    assert_eq!(known.freed_zones, 2);
}

#[test]
fn what_is_no_endpoint_has_a_command_of_its_own() {
    let arn = |kind: Kind| kind.noun().to_lowercase().replace(' ', "-");
    let mut known = memory(
        [
            (Kind::Connector, Standing::Reported),
            (Kind::FailedService, Standing::Reported),
            (Kind::Record, Standing::Reported),
            (Kind::Ingress, Standing::Reported),
        ]
        .map(|(kind, standing)| (arn(kind), sighting(kind, standing))),
    );
    for (number, standing) in standings().into_iter().enumerate() {
        if !matches!(
            standing,
            Standing::Reported | Standing::NotUnmarked { .. } | Standing::StackOwned { .. }
        ) {
            known.resources.insert(format!("connection-{number:02}"), sighting(Kind::Ingress, standing));
        }
    }
    let say = report(&mut known, None).unwrap();
    insta::assert_snapshot!(texts(&say, "lines"), @r"
    VPC ingress connection connection-06, as it is: deleted, and arn:in began to use it in the moment before. That connection does not work: delete it, and create endpoint and connection anew.
    VPC ingress connection connection-07, as it is: could not be deleted: the reason. It is tried again tomorrow.
    VPC ingress connection connection-09, as it is: could not be marked (the reason): its service is gone, seen since 2026-11-01 12:00 UTC. It is tried again tomorrow.
    VPC ingress connection connection-08, as it is: due, but not deleted: the reason.
    VPC ingress connection connection-05, as it is: deleted.
    VPC ingress connection connection-11, as it is: no longer marked: the reason.
    VPC ingress connection connection-02, as it is: marked by somebody else: its service is gone, seen since 2026-11-01 12:00 UTC. It is deleted after 2026-11-09 12:00 UTC unless it is used again or kept.
    VPC ingress connection connection-03, as it is: would be deleted: its service is gone, seen since 2026-11-01 12:00 UTC. Dry run: nothing is changed.
    VPC ingress connection connection-01, as it is: would be marked: its service is gone, seen since 2026-11-01 12:00 UTC. Dry run: nothing is changed.
    Failed service failed-service, as it is: left over, seen since 2026-11-01 12:00 UTC.
    Record record, as it is: left over, seen since 2026-11-01 12:00 UTC.
    VPC connector vpc-connector, as it is: left over, seen since 2026-11-01 12:00 UTC.
    VPC ingress connection vpc-ingress-connection, as it is: left over, seen since 2026-11-01 12:00 UTC.
    ");
    insta::assert_snapshot!(texts(&say, "next_steps"), @r#"
    aws apprunner delete-vpc-ingress-connection --vpc-ingress-connection-arn connection-07
    Keep: invoke cleanup with {"command":"keep","resource":"connection-08"}
    Keep: invoke cleanup with {"command":"keep","resource":"connection-02"}
    Keep: invoke cleanup with {"command":"keep","resource":"connection-03"}
    Keep: invoke cleanup with {"command":"keep","resource":"connection-01"}
    aws apprunner delete-service --service-arn failed-service
    remove it
    aws apprunner delete-vpc-connector --vpc-connector-arn vpc-connector
    aws apprunner delete-vpc-ingress-connection --vpc-ingress-connection-arn vpc-ingress-connection
    "#);
    assert_eq!(say.more["monthly_saving_usd"], json!(0.0), "a connection costs nothing");
}

#[test]
fn one_piece_of_news_is_the_summary_itself() {
    for (zones, marked, line) in [
        (1, None, "1 zone, about 9.49 USD a month: marked by somebody else"),
        (3, Some(at(1)), "3 zones, about 28.47 USD a month: marked by apprunner-autopilot"),
    ] {
        let mut only = sighting(Kind::Endpoint, Standing::Marked { since: at(2) });
        only.facts.zones = zones;
        only.marked = marked;
        let say = report(&mut memory([("vpce-1".to_owned(), only)]), None).unwrap();
        assert_eq!(
            say.summary,
            format!(
                "Endpoint vpce-1 in vpc-1, {line}: no ingress connection refers to it, seen since 2026-11-01 12:00 \
                 UTC. It is deleted after 2026-11-09 12:00 UTC unless it is used again or kept."
            )
        );
        assert_eq!(texts(&say, "lines"), say.summary);
    }
}

#[test]
fn a_report_lists_a_hundred_and_counts_the_rest() {
    for (news, listed, more, keeps) in [
        (99, 99, None, 5),
        (100, 100, None, 5),
        (101, 100, Some("And 1 more: the command status lists them."), 5),
        (250, 100, Some("And 150 more: the command status lists them."), 5),
        (20, 20, None, 1),
        (21, 21, None, 2),
    ] {
        let mut known = memory((0..news).map(|number| {
            (format!("vpce-{number:03}"), sighting(Kind::Endpoint, Standing::Marked { since: at(2) }))
        }));
        let say = report(&mut known, None).unwrap();
        assert_eq!(say.summary, format!("Leftovers of App Runner: {news} marked."), "nothing is saved yet");
        let lines = texts(&say, "lines");
        let lines: Vec<&str> = lines.lines().collect();
        assert_eq!(lines.get(listed).copied(), more, "{news}");
        assert_eq!(lines.len(), listed + usize::from(more.is_some()), "{news}");
        assert_eq!(say.more["resources"].as_array().unwrap().len(), listed, "{news}");
        assert_eq!(say.plan["resources"].as_array().unwrap().len(), listed, "{news}");
        assert_eq!(say.plan["count"], json!({"marked": news}), "all are counted");
        assert_eq!(texts(&say, "next_steps").lines().count(), keeps, "IDs of 20 in a command: {news}");
        assert!(known.resources.values().all(|sighting| !sighting.is_news()), "{news}: all count as told");
    }
}

#[test]
fn a_hold_is_told_unless_something_failed_and_the_way_on_is_told_with_both() {
    let over = OverCap { due: 7, cap: 2 };
    let confirm = "Go on: invoke cleanup with {\"command\":\"run\",\"confirm\":7}";
    for (standing, reason, action) in [
        (Standing::NotDeleted { why: "no".into() }, "not-deleted", "report"),
        (Standing::DeletedInUse { by: "arn:in".into() }, "deleted-in-use", "report"),
        (Standing::NotMarked { why: "no".into() }, "over-cap", "hold"),
        (Standing::Marked { since: at(2) }, "over-cap", "hold"),
    ] {
        let mut known = memory([("vpce-1".to_owned(), sighting(Kind::Endpoint, standing))]);
        let say = report(&mut known, Some(over)).unwrap();
        assert_eq!((say.reason, &say.plan["action"]), (reason, &json!(action)));
        assert_eq!(texts(&say, "next_steps").lines().next(), Some(confirm), "{reason}");
        let held = action == "hold";
        assert_eq!(say.plan.get("due").is_some(), held, "{reason}: {}", say.plan);
        assert_eq!(say.plan.get("cap").is_some(), held, "{reason}: {}", say.plan);
        // What was not told yet is told by the next run.
        let next = report(&mut known, Some(over));
        assert_eq!(next.map(|say| say.reason), (!held).then_some("over-cap"));
        let other = report(&mut known, Some(OverCap { due: 8, cap: 2 })).unwrap();
        assert_eq!(
            other.summary,
            "Nothing was deleted: 8 resources are due and a run may delete 2. Send run with confirm 8 to go on."
        );
    }
}

#[test]
fn programs_read_since_when_until_when_and_what_it_costs() {
    let mut marked = sighting(Kind::Endpoint, Standing::Marked { since: at(2) });
    marked.marked = Some(at(2));
    insta::assert_snapshot!(entry("vpce-1", &marked, &policy()), @r#"{"delete_after":"2026-11-09T12:00:00Z","first_seen":"2026-11-01T12:00:00Z","kind":"endpoint","marked_by_autopilot":true,"monthly_cost_usd":18.98,"orphaned_since":"2026-11-02T12:00:00Z","resource":"vpce-1","vpc_id":"vpc-1"}"#);
    insta::assert_snapshot!(entry("arn:in", &sighting(Kind::Ingress, Standing::WouldMark), &policy()), @r#"{"first_seen":"2026-11-01T12:00:00Z","kind":"ingress","monthly_cost_usd":0.0,"resource":"arn:in"}"#);
}
