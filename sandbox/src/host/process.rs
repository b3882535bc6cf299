//! A process of a function: started with the environment that Lambda gives,
//! fed one invocation at a time, killed by its deadline or by the test.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use axum::body::Bytes;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::Instant;

use super::log::{Log, Reader, Stream};
use super::runtime::{Answer, Invocation, Phase, RuntimeApi};

/// Why a process gave no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It ended; how, in Lambda's words.
    Exited(String),
    /// It took longer than this and was killed.
    TimedOut(Duration),
    /// It posted this to `init/error`.
    InitFailed(Bytes),
}

/// A running process of a function.
#[derive(Debug)]
pub(crate) struct Process {
    api: RuntimeApi,
    /// Nothing once the process has been waited for: its number is then free.
    pid: Arc<Mutex<Option<Pid>>>,
    exit: watch::Receiver<Option<String>>,
    /// The request that its output belongs to.
    serving: Arc<Mutex<String>>,
    output: Arc<[Reader; 2]>,
    killed: AtomicBool,
}

impl Process {
    /// Starts the binary. Its first lines belong to `request_id`.
    pub(crate) async fn spawn(
        binary: &Path,
        environment: &BTreeMap<String, String>,
        log: &Log,
        request_id: &str,
    ) -> Result<Self> {
        let api = RuntimeApi::start().await?;
        let mut child = Command::new(binary)
            .env_clear()
            .envs(environment)
            .env("AWS_LAMBDA_RUNTIME_API", api.address().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("fork/exec {}", binary.display()))?;
        let serving = Arc::new(Mutex::new(request_id.to_owned()));
        let stdout = child.stdout.take().ok_or_else(|| anyhow!("no stdout"))?;
        let stderr = child.stderr.take().ok_or_else(|| anyhow!("no stderr"))?;
        let output = Arc::new([
            Reader::start(stdout, Stream::Stdout, log.clone(), serving.clone())?,
            Reader::start(stderr, Stream::Stderr, log.clone(), serving.clone())?,
        ]);
        let raw = child.id().and_then(|id| i32::try_from(id).ok());
        let pid = Arc::new(Mutex::new(raw.and_then(Pid::from_raw)));
        let (announce, exit) = watch::channel(None);
        tokio::spawn(supervise(child, pid.clone(), output.clone(), announce));
        Ok(Self { api, pid, exit, serving, output, killed: AtomicBool::new(false) })
    }

    /// Waits until the process asks for its first invocation.
    pub(crate) async fn initialise(&self, limit: Duration) -> Result<(), Failure> {
        tokio::select! {
            biased;
            phase = self.api.reached(|phase| *phase != Phase::Starting) => match phase {
                Phase::InitFailed(body) => {
                    self.drain().await;
                    Err(Failure::InitFailed(body))
                }
                _ => Ok(()),
            },
            how = self.exited() => Err(Failure::Exited(how)),
            () = tokio::time::sleep(limit) => Err(self.time_out(limit).await),
        }
    }

    /// Gives the process an invocation and waits for the answer, and then until
    /// the process is ready for the next, as Lambda does. Returns when the answer came, too.
    pub(crate) async fn serve(&self, invocation: Invocation) -> Result<(Answer, Instant), Failure> {
        let timeout = invocation.timeout;
        lock(&self.serving).clone_from(&invocation.request_id);
        let answer = self.api.hand_over(invocation).await;
        let deadline = Instant::now() + timeout;
        let answer = tokio::select! {
            biased;
            Ok(answer) = answer => answer,
            how = self.exited() => return Err(Failure::Exited(how)),
            () = tokio::time::sleep_until(deadline) => return Err(self.time_out(timeout).await),
        };
        let answered = Instant::now();
        tokio::select! {
            biased;
            _ = self.api.reached(|phase| *phase == Phase::Polling) => {}
            _ = self.exited() => {}
            () = tokio::time::sleep_until(deadline) => self.kill(),
        }
        self.drain().await;
        Ok((answer, answered))
    }

    /// Waits until what the process wrote so far is in the log.
    async fn drain(&self) {
        for reader in self.output.iter() {
            reader.drain().await;
        }
    }

    /// Kills the process and all that it started, at once.
    pub(crate) fn kill(&self) {
        self.killed.store(true, Ordering::SeqCst);
        if let Some(pid) = *lock(&self.pid) {
            // It may have ended by itself in this moment, which is as good.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }

    /// Its number, until it has ended.
    pub(crate) fn number(&self) -> Option<u32> {
        lock(&self.pid).and_then(|pid| pid.as_raw_nonzero().get().try_into().ok())
    }

    /// Whether it can take an invocation.
    pub(crate) fn is_alive(&self) -> bool {
        !self.killed.load(Ordering::SeqCst) && self.exit.borrow().is_none()
    }

    async fn exited(&self) -> String {
        let mut exit = self.exit.clone();
        let how = exit.wait_for(Option::is_some).await.ok().and_then(|how| how.clone());
        how.unwrap_or_else(|| "Runtime exited without providing a reason".to_owned())
    }

    async fn time_out(&self, limit: Duration) -> Failure {
        self.kill();
        self.exited().await;
        Failure::TimedOut(limit)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits for the end of the process, so that it leaves no zombie, and tells how
/// it ended once its output has been read.
async fn supervise(
    mut child: Child,
    pid: Arc<Mutex<Option<Pid>>>,
    output: Arc<[Reader; 2]>,
    announce: watch::Sender<Option<String>>,
) {
    let status = child.wait().await;
    lock(&pid).take();
    for reader in output.iter() {
        reader.finish().await;
    }
    announce.send_replace(Some(status.map_or_else(|error| error.to_string(), describe)));
}

/// Lambda's words for the end of a process.
fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(0), _) => "Runtime exited without providing a reason".to_owned(),
        (Some(code), _) => format!("Runtime exited with error: exit status {code}"),
        (None, Some(9)) => "Runtime exited with error: signal: killed".to_owned(),
        (None, signal) => format!("Runtime exited with error: signal: {}", signal.unwrap_or_default()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
