//! What a shift asks of the world and changes in it, and the pace at which it may ask Route 53.

use std::{
    cell::RefCell,
    collections::{BTreeSet, VecDeque},
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use autopilot::{
    dns::{Batch, ChangeId, ChangeStatus, HostedZone, HostedZoneId, RecordName, RecordSet},
    error::{Class, PortError},
    mutation::Permit,
    ports::{
        AppRunnerRead, BalancingRead, CertificateRead, DnsRead, DnsWrite, ExpressRead, MetricQueries,
        RelatedRead,
    },
};
use tokio::time::{Instant, sleep};

/// The ports of a shift.
pub trait World {
    /// Route 53.
    type Dns: DnsRead + DnsWrite;
    /// App Runner.
    type AppRunner: AppRunnerRead + RelatedRead;
    /// Elastic Load Balancing.
    type Balancing: BalancingRead;
    /// ACM.
    type Certificates: CertificateRead;
    /// ECS.
    type Express: ExpressRead;
    /// CloudWatch.
    type Metrics: MetricQueries;

    /// Route 53.
    fn dns(&self) -> &Self::Dns;
    /// App Runner.
    fn apprunner(&self) -> &Self::AppRunner;
    /// Elastic Load Balancing.
    fn balancing(&self) -> &Self::Balancing;
    /// ACM.
    fn certificates(&self) -> &Self::Certificates;
    /// ECS.
    fn express(&self) -> &Self::Express;
    /// CloudWatch.
    fn metrics(&self) -> &Self::Metrics;
}

/// The ports of a shift, a client each.
#[derive(Debug)]
pub struct Clients<D, A, L, C, E, M> {
    /// Route 53.
    pub dns: D,
    /// App Runner.
    pub apprunner: A,
    /// Elastic Load Balancing.
    pub balancing: L,
    /// ACM.
    pub certificates: C,
    /// ECS.
    pub express: E,
    /// CloudWatch.
    pub metrics: M,
}

impl<D, A, L, C, E, M> World for Clients<D, A, L, C, E, M>
where
    D: DnsRead + DnsWrite,
    A: AppRunnerRead + RelatedRead,
    L: BalancingRead,
    C: CertificateRead,
    E: ExpressRead,
    M: MetricQueries,
{
    type Dns = D;
    type AppRunner = A;
    type Balancing = L;
    type Certificates = C;
    type Express = E;
    type Metrics = M;

    fn dns(&self) -> &D {
        &self.dns
    }

    fn apprunner(&self) -> &A {
        &self.apprunner
    }

    fn balancing(&self) -> &L {
        &self.balancing
    }

    fn certificates(&self) -> &C {
        &self.certificates
    }

    fn express(&self) -> &E {
        &self.express
    }

    fn metrics(&self) -> &M {
        &self.metrics
    }
}

/// Requests that Route 53 takes a second, for all of an account.
const A_SECOND: usize = 5;

/// How often a write is made that Route 53 refused before it did anything.
const TRIES: u32 = 4;

/// Route 53 at the pace that it allows.
#[derive(Debug)]
pub struct Paced<R, W> {
    reads: R,
    writes: W,
    recent: RefCell<VecDeque<Instant>>,
}

impl<R, W> Paced<R, W> {
    /// Paces these ports, together.
    pub fn new(reads: R, writes: W) -> Self {
        Self { reads, writes, recent: RefCell::default() }
    }

    /// Waits until a further request fits into the second.
    async fn turn(&self) {
        loop {
            let now = Instant::now();
            let wait = {
                let mut recent = self.recent.borrow_mut();
                while recent.front().is_some_and(|at| now.duration_since(*at) >= Duration::from_secs(1)) {
                    recent.pop_front();
                }
                match recent.front() {
                    Some(first) if recent.len() >= A_SECOND => {
                        Duration::from_secs(1).saturating_sub(now.duration_since(*first))
                    }
                    _ => {
                        recent.push_back(now);
                        return;
                    }
                }
            };
            sleep(wait + jitter(50)).await;
        }
    }
}

/// Up to so many milliseconds, different each time.
fn jitter(most_ms: u64) -> Duration {
    Duration::from_millis(RandomState::new().hash_one(0) % most_ms.max(1))
}

impl<R: DnsRead, W> DnsRead for Paced<R, W> {
    async fn zone(&self, zone: &HostedZoneId) -> Result<Option<HostedZone>, PortError> {
        self.turn().await;
        self.reads.zone(zone).await
    }

    async fn records(
        &self,
        zone: &HostedZoneId,
        names: &BTreeSet<RecordName>,
    ) -> Result<Vec<RecordSet>, PortError> {
        self.turn().await;
        self.reads.records(zone, names).await
    }

    async fn change_status(&self, change: &ChangeId) -> Result<ChangeStatus, PortError> {
        self.turn().await;
        self.reads.change_status(change).await
    }
}

impl<R, W: DnsWrite> DnsWrite for Paced<R, W> {
    /// A refusal that came before any work is tried again: it is still the same intent, and nothing was done for it.
    async fn change(
        &self,
        permit: &Permit,
        zone: &HostedZoneId,
        batch: &Batch,
    ) -> Result<ChangeId, PortError> {
        let mut tries = 1;
        loop {
            self.turn().await;
            match self.writes.change(permit, zone, batch).await {
                Err(error) if tries < TRIES && is_not_now(&error) => {
                    sleep(Duration::from_millis(200 << tries) + jitter(200)).await;
                    tries += 1;
                }
                answer => return answer,
            }
        }
    }
}

/// Codes with which Route 53 turns a batch away at the door.
fn is_not_now(error: &PortError) -> bool {
    let code = error.code.as_deref().unwrap_or_default();
    error.class == Class::Retryable
        && matches!(code, "Throttling" | "ThrottlingException" | "PriorRequestNotComplete")
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Refuses so many batches, then takes them.
    struct Busy {
        refusals: Cell<u32>,
        code: &'static str,
        calls: Cell<u32>,
    }

    impl DnsWrite for Busy {
        async fn change(&self, _: &Permit, _: &HostedZoneId, _: &Batch) -> Result<ChangeId, PortError> {
            self.calls.set(self.calls.get() + 1);
            if self.refusals.get() == 0 {
                return Ok(ChangeId("C1".to_owned()));
            }
            self.refusals.set(self.refusals.get() - 1);
            let error = PortError::new("route53:ChangeResourceRecordSets", Class::Retryable, "not now");
            Err(PortError { code: Some(self.code.to_owned()), ..error })
        }
    }

    fn permit() -> Permit {
        use autopilot::{
            control::{Control, Mode},
            mutation::{Budget, Gate, Leave, Ledger, begin},
            period::Period,
        };
        let budget = Budget { most: 1, within: Period::seconds(0), cool_down: Period::seconds(0) };
        let gate = Gate { leave: Leave::OfFunction(Mode::On), budget };
        let now = jiff::Timestamp::UNIX_EPOCH;
        begin(&mut Ledger::default(), &gate, &Control::default(), serde_json::Value::Null, now)
            .unwrap()
            .stored()
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_refused_at_the_door_is_tried_again_and_silence_is_not() {
        let batch = Batch { comment: None, changes: Vec::new() };
        for (refusals, code, calls, succeeds) in [
            (0, "Throttling", 1, true),
            (2, "PriorRequestNotComplete", 3, true),
            (9, "Throttling", 4, false),
            (1, "InternalError", 1, false),
        ] {
            let busy = Busy { refusals: Cell::new(refusals), code, calls: Cell::default() };
            let paced = Paced::new((), busy);
            let answer = paced.change(&permit(), &"Z1".parse().unwrap(), &batch).await;
            assert_eq!((answer.is_ok(), paced.writes.calls.get()), (succeeds, calls), "{refusals} {code}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_five_requests_go_out_in_a_second() {
        let busy = Busy { refusals: Cell::default(), code: "", calls: Cell::default() };
        let paced = Paced::new((), busy);
        let start = Instant::now();
        let mut at = Vec::new();
        for _ in 0..23 {
            paced.turn().await;
            at.push(start.elapsed());
        }
        assert!(at.windows(6).all(|six| six[5] >= six[0] + Duration::from_secs(1)), "{at:?}");
        assert!(at[22] < Duration::from_secs(5), "and no slower than that: {at:?}");
    }
}
