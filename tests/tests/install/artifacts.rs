//! What `sam build` made runs on Amazon Linux 2023.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context as _, Result, ensure};
use autopilot_tests::root;

/// The glibc of `provided.al2023`.
const GLIBC: (u32, u32) = (2, 34);

/// The functions' executables, as SAM puts them into the archives.
fn built() -> Result<Vec<PathBuf>> {
    let directory = root().join(".aws-sam/build");
    let entries = fs::read_dir(&directory)
        .with_context(|| format!("{} is missing: scripts/test runs sam build", directory.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let program = entry?.path().join("bootstrap");
        if program.exists() {
            found.push(program);
        }
    }
    Ok(found)
}

/// The newest version of glibc that the symbols of a program ask for, from what `readelf --version-info` prints.
fn newest_glibc(printed: &str) -> Option<(u32, u32)> {
    let names = printed.split("Name: GLIBC_").skip(1);
    let versions = names.filter_map(|rest| {
        let version = rest.split_whitespace().next()?;
        let mut parts = version.split('.').map(str::parse);
        Some((parts.next()?.ok()?, parts.next()?.ok()?))
    });
    versions.max()
}

#[test]
fn every_function_starts_on_amazon_linux_2023() -> Result<()> {
    let programs = built()?;
    assert_eq!(programs.len(), 5, "{programs:?}");
    for program in programs {
        let printed = Command::new("readelf").args(["--version-info", "--wide"]).arg(&program).output()?;
        let newest = newest_glibc(&String::from_utf8_lossy(&printed.stdout));
        let newest = newest.with_context(|| format!("{} is linked to glibc", program.display()))?;
        ensure!(newest <= GLIBC, "{} needs glibc {newest:?}, there is {GLIBC:?}", program.display());
    }
    Ok(())
}

#[test]
fn the_newest_version_counts_and_not_the_last_or_the_longest() {
    let printed = "0x0010:   Name: GLIBC_2.9  Flags: none  Version: 5\n\
                   0x0020:   Name: GLIBC_2.34  Flags: none  Version: 4\n\
                   0x0030:   Name: GLIBC_2.2.5  Flags: none  Version: 3\n\
                   0x0040:   Name: GCC_4.2.0  Flags: none  Version: 2\n";
    assert_eq!(newest_glibc(printed), Some((2, 34)));
    assert_eq!(newest_glibc("No version information found in this file."), None);
}
