//! One run, as the desk's worker: what it reads once, and what its acts bring to light.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use autopilot::{
    case::{Case, Say},
    control::Mode,
    desk::{Plan, Worker},
    error::{Failure, PortError},
    leftovers::{Endpoint, Ingress, IngressStatus},
    mutation::{Budget, Gate, Intent, Leave, Outcome, Permit, Receipt, Settled},
    period::Period,
    ports::{EndpointRead, EndpointWrite, IngressWrite, LeftoverRead, TrafficRead, Window, ZoneRead},
    service::ServiceStatus,
};
use futures_util::future::try_join_all;
use jiff::Timestamp;
use tokio::sync::OnceCell;
use tracing::{error, info};

use crate::{
    decide::{self, Act, EndpointLook, Heard, Kept, Seen, still_orphaned},
    finders::{self, Mark, Rules},
    inventory::{self, Inventory},
    settings::Settings,
    state::{A_RUN, Memory},
};

/// A run makes one call of each kind for hundreds of resources; whoever makes more than this is running wild.
const BUDGET: Budget = Budget { most: 100, within: Period::days(1), cool_down: Period::seconds(0) };

/// What a run is asked to do, and over what.
#[derive(Debug)]
pub(crate) struct Run<'a, A, C, E, T, D> {
    /// App Runner, reading.
    pub(crate) apprunner: &'a A,
    /// App Runner, deleting ingress connections.
    pub(crate) changes: &'a C,
    /// EC2.
    pub(crate) ec2: &'a E,
    /// CloudWatch.
    pub(crate) traffic: &'a T,
    /// Route 53.
    pub(crate) dns: &'a D,
    /// Settings.
    pub(crate) settings: &'a Settings,
    /// The mode of this run.
    pub(crate) mode: Mode,
    /// How many deletions a person has confirmed.
    pub(crate) confirmed: Option<usize>,
    /// Read once.
    pub(crate) inventory: OnceCell<Result<Rc<Inventory>, String>>,
    /// What the acts of this run brought to light.
    pub(crate) heard: RefCell<Heard>,
}

impl<A, C, E, T, D> Worker for Run<'_, A, C, E, T, D>
where
    A: LeftoverRead,
    C: IngressWrite,
    E: EndpointRead + EndpointWrite,
    T: TrafficRead,
    D: ZoneRead,
{
    type Work = Memory;
    type Seen = Seen;
    type Act = Act;

    async fn observe(&self, _: &Case<Memory>, _: Timestamp) -> Result<Seen, Failure> {
        let inventory = self.inventory.get_or_init(|| self.read()).await.clone();
        self.look_after().await;
        Ok(Seen { inventory, heard: self.heard.borrow().clone(), confirmed: self.confirmed })
    }

    fn mode(&self, _: &Seen) -> Mode {
        self.mode
    }

    fn decide(&self, case: &Case<Memory>, seen: &Seen, now: Timestamp) -> Plan<Memory, Act> {
        decide::decide(&case.work, seen, &self.settings.policy, now)
    }

    fn gate<'g>(&'g self, _: &'g Case<Memory>, _: &'g Seen, _: &Act) -> Gate<'g> {
        Gate { leave: Leave::OfFunction(self.mode), budget: BUDGET }
    }

    async fn perform(&self, case: &Case<Memory>, act: &Act, permit: &Permit) -> Result<Receipt, PortError> {
        match act {
            Act::Unmark { why } => {
                let ids: Vec<String> = why.keys().cloned().collect();
                self.ec2.unmark(permit, &ids).await?;
            }
            Act::Mark { endpoints, since, .. } if !endpoints.is_empty() => {
                self.ec2.mark(permit, endpoints, *since).await?;
            }
            // The table is the mark of an ingress connection, and the intent that is stored by now is written there.
            Act::Mark { .. } => {}
            Act::DeleteIngress { arn } => self.delete_ingress(arn, permit).await?,
            Act::DeleteEndpoints { ids } => self.delete_endpoints(case, ids, permit).await?,
        }
        Ok(Receipt { operation: None })
    }

    async fn settle(&self, _: &Case<Memory>, act: &Act, _: &Intent) -> Result<Settled, PortError> {
        let made = match act {
            Act::DeleteIngress { arn } => self.apprunner.ingress(arn).await?.is_none_or(|ingress| {
                [IngressStatus::Deleted, IngressStatus::PendingDeletion].contains(&ingress.status)
            }),
            Act::Mark { endpoints, .. } if endpoints.is_empty() => true,
            act => {
                let endpoints = self.ec2.endpoints(&self.settings.policy.requests_service()).await?;
                left_its_traces(act, &endpoints)
            }
        };
        Ok(if made { Settled::Made(Receipt { operation: None }) } else { Settled::NotMade })
    }

    fn concluded(
        &self,
        work: &mut Memory,
        _: &str,
        act: &Act,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Vec<Say> {
        decide::concluded(work, act, outcome, now);
        Vec::new()
    }
}

/// Whether an act on endpoints was carried out, on any of them: it is one call for all.
fn left_its_traces(act: &Act, endpoints: &[Endpoint]) -> bool {
    let find = |id: &String| endpoints.iter().find(|endpoint| endpoint.id == *id);
    match act {
        Act::Mark { endpoints: ids, since, .. } => {
            ids.iter().filter_map(find).any(|endpoint| finders::mark_of(endpoint) == Mark::Since(*since))
        }
        Act::Unmark { why } => {
            why.keys().filter_map(find).any(|endpoint| finders::mark_of(endpoint) == Mark::Missing)
        }
        Act::DeleteEndpoints { ids } => ids.iter().any(|id| find(id).is_none_or(Endpoint::is_gone)),
        Act::DeleteIngress { .. } => false,
    }
}

impl<A, C, E, T, D> Run<'_, A, C, E, T, D>
where
    A: LeftoverRead,
    C: IngressWrite,
    E: EndpointRead + EndpointWrite,
    T: TrafficRead,
    D: ZoneRead,
{
    async fn read(&self) -> Result<Rc<Inventory>, String> {
        let Settings { policy, zones, .. } = self.settings;
        let service = policy.requests_service();
        let read = inventory::read(self.apprunner, self.ec2, self.dns, &service, &zones.0).await;
        read.map(Rc::new).map_err(|error| {
            error!(class = error.class.as_str(), error = %error, "The inventory is not whole: {error}");
            format!("{}: {}", error.call, error.in_short())
        })
    }

    /// The second look at an ingress connection, and its deletion.
    async fn delete_ingress(&self, arn: &str, permit: &Permit) -> Result<(), PortError> {
        let kept = match self.apprunner.ingress(arn).await {
            Err(error) => Some(Kept::Unsure(error.to_string())),
            Ok(None) => Some(Kept::Unsure("it is not there any more".to_owned())),
            Ok(Some(ingress)) if !ingress.status.can_be_deleted() => {
                Some(Kept::Unsure(format!("its status is {}", ingress.status)))
            }
            Ok(Some(ingress)) => match self.apprunner.status(&ingress.service).await {
                Ok(None | Some(ServiceStatus::Deleted)) => None,
                Ok(Some(status)) => Some(Kept::Used(format!("its service is there, {status}"))),
                Err(error) => Some(Kept::Unsure(error.to_string())),
            },
        };
        if let Some(kept) = kept {
            self.keep(arn, kept);
            return Ok(());
        }
        self.changes.delete_ingress(permit, arn).await?;
        self.heard.borrow_mut().deleted.insert(arn.to_owned(), None);
        Ok(())
    }

    /// The second look at endpoints, and the deletion of those that are orphans still. Between the two there is
    /// nothing but this function's own arithmetic.
    async fn delete_endpoints(
        &self,
        case: &Case<Memory>,
        ids: &[String],
        permit: &Permit,
    ) -> Result<(), PortError> {
        let now = case.ledger.intent.as_ref().map_or(Timestamp::UNIX_EPOCH, |intent| intent.at);
        let mut orphans = Vec::new();
        match self.second_look(case, ids, now).await {
            Err(error) => {
                for id in ids {
                    self.keep(id, Kept::Unsure(error.to_string()));
                }
            }
            Ok(look) => {
                let rules = Rules { policy: &self.settings.policy, kept: &case.work.kept, now };
                for id in ids {
                    match still_orphaned(id, &case.work, &look, rules) {
                        Ok(()) => orphans.push(id.clone()),
                        Err(kept) => self.keep(id, kept),
                    }
                }
            }
        }
        if orphans.is_empty() {
            return Ok(());
        }
        let refused = self.ec2.delete(permit, &orphans).await?;
        let mut heard = self.heard.borrow_mut();
        for not_deleted in &refused {
            let why = format!("{}: {}", not_deleted.code, not_deleted.message);
            heard.not_deleted.insert(not_deleted.id.clone(), why);
        }
        orphans.retain(|id| !heard.not_deleted.contains_key(id));
        heard.deleted.extend(orphans.into_iter().map(|id| (id, None)));
        Ok(())
    }

    async fn second_look(
        &self,
        case: &Case<Memory>,
        ids: &[String],
        now: Timestamp,
    ) -> Result<EndpointLook, PortError> {
        let inventory = match self.inventory.get() {
            Some(Ok(inventory)) => inventory.clone(),
            _ => Rc::default(),
        };
        let due: Vec<&Endpoint> =
            inventory.endpoints.iter().filter(|endpoint| ids.contains(&endpoint.id)).collect();
        // From the first sight, which no mark that counts is older than.
        let seen = ids.iter().filter_map(|id| Some(case.work.resources.get(id)?.first_seen));
        let start = seen.min().unwrap_or(Timestamp::UNIX_EPOCH);
        // What came since the run began counts too, in whatever hour it came.
        let end = now.checked_add(A_RUN).unwrap_or(Timestamp::MAX);
        let service = self.settings.policy.requests_service();
        let (bytes, endpoints) = tokio::try_join!(
            self.traffic.bytes_processed(&due, Window { start, end }),
            self.ec2.endpoints(&service),
        )?;
        // Last, since a connection can come at any moment: after this nothing is asked any more.
        let ingress = self.referring(ids).await?;
        Ok(EndpointLook { endpoints, ingress, bytes })
    }

    /// Ingress connections that refer to one of these endpoints now.
    async fn referring(&self, ids: &[String]) -> Result<Vec<Ingress>, PortError> {
        let lists = try_join_all(ids.iter().map(|id| self.apprunner.ingress_arns(Some(id)))).await?;
        inventory::ingress(self.apprunner, &lists.concat()).await
    }

    fn keep(&self, id: &str, kept: Kept) {
        info!(decision = "keep", reason = ?kept, resource = id, "The second look keeps {id}: {kept:?}");
        self.heard.borrow_mut().kept.insert(id.to_owned(), kept);
    }

    /// Looks whether anybody took what was deleted into use in the moment in which it was. Nothing can undo it,
    /// but people must know.
    async fn look_after(&self) {
        let deleted: Vec<String> = {
            let heard = self.heard.borrow();
            heard.deleted.keys().filter(|id| id.starts_with("vpce-")).cloned().collect()
        };
        if deleted.is_empty() {
            return;
        }
        match self.referring(&deleted).await {
            Ok(ingress) => {
                let by: BTreeMap<&str, &str> = finders::references(&ingress);
                let mut heard = self.heard.borrow_mut();
                for (id, used_by) in &mut heard.deleted {
                    *used_by = by.get(id.as_str()).map(|arn| (*arn).to_owned());
                }
            }
            Err(error) => {
                error!(error = %error, "Could not look whether a deleted endpoint is in use: {error}");
            }
        }
    }
}
