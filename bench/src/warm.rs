//! Events that meet a warm process: how long they take, what they cost of a processor, and what waits for what.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::{
    process::{peak_memory, processor_ms},
    statistics::{least, median, percentile},
    subject::Subject,
};

/// Events before anything is counted.
const WARM_UP: usize = 10;

/// Sends a subject so many events, one after the other.
pub(crate) async fn measure(subject: &mut Subject, events: usize) -> Result<Value> {
    subject.chill().await;
    for _ in 0..WARM_UP {
        let event = subject.event()?;
        subject.invoke(&event).await?;
    }
    let process = subject.process()?;
    let (before, memory) = (processor_ms(process)?, peak_memory(process)?);
    let mut times = Vec::new();
    let mut chains = Vec::new();
    let mut calls = 0;
    for _ in 0..events {
        let event = subject.event()?;
        subject.forget();
        let result = subject.invoke(&event).await?;
        times.push(result.answered.context("an answer")?.as_secs_f64() * 1e3);
        chains.push(subject.calls.chain());
        calls = subject.calls.count();
    }
    let processor = processor_ms(process)? - before;
    #[expect(clippy::cast_precision_loss, reason = "thousands at most")]
    let each = processor / events as f64;
    Ok(json!({
        "events": events, "p50_ms": median(&times), "p99_ms": percentile(&times, 0.99), "least_ms": least(&times),
        "processor_ms": each, "calls": calls, "chain": chains.into_iter().max().unwrap_or(0),
        "memory_before_mib": memory, "memory_mib": peak_memory(process)?, "operations": subject.calls.names(),
    }))
}

/// Sends a subject very many events and says what memory it had after a tenth of them and at the end.
pub(crate) async fn endure(subject: &mut Subject, events: usize) -> Result<Value> {
    let mut marks = Vec::new();
    for number in 1..=events {
        let event = subject.event()?;
        if number % 100 == 0 {
            subject.forget();
        }
        subject.invoke(&event).await?;
        if number == 1 || number == 100 || number % (events / 10) == 0 {
            marks.push(json!({"events": number, "memory_mib": peak_memory(subject.process()?)?}));
        }
    }
    Ok(Value::Array(marks))
}
