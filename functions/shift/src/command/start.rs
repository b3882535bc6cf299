//! `start`: everything is looked at, everything is checked, and only then the pair is written.

use std::collections::HashSet;

use autopilot::{
    call::refused,
    case::Case,
    error::{Failure, FieldError, PortError},
    incident::IncidentId,
    mutation::Outcome,
    outbox::Outbox,
    ports::{Announce, AppRunnerRead, DnsRead, MetricQueries, RelatedRead},
    store::{StateRead, StateWrite},
};
use futures_util::future::{join3, join4};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::answered;
use crate::{
    advance::{Job, ShiftRecord, Shifts},
    decide::{Act, What},
    inspect::inspect,
    plan::Plan,
    preflight::{self, Situation},
    records::{Weights, swap},
    shift::{Phase, Shift},
    world::World,
};

impl<W, S, B> Shifts<W, S, B>
where
    W: World,
    S: StateRead + StateWrite,
    B: Announce,
{
    pub(super) async fn start(&self, fields: &Map<String, Value>, now: Timestamp) -> Result<Value, Failure> {
        let mut plan = match Plan::read(fields.get("plan")) {
            Ok(plan) => plan,
            Err(errors) => return Ok(refused(&errors)),
        };
        plan.dry_run |= fields.get("dry_run") == Some(&Value::Bool(true));
        let mut record = self.load(&plan).await?;
        let known = record.state.work.as_ref().filter(|shift| shift.phase.is_open());
        if known.is_some_and(|shift| shift.plan == plan) {
            return Ok(answered(&record));
        }
        let situation = self.situation(&plan, known.is_some()).await;
        let conversion = match preflight::check(&plan, &situation) {
            Ok(conversion) => conversion,
            Err(errors) => return Ok(refused(&errors)),
        };
        let shift = Shift::new(plan, conversion, situation.successor.watched(), now);
        if shift.plan.dry_run {
            return Ok(json!({"ok": true, "dry_run": true, "batches": batches(&shift)}));
        }
        let name = shift.plan.record_name.to_string();
        let act =
            Act { what: What::Begin, before: shift.expected.clone(), after: shift.pairs.at(Weights::START) };
        record.state = Case::opened(&name, IncidentId::new(format!("{name}:{now}")), Some(shift));
        let job = self.write_one(record, act, now).await?;
        self.begun(job).await
    }

    async fn begun(&self, job: Job) -> Result<Value, Failure> {
        if job.raced {
            // Two starts at once: one has begun, and this is what it began.
            let plan = job.record.state.work.map(|shift| shift.plan);
            let Some(plan) = plan else { return Err(Failure::Contended(job.record.key.to_string())) };
            let record = self.load(&plan).await?;
            let same = record.state.work.as_ref().is_some_and(|shift| shift.plan == plan);
            if same {
                return Ok(answered(&record));
            }
            let message = "is being shifted already; another start was faster";
            return Ok(refused(&[FieldError::new("plan.record_name", message)]));
        }
        let refusal = match &job.outcome {
            Some(Outcome::Stopped(since)) => {
                format!("everything was stopped by a person at {since}; {{\"command\":\"go\"}} lifts it")
            }
            Some(Outcome::Refused(why)) => format!("Route 53 refused the pair: {why}"),
            // Anything else is made, or made by the next tick.
            _ => return Ok(answered(&job.record)),
        };
        Ok(refused(&[FieldError::new("plan.record_name", refusal)]))
    }

    async fn situation(&self, plan: &Plan, under_way: bool) -> Situation {
        let names = [plan.record_name.clone()].into();
        let (dns, apprunner) = (self.world.dns(), self.world.apprunner());
        let arn = &plan.from.service_arn;
        let ((zone, records, service, domains), successor, alarms) = join3(
            join4(
                dns.zone(&plan.hosted_zone_id),
                dns.records(&plan.hosted_zone_id, &names),
                apprunner.describe(arn),
                apprunner.custom_domains(arn),
            ),
            inspect(&self.world, plan),
            self.alarms(plan),
        )
        .await;
        Situation {
            zone: zone.map_err(|error| error.in_short()),
            records: records.map_err(|error| error.in_short()),
            service: service.map(|described| described.status).map_err(|error| {
                if error.is_not_found() { "there is no such service".to_owned() } else { error.in_short() }
            }),
            domains: domains.map_err(|error| error.in_short()),
            successor,
            alarms: alarms.map_err(|error| error.in_short()),
            under_way,
        }
    }

    /// Those of a plan's alarms that there are.
    async fn alarms(&self, plan: &Plan) -> Result<HashSet<String>, PortError> {
        if plan.alarms.is_empty() {
            return Ok(HashSet::new());
        }
        Ok(self.world.metrics().alarms(&plan.alarms).await?.into_keys().collect())
    }

    /// Writes one act of one shift past the decision: a person's start or finish.
    pub(super) async fn write_one(
        &self,
        record: ShiftRecord,
        act: Act,
        now: Timestamp,
    ) -> Result<Job, Failure> {
        let control = self.desk.control().await?;
        let mut jobs = vec![Job::with(record, act)];
        self.write_all(&mut jobs, &control, now).await;
        let Some(mut job) = jobs.pop() else { return Err(Failure::Contended("start".to_owned())) };
        let begins = job.record.state.work.as_ref().is_some_and(|shift| shift.written.is_none());
        match (&job.outcome, &mut job.record.state.work) {
            // Nothing was stored, and there is nothing to remember.
            (Some(Outcome::Stopped(_)), _) if begins => return Ok(job),
            // The answer tells it, and ticks have nothing to go on with.
            (Some(Outcome::Refused(_)), Some(shift)) if begins => {
                shift.enter(Phase::RolledBack, now);
                shift.note("refused", now);
                job.record.outbox = Outbox::default();
            }
            _ => {}
        }
        self.put_away(&mut job, now).await;
        Ok(job)
    }
}

/// Every batch that the shift would write, step by step.
fn batches(shift: &Shift) -> Value {
    let plan = &shift.plan;
    let mut before = shift.expected.clone();
    let mut batches = Vec::new();
    for steps in 0..=plan.step_weights.len() {
        let weights = Weights::successor(plan.weight_after(steps));
        let after = shift.pairs.at(weights);
        batches
            .push(json!({"step": steps, "weights": weights, "changes": swap(&before, &after, "").changes}));
        before = after;
    }
    let after = shift.pairs.successor_alone();
    batches.push(json!({"step": "finish", "changes": swap(&before, &after, "").changes}));
    Value::Array(batches)
}
