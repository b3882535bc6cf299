//! The wire protocols: how a request is recognised and decoded, and how its answer is written.
//!
//! Whatever the protocol, a service sees JSON. For the Query protocol `Tags.member.1.Key=a` becomes
//! `{"Tags":{"member":[{"Key":"a"}]}}`, and a result is written as XML by the same rule backwards: an
//! array repeats the element that holds it. REST with XML: [`super::rest_xml`].

use hyper::{HeaderMap, Method, Uri};
use serde_json::{Map, Value, json};

use super::error::ApiError;
use super::rest_xml::{self, Route};

/// How a service talks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// JSON 1.0 or 1.1, recognised by the header `X-Amz-Target: <target>.<operation>`.
    Json {
        /// The target prefix, such as `DynamoDB_20120810`.
        target: &'static str,
        /// `1.0` or `1.1`.
        version: &'static str,
        /// The member that holds an error's message: `message`, in a few services `Message`.
        message_member: &'static str,
    },
    /// AWS Query: form-encoded in, XML out; recognised by the service of the credential scope.
    Query {
        /// The service's name in a signature.
        signing_name: &'static str,
        /// The XML namespace of its answers.
        namespace: &'static str,
    },
    /// EC2's own Query: recognised alike, but answers have no result element, and errors another shape.
    Ec2Query {
        /// The XML namespace of its answers.
        namespace: &'static str,
    },
    /// REST with XML in and out; recognised by the service of the credential scope.
    RestXml {
        /// The service's name in a signature.
        signing_name: &'static str,
        /// The XML namespace of its answers.
        namespace: &'static str,
        /// Where its operations are found.
        routes: &'static [Route],
        /// Elements of requests that repeat.
        lists: &'static [&'static str],
    },
}

/// The parts of a request that tell what it is.
pub(crate) struct Head {
    method: Method,
    uri: Uri,
    target: Option<String>,
    /// The access key ID that signed the request.
    pub(crate) caller: Option<String>,
    scope_service: Option<String>,
}

/// An answer, ready to be sent.
pub(crate) struct Encoded {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl Head {
    pub(crate) fn read(method: &Method, uri: &Uri, headers: &HeaderMap) -> Self {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        // AWS4-HMAC-SHA256 Credential=<access key>/<date>/<region>/<service>/aws4_request, …
        let credential = header("authorization")
            .and_then(|value| value.split_once("Credential="))
            .map(|(_, rest)| rest.split(',').next().unwrap_or_default());
        let scope = |part: usize| credential.and_then(|text| text.split('/').nth(part)).map(str::to_owned);
        Self {
            method: method.clone(),
            uri: uri.clone(),
            target: header("x-amz-target").map(str::to_owned),
            caller: scope(0),
            scope_service: scope(3),
        }
    }

    /// The path of a GET that nobody signed in a header.
    pub(crate) fn download(&self) -> Option<&str> {
        (self.method == Method::GET && self.caller.is_none()).then(|| self.uri.path())
    }
}

impl Protocol {
    /// The operation and its input, if the request is one of this service.
    pub(crate) fn decode(self, head: &Head, body: &[u8]) -> Option<(String, Result<Value, ApiError>)> {
        match self {
            Self::Json { target, .. } => {
                let (prefix, operation) = head.target.as_deref()?.rsplit_once('.')?;
                let body: &[u8] = if body.is_empty() { b"{}" } else { body };
                let input = serde_json::from_slice(body).ok().filter(Value::is_object).ok_or_else(|| {
                    ApiError::refused("SerializationException", "The body is not a JSON object.")
                });
                (prefix == target).then(|| (operation.to_owned(), input))
            }
            Self::Query { .. } | Self::Ec2Query { .. } => {
                let signing_name =
                    if let Self::Query { signing_name, .. } = self { signing_name } else { "ec2" };
                if head.target.is_some() || head.scope_service.as_deref() != Some(signing_name) {
                    return None;
                }
                let input = nested(&form_pairs(body));
                let operation = input["Action"].as_str().unwrap_or_default().to_owned();
                Some((operation, Ok(input)))
            }
            Self::RestXml { signing_name, routes, lists, .. } => {
                if head.scope_service.as_deref() != Some(signing_name) {
                    return None;
                }
                let query = head.uri.query().unwrap_or_default();
                rest_xml::decode(routes, lists, (head.method.as_str(), head.uri.path(), query), body)
            }
        }
    }

    /// The error code of a refusal for too many requests.
    pub(crate) fn throttling_code(self) -> &'static str {
        match self {
            Self::Json { .. } => "ThrottlingException",
            Self::Query { .. } | Self::RestXml { .. } => "Throttling",
            Self::Ec2Query { .. } => "RequestLimitExceeded",
        }
    }

    /// Writes a result or an error.
    pub(crate) fn encode(
        self,
        operation: &str,
        request_id: &str,
        result: Result<Value, ApiError>,
    ) -> Encoded {
        match (self, result) {
            (Self::Json { version, .. }, Ok(result)) => json_answer(version, 200, result, vec![]),
            (Self::Json { version, message_member, target }, Err(error)) => {
                json_error(version, message_member, target, error)
            }
            (Self::Query { namespace, .. }, Ok(result)) => {
                let result = xml(&format!("{operation}Result"), &result);
                let metadata = xml("ResponseMetadata", &json!({ "RequestId": request_id }));
                xml_answer(200, &format!("{operation}Response"), namespace, &(result + &metadata))
            }
            (Self::Ec2Query { namespace }, Ok(result)) => {
                let inner = xml("requestId", &json!(request_id)) + &inner_xml(&result);
                xml_answer(200, &format!("{operation}Response"), namespace, &inner)
            }
            (Self::Ec2Query { namespace }, Err(error)) => {
                let detail = json!({ "Error": { "Code": error.code, "Message": error.message } });
                let inner = xml("Errors", &detail) + &xml("RequestID", &json!(request_id));
                xml_answer(error.status, "Response", namespace, &inner)
            }
            (Self::RestXml { namespace, .. }, Ok(result)) => {
                xml_answer(200, &format!("{operation}Response"), namespace, &inner_xml(&result))
            }
            (Self::Query { namespace, .. } | Self::RestXml { namespace, .. }, Err(error)) => {
                let kind = if error.status >= 500 { "Receiver" } else { "Sender" };
                let detail = json!({ "Type": kind, "Code": error.code, "Message": error.message });
                let inner = xml("Error", &detail) + &xml("RequestId", &json!(request_id));
                xml_answer(error.status, "ErrorResponse", namespace, &inner)
            }
        }
    }
}

fn json_answer(version: &str, status: u16, body: Value, more: Vec<(&'static str, String)>) -> Encoded {
    // A member without value, such as the token behind the last page, is left out.
    let body = match body {
        Value::Object(members) => members.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        other => other,
    };
    let mut headers = vec![("content-type", format!("application/x-amz-json-{version}"))];
    headers.extend(more);
    Encoded { status, headers, body: body.to_string() }
}

fn json_error(version: &str, message_member: &str, target: &str, error: ApiError) -> Encoded {
    let mut body = error.members;
    // DynamoDB alone writes its codes with a namespace; clients must cope with both.
    let kind = match target {
        "DynamoDB_20120810" => format!("com.amazonaws.dynamodb.v20120810#{}", error.code),
        _ => error.code.clone(),
    };
    body.insert("__type".to_owned(), json!(kind));
    body.insert(message_member.to_owned(), json!(error.message));
    json_answer(version, error.status, Value::Object(body), vec![("x-amzn-errortype", error.code)])
}

fn xml_answer(status: u16, root: &str, namespace: &str, inner: &str) -> Encoded {
    Encoded {
        status,
        headers: vec![("content-type", "text/xml".to_owned())],
        body: format!("<?xml version=\"1.0\"?><{root} xmlns=\"{namespace}\">{inner}</{root}>"),
    }
}

/// Writes a value as the element `name`; an array repeats the element.
fn xml(name: &str, value: &Value) -> String {
    let inner = match value {
        Value::Null => return String::new(),
        Value::Array(items) => return items.iter().map(|item| xml(name, item)).collect(),
        Value::Object(_) => inner_xml(value),
        Value::String(text) => escaped(text),
        other => other.to_string(),
    };
    format!("<{name}>{inner}</{name}>")
}

/// The members of an object, each as an element.
fn inner_xml(object: &Value) -> String {
    let members = object.as_object().into_iter().flatten();
    members.map(|(member, value)| xml(member, value)).collect()
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // A bare carriage return would be read back as a line feed.
            '\r' => out.push_str("&#13;"),
            other => out.push(other),
        }
    }
    out
}

/// The decoded pairs of a form or a query.
pub(crate) fn form_pairs(body: &[u8]) -> Vec<(String, String)> {
    String::from_utf8_lossy(body)
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decoded(key), percent_decoded(value))
        })
        .collect()
}

pub(crate) fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let escape = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
                if let Some(byte) = escape.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
                    bytes.push(byte);
                    rest = &tail[2..];
                } else {
                    bytes.push(b'%');
                }
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Turns dotted keys into nested objects, and objects numbered from 1 into arrays.
fn nested(pairs: &[(String, String)]) -> Value {
    let mut root = Map::new();
    for (key, value) in pairs {
        let mut place = &mut root;
        let mut parts = key.split('.').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                place.insert(part.to_owned(), json!(value));
                break;
            }
            let entry = place.entry(part).or_insert_with(|| json!({}));
            if !entry.is_object() {
                *entry = json!({});
            }
            let Value::Object(next) = entry else { break };
            place = next;
        }
    }
    with_arrays(Value::Object(root))
}

fn with_arrays(value: Value) -> Value {
    let Value::Object(members) = value else { return value };
    let mut numbered: Vec<(usize, Value)> = Vec::new();
    let mut named = Map::new();
    for (name, member) in members {
        match name.parse() {
            Ok(number) => numbered.push((number, with_arrays(member))),
            Err(_) => {
                named.insert(name, with_arrays(member));
            }
        }
    }
    if numbered.is_empty() || !named.is_empty() {
        named.extend(numbered.into_iter().map(|(number, member)| (number.to_string(), member)));
        return Value::Object(named);
    }
    numbered.sort_by_key(|(number, _)| *number);
    Value::Array(numbered.into_iter().map(|(_, member)| member).collect())
}

/// An attribute map as the Query protocol writes it: `entry` elements of `key` and `value`.
pub(crate) fn entries<'a>(attributes: impl IntoIterator<Item = (&'a str, String)>) -> Value {
    let entries: Vec<Value> =
        attributes.into_iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
    json!({ "entry": entries })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_becomes_nested_json() {
        let body =
            b"Action=Publish&Message=a%20b%2Bc+d&A.entry.2.Name=two&A.entry.1.Name=one&Filter.1.Value.1=x";
        assert_eq!(
            nested(&form_pairs(body)),
            json!({
                "Action": "Publish",
                "Message": "a b+c d",
                "A": { "entry": [{ "Name": "one" }, { "Name": "two" }] },
                "Filter": [{ "Value": ["x"] }],
            })
        );
    }

    #[test]
    fn a_result_becomes_xml() {
        let value = json!({ "List": { "member": [{ "A": "1 < 2" }, { "A": "b & c" }] }, "Empty": null, "Flag": true });
        assert_eq!(
            xml("R", &value),
            "<R><Flag>true</Flag><List><member><A>1 &lt; 2</A></member><member><A>b &amp; c</A></member></List></R>"
        );
    }
}
