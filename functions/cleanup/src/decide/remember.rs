//! What is known once the findings are: each resource's standing, by what was found and by what the run has heard.

use autopilot::leftovers::IngressStatus;
use jiff::{SignedDuration, Timestamp};

use super::{Heard, Kept};
use crate::{
    finders::{self, Finding, Mark, Never, Verdict},
    inventory::Inventory,
    state::{Kind, Memory, Sighting, Standing},
};

/// Who has not looked for this long does not know whether an orphan was one all the time. Runs are daily.
const UNWATCHED: SignedDuration = SignedDuration::from_hours(48);

/// How exactly the last look is remembered; a run with nothing new then writes nothing.
const EXACT: SignedDuration = SignedDuration::from_hours(12);

/// What is known once the findings are.
pub(super) fn remember(
    mut memory: Memory,
    findings: &[Finding],
    inventory: &Inventory,
    heard: &Heard,
    now: Timestamp,
) -> Memory {
    watch(&mut memory, now);
    for finding in findings {
        // What this run has dealt with looks in its inventory as it was before.
        if memory.is_handled(&finding.id, now) {
            continue;
        }
        note(&mut memory, finding, now);
    }
    let found = |id: &str| {
        let going = |verdict: &Verdict| {
            matches!(verdict, Verdict::Never(Never::State(_) | Never::OtherService(_) | Never::OtherKind(_)))
        };
        findings.iter().any(|finding| finding.id == id && !going(&finding.verdict))
    };
    let references = finders::references(&inventory.ingress);
    let ids: Vec<String> = memory.resources.keys().cloned().collect();
    for id in ids {
        let Some(sighting) = memory.resources.get_mut(&id) else { continue };
        if let Some(why) = heard.not_deleted.get(&id) {
            sighting.standing = Standing::NotDeleted { why: why.clone() };
        } else if let Some(by) = heard.deleted.get(&id) {
            sighting.standing = deleted(by.as_deref());
        } else if let Some(kept) = heard.kept.get(&id) {
            keep(sighting, kept);
        } else if !found(&id) && !vanish(sighting, &id, inventory, references.get(id.as_str()).copied()) {
            memory.resources.remove(&id);
        }
    }
    memory
}

/// Notes one finding.
fn note(memory: &mut Memory, finding: &Finding, now: Timestamp) {
    let known = memory.resources.contains_key(&finding.id);
    match &finding.verdict {
        Verdict::Never(Never::StackOwned(_)) | Verdict::Orphan(_) | Verdict::Reported => {}
        // Nothing is left over here, and nothing is remembered of it.
        Verdict::Never(_) if !known => return,
        Verdict::Never(_) => {}
    }
    let sighting = memory
        .resources
        .entry(finding.id.clone())
        .or_insert_with(|| Sighting::new(finding.kind, finding.facts.clone(), now));
    sighting.facts = finding.facts.clone();
    match &finding.verdict {
        Verdict::Reported => sighting.standing = Standing::Reported,
        Verdict::Never(Never::StackOwned(tag)) => {
            sighting.standing = Standing::StackOwned { tag: tag.clone() }
        }
        Verdict::Never(Never::State(_)) => {}
        // While it bears the mark, taking it away is what tells of it.
        Verdict::Never(_) if finding.facts.marked => {}
        Verdict::Never(why) => used_again(memory, &finding.id, &why.to_string()),
        Verdict::Orphan(mark) => match (since(sighting, *mark), &sighting.standing) {
            (Some(_), Standing::WouldDelete | Standing::NotDeleted { .. }) | (None, Standing::WouldMark) => {}
            (Some(since), _) => sighting.standing = Standing::Marked { since },
            (None, _) => sighting.standing = Standing::Seen,
        },
    }
}

/// Something that was left over is not any more.
fn used_again(memory: &mut Memory, id: &str, why: &str) {
    let Some(sighting) = memory.resources.get_mut(id) else { return };
    // Who was never told that it is left over need not be told that it is not.
    if sighting.told.is_none() {
        memory.resources.remove(id);
    } else if !sighting.standing.is_final() {
        sighting.standing = Standing::Unmarked { why: why.to_owned() };
    }
}

/// Since when something counts as marked: a date before the first sight is not believed.
pub(super) fn since(sighting: &Sighting, mark: Mark) -> Option<Timestamp> {
    match mark {
        Mark::Missing | Mark::Unreadable => None,
        Mark::Since(since) => Some(since.max(sighting.first_seen)),
        Mark::InTable => sighting.marked,
    }
}

/// What the second look kept stands as it stood. That an endpoint is used again is told once its mark is gone.
fn keep(sighting: &mut Sighting, kept: &Kept) {
    match kept {
        Kept::Used(why) if sighting.kind != Kind::Endpoint => {
            sighting.standing = Standing::Unmarked { why: why.clone() };
        }
        _ if sighting.standing == Standing::Deleting => {
            let since = sighting.marked.unwrap_or(sighting.first_seen);
            let marked = matches!(sighting.told, Some(Standing::Marked { .. }));
            sighting.standing =
                sighting.told.clone().filter(|_| marked).unwrap_or(Standing::Marked { since });
        }
        _ => {}
    }
}

/// What became of something that is no longer found. False where it is to be forgotten.
fn vanish(sighting: &mut Sighting, id: &str, inventory: &Inventory, by: Option<&str>) -> bool {
    let alive = inventory.ingress.iter().any(|ingress| {
        ingress.arn == id
            && ![IngressStatus::Deleted, IngressStatus::PendingDeletion].contains(&ingress.status)
    });
    match &sighting.standing {
        Standing::Deleting => sighting.standing = deleted(by),
        Standing::Marked { .. } | Standing::WouldMark | Standing::WouldDelete if alive => {
            sighting.standing = Standing::Unmarked { why: "its service is there".to_owned() };
        }
        standing if standing.is_final() => {}
        _ => return false,
    }
    true
}

fn deleted(by: Option<&str>) -> Standing {
    by.map_or(Standing::Deleted, |by| Standing::DeletedInUse { by: by.to_owned() })
}

/// Notes that somebody looks. After a time in which nobody did, every grace period begins anew.
fn watch(memory: &mut Memory, now: Timestamp) {
    let away = memory.looked_at.map(|at| now.duration_since(at));
    if away.is_some_and(|away| away > UNWATCHED) {
        for sighting in memory.resources.values_mut() {
            sighting.first_seen = now;
            sighting.marked = sighting.marked.map(|_| now);
        }
    }
    if away.is_none_or(|away| away > EXACT) {
        memory.looked_at = Some(now);
    }
}
