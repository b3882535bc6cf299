//! Typed settings from the environment, read once at cold start.
//!
//! Each function's `settings.rs` lists its variables in a table; this module reads one. A variable that is
//! missing or unreadable is an error that names it, never a default in disguise.

use std::{collections::HashMap, fmt::Display, str::FromStr};

/// The process's environment, handed in.
pub type Environment = HashMap<String, String>;

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("environment variable {variable}: {problem}")]
pub struct SettingError {
    /// The variable.
    pub variable: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

/// A variable that must be there.
pub fn required<T>(environment: &Environment, variable: &'static str) -> Result<T, SettingError>
where
    T: FromStr,
    T::Err: Display,
{
    optional(environment, variable)?
        .ok_or_else(|| SettingError { variable, problem: "is missing; template.yaml sets it".into() })
}

/// A variable that may be missing or empty (CloudFormation passes an unset parameter as empty text).
pub fn optional<T>(environment: &Environment, variable: &'static str) -> Result<Option<T>, SettingError>
where
    T: FromStr,
    T::Err: Display,
{
    match environment.get(variable).map(|value| value.trim()).filter(|value| !value.is_empty()) {
        None => Ok(None),
        Some(value) => value
            .parse()
            .map(Some)
            .map_err(|error: T::Err| SettingError { variable, problem: error.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period::Period;

    #[test]
    fn a_bad_variable_is_named() {
        let environment = Environment::from([
            ("BAKE_TIME".to_owned(), "ten minutes".to_owned()),
            ("GRACE_PERIOD".to_owned(), "7d".to_owned()),
            ("EMPTY".to_owned(), "  ".to_owned()),
        ]);
        assert_eq!(required(&environment, "GRACE_PERIOD"), Ok(Period::days(7)));
        assert_eq!(optional::<Period>(&environment, "EMPTY"), Ok(None));
        let bad = required::<Period>(&environment, "BAKE_TIME").unwrap_err();
        assert!(
            bad.to_string().starts_with("environment variable BAKE_TIME: expected a whole number"),
            "{bad}"
        );
        let missing = required::<Period>(&environment, "SETTLE_TIME").unwrap_err();
        assert_eq!(
            missing.to_string(),
            "environment variable SETTLE_TIME: is missing; template.yaml sets it"
        );
    }
}
