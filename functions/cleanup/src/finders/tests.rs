use autopilot::{
    leftovers::{Connector, ListedService, MARK},
    period::Period,
};

use super::*;

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn policy() -> Policy {
    Policy {
        account: "123456789012".into(),
        region: "us-east-1".into(),
        grace: Period::days(7),
        minimum_age: Period::days(1),
        max_deletions: 5,
        max_share: "0.25".parse().unwrap(),
        hour_price: "0.01".parse().unwrap(),
    }
}

fn endpoint() -> Endpoint {
    Endpoint {
        id: "vpce-1".into(),
        service_name: "com.amazonaws.us-east-1.apprunner.requests".into(),
        kind: "Interface".into(),
        state: EndpointState::Available,
        vpc: "vpc-1".into(),
        owner: Some("123456789012".into()),
        requester_managed: false,
        created_at: Some(now() - SignedDuration::from_hours(25)),
        zones: 2,
        tags: BTreeMap::new(),
    }
}

fn judged(change: impl FnOnce(&mut Endpoint), referring: Option<&str>) -> Verdict {
    let (mut endpoint, policy, kept) = (endpoint(), policy(), BTreeSet::from(["vpce-kept".to_owned()]));
    change(&mut endpoint);
    judge_endpoint(&endpoint, referring, Rules { policy: &policy, kept: &kept, now: now() })
}

#[test]
fn an_endpoint_is_left_alone_for_each_of_these_reasons_and_is_an_orphan_for_none() {
    type Case = (fn(&mut Endpoint), Option<&'static str>, Never);
    let tagged: fn(&mut Endpoint, &str, &str) = |endpoint, key, value| {
        endpoint.tags.insert(key.into(), value.into());
    };
    let cases: [Case; 17] = [
        (
            |e| e.service_name.push('2'),
            None,
            Never::OtherService("com.amazonaws.us-east-1.apprunner.requests2".into()),
        ),
        (
            |e| e.service_name = "com.amazonaws.us-east-1.apprunner".into(),
            None,
            Never::OtherService("com.amazonaws.us-east-1.apprunner".into()),
        ),
        (
            |e| e.service_name = "com.amazonaws.us-west-2.apprunner.requests".into(),
            None,
            Never::OtherService("com.amazonaws.us-west-2.apprunner.requests".into()),
        ),
        (|e| e.service_name = String::new(), None, Never::OtherService(String::new())),
        (|e| e.kind = "Gateway".into(), None, Never::OtherKind("Gateway".into())),
        (|e| e.requester_managed = true, None, Never::RequesterManaged),
        (|e| e.owner = Some("999999999999".into()), None, Never::Foreign(Some("999999999999".into()))),
        (|e| e.owner = None, None, Never::Foreign(None)),
        (|e| e.state = EndpointState::Deleting, None, Never::State(EndpointState::Deleting)),
        (|e| e.state = "failed".into(), None, Never::State("failed".into())),
        (|e| drop(e.tags.insert(KEEP.into(), "true".into())), None, Never::Kept),
        (|e| drop(e.tags.insert(KEEP.into(), String::new())), None, Never::Kept),
        (|e| e.id = "vpce-kept".into(), None, Never::Kept),
        (|_| {}, Some("arn:…/in"), Never::Referred("arn:…/in".into())),
        (
            |e| e.created_at = Some(now() - SignedDuration::from_hours(23)),
            None,
            Never::Young(Some(now() - SignedDuration::from_hours(23))),
        ),
        (|e| e.created_at = None, None, Never::Young(None)),
        (|e| e.created_at = Some(Timestamp::MAX), None, Never::Young(Some(Timestamp::MAX))),
    ];
    for (change, referring, never) in cases {
        assert_eq!(judged(change, referring), Verdict::Never(never));
    }
    for (key, value) in [
        ("aws:cloudformation:stack-name", "net"),
        ("aws:servicecatalog:provisioningPrincipal", "x"),
        ("ManagedBy", "Terraform"),
        ("terraform_workspace", "prod"),
        ("pulumi:project", "net"),
    ] {
        assert_eq!(judged(|e| tagged(e, key, value), None), Verdict::Never(Never::StackOwned(key.into())));
    }
    assert_eq!(judged(|_| {}, None), Verdict::Orphan(Mark::Missing));
    assert_eq!(judged(|e| tagged(e, KEEP, "false"), None), Verdict::Orphan(Mark::Missing));
    assert_eq!(judged(|e| tagged(e, MARK, "soon"), None), Verdict::Orphan(Mark::Unreadable));
    assert_eq!(judged(|e| tagged(e, MARK, &now().to_string()), None), Verdict::Orphan(Mark::Since(now())));
}

#[test]
fn a_connection_protects_its_endpoint_in_every_status_but_deleted() {
    let service = service("orders", ServiceStatus::Running);
    for word in IngressStatus::KNOWN.iter().copied().chain(["A_LATER_WORD"]) {
        let connection = ingress(&service, word.into());
        let protected = references(&[connection]).contains_key("vpce-1");
        assert_eq!(protected, word != "DELETED", "{word}");
    }
}

fn service(name: &str, status: ServiceStatus) -> ListedService {
    ListedService {
        arn: format!("arn:aws:apprunner:us-east-1:123456789012:service/{name}/8fe1").parse().unwrap(),
        status,
        url: None,
        updated_at: Some(now() - SignedDuration::from_hours(49)),
    }
}

fn ingress(service: &ListedService, status: IngressStatus) -> Ingress {
    Ingress {
        arn: "arn:aws:apprunner:us-east-1:123456789012:vpcingressconnection/in/1".into(),
        service: service.arn.to_string(),
        status,
        endpoint: Some("vpce-1".into()),
        vpc: Some("vpc-1".into()),
        domain: None,
        created_at: Some(now() - SignedDuration::from_hours(25)),
    }
}

/// What is found of an ingress connection of this service, listed or not.
fn connection_found(listed: bool, status: ServiceStatus, of: IngressStatus) -> Option<Verdict> {
    let service = service("orders", status);
    let about = format!("of service {}, {of}", service.arn);
    let ingress = ingress(&service, of);
    let services = if listed { vec![service] } else { Vec::new() };
    let inventory = Inventory { services, ingress: vec![ingress], ..Inventory::default() };
    let (policy, kept) = (policy(), BTreeSet::new());
    let mut found = find(&inventory, Rules { policy: &policy, kept: &kept, now: now() });
    let finding = found.pop()?;
    assert_eq!((finding.facts.vpc.as_deref(), finding.facts.about), (Some("vpc-1"), Some(about)));
    Some(finding.verdict)
}

#[test]
fn a_connection_is_orphaned_with_its_service_and_reported_where_app_runner_gave_it_up() {
    use IngressStatus::{
        Available, Deleted, FailedCreation, FailedDeletion, PendingCreation, PendingDeletion,
    };
    for of in [Available, FailedCreation, FailedDeletion] {
        for (listed, status) in [(false, ServiceStatus::Running), (true, ServiceStatus::Deleted)] {
            assert_eq!(
                connection_found(listed, status, of.clone()),
                Some(Verdict::Orphan(Mark::InTable)),
                "{of}"
            );
        }
    }
    for of in [PendingCreation, PendingDeletion, Deleted] {
        assert_eq!(
            connection_found(false, ServiceStatus::Running, of.clone()),
            None,
            "{of} cannot be deleted"
        );
    }
    for status in [ServiceStatus::Running, ServiceStatus::Paused, ServiceStatus::DeleteFailed, "NEW".into()] {
        assert_eq!(connection_found(true, status.clone(), Available), None, "{status}");
        assert_eq!(
            connection_found(true, status.clone(), FailedDeletion),
            Some(Verdict::Reported),
            "{status}"
        );
    }
}

#[test]
fn a_connection_with_anything_of_another_account_or_region_is_left_alone() {
    for (part, other) in [("123456789012", "999999999999"), ("us-east-1", "eu-west-1"), ("apprunner", "x")] {
        for of_service in [false, true] {
            let mut ingress = ingress(&service("gone", ServiceStatus::Deleted), IngressStatus::Available);
            let arn = if of_service { &mut ingress.service } else { &mut ingress.arn };
            *arn = arn.replacen(part, other, 1);
            let inventory = Inventory { ingress: vec![ingress], ..Inventory::default() };
            let (policy, kept) = (policy(), BTreeSet::new());
            let found = find(&inventory, Rules { policy: &policy, kept: &kept, now: now() });
            assert_eq!(found, [], "{other}, of the service: {of_service}");
        }
    }
}

#[test]
fn what_counts_against_quotas_is_reported_only_once_it_is_old() {
    let connector = |name: &str, hours| Connector {
        arn: format!("arn:aws:apprunner:us-east-1:123456789012:vpcconnector/{name}/1/a"),
        created_at: Some(now() - SignedDuration::from_hours(hours)),
    };
    let (unused, used, young) = (connector("unused", 25), connector("used", 25), connector("young", 23));
    let mut fresh = service("fresh", ServiceStatus::CreateFailed);
    fresh.updated_at = Some(now() - SignedDuration::from_hours(47));
    let broken = service("broken", ServiceStatus::CreateFailed);
    let inventory = Inventory {
        services: vec![broken.clone(), fresh, service("well", ServiceStatus::Running)],
        used_connectors: BTreeSet::from([used.arn.clone()]),
        connectors: vec![unused.clone(), used, young],
        ..Inventory::default()
    };
    let (policy, kept) = (policy(), BTreeSet::new());
    let found = find(&inventory, Rules { policy: &policy, kept: &kept, now: now() });
    let found: Vec<_> =
        found.into_iter().map(|found| (found.id, found.kind, found.facts.about, found.verdict)).collect();
    let about = |text: &str| Some(text.to_owned());
    assert_eq!(
        found,
        [
            (unused.arn, Kind::Connector, about("no service uses it"), Verdict::Reported),
            (
                broken.arn.to_string(),
                Kind::FailedService,
                about("CREATE_FAILED since 2026-11-19T11:00:00Z"),
                Verdict::Reported
            ),
        ]
    );
}
