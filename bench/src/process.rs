//! What a process used, from `/proc`.

use std::fs;

use anyhow::{Context as _, Result};

/// The most memory that was resident so far, in MiB.
pub(crate) fn peak_memory(process: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024.0)
}

/// The time that all threads spent on a processor so far, in ms.
pub(crate) fn processor_ms(process: u32) -> Result<f64> {
    let mut total = 0.0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        // A thread may have ended meanwhile; its share is small and gone.
        let Ok(times) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        let first = times.split_whitespace().next().context("schedstat is empty")?;
        total += first.parse::<f64>()? / 1e6;
    }
    Ok(total)
}
