//! The default event bus, for announcements.

use autopilot::{
    announcement::{Announcement, SOURCE},
    error::{Class, PortError},
    ports::Announce,
};
use aws_sdk_eventbridge::{
    Client,
    primitives::DateTime,
    types::{PutEventsRequestEntry, PutEventsResultEntry},
};
use aws_types::SdkConfig;

use crate::failure::port_error;

/// `PutEvents` takes at most so many entries.
const ENTRIES: usize = 10;

/// The default event bus.
#[derive(Clone, Debug)]
pub struct Bus {
    client: Client,
}

impl Bus {
    /// A client.
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { client: Client::new(sdk) }
    }

    async fn put(&self, announcements: &[Announcement]) -> Vec<Result<(), PortError>> {
        let call = self.client.put_events().set_entries(Some(announcements.iter().map(entry).collect()));
        match call.send().await.map_err(|error| port_error("events:PutEvents", error)) {
            // The call succeeds even where entries were refused: each has an answer of its own.
            Ok(answer) => {
                let mut answers: Vec<_> = answer.entries().iter().map(accepted).collect();
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

fn entry(announcement: &Announcement) -> PutEventsRequestEntry {
    PutEventsRequestEntry::builder()
        .source(SOURCE)
        .detail_type(announcement.topic.as_str())
        .detail(announcement.detail().to_string())
        .time(DateTime::from_secs(announcement.time.as_second()))
        .set_resources(announcement.subject.starts_with("arn:").then(|| vec![announcement.subject.clone()]))
        .build()
}

fn accepted(entry: &PutEventsResultEntry) -> Result<(), PortError> {
    match entry.event_id() {
        Some(_) => Ok(()),
        None => {
            Err(refused(entry.error_code().map(str::to_owned), entry.error_message().unwrap_or_default()))
        }
    }
}

fn refused(code: Option<String>, message: &str) -> PortError {
    PortError { code, ..PortError::new("events:PutEvents", Class::Retryable, message) }
}
