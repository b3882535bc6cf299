//! Image identifiers: `<registry>/<repository>[:tag][@digest]`, from private ECR and ECR Public.

use std::{fmt, str::FromStr};

/// Where an image lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registry {
    /// `<account>.dkr.ecr.<region>.<suffix>`.
    Private {
        /// The twelve digits of the account.
        account: String,
        /// The Region.
        region: String,
        /// `amazonaws.com`, or a partition's own.
        suffix: String,
    },
    /// `public.ecr.aws`.
    Public,
}

/// An image as a service's configuration names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageIdentifier {
    /// Where it lies.
    pub registry: Registry,
    /// Path of the repository; in ECR Public it begins with the registry's alias.
    pub repository: String,
    /// The tag that is named. Without tag and digest `latest` is meant: [`Self::effective_tag`].
    pub tag: Option<String>,
    /// The digest, with its algorithm, that is named.
    pub digest: Option<String>,
}

/// Text that names no image in ECR.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no image in ECR or ECR Public")]
pub struct NotAnImageIdentifier(String);

impl ImageIdentifier {
    /// The tag that decides what runs; `None` where a digest does.
    pub fn effective_tag(&self) -> Option<&str> {
        match &self.digest {
            Some(_) => None,
            None => Some(self.tag.as_deref().unwrap_or("latest")),
        }
    }

    /// This repository's image of this digest, and no tag: `repo:tag@digest` is not known to deploy.
    #[must_use]
    pub fn with_digest(&self, digest: &str) -> Self {
        Self { tag: None, digest: Some(digest.to_owned()), ..self.clone() }
    }

    /// True where both lie in the same repository.
    pub fn is_beside(&self, other: &Self) -> bool {
        self.registry == other.registry && self.repository == other.repository
    }

    /// True where both name the same image by the same means: the same digest, or the same tag. A tag may have
    /// moved between the two.
    pub fn is_same(&self, other: &Self) -> bool {
        let tags_agree = || self.effective_tag() == other.effective_tag();
        self.is_beside(other) && self.digest == other.digest && tags_agree()
    }
}

impl FromStr for ImageIdentifier {
    type Err = NotAnImageIdentifier;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (host, path) = text.split_once('/')?;
            let (path, digest) = split(path, '@')?;
            let (repository, tag) = split(path, ':')?;
            let name = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic());
            let named = name(repository) && !repository.starts_with('/') && !repository.ends_with('/');
            // A digest is `algorithm:hex`.
            let digested = digest.is_none_or(|digest| name(digest) && digest.split(':').count() == 2);
            let tagged = tag.is_none_or(|tag| name(tag) && !tag.contains([':', '/']));
            let owned = |part: &str| part.to_owned();
            (named && digested && tagged).then_some(Self {
                registry: registry(host)?,
                repository: owned(repository),
                tag: tag.map(owned),
                digest: digest.map(owned),
            })
        };
        read().ok_or_else(|| NotAnImageIdentifier(text.chars().take(200).collect()))
    }
}

/// What stands before and behind a separator; `None` where nothing stands behind it.
fn split(text: &str, separator: char) -> Option<(&str, Option<&str>)> {
    match text.split_once(separator) {
        None => Some((text, None)),
        Some((_, "")) => None,
        Some((before, behind)) => Some((before, Some(behind))),
    }
}

fn registry(host: &str) -> Option<Registry> {
    if host == "public.ecr.aws" {
        return Some(Registry::Public);
    }
    let (account, rest) = host.split_once(".dkr.ecr.")?;
    let (region, suffix) = rest.split_once('.')?;
    let account_like = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    (account_like && !region.is_empty() && suffix.starts_with("amazonaws")).then(|| Registry::Private {
        account: account.to_owned(),
        region: region.to_owned(),
        suffix: suffix.to_owned(),
    })
}

impl fmt::Display for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Private { account, region, suffix } => write!(f, "{account}.dkr.ecr.{region}.{suffix}"),
            Self::Public => f.write_str("public.ecr.aws"),
        }
    }
}

impl fmt::Display for ImageIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}
