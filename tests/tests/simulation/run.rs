//! A run: days of one account under one seed, each with weather, people and a calm evening.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::Result;
use autopilot_tests::asked;
use serde_json::json;
use tokio::{
    task::LocalSet,
    time::{Duration, Instant, sleep_until},
};

use crate::{
    events::carry,
    faults::Weather,
    sabotage::Sabotage,
    watch::{self, Invariant, Violation, evening},
    world::{Terms, World, ZONE},
};

/// The weather ends and people go home at this minute of the day; the rest is calm.
const EVENING: u64 = 21 * 60;

/// What is there in these minutes was there before.
const INSTALLATION: u64 = 20;

/// How long after that everything must have come to rest.
const REST: u64 = 50;

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    pub(crate) days: u64,
    pub(crate) invocations: u64,
    pub(crate) given_up: u64,
    pub(crate) calls: u64,
    pub(crate) changes: u64,
    pub(crate) faults: BTreeMap<&'static str, u64>,
    pub(crate) checks: BTreeMap<Invariant, u64>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) fingerprint: u64,
    pub(crate) lines: Vec<String>,
    /// How each service ended, and each shift.
    pub(crate) end: Vec<String>,
}

impl Report {
    /// Adds another run's figures.
    pub(crate) fn add(&mut self, other: &Self) {
        self.days += other.days;
        self.invocations += other.invocations;
        self.given_up += other.given_up;
        self.calls += other.calls;
        self.changes += other.changes;
        for (kind, count) in &other.faults {
            *self.faults.entry(kind).or_default() += count;
        }
        for (invariant, count) in &other.checks {
            *self.checks.entry(*invariant).or_default() += count;
        }
        self.violations.extend(other.violations.iter().cloned());
    }
}

/// Runs `days` days under a seed, or fewer if an invariant breaks: with a sabotage the one that must notice it.
pub(crate) fn run(seed: u64, days: u64, terms: Terms) -> Result<Report> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
    LocalSet::new().block_on(&runtime, async {
        let world = World::new(seed, terms).await?;
        let _ears = watch::listen(&world.watch);
        let mut report = Report::default();
        for day in 0..days {
            world.day(day).await;
            report.days += 1;
            if world.is_broken() {
                break;
            }
        }
        report.invocations = world.lambda.invocations.get();
        report.given_up = world.lambda.given_up.get();
        report.calls = world.watch.calls();
        report.changes = world.watch.state().made;
        report.faults = world.sky.counts();
        report.checks = world.watch.checks();
        report.violations = world.watch.violations();
        report.fingerprint = world.watch.fingerprint();
        report.lines = world.watch.lines();
        report.end = world.end();
        Ok(report)
    })
}

impl World {
    async fn day(&self, day: u64) {
        if day == 0 {
            // What is there at the installation is acknowledged.
            self.is_lively_for(30);
            self.minutes(INSTALLATION).await;
        }
        let mut acts: Vec<u64> = {
            let mut rng = self.rng.borrow_mut();
            let count = rng.usize(4..10);
            (0..count).map(|_| rng.u64(30..EVENING)).collect()
        };
        if self.terms.fair {
            // One after the other, each when the one before has come to its end.
            acts = (1..8).map(|act| act * 150).collect();
        }
        acts.sort_unstable();
        let begin = if day == 0 { INSTALLATION } else { 0 };
        let start = Instant::now() - Duration::from_mins(begin);
        for minute in begin..24 * 60 {
            sleep_until(start + Duration::from_mins(minute)).await;
            self.weather(minute);
            while acts.first() == Some(&minute) {
                acts.remove(0);
                self.act().await;
            }
            if minute == EVENING {
                self.tidy_up().await;
                self.is_lively_for(i64::try_from(REST + 10).unwrap_or_default());
            }
            self.schedules(minute);
            if minute == EVENING + REST {
                evening::look(self);
                self.account.requests().clear();
                if self.is_broken() {
                    return;
                }
            }
        }
    }

    fn is_broken(&self) -> bool {
        let must = self.terms.sabotage.map(Sabotage::must_be_noticed_by);
        self.watch.violations().iter().any(|violation| must.is_none_or(|must| violation.invariant == must))
    }

    /// The first minutes after the installation, in which nobody does anything.
    async fn minutes(&self, count: u64) {
        let start = Instant::now();
        for minute in 0..count {
            self.schedules(minute);
            sleep_until(start + Duration::from_mins(minute + 1)).await;
        }
    }

    /// Changes every hour; in the evening it is calm.
    fn weather(&self, minute: u64) {
        self.is_evening.set(minute >= EVENING);
        if minute >= EVENING || self.terms.fair {
            return self.sky.set(Weather::Calm);
        }
        if minute.is_multiple_of(60) {
            let weather = match self.rng.borrow_mut().u32(0..4) {
                0 => Weather::Storm,
                1 => Weather::Calm,
                _ => Weather::Breeze,
            };
            self.sky.set(weather);
        }
    }

    /// The template's schedules. Where nothing has happened for a while most of their runs would only read, so they
    /// are left out.
    fn schedules(&self, minute: u64) {
        let lively = self.lively_until.get() > self.clock.now();
        if lively {
            self.traffic();
        }
        for function in ["RollbackFunction", "RebuildFunction", "ShiftFunction"] {
            let pace = match (lively, self.lambda.is_quiet(function)) {
                (true, false) => 1,
                (true, true) => 5,
                (false, _) => 30,
            };
            if minute.is_multiple_of(pace) && self.terms.sabotage != Some(Sabotage::NoTicks) {
                self.send(function, "tick");
            }
        }
        if minute.is_multiple_of(if lively { 15 } else { 90 }) {
            self.reconcile();
        }
        // Once more than the template says, so that grace periods fit into a run; the last in the evening.
        if [5 * 60, 13 * 60, EVENING + 20].contains(&minute) {
            self.send("CleanupFunction", "reconcile");
        }
    }

    fn reconcile(&self) {
        for function in ["NotifyFunction", "RollbackFunction", "RebuildFunction"] {
            self.send(function, "reconcile");
        }
    }

    fn send(&self, function: &'static str, command: &str) {
        carry(&self.lambda, &self.sky, function, &json!({ "command": command }), Duration::ZERO);
    }

    /// How it all ended, as far as it does not depend on when each thing came to be known.
    fn end(&self) -> Vec<String> {
        let all = self.all_services.borrow();
        let services = all.iter().map(|(name, arn)| {
            let told = self.watch.state().told_failures(arn);
            format!("{name} is {}, {told} failures told", self.status(arn))
        });
        let records = self.account.route53().records(ZONE);
        let records = records.iter().filter(|record| record["Type"] == "CNAME").map(ToString::to_string);
        let endpoints = self.account.ec2().living_endpoints().into_iter().map(|endpoint| endpoint.id);
        services.chain(records).chain(endpoints).collect()
    }
}

/// Does this for every number below `count`, on every core.
pub(crate) fn on_every_core(count: u64, work: impl Fn(u64) -> Result<()> + Sync) -> Result<()> {
    let next = AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        let worker = || -> Result<()> {
            loop {
                match next.fetch_add(1, Ordering::Relaxed) {
                    number if number < count => work(number)?,
                    _ => return Ok(()),
                }
            }
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        for worker in workers {
            worker.join().map_err(|_| anyhow::anyhow!("a run panicked"))??;
        }
        Ok(())
    })
}

/// Runs seeds from `first` on until `days` days are through; stops at the first breach.
pub(crate) fn run_many(first: u64, days: u64, days_a_seed: u64) -> Result<(Report, Vec<(u64, Violation)>)> {
    let total = Mutex::new((Report::default(), Vec::new()));
    on_every_core(days.div_ceil(days_a_seed), |number| {
        let found = || !total.lock().unwrap_or_else(PoisonError::into_inner).1.is_empty();
        if found() && asked("SIMULATION_ALL").is_none() {
            return Ok(());
        }
        let seed = first + number;
        let report = run(seed, days_a_seed, Terms::default())?;
        let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
        total.0.add(&report);
        total.1.extend(report.violations.iter().map(|violation| (seed, violation.clone())));
        Ok(())
    })?;
    Ok(total.into_inner().unwrap_or_else(PoisonError::into_inner))
}
