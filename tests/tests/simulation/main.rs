//! Days of an account in minutes: the handlers of all five functions in one process, over the real adapters and the
//! sandbox, under a seeded scheduler and a clock of their own.
//!
//! ```text
//! people (seeded) ──► the sandbox's account ──► bus ──► the template's rules ─┐
//!                          ▲                                                 │ lost, repeated, late
//!                          │ time, faults, death: wire                       ▼
//!                     functions (real handlers and adapters) ◄── lambda: repeats, processes ◄── schedules
//!                          │
//!                          └► watch: every call, before and after; in the evening everything
//! ```
//!
//! The same seed gives the same run to the last millisecond. A seed that broke an invariant is kept in
//! [`REGRESSIONS`]. `scripts/test` runs this with `--profile simulation`; without optimisation only the first test
//! runs, for two days.
//!
//! | variable | meaning |
//! |---|---|
//! | `SIMULATED_DAYS` | how many days; a few where it is not set, 1,000 in CI, 100,000 in a night |
//! | `SIMULATION_SEED` | the first seed |
//! | `SIMULATION_TRACE` | a file for the trace of `SIMULATION_SEED` |
//! | `SIMULATION_ALL` | goes on after a breach and shows all |

mod events;
mod faults;
mod lambda;
mod payloads;
mod people;
mod run;
mod sabotage;
mod watch;
mod wire;
mod world;

use std::sync::{Mutex, PoisonError};

use anyhow::{Result, ensure};
use autopilot_tests::{amount, asked};

use run::{Report, on_every_core, run, run_many};
use sabotage::Sabotage;
use world::Terms;

/// Days of one account before the next one begins.
const DAYS_A_SEED: u64 = 4;

/// Seeds that broke an invariant once, with their days, and what it was.
const REGRESSIONS: [(u64, u64, &str); 6] = [
    (4, 3, "an alert held a secret, since the service's configuration could not be read"),
    (17, 4, "the watch: a shift that turned back by itself while all was stopped"),
    (20, 4, "the watch: an abort with force that put a foreign TTL back"),
    (94, 4, "the watch: a finish that put back what was there before the shift"),
    (182, 4, "the watch: a lost answer and a death, and so a third message"),
    (5006, 3, "the watch: an intent of cleanup, whose reconciliation is daily"),
];

/// So many accounts may pass before a sabotage is noticed.
const SABOTAGED_SEEDS: u64 = 60;

fn show(report: &Report) -> String {
    let Report { days, invocations, given_up, calls, changes, .. } = report;
    let head = format!(
        "{days} days: {invocations} invocations ({given_up} given up), {calls} calls, {changes} changes"
    );
    let faults = report.faults.iter().map(|(kind, count)| format!("  fault {kind:<28} {count:>10}"));
    let checks = report.checks.iter().map(|(invariant, count)| {
        let invariant = format!("{invariant:?}");
        format!("  checked {invariant:<26} {count:>10}")
    });
    [head].into_iter().chain(faults).chain(checks).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_invariant_holds_whatever_happens() -> Result<()> {
    let first = amount("SIMULATION_SEED", 1);
    let days = amount("SIMULATED_DAYS", 2);
    if let Some(file) = asked("SIMULATION_TRACE") {
        let report = run(first, days, Terms::default())?;
        std::fs::write(&file, report.lines.join("\n"))?;
        println!("{}", show(&report));
        ensure!(report.violations.is_empty(), "seed {first}: {}", report.violations[0]);
        return Ok(());
    }
    let (report, violations) = run_many(first, days, DAYS_A_SEED)?;
    println!("{}", show(&report));
    for (seed, violation) in &violations {
        println!("SIMULATION_SEED={seed} SIMULATED_DAYS={DAYS_A_SEED}: {violation}");
    }
    ensure!(violations.is_empty(), "{} breaches; replay with the seed printed above", violations.len());
    Ok(())
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes where nothing is optimised: --profile simulation")]
fn what_broke_once_holds() -> Result<()> {
    for (seed, days, what) in REGRESSIONS {
        let report = run(seed, days, Terms::default())?;
        ensure!(report.violations.is_empty(), "{what}: seed {seed}: {}", report.violations[0]);
    }
    Ok(())
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes where nothing is optimised: --profile simulation")]
fn a_seed_replays_exactly() -> Result<()> {
    for seed in 7..9 {
        let (one, other) = (run(seed, 1, Terms::default())?, run(seed, 1, Terms::default())?);
        ensure!(one.calls > 500, "a day has calls: {}", one.calls);
        ensure!(one.fingerprint == other.fingerprint, "seed {seed} went two ways");
    }
    let (one, other) = (run(7, 1, Terms::default())?, run(8, 1, Terms::default())?);
    ensure!(one.fingerprint != other.fingerprint, "two seeds, one run");
    Ok(())
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes where nothing is optimised: --profile simulation")]
fn schedules_alone_come_to_the_same_end() -> Result<()> {
    let days = amount("LIVENESS_DAYS", 2);
    for seed in 1..=days {
        let fair = Terms { fair: true, ..Terms::default() };
        let with = run(seed, 1, fair)?;
        let without = run(seed, 1, Terms { without_events: true, ..fair })?;
        for report in [&with, &without] {
            ensure!(report.violations.is_empty(), "seed {seed}: {}", report.violations[0]);
        }
        ensure!(
            with.end == without.end,
            "seed {seed}: with events {:#?}, without {:#?}",
            with.end,
            without.end
        );
    }
    Ok(())
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes where nothing is optimised: --profile simulation")]
fn every_invariant_notices_what_breaks_it() -> Result<()> {
    let missed = Mutex::new(Vec::new());
    on_every_core(Sabotage::ALL.len() as u64, |number| {
        let (sabotage, invariant) = Sabotage::ALL[usize::try_from(number)?];
        let terms = Terms { sabotage: Some(sabotage), ..Terms::default() };
        let mut days = 0;
        for seed in 1..=SABOTAGED_SEEDS {
            let report = run(seed, DAYS_A_SEED, terms)?;
            days += report.days;
            let noticed = report.violations.into_iter().find(|violation| violation.invariant == invariant);
            if let Some(violation) = noticed {
                println!("{sabotage:?} after {days} days: {violation}");
                return Ok(());
            }
        }
        let mut missed = missed.lock().unwrap_or_else(PoisonError::into_inner);
        missed.push(format!("{invariant:?} does not notice {sabotage:?} in {days} days"));
        Ok(())
    })?;
    let missed = missed.into_inner().unwrap_or_else(PoisonError::into_inner);
    ensure!(missed.is_empty(), "{missed:#?}");
    Ok(())
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes where nothing is optimised: --profile simulation")]
fn no_payload_makes_a_function_panic() -> Result<()> {
    let (answered, refused) = payloads::send(amount("FUZZ_SEED", 1), amount("FUZZ_INPUTS", 500))?;
    println!("payloads: {answered} answered, {refused} refused");
    Ok(())
}
