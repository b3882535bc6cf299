//! Calls that ask for a permit, made the only way there is: through the gate, with an intent.

use std::cell::Cell;

use anyhow::{Result, bail};
use autopilot::{
    control::{Action, Mode},
    error::{Class, PortError},
    mutation::{self, Budget, Gate, Intent, Ledger, Mutation, Permit, Receipt, Settled},
    period::Period,
    service::ServiceArn,
    store::{Item, Key, Record, StateRead, StateWrite, Written},
};
use jiff::Timestamp;

/// A store without items that takes every write.
struct Nothing;

impl StateRead for Nothing {
    async fn get(&self, _: &Key) -> Result<Option<Item>, PortError> {
        Ok(None)
    }

    async fn list(&self, _: &'static str) -> Result<Vec<(Key, Item)>, PortError> {
        Ok(Vec::new())
    }
}

impl StateWrite for Nothing {
    async fn put(&self, _: &Key, _: &Item) -> Result<Written, PortError> {
        Ok(Written::Yes)
    }
}

struct Once<F> {
    call: F,
    answer: Cell<Option<Result<Receipt, PortError>>>,
}

impl<F: AsyncFn(&Permit) -> Result<Receipt, PortError>> Mutation for Once<F> {
    fn what(&self) -> &'static str {
        "test"
    }

    async fn perform(&self, permit: &Permit) -> Result<Receipt, PortError> {
        self.answer.set(Some((self.call)(permit).await));
        Err(PortError::new("test:Call", Class::Permanent, "the answer is kept aside"))
    }

    async fn settle(&self, _: &Intent) -> Result<Settled, PortError> {
        Ok(Settled::Unclear)
    }
}

/// The answer of one permitted call.
pub(crate) async fn permitted(
    service: &ServiceArn,
    call: impl AsyncFn(&Permit) -> Result<Receipt, PortError>,
) -> Result<Result<Receipt, PortError>> {
    let once = Once { call, answer: Cell::default() };
    let mut record: Record<Ledger, ()> = Record::load(&Nothing, Key::new("test", "record")).await?;
    let budget = Budget { most: 1, within: Period::days(1), cool_down: Period::minutes(1) };
    let gate = Gate { action: Action::Rollback, service, tag: None, parameter: Mode::On, budget };
    mutation::run(&Nothing, &mut record, |ledger| ledger, &gate, &once, Timestamp::UNIX_EPOCH).await?;
    let Some(answer) = once.answer.take() else { bail!("the call was not made") };
    Ok(answer)
}
