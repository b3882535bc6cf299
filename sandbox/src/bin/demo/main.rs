//! `cargo demo`: the product at work, with nothing but Rust installed.
//!
//! Builds the real function binaries, raises the sandbox with `template.yaml`'s stack, lets App Runner fail, and
//! shows what happens as a timeline: the events, the calls, and the messages that people get. With a file name it also
//! writes every metric that was recorded there, for `scripts/dashboard`.
#![expect(clippy::print_stdout, reason = "it speaks to whoever runs it")]

mod cleanup;
mod metrics;
mod rebuild;
mod rollback;
mod scenes;
mod shift;
mod timeline;

use std::{path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result, ensure};
use sandbox::{aws, host, stage::Stage};

fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    println!("Building the functions as they are deployed ...");
    build_functions(&root)?;
    tokio::runtime::Runtime::new()?.block_on(play(&root))
}

/// The same binaries that SAM deploys, next to this one.
#[expect(
    clippy::disallowed_methods,
    reason = "Cargo tells by a variable where it is; nothing is decided by it"
)]
fn build_functions(root: &Path) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo).args(["build", "--quiet", "--locked"]).current_dir(root).status()?;
    ensure!(built.success(), "the functions could not be built");
    Ok(())
}

async fn play(root: &Path) -> Result<()> {
    let here = std::env::current_exe()?;
    let binaries = here.parent().context("a program lies in a directory")?;
    let account = aws::Options { phase: Duration::from_millis(400), ..aws::Options::default() };
    // Lambda waits one and two minutes before it tries again; nobody watching wants to.
    let host = host::Options { retry_delays: [Duration::from_millis(300); 2], ..host::Options::default() };
    // Acting functions only plan until somebody sets their mode; outside of a demo the delays are
    // minutes, and the grace period is days.
    let parameters = [
        ("RebuildMode", "on"),
        ("RebuildDelays", "1s,2s,3s"),
        ("CleanupMode", "on"),
        ("GracePeriod", "2s"),
        ("HostedZoneIds", shift::ZONE),
        ("RollbackMode", "on"),
        ("SettleTime", "1s"),
        ("RollbackCoolDown", "1s"),
        ("AnalysisFailureLimit", "1"),
    ];
    let stage = Stage::raise(&root.join("template.yaml"), &parameters, binaries, account, &host).await?;
    // The zone that the parameters name has to be there: cleanup decides nothing on an inventory with a hole.
    stage.account.route53().add_zone(shift::ZONE, "example.com");
    scenes::all(&stage, root).await?;
    match std::env::args_os().nth(1) {
        Some(file) => metrics::write(&stage, Path::new(&file)),
        None => Ok(()),
    }
}
