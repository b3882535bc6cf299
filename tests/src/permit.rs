//! The permit that changing calls of adapters ask for, got as the functions get it: through the gate.

use anyhow::{Result, anyhow};
use autopilot::{
    control::Control,
    mutation::{self, Budget, Gate, Leave, Ledger, Permit},
    period::Period,
};
use jiff::Timestamp;
use serde_json::Value;

/// A permit for a person's command.
pub fn permit() -> Result<Permit> {
    let budget = Budget { most: 1, within: Period::days(1), cool_down: Period::minutes(1) };
    let gate = Gate { leave: Leave::OfPerson, budget };
    let intended = mutation::begin(
        &mut Ledger::default(),
        &gate,
        &Control::default(),
        Value::Null,
        Timestamp::UNIX_EPOCH,
    );
    Ok(intended.map_err(|outcome| anyhow!("the gate is shut: {outcome:?}"))?.stored())
}
