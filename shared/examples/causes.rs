//! Writes docs/causes.md from the catalogue: `cargo run -p autopilot --example causes`.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/causes.md");
    std::fs::write(page, autopilot::diagnosis::causes_page())
}
