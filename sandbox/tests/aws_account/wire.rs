//! A minimal AWS client over plain HTTP: one connection a call, no signature, so that the tests see the wire.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use sandbox::aws::{Options, Sandbox};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// A refusal: HTTP status, error code, message, and the whole body.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) body: Value,
}

/// Talks to one sandbox with one access key.
#[derive(Clone)]
pub(crate) struct Client {
    address: String,
    access_key: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Client {
    pub(crate) fn new(sandbox: &Sandbox, access_key: &str) -> Self {
        let address = sandbox.endpoint().trim_start_matches("http://").to_owned();
        Self { address, access_key: access_key.to_owned() }
    }

    /// A call of a JSON service, with everything that came back.
    pub(crate) async fn raw_json(&self, target: &str, input: &Value) -> anyhow::Result<Answer> {
        self.send(
            "POST /",
            &format!("X-Amz-Target: {target}\r\nContent-Type: application/x-amz-json-1.0\r\n"),
            "json",
            &input.to_string(),
        )
        .await
    }

    /// A call of a JSON service. The outer error is a missing answer.
    pub(crate) async fn json(&self, target: &str, input: Value) -> anyhow::Result<Result<Value, Refusal>> {
        let answer = self.raw_json(target, &input).await?;
        let body: Value = serde_json::from_str(&answer.body).context("the body is not JSON")?;
        if answer.status == 200 {
            return Ok(Ok(body));
        }
        let code = answer.header("x-amzn-errortype").context("an error without x-amzn-errortype")?.to_owned();
        let kind = body["__type"].as_str().unwrap_or_default();
        ensure!(kind.rsplit('#').next() == Some(&*code), "__type {kind} is not {code}");
        let message = body["message"].as_str().or_else(|| body["Message"].as_str());
        let message = message.context("an error without a message")?.to_owned();
        Ok(Err(Refusal { status: answer.status, code, message, body }))
    }

    /// A call of App Runner that must be answered.
    pub(crate) async fn apprunner(&self, operation: &str, input: Value) -> Result<Value, Refusal> {
        self.json(&format!("AppRunner.{operation}"), input).await.expect("an answer")
    }

    /// A call of DynamoDB that must be answered.
    pub(crate) async fn dynamodb(&self, operation: &str, input: Value) -> Result<Value, Refusal> {
        self.json(&format!("DynamoDB_20120810.{operation}"), input).await.expect("an answer")
    }

    /// A call of CloudWatch Logs that must be answered.
    pub(crate) async fn logs(&self, operation: &str, input: Value) -> Result<Value, Refusal> {
        self.json(&format!("Logs_20140328.{operation}"), input).await.expect("an answer")
    }

    /// A call of a Query service with a body that is form-encoded already.
    pub(crate) async fn query(&self, service: &str, form: &str) -> anyhow::Result<Answer> {
        self.send("POST /", "Content-Type: application/x-www-form-urlencoded\r\n", service, form).await
    }

    /// A call of a REST service: method and path, and an XML body.
    pub(crate) async fn rest(&self, service: &str, place: &str, body: &str) -> anyhow::Result<Answer> {
        self.send(place, "Content-Type: application/xml\r\n", service, body).await
    }

    async fn send(&self, place: &str, headers: &str, service: &str, body: &str) -> anyhow::Result<Answer> {
        let mut stream = TcpStream::connect(&self.address).await?;
        let request = format!(
            "{place} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\nAuthorization: \
             AWS4-HMAC-SHA256 Credential={}/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, \
             Signature=0\r\n{headers}\r\n{body}",
            self.address,
            body.len(),
            self.access_key,
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        let answer = String::from_utf8(answer)?;
        let Some((head, body)) = answer.split_once("\r\n\r\n") else { bail!("no answer: {answer:?}") };
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("no status")?.parse()?;
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        Ok(Answer { status, headers, body: body.to_owned() })
    }
}

/// A sandbox with short phases, and a client for it.
pub(crate) async fn start() -> (Sandbox, Client) {
    start_with(Options::default()).await
}

/// The same with options; phases are made short.
pub(crate) async fn start_with(options: Options) -> (Sandbox, Client) {
    let options = Options { phase: Duration::from_millis(15), ..options };
    let sandbox = Sandbox::start(options).await.expect("the sandbox starts");
    let client = Client::new(&sandbox, "AKIATEST");
    (sandbox, client)
}
