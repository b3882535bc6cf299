//! What the schedules and people can ask by invoking the function.
//!
//! | command | what it does |
//! |---|---|
//! | `{"command":"tick"}` | advances open cases; the schedule sends it every minute |
//! | `{"command":"reconcile"}` | takes up what no event told of; every 15 minutes |
//! | `{"command":"rollback","service_arn":…}` | back to the last known good version, or to `"version"`; `"force":true` past a guard that asked |
//! | `{"command":"release","service_arn":…}` | ends the hold; `"force":true` although the tag still means the bad image |
//! | `{"command":"versions","service_arn":…}` | what is recorded of a service, without secrets |
//! | `{"command":"status"}`, with `"service_arn"` for one | what is under way |
//! | `mode`, `stop`, `go` | as every function answers them: [`autopilot::control`] |
//!
//! A person's command is subject to the service's mode like everything else: nothing is changed in `dry-run`.

use autopilot::{
    call::{Call, refused},
    case::Case,
    configuration::Member,
    desk,
    error::{Failure, FieldError},
    event::Command,
    incident::IncidentId,
    ports::{
        Announce, AppRunnerRead, ConfigurationRead, ImageDigests, MetricQueries, RevisionRead, ServiceWrite,
    },
    service::{OperationStatus, ServiceArn, ServiceStatus},
    store::{Record, StateRead, StateWrite},
};
use serde_json::{Value, json};

use crate::{
    case::{Request, ServiceCase, Wanted, Work},
    handler::Rollback,
    seen::shipping,
    versions::{self, VersionsRecord},
    worker::Round,
};

const COMMANDS: &str = "tick, reconcile, rollback, release, versions, status, mode, stop or go";

impl<A, C, M, I, S, B> Rollback<A, C, M, I, S, B>
where
    A: AppRunnerRead + ConfigurationRead + RevisionRead,
    C: ServiceWrite,
    M: MetricQueries,
    I: ImageDigests,
    S: StateRead + StateWrite,
    B: Announce,
{
    pub(crate) async fn command(&self, command: &Command, call: &Call) -> Result<Value, Failure> {
        match command.name.as_str() {
            "tick" => self.tick(call).await,
            "reconcile" => self.reconcile(call).await,
            "status" => self.status(command).await,
            "rollback" | "release" | "versions" => match command.service_arn() {
                Ok(service) if command.name == "versions" => self.versions(&service).await,
                Ok(service) => self.request(&service, command, call).await,
                Err(error) => Ok(refused(&[error])),
            },
            _ => match self.desk.command(command, call.now).await? {
                Some(answer) => Ok(answer),
                None => Ok(refused(&[FieldError::new("command", format!("expected {COMMANDS}"))])),
            },
        }
    }

    async fn tick(&self, call: &Call) -> Result<Value, Failure> {
        let open: Vec<ServiceCase> = self.desk.open_cases().await?;
        let round = Round::with_metrics(self, &open, call.now).await;
        let tally = self.desk.advance_all(&round, open, call.now).await;
        Ok(json!({"ok": true, "open": tally.cases, "failed": tally.failed}))
    }

    /// Every service whose newest operation was not dealt with gets an open case. At the first time what runs is
    /// recorded as it is, and what failed before the installation is left alone.
    async fn reconcile(&self, call: &Call) -> Result<Value, Failure> {
        let (services, first, cases) =
            tokio::join!(self.apprunner.services(), self.desk.first_reconciled(), self.desk.cases::<Work>());
        let (services, first, cases) = (services?, first?.is_none(), cases?);
        let each = services.iter().map(|service| {
            let known = cases.iter().find(|record| record.state.subject == service.arn.as_str());
            (&service.arn, self.take_up(&service.arn, &service.status, known, first, call))
        });
        let mut taken = desk::take_up(each).await;
        // What is listed no more is gone: its open case ends.
        let listed = |record: &ServiceCase| services.iter().any(|it| it.arn.as_str() == record.state.subject);
        let gone = cases.iter().filter(|record| record.state.open && !listed(record)).cloned().collect();
        taken.failed += self.desk.advance_all(&Round::of_one(self), gone, call.now).await.failed;
        if first && taken.failed == 0 {
            self.desk.mark_reconciled(call.now).await?;
        }
        Ok(taken.answer(services.len(), first))
    }

    async fn take_up(
        &self,
        service: &ServiceArn,
        status: &ServiceStatus,
        known: Option<&ServiceCase>,
        first: bool,
        call: &Call,
    ) -> Result<bool, Failure> {
        // What bakes is looked at by its metrics alone; that another version came no tick sees.
        let is_at_work = known.is_some_and(|record| record.state.open && record.state.work.baking.is_none());
        if is_at_work || *status != ServiceStatus::Running {
            return Ok(false);
        }
        let operations = self.apprunner.operations(service, None).await?;
        let Some(newest) = shipping(&operations) else { return Ok(false) };
        let dealt = known.and_then(|record| record.state.work.dealt.as_ref());
        if dealt == Some(&newest.id) {
            return Ok(false);
        }
        let record: ServiceCase = self.desk.case(service.as_str()).await?;
        // What was there before the autopilot is recorded as it runs, and its failures are not touched.
        let was_there = first && known.is_none() && !newest.status.is_running();
        let succeeded = newest.status == OperationStatus::Succeeded;
        let edit = |case: &mut Case<Work>| {
            case.open = true;
            if was_there && succeeded {
                case.work.assume = true;
            } else if was_there {
                case.work.dealt = Some(newest.id.clone());
            }
        };
        self.desk.advance(&Round::of_one(self), record, edit, call.now).await?;
        Ok(true)
    }

    async fn request(&self, service: &ServiceArn, command: &Command, call: &Call) -> Result<Value, Failure> {
        let mut errors = Vec::new();
        let force = match command.fields.get("force") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(force)) => *force,
            Some(_) => {
                errors.push(FieldError::new("force", "expected true or false"));
                false
            }
        };
        let version = match command.fields.get("version") {
            None | Some(Value::Null) => None,
            Some(number) => {
                let version = number.as_u64().filter(|number| *number > 0);
                if version.is_none() {
                    errors.push(FieldError::new("version", "expected a version's number, from 1"));
                }
                version
            }
        };
        if !errors.is_empty() {
            return Ok(refused(&errors));
        }
        let record: ServiceCase = self.desk.case(service.as_str()).await?;
        let what = if command.name == "release" { Wanted::Release } else { Wanted::Version(version) };
        if what == Wanted::Release && record.state.work.hold.is_none() {
            let error = "expected a service that is held at a version; status shows them";
            return Ok(refused(&[FieldError::new("service_arn", error)]));
        }
        let thread = IncidentId::of_event(service, &command.name, &call.request_id);
        let edit = |case: &mut Case<Work>| {
            case.open = true;
            case.work.request = Some(Request { what: what.clone(), force, thread: thread.clone() });
        };
        let decided = self.desk.advance(&Round::of_one(self), record, edit, call.now).await?;
        Ok(json!({"ok": true, "decision": decided.decision, "reason": decided.reason,
                  "outcome": decided.outcome.map(|outcome| outcome.to_string())}))
    }

    async fn versions(&self, service: &ServiceArn) -> Result<Value, Failure> {
        let record: VersionsRecord = Record::load(&self.desk.state, versions::key(service)).await?;
        let shown = record.state.kept.iter().map(|version| {
            json!({
                "version": version.number,
                "standing": version.standing,
                "evidence": version.evidence,
                "failure": version.failure,
                "deployed_at": version.deployed_at,
                "operation": version.operation,
                "image": version.configuration.open().text(Member::Image),
                "digest": version.digest,
                "pinned": version.digest.is_some(),
            })
        });
        Ok(json!({"ok": true, "service_arn": service.as_str(), "versions": shown.collect::<Vec<_>>()}))
    }

    async fn status(&self, command: &Command) -> Result<Value, Failure> {
        let service = match command.fields.get("service_arn").map(|_| command.service_arn()).transpose() {
            Ok(service) => service,
            Err(error) => return Ok(refused(&[error])),
        };
        let cases: Vec<ServiceCase> = self.desk.cases().await?;
        let wanted = |record: &&ServiceCase| {
            service.as_ref().is_none_or(|service| service.as_str() == record.state.subject)
        };
        let shown = cases.iter().filter(wanted).map(|record| {
            let (case, work) = (&record.state, &record.state.work);
            json!({
                "service_arn": case.subject,
                "open": case.open,
                "incident_id": work.thread,
                "failed_operation": work.failed,
                "baking": work.baking.as_ref().map(|bake| json!({
                    "operation": bake.operation,
                    "since": bake.since,
                    "failures": bake.streak.failures(),
                    "last": bake.last,
                })),
                "rolling_to": work.rolling.as_ref().map(|rolling| rolling.act.version()),
                "held_at": work.hold.as_ref().map(|hold| hold.version),
                "rollbacks": case.ledger.made,
            })
        });
        Ok(json!({"ok": true, "cases": shown.collect::<Vec<_>>()}))
    }
}
