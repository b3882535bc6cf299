//! A changing call of an adapter, made as the functions make it: behind the gate, with the permit that only
//! [`autopilot::mutation`] gives.

use std::cell::RefCell;

use anyhow::{Context as _, Result};
use autopilot::{
    control::{Action, Mode},
    error::{Class, PortError},
    memory::MemoryStore,
    mutation::{self, Budget, Gate, Intent, Ledger, Mutation, Permit, Receipt, Settled},
    period::Period,
    store::{Key, Record},
};
use jiff::Timestamp;

/// A call and what it answered.
struct Call<F, T> {
    call: F,
    answer: RefCell<Option<Result<T, PortError>>>,
}

impl<T, F: AsyncFn(&Permit) -> Result<T, PortError>> Mutation for Call<F, T> {
    fn what(&self) -> &'static str {
        "call"
    }

    async fn perform(&self, permit: &Permit) -> Result<Receipt, PortError> {
        *self.answer.borrow_mut() = Some((self.call)(permit).await);
        Ok(Receipt { operation: None })
    }

    async fn settle(&self, _: &Intent) -> Result<Settled, PortError> {
        Err(PortError::new("test:Settle", Class::Permanent, "a call is made once"))
    }
}

/// Makes a call with a permit, and gives its answer.
pub async fn permitted<T>(
    call: impl AsyncFn(&Permit) -> Result<T, PortError>,
) -> Result<Result<T, PortError>> {
    let service = "arn:aws:apprunner:us-east-1:123456789012:service/orders/8fe1".parse()?;
    let budget = Budget { most: 1, within: Period::days(1), cool_down: Period::minutes(1) };
    let gate = Gate { action: Action::Rollback, service: &service, tag: None, parameter: Mode::On, budget };
    let store = MemoryStore::default();
    let mut record: Record<Ledger, ()> = Record::load(&store, Key::new("test", "call")).await?;
    let call = Call { call, answer: RefCell::default() };
    mutation::run(&store, &mut record, |ledger| ledger, &gate, &call, Timestamp::UNIX_EPOCH).await?;
    call.answer.into_inner().context("the gate let the call through")
}
