//! Route 53, as far as one zone's records go: reading them page by page, changing them in atomic batches, and asking
//! how far a change has come. Seeds and answers have the API's own shapes.

mod name;
mod record;
mod zone;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use self::name::{normalised, reversed};
use self::record::Record;
use self::zone::Zone;
use super::clock::Clock;
use super::error::ApiError;
use super::lock;
use super::protocol::Protocol;
use super::rest_xml::Route;
use super::service::Service;
use crate::aws::identity::fresh;

/// Records of one page at most, and where nothing is said.
const PAGE: usize = 300;

const ROUTES: &[Route] = &[
    Route {
        method: "GET",
        path: "/2013-04-01/hostedzone/{HostedZoneId}/rrset",
        query: &[
            ("name", "StartRecordName"),
            ("type", "StartRecordType"),
            ("identifier", "StartRecordIdentifier"),
            ("maxitems", "MaxItems"),
        ],
        operation: "ListResourceRecordSets",
    },
    Route {
        method: "POST",
        path: "/2013-04-01/hostedzone/{HostedZoneId}/rrset",
        query: &[],
        operation: "ChangeResourceRecordSets",
    },
    Route {
        method: "GET",
        path: "/2013-04-01/hostedzone/{HostedZoneId}",
        query: &[],
        operation: "GetHostedZone",
    },
    Route { method: "GET", path: "/2013-04-01/change/{Id}", query: &[], operation: "GetChange" },
];

/// When a change has reached all of Route 53's servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// So long after it was taken, by the sandbox's clock.
    After(SignedDuration),
    /// With the answer to this `GetChange`, counted from 1.
    AtPoll(u32),
}

/// Route 53 for one account.
pub struct Route53 {
    clock: Clock,
    state: Mutex<State>,
}

struct State {
    zones: Vec<Zone>,
    changes: Vec<Change>,
    health_checks: BTreeSet<String>,
    propagation: Propagation,
    page_size: usize,
    /// Requests a second, and when the last ones came.
    limit: Option<usize>,
    recent: VecDeque<Timestamp>,
}

/// A batch that was taken.
struct Change {
    id: String,
    submitted_at: Timestamp,
    comment: Option<String>,
    propagation: Propagation,
    polls: u32,
}

impl Route53 {
    pub(crate) fn new(clock: Clock) -> Self {
        let state = State {
            zones: Vec::new(),
            changes: Vec::new(),
            health_checks: BTreeSet::new(),
            propagation: Propagation::After(SignedDuration::from_millis(30)),
            page_size: PAGE,
            limit: None,
            recent: VecDeque::new(),
        };
        Self { clock, state: Mutex::new(state) }
    }

    /// Seeds a public hosted zone with its NS and SOA records.
    pub fn add_zone(&self, id: &str, name: &str) {
        lock(&self.state).zones.push(Zone::new(id, &normalised(name), false));
    }

    /// The same, for VPCs only.
    pub fn add_private_zone(&self, id: &str, name: &str) {
        lock(&self.state).zones.push(Zone::new(id, &normalised(name), true));
    }

    /// Seeds a health check that records may name.
    pub fn add_health_check(&self, id: &str) {
        lock(&self.state).health_checks.insert(id.to_owned());
    }

    /// Seeds a record in the shape of `ResourceRecordSet`, whatever else is at its name; one with the same name,
    /// type and identifier is replaced.
    pub fn put_record(&self, zone: &str, record: &Value) -> Result<(), ApiError> {
        let record = Record::read("UPSERT", record)?;
        lock(&self.state).zone_mut(zone)?.seed(record);
        Ok(())
    }

    /// A batch of `(action, ResourceRecordSet)` made by somebody else, with all of Route 53's checks.
    pub fn change(&self, zone: &str, changes: &[(&str, Value)]) -> Result<(), ApiError> {
        let one = |(action, record): &(&str, Value)| json!({ "Action": action, "ResourceRecordSet": record });
        let changes: Vec<Value> = changes.iter().map(one).collect();
        lock(&self.state).carry_out(zone, &json!({ "Changes": { "Change": changes } }))
    }

    /// Every record of a zone in Route 53's order, in the shape of `ResourceRecordSet`; every value is a text.
    pub fn records(&self, zone: &str) -> Vec<Value> {
        let state = lock(&self.state);
        let records = state.zone(zone).map(Zone::records).unwrap_or_default();
        records.iter().map(|record| record.shape().clone()).collect()
    }

    /// How long further changes are pending.
    pub fn set_propagation(&self, propagation: Propagation) {
        lock(&self.state).propagation = propagation;
    }

    /// Answers in pages of this size, though more were asked for.
    pub fn set_page_size(&self, size: usize) {
        lock(&self.state).page_size = size;
    }

    /// Refuses what exceeds this number of requests a second, which is 5 for a real account.
    pub fn set_requests_a_second(&self, limit: Option<usize>) {
        lock(&self.state).limit = limit;
    }

    fn change_records(&self, input: &Value) -> Result<Value, ApiError> {
        let zone = input["HostedZoneId"].as_str().unwrap_or_default();
        let mut state = lock(&self.state);
        state.carry_out(zone, &input["ChangeBatch"])?;
        let change = Change {
            id: format!("C{}", fresh().simple().to_string()[..20].to_uppercase()),
            submitted_at: self.clock.now(),
            comment: input["ChangeBatch"]["Comment"].as_str().map(str::to_owned),
            propagation: state.propagation,
            polls: 0,
        };
        let shown = json!({ "ChangeInfo": change.shown(false) });
        state.changes.push(change);
        Ok(shown)
    }

    fn get_change(&self, input: &Value) -> Result<Value, ApiError> {
        let id = input["Id"].as_str().unwrap_or_default();
        let mut state = lock(&self.state);
        let change = state.changes.iter_mut().find(|change| change.id == id).ok_or_else(|| {
            let problem = format!("Could not find resource with ID: {id}");
            ApiError::refused("NoSuchChange", problem).with_status(404)
        })?;
        change.polls += 1;
        let in_sync = match change.propagation {
            Propagation::After(time) => self.clock.now().duration_since(change.submitted_at) >= time,
            Propagation::AtPoll(poll) => change.polls >= poll,
        };
        Ok(json!({ "ChangeInfo": change.shown(in_sync) }))
    }
}

impl Change {
    fn shown(&self, in_sync: bool) -> Value {
        json!({
            "Id": format!("/change/{}", self.id),
            "Status": if in_sync { "INSYNC" } else { "PENDING" },
            "SubmittedAt": self.submitted_at.to_string(),
            "Comment": self.comment,
        })
    }
}

impl State {
    fn zone(&self, id: &str) -> Result<&Zone, ApiError> {
        self.zones.iter().find(|zone| zone.id == id).ok_or_else(|| no_zone(id))
    }

    fn zone_mut(&mut self, id: &str) -> Result<&mut Zone, ApiError> {
        self.zones.iter_mut().find(|zone| zone.id == id).ok_or_else(|| no_zone(id))
    }

    fn carry_out(&mut self, zone: &str, batch: &Value) -> Result<(), ApiError> {
        let zone = self.zones.iter_mut().find(|known| known.id == zone).ok_or_else(|| no_zone(zone))?;
        zone.change(batch, &self.health_checks)
    }

    /// Counts a request; too many a second are refused.
    fn admit(&mut self, now: Timestamp) -> Result<(), ApiError> {
        let Some(limit) = self.limit else { return Ok(()) };
        self.recent.retain(|at| now.duration_since(*at) < SignedDuration::from_secs(1));
        if self.recent.len() >= limit {
            return Err(ApiError::refused("Throttling", "Rate exceeded"));
        }
        self.recent.push_back(now);
        Ok(())
    }

    fn get_zone(&self, input: &Value) -> Result<Value, ApiError> {
        let zone = self.zone(input["HostedZoneId"].as_str().unwrap_or_default())?;
        let mut answer = json!({ "HostedZone": {
            "Id": format!("/hostedzone/{}", zone.id),
            "Name": zone.name,
            "CallerReference": "sandbox",
            "Config": { "PrivateZone": zone.private },
            "ResourceRecordSetCount": zone.records().len(),
        } });
        if zone.private {
            answer["VPCs"] = json!({ "VPC": [{ "VPCRegion": "us-east-1", "VPCId": "vpc-1" }] });
        } else {
            answer["DelegationSet"] = json!({ "NameServers": { "NameServer": ["ns-1.awsdns-01.org"] } });
        }
        Ok(answer)
    }

    fn list(&self, input: &Value) -> Result<Value, ApiError> {
        let refuse = |problem: &str| Err(ApiError::refused("InvalidInput", problem));
        let zone = self.zone(input["HostedZoneId"].as_str().unwrap_or_default())?;
        let start = |member: &str| input[member].as_str();
        let (name, kind, identifier) =
            (start("StartRecordName"), start("StartRecordType"), start("StartRecordIdentifier"));
        if kind.is_some() && name.is_none() || identifier.is_some() && kind.is_none() {
            return refuse(
                "Each of StartRecordIdentifier, StartRecordType and StartRecordName wants the next one.",
            );
        }
        let asked = match start("MaxItems").map(str::parse::<usize>) {
            None => PAGE,
            Some(Ok(asked)) if asked > 0 => asked,
            Some(_) => return refuse("MaxItems is not a number above 0"),
        };
        let size = asked.min(self.page_size).min(PAGE);
        let from = (
            name.map(|name| reversed(&normalised(name))).unwrap_or_default(),
            kind.unwrap_or_default().to_owned(),
            identifier.unwrap_or_default().to_owned(),
        );
        let records = zone.records();
        let first = records.partition_point(|record| record.sort_key() < from);
        let rest = &records[first..];
        let (page, next) = (&rest[..size.min(rest.len())], rest.get(size));
        let shown: Vec<&Value> = page.iter().map(Record::shape).collect();
        // An empty list is an empty element.
        let shown = if shown.is_empty() { json!("") } else { json!({ "ResourceRecordSet": shown }) };
        Ok(json!({
            "ResourceRecordSets": shown,
            "IsTruncated": next.is_some(),
            "MaxItems": asked,
            "NextRecordName": next.map(Record::name),
            "NextRecordType": next.map(Record::kind),
            "NextRecordIdentifier": next.and_then(Record::identifier),
        }))
    }
}

fn no_zone(id: &str) -> ApiError {
    ApiError::refused("NoSuchHostedZone", format!("No hosted zone found with ID: {id}")).with_status(404)
}

impl Service for Route53 {
    fn name(&self) -> &'static str {
        "route53"
    }

    fn protocol(&self) -> Protocol {
        Protocol::RestXml {
            signing_name: "route53",
            namespace: "https://route53.amazonaws.com/doc/2013-04-01/",
            routes: ROUTES,
            lists: &["Change", "ResourceRecord"],
        }
    }

    fn server_error(&self) -> &'static str {
        "InternalFailure"
    }

    fn call(&self, operation: &str, input: &Value) -> Result<Value, ApiError> {
        lock(&self.state).admit(self.clock.now())?;
        match operation {
            "ListResourceRecordSets" => lock(&self.state).list(input),
            "ChangeResourceRecordSets" => self.change_records(input),
            "GetChange" => self.get_change(input),
            "GetHostedZone" => lock(&self.state).get_zone(input),
            _ => Err(ApiError::refused("InvalidAction", format!("Could not find operation {operation}"))),
        }
    }
}
