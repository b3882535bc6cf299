//! The account's default event bus: every event is recorded and handed to one listener, in order.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::clock::Clock;
use super::idle::{Activity, Work};
use super::lock;
use crate::aws::identity::fresh;

/// What receives every event of the bus, as EventBridge would deliver it to a rule.
pub type EventListener = Arc<dyn Fn(Value) + Send + Sync>;

/// The default event bus.
pub struct Bus {
    account: String,
    region: String,
    clock: Clock,
    activity: Activity,
    recorded: Mutex<Vec<(Timestamp, Value)>>,
    deliveries: Option<mpsc::UnboundedSender<(Value, Work)>>,
}

impl Bus {
    /// Starts the bus. The listener runs on a task of its own, so it may call the sandbox in turn.
    pub(crate) fn start(
        account: &str,
        region: &str,
        clock: Clock,
        activity: Activity,
        listener: Option<EventListener>,
    ) -> Self {
        let deliveries = listener.map(|listener| {
            let (sender, mut receiver) = mpsc::unbounded_channel::<(Value, Work)>();
            tokio::spawn(async move {
                while let Some((event, _delivery)) = receiver.recv().await {
                    listener(event);
                }
            });
            sender
        });
        Self {
            account: account.to_owned(),
            region: region.to_owned(),
            clock,
            activity,
            recorded: Mutex::default(),
            deliveries,
        }
    }

    /// Makes an event of this account and puts it on the bus. Returns its ID.
    pub fn publish(&self, source: &str, detail_type: &str, resources: &[&str], detail: &Value) -> String {
        self.publish_at(self.clock.now(), source, detail_type, resources, detail)
    }

    /// [`Bus::publish`] with a time of its own.
    pub(crate) fn publish_at(
        &self,
        at: Timestamp,
        source: &str,
        detail_type: &str,
        resources: &[&str],
        detail: &Value,
    ) -> String {
        let id = fresh().to_string();
        self.put(json!({
            "version": "0",
            "id": id,
            "detail-type": detail_type,
            "source": source,
            "account": self.account,
            "time": at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "region": self.region,
            "resources": resources,
            "detail": detail,
        }));
        id
    }

    /// Puts a complete event on the bus as it is.
    pub fn put(&self, event: Value) {
        lock(&self.recorded).push((self.clock.now(), event.clone()));
        if let Some(deliveries) = &self.deliveries {
            // The receiver lives as long as this sender.
            let _ = deliveries.send((event, self.activity.begin()));
        }
    }

    /// Every event so far with the time it came, oldest first. Its own time has whole seconds.
    pub fn recorded(&self) -> Vec<(Timestamp, Value)> {
        lock(&self.recorded).clone()
    }
}
