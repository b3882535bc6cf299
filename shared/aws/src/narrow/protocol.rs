//! What the narrow client writes and reads on the wire.
//!
//! | protocol | request | error |
//! |---|---|---|
//! | Query | a form with `Action` and `Version` | XML with `Code`, `Message` and the request's ID, in EC2's or in the others' shape |
//! | REST with XML | method and path, and an XML document | the same XML, or one that is named after the error and holds `Messages` |
//! | JSON 1.0 and 1.1 | `X-Amz-Target` and a JSON object | `__type` or the header `x-amzn-errortype`, and `message` |

use std::fmt;

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::BeforeDeserializationInterceptorContextMut, dyn_dispatch_hint},
        orchestrator::{HttpRequest, HttpResponse, OrchestratorError},
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::{
    body::SdkBody,
    config_bag::ConfigBag,
    error::metadata::{ErrorMetadata, ProvideErrorMetadata},
};
use http_body_util::Limited;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::xml;

/// No answer that we ask for comes near; a larger one is not read.
const LARGEST: usize = 4 << 20;

/// What a form, a path and a query leave as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A value in a path or a query.
pub(crate) fn encoded(value: &str) -> String {
    utf8_percent_encode(value, ENCODED).to_string()
}

/// How a service talks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// AWS Query and EC2 Query, which differ in their answers only.
    Query {
        /// The API's version, a date.
        version: &'static str,
    },
    /// JSON 1.1.
    Json {
        /// Prefix of the header `X-Amz-Target`.
        target: &'static str,
        /// `1.0` or `1.1`: the services differ in the content type alone.
        version: &'static str,
    },
    /// REST with XML.
    Rest,
    /// A plain GET.
    Plain,
}

/// A request before it is signed. Its `Debug` shows no content.
pub(super) struct Request {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({} with {} bytes)", self.method, self.body.len())
    }
}

impl Request {
    pub(super) fn query(protocol: Protocol, operation: &str, parameters: &super::Parameters<'_>) -> Self {
        let version = if let Protocol::Query { version } = protocol { version } else { "" };
        let mut body = format!("Action={operation}&Version={version}");
        for (name, value) in parameters {
            body.extend(["&", name, "="]);
            body.extend(utf8_percent_encode(value, ENCODED));
        }
        let headers = vec![("content-type", "application/x-www-form-urlencoded; charset=utf-8".to_owned())];
        Self { method: "POST", path: "/".to_owned(), headers, body }
    }

    pub(super) fn json(protocol: Protocol, operation: &str, input: &Value) -> Self {
        let (target, version) =
            if let Protocol::Json { target, version } = protocol { (target, version) } else { ("", "1.1") };
        let headers = vec![
            ("content-type", format!("application/x-amz-json-{version}")),
            ("x-amz-target", format!("{target}.{operation}")),
        ];
        Self { method: "POST", path: "/".to_owned(), headers, body: input.to_string() }
    }

    pub(super) fn get(path: &str) -> Self {
        Self { method: "GET", path: path.to_owned(), headers: Vec::new(), body: String::new() }
    }

    pub(super) fn post_xml(path: &str, body: String) -> Self {
        let headers = vec![("content-type", "application/xml".to_owned())];
        Self { method: "POST", path: path.to_owned(), headers, body }
    }

    pub(super) fn into_http(self) -> Result<HttpRequest, BoxError> {
        let length = self.body.len();
        let mut request = HttpRequest::new(SdkBody::from(self.body));
        request.set_method(self.method)?;
        request.set_uri(self.path)?;
        request.headers_mut().try_insert("user-agent", "apprunner-autopilot")?;
        if self.method == "POST" {
            request.headers_mut().try_insert("content-length", length.to_string())?;
        }
        for (name, value) in self.headers {
            request.headers_mut().try_insert(name, value)?;
        }
        Ok(request)
    }
}

/// The body of an answer. Its `Debug` shows no content.
pub(super) struct Answer(Vec<u8>);

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({} bytes)", self.0.len())
    }
}

impl Answer {
    pub(super) fn text(self) -> Result<String, std::string::FromUtf8Error> {
        String::from_utf8(self.0)
    }
}

/// A refusal in the service's own words.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: u16,
    metadata: ErrorMetadata,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (code, message) = (self.metadata.code(), self.metadata.message());
        write!(f, "{}: {}", code.unwrap_or("no code"), message.unwrap_or("no message"))?;
        write!(f, " (status {}, request {})", self.status, self.metadata.extra(REQUEST_ID).unwrap_or("?"))
    }
}

impl std::error::Error for Refusal {}

impl ProvideErrorMetadata for Refusal {
    fn meta(&self) -> &ErrorMetadata {
        &self.metadata
    }
}

/// The SDK's own name for it, so that `aws_types::request_id::RequestId` finds it.
const REQUEST_ID: &str = "aws_request_id";

impl Protocol {
    /// The answer's body, or the refusal that it holds.
    pub(super) fn read(self, response: &HttpResponse) -> Result<Answer, OrchestratorError<Refusal>> {
        let body = response.body().bytes().unwrap_or_default();
        if response.status().is_success() {
            return Ok(Answer(body.to_vec()));
        }
        let header = |names: &[&str]| names.iter().find_map(|name| response.headers().get(name));
        let text = String::from_utf8_lossy(body);
        let said = match self {
            Self::Query { .. } | Self::Rest => xml::refusal(&text),
            Self::Json { .. } => json_refusal(&text, header(&["x-amzn-errortype"])),
            Self::Plain => Said::default(),
        };
        let mut metadata = ErrorMetadata::builder();
        if let Some(code) = said.code {
            metadata = metadata.code(code);
        }
        if let Some(message) = said.message {
            metadata = metadata.message(message);
        }
        let of_header = header(&["x-amzn-requestid", "x-amz-request-id"]).map(str::to_owned);
        if let Some(id) = said.request_id.or(of_header) {
            metadata = metadata.custom(REQUEST_ID, id);
        }
        Err(OrchestratorError::operation(Refusal {
            status: response.status().as_u16(),
            metadata: metadata.build(),
        }))
    }
}

/// What a refusal says, as far as it says it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) request_id: Option<String>,
}

fn json_refusal(text: &str, header: Option<&str>) -> Said {
    let body: Value = serde_json::from_str(text).unwrap_or_default();
    let member = |names: &[&str]| names.iter().find_map(|name| body[*name].as_str());
    // `com.amazonaws.ecr#RepositoryNotFoundException`, or with a URL after a colon.
    let plain = |code: &str| {
        code.rsplit('#').next().and_then(|code| code.split(':').next()).unwrap_or_default().to_owned()
    };
    Said {
        code: header.or_else(|| member(&["__type", "code"])).map(plain),
        message: member(&["message", "Message"]).map(str::to_owned),
        request_id: None,
    }
}

/// Ends an answer that is larger than [`LARGEST`] with an error.
#[derive(Debug)]
pub(super) struct Bounded;

#[dyn_dispatch_hint]
impl Intercept for Bounded {
    fn name(&self) -> &'static str {
        "Bounded"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response_mut().body_mut();
        let whole = std::mem::replace(body, SdkBody::taken());
        *body = SdkBody::from_body_1_x(Limited::new(whole, LARGEST));
        Ok(())
    }
}
