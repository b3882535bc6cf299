//! `cron(minutes hours day-of-month month day-of-week year)` of `EventBridge`:
//! six fields, UTC, one of the two day fields a question mark.

use std::collections::BTreeSet;

use anyhow::{Result, anyhow, bail};
use jiff::Timestamp;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

const MONTHS: &[&str] = &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: &[&str] = &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const LAST_YEAR: i16 = 2199;

/// A field: its name, its bounds, and names for its values from `least` on.
struct Field {
    name: &'static str,
    least: i16,
    most: i16,
    names: &'static [&'static str],
}

const FIELDS: [Field; 6] = [
    Field { name: "minutes", least: 0, most: 59, names: &[] },
    Field { name: "hours", least: 0, most: 23, names: &[] },
    Field { name: "day of month", least: 1, most: 31, names: &[] },
    Field { name: "month", least: 1, most: 12, names: MONTHS },
    Field { name: "day of week", least: 1, most: 7, names: WEEKDAYS },
    Field { name: "year", least: 1970, most: LAST_YEAR, names: &[] },
];

/// A compiled cron expression: the values each field allows.
#[derive(Clone, Debug)]
pub(crate) struct Cron {
    minutes: BTreeSet<i16>,
    hours: BTreeSet<i16>,
    days: BTreeSet<i16>,
    months: BTreeSet<i16>,
    weekdays: BTreeSet<i16>,
    years: BTreeSet<i16>,
}

impl Cron {
    /// Compiles what stands between the parentheses.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let parts: Vec<&str> = text.split_whitespace().collect();
        let parts: [&str; 6] = parts.try_into().map_err(|parts: Vec<_>| {
            anyhow!("cron takes 6 fields, the last the year, not {}", parts.len())
        })?;
        if (parts[2] == "?") == (parts[4] == "?") {
            bail!("exactly one of day of month and day of week must be ?");
        }
        let mut sets = Vec::with_capacity(FIELDS.len());
        for (index, (field, part)) in FIELDS.iter().zip(parts).enumerate() {
            if part == "?" && index != 2 && index != 4 {
                bail!("{}: ? is for the day fields", field.name);
            }
            sets.push(field.parse(part)?);
        }
        let [minutes, hours, days, months, weekdays, years]: [BTreeSet<i16>; 6] =
            sets.try_into().map_err(|_| anyhow!("cron takes 6 fields"))?;
        Ok(Self { minutes, hours, days, months, weekdays, years })
    }

    /// The first time strictly after `after`, if there is one.
    pub(crate) fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let after = after.to_zoned(TimeZone::UTC).datetime();
        let mut day = after.date();
        while day.year() <= LAST_YEAR {
            if self.allows(day) {
                let times = self
                    .hours
                    .iter()
                    .flat_map(|hour| self.minutes.iter().map(move |minute| (*hour, *minute)));
                for (hour, minute) in times {
                    let at = day.at(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0);
                    if at > after {
                        return at.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp());
                    }
                }
            }
            day = self.following(day)?;
        }
        None
    }

    fn allows(&self, day: Date) -> bool {
        let weekday = i16::from(day.weekday().to_sunday_one_offset());
        self.years.contains(&day.year())
            && self.months.contains(&i16::from(day.month()))
            && self.days.contains(&i16::from(day.day()))
            && self.weekdays.contains(&weekday)
    }

    /// The next day worth a look: years that are not allowed are skipped whole.
    fn following(&self, day: Date) -> Option<Date> {
        if self.years.contains(&day.year()) {
            return day.tomorrow().ok();
        }
        self.years.range(day.year()..).next().map(|year| date(*year, 1, 1))
    }
}

impl Field {
    fn parse(&self, text: &str) -> Result<BTreeSet<i16>> {
        let mut values = BTreeSet::new();
        for item in text.split(',') {
            let (range, step) = match item.split_once('/') {
                Some((range, step)) => (range, Some(self.step(step)?)),
                None => (item, None),
            };
            let (first, last) = match range.split_once('-') {
                _ if matches!(range, "*" | "?") => (self.least, self.most),
                Some((first, last)) => (self.value(first)?, self.value(last)?),
                // `5/15` runs from 5 to the end.
                None if step.is_some() => (self.value(range)?, self.most),
                None => (self.value(range)?, self.value(range)?),
            };
            if first > last {
                bail!("{}: {range} runs backwards", self.name);
            }
            values.extend((first..=last).step_by(step.unwrap_or(1)));
        }
        Ok(values)
    }

    fn step(&self, text: &str) -> Result<usize> {
        text.parse()
            .ok()
            .filter(|step| *step > 0)
            .ok_or_else(|| anyhow!("{}: {text:?} is no step", self.name))
    }

    fn value(&self, text: &str) -> Result<i16> {
        let named = self.names.iter().zip(self.least..).find(|(name, _)| name.eq_ignore_ascii_case(text));
        let value = named.map(|(_, value)| value).or_else(|| text.parse().ok());
        value
            .filter(|value| (self.least..=self.most).contains(value))
            .ok_or_else(|| anyhow!("{}: {text:?} is not within {} to {}", self.name, self.least, self.most))
    }
}
