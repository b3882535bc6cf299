//! The default event bus as the functions see it: matches events against the
//! template's rules, fires its schedules, and misbehaves on request, as
//! `EventBridge` may: it loses, repeats, delays and reorders.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use uuid::Uuid;

use super::in_flight::InFlight;
use super::invocation::AsyncOutcome;
use super::lambda::Lambda;
use super::resources::Account;
use super::schedule::{ScheduleInput, ScheduledCall, Scheduler};
use super::sources::Rule;
use super::template::Template;

/// Routes events and schedules to functions.
#[derive(Debug)]
pub struct Router {
    lambda: Arc<Lambda>,
    account: Account,
    rules: Vec<(String, Rule)>,
    scheduler: Mutex<Scheduler>,
    state: Mutex<State>,
    in_flight: InFlight,
    runtime: Handle,
}

#[derive(Debug, Default)]
struct State {
    disturbances: VecDeque<Disturbance>,
    held: Vec<Value>,
    deliveries: Vec<Delivery>,
}

/// What is to become of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disturbance {
    /// Nothing special.
    Deliver,
    /// It never arrives.
    Lose,
    /// It arrives twice, with the same ID.
    Duplicate,
    /// It arrives later.
    Delay(Duration),
    /// It arrives when [`Router::release`] says so.
    Hold,
}

/// In which order held events arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As they were sent.
    Sent,
    /// The last first.
    Reversed,
}

/// One arrival of an event or schedule at a function, or an event that arrived
/// nowhere.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The event's ID; for a schedule the time it was due.
    pub event: String,
    /// The logical ID of the function; empty where there is none.
    pub function: String,
    /// The rule's or schedule's logical ID within the function.
    pub rule: String,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a delivery.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// No rule wants the event.
    Unmatched,
    /// The event was lost on request.
    Lost,
    /// The function has not finished.
    Running {
        /// The request ID of the invocation.
        request_id: String,
    },
    /// The invocation ended.
    Done(AsyncOutcome),
}

impl Router {
    pub(crate) fn new(
        template: &Template,
        lambda: Arc<Lambda>,
        deployed_at: Timestamp,
        in_flight: InFlight,
    ) -> Result<Self> {
        let functions = template.functions().values();
        let rules = functions.clone().flat_map(|function| {
            let enabled = function.rules.iter().filter(|rule| rule.enabled);
            enabled.map(|rule| (function.logical_id.clone(), rule.clone()))
        });
        let schedules = functions.clone().flat_map(|function| {
            function.schedules.iter().map(|(schedule, _)| (function.logical_id.clone(), schedule.clone()))
        });
        Ok(Self {
            rules: rules.collect(),
            scheduler: Mutex::new(Scheduler::new(deployed_at, schedules)),
            account: template.account().clone(),
            state: Mutex::default(),
            runtime: Handle::try_current()?,
            lambda,
            in_flight,
        })
    }

    /// Takes an event and returns at once. May be called from any thread.
    pub fn deliver(self: &Arc<Self>, event: Value) {
        if !self.rules.iter().any(|(_, rule)| rule.pattern.matches(&event)) {
            return self.record_nowhere(&event, Outcome::Unmatched);
        }
        let disturbance = self.state().disturbances.pop_front().unwrap_or(Disturbance::Deliver);
        match disturbance {
            Disturbance::Deliver => self.dispatch(&event),
            Disturbance::Lose => self.record_nowhere(&event, Outcome::Lost),
            Disturbance::Duplicate => {
                self.dispatch(&event);
                self.dispatch(&event);
            }
            Disturbance::Hold => self.state().held.push(event),
            Disturbance::Delay(time) => {
                let flight = self.in_flight.begin();
                let router = self.clone();
                self.runtime.spawn(async move {
                    tokio::time::sleep(time).await;
                    router.dispatch(&event);
                    drop(flight);
                });
            }
        }
    }

    /// Sets what becomes of the next `count` events that any rule wants, after
    /// those that were set before.
    pub fn disturb(&self, count: usize, disturbance: Disturbance) {
        self.state().disturbances.extend(std::iter::repeat_n(disturbance, count));
    }

    /// Lets the held events arrive. Returns their number.
    pub fn release(self: &Arc<Self>, order: Order) -> usize {
        let mut held = std::mem::take(&mut self.state().held);
        if order == Order::Reversed {
            held.reverse();
        }
        for event in &held {
            self.dispatch(event);
        }
        held.len()
    }

    /// Fires the schedules that are due at `now`. Returns the calls.
    pub fn tick(self: &Arc<Self>, now: Timestamp) -> Vec<ScheduledCall> {
        let due = self.scheduler.lock().unwrap_or_else(PoisonError::into_inner).due(now);
        for call in &due {
            let payload = match &call.input {
                ScheduleInput::Constant(value) => value.to_string(),
                ScheduleInput::Event { source } => self.scheduled_event(call, source).to_string(),
            };
            self.invoke(call.at.to_string(), &call.function, &call.schedule, payload.into_bytes());
        }
        due
    }

    /// When the next schedule is due.
    pub fn next_tick(&self) -> Option<Timestamp> {
        self.scheduler.lock().unwrap_or_else(PoisonError::into_inner).next()
    }

    /// Waits until no event is delayed and no invocation queued or running.
    /// Held events do not count.
    pub async fn idle(&self) {
        self.in_flight.idle().await;
    }

    /// Whether [`Router::idle`] would return at once. Who waits for the host and
    /// the account together asks both until both say so.
    pub fn is_idle(&self) -> bool {
        self.in_flight.is_idle()
    }

    /// Every delivery so far, in order.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.state().deliveries.clone()
    }

    fn dispatch(self: &Arc<Self>, event: &Value) {
        let id = event_id(event);
        for (function, rule) in self.rules.iter().filter(|(_, rule)| rule.pattern.matches(event)) {
            self.invoke(id.clone(), function, &rule.id, rule.input.payload(event));
        }
    }

    fn invoke(self: &Arc<Self>, event: String, function: &str, rule: &str, payload: Vec<u8>) {
        // Every rule and schedule belongs to a function that the host runs.
        let Ok(accepted) = self.lambda.invoke_async(function, payload) else {
            return;
        };
        let request_id = accepted.request_id.clone();
        let delivery = Delivery {
            event,
            function: function.to_owned(),
            rule: rule.to_owned(),
            outcome: Outcome::Running { request_id },
        };
        let mut state = self.state();
        let index = state.deliveries.len();
        state.deliveries.push(delivery);
        drop(state);
        let flight = self.in_flight.begin();
        let router = self.clone();
        self.runtime.spawn(async move {
            if let Ok(outcome) = accepted.outcome().await {
                router.state().deliveries[index].outcome = Outcome::Done(outcome);
            }
            drop(flight);
        });
    }

    fn record_nowhere(&self, event: &Value, outcome: Outcome) {
        let delivery =
            Delivery { event: event_id(event), function: String::new(), rule: String::new(), outcome };
        self.state().deliveries.push(delivery);
    }

    /// What a schedule without `Input` sends.
    fn scheduled_event(&self, call: &ScheduledCall, source: &str) -> Value {
        let name = format!("{}{}", call.function, call.schedule);
        let (arn, detail) = match source {
            "aws.scheduler" => {
                (self.account.arn("scheduler", &format!("schedule/default/{name}")), json!("{}"))
            }
            _ => (self.account.arn("events", &format!("rule/{}-{name}", self.account.stack)), json!({})),
        };
        json!({
            "version": "0",
            "id": Uuid::new_v4().to_string(),
            "detail-type": "Scheduled Event",
            "source": source,
            "account": self.account.id,
            "time": call.at.to_string(),
            "region": self.account.region,
            "resources": [arn],
            "detail": detail,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn event_id(event: &Value) -> String {
    event.get("id").and_then(Value::as_str).unwrap_or_default().to_owned()
}
