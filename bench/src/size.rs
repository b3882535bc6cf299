//! How large what is uploaded is.

use std::{path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

const ZIPPED: &str = "import sys,zlib;d=open(sys.argv[1],'rb').read();c=zlib.compressobj(9,zlib.DEFLATED,-15);\
print(len(c.compress(d)+c.flush())+220)"; // 220: a zip file's own headers for one entry

/// Bytes of each program, as built and in a zip file.
pub(crate) fn measure(binaries: &Path) -> Result<Value> {
    let mut sizes = serde_json::Map::new();
    for name in ["bare", "notify", "rollback", "rebuild", "shift", "cleanup"] {
        let file = binaries.join(name);
        let raw = std::fs::metadata(&file).with_context(|| file.display().to_string())?.len();
        let zipped = Command::new("python3").args(["-c", ZIPPED]).arg(&file).output()?;
        ensure!(zipped.status.success(), "{}", String::from_utf8_lossy(&zipped.stderr));
        let zipped: u64 = String::from_utf8(zipped.stdout)?.trim().parse()?;
        sizes.insert(name.to_owned(), json!({"raw": raw, "zipped": zipped}));
    }
    Ok(Value::Object(sizes))
}
