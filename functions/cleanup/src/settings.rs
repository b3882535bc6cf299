//! Settings of `cleanup`.
//!
//! | variable | parameter | meaning |
//! |---|---|---|
//! | `STATE_TABLE` | – | name of the state table |
//! | `ACCOUNT_ID` | – | the account: what another one owns is not ours |
//! | `AWS_REGION` | – | set by Lambda |
//! | `CLEANUP_MODE` | `CleanupMode` | `off`, `dry-run` or `on` |
//! | `GRACE_PERIOD` | `GracePeriod` | from mark to deletion, for example `7d` |
//! | `MINIMUM_AGE` | `MinimumAge` | what is younger is not marked, for example `24h` |
//! | `MAX_DELETIONS` | `MaxDeletions` | a run deletes at most so many… |
//! | `MAX_DELETION_SHARE` | `MaxDeletionShare` | …and at most this share of what there is, 0 to 1, but one at least |
//! | `ENDPOINT_HOUR_PRICE` | `EndpointHourPrice` | USD an hour and zone that an interface endpoint costs |
//! | `HOSTED_ZONE_IDS` | `HostedZoneIds` | zones whose records are looked at, with commas between; may be empty |

use std::{fmt, str::FromStr};

use autopilot::{
    control::Mode,
    dns::HostedZoneId,
    leftovers::requests_service,
    period::Period,
    settings::{Environment, SettingError, optional, required},
};

/// Settings, read once at cold start.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Name of the state table.
    pub state_table: String,
    /// Whether anything is changed.
    pub mode: Mode,
    /// What is left alone, and how much is deleted.
    pub policy: Policy,
    /// Zones whose records are looked at.
    pub zones: Zones,
}

/// Hosted zones, as a parameter lists them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Zones(pub Vec<HostedZoneId>);

impl FromStr for Zones {
    type Err = <HostedZoneId as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let ids = text.split(',').map(str::trim).filter(|id| !id.is_empty());
        ids.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

/// What is left alone, and how much is deleted.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// The account.
    pub account: String,
    /// The Region.
    pub region: String,
    /// From mark to deletion.
    pub grace: Period,
    /// What is younger is not marked.
    pub minimum_age: Period,
    /// A run deletes at most so many.
    pub max_deletions: usize,
    /// And at most this share of what there is, but one at least.
    pub max_share: Share,
    /// USD an hour and zone.
    pub hour_price: Price,
}

impl Policy {
    /// The name of the endpoint service whose endpoints can be orphans.
    pub fn requests_service(&self) -> String {
        requests_service(&self.region)
    }
}

/// A share, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share(f64);

impl Share {
    /// ⌊share × whole⌋, but one at least.
    pub fn of(self, whole: usize) -> usize {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an account has some hundreds of endpoints, and a share is at most 1"
        )]
        let part = (self.0 * whole as f64).floor() as usize;
        part.max(1)
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let share = text.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
        share.map(Self).ok_or_else(|| format!("expected a number from 0 to 1, found {text:?}"))
    }
}

/// USD an hour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Price(f64);

/// Hours of a month, as AWS's price pages count them.
const HOURS: f64 = 730.0;

impl Price {
    /// What so many zones cost a month.
    pub fn monthly(self, zones: usize) -> Usd {
        Usd(self.0 * HOURS * f64::from(u32::try_from(zones).unwrap_or(u32::MAX)))
    }
}

impl FromStr for Price {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let price = text.parse::<f64>().ok().filter(|price| (0.0..=100.0).contains(price));
        price.map(Self).ok_or_else(|| format!("expected USD an hour, such as 0.01, found {text:?}"))
    }
}

/// An amount, shown with cents.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usd(pub f64);

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} USD", self.0)
    }
}

impl Settings {
    /// Reads the environment; an error names the variable.
    pub fn from_environment(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self {
            state_table: required(environment, "STATE_TABLE")?,
            mode: required(environment, "CLEANUP_MODE")?,
            policy: Policy {
                account: required(environment, "ACCOUNT_ID")?,
                region: required(environment, "AWS_REGION")?,
                grace: required(environment, "GRACE_PERIOD")?,
                minimum_age: required(environment, "MINIMUM_AGE")?,
                max_deletions: required(environment, "MAX_DELETIONS")?,
                max_share: required(environment, "MAX_DELETION_SHARE")?,
                hour_price: required(environment, "ENDPOINT_HOUR_PRICE")?,
            },
            zones: optional(environment, "HOSTED_ZONE_IDS")?.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_rounded_down_and_never_less_than_one() {
        for (share, whole, part) in
            [("0.25", 0, 1), ("0.25", 3, 1), ("0.25", 8, 2), ("0.25", 11, 2), ("0", 100, 1), ("1", 7, 7)]
        {
            assert_eq!(share.parse::<Share>().unwrap().of(whole), part, "{share} of {whole}");
        }
        for bad in ["", "1.01", "-0.1", "NaN", "inf", "a quarter"] {
            assert!(bad.parse::<Share>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_month_has_730_hours() {
        let price: Price = "0.01".parse().unwrap();
        assert_eq!(price.monthly(3).to_string(), "21.90 USD");
        assert!("-1".parse::<Price>().is_err());
    }

    #[test]
    fn a_bad_setting_is_named() {
        let good = [
            ("STATE_TABLE", "state"),
            ("ACCOUNT_ID", "123456789012"),
            ("AWS_REGION", "us-east-1"),
            ("CLEANUP_MODE", "on"),
            ("GRACE_PERIOD", "7d"),
            ("MINIMUM_AGE", "24h"),
            ("MAX_DELETIONS", "5"),
            ("MAX_DELETION_SHARE", "0.25"),
            ("ENDPOINT_HOUR_PRICE", "0.01"),
        ];
        let environment: Environment = good.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        assert!(Settings::from_environment(&environment).is_ok());
        for (variable, _) in good {
            let bad = Environment::from([(variable.to_owned(), String::new())]);
            let environment = environment.clone().into_iter().chain(bad).collect();
            assert_eq!(Settings::from_environment(&environment).unwrap_err().variable, variable);
        }
    }
}
