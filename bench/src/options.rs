//! What is to be measured, from the command line.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, bail};

/// A part of the measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Size of the programs.
    Size,
    /// Starts.
    Cold,
    /// Starts with TLS.
    Tls,
    /// Warm events.
    Warm,
    /// Warm events with latency.
    Latency,
    /// Growth.
    Growth,
    /// Instructions.
    Callgrind,
    /// Memory over very many events.
    Endurance,
}

impl Part {
    /// All, in the order in which they are measured.
    pub(crate) const ALL: [Self; 8] = [
        Self::Size,
        Self::Cold,
        Self::Tls,
        Self::Warm,
        Self::Latency,
        Self::Growth,
        Self::Callgrind,
        Self::Endurance,
    ];

    /// Its name on the command line and in the results.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Cold => "cold",
            Self::Tls => "tls",
            Self::Warm => "warm",
            Self::Latency => "latency",
            Self::Growth => "growth",
            Self::Callgrind => "callgrind",
            Self::Endurance => "endurance",
        }
    }
}

/// The command line.
#[derive(Debug)]
pub(crate) struct Options {
    /// Starts of each subject.
    pub(crate) spawns: usize,
    /// Warm events of each subject.
    pub(crate) warm: usize,
    /// What each call takes at least, where latency is measured.
    pub(crate) latency: Duration,
    /// Only small sizes and few events.
    pub(crate) quick: bool,
    /// A Python with the requirements of the baseline.
    pub(crate) python: Option<PathBuf>,
    /// A file whose tables are replaced.
    pub(crate) document: Option<PathBuf>,
    only: Vec<String>,
    endurance: bool,
}

impl Options {
    /// Reads the command line.
    pub(crate) fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self {
            spawns: 30,
            warm: 1_000,
            latency: Duration::from_millis(20),
            quick: false,
            python: None,
            document: None,
            only: Vec::new(),
            endurance: false,
        };
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().with_context(|| format!("{name} needs a value"));
            match name.as_str() {
                "--spawns" => options.spawns = value()?.parse().context("--spawns")?,
                "--warm" => options.warm = value()?.parse().context("--warm")?,
                "--latency" => {
                    let ms = value()?.parse().context("--latency")?;
                    options.latency = Duration::from_millis(ms);
                }
                "--python" => options.python = Some(value()?.into()),
                "--document" => options.document = Some(value()?.into()),
                "--only" => options.only.push(value()?),
                "--quick" => (options.quick, options.spawns, options.warm) = (true, 5, 50),
                "--endurance" => options.endurance = true,
                _ => bail!("{name} is no option; see bench/src/main.rs"),
            }
        }
        for name in &options.only {
            let known = Part::ALL.iter().any(|part| part.name() == name);
            anyhow::ensure!(known || name == "none", "--only {name}: there is no such part");
        }
        Ok(options)
    }

    /// True where this part is to be measured.
    pub(crate) fn wants(&self, part: Part) -> bool {
        if self.only.is_empty() {
            return part != Part::Endurance || self.endurance;
        }
        self.only.iter().any(|name| name == part.name())
    }
}
