//! Who watches: every call that a function makes passes here, before its work and after it.

mod dns;
mod endpoints;
pub(crate) mod evening;
mod invariant;
mod logs;
mod services;
mod stored;

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
};

use autopilot_tests::asked;
use jiff::{SignedDuration, Timestamp};
use sandbox::aws::{ApiError, Around, Clock, Fault, RequestRecord, Sandbox, service::Service as _};
use serde_json::Value;

pub(crate) use invariant::{Invariant, Violation};
pub(crate) use logs::listen;
use stored::Stored;

use crate::{faults::Sky, lambda::Ended, sabotage::Sabotage, world::SECRET};

/// What a person changed less than this ago may not have been seen by a function that acts now: no function runs
/// for longer than a minute, and none acts on what it read earlier than that.
const UNSEEN: SignedDuration = SignedDuration::from_secs(90);

/// The calls that change something, beside the state table.
const CHANGES: [&str; 7] = [
    "UpdateService",
    "DeleteService",
    "DeleteVpcIngressConnection",
    "ChangeResourceRecordSets",
    "DeleteVpcEndpoints",
    "CreateTags",
    "DeleteTags",
];

/// A change that was made by a function.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) at: Timestamp,
    pub(crate) function: String,
    pub(crate) operation: String,
    /// What announcements of it are about.
    pub(crate) subject: String,
}

/// Sees every call, remembers what the functions stored and did, and notes what must not be.
pub(crate) struct Watch {
    clock: Clock,
    sky: Sky,
    sabotage: Option<Sabotage>,
    account: OnceLock<Weak<Sandbox>>,
    state: Mutex<State>,
}

#[derive(Default)]
pub(crate) struct State {
    /// The state table, by partition and sort key, as far as functions wrote it.
    stored: BTreeMap<(String, String), Stored>,
    pub(crate) changes: Vec<Change>,
    /// Intents that had their call.
    spent: BTreeSet<String>,
    /// When a person last did something about a subject.
    touched: BTreeMap<String, Timestamp>,
    /// Services of which people wanted to hear nothing.
    muted: BTreeSet<String>,
    /// Contents of a name that shifts may replace, and whether a shift wrote them.
    known_records: BTreeMap<String, bool>,
    /// Publications by thread whose answers were lost: each may cost one message more.
    unanswered: BTreeMap<String, usize>,
    checks: BTreeMap<Invariant, u64>,
    violations: Vec<Violation>,
    /// For the sabotage of that name.
    to_repeat: Option<RequestRecord>,
    /// How many changes were made.
    pub(crate) made: u64,
    calls: u64,
    trace: DefaultHasher,
    lines: Option<Vec<String>>,
}

impl Watch {
    pub(crate) fn new(clock: Clock, sky: Sky, sabotage: Option<Sabotage>) -> Self {
        let lines = asked("SIMULATION_TRACE").map(|_| Vec::new());
        let state = Mutex::new(State { lines, ..State::default() });
        Self { clock, sky, sabotage, account: OnceLock::new(), state }
    }

    pub(crate) fn attach(&self, account: &Arc<Sandbox>) {
        let _ = self.account.set(Arc::downgrade(account));
    }

    /// The account's hook around the work of every request.
    pub(crate) fn around(watch: &Arc<Self>) -> Around {
        let watch = watch.clone();
        Arc::new(move |record, work| watch.see(record, work))
    }

    fn account(&self) -> Option<Arc<Sandbox>> {
        self.account.get().and_then(Weak::upgrade)
    }

    fn see(
        &self,
        record: &RequestRecord,
        work: &dyn Fn(&Value) -> Result<Value, ApiError>,
    ) -> Result<Value, ApiError> {
        let Some(account) = self.account() else { return work(&record.input) };
        let Some(sabotage) = self.sabotage else { return self.observed(&account, record, work) };
        if sabotage == Sabotage::RepeatedCall {
            self.repeat(&account);
        }
        let answer = sabotage.answer(&account, record, &|record| self.observed(&account, record, work));
        if record.operation == "UpdateService" && answer.is_ok() {
            self.state().to_repeat = Some(record.clone());
        }
        answer
    }

    /// Makes a function's last change of a service once more, as soon as App Runner takes it.
    fn repeat(&self, account: &Sandbox) {
        let Some(record) = self.state().to_repeat.clone() else { return };
        let described = account.services().describe(&text(&record.input, "ServiceArn")).unwrap_or_default();
        if described["Status"] != "OPERATION_IN_PROGRESS" {
            self.state().to_repeat = None;
            let work = |input: &Value| account.services().call(&record.operation, input);
            // Nobody hears the answer.
            let _ = self.observed(account, &record, &work);
        }
    }

    fn observed(
        &self,
        account: &Sandbox,
        record: &RequestRecord,
        work: &dyn Fn(&Value) -> Result<Value, ApiError>,
    ) -> Result<Value, ApiError> {
        let before = self.state().before(account, record, self.clock.now());
        if ["UpdateService", "DeleteService"].contains(&record.operation.as_str())
            && let Some(course) = self.sky.course()
        {
            account.script(&text(&record.input, "ServiceArn"), course);
        }
        let result = work(&record.input);
        if result.as_ref().is_err_and(|error| error.code == "ConditionalCheckFailedException") {
            self.sky.count("stale version refused");
        }
        self.state().after(account, record, before, &result, self.clock.now());
        result
    }

    /// A person did something about this subject.
    pub(crate) fn touch(&self, subject: &str) {
        self.state().touched.insert(subject.to_owned(), self.clock.now());
    }

    /// People do not want to hear of this service.
    pub(crate) fn mute(&self, service: &str) {
        self.state().muted.insert(service.to_owned());
    }

    /// A person lets shifts replace what is at the name now.
    pub(crate) fn lets_replace(&self, account: &Sandbox) {
        self.state().know_records(account);
    }

    /// A line of the trace.
    pub(crate) fn note(&self, line: impl FnOnce() -> String) {
        let now = self.clock.now();
        self.state().note(now, line);
    }

    /// What a function answers may be read by anybody.
    pub(crate) fn read_by_people(&self, what: &str, ended: &Ended) {
        let text = match ended {
            Ended::Answered(answer) => answer.to_string(),
            Ended::Failed(failure) => failure.clone(),
            Ended::Died => return,
        };
        let now = self.clock.now();
        self.state().keeps_secret(what, &text, now);
    }

    /// The hash of everything that happened.
    pub(crate) fn fingerprint(&self) -> u64 {
        self.state().trace.finish()
    }

    /// Every line, where they are kept.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.state().lines.clone().unwrap_or_default()
    }

    pub(crate) fn checks(&self) -> BTreeMap<Invariant, u64> {
        self.state().checks.clone()
    }

    pub(crate) fn violations(&self) -> Vec<Violation> {
        self.state().violations.clone()
    }

    pub(crate) fn calls(&self) -> u64 {
        self.state().calls
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread that a message of the chat topic belongs to; empty for the alert topic, whose messages name none.
fn thread_of(message: &str) -> String {
    let message: Value = serde_json::from_str(message).unwrap_or_default();
    text(&message["metadata"], "threadId")
}

fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap_or_default().to_owned()
}

/// What was there before a call's work.
enum Before {
    Nothing,
    /// A change with a stored intent, told apart from all others.
    Service {
        intent: Option<String>,
        subject: String,
    },
    Records {
        intent: Option<String>,
        there: String,
    },
    Endpoints,
}

impl State {
    fn before(&mut self, account: &Sandbox, record: &RequestRecord, now: Timestamp) -> Before {
        if !CHANGES.contains(&record.operation.as_str()) {
            return Before::Nothing;
        }
        match record.operation.as_str() {
            "ChangeResourceRecordSets" => self.before_records(account, now),
            "DeleteVpcEndpoints" | "CreateTags" | "DeleteTags" => {
                self.before_endpoints(account, record, now);
                Before::Endpoints
            }
            _ => self.before_service(account, record, now),
        }
    }

    fn after(
        &mut self,
        account: &Sandbox,
        record: &RequestRecord,
        before: Before,
        result: &Result<Value, ApiError>,
        now: Timestamp,
    ) {
        self.calls += 1;
        self.note(now, || {
            let ended = result.as_ref().err().map_or("ok", |error| error.code.as_str());
            let fault = record.fault.as_ref().map(|fault| format!(" {fault:?}")).unwrap_or_default();
            let about = record.resource.as_deref().unwrap_or_default();
            let caller = record.caller.as_deref().unwrap_or_default();
            format!("{caller} {}:{} {about} {ended}{fault}", record.service, record.operation)
        });
        if record.operation == "Publish" && record.fault == Some(Fault::TimeoutAfterWork) {
            *self.unanswered.entry(thread_of(&text(&record.input, "Message"))).or_default() += 1;
        }
        match record.operation.as_str() {
            "Publish" | "PutEvents" => self.keeps_secret(&record.operation, &record.input.to_string(), now),
            "PutItem" if result.is_ok() => self.stores(&record.input, now),
            _ => {}
        }
        if result.is_err() {
            return;
        }
        match before {
            Before::Nothing => {}
            Before::Service { intent, subject } => self.after_service(record, intent, &subject, now),
            Before::Records { intent, there } => self.after_records(account, record, intent, &there, now),
            Before::Endpoints => self.note_change(record, "app-runner-leftovers", now),
        }
    }

    /// Notes a change that was made.
    fn note_change(&mut self, record: &RequestRecord, subject: &str, at: Timestamp) {
        self.made += 1;
        let (function, operation) = (record.caller.clone().unwrap_or_default(), record.operation.clone());
        self.changes.push(Change { at, function, operation, subject: subject.to_owned() });
    }

    /// Counts a look at an invariant, and notes a breach of it.
    fn check(&mut self, invariant: Invariant, holds: bool, at: Timestamp, what: impl FnOnce() -> String) {
        *self.checks.entry(invariant).or_default() += 1;
        let noted = || self.violations.iter().filter(|violation| violation.invariant == invariant).count();
        if !holds && noted() < 5 {
            let what = what().chars().take(600).collect();
            let violation = Violation { invariant, at, what };
            self.note(at, || format!("VIOLATION {violation}"));
            self.violations.push(violation);
        }
    }

    /// An intent may be spent once.
    fn spend(&mut self, record: &RequestRecord, intent: Option<String>, now: Timestamp) {
        let call = || format!("{} by {}", record.operation, record.caller.as_deref().unwrap_or_default());
        let Some(intent) = intent else {
            return self
                .check(Invariant::OneCallAnIntent, false, now, || format!("{} without intent", call()));
        };
        let first = self.spent.insert(intent.clone());
        self.check(Invariant::OneCallAnIntent, first, now, || format!("{} again for {intent}", call()));
    }

    fn is_fresh(&self, subject: &str, now: Timestamp) -> bool {
        self.touched.get(subject).is_some_and(|at| now.duration_since(*at) < UNSEEN)
    }

    fn keeps_secret(&mut self, what: &str, text: &str, now: Timestamp) {
        self.check(Invariant::Secret, !text.contains(SECRET), now, || format!("{what} holds the secret"));
    }

    fn note(&mut self, now: Timestamp, line: impl FnOnce() -> String) {
        let line = line();
        now.as_millisecond().hash(&mut self.trace);
        line.hash(&mut self.trace);
        self.keep_line(now, &line);
    }

    fn keep_line(&mut self, now: Timestamp, line: &str) {
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{now} {line}"));
        }
    }
}
