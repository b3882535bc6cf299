//! What a person, or the schedule, can ask by invoking the function.
//!
//! | command | what it does |
//! |---|---|
//! | `{"command":"reconcile"}` | compares the account with what is remembered |
//! | `{"command":"test"}` | sends a test message and reports subscriptions that nobody confirmed |
//! | `{"command":"diagnose","service_arn":…}` | why the service's last operation failed |
//! | `{"command":"diagnose","evidence":{…}}` | the same from given evidence, without any call |
//! | `{"command":"mode","service_arn":…,"action":…,"mode":…}` | sets a mode; `default` forgets it |
//! | `{"command":"stop"}`, `{"command":"go"}` | stops every mutation of every function, and lifts that |

use autopilot::{
    call::Call,
    control::{self, Action, Control, Mode},
    error::{Failure, FieldError},
    event::Command,
    evidence::Evidence,
    gather::Subject,
    ports::{AppRunnerRead, FactsRead, LogsRead, Publish, Subscription},
    service::ServiceArn,
    store::{self, Record, StateRead, StateWrite},
};
use serde_json::{Map, Value, json};
use tracing::{error, info};

use crate::{
    explain::{self, Explanation},
    handler::{Notify, refused},
    message::{Message, Severity},
    render,
};

const COMMANDS: &str = "reconcile, test, diagnose, mode, stop or go";

impl<A, L, F, S, P> Notify<A, L, F, S, P>
where
    A: AppRunnerRead,
    L: LogsRead,
    F: FactsRead,
    S: StateRead + StateWrite,
    P: Publish,
{
    pub(crate) async fn command(&self, command: &Command, call: &Call) -> Result<Value, Failure> {
        let answer = match command.name.as_str() {
            "reconcile" => return self.reconcile(call).await,
            "test" => self.test(call).await?,
            "diagnose" => self.diagnose(&command.fields).await?,
            "mode" => self.mode(&command.fields).await?,
            "stop" => self.stop(call).await?,
            "go" => self.go().await?,
            _ => refused(&[FieldError::new("command", format!("expected {COMMANDS}"))]),
        };
        info!(decision = "command", reason = "asked", command = known(&command.name), ok = %answer["ok"], "Answered a command");
        Ok(answer)
    }

    async fn test(&self, call: &Call) -> Result<Value, Failure> {
        let message = render::own(
            "test",
            Severity::Info,
            "apprunner-autopilot: test message",
            ["This is what its messages look like. Nothing happened and nothing was changed.".to_owned()],
        );
        let (published, people, chat) = tokio::join!(
            self.publish_now(&message, &call.request_id),
            self.topics.subscriptions(&self.settings.alert_topic),
            self.topics.subscriptions(&self.settings.chat_topic),
        );
        published?;
        let all: Vec<Subscription> = people?.into_iter().chain(chat?).collect();
        let shown = |s: &&Subscription| json!({"protocol": s.protocol, "endpoint": s.endpoint});
        let unconfirmed: Vec<_> = all.iter().filter(|s| !s.confirmed).map(|s| shown(&s)).collect();
        let confirmed = all.len() - unconfirmed.len();
        let mut answer = json!({"ok": true, "confirmed": confirmed, "unconfirmed": unconfirmed});
        if confirmed == 0 {
            answer["warning"] = "nobody receives alerts: no subscription is confirmed".into();
        }
        Ok(answer)
    }

    async fn diagnose(&self, fields: &Map<String, Value>) -> Result<Value, Failure> {
        if let Some(evidence) = fields.get("evidence") {
            return Ok(match Evidence::from_json(evidence) {
                Ok(evidence) => {
                    let causes = explain::from_evidence(&evidence, &explain::redactor_of(&evidence));
                    json!({"ok": true, "causes": shown(&causes)})
                }
                Err(error) => refused(&[FieldError::new(error.path, format!("expected {}", error.expected))]),
            });
        }
        let service = match service_arn(fields) {
            Ok(service) => service,
            Err(error) => return Ok(refused(&[error])),
        };
        let look = self.first_look(&service).await;
        let operations = look.operations.as_deref().unwrap_or_default();
        let Some(operation) = operations.first().cloned() else {
            let unread = look.operations.as_ref().err().map(autopilot::error::PortError::in_short);
            return Ok(json!({"ok": unread.is_none(), "causes": [], "unread": unread}));
        };
        let at = operation.last_known_at().unwrap_or_default();
        let shown_operation = json!({"id": operation.id, "type": operation.kind, "status": operation.status});
        let gathered = self.look_closer(&service, &look, Some(operation), Subject::default(), at).await;
        let redactor = gathered.redactor();
        let unread: Vec<_> =
            gathered.unread.iter().map(|unread| format!("{}: {}", unread.what, unread.why)).collect();
        Ok(json!({
            "ok": true,
            "operation": shown_operation,
            "causes": shown(&explain::causes(&gathered, &redactor)),
            "unread": unread,
        }))
    }

    async fn mode(&self, fields: &Map<String, Value>) -> Result<Value, Failure> {
        let word = |name: &str| fields.get(name).and_then(Value::as_str);
        let service = service_arn(fields);
        let action = word("action")
            .and_then(Action::from_word)
            .ok_or_else(|| FieldError::new("action", "expected rollback, rebuild or notify"));
        let mode = match word("mode") {
            Some("default") => Ok(None),
            mode => mode.and_then(|word| word.parse::<Mode>().ok()).map(Some).ok_or_else(|| {
                FieldError::new("mode", "expected off, dry-run, on, or default to forget the command")
            }),
        };
        let (service, action, mode) = match (service, action, mode) {
            (Ok(service), Ok(action), Ok(mode)) => (service, action, mode),
            (service, action, mode) => {
                let errors = [service.err(), action.err(), mode.err()];
                return Ok(refused(&errors.into_iter().flatten().collect::<Vec<_>>()));
            }
        };
        self.change_control(|control| control.set(action, &service, mode)).await?;
        let mode = mode.map_or("default", Mode::as_str);
        Ok(json!({"ok": true, "service_arn": service.as_str(), "action": action.as_str(), "mode": mode}))
    }

    async fn stop(&self, call: &Call) -> Result<Value, Failure> {
        let since = self.change_control(|control| *control.stopped_since.get_or_insert(call.now)).await?;
        let lines = [
            "No function changes anything until somebody invokes one with {\"command\":\"go\"}.".to_owned(),
            "Messages still go out, and a shift of traffic can still be aborted.".to_owned(),
        ];
        let title = "apprunner-autopilot: stopped by a person";
        self.announce(&render::own("stop", Severity::Warning, title, lines), call).await;
        Ok(json!({"ok": true, "stopped_since": since.to_string()}))
    }

    async fn go(&self) -> Result<Value, Failure> {
        let since = self.change_control(|control| control.stopped_since.take()).await?;
        let call = Call { request_id: "go".to_owned(), now: since.unwrap_or_default() };
        if since.is_some() {
            let lines = ["Functions act again, each in its mode.".to_owned()];
            self.announce(
                &render::own("go", Severity::Info, "apprunner-autopilot: going again", lines),
                &call,
            )
            .await;
        }
        Ok(json!({"ok": true, "was_stopped_since": since.map(|at| at.to_string())}))
    }

    async fn change_control<R>(&self, change: impl Fn(&mut Control) -> R) -> Result<R, Failure> {
        store::update(&self.state, control::key(), |record: &mut Record<Control, ()>| {
            change(&mut record.state)
        })
        .await
    }

    /// Tells people at once. What was asked is done already, so a topic that is down does not undo it.
    async fn announce(&self, message: &Message, call: &Call) {
        if let Err(failure) = self.publish_now(message, &call.request_id).await {
            error!(error = %failure, title = message.title, "Could not tell people: {}", message.title);
        }
    }

    async fn publish_now(&self, message: &Message, id: &str) -> Result<(), Failure> {
        let (people, chat) = (message.for_people(), message.for_chat(id));
        let (alert, chat) = tokio::join!(
            self.topics.publish(&self.settings.alert_topic, &people),
            self.topics.publish(&self.settings.chat_topic, &chat),
        );
        alert.and(chat).map_err(Failure::from)
    }
}

fn service_arn(fields: &Map<String, Value>) -> Result<ServiceArn, FieldError> {
    match fields.get("service_arn").and_then(Value::as_str) {
        Some(arn) => arn.parse().map_err(|error| FieldError::new("service_arn", error)),
        None => Err(FieldError::new("service_arn", "expected the ARN of an App Runner service")),
    }
}

fn shown(causes: &[Explanation]) -> Vec<Value> {
    let cause = |cause: &Explanation| {
        json!({"kind": cause.kind, "confidence": cause.confidence, "evidence": cause.evidence, "fix": cause.fix,
               "transient": cause.transient})
    };
    causes.iter().map(cause).collect()
}

/// A command's word for the logs: only known ones, since anything can be sent.
fn known(name: &str) -> &str {
    if COMMANDS.split([',', ' ']).any(|word| word == name) { name } else { "unknown" }
}
