//! An AWS account in one process, for the demo and the tests of apprunner-autopilot.
//!
//! [`aws`] answers the AWS SDKs over their own wire protocols on one plain-HTTP endpoint. [`host`] runs
//! the function binaries over the Lambda Runtime API and routes the account's events to them as
//! `template.yaml` says. [`stage`] puts the two together. None of them knows what a function does.

pub mod aws;
pub mod host;
pub mod stage;
