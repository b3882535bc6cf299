//! The common crate of apprunner-autopilot: what all functions share, and nothing of AWS's SDK.
//!
//! | module | what it holds |
//! |---|---|
//! | [`event`], [`announcement`] | what comes in and what goes out over the bus |
//! | [`service`], [`incident`], [`leftovers`], [`period`] | the domain: services and their operations, failures, what stays behind, times |
//! | [`dns`], [`balancing`] | records of Route 53, whole, and what they lead to |
//! | [`evidence`], [`gather`], [`facts`], [`diagnosis`] | from what was found to why it failed |
//! | [`desk`], [`case`] | the one way of every acting function from a case to what is done about it |
//! | [`analysis`] | checks over metrics and alarms |
//! | [`configuration`] | a service's complete configuration: stored, compared, guarded |
//! | [`control`], [`mutation`] | who may change what: modes, stop, budgets, intents |
//! | [`store`], [`outbox`] | versioned state and what is still to be told because of it |
//! | [`ports`] | what a function asks of the world; the AWS side is the crate `autopilot-aws` |
//! | [`redact`] | secrets stay inside, by type |
//! | [`error`], [`settings`], [`telemetry`] | failures, settings and logs, the same everywhere |
//!
//! A function observes through ports, decides purely and applies: docs/architecture.md. This crate has no AWS
//! crate among its dependencies, so no decision can reach one; `scripts/test` checks that it stays so.

pub mod analysis;
pub mod announcement;
pub mod balancing;
pub mod call;
pub mod case;
pub mod configuration;
pub mod control;
pub mod desk;
pub mod diagnosis;
pub mod dns;
pub mod error;
pub mod event;
pub mod evidence;
pub mod facts;
pub mod gather;
pub mod incident;
pub mod leftovers;
#[cfg(any(test, feature = "memory"))]
pub mod memory;
pub mod mutation;
pub mod outbox;
pub mod period;
pub mod ports;
pub mod redact;
pub mod service;
pub mod settings;
pub mod store;
pub mod telemetry;
mod words;
