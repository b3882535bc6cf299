//! The complete configuration of a service: all that `DescribeService` shows and `UpdateService` takes.
//!
//! It is a map from the members of one table ([`Member`]) to their values, so that reading, storing, comparing and
//! writing all go over the same list, and a test holds that list against the API's model. What a newer API adds
//! cannot pass: the SDK itself drops members that it does not know, so a new member is lost until the SDK and the
//! table are brought up to date.
//!
//! Environment values and commands are secrets. They are [`Untrusted`], which has no `Display`, hides itself from
//! `Debug` and cannot be serialized; whether a member is one of them is said by the table, not by whoever sets it.
//! Only [`Sealed`], made for the encrypted table by [`Configuration::seal`], writes them.
//!
//! | file | question |
//! |---|---|
//! | `member` | which members there are |
//! | `image` | what an image identifier says |
//! | `equality` | do two configurations mean the same |
//! | `exposure` | would a way back show, permit or change what it should not |
//! | `sealed` | how it is stored |

mod equality;
mod exposure;
mod image;
mod member;
mod sealed;

use std::collections::BTreeMap;

use crate::redact::{Redactor, Untrusted};

pub use equality::{Snapshot, differences};
pub use exposure::{Exposure, exposure};
pub use image::{ImageIdentifier, NotAnImageIdentifier, Registry};
pub use member::{Kind, Member, Of};
pub use sealed::Sealed;

/// Values of environment variables, or references of secrets, by the variables' names.
pub type Environment = BTreeMap<String, Untrusted>;

/// A complete configuration. Its `Debug` shows no secret, and it cannot be serialized by mistake:
///
/// ```compile_fail
/// serde_json::to_string(&autopilot::configuration::Configuration::default());
/// ```
///
/// but only where it is sealed for the state table:
///
/// ```
/// serde_json::to_string(&autopilot::configuration::Configuration::default().seal());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    members: BTreeMap<Member, Held>,
}

/// The value of one member, of the kind that the table says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Held {
    Text(String),
    Secret(Untrusted),
    Flag(bool),
    Number(i32),
    Environment(Environment),
}

impl Configuration {
    /// Sets a text, plain or secret as the table says. Nothing is set without a value or on a member of another
    /// kind; the same holds for the other setters.
    pub fn set_text(&mut self, member: Member, text: Option<&str>) {
        let held = match (member.kind(), text) {
            (Kind::Text, Some(text)) => Held::Text(text.to_owned()),
            (Kind::Secret, Some(text)) => Held::Secret(Untrusted::new(text)),
            _ => return,
        };
        self.members.insert(member, held);
    }

    /// Sets a flag.
    pub fn set_flag(&mut self, member: Member, flag: Option<bool>) {
        if let (Kind::Flag, Some(flag)) = (member.kind(), flag) {
            self.members.insert(member, Held::Flag(flag));
        }
    }

    /// Sets a number.
    pub fn set_number(&mut self, member: Member, number: Option<i32>) {
        if let (Kind::Number, Some(number)) = (member.kind(), number) {
            self.members.insert(member, Held::Number(number));
        }
    }

    /// Sets environment variables.
    pub fn set_environment(&mut self, member: Member, environment: Option<Environment>) {
        if let (Kind::Environment, Some(environment)) = (member.kind(), environment) {
            self.members.insert(member, Held::Environment(environment));
        }
    }

    /// Forgets a member.
    pub fn unset(&mut self, member: Member) {
        self.members.remove(&member);
    }

    /// The text of a plain member.
    pub fn text(&self, member: Member) -> Option<&str> {
        match self.members.get(&member)? {
            Held::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text of a secret member.
    pub fn secret(&self, member: Member) -> Option<&Untrusted> {
        match self.members.get(&member)? {
            Held::Secret(text) => Some(text),
            _ => None,
        }
    }

    /// A flag.
    pub fn flag(&self, member: Member) -> Option<bool> {
        match self.members.get(&member)? {
            Held::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    /// A number.
    pub fn number(&self, member: Member) -> Option<i32> {
        match self.members.get(&member)? {
            Held::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// Environment variables.
    pub fn environment(&self, member: Member) -> Option<&Environment> {
        match self.members.get(&member)? {
            Held::Environment(environment) => Some(environment),
            _ => None,
        }
    }

    /// Removes this configuration's secrets from texts, such as a refusal of App Runner's that repeats a value.
    pub fn redactor(&self) -> Redactor {
        let mut redactor = Redactor::default();
        for held in self.members.values() {
            match held {
                Held::Environment(environment) => {
                    for (name, value) in environment {
                        redactor.know_variable(name, value);
                    }
                }
                Held::Secret(command) => redactor.know_command(command),
                Held::Text(_) | Held::Flag(_) | Held::Number(_) => {}
            }
        }
        redactor
    }

    /// True for a service that is built from code.
    pub fn is_from_code(&self) -> bool {
        self.members.keys().any(|member| matches!(member.of(), Of::Code | Of::CodeValues))
    }

    /// The image that is named, where it is an image that App Runner takes.
    pub fn image(&self) -> Option<ImageIdentifier> {
        self.text(Member::Image)?.parse().ok()
    }

    /// The same, running this image whatever is pushed: with automatic deployments off.
    #[must_use]
    pub fn pinned_to(mut self, image: &ImageIdentifier) -> Self {
        self.set_text(Member::Image, Some(&image.to_string()));
        self.set_flag(Member::AutoDeployments, Some(false));
        self
    }

    /// The same as an update says it: without the encryption, which cannot be changed, and with all said that the
    /// service might leave as it is where it is not said: the way out, tracing, and that there is no environment.
    /// (A start command or a role that the service has and this has not cannot be taken away so; reading back
    /// afterwards shows it.)
    fn said_explicitly(&self) -> Self {
        let mut said = self.clone();
        said.unset(Member::KmsKey);
        if self.text(Member::EgressType).is_none() {
            said.set_text(Member::EgressType, Member::EgressType.default());
        }
        if self.flag(Member::Observability).is_none() {
            said.set_flag(Member::Observability, Some(false));
        }
        let empty_where_absent: &[Member] = match (self.is_from_code(), self.text(Member::Runtime)) {
            (false, _) => &[Member::ImageVariables, Member::ImageSecrets],
            (true, Some(_)) => &[Member::CodeVariables, Member::CodeSecrets],
            (true, None) => &[],
        };
        for member in empty_where_absent {
            if self.environment(*member).is_none() {
                said.set_environment(*member, Some(Environment::new()));
            }
        }
        said
    }
}

#[cfg(test)]
mod tests;
