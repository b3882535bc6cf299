//! The HTTP endpoint: recognises the service, applies faults, keeps the log, answers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use super::clock::Clock;
use super::error::ApiError;
use super::faults::{Fault, Faults};
use super::protocol::{Encoded, Head, Protocol};
use super::requests::{RequestHook, RequestLog, RequestRecord};
use super::service::Service;

/// All that answering a request needs.
pub(crate) struct Endpoint {
    pub(crate) services: Vec<Arc<dyn Service>>,
    pub(crate) faults: Faults,
    pub(crate) requests: RequestLog,
    pub(crate) clock: Clock,
    pub(crate) on_request: Option<RequestHook>,
    pub(crate) on_response: Option<RequestHook>,
    /// How long a call without an answer is held at most.
    pub(crate) hold: Duration,
}

/// The connection is closed without an answer.
#[derive(Debug)]
struct NoAnswer;

impl fmt::Display for NoAnswer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("closed without an answer")
    }
}

impl std::error::Error for NoAnswer {}

/// Accepts connections until the listener is dropped with its task.
pub(crate) async fn serve(listener: TcpListener, endpoint: Arc<Endpoint>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(connection(stream, endpoint.clone()));
            }
            // Out of file descriptors, or the client is gone already: others may still be served.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn connection(stream: TcpStream, endpoint: Arc<Endpoint>) {
    // Small answers must not wait for a full packet.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(endpoint.clone(), request));
    // An error here is a client that went away, or an ordered fault.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(
    endpoint: Arc<Endpoint>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, NoAnswer> {
    let head = Head::read(request.method(), request.uri(), request.headers());
    // Nobody signs the GET of a presigned URL in a header.
    if request.method() == Method::GET && head.caller.is_none() {
        return Ok(download(&endpoint, request.uri().path()));
    }
    let body = request.into_body().collect().await.map_err(|_| NoAnswer)?.to_bytes();
    let found = endpoint.services.iter().find_map(|service| {
        let (operation, input) = service.protocol().decode(&head, &body)?;
        Some((service.clone(), operation, input))
    });
    let Some((service, operation, input)) = found else {
        return Ok(unrecognised());
    };
    // A task of its own: once work has begun it goes on, though the client gives up, as with AWS.
    let work = tokio::spawn(async move { endpoint.handle(&*service, &operation, input, head.caller).await });
    work.await.map_err(|_| NoAnswer)?
}

/// The answer to a presigned URL: what a service keeps there. It is not logged as a call, for it is none.
fn download(endpoint: &Endpoint, path: &str) -> Response<Full<Bytes>> {
    let found = endpoint.services.iter().find_map(|service| service.download(path));
    let (status, body) = found.map_or((404, String::new()), |body| (200, body));
    response(
        "",
        Encoded { status, headers: vec![("content-type", "application/octet-stream".to_owned())], body },
    )
}

/// The answer to a request that no service of the sandbox knows.
fn unrecognised() -> Response<Full<Bytes>> {
    let protocol = Protocol::Json { target: "", version: "1.0", message_member: "message" };
    let refusal = ApiError::refused("UnknownOperationException", "The sandbox has no such service.");
    let id = Uuid::new_v4().to_string();
    response(&id, protocol.encode("", &id, Err(refusal.with_status(404))))
}

fn response(request_id: &str, encoded: Encoded) -> Response<Full<Bytes>> {
    let mut builder = Response::builder().status(encoded.status).header("x-amzn-requestid", request_id);
    for (name, value) in encoded.headers {
        builder = builder.header(name, value);
    }
    // The parts come from tables; should one be unfit for a header, the body is still sent.
    builder
        .body(Full::new(Bytes::from(encoded.body)))
        .unwrap_or_else(|_| Response::new(Full::new(Bytes::new())))
}

impl Endpoint {
    async fn handle(
        &self,
        service: &dyn Service,
        operation: &str,
        input: Result<Value, ApiError>,
        caller: Option<String>,
    ) -> Result<Response<Full<Bytes>>, NoAnswer> {
        let logged_input = input.as_ref().cloned().unwrap_or_default();
        let mut record = self.requests.arrived(&self.clock, service.name(), operation, caller, logged_input);
        record.fault = self.faults.take(service.name(), operation);
        self.requests.update(&record);
        if let Some(hook) = &self.on_request {
            hook(&record);
        }
        let work = || input.and_then(|input| service.call(operation, &input));
        let result = match record.fault.clone() {
            None => work(),
            Some(Fault::Slow(delay)) => {
                tokio::time::sleep(delay).await;
                work()
            }
            Some(Fault::Throttle) => {
                Err(ApiError::refused(service.protocol().throttling_code(), "Rate exceeded"))
            }
            Some(Fault::ServerError) => Err(ApiError::server(service.server_error())),
            Some(Fault::Refuse { code, message }) => Err(ApiError::refused(&code, message)),
            Some(Fault::Reset) => return Err(NoAnswer),
            Some(Fault::TimeoutBeforeWork) => return self.hold_without_answer(&record).await,
            Some(Fault::TimeoutAfterWork) => {
                record.error = work().err().map(|error| error.code);
                return self.hold_without_answer(&record).await;
            }
        };
        record.status = Some(result.as_ref().map_or_else(|error| error.status, |_| 200));
        record.error = result.as_ref().err().map(|error| error.code.clone());
        self.finish(&record);
        let request_id = Uuid::new_v4().to_string();
        Ok(response(&request_id, service.protocol().encode(operation, &request_id, result)))
    }

    /// Keeps the client waiting until it gives up or the sandbox's own limit is reached.
    async fn hold_without_answer(&self, record: &RequestRecord) -> Result<Response<Full<Bytes>>, NoAnswer> {
        self.finish(record);
        tokio::time::sleep(self.hold).await;
        Err(NoAnswer)
    }

    fn finish(&self, record: &RequestRecord) {
        self.requests.update(record);
        if let Some(hook) = &self.on_response {
            hook(record);
        }
    }
}
