//! The second look: what is about to be deleted is judged again, over what was read for it alone a moment ago.

use std::collections::BTreeMap;

use autopilot::leftovers::{Endpoint, Ingress};
use jiff::SignedDuration;

use super::{Kept, since};
use crate::{
    finders::{Rules, Verdict, judge_endpoint, references},
    state::Memory,
};

/// What was read again of the endpoints that are to be deleted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EndpointLook {
    /// Every endpoint for requests.
    pub endpoints: Vec<Endpoint>,
    /// Ingress connections that refer to one of those to be deleted.
    pub ingress: Vec<Ingress>,
    /// Bytes that they have processed since they were marked, by ID.
    pub bytes: BTreeMap<String, f64>,
}

/// Whether an endpoint is still an orphan whose time has come.
pub fn still_orphaned(id: &str, memory: &Memory, look: &EndpointLook, rules: Rules<'_>) -> Result<(), Kept> {
    let Some(endpoint) = look.endpoints.iter().find(|endpoint| endpoint.id == id) else {
        return Err(Kept::Unsure("it is not there any more".to_owned()));
    };
    let referring = references(&look.ingress).get(id).copied();
    let mark = match judge_endpoint(endpoint, referring, rules) {
        Verdict::Orphan(mark) => mark,
        Verdict::Never(why) => return Err(Kept::Used(why.to_string())),
        Verdict::Reported => return Err(Kept::Unsure("it is not ours to delete".to_owned())),
    };
    let grace = SignedDuration::try_from(rules.policy.grace.as_duration()).unwrap_or(SignedDuration::MAX);
    let since = memory.resources.get(id).and_then(|sighting| since(sighting, mark));
    if since.is_none_or(|since| rules.now.duration_since(since) < grace) {
        return Err(Kept::Unsure("its mark was taken away or is newer than it was".to_owned()));
    }
    match look.bytes.get(id) {
        Some(bytes) if *bytes > 0.0 => {
            Err(Kept::Used(format!("it processed {bytes} bytes since it was marked")))
        }
        Some(bytes) if *bytes == 0.0 => Ok(()),
        // Silence is proven by an answer, not by its absence.
        None | Some(_) => Err(Kept::Unsure("its traffic is not known".to_owned())),
    }
}
