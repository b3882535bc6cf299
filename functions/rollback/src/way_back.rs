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
    announcement::Phase,
    case::Say,
    configuration::{Member, Snapshot, differences, exposure},
    service::OperationId,
};
use serde_json::json;

use crate::{
    case::{Act, Why, Work},
    decide::Draft,
    seen::Look,
    tell::by_hand,
    versions::{Version, Versions},
};

/// What [`find`] found.
pub(crate) enum Way {
    /// It can be gone.
    Open(Act),
    /// It was not looked at yet.
    Unread,
    /// It cannot.
    Shut {
        /// The reason of docs/announcements.md.
        reason: &'static str,
        /// For people.
        summary: String,
    },
}

/// The version to go back to: the one that is named, or the last known good one that is not to blame.
pub(crate) fn choose<'a>(
    versions: &'a Versions,
    bad: Option<&OperationId>,
    named: Option<u64>,
) -> Option<&'a Version> {
    match named {
        Some(number) => versions.numbered(number),
        None => versions.last_good(bad),
    }
}

/// The operation that brought what is bad now.
pub(crate) fn bad_operation(work: &Work, look: &Look) -> Option<OperationId> {
    let bake = work.baking.as_ref().map(|bake| &bake.operation);
    let ship = look.shipping().map(|ship| &ship.id);
    work.failed.as_ref().or(bake).or(ship).cloned()
}

pub(crate) fn find(draft: &Draft<'_>, why: Why, named: Option<u64>, because: &str) -> Way {
    let (look, work) = (draft.look, &draft.work);
    let name = look.service.name();
    let bad = bad_operation(work, look);
    let shut = |reason: &'static str, what: String, version: Option<&Version>| {
        let by_hand = by_hand(look, version);
        Way::Shut {
            reason,
            summary: format!("{name} is not rolled back although {because}: {what}. {by_hand}"),
        }
    };
    let Some(version) = choose(&look.versions, bad.as_ref(), named) else {
        let what = match named {
            Some(number) => format!("there is no version {number}"),
            None => "there is no known good version".to_owned(),
        };
        return shut("no-known-good-version", what, None);
    };
    let Some(checked) = look.way_back.as_ref().filter(|checked| checked.version == version.number) else {
        return Way::Unread;
    };
    let bad_version = bad.as_ref().and_then(|bad| look.versions.of(bad));
    let current = Snapshot {
        configuration: &look.configuration,
        digest: bad_version.and_then(|it| it.digest.as_deref()),
    };
    let number = version.number;
    let some = Some(version);
    if look.configuration.is_from_code() {
        if differences(current, version.snapshot()).is_empty() {
            let what = "it is built from code, no commit can be pinned, and its configuration is unchanged: \
                        revert the commit in the repository";
            return shut("code-cannot-be-pinned", what.to_owned(), some);
        }
    } else if version.image().is_none_or(|image| image.digest.is_none())
        && version.configuration.open().text(Member::Image) == look.configuration.text(Member::Image)
    {
        let what = format!("version {number} is not pinned to a digest and has the same image identifier");
        return shut("image-not-pinned", what, some);
    }
    if let Some(missing) = &checked.image_missing {
        return shut("image-gone", format!("the image of version {number} {missing}"), some);
    }
    if let Some(missing) = &checked.resource_missing {
        return shut("resource-gone", format!("{missing}, which version {number} uses, is gone"), some);
    }
    let forced = work.request.as_ref().is_some_and(|request| request.force);
    let guards = exposure(current, version.snapshot());
    if !guards.is_empty() && !forced {
        let guards: Vec<_> = guards.iter().map(ToString::to_string).collect();
        return shut("would-widen-exposure", guards.join("; "), some);
    }
    let pinned = version.pinned();
    let after = Snapshot { configuration: &pinned, digest: None };
    let mut changed: Vec<_> = differences(current, after).iter().map(Member::to_string).collect();
    if look.configuration.flag(Member::AutoDeployments) == Some(true) {
        changed.push(Member::AutoDeployments.to_string());
    }
    Way::Open(Act::RollBack {
        to: number,
        why,
        because: because.to_owned(),
        after: look.operations.first().map(|operation| operation.id.clone()),
        bad_digest: bad_version.and_then(|version| version.digest.clone()),
        bad_image: look.configuration.text(Member::Image).map(str::to_owned),
        drift: changed,
    })
}

/// The release of a hold, or why it is refused.
pub(crate) fn find_release(draft: &Draft<'_>, force: bool) -> Result<Act, String> {
    let (look, name) = (draft.look, draft.look.service.name());
    let Some(hold) = &draft.work.hold else { return Err(format!("{name} is not held at any version.")) };
    let Some(version) = look.versions.numbered(hold.version) else {
        return Err(format!("{name} is held at version {}, which is not kept any more.", hold.version));
    };
    let own = version.configuration.open().text(Member::Image);
    let bad = match (&hold.bad_digest, &look.released_digest) {
        (Some(bad), Some(now)) => bad == now,
        // Which image was bad is not known: the same name may bring it back.
        _ => hold.bad_image.as_deref() == own && own.is_some_and(|image| !image.contains('@')),
    };
    if bad && !force {
        return Err(format!(
            "{name} stays at version {}: its tag still means the image that was bad, or it cannot be told. Push a \
             good image first, or say \"force\":true.",
            hold.version
        ));
    }
    let after = look.operations.first().map(|operation| operation.id.clone());
    Ok(Act::Release { version: hold.version, after })
}

/// What is said where our own update did not come to what was meant. It is never tried again by itself.
pub(crate) fn own_failure(look: &Look, act: &Act, what: &str) -> Say {
    let version = look.versions.numbered(act.version());
    let by_hand = by_hand(look, version);
    let summary = format!(
        "The {} of {} to version {} failed: {what}. It is not tried again. {by_hand}",
        if matches!(act, Act::Release { .. }) { "release" } else { "rollback" },
        look.service.name(),
        act.version(),
    );
    let plan =
        json!({"action": "hold", "version": act.version(), "by_hand": [by_hand], "after": act.after()});
    Say::new(Phase::Failed, "own-rollback-failed", summary, plan)
}
