//! The way back: to which version, and what stands in it.
//!
//! | in the way | reason |
//! |---|---|
//! | there is no such version, or no known good one | `no-known-good-version` |
//! | a code service whose configuration would stay the same: a commit cannot be pinned | `code-cannot-be-pinned` |
//! | unpinned, and the bad version has the same identifier: the tag brings the same again | `image-not-pinned` |
//! | the image is not in ECR any more, or that cannot be told | `image-gone` |
//! | its connector or scaling configuration is gone | `resource-gone` |
//! | it would show, permit or change what a person must agree to, and no one forced it | `would-widen-exposure` |
//!
//! Budget and cool-down are the gate's: [`autopilot::mutation`].

use autopilot::{
    configuration::{Member, Snapshot, differences, exposure},
    service::OperationId,
};

use crate::{
    by_hand,
    case::{Act, BadImage, Why, Work},
    decide::Draft,
    seen::Look,
    versions::Version,
};

/// What [`find`] found.
pub(crate) enum Way {
    /// It can be gone.
    Open(Act),
    /// It was not looked at yet.
    Unread,
    /// It cannot.
    Shut(Shut),
}

/// What stands in the way.
pub(crate) struct Shut {
    /// The reason of docs/announcements.md.
    pub(crate) reason: &'static str,
    /// For people.
    pub(crate) what: String,
    /// What a person does about it.
    pub(crate) by_hand: Vec<String>,
}

/// The operation that the present trouble is about.
pub(crate) fn bad_operation(work: &Work, look: &Look) -> Option<OperationId> {
    let ship = look.shipping();
    let bake = work.baking.as_ref().map(|bake| &bake.operation);
    // A failure that is not noted yet is the newest one.
    let news = ship.filter(|ship| ship.status.is_failure() && work.dealt.as_ref() != Some(&ship.id));
    let ids = [work.failed.as_ref(), news.map(|ship| &ship.id), bake, ship.map(|ship| &ship.id)];
    ids.into_iter().flatten().next().cloned()
}

/// The recorded version that is bad: what the bad operation brought; while the service is held, the one that it is
/// held at, unless something else was attempted since.
fn bad_version<'a>(work: &Work, look: &'a Look, bad: Option<&OperationId>) -> Option<&'a Version> {
    let bad = bad?;
    let failed = look.operations.iter().any(|it| it.id == *bad && it.status.is_failure());
    let held = work.hold.as_ref().filter(|_| !failed).and_then(|hold| look.versions.numbered(hold.version));
    look.versions.of(bad).or(held)
}

/// The version to go back to: the one that is named, or the last known good one that is not to blame. While the
/// service is held, what is newer than the held version was left for a reason.
pub(crate) fn choose<'a>(work: &Work, look: &'a Look, named: Option<u64>) -> Option<&'a Version> {
    if let Some(number) = named {
        return look.versions.numbered(number);
    }
    let bad = bad_operation(work, look);
    let bad = bad_version(work, look, bad.as_ref()).map(|version| version.number);
    let newest = work.hold.as_ref().map_or(u64::MAX, |hold| hold.version);
    look.versions.good().find(|version| version.number <= newest && Some(version.number) != bad)
}

/// What no force gets past.
fn obstacle(look: &Look, current: Snapshot<'_>, version: &Version) -> Option<(&'static str, String)> {
    let number = version.number;
    let checked = look.way_back.as_ref()?;
    if look.configuration.is_from_code() {
        if differences(current, version.snapshot()).is_empty() {
            let what = "it is built from code, no commit can be pinned, and its configuration is unchanged";
            return Some(("code-cannot-be-pinned", what.to_owned()));
        }
    } else if version.image().is_none_or(|image| image.digest.is_none())
        && version.configuration.open().text(Member::Image) == look.configuration.text(Member::Image)
    {
        let what = format!("version {number} is not pinned to a digest and has the same image identifier");
        return Some(("image-not-pinned", what));
    }
    if let Some(missing) = &checked.image_missing {
        return Some(("image-gone", format!("the image of version {number} {missing}")));
    }
    let missing = checked.resource_missing.as_ref()?;
    Some(("resource-gone", format!("{missing}, which version {number} uses, is gone")))
}

pub(crate) fn find(draft: &Draft<'_>, why: Why, named: Option<u64>, because: &str) -> Way {
    let (look, work) = (draft.look, &draft.work);
    let service = &look.service;
    let shut = |reason, what, by_hand| Way::Shut(Shut { reason, what, by_hand });
    let Some(version) = choose(work, look, named) else {
        let what = match named {
            Some(number) => format!("there is no version {number}"),
            None => "there is no known good version".to_owned(),
        };
        return shut("no-known-good-version", what, by_hand::without_a_version(service));
    };
    if look.way_back.as_ref().is_none_or(|checked| checked.version != version.number) {
        return Way::Unread;
    }
    let bad = bad_operation(work, look);
    let bad = bad_version(work, look, bad.as_ref());
    let current =
        Snapshot { configuration: &look.configuration, digest: bad.and_then(|it| it.digest.as_deref()) };
    if let Some((reason, what)) = obstacle(look, current, version) {
        return shut(reason, what, by_hand::past(reason, service, version));
    }
    let forced = work.request.as_ref().is_some_and(|request| request.force);
    let guards = exposure(current, version.snapshot());
    if !guards.is_empty() && !forced {
        let guards: Vec<_> = guards.iter().map(ToString::to_string).collect();
        let by_hand = vec![by_hand::by_command(service, version.number)];
        return shut("would-widen-exposure", guards.join("; "), by_hand);
    }
    let pinned = version.pinned();
    let after = Snapshot { configuration: &pinned, digest: None };
    let mut changed: Vec<_> = differences(current, after).iter().map(Member::to_string).collect();
    if look.configuration.flag(Member::AutoDeployments) == Some(true) {
        changed.push(Member::AutoDeployments.to_string());
    }
    Way::Open(Act::RollBack {
        to: version.number,
        why,
        because: because.to_owned(),
        after: look.operations.first().map(|operation| operation.id.clone()),
        left: bad.map(|bad| bad.number).filter(|left| *left > version.number),
        bad: bad_images(draft, bad, version),
        by_hand: by_hand::by_update(service, version, &changed),
        drift: changed,
    })
}

/// What a release must not bring back: the image that is left, and what was left before under the same hold.
fn bad_images(draft: &Draft<'_>, bad: Option<&Version>, to: &Version) -> Vec<BadImage> {
    let mut images = draft.work.hold.as_ref().map(|hold| hold.bad.clone()).unwrap_or_default();
    let left = BadImage {
        digest: bad.and_then(|version| version.digest.clone()),
        name: draft.look.configuration.text(Member::Image).map(str::to_owned),
    };
    if !images.contains(&left) {
        images.push(left);
    }
    // Where both ran the same image, it was not what was bad.
    images.retain(|image| image.digest.is_none() || image.digest != to.digest);
    images
}

/// The release of a hold, or why it is refused.
pub(crate) fn find_release(draft: &Draft<'_>, force: bool) -> Result<Act, String> {
    let (look, name) = (draft.look, draft.look.service.name());
    let Some(hold) = &draft.work.hold else { return Err(format!("{name} is not held at any version.")) };
    let Some(version) = look.versions.numbered(hold.version) else {
        return Err(format!("{name} is held at version {}, which is not kept any more.", hold.version));
    };
    let own = version.configuration.open().text(Member::Image);
    let now = look.released_digest.as_deref();
    if !force && hold.bad.iter().any(|image| image.may_be(own, now)) {
        return Err(format!(
            "{name} stays at version {}: its tag still means an image that was bad, or it cannot be told. Push a \
             good image first, or say \"force\":true.",
            hold.version
        ));
    }
    let after = look.operations.first().map(|operation| operation.id.clone());
    let by_hand = by_hand::of_release(&look.service, own);
    Ok(Act::Release { version: hold.version, after, by_hand })
}
