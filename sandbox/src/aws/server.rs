//! The HTTP endpoint: recognises the service, applies faults, keeps the log, answers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};

use super::clock::Clock;
use super::error::ApiError;
use super::faults::{Fault, Faults};
use super::protocol::{Encoded, Head, Protocol};
use super::requests::{RequestHook, RequestLog, RequestRecord};
use super::service::Service;
use crate::aws::identity::fresh;

/// All that answering a request needs.
pub(crate) struct Endpoint {
    pub(crate) services: Vec<Arc<dyn Service>>,
    pub(crate) faults: Faults,
    pub(crate) requests: RequestLog,
    pub(crate) clock: Clock,
    pub(crate) on_request: Option<RequestHook>,
    pub(crate) on_response: Option<RequestHook>,
    pub(crate) around: Option<Around>,
    /// How long a call without an answer is held at most.
    pub(crate) hold: Duration,
}

/// Stands around the work of every request: does it as it pleases, by default once, and answers.
pub type Around = Arc<
    dyn Fn(&RequestRecord, &dyn Fn(&Value) -> Result<Value, ApiError>) -> Result<Value, ApiError>
        + Send
        + Sync,
>;

/// The way into the account without a socket. Clones lead to the same account.
#[derive(Clone)]
pub struct Door(pub(crate) Arc<Endpoint>);

impl Door {
    /// Answers a request as the endpoint would; it meets this fault, or else one that was ordered before.
    pub async fn answer(
        &self,
        request: Request<&[u8]>,
        fault: Option<Fault>,
    ) -> Result<Response<Bytes>, NoAnswer> {
        let (parts, body) = request.into_parts();
        let head = Head::read(&parts.method, &parts.uri, &parts.headers);
        let (parts, body) = respond(self.0.clone(), &head, body, fault).await?.into_parts();
        let body = body.collect().await.map_err(|_| NoAnswer)?.to_bytes();
        Ok(Response::from_parts(parts, body))
    }
}

/// The connection is closed without an answer.
#[derive(Debug)]
pub struct NoAnswer;

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
    let body = request.into_body().collect().await.map_err(|_| NoAnswer)?.to_bytes();
    respond(endpoint, &head, &body, None).await
}

async fn respond(
    endpoint: Arc<Endpoint>,
    head: &Head,
    body: &[u8],
    fault: Option<Fault>,
) -> Result<Response<Full<Bytes>>, NoAnswer> {
    // Nobody signs the GET of a presigned URL in a header.
    if let Some(path) = head.download() {
        return Ok(download(&endpoint, path));
    }
    let found = endpoint.services.iter().find_map(|service| {
        let (operation, input) = service.protocol().decode(head, body)?;
        Some((service.clone(), operation, input))
    });
    let Some((service, operation, input)) = found else {
        return Ok(unrecognised());
    };
    // A task of its own: once work has begun it goes on, though the client gives up, as with AWS.
    let caller = head.caller.clone();
    let work =
        tokio::spawn(async move { endpoint.handle(&*service, &operation, input, (caller, fault)).await });
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
    let id = fresh().to_string();
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
        (caller, fault): (Option<String>, Option<Fault>),
    ) -> Result<Response<Full<Bytes>>, NoAnswer> {
        let logged_input = input.as_ref().cloned().unwrap_or_default();
        let mut record = self.requests.arrived(&self.clock, service.name(), operation, caller, logged_input);
        record.fault = fault.or_else(|| self.faults.take(service.name(), operation));
        self.requests.update(&record);
        if let Some(hook) = &self.on_request {
            hook(&record);
        }
        let asked = record.clone();
        let work = || {
            let input = input?;
            match &self.around {
                None => service.call(operation, &input),
                Some(around) => around(&asked, &|input| service.call(operation, input)),
            }
        };
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
        let request_id = fresh().to_string();
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
