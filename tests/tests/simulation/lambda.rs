//! Lambda: processes that answer one invocation at a time, repeats of what failed, and death.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::Arc,
};

use autopilot::{
    announcement::Topic,
    call::{Call, Handler},
    desk::Desk,
    error::Failure,
    settings::Environment,
};
use autopilot_aws::{
    acm::Acm,
    apprunner::{AppRunner, AppRunnerWrite},
    cloudwatch::CloudWatch,
    dynamodb::Table,
    ec2::Ec2,
    ecr::Ecr,
    ecs::Ecs,
    elbv2::Elbv2,
    eventbridge::Bus,
    facts::Facts,
    logs::Logs,
    route53::{Route53, Route53Write},
    sns::Sns,
};
use aws_types::SdkConfig;
use sandbox::{
    aws::{Clock, Door},
    host::{function::Function, template::Template},
};
use serde_json::Value;
use tokio::{
    task::spawn_local,
    time::{Duration, sleep, timeout},
};

use crate::{
    faults::Sky,
    watch::Watch,
    wire::{self, INVOCATION, Invocation},
};

/// The logical IDs of the functions.
pub(crate) const FUNCTIONS: [&str; 5] =
    ["NotifyFunction", "RollbackFunction", "RebuildFunction", "ShiftFunction", "CleanupFunction"];

/// How long Lambda waits before it repeats a failed asynchronous invocation.
const REPEATS_AFTER: [Duration; 2] = [Duration::from_mins(1), Duration::from_mins(2)];

type Answer = Pin<Box<dyn Future<Output = Result<Value, Failure>>>>;

/// One process: a function with its clients and whatever it keeps in memory.
type Process = Rc<dyn Fn(Value, Call) -> Answer>;

/// How an invocation ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ended {
    Answered(Value),
    Failed(String),
    Died,
}

/// The functions of the stack.
pub(crate) struct Lambda {
    sky: Sky,
    clock: Clock,
    watch: Arc<Watch>,
    functions: BTreeMap<String, Function>,
    sdks: BTreeMap<&'static str, SdkConfig>,
    /// Processes that wait for their next invocation.
    idle: RefCell<BTreeMap<&'static str, Vec<Process>>>,
    requests: Cell<u64>,
    /// Functions whose last tick found nothing open, and which were not invoked since.
    quiet: RefCell<BTreeSet<&'static str>>,
    /// Invocations, and those that were given up.
    pub(crate) invocations: Cell<u64>,
    pub(crate) given_up: Cell<u64>,
}

impl Lambda {
    pub(crate) fn new(
        template: &Template,
        door: &Door,
        sky: Sky,
        clock: Clock,
        watch: Arc<Watch>,
    ) -> Rc<Self> {
        #[expect(clippy::expect_used, reason = "the environment is the simulation's own, and whole")]
        let sdk = |function| wire::sdk(function, door, &sky).expect("a configuration");
        let sdks = FUNCTIONS.map(|function| (function, sdk(function)));
        Rc::new(Self {
            sky,
            clock,
            watch,
            functions: template.functions().clone(),
            sdks: sdks.into(),
            idle: RefCell::default(),
            requests: Cell::new(0),
            quiet: RefCell::default(),
            invocations: Cell::new(0),
            given_up: Cell::new(0),
        })
    }

    /// Whether a further tick would only read.
    pub(crate) fn is_quiet(&self, function: &str) -> bool {
        self.quiet.borrow().contains(function)
    }

    /// An asynchronous invocation, with Lambda's repeats.
    pub(crate) fn deliver(self: &Rc<Self>, function: &'static str, payload: &Value) {
        let times = if self.sky.doubles() { 2 } else { 1 };
        for _ in 0..times {
            let (lambda, payload) = (self.clone(), payload.clone());
            spawn_local(async move { lambda.with_repeats(function, payload).await });
        }
    }

    async fn with_repeats(&self, function: &'static str, payload: Value) {
        let request_id = self.request_id();
        let repeats = self.functions[function].asynchronous.maximum_retry_attempts as usize;
        for attempt in 0..=repeats {
            match self.invoke_as(function, payload.clone(), &request_id).await {
                Ended::Answered(_) => return,
                Ended::Failed(_) | Ended::Died => {
                    if attempt < repeats {
                        sleep(REPEATS_AFTER[attempt.min(1)]).await;
                    }
                }
            }
        }
        self.given_up.set(self.given_up.get() + 1);
    }

    /// A synchronous invocation, as a person makes it: once.
    pub(crate) async fn ask(&self, function: &'static str, command: &Value) -> Ended {
        let request_id = self.request_id();
        self.invoke_as(function, command.clone(), &request_id).await
    }

    fn request_id(&self) -> String {
        self.requests.set(self.requests.get() + 1);
        format!("request-{}", self.requests.get())
    }

    async fn invoke_as(&self, function: &'static str, payload: Value, request_id: &str) -> Ended {
        self.invocations.set(self.invocations.get() + 1);
        let is_tick = payload["command"] == "tick";
        if !is_tick {
            self.quiet.borrow_mut().remove(function);
        }
        let free = self.idle.borrow_mut().entry(function).or_default().pop();
        let process = free.unwrap_or_else(|| self.start(function));
        let invocation = Arc::new(Invocation::default());
        let call = Call { request_id: request_id.to_owned(), now: self.clock.now() };
        let work = INVOCATION.scope(invocation.clone(), process(payload, call));
        let answer = tokio::select! {
            biased;
            () = invocation.death() => {
                self.watch.note(|| format!("{function} {request_id} died"));
                return Ended::Died;
            }
            answer = timeout(self.functions[function].timeout, work) => answer,
        };
        // What ran out of time is gone with its process.
        let Ok(answer) = answer else {
            self.watch.note(|| format!("{function} ran out of time"));
            return Ended::Died;
        };
        self.idle.borrow_mut().entry(function).or_default().push(process);
        let ended = match answer {
            Ok(answer) => {
                if is_tick && (answer["open"] == 0 || answer["shifts"] == 0) {
                    self.quiet.borrow_mut().insert(function);
                }
                Ended::Answered(answer)
            }
            Err(failure) => Ended::Failed(format!("{}: {failure}", failure.class().as_str())),
        };
        self.watch.note(|| format!("{function} {request_id}: {ended:?}"));
        self.watch.read_by_people(function, &ended);
        ended
    }

    fn environment(&self, function: &str) -> Environment {
        let template = &self.functions[function].environment;
        let mut environment: Environment =
            template.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        environment.insert("AWS_REGION".to_owned(), "us-east-1".to_owned());
        environment
    }

    /// A cold start: what the function's `main` does.
    fn start(&self, function: &'static str) -> Process {
        let sdk = &self.sdks[function];
        let environment = self.environment(function);
        let wired = match function {
            "NotifyFunction" => notify(sdk, &environment),
            "RollbackFunction" => rollback(sdk, &environment),
            "RebuildFunction" => rebuild(sdk, &environment),
            "ShiftFunction" => shift(sdk, &environment),
            _ => cleanup(sdk, &environment),
        };
        wired.unwrap_or_else(|error| unreachable!("the template sets what {function} needs: {error}"))
    }
}

type Wired = Result<Process, autopilot::settings::SettingError>;

fn process(handler: impl Handler + 'static) -> Process {
    let handler = Rc::new(handler);
    Rc::new(move |payload, call| {
        let handler = handler.clone();
        Box::pin(async move { handler.handle(payload, call).await })
    })
}

fn desk(sdk: &SdkConfig, table: &str, partition: &'static str, topic: Topic) -> Desk<Table, Bus> {
    Desk { partition, topic, state: Table::new(sdk, table), bus: Bus::new(sdk) }
}

fn notify(sdk: &SdkConfig, environment: &Environment) -> Wired {
    let settings = notify::settings::Settings::from_environment(environment)?;
    let apprunner = AppRunner::new(sdk);
    Ok(process(notify::handler::Notify {
        facts: Facts::new(sdk, &apprunner),
        apprunner,
        logs: Logs::new(sdk),
        state: Table::new(sdk, &settings.state_table),
        topics: Sns::new(sdk),
        settings,
    }))
}

fn rollback(sdk: &SdkConfig, environment: &Environment) -> Wired {
    let settings = rollback::settings::Settings::from_environment(environment)?;
    Ok(process(rollback::handler::Rollback {
        apprunner: AppRunner::new(sdk),
        changes: AppRunnerWrite::new(sdk),
        metrics: CloudWatch::new(sdk),
        images: Ecr::new(sdk),
        desk: desk(sdk, &settings.state_table, rollback::case::PARTITION, Topic::Rollback),
        settings,
    }))
}

fn rebuild(sdk: &SdkConfig, environment: &Environment) -> Wired {
    let settings = rebuild::settings::Settings::from_environment(environment)?;
    let apprunner = AppRunner::new(sdk);
    Ok(process(rebuild::handler::Rebuild {
        facts: Facts::new(sdk, &apprunner),
        apprunner,
        changes: AppRunnerWrite::new(sdk),
        logs: Logs::new(sdk),
        desk: desk(sdk, &settings.state_table, rebuild::case::PARTITION, Topic::Rebuild),
        settings,
    }))
}

fn shift(sdk: &SdkConfig, environment: &Environment) -> Wired {
    let settings = shift::settings::Settings::from_environment(environment)?;
    Ok(process(shift::advance::Shifts {
        world: shift::world::Clients {
            dns: shift::world::Paced::new(Route53::new(sdk), Route53Write::new(sdk)),
            apprunner: AppRunner::new(sdk),
            balancing: Elbv2::new(sdk),
            certificates: Acm::new(sdk),
            express: Ecs::new(sdk),
            metrics: CloudWatch::new(sdk),
        },
        desk: desk(sdk, &settings.state_table, shift::advance::PARTITION, Topic::TrafficShift),
    }))
}

fn cleanup(sdk: &SdkConfig, environment: &Environment) -> Wired {
    let settings = cleanup::settings::Settings::from_environment(environment)?;
    Ok(process(cleanup::handler::Cleanup {
        apprunner: AppRunner::new(sdk),
        changes: AppRunnerWrite::new(sdk),
        ec2: Ec2::new(sdk),
        traffic: CloudWatch::new(sdk),
        dns: Route53::new(sdk),
        desk: desk(sdk, &settings.state_table, cleanup::state::PARTITION, Topic::Cleanup),
        settings,
    }))
}
