//! One invocation of a function: who asks, and when.

use std::future::Future;

use jiff::Timestamp;
use serde_json::Value;

use crate::error::Failure;

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
