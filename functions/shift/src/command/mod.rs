//! What a person, or the schedule, can ask by invoking the function. Each may be sent twice.
//!
//! | command | what it does |
//! |---|---|
//! | `{"command":"tick"}` | advances every open shift |
//! | `{"command":"start","plan":{…}}` | checks everything and begins; with `"dry_run":true` it shows the batches |
//! | `{"command":"status","record_name":…}` | one shift with its history |
//! | `{"command":"list"}` | every shift |
//! | `{"command":"pause","record_name":…}` | no step until `resume`; analysis and the way back stay on |
//! | `{"command":"resume","record_name":…}` | goes on, also past `pause_before` and after an edit that matches a step |
//! | `{"command":"promote","record_name":…}` | the next step without the rest of the bake time |
//! | `{"command":"abort","record_name":…}` | 100/0 at once; after a foreign edit with `"force":true` |
//! | `{"command":"finish","record_name":…}` | the successor's simple record, and what to take down in which order |
//! | `{"command":"stop"}`, `{"command":"go"}` | stops every mutation of every function (not `abort`), and lifts that |
//!
//! `hosted_zone_id` is needed where a name is shifted in two zones.

mod back;
mod finish;
mod go_on;
mod start;

use autopilot::{
    call::{Call, refused},
    dns::{HostedZoneId, RecordName},
    error::{Failure, FieldError},
    event::Command,
    ports::Announce,
    store::{ATTEMPTS, Record, StateRead, StateWrite},
};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tracing::info;

use crate::{
    advance::{Job, ShiftRecord, Shifts, date},
    answer,
    look::from_side,
    shift::Shift,
    world::World,
};

const COMMANDS: &str = "tick, start, status, list, pause, resume, promote, abort, finish, stop or go";

/// How an attempt of a command ended.
pub(crate) enum Tried {
    /// This is the answer.
    Answer(Value),
    /// Somebody else changed the record meanwhile: once more from a fresh read.
    Raced,
}

impl Tried {
    fn refused(field: &str, message: impl Into<String>) -> Self {
        Self::Answer(refused(&[FieldError::new(field, message.into())]))
    }
}

impl<W, S, B> Shifts<W, S, B>
where
    W: World,
    S: StateRead + StateWrite,
    B: Announce,
{
    pub(crate) async fn command(&self, command: &Command, call: &Call) -> Result<Value, Failure> {
        if let Some(answer) = self.desk.command(command, call.now).await? {
            return Ok(answer);
        }
        let fields = &command.fields;
        let answer = match command.name.as_str() {
            // All that a reconciliation could compare, every tick does.
            "tick" | "reconcile" => return self.tick(call.now).await,
            "start" => self.start(fields, call.now).await?,
            "list" => self.list(fields).await?,
            "status" => self.status(fields, call.now).await?,
            "pause" | "resume" | "promote" | "abort" | "finish" => {
                self.change(&command.name, fields, call.now).await?
            }
            _ => refused(&[FieldError::new("command", format!("expected {COMMANDS}"))]),
        };
        info!(decision = "command", reason = "asked", command = command.name.chars().take(40).collect::<String>(),
            ok = %answer["ok"], "Answered a command");
        Ok(answer)
    }

    /// Beside what is remembered, how App Runner's side does now: shown to compare, and never a condition of a step.
    async fn status(&self, fields: &Map<String, Value>, now: Timestamp) -> Result<Value, Failure> {
        let record = match self.find(fields).await? {
            Err(refusal) => return Ok(refusal),
            Ok(record) => record,
        };
        let mut answer = answered(&record);
        if let Some(shift) = record.state.work.as_ref().filter(|shift| shift.phase.is_open()) {
            answer["shift"]["from_side"] = answer::side(&from_side(&self.world, shift, now).await);
        }
        Ok(answer)
    }

    async fn list(&self, fields: &Map<String, Value>) -> Result<Value, Failure> {
        let zone: Option<HostedZoneId> = match fields.get("hosted_zone_id").map(parsed) {
            Some(None) => return Ok(refused(&[zone_expected()])),
            zone => zone.flatten(),
        };
        let records: Vec<ShiftRecord> = self.desk.cases().await?;
        let shifts = records.iter().filter_map(|record| record.state.work.as_ref());
        let shifts =
            shifts.filter(|shift| zone.as_ref().is_none_or(|zone| shift.plan.hosted_zone_id == *zone));
        Ok(json!({"ok": true, "shifts": shifts.map(answer::short).collect::<Vec<_>>()}))
    }

    /// A command that changes a shift, from a fresh read whenever somebody else was faster.
    async fn change(
        &self,
        word: &str,
        fields: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<Value, Failure> {
        for _ in 0..ATTEMPTS {
            let record = match self.find(fields).await? {
                Err(refusal) => return Ok(refusal),
                Ok(record) => record,
            };
            let force = match fields.get("force") {
                None | Some(Value::Null) => false,
                Some(Value::Bool(force)) => *force,
                Some(_) => return Ok(refused(&[FieldError::new("force", "expected true or false")])),
            };
            let tried = match word {
                "pause" => self.pause(record, now).await?,
                "resume" => self.resume(record, now).await?,
                "promote" => self.promote(record, now).await?,
                "abort" => self.abort(record, force, now).await?,
                _ => self.finish(record, force, now).await?,
            };
            if let Tried::Answer(answer) = tried {
                return Ok(answer);
            }
        }
        Err(Failure::Contended(format!("the shift that {word} is about")))
    }

    /// The shift that a command names; else the answer that says what is wrong with the name.
    async fn find(&self, fields: &Map<String, Value>) -> Result<Result<ShiftRecord, Value>, Failure> {
        let name: Option<RecordName> = fields.get("record_name").and_then(parsed);
        let zone: Option<Option<HostedZoneId>> = fields.get("hosted_zone_id").map(parsed);
        let mut errors = Vec::new();
        if name.is_none() {
            errors.push(FieldError::new("record_name", "expected the domain name that is shifted"));
        }
        if zone == Some(None) {
            errors.push(zone_expected());
        }
        let (Some(name), true) = (name, errors.is_empty()) else { return Ok(Err(refused(&errors))) };
        let zone = zone.flatten();
        let records: Vec<ShiftRecord> = self.desk.cases().await?;
        let mut fitting: Vec<ShiftRecord> = records
            .into_iter()
            .filter(|record| {
                record.state.work.as_ref().is_some_and(|shift| {
                    shift.plan.record_name == name
                        && zone.as_ref().is_none_or(|zone| shift.plan.hosted_zone_id == *zone)
                })
            })
            .collect();
        if fitting.len() > 1 {
            let zones = fitting.iter().filter_map(|record| record.state.work.as_ref());
            let zones: Vec<&str> = zones.map(|shift| shift.plan.hosted_zone_id.as_str()).collect();
            let message = format!("{name} is shifted in several zones; say which of {}", zones.join(", "));
            return Ok(Err(refused(&[FieldError::new("hosted_zone_id", message)])));
        }
        let none = || refused(&[FieldError::new("record_name", format!("there is no shift of {name}"))]);
        Ok(fitting.pop().ok_or_else(none))
    }

    /// Takes one shift as far as it goes now.
    async fn advance_one(&self, record: ShiftRecord, now: Timestamp) -> Result<Job, Failure> {
        let key = record.key.clone();
        let job = self.advance(vec![record], now).await?.pop();
        let Some(job) = job else { return Err(Failure::Contended(key.to_string())) };
        Ok(job)
    }

    /// Stores a change and takes the shift as far as it goes now.
    async fn store_and_advance(
        &self,
        mut record: ShiftRecord,
        now: Timestamp,
    ) -> Result<Result<Job, Tried>, Failure> {
        date(&mut record, now);
        if record.save(&self.desk.state).await? == autopilot::store::Written::Conflict {
            return Ok(Err(Tried::Raced));
        }
        Ok(Ok(self.advance_one(record, now).await?))
    }
}

fn zone_expected() -> FieldError {
    FieldError::new("hosted_zone_id", "expected the ID of a hosted zone, such as Z0EXAMPLE")
}

fn parsed<T: std::str::FromStr>(value: &Value) -> Option<T> {
    value.as_str()?.parse().ok()
}

/// The shift of a record, which commands only find where there is one.
fn shift_of(record: &mut ShiftRecord) -> Result<&mut Shift, Failure> {
    let key = record.key.to_string();
    record.state.work.as_mut().ok_or(Failure::Contended(key))
}

fn answered(
    record: &Record<autopilot::case::Case<Option<Shift>>, autopilot::announcement::Announcement>,
) -> Value {
    json!({"ok": true, "shift": record.state.work.as_ref().map(answer::whole)})
}
