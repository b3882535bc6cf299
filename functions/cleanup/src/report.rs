//! What a run tells: one announcement, and only if something is new or held. Pure.
//!
//! It says of each resource what it is, since when it is left over, who marked it, what it costs, when it is
//! deleted, and the command that keeps or removes it. `notify` shows `lines` and `next_steps`; rules and programs
//! read `resources`.

use autopilot::{
    announcement::Phase,
    case::Say,
    leftovers::{KEEP, MARK},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::{
    settings::{Policy, Usd},
    state::{Kind, Memory, OverCap, Sighting, Standing},
};

/// Resources that one report lists; an announcement has its limits.
const LISTED: usize = 100;

/// IDs in one command, so that it can be copied.
const IDS: usize = 20;

/// The most telling first: the report's phase is that of its first resource.
const ORDER: [&str; 12] = [
    "deleted-in-use",
    "not-deleted",
    "not-unmarked",
    "not-marked",
    "withheld",
    "deleted",
    "unmarked",
    "marked",
    "would-delete",
    "would-mark",
    "stack-owned",
    "left-over",
];

/// A resource that is told of.
struct News<'a> {
    id: &'a str,
    sighting: &'a Sighting,
    phase: Phase,
    reason: &'static str,
}

/// The report of what is new, which counts as told from then on; `None` where nothing is new.
pub fn of(memory: &mut Memory, over: Option<OverCap>, policy: &Policy, now: Timestamp) -> Option<Say> {
    let mut news: Vec<News<'_>> = memory
        .resources
        .iter()
        .filter(|(_, sighting)| sighting.is_news())
        .filter_map(|(id, sighting)| {
            let (phase, reason) = sighting.standing.words()?;
            Some(News { id, sighting, phase, reason })
        })
        .collect();
    news.sort_by_key(|news| ORDER.iter().position(|reason| *reason == news.reason));
    // What went wrong comes before what is waiting.
    let has_failed = news.first().is_some_and(|first| first.phase == Phase::Failed);
    let held = over.filter(|_| !has_failed);
    let only_repeats = news.is_empty() && held == memory.over_cap;
    let say = if only_repeats { None } else { say(&news, over, held, policy, now) };
    let freed = news.iter().filter(|news| news.sighting.standing == Standing::Deleted);
    memory.freed_zones += freed.map(|news| news.sighting.facts.zones).sum::<usize>();
    memory.over_cap = held;
    for sighting in memory.resources.values_mut() {
        if sighting.is_news() {
            sighting.told = Some(sighting.standing.clone());
        }
    }
    memory.resources.retain(|_, sighting| !sighting.standing.is_final());
    say
}

fn say(
    news: &[News<'_>],
    over: Option<OverCap>,
    held: Option<OverCap>,
    policy: &Policy,
    now: Timestamp,
) -> Option<Say> {
    let listed = &news[..news.len().min(LISTED)];
    let plan = plan(news, held, now);
    let mut say = match (held, news.first()) {
        (Some(over), _) => Say::new(Phase::Held, "over-cap", held_summary(over, news, policy), plan),
        (None, first) => {
            let first = first?;
            Say::new(first.phase.clone(), first.reason, summary(news, policy), plan)
        }
    };
    let mut lines: Vec<String> = listed.iter().map(|news| line(news, policy)).collect();
    if news.len() > LISTED {
        lines.push(format!("And {} more: the command status lists them.", news.len() - LISTED));
    }
    let mut steps = next_steps(listed);
    if let Some(OverCap { due, .. }) = over {
        let confirm = format!("Go on: invoke cleanup with {{\"command\":\"run\",\"confirm\":{due}}}");
        steps.insert(0, confirm);
    }
    say.more.insert("lines".to_owned(), json!(lines));
    say.more.insert("next_steps".to_owned(), json!(steps));
    say.more.insert("resources".to_owned(), listed.iter().map(|news| shown(news, policy)).collect());
    say.more.insert("monthly_saving_usd".to_owned(), json!(cents(saved(news, policy))));
    Some(say)
}

/// What was found and is held, and when: whatever is new is told, however like the last news it looks.
fn plan(news: &[News<'_>], held: Option<OverCap>, now: Timestamp) -> Value {
    let by_reason: Map<String, Value> =
        counts(news).into_iter().map(|(reason, count)| (reason.to_owned(), count.into())).collect();
    let ids: Vec<&str> = news.iter().take(LISTED).map(|news| news.id).collect();
    let mut plan = json!({"action": "report", "at": now, "count": by_reason, "resources": ids});
    if let Some(OverCap { due, cap }) = held {
        plan["action"] = "hold".into();
        plan["due"] = due.into();
        plan["cap"] = cap.into();
    }
    plan
}

fn held_summary(OverCap { due, cap }: OverCap, news: &[News<'_>], policy: &Policy) -> String {
    let also = if news.is_empty() { String::new() } else { format!(" {}", summary(news, policy)) };
    format!(
        "Nothing was deleted: {due} resources are due and a run may delete {cap}. \
         Send run with confirm {due} to go on.{also}"
    )
}

/// How many resources there are of each reason, in the order of the reasons.
fn counts(news: &[News<'_>]) -> Vec<(&'static str, usize)> {
    news.chunk_by(|a, b| a.reason == b.reason).map(|same| (same[0].reason, same.len())).collect()
}

fn summary(news: &[News<'_>], policy: &Policy) -> String {
    if let [only] = news {
        return line(only, policy);
    }
    let words: Vec<String> =
        counts(news).into_iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    let saved = saved(news, policy);
    let saving = if saved.0 > 0.0 { format!(", which saves about {saved} a month") } else { String::new() };
    format!("Leftovers of App Runner: {}{saving}.", words.join(", "))
}

/// What the endpoints that were deleted no longer cost.
fn saved(news: &[News<'_>], policy: &Policy) -> Usd {
    let deleted = news.iter().filter(|news| news.sighting.standing == Standing::Deleted);
    policy.hour_price.monthly(deleted.map(|news| news.sighting.facts.zones).sum())
}

fn cents(amount: Usd) -> f64 {
    (amount.0 * 100.0).round() / 100.0
}

/// When something that was marked then may be deleted.
pub fn delete_after(since: Timestamp, policy: &Policy) -> Timestamp {
    let grace = SignedDuration::try_from(policy.grace.as_duration()).unwrap_or(SignedDuration::MAX);
    since.checked_add(grace).unwrap_or(Timestamp::MAX)
}

/// One resource in one line.
fn line(News { id, sighting, .. }: &News<'_>, policy: &Policy) -> String {
    let noun = sighting.kind.noun();
    let facts = &sighting.facts;
    let place = facts.vpc.as_deref().map(|vpc| format!(" in {vpc}")).unwrap_or_default();
    let cost = policy.hour_price.monthly(facts.zones);
    let bill = if facts.zones > 0 {
        let plural = if facts.zones == 1 { "" } else { "s" };
        format!(", {} zone{plural}, about {cost} a month", facts.zones)
    } else {
        String::new()
    };
    let about = facts.about.as_deref().map(|about| format!(", {about}")).unwrap_or_default();
    format!("{noun} {id}{place}{bill}{about}: {}", what(sighting, policy))
}

fn what(sighting: &Sighting, policy: &Policy) -> String {
    let seen = minute(sighting.first_seen);
    let orphaned = match sighting.kind {
        Kind::Endpoint => "no ingress connection refers to it",
        _ => "its service is gone",
    };
    match &sighting.standing {
        Standing::WouldMark => {
            format!("would be marked: {orphaned}, seen since {seen}. Dry run: nothing is changed.")
        }
        Standing::Marked { since } => format!(
            "marked{}: {orphaned}, seen since {seen}. It is deleted after {} unless it is used again or kept.",
            if sighting.marked.is_some() { " by apprunner-autopilot" } else { " by somebody else" },
            minute(delete_after(*since, policy))
        ),
        Standing::WouldDelete => {
            format!("would be deleted: {orphaned}, seen since {seen}. Dry run: nothing is changed.")
        }
        Standing::Deleted => match policy.hour_price.monthly(sighting.facts.zones) {
            Usd(saved) if saved > 0.0 => format!("deleted, which saves about {} a month.", Usd(saved)),
            _ => "deleted.".to_owned(),
        },
        Standing::DeletedInUse { by } => format!(
            "deleted, and {by} began to use it in the moment before. That connection does not work: delete it, and \
             create endpoint and connection anew."
        ),
        Standing::NotDeleted { why } => format!("could not be deleted: {why}. It is tried again tomorrow."),
        Standing::Withheld { why } => format!("due, but not deleted: {why}."),
        Standing::NotMarked { why } => {
            format!("could not be marked ({why}): {orphaned}, seen since {seen}. It is tried again tomorrow.")
        }
        Standing::NotUnmarked { because, why } => format!(
            "no orphan any more ({because}), but its mark could not be taken away: {why}. It is tried again tomorrow; \
             the mark no longer counts."
        ),
        Standing::Unmarked { why } => format!("no longer marked: {why}."),
        Standing::StackOwned { tag } => format!(
            "{orphaned}, seen since {seen}, but its tag {tag} says that a stack or a tool owns it: remove it there."
        ),
        Standing::Reported | Standing::Seen | Standing::Deleting => format!("left over, seen since {seen}."),
    }
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// The commands that keep what is marked, and that remove what is only reported.
fn next_steps(news: &[News<'_>]) -> Vec<String> {
    let mut steps = Vec::new();
    let endpoints: Vec<&str> = news
        .iter()
        .filter(|news| news.sighting.kind == Kind::Endpoint && is_going(&news.sighting.standing))
        .map(|news| news.id)
        .collect();
    for ids in endpoints.chunks(IDS) {
        steps.push(format!("Keep: {}", keep_command(&ids.join(" "))));
    }
    steps.extend(news.iter().filter_map(|news| command(news.id, news.sighting)));
    steps
}

/// True for what is deleted sooner or later, unless somebody keeps it.
fn is_going(standing: &Standing) -> bool {
    use Standing::{Marked, Withheld, WouldDelete, WouldMark};
    matches!(standing, Marked { .. } | WouldMark | WouldDelete | Withheld { .. })
}

/// The command that keeps endpoints for good.
pub fn keep_command(ids: &str) -> String {
    format!("aws ec2 create-tags --resources {ids} --tags Key={KEEP},Value=true")
}

/// The command that removes what is only reported, or keeps what cannot be tagged.
fn command(id: &str, sighting: &Sighting) -> Option<String> {
    Some(match (&sighting.standing, sighting.kind) {
        (standing, Kind::Ingress) if is_going(standing) => {
            format!("Keep: invoke cleanup with {{\"command\":\"keep\",\"resource\":\"{id}\"}}")
        }
        (Standing::Reported | Standing::NotDeleted { .. }, Kind::Ingress) => {
            format!("aws apprunner delete-vpc-ingress-connection --vpc-ingress-connection-arn {id}")
        }
        (Standing::Reported, Kind::Connector) => {
            format!("aws apprunner delete-vpc-connector --vpc-connector-arn {id}")
        }
        (Standing::Reported, Kind::FailedService) => {
            format!("aws apprunner delete-service --service-arn {id}")
        }
        (Standing::Reported, Kind::Record) => sighting.facts.removal.clone()?,
        (Standing::NotUnmarked { .. }, Kind::Endpoint) => {
            format!("aws ec2 delete-tags --resources {id} --tags Key={MARK}")
        }
        (Standing::NotDeleted { .. }, Kind::Endpoint) => {
            format!("aws ec2 delete-vpc-endpoints --vpc-endpoint-ids {id}")
        }
        _ => return None,
    })
}

/// A resource for programs.
fn shown(News { id, sighting, phase, reason }: &News<'_>, policy: &Policy) -> Value {
    let mut shown = entry(id, sighting, policy);
    shown["phase"] = phase.as_str().into();
    shown["reason"] = (*reason).into();
    shown
}

/// A resource for programs, as the command `status` shows it too.
pub fn entry(id: &str, sighting: &Sighting, policy: &Policy) -> Value {
    let mut entry = json!({
        "resource": id,
        "kind": sighting.kind,
        "first_seen": sighting.first_seen.to_string(),
        "monthly_cost_usd": cents(policy.hour_price.monthly(sighting.facts.zones)),
    });
    if let Some(vpc) = &sighting.facts.vpc {
        entry["vpc_id"] = vpc.clone().into();
    }
    if let Standing::Marked { since } = sighting.standing {
        entry["orphaned_since"] = since.to_string().into();
        entry["delete_after"] = delete_after(since, policy).to_string().into();
        entry["marked_by_autopilot"] = sighting.marked.is_some().into();
    }
    entry
}

#[cfg(test)]
mod tests;
