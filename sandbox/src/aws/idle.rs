//! Knows whether work is still under way in the background, so that a test can wait for its end.

use tokio::sync::watch;

/// Counts running pieces of work. Clones share the count.
#[derive(Clone)]
pub(crate) struct Activity {
    running: watch::Sender<usize>,
}

/// One piece of work; dropping it ends it.
pub(crate) struct Work {
    running: watch::Sender<usize>,
}

impl Activity {
    pub(crate) fn new() -> Self {
        Self { running: watch::Sender::new(0) }
    }

    /// Begins a piece of work.
    pub(crate) fn begin(&self) -> Work {
        self.running.send_modify(|count| *count += 1);
        Work { running: self.running.clone() }
    }

    /// Waits until no work is under way.
    pub(crate) async fn idle(&self) {
        // `self` holds a sender, so the channel cannot be closed while this waits.
        let _ = self.running.subscribe().wait_for(|count| *count == 0).await;
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.running.send_modify(|count| *count = count.saturating_sub(1));
    }
}
