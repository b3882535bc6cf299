//! `EventBridge`: the template's own rules, and everything that best effort may mean.

use std::rc::Rc;

use sandbox::host::{sources::Rule, template::Template};
use serde_json::Value;
use tokio::{
    sync::mpsc,
    task::spawn_local,
    time::{Duration, sleep},
};

use crate::{
    faults::{Delivery, Sky},
    lambda::{FUNCTIONS, Lambda},
};

/// Carries events from the bus to the functions until the bus is gone.
pub(crate) fn route(
    mut bus: mpsc::UnboundedReceiver<Value>,
    template: &Template,
    lambda: &Rc<Lambda>,
    sky: &Sky,
    without_events: bool,
) {
    let rules: Vec<(&'static str, Rule)> = FUNCTIONS
        .iter()
        .flat_map(|function| {
            let rules = template.functions()[*function].rules.iter().filter(|rule| rule.enabled);
            rules.map(|rule| (*function, rule.clone()))
        })
        .collect();
    let (lambda, sky) = (lambda.clone(), sky.clone());
    spawn_local(async move {
        while let Some(event) = bus.recv().await {
            if without_events && event["source"] != autopilot::announcement::SOURCE {
                continue;
            }
            for (function, rule) in rules.iter().filter(|(_, rule)| rule.pattern.matches(&event)) {
                // Every target is delivered to by itself.
                let payload: Value = serde_json::from_slice(&rule.input.payload(&event)).unwrap_or_default();
                carry(&lambda, &sky, function, &payload, Duration::from_millis(400));
            }
        }
    });
}

/// One delivery to one function, as well as the sky lets it through.
pub(crate) fn carry(
    lambda: &Rc<Lambda>,
    sky: &Sky,
    function: &'static str,
    payload: &Value,
    after: Duration,
) {
    let (times, after) = match sky.delivery() {
        Delivery::Arrives => (1, after),
        Delivery::Lost => return,
        Delivery::Twice => (2, after),
        Delivery::Late(late) => (1, late),
    };
    for time in 1..=times {
        let (lambda, payload) = (lambda.clone(), payload.clone());
        spawn_local(async move {
            sleep(after * time).await;
            lambda.deliver(function, &payload);
        });
    }
}
