//! `shift` moves traffic from App Runner to its successor by Route 53 weights, step by step, and back by itself.
//!
//! ```text
//!   schedule: tick ──────────┐
//!   alarm, App Runner event ─┼─► open shifts ─► look (together) ─► decide (pure, each) ─► write (a batch a zone)
//!   command ─────────────────┘        ▲                                                      │
//!      start: plan ─► preflight ──────┴── put: weights, history, announcements ◄─────────────┘
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`plan`] | what a person asks for, read and checked |
//! | [`records`], [`successor`] | the two ends: records of the name, and what the successor's lead to |
//! | [`preflight`] | whether a shift may start |
//! | [`shift`], [`decide`] | what is remembered, and the policy |
//! | [`world`], [`look`], [`inspect`], [`left`] | what is asked of AWS, and at which pace |
//! | [`advance`] | from looking to writing |
//! | [`command`], [`answer`], [`handler`] | what comes in and what is answered |
//!
//! Calls: an idle tick makes one. For 50 open shifts of one zone it asks Route 53 for one listing and at most eight
//! changes; when they step, for one batch more. A tick with a shift that bakes waits for four calls, one after the other.

pub mod advance;
pub mod answer;
pub mod command;
pub mod decide;
pub mod handler;
pub mod inspect;
pub mod left;
pub mod look;
pub mod plan;
pub mod preflight;
pub mod records;
pub mod settings;
pub mod shift;
pub mod successor;
pub mod world;
