//! DynamoDB's numbers: exact decimals of up to 38 digits.

use std::cmp::Ordering;

use super::validation;
use crate::aws::error::ApiError;

const MAX_DIGITS: usize = 38;

/// An exact decimal: 0.d₁d₂d₃… × 10^exponent, without leading or trailing zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Number {
    negative: bool,
    digits: Vec<u8>,
    exponent: i32,
}

impl Number {
    /// Reads `-12.50`, `1e9` and the like.
    pub(super) fn parse(text: &str) -> Result<Self, ApiError> {
        Self::read(text).ok_or_else(|| {
            validation(&format!("The parameter cannot be converted to a numeric value: {text}"))
        })
    }

    fn read(text: &str) -> Option<Self> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, power) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, power.parse::<i32>().ok()?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        if all.is_empty() || !all.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let leading = all.iter().take_while(|digit| **digit == b'0').count();
        let mut digits: Vec<u8> = all[leading..].iter().map(|digit| digit - b'0').collect();
        while digits.last() == Some(&0) {
            digits.pop();
        }
        if digits.is_empty() {
            return Some(Self { negative: false, digits, exponent: 0 });
        }
        let exponent = i32::try_from(whole.len()).ok()? - i32::try_from(leading).ok()? + power;
        (digits.len() <= MAX_DIGITS && (-129..=126).contains(&exponent)).then_some(Self {
            negative,
            digits,
            exponent,
        })
    }

    /// The sum; numbers too far apart for 38 digits are refused, as the service refuses them.
    pub(super) fn plus(&self, other: &Self) -> Result<Self, ApiError> {
        let lowest = self.scale().min(other.scale());
        let sum = self.shifted(lowest).zip(other.shifted(lowest)).and_then(|(a, b)| a.checked_add(b));
        let sum = sum.ok_or_else(|| {
            validation("Number overflow. Attempting to store a number with too many digits")
        })?;
        Self::parse(&format!("{sum}e{lowest}"))
    }

    /// The number with the other sign.
    pub(super) fn negated(&self) -> Self {
        Self { negative: !self.negative && !self.digits.is_empty(), ..self.clone() }
    }

    /// The power of ten of the last digit.
    fn scale(&self) -> i32 {
        self.exponent - i32::try_from(self.digits.len()).unwrap_or(i32::MAX)
    }

    /// The number as an integer times 10^`scale`.
    fn shifted(&self, scale: i32) -> Option<i128> {
        let magnitude = self.digits.iter().fold(0_i128, |value, digit| value * 10 + i128::from(*digit));
        let factor = 10_i128.checked_pow(u32::try_from(self.scale() - scale).ok()?);
        let magnitude = if magnitude == 0 { 0 } else { magnitude.checked_mul(factor?)? };
        Some(if self.negative { -magnitude } else { magnitude })
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.digits.is_empty() {
            return formatter.write_str("0");
        }
        let digits: String = self.digits.iter().map(|digit| char::from(b'0' + digit)).collect();
        let sign = if self.negative { "-" } else { "" };
        let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or_default());
        let whole = usize::try_from(self.exponent).unwrap_or_default();
        if self.exponent <= 0 {
            write!(formatter, "{sign}0.{}{digits}", zeros(-self.exponent))
        } else if whole >= digits.len() {
            write!(formatter, "{sign}{digits}{}", zeros(self.scale()))
        } else {
            write!(formatter, "{sign}{}.{}", &digits[..whole], &digits[whole..])
        }
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |number: &Self| match (number.digits.is_empty(), number.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let magnitude = (self.exponent, &self.digits).cmp(&(other.exponent, &other.digits));
        sign(self).cmp(&sign(other)).then(if self.negative { magnitude.reverse() } else { magnitude })
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap()
    }

    #[test]
    fn numbers_are_normalised() {
        for (given, kept) in [
            ("1", "1"),
            ("-0", "0"),
            ("1.50", "1.5"),
            ("1e3", "1000"),
            ("0.001", "0.001"),
            ("-12.5e-1", "-1.25"),
            ("100", "100"),
        ] {
            assert_eq!(number(given).to_string(), kept);
        }
        for refused in ["", "-", "1.2.3", "abc", "NaN", "1e999"] {
            assert!(Number::parse(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn numbers_are_ordered_and_added_exactly() {
        let ascending = ["-10", "-9.5", "0", "0.01", "0.1", "9", "10", "10.5", "1e20"];
        for pair in ascending.windows(2) {
            assert!(number(pair[0]) < number(pair[1]), "{pair:?}");
        }
        for (a, b, sum) in [("0.1", "0.2", "0.3"), ("5", "-5", "0"), ("99", "1", "100"), ("0", "7", "7")] {
            assert_eq!(number(a).plus(&number(b)).unwrap().to_string(), sum);
        }
        assert_eq!(number("3").plus(&number("1").negated()).unwrap().to_string(), "2");
        assert!(number("1e100").plus(&number("1")).is_err());
    }
}
