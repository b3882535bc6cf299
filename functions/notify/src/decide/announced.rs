//! Announcements are passed on, once, at a size that can be kept.

use autopilot::{announcement::Announcement, incident::IncidentId};
use serde_json::{Map, Value, json};

use super::Plan;
use crate::{
    message::cut,
    render::SHOWN,
    state::{Notice, Subject},
};

/// Announcements that are remembered, to drop repeated ones.
const REMEMBERED: usize = 200;

/// Passes an announcement on, once.
pub fn pass_on(announcement: &Announcement, state: &Subject) -> Plan {
    let announcement = &bounded(announcement);
    if state.announced.contains(&announcement.announcement_id) {
        return Plan::Ignore("this announcement was passed on already".to_owned());
    }
    let mut state = state.clone();
    state.announced.push(announcement.announcement_id.clone());
    let excess = state.announced.len().saturating_sub(REMEMBERED);
    state.announced.drain(..excess);
    Plan::Tell(state, vec![Notice::Announced { announcement: Box::new(announcement.clone()) }])
}

/// An announcement of a size that can be kept: an item of the table holds 400 KB, and this lies in it once a
/// topic. An id is told by its end, where its number stands.
fn bounded(announcement: &Announcement) -> Announcement {
    const WORD: usize = 500;
    const TEXT: usize = 20_000;
    let id = &announcement.announcement_id;
    let plan = &announcement.plan;
    let size = plan.to_string().len();
    Announcement {
        announcement_id: id[id.ceil_char_boundary(id.len().saturating_sub(WORD))..].to_owned(),
        incident_id: IncidentId::new(cut(announcement.incident_id.as_str(), WORD)),
        phase: cut(announcement.phase.as_str(), WORD).as_str().into(),
        reason: cut(&announcement.reason, WORD),
        summary: cut(&announcement.summary, TEXT),
        subject: cut(&announcement.subject, 2 * WORD),
        plan: if size > TEXT { json!({"cut": format!("{size} bytes in all")}) } else { plan.clone() },
        more: shown(&announcement.more, TEXT),
        ..announcement.clone()
    }
}

/// What a message shows of an announcement's particulars; a list is cut where it is too long.
fn shown(more: &Map<String, Value>, most: usize) -> Map<String, Value> {
    let size = |value: &Value| value.to_string().len();
    let cut = |name: &&str| {
        let value = match more.get(*name)? {
            Value::Array(sentences) => {
                let mut room = most;
                let fits = |sentence: &&Value| {
                    room = room.saturating_sub(size(sentence));
                    room > 0
                };
                Value::Array(sentences.iter().take_while(fits).cloned().collect())
            }
            other if size(other) <= most => other.clone(),
            _ => return None,
        };
        Some(((*name).to_owned(), value))
    };
    SHOWN.iter().filter_map(cut).collect()
}
