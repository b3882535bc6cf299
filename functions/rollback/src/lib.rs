//! `rollback` returns a service to its last known good version.
//!
//! ```text
//!   operation event ─┐
//!   alarm ───────────┤                     ┌─ look: what runs, its versions (recorded on the way)
//!   schedule ────────┼─► a case per service ┤                           └─► decide ─► way_back ─► desk: gate, call
//!   command ─────────┘                     └─ bake: metrics of all cases, one request a tick
//! ```
//!
//! [`decide`] holds the table of what is done, [`way_back`] what stands in the way of it, [`versions`] what is
//! recorded and when an image counts as pinned, [`bake`] when a version has proved itself. What is shared with the
//! other acting functions is in [`autopilot::desk`].
//!
//! Calls: an idle tick makes one, however many services there are; a tick with versions that bake one more for each
//! 500 queries, and one for the alarms where some are named. A whole look makes five reads in one round.
//! At most seven calls wait for each other, when a new version is recorded: its image is asked between two looks.

pub mod bake;
mod by_hand;
pub mod case;
pub mod command;
pub mod decide;
pub mod handler;
pub mod look;
pub mod seen;
pub mod settings;
pub mod tell;
pub mod versions;
pub mod way_back;
pub mod worker;
