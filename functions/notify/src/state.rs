//! What `notify` remembers: one record a subject. Subjects are services, what else is announced, and the account.

use autopilot::{
    announcement::Announcement,
    incident::{Incident, IncidentId},
    service::{OperationId, ServiceArn},
    store::{Key, Record},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Partition of the table that `notify` owns.
pub const PARTITION: &str = "notify";

/// Records are kept this long after their last change: longer than any incident lives.
pub const KEEP: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A subject's record, with the notices that are still to be sent.
pub type SubjectRecord = Record<Subject, Outgoing>;

/// Where the record of a service, or of another subject of an announcement, lies.
pub fn subject_key(subject: &str) -> Key {
    Key::new(PARTITION, format!("subject {subject}"))
}

/// The service that a subject's key is about, if it is a service.
pub fn service_of(key: &Key) -> Option<ServiceArn> {
    key.sort.strip_prefix("subject ")?.parse().ok()
}

/// Where the account's own record lies.
pub fn account_key() -> Key {
    subject_key("account")
}

/// What is known of one subject.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Subject {
    /// Open incidents, and closed ones until they expire.
    pub incidents: Vec<Incident>,
    /// Operations that were reported as running for long.
    pub long_running: Vec<OperationId>,
    /// Announcements that were passed on, newest last.
    pub announced: Vec<String>,
    /// The unreadable value of the mode tag that people were told about.
    pub unreadable_tag: Option<String>,
    /// Since when the service's operations cannot be read, once people were told.
    pub unreadable_since: Option<Timestamp>,
    /// Of the account: the first and the last reconciliation. Failures before the first are acknowledged, not told.
    pub reconciled: Option<Reconciled>,
}

/// When the account was compared with what is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciled {
    /// For the first time.
    pub first: Timestamp,
    /// For the last time.
    pub last: Timestamp,
}

/// A notice on its way to one topic. Each topic has its own entry, so that one that fails is sent again alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outgoing {
    /// Where to.
    pub to: Audience,
    /// What.
    pub notice: Notice,
}

/// The two topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Audience {
    /// People: mail and whatever else subscribes to plain text.
    Alert,
    /// Amazon Q in chat applications.
    Chat,
}

/// Something to tell. The facts of an incident are in the record; what is only known from outside is read when
/// the notice is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "notice")]
pub enum Notice {
    /// An operation failed: the alert itself.
    Failure {
        /// Which.
        incident: IncidentId,
    },
    /// App Runner's own rollback, which was under way when the alert went out, has ended.
    RollbackEnded {
        /// Which.
        incident: IncidentId,
    },
    /// An incident is over.
    Recovered {
        /// Which.
        incident: IncidentId,
    },
    /// An operation runs for longer than usual.
    LongRunning {
        /// The operation.
        operation: autopilot::service::Operation,
    },
    /// A function of the autopilot announced something.
    Announced {
        /// The announcement.
        announcement: Box<Announcement>,
    },
    /// The mode tag's value is no mode and counts as `off`.
    UnreadableTag {
        /// The value.
        value: String,
    },
    /// The reconciliation cannot read the service's operations.
    Unreadable {
        /// Why, in short.
        why: String,
    },
    /// The first reconciliation found these failures and leaves them alone.
    AlreadyThere {
        /// One line a failure.
        failures: Vec<String>,
    },
}

impl Notice {
    /// Which function's doings it tells of; of failures, `notify` tells by itself.
    pub fn function(&self) -> &str {
        match self {
            Self::Announced { announcement } => announcement.topic.function(),
            _ => "notify",
        }
    }
}

impl Subject {
    /// The incident of this id.
    pub fn incident(&self, id: &IncidentId) -> Option<&Incident> {
        self.incidents.iter().find(|incident| incident.id == *id)
    }
}

/// Puts a notice into a record's outbox, for both topics.
pub fn push(record: &mut SubjectRecord, notice: &Notice) {
    for to in [Audience::Alert, Audience::Chat] {
        record.outbox.push(Outgoing { to, notice: notice.clone() });
    }
}
