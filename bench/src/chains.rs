//! The longest chain of calls that each subject may have: what the functions' own documentation says. A run that finds
//! a longer one fails.

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::subject::Kind;

impl Kind {
    /// Calls that may wait for each other, at most.
    fn chain(self) -> usize {
        match self {
            Self::Bare => 0,
            Self::Success | Self::RollbackTick | Self::RebuildTick | Self::ShiftTick => 1,
            Self::Failure | Self::Bake => 4,
            Self::Record | Self::Cleanup => 7,
            Self::Rebuild => 9,
            // The baseline waits for each of its calls.
            Self::Python => 11,
        }
    }
}

/// Holds what was measured with latency to what may be.
pub(crate) fn hold(latency: &Value) -> Result<()> {
    for kind in Kind::ALL {
        let Some(measured) = latency[kind.name()]["chain"].as_u64() else { continue };
        let most = kind.chain() as u64;
        ensure!(measured <= most, "{}: {measured} calls in sequence, not {most}", kind.name());
    }
    Ok(())
}
