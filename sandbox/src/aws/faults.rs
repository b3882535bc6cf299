//! Faults that a test orders: what the next calls of an operation meet instead of an answer.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::lock;

/// What happens to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Refused as too many requests; the work is not done.
    Throttle,
    /// HTTP 500 in the service's own shape; the work is not done.
    ServerError,
    /// No answer, and the work is not done. The connection is held until the client gives up.
    TimeoutBeforeWork,
    /// The work is done, but no answer comes. The connection is held until the client gives up.
    TimeoutAfterWork,
    /// The connection is closed without an answer; the work is not done.
    Reset,
    /// The answer comes after this time; the work is done at its end.
    Slow(Duration),
    /// Refused with this error code and message (HTTP 400); the work is not done.
    Refuse {
        /// The error code, such as `AccessDeniedException`.
        code: String,
        /// The sentence for people.
        message: String,
    },
}

struct Rule {
    service: String,
    operation: String,
    remaining: Option<usize>,
    fault: Fault,
}

/// The faults ordered so far. Clones share them.
#[derive(Clone, Default)]
pub struct Faults {
    rules: Arc<Mutex<VecDeque<Rule>>>,
}

impl Faults {
    /// The next `count` calls of this operation (`"*"`: of any operation) of this service (`apprunner`,
    /// `dynamodb`, …, or `"*"`) meet this fault. Rules for the same call are used up in the order given.
    pub fn next(&self, service: &str, operation: &str, count: usize, fault: Fault) {
        self.add(service, operation, Some(count), fault);
    }

    /// Every call of this operation meets this fault until [`Faults::clear`].
    pub fn always(&self, service: &str, operation: &str, fault: Fault) {
        self.add(service, operation, None, fault);
    }

    /// Forgets all faults.
    pub fn clear(&self) {
        lock(&self.rules).clear();
    }

    fn add(&self, service: &str, operation: &str, remaining: Option<usize>, fault: Fault) {
        let rule = Rule { service: service.to_owned(), operation: operation.to_owned(), remaining, fault };
        lock(&self.rules).push_back(rule);
    }

    /// The fault that this call meets, used up by it.
    pub(crate) fn take(&self, service: &str, operation: &str) -> Option<Fault> {
        let mut rules = lock(&self.rules);
        rules.retain(|rule| rule.remaining != Some(0));
        let rule = rules.iter_mut().find(|rule| {
            (rule.service == "*" || rule.service == service)
                && (rule.operation == "*" || rule.operation == operation)
        })?;
        if let Some(remaining) = &mut rule.remaining {
            *remaining -= 1;
        }
        Some(rule.fault.clone())
    }
}
