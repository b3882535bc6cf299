//! The AWS side of the sandbox, tested over HTTP as the SDKs speak to it.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test says by a panic that it failed")]

mod apprunner;
mod dns;
mod dynamodb;
mod faults;
mod logs;
mod messages;
mod metrics;
mod resources;
mod successor;
mod wire;
