//! Lambda's two ways to invoke a function: synchronously, one try; and
//! asynchronously, with a queue, repeats under the same request ID, a maximum
//! age and an on-failure destination.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use axum::body::Bytes;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::Instant;
use uuid::Uuid;

use super::clock;
use super::environment;
use super::in_flight::InFlight;
use super::invocation::{AsyncOutcome, Condition, DestinationRecord, InvokeResult};
use super::log::LogLine;
use super::options::Options;
use super::pool::{Limits, Pool};
use super::template::Template;

/// Runs the functions of a template.
#[derive(Debug)]
pub struct Lambda {
    pools: BTreeMap<String, Arc<Pool>>,
    retry_delays: [Duration; 2],
    maximum_event_age: Option<Duration>,
    destinations: Mutex<Vec<DestinationRecord>>,
    in_flight: InFlight,
    runtime: Handle,
}

/// An asynchronous invocation that was accepted.
#[derive(Debug)]
pub struct Accepted {
    /// The request ID, the same for every try.
    pub request_id: String,
    outcome: oneshot::Receiver<AsyncOutcome>,
}

impl Accepted {
    /// Waits for the end: success, or Lambda giving up.
    pub async fn outcome(self) -> Result<AsyncOutcome> {
        self.outcome.await.context("the host was stopped")
    }
}

impl Lambda {
    /// Prepares every function of the template; processes start when they are
    /// first needed. Must be called within a tokio runtime.
    pub(crate) fn new(
        template: &Template,
        binaries: &Path,
        endpoint: &str,
        options: &Options,
        in_flight: InFlight,
    ) -> Result<Self> {
        let limits = Limits {
            concurrency: options.concurrency,
            init_timeout: options.init_timeout,
            timeout: options.timeout,
        };
        let mut pools = BTreeMap::new();
        for (id, function) in template.functions() {
            let binary = find_binary(binaries, &function.binary).with_context(|| id.clone())?;
            let environment = environment::of(function, template.account(), endpoint, &options.variables);
            pools.insert(id.clone(), Arc::new(Pool::new(function.clone(), binary, environment, &limits)));
        }
        Ok(Self {
            pools,
            retry_delays: options.retry_delays,
            maximum_event_age: options.maximum_event_age,
            destinations: Mutex::default(),
            in_flight,
            runtime: Handle::try_current().context("the host needs a tokio runtime")?,
        })
    }

    /// Invokes a function once and waits (`RequestResponse`). The function is
    /// named by its logical ID, name or ARN. The payload goes as it is, so a
    /// test may send JSON that is cut off. An `Err` means that there is no such
    /// function; the function's own failure is in the result.
    pub async fn invoke(&self, function: &str, payload: impl Into<Vec<u8>>) -> Result<InvokeResult> {
        let pool = self.pool(function)?;
        let _flight = self.in_flight.begin();
        Ok(pool.run(&Uuid::new_v4().to_string(), Bytes::from(payload.into())).await)
    }

    /// Queues an invocation (`Event`) and returns at once. May be called from
    /// any thread.
    pub fn invoke_async(self: &Arc<Self>, function: &str, payload: impl Into<Vec<u8>>) -> Result<Accepted> {
        let pool = self.pool(function)?.clone();
        let request_id = Uuid::new_v4().to_string();
        let (sender, outcome) = oneshot::channel();
        let flight = self.in_flight.begin();
        let lambda = self.clone();
        let (id, payload) = (request_id.clone(), Bytes::from(payload.into()));
        self.runtime.spawn(async move {
            let outcome = lambda.try_until_done(&pool, id, payload).await;
            // Whoever queued it may not care about the outcome.
            let _ = sender.send(outcome);
            drop(flight);
        });
        Ok(Accepted { request_id, outcome })
    }

    async fn try_until_done(&self, pool: &Pool, request_id: String, payload: Bytes) -> AsyncOutcome {
        let config = &pool.function.asynchronous;
        let maximum_age = self.maximum_event_age.unwrap_or(config.maximum_event_age);
        let queued = Instant::now();
        let mut outcome = AsyncOutcome { request_id, attempts: Vec::new(), gave_up: None };
        let condition = loop {
            if queued.elapsed() > maximum_age {
                break Condition::EventAgeExceeded;
            }
            let attempt = pool.run(&outcome.request_id, payload.clone()).await;
            let succeeded = attempt.error.is_none();
            outcome.attempts.push(attempt);
            if succeeded {
                return outcome;
            }
            let retries = outcome.attempts.len() - 1;
            match self.retry_delays.get(retries) {
                Some(delay) if retries < config.maximum_retry_attempts as usize => {
                    tokio::time::sleep(*delay).await;
                }
                _ => break Condition::RetriesExhausted,
            }
        };
        outcome.gave_up = Some(condition);
        if let Some(destination) = &config.on_failure {
            let record = outcome.record(clock::now(), &pool.function.arn, &payload, condition);
            let function = pool.function.logical_id.clone();
            let delivered = DestinationRecord { function, destination: destination.clone(), record };
            self.destinations.lock().unwrap_or_else(PoisonError::into_inner).push(delivered);
        }
        outcome
    }

    /// What was delivered to on-failure destinations so far.
    pub fn destination_records(&self) -> Vec<DestinationRecord> {
        self.destinations.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every line that a function's processes wrote.
    pub fn logs(&self, function: &str) -> Result<Vec<LogLine>> {
        Ok(self.pool(function)?.log.lines())
    }

    /// Kills every process of every function (SIGKILL), whatever it is doing;
    /// the signals have been sent when this returns. Returns their number. The
    /// next invocation starts a new process.
    pub fn kill_all(&self) -> usize {
        self.pools.values().map(|pool| pool.kill()).sum()
    }

    /// Kills the processes of one function.
    pub fn kill(&self, function: &str) -> Result<usize> {
        Ok(self.pool(function)?.kill())
    }

    /// Forgets every line that the processes wrote so far.
    pub fn clear_logs(&self) {
        self.pools.values().for_each(|pool| pool.log.clear());
    }

    /// The numbers of a function's processes, for a look at what they use.
    pub fn processes(&self, function: &str) -> Result<Vec<u32>> {
        Ok(self.pool(function)?.processes())
    }

    fn pool(&self, function: &str) -> Result<&Arc<Pool>> {
        let named = |pool: &&Arc<Pool>| pool.function.name == function || pool.function.arn == function;
        let pool = self.pools.get(function).or_else(|| self.pools.values().find(named));
        pool.ok_or_else(|| anyhow!("there is no function {function}"))
    }
}

/// A binary lies in the directory itself, as `cargo build` leaves it, or as
/// `<name>/bootstrap`, as `cargo lambda build` does.
fn find_binary(directory: &Path, name: &str) -> Result<PathBuf> {
    let places = [directory.join(name), directory.join(name).join("bootstrap")];
    match places.iter().find(|place| place.is_file()) {
        Some(place) => Ok(place.clone()),
        None => bail!("there is no binary {}; build the workspace first", places[0].display()),
    }
}
