//! The one clock of the sandbox: real time plus an offset that a test may move; or the time of the Tokio runtime,
//! which a simulation stops and lets run as fast as it can.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Real time, or the runtime's, plus an adjustable offset. Clones share the offset.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset_ms: Arc<AtomicI64>,
    /// What the clock showed at an instant of the runtime; none where real time counts.
    simulated: Option<(Timestamp, Instant)>,
}

impl Clock {
    /// A clock that shows `start` now and then follows the Tokio runtime's own time.
    pub fn simulated(start: Timestamp) -> Self {
        Self { simulated: Some((start, Instant::now())), ..Self::default() }
    }

    /// The sandbox's present time, to the millisecond as AWS gives it.
    #[expect(clippy::disallowed_methods, reason = "this is the sandbox's clock")]
    pub fn now(&self) -> Timestamp {
        let real = match self.simulated {
            None => Timestamp::now().as_millisecond(),
            Some((start, at)) => {
                let gone = i64::try_from(at.elapsed().as_millis()).unwrap_or(i64::MAX);
                start.as_millisecond().saturating_add(gone)
            }
        };
        let now = real.saturating_add(self.offset_ms.load(Ordering::Relaxed));
        Timestamp::from_millisecond(now).unwrap_or(Timestamp::MAX)
    }

    /// Sets how far the sandbox is ahead of real time; negative values back-date what follows.
    pub fn set_offset(&self, offset: SignedDuration) {
        let offset_ms = i64::try_from(offset.as_millis()).unwrap_or(i64::MAX);
        self.offset_ms.store(offset_ms, Ordering::Relaxed);
    }

    /// How far the sandbox is ahead of real time.
    pub fn offset(&self) -> SignedDuration {
        SignedDuration::from_millis(self.offset_ms.load(Ordering::Relaxed))
    }

    /// Moves the sandbox forward (or, with a negative value, back) by this much.
    pub fn advance(&self, by: SignedDuration) {
        self.set_offset(self.offset().saturating_add(by));
    }
}

/// A time as App Runner's JSON has it: seconds since 1970 with decimals.
pub(crate) fn epoch_seconds(at: Timestamp) -> serde_json::Value {
    // Milliseconds since 1970 are exact in a double for the next 285,000 years.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds fit a double's 53 bits")]
    let seconds = at.as_millisecond() as f64 / 1000.0;
    serde_json::json!(seconds)
}
