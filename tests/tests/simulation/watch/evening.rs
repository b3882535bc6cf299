//! The look at the whole account once all has been calm for one reconciliation.

use std::collections::BTreeSet;

use autopilot::{incident::ClosedBy, service::OperationType};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Invariant, State};
use crate::world::{NAME, World};

/// Reconciliations come every quarter of an hour, and a failed one is repeated within minutes.
const ONE_RECONCILIATION: SignedDuration = SignedDuration::from_mins(30);

/// How long a failure must have been there to count as one that lasted, in weather that may spoil several
/// reconciliations.
const LASTED: SignedDuration = SignedDuration::from_hours(3);

/// A shift's `progress_deadline`, as people plan it here, and some time to notice.
const DEADLINE: SignedDuration = SignedDuration::from_mins(190);

/// Looks at everything.
pub(crate) fn look(world: &World) {
    let now = world.clock.now();
    let mut state = world.watch.state();
    state.converged(now);
    state.acts_were_told(world, now);
    state.failures_were_told(world, now);
    state.all_has_an_end(world, now);
}

impl State {
    fn converged(&mut self, now: Timestamp) {
        let unsettled: Vec<String> = self
            .items()
            .filter(|(.., stored)| {
                let waits = stored.pending["entries"].as_array().is_some_and(|entries| !entries.is_empty());
                waits || stored.state["ledger"]["intent"].is_object()
            })
            .map(|(partition, sort, stored)| {
                format!(
                    "{partition}/{sort}: {} {}",
                    stored.state["ledger"]["intent"], stored.pending["entries"]
                )
            })
            .collect();
        self.check(Invariant::Converges, unsettled.is_empty(), now, || unsettled.join("; "));
    }

    fn acts_were_told(&mut self, world: &World, now: Timestamp) {
        let events = world.account.bus().recorded();
        let told: Vec<(Timestamp, String)> = events
            .into_iter()
            .filter(|(_, event)| event["source"] == autopilot::announcement::SOURCE)
            .map(|(at, event)| (at, event["detail"].to_string()))
            .collect();
        for change in self.changes.clone() {
            // The announcement may have been written before the call's answer was lost.
            let since = change.at - SignedDuration::from_mins(1);
            let said = told.iter().any(|(at, detail)| *at >= since && detail.contains(&change.subject));
            self.check(Invariant::ActsTold, said, now, || format!("nobody was told of {change:?}"));
        }
        self.forget_changes_before(now - SignedDuration::from_hours(48));
    }

    /// What is older is of no budget any more.
    fn forget_changes_before(&mut self, at: Timestamp) {
        self.changes.retain(|change| change.at >= at);
    }

    fn failures_were_told(&mut self, world: &World, now: Timestamp) {
        let alerts = Alerts::of(world);
        let services = world.all_services.borrow().clone();
        for (name, arn) in services {
            let incidents = self.incidents(&arn);
            for incident in &incidents {
                let thread = incident["id"].as_str().unwrap_or_default();
                let times = alerts.count(thread);
                let lost = self.unanswered.get(thread).copied().unwrap_or_default();
                self.check(Invariant::ToldOnce, times <= 2 + lost, now, || {
                    format!("{thread} was told {times} times")
                });
            }
            if self.muted.contains(&arn) || world.status(&arn) == "DELETED" {
                continue;
            }
            for operation in lasting_failures(world, &arn, now) {
                let known = incidents.iter().find(|incident| incident["operation"] == operation["Id"]);
                let acknowledged = known.is_some_and(|incident| incident["acknowledged"] == true);
                let times =
                    known.map_or(0, |incident| alerts.count(incident["id"].as_str().unwrap_or_default()));
                self.check(Invariant::Told, times >= 1 || acknowledged, now, || {
                    format!("nobody was told of {name}'s {operation}; known: {known:?}")
                });
            }
        }
    }

    /// How many failures of a service people were told of.
    pub(crate) fn told_failures(&self, arn: &str) -> usize {
        self.incidents(arn).iter().filter(|incident| incident["acknowledged"] != true).count()
    }

    fn incidents(&self, arn: &str) -> Vec<Value> {
        let key = ("notify".to_owned(), format!("subject {arn}"));
        let stored = self.stored.get(&key);
        stored.and_then(|stored| stored.state["incidents"].as_array().cloned()).unwrap_or_default()
    }

    fn all_has_an_end(&mut self, world: &World, now: Timestamp) {
        let services = world.all_services.borrow().clone();
        for (name, arn) in services {
            let status = world.status(&arn);
            let muted = self.muted.contains(&arn);
            for incident in
                self.incidents(&arn).iter().filter(|incident| incident["closed"].is_null() && !muted)
            {
                let over = is_over(world, &arn, &status, incident);
                self.check(Invariant::Ends, !over, now, || {
                    format!("{name} is {status}, and open: {incident}")
                });
            }
            let rests = status != "OPERATION_IN_PROGRESS";
            let work =
                self.case("rollback", &arn).map(|stored| stored.state["work"].clone()).unwrap_or_default();
            let follows = rests && (work["rolling"].is_object() || work["request"].is_object());
            self.check(Invariant::Ends, !follows, now, || {
                format!("rollback of {name} goes on at {status}: {work}")
            });
            let case = self.case("rebuild", &arn).map(|stored| stored.state.clone()).unwrap_or_default();
            let goes_on = case["open"] == true && (status == "DELETED" || status == "RUNNING");
            self.check(Invariant::Ends, !goes_on, now, || {
                format!("rebuild of {name} goes on at {status}: {case}")
            });
        }
        let shifts: Vec<Value> = self
            .items()
            .filter(|(partition, ..)| *partition == "shift")
            .map(|(.., stored)| stored.state["work"].clone())
            .filter(Value::is_object)
            .collect();
        for shift in shifts {
            let progressed_at = shift["progressed_at"].as_str().and_then(|at| at.parse::<Timestamp>().ok());
            let late = progressed_at.is_some_and(|at| now.duration_since(at) > DEADLINE);
            let moves = matches!(shift["phase"].as_str(), Some("Preparing" | "Progressing"));
            let stands = moves && late && shift["hold"].is_null() && self.control().stopped_since.is_none();
            self.check(Invariant::Ends, !stands, now, || {
                format!("the shift of {NAME} stands still: {shift}")
            });
        }
    }
}

/// Alerts of failures, by thread. Every message goes to the chat topic too, and there it names its thread.
struct Alerts(Vec<String>);

impl Alerts {
    fn of(world: &World) -> Self {
        let messages = world.account.messages().into_iter();
        let chats = messages.filter(|message| message.topic_arn.ends_with("-ChatTopic"));
        let failures =
            chats.filter(|message| message.attributes.get("phase").is_some_and(|phase| phase == "failure"));
        let threads = failures.filter_map(|message| {
            let chat: Value = serde_json::from_str(&message.message).ok()?;
            Some(chat["metadata"]["threadId"].as_str()?.to_owned())
        });
        Self(threads.collect())
    }

    fn count(&self, thread: &str) -> usize {
        self.0.iter().filter(|told| *told == thread).count()
    }
}

const FAILED: [&str; 3] = ["FAILED", "ROLLBACK_FAILED", "ROLLBACK_SUCCEEDED"];

fn at(operation: &Value, member: &str) -> Option<Timestamp> {
    let seconds = operation[member].as_f64()?;
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970 fit")]
    Timestamp::from_millisecond((seconds * 1000.0) as i64).ok()
}

/// Failed operations that nothing mended soon.
fn lasting_failures(world: &World, arn: &str, now: Timestamp) -> Vec<Value> {
    let operations = world.account.services().operations(arn);
    let is =
        |operation: &Value, words: &[&str]| words.contains(&operation["Status"].as_str().unwrap_or_default());
    let failures = operations.iter().enumerate().filter(|(_, operation)| is(operation, &FAILED));
    let lasting = failures.filter(|(index, operation)| {
        let Some(ended) = at(operation, "EndedAt") else { return false };
        // Operations come newest first.
        let mended = operations[..*index].iter().filter(|later| is(later, &["SUCCEEDED"]));
        let mended_at = mended.filter_map(|later| at(later, "EndedAt")).min();
        now.duration_since(ended) >= ONE_RECONCILIATION
            && mended_at.is_none_or(|mended| mended.duration_since(ended) >= LASTED)
    });
    lasting.map(|(_, operation)| operation.clone()).collect()
}

/// Whether the facts end an incident that is still open.
fn is_over(world: &World, arn: &str, status: &str, incident: &Value) -> bool {
    let kind = OperationType::from(incident["kind"].as_str().unwrap_or_default());
    let by_status = ClosedBy::of_status(&status.into()).is_some_and(|by| by.ends(&kind));
    let operations = world.account.services().operations(arn);
    let mine = operations.iter().position(|operation| operation["Id"] == incident["operation"]);
    let ships: BTreeSet<&str> = ["START_DEPLOYMENT", "UPDATE_SERVICE"].into();
    let mended = operations[..mine.unwrap_or(0)].iter().any(|later| {
        later["Status"] == "SUCCEEDED" && ships.contains(later["Type"].as_str().unwrap_or_default())
    });
    by_status || (mended && ClosedBy::LaterSuccess.ends(&kind))
}
