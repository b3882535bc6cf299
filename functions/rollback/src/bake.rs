//! The bake of a version: which analyses count, and when it is over.

use autopilot::analysis::{Verdict, fails_the_same_way};
use jiff::{SignedDuration, Timestamp};

use crate::{
    case::Bake,
    seen::Judged,
    settings::{Settings, span},
    versions::{Ended, Evidence},
};

/// Analyses nearer to each other than this look at the same values: an alarm's event beside a tick.
const APART: SignedDuration = SignedDuration::from_secs(30);

/// The bake with a further analysis counted.
pub fn counted(mut bake: Bake, judged: &Judged, now: Timestamp) -> Bake {
    if bake.analysed_at.is_some_and(|at| now.duration_since(at) < APART) {
        return bake;
    }
    bake.analysed_at = Some(now);
    bake.last = Some(judged.now.verdict);
    bake.blamed = false;
    match judged.now.verdict {
        Verdict::Fail if fails_the_same_way(&judged.now, &judged.before) => {
            bake.evidence = bake.evidence.max(Evidence::AsBefore);
        }
        verdict => {
            bake.blamed = verdict == Verdict::Fail;
            bake.streak.count(verdict);
            if verdict == Verdict::Pass {
                bake.evidence = Evidence::Analysis;
            }
        }
    }
    bake
}

/// A finding is acted on this long after the last analysis of a bake is due.
const MARGIN: SignedDuration = SignedDuration::from_mins(5);

/// Until when a bake that failed is acted on. What kept it from that for longer kept the finding from being true: since
/// then the version may have served well for days.
pub fn acts_until(bake: &Bake, settings: &Settings) -> Timestamp {
    let counted = SignedDuration::from_mins(i64::from(settings.failure_limit));
    bake.since + span(settings.bake_time) + counted + span(settings.cool_down) + MARGIN
}

/// How the bake ended; `None` while it goes on. After the bake time, failures that go on are counted up to their limit.
pub fn verdict(bake: &Bake, judged: Option<&Judged>, settings: &Settings, now: Timestamp) -> Option<Ended> {
    let judged = judged?;
    let bake = counted(bake.clone(), judged, now);
    if bake.streak.reached(settings.failure_limit) {
        return Some(Ended::Bad(judged.now.to_string()));
    }
    if now < bake.since + span(settings.bake_time) {
        return None;
    }
    match bake.streak.failures() {
        0 => Some(Ended::Good(bake.evidence)),
        _ if bake.blamed => None,
        _ => Some(Ended::Unproven),
    }
}

#[cfg(test)]
mod tests {
    use autopilot::{
        analysis::{Analysis, CheckResult, Streak},
        service::OperationId,
    };
    use std::collections::HashMap;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn analysis(verdict: Verdict) -> Analysis {
        let check =
            CheckResult { name: "error-share".into(), verdict, detail: "x".into(), measured: Some(0.5) };
        Analysis::of(vec![check])
    }

    fn judged(now: Verdict, before: Verdict) -> Judged {
        Judged { now: analysis(now), before: analysis(before) }
    }

    fn settings() -> Settings {
        let given = [
            ("STATE_TABLE", "t"),
            ("ROLLBACK_MODE", "on"),
            ("BAKE_TIME", "10m"),
            ("SETTLE_TIME", "5m"),
            ("ROLLBACK_BUDGET", "3"),
            ("ROLLBACK_COOL_DOWN", "10m"),
            ("ANALYSIS_FAILURE_LIMIT", "2"),
            ("ANALYSIS_MAX_ERROR_SHARE", "0.05"),
            ("ANALYSIS_MIN_REQUESTS", "50"),
        ];
        let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Settings::from_environment(&HashMap::from(given)).unwrap()
    }

    /// The bake after an analysis a minute, and how it stands then.
    fn after(course: &[(Verdict, Verdict)], last_at: i64) -> Option<Ended> {
        let mut bake = Bake {
            operation: OperationId("d".into()),
            began_at: at(-100),
            since: at(0),
            streak: Streak::default(),
            analysed_at: None,
            last: None,
            blamed: false,
            evidence: Evidence::None,
        };
        let (last, first) = course.split_last().unwrap();
        for (minute, (now, before)) in (1..).zip(first) {
            bake = counted(bake, &judged(*now, *before), at(minute * 60));
        }
        verdict(&bake, Some(&judged(last.0, last.1)), &settings(), at(last_at))
    }

    #[test]
    fn a_bake_ends_with_its_time_or_its_failures() {
        use Verdict::{Fail, Inconclusive, Pass};
        let failed = Some(Ended::Bad("fail: x".to_owned()));
        for (course, last_at, expected) in [
            (&[(Pass, Pass)][..], 599, None),
            (&[(Pass, Pass)], 600, Some(Ended::Good(Evidence::Analysis))),
            (&[(Inconclusive, Pass)], 600, Some(Ended::Good(Evidence::None))),
            (&[(Pass, Pass), (Inconclusive, Pass)], 600, Some(Ended::Good(Evidence::Analysis))),
            (&[(Fail, Pass)], 120, None),
            (&[(Fail, Pass), (Fail, Pass)], 120, failed.clone()),
            // No success in between: the row goes on.
            (&[(Fail, Pass), (Inconclusive, Pass), (Fail, Pass)], 180, failed.clone()),
            (&[(Fail, Pass), (Pass, Pass), (Fail, Pass)], 180, None),
            // The time is over but the last word is not spoken.
            (&[(Fail, Pass)], 600, None),
            (&[(Fail, Pass), (Inconclusive, Pass)], 600, Some(Ended::Unproven)),
            (&[(Fail, Pass), (Fail, Fail)], 600, Some(Ended::Unproven)),
            // Not its fault.
            (&[(Fail, Fail), (Fail, Fail)], 120, None),
            (&[(Fail, Fail), (Fail, Fail)], 600, Some(Ended::Good(Evidence::AsBefore))),
            // The same values counted once.
            (&[(Fail, Pass), (Fail, Pass)], 89, None),
            (&[(Fail, Pass), (Fail, Pass)], 90, failed.clone()),
        ] {
            assert_eq!(after(course, last_at), expected, "{course:?} at {last_at}");
        }
    }
}
