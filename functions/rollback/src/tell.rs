//! What is said: the outcome of an act, and the steps that are left to a person.

use autopilot::{
    announcement::Phase, case::Say, configuration::Member, control::Mode, mutation::Outcome,
    service::ServiceArn,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    case::{Act, Rolling, Work},
    seen::Look,
    versions::Version,
};

/// Members by name, for a sentence.
pub(crate) fn names(members: &[Member]) -> String {
    members.iter().map(Member::to_string).collect::<Vec<_>>().join(", ")
}

/// The exact steps for a person. They show no value of the configuration but the image.
pub(crate) fn by_hand(look: &Look, version: Option<&Version>) -> String {
    steps(&look.service, version)
}

fn steps(service: &ServiceArn, version: Option<&Version>) -> String {
    let Some(version) = version else {
        return format!(
            "By hand: correct the service with `aws apprunner update-service --service-arn {service} …`, or deploy a \
             good version."
        );
    };
    let number = version.number;
    match version.image().filter(|image| image.digest.is_some()) {
        Some(image) => format!(
            "By hand: {{\"command\":\"rollback\",\"service_arn\":\"{service}\",\"version\":{number},\"force\":true}} \
             to this function, or `aws apprunner update-service --service-arn {service} --source-configuration \
             '{{\"AutoDeploymentsEnabled\":false,\"ImageRepository\":{{\"ImageIdentifier\":\"{image}\",\
             \"ImageRepositoryType\":\"ECR\"}}}}'` for the image alone."
        ),
        None => format!(
            "By hand: deploy what version {number} ran from its source again; {{\"command\":\"versions\",\
             \"service_arn\":\"{service}\"}} shows what is recorded of it."
        ),
    }
}

/// What an act's outcome changes, and what is said of it.
pub(crate) fn concluded(
    work: &mut Work,
    subject: &str,
    act: &Act,
    outcome: &Outcome,
    now: Timestamp,
) -> Vec<Say> {
    let service = subject.parse::<ServiceArn>();
    let name = service.as_ref().map_or(subject, ServiceArn::name);
    let (what, reason, phase, plan) = described(act, name);
    // The command has answered. What is begun is described by its act.
    work.request = None;
    match outcome {
        Outcome::Made(receipt) => {
            work.rolling =
                Some(Rolling { operation: receipt.operation.clone(), since: now, act: act.clone() });
            let because = match act {
                Act::RollBack { because, .. } => format!(", because {because}"),
                Act::Release { .. } => ", as a person asked".to_owned(),
            };
            vec![Say::new(phase, reason, format!("Began to {what}{because}."), plan)]
        }
        Outcome::Refused(why) => {
            done(work, act);
            let by_hand = service.as_ref().map_or_else(|_| String::new(), |service| steps(service, None));
            let summary = format!("Could not {what}: {why}. It is not tried again. {by_hand}");
            vec![Say::new(Phase::Failed, "own-rollback-failed", summary, plan)]
        }
        Outcome::Planned(mode) => {
            // The plan is all there is; the same operation is not planned again.
            done(work, act);
            if *mode == Mode::Off {
                Vec::new()
            } else {
                Say::of_refusal(outcome, reason, &what, plan).into_iter().collect()
            }
        }
        _ => Say::of_refusal(outcome, reason, &what, plan).into_iter().collect(),
    }
}

/// Nothing is left to do about the act's cause.
fn done(work: &mut Work, act: &Act) {
    work.dealt = act.after().cloned().or(work.dealt.take());
    work.failed = None;
    work.baking = None;
}

fn described(act: &Act, name: &str) -> (String, &'static str, Phase, Value) {
    match act {
        Act::RollBack { to, why, after, drift, .. } => (
            format!("roll {name} back to version {to}"),
            why.word(),
            Phase::Started,
            json!({"action": "roll-back", "to_version": to, "after": after, "changes": drift}),
        ),
        Act::Release { version, after } => (
            format!("release {name} from version {version}"),
            "requested",
            Phase::Started,
            json!({"action": "release", "version": version, "after": after}),
        ),
    }
}
