//! Which calls were made, and how many of them had to wait for each other.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use sandbox::aws::{Options, RequestRecord};
use tokio::time::Instant;

/// A call from its arrival to its answer.
#[derive(Clone, Debug)]
struct Span {
    name: String,
    began: Instant,
    ended: Instant,
}

/// The calls of an account, as they come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls(Arc<Mutex<BTreeMap<u64, Span>>>);

impl Calls {
    /// Account options that tell of every call.
    pub(crate) fn watch(&self, account: Options) -> Options {
        let (arrived, answered) = (self.clone(), self.clone());
        Options {
            on_request: Some(Arc::new(move |record| arrived.arrived(record))),
            on_response: Some(Arc::new(move |record| answered.answered(record))),
            ..account
        }
    }

    fn arrived(&self, record: &RequestRecord) {
        let now = Instant::now();
        let name = format!("{}:{}", record.service, record.operation);
        self.spans().insert(record.number, Span { name, began: now, ended: now });
    }

    fn answered(&self, record: &RequestRecord) {
        if let Some(span) = self.spans().get_mut(&record.number) {
            span.ended = Instant::now();
        }
    }

    fn spans(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Span>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets all calls.
    pub(crate) fn clear(&self) {
        self.spans().clear();
    }

    /// How many calls there were.
    pub(crate) fn count(&self) -> usize {
        self.spans().len()
    }

    /// How many there were of each.
    pub(crate) fn names(&self) -> BTreeMap<String, usize> {
        let mut names = BTreeMap::new();
        for span in self.spans().values() {
            *names.entry(span.name.clone()).or_default() += 1;
        }
        names
    }

    /// The longest chain: calls of which each began after the one before had been answered. It is what the latency
    /// of AWS is multiplied by, and is only seen clearly where calls take some time.
    pub(crate) fn chain(&self) -> usize {
        let spans: Vec<Span> = self.spans().values().cloned().collect();
        let mut longest: Vec<usize> = Vec::with_capacity(spans.len());
        for span in &spans {
            let before = spans.iter().zip(&longest).filter(|(earlier, _)| earlier.ended <= span.began);
            longest.push(before.map(|(_, length)| *length).max().unwrap_or(0) + 1);
        }
        longest.into_iter().max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn only_calls_that_waited_for_each_other_make_a_chain() {
        let calls = Calls::default();
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        for (number, (began, ended)) in
            [(0, 20), (1, 25), (21, 41), (30, 50), (52, 60)].into_iter().enumerate()
        {
            let span = Span { name: "sns:Publish".to_owned(), began: at(began), ended: at(ended) };
            calls.spans().insert(number as u64, span);
        }
        assert_eq!((calls.count(), calls.chain()), (5, 3));
    }
}
