//! How `rebuild` observes, and what it can change.

use autopilot::{
    case::{Case, Say},
    control::{Action, Mode, SetBy},
    desk::{Plan, Worker},
    diagnosis::{CauseKind, diagnose},
    error::{Class, Failure, PortError},
    gather::{self, FirstLook},
    mutation::{Budget, Gate, Intent, Leave, Outcome, Permit, Receipt, Settled},
    period::Period,
    ports::{Announce, AppRunnerRead, Described, FactsRead, LogsRead, ServiceWrite},
    service::{Operation, OperationId, OperationType, ServiceArn, ServiceStatus},
    store::{StateRead, StateWrite},
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    case::{Act, Kind, Verdict, Work},
    decide::{self, Ingress, Seen},
    handler::Rebuild,
    settings::Delays,
};

/// After this time the last lines of a failure are in its logs.
const LOGS_ARRIVE: SignedDuration = SignedDuration::from_mins(2);

impl<A, C, L, F, S, B> Worker for Rebuild<A, C, L, F, S, B>
where
    A: AppRunnerRead,
    C: ServiceWrite,
    L: LogsRead,
    F: FactsRead,
    S: StateRead + StateWrite,
    B: Announce,
{
    type Work = Work;
    type Seen = Seen;
    type Act = Act;

    async fn observe(&self, case: &Case<Work>, now: Timestamp) -> Result<Seen, Failure> {
        let service = service_of(case)?;
        let (control, described, operations, tags) = tokio::join!(
            self.desk.control(),
            self.apprunner.describe(&service),
            self.apprunner.operations(&service, None),
            self.apprunner.tags(&service),
        );
        let described = match described {
            Err(gone) if gone.is_not_found() => {
                return Ok(Seen::gone(service, self.settings.mode));
            }
            described => described?,
        };
        let operations = operations?;
        // A deleted service is described for an hour, without tags.
        let tag = match tags {
            Err(gone) if gone.is_not_found() => None,
            tags => tags?.remove(Action::Rebuild.tag()),
        };
        let mode = control?.resolve(Action::Rebuild, &service, tag.as_deref(), self.settings.mode);
        let (mode, set_by) = (mode.mode, mode.by);
        let status = described.status.clone();
        let configuration = Some(described.checksum);
        let failed = operations.first().filter(|operation| operation.status.is_failure());
        let (mut verdict, mut ingress) = (None, Vec::new());
        if mode != Mode::Off && case.work.kind == Kind::Creation && status == ServiceStatus::CreateFailed {
            let of = failed.map(|operation| operation.id.clone());
            if needs_a_verdict(&case.work, of.as_ref(), &self.settings.delays, now) {
                verdict = Some(self.judge(&service, described, failed.cloned(), &operations, now).await?);
            }
        }
        if case.work.kind == Kind::Deletion && status == ServiceStatus::DeleteFailed {
            ingress = self.ingress(&service).await?;
        }
        Ok(Seen {
            service,
            mode,
            set_by,
            status: Some(status),
            configuration,
            operations,
            cause: verdict,
            ingress,
            tag,
        })
    }

    fn mode(&self, seen: &Seen) -> Mode {
        seen.mode
    }

    fn set_by<'a>(&self, seen: &'a Seen) -> Option<(Action, &'a SetBy)> {
        Some((Action::Rebuild, &seen.set_by))
    }

    fn decide(&self, case: &Case<Work>, seen: &Seen, now: Timestamp) -> Plan<Work, Act> {
        decide::decide(case, seen, &self.settings.delays, now)
    }

    fn gate<'a>(&'a self, _: &'a Case<Work>, seen: &'a Seen, _: &Act) -> Gate<'a> {
        // The delays set the pace. This is what holds if the counting itself went wrong: the tries, each with an
        // ingress connection before it, and as many again for a person's changes of the configuration.
        let most = 4 * self.settings.delays.tries();
        let budget = Budget { most, within: Period::days(1), cool_down: Period::seconds(0) };
        let (tag, parameter) = (seen.tag.as_deref(), self.settings.mode);
        let leave = Leave::OfService { action: Action::Rebuild, service: &seen.service, tag, parameter };
        Gate { leave, budget }
    }

    async fn perform(&self, case: &Case<Work>, act: &Act, permit: &Permit) -> Result<Receipt, PortError> {
        let service = service_of(case)?;
        match act {
            Act::Rebuild => self.changes.update(permit, &service, None).await,
            Act::Delete => self.changes.delete(permit, &service).await,
            Act::RemoveIngress(arn) => self.changes.delete_ingress_connection(permit, arn).await,
        }
    }

    async fn settle(&self, case: &Case<Work>, act: &Act, intent: &Intent) -> Result<Settled, PortError> {
        let service = &service_of(case)?;
        let kind = match act {
            Act::Rebuild => OperationType::UpdateService,
            Act::Delete => OperationType::DeleteService,
            Act::RemoveIngress(arn) => {
                let left = self.ingress(service).await?;
                let there = left.iter().any(|ingress| ingress.arn == *arn && ingress.blocks());
                return Ok(if there { Settled::NotMade } else { Settled::Made(Receipt { operation: None }) });
            }
        };
        let operations = match self.apprunner.operations(service, None).await {
            Err(gone) if gone.is_not_found() => return Ok(Settled::Made(Receipt { operation: None })),
            operations => operations?,
        };
        let ours = |operation: &&Operation| {
            operation.kind == kind && operation.started_at.is_some_and(|at| intent.may_have_begun(at))
        };
        // The earliest: only one is ours, and nobody waits for it before they make another.
        Ok(operations.iter().rfind(ours).map_or(Settled::NotMade, |operation| {
            Settled::Made(Receipt { operation: Some(operation.id.clone()) })
        }))
    }

    fn concluded(
        &self,
        work: &mut Work,
        subject: &str,
        act: &Act,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Vec<Say> {
        decide::concluded(work, subject, act, outcome, &self.settings.delays, now)
    }
}

impl<A, C, L, F, S, B> Rebuild<A, C, L, F, S, B>
where
    A: AppRunnerRead,
    L: LogsRead,
    F: FactsRead,
{
    /// Why the newest operation failed.
    async fn judge(
        &self,
        service: &ServiceArn,
        described: Described,
        failed: Option<Operation>,
        operations: &[Operation],
        now: Timestamp,
    ) -> Result<Verdict, PortError> {
        let round = self.settings.evidence_budget.as_duration() / 3;
        let (service_group, application_group) =
            (service.service_log_group(), service.application_log_group());
        let (service_streams, application_streams) = tokio::join!(
            gather::in_time(round, "logs:DescribeLogStreams", self.logs.streams(&service_group)),
            gather::in_time(round, "logs:DescribeLogStreams", self.logs.streams(&application_group)),
        );
        let look = FirstLook {
            described: Ok(described),
            operations: Ok(operations.to_vec()),
            service_streams,
            application_streams,
        };
        let failed_at = failed.as_ref().and_then(Operation::last_known_at).unwrap_or(now);
        let of = failed.as_ref().map(|operation| operation.id.clone());
        let mut gathered = gather::read_logs(&self.logs, service, &look, failed, failed_at, round).await;
        gather::read_facts(&mut gathered, &self.apprunner, &self.facts, service, failed_at, round).await;
        let causes = diagnose(&gathered.evidence());
        let Some(cause) = causes.first().filter(|cause| cause.kind != CauseKind::Unknown) else {
            return Ok(Verdict::unknown(of, now));
        };
        let quota = [CauseKind::QuotaServices, CauseKind::QuotaOther, CauseKind::QuotaFargateVcpu];
        let would_free =
            if quota.contains(&cause.kind) { self.failed_creations(service).await? } else { Vec::new() };
        Ok(Verdict {
            of,
            at: now,
            kind: cause.kind.word(),
            may_pass: cause.transient,
            known: true,
            fix: cause.fix.to_owned(),
            would_free,
        })
    }

    /// Other services that failed to be created, by name.
    async fn failed_creations(&self, but: &ServiceArn) -> Result<Vec<String>, PortError> {
        let services = self.apprunner.services().await?.into_iter();
        let others =
            services.filter(|service| service.arn != *but && service.status == ServiceStatus::CreateFailed);
        Ok(others.map(|service| service.arn.name().to_owned()).collect())
    }

    async fn ingress(&self, service: &ServiceArn) -> Result<Vec<Ingress>, PortError> {
        let connections = self.facts.ingress_connections(service).await?.into_iter();
        Ok(connections
            .filter_map(|connection| Some(Ingress { arn: connection.arn?, status: connection.status? }))
            .collect())
    }
}

/// A failure is judged when it is seen, and where that named no cause once more before it is acted on: its last
/// lines may not have been there.
fn needs_a_verdict(work: &Work, of: Option<&OperationId>, delays: &Delays, now: Timestamp) -> bool {
    let Some(verdict) = work.cause.as_ref().filter(|verdict| verdict.of.as_ref() == of) else { return true };
    let is_due = work.requested || work.next_at(delays).is_some_and(|at| now >= at);
    !verdict.known && is_due && now.duration_since(verdict.at) >= LOGS_ARRIVE
}

fn service_of(case: &Case<Work>) -> Result<ServiceArn, PortError> {
    case.subject.parse().map_err(|error| {
        PortError::new(
            "state:read",
            Class::Permanent,
            format!("the subject of case {}: {error}", case.incident),
        )
    })
}
