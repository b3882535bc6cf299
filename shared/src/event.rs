//! What enters a function: an event of the bus, a schedule, or a person's command.
//!
//! App Runner's published pages disagree about the names of the fields in its events, so each field is looked
//! up under every spelling that was seen (the `*_FIELDS` tables). Optional envelope fields that are missing or
//! odd do not cost the event: a failure without a readable `time` is still a failure. That is why the
//! envelope is read here and not by a stricter type of somebody else's; docs/decisions/0002-dependencies.md.

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{
    announcement::{self, Announcement},
    error::FieldError,
    redact::Untrusted,
    service::{OperationType, ServiceArn, ServiceStatus},
};

/// Source of App Runner's own events.
pub const APP_RUNNER: &str = "aws.apprunner";

/// Source of alarms' events.
pub const CLOUD_WATCH: &str = "aws.cloudwatch";

/// Everything that a function can be invoked with.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// `AppRunner Service Status Change`.
    Status(ServiceEvent<StatusChange>),
    /// `AppRunner Service Operation Status Change`.
    Operation(ServiceEvent<OperationChange>),
    /// `AppRunner Custom Domain Validation Status Update`.
    CustomDomain(ServiceEvent<DomainChange>),
    /// `CloudWatch Alarm State Change`.
    Alarm(AlarmChange),
    /// What a function of the autopilot announced.
    Announcement(Box<Announcement>),
    /// A person's command, or a schedule's `tick` and `reconcile`.
    Command(Command),
    /// Something that no function here is concerned with; the reason says why.
    NotOurs(String),
}

/// An event about one App Runner service.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceEvent<T> {
    /// `id` of the event; the same event delivered twice has it twice.
    pub id: String,
    /// When it happened; the time of its arrival where the event does not say.
    pub at: Timestamp,
    /// The service.
    pub service: ServiceArn,
    /// App Runner's sentence, if any.
    pub message: Option<Untrusted>,
    /// What changed.
    pub change: T,
}

/// A change of a service's status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusChange {
    /// The status before, where told.
    pub previous: Option<ServiceStatus>,
    /// The status now.
    pub current: ServiceStatus,
}

/// A change of an operation's status. The event tells neither which operation nor why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationChange {
    /// The word as it came, for example `DeploymentFailed`.
    pub word: String,
    /// What the word says; absent for a word that is not documented.
    pub meaning: Option<(OperationType, Stage)>,
}

/// How far an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// …`Started`
    Started,
    /// …`CompletedSuccessfully`
    Completed,
    /// …`Failed`
    Failed,
}

/// News of a custom domain's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainChange {
    /// The domain, where told.
    pub domain: Option<String>,
    /// The status word as it came.
    pub status: String,
}

/// A change of an alarm's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmChange {
    /// Its name.
    pub name: String,
    /// Its state now: `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    pub state: String,
    /// When it changed; the time of the event's arrival where it does not say.
    pub at: Timestamp,
}

/// `{"command": "...", ...}`
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// The word.
    pub name: String,
    /// The other fields.
    pub fields: Map<String, Value>,
}

impl Command {
    /// The service that the command is about.
    pub fn service_arn(&self) -> Result<ServiceArn, FieldError> {
        match self.fields.get("service_arn").and_then(Value::as_str) {
            Some(arn) => arn.parse().map_err(|error| FieldError::new("service_arn", error)),
            None => Err(FieldError::new("service_arn", "expected the ARN of an App Runner service")),
        }
    }
}

const PREVIOUS_FIELDS: &[&str] =
    &["previousServiceStatus", "previousStatus", "PreviousServiceStatus", "PreviousStatus"];
const CURRENT_FIELDS: &[&str] =
    &["currentServiceStatus", "currentStatus", "CurrentServiceStatus", "CurrentStatus", "status", "Status"];
const OPERATION_FIELDS: &[&str] = &["operationStatus", "OperationStatus", "status", "Status"];
const NAME_FIELDS: &[&str] = &["serviceName", "ServiceName"];
const ID_FIELDS: &[&str] = &["serviceId", "ServiceId", "serviceID", "ServiceID"];
const MESSAGE_FIELDS: &[&str] = &["message", "Message"];
const DOMAIN_FIELDS: &[&str] =
    &["domainName", "customDomainName", "customDomain", "DomainName", "CustomDomainName", "CustomDomain"];
const DOMAIN_STATUS_FIELDS: &[&str] = &[
    "customDomainValidationStatus",
    "validationStatus",
    "certificateValidationStatus",
    "customDomainStatus",
    "domainStatus",
    "currentStatus",
    "operationStatus",
    "status",
    "CustomDomainValidationStatus",
    "ValidationStatus",
    "CustomDomainStatus",
    "CurrentStatus",
    "Status",
];

const OPERATION_WORDS: [(&str, OperationType); 6] = [
    ("CreateService", OperationType::CreateService),
    ("DeleteService", OperationType::DeleteService),
    ("UpdateService", OperationType::UpdateService),
    ("Deployment", OperationType::StartDeployment),
    ("PauseService", OperationType::PauseService),
    ("ResumeService", OperationType::ResumeService),
];
const STAGE_WORDS: [(&str, Stage); 3] =
    [("Started", Stage::Started), ("CompletedSuccessfully", Stage::Completed), ("Failed", Stage::Failed)];

impl OperationChange {
    /// Reads one of the 18 documented words; any other is carried without a meaning.
    pub fn new(word: &str) -> Self {
        let meaning = OPERATION_WORDS.iter().find_map(|(prefix, kind)| {
            let rest = word.strip_prefix(prefix)?;
            let (_, stage) = STAGE_WORDS.iter().find(|(suffix, _)| *suffix == rest)?;
            Some((kind.clone(), *stage))
        });
        Self { word: word.to_owned(), meaning }
    }
}

/// Reads an invocation's payload; `now` stands in for an event's time where it has none.
pub fn parse(payload: &Value, now: Timestamp) -> Result<Input, FieldError> {
    let Value::Object(fields) = payload else {
        return Err(FieldError::new("payload", format!("expected an object, found {}", found(payload))));
    };
    if let Some(name) = text(fields, "command", &["command"])? {
        let fields = fields.iter().filter(|(key, _)| *key != "command").map(|(k, v)| (k.clone(), v.clone()));
        return Ok(Input::Command(Command { name: name.to_owned(), fields: fields.collect() }));
    }
    let source = required(fields, "source", &["source"])?;
    let detail_type = required(fields, "detail-type", &["detail-type"])?;
    match source {
        APP_RUNNER => app_runner_event(fields, detail_type, now),
        CLOUD_WATCH if detail_type == "CloudWatch Alarm State Change" => alarm_event(fields, now),
        announcement::SOURCE => {
            Ok(Input::Announcement(Box::new(Announcement::from_event(detail_type, detail(fields)?)?)))
        }
        other => Ok(Input::NotOurs(format!("events of source {} are not handled here", cut(other)))),
    }
}

fn app_runner_event(
    fields: &Map<String, Value>,
    detail_type: &str,
    now: Timestamp,
) -> Result<Input, FieldError> {
    match detail_type {
        "AppRunner Service Status Change" => {
            let detail = detail(fields)?;
            let current =
                ServiceStatus::from(required(detail, "detail.currentServiceStatus", CURRENT_FIELDS)?);
            let previous =
                text(detail, "detail.previousServiceStatus", PREVIOUS_FIELDS)?.map(ServiceStatus::from);
            Ok(Input::Status(envelope(fields, now, StatusChange { previous, current })?))
        }
        "AppRunner Service Operation Status Change" => {
            let word = required(detail(fields)?, "detail.operationStatus", OPERATION_FIELDS)?;
            Ok(Input::Operation(envelope(fields, now, OperationChange::new(word))?))
        }
        "AppRunner Custom Domain Validation Status Update" => {
            let detail = detail(fields)?;
            let status = required(detail, "detail.status", DOMAIN_STATUS_FIELDS)?.to_owned();
            let domain = text(detail, "detail.domainName", DOMAIN_FIELDS)?.map(str::to_owned);
            Ok(Input::CustomDomain(envelope(fields, now, DomainChange { domain, status })?))
        }
        other => Ok(Input::NotOurs(format!("App Runner events of type {} are not handled here", cut(other)))),
    }
}

/// The fields: CloudWatch user guide, "Alarm events and EventBridge".
fn alarm_event(fields: &Map<String, Value>, now: Timestamp) -> Result<Input, FieldError> {
    let detail = detail(fields)?;
    let name = required(detail, "detail.alarmName", &["alarmName"])?.to_owned();
    let state = match detail.get("state") {
        Some(Value::Object(state)) => required(state, "detail.state.value", &["value"])?.to_owned(),
        Some(other) => {
            let problem = format!("expected an object, found {}", found(other));
            return Err(FieldError::new("detail.state", problem));
        }
        None => return Err(FieldError::new("detail.state", "is missing")),
    };
    let at = fields.get("time").and_then(Value::as_str).and_then(|t| t.parse().ok()).unwrap_or(now);
    Ok(Input::Alarm(AlarmChange { name, state, at }))
}

fn envelope<T>(
    fields: &Map<String, Value>,
    now: Timestamp,
    change: T,
) -> Result<ServiceEvent<T>, FieldError> {
    let at = fields.get("time").and_then(Value::as_str).and_then(|t| t.parse().ok()).unwrap_or(now);
    let detail = detail(fields)?;
    Ok(ServiceEvent {
        id: fields.get("id").and_then(Value::as_str).map_or_else(|| at.to_string(), cut),
        at,
        service: service_arn(fields, detail)?,
        message: text(detail, "detail.message", MESSAGE_FIELDS).ok().flatten().map(Untrusted::from),
        change,
    })
}

/// The ARN from `resources`; where that is missing, put together from the event's other fields.
fn service_arn(fields: &Map<String, Value>, detail: &Map<String, Value>) -> Result<ServiceArn, FieldError> {
    let arns =
        || fields.get("resources").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    if let Some(arn) = arns().find_map(|arn| arn.parse().ok()) {
        return Ok(arn);
    }
    let part = |names: &[&str], map: &Map<String, Value>| {
        names.iter().find_map(|name| map.get(*name)).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let region = part(&["region"], fields);
    let partition = match region.split('-').next() {
        Some("cn") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    let (account, name, id) =
        (part(&["account"], fields), part(NAME_FIELDS, detail), part(ID_FIELDS, detail));
    format!("arn:{partition}:apprunner:{region}:{account}:service/{name}/{id}").parse().map_err(|_| {
        let first = arns().next().map_or_else(|| "nothing".to_owned(), |arn| format!("{:?}", cut(arn)));
        FieldError::new("resources[0]", format!("expected the ARN of an App Runner service, found {first}"))
    })
}

fn detail(fields: &Map<String, Value>) -> Result<&Map<String, Value>, FieldError> {
    match fields.get("detail") {
        Some(Value::Object(detail)) => Ok(detail),
        Some(other) => Err(FieldError::new("detail", format!("expected an object, found {}", found(other)))),
        None => Err(FieldError::new("detail", "is missing")),
    }
}

/// The first of several spellings that is present. `null` counts as absent, another type is an error.
pub(crate) fn text<'a>(
    fields: &'a Map<String, Value>,
    path: &str,
    spellings: &[&str],
) -> Result<Option<&'a str>, FieldError> {
    match spellings.iter().find_map(|name| fields.get(*name)) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(FieldError::new(path, format!("expected a string, found {}", found(other)))),
    }
}

/// As [`text`], where the field must be there.
pub(crate) fn required<'a>(
    fields: &'a Map<String, Value>,
    path: &str,
    spellings: &[&str],
) -> Result<&'a str, FieldError> {
    text(fields, path, spellings)?.ok_or_else(|| FieldError::new(path, "is missing"))
}

/// What a value is, in few words and without showing it: it may hold a secret.
pub(crate) fn found(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A word from outside, made safe to repeat in a sentence: printable ASCII, at most 120 characters.
pub(crate) fn cut(word: &str) -> String {
    word.chars().take(120).map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
}
