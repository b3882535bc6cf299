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
    memory.unread_since = None;
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
        // Nothing is left over here, and nothing is remembered of it, but that a mark is taken away is told.
        Verdict::Never(_) if !known && finding.loses_its_mark().is_none() => return,
        Verdict::Never(_) => {}
    }
    let sighting = memory
        .resources
        .entry(finding.id.clone())
        .or_insert_with(|| Sighting::new(finding.kind, finding.facts.clone(), now));
    sighting.facts = finding.facts.clone();
    sighting.no_orphan |= !matches!(finding.verdict, Verdict::Orphan(_) | Verdict::Never(Never::State(_)));
    match &finding.verdict {
        Verdict::Reported => sighting.standing = Standing::Reported,
        // That its mark could not be taken away is told before whose it is.
        Verdict::Never(Never::StackOwned(_))
            if finding.marked && matches!(sighting.standing, Standing::NotUnmarked { .. }) => {}
        Verdict::Never(Never::StackOwned(tag)) => {
            sighting.standing = Standing::StackOwned { tag: tag.clone() }
        }
        Verdict::Never(Never::State(_)) => {}
        Verdict::Never(_) if finding.marked => in_use(sighting),
        Verdict::Never(why) => used_again(memory, &finding.id, &why.to_string()),
        Verdict::Orphan(mark) => orphaned(sighting, *mark, now),
    }
}

/// It is left over, and what it was before decides whether its mark counts.
fn orphaned(sighting: &mut Sighting, mark: Mark, now: Timestamp) {
    if sighting.no_orphan {
        sighting.begin_anew(now);
    }
    match (since(sighting, mark), &sighting.standing) {
        (Some(_), Standing::WouldDelete | Standing::NotDeleted { .. } | Standing::Withheld { .. })
        | (None, Standing::WouldMark | Standing::NotMarked { .. }) => {}
        (Some(since), _) => sighting.standing = Standing::Marked { since },
        (None, _) => sighting.standing = Standing::Seen,
    }
}

/// It is no orphan, though it bears the mark. Taking that away is what tells of it; but that may fail or not be
/// allowed, so the mark counts no longer whatever becomes of it.
fn in_use(sighting: &mut Sighting) {
    sighting.no_orphan = true;
    let is_told_otherwise =
        matches!(sighting.standing, Standing::Unmarked { .. } | Standing::NotUnmarked { .. });
    if !is_told_otherwise {
        sighting.standing = Standing::Seen;
    }
}

/// Something that was left over is not any more.
fn used_again(memory: &mut Memory, id: &str, why: &str) {
    let Some(sighting) = memory.resources.get_mut(id) else { return };
    // Who was never told that it is left over need not be told that it is not.
    if sighting.told.is_none() {
        memory.resources.remove(id);
    } else {
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

/// What the second look kept in doubt stands as it was told last, whatever became of others of its deletion. That an
/// endpoint is used again is told with its mark.
fn keep(sighting: &mut Sighting, kept: &Kept) {
    // Another run that goes on at the same time may have deleted it: that is still to be told.
    if sighting.standing.is_final() {
        return;
    }
    match kept {
        Kept::Used(_) if sighting.kind == Kind::Endpoint => in_use(sighting),
        Kept::Used(why) => {
            sighting.no_orphan = true;
            sighting.standing = Standing::Unmarked { why: why.clone() };
        }
        Kept::Unsure(_) => sighting.standing = sighting.told.clone().unwrap_or(Standing::Seen),
    }
}

/// What became of something that is no longer found. False where it is to be forgotten.
fn vanish(sighting: &mut Sighting, id: &str, inventory: &Inventory, by: Option<&str>) -> bool {
    match &sighting.standing {
        Standing::Deleting => sighting.standing = deleted(by),
        standing if standing.is_final() => {}
        Standing::Seen | Standing::Reported => return false,
        _ => {
            let Some(why) = why_alive(id, inventory) else { return false };
            sighting.no_orphan = true;
            sighting.standing = Standing::Unmarked { why };
        }
    }
    true
}

/// Why a connection that is there is not left over; `None` where it is going or gone.
fn why_alive(id: &str, inventory: &Inventory) -> Option<String> {
    let ingress = inventory.ingress.iter().find(|ingress| ingress.arn == id)?;
    match &ingress.status {
        IngressStatus::Deleted | IngressStatus::PendingDeletion => None,
        status if status.can_be_deleted() => Some("its service is there".to_owned()),
        status => Some(format!("its status is {status}")),
    }
}

fn deleted(by: Option<&str>) -> Standing {
    by.map_or(Standing::Deleted, |by| Standing::DeletedInUse { by: by.to_owned() })
}

/// Notes that somebody looks. After a time in which nobody did, every grace period begins anew.
fn watch(memory: &mut Memory, now: Timestamp) {
    let away = memory.looked_at.map(|at| now.duration_since(at));
    if away.is_some_and(|away| away > UNWATCHED) {
        for sighting in memory.resources.values_mut() {
            sighting.begin_anew(now);
        }
    }
    if away.is_none_or(|away| away > EXACT) {
        memory.looked_at = Some(now);
    }
}
