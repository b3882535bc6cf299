//! `rebuild` rebuilds services whose creation failed, and finishes deletions that failed.
//!
//! ```text
//!   failure event ─┐
//!   schedule ──────┼─► a case per service ─► desk: settle, observe, decide, gate, call, announce
//!   command ───────┘                              │        │       │            │
//!                                          worker::settle  │  decide::decide    │
//!                                              worker::observe           worker::perform
//! ```
//!
//! A service in `CREATE_FAILED` serves nobody and counts against the quota. Rebuilding it without a change helps only
//! where the fault was not its own, so the diagnosis decides: [`decide`] holds the table. What is shared with the
//! other acting functions is in [`autopilot::desk`].
//!
//! Calls: an idle tick makes one; an open case three reads (service, operations, tags) and the control record,
//! in one round; a failure that was not judged yet also its logs and, where they leave it open, facts.
//! At most nine calls wait for each other, when a failure is judged for the first time and held or tried.

pub mod case;
pub mod command;
pub mod decide;
pub mod handler;
pub mod settings;
pub mod worker;
