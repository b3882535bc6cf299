//! The AWS side of apprunner-autopilot: adapters for the ports of `autopilot`, and the Lambda runtime.
//!
//! One file a service; every adapter translates the SDK's types into the domain's and its failures into
//! [`autopilot::error::PortError`], nothing else. Clients are made once a process, and only by the functions
//! that use them.

pub mod apprunner;
pub mod dynamodb;
mod failure;
pub mod logs;
pub mod runtime;
pub mod sns;
