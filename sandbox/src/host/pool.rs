//! The processes of one function: an idle one is used again, a missing one is
//! started, and no more than the limit run at a time.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use uuid::Uuid;

use super::function::Function;
use super::invocation::{InvokeError, InvokeResult};
use super::log::Log;
use super::process::{Failure, Process};
use super::runtime::{Answer, Invocation};

/// The processes of one function.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) function: Function,
    pub(crate) log: Log,
    binary: PathBuf,
    environment: BTreeMap<String, String>,
    timeout: Duration,
    init_timeout: Duration,
    permits: Semaphore,
    idle: Mutex<Vec<Arc<Process>>>,
    all: Mutex<Vec<Weak<Process>>>,
}

impl Pool {
    pub(crate) fn new(
        function: Function,
        binary: PathBuf,
        environment: BTreeMap<String, String>,
        limits: &Limits,
    ) -> Self {
        let concurrency = function.reserved_concurrency.unwrap_or(usize::MAX).min(limits.concurrency).max(1);
        Self {
            timeout: limits.timeout.unwrap_or(function.timeout),
            init_timeout: limits.init_timeout,
            permits: Semaphore::new(concurrency),
            log: Log::default(),
            idle: Mutex::default(),
            all: Mutex::default(),
            function,
            binary,
            environment,
        }
    }

    /// Runs one try of an invocation. Beyond the limit it waits for its turn.
    pub(crate) async fn run(&self, request_id: &str, payload: Bytes) -> InvokeResult {
        let _permit = self.permits.acquire().await;
        let started = Instant::now();
        let process = self.take_idle();
        let cold = process.is_none();
        let ready = match process {
            Some(process) => Ok(process),
            None => self.start(request_id).await,
        };
        let init = cold.then(|| started.elapsed());
        let answer = match ready {
            Ok(process) => self.serve(process, request_id, payload).await,
            Err(error) => Err(error),
        };
        let answered = answer.as_ref().ok().map(|(_, at)| at.duration_since(started));
        let (payload, error) = match answer {
            Ok((Answer::Response(body), _)) => (body.to_vec(), None),
            Ok((Answer::Error(body), _)) => (body.to_vec(), Some(InvokeError::reported(&body))),
            Err(error) => (error.document(), Some(error)),
        };
        InvokeResult {
            request_id: request_id.to_owned(),
            payload,
            error,
            logs: self.log.lines_of(request_id),
            duration: started.elapsed(),
            init,
            answered,
            cold,
        }
    }

    async fn start(&self, request_id: &str) -> Result<Arc<Process>, InvokeError> {
        let spawned = Process::spawn(&self.binary, &self.environment, &self.log, request_id).await;
        let process = spawned.map(Arc::new).map_err(|error| {
            InvokeError::made_by_lambda(request_id, "Runtime.InvalidEntrypoint", &format!("{error:#}"))
        })?;
        self.register(&process);
        let ready = process.initialise(self.init_timeout).await;
        ready.map_err(|failure| InvokeError::without_answer(request_id, &failure))?;
        Ok(process)
    }

    fn register(&self, process: &Arc<Process>) {
        let mut all = lock(&self.all);
        all.retain(|process| process.strong_count() > 0);
        all.push(Arc::downgrade(process));
    }

    async fn serve(
        &self,
        process: Arc<Process>,
        request_id: &str,
        payload: Bytes,
    ) -> Result<(Answer, Instant), InvokeError> {
        let trace = Uuid::new_v4().simple().to_string();
        let invocation = Invocation {
            request_id: request_id.to_owned(),
            payload,
            timeout: self.timeout,
            function_arn: self.function.arn.clone(),
            trace_id: format!("Root=1-{}-{};Parent={};Sampled=0", &trace[..8], &trace[8..], &trace[16..]),
        };
        let answer: Result<(Answer, Instant), Failure> = process.serve(invocation).await;
        if process.is_alive() {
            lock(&self.idle).push(process);
        }
        answer.map_err(|failure| InvokeError::without_answer(request_id, &failure))
    }

    fn take_idle(&self) -> Option<Arc<Process>> {
        let mut idle = lock(&self.idle);
        idle.retain(|process| process.is_alive());
        idle.pop()
    }

    /// The process numbers of those that live.
    pub(crate) fn processes(&self) -> Vec<u32> {
        self.alive().iter().filter_map(|process| process.number()).collect()
    }

    fn alive(&self) -> Vec<Arc<Process>> {
        let all = lock(&self.all);
        all.iter().filter_map(Weak::upgrade).filter(|process| process.is_alive()).collect()
    }

    /// Kills every process, whatever it is doing. Returns how many there were.
    pub(crate) fn kill(&self) -> usize {
        let alive = self.alive();
        for process in &alive {
            process.kill();
        }
        alive.len()
    }
}

/// What bounds the processes of every function.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) concurrency: usize,
    pub(crate) init_timeout: Duration,
    /// Instead of the template's timeouts.
    pub(crate) timeout: Option<Duration>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
