//! Wordings of runtimes, frameworks and tools against the diagnosis: one row a wording, with the course of
//! events around it added, so that a row shows only what matters.

#![expect(clippy::unwrap_used, reason = "a broken row ends the test")]

mod build;
mod course;
mod facts;
mod near;
mod platform;
mod start;

use autopilot::diagnosis::diagnose;
use autopilot::evidence::Evidence;
use course::Course;

/// The expected kind (`healthy` for none, alternatives by `|`), the course, and the decisive lines.
type Row = (&'static str, Course, &'static [&'static str]);

fn first_kind(course: &Course, lines: &[&str]) -> String {
    let evidence = Evidence::from_json(&course.evidence(lines)).unwrap();
    let causes = diagnose(&evidence);
    causes.first().map_or("healthy".to_owned(), |cause| cause.kind.word())
}

fn check(rows: &[Row]) {
    let mut wrong = Vec::new();
    for (wanted, course, lines) in rows {
        let kind = first_kind(course, lines);
        if !wanted.split('|').any(|wanted| wanted == kind) {
            wrong.push(format!("wanted {wanted}, got {kind}: {lines:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn builds() {
    check(build::ROWS);
}

#[test]
fn starts() {
    check(start::ROWS);
}

#[test]
fn health_checks() {
    check(start::HEALTH);
}

#[test]
fn connections() {
    check(start::NETWORK);
}

#[test]
fn platform_sentences() {
    check(platform::ROWS);
}

#[test]
fn near_misses() {
    check(near::ROWS);
}

#[test]
fn configuration_facts() {
    let judge = |value: &serde_json::Value| {
        let causes = diagnose(&Evidence::from_json(value).unwrap());
        causes.first().map_or("healthy".to_owned(), |cause| cause.kind.word())
    };
    let rows = facts::rows();
    let wrong: Vec<String> = rows
        .iter()
        .filter(|(wanted, value)| judge(value) != *wanted)
        .map(|(wanted, value)| format!("wanted {wanted}, got {}: {value}", judge(value)))
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}
