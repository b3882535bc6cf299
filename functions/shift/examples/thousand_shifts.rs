//! What 1,000 open shifts in 50 zones ask of Route 53, against the five requests a second that an account has:
//! `cargo run -p shift --example thousand_shifts`, and fewer of them, as JSON for `scripts/bench`. The time is Tokio's
//! paused clock, so only waiting for the pace counts.

#[path = "../src/advance/tests/others.rs"]
mod others;

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeSet, HashMap},
};

use autopilot::{
    announcement::{Announcement, Topic},
    call::{Call, Handler},
    case::Case,
    desk::Desk,
    dns::{
        AliasTarget, Batch, ChangeAction, ChangeId, ChangeStatus, HostedZone, HostedZoneId, RecordName,
        RecordSet, RecordType,
    },
    error::{Failure, PortError},
    incident::IncidentId,
    memory::MemoryStore,
    mutation::Permit,
    ports::{Announce, DnsRead, DnsWrite},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shift::{
    advance::{PARTITION, ShiftRecord, Shifts},
    decide::{Act, What, made},
    plan::Plan,
    records::{Lead, Weights, convert},
    shift::Shift,
    successor::Watched,
    world::{Clients, Paced},
};
use tokio::time::Instant;

use others::Others;

/// Zones, and shifts in each.
const SIZES: [(usize, usize); 5] = [(0, 0), (10, 5), (50, 1), (50, 5), (50, 20)];

/// Zones in memory that count what is asked of them.
#[derive(Default)]
struct Zones {
    records: RefCell<HashMap<HostedZoneId, Vec<RecordSet>>>,
    requests: Cell<usize>,
}

impl Zones {
    fn count(&self) {
        self.requests.set(self.requests.get() + 1);
    }
}

impl DnsRead for &Zones {
    async fn zone(&self, _: &HostedZoneId) -> Result<Option<HostedZone>, PortError> {
        Ok(None)
    }

    async fn records(
        &self,
        zone: &HostedZoneId,
        names: &BTreeSet<RecordName>,
    ) -> Result<Vec<RecordSet>, PortError> {
        self.count();
        let records = self.records.borrow();
        let found = records.get(zone).into_iter().flatten();
        Ok(found.filter(|record| names.contains(&record.name)).cloned().collect())
    }

    async fn change_status(&self, _: &ChangeId) -> Result<ChangeStatus, PortError> {
        self.count();
        Ok(ChangeStatus::InSync)
    }
}

impl DnsWrite for &Zones {
    async fn change(&self, _: &Permit, zone: &HostedZoneId, batch: &Batch) -> Result<ChangeId, PortError> {
        self.count();
        let mut records = self.records.borrow_mut();
        let records = records.entry(zone.clone()).or_default();
        for change in &batch.changes {
            match change.action {
                ChangeAction::Delete => records.retain(|record| *record != change.record),
                _ => records.push(change.record.clone()),
            }
        }
        Ok(ChangeId(format!("{zone} {}", self.requests.get())))
    }
}

struct Silence;

impl Announce for Silence {
    async fn announce(&self, announcements: &[Announcement]) -> Vec<Result<(), PortError>> {
        announcements.iter().map(|_| Ok(())).collect()
    }
}

type Bench<'a> = Shifts<
    Clients<Paced<&'a Zones, &'a Zones>, &'a Others, &'a Others, &'a Others, &'a Others, &'a Others>,
    MemoryStore,
    Silence,
>;

/// A shift of a name of its own, its pair written.
async fn open(bench: &Bench<'_>, zones: &Zones, zone: usize, name: usize) -> Result<(), Failure> {
    let (label, zone) = (format!("z{zone}n{name}"), format!("Z{zone}"));
    let plan = json!({
        "hosted_zone_id": zone, "record_name": format!("{label}.example.com"), "step_weights": [50, 100],
        "from": {"service_arn": format!("arn:aws:apprunner:us-east-1:123456789012:service/{label}/1")},
        "to": {"alias": {"dns_name": "shop.elb.amazonaws.com", "hosted_zone_id": "Z35SXDOTRQ7X7K"},
               "target_group_arns": ["arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/shop/1"]},
    });
    let plan = Plan::read(Some(&plan)).map_err(|errors| {
        errors.into_iter().next().map_or_else(|| Failure::Contended(label.clone()), Failure::Input)
    })?;
    let target = |name: &str| -> Result<AliasTarget, Failure> {
        let unread = |_| Failure::Contended(name.to_owned());
        Ok(AliasTarget {
            dns_name: name.parse().map_err(unread)?,
            hosted_zone_id: plan.hosted_zone_id.clone(),
            evaluate_target_health: false,
        })
    };
    let record = RecordSet {
        name: plan.record_name.clone(),
        kind: RecordType::A,
        set_identifier: None,
        weight: None,
        ttl: None,
        values: Vec::new(),
        alias: Some(target("x.us-east-1.awsapprunner.com")?),
        health_check_id: None,
        rest: Vec::new(),
    };
    let alias = target("shop.elb.amazonaws.com")?;
    let lead = Lead { name: alias.dns_name.clone(), alias: Some(alias), either: false };
    let conversion = convert(&plan, Some(&lead), &[record]).map_err(|_| Failure::Contended(label.clone()))?;
    let watched = Watched {
        load_balancer: Some("arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/shop/1".to_owned()),
        target_groups: plan.to.target_group_arns.clone(),
    };
    let mut shift = Shift::new(plan, conversion, watched, Timestamp::UNIX_EPOCH);
    let act =
        Act { what: What::Begin, before: shift.original.clone(), after: shift.pairs.at(Weights::START) };
    made(&mut shift, &act, None, Timestamp::UNIX_EPOCH);
    zones.records.borrow_mut().entry(shift.plan.hosted_zone_id.clone()).or_default().extend(act.after);
    let key = bench.desk.key(&format!("{zone} {label}.example.com"));
    let mut record: ShiftRecord = autopilot::store::Record::load(&bench.desk.state, key).await?;
    record.state = Case::opened(&label, IncidentId::new(&label), Some(shift));
    record.save(&bench.desk.state).await?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "it prints what it measured")]
#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Failure> {
    let mut sizes = Vec::new();
    for (count, names) in SIZES {
        sizes.push(ticks(count, names).await?);
    }
    println!("{}", json!(sizes)); // the last line; those before are metrics of the shifts
    Ok(())
}

/// What each kind of tick asks of Route 53.
async fn ticks(count: usize, names: usize) -> Result<Value, Failure> {
    let (zones, others) = (Zones::default(), Others::well());
    let bench = Shifts {
        world: Clients {
            dns: Paced::new(&zones, &zones),
            apprunner: &others,
            balancing: &others,
            certificates: &others,
            express: &others,
            metrics: &others,
        },
        desk: Desk {
            partition: PARTITION,
            topic: Topic::TrafficShift,
            state: MemoryStore::default(),
            bus: Silence,
        },
    };
    for zone in 0..count {
        for name in 0..names {
            open(&bench, &zones, zone, name).await?;
        }
    }
    let (mut now, mut ticks) = (Timestamp::UNIX_EPOCH, Vec::new());
    for what in [
        "before the first step",
        "all take the first step",
        "all are asked after",
        "all bake",
        "all fail once",
        "all turn back",
    ] {
        now += SignedDuration::from_secs(70);
        let failing = what.contains("fail") || what.contains("back");
        others.errors.set(Some(if failing { 500.0 } else { 0.0 }));
        let (before, start) = (zones.requests.get(), Instant::now());
        let call = Call { request_id: String::new(), now };
        bench.handle(json!({"command": "tick"}), call).await?;
        let seconds = start.elapsed().as_secs_f64();
        ticks.push(json!({"tick": what, "requests": zones.requests.get() - before, "seconds": seconds}));
    }
    let records = zones.records.borrow();
    let away = records
        .values()
        .flatten()
        .filter(|record| record.weight.is_some_and(|weight| weight != 0 && weight != 100));
    Ok(json!({"zones": count, "shifts": count * names, "ticks": ticks, "not_back": away.count()}))
}
