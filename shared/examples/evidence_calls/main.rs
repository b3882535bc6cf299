//! What the third round of gathering asks, by kind of cause, over the tuned part of the corpus.
//!
//! `cargo run --release -p autopilot --example evidence_calls`
//!
//! Calls are the most that a question takes without a connector's neighbours: the table of `autopilot::facts`.

#![expect(clippy::print_stdout, reason = "an example prints its figures")]

mod replay;

use std::{collections::BTreeMap, error::Error};

use autopilot::facts::Question;
use replay::{Replayed, replay};

#[expect(clippy::cast_precision_loss, reason = "a few hundred cases")]
fn share(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

fn main() -> Result<(), Box<dyn Error>> {
    let replayed = replay("tune")?;
    let mut kinds: BTreeMap<&str, Vec<&Replayed>> = BTreeMap::new();
    for case in &replayed {
        kinds.entry(&case.kind).or_default().push(case);
    }
    let all: usize = replayed.iter().flat_map(|case| &case.asked).map(|question| question.calls()).sum();
    println!("{:38} cases  asking %  calls a case  share of calls %  questions", "kind");
    for (kind, cases) in &kinds {
        let asking = cases.iter().filter(|case| !case.asked.is_empty()).count();
        let sum: usize = cases.iter().flat_map(|case| &case.asked).map(|question| question.calls()).sum();
        let mut asked: BTreeMap<Question, usize> = BTreeMap::new();
        for question in cases.iter().flat_map(|case| &case.asked) {
            *asked.entry(*question).or_default() += 1;
        }
        let asked: Vec<String> =
            asked.iter().map(|(question, count)| format!("{question:?} {count}")).collect();
        println!(
            "{kind:38} {:5}  {:8.0}  {:12.1}  {:16.1}  {}",
            cases.len(),
            share(asking, cases.len()),
            share(sum, cases.len()) / 100.0,
            share(sum, all),
            asked.join(", ")
        );
    }
    let count = |wanted: fn(&Replayed) -> bool| replayed.iter().filter(|case| wanted(case)).count();
    let [bare, asked, whole] =
        [0, 1, 2].map(|at: usize| replayed.iter().filter(|case| case.verdicts[at] == case.kind).count());
    println!(
        "\n{} cases, {all} calls, {} cases ask nothing",
        replayed.len(),
        count(|case| case.asked.is_empty())
    );
    println!("right without facts {bare}, with those asked for {asked}, with all {whole}");
    for case in replayed.iter().filter(|case| case.verdicts[1] != case.verdicts[2]) {
        let missed: Vec<_> = case.answerable.difference(&case.asked).collect();
        println!("  {}: {:?}, not asked: {missed:?}", case.name, case.verdicts);
    }
    Ok(())
}
