//! Writing: a batch for several shifts of a zone, and what becomes of each where Route 53 refuses it.

use std::collections::BTreeSet;

use autopilot::{
    control::Control,
    dns::{Batch, ChangeId, HostedZoneId},
    error::{Class, PortError},
    mutation::{self, Budget, Gate, Leave, Permit},
    period::Period,
    ports::{Announce, DnsRead, DnsWrite},
    store::{StateRead, StateWrite, Written},
};
use futures_util::{StreamExt, future::join_all, stream};
use jiff::Timestamp;
use serde_json::json;
use tracing::warn;

use super::{
    Shifts,
    job::{Job, Lane, of_act},
};
use crate::{
    decide::What,
    look::again,
    records::{Standing, standing},
    world::World,
};

/// So many shifts share a batch: with four records each they stay under the limits of 1,000 records and 32,000
/// characters.
const SHARING: usize = 50;

/// So many steps of a refused batch are tried alone; the others wait for the next tick.
const ALONE: usize = 20;

/// After so many refusals what is left waits for the next tick, so that a zone that takes nothing does not use up the
/// time of the others. It is enough to find two bad records among 50.
const REFUSALS: usize = 16;

/// Zones that are written to at the same time.
const ZONES_AT_ONCE: usize = 5;

/// A shift makes far fewer changes; this only bounds a fault of ours.
const BUDGET: Budget = Budget { most: 200, within: Period::days(1), cool_down: Period::seconds(0) };
const UNBOUNDED: Budget = Budget { most: usize::MAX, within: Period::days(1), cool_down: Period::seconds(0) };

/// A write that is noted and stored, and may be made.
struct Ready<'a> {
    job: &'a mut Job,
    permit: Permit,
    batch: Batch,
}

impl<W, S, B> Shifts<W, S, B>
where
    W: World,
    S: StateRead + StateWrite,
    B: Announce,
{
    /// Turning back comes first and shares nothing with steps.
    pub(crate) async fn write_all(&self, jobs: &mut [Job], control: &Control, now: Timestamp) {
        let zones: BTreeSet<HostedZoneId> = jobs.iter().filter_map(Job::zone).cloned().collect();
        for lane in [Lane::Back, Lane::Step, Lane::Alone] {
            let writes = zones.iter().map(|zone| (zone, Vec::new()));
            let mut writes: Vec<(&HostedZoneId, Vec<&mut Job>)> = writes.collect();
            for job in jobs.iter_mut().filter(|job| job.lane() == Some(lane)) {
                let at = job.zone().and_then(|of| writes.iter().position(|(zone, _)| *zone == of));
                if let Some((_, own)) = at.and_then(|at| writes.get_mut(at)) {
                    own.push(job);
                }
            }
            let sharing = if lane == Lane::Alone { 1 } else { SHARING };
            let zones = stream::iter(writes).map(|(zone, mut own)| async move {
                while !own.is_empty() {
                    let rest = own.split_off(own.len().min(sharing));
                    self.write(zone, own, control, now).await;
                    own = rest;
                }
            });
            zones.buffer_unordered(ZONES_AT_ONCE).collect::<()>().await;
        }
    }

    /// One batch for several shifts of a zone. Where Route 53 refuses it for good, one of them may be the cause: steps
    /// are tried alone, ways back in ever smaller batches, so that the others are back soon.
    async fn write(&self, zone: &HostedZoneId, jobs: Vec<&mut Job>, control: &Control, now: Timestamp) {
        let stored = join_all(jobs.into_iter().map(|job| self.begin(job, control, now))).await;
        let mut parts: Vec<Vec<Ready<'_>>> = vec![stored.into_iter().flatten().collect()];
        let mut refusals = 0;
        while let Some(mut part) = parts.pop() {
            let Some(first) = part.first() else { continue };
            if refusals >= REFUSALS {
                for one in part {
                    one.job.put_off("for the next tick", now);
                }
                continue;
            }
            match (self.send(zone, first, &part).await, part.len()) {
                (Ok(id), _) => {
                    for one in part {
                        one.job.conclude(Ok(Some(id.clone())), now);
                    }
                }
                (Err(error), 1) => {
                    refusals += usize::from(is_refused(&error));
                    for one in part {
                        self.conclude_alone(zone, one.job, again(&error), now).await;
                    }
                }
                (Err(error), many) if is_refused(&error) => {
                    warn!(error = %error, shifts = many, "A batch was refused; it is tried in parts");
                    refusals += 1;
                    if part.iter().all(|one| one.job.lane() == Some(Lane::Back)) {
                        parts.push(part.split_off(many / 2));
                        parts.push(part);
                    } else {
                        for one in part.split_off(many.min(ALONE)) {
                            one.job.put_off("for the next tick", now);
                        }
                        parts.extend(part.into_iter().rev().map(|one| vec![one]));
                    }
                }
                (Err(error), _) => {
                    for one in part {
                        one.job.conclude(Err(again(&error)), now);
                    }
                }
            }
        }
    }

    async fn send(
        &self,
        zone: &HostedZoneId,
        first: &Ready<'_>,
        part: &[Ready<'_>],
    ) -> Result<ChangeId, PortError> {
        let comment = match part.len() {
            1 => first.batch.comment.clone(),
            many => Some(format!("apprunner-autopilot: {many} shifts")),
        };
        let changes = part.iter().flat_map(|one| one.batch.changes.iter().cloned()).collect();
        self.world.dns().change(&first.permit, zone, &Batch { comment, changes }).await
    }

    /// Gate and intent. `None` where nothing may be, or need be, called.
    async fn begin<'a>(&self, job: &'a mut Job, control: &Control, now: Timestamp) -> Option<Ready<'a>> {
        let (act, shift) = (job.act.as_ref()?, job.record.state.work.as_ref()?);
        let batch = of_act(act, &shift.plan);
        let gate = match act.what {
            What::TurnBack { .. } => Gate { leave: Leave::ToTurnBack, budget: UNBOUNDED },
            _ => Gate { leave: Leave::OfPerson, budget: BUDGET },
        };
        let described = json!(act);
        match mutation::begin(&mut job.record.state.ledger, &gate, control, described, now) {
            Err(refused) => {
                job.end(refused, None, now);
                None
            }
            // The records are so already: what was allowed need not be done.
            Ok(_) if batch.changes.is_empty() => {
                job.conclude(Ok(None), now);
                None
            }
            Ok(intended) => match job.store(&self.desk.state, now).await {
                Ok(Written::Yes) => Some(Ready { job, permit: intended.stored(), batch }),
                Ok(Written::Conflict) => {
                    job.raced = true;
                    None
                }
                Err(error) => {
                    job.failure = Some(error.into());
                    job.raced = true;
                    None
                }
            },
        }
    }

    /// The batch of one shift alone failed. Where Route 53 rejected it, the records tell whether it was somebody's edit.
    async fn conclude_alone(&self, zone: &HostedZoneId, job: &mut Job, error: PortError, now: Timestamp) {
        let (Some(act), Some(shift), true) = (&job.act, &job.record.state.work, is_rejected(&error)) else {
            return job.conclude(Err(error), now);
        };
        let names = BTreeSet::from([shift.plan.record_name.clone()]);
        let found = self.world.dns().records(zone, &names).await;
        let is_there =
            |expected| found.as_ref().is_ok_and(|found| standing(expected, found) == Standing::AsExpected);
        if is_there(&act.after) {
            job.conclude(Ok(None), now);
        } else if is_there(&act.before) {
            job.conclude(Err(error), now);
        } else {
            job.put_off("the records were edited meanwhile", now);
        }
    }
}

fn is_rejected(error: &PortError) -> bool {
    error.code.as_deref() == Some("InvalidChangeBatch")
}

/// Route 53 answered, and would answer the same to the same again.
fn is_refused(error: &PortError) -> bool {
    is_rejected(error) || error.code.is_some() && error.class == Class::Permanent
}
