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
    let mut starts: BTreeMap<&str, Starts> = BTreeMap::new();
    // One more, not counted: the first reads the programs from the disk.
    for round in 0..=spawns {
        // Whoever comes after Python finds the processor's caches cold, so the turns rotate.
        subjects.rotate_left(1);
        for subject in &mut *subjects {
            let event = subject.event()?;
            subject.chill().await;
            subject.forget();
            let result = subject.invoke(&event).await?;
            if round == 0 {
                continue;
            }
            let entry = starts.entry(subject.kind.name()).or_default();
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
    let bare = starts.get(Kind::Bare.name()).map(|bare| (median(&bare.first), least(&bare.first)));
    let told = starts.into_iter().map(|(name, starts)| {
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
