//! A zone, a service and its successor in memory, and a hand in what Route 53 answers.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
};

use autopilot::{
    announcement::{Announcement, Topic},
    call::{Call, Handler},
    case::Case,
    desk::Desk,
    dns::{
        Batch, ChangeAction, ChangeId, ChangeStatus, HostedZone, HostedZoneId, RecordName, RecordSet,
        RecordType,
    },
    error::{Class, PortError},
    incident::IncidentId,
    memory::MemoryStore,
    mutation::Permit,
    ports::{Announce, DnsRead, DnsWrite},
    store::Record,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::others::Others;
use crate::{
    advance::{PARTITION, ShiftRecord, Shifts},
    decide::{Act, What, made},
    plan::Plan,
    records::{Lead, Weights, convert},
    shift::Shift,
    successor::Watched,
    world::Clients,
};

pub(super) const ZONE: &str = "Z0EXAMPLE";

/// What becomes of a batch.
#[derive(Clone)]
pub(super) enum Fate {
    /// It is made and answered.
    Made,
    /// It is made and its answer is lost.
    Unheard,
    /// Nothing is heard of it; it arrives when [`Sky::land`] says so.
    Delayed,
    /// It is refused wherever this name, or one below it, is in it.
    Refused { name: &'static str, code: &'static str },
    /// Route 53 does not answer.
    Down,
}

/// Everything that a shift asks and changes.
pub(super) struct Sky {
    pub(super) records: RefCell<Vec<RecordSet>>,
    pub(super) fate: RefCell<Fate>,
    /// Whether listings are answered.
    pub(super) readable: Cell<bool>,
    /// App Runner and the successor.
    pub(super) others: Others,
    pub(super) batches: Cell<usize>,
    delayed: RefCell<Vec<Batch>>,
    said: RefCell<Vec<Announcement>>,
}

impl Sky {
    /// The delayed batches arrive.
    pub(super) fn land(&self) -> Vec<bool> {
        let delayed = self.delayed.take();
        delayed.iter().map(|batch| self.apply(batch).is_ok()).collect()
    }

    /// Phase and reason of what was announced.
    pub(super) fn said(&self) -> Vec<String> {
        self.said.borrow().iter().map(|said| format!("{} {}", said.phase, said.reason)).collect()
    }

    /// Weights of a name's records, App Runner's first.
    pub(super) fn weights(&self, name: &str) -> Vec<Option<u8>> {
        let name: RecordName = name.parse().unwrap();
        let records = self.records.borrow();
        let mut own: Vec<&RecordSet> = records.iter().filter(|record| record.name == name).collect();
        own.sort_by_key(|record| record.set_identifier.clone());
        own.iter().map(|record| record.weight).collect()
    }

    /// Somebody else sets these weights.
    pub(super) fn edit(&self, name: &str, from: u8, to: u8) {
        let name: RecordName = name.parse().unwrap();
        for record in self.records.borrow_mut().iter_mut().filter(|record| record.name == name) {
            let is_from = record.set_identifier.as_deref() == Some("app-runner-service");
            record.weight = Some(if is_from { from } else { to });
        }
    }

    fn apply(&self, batch: &Batch) -> Result<(), PortError> {
        let mut after = self.records.borrow().clone();
        for change in &batch.changes {
            let found = after.iter().position(|record| *record == change.record);
            match (change.action, found) {
                (ChangeAction::Delete, Some(at)) => drop(after.remove(at)),
                (ChangeAction::Delete, None) => return Err(refused("InvalidChangeBatch", "not found")),
                (_, Some(_)) => return Err(refused("InvalidChangeBatch", "already exists")),
                (_, None) => after.push(change.record.clone()),
            }
        }
        *self.records.borrow_mut() = after;
        Ok(())
    }
}

fn refused(code: &str, message: &str) -> PortError {
    let error = PortError::new("route53:ChangeResourceRecordSets", Class::Permanent, message);
    PortError { code: Some(code.to_owned()), ..error }
}

fn unheard(call: &'static str) -> PortError {
    PortError::new(call, Class::Retryable, "no answer")
}

impl DnsRead for &Sky {
    async fn zone(&self, _: &HostedZoneId) -> Result<Option<HostedZone>, PortError> {
        Ok(None)
    }

    async fn records(
        &self,
        _: &HostedZoneId,
        names: &BTreeSet<RecordName>,
    ) -> Result<Vec<RecordSet>, PortError> {
        if !self.readable.get() {
            return Err(unheard("route53:ListResourceRecordSets"));
        }
        let records = self.records.borrow();
        Ok(records.iter().filter(|record| names.contains(&record.name)).cloned().collect())
    }

    async fn change_status(&self, _: &ChangeId) -> Result<ChangeStatus, PortError> {
        Ok(ChangeStatus::InSync)
    }
}

impl DnsWrite for &Sky {
    async fn change(&self, _: &Permit, _: &HostedZoneId, batch: &Batch) -> Result<ChangeId, PortError> {
        const CALL: &str = "route53:ChangeResourceRecordSets";
        self.batches.set(self.batches.get() + 1);
        let fate = self.fate.borrow().clone();
        match fate {
            Fate::Refused { name, code } => {
                let name: RecordName = name.parse().unwrap();
                if batch.changes.iter().any(|change| change.record.name.is_within(&name)) {
                    return Err(refused(code, "no"));
                }
            }
            Fate::Delayed => {
                self.delayed.borrow_mut().push(batch.clone());
                return Err(unheard(CALL));
            }
            Fate::Unheard => {
                self.apply(batch)?;
                return Err(unheard(CALL));
            }
            Fate::Down => {
                let error = PortError::new(CALL, Class::Retryable, "try later");
                return Err(PortError { code: Some("ServiceUnavailable".to_owned()), ..error });
            }
            Fate::Made => {}
        }
        self.apply(batch)?;
        Ok(ChangeId(format!("C{}", self.batches.get())))
    }
}

impl Announce for &Sky {
    async fn announce(&self, announcements: &[Announcement]) -> Vec<Result<(), PortError>> {
        self.said.borrow_mut().extend(announcements.iter().cloned());
        announcements.iter().map(|_| Ok(())).collect()
    }
}

pub(super) type Little<'a> = Shifts<
    Clients<&'a Sky, &'a Others, &'a Others, &'a Others, &'a Others, &'a Others>,
    MemoryStore,
    &'a Sky,
>;

/// A sky in which all is well.
pub(super) fn clear() -> Sky {
    Sky {
        records: RefCell::default(),
        fate: RefCell::new(Fate::Made),
        readable: Cell::new(true),
        others: Others::well(),
        batches: Cell::new(0),
        delayed: RefCell::default(),
        said: RefCell::default(),
    }
}

/// The function under it.
pub(super) fn under(sky: &Sky) -> Little<'_> {
    Shifts {
        world: Clients {
            dns: sky,
            apprunner: &sky.others,
            balancing: &sky.others,
            certificates: &sky.others,
            express: &sky.others,
            metrics: &sky.others,
        },
        desk: Desk {
            partition: PARTITION,
            topic: Topic::TrafficShift,
            state: MemoryStore::default(),
            bus: sky,
        },
    }
}

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// A CNAME that led to App Runner, its pair written at second 0.
fn opened(label: &str, changed: &Value) -> Shift {
    let mut plan = json!({
        "hosted_zone_id": ZONE, "record_name": format!("{label}.example.com"), "step_weights": [50, 100],
        "bake_time": "1m", "validation_time": "1h",
        "from": {"service_arn": format!("arn:aws:apprunner:us-east-1:123456789012:service/{label}/1")},
        "to": {"cname": "shop.elb.amazonaws.com",
               "target_group_arns": ["arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/shop/1"]},
    });
    for (name, value) in changed.as_object().unwrap() {
        plan[name] = value.clone();
    }
    let plan = Plan::read(Some(&plan)).unwrap();
    let record = RecordSet {
        name: plan.record_name.clone(),
        kind: RecordType::Cname,
        set_identifier: None,
        weight: None,
        ttl: Some(1),
        values: vec!["x.us-east-1.awsapprunner.com".to_owned()],
        alias: None,
        health_check_id: None,
        rest: Vec::new(),
    };
    let lead = Lead { name: "shop.elb.amazonaws.com".parse().unwrap(), alias: None, either: false };
    let conversion = convert(&plan, Some(&lead), &[record]).unwrap();
    let watched = Watched {
        load_balancer: Some("arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/shop/1".to_owned()),
        target_groups: plan.to.target_group_arns.clone(),
    };
    let mut shift = Shift::new(plan, conversion, watched, at(0));
    let act =
        Act { what: What::Begin, before: shift.original.clone(), after: shift.pairs.at(Weights::START) };
    made(&mut shift, &act, Some(ChangeId("C0".to_owned())), at(0));
    shift
}

impl Little<'_> {
    /// Shifts of these names, their pairs written at second 0.
    pub(super) async fn open(&self, labels: &[String], changed: &Value) {
        for label in labels {
            let shift = opened(label, changed);
            self.world.dns.records.borrow_mut().extend(shift.expected.clone());
            let key = self.desk.key(&format!("{ZONE} {label}.example.com"));
            let mut record: ShiftRecord = Record::load(&self.desk.state, key).await.unwrap();
            record.state = Case::opened(label, IncidentId::new(label), Some(shift));
            record.save(&self.desk.state).await.unwrap();
        }
    }

    pub(super) async fn minute(&self, second: i64) -> Value {
        let call = Call { request_id: String::new(), now: at(second) };
        self.handle(json!({"command": "tick"}), call).await.unwrap()
    }

    pub(super) async fn tell(&self, command: &str, label: &str, second: i64) -> Value {
        self.ask(json!({"command": command}), label, second).await
    }

    /// The same with `"force": true`.
    pub(super) async fn force(&self, command: &str, label: &str, second: i64) -> Value {
        self.ask(json!({"command": command, "force": true}), label, second).await
    }

    async fn ask(&self, mut command: Value, label: &str, second: i64) -> Value {
        let call = Call { request_id: String::new(), now: at(second) };
        command["record_name"] = format!("{label}.example.com").into();
        self.handle(command, call).await.unwrap()
    }

    /// The shift as it is remembered.
    pub(super) async fn record(&self, label: &str) -> ShiftRecord {
        let key = self.desk.key(&format!("{ZONE} {label}.example.com"));
        Record::load(&self.desk.state, key).await.unwrap()
    }

    pub(super) async fn shift(&self, label: &str) -> Shift {
        self.record(label).await.state.work.unwrap()
    }
}
