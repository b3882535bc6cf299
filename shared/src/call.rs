//! One invocation of a function: who asks, when, and the answers that all functions give alike.

use std::future::Future;

use jiff::Timestamp;
use serde_json::{Value, json};
use tracing::info;

use crate::error::{Failure, FieldError};

/// What a function knows of the invocation that it answers.
#[derive(Clone, Debug)]
pub struct Call {
    /// Lambda's request ID, the same over Lambda's own retries.
    pub request_id: String,
    /// The time, read once.
    pub now: Timestamp,
}

/// A function: one answer to one payload.
pub trait Handler {
    /// Answers, or fails so that Lambda tries again and then keeps the event.
    fn handle(&self, payload: Value, call: Call) -> impl Future<Output = Result<Value, Failure>>;
}

/// The answer to what needs nothing done.
pub fn ignored(reason: &str) -> Value {
    info!(decision = "ignore", reason, "Decided to ignore: {reason}");
    json!({"ok": true, "decision": "ignore", "reason": reason})
}

/// Everything that is wrong with a command.
pub fn refused(errors: &[FieldError]) -> Value {
    json!({"ok": false, "errors": errors})
}
