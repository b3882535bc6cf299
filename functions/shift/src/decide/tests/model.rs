//! Shifts in any stage, and what can be seen of them.

use autopilot::{
    analysis::{Analysis, CheckResult, Verdict},
    dns::{AliasTarget, ChangeId, ChangeStatus, RecordSet, RecordType},
    service::ServiceStatus,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::{FromSide, Seen};
use crate::{
    plan::Plan,
    records::{ALIAS_TTL, Lead, Weights, convert},
    shift::{Phase, Shift, Written},
    successor::Watched,
};

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// The standard plan with these fields changed.
pub(super) fn plan(changed: &Value) -> Plan {
    let mut plan = json!({
        "hosted_zone_id": "Z0EXAMPLE", "record_name": "app.example.com",
        "from": {"service_arn": "arn:aws:apprunner:us-east-1:123456789012:service/orders/8fe1"},
        "to": {"alias": {"dns_name": "my-alb.us-east-1.elb.amazonaws.com", "hosted_zone_id": "Z35SXDOTRQ7X7K"},
               "target_group_arns": ["arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/orders/6d0e"]},
    });
    for (name, value) in changed.as_object().unwrap() {
        plan[name] = value.clone();
    }
    Plan::read(Some(&plan)).unwrap()
}

fn alias(name: &str, zone: &str) -> AliasTarget {
    AliasTarget {
        dns_name: name.parse().unwrap(),
        hosted_zone_id: zone.parse().unwrap(),
        evaluate_target_health: true,
    }
}

/// A shift after so many steps, the newest of them everywhere and effective at second 60.
pub(super) fn running(plan: &Plan, steps: usize) -> Shift {
    let record = RecordSet {
        name: "app.example.com".parse().unwrap(),
        kind: RecordType::A,
        set_identifier: None,
        weight: None,
        ttl: None,
        values: Vec::new(),
        alias: Some(alias("x.us-east-1.awsapprunner.com", "Z01915732ZBZKC8D32TPT")),
        health_check_id: None,
        rest: Vec::new(),
    };
    let target = alias("my-alb.us-east-1.elb.amazonaws.com", "Z35SXDOTRQ7X7K");
    let lead = Lead { name: target.dns_name.clone(), alias: Some(target), either: false };
    let conversion = convert(plan, Some(&lead), &[record]).unwrap();
    let mut shift = Shift::new(plan.clone(), conversion, Watched::default(), at(0));
    shift.steps = steps;
    shift.weights = Weights::successor(plan.weight_after(steps));
    shift.expected = shift.pairs.at(shift.weights);
    shift.phase = if steps == 0 { Phase::Preparing } else { Phase::Progressing };
    let id = Some(ChangeId("c0".to_owned()));
    shift.written = Some(Written { id, at: at(0), insync_at: Some(at(0)), ttl: ALIAS_TTL });
    shift
}

pub(super) fn analysis(verdict: Verdict, check: &str) -> Analysis {
    let detail = format!("It says {verdict}.");
    Analysis::of(vec![CheckResult { name: check.to_owned(), verdict, detail, measured: None }])
}

pub(super) fn healthy() -> FromSide {
    FromSide::Read {
        status: ServiceStatus::Running,
        domain: Some("active".to_owned()),
        analysis: analysis(Verdict::Inconclusive, "error-share"),
    }
}

/// Records as expected, the change everywhere, App Runner well.
pub(super) fn seen(shift: &Shift, verdict: Verdict) -> Seen {
    Seen {
        records: shift.expected.clone(),
        change: Some(Ok(ChangeStatus::InSync)),
        analysis: analysis(verdict, "error-share"),
        from: healthy(),
        unready: None,
        domains_left: Vec::new(),
    }
}
