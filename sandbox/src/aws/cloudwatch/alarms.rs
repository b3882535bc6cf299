//! Alarms: their states, `DescribeAlarms`, and the event of a change of state.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::CloudWatch;
use crate::aws::error::ApiError;
use crate::aws::lock;
use crate::aws::paging::page;

const REASON: &str = "Set by the sandbox";

/// State of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlarmState {
    /// `OK`
    Ok,
    /// `ALARM`
    Alarm,
    /// `INSUFFICIENT_DATA`
    InsufficientData,
}

impl AlarmState {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
        }
    }
}

/// What an alarm watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlarmKind {
    /// A metric.
    Metric,
    /// Other alarms.
    Composite,
}

/// An alarm of the account.
pub(super) struct Alarm {
    name: String,
    kind: AlarmKind,
    state: AlarmState,
    since: Timestamp,
}

impl CloudWatch {
    /// Seeds an alarm in a state, without an event.
    pub fn add_alarm(&self, name: &str, kind: AlarmKind, state: AlarmState) {
        let alarm = Alarm { name: name.to_owned(), kind, state, since: self.clock.now() };
        lock(&self.alarms).push(alarm);
    }

    /// Sets the state of a seeded alarm. A change puts `CloudWatch Alarm State Change` on the bus.
    pub fn set_alarm(&self, name: &str, state: AlarmState) {
        let now = self.clock.now();
        let mut alarms = lock(&self.alarms);
        let Some(alarm) = alarms.iter_mut().find(|alarm| alarm.name == name && alarm.state != state) else {
            return;
        };
        let shown = |state: AlarmState, at: Timestamp| json!({ "value": state.word(), "reason": REASON, "timestamp": at.to_string() });
        let detail = json!({
            "alarmName": name,
            "state": shown(state, now),
            "previousState": shown(alarm.state, alarm.since),
            "configuration": { "metrics": [] },
        });
        (alarm.state, alarm.since) = (state, now);
        drop(alarms);
        let arn = self.alarm_arn(name);
        self.bus.publish("aws.cloudwatch", "CloudWatch Alarm State Change", &[&arn], &detail);
    }

    fn alarm_arn(&self, name: &str) -> String {
        format!("arn:aws:cloudwatch:{}:{}:alarm:{name}", self.region, self.account)
    }

    pub(super) fn describe_alarms(&self, input: &Value) -> Result<Value, ApiError> {
        let list = |name: &str| {
            let list = input[name]["member"].as_array();
            list.map(|list| list.iter().filter_map(Value::as_str).collect::<Vec<_>>())
        };
        let names = list("AlarmNames");
        let kinds = list("AlarmTypes").unwrap_or_else(|| vec!["MetricAlarm"]);
        let refuse = |code: &str, problem: &str| Err(ApiError::refused(code, problem));
        if names.as_ref().is_some_and(|names| names.len() > 100) {
            return refuse("ValidationError", "Member must have length less than or equal to 100");
        }
        let size = match input["MaxRecords"].as_str().map(str::parse) {
            None => 50,
            Some(Ok(size @ 1..=100)) => size,
            Some(_) => return refuse("ValidationError", "MaxRecords must be between 1 and 100"),
        };
        let alarms = lock(&self.alarms);
        let wanted = alarms.iter().filter(|alarm| {
            names.as_ref().is_none_or(|names| names.contains(&alarm.name.as_str()))
                && input["StateValue"].as_str().is_none_or(|state| state == alarm.state.word())
                // Who does not ask for composite alarms does not get them.
                && kinds.contains(&alarm.kind.word())
        });
        let bad_token = || ApiError::refused("InvalidNextToken", "The next token is not valid");
        let page = page(wanted, size, input["NextToken"].as_str(), bad_token)?;
        let of_kind = |kind| {
            let alarms = page.items.iter().filter(|alarm| alarm.kind == kind);
            json!({ "member": alarms.map(|alarm| self.shown_alarm(alarm)).collect::<Vec<_>>() })
        };
        Ok(json!({
            "MetricAlarms": of_kind(AlarmKind::Metric),
            "CompositeAlarms": of_kind(AlarmKind::Composite),
            "NextToken": page.next,
        }))
    }

    fn shown_alarm(&self, alarm: &Alarm) -> Value {
        json!({
            "AlarmName": alarm.name,
            "AlarmArn": self.alarm_arn(&alarm.name),
            "ActionsEnabled": true,
            "StateValue": alarm.state.word(),
            "StateReason": REASON,
            "StateUpdatedTimestamp": alarm.since.to_string(),
        })
    }
}

impl AlarmKind {
    fn word(self) -> &'static str {
        match self {
            Self::Metric => "MetricAlarm",
            Self::Composite => "CompositeAlarm",
        }
    }
}
