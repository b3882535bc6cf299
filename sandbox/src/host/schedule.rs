//! Schedules: `rate(…)`, `cron(…)`, `at(…)`, and a scheduler that a test drives
//! by telling it the time. It never waits and never looks at a clock.

use anyhow::{Context, Result, anyhow, bail};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::cron::Cron;

/// When a schedule fires.
#[derive(Clone, Debug)]
pub struct Expression(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Rate(SignedDuration),
    Cron(Box<Cron>),
    At(Timestamp),
}

impl Expression {
    /// Reads an expression as `EventBridge` does, all times in UTC.
    pub fn parse(text: &str) -> Result<Self> {
        let (kind, argument) = text
            .strip_suffix(')')
            .and_then(|text| text.split_once('('))
            .ok_or_else(|| anyhow!("{text:?} is none of rate(…), cron(…), at(…)"))?;
        let kind = match kind {
            "rate" => rate(argument).map(Kind::Rate),
            "cron" => Cron::parse(argument).map(|cron| Kind::Cron(Box::new(cron))),
            "at" => at(argument).map(Kind::At),
            _ => bail!("{text:?} is none of rate(…), cron(…), at(…)"),
        };
        kind.map(Self).with_context(|| format!("{text:?}"))
    }

    /// Whether this is `at(…)`, which only `EventBridge` Scheduler knows.
    pub fn is_one_time(&self) -> bool {
        matches!(self.0, Kind::At(_))
    }

    /// The first time strictly after `after` at which a schedule made at
    /// `created` fires. A rate counts from `created`.
    pub fn next_after(&self, created: Timestamp, after: Timestamp) -> Option<Timestamp> {
        match &self.0 {
            Kind::Rate(period) => {
                let passed = after.duration_since(created).max(SignedDuration::ZERO);
                let periods = passed.as_secs() / period.as_secs() + 1;
                created.checked_add(period.checked_mul(i32::try_from(periods).ok()?)?).ok()
            }
            Kind::Cron(cron) => cron.next_after(after),
            Kind::At(at) => Some(*at).filter(|at| *at > after),
        }
    }
}

/// A rate's unit is singular for 1 and plural for all else.
fn rate(argument: &str) -> Result<SignedDuration> {
    let (number, unit) = argument.split_once(' ').ok_or_else(|| anyhow!("rate takes a number and a unit"))?;
    let number: i64 =
        number.parse().ok().filter(|n| *n > 0).ok_or_else(|| anyhow!("{number:?} is no rate"))?;
    let (singular, minutes) = match unit.strip_suffix('s').unwrap_or(unit) {
        "minute" => ("minute", 1),
        "hour" => ("hour", 60),
        "day" => ("day", 24 * 60),
        _ => bail!("{unit:?} is none of minutes, hours, days"),
    };
    if (number == 1) != (unit == singular) {
        bail!("the unit must be {singular} for 1 and {singular}s for all else");
    }
    number
        .checked_mul(minutes * 60)
        .map(SignedDuration::from_secs)
        .ok_or_else(|| anyhow!("{number} {unit} is too long"))
}

fn at(argument: &str) -> Result<Timestamp> {
    let time: DateTime = argument.parse().context("at takes yyyy-mm-ddThh:mm:ss")?;
    Ok(time.to_zoned(TimeZone::UTC)?.timestamp())
}

/// A schedule of the template: what it calls and when.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The schedule's logical ID within its function.
    pub id: String,
    /// When it fires.
    pub expression: Expression,
    /// What the function receives.
    pub input: ScheduleInput,
    /// Whether its state is `ENABLED`.
    pub enabled: bool,
}

/// What a schedule sends.
#[derive(Clone, Debug)]
pub enum ScheduleInput {
    /// The template's `Input`.
    Constant(serde_json::Value),
    /// Without `Input`: a `Scheduled Event` of this source.
    Event {
        /// `aws.events` or `aws.scheduler`.
        source: &'static str,
    },
}

/// A call that is due.
#[derive(Clone, Debug)]
pub struct ScheduledCall {
    /// The logical ID of the function.
    pub function: String,
    /// The schedule's logical ID within its function.
    pub schedule: String,
    /// When it was due.
    pub at: Timestamp,
    /// What it sends.
    pub input: ScheduleInput,
}

/// Fires schedules as the time it is told passes.
#[derive(Debug)]
pub struct Scheduler {
    created: Timestamp,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    function: String,
    schedule: Schedule,
    fired_until: Timestamp,
}

impl Scheduler {
    /// A scheduler of schedules made at `created`, each with its function.
    pub fn new(created: Timestamp, schedules: impl IntoIterator<Item = (String, Schedule)>) -> Self {
        let schedules = schedules.into_iter().filter(|(_, schedule)| schedule.enabled);
        let entries =
            schedules.map(|(function, schedule)| Entry { function, schedule, fired_until: created });
        Self { created, entries: entries.collect() }
    }

    /// The calls due at `now`, oldest first. A schedule that was due several
    /// times since the last look is called once, for the latest of them: time
    /// that a test skips costs it no storm of calls.
    pub fn due(&mut self, now: Timestamp) -> Vec<ScheduledCall> {
        let created = self.created;
        let mut calls: Vec<_> = self.entries.iter_mut().filter_map(|entry| entry.due(created, now)).collect();
        calls.sort_by_key(|call| call.at);
        calls
    }

    /// When the next call is due.
    pub fn next(&self) -> Option<Timestamp> {
        let times = self.entries.iter();
        times.filter_map(|entry| entry.schedule.expression.next_after(self.created, entry.fired_until)).min()
    }
}

impl Entry {
    fn due(&mut self, created: Timestamp, now: Timestamp) -> Option<ScheduledCall> {
        let mut latest = None;
        let mut at = self.fired_until;
        while let Some(next) = self.schedule.expression.next_after(created, at).filter(|next| *next <= now) {
            at = next;
            latest = Some(next);
        }
        self.fired_until = self.fired_until.max(now);
        Some(ScheduledCall {
            function: self.function.clone(),
            schedule: self.schedule.id.clone(),
            at: latest?,
            input: self.schedule.input.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATED: &str = "2026-01-01T00:00:30Z";

    fn next(expression: &str, after: &str) -> Option<String> {
        let expression = Expression::parse(expression).unwrap();
        let next = expression.next_after(CREATED.parse().unwrap(), after.parse().unwrap());
        next.map(|at| at.to_string())
    }

    #[test]
    fn next_times() {
        let rows = [
            ("rate(1 minute)", CREATED, "2026-01-01T00:01:30Z"),
            ("rate(15 minutes)", "2026-01-01T00:20:00Z", "2026-01-01T00:30:30Z"),
            ("rate(1 hour)", "2026-01-01T00:59:59Z", "2026-01-01T01:00:30Z"),
            ("rate(2 days)", CREATED, "2026-01-03T00:00:30Z"),
            ("at(2026-02-03T04:05:06)", CREATED, "2026-02-03T04:05:06Z"),
            ("cron(0 10 * * ? *)", "2026-03-01T10:00:00Z", "2026-03-02T10:00:00Z"),
            ("cron(15 12 ? * * *)", "2026-03-01T12:14:59Z", "2026-03-01T12:15:00Z"),
            ("cron(0 18 ? * MON-FRI *)", "2026-03-06T18:00:00Z", "2026-03-09T18:00:00Z"),
            ("cron(0 8 1 * ? *)", "2026-03-01T08:00:00Z", "2026-04-01T08:00:00Z"),
            ("cron(0/15 * * * ? *)", "2026-03-01T08:16:00Z", "2026-03-01T08:30:00Z"),
            ("cron(5/20 8-9 * * ? *)", "2026-03-01T08:45:00Z", "2026-03-01T09:05:00Z"),
            ("cron(0 0 29 2 ? *)", "2026-03-01T00:00:00Z", "2028-02-29T00:00:00Z"),
            ("cron(0,30 9 ? * 2 2027-2028)", "2026-03-01T00:00:00Z", "2027-01-04T09:00:00Z"),
            ("cron(0 0 31 * ? *)", "2026-04-01T00:00:00Z", "2026-05-31T00:00:00Z"),
            ("cron(0 0 1 jan,JUL ? *)", "2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z"),
        ];
        for (expression, after, expected) in rows {
            assert_eq!(next(expression, after).as_deref(), Some(expected), "{expression} after {after}");
        }
    }

    #[test]
    fn schedules_that_end() {
        assert_eq!(next("at(2026-02-03T04:05:06)", "2026-02-03T04:05:06Z"), None);
        assert_eq!(next("cron(0 0 1 1 ? 2025)", "2026-01-01T00:00:00Z"), None);
        assert_eq!(next("cron(0 0 30 2 ? *)", "2026-01-01T00:00:00Z"), None, "30 February never comes");
    }

    #[test]
    fn refused_expressions() {
        let rows = [
            ("rate(1 minutes)", "must be minute for 1"),
            ("rate(5 minute)", "must be minute for 1"),
            ("rate(0 minutes)", "no rate"),
            ("rate(-1 minutes)", "no rate"),
            ("rate(1.5 hours)", "no rate"),
            ("rate(10 seconds)", "none of minutes"),
            ("rate(5)", "a number and a unit"),
            ("cron(0 10 * * ?)", "6 fields"),
            ("cron(0 10 * * * *)", "exactly one"),
            ("cron(0 10 ? * ? *)", "exactly one"),
            ("cron(60 10 * * ? *)", "minutes: \"60\""),
            ("cron(0 24 * * ? *)", "hours: \"24\""),
            ("cron(0 0 0 * ? *)", "day of month: \"0\""),
            ("cron(0 0 L * ? *)", "day of month: \"L\""),
            ("cron(0 0 ? * 0 *)", "day of week: \"0\""),
            ("cron(0 0 * 13 ? *)", "month: \"13\""),
            ("cron(0 0 * * ? 1969)", "year: \"1969\""),
            ("cron(0 ? * * ? *)", "hours: ? is for the day fields"),
            ("cron(10-5 0 * * ? *)", "runs backwards"),
            ("cron(0/0 0 * * ? *)", "no step"),
            ("at(tomorrow)", "yyyy-mm-ddThh:mm:ss"),
            ("every(1 minute)", "none of rate"),
            ("rate(1 minute", "none of rate"),
        ];
        for (expression, expected) in rows {
            let error = format!("{:#}", Expression::parse(expression).unwrap_err());
            assert!(error.contains(expected), "{expression}: {error}");
        }
    }

    #[test]
    fn the_scheduler_calls_each_schedule_once_a_look() {
        let schedule = |id: &str, expression: &str, enabled| Schedule {
            id: id.to_owned(),
            expression: Expression::parse(expression).unwrap(),
            input: ScheduleInput::Constant(serde_json::json!({"command": id})),
            enabled,
        };
        let mut scheduler = Scheduler::new(
            CREATED.parse().unwrap(),
            [
                ("F".to_owned(), schedule("tick", "rate(1 minute)", true)),
                ("F".to_owned(), schedule("daily", "cron(0 3 * * ? *)", true)),
                ("F".to_owned(), schedule("off", "rate(1 minute)", false)),
            ],
        );
        let mut due = |now: &str| -> Vec<String> {
            let calls = scheduler.due(now.parse().unwrap());
            calls.iter().map(|call| format!("{}@{}", call.schedule, call.at)).collect()
        };
        assert_eq!(due("2026-01-01T00:01:29Z"), Vec::<String>::new());
        assert_eq!(due("2026-01-01T00:01:30Z"), ["tick@2026-01-01T00:01:30Z"]);
        assert_eq!(due("2026-01-01T00:01:30Z"), Vec::<String>::new());
        assert_eq!(
            due("2026-01-01T12:00:00Z"),
            ["daily@2026-01-01T03:00:00Z", "tick@2026-01-01T11:59:30Z"],
            "time that was skipped gives one call a schedule"
        );
        assert_eq!(scheduler.next().unwrap().to_string(), "2026-01-01T12:00:30Z");
    }
}
