//! An App Runner account in memory, with a clock, that can crash, throttle and let another invocation in at any call.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    future::pending,
    rc::Rc,
};

use autopilot::{
    analysis::{Alarm, MetricQuery, Series},
    announcement::Announcement,
    configuration::{Configuration, ImageIdentifier, Member},
    error::{Class, PortError},
    memory::MemoryStore,
    mutation::{Permit, Receipt},
    ports::{
        Announce, AppRunnerRead, ConfigurationRead, Configured, Described, ImageDigests, MetricQueries,
        PushedImage, RevisionRead, ServiceWrite, Window,
    },
    service::{
        Operation, OperationId, OperationStatus, OperationType, ServiceArn, ServiceStatus, ServiceSummary,
    },
    store::{Item, Key, StateRead, StateWrite, Written},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

/// Steele, Lea and Flood's `SplitMix64`.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// How an operation will end.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    pub(crate) status: OperationStatus,
    /// What is configured then.
    pub(crate) configuration: Configuration,
    pub(crate) ends_at: Timestamp,
}

/// What an invocation meets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Trouble {
    /// Dies at its n-th call; `true`: after the call's work.
    pub(crate) dies_at: Option<(u64, bool)>,
    /// Dies when its update is made, before the answer.
    pub(crate) dies_in_update: bool,
    /// Percent of calls that are throttled.
    pub(crate) throttled: u64,
    /// Another invocation runs within its n-th call.
    pub(crate) raced_at: Option<u64>,
}

/// How often it did meet it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Met {
    /// Invocations that died.
    pub(crate) deaths: usize,
    /// Of these, with an update whose answer never arrived.
    pub(crate) deaths_in_updates: usize,
    /// Calls that were throttled.
    pub(crate) throttled: usize,
    /// Invocations within another one.
    pub(crate) races: usize,
}

/// One `UpdateService` of the function.
#[derive(Clone, Debug)]
pub(crate) struct Update {
    pub(crate) at: Timestamp,
    /// The newest operation before it.
    pub(crate) after: OperationId,
}

pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) chance: Chance,
    pub(crate) status: ServiceStatus,
    pub(crate) configuration: Configuration,
    /// Newest first.
    pub(crate) operations: Vec<Operation>,
    pub(crate) course: Option<Course>,
    pub(crate) updates: Vec<Update>,
    pub(crate) announced: BTreeMap<String, Announcement>,
    pub(crate) events: Vec<Timestamp>,
    /// Since when versions are bad or not.
    pub(crate) health: Vec<(Timestamp, bool)>,
    pub(crate) trouble: Trouble,
    pub(crate) calls: u64,
    pub(crate) dead: bool,
    pub(crate) met: Met,
}

/// Runs another invocation to its end.
pub(crate) type Race = Rc<dyn Fn()>;

#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) world: Rc<RefCell<World>>,
    pub(crate) store: MemoryStore,
    pub(crate) race: Rc<RefCell<Option<Race>>>,
}

pub(crate) fn service() -> ServiceArn {
    "arn:aws:apprunner:eu-west-1:123456789012:service/orders/8fe1".parse().expect("an ARN")
}

pub(crate) fn configured(tag: &str) -> Configuration {
    let image = format!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders:{tag}");
    let source = json!({"AutoDeploymentsEnabled": true,
                        "ImageRepository": {"ImageIdentifier": image, "ImageRepositoryType": "ECR"}});
    Configuration::from_json(&json!({"SourceConfiguration": source})).expect("a configuration")
}

impl World {
    pub(crate) fn is_bad(configuration: &Configuration) -> bool {
        configuration.text(Member::Image).is_some_and(|image| image.contains("bad"))
    }

    /// Begins an operation, if none runs.
    pub(crate) fn begin(
        &mut self,
        kind: OperationType,
        attempt: Configuration,
        status: OperationStatus,
    ) -> Option<OperationId> {
        if self.course.is_some() || self.status != ServiceStatus::Running {
            return None;
        }
        let keeps = matches!(status, OperationStatus::RollbackSucceeded)
            || status == OperationStatus::Failed && self.chance.percent(50);
        let configuration = if keeps { self.configuration.clone() } else { attempt };
        let lasts = i64::try_from(20 + self.chance.below(150)).expect("small");
        let id = OperationId(format!("op{}", self.operations.len()));
        let (started_at, status_now) = (Some(self.now), OperationStatus::InProgress);
        self.operations.insert(
            0,
            Operation {
                id: id.clone(),
                kind,
                status: status_now,
                started_at,
                ended_at: None,
                updated_at: None,
            },
        );
        self.status = ServiceStatus::OperationInProgress;
        self.course =
            Some(Course { status, configuration, ends_at: self.now + SignedDuration::from_secs(lasts) });
        self.events.push(self.now);
        Some(id)
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, seconds: u64) {
        self.now += SignedDuration::from_secs(i64::try_from(seconds).expect("small"));
        if self.course.as_ref().is_some_and(|course| course.ends_at <= self.now) {
            let course = self.course.take().expect("it is there");
            self.operations[0].status = course.status;
            self.operations[0].ended_at = Some(course.ends_at);
            self.status = ServiceStatus::Running;
            self.health.push((course.ends_at, Self::is_bad(&course.configuration)));
            self.configuration = course.configuration;
            self.events.push(self.now);
        }
    }
}

impl Account {
    /// What happens at a call before its work.
    async fn call(&self) -> Result<(), PortError> {
        let (raced, dies, throttled) = {
            let mut world = self.world.borrow_mut();
            world.calls += 1;
            let (calls, trouble) = (world.calls, world.trouble);
            let dies = world.dead || trouble.dies_at == Some((calls, false));
            world.dead |= dies;
            let throttled = trouble.throttled > 0 && world.chance.percent(trouble.throttled);
            world.met.throttled += usize::from(throttled && !dies);
            world.met.races += usize::from(trouble.raced_at == Some(calls) && !dies);
            (trouble.raced_at == Some(calls), dies, throttled)
        };
        if dies {
            pending::<()>().await;
        }
        let race = self.race.borrow().clone().filter(|_| raced);
        if let Some(race) = race {
            race();
        }
        if throttled {
            let code = Some("ThrottlingException".to_owned());
            return Err(PortError { code, ..PortError::new("any:Call", Class::Retryable, "slow down") });
        }
        Ok(())
    }

    /// What happens after it, before the answer arrives.
    async fn answer<T>(&self, answer: T) -> T {
        let dies = {
            let mut world = self.world.borrow_mut();
            let dies = world.dead || world.trouble.dies_at == Some((world.calls, true));
            world.dead |= dies;
            dies
        };
        if dies {
            pending::<()>().await;
        }
        answer
    }
}

fn never<T>() -> Result<T, PortError> {
    Err(PortError::new("any:Call", Class::Permanent, "no such call is expected"))
}

impl AppRunnerRead for Account {
    async fn services(&self) -> Result<Vec<ServiceSummary>, PortError> {
        self.call().await?;
        let status = self.world.borrow().status.clone();
        Ok(self.answer(vec![ServiceSummary { arn: service(), status }]).await)
    }
    async fn describe(&self, _: &ServiceArn) -> Result<Described, PortError> {
        never()
    }
    async fn operations(&self, _: &ServiceArn, _: Option<Timestamp>) -> Result<Vec<Operation>, PortError> {
        self.call().await?;
        let operations = self.world.borrow().operations.clone();
        Ok(self.answer(operations).await)
    }
    async fn tags(&self, _: &ServiceArn) -> Result<HashMap<String, String>, PortError> {
        self.call().await?;
        Ok(HashMap::new())
    }
}

impl ConfigurationRead for Account {
    async fn configuration(&self, _: &ServiceArn) -> Result<Configured, PortError> {
        self.call().await?;
        let (status, configuration) = {
            let world = self.world.borrow();
            (world.status.clone(), world.configuration.clone())
        };
        Ok(self.answer(Configured { status, configuration, updated_at: None }).await)
    }
}

impl RevisionRead for Account {
    async fn connector_is_active(&self, _: &str) -> Result<bool, PortError> {
        never()
    }
    async fn scaling_is_active(&self, _: &str) -> Result<bool, PortError> {
        never()
    }
}

impl ServiceWrite for Account {
    async fn update(
        &self,
        _: &Permit,
        _: &ServiceArn,
        to: Option<&Configuration>,
    ) -> Result<Receipt, PortError> {
        self.call().await?;
        let made = {
            let mut world = self.world.borrow_mut();
            let status = match world.chance.below(10) {
                0 => OperationStatus::RollbackFailed,
                1 => OperationStatus::RollbackSucceeded,
                _ => OperationStatus::Succeeded,
            };
            let after = world.operations[0].id.clone();
            let made = world.begin(OperationType::UpdateService, to.expect("whole").clone(), status);
            if made.is_some() {
                let at = world.now;
                world.updates.push(Update { at, after });
            }
            made
        };
        let silent = made.is_some() && self.world.borrow_mut().chance.percent(10);
        if made.is_some() {
            let mut world = self.world.borrow_mut();
            if world.trouble.dies_in_update {
                world.trouble.dies_at = Some((world.calls, true));
                world.met.deaths_in_updates += 1;
            }
        }
        let made = self.answer(made).await;
        if silent {
            return Err(PortError::new("apprunner:UpdateService", Class::Retryable, "no answer in time"));
        }
        let code = Some("InvalidStateException".to_owned());
        made.map(|id| Receipt { operation: Some(id) }).ok_or_else(|| PortError {
            code,
            ..PortError::new("apprunner:UpdateService", Class::Retryable, "busy")
        })
    }
    async fn delete(&self, _: &Permit, _: &ServiceArn) -> Result<Receipt, PortError> {
        never()
    }
    async fn delete_ingress_connection(&self, _: &Permit, _: &str) -> Result<Receipt, PortError> {
        never()
    }
}

impl ImageDigests for Account {
    async fn resolve(&self, image: &ImageIdentifier) -> Result<Option<PushedImage>, PortError> {
        self.call().await?;
        let tag = image.effective_tag().map(|tag| format!("sha256:{tag}"));
        let digest = tag.or_else(|| image.digest.clone()).unwrap_or_default();
        Ok(Some(PushedImage { digest, pushed_at: Some(Timestamp::UNIX_EPOCH) }))
    }
}

impl MetricQueries for Account {
    async fn data(
        &self,
        queries: &[MetricQuery],
        window: Window,
    ) -> Result<HashMap<String, Series>, PortError> {
        self.call().await?;
        let world = self.world.borrow();
        let first = window.start.as_second() / 60;
        let minutes = (first..=window.end.as_second() / 60)
            .filter_map(|minute| Timestamp::from_second(minute * 60).ok())
            .filter(|at| *at <= world.now);
        let bad_at =
            |at: Timestamp| world.health.iter().rev().find(|(since, _)| *since <= at).is_some_and(|it| it.1);
        let values: Vec<_> = minutes.map(|at| (at, bad_at(at))).collect();
        let series = |query: &MetricQuery| {
            let value = |bad: bool| {
                if query.metric == "Requests" {
                    100.0
                } else if bad {
                    60.0
                } else {
                    0.0
                }
            };
            let points = values.iter().map(|(at, bad)| (*at, value(*bad))).collect();
            (query.id.clone(), Series { points, missing: None })
        };
        Ok(queries.iter().map(series).collect())
    }
    async fn alarms(&self, _: &[String]) -> Result<HashMap<String, Alarm>, PortError> {
        never()
    }
}

impl StateRead for Account {
    async fn get(&self, key: &Key) -> Result<Option<Item>, PortError> {
        self.call().await?;
        let item = self.store.get(key).await;
        self.answer(item).await
    }
    async fn list(&self, partition: &'static str) -> Result<Vec<(Key, Item)>, PortError> {
        self.call().await?;
        let items = self.store.list(partition).await;
        self.answer(items).await
    }
}

impl StateWrite for Account {
    async fn put(&self, key: &Key, item: &Item) -> Result<Written, PortError> {
        self.call().await?;
        let written = self.store.put(key, item).await;
        self.answer(written).await
    }
}

impl Announce for Account {
    async fn announce(&self, announcements: &[Announcement]) -> Vec<Result<(), PortError>> {
        if let Err(error) = self.call().await {
            let failed = |_| Err(PortError::new("events:PutEvents", Class::Retryable, error.message.clone()));
            return announcements.iter().map(failed).collect();
        }
        for announcement in announcements {
            let id = announcement.announcement_id.clone();
            self.world.borrow_mut().announced.insert(id, announcement.clone());
        }
        let taken = announcements.iter().map(|_| Ok(())).collect();
        self.answer(taken).await
    }
}
