//! How long a diagnosis takes: `cargo run --release -p autopilot --example diagnosis_bench`.
//!
//! A log of 1 MB of mixed lines, one endless line of 1 MB, and half of the log, to see that time grows with it.
#![expect(clippy::print_stdout, reason = "a benchmark prints")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures")]

use std::time::Instant;

use autopilot::diagnosis::diagnose;
use autopilot::evidence::{Evidence, LogGroup, LogStream, Occasion};

const MEGABYTE: usize = 1_000_000;
const RUNS: u32 = 20;

/// Lines as programs print them, good and bad.
const LINES: &[&str] = &[
    "10.0.0.1 - - [01/May/2024:10:00:00 +0000] \"GET /health HTTP/1.1\" 200 12 \"-\" \"-\"",
    "2024-05-01T10:00:00Z INFO request finished status=200 path=/orders duration_ms=12",
    "Traceback (most recent call last):",
    "  File \"/app/main.py\", line 12, in <module>",
    "psycopg2.OperationalError: connection to server at \"10.0.1.4\", port 5432 failed: Connection timed out",
    "Loading model weights from /models/llm ...",
    "{\"level\":\"info\",\"msg\":\"server started\",\"addr\":\":3333\",\"time\":\"2024-05-01T10:00:00Z\"}",
    "WARN retrying in 5 seconds",
];

fn evidence(messages: Vec<String>) -> Evidence {
    let lines = messages.into_iter().map(Into::into).collect();
    let log = LogStream { group: LogGroup::Application, stream: "instance/1".to_owned(), lines };
    Evidence { operation: Occasion::CreateService, logs: vec![log], ..Evidence::default() }
}

fn mixed(bytes: usize) -> Evidence {
    let mut lines = Vec::new();
    let mut written = 0;
    for line in LINES.iter().cycle() {
        if written >= bytes {
            break;
        }
        written += line.len() + 1;
        lines.push((*line).to_owned());
    }
    evidence(lines)
}

fn measure(name: &str, evidence: &Evidence) {
    let causes = diagnose(evidence).len();
    let start = Instant::now();
    for _ in 0..RUNS {
        std::hint::black_box(diagnose(evidence));
    }
    println!(
        "{name:28} {:8.2} ms   {causes} causes",
        start.elapsed().as_secs_f64() * 1000.0 / f64::from(RUNS)
    );
}

fn main() {
    measure("log of 0.5 MB", &mixed(MEGABYTE / 2));
    measure("log of 1 MB", &mixed(MEGABYTE));
    measure("log of 8 MB", &mixed(8 * MEGABYTE));
    measure("one line of 1 MB", &evidence(vec!["connect refused ".repeat(MEGABYTE / 16)]));
    measure("one message of 1 MB, lines", &evidence(vec!["GET / 200 1 ms\n".repeat(MEGABYTE / 15)]));
}
