//! What a way back may change only if a person says so.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Configuration, Environment, Member, Snapshot};

/// A guard that stands in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exposure {
    /// A private service would be reachable from the internet.
    BecomesPublic,
    /// Its access role or instance role would change.
    ChangesRoles,
    /// Its environment would change although it would run the same image: then the change of the environment was
    /// what somebody wanted (a rotated password, a closed hole).
    ChangesEnvironment,
}

impl fmt::Display for Exposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BecomesPublic => "it would make the service public",
            Self::ChangesRoles => "it would change the service's roles",
            Self::ChangesEnvironment => "it would change environment values while the image stays the same",
        })
    }
}

/// The guards that trip on the way from one configuration to another. An image of which it cannot be told whether it
/// stays the same counts as staying: so give both digests where they are known, and the tags that were recorded.
pub fn exposure(from: Snapshot<'_>, to: Snapshot<'_>) -> Vec<Exposure> {
    let (a, b) = (from.configuration, to.configuration);
    let public = |configuration: &Configuration| configuration.flag(Member::Public).unwrap_or(true);
    let role_changes = |member: &Member| a.text(*member) != b.text(*member);
    let same_code = [Member::RepositoryUrl, Member::VersionValue, Member::SourceDirectory]
        .iter()
        .all(|member| a.text(*member).or(member.default()) == b.text(*member).or(member.default()));
    let environments =
        [Member::ImageVariables, Member::ImageSecrets, Member::CodeVariables, Member::CodeSecrets];
    let nothing = Environment::new();
    let environment_changes = |member: &Member| {
        a.environment(*member).unwrap_or(&nothing) != b.environment(*member).unwrap_or(&nothing)
    };
    let guards = [
        (!public(a) && public(b), Exposure::BecomesPublic),
        ([Member::AccessRole, Member::InstanceRole].iter().any(role_changes), Exposure::ChangesRoles),
        (
            from.may_run_the_image_of(to) && same_code && environments.iter().any(environment_changes),
            Exposure::ChangesEnvironment,
        ),
    ];
    guards.into_iter().filter_map(|(trips, guard)| trips.then_some(guard)).collect()
}
