use autopilot::{
    balancing::{
        Certificate, CertificateStatus, Listener, ListenerRule, LoadBalancer, LoadBalancerKind,
        Target as Host, TargetState,
    },
    dns::AliasTarget,
};
use serde_json::json;

use super::*;
use crate::successor::{Entrance, Group};

const GROUP: &str = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/orders/6d0e";
const BALANCER: &str = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/my-alb/50dc";

fn plan(health: bool) -> Plan {
    Plan::read(Some(&json!({
        "hosted_zone_id": "Z0EXAMPLE", "record_name": "app.example.com",
        "from": {"service_arn": "arn:aws:apprunner:us-east-1:123456789012:service/orders/8fe1"},
        "to": {"alias": {"dns_name": "my-alb.us-east-1.elb.amazonaws.com", "hosted_zone_id": "Z35SXDOTRQ7X7K",
                         "evaluate_target_health": health},
               "target_group_arns": [GROUP]},
        "alarms": ["checkout-5xx"],
    })))
    .unwrap()
}

fn record(kind: RecordType) -> RecordSet {
    RecordSet {
        name: "app.example.com".parse().unwrap(),
        kind,
        set_identifier: None,
        weight: None,
        ttl: None,
        values: Vec::new(),
        alias: Some(AliasTarget {
            dns_name: "x.us-east-1.awsapprunner.com".parse().unwrap(),
            hosted_zone_id: "Z01915732ZBZKC8D32TPT".parse().unwrap(),
            evaluate_target_health: true,
        }),
        health_check_id: None,
        rest: Vec::new(),
    }
}

fn rule(hosts: &[&str], is_default: bool) -> ListenerRule {
    ListenerRule {
        arn: "arn:rule".into(),
        is_default,
        hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        has_other_conditions: false,
        target_groups: if is_default { Vec::new() } else { vec![GROUP.into()] },
    }
}

fn host(state: TargetState) -> Host {
    Host { id: "10.0.0.4".into(), state, reason: None }
}

/// A situation in which everything is well.
fn well() -> Situation {
    let entrance = Entrance {
        listener: Listener { arn: "arn:listener".into(), port: Some(443), protocol: Some("HTTPS".into()) },
        rules: vec![rule(&["ex-1.ecs.us-east-1.on.aws", "app.example.com"], false), rule(&[], true)],
        certificates: vec![Certificate {
            arn: "arn:certificate".into(),
            status: CertificateStatus::Issued,
            names: vec!["example.com".into(), "*.example.com".into()],
        }],
    };
    Situation {
        zone: Ok(Some(HostedZone {
            id: "Z0EXAMPLE".parse().unwrap(),
            name: "example.com".parse().unwrap(),
            private: false,
        })),
        records: Ok(vec![record(RecordType::A)]),
        service: Ok(ServiceStatus::Running),
        domains: Ok(vec![domain("app.example.com", "active", false)]),
        successor: Successor {
            express: None,
            load_balancer: Some(LoadBalancer {
                arn: BALANCER.into(),
                dns_name: "my-alb.us-east-1.elb.amazonaws.com".parse().unwrap(),
                hosted_zone_id: "Z35SXDOTRQ7X7K".parse().unwrap(),
                kind: LoadBalancerKind::Application,
                scheme: Some("internet-facing".into()),
                state: Some("active".into()),
                dual_stack: false,
            }),
            groups: vec![Group {
                arn: GROUP.into(),
                load_balancers: vec![BALANCER.into()],
                hosts: Ok(vec![host(TargetState::Healthy), host(TargetState::Initial)]),
            }],
            neighbours: 0,
            entrances: vec![entrance],
            trouble: Vec::new(),
        },
        alarms: Ok(["checkout-5xx".to_owned()].into()),
        under_way: false,
    }
}

fn domain(name: &str, status: &str, www: bool) -> CustomDomain {
    CustomDomain { name: Some(name.into()), status: Some(status.into()), www, ..CustomDomain::default() }
}

#[test]
fn where_all_is_well_there_are_pairs() {
    let conversion = check(&plan(false), &well()).unwrap();
    assert_eq!(conversion.original, [record(RecordType::A)]);
    let mut both = well();
    both.records = Ok(vec![record(RecordType::A), record(RecordType::Aaaa)]);
    both.successor.load_balancer.as_mut().unwrap().dual_stack = true;
    assert_eq!(check(&plan(false), &both).unwrap().pairs.iter().count(), 2);
    assert!(check(&plan(true), &well()).is_ok(), "asking for health of a load balancer of one's own is fine");
}

/// What a check finds: how to break the situation, and how the error begins.
type Case = (fn(&mut Situation), &'static str);

const CASES: &[Case] = &[
    (|s| s.zone = Ok(None), "plan.hosted_zone_id: does not exist"),
    (|s| s.zone = Err("AccessDenied".into()), "plan.hosted_zone_id: could not be checked: AccessDenied"),
    (|s| s.zone.as_mut().unwrap().as_mut().unwrap().private = true, "plan.hosted_zone_id: is a private zone"),
    (
        |s| s.zone.as_mut().unwrap().as_mut().unwrap().name = "example.org".parse().unwrap(),
        "plan.record_name: app.example.com is no name of the zone example.org",
    ),
    (|s| s.records = Err("Throttling".into()), "plan.record_name: could not be checked: Throttling"),
    (|s| s.records = Ok(Vec::new()), "plan.record_name: has no record"),
    (
        |s| s.records.as_mut().unwrap().push(record(RecordType::Aaaa)),
        "plan.record_name: has an AAAA record and the load",
    ),
    (|s| s.service = Ok(ServiceStatus::Paused), "plan.from.service_arn: is PAUSED; expected RUNNING"),
    (
        |s| s.service = Ok(ServiceStatus::OperationInProgress),
        "plan.from.service_arn: is OPERATION_IN_PROGRESS",
    ),
    (|s| s.service = Err("no answer".into()), "plan.from.service_arn: could not be checked"),
    (|s| s.domains = Err("Throttling".into()), "plan.from.service_arn: could not be checked: Throttling"),
    (
        |s| (s.service, s.domains) = (Err("no answer".into()), Err("no answer".into())),
        "plan.from.service_arn: could not be checked: no answer",
    ),
    (|s| s.domains = Ok(Vec::new()), "plan.from.service_arn: app.example.com is no custom domain"),
    (
        |s| s.domains = Ok(vec![domain("app.example.com", "pending_certificate_dns_validation", false)]),
        "plan.from.service_arn: its custom domain app.example.com is pending_certificate_dns_validation",
    ),
    (|s| s.alarms = Ok([].into()), "plan.alarms: there is no alarm checkout-5xx in this account"),
    (|s| s.alarms = Err("AccessDenied".into()), "plan.alarms: could not be checked: AccessDenied"),
    (|s| s.under_way = true, "plan.record_name: is being shifted already"),
    (
        |s| s.successor.groups[0].hosts = Ok(vec![host(TargetState::Unhealthy)]),
        "plan.to.alias: no target is healthy",
    ),
    (
        |s| s.successor.groups[0].hosts = Err("AccessDenied".into()),
        "plan.to.target_group_arns[0]: could not be checked: AccessDenied",
    ),
    (
        |s| {
            let unread = Group {
                arn: "arn:another".into(),
                hosts: Err("AccessDenied".into()),
                ..s.successor.groups[0].clone()
            };
            s.successor.groups.insert(0, unread);
        },
        "plan.to.alias: could not be checked: AccessDenied",
    ),
    (
        |s| s.successor.load_balancer.as_mut().unwrap().state = Some("provisioning".into()),
        "plan.to.alias: the load balancer is provisioning; expected active",
    ),
    (
        |s| s.successor.load_balancer.as_mut().unwrap().dns_name = "other.elb.amazonaws.com".parse().unwrap(),
        "plan.to.alias.dns_name: is not the load balancer in front of the target groups",
    ),
    (
        |s| s.successor.load_balancer.as_mut().unwrap().hosted_zone_id = "Z1".parse().unwrap(),
        "plan.to.alias.hosted_zone_id: the load balancer's zone is Z1",
    ),
    (
        |s| s.successor.load_balancer.as_mut().unwrap().kind = LoadBalancerKind::Network,
        "plan.to.alias: is a load balancer of type network",
    ),
    (
        |s| s.successor.entrances[0].listener.protocol = Some("HTTP".into()),
        "plan.to.alias: the load balancer has no HTTPS listener",
    ),
    (|s| s.successor.entrances.clear(), "plan.to.alias: the load balancer has no HTTPS listener"),
    (
        |s| s.successor.entrances[0].rules[0] = rule(&["other.example.com"], false),
        "plan.to.alias: no HTTPS listener leads app.example.com to the target groups",
    ),
    (
        |s| s.successor.entrances[0].rules.insert(0, rule(&["*.example.com"], true)),
        "plan.to.alias: no HTTPS listener leads app.example.com to the target groups",
    ),
    (
        |s| s.successor.entrances[0].certificates[0].names = vec!["example.com".into()],
        "plan.to.alias: no certificate of the HTTPS listener covers app.example.com",
    ),
    (
        |s| s.successor.entrances[0].certificates[0].status = CertificateStatus::Expired,
        "plan.to.alias: no certificate of the HTTPS listener covers app.example.com",
    ),
    (
        |s| s.successor.trouble.push(FieldError::new("plan.to.target_group_arns[0]", "does not exist")),
        "plan.to.target_group_arns[0]: does not exist",
    ),
    // What may follow from that is not told on top.
    (
        |s| {
            s.successor.trouble.push(FieldError::new("plan.to.target_group_arns[0]", "does not exist"));
            s.successor.entrances.clear();
        },
        "plan.to.target_group_arns[0]: does not exist",
    ),
];

#[test]
fn each_check_finds_its_trouble_and_no_other_does() {
    for (break_it, expected) in CASES {
        let mut situation = well();
        break_it(&mut situation);
        let errors = check(&plan(false), &situation).unwrap_err();
        assert!(errors.len() == 1 && errors[0].to_string().starts_with(expected), "{expected}: {errors:?}");
    }
}

#[test]
fn the_first_rule_that_takes_the_name_whatever_else_is_asked_decides() {
    let elsewhere = || rule(&["app.example.com"], true);
    let beside = |rule: ListenerRule| ListenerRule { has_other_conditions: true, ..rule };
    for (rules, leads) in [
        (vec![rule(&["app.example.com"], false), elsewhere()], true),
        (vec![elsewhere(), rule(&["app.example.com"], false)], false),
        (vec![beside(elsewhere()), rule(&["app.example.com"], false)], true),
        (vec![beside(rule(&["app.example.com"], false)), elsewhere()], false),
        (vec![rule(&["other.example.com"], true), rule(&[], false)], true),
        (vec![rule(&["app.example.com"], false), rule(&[], true)], true),
        (vec![], false),
    ] {
        let mut situation = well();
        situation.successor.entrances[0].rules = rules;
        assert_eq!(check(&plan(false), &situation).is_ok(), leads, "{:?}", situation.successor.entrances);
    }
}

#[test]
fn ways_in_are_not_asked_for_where_something_else_stands_in_front() {
    let mut plan = plan(false);
    plan.to.target = Target::Cname("d111111abcdef8.cloudfront.net".parse().unwrap());
    let mut situation = well();
    let values = vec!["x.us-east-1.awsapprunner.com".to_owned()];
    situation.records =
        Ok(vec![RecordSet { ttl: Some(60), values, alias: None, ..record(RecordType::Cname) }]);
    situation.successor.entrances.clear();
    assert!(check(&plan, &situation).is_ok());
    plan.to.target = Target::Cname("my-alb.us-east-1.elb.amazonaws.com".parse().unwrap());
    let errors = check(&plan, &situation).unwrap_err();
    assert_eq!((errors.len(), errors[0].field.as_str()), (1, "plan.to.cname"));
}

#[test]
fn trouble_of_a_group_names_the_place_that_it_has_in_the_plan() {
    let mut plan = plan(false);
    plan.to.target_group_arns.insert(0, "arn:first".into());
    let mut situation = well();
    let first = Group {
        arn: "arn:first".into(),
        hosts: Err("AccessDenied".into()),
        ..situation.successor.groups[0].clone()
    };
    situation.successor.groups.push(first);
    let errors = check(&plan, &situation).unwrap_err();
    assert_eq!((errors.len(), errors[0].field.as_str()), (1, "plan.to.target_group_arns[0]"));
}

#[test]
fn all_checks_run_and_all_troubles_are_told() {
    let mut situation = well();
    situation.zone = Ok(None);
    situation.records = Ok(Vec::new());
    situation.service = Ok(ServiceStatus::Paused);
    situation.domains = Ok(Vec::new());
    situation.successor.entrances.clear();
    situation.under_way = true;
    assert_eq!(check(&plan(false), &situation).unwrap_err().len(), 6);
}

#[test]
fn target_health_of_a_shared_load_balancer_is_not_asked_for() {
    let mut shared = well();
    shared.successor.neighbours = 3;
    assert!(check(&plan(false), &shared).is_ok());
    let errors = check(&plan(true), &shared).unwrap_err();
    assert_eq!(errors[0].field, "plan.to.alias.evaluate_target_health");
}

#[test]
fn the_domain_that_covers_a_name_is_found() {
    let domains = [
        domain("example.com", "active", true),
        domain("*.example.com", "creating", false),
        domain("App.example.com", "deleting", false),
        domain("example.net", "active", false),
    ];
    for (name, status) in [
        ("example.com", Some("active")),
        ("www.example.com", Some("active")),
        ("app.example.com", Some("deleting")),
        ("x.example.com", Some("creating")),
        ("*.example.com", Some("creating")),
        ("a.b.example.com", None),
        ("example.org", None),
        ("example.net", Some("active")),
        ("www.example.net", None),
    ] {
        assert_eq!(status_of(&name.parse().unwrap(), &domains), status, "{name}");
    }
}
