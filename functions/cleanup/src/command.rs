//! What a person, or the schedule, can ask by invoking the function.
//!
//! | command | what it does |
//! |---|---|
//! | `{"command":"run"}` | a run at once; `"dry_run":true` changes nothing, `"confirm":N` allows N deletions |
//! | `{"command":"reconcile"}` | the same, from the schedule |
//! | `{"command":"status"}` | what is left over, since when, and when it is deleted; one read |
//! | `{"command":"keep","resource":…}` | keeps a resource for good; `"keep":false` takes that back |
//! | `{"command":"mode"…}`, `{"command":"stop"}`, `{"command":"go"}` | as of every function |

use autopilot::{
    call::{Call, refused},
    case::CaseRecord,
    error::{Failure, FieldError},
    event::Command,
    ports::{Announce, EndpointRead, EndpointWrite, IngressWrite, LeftoverRead, TrafficRead, ZoneRead},
    store::{self, StateRead, StateWrite},
};
use serde_json::{Map, Value, json};

use crate::{
    handler::{Cleanup, Request},
    report,
    state::{Memory, SUBJECT},
};

const COMMANDS: &str = "run, reconcile, status, keep, mode, stop or go";

impl<A, C, E, T, D, S, B> Cleanup<A, C, E, T, D, S, B>
where
    A: LeftoverRead,
    C: IngressWrite,
    E: EndpointRead + EndpointWrite,
    T: TrafficRead,
    D: ZoneRead,
    S: StateRead + StateWrite,
    B: Announce,
{
    pub(crate) async fn command(&self, command: &Command, call: &Call) -> Result<Value, Failure> {
        match command.name.as_str() {
            "run" => match request(&command.fields) {
                Ok(request) => self.run(request, call).await,
                Err(errors) => Ok(refused(&errors)),
            },
            "reconcile" => self.run(Request::default(), call).await,
            "status" => self.status().await,
            "keep" => self.keep(&command.fields).await,
            _ => {
                Ok(self.desk.command(command, call.now).await?.unwrap_or_else(|| {
                    refused(&[FieldError::new("command", format!("expected {COMMANDS}"))])
                }))
            }
        }
    }

    async fn status(&self) -> Result<Value, Failure> {
        let (record, control) = tokio::join!(self.desk.case::<Memory>(SUBJECT), self.desk.control());
        let (memory, stopped) = (record?.state.work, control?.stopped_since);
        let policy = &self.settings.policy;
        let resources: Vec<Value> = memory
            .resources
            .iter()
            .map(|(id, sighting)| {
                let mut entry = report::entry(id, sighting, policy);
                entry["reason"] = sighting.standing.words().map_or("seen", |(_, reason)| reason).into();
                entry
            })
            .collect();
        Ok(json!({
            "ok": true, "mode": self.settings.mode.as_str(), "stopped_since": stopped.map(|at| at.to_string()),
            "resources": resources, "kept": memory.kept,
        }))
    }

    async fn keep(&self, fields: &Map<String, Value>) -> Result<Value, Failure> {
        let keep = flag(fields, "keep", true);
        let resource = fields.get("resource").and_then(Value::as_str).filter(|text| is_resource(text));
        let resource = resource.map(str::to_owned).ok_or_else(|| {
            FieldError::new(
                "resource",
                "expected the ID of a VPC endpoint, the ARN of an App Runner resource, or a record as a report names it",
            )
        });
        let (keep, resource) = match (keep, resource) {
            (Ok(keep), Ok(resource)) => (keep, resource),
            (keep, resource) => {
                let errors = [resource.err(), keep.err()];
                return Ok(refused(&errors.into_iter().flatten().collect::<Vec<_>>()));
            }
        };
        let state = &self.desk.state;
        store::update(state, self.desk.key(SUBJECT), |record: &mut CaseRecord<Memory>| {
            SUBJECT.clone_into(&mut record.state.subject);
            record.state.open = true;
            let kept = &mut record.state.work.kept;
            if keep {
                kept.insert(resource.clone())
            } else {
                kept.remove(&resource)
            };
        })
        .await?;
        let mut answer = json!({"ok": true, "resource": resource, "kept": keep});
        if resource.starts_with("vpce-") {
            answer["the_same_by_tag"] = report::keep_command(&resource).into();
        }
        Ok(answer)
    }
}

fn request(fields: &Map<String, Value>) -> Result<Request, Vec<FieldError>> {
    let confirmed = match fields.get("confirm") {
        None | Some(Value::Null) => Ok(None),
        Some(number) => number.as_u64().and_then(|n| usize::try_from(n).ok()).map(Some).ok_or_else(|| {
            FieldError::new("confirm", "expected the number of deletions that the report names")
        }),
    };
    match (flag(fields, "dry_run", false), confirmed) {
        (Ok(dry_run), Ok(confirmed)) => Ok(Request { dry_run, confirmed }),
        (dry_run, confirmed) => Err([dry_run.err(), confirmed.err()].into_iter().flatten().collect()),
    }
}

fn flag(fields: &Map<String, Value>, name: &str, default: bool) -> Result<bool, FieldError> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(default),
        Some(value) => value.as_bool().ok_or_else(|| FieldError::new(name, "expected true or false")),
    }
}

/// `vpce-` and hexadecimal digits, an ARN of App Runner, or a record as the reports name it.
fn is_resource(text: &str) -> bool {
    let id = text.strip_prefix("vpce-");
    let hex = |id: &str| !id.is_empty() && id.len() <= 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
    let plain = |b: u8| b.is_ascii_alphanumeric() || b":/_-.*".contains(&b);
    let arn = text.starts_with("arn:") && text.contains(":apprunner:");
    let record = text.starts_with('Z') && text.split('/').count() >= 3;
    id.is_some_and(hex) || ((arn || record) && text.len() <= 1_011 && text.bytes().all(plain))
}
