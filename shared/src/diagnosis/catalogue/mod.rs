//! The table of causes: one entry a kind. Adding a kind is adding an entry here and its tests.
//!
//! Weights: 90 and more is a sentence or a fact that hardly means anything else; 80 to 89 the words of the
//! failing program itself; 60 to 79 a pattern of several weak signs; under [`super::rank::CLAIM`] is never
//! used alone. A more specific kind weighs more than the general one that it would otherwise be taken for.

mod access;
mod build;
mod clue;
mod health;
mod image;
mod network;
mod platform;
mod start;
mod traffic;

use super::Finding;
use super::kind::CauseKind;
use super::story::Story;

/// A group of related kinds.
pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) entries: &'static [Entry],
}

/// A kind: how it is recognised and what to do.
pub(super) struct Entry {
    pub(super) kind: CauseKind,
    /// Whether trying again without changes can help.
    pub(super) transient: bool,
    /// What it is, in a sentence.
    pub(super) means: &'static str,
    pub(super) supports: &'static [Clue],
    pub(super) against: &'static [Doubt],
    /// What to do.
    pub(super) fix: &'static str,
    /// Where App Runner documents it.
    pub(super) docs: &'static str,
}

/// Something that supports a kind.
pub(super) struct Clue {
    pub(super) percent: u8,
    /// What it says about the failure, as a finding for people.
    pub(super) says: &'static str,
    /// The lines that show it, if it holds. Facts of the configuration hold without lines.
    pub(super) holds: fn(&Story<'_>) -> Option<Vec<Finding>>,
}

/// Something that speaks against a kind.
pub(super) struct Doubt {
    pub(super) percent: u8,
    pub(super) says: &'static str,
    pub(super) holds: fn(&Story<'_>) -> bool,
}

/// Takes all support away.
const REFUTES: u8 = 100;

/// All kinds by section, in the order in which an operation runs.
pub(super) const SECTIONS: &[Section] = &[
    Section { title: "Image", entries: image::ENTRIES },
    Section { title: "Source and build", entries: build::ENTRIES },
    Section { title: "Start", entries: start::ENTRIES },
    Section { title: "Health check", entries: health::ENTRIES },
    Section { title: "Roles, secrets, permissions", entries: access::ENTRIES },
    Section { title: "Network", entries: network::ENTRIES },
    Section { title: "Platform, quota, state", entries: platform::ENTRIES },
    Section { title: "Domains, deletion, traffic", entries: traffic::ENTRIES },
];

/// All entries.
pub(super) fn entries() -> impl Iterator<Item = &'static Entry> {
    SECTIONS.iter().flat_map(|section| section.entries)
}

/// What to do when nothing is supported.
pub(super) const UNKNOWN_FIX: &str = "Read the deployment log and the end of the application log in the console; \
if the application log is empty, check the image's architecture, the roles and the VPC connector. Run the image \
locally with the same variables. If everything is right and a plain retry fails in the same way, open a case with \
AWS Support and name the operation's ID.";
