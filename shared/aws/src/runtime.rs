//! From process start to answer: environment, clock, logs, AWS configuration, and Lambda's loop.
//!
//! This is the only module that reads the clock and the environment; clippy holds everybody else to it.

use std::cell::Cell;

use autopilot::{
    call::{Call, Handler},
    error::{Failure, FieldError},
    settings::Environment,
    telemetry::{self, Invocation},
};
use aws_types::SdkConfig;
use jiff::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use tracing::{Level, error};

use crate::sdk;

/// What ends a process.
pub type Error = lambda_runtime::Error;

/// What a function starts with.
#[derive(Debug)]
pub struct Start {
    /// The environment variables.
    pub environment: Environment,
    /// Region, credentials, endpoints and time-outs for every client.
    pub sdk: SdkConfig,
}

#[expect(clippy::disallowed_methods, reason = "this is the clock")]
fn now() -> Timestamp {
    Timestamp::now()
}

#[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
fn environment() -> Environment {
    std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect()
}

/// Sets up logs and AWS configuration for a function of this name.
pub fn start(function: &'static str) -> Result<Start, Error> {
    let environment = environment();
    let level = autopilot::settings::optional::<Level>(&environment, "LOG_LEVEL")?.unwrap_or(Level::INFO);
    telemetry::install(function, level, now)?;
    // The release profile aborts on a panic; its reason is a line like any other.
    std::panic::set_hook(Box::new(|panic| error!(%panic, "The process ends: {panic}")));
    let sdk = sdk::configuration(&environment)?;
    Ok(Start { environment, sdk })
}

/// Answers invocations until Lambda ends the process.
pub async fn serve(handler: impl Handler) -> Result<(), Error> {
    let cold = Cell::new(true);
    let handler = &handler;
    let cold = &cold;
    let service = service_fn(move |event: LambdaEvent<Payload>| async move {
        let Payload(payload) = event.payload;
        let call = Call { request_id: event.context.request_id.clone(), now: now() };
        let correlation_id = payload.as_ref().ok().and_then(correlation_id).unwrap_or(&call.request_id);
        telemetry::begin(Invocation {
            function_request_id: call.request_id.clone(),
            cold_start: cold.replace(false),
            correlation_id: correlation_id.to_owned(),
        });
        let answer = match payload {
            // Boxed: the futures of SDK calls are large, and one invocation at a time does not feel the allocation.
            Ok(payload) => Box::pin(handler.handle(payload, call)).await,
            Err(error) => Err(Failure::Input(error)),
        };
        answer.map_err(|failure| {
            let class = failure.class().as_str();
            error!(class, error = %failure, "The invocation failed: {failure}");
            Diagnostic { error_type: class.to_owned(), error_message: failure.to_string() }
        })
    });
    lambda_runtime::Runtime::new(service).run().await
}

/// A payload, or why it is no JSON. Reading it never fails, so that what is wrong with it is told as all else is
/// and not in the runtime's own words.
struct Payload(Result<Value, FieldError>);

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let payload = Value::deserialize(deserializer);
        Ok(Self(payload.map_err(|error| FieldError::new("payload", format!("is no JSON: {error}")))))
    }
}

/// What ties this invocation to others: the incident of an announcement, else the event's own id.
fn correlation_id(payload: &Value) -> Option<&str> {
    payload.pointer("/detail/incident_id").or_else(|| payload.get("id")).and_then(Value::as_str)
}
