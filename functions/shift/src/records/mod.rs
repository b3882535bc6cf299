//! The records of one name, as a shift sees and changes them.
//!
//! Of all records of the name those that steer traffic concern a shift: A, AAAA and CNAME, which it writes, and HTTPS
//! and SVCB, which it never does. Every write is a compare-and-swap: DELETE of exactly what was read beside CREATE of
//! what is to be, so another person's edit makes it fail instead of being overwritten, and attributes that no shift
//! knows are kept.
//!
//! ```text
//!  original ──convert──► pairs at 100/0 ──► … at each step ──► at 0/100 ──finish──► the successor's record, simple
//!     ▲                       ▲   every step can go back in one write  │
//!     └────────finish─────────┴─────────────────────────────────────────┘
//! ```

mod convert;
mod difference;

use autopilot::dns::{Batch, Change, ChangeAction, RecordSet, RecordType};
use serde::{Deserialize, Serialize};

pub use convert::{Conversion, Lead, convert, same_load_balancer};
pub use difference::{Standing, standing};

/// Seconds that resolvers keep an alias to a load balancer (Route 53 developer guide, "Choosing between alias and
/// non-alias records"). An alias tells no TTL of its own.
pub const ALIAS_TTL: u32 = 60;

/// The weights of both sides. They sum to 100, so they are never all zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Shown", into = "Shown")]
pub struct Weights {
    to: u8,
}

#[derive(Serialize, Deserialize)]
struct Shown {
    from: u8,
    to: u8,
}

impl From<Shown> for Weights {
    fn from(shown: Shown) -> Self {
        Self::successor(shown.to)
    }
}

impl From<Weights> for Shown {
    fn from(weights: Weights) -> Self {
        Self { from: weights.from(), to: weights.to() }
    }
}

impl Weights {
    /// Everything at App Runner.
    pub const START: Self = Self { to: 0 };

    /// So many of 100 to the successor; more than 100 counts as 100.
    pub fn successor(to: u8) -> Self {
        Self { to: to.min(100) }
    }

    /// App Runner's weight.
    pub fn from(self) -> u8 {
        100 - self.to
    }

    /// The successor's weight.
    pub fn to(self) -> u8 {
        self.to
    }
}

impl std::fmt::Display for Weights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.from(), self.to())
    }
}

/// The two weighted records of one type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// App Runner's.
    pub from: RecordSet,
    /// The successor's.
    pub to: RecordSet,
}

/// The weighted records of a name: a pair for each type. Which weights they have says [`Pairs::at`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pairs(Vec<Pair>);

impl Pairs {
    /// Every record with these weights.
    pub fn at(&self, weights: Weights) -> Vec<RecordSet> {
        let weighted = |record: &RecordSet, weight| RecordSet { weight: Some(weight), ..record.clone() };
        let pairs = self.0.iter();
        pairs
            .flat_map(|pair| [weighted(&pair.from, weights.from()), weighted(&pair.to, weights.to())])
            .collect()
    }

    /// The successor's records alone, simple.
    pub fn successor_alone(&self) -> Vec<RecordSet> {
        self.0
            .iter()
            .map(|pair| RecordSet { set_identifier: None, weight: None, ..pair.to.clone() })
            .collect()
    }

    /// The pairs, type by type.
    pub fn iter(&self) -> impl Iterator<Item = &Pair> {
        self.0.iter()
    }
}

/// For how many seconds resolvers may keep what these records said.
pub fn longest_ttl(records: &[RecordSet]) -> u32 {
    records.iter().map(|record| record.ttl.unwrap_or(ALIAS_TTL)).max().unwrap_or(ALIAS_TTL)
}

/// The records that say where traffic goes.
pub fn steering(records: &[RecordSet]) -> Vec<RecordSet> {
    records
        .iter()
        .filter(|record| is_pointer(&record.kind) || is_service_binding(&record.kind))
        .cloned()
        .collect()
}

/// True for the types that a shift can weigh.
pub fn is_pointer(kind: &RecordType) -> bool {
    matches!(kind, RecordType::A | RecordType::Aaaa | RecordType::Cname)
}

/// True for the types that steer past A, AAAA and CNAME.
pub fn is_service_binding(kind: &RecordType) -> bool {
    matches!(kind, RecordType::Https | RecordType::Svcb)
}

/// The changes from these records to those: whole or not at all, and only if they still are as they were read.
pub fn swap(before: &[RecordSet], after: &[RecordSet], comment: &str) -> Batch {
    let without = |all: &[RecordSet], others: &[RecordSet], action| {
        let left = all.iter().filter(|record| !others.contains(record));
        left.map(|record| Change { action, record: record.clone() }).collect::<Vec<_>>()
    };
    let mut changes = without(before, after, ChangeAction::Delete);
    changes.extend(without(after, before, ChangeAction::Create));
    Batch { comment: Some(comment.chars().take(256).collect()), changes }
}

/// Where a record leads, for people.
pub fn leads_to(record: &RecordSet) -> String {
    match (&record.alias, record.values.as_slice()) {
        (Some(alias), _) => format!("alias {}", alias.dns_name),
        (None, values) => values.join(", "),
    }
}

#[cfg(test)]
mod tests;
