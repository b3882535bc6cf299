//! What a service answers instead of a result, before a protocol gives it its shape.

use std::fmt;

use serde_json::{Map, Value};

/// An error of an AWS API: HTTP status, error code and message, and further members of the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    /// HTTP status.
    pub status: u16,
    /// The error code, such as `InvalidStateException`.
    pub code: String,
    /// The sentence for people.
    pub message: String,
    /// Members beside code and message, such as the `Item` of a failed condition.
    pub members: Map<String, Value>,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (status {}): {}", self.code, self.status, self.message)
    }
}

impl std::error::Error for ApiError {}

impl ApiError {
    /// A refusal of the request (HTTP 400).
    pub fn refused(code: &str, message: impl Into<String>) -> Self {
        Self { status: 400, code: code.to_owned(), message: message.into(), members: Map::new() }
    }

    /// A failure of the service (HTTP 500).
    pub fn server(code: &str) -> Self {
        Self {
            status: 500,
            ..Self::refused(code, "The request processing has failed because of an internal error.")
        }
    }

    /// The same error with another HTTP status.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The same error with a further member in its answer.
    #[must_use]
    pub fn with_member(mut self, name: &str, value: Value) -> Self {
        self.members.insert(name.to_owned(), value);
        self
    }

    /// What JSON services say of an operation they do not know.
    pub fn unknown_operation(operation: &str) -> Self {
        Self::refused("UnknownOperationException", format!("Unknown operation: {operation}"))
    }
}
