//! The versions of a service: what ran, whether it proved itself, and which of them is the way back.
//!
//! They hold configurations with secrets, so they lie in a partition of their own, sealed, and only this function's
//! role may read it. A tick that only bakes does not read them.

use autopilot::{
    configuration::{Configuration, ImageIdentifier, Member, Sealed, Snapshot, differences},
    ports::PushedImage,
    service::{Operation, OperationId, ServiceArn},
    store::{Key, Record},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Partition of the table that holds the versions.
pub const PARTITION: &str = "versions";

/// A service's versions as the table holds them.
pub type VersionsRecord = Record<Versions, ()>;

/// So many known good versions are kept, and so many others beside them.
const KEPT: usize = 5;

/// A look-up this long after an operation's start no longer says what the tag meant at it.
const AT_START: SignedDuration = SignedDuration::from_mins(2);

/// Where a service's versions lie.
pub fn key(service: &ServiceArn) -> Key {
    Key::new(PARTITION, service.as_str())
}

/// What an image's tag meant while an operation ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookUp {
    /// The operation.
    pub operation: OperationId,
    /// The image's identifier.
    pub image: String,
    /// Its digest; `None` where there was none or it could not be read.
    pub digest: Option<String>,
    /// When it was looked up.
    pub at: Timestamp,
}

/// How far a version has proved itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It ran when the autopilot came.
    Assumed,
    /// It is within its bake time.
    Baking,
    /// Its bake time passed without a failed analysis.
    KnownGood,
    /// An analysis failed within its bake time, too few for a verdict, and none passed after it.
    Unproven,
    /// Its analysis failed, or a person rolled back from it.
    Bad,
}

/// How a bake ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The version is known good, by this.
    Good(Evidence),
    /// It is neither.
    Unproven,
    /// It is bad, and this is what failed.
    Bad(String),
}

/// What a known good version is good by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// There was too little traffic to judge by.
    #[default]
    None,
    /// It failed, but the version before it failed the same way.
    AsBefore,
    /// An analysis passed.
    Analysis,
}

/// One version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Its number, from 1.
    pub number: u64,
    /// The operation that brought it.
    pub operation: OperationId,
    /// When that ended.
    pub deployed_at: Timestamp,
    /// How far it has proved itself.
    pub standing: Standing,
    /// What it is good by.
    pub evidence: Option<Evidence>,
    /// What failed, where its analysis did.
    pub failure: Option<String>,
    /// The digest that is known to have run; `None`: unpinned.
    pub digest: Option<String>,
    /// Its image was pushed after it was deployed: what ran is not what the tag means.
    pub pushed_later: bool,
    /// The configuration as it was read.
    pub configuration: Sealed,
}

/// The versions of a service, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Versions {
    last: u64,
    /// What is kept.
    pub kept: Vec<Version>,
}

/// A successful operation and what was read right after it.
#[derive(Clone, Debug)]
pub struct Success<'a> {
    /// The operation.
    pub operation: &'a Operation,
    /// The configuration, between two looks that showed the same newest operation.
    pub configuration: Configuration,
    /// What the tag meant at the start.
    pub began: Option<&'a LookUp>,
    /// What it means now.
    pub image: Option<PushedImage>,
    /// It is the first look at the service.
    pub assumed: bool,
}

impl Version {
    /// The version for a comparison.
    pub fn snapshot(&self) -> Snapshot<'_> {
        Snapshot { configuration: self.configuration.open(), digest: self.digest.as_deref() }
    }

    /// The image that it ran, as surely as it is known.
    pub fn image(&self) -> Option<ImageIdentifier> {
        let image = self.configuration.open().image()?;
        Some(match &self.digest {
            Some(digest) => image.with_digest(digest),
            None => image,
        })
    }

    /// What an update to it sends: by digest where that is known, and without automatic deployments.
    pub fn pinned(&self) -> Configuration {
        let mut configuration = self.configuration.open().clone();
        configuration.set_flag(Member::AutoDeployments, Some(false));
        match self.image() {
            Some(image) => configuration.pinned_to(&image),
            None => configuration,
        }
    }

    fn is_good(&self) -> bool {
        match self.standing {
            Standing::KnownGood => true,
            Standing::Assumed => !self.pushed_later,
            Standing::Baking | Standing::Unproven | Standing::Bad => false,
        }
    }
}

impl Versions {
    /// The version that an operation brought.
    pub fn of(&self, operation: &OperationId) -> Option<&Version> {
        self.kept.iter().find(|version| version.operation == *operation)
    }

    /// A version by its number.
    pub fn numbered(&self, number: u64) -> Option<&Version> {
        self.kept.iter().find(|version| version.number == number)
    }

    /// The known good versions, newest first.
    pub fn good(&self) -> impl Iterator<Item = &Version> {
        self.kept.iter().rev().filter(|version| version.is_good())
    }

    /// The newest version that a configuration equals.
    pub fn equal_to(&self, configuration: &Configuration) -> Option<&Version> {
        let now = Snapshot { configuration, digest: None };
        self.kept.iter().rev().find(|version| differences(version.snapshot(), now).is_empty())
    }

    /// Records what a successful operation brought, once.
    pub fn record(&mut self, success: &Success<'_>, now: Timestamp) {
        let operation = success.operation;
        if self.of(&operation.id).is_some() {
            return;
        }
        self.last += 1;
        self.kept.push(Version {
            number: self.last,
            operation: operation.id.clone(),
            deployed_at: operation.last_known_at().unwrap_or(now),
            standing: if success.assumed { Standing::Assumed } else { Standing::Baking },
            evidence: None,
            failure: None,
            digest: success.digest(),
            pushed_later: success.pushed_before() == Some(false),
            configuration: success.configuration.clone().seal(),
        });
        self.trim();
    }

    /// Says how a bake ended. What is no longer baking stays what it is.
    pub fn judge(&mut self, operation: &OperationId, ended: Ended) {
        let baking = self.kept.iter_mut().find(|version| version.operation == *operation);
        let Some(version) = baking.filter(|version| version.standing == Standing::Baking) else { return };
        match ended {
            Ended::Good(evidence) => {
                version.standing = Standing::KnownGood;
                version.evidence = Some(evidence);
            }
            Ended::Unproven => version.standing = Standing::Unproven,
            Ended::Bad(failure) => {
                version.standing = Standing::Bad;
                version.failure = Some(failure);
            }
        }
        self.trim();
    }

    /// Says that a person rolled away from a version: it is not returned to by itself.
    pub fn reject(&mut self, number: u64) {
        let left = self.kept.iter_mut().find(|version| version.number == number);
        let Some(version) = left.filter(|version| version.standing != Standing::Bad) else { return };
        version.standing = Standing::Bad;
        version.failure = Some("a person rolled back from it".to_owned());
        self.trim();
    }

    /// Keeps the newest of each kind. The item of a table holds 400 KB.
    fn trim(&mut self) {
        let (mut good, mut others) = (0, 0);
        let mut kept: Vec<_> = std::mem::take(&mut self.kept).into_iter().rev().collect();
        kept.retain(|version| {
            let count = if version.is_good() { &mut good } else { &mut others };
            *count += 1;
            *count <= KEPT
        });
        kept.reverse();
        self.kept = kept;
    }
}

impl Success<'_> {
    /// Whether the image was there when the operation started; in the same second a pipeline does both. `None`: not
    /// known.
    fn pushed_before(&self) -> Option<bool> {
        Some(self.image.as_ref()?.pushed_at? <= self.operation.started_at?)
    }

    /// The digest that is known to have run.
    fn digest(&self) -> Option<String> {
        let named = self.configuration.image()?;
        if named.digest.is_some() {
            return named.digest;
        }
        if self.pushed_before() != Some(true) {
            return None;
        }
        let image = self.image.as_ref()?;
        let started_at = self.operation.started_at?;
        let same_at_start = self.began.is_some_and(|began| {
            began.operation == self.operation.id
                && began.digest.as_ref() == Some(&image.digest)
                && began.image == named.to_string()
                && began.at.duration_since(started_at) <= AT_START
        });
        (self.assumed || same_at_start).then(|| image.digest.clone())
    }
}

#[cfg(test)]
mod tests;
