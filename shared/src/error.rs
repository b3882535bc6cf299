//! Three classes of failure, and what each means for the caller.

use std::{error::Error as StdError, fmt};

/// What may be done about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Trying again later can help: throttling, 5xx, time-outs, a refusal while an operation runs.
    Retryable,
    /// Trying again changes nothing: bad input, a missing permission, a missing resource.
    Permanent,
}

impl Class {
    /// The word in logs and in Lambda's `errorType`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retryable => "Retryable",
            Self::Permanent => "Permanent",
        }
    }
}

/// A failed call through a port. What is rightly not done is no failure: see [`crate::event::Input::NotOurs`].
#[derive(Debug, thiserror::Error)]
#[error("{call} failed{}: {message}", code.as_deref().map(|c| format!(" with {c}")).unwrap_or_default())]
pub struct PortError {
    /// The call, as `service:Operation`.
    pub call: &'static str,
    /// What may be done.
    pub class: Class,
    /// The service's own error code, where it answered with one.
    pub code: Option<String>,
    /// The service's own words, or the transport's.
    pub message: String,
    /// What lies below.
    #[source]
    pub source: Option<Box<dyn StdError + Send + Sync>>,
}

impl PortError {
    /// A failure without a code of the service.
    pub fn new(call: &'static str, class: Class, message: impl Into<String>) -> Self {
        Self { call, class, code: None, message: message.into(), source: None }
    }

    /// In a few words, for a message to people: `AccessDeniedException` or `no answer in time`.
    pub fn in_short(&self) -> String {
        self.code.clone().unwrap_or_else(|| self.message.chars().take(120).collect())
    }

    /// True where the service said that the thing asked for does not exist.
    pub fn is_not_found(&self) -> bool {
        self.code.as_deref() == Some("ResourceNotFoundException")
    }
}

/// Input that cannot be read: which field, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[error("{field}: {message}")]
pub struct FieldError {
    /// Path of the field, such as `detail.operationStatus` or `plan.step_weights[2]`.
    pub field: String,
    /// What was expected and what was found.
    pub message: String,
}

impl FieldError {
    /// Names a field and says what is wrong with it.
    pub fn new(field: impl Into<String>, message: impl fmt::Display) -> Self {
        Self { field: field.into(), message: message.to_string() }
    }
}

/// Why an invocation ends in an error. Lambda tries it again and then keeps the event beside this message.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The input cannot be read.
    #[error(transparent)]
    Input(#[from] FieldError),
    /// A call failed and without it the work cannot be done.
    #[error(transparent)]
    Port(#[from] PortError),
    /// Others kept writing the same record; the work is still to be done.
    #[error("{0} was changed by others again and again; this invocation gave up and is to be tried again")]
    Contended(String),
}

impl Failure {
    /// What may be done.
    pub fn class(&self) -> Class {
        match self {
            Self::Input(_) => Class::Permanent,
            Self::Port(error) => error.class,
            Self::Contended(_) => Class::Retryable,
        }
    }
}
