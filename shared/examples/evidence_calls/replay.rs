//! The third round of gathering, replayed over the corpus: a case's facts are held back and given out only as
//! answers to what [`worth_asking`] asks.

use std::{collections::BTreeSet, error::Error, path::Path};

use autopilot::{
    diagnosis::diagnose,
    evidence::{Evidence, EvidenceError, Metrics, Roles},
    facts::{Question, worth_asking},
};
use serde::Deserialize;

/// A case of the corpus (tests/corpus/README.md).
#[derive(Deserialize)]
struct Case {
    name: String,
    evidence: serde_json::Value,
    expect: Expect,
}

#[derive(Deserialize)]
struct Expect {
    kind: String,
}

/// What came of one case.
pub(crate) struct Replayed {
    /// The case's name.
    pub(crate) name: String,
    /// The kind that the corpus expects.
    pub(crate) kind: String,
    /// What was asked.
    pub(crate) asked: BTreeSet<Question>,
    /// What the case could have answered.
    pub(crate) answerable: BTreeSet<Question>,
    /// The first kind without facts, with those asked for, and with all.
    pub(crate) verdicts: [String; 3],
}

/// Replays every case of a part of the corpus.
pub(crate) fn replay(part: &str) -> Result<Vec<Replayed>, Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(part);
    let mut replayed = Vec::new();
    for file in std::fs::read_dir(folder)? {
        let cases: Vec<Case> = serde_json::from_str(&std::fs::read_to_string(file?.path())?)?;
        for case in cases {
            replayed.push(replay_one(case)?);
        }
    }
    replayed.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(replayed)
}

fn replay_one(case: Case) -> Result<Replayed, EvidenceError> {
    let whole = Evidence::from_json(&case.evidence)?;
    let bare = only(&whole, &BTreeSet::new());
    let causes = diagnose(&bare);
    let asked: BTreeSet<Question> = worth_asking(&bare, &causes).into_keys().collect();
    let first = |evidence: &Evidence| {
        diagnose(evidence).first().map_or_else(|| "healthy".to_owned(), |cause| cause.kind.word())
    };
    Ok(Replayed {
        name: case.name,
        kind: case.expect.kind,
        verdicts: [first(&bare), first(&only(&whole, &asked)), first(&whole)],
        asked,
        answerable: Question::ALL.into_iter().filter(|question| answers(&whole, *question)).collect(),
    })
}

/// The evidence without the facts that nobody asked for.
fn only(whole: &Evidence, asked: &BTreeSet<Question>) -> Evidence {
    let mut evidence = whole.clone();
    for question in Question::ALL.into_iter().filter(|question| !asked.contains(question)) {
        match question {
            Question::Image => evidence.image = None,
            Question::Roles => evidence.roles = Roles::default(),
            Question::Subnets => (evidence.subnets, evidence.max_size_sum) = (None, None),
            Question::Connection => evidence.connection_status = None,
            Question::CustomDomain => evidence.custom_domain = None,
            Question::IngressConnections => evidence.ingress_connections = None,
            Question::Metrics => evidence.metrics = Metrics::default(),
        }
    }
    evidence
}

fn answers(evidence: &Evidence, question: Question) -> bool {
    match question {
        Question::Image => evidence.image.is_some(),
        Question::Roles => evidence.roles.access.is_some() || evidence.roles.instance.is_some(),
        Question::Subnets => evidence.subnets.is_some() || evidence.max_size_sum.is_some(),
        Question::Connection => evidence.connection_status.is_some(),
        Question::CustomDomain => evidence.custom_domain.is_some(),
        Question::IngressConnections => evidence.ingress_connections.is_some(),
        Question::Metrics => !evidence.metrics.0.is_empty(),
    }
}
