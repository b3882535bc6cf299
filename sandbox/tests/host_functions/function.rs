//! The function that the tests host: this test binary itself, started again
//! as a Lambda bootstrap. It does what the payload's `do` says.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};

/// The directory with the binary `echo`.
pub(crate) fn directory() -> Result<&'static Path> {
    static DIRECTORY: OnceLock<Result<PathBuf>> = OnceLock::new();
    let directory = DIRECTORY.get_or_init(write_bootstrap);
    directory.as_deref().map_err(|error| anyhow!("{error:#}"))
}

fn write_bootstrap() -> Result<PathBuf> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("functions-{}", std::process::id()));
    fs::create_dir_all(&directory)?;
    let this = std::env::current_exe()?;
    let script =
        format!("#!/bin/sh\nexec '{}' --exact function::process --ignored --nocapture -q\n", this.display());
    let bootstrap = directory.join("echo");
    fs::write(&bootstrap, script)?;
    fs::set_permissions(&bootstrap, fs::Permissions::from_mode(0o755))?;
    Ok(directory)
}

/// The bootstrap. Returns at once where no host has started it.
#[test]
#[ignore = "not a test: the process that the tests of this binary host"]
fn process() {
    if let Some(api) = variable("AWS_LAMBDA_RUNTIME_API") {
        let error = serve(&api).unwrap_err();
        panic!("the function ended: {error:#}");
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the hosted function, which reads its environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn serve(api: &str) -> Result<()> {
    match variable("INIT").as_deref() {
        Some("exit") => std::process::exit(3),
        Some("hang") => std::thread::sleep(Duration::from_mins(1)),
        Some("error") => {
            let body = json!({"errorType": "Settings", "errorMessage": "BAKE_TIME is missing"});
            call(api, "POST", "init/error", body.to_string().as_bytes())?;
            std::process::exit(1);
        }
        _ => {}
    }
    loop {
        let (headers, payload) = call(api, "GET", "invocation/next", b"")?;
        let header = |name: &str| {
            let line = headers.lines().find(|line| line.to_ascii_lowercase().starts_with(name));
            line.and_then(|line| line.split_once(": ")).map(|(_, value)| value.trim().to_owned())
        };
        let id = header("lambda-runtime-aws-request-id").context("no request ID")?;
        let context = json!({
            "request_id": id,
            "deadline_ms": header("lambda-runtime-deadline-ms"),
            "function_arn": header("lambda-runtime-invoked-function-arn"),
            "trace_id": header("lambda-runtime-trace-id"),
        });
        match answer(&payload, &context) {
            Ok(body) => call(api, "POST", &format!("invocation/{id}/response"), body.to_string().as_bytes())?,
            Err(body) => call(api, "POST", &format!("invocation/{id}/error"), body.to_string().as_bytes())?,
        };
    }
}

fn answer(payload: &[u8], context: &Value) -> Result<Value, Value> {
    let Ok(event) = serde_json::from_slice::<Value>(payload) else {
        return Err(json!({"errorType": "BadJson", "errorMessage": String::from_utf8_lossy(payload)}));
    };
    // An event of the bus carries the order in its detail.
    let order = if event["detail"].is_object() { &event["detail"] } else { &event };
    match order["do"].as_str() {
        Some("fail") => return Err(json!({"errorType": "Asked", "errorMessage": "failed as asked"})),
        Some("fail-once") => {
            let marker = order["marker"].as_str().unwrap_or_default();
            if fs::File::create_new(marker).is_ok() {
                return Err(json!({"errorType": "Once", "errorMessage": "the first try"}));
            }
        }
        Some("exit") => {
            std::process::exit(order["code"].as_i64().and_then(|code| code.try_into().ok()).unwrap_or(1))
        }
        Some("sleep") => std::thread::sleep(Duration::from_millis(order["ms"].as_u64().unwrap_or_default())),
        Some("log") => {
            writeln!(std::io::stdout(), "plain line").map_err(|error| json!(error.to_string()))?;
            eprintln!("{}", json!({"level": "INFO", "request": context["request_id"]}));
        }
        Some("environment") => {
            let names = order["names"].as_array().cloned().unwrap_or_default();
            let values = names.iter().filter_map(Value::as_str).map(|name| json!([name, variable(name)]));
            return Ok(values.collect());
        }
        _ => {}
    }
    Ok(json!({"event": event, "context": context, "process": std::process::id()}))
}

/// One HTTP call over a connection of its own: the headers and the body.
fn call(api: &str, method: &str, path: &str, body: &[u8]) -> Result<(String, Vec<u8>)> {
    let mut stream = TcpStream::connect(api)?;
    let length = body.len();
    write!(
        stream,
        "{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nhost: {api}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    )?;
    stream.write_all(body)?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply)?;
    let end = reply.windows(4).position(|bytes| bytes == b"\r\n\r\n").ok_or_else(|| anyhow!("no headers"))?;
    let body = reply.split_off(end + 4);
    Ok((String::from_utf8(reply)?, body))
}
