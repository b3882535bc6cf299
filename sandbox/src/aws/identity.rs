//! What tells new things apart: random identifiers in AWS's shapes.
//!
//! They come from the thread's own generator, so that a simulation that seeds it (`fastrand::seed`) sees the same
//! ones again.

use uuid::{Builder, Uuid};

/// A new random UUID.
pub(crate) fn fresh() -> Uuid {
    Builder::from_random_bytes(fastrand::u128(..).to_le_bytes()).into_uuid()
}
