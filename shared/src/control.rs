//! What people decided: the mode of each action, and the stop of everything.
//!
//! The command wins over the tag, the tag over the template's parameter. All commands are kept in
//! one item of the table, so one read answers for every service and every action.
//!
//! | command, of any function | what it does |
//! |---|---|
//! | `{"command":"mode","service_arn":…,"action":…,"mode":…}` | sets a mode; `default` forgets it |
//! | `{"command":"stop"}`, `{"command":"go"}` | stops every mutation of every function, and lifts that |

use std::{collections::BTreeMap, fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    call::refused,
    error::{Failure, FieldError},
    event::Command,
    service::ServiceArn,
    store::{self, Key, Record, StateRead, StateWrite},
};

/// What a function may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Nothing is observed, decided or done.
    Off,
    /// Observe, decide, announce the plan, change nothing.
    DryRun,
    /// Act.
    On,
}

impl Mode {
    /// The word, as in parameters, tags and commands.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::DryRun => "dry-run",
            Self::On => "on",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a text is not a mode.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected off, dry-run or on, found {0:?}")]
pub struct NotAMode(String);

impl FromStr for Mode {
    type Err = NotAMode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Off, Self::DryRun, Self::On]
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or_else(|| NotAMode(text.chars().take(40).collect()))
    }
}

/// What has a mode of its own for each service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Return to the last known good version.
    Rollback,
    /// Rebuild failed creations, finish failed deletions.
    Rebuild,
    /// Messages to people.
    Notify,
}

impl Action {
    /// The word in commands.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rollback => "rollback",
            Self::Rebuild => "rebuild",
            Self::Notify => "notify",
        }
    }

    /// The tag on a service that sets this action's mode.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Rollback => "apprunner-autopilot:rollback",
            Self::Rebuild => "apprunner-autopilot:rebuild",
            Self::Notify => "apprunner-autopilot:notify",
        }
    }

    /// Reads the word of a command.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Rollback, Self::Rebuild, Self::Notify].into_iter().find(|action| action.as_str() == word)
    }
}

/// The item that holds every command of [`Control`].
pub fn key() -> Key {
    Key::new("control", "control")
}

/// Everything that people said by command.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Control {
    /// Since when every mutation is stopped.
    #[serde(default)]
    pub stopped_since: Option<Timestamp>,
    /// Modes by service and action.
    #[serde(default)]
    pub modes: BTreeMap<ServiceArn, BTreeMap<Action, Mode>>,
}

/// What a command changed that people are to be told about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// Every mutation is stopped.
    Stopped,
    /// No longer.
    Going,
}

/// Answers `mode`, `stop` and `go`; `None` for any other command.
pub async fn command(
    store: &(impl StateRead + StateWrite),
    command: &Command,
    now: Timestamp,
) -> Result<Option<(Value, Option<Changed>)>, Failure> {
    Ok(Some(match command.name.as_str() {
        "mode" => (set_mode(store, command).await?, None),
        "stop" => {
            let since = change(store, |control| *control.stopped_since.get_or_insert(now)).await?;
            (json!({"ok": true, "stopped_since": since.to_string()}), Some(Changed::Stopped))
        }
        "go" => {
            let since = change(store, |control| control.stopped_since.take()).await?;
            let answer = json!({"ok": true, "was_stopped_since": since.map(|at| at.to_string())});
            (answer, since.map(|_| Changed::Going))
        }
        _ => return Ok(None),
    }))
}

async fn set_mode(store: &(impl StateRead + StateWrite), command: &Command) -> Result<Value, Failure> {
    let word = |name: &str| command.fields.get(name).and_then(Value::as_str);
    let action = word("action")
        .and_then(Action::from_word)
        .ok_or_else(|| FieldError::new("action", "expected rollback, rebuild or notify"));
    let mode = match word("mode") {
        Some("default") => Ok(None),
        mode => mode.and_then(|word| word.parse::<Mode>().ok()).map(Some).ok_or_else(|| {
            FieldError::new("mode", "expected off, dry-run, on, or default to forget the command")
        }),
    };
    let (service, action, mode) = match (command.service_arn(), action, mode) {
        (Ok(service), Ok(action), Ok(mode)) => (service, action, mode),
        (service, action, mode) => {
            let errors = [service.err(), action.err(), mode.err()];
            return Ok(refused(&errors.into_iter().flatten().collect::<Vec<_>>()));
        }
    };
    change(store, |control| control.set(action, &service, mode)).await?;
    let mode = mode.map_or("default", Mode::as_str);
    Ok(json!({"ok": true, "service_arn": service.as_str(), "action": action.as_str(), "mode": mode}))
}

async fn change<R>(
    store: &(impl StateRead + StateWrite),
    change: impl Fn(&mut Control) -> R,
) -> Result<R, Failure> {
    store::update(store, key(), |record: &mut Record<Control, ()>| change(&mut record.state)).await
}

/// A mode and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The mode in force.
    pub mode: Mode,
    /// Who set it.
    pub by: SetBy,
}

/// Who set a mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetBy {
    /// The command `mode`.
    Command,
    /// The service's tag.
    Tag,
    /// The service's tag, with a value that is no mode; it counts as `off`.
    UnreadableTag(String),
    /// The template's parameter.
    Parameter,
}

impl Control {
    /// The mode of an action for a service.
    pub fn resolve(
        &self,
        action: Action,
        service: &ServiceArn,
        tag: Option<&str>,
        parameter: Mode,
    ) -> Resolved {
        let commanded = self.modes.get(service).and_then(|modes| modes.get(&action));
        match (commanded, tag.map(Mode::from_str)) {
            (Some(mode), _) => Resolved { mode: *mode, by: SetBy::Command },
            (None, Some(Ok(mode))) => Resolved { mode, by: SetBy::Tag },
            (None, Some(Err(NotAMode(value)))) => {
                Resolved { mode: Mode::Off, by: SetBy::UnreadableTag(value) }
            }
            (None, None) => Resolved { mode: parameter, by: SetBy::Parameter },
        }
    }

    /// Sets a service's mode for an action, or with `None` forgets it.
    pub fn set(&mut self, action: Action, service: &ServiceArn, mode: Option<Mode>) {
        let modes = self.modes.entry(service.clone()).or_default();
        match mode {
            Some(mode) => modes.insert(action, mode),
            None => modes.remove(&action),
        };
        if modes.is_empty() {
            self.modes.remove(service);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_and_actions_have_their_words_and_no_other_is_taken_for_one() {
        for (mode, word) in [(Mode::Off, "off"), (Mode::DryRun, "dry-run"), (Mode::On, "on")] {
            assert_eq!((mode.to_string().as_str(), word.parse()), (word, Ok(mode)));
        }
        assert!("dryrun".parse::<Mode>().is_err());
        for (action, word, tag) in [
            (Action::Rollback, "rollback", "apprunner-autopilot:rollback"),
            (Action::Rebuild, "rebuild", "apprunner-autopilot:rebuild"),
            (Action::Notify, "notify", "apprunner-autopilot:notify"),
        ] {
            assert_eq!((action.as_str(), action.tag(), Action::from_word(word)), (word, tag, Some(action)));
        }
        assert_eq!(Action::from_word("shift"), None);
    }

    #[test]
    fn the_command_wins_over_the_tag_and_the_tag_over_the_parameter() {
        let service: ServiceArn =
            "arn:aws:apprunner:eu-west-1:123456789012:service/orders/8fe1".parse().unwrap();
        let mut commanded = Control::default();
        commanded.set(Action::Rollback, &service, Some(Mode::On));
        let silent = Control::default();
        for (control, tag, mode, by) in [
            (&commanded, Some("off"), Mode::On, SetBy::Command),
            (&commanded, Some("banana"), Mode::On, SetBy::Command),
            (&silent, Some("on"), Mode::On, SetBy::Tag),
            (&silent, Some("ON"), Mode::Off, SetBy::UnreadableTag("ON".into())),
            (&silent, Some(""), Mode::Off, SetBy::UnreadableTag(String::new())),
            (&silent, None, Mode::DryRun, SetBy::Parameter),
        ] {
            let resolved = control.resolve(Action::Rollback, &service, tag, Mode::DryRun);
            assert_eq!(resolved, Resolved { mode, by }, "{tag:?}");
        }
        let other = commanded.resolve(Action::Rebuild, &service, None, Mode::DryRun);
        assert_eq!(other.mode, Mode::DryRun, "a command for one action says nothing of another");
        commanded.set(Action::Rollback, &service, None);
        assert_eq!(commanded, Control::default(), "a forgotten command leaves nothing behind");
    }
}
