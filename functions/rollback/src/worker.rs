//! How `rollback` observes, and what it can change.

use std::collections::HashMap;

use autopilot::{
    analysis::{Batch, Source, Target, judge},
    case::{Case, Say},
    configuration::{Snapshot, differences},
    control::{Action, Mode, SetBy},
    desk::{Plan, Worker},
    error::{Class, Failure, PortError},
    incident::IncidentId,
    mutation::{Budget, Gate, Intent, Leave, Outcome, Permit, Receipt, Settled},
    period::Period,
    ports::{
        Announce, AppRunnerRead, ConfigurationRead, ImageDigests, MetricQueries, RevisionRead, ServiceWrite,
        Window,
    },
    redact::Untrusted,
    service::{OperationStatus, OperationType, ServiceArn},
    store::{Record, StateRead, StateWrite},
};
use jiff::{SignedDuration, Timestamp};
use tracing::warn;

use crate::{
    bake,
    case::{Act, Bake, ServiceCase, Work},
    decide,
    handler::Rollback,
    seen::{Judged, Seen},
    settings::span,
    tell,
    versions::{self, Version, VersionsRecord},
};

/// One round over the cases, with the analyses of all that bake, read at once.
pub(crate) struct Round<'a, A, C, M, I, S, B> {
    pub(crate) rollback: &'a Rollback<A, C, M, I, S, B>,
    /// By the service's ARN.
    judged: HashMap<String, Judged>,
}

impl<'a, A, C, M, I, S, B> Round<'a, A, C, M, I, S, B>
where
    M: MetricQueries,
{
    /// For one case; nothing is analysed.
    pub(crate) fn of_one(rollback: &'a Rollback<A, C, M, I, S, B>) -> Self {
        Self { rollback, judged: HashMap::new() }
    }

    /// With the analyses of the cases that bake: one request for each 500 queries, whatever the cases.
    pub(crate) async fn with_metrics(
        rollback: &'a Rollback<A, C, M, I, S, B>,
        cases: &[ServiceCase],
        now: Timestamp,
    ) -> Self {
        let settings = &rollback.settings;
        let baking: Vec<(String, Source, [Window; 2])> = cases
            .iter()
            .filter_map(|record| {
                let bake = record.state.work.baking.as_ref()?;
                let service: ServiceArn = record.state.subject.parse().ok()?;
                let windows = windows(bake, span(settings.bake_time), now);
                Some((record.state.subject.clone(), Source::AppRunner(service), windows))
            })
            .collect();
        if baking.is_empty() {
            return Self::of_one(rollback);
        }
        let targets = baking.iter().flat_map(|(_, source, windows)| {
            windows.map(|window| Target { source, checks: &settings.checks, window })
        });
        let answers = Batch::of(targets.collect()).ask(&rollback.metrics).await;
        for error in &answers.errors {
            warn!(class = error.class.as_str(), error = %error, "Versions are not analysed by what could not be read: {error}");
        }
        let mut analyses = answers.observations.iter().map(|observed| judge(observed, &settings.checks));
        let mut judged = HashMap::new();
        for (subject, ..) in baking {
            if let (Some(now), Some(before)) = (analyses.next(), analyses.next()) {
                judged.insert(subject, Judged { now, before });
            }
        }
        Self { rollback, judged }
    }
}

/// Since the version runs, and as long before it began to come.
fn windows(bake: &Bake, bake_time: SignedDuration, now: Timestamp) -> [Window; 2] {
    // Values come by the minute: the one in which it began belongs to both.
    let end = now.min(bake.since + bake_time).max(bake.since + SignedDuration::from_mins(1));
    [
        Window { start: bake.since, end },
        Window { start: bake.began_at - bake_time.max(SignedDuration::from_mins(1)), end: bake.began_at },
    ]
}

impl<A, C, M, I, S, B> Worker for Round<'_, A, C, M, I, S, B>
where
    A: AppRunnerRead + ConfigurationRead + RevisionRead,
    C: ServiceWrite,
    M: MetricQueries,
    I: ImageDigests,
    S: StateRead + StateWrite,
    B: Announce,
{
    type Work = Work;
    type Seen = Seen;
    type Act = Act;

    async fn observe(&self, case: &Case<Work>, now: Timestamp) -> Result<Seen, Failure> {
        let judged = self.judged.get(&case.subject);
        let verdict = case
            .work
            .baking
            .as_ref()
            .and_then(|bake| bake::verdict(bake, judged, &self.rollback.settings, now));
        let idle = case.work.request.is_none() && case.work.rolling.is_none() && case.work.failed.is_none();
        if let (Some(judged), None, true) = (judged, &verdict, idle) {
            return Ok(Seen::Baking(judged.clone()));
        }
        let service = service_of(case)?;
        Ok(Seen::Whole(Box::new(self.rollback.look(&service, case, verdict, now).await?)))
    }

    fn mode(&self, seen: &Seen) -> Mode {
        match seen {
            Seen::Baking(_) => self.rollback.settings.mode,
            Seen::Whole(look) => look.mode,
        }
    }

    fn set_by<'a>(&self, seen: &'a Seen) -> Option<(Action, &'a SetBy)> {
        match seen {
            Seen::Baking(_) => None,
            Seen::Whole(look) => Some((Action::Rollback, &look.set_by)),
        }
    }

    fn decide(&self, case: &Case<Work>, seen: &Seen, now: Timestamp) -> Plan<Work, Act> {
        decide::decide(case, seen, &self.rollback.settings, now)
    }

    fn incident(&self, case: &Case<Work>) -> Option<IncidentId> {
        case.work.thread.clone()
    }

    fn gate<'a>(&'a self, _: &'a Case<Work>, seen: &'a Seen, act: &Act) -> Gate<'a> {
        let settings = &self.rollback.settings;
        let budget = match act {
            Act::RollBack { .. } => {
                Budget { most: settings.budget, within: Period::days(1), cool_down: settings.cool_down }
            }
            // A release is no rollback, and a person's.
            Act::Release { .. } => Budget::UNLIMITED,
        };
        let leave = match seen {
            Seen::Whole(look) => Leave::OfService {
                action: Action::Rollback,
                service: &look.service,
                tag: look.tag.as_deref(),
                parameter: settings.mode,
            },
            Seen::Baking(_) => Leave::OfFunction(Mode::Off),
        };
        Gate { leave, budget }
    }

    async fn perform(&self, case: &Case<Work>, act: &Act, permit: &Permit) -> Result<Receipt, PortError> {
        let service = service_of(case)?;
        let version = self.version(&service, act).await?;
        let configuration = match act {
            Act::RollBack { .. } => version.pinned(),
            Act::Release { .. } => version.configuration.open().clone(),
        };
        let made = self.rollback.changes.update(permit, &service, Some(&configuration)).await;
        // A refusal may repeat a value.
        made.map_err(|error| {
            let clean = configuration.redactor().clean(&Untrusted::new(error.message.as_str()));
            PortError { message: clean.as_str().to_owned(), source: None, ..error }
        })
    }

    async fn settle(&self, case: &Case<Work>, act: &Act, intent: &Intent) -> Result<Settled, PortError> {
        let service = service_of(case)?;
        let operations = match self.rollback.apprunner.operations(&service, None).await {
            // Nobody can tell any more, and nothing is left to be done.
            Err(gone) if gone.is_not_found() => return Ok(Settled::Made(Receipt { operation: None })),
            operations => operations?,
        };
        let since = operations.iter().take_while(|operation| Some(&operation.id) != act.after());
        let mut ours = since.filter(|operation| {
            operation.kind == OperationType::UpdateService
                && operation.started_at.is_some_and(|at| intent.may_have_begun(at))
        });
        // Nothing else of ours can have come in between, so the earliest is meant.
        let Some(operation) = ours.by_ref().last() else { return Ok(Settled::NotMade) };
        if operation.status.is_running() {
            return Ok(Settled::Unclear);
        }
        if operation.status == OperationStatus::Succeeded && operations.first() == Some(operation) {
            let version = self.version(&service, act).await?;
            let configured = self.rollback.apprunner.configuration(&service).await?;
            let now = Snapshot { configuration: &configured.configuration, digest: None };
            if !differences(version.snapshot(), now).is_empty() {
                return Ok(Settled::NotMade);
            }
        }
        Ok(Settled::Made(Receipt { operation: Some(operation.id.clone()) }))
    }

    fn concluded(
        &self,
        work: &mut Work,
        subject: &str,
        act: &Act,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Vec<Say> {
        tell::concluded(work, subject, act, outcome, now)
    }
}

impl<A, C, M, I, S: StateRead, B> Round<'_, A, C, M, I, S, B> {
    async fn version(&self, service: &ServiceArn, act: &Act) -> Result<Version, PortError> {
        let number = act.version();
        let record: VersionsRecord = Record::load(&self.rollback.desk.state, versions::key(service)).await?;
        record.state.numbered(number).cloned().ok_or_else(|| {
            PortError::new(
                "state:read",
                Class::Permanent,
                format!("version {number} of {} is not kept any more", service.name()),
            )
        })
    }
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
