//! `shift` moves traffic from App Runner to its successor by Route 53 weights, step by step, and back by itself.

pub mod decide;
pub mod look;
pub mod plan;
pub mod preflight;
pub mod records;
pub mod shift;
pub mod successor;
pub mod world;
