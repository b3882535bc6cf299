//! Announcements: what a function of the autopilot planned or did, as events on the default bus.
//!
//! Contract: docs/announcements.md. Fields are only ever added. Other functions and users' own rules read
//! these events, so nothing here depends on who wrote them: unknown phases and reasons are carried.

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{
    control::Mode,
    error::{Failure, FieldError},
    event::{cut, found, required, text},
    incident::IncidentId,
    ports::Announce,
    store::{self, Record, StateRead, StateWrite, Written},
    words::aws_words,
};

/// `source` of every announcement.
pub const SOURCE: &str = "apprunner-autopilot";

/// Version of the schema of the event's detail.
pub const SCHEMA: u32 = 1;

aws_words! {
    /// Which function speaks: the event's detail-type.
    Topic {
        Rollback = "Autopilot Rollback",
        Rebuild = "Autopilot Rebuild",
        TrafficShift = "Autopilot Traffic Shift",
        Cleanup = "Autopilot Cleanup",
    }
}

aws_words! {
    /// Where the work stands.
    Phase {
        /// Dry run: what would be done.
        Planned = "planned",
        /// A mutation was made and more follows.
        Started = "started",
        /// A further mutation was made and more follows.
        Progressed = "progressed",
        /// Nothing is done until a person or the facts change.
        Held = "held",
        /// Rightly nothing to do.
        Skipped = "skipped",
        /// The good end.
        Succeeded = "succeeded",
        /// The bad end.
        Failed = "failed",
    }
}

impl Topic {
    /// The function that speaks, as metrics name it.
    pub fn function(&self) -> &str {
        match self {
            Self::Rollback => "rollback",
            Self::Rebuild => "rebuild",
            Self::TrafficShift => "shift",
            Self::Cleanup => "cleanup",
            Self::Other(name) => name,
        }
    }
}

/// One announcement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Announcement {
    /// Which function speaks. Travels as the event's detail-type, not in its detail.
    #[serde(rename = "detail-type")]
    pub topic: Topic,
    /// The incident and a sequence number; consumers drop a repeated one.
    pub announcement_id: String,
    /// The incident, the same from its first announcement to its last.
    pub incident_id: IncidentId,
    /// Where the work stands.
    pub phase: Phase,
    /// Why, as a machine word of docs/announcements.md.
    pub reason: String,
    /// One sentence for people.
    pub summary: String,
    /// The service's ARN, or whatever else it is about (a record name, an endpoint).
    pub subject: String,
    /// The mode under which it was decided.
    pub mode: Option<Mode>,
    /// When it was decided.
    pub time: Timestamp,
    /// The plan, as an object.
    pub plan: Value,
    /// What is particular to the function.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub more: Map<String, Value>,
}

impl Announcement {
    /// The event's detail.
    pub fn detail(&self) -> Value {
        let mut detail = self.more.clone();
        let subject = if self.subject.starts_with("arn:") && self.subject.contains(":apprunner:") {
            "service_arn"
        } else {
            "resource"
        };
        detail.insert("schema".into(), SCHEMA.into());
        detail.insert("announcement_id".into(), self.announcement_id.clone().into());
        detail.insert("incident_id".into(), self.incident_id.to_string().into());
        detail.insert("phase".into(), self.phase.as_str().into());
        detail.insert("reason".into(), self.reason.clone().into());
        detail.insert("summary".into(), self.summary.clone().into());
        detail.insert(subject.into(), self.subject.clone().into());
        detail.insert("mode".into(), self.mode.map_or(Value::Null, |mode| mode.as_str().into()));
        detail.insert("plan".into(), self.plan.clone());
        detail.insert("time".into(), self.time.to_string().into());
        Value::Object(detail)
    }

    /// Reads an event's detail; an error names the field.
    pub fn from_event(detail_type: &str, detail: &Map<String, Value>) -> Result<Self, FieldError> {
        let field = |name: &str| required(detail, &format!("detail.{name}"), &[name]).map(str::to_owned);
        let time = field("time")?;
        let mode = text(detail, "detail.mode", &["mode"])?;
        let plan = match detail.get("plan") {
            None | Some(Value::Null) => Value::Object(Map::new()),
            Some(plan @ Value::Object(_)) => plan.clone(),
            Some(other) => {
                return Err(FieldError::new(
                    "detail.plan",
                    format!("expected an object, found {}", found(other)),
                ));
            }
        };
        Ok(Self {
            topic: Topic::from(detail_type),
            announcement_id: field("announcement_id")?,
            incident_id: IncidentId::new(field("incident_id")?),
            phase: Phase::from(field("phase")?),
            reason: field("reason")?,
            summary: field("summary")?,
            subject: required(detail, "detail.service_arn", &["service_arn", "resource"])?.to_owned(),
            mode: mode.and_then(|mode| mode.parse().ok()),
            time: time.parse().map_err(|_| {
                FieldError::new("detail.time", format!("expected an RFC 3339 time, found {:?}", cut(&time)))
            })?,
            plan,
            more: detail
                .iter()
                .filter(|(k, _)| !NAMED.contains(&k.as_str()))
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect(),
        })
    }
}

/// Sends what a record still has to announce, and clears what the bus took. What it did not take stays for the
/// next invocation. No claim is needed: consumers drop a repeated `announcement_id`.
pub async fn send_pending<S>(
    store: &(impl StateRead + StateWrite),
    bus: &impl Announce,
    record: &mut Record<S, Announcement>,
) -> Result<(), Failure>
where
    S: Serialize + DeserializeOwned + Default,
{
    let (numbers, announcements): (Vec<_>, Vec<_>) =
        record.outbox.entries.iter().map(|entry| (entry.number, entry.message.clone())).unzip();
    if announcements.is_empty() {
        return Ok(());
    }
    let answers = bus.announce(&announcements).await;
    let sent: Vec<_> =
        numbers.iter().zip(&answers).filter(|(_, answer)| answer.is_ok()).map(|(n, _)| *n).collect();
    record.outbox.settle(&sent);
    if record.save(store).await? == Written::Conflict {
        let settle = |record: &mut Record<S, Announcement>| record.outbox.settle(&sent);
        store::update(store, record.key.clone(), settle).await?;
    }
    answers.into_iter().find_map(Result::err).map_or(Ok(()), |error| Err(error.into()))
}

const NAMED: [&str; 11] = [
    "schema",
    "announcement_id",
    "incident_id",
    "phase",
    "reason",
    "summary",
    "service_arn",
    "resource",
    "mode",
    "plan",
    "time",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sample() -> Announcement {
        Announcement {
            topic: Topic::Rollback,
            announcement_id: "orders:0af3#2".into(),
            incident_id: IncidentId::new("orders:0af3"),
            phase: Phase::Started,
            reason: "native-rollback-failed".into(),
            summary: "Rolling orders back to version 4.".into(),
            subject: "arn:aws:apprunner:eu-west-1:123456789012:service/orders/8fe1".into(),
            mode: Some(Mode::On),
            time: "2026-11-21T10:00:00Z".parse().unwrap(),
            plan: json!({"version": 4}),
            more: json!({"attempt": 1}).as_object().unwrap().clone(),
        }
    }

    #[test]
    fn an_announcement_reads_back_as_it_was_written() {
        let detail = sample().detail();
        assert_eq!(detail["service_arn"], "arn:aws:apprunner:eu-west-1:123456789012:service/orders/8fe1");
        assert_eq!(detail["attempt"], 1);
        let read = Announcement::from_event("Autopilot Rollback", detail.as_object().unwrap()).unwrap();
        assert_eq!(read, sample());
    }

    /// A bus that takes only some entries, as `PutEvents` may.
    struct Picky {
        refuses: &'static [usize],
        taken: std::cell::RefCell<Vec<String>>,
    }

    impl Announce for Picky {
        async fn announce(&self, announcements: &[Announcement]) -> Vec<Result<(), crate::error::PortError>> {
            let put = |(index, announcement): (usize, &Announcement)| {
                if self.refuses.contains(&index) {
                    let class = crate::error::Class::Retryable;
                    return Err(crate::error::PortError::new(
                        "events:PutEvents",
                        class,
                        "ThrottlingException",
                    ));
                }
                self.taken.borrow_mut().push(announcement.announcement_id.clone());
                Ok(())
            };
            announcements.iter().enumerate().map(put).collect()
        }
    }

    #[tokio::test]
    async fn what_the_bus_refuses_stays_pending() {
        let store = crate::memory::MemoryStore::default();
        let key = crate::store::Key::new("rollback", "orders");
        let mut record: Record<u32, Announcement> = Record::load(&store, key.clone()).await.unwrap();
        for number in 0..3 {
            record.outbox.push(Announcement { announcement_id: format!("orders:0af3#{number}"), ..sample() });
        }
        assert_eq!(record.save(&store).await.unwrap(), Written::Yes);
        let bus = Picky { refuses: &[1], taken: std::cell::RefCell::default() };
        assert!(send_pending(&store, &bus, &mut record).await.is_err(), "one is still to be sent");
        assert_eq!(bus.taken.take(), ["orders:0af3#0", "orders:0af3#2"]);
        // Another invocation, after this one died, sends the rest and nothing twice.
        let mut record: Record<u32, Announcement> = Record::load(&store, key).await.unwrap();
        let bus = Picky { refuses: &[], ..bus };
        assert!(send_pending(&store, &bus, &mut record).await.is_ok());
        assert_eq!(bus.taken.take(), ["orders:0af3#1"]);
        assert!(record.outbox.is_empty());
    }

    #[test]
    fn unknown_words_are_carried_and_missing_fields_named() {
        let mut detail = sample().detail();
        detail["phase"] = json!("pondering");
        detail["mode"] = json!("perhaps");
        let read = Announcement::from_event("Autopilot Siesta", detail.as_object().unwrap()).unwrap();
        assert_eq!(
            (read.topic.as_str(), read.phase.as_str(), read.mode),
            ("Autopilot Siesta", "pondering", None)
        );
        for field in ["announcement_id", "incident_id", "phase", "reason", "summary", "time", "service_arn"] {
            let mut detail = sample().detail();
            detail.as_object_mut().unwrap().remove(field);
            let error =
                Announcement::from_event("Autopilot Rollback", detail.as_object().unwrap()).unwrap_err();
            assert_eq!(error.field, format!("detail.{field}"));
        }
    }
}
