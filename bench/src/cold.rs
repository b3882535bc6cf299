//! Starts: each subject in turn, again and again, so that what else the machine does hits all alike.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::{
    front::Front,
    process::peak_memory,
    statistics::{least, median},
    subject::{Kind, Subject},
};

/// What the starts of one subject came to.
#[derive(Default)]
struct Starts {
    init: Vec<f64>,
    first: Vec<f64>,
    memory: Vec<f64>,
    calls: usize,
    connections: usize,
}

/// Starts every subject so many times and returns for each what it took, by name.
pub(crate) async fn measure(subjects: &mut [Subject], spawns: usize) -> Result<Value> {
    let mut measured: BTreeMap<&str, Starts> = BTreeMap::new();
    // One more, not counted: the first reads the programs from the disk.
    for round in 0..=spawns {
        let mut after_python = false;
        for subject in &mut *subjects {
            // Whoever comes after Python finds the processor's caches full of it: one start more, not counted.
            let starts = if after_python { 2 } else { 1 };
            after_python = subject.kind == Kind::Python;
            let mut last = None;
            for _ in 0..starts {
                let event = subject.event()?;
                subject.chill().await;
                subject.forget();
                last = Some(subject.invoke(&event).await?);
            }
            let (true, Some(result)) = (round > 0, last) else { continue };
            let entry = measured.entry(subject.kind.name()).or_default();
            entry.init.push(result.init.context("a cold start")?.as_secs_f64() * 1e3);
            entry.first.push(result.answered.context("an answer")?.as_secs_f64() * 1e3);
            entry.memory.push(peak_memory(subject.process()?)?);
            entry.calls = subject.calls.count();
            entry.connections = subject.front.as_ref().map_or(0, Front::connections);
        }
    }
    for subject in subjects {
        subject.chill().await;
    }
    let bare = measured.get(Kind::Bare.name()).map(|bare| (median(&bare.first), least(&bare.first)));
    let told = measured.into_iter().map(|(name, starts)| {
        let (middle, floor) = (median(&starts.first), least(&starts.first));
        let value = json!({
            "init_ms": median(&starts.init), "init_ms_least": least(&starts.init),
            "first_ms": middle, "first_ms_least": floor,
            "over_bare": bare.map(|(bare, _)| middle / bare), "over_bare_least": bare.map(|(_, bare)| floor / bare),
            "memory_mib": median(&starts.memory),
            "calls": starts.calls, "connections": starts.connections, "spawns": starts.first.len(),
        });
        (name.to_owned(), value)
    });
    Ok(Value::Object(told.collect()))
}
