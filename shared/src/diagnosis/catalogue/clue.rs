//! Questions that several entries ask the story.

use super::super::Finding;
use super::super::address::{Interface, Target};
use super::super::hit::{Detail, Hit};
use super::super::line::Place;
use super::super::signal::Signal;
use super::super::story::{Phase, Story};
use crate::evidence::{DefaultRoute, Image, Role, Service};

/// A role changed less than this many seconds before the operation may not be known everywhere yet.
const YOUNG_SECONDS: f64 = 180.0;
/// Lines shown for one clue.
const SHOWN: usize = 3;

/// The support of a clue: the lines behind it.
pub(super) type Proof = Option<Vec<Finding>>;

/// A fact of the configuration, which needs no line.
pub(super) fn fact(holds: bool) -> Proof {
    holds.then(Vec::new)
}

fn shown<'h>(hits: impl DoubleEndedIterator<Item = &'h Hit>) -> Proof {
    let mut lines: Vec<Finding> = hits.rev().take(SHOWN).map(|hit| Finding::Line(hit.text.clone())).collect();
    lines.reverse();
    (!lines.is_empty()).then_some(lines)
}

/// The last lines with this meaning.
pub(super) fn lines(story: &Story<'_>, signal: Signal) -> Proof {
    shown(story.all(signal))
}

/// The last lines with this meaning that the platform wrote.
pub(super) fn platform_lines(story: &Story<'_>, signal: Signal) -> Proof {
    shown(story.all(signal).filter(|hit| hit.place == Place::Platform))
}

/// The last lines with this meaning that the build wrote.
pub(super) fn build_lines(story: &Story<'_>, signal: Signal) -> Proof {
    shown(story.all(signal).filter(|hit| hit.place == Place::Build))
}

/// The last lines of the application with this meaning. At run time a single one is an incident among many
/// requests, so it takes two.
pub(super) fn application_lines(story: &Story<'_>, signal: Signal) -> Proof {
    let needed = if story.at_run_time() { 2 } else { 1 };
    let of_application = |hit: &&Hit| hit.place == Place::Application;
    if story.all(signal).filter(of_application).count() < needed {
        return None;
    }
    shown(story.all(signal).filter(of_application))
}

/// The same, for lines after which the application did not go on normally.
pub(super) fn fatal_lines(story: &Story<'_>, signal: Signal) -> Proof {
    let proof = application_lines(story, signal)?;
    let survived =
        story.all(signal).filter(|hit| hit.place == Place::Application).all(|hit| story.survived(hit));
    (!survived).then_some(proof)
}

/// The same at the start; at run time one line is enough, for a refusal does not go away by itself.
pub(super) fn refusals(story: &Story<'_>, signal: Signal) -> Proof {
    if story.at_run_time() { lines(story, signal) } else { fatal_lines(story, signal) }
}

/// The last lines about connections to such a target. At run time a single one is an incident, unless the
/// configuration explains it.
pub(super) fn connections(story: &Story<'_>, target: Target) -> Proof {
    let to_target = |hit: &&Hit| hit.detail == Detail::Target(target);
    let both = || story.all(Signal::ConnectFailed).chain(story.all(Signal::NameUnresolved)).filter(to_target);
    let explained = match target {
        Target::Public => {
            routes(story, DefaultRoute::Missing) || routes(story, DefaultRoute::InternetGateway)
        }
        Target::Private => egress_vpc(story) == Some(false),
        _ => false,
    };
    let needed = if story.at_run_time() && !explained { 2 } else { 1 };
    if both().count() < needed { None } else { shown(both()) }
}

/// The service's configuration, if it is known.
pub(super) fn service<'s>(story: &'s Story<'_>) -> Option<&'s Service> {
    story.evidence.service.as_ref()
}

/// What is known of the image.
pub(super) fn image<'s>(story: &'s Story<'_>) -> Option<&'s Image> {
    story.evidence.image.as_ref()
}

/// Whether the image is known to have a linux/amd64 variant; `None` if unknown.
pub(super) fn runs_on_amd64(story: &Story<'_>) -> Option<bool> {
    let platforms = image(story)?.platforms.as_ref().filter(|platforms| !platforms.is_empty())?;
    Some(platforms.iter().any(|platform| {
        let right = platform.contains("amd64") || platform.contains("x86_64") || platform.contains("x86-64");
        right && !platform.contains("windows")
    }))
}

/// Whether a role is trusted by App Runner and so young that it may not be known everywhere.
pub(super) fn young(role: Option<&Role>) -> bool {
    role.is_some_and(|role| {
        role.trusted != Some(false) && role.age_seconds.is_some_and(|age| age < YOUNG_SECONDS)
    })
}

/// Whether a role's trust policy is known to be wrong.
pub(super) fn untrusted(role: Option<&Role>) -> bool {
    role.is_some_and(|role| role.trusted == Some(false))
}

/// Whether the access role or the instance role is young.
pub(super) fn young_instance_role(story: &Story<'_>) -> bool {
    young(story.evidence.roles.instance.as_ref())
}

/// Whether outgoing traffic goes through a VPC connector; `None` if unknown.
pub(super) fn egress_vpc(story: &Story<'_>) -> Option<bool> {
    service(story).and_then(|service| service.egress_vpc).or(story.evidence.subnets.as_ref().map(|_| true))
}

/// Whether one of the connector's subnets has this default route.
pub(super) fn routes(story: &Story<'_>, route: DefaultRoute) -> bool {
    let subnets = story.evidence.subnets.as_deref().unwrap_or_default();
    subnets.iter().any(|subnet| subnet.default_route == Some(route))
}

/// Whether the operation failed between the image and the first container: nothing provisioned, nothing said.
pub(super) fn failed_before_start(story: &Story<'_>) -> bool {
    story.failed && story.phase == Phase::Deploy && story.silent()
}

/// Whether the application listens where App Runner can reach it; `None` if it says nothing of that.
pub(super) fn reachable(story: &Story<'_>) -> Option<bool> {
    let port = story.port();
    let mut all = story.addresses().peekable();
    all.peek()?;
    let open = |interface| !matches!(interface, Interface::Loopback | Interface::HostName);
    Some(all.any(|(_, address)| port.is_none_or(|port| port == address.port) && open(address.interface)))
}

/// Whether the failing container stopped by itself.
pub(super) fn exited(story: &Story<'_>) -> bool {
    story.exit_code().is_some_and(|code| !matches!(code, 0 | 137 | 143))
}
