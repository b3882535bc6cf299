//! Medians, percentiles, and the line through measured points.

/// The value below which this share of the values lies; `0.5` is the median.
pub(crate) fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "few"
    )]
    let at = (last as f64 * share).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

/// The least of the values: what is left of a time when nothing else disturbs it.
pub(crate) fn least(values: &[f64]) -> f64 {
    percentile(values, 0.0)
}

/// The middle of the values.
pub(crate) fn median(values: &[f64]) -> f64 {
    percentile(values, 0.5)
}

/// Slope and intercept of the line with the least squares through points.
pub(crate) fn fit(points: &[(f64, f64)]) -> (f64, f64) {
    #[expect(clippy::cast_precision_loss, reason = "a handful of points")]
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let across: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let along: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    let slope = if along == 0.0 { 0.0 } else { across / along };
    (slope, y - slope * x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let values = [5.0, 1.0, 4.0, 2.0, 3.0];
        assert_eq!((least(&values), median(&values), percentile(&values, 0.99)), (1.0, 3.0, 5.0));
    }

    #[test]
    fn a_line_is_found_again() {
        let (slope, intercept) = fit(&[(0.0, 1.0), (10.0, 6.0), (100.0, 51.0)]);
        assert!((slope - 0.5).abs() < 1e-9 && (intercept - 1.0).abs() < 1e-9, "{slope} {intercept}");
    }
}
