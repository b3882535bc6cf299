//! `cleanup` finds what App Runner leaves behind, and deletes orphaned endpoints after a grace period.
//!
//! ```text
//!   schedule (daily) ───────────┐
//!   a service deleted, updated ─┼─► inventory, whole or not at all ─► finders (pure) ─► decide (pure)
//!   command run ────────────────┘                                                        │
//!          ┌──────────────── one act after the other, each through the desk ◄────────────┤
//!          ▼                                                                             ▼
//!   unmark, mark ─► (grace) ─► second look ─► delete ─► read back               one report, if anything is new
//! ```
//! A service made public, or deleted, leaves its interface endpoint behind, billed by the hour and zone. Connectors
//! and failed services stay too and count against quotas: those are reported with the command that removes them.
//! What is never deleted, and why: [`finders::Never`]. How many calls a run makes: [`inventory`];
//! a run that finds nothing new waits for at most seven, one after the other.

pub mod command;
pub mod decide;
pub mod finders;
pub mod handler;
pub mod inventory;
pub mod report;
mod run;
pub mod settings;
pub mod state;
