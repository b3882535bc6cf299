//! HTTP/1.1 over TLS for all clients: one pool of connections, one set of trust anchors.
//!
//! The SDK's own client speaks HTTP/2 and to proxies too, which AWS's endpoints for these services do not offer and
//! Lambda does not need, and reads the trust anchors again for each client that is made. Without it the artifact is
//! smaller and the start shorter: docs/decisions/0007-start.md has the figures. Failures are told apart as there, for
//! the retry strategy goes by their kind.

use std::{error::Error, sync::Arc, time::Duration};

use aws_smithy_runtime_api::client::{
    connection::{CaptureSmithyConnection, ConnectionMetadata},
    http::{HttpConnector, HttpConnectorFuture},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
};
use aws_smithy_types::{body::SdkBody, retry::ErrorKind};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{CaptureConnection, HttpConnector as Tcp, HttpInfo, capture_connection},
    },
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};

/// The SDK's view of the pool.
#[derive(Clone, Debug)]
pub(super) struct Http(Client<HttpsConnector<Tcp>, SdkBody>);

impl Http {
    /// A pool that trusts these roots. A connection must be made within the time given.
    pub(super) fn new(roots: RootCertStore, connect: Duration) -> Result<Self, rustls::Error> {
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = Tcp::new();
        tcp.enforce_http(false); // it carries https, too
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(connect));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Ok(Self(Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector)))
    }
}

impl HttpConnector for Http {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
        };
        let taken = capture_connection(&mut request);
        if let Some(capture) = request.extensions().get::<CaptureSmithyConnection>() {
            capture.set_connection_retriever(move || connection(&taken));
        }
        let answer = self.0.request(request);
        HttpConnectorFuture::new(async move {
            match answer.await {
                Ok(response) => HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
                    .map_err(|error| ConnectorError::other(error.into(), None)),
                Err(error) => Err(told_apart(error)),
            }
        })
    }
}

/// The connection that a request went over: after a transient failure the SDK asks not to use it again.
fn connection(taken: &CaptureConnection) -> Option<ConnectionMetadata> {
    let (here, there) = {
        let connected = taken.connection_metadata();
        let mut extras = http::Extensions::new();
        connected.as_ref()?.get_extras(&mut extras);
        let info = extras.get::<HttpInfo>();
        (info.map(HttpInfo::local_addr), info.map(HttpInfo::remote_addr))
    };
    let taken = taken.clone();
    let mut metadata = ConnectionMetadata::builder().proxied(false).poison_fn(move || {
        if let Some(connected) = taken.connection_metadata().as_ref() {
            connected.poison();
        }
    });
    metadata.set_local_addr(here).set_remote_addr(there);
    Some(metadata.build())
}

fn told_apart(error: hyper_util::client::legacy::Error) -> ConnectorError {
    let broken = error.is_connect() || cause::<std::io::Error>(&error).is_some();
    let kind: fn(Box<dyn Error + Send + Sync>) -> ConnectorError = match cause::<hyper::Error>(&error) {
        Some(http) if http.is_timeout() => ConnectorError::timeout,
        Some(http) if http.is_user() => ConnectorError::user,
        Some(http) if http.is_closed() || http.is_canceled() => ConnectorError::io,
        Some(http) if http.is_incomplete_message() => {
            |error| ConnectorError::other(error, Some(ErrorKind::TransientError))
        }
        _ if broken => ConnectorError::io,
        _ => |error| ConnectorError::other(error, None),
    };
    kind(error.into())
}

/// The first of an error's causes that is of this type.
fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}
