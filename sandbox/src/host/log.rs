//! What the function processes write, line by line, as a test reads it.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::task::JoinHandle;

use super::clock;

/// How long to wait for lines that were written before the answer.
const DRAIN_STEPS: u32 = 50;

/// Where a line was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// One line of a function's output.
#[derive(Clone, Debug)]
pub struct LogLine {
    /// When it was read.
    pub at: Timestamp,
    /// The request that the process was serving.
    pub request_id: String,
    /// Where it was written.
    pub stream: Stream,
    /// The line without its end.
    pub text: String,
}

impl LogLine {
    /// The line as JSON, if it is a JSON object.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_str(&self.text).ok().filter(Value::is_object)
    }
}

/// All lines of one function, shared by its processes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<LogLine>>>);

impl Log {
    pub(crate) fn lines(&self) -> Vec<LogLine> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn lines_of(&self, request_id: &str) -> Vec<LogLine> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().filter(|line| line.request_id == request_id).cloned().collect()
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn push(&self, request_id: String, stream: Stream, text: String) {
        let line = LogLine { at: clock::now(), request_id, stream, text };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

/// Reads one of a process's two streams into the function's log.
#[derive(Debug)]
pub(crate) struct Reader {
    /// The same pipe, to see whether bytes wait in it.
    pipe: OwnedFd,
    task: JoinHandle<()>,
}

impl Reader {
    /// Starts reading. `serving` names the request that the process serves.
    pub(crate) fn start(
        pipe: impl AsyncRead + AsFd + Send + Unpin + 'static,
        stream: Stream,
        log: Log,
        serving: Arc<Mutex<String>>,
    ) -> std::io::Result<Self> {
        let copy = pipe.as_fd().try_clone_to_owned()?;
        let task = tokio::spawn(async move {
            let mut reader = BufReader::new(pipe);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
                let text = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
                let request_id = serving.lock().unwrap_or_else(PoisonError::into_inner).clone();
                log.push(request_id, stream, text);
                line.clear();
            }
        });
        Ok(Self { pipe: copy, task })
    }

    /// Waits until everything that the process wrote so far has been read: the
    /// pipe is another way than the answer's socket and may lag behind it.
    pub(crate) async fn drain(&self) {
        for _ in 0..DRAIN_STEPS {
            let waiting = rustix::io::ioctl_fionread(&self.pipe).unwrap_or(0);
            if waiting == 0 || self.task.is_finished() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::task::yield_now().await;
    }

    /// Waits for the end of the stream, but not for a grandchild that keeps it
    /// open.
    pub(crate) async fn finish(&self) {
        for _ in 0..DRAIN_STEPS {
            if self.task.is_finished() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
