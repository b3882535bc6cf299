//! Calls that ask for a permit, made the only way there is: through the gate.

use anyhow::{Result, bail};
use autopilot::{
    control::Control,
    mutation::{self, Budget, Gate, Leave, Ledger, Permit},
    period::Period,
};
use jiff::Timestamp;

/// A permit, as a person's command gets it.
pub(crate) fn permit() -> Result<Permit> {
    let budget = Budget { most: 1, within: Period::days(1), cool_down: Period::minutes(1) };
    let gate = Gate { leave: Leave::OfPerson, budget };
    let (mut ledger, now) = (Ledger::default(), Timestamp::UNIX_EPOCH);
    match mutation::begin(&mut ledger, &gate, &Control::default(), "test".into(), now) {
        Ok(intended) => Ok(intended.stored()),
        Err(outcome) => bail!("no permit: {outcome}"),
    }
}
