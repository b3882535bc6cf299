//! The diagnosis against its corpus (tests/corpus/README.md): figures by class, and the targets on the part
//! that no rule was tuned on.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken corpus ends the test")]
#![expect(clippy::print_stdout, reason = "the figures are what the test is for")]

use std::collections::BTreeMap;
use std::path::Path;

use autopilot::diagnosis::{Cause, CauseKind, diagnose};
use autopilot::evidence::Evidence;
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    name: String,
    class: String,
    evidence: serde_json::Value,
    expect: Expect,
}

#[derive(Deserialize)]
struct Expect {
    kind: String,
    transient: bool,
    #[serde(default)]
    also: Vec<String>,
}

/// Counts of a class.
#[derive(Clone, Copy, Default)]
struct Figures {
    cases: usize,
    right: usize,
    confidently_wrong: usize,
    transient_right: usize,
}

impl Figures {
    fn add(&mut self, other: Self) {
        self.cases += other.cases;
        self.right += other.right;
        self.confidently_wrong += other.confidently_wrong;
        self.transient_right += other.transient_right;
    }

    #[expect(clippy::cast_precision_loss, reason = "a few hundred cases")]
    fn percent(self, count: usize) -> f64 {
        100.0 * count as f64 / self.cases.max(1) as f64
    }
}

fn cases(part: &str) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(part);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |file: &std::path::PathBuf| -> Vec<Case> {
        serde_json::from_str(&std::fs::read_to_string(file).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    };
    files.iter().flat_map(read).collect()
}

/// The first cause's word (`healthy` without one) and whether it is transient.
fn first(causes: &[Cause]) -> (String, bool) {
    causes.first().map_or(("healthy".to_owned(), false), |cause| (cause.kind.word(), cause.transient))
}

fn judge(case: &Case) -> (Figures, Option<String>) {
    let evidence =
        Evidence::from_json(&case.evidence).unwrap_or_else(|error| panic!("{}: {error}", case.name));
    let causes = diagnose(&evidence);
    let (kind, transient) = first(&causes);
    let right = kind == case.expect.kind || case.expect.also.contains(&kind);
    let specific = kind != "healthy" && kind != CauseKind::Unknown.word();
    let figures = Figures {
        cases: 1,
        right: usize::from(right),
        confidently_wrong: usize::from(!right && specific),
        transient_right: usize::from(transient == case.expect.transient),
    };
    let others: Vec<String> =
        causes.iter().map(|cause| format!("{} {:.0}", cause.kind, cause.confidence.get() * 100.0)).collect();
    let wrong = !right || transient != case.expect.transient;
    (figures, wrong.then(|| format!("{}: wanted {}, got {}", case.name, case.expect.kind, others.join(", "))))
}

/// Prints the table of a part and, where it may be looked at, the misses; gives the sums.
fn run(part: &str, show_misses: bool) -> Figures {
    let mut classes: BTreeMap<String, Figures> = BTreeMap::new();
    let mut sum = Figures::default();
    let mut misses = Vec::new();
    for case in cases(part) {
        let (figures, miss) = judge(&case);
        classes.entry(case.class).or_default().add(figures);
        sum.add(figures);
        misses.extend(miss);
    }
    println!("\n{part:24} cases  right %  confidently wrong %  transient right %");
    for (class, figures) in
        classes.iter().map(|(class, figures)| (class.as_str(), *figures)).chain([("all", sum)])
    {
        println!(
            "{class:24} {:5}  {:7.1}  {:19.1}  {:17.1}",
            figures.cases,
            figures.percent(figures.right),
            figures.percent(figures.confidently_wrong),
            figures.percent(figures.transient_right),
        );
    }
    if show_misses {
        for miss in misses {
            println!("  {miss}");
        }
    }
    sum
}

fn assert_targets(sum: Figures) {
    assert!(sum.cases > 0, "the corpus is empty");
    assert!(sum.percent(sum.right) >= 90.0, "right: {:.1} %", sum.percent(sum.right));
    assert!(sum.percent(sum.confidently_wrong) <= 3.0, "wrong: {:.1} %", sum.percent(sum.confidently_wrong));
    assert!(sum.percent(sum.transient_right) >= 95.0, "transient: {:.1} %", sum.percent(sum.transient_right));
}

#[test]
fn tuned_part_meets_the_targets() {
    assert_targets(run("tune", true));
}

#[test]
fn held_out_part_meets_the_targets() {
    assert_targets(run("held-out", false));
}
