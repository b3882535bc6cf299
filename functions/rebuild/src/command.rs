//! What the schedules and people can ask by invoking the function.
//!
//! | command | what it does |
//! |---|---|
//! | `{"command":"tick"}` | advances open cases; the schedule sends it every minute |
//! | `{"command":"reconcile"}` | takes up failures that no event told of; every 15 minutes |
//! | `{"command":"status"}`, with `"service_arn"` for one | what is tried, what comes next and when |
//! | `{"command":"retry","service_arn":…}` | tries now, outside the schedule and however old, within the tries |
//! | `{"command":"give-up","service_arn":…}` | leaves a failure alone |
//! | `mode`, `stop`, `go` | as every function answers them: [`autopilot::control`] |

use autopilot::{
    announcement::Phase,
    call::{Call, refused},
    case::{Case, Say},
    desk,
    error::{Failure, FieldError},
    event::Command,
    ports::{Announce, AppRunnerRead, FactsRead, LogsRead, ServiceWrite},
    service::ServiceArn,
    store::{StateRead, StateWrite},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    case::{Failed, Kind, Work},
    handler::{Opening, Rebuild, kind_of},
};

const COMMANDS: &str = "tick, reconcile, status, retry, give-up, mode, stop or go";

impl<A, C, L, F, S, B> Rebuild<A, C, L, F, S, B>
where
    A: AppRunnerRead,
    C: ServiceWrite,
    L: LogsRead,
    F: FactsRead,
    S: StateRead + StateWrite,
    B: Announce,
{
    pub(crate) async fn command(&self, command: &Command, call: &Call) -> Result<Value, Failure> {
        match command.name.as_str() {
            "tick" => self.tick(call).await,
            "reconcile" => self.reconcile(call).await,
            "status" => self.status(command).await,
            "retry" | "give-up" => match command.service_arn() {
                Ok(service) if command.name == "retry" => self.retry(&service, call).await,
                Ok(service) => self.give_up(&service, call).await,
                Err(error) => Ok(refused(&[error])),
            },
            _ => match self.desk.command(command, call.now).await? {
                Some(answer) => Ok(answer),
                None => Ok(refused(&[FieldError::new("command", format!("expected {COMMANDS}"))])),
            },
        }
    }

    async fn tick(&self, call: &Call) -> Result<Value, Failure> {
        let tally = self.desk.advance_all(self, self.desk.open_cases().await?, call.now).await;
        Ok(json!({"ok": true, "open": tally.cases, "failed": tally.failed}))
    }

    /// Every service in a failed state has a case afterwards. What failed before the first reconciliation has a closed
    /// one: it is touched on a person's word only.
    async fn reconcile(&self, call: &Call) -> Result<Value, Failure> {
        let (services, first) = tokio::join!(self.apprunner.services(), self.desk.first_reconciled());
        let (services, first) = (services?, first?);
        if first.is_none() {
            self.desk.mark_reconciled(call.now).await?;
        }
        let since = first.unwrap_or(call.now);
        let failing = services.iter().filter_map(|service| Some((service, kind_of(&service.status)?)));
        let each =
            failing.map(|(service, kind)| (&service.arn, self.take_up(&service.arn, kind, since, call)));
        Ok(desk::take_up(each).await.answer(services.len(), first.is_none()))
    }

    /// Gives a failed service a case, unless its failure has one. True where it had none. What failed before `since`
    /// is acknowledged.
    async fn take_up(
        &self,
        service: &ServiceArn,
        kind: Kind,
        since: Timestamp,
        call: &Call,
    ) -> Result<bool, Failure> {
        let Some((record, opening)) = self.open(service, kind, None, call).await? else { return Ok(false) };
        let new = !record.state.open;
        let edit = |case: &mut Case<Work>| {
            opening.apply(case);
            if new && case.work.failed_at.is_some_and(|at| at <= since) {
                case.open = false;
                case.work.acknowledged = true;
            }
        };
        self.desk.advance(self, record, edit, call.now).await?;
        Ok(new)
    }

    async fn status(&self, command: &Command) -> Result<Value, Failure> {
        let service = match command.fields.get("service_arn").map(|_| command.service_arn()).transpose() {
            Ok(service) => service,
            Err(error) => return Ok(refused(&[error])),
        };
        let cases: Vec<Failed> = self.desk.cases().await?;
        let wanted = |record: &&Failed| {
            service.as_ref().is_none_or(|service| service.as_str() == record.state.subject)
        };
        let shown: Vec<_> = cases.iter().filter(wanted).map(|record| self.shown(record)).collect();
        Ok(json!({"ok": true, "cases": shown}))
    }

    fn shown(&self, record: &Failed) -> Value {
        let (case, work) = (&record.state, &record.state.work);
        let next_at = work.next_at(&self.settings.delays).filter(|_| case.open);
        json!({
            "service_arn": case.subject,
            "incident_id": case.incident,
            "what": work.kind,
            "open": case.open,
            "acknowledged": work.acknowledged,
            "failed_at": work.failed_at,
            "tries": work.tries,
            "of": self.settings.delays.tries(),
            "next_at": next_at,
            "cause": work.cause.as_ref().map(|cause| &cause.kind),
            "fix": work.cause.as_ref().map(|cause| &cause.fix).filter(|fix| !fix.is_empty()),
        })
    }

    async fn retry(&self, service: &ServiceArn, call: &Call) -> Result<Value, Failure> {
        let record: Failed = self.desk.case(service.as_str()).await?;
        let mut opening = Opening::default();
        if !record.state.open {
            let status = match self.apprunner.describe(service).await {
                Err(gone) if gone.is_not_found() => None,
                described => Some(described?.status),
            };
            let Some(kind) = status.as_ref().and_then(kind_of) else {
                let found = status.map_or_else(|| "no such service".to_owned(), |status| status.to_string());
                let error = format!("expected a service in CREATE_FAILED or DELETE_FAILED, found {found}");
                return Ok(refused(&[FieldError::new("service_arn", error)]));
            };
            if let Some((_, opened)) = self.open(service, kind, None, call).await? {
                opening = opened;
            }
        }
        let edit = |case: &mut Case<Work>| {
            opening.apply(case);
            case.open = true;
            case.work.requested = true;
        };
        let decided = self.desk.advance(self, record, edit, call.now).await?;
        Ok(json!({"ok": true, "decision": decided.decision, "reason": decided.reason,
                  "outcome": decided.outcome.map(|outcome| outcome.to_string())}))
    }

    async fn give_up(&self, service: &ServiceArn, call: &Call) -> Result<Value, Failure> {
        let record: Failed = self.desk.case(service.as_str()).await?;
        if !record.state.open {
            let error = "expected a service with an open case; status lists them";
            return Ok(refused(&[FieldError::new("service_arn", error)]));
        }
        let summary = format!("{} is left alone, as a person asked.", service.name());
        let say = Say::new(Phase::Skipped, "given-up", summary, json!({"action": "none"}));
        let close = |record: &mut Failed| {
            record.state.open = false;
            record.say(&self.desk.topic, None, say.clone(), call.now);
        };
        self.desk.change(service.as_str(), close, call.now).await?;
        Ok(json!({"ok": true, "service_arn": service.as_str(), "open": false}))
    }
}
