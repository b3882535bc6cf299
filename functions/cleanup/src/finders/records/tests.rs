use autopilot::{
    dns::AliasTarget,
    leftovers::{Ingress, IngressStatus, ListedService},
    period::Period,
};
use jiff::Timestamp;

use super::*;
use crate::settings::Policy;

fn cname(name: &str, target: &str) -> RecordSet {
    RecordSet {
        name: name.parse().unwrap(),
        kind: RecordType::Cname,
        set_identifier: None,
        weight: None,
        ttl: Some(300),
        values: vec![target.into()],
        alias: None,
        health_check_id: None,
        rest: Vec::new(),
    }
}

fn alias(name: &str, target: &str) -> RecordSet {
    let alias = AliasTarget {
        dns_name: target.parse().unwrap(),
        hosted_zone_id: "Z01915732ZBZKC8D32TPT".parse().unwrap(),
        evaluate_target_health: false,
    };
    RecordSet {
        kind: RecordType::A,
        ttl: None,
        values: Vec::new(),
        alias: Some(alias),
        ..cname(name, target)
    }
}

fn service(name: &str, status: ServiceStatus) -> ListedService {
    ListedService {
        arn: format!("arn:aws:apprunner:us-east-1:123456789012:service/{name}/8fe1").parse().unwrap(),
        status,
        url: Some(format!("{name}.us-east-1.awsapprunner.com")),
        updated_at: None,
    }
}

/// What is found of these records, by name.
fn found(records: Vec<RecordSet>, kept: &[&str]) -> Vec<Finding> {
    let private = Ingress {
        arn: "arn:aws:apprunner:us-east-1:123456789012:vpcingressconnection/in/1".into(),
        service: "arn:aws:apprunner:us-east-1:123456789012:service/private/8fe1".into(),
        status: IngressStatus::Available,
        endpoint: None,
        vpc: None,
        domain: Some("private.us-east-1.awsapprunner.com".into()),
        created_at: None,
    };
    let zone: HostedZoneId = "Z0EXAMPLE".parse().unwrap();
    let inventory = Inventory {
        services: vec![
            service("orders", ServiceStatus::Running),
            service("paused", ServiceStatus::Paused),
            service("deleted", ServiceStatus::Deleted),
        ],
        ingress: vec![private],
        records: records.into_iter().map(|record| (zone.clone(), record)).collect(),
        ..Inventory::default()
    };
    let policy = Policy {
        account: "123456789012".into(),
        region: "us-east-1".into(),
        grace: Period::days(7),
        minimum_age: Period::days(1),
        max_deletions: 5,
        max_share: "0.25".parse().unwrap(),
        hour_price: "0.01".parse().unwrap(),
    };
    let kept = kept.iter().map(|&id| id.to_owned()).collect();
    dangling(&inventory, Rules { policy: &policy, kept: &kept, now: Timestamp::UNIX_EPOCH }).collect()
}

#[test]
fn a_record_dangles_where_it_points_to_a_host_name_of_this_region_that_nothing_has() {
    for (target, dangles) in [
        ("gone.us-east-1.awsapprunner.com", true),
        ("GONE.us-east-1.awsapprunner.com.", true),
        ("deleted.us-east-1.awsapprunner.com", true),
        ("orders.us-east-1.awsapprunner.com", false),
        ("Orders.us-east-1.awsapprunner.com.", false),
        ("paused.us-east-1.awsapprunner.com", false),
        ("private.us-east-1.awsapprunner.com", false),
        ("gone.eu-west-1.awsapprunner.com", false),
        ("us-east-1.awsapprunner.com", false),
        ("gone.us-east-1.awsapprunner.com.example.org", false),
    ] {
        for record in [cname("www.example.com", target), alias("www.example.com", target)] {
            let (kind, verdicts) = (record.kind.clone(), found(vec![record], &[]));
            assert_eq!(verdicts.len(), usize::from(dangles), "{kind} {target}");
            assert!(verdicts.iter().all(|finding| finding.verdict == Verdict::Reported));
        }
    }
    let text =
        RecordSet { kind: RecordType::Txt, ..cname("a.example.com", "gone.us-east-1.awsapprunner.com") };
    assert_eq!(found(vec![text], &[]), [], "a text points nowhere");
}

#[test]
fn a_record_is_named_and_kept_by_zone_name_type_and_set() {
    let simple = cname("www.example.com", "gone.us-east-1.awsapprunner.com");
    let mut weighted = simple.clone();
    weighted.set_identifier = Some("old".into());
    let all = vec![simple, weighted];
    let ids = |kept: &[&str]| -> Vec<String> {
        found(all.clone(), kept).into_iter().map(|finding| finding.id).collect()
    };
    let (one, other) = ("Z0EXAMPLE/www.example.com/CNAME", "Z0EXAMPLE/www.example.com/CNAME/old");
    assert_eq!(ids(&[]), [one, other]);
    let about = found(all.clone(), &[])[0].facts.about.clone();
    assert_eq!(about.as_deref(), Some("points to gone.us-east-1.awsapprunner.com, which no service has"));
    assert_eq!(ids(&[one]), [other]);
    assert_eq!(ids(&[other]), [one]);
}

/// Route 53 deletes only what is repeated exactly.
#[test]
fn the_command_that_removes_a_record_repeats_it_exactly_or_is_not_given() {
    let target = "gone.us-east-1.awsapprunner.com";
    let mut whole = cname("www.example.com", target);
    whole.set_identifier = Some("old".into());
    whole.weight = Some(7);
    whole.health_check_id = Some("hc".into());
    let command = |record: &RecordSet| found(vec![record.clone()], &[])[0].facts.removal.clone();
    insta::assert_snapshot!(command(&whole).unwrap(), @r#"aws route53 change-resource-record-sets --hosted-zone-id Z0EXAMPLE --change-batch '{"Changes":[{"Action":"DELETE","ResourceRecordSet":{"HealthCheckId":"hc","Name":"www.example.com.","ResourceRecords":[{"Value":"gone.us-east-1.awsapprunner.com"}],"SetIdentifier":"old","TTL":300,"Type":"CNAME","Weight":7}}]}'"#);
    insta::assert_snapshot!(command(&alias("old.example.com", target)).unwrap(), @r#"aws route53 change-resource-record-sets --hosted-zone-id Z0EXAMPLE --change-batch '{"Changes":[{"Action":"DELETE","ResourceRecordSet":{"AliasTarget":{"DNSName":"gone.us-east-1.awsapprunner.com.","EvaluateTargetHealth":false,"HostedZoneId":"Z01915732ZBZKC8D32TPT"},"Name":"old.example.com.","Type":"A"}}]}'"#);
    let quoted = RecordSet { set_identifier: Some("it's".into()), ..whole.clone() };
    assert_eq!(command(&quoted), None, "a quote would end the shell's word");
    let region = serde_json::from_value(json!({"name": "Region", "content": "us-east-1"}));
    let rest = RecordSet { rest: region.into_iter().collect(), ..whole };
    assert_eq!(rest.rest.len(), 1);
    assert_eq!(command(&rest), None, "not all of it is known here");
}
