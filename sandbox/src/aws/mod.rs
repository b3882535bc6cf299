//! The AWS side: one endpoint on 127.0.0.1 that speaks the protocols of the official SDKs.
//!
//! ```text
//! SDK ──HTTP──> server ──> protocol (which service, which operation, the input as JSON)
//!                 │ faults, request log, hooks
//!                 └──────> Service::call ──> App Runner, DynamoDB, Logs, SNS, EventBridge, Route 53, …
//!                                              │ events          │ log lines
//!                                              └──> bus          └──> CloudWatch Logs
//! ```
//!
//! A further AWS service is one type that implements [`service::Service`], added to the table in
//! `account.rs`. Signatures are not verified; the access key ID tells callers apart.

mod account;
pub mod acm;
pub mod apprunner;
pub mod bus;
pub mod clock;
pub mod cloudwatch;
pub mod dynamodb;
pub mod ec2;
pub mod ecr;
pub mod ecs;
pub mod elbv2;
pub mod error;
pub mod eventbridge;
pub mod faults;
pub mod iam;
pub(crate) mod identity;
mod idle;
pub mod logs;
pub mod paging;
pub mod protocol;
pub mod requests;
pub mod rest_xml;
pub mod route53;
mod server;
pub mod service;
pub mod sns;
pub mod sts;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use account::{Options, Sandbox};
pub use apprunner::{Outcome, Script};
pub use clock::Clock;
pub use error::ApiError;
pub use faults::{Fault, Faults};
pub use requests::{RequestLog, RequestRecord};
pub use server::{Around, Door, NoAnswer};

/// Locks a mutex; a panic elsewhere does not take the account down with it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
