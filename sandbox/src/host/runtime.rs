//! The Lambda Runtime API for one function process, on a port of its own:
//! `next`, `response`, `error` and `init/error`, as `lambda_runtime` and every
//! other runtime speak it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::clock;

/// An invocation on its way to a process.
#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    pub(crate) request_id: String,
    pub(crate) payload: Bytes,
    pub(crate) timeout: Duration,
    pub(crate) function_arn: String,
    pub(crate) trace_id: String,
}

/// What the process answered.
#[derive(Debug)]
pub(crate) enum Answer {
    Response(Bytes),
    Error(Bytes),
}

/// What the process is doing, seen from its calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It has not asked for an invocation yet.
    Starting,
    /// It posted to `init/error`.
    InitFailed(Bytes),
    /// It waits in `next`.
    Polling,
    /// It has been given an invocation.
    Serving,
}

type Handover = (Invocation, oneshot::Sender<Answer>);

/// The API of one process. Dropping it closes the port.
#[derive(Debug)]
pub(crate) struct RuntimeApi {
    address: SocketAddr,
    handovers: mpsc::Sender<Handover>,
    phase: watch::Sender<Phase>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    handovers: tokio::sync::Mutex<mpsc::Receiver<Handover>>,
    serving: Mutex<Option<(String, oneshot::Sender<Answer>)>>,
    phase: watch::Sender<Phase>,
}

impl RuntimeApi {
    pub(crate) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("the Runtime API found no port")?;
        let address = listener.local_addr()?;
        let (handovers, receiver) = mpsc::channel(1);
        let (phase, _) = watch::channel(Phase::Starting);
        let shared = Arc::new(Shared {
            handovers: tokio::sync::Mutex::new(receiver),
            serving: Mutex::new(None),
            phase: phase.clone(),
        });
        let routes = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .layer(DefaultBodyLimit::disable())
            .with_state(shared);
        let server = tokio::spawn(async move {
            // Ends with the process: the task is aborted when the API is dropped.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self { address, handovers, phase, server })
    }

    /// The value of `AWS_LAMBDA_RUNTIME_API`.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the process is in a phase that is wanted, and returns it.
    pub(crate) async fn reached(&self, wanted: impl FnMut(&Phase) -> bool) -> Phase {
        let mut phases = self.phase.subscribe();
        let reached = phases.wait_for(wanted).await.map(|phase| phase.clone());
        // The sender lives in `self`, so the channel cannot close meanwhile.
        reached.unwrap_or(Phase::Starting)
    }

    /// Gives the process an invocation; its answer comes through the receiver.
    pub(crate) async fn hand_over(&self, invocation: Invocation) -> oneshot::Receiver<Answer> {
        let (answer, receiver) = oneshot::channel();
        self.phase.send_replace(Phase::Serving);
        // A process that is gone drops the sender, and the receiver says so.
        let _ = self.handovers.send((invocation, answer)).await;
        receiver
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    let mut handovers = shared.handovers.lock().await;
    shared.phase.send_replace(Phase::Polling);
    let Some((invocation, answer)) = handovers.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let deadline =
        clock::now().as_millisecond() + i64::try_from(invocation.timeout.as_millis()).unwrap_or(i64::MAX);
    let headers = [
        ("lambda-runtime-aws-request-id", invocation.request_id.clone()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", invocation.function_arn),
        ("lambda-runtime-trace-id", invocation.trace_id),
        ("content-type", "application/json".to_owned()),
    ];
    *shared.serving.lock().unwrap_or_else(PoisonError::into_inner) = Some((invocation.request_id, answer));
    let headers: HeaderMap = headers
        .into_iter()
        .filter_map(|(name, value)| Some((HeaderName::from_static(name), value.parse().ok()?)))
        .collect();
    (headers, invocation.payload).into_response()
}

async fn response(State(shared): State<Arc<Shared>>, Path(id): Path<String>, body: Bytes) -> Response {
    shared.answer(&id, Answer::Response(body))
}

async fn error(State(shared): State<Arc<Shared>>, Path(id): Path<String>, body: Bytes) -> Response {
    shared.answer(&id, Answer::Error(body))
}

async fn init_error(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    shared.phase.send_replace(Phase::InitFailed(body));
    accepted()
}

impl Shared {
    fn answer(&self, id: &str, answer: Answer) -> Response {
        let mut serving = self.serving.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, sender)) = serving.take_if(|(serving, _)| serving == id) {
            // Nobody waits any more for an answer after the deadline.
            let _ = sender.send(answer);
            return accepted();
        }
        let error = json!({"errorType": "InvalidRequestID", "errorMessage": format!("{id} is not served")});
        (StatusCode::BAD_REQUEST, error.to_string()).into_response()
    }
}

fn accepted() -> Response {
    (StatusCode::ACCEPTED, json!({"status": "OK"}).to_string()).into_response()
}
