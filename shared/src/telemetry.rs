//! Structured logs and metrics, in the shapes that Lambda users' tools already read.
//!
//! Logs: one JSON object a line with the key names of Powertools for AWS Lambda (`level`, `message`,
//! `timestamp`, `service`, `function_request_id`, `cold_start`, `correlation_id`), then the event's own fields.
//! A decision is logged once, with `decision` and `reason`. Metrics: the CloudWatch embedded metric format,
//! one line, so no call is needed to publish one.

use std::{
    collections::BTreeMap,
    fmt,
    io::Write,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tracing::{Event, Level, Metadata, Subscriber, field::Field};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
};

/// Namespace of the metrics.
pub const NAMESPACE: &str = "AppRunnerAutopilot";

/// What every line of an invocation carries. Set anew at the start of each.
#[derive(Clone, Debug, Default)]
pub struct Invocation {
    /// Lambda's request ID, the same over Lambda's own retries.
    pub function_request_id: String,
    /// True for the first invocation of a process.
    pub cold_start: bool,
    /// What ties lines of several functions together: the event's id or the incident's.
    pub correlation_id: String,
}

static INVOCATION: Mutex<Option<Invocation>> = Mutex::new(None);

/// Names the invocation whose lines follow. A process handles one at a time.
pub fn begin(invocation: Invocation) {
    *INVOCATION.lock().unwrap_or_else(PoisonError::into_inner) = Some(invocation);
}

/// A `tracing` layer that writes JSON lines to standard output.
#[derive(Debug)]
pub struct JsonLines {
    service: &'static str,
    level: Level,
    now: fn() -> Timestamp,
}

impl JsonLines {
    /// Lines for a function; `now` is the process's clock.
    pub fn new(service: &'static str, level: Level, now: fn() -> Timestamp) -> Self {
        Self { service, level, now }
    }

    fn line(&self, level: Level, fields: BTreeMap<&'static str, Value>) -> Map<String, Value> {
        let invocation =
            INVOCATION.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default();
        let mut line = Map::new();
        line.insert("level".into(), level.as_str().into());
        line.insert("timestamp".into(), (self.now)().to_string().into());
        line.insert("service".into(), self.service.into());
        line.insert("function_request_id".into(), invocation.function_request_id.into());
        line.insert("cold_start".into(), invocation.cold_start.into());
        line.insert("correlation_id".into(), invocation.correlation_id.into());
        line.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
        line
    }
}

/// Sends every `tracing` event of this process to standard output as [`JsonLines`].
pub fn install(
    service: &'static str,
    level: Level,
    now: fn() -> Timestamp,
) -> Result<(), tracing::subscriber::SetGlobalDefaultError> {
    INSTALLED.store(true, Ordering::Relaxed);
    tracing::subscriber::set_global_default(
        tracing_subscriber::registry().with(JsonLines::new(service, level, now)),
    )
}

impl<S: Subscriber> Layer<S> for JsonLines {
    /// Other crates speak only when something is wrong: their details may hold what we redact. `lambda_runtime`'s
    /// panic layer is silent: it says again that an invocation failed, which its own line has told with the class.
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        let of = |crate_name: &str| metadata.target().starts_with(crate_name);
        let own = of("autopilot") || of(self.service);
        let level = if own { self.level } else { Level::ERROR };
        *metadata.level() <= level && !of("lambda_runtime::layers::panic")
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = *event.metadata().level();
        let mut fields = Fields::default();
        event.record(&mut fields);
        write_line(&Value::Object(self.line(level, fields.0)));
    }
}

/// True once [`install`] was called: before it, there is nobody to read a line.
static INSTALLED: AtomicBool = AtomicBool::new(false);

fn write_line(line: &Value) {
    if !INSTALLED.load(Ordering::Relaxed) {
        return;
    }
    let mut out = std::io::stdout().lock();
    // A log line that cannot be written must not fail the work that it speaks of.
    let _ = writeln!(out, "{line}");
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, Value>);

impl tracing::field::Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name(), value.into());
    }
}

/// Counts something in CloudWatch, by way of the log.
pub fn count(function: &'static str, metric: &'static str, value: u64, now: Timestamp) {
    emit(&[("Function", function)], &[(metric, "Count", value.into())], now);
}

/// Records an amount of money in CloudWatch, in USD, by way of the log.
pub fn amount(function: &'static str, metric: &'static str, usd: f64, now: Timestamp) {
    emit(&[("Function", function)], &[(metric, "None", usd.into())], now);
}

/// Counts a message to people in CloudWatch, by way of the log: of which function's doings it tells, and which
/// phase. `notify` itself tells of failures.
pub fn told(function: &str, phase: &str, now: Timestamp) {
    emit(&[("Function", function), ("Phase", phase)], &[("MessagesSent", "Count", 1.into())], now);
}

/// Records where the traffic of a name goes, in CloudWatch, by way of the log: the weights of both sides.
pub fn weights(record_name: &str, from: u8, to: u8, now: Timestamp) {
    let metrics = [("WeightFrom", "None", from.into()), ("WeightTo", "None", to.into())];
    emit(&[("RecordName", record_name)], &metrics, now);
}

/// Metrics with one set of dimensions, each with its unit.
/// Source: CloudWatch embedded metric format specification.
fn emit(dimensions: &[(&str, &str)], metrics: &[(&str, &str, Value)], now: Timestamp) {
    let names: Vec<_> = dimensions.iter().map(|(name, _)| name).collect();
    let units: Vec<_> = metrics.iter().map(|(name, unit, _)| json!({"Name": name, "Unit": unit})).collect();
    let mut line = json!({
        "_aws": {
            "Timestamp": now.as_millisecond(),
            "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [names], "Metrics": units}],
        },
    });
    for (name, value) in dimensions {
        line[*name] = (*value).into();
    }
    for (name, _, value) in metrics {
        line[*name] = value.clone();
    }
    write_line(&line);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_carries_the_invocation_and_its_own_fields() {
        begin(Invocation {
            function_request_id: "8476a536".into(),
            cold_start: true,
            correlation_id: "orders:0af3".into(),
        });
        let layer = JsonLines::new("notify", Level::INFO, || Timestamp::UNIX_EPOCH);
        let fields = BTreeMap::from([("message", json!("told")), ("decision", json!("tell"))]);
        let line = Value::Object(layer.line(Level::INFO, fields));
        assert_eq!(
            line,
            json!({"level": "INFO", "timestamp": "1970-01-01T00:00:00Z", "service": "notify",
                   "function_request_id": "8476a536", "cold_start": true, "correlation_id": "orders:0af3",
                   "message": "told", "decision": "tell"})
        );
    }
}
