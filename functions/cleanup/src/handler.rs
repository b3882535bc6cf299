//! One invocation of `cleanup`: an event or a schedule starts a run, a person's command does or asks.

use std::cell::RefCell;

use autopilot::{
    call::{Call, Handler, ignored},
    case::Case,
    control::Mode,
    desk::Desk,
    error::Failure,
    event::{self, Input, OperationChange, Stage},
    incident::IncidentId,
    mutation::Outcome,
    ports::{Announce, EndpointRead, EndpointWrite, IngressWrite, LeftoverRead, TrafficRead, ZoneRead},
    service::OperationType,
    store::{StateRead, StateWrite},
    telemetry,
};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;
use tracing::info;

use crate::{
    run::Run,
    settings::{Policy, Settings},
    state::{Memory, SUBJECT, Standing},
};

/// Acts of one run at most; each deals with at least one resource.
const ACTS: usize = 200;

/// `cleanup` over its ports.
#[derive(Debug)]
pub struct Cleanup<A, C, E, T, D, S, B> {
    /// Settings.
    pub settings: Settings,
    /// App Runner, reading.
    pub apprunner: A,
    /// App Runner, deleting ingress connections.
    pub changes: C,
    /// EC2.
    pub ec2: E,
    /// CloudWatch.
    pub traffic: T,
    /// Route 53.
    pub dns: D,
    /// State and announcements.
    pub desk: Desk<S, B>,
}

/// What a run is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Whatever the mode, change nothing.
    pub dry_run: bool,
    /// So many deletions a person has confirmed.
    pub confirmed: Option<usize>,
}

impl<A, C, E, T, D, S, B> Handler for Cleanup<A, C, E, T, D, S, B>
where
    A: LeftoverRead,
    C: IngressWrite,
    E: EndpointRead + EndpointWrite,
    T: TrafficRead,
    D: ZoneRead,
    S: StateRead + StateWrite,
    B: Announce,
{
    async fn handle(&self, payload: Value, call: Call) -> Result<Value, Failure> {
        match event::parse(&payload, call.now)? {
            Input::Command(command) => self.command(&command, &call).await,
            Input::Operation(event) if leaves_something(&event.change) => {
                self.run(Request::default(), &call).await
            }
            Input::Operation(event) => Ok(ignored(&format!("{:?} leaves nothing behind", event.change.word))),
            Input::Status(_) | Input::CustomDomain(_) => Ok(ignored("the operation's event tells the same")),
            Input::Alarm(_) | Input::Announcement(_) => Ok(ignored("cleanup does not act on this")),
            Input::NotOurs(reason) => Ok(ignored(&reason)),
        }
    }
}

/// A deleted service leaves its endpoint behind, and so does one that an update made public.
fn leaves_something(change: &OperationChange) -> bool {
    use OperationType::{DeleteService, UpdateService};
    matches!(&change.meaning, Some((DeleteService | UpdateService, Stage::Completed)))
}

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
    /// One run: act after act, until nothing is left to do.
    pub(crate) async fn run(&self, request: Request, call: &Call) -> Result<Value, Failure> {
        let mode = match (self.settings.mode, request.dry_run) {
            (Mode::Off, _) => return Ok(ignored("cleanup is off")),
            (_, true) => Mode::DryRun,
            (mode, false) => mode,
        };
        let worker = Run {
            apprunner: &self.apprunner,
            changes: &self.changes,
            ec2: &self.ec2,
            traffic: &self.traffic,
            dns: &self.dns,
            settings: &self.settings,
            mode,
            confirmed: request.confirmed,
            inventory: OnceCell::new(),
            heard: RefCell::default(),
        };
        // The case is never closed, and there is one thread of messages a day.
        let begin = |case: &mut Case<Memory>| {
            case.open = true;
            case.incident = IncidentId::new(format!("cleanup:{}", call.now.strftime("%Y-%m-%d")));
        };
        let mut acts = Vec::new();
        let mut record = self.desk.case::<Memory>(SUBJECT).await?;
        let (decision, reason) = loop {
            let decided = self.desk.advance(&worker, record, begin, call.now).await?;
            record = self.desk.case::<Memory>(SUBJECT).await?;
            let Some(outcome) = &decided.outcome else { break (decided.decision, decided.reason) };
            acts.push(json!({"act": decided.decision, "what": decided.reason, "outcome": word(outcome)}));
            if record.state.ledger.intent.is_some() {
                break ("wait", "what was begun is not settled yet".to_owned());
            }
            if acts.len() >= ACTS {
                break ("wait", "there is more to do than one run does".to_owned());
            }
        };
        let memory = record.state.work;
        info!(decision, reason, acts = acts.len(), "The run ended: {decision}, {reason}");
        measure(&memory, &self.settings.policy, call.now);
        Ok(json!({
            "ok": true, "decision": decision, "reason": reason, "mode": mode.as_str(), "acts": acts,
            "leftovers": counts(&memory),
        }))
    }
}

/// How the act ended, in a word.
fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Made(_) => "made",
        Outcome::Planned(_) => "planned",
        Outcome::Stopped(_) => "stopped",
        Outcome::BudgetExhausted(_) => "budget-exhausted",
        Outcome::Refused(_) => "refused",
        Outcome::Wait(_) => "wait",
    }
}

/// What is left over, by reason.
fn counts(memory: &Memory) -> Map<String, Value> {
    let mut counts = Map::new();
    for sighting in memory.resources.values() {
        let word = sighting.standing.words().map_or("seen", |(_, reason)| reason);
        let count = counts.get(word).and_then(Value::as_u64).unwrap_or_default();
        counts.insert(word.to_owned(), (count + 1).into());
    }
    counts
}

fn measure(memory: &Memory, policy: &Policy, now: Timestamp) {
    let marked = memory.resources.values().filter(|s| matches!(s.standing, Standing::Marked { .. }));
    let whole = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    telemetry::count("cleanup", "Leftovers", whole(memory.resources.len()), now);
    telemetry::count("cleanup", "MarkedOrphans", whole(marked.count()), now);
    telemetry::amount("cleanup", "MonthlySaving", policy.hour_price.monthly(memory.freed_zones).0, now);
}
