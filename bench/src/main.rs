//! Measures the built functions under the sandbox's Lambda host: `scripts/bench` builds what is needed and starts this.
//!
//! ```text
//! cold      all subjects in turn, without TLS, then with it: start, first event, memory, connections
//! warm      own time of a processor, and times, without latency
//! latency   the same with so many ms a call: calls, and the longest chain of them
//! size      programs, raw and zipped
//! growth    over queued events, baking versions, ingress connections
//! callgrind instructions, where valgrind is installed
//! endurance memory over 100,000 events (with --endurance)
//! ```
//!
//! Options: `--spawns N` (30), `--warm N` (1000), `--latency MS` (20), `--only PART`, `--quick`, `--endurance`,
//! `--python PROGRAM` (a Python that has `bench/python/requirements.txt`), `--document FILE` (replaces the tables
//! there, and `bench/results.json`). The results also go to `target/bench/results.json`.

mod calls;
mod chains;
mod cold;
mod front;
mod growth;
mod instructions;
mod options;
mod process;
mod report;
mod size;
mod statistics;
mod subject;
mod warm;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use front::Authority;
use options::{Options, Part};
use serde_json::{Map, Value, json};
use subject::{Conditions, Kind, Subject};

/// Where programs and results lie.
struct Places {
    functions: PathBuf,
    work: PathBuf,
    python: Option<PathBuf>,
}

impl Places {
    fn prepare(options: &Options) -> Result<Self> {
        let functions = autopilot_tests::binaries()?;
        let work = functions.parent().context("target")?.join("bench");
        for directory in ["bare", "python", "callgrind"] {
            fs::create_dir_all(work.join(directory))?;
        }
        fs::copy(functions.join("bare"), work.join("bare/notify"))
            .context("the bare handler is not built")?;
        let python = options.python.clone();
        if let Some(python) = &python {
            let handler = autopilot_tests::root().join("bench/python").canonicalize()?;
            let script = format!(
                "#!/bin/sh\nexport PYTHONPATH={}\nexec {} -m awslambdaric handler.handler\n",
                handler.display(),
                python.display()
            );
            let file = work.join("python/notify");
            fs::write(&file, script)?;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
        }
        Ok(Self { functions, work, python })
    }

    /// The directory of a subject's program; none where it cannot run here.
    fn of(&self, kind: Kind) -> Option<PathBuf> {
        match kind {
            Kind::Bare => Some(self.work.join("bare")),
            Kind::Python => self.python.as_ref().map(|_| self.work.join("python")),
            _ => Some(self.functions.clone()),
        }
    }

    async fn subjects(&self, conditions: Conditions<'_>) -> Result<Vec<Subject>> {
        let mut subjects = Vec::new();
        for kind in Kind::ALL {
            if let Some(directory) = self.of(kind) {
                subjects.push(Subject::raise(kind, &directory, conditions).await?);
            }
        }
        Ok(subjects)
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::read(std::env::args().skip(1))?;
    let places = Places::prepare(&options)?;
    let file = places.work.join("results.json");
    // Parts that are not measured now keep what was measured before.
    let mut results: Map<String, Value> =
        fs::read_to_string(&file).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    for part in Part::ALL {
        if options.wants(part) {
            eprintln!("{} ...", part.name());
            results.insert(part.name().to_owned(), measure(part, &options, &places).await?);
            results.insert("machine".to_owned(), machine());
            if let Ok(shifts) = fs::read_to_string(places.work.join("shifts.json")) {
                results.insert("shifts".to_owned(), serde_json::from_str(&shifts)?);
            }
            fs::write(&file, serde_json::to_string_pretty(&results)?)?;
        }
    }
    let results = Value::Object(results);
    let report = report::tables(&results);
    if let Some(document) = &options.document {
        report::insert(document, &report)?;
        fs::copy(&file, autopilot_tests::root().join("bench/results.json"))?;
    }
    tell(&report);
    chains::hold(&results["latency"])
}

#[expect(clippy::print_stdout, reason = "the tables are what this program is for")]
fn tell(report: &str) {
    println!("{report}");
}

async fn measure(part: Part, options: &Options, places: &Places) -> Result<Value> {
    match part {
        Part::Size => size::measure(&places.functions),
        Part::Cold => {
            let mut subjects = places.subjects(Conditions::default()).await?;
            cold::measure(&mut subjects, options.spawns).await
        }
        Part::Tls => {
            let authority = Authority::new(&places.work)?;
            let conditions = Conditions { tls: Some(&authority), ..Conditions::default() };
            let mut subjects = places.subjects(conditions).await?;
            cold::measure(&mut subjects, options.spawns).await
        }
        Part::Warm => warm_events(places, Conditions::default(), options.warm).await,
        Part::Latency => {
            let conditions = Conditions { latency: options.latency, ..Conditions::default() };
            let mut told = warm_events(places, conditions, options.spawns).await?;
            told["latency_ms"] = json!(options.latency.as_millis());
            Ok(told)
        }
        Part::Growth => growth::measure(&places.functions, options.latency, options.quick).await,
        Part::Callgrind => callgrind(places).await,
        Part::Endurance => endurance(places).await,
    }
}

async fn warm_events(places: &Places, conditions: Conditions<'_>, events: usize) -> Result<Value> {
    let mut told = Map::new();
    for subject in &mut places.subjects(conditions).await? {
        told.insert(subject.kind.name().to_owned(), warm::measure(subject, events).await?);
    }
    Ok(Value::Object(told))
}

async fn callgrind(places: &Places) -> Result<Value> {
    if !instructions::available() {
        return Ok(Value::Null);
    }
    let mut told = Map::new();
    // A shift has to be started first, which would count as its start.
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Bake) {
        let program = match kind.binary() {
            Some(name) => places.functions.join(name),
            None if kind == Kind::Bare => places.functions.join("bare"),
            None => continue, // Python starts too slowly under valgrind to wait for
        };
        let counts = instructions::measure(kind, &program, &places.work.join("callgrind")).await?;
        told.insert(kind.name().to_owned(), counts);
    }
    Ok(Value::Object(told))
}

/// Events over which memory must not grow.
const LONG: usize = 100_000;

async fn endurance(places: &Places) -> Result<Value> {
    let mut told = Map::new();
    for kind in [Kind::Success, Kind::RollbackTick, Kind::RebuildTick, Kind::ShiftTick] {
        let directory: &Path = &places.functions;
        let mut subject = Subject::raise(kind, directory, Conditions::default()).await?;
        told.insert(kind.name().to_owned(), warm::endure(&mut subject, LONG).await?);
    }
    Ok(Value::Object(told))
}

/// What the figures were measured on.
fn machine() -> Value {
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let processors = read("/proc/cpuinfo");
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let memory = read("/proc/meminfo");
    let total = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap_or_default();
    json!({
        "processor": model.trim_start_matches([':', '\t', ' ']),
        "processors": processors.lines().filter(|line| line.starts_with("processor")).count(),
        "memory": total.trim(),
        "load": read("/proc/loadavg").split_whitespace().next().unwrap_or_default(),
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
    })
}
