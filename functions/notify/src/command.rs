//! What a person, or the schedule, can ask by invoking the function.
//!
//! | command | what it does |
//! |---|---|
//! | `{"command":"reconcile"}` | compares the account with what is remembered |
//! | `{"command":"test"}` | sends a test message and reports subscriptions that nobody confirmed |
//! | `{"command":"diagnose","service_arn":…}` | why the service's last operation failed |
//! | `{"command":"diagnose","evidence":{…}}` | the same from given evidence, without any call |
//! | `mode`, `stop`, `go` | as every function answers them: [`control`] |

use autopilot::{
    call::{Call, refused},
    control::{self, Changed},
    error::{Failure, FieldError},
    event::Command,
    evidence::Evidence,
    gather::Subject,
    ports::{AppRunnerRead, FactsRead, LogsRead, Publish, Subscription},
    store::{StateRead, StateWrite},
};
use serde_json::{Value, json};
use tracing::{error, info};

use crate::{
    explain::{self, Explanation},
    handler::Notify,
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
            "diagnose" => self.diagnose(command).await?,
            _ => match control::command(&self.state, command, call.now).await? {
                Some((answer, changed)) => {
                    if let Some(changed) = changed {
                        self.tell_of_control(changed, call).await;
                    }
                    answer
                }
                None => refused(&[FieldError::new("command", format!("expected {COMMANDS}"))]),
            },
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

    async fn diagnose(&self, command: &Command) -> Result<Value, Failure> {
        if let Some(evidence) = command.fields.get("evidence") {
            return Ok(match Evidence::from_json(evidence) {
                Ok(evidence) => {
                    let causes = explain::from_evidence(&evidence, &explain::redactor_of(&evidence));
                    json!({"ok": true, "causes": shown(&causes)})
                }
                Err(error) => refused(&[FieldError::new(error.path, format!("expected {}", error.expected))]),
            });
        }
        let service = match command.service_arn() {
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

    async fn tell_of_control(&self, changed: Changed, call: &Call) {
        let message = match changed {
            Changed::Stopped => {
                let lines = [
                    "No function changes anything until somebody invokes one with {\"command\":\"go\"}."
                        .to_owned(),
                    "Messages still go out, and a shift of traffic can still be aborted.".to_owned(),
                ];
                render::own("stop", Severity::Warning, "apprunner-autopilot: stopped by a person", lines)
            }
            Changed::Going => {
                let lines = ["Functions act again, each in its mode.".to_owned()];
                render::own("go", Severity::Info, "apprunner-autopilot: going again", lines)
            }
        };
        self.announce(&message, call).await;
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
