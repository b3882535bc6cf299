//! Whether two configurations mean the same, and by which members they differ.
//!
//! Equal count: a tag and the digest that it was recorded to mean; `1 vCPU` and `1024`, `2 GB` and `2048`; a default
//! left out and the same default said; an empty environment and none. Ignored are automatic deployments (a rollback
//! turns them off) and what has no effect: the path of a TCP health check, the connector of a service that does not
//! use it, the tracing configuration where tracing is off, and a code service's values where its file is read instead.

use super::{Configuration, Held, ImageIdentifier, Kind, Member, Of};

/// A configuration, and what is known of its image.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot<'a> {
    /// The configuration.
    pub configuration: &'a Configuration,
    /// The digest that its image's tag was recorded to mean. Not needed where the identifier holds a digest.
    pub digest: Option<&'a str>,
}

/// The members by which two configurations differ. Names only: values may be secrets.
pub fn differences(left: Snapshot<'_>, right: Snapshot<'_>) -> Vec<Member> {
    let (a, b) = (left.configuration, right.configuration);
    let differs = |member: &Member| match member {
        Member::AutoDeployments => false,
        Member::Image => !left.runs_the_image_of(right),
        member => meaning(a, *member) != meaning(b, *member),
    };
    Member::ALL.iter().copied().filter(differs).collect()
}

impl Snapshot<'_> {
    /// True where both run the same image. Digests decide where both are known, else what the identifiers say.
    fn runs_the_image_of(self, other: Snapshot<'_>) -> bool {
        let (a, b) = (self.configuration, other.configuration);
        let (Some(own), Some(others)) = (a.image(), b.image()) else {
            return a.text(Member::Image) == b.text(Member::Image);
        };
        match (self.digest_of(&own), other.digest_of(&others)) {
            (Some(a), Some(b)) => own.is_beside(&others) && a == b,
            _ => own.is_same(&others),
        }
    }

    /// True where it cannot be excluded that both run the same image.
    pub(super) fn may_run_the_image_of(self, other: Snapshot<'_>) -> bool {
        let (a, b) = (self.configuration, other.configuration);
        let (Some(own), Some(others)) = (a.image(), b.image()) else {
            return a.text(Member::Image) == b.text(Member::Image);
        };
        let told_apart = match (self.digest_of(&own), other.digest_of(&others)) {
            (Some(a), Some(b)) => a != b,
            _ => match (own.effective_tag(), others.effective_tag()) {
                (Some(a), Some(b)) => a != b,
                _ => false,
            },
        };
        own.is_beside(&others) && !told_apart
    }

    fn digest_of(&self, image: &ImageIdentifier) -> Option<String> {
        image.digest.clone().or_else(|| self.digest.map(str::to_owned))
    }
}

/// What a member amounts to; `None` where it says nothing.
fn meaning(configuration: &Configuration, member: Member) -> Option<Held> {
    if !has_effect(configuration, member) {
        return None;
    }
    let held = configuration.members.get(&member).cloned().filter(|held| match held {
        Held::Text(text) => !text.is_empty(),
        Held::Secret(text) => !text.expose().is_empty(),
        Held::Environment(environment) => !environment.is_empty(),
        Held::Flag(_) | Held::Number(_) => true,
    });
    match (member, held.or_else(|| default(member))) {
        (Member::Cpu, Some(Held::Text(text))) => Some(Held::Text(units(&text, "vcpu"))),
        (Member::Memory, Some(Held::Text(text))) => Some(Held::Text(units(&text, "gb"))),
        (_, held) => held,
    }
}

fn has_effect(configuration: &Configuration, member: Member) -> bool {
    let text = |member: Member| configuration.text(member).or(member.default());
    let of_source = match member.of() {
        Of::Any => true,
        Of::Image => !configuration.is_from_code(),
        Of::Code => configuration.is_from_code(),
        Of::CodeValues => {
            configuration.is_from_code() && text(Member::ConfigurationSource) != Some("REPOSITORY")
        }
    };
    of_source
        && match member {
            Member::HealthPath => text(Member::HealthProtocol) == Some("HTTP"),
            Member::VpcConnector => text(Member::EgressType) == Some("VPC"),
            Member::ObservabilityArn => configuration.flag(Member::Observability) == Some(true),
            _ => true,
        }
}

pub(super) fn default(member: Member) -> Option<Held> {
    let text = member.default()?;
    match member.kind() {
        Kind::Text => Some(Held::Text(text.to_owned())),
        Kind::Flag => text.parse().ok().map(Held::Flag),
        Kind::Number => text.parse().ok().map(Held::Number),
        Kind::Secret | Kind::Environment => None,
    }
}

/// `0.25 vCPU` is 256 units and `2 GB` are 2048 MB.
fn units(text: &str, unit: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let number = lower.strip_suffix(unit).and_then(|number| number.trim().parse::<f64>().ok());
    number.map_or(lower, |number| (number * 1_024.0).to_string())
}
