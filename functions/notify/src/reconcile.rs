//! The reconciliation: the whole account against what is remembered, as if no event had ever come.
//!
//! Calls for S services: ⌈S/20⌉ `ListServices`, one `Query`, one `GetItem`, and S `ListOperations`, eight at a
//! time. A service's tags and logs are read only when there is something to tell about it.

use std::collections::{BTreeMap, BTreeSet};

use autopilot::{
    call::Call,
    control::{Action, Control, Mode},
    error::{Class, Failure, PortError},
    gather::in_time,
    incident::LIFETIME,
    ports::{AppRunnerRead, FactsRead, LogsRead, Publish},
    service::{ServiceArn, ServiceStatus, ServiceSummary},
    store::{Item, Key, StateRead, StateWrite, Written},
};
use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tracing::{error, info};

use crate::{
    decide::{Look, Plan, Trigger, decide, under_mode},
    handler::{Notify, is_quiet},
    state::{self, Notice, PARTITION, Reconciled, Subject, SubjectRecord},
};

/// Services that are read at the same time.
const AT_ONCE: usize = 8;

/// Operations are read back to this long before the last reconciliation.
const OVERLAP: SignedDuration = SignedDuration::from_hours(2);

/// One subject of the reconciliation.
struct Subjects {
    key: Key,
    item: Option<Item>,
    /// Its status by `ListServices`; `DELETED` where it is no longer listed. `None` for what is no service.
    status: Option<ServiceStatus>,
}

/// What one subject came to.
#[derive(Default)]
struct Tally {
    told: usize,
    failed: usize,
    acknowledged: Vec<String>,
}

impl<A, L, F, S, P> Notify<A, L, F, S, P>
where
    A: AppRunnerRead,
    L: LogsRead,
    F: FactsRead,
    S: StateRead + StateWrite,
    P: Publish,
{
    pub(crate) async fn reconcile(&self, call: &Call) -> Result<Value, Failure> {
        let (items, control, services) =
            tokio::join!(self.state.list(PARTITION), self.control(), self.apprunner.services());
        let (items, control) = (items?, control?);
        let mut items: BTreeMap<Key, Item> = items.into_iter().collect();
        let account = SubjectRecord::from_item(state::account_key(), items.remove(&state::account_key()))?;
        let since = account.state.reconciled;
        let subjects = subjects(items, services.as_deref().ok());
        let listed = services.as_ref().map_or(0, Vec::len);
        let tallies: Vec<Tally> = stream::iter(subjects)
            .map(|subject| self.reconcile_subject(subject, &control, since, call))
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        // Without the list of services only what was already known could be looked after; Lambda tries again.
        services?;
        let acknowledged: Vec<_> =
            tallies.iter().flat_map(|tally| tally.acknowledged.iter().cloned()).collect();
        self.remember_reconciliation(account, acknowledged, call).await?;
        let told: usize = tallies.iter().map(|tally| tally.told).sum();
        let failed: usize = tallies.iter().map(|tally| tally.failed).sum();
        info!(
            decision = "reconcile",
            reason = "schedule",
            services = listed,
            told,
            failed,
            "Reconciled the account"
        );
        Ok(json!({"ok": true, "services": listed, "told": told, "failed": failed, "first": since.is_none()}))
    }

    /// One subject; its trouble is its own and does not stop the others.
    async fn reconcile_subject(
        &self,
        subject: Subjects,
        control: &Control,
        since: Option<Reconciled>,
        call: &Call,
    ) -> Tally {
        let name = subject.key.sort.clone();
        match self.try_subject(subject, control, since, call).await {
            Ok(tally) => tally,
            Err(failure) => {
                let class = failure.class().as_str();
                error!(class, subject = name, error = %failure, "A subject could not be reconciled: {failure}");
                Tally { failed: 1, ..Tally::default() }
            }
        }
    }

    async fn try_subject(
        &self,
        subject: Subjects,
        control: &Control,
        since: Option<Reconciled>,
        call: &Call,
    ) -> Result<Tally, Failure> {
        let Subjects { key, item, status } = subject;
        let mut record = SubjectRecord::from_item(key, item)?;
        let (Some(service), Some(status)) = (state::service_of(&record.key), status) else {
            // No service, or none that could be listed: only what waits to be told.
            self.apply(&mut record, Plan::Ignore(String::new()), None, call).await?;
            return Ok(Tally::default());
        };
        let look = self.look(&service, status, since, call).await;
        let trigger = Trigger::Reconciled { since: since.map(|reconciled| reconciled.first) };
        let decide_on = |state: &Subject, tag: Option<&str>| {
            let mode = control.resolve(Action::Notify, &service, tag, Mode::On);
            let longest = self.settings.long_operation;
            under_mode(decide(&trigger, &service, state, &look, &mode, longest, call.now), state, &mode)
        };
        let mut plan = decide_on(&record.state, None);
        if !matches!(plan, Plan::Ignore(_)) {
            plan = decide_on(&record.state, self.tag(&service).await.as_deref());
            let (decision, reason) = (plan.word(), plan.to_string());
            info!(decision, reason, service = service.name(), "Decided to {decision}: {reason}");
        }
        let told = match &plan {
            Plan::Tell(_, notices) => notices.len(),
            _ => 0,
        };
        // Whoever changed the record meanwhile has looked at the service; the next reconciliation looks again.
        let written = self.apply(&mut record, plan, None, call).await?;
        let acknowledged = record.state.incidents.iter().filter(|i| i.acknowledged && i.closed.is_none());
        let line = |incident: &autopilot::incident::Incident| {
            format!("{}: {} failed at {}", service.name(), incident.kind.noun(), incident.failed_at)
        };
        Ok(Tally {
            told: if written == Written::Yes { told } else { 0 },
            failed: usize::from(look.operations.is_none()),
            acknowledged: acknowledged.map(line).collect(),
        })
    }

    async fn look(
        &self,
        service: &ServiceArn,
        status: ServiceStatus,
        since: Option<Reconciled>,
        call: &Call,
    ) -> Look {
        if status == ServiceStatus::Deleted {
            return Look { status: Some(status), operations: Some(Vec::new()), unreadable: None };
        }
        let back_to = since.map_or(call.now - LIFETIME, |reconciled| reconciled.last - OVERLAP);
        let budget = self.settings.evidence_budget.as_duration();
        let read = self.apprunner.operations(service, Some(back_to));
        let operations = in_time(budget, "apprunner:ListOperations", read).await;
        let unreadable = operations.as_ref().err().map(|error: &PortError| {
            error!(class = error.class.as_str(), service = service.name(), error = %error, "Operations are unreadable");
            (error.class == Class::Permanent).then(|| error.in_short())
        });
        Look { status: Some(status), operations: operations.ok(), unreadable: unreadable.flatten() }
    }

    /// Notes the time, and at the first reconciliation tells once what was there before.
    async fn remember_reconciliation(
        &self,
        mut account: SubjectRecord,
        acknowledged: Vec<String>,
        call: &Call,
    ) -> Result<(), Failure> {
        let first: Option<Timestamp> = account.state.reconciled.map(|reconciled| reconciled.first);
        let reconciled = Some(Reconciled { first: first.unwrap_or(call.now), last: call.now });
        let state = Subject { reconciled, ..account.state.clone() };
        let plan = if first.is_none() && !acknowledged.is_empty() {
            Plan::Tell(state, vec![Notice::AlreadyThere { failures: acknowledged }])
        } else {
            Plan::Remember(state, "reconciled".to_owned())
        };
        // A conflict means that another reconciliation has just noted the same.
        self.apply(&mut account, plan, None, call).await.map(|_| ())
    }
}

/// Every service that is listed, and every record that is open or has something to tell.
fn subjects(mut items: BTreeMap<Key, Item>, services: Option<&[ServiceSummary]>) -> Vec<Subjects> {
    let mut subjects = Vec::new();
    let mut listed = BTreeSet::new();
    for service in services.unwrap_or_default() {
        let key = state::subject_key(service.arn.as_str());
        listed.insert(key.clone());
        subjects.push(Subjects { item: items.remove(&key), status: Some(service.status.clone()), key });
    }
    for (key, item) in items {
        let open = SubjectRecord::from_item(key.clone(), Some(item.clone()))
            .map_or(true, |record| !record.outbox.is_empty() || !is_quiet(&record.state));
        // Only a complete list tells that a service is gone.
        let gone = services.is_some() && state::service_of(&key).is_some();
        if open {
            subjects.push(Subjects { key, item: Some(item), status: gone.then_some(ServiceStatus::Deleted) });
        }
    }
    subjects
}
