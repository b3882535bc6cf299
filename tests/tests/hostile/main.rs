//! Hostile input on the stable toolchain: a number of mutated inputs for every reader, from a corpus that is kept.
//!
//! `FUZZ_INPUTS` says how many a target; a million a target take some minutes:
//! `FUZZ_INPUTS=1000000 cargo test --profile simulation -p autopilot-tests --test hostile`. `FUZZ_SEED` says where to begin.
//! With a nightly toolchain the same targets run guided by coverage: `cd tests && cargo +nightly fuzz run event`.

mod mutate;
mod targets;

use std::{
    fs,
    panic::{self, AssertUnwindSafe},
    path::Path,
};

use anyhow::{Context as _, Result, ensure};
use autopilot_tests::{amount, root};
use fastrand::Rng;

use mutate::mutated;
use targets::TARGETS;

/// Samples of the repository that a target begins with, beside its own corpus.
fn sources(target: &str) -> &'static [&'static str] {
    match target {
        "event" => &["events/notify", "events/rollback", "events/rebuild", "events/shift", "events/cleanup"],
        "evidence" | "logs" => &["shared/tests/corpus/tune"],
        _ => &[],
    }
}

fn files(directory: &Path) -> Result<Vec<Vec<u8>>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).with_context(|| directory.display().to_string())? {
        paths.push(entry?.path());
    }
    paths.sort();
    paths.iter().map(|path| fs::read(path).with_context(|| path.display().to_string())).collect()
}

fn corpus(target: &str) -> Result<Vec<Vec<u8>>> {
    let mut corpus = files(&root().join("tests/fuzz/corpus").join(target))?;
    for source in sources(target) {
        for file in files(&root().join(source))? {
            corpus.extend(pieces(target, file));
        }
    }
    ensure!(!corpus.is_empty(), "no corpus for {target}");
    Ok(corpus)
}

/// The cases of the diagnosis corpus, one by one: evidence, or its lines.
fn pieces(target: &str, file: Vec<u8>) -> Vec<Vec<u8>> {
    let Ok(serde_json::Value::Array(cases)) = serde_json::from_slice(&file) else { return vec![file] };
    let evidence = cases.into_iter().map(|mut case| case["evidence"].take());
    if target == "evidence" {
        return evidence.map(|evidence| evidence.to_string().into_bytes()).collect();
    }
    let lines = |evidence: &serde_json::Value| {
        let streams = evidence["logs"].as_array().cloned().unwrap_or_default();
        let lines = streams.iter().flat_map(|stream| stream["lines"].as_array().cloned().unwrap_or_default());
        lines.filter_map(|line| Some(line.as_str()?.to_owned())).collect::<Vec<_>>().join("\n")
    };
    evidence.map(|evidence| lines(&evidence).into_bytes()).collect()
}

#[test]
fn no_input_makes_a_reader_panic() -> Result<()> {
    let inputs = amount("FUZZ_INPUTS", 1_000);
    let seed = amount("FUZZ_SEED", 1);
    for (name, target) in TARGETS {
        let corpus = corpus(name)?;
        let mut rng = Rng::with_seed(seed);
        for input in &corpus {
            target(input);
        }
        for number in 0..inputs {
            let input = mutated(&mut rng, &corpus);
            if panic::catch_unwind(AssertUnwindSafe(|| target(&input))).is_err() {
                let kept = std::env::temp_dir().join(format!("hostile-{name}-{seed}-{number}"));
                fs::write(&kept, &input)?;
                anyhow::bail!(
                    "{name}: input {number} of seed {seed} panics; it is kept in {}",
                    kept.display()
                );
            }
        }
        println!("{name}: {} of the corpus, {inputs} mutated", corpus.len());
    }
    Ok(())
}
