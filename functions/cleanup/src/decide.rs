//! What to do next about what is left over: pure.
//!
//! ```text
//!   found ─► mark ─► grace period ─► due ─► second look ─► delete ─► read back ─► told
//!                        │             │         │
//!                        │ used again  │ cap     │ used, or not to be read
//!                        ▼             ▼         ▼
//!                     unmark         held      kept
//! ```
//! One run is a series of acts over one inventory, each planned here, until nothing is left to do; then what is
//! new is told in one report. A resource is dealt with once a run, however it ends.

mod conclude;
mod remember;
mod second_look;

use std::{collections::BTreeMap, fmt, rc::Rc};

use autopilot::{announcement::Phase, case::Say, desk::Plan};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use conclude::concluded;
use remember::{remember, since};
pub use second_look::{EndpointLook, still_orphaned};

use crate::{
    finders::{self, Finding, Rules, Verdict},
    inventory::Inventory,
    report,
    settings::Policy,
    state::{Kind, Memory, OverCap},
};

/// `DeleteVpcEndpoints` takes so many at once.
const DELETED_AT_ONCE: usize = 25;

/// `CreateTags` and `DeleteTags` take 1,000 resources; the request stays readable with fewer.
const TAGGED_AT_ONCE: usize = 200;

/// What was read, and what the run has heard so far.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The inventory, or why it is not whole.
    pub inventory: Result<Rc<Inventory>, String>,
    /// What the acts of this run brought to light.
    pub heard: Heard,
    /// So many deletions a person has confirmed.
    pub confirmed: Option<usize>,
}

/// What the acts of a run brought to light.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heard {
    /// What the second look kept.
    pub kept: BTreeMap<String, Kept>,
    /// What was not deleted, and why.
    pub not_deleted: BTreeMap<String, String>,
    /// What was deleted, with an ingress connection that refers to it all the same.
    pub deleted: BTreeMap<String, Option<String>>,
}

/// Why the second look kept something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is used again, or otherwise no orphan any more.
    Used(String),
    /// It cannot be told for certain. In doubt nothing is deleted.
    Unsure(String),
}

/// A change in the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "act")]
pub enum Act {
    /// Takes marks away.
    Unmark {
        /// Endpoints, each with the reason.
        why: BTreeMap<String, String>,
    },
    /// Marks orphans.
    Mark {
        /// Endpoints, by tag.
        endpoints: Vec<String>,
        /// Ingress connections, in the table alone.
        ingress: Vec<String>,
        /// The date of the mark.
        since: Timestamp,
    },
    /// Deletes an ingress connection.
    DeleteIngress {
        /// Its ARN.
        arn: String,
    },
    /// Deletes endpoints that the second look finds to be orphans still.
    DeleteEndpoints {
        /// Their IDs.
        ids: Vec<String>,
    },
}

impl Act {
    /// Machine word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Unmark { .. } => "unmark",
            Self::Mark { .. } => "mark",
            Self::DeleteIngress { .. } | Self::DeleteEndpoints { .. } => "delete",
        }
    }

    /// What it deals with. A mark that is taken away counts apart: a deletion may have been tried before.
    fn deals_with(&self) -> Vec<String> {
        match self {
            Self::Unmark { why } => why.keys().map(|id| unmarking(id)).collect(),
            Self::Mark { endpoints, ingress, .. } => endpoints.iter().chain(ingress).cloned().collect(),
            Self::DeleteIngress { arn } => vec![arn.clone()],
            Self::DeleteEndpoints { ids } => ids.clone(),
        }
    }
}

fn unmarking(id: &str) -> String {
    format!("unmark {id}")
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unmark { why } => {
                let each: Vec<_> = why.iter().map(|(id, why)| format!("{id} ({why})")).collect();
                write!(f, "unmark {}", each.join(", "))
            }
            Self::Mark { endpoints, ingress, since } => {
                let ids: Vec<_> = endpoints.iter().chain(ingress).map(String::as_str).collect();
                write!(f, "mark {} as orphaned since {since}", ids.join(", "))
            }
            Self::DeleteIngress { arn } => write!(f, "delete {arn}"),
            Self::DeleteEndpoints { ids } => write!(f, "delete {}", ids.join(", ")),
        }
    }
}

/// What to do next.
pub fn decide(memory: &Memory, seen: &Seen, policy: &Policy, now: Timestamp) -> Plan<Memory, Act> {
    let inventory = match &seen.inventory {
        Ok(inventory) => inventory,
        Err(why) => return hold(memory, why, now),
    };
    let rules = Rules { policy, kept: &memory.kept, now };
    let findings = finders::find(inventory, rules);
    let mut memory = remember(memory.clone(), &findings, inventory, &seen.heard, now);
    let due = due(&memory, &findings, policy, now);
    let over = over_cap(&due, inventory, policy, seen.confirmed);
    let due = if over.is_some() { Vec::new() } else { due };
    if let Some(act) = next(&memory, &findings, &due, &seen.heard, now) {
        let (decision, reason) = (act.word(), act.to_string());
        return Plan { decision, reason, work: memory, open: true, say: Vec::new(), act: Some(act) };
    }
    let say = report::of(&mut memory, over, policy, now);
    let reason = say.as_ref().map_or("nothing new".to_owned(), |say| say.summary.clone());
    let decision = if say.is_some() { "report" } else { "rest" };
    Plan { decision, reason, work: memory, open: true, say: say.into_iter().collect(), act: None }
}

/// The inventory is not whole: nothing is concluded from it, not even that something is used.
fn hold(memory: &Memory, why: &str, now: Timestamp) -> Plan<Memory, Act> {
    let since = memory.unread_since.unwrap_or(now);
    let summary = format!("Nothing is marked or deleted in this run: not everything could be read ({why}).");
    let say =
        Say::new(Phase::Held, "inventory-incomplete", summary, json!({"action": "hold", "since": since}));
    Plan {
        decision: "hold",
        reason: format!("inventory-incomplete: {why}"),
        work: Memory { unread_since: Some(since), ..memory.clone() },
        open: true,
        say: vec![say],
        act: None,
    }
}

/// What may be deleted by now, whether this run has dealt with it already or not.
fn due<'a>(memory: &Memory, findings: &'a [Finding], policy: &Policy, now: Timestamp) -> Vec<&'a Finding> {
    let grace = SignedDuration::try_from(policy.grace.as_duration()).unwrap_or(SignedDuration::MAX);
    let is_due = |finding: &&Finding| {
        let Verdict::Orphan(mark) = finding.verdict else { return false };
        let since = memory.resources.get(&finding.id).and_then(|sighting| since(sighting, mark));
        since.is_some_and(|since| now.duration_since(since) >= grace)
    };
    findings.iter().filter(is_due).collect()
}

/// Whether more is due than a run may delete. What a person has confirmed may be.
fn over_cap(
    due: &[&Finding],
    inventory: &Inventory,
    policy: &Policy,
    confirmed: Option<usize>,
) -> Option<OverCap> {
    let allowed = |kind, whole| {
        let due = due.iter().filter(|finding| finding.kind == kind).count();
        due.min(policy.max_share.of(whole))
    };
    let by_share = allowed(Kind::Endpoint, inventory.endpoints.iter().filter(|e| !e.is_gone()).count())
        + allowed(Kind::Ingress, inventory.ingress.len());
    let cap = by_share.min(policy.max_deletions).max(confirmed.unwrap_or_default());
    (due.len() > cap).then_some(OverCap { due: due.len(), cap })
}

/// The next act: what is used again first, deletions last, and of these the connection before the endpoint.
fn next(
    memory: &Memory,
    findings: &[Finding],
    due: &[&Finding],
    heard: &Heard,
    now: Timestamp,
) -> Option<Act> {
    let why: BTreeMap<String, String> = findings
        .iter()
        .filter(|finding| finding.kind == Kind::Endpoint && !memory.is_handled(&unmarking(&finding.id), now))
        .filter_map(|finding| Some((finding.id.clone(), why_unmark(finding, heard)?)))
        .take(TAGGED_AT_ONCE)
        .collect();
    if !why.is_empty() {
        return Some(Act::Unmark { why });
    }
    let fresh = |finding: &&Finding| !memory.is_handled(&finding.id, now);
    let unmarked = findings.iter().filter(fresh).filter(|finding| {
        let Verdict::Orphan(mark) = finding.verdict else { return false };
        memory.resources.get(&finding.id).is_some_and(|sighting| since(sighting, mark).is_none())
    });
    let (endpoints, ingress): (Vec<_>, Vec<_>) =
        unmarked.take(TAGGED_AT_ONCE).partition(|finding| finding.kind == Kind::Endpoint);
    if !endpoints.is_empty() || !ingress.is_empty() {
        let ids = |findings: Vec<&Finding>| findings.iter().map(|finding| finding.id.clone()).collect();
        let since = Timestamp::from_second(now.as_second()).unwrap_or(now);
        return Some(Act::Mark { endpoints: ids(endpoints), ingress: ids(ingress), since });
    }
    let due: Vec<&&Finding> = due.iter().filter(|finding| fresh(finding)).collect();
    if let Some(connection) = due.iter().find(|finding| finding.kind == Kind::Ingress) {
        return Some(Act::DeleteIngress { arn: connection.id.clone() });
    }
    let ids: Vec<String> = due.iter().take(DELETED_AT_ONCE).map(|finding| finding.id.clone()).collect();
    (!ids.is_empty()).then_some(Act::DeleteEndpoints { ids })
}

/// Why an endpoint that bears a mark should not.
fn why_unmark(finding: &Finding, heard: &Heard) -> Option<String> {
    if let Some(Kept::Used(why)) = heard.kept.get(&finding.id) {
        return Some(why.clone());
    }
    finding.loses_its_mark().map(ToString::to_string)
}

#[cfg(test)]
mod tests;
