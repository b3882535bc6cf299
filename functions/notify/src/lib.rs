//! `notify` tells people what failed on App Runner, why, and what was done about it.
//!
//! ```text
//!   App Runner event ─┐
//!   announcement ─────┼─► event::parse ─► observe: record, control, tag, first look   (concurrent)
//!   schedule ─────────┤                     │
//!   command ──────────┘                     ▼
//!                               decide (pure): Ignore | Remember | Tell
//!                                           │
//!                         put record + outbox  ∥  read the logs of the operation, and the facts they leave open
//!                                           │
//!                               publish to both topics ─► put the record, outbox cleared
//! ```
//!
//! A failure takes four calls in sequence, which `scripts/bench` holds: the first look, the record beside the logs,
//! the message, the record;
//! with open questions, those of [`autopilot::facts`] in between.
//! A success that ends nothing takes one. What is told is decided by [`decide`], how it reads by [`render`].

pub mod command;
pub mod decide;
pub mod deliver;
pub mod explain;
pub mod handler;
pub mod links;
pub mod message;
pub mod reconcile;
pub mod render;
pub mod settings;
pub mod state;
