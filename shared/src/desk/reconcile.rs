//! Reconciliation: what no event told of is taken up by looking at every service.

use std::future::Future;

use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tracing::{error, info};

use super::{AT_ONCE, Desk};
use crate::{
    error::Failure,
    service::ServiceArn,
    store::{self, Key, Record, StateRead, StateWrite},
};

/// A record beside the cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Reconciled {
    first: Option<Timestamp>,
}

/// What a reconciliation came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Services with something new.
    pub up: usize,
    /// Services or cases that could not be looked at.
    pub failed: usize,
}

impl Taken {
    /// Logs and answers it, for so many listed services; `first` where none was made before.
    pub fn answer(self, services: usize, first: bool) -> Value {
        let Self { up: taken_up, failed } = self;
        info!(
            decision = "reconcile",
            reason = "schedule",
            services,
            taken_up,
            failed,
            first,
            "Reconciled the account"
        );
        json!({"ok": true, "services": services, "taken_up": taken_up, "failed": failed, "first": first})
    }
}

/// Takes up services, several at the same time; each future says whether there was something new. The trouble of one
/// does not stop the others.
pub async fn take_up<'a, F>(services: impl Iterator<Item = (&'a ServiceArn, F)>) -> Taken
where
    F: Future<Output = Result<bool, Failure>>,
{
    let each = services.map(async |(service, taken)| match taken.await {
        Ok(new) => Taken { up: usize::from(new), failed: 0 },
        Err(failure) => {
            let class = failure.class().as_str();
            error!(class, service = service.name(), error = %failure, "A service could not be taken up: {failure}");
            Taken { up: 0, failed: 1 }
        }
    });
    stream::iter(each)
        .buffer_unordered(AT_ONCE)
        .fold(Taken::default(), async |all, one| Taken {
            up: all.up + one.up,
            failed: all.failed + one.failed,
        })
        .await
}

impl<S: StateRead + StateWrite, B> Desk<S, B> {
    /// When the account was first compared with the cases; what failed before is acknowledged and never touched.
    pub async fn first_reconciled(&self) -> Result<Option<Timestamp>, Failure> {
        let record: Record<Reconciled, ()> = Record::load(&self.state, self.reconciled_key()).await?;
        Ok(record.state.first)
    }

    /// Notes that the account is compared with the cases from now on.
    pub async fn mark_reconciled(&self, now: Timestamp) -> Result<(), Failure> {
        store::update(&self.state, self.reconciled_key(), |record: &mut Record<Reconciled, ()>| {
            record.state.first.get_or_insert(now);
        })
        .await
    }

    fn reconciled_key(&self) -> Key {
        Key::new(self.partition, "reconciled")
    }
}
