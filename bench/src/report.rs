//! The results as tables for people.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::subject::Kind;

const BEGIN: &str = "<!-- tables of scripts/bench begin -->";
const END: &str = "<!-- tables of scripts/bench end -->";

/// All tables, as Markdown.
pub(crate) fn tables(results: &Value) -> String {
    let mut out = String::new();
    let machine = &results["machine"];
    let word = |name: &str| machine[name].as_str().unwrap_or_default().to_owned();
    let _ = writeln!(
        out,
        "{}, {} processors, {}, Linux {}; load {} when it ended.\n",
        word("processor"),
        machine["processors"],
        word("memory"),
        word("kernel"),
        word("load")
    );
    let sections = [sizes, starts, warm, growth, shifts, instructions, endurance];
    out += &sections.map(|section| section(results)).concat();
    out.trim_end().to_owned() + "\n"
}

/// Puts the tables between the marks of a document.
pub(crate) fn insert(document: &Path, tables: &str) -> Result<()> {
    let text = fs::read_to_string(document).with_context(|| document.display().to_string())?;
    let (before, rest) = text.split_once(BEGIN).context("the document has no place for the tables")?;
    let (_, after) = rest.split_once(END).context("the place for the tables has no end")?;
    fs::write(document, format!("{before}{BEGIN}\n\n{tables}\n{END}{after}"))?;
    Ok(())
}

/// A table; nothing where there are no rows.
fn table(title: &str, head: &[&str], rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let rule = head.iter().enumerate().map(|(at, _)| if at == 0 { "---" } else { "---:" }.to_owned());
    let mut out = format!("### {title}\n\n");
    out += &line(head.iter().map(|&name| name.to_owned()).collect());
    out += &line(rule.collect());
    for row in rows {
        out += &line(row);
    }
    out + "\n"
}

/// A number with so many decimals; a dash where it was not measured.
fn number(value: &Value, decimals: usize) -> String {
    value.as_f64().map_or_else(|| "–".to_owned(), |value| format!("{value:.decimals$}"))
}

/// The subjects that a part measured, in order, with their values.
fn measured(part: &Value) -> impl Iterator<Item = (Kind, &Value)> {
    Kind::ALL.into_iter().filter_map(|kind| Some((kind, part.get(kind.name())?)))
}

fn sizes(results: &Value) -> String {
    let rows = ["bare", "notify", "rollback", "rebuild", "shift", "cleanup"].into_iter().filter_map(|name| {
        let size = results["size"].get(name)?;
        let mb = |name: &str| size[name].as_f64().map_or(f64::NAN, |bytes| bytes / 1e6);
        Some(vec![name.to_owned(), format!("{:.2}", mb("raw")), format!("{:.2}", mb("zipped"))])
    });
    table("Artifacts, MB", &["program", "raw", "zipped"], rows.collect())
}

fn starts(results: &Value) -> String {
    let rows = measured(&results["cold"]).map(|(kind, plain)| {
        let tls = &results["tls"][kind.name()];
        vec![
            kind.name().to_owned(),
            number(&plain["init_ms"], 2),
            number(&plain["first_ms"], 2),
            number(&plain["over_bare"], 2),
            number(&plain["first_ms_least"], 2),
            number(&plain["over_bare_least"], 2),
            number(&plain["memory_mib"], 1),
            number(&plain["calls"], 0),
            number(&tls["first_ms"], 2),
            number(&tls["connections"], 0),
        ]
    });
    let head = [
        "cold",
        "init ms",
        "init + first ms",
        "× bare",
        "least ms",
        "× bare",
        "MiB",
        "calls",
        "with TLS ms",
        "connections",
    ];
    let spawns = number(&results["cold"]["bare handler"]["spawns"], 0);
    table(&format!("Cold starts: medians and least of {spawns}, interleaved"), &head, rows.collect())
}

fn warm(results: &Value) -> String {
    let rows = measured(&results["warm"]).map(|(kind, plain)| {
        let slow = &results["latency"][kind.name()];
        vec![
            kind.name().to_owned(),
            number(&plain["p50_ms"], 2),
            number(&plain["p99_ms"], 2),
            number(&plain["processor_ms"], 2),
            number(&plain["memory_mib"], 1),
            number(&slow["calls"], 0),
            number(&slow["chain"], 0),
            number(&slow["p50_ms"], 1),
        ]
    });
    let latency = format!("p50 at {} ms a call", number(&results["latency"]["latency_ms"], 0));
    let head = ["warm", "p50 ms", "p99 ms", "own processor ms", "MiB", "calls", "chain", &latency];
    table("Warm events", &head, rows.collect())
}

fn growth(results: &Value) -> String {
    let mut out = String::new();
    for (name, growth) in results["growth"].as_object().into_iter().flatten() {
        let rows = growth["points"].as_array().into_iter().flatten().map(|point| {
            vec![
                number(&point["size"], 0),
                number(&point["calls"], 0),
                number(&point["bound"], 0),
                number(&point["wall_ms"], 1),
                number(&point["processor_ms"], 1),
                number(&point["memory_mib"], 1),
            ]
        });
        let head = ["size", "calls", "fewest possible", "ms", "own processor ms", "MiB"];
        out += &table(&format!("Growth: {name}"), &head, rows.collect());
        let _ = writeln!(
            out,
            "Fitted slope for each: {} calls, {} ms of a processor, {} KiB.\n",
            number(&growth["calls_each"], 3),
            number(&growth["processor_ms_each"], 3),
            number(&growth["memory_kib_each"], 2)
        );
    }
    out
}

/// Requests of Route 53 a tick, over the number of shifts.
fn shifts(results: &Value) -> String {
    let sizes: Vec<&Value> = results["shifts"].as_array().into_iter().flatten().collect();
    let name = |size: &&Value| format!("{} in {}", size["shifts"], size["zones"]);
    let names: Vec<String> = sizes.iter().map(name).collect();
    let head: Vec<&str> = std::iter::once("tick").chain(names.iter().map(String::as_str)).collect();
    let ticks = sizes.first().and_then(|size| size["ticks"].as_array()).map_or(0, Vec::len);
    let rows = (0..ticks).map(|at| {
        let cell = |size: &&Value| {
            let tick = &size["ticks"][at];
            format!("{} in {} s", tick["requests"], number(&tick["seconds"], 1))
        };
        let title = sizes[0]["ticks"][at]["tick"].as_str().unwrap_or_default().to_owned();
        std::iter::once(title).chain(sizes.iter().map(cell)).collect()
    });
    table("Growth: shift, requests of Route 53 over shifts in zones, at 5 a second", &head, rows.collect())
}

fn instructions(results: &Value) -> String {
    let rows = measured(&results["callgrind"]).map(|(kind, counts)| {
        vec![kind.name().to_owned(), number(&counts["first"], 2), number(&counts["each"], 2)]
    });
    let head = ["callgrind", "start + first event", "further event"];
    table("Instructions, millions", &head, rows.collect())
}

fn endurance(results: &Value) -> String {
    let rows = measured(&results["endurance"]).map(|(kind, marks)| {
        let marks: Vec<String> =
            marks.as_array().into_iter().flatten().map(|mark| number(&mark["memory_mib"], 1)).collect();
        vec![kind.name().to_owned(), marks.join(", ")]
    });
    let head = ["endurance", "MiB after 1, 100, 10,000, 20,000 … 100,000 events"];
    table("Peak memory over 100,000 events", &head, rows.collect())
}
