//! The AWS side of apprunner-autopilot: adapters for the ports of `autopilot`, and the Lambda runtime.
//!
//! One file a service; every adapter translates the SDK's types into the domain's and its failures into
//! [`autopilot::error::PortError`], nothing else. Clients are made once a process, by their first
//! call: an idle tick makes one.

pub mod acm;
pub mod apprunner;
pub mod cloudwatch;
pub mod dynamodb;
pub mod ec2;
pub mod ecr;
pub mod ecs;
pub mod elbv2;
pub mod eventbridge;
pub mod facts;
mod failure;
pub mod iam;
pub mod logs;
mod narrow;
mod on_demand;
pub mod route53;
pub mod runtime;
pub mod sdk;
pub mod sns;
