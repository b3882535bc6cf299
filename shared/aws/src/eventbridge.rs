//! The default event bus, for announcements, over the narrow client: one call.

use autopilot::{
    announcement::{Announcement, SOURCE},
    error::{Class, PortError},
    ports::Announce,
};
use aws_types::SdkConfig;
use serde_json::{Value, json};

use crate::narrow::{Api, Narrow, Protocol};

const EVENT_BRIDGE: Api = Api {
    id: "EventBridge",
    signing_name: "events",
    host: "events",
    global: false,
    protocol: Protocol::Json { target: "AWSEvents", version: "1.1" },
};

const PUT: &str = "events:PutEvents";

/// `PutEvents` takes at most so many entries.
const ENTRIES: usize = 10;

/// The default event bus.
#[derive(Debug)]
pub struct Bus {
    narrow: Narrow,
}

impl Bus {
    /// A client.
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { narrow: Narrow::new(sdk, &EVENT_BRIDGE) }
    }

    async fn put(&self, announcements: &[Announcement]) -> Vec<Result<(), PortError>> {
        let entries: Vec<Value> = announcements.iter().map(entry).collect();
        match self.narrow.json(PUT, &json!({ "Entries": entries })).await {
            // The call succeeds even where entries were refused: each has an answer of its own.
            Ok(answer) => {
                let mut answers: Vec<_> =
                    answer["Entries"].as_array().into_iter().flatten().map(accepted).collect();
                answers.resize_with(announcements.len(), || {
                    Err(refused(None, "the answer holds no entry for it"))
                });
                answers
            }
            Err(error) => {
                announcements.iter().map(|_| Err(refused(error.code.clone(), &error.message))).collect()
            }
        }
    }
}

impl Announce for Bus {
    async fn announce(&self, announcements: &[Announcement]) -> Vec<Result<(), PortError>> {
        let mut answers = Vec::with_capacity(announcements.len());
        for chunk in announcements.chunks(ENTRIES) {
            answers.extend(self.put(chunk).await);
        }
        answers
    }
}

fn entry(announcement: &Announcement) -> Value {
    let mut entry = json!({
        "Source": SOURCE,
        "DetailType": announcement.topic.as_str(),
        "Detail": announcement.detail().to_string(),
        "Time": announcement.time.as_second(),
    });
    if announcement.subject.starts_with("arn:") {
        entry["Resources"] = json!([announcement.subject]);
    }
    entry
}

fn accepted(entry: &Value) -> Result<(), PortError> {
    if entry["EventId"].is_string() {
        return Ok(());
    }
    let code = entry["ErrorCode"].as_str().map(str::to_owned);
    Err(refused(code, entry["ErrorMessage"].as_str().unwrap_or_default()))
}

fn refused(code: Option<String>, message: &str) -> PortError {
    PortError { code, ..PortError::new(PUT, Class::Retryable, message) }
}
