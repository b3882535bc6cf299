//! Coverage-guided: see `targets`.
#![no_main]

#[path = "../../tests/hostile/targets.rs"]
#[expect(dead_code, reason = "one target of all is used here")]
mod targets;

libfuzzer_sys::fuzz_target!(|input: &[u8]| targets::event(input));
