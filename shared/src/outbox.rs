//! What is still to be told, kept in the record that it belongs to.
//!
//! A change of state and the telling of it are one conditional write; the sender then sends and clears. If
//! the function dies between the two, the next invocation finds the entry and sends it: nothing is untold.
//! A claim keeps two invocations that run at the same time from both sending. It is short, and it belongs to
//! an invocation by its request ID, which Lambda's own retry keeps: the retry of a dead invocation takes over
//! at once, anybody else when the claim has run out. So an entry is sent once, or twice if its sender died
//! after sending and before clearing, and never not at all.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How long an invocation may keep an outbox to itself.
pub const CLAIM: SignedDuration = SignedDuration::from_secs(10);

/// Entries waiting to be sent, oldest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outbox<M> {
    /// What is to be told.
    pub entries: Vec<Entry<M>>,
    /// Number of the next entry; never used twice within one record.
    next: u64,
    /// Who is sending.
    claim: Option<Claim>,
}

/// One thing to be told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry<M> {
    /// Its number within the record.
    pub number: u64,
    /// What is to be told.
    pub message: M,
}

/// An invocation's hold on an outbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Claim {
    by: String,
    until: Timestamp,
}

impl<M> Default for Outbox<M> {
    fn default() -> Self {
        Self { entries: Vec::new(), next: 0, claim: None }
    }
}

impl<M> Outbox<M> {
    /// True where nothing waits.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds an entry.
    pub fn push(&mut self, message: M) {
        self.entries.push(Entry { number: self.next, message });
        self.next += 1;
    }

    /// Takes the right to send, if there is something to send and nobody else is at it.
    pub fn claim(&mut self, by: &str, now: Timestamp) -> bool {
        let taken = self.claim.as_ref().is_some_and(|claim| claim.by != by && claim.until > now);
        if self.is_empty() || taken {
            return false;
        }
        self.claim = Some(Claim { by: by.to_owned(), until: now + CLAIM });
        true
    }

    /// Drops the entries that were sent, and the claim. What was added since, or could not be sent, is kept.
    pub fn settle(&mut self, sent: &[u64]) {
        self.entries.retain(|entry| !sent.contains(&entry.number));
        self.claim = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sender_at_a_time_and_a_dead_one_is_replaced() {
        let start: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let later = start + CLAIM;
        let mut outbox: Outbox<&str> = Outbox::default();
        assert!(!outbox.claim("a", start), "nothing to send");
        outbox.push("first");
        assert!(outbox.claim("a", start));
        assert!(!outbox.claim("b", start), "a is at it");
        assert!(outbox.claim("a", start), "the retry of a is a");
        assert!(outbox.claim("b", later), "a is gone");
    }

    #[test]
    fn clearing_keeps_what_came_later_and_is_harmless_twice() {
        let mut outbox: Outbox<&str> = Outbox::default();
        outbox.push("first");
        outbox.push("second");
        outbox.settle(&[0]);
        outbox.settle(&[0]);
        let left: Vec<_> = outbox.entries.iter().map(|entry| entry.message).collect();
        assert_eq!(left, ["second"]);
        outbox.settle(&[1]);
        outbox.push("third");
        assert_eq!(outbox.entries[0].number, 2, "numbers are never used twice");
    }
}
