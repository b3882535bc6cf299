//! Each way to a wrong deletion, and that it is not taken: not when the endpoint is found, and not when it changes
//! after it was marked.

use anyhow::Result;
use autopilot_tests::messages::{alerts, assert_says};
use jiff::{SignedDuration, Timestamp};
use sandbox::{
    aws::{
        Fault, Options,
        apprunner::{IngressStatus, ServiceSpec},
        ec2::endpoints::EndpointSpec,
    },
    stage::Stage,
};
use serde_json::json;

use crate::{
    Now as _, assert_well, command, connect, due, endpoint, grace, is_marked, living, long_ago, mutations,
    report, run, stage, stage_with, told,
};

type Change = fn(&mut EndpointSpec);

/// What makes an endpoint none that may be deleted, and whether its mark may be taken away.
const NEVERS: [(&str, Change, bool); 12] = [
    ("the control plane's endpoint", |e| e.service = "com.amazonaws.us-east-1.apprunner".into(), false),
    ("of another Region", |e| e.service = "com.amazonaws.eu-west-1.apprunner.requests".into(), false),
    ("a longer name", |e| e.service = "com.amazonaws.us-east-1.apprunner.requests.x".into(), false),
    ("a gateway", |e| e.kind = "Gateway".into(), false),
    ("requester-managed", |e| e.requester_managed = true, false),
    ("of another account", |e| e.owner = "999999999999".into(), false),
    ("pending", |e| e.state = "pending".into(), false),
    ("kept by tag", |e| drop(e.tags.insert("apprunner-autopilot:keep".into(), "true".into())), true),
    (
        "kept by a word that is no true",
        |e| drop(e.tags.insert("apprunner-autopilot:keep".into(), "ja".into())),
        true,
    ),
    ("too young", |e| e.created_at = Timestamp::now_in_tests() - SignedDuration::from_mins(59), false),
    ("owned by a stack", |e| drop(e.tags.insert("aws:cloudformation:stack-name".into(), "net".into())), true),
    ("owned by Terraform", |e| drop(e.tags.insert("ManagedBy".into(), "Terraform".into())), true),
];

#[tokio::test]
async fn what_must_never_be_deleted_is_not_even_marked() -> Result<()> {
    let stage = stage().await?;
    for (number, (_, change, _)) in NEVERS.iter().enumerate() {
        let mut spec = endpoint(&format!("vpce-{number:03x}"));
        change(&mut spec);
        stage.account.ec2().add_endpoint(spec);
    }
    for _ in 0..2 {
        run(&stage).await?;
        grace().await;
    }
    assert_eq!((mutations(&stage), living(&stage).len()), (Vec::new(), NEVERS.len()), "{:?}", told(&stage));
    assert_well(&stage)
}

#[tokio::test]
async fn what_becomes_untouchable_after_the_mark_is_not_deleted() -> Result<()> {
    let stage = stage_with(&[("MaxDeletionShare", "1"), ("MaxDeletions", "100")], Options::default()).await?;
    let id = |number: usize| format!("vpce-{number:03x}");
    for number in 0..=NEVERS.len() {
        stage.account.ec2().add_endpoint(endpoint(&id(number)));
    }
    run(&stage).await?;
    for (number, (_, change, _)) in NEVERS.iter().enumerate() {
        assert!(is_marked(&stage, &id(number)));
        stage.account.ec2().change_endpoint(&id(number), change);
    }
    grace().await;
    run(&stage).await?;
    let there = living(&stage);
    for (number, (what, _, unmarked)) in NEVERS.iter().enumerate() {
        assert!(there.contains(&id(number)), "{what}: was deleted");
        assert_eq!(is_marked(&stage, &id(number)), !unmarked, "{what}");
    }
    assert!(!there.contains(&id(NEVERS.len())), "the one that stayed an orphan goes");
    assert_well(&stage)
}

#[tokio::test]
async fn a_connection_in_any_status_but_deleted_protects_its_endpoint() -> Result<()> {
    use IngressStatus::{
        Available, Deleted, FailedCreation, FailedDeletion, FailedUpdate, PendingCreation, PendingDeletion,
        PendingUpdate,
    };
    let stage = stage_with(&[("MaxDeletionShare", "1")], Options::default()).await?;
    let all = [
        Available,
        FailedCreation,
        FailedDeletion,
        FailedUpdate,
        PendingCreation,
        PendingDeletion,
        PendingUpdate,
        Deleted,
    ];
    for (number, status) in all.into_iter().enumerate() {
        crate::used_endpoint(&stage, &format!("vpce-{number:03x}"), status)?;
    }
    for _ in 0..2 {
        run(&stage).await?;
        grace().await;
    }
    let there: Vec<String> = (0..7).map(|number| format!("vpce-{number:03x}")).collect();
    assert_eq!(living(&stage), there, "only a DELETED connection protects nothing");
    assert_well(&stage)
}

#[tokio::test]
async fn a_failed_page_of_any_list_means_no_change_at_all() -> Result<()> {
    for (service, operation) in [
        ("ec2", "DescribeVpcEndpoints"),
        ("apprunner", "ListServices"),
        ("apprunner", "ListVpcIngressConnections"),
        ("apprunner", "DescribeVpcIngressConnection"),
        ("apprunner", "ListVpcConnectors"),
        ("apprunner", "DescribeService"),
        ("route53", "ListResourceRecordSets"),
    ] {
        let stage = stage_with(&[("HostedZoneIds", "Z0EXAMPLE")], Options::default()).await?;
        stage.account.route53().add_zone("Z0EXAMPLE", "example.com");
        stage.account.services().add_connector("unused", &["subnet-1"], &["sg-1"]);
        stage.account.ec2().add_endpoint(endpoint("vpce-0a1"));
        run(&stage).await?;
        grace().await;
        stage.account.ec2().add_endpoint(endpoint("vpce-0c3"));
        crate::used_endpoint(&stage, "vpce-0b2", IngressStatus::Available)?;
        let before = mutations(&stage).len();
        let denied = Fault::Refuse { code: "AccessDeniedException".into(), message: "not you".into() };
        if operation == "DescribeVpcEndpoints" {
            // The second of three pages.
            stage.account.ec2().set_page_size(1);
            stage.account.faults().next(service, operation, 1, Fault::Slow(std::time::Duration::ZERO));
        }
        stage.account.faults().next(service, operation, 1, denied);
        let answer = run(&stage).await?;
        assert_eq!((&answer["decision"], mutations(&stage).len()), (&json!("hold"), before), "{operation}");
        assert_eq!((living(&stage).len(), is_marked(&stage, "vpce-0c3")), (3, false), "{operation}");
        assert_eq!(report(&stage, "inventory-incomplete")?["phase"], "held");
        // Once everything can be read again, it goes on as if nothing had been.
        stage.account.faults().clear();
        run(&stage).await?;
        assert!(!living(&stage).contains(&"vpce-0a1".to_owned()), "{operation}");
        assert_well(&stage)?;
    }
    Ok(())
}

#[tokio::test]
async fn traffic_or_traffic_unknown_keeps_an_endpoint() -> Result<()> {
    let stage = due().await?;
    let denied = Fault::Refuse { code: "AccessDenied".into(), message: "not you".into() };
    stage.account.faults().next("cloudwatch", "GetMetricData", 1, denied);
    run(&stage).await?;
    assert_eq!((living(&stage).len(), is_marked(&stage, "vpce-0a1")), (1, true), "unknown: kept as it is");
    let at = Timestamp::now_in_tests();
    stage.account.cloudwatch().put_endpoint_bytes(&endpoint("vpce-0a1"), at, 1.0);
    run(&stage).await?;
    assert_eq!((living(&stage).len(), is_marked(&stage, "vpce-0a1")), (1, false), "one byte: in use");
    assert_eq!(told(&stage)[1..], [("progressed".to_owned(), "unmarked".to_owned())]);
    assert!(!mutations(&stage).contains(&"DeleteVpcEndpoints".to_owned()));
    assert_well(&stage)
}

#[tokio::test]
async fn a_mark_of_somebody_else_or_an_old_one_starts_the_grace_period_at_first_sight() -> Result<()> {
    let stage = stage_with(&[("GracePeriod", "1h")], Options::default()).await?;
    let ec2 = stage.account.ec2();
    ec2.add_endpoint(endpoint("vpce-0a1").tag(crate::MARK, &long_ago().to_string()));
    ec2.add_endpoint(endpoint("vpce-0b2").tag(crate::MARK, "yesterday"));
    for _ in 0..2 {
        run(&stage).await?;
    }
    assert_eq!((living(&stage).len(), mutations(&stage)), (2, vec!["CreateTags".to_owned()]));
    assert!(
        ec2.endpoint_tags("vpce-0b2")[crate::MARK].starts_with("20"),
        "what cannot be read is marked anew"
    );
    let lines = report(&stage, "marked")?["lines"].to_string();
    assert!(
        lines.contains("marked by somebody else") && lines.contains("marked by apprunner-autopilot"),
        "{lines}"
    );
    assert_well(&stage)
}

#[tokio::test]
async fn what_cannot_be_marked_is_told_once_and_marked_later() -> Result<()> {
    let stage = stage().await?;
    stage.account.ec2().add_endpoint(endpoint("vpce-0a1"));
    let denied = Fault::Refuse { code: "UnauthorizedOperation".into(), message: "not you".into() };
    stage.account.faults().next("ec2", "CreateTags", 2, denied);
    for _ in 0..2 {
        run(&stage).await?;
        grace().await;
    }
    command(&stage, json!({"command": "stop"})).await?;
    run(&stage).await?;
    assert_eq!(living(&stage), ["vpce-0a1"], "what bears no mark has no grace period behind it");
    let held = |told: Vec<(String, String)>| told.iter().filter(|(_, reason)| reason == "not-marked").count();
    assert_eq!(held(told(&stage)), 2, "each reason once: {:?}", told(&stage));
    assert_says(&report(&stage, "not-marked")?["summary"].to_string(), &["stopped by a person"]);
    command(&stage, json!({"command": "go"})).await?;
    run(&stage).await?;
    assert!(is_marked(&stage, "vpce-0a1"));
    assert_well(&stage)
}

#[tokio::test]
async fn dry_run_and_off_and_stop_change_nothing() -> Result<()> {
    let dry = stage_with(&[("CleanupMode", "dry-run")], Options::default()).await?;
    let off = stage_with(&[("CleanupMode", "off")], Options::default()).await?;
    let on = due().await?;
    for stage in [&dry, &off] {
        stage.account.ec2().add_endpoint(endpoint("vpce-0a1"));
        stage.account.ec2().add_endpoint(endpoint("vpce-0b2").tag(crate::MARK, &long_ago().to_string()));
    }
    for stage in [&dry, &off] {
        for _ in 0..2 {
            run(stage).await?;
            grace().await;
        }
        assert_eq!((mutations(stage), living(stage).len()), (Vec::new(), 2));
    }
    assert_eq!(
        told(&dry).iter().map(|(_, reason)| reason.as_str()).collect::<Vec<_>>(),
        ["marked", "would-delete"]
    );
    assert!(told(&off).is_empty() && off.account.requests().of("ec2", "DescribeVpcEndpoints").is_empty());
    let before = mutations(&on).len();
    command(&on, json!({"command": "run", "dry_run": true})).await?;
    assert_eq!(report(&on, "would-delete")?["mode"], "dry-run");
    command(&on, json!({"command": "stop"})).await?;
    run(&on).await?;
    assert_eq!((living(&on).len(), mutations(&on).len()), (1, before));
    assert_says(&report(&on, "withheld")?["summary"].to_string(), &["due, but not deleted", "stopped"]);
    command(&on, json!({"command": "go"})).await?;
    run(&on).await?;
    assert_eq!(living(&on), [""; 0], "the stop alone held it");
    assert_well(&on)
}

#[tokio::test]
async fn more_than_the_cap_is_not_deleted_until_a_person_confirms_the_number() -> Result<()> {
    let stage = stage().await?;
    for number in 0..8 {
        stage.account.ec2().add_endpoint(endpoint(&format!("vpce-{number:03x}")));
    }
    run(&stage).await?;
    grace().await;
    for confirm in [json!(null), json!(7)] {
        command(&stage, json!({"command": "run", "confirm": confirm})).await?;
        assert_eq!(living(&stage).len(), 8, "confirm {confirm}");
    }
    let held = report(&stage, "over-cap")?;
    assert_eq!((&held["plan"]["due"], &held["phase"]), (&json!(8), &json!("held")));
    assert_eq!(told(&stage).len(), 3, "the second hold has another cap: {:?}", told(&stage));
    // The same hold again, but with news.
    stage.account.ec2().add_endpoint(endpoint("vpce-0c1").tag("aws:cloudformation:stack-id", "net"));
    for _ in 0..2 {
        run(&stage).await?;
    }
    assert_eq!(told(&stage).len(), 4, "{:?}", told(&stage));
    let held = report(&stage, "over-cap")?;
    assert_eq!((&held["plan"]["due"], &held["plan"]["resources"]), (&json!(8), &json!(["vpce-0c1"])));
    assert!(alerts(&stage).last().is_some_and(|alert| alert.message.contains("remove it there")));
    let bad = command(&stage, json!({"command": "run", "confirm": "all"})).await?;
    assert_eq!((&bad["ok"], &bad["errors"][0]["field"]), (&json!(false), &json!("confirm")));
    command(&stage, json!({"command": "run", "confirm": 8})).await?;
    assert_eq!(living(&stage), ["vpce-0c1"]);
    assert_well(&stage)
}

#[tokio::test]
async fn what_a_person_keeps_by_command_is_kept_and_unmarked() -> Result<()> {
    let stage = due().await?;
    let kept = command(&stage, json!({"command": "keep", "resource": "vpce-0a1"})).await?;
    assert_eq!(
        kept["the_same_by_tag"],
        "aws ec2 create-tags --resources vpce-0a1 --tags Key=apprunner-autopilot:keep,Value=true"
    );
    run(&stage).await?;
    assert_eq!((living(&stage).len(), is_marked(&stage, "vpce-0a1")), (1, false));
    for bad in [
        json!({"command": "keep"}),
        json!({"command": "keep", "resource": "vpce-0a1; rm"}),
        json!({"command": "keep", "resource": 7}),
    ] {
        assert_eq!(command(&stage, bad).await?["errors"][0]["field"], "resource");
    }
    command(&stage, json!({"command": "keep", "resource": "vpce-0a1", "keep": false})).await?;
    run(&stage).await?;
    assert!(is_marked(&stage, "vpce-0a1"), "marked anew, with a grace period of its own");
    assert_well(&stage)
}

#[tokio::test]
async fn a_connection_whose_service_is_only_missing_from_the_list_is_kept() -> Result<()> {
    let stage = stage().await?;
    let connected =
        |stage: &Stage, service: &str| connect(stage, service, "vpce-0a1", IngressStatus::Available);
    stage.account.ec2().add_endpoint(endpoint("vpce-0a1"));
    // Of a service that is gone, and of one that is there.
    connected(
        &stage,
        "arn:aws:apprunner:us-east-1:123456789012:service/elsewhere/0123456789abcdef0123456789abcdef",
    );
    run(&stage).await?;
    let arn = stage.account.services().create(ServiceSpec::image("back", autopilot_tests::IMAGE))?;
    connected(&stage, &arn);
    grace().await;
    run(&stage).await?;
    assert!(!mutations(&stage).contains(&"DeleteVpcEndpoints".to_owned()));
    assert_eq!(mutations(&stage), ["DeleteVpcIngressConnection"], "the one whose service is gone");
    assert_well(&stage)
}
