//! docs/causes.md, written from the catalogue so that the page and the program cannot disagree.

use std::fmt::Write as _;

use super::catalogue::{self, Section};

/// The page for people: every kind, what shows it, what speaks against it, and what to do.
pub fn causes_page() -> String {
    let mut page = String::from(HEAD);
    for section in catalogue::SECTIONS {
        section_text(section, &mut page);
    }
    let _ =
        write!(page, "\n## Unknown\n\n### `unknown`\n\nSomething failed and nothing above is supported.\n\n");
    let _ = writeln!(page, "**What to do.** {}", catalogue::UNKNOWN_FIX);
    page
}

const HEAD: &str = "\
# Causes

What the diagnosis can name, how it knows, and what to do. This page is written from the catalogue by
`cargo run -p autopilot --example causes`; edit the catalogue, not the page.

The percentages say how well a finding supports its cause; a cause is named from 50 % on, and the strongest
comes first. What speaks against a cause takes its share away: 100 % refutes it. *Transient* means that trying
again without changes can help.
";

fn section_text(section: &Section, page: &mut String) {
    let _ = write!(page, "\n## {}\n", section.title);
    for entry in section.entries {
        let transient = if entry.transient { "transient" } else { "not transient" };
        let _ = write!(page, "\n### `{}`\n\n{} *{transient}*\n\n", entry.kind, entry.means);
        page.push_str("Shown by:\n");
        for clue in entry.supports {
            let _ = writeln!(page, "- {} ({} %)", clue.says, clue.percent);
        }
        if !entry.against.is_empty() {
            page.push_str("\nAgainst it:\n");
        }
        for doubt in entry.against {
            let _ = writeln!(page, "- {} ({} %)", doubt.says, doubt.percent);
        }
        let _ = write!(page, "\n**What to do.** {}\n\n[Documentation]({})\n", entry.fix, entry.docs);
    }
}
