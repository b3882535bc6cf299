//! The seam to the diagnosis: causes in words that may be shown.

use autopilot::{
    diagnosis::{self, Finding},
    evidence::Evidence,
    gather::Gathered,
    redact::{PublicText, Redactor},
};

/// A likely cause, ready to be shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// Machine word of the cause.
    pub kind: String,
    /// How sure, 0 to 1.
    pub confidence: f64,
    /// The lines and facts that show it.
    pub evidence: Vec<PublicText>,
    /// What to do.
    pub fix: String,
    /// Whether trying again without a change can help.
    pub transient: bool,
}

/// Likely causes of a failure, best first.
pub fn causes(gathered: &Gathered, redactor: &Redactor) -> Vec<Explanation> {
    from_evidence(&gathered.evidence(), redactor)
}

/// Likely causes in given evidence, best first; empty where nothing is wrong.
pub fn from_evidence(evidence: &Evidence, redactor: &Redactor) -> Vec<Explanation> {
    let shown = |finding: &Finding| match finding {
        Finding::Said(words) => words.clone(),
        Finding::Line(line) => redactor.clean(line),
    };
    let explanation = |cause: diagnosis::Cause| Explanation {
        kind: cause.kind.word(),
        confidence: cause.confidence.get(),
        evidence: cause.evidence.iter().map(shown).collect(),
        fix: cause.fix.to_owned(),
        transient: cause.transient,
    };
    diagnosis::diagnose(evidence).into_iter().map(explanation).collect()
}

/// A redactor that knows the secrets in given evidence.
pub fn redactor_of(evidence: &Evidence) -> Redactor {
    evidence.service.as_ref().map(Redactor::of_configuration).unwrap_or_default()
}
