//! The host's one look at the wall clock. Schedules do not use it: the test
//! gives them their time. Log lines, deadlines and destination records do.

use jiff::Timestamp;

/// The present time.
#[expect(clippy::disallowed_methods, reason = "the host is the clock of the functions it runs")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}
