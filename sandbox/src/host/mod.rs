//! Runs the real function binaries as Lambda would and routes events to them as
//! `template.yaml` says, so that tests and the demo exercise what is deployed.
//!
//! ```text
//! template.yaml ─► template ─► functions with rules and schedules
//!                                  │
//! account's events ─► router ──────┤ pattern, schedule
//!                                  ▼
//!                               lambda ─► pool ─► process ◄─ Runtime API ─► binary
//!                                  └─► retries, on-failure destination
//! ```

pub mod function;
pub mod input;
pub mod invocation;
pub mod lambda;
pub mod log;
pub mod pattern;
pub mod resources;
pub mod router;
pub mod schedule;
pub mod sources;
pub mod template;

mod clock;
mod cron;
mod environment;
mod in_flight;
mod intrinsics;
mod node;
mod operator;
mod options;
mod parameters;
mod pool;
mod process;
mod runtime;
mod yaml;

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use serde_json::Value;

use in_flight::InFlight;
use lambda::Lambda;
pub use options::Options;
use router::Router;
use template::Template;

/// The functions of a template, running.
#[derive(Clone, Debug)]
pub struct Host {
    /// Invokes functions.
    pub lambda: Arc<Lambda>,
    /// Routes events and schedules to them.
    pub router: Arc<Router>,
}

impl Host {
    /// Hosts every function of the template. The binaries are looked up in
    /// `binaries`; the functions find the account at `endpoint`. Must be called
    /// within a tokio runtime.
    pub fn start(template: &Template, binaries: &Path, endpoint: &str, options: &Options) -> Result<Self> {
        let in_flight = InFlight::default();
        let template = &template.with_functions(&options.functions)?;
        let lambda = Arc::new(Lambda::new(template, binaries, endpoint, options, in_flight.clone())?);
        let deployed_at = options.deployed_at.unwrap_or_else(clock::now);
        let router = Arc::new(Router::new(template, lambda.clone(), deployed_at, in_flight)?);
        Ok(Self { lambda, router })
    }

    /// What the account calls with each event on its default bus.
    pub fn on_event(&self) -> Arc<dyn Fn(Value) + Send + Sync> {
        let router = self.router.clone();
        Arc::new(move |event| router.deliver(event))
    }
}
