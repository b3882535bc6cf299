//! What `cleanup` remembers: one case for all leftovers of the account and Region.
//!
//! One record, so that a run of hundreds of endpoints reads and writes one item, and so that what a run did and
//! the report of it are one conditional write. A resource takes about 300 bytes of the 400 KB that an item may have.

use std::collections::{BTreeMap, BTreeSet};

use autopilot::announcement::Phase;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Partition of the table that `cleanup` owns.
pub const PARTITION: &str = "cleanup";

/// The subject of the case and of its reports.
pub const SUBJECT: &str = "app-runner-leftovers";

/// Everything that is remembered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// What was found, by ID or ARN.
    pub resources: BTreeMap<String, Sighting>,
    /// What a person keeps by command.
    pub kept: BTreeSet<String>,
    /// What the run that acted last has dealt with.
    pub run: Run,
    /// When everything was last looked at, to half a day.
    pub looked_at: Option<Timestamp>,
    /// Since when not everything could be read.
    pub unread_since: Option<Timestamp>,
    /// That more is due than a run may delete, as people were told of it last.
    pub over_cap: Option<OverCap>,
    /// Zones of the endpoints that were deleted so far: what they cost is saved.
    pub freed_zones: usize,
}

/// More deletions are due than a run may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverCap {
    /// So many are due.
    pub due: usize,
    /// So many may be made.
    pub cap: usize,
}

/// What a run has dealt with: each resource once, however it ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// When the run began.
    pub at: Option<Timestamp>,
    /// What was dealt with.
    pub handled: BTreeSet<String>,
}

/// One resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sighting {
    /// What it is.
    pub kind: Kind,
    /// Since when it is seen left over without a break. A mark that is older does not count.
    pub first_seen: Timestamp,
    /// True where it was no orphan when it was looked at last, whatever mark it bears: as one it begins anew.
    #[serde(default)]
    pub no_orphan: bool,
    /// What is to be known of it.
    pub facts: Facts,
    /// Where it stands.
    pub standing: Standing,
    /// What people were told of it last.
    pub told: Option<Standing>,
    /// The date of the mark that this function set, if it set one.
    pub marked: Option<Timestamp>,
}

/// What a resource is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An interface endpoint for requests to private services.
    Endpoint,
    /// A VPC ingress connection.
    Ingress,
    /// A VPC connector.
    Connector,
    /// A service whose creation failed.
    FailedService,
    /// A record of Route 53.
    Record,
}

impl Kind {
    /// What a person calls it.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Endpoint => "Endpoint",
            Self::Ingress => "VPC ingress connection",
            Self::Connector => "VPC connector",
            Self::FailedService => "Failed service",
            Self::Record => "Record",
        }
    }
}

/// What is to be known of a resource, also after it is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// `vpc-…`
    pub vpc: Option<String>,
    /// Zones that are billed.
    pub zones: usize,
    /// What else there is to say.
    pub about: Option<String>,
    /// The command that removes it, where its ID alone does not make one.
    pub removal: Option<String>,
}

/// Where a resource stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "standing")]
pub enum Standing {
    /// Seen, and nothing is done about it yet.
    Seen,
    /// Dry run: it would be marked.
    WouldMark,
    /// Marked since.
    Marked {
        /// The later of the mark's date and the table's first sight.
        since: Timestamp,
    },
    /// Dry run: it would be deleted.
    WouldDelete,
    /// Its deletion was asked for; reading will tell.
    Deleting,
    /// It is deleted.
    Deleted,
    /// It is deleted, and was taken into use in the moment in which it was.
    DeletedInUse {
        /// By this ingress connection.
        by: String,
    },
    /// It was not deleted.
    NotDeleted {
        /// Why, in a few words.
        why: String,
    },
    /// It is due, and nothing may be deleted now.
    Withheld {
        /// Why, in a few words.
        why: String,
    },
    /// It is left over, and could not be marked.
    NotMarked {
        /// Why, in a few words.
        why: String,
    },
    /// It is used again, and its mark could not be taken away.
    NotUnmarked {
        /// Why it should not bear the mark.
        because: String,
        /// Why it does all the same, in a few words.
        why: String,
    },
    /// It was marked and is used again.
    Unmarked {
        /// Why.
        why: String,
    },
    /// A stack or a tool owns it.
    StackOwned {
        /// The tag that says so.
        tag: String,
    },
    /// Left over, and for a person to remove.
    Reported,
}

impl Standing {
    /// Phase and reason of its announcement; `None` where there is nothing to tell.
    pub fn words(&self) -> Option<(Phase, &'static str)> {
        Some(match self {
            Self::Seen | Self::Deleting => return None,
            Self::WouldMark => (Phase::Planned, "would-mark"),
            Self::Marked { .. } => (Phase::Progressed, "marked"),
            Self::WouldDelete => (Phase::Planned, "would-delete"),
            Self::Deleted => (Phase::Succeeded, "deleted"),
            Self::DeletedInUse { .. } => (Phase::Failed, "deleted-in-use"),
            Self::NotDeleted { .. } => (Phase::Failed, "not-deleted"),
            Self::Withheld { .. } => (Phase::Held, "withheld"),
            Self::NotMarked { .. } => (Phase::Held, "not-marked"),
            Self::NotUnmarked { .. } => (Phase::Held, "not-unmarked"),
            Self::Unmarked { .. } => (Phase::Progressed, "unmarked"),
            Self::StackOwned { .. } => (Phase::Held, "stack-owned"),
            Self::Reported => (Phase::Held, "left-over"),
        })
    }

    /// True where the resource is no longer looked after once this is told.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Deleted | Self::DeletedInUse { .. } | Self::Unmarked { .. })
    }
}

impl Sighting {
    /// Something that is seen for the first time.
    pub fn new(kind: Kind, facts: Facts, now: Timestamp) -> Self {
        Self {
            kind,
            first_seen: now,
            no_orphan: false,
            facts,
            standing: Standing::Seen,
            told: None,
            marked: None,
        }
    }

    /// Begins the grace period anew: no mark from before this moment counts.
    pub fn begin_anew(&mut self, now: Timestamp) {
        self.first_seen = now;
        self.no_orphan = false;
        self.marked = self.marked.map(|_| now);
    }

    /// True where people are to be told of it.
    pub fn is_news(&self) -> bool {
        self.standing.words().is_some() && self.told.as_ref() != Some(&self.standing)
    }
}

/// No run takes as long.
pub const A_RUN: SignedDuration = SignedDuration::from_hours(1);

impl Memory {
    /// True where this run has dealt with it, or one that goes on at the same time has deleted it: an inventory that
    /// was read before that still shows it.
    pub fn is_handled(&self, id: &str, now: Timestamp) -> bool {
        let Some(at) = self.run.at else { return false };
        let is_deleted = |sighting: &Sighting| {
            matches!(
                sighting.standing,
                Standing::Deleting | Standing::Deleted | Standing::DeletedInUse { .. }
            )
        };
        let by_another =
            || now.duration_since(at).abs() < A_RUN && self.resources.get(id).is_some_and(is_deleted);
        (at == now && self.run.handled.contains(id)) || by_another()
    }

    /// Notes that this run has dealt with these.
    pub fn handle(&mut self, ids: &[String], now: Timestamp) {
        if self.run.at != Some(now) {
            self.run = Run { at: Some(now), handled: BTreeSet::new() };
        }
        self.run.handled.extend(ids.iter().cloned());
    }
}
