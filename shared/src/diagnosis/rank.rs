//! From a story to ranked causes.

use super::catalogue::{self, Entry};
use super::kind::CauseKind;
use super::story::{Phase, Story};
use super::{Cause, Confidence, Finding};
use crate::evidence::Occasion;
use crate::redact::PublicText;

/// Support in percent below which a cause is not named.
pub(super) const CLAIM: f64 = 50.0;
/// What each further piece of support adds, in percent.
const FURTHER: f64 = 1.0;
/// Findings shown for a cause.
const FINDINGS: usize = 6;
/// Causes named at most.
const CAUSES: usize = 5;

/// All supported causes, best first; `unknown` if something failed and nothing is supported.
pub(super) fn causes(story: &Story<'_>) -> Vec<Cause> {
    if story.completed && !story.at_run_time() {
        return Vec::new();
    }
    let mut causes: Vec<Cause> = Vec::new();
    for cause in catalogue::entries().filter_map(|entry| weigh(entry, story)) {
        match causes.iter_mut().find(|known| known.kind == cause.kind) {
            Some(known) if known.confidence < cause.confidence => *known = cause,
            Some(_) => (),
            None => causes.push(cause),
        }
    }
    // Stable, so equal support keeps the catalogue's order.
    causes.sort_by(|a, b| b.confidence.0.total_cmp(&a.confidence.0));
    causes.truncate(CAUSES);
    if causes.is_empty() && story.failed {
        causes.push(unknown(story));
    }
    causes
}

/// An entry's strongest support, less what speaks against it.
fn weigh(entry: &Entry, story: &Story<'_>) -> Option<Cause> {
    let mut held: Vec<(u8, Vec<Finding>)> = Vec::new();
    for clue in entry.supports {
        held.extend((clue.holds)(story).map(|lines| (clue.percent, findings(clue.says, lines))));
    }
    held.sort_by_key(|(percent, _)| std::cmp::Reverse(*percent));
    let strongest = f64::from(held.first()?.0);
    #[expect(clippy::cast_precision_loss, reason = "an entry has a handful of clues")]
    let further = (held.len() - 1) as f64 * FURTHER;
    let doubts = entry.against.iter().filter(|doubt| (doubt.holds)(story));
    let left: f64 = doubts.map(|doubt| 1.0 - f64::from(doubt.percent) / 100.0).product();
    let percent = (strongest + further).min(99.0) * left;
    let mut evidence: Vec<Finding> = Vec::new();
    for finding in held.into_iter().flat_map(|(_, findings)| findings) {
        if evidence.len() < FINDINGS && !evidence.contains(&finding) {
            evidence.push(finding);
        }
    }
    (percent >= CLAIM).then(|| Cause {
        kind: entry.kind,
        confidence: Confidence::from_percent(percent),
        evidence,
        fix: entry.fix,
        transient: entry.transient,
    })
}

fn findings(says: &'static str, lines: Vec<Finding>) -> Vec<Finding> {
    let mut all = vec![Finding::Said(PublicText::ours(says))];
    all.extend(lines);
    all
}

/// What was read, what was missing, and where to look.
fn unknown(story: &Story<'_>) -> Cause {
    let evidence = story.evidence;
    let mut read = Vec::new();
    let mut missing = Vec::new();
    let mut note = |known: bool, what: &'static str| if known { read.push(what) } else { missing.push(what) };
    note(story.has_events, "the event log");
    note(evidence.logs.iter().any(|stream| stream.stream.starts_with("deployment")), "the deployment log");
    note(story.application_lines > 0, "the application log");
    note(evidence.service.is_some(), "the service's configuration");
    if evidence.operation != Occasion::CustomDomain && story.phase >= Phase::Deploy {
        note(evidence.image.is_some(), "the image");
        note(evidence.roles.access.is_some() || evidence.roles.instance.is_some(), "the roles");
    }
    let list = |words: &[&str]| if words.is_empty() { "nothing".to_owned() } else { words.join(", ") };
    let text = format!("Read: {}. Missing: {}. None of it names a cause.", list(&read), list(&missing));
    Cause {
        kind: CauseKind::Unknown,
        confidence: Confidence::from_percent(20.0),
        evidence: vec![Finding::Said(PublicText::ours(text))],
        fix: catalogue::UNKNOWN_FIX,
        transient: false,
    }
}
