//! What people get.

use anyhow::{Context as _, Result};
use sandbox::{aws::sns::Message, stage::Stage};
use serde_json::Value;

/// The messages of the alert topic, oldest first.
pub fn alerts(stage: &Stage) -> Vec<Message> {
    of_topic(stage, "-AlertTopic")
}

/// The messages of the chat topic, oldest first, parsed.
pub fn chats(stage: &Stage) -> Result<Vec<Value>> {
    let chats = of_topic(stage, "-ChatTopic").into_iter();
    chats.map(|message| serde_json::from_str(&message.message).context("a chat message is JSON")).collect()
}

fn of_topic(stage: &Stage, end: &str) -> Vec<Message> {
    let messages = stage.account.messages().into_iter();
    messages.filter(|message| message.topic_arn.ends_with(end)).collect()
}

/// The attribute `phase` of the messages of the alert topic about one service, oldest first.
pub fn phases(stage: &Stage, service: &str) -> Vec<String> {
    about(stage, service).iter().map(|message| message.attributes["phase"].clone()).collect()
}

/// The messages of the alert topic about one service, oldest first.
pub fn about(stage: &Stage, service: &str) -> Vec<Message> {
    alerts(stage).into_iter().filter(|message| message.attributes["service"] == service).collect()
}

/// Phase and thread of the chat messages about one service, oldest first.
pub fn threads(stage: &Stage, service: &str) -> Result<Vec<(String, String)>> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let chats = chats(stage)?.into_iter();
    let chats = chats.filter(|chat| chat["metadata"]["additionalContext"]["service"] == service);
    Ok(chats
        .map(|chat| (text(&chat["metadata"]["eventType"]), text(&chat["metadata"]["threadId"])))
        .collect())
}

/// How many messages of the alert topic have this phase.
pub fn count(stage: &Stage, phase: &str) -> usize {
    alerts(stage).iter().filter(|message| message.attributes["phase"] == phase).count()
}

/// Asserts that the text holds each of these.
///
/// # Panics
///
/// Where it does not.
#[track_caller]
pub fn assert_says(text: &str, expected: &[&str]) {
    for expected in expected {
        assert!(text.contains(expected), "{expected:?} is missing in\n{text}");
    }
}
