//! What becomes of a metric's values in a period: sum, average, extremes, count, percentile.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// The values of each period, by its start, summed up; `None` for a statistic that does not exist.
pub(super) fn by_period(
    values: impl IntoIterator<Item = (Timestamp, f64)>,
    period: i64,
    statistic: &str,
) -> Option<Vec<(Timestamp, f64)>> {
    let mut periods: BTreeMap<Timestamp, Vec<f64>> = BTreeMap::new();
    for (at, value) in values {
        periods.entry(start_of(at, period)).or_default().push(value);
    }
    let summed = periods.into_iter().map(|(start, values)| Some((start, summed_up(values, statistic)?)));
    summed.collect()
}

/// The start of the period that an instant lies in.
pub(super) fn start_of(at: Timestamp, period: i64) -> Timestamp {
    let start = at.as_second().div_euclid(period) * period;
    Timestamp::from_second(start).unwrap_or(at)
}

fn summed_up(mut values: Vec<f64>, statistic: &str) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let sum: f64 = values.iter().sum();
    #[expect(clippy::cast_precision_loss, reason = "nobody seeds 2^53 values")]
    let count = values.len() as f64;
    match statistic {
        "Sum" => Some(sum),
        "Average" => Some(sum / count),
        "SampleCount" => Some(count),
        "Minimum" => values.first().copied(),
        "Maximum" => values.last().copied(),
        percentile => {
            let percent: f64 = percentile.strip_prefix('p')?.parse().ok()?;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "the rank lies between 0 and the number of values"
            )]
            let rank = (percent.clamp(0.0, 100.0) / 100.0 * count).ceil().max(1.0) as usize;
            values.get(rank - 1).copied()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_summed_up_as_asked() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let values = [(at(0), 4.0), (at(59), 1.0), (at(30), 2.0), (at(31), 3.0), (at(60), 9.0)];
        for (statistic, expected) in [
            ("Sum", 10.0),
            ("Average", 2.5),
            ("SampleCount", 4.0),
            ("Minimum", 1.0),
            ("Maximum", 4.0),
            ("p50", 2.0),
            ("p75.1", 4.0),
            ("p0", 1.0),
        ] {
            let periods = by_period(values, 60, statistic).unwrap();
            assert_eq!(periods[0], (at(0), expected), "{statistic}");
            assert_eq!(
                periods[1],
                (at(60), if statistic == "SampleCount" { 1.0 } else { 9.0 }),
                "{statistic}"
            );
        }
        for unknown in ["Median", "p", "TM(1%:2%)"] {
            assert_eq!(by_period(values, 60, unknown), None, "{unknown}");
        }
    }
}
