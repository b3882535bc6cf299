//! Counts what is queued or running, so that a test can wait for quiet.

use tokio::sync::watch;

/// The number of things in flight.
#[derive(Clone, Debug)]
pub(crate) struct InFlight(watch::Sender<usize>);

/// One thing in flight, until dropped.
#[derive(Debug)]
pub(crate) struct Flight(watch::Sender<usize>);

impl Default for InFlight {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl InFlight {
    pub(crate) fn begin(&self) -> Flight {
        self.0.send_modify(|count| *count += 1);
        Flight(self.0.clone())
    }

    pub(crate) fn is_idle(&self) -> bool {
        *self.0.borrow() == 0
    }

    /// Waits until nothing is in flight.
    pub(crate) async fn idle(&self) {
        // The sender lives in `self`, so the channel cannot close meanwhile.
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
