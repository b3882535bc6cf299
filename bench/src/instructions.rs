//! Instructions, counted by callgrind: unlike times they repeat, on a busy machine too.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::subject::{Conditions, Kind, Subject};

/// Events of the longer of two runs; the difference gives what one costs.
const EVENTS: usize = 11;

/// True where valgrind is installed.
pub(crate) fn available() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Millions of instructions of the start with the first event, and of each further event.
pub(crate) async fn measure(kind: Kind, program: &Path, directory: &Path) -> Result<Value> {
    let first = count(kind, program, directory, 1).await?;
    let all = count(kind, program, directory, EVENTS).await?;
    #[expect(clippy::cast_precision_loss, reason = "eleven")]
    let each = (all - first) / (EVENTS - 1) as f64;
    Ok(json!({"first": first, "each": each}))
}

async fn count(kind: Kind, program: &Path, directory: &Path, events: usize) -> Result<f64> {
    let name = kind.binary().unwrap_or("notify");
    let counts = directory.join(format!("{} {events}.out", kind.name()).replace([' ', ','], "-"));
    let wrapper = directory.join(name);
    let script = format!(
        "#!/bin/sh\nexec valgrind --quiet --tool=callgrind --callgrind-out-file={} {}\n",
        counts.display(),
        program.display()
    );
    fs::write(&wrapper, script)?;
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755))?;
    let _ = fs::remove_file(&counts);
    let mut subject = Subject::raise(kind, directory, Conditions::default()).await?;
    for _ in 0..events {
        let event = subject.event()?;
        subject.invoke(&event).await?;
    }
    // It writes its counts when it is asked to end; the host would kill it.
    let process = i32::try_from(subject.process()?).ok().and_then(Pid::from_raw).context("a process")?;
    kill_process(process, Signal::TERM)?;
    for _ in 0..600 {
        let text = fs::read_to_string(&counts).unwrap_or_default();
        if let Some(total) = text.lines().find_map(|line| line.strip_prefix("totals:")) {
            return Ok(total.trim().parse::<f64>()? / 1e6);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    ensure!(false, "callgrind wrote no counts of {}", kind.name());
    Ok(0.0)
}
