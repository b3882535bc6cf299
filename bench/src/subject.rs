//! What is measured: a function with the event that it gets, in an account of its own.

use std::{collections::BTreeMap, path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use autopilot_tests::{IMAGE, NOTIFY, REBUILD, ROLLBACK, SHIFT, crossing::Crossing, hosting, root};
use jiff::{SignedDuration, Timestamp};
use sandbox::{
    aws::{
        Fault, Options,
        apprunner::{
            IngressStatus, OperationSpec, OperationStatus, OperationType, ServiceSpec, ServiceStatus,
        },
        ec2::endpoints::EndpointSpec,
        ecr::ImageSpec,
    },
    host::{invocation::InvokeResult, router::Disturbance},
    stage::Stage,
};
use serde_json::{Value, json};

use crate::{
    calls::Calls,
    front::{Authority, Front},
};

/// The logical ID of `cleanup`.
pub(crate) const CLEANUP: &str = "CleanupFunction";

/// Services that the failures are spread over.
const SERVICES: usize = 30;

/// Lines of each log of a deployment.
const LINES: usize = 20;

/// A line that shows a failure's cause, so that the diagnosis leaves nothing open.
const LAST_WORDS: &str = "ModuleNotFoundError: No module named 'flask'";

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `lambda_runtime` alone.
    Bare,
    /// A Python function that does what `notify` does for a failure.
    Python,
    /// `notify`, told of a failed deployment.
    Failure,
    /// `notify`, told of a deployment that succeeded.
    Success,
    /// `rollback`, each minute, with nothing open.
    RollbackTick,
    /// `rollback`, told of an update that succeeded: it records the version.
    Record,
    /// `rebuild`, each minute, with nothing open.
    RebuildTick,
    /// `rebuild`, told of a creation that failed.
    Rebuild,
    /// `shift`, each minute, with nothing open.
    ShiftTick,
    /// `shift`, each minute, with one shift that bakes.
    Bake,
    /// `cleanup`, once a day, with three services and an orphaned endpoint.
    Cleanup,
}

impl Kind {
    /// All of them, in the order of the tables.
    pub(crate) const ALL: [Self; 11] = [
        Self::Bare,
        Self::Python,
        Self::Success,
        Self::Failure,
        Self::RollbackTick,
        Self::Record,
        Self::RebuildTick,
        Self::Rebuild,
        Self::ShiftTick,
        Self::Bake,
        Self::Cleanup,
    ];

    /// Its name in the tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare handler",
            Self::Python => "Python, failure",
            Self::Failure => "notify, failure",
            Self::Success => "notify, success",
            Self::RollbackTick => "rollback, idle tick",
            Self::Record => "rollback, new version",
            Self::RebuildTick => "rebuild, idle tick",
            Self::Rebuild => "rebuild, failed creation",
            Self::ShiftTick => "shift, idle tick",
            Self::Bake => "shift, one shift bakes",
            Self::Cleanup => "cleanup, daily run",
        }
    }

    /// The function's binary, where it is one of the product's.
    pub(crate) fn binary(self) -> Option<&'static str> {
        match self {
            Self::Bare | Self::Python => None,
            Self::Failure | Self::Success => Some("notify"),
            Self::RollbackTick | Self::Record => Some("rollback"),
            Self::RebuildTick | Self::Rebuild => Some("rebuild"),
            Self::ShiftTick | Self::Bake => Some("shift"),
            Self::Cleanup => Some("cleanup"),
        }
    }

    fn function(self) -> &'static str {
        match self {
            Self::Bare | Self::Python | Self::Failure | Self::Success => NOTIFY,
            Self::RollbackTick | Self::Record => ROLLBACK,
            Self::RebuildTick | Self::Rebuild => REBUILD,
            Self::ShiftTick | Self::Bake => SHIFT,
            Self::Cleanup => CLEANUP,
        }
    }
}

/// How the account answers.
#[derive(Clone, Copy, Default)]
pub(crate) struct Conditions<'a> {
    /// TLS under this authority.
    pub(crate) tls: Option<&'a Authority>,
    /// How long each call takes at least.
    pub(crate) latency: Duration,
}

/// A function in an account.
pub(crate) struct Subject {
    /// What it is.
    pub(crate) kind: Kind,
    /// The account and the host.
    pub(crate) stage: Stage,
    /// Its calls.
    pub(crate) calls: Calls,
    /// TLS, where there is any.
    pub(crate) front: Option<Front>,
    services: Vec<String>,
    told: usize,
    instead: Option<Value>,
}

impl Subject {
    /// Sets the scene. `binaries` holds a program for the function.
    pub(crate) async fn raise(kind: Kind, binaries: &Path, conditions: Conditions<'_>) -> Result<Self> {
        let calls = Calls::default();
        let account = Options { phase: Duration::from_millis(1), service_quota: 1_000, ..Options::default() };
        let mut host = hosting(&[kind.function()]);
        host.init_timeout = Duration::from_mins(2);
        host.timeout = Some(Duration::from_mins(10));
        let front = match conditions.tls {
            Some(authority) => {
                let front = Front::open(authority).await?;
                let file = authority.file.display().to_string();
                host.variables = BTreeMap::from([
                    ("AWS_ENDPOINT_URL".to_owned(), front.endpoint()),
                    ("AWS_CA_BUNDLE".to_owned(), file.clone()),
                    ("SSL_CERT_FILE".to_owned(), file),
                ]);
                Some(front)
            }
            None => None,
        };
        let parameters = [
            ("HostedZoneIds", autopilot_tests::crossing::ZONE),
            ("RollbackMode", "on"),
            ("CleanupMode", "dry-run"),
            ("MinimumAge", "1h"),
        ];
        let template = root().join("template.yaml");
        let stage = Stage::raise(&template, &parameters, binaries, calls.watch(account), &host).await?;
        if let Some(front) = &front {
            front.lead(stage.account.endpoint());
        }
        // What happens in the account reaches the function as this program decides.
        stage.host.router.disturb(100_000, Disturbance::Lose);
        let (stage, services) = furnish(kind, stage).await?;
        if !conditions.latency.is_zero() {
            stage.account.faults().always("*", "*", Fault::Slow(conditions.latency));
        }
        let subject = Self { kind, stage, calls, front, services, told: 0, instead: None };
        subject.forget();
        Ok(subject)
    }

    /// How many services the account has.
    pub(crate) fn services(&self) -> usize {
        self.services.len()
    }

    /// From now on this is its event.
    pub(crate) fn send(&mut self, event: Value) {
        self.instead = Some(event);
    }

    /// The next event for it: never the same failure twice.
    pub(crate) fn event(&mut self) -> Result<Value> {
        if let Some(event) = &self.instead {
            return Ok(event.clone());
        }
        self.told += 1;
        let turn = self.told % self.services.len().max(1);
        let service = self.services.get(turn).cloned().unwrap_or_default();
        match self.kind {
            Kind::RollbackTick | Kind::RebuildTick | Kind::ShiftTick | Kind::Bake => {
                Ok(json!({"command": "tick"}))
            }
            Kind::Cleanup => Ok(json!({"command": "reconcile"})),
            Kind::Bare => Ok(json!({"number": self.told})),
            Kind::Failure | Kind::Python => {
                self.deploy(&service, OperationStatus::RollbackSucceeded)?;
                self.sample("notify/operation-deployment-failed.json", &service)
            }
            Kind::Success | Kind::Record => {
                self.deploy(&service, OperationStatus::Succeeded)?;
                self.sample("notify/operation-deployment-completed.json", &service)
            }
            Kind::Rebuild => self.sample("rebuild/status-create-failed.json", &service),
        }
    }

    /// A sample event, told of this service now.
    fn sample(&self, path: &str, service: &str) -> Result<Value> {
        let mut event = autopilot_tests::sample(path)?;
        let mut parts = service.rsplit('/');
        let (id, name) = (parts.next().context("an id")?, parts.next().context("a name")?);
        event["id"] = format!("event-{}", self.told).into();
        event["time"] = self.stage.account.clock().now().to_string().into();
        event["resources"] = json!([service]);
        event["detail"]["serviceName"] = name.into();
        event["detail"]["serviceId"] = id.into();
        Ok(event)
    }

    /// A deployment that has just ended, with its logs.
    fn deploy(&self, service: &str, status: OperationStatus) -> Result<()> {
        let account = &self.stage.account;
        let ended = account.clock().now();
        let (kind, started_at) = (OperationType::StartDeployment, ended - SignedDuration::from_secs(90));
        let operation = OperationSpec { kind, status, started_at, ended_at: Some(ended) };
        let id = account.services().add_operation(service, operation)?;
        let (platform, application) = account.services().log_groups(service)?;
        let write = |group: &str, stream: &str, line: &str| {
            account.put_log(group, stream, ended - SignedDuration::from_secs(5), line);
        };
        for line in 0..LINES {
            write(
                &platform,
                &format!("deployment/{id}"),
                &format!("[AppRunner] Step {line} of the deployment."),
            );
            write(&application, &format!("instance/{id}"), &format!("INFO worker {line} is starting"));
        }
        if status == OperationStatus::RollbackSucceeded {
            write(&application, &format!("instance/{id}"), LAST_WORDS);
            let line = format!("[AppRunner] Deployment with ID : {id} failed.");
            write(&platform, "events", &line);
        }
        Ok(())
    }

    /// Invokes the function; its answer must be one.
    pub(crate) async fn invoke(&self, event: &Value) -> Result<InvokeResult> {
        let result = self.stage.host.lambda.invoke(self.kind.function(), event.to_string()).await?;
        ensure!(result.error.is_none(), "{}: {:?} {:#?}", self.kind.name(), result.error, result.logs);
        Ok(result)
    }

    /// Ends its process, so that the next event meets a cold function.
    pub(crate) async fn chill(&self) {
        self.stage.host.lambda.kill_all();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    /// The number of its process.
    pub(crate) fn process(&self) -> Result<u32> {
        let processes = self.stage.host.lambda.processes(self.kind.function())?;
        processes.first().copied().with_context(|| format!("{} has no process", self.kind.name()))
    }

    /// Forgets what was asked and logged so far.
    pub(crate) fn forget(&self) {
        self.calls.clear();
        self.stage.account.requests().clear();
        self.stage.host.lambda.clear_logs();
        if let Some(front) = &self.front {
            front.connections();
        }
    }
}

/// Puts onto a stage what the function will find.
async fn furnish(kind: Kind, stage: Stage) -> Result<(Stage, Vec<String>)> {
    let (count, status) = match kind {
        Kind::Bare | Kind::Python | Kind::Failure | Kind::Success | Kind::Record => {
            (SERVICES, ServiceStatus::Running)
        }
        Kind::Rebuild => (SERVICES, ServiceStatus::CreateFailed),
        Kind::Cleanup => (3, ServiceStatus::Running),
        Kind::RollbackTick | Kind::RebuildTick | Kind::ShiftTick | Kind::Bake => (0, ServiceStatus::Running),
    };
    let mut services = Vec::new();
    for number in 0..count {
        let spec = ServiceSpec::image(&format!("service-{number}"), IMAGE).status(status);
        services.push(stage.account.services().create(spec)?);
    }
    match kind {
        Kind::Cleanup => leave_behind(&stage, &services[0]),
        Kind::Record => push_image(&stage),
        Kind::Bake => return Ok((start_a_shift(stage).await?, services)),
        _ => {}
    }
    Ok((stage, services))
}

/// The image that the services run.
fn push_image(stage: &Stage) {
    let platforms = vec!["linux/amd64".to_owned()];
    let image = ImageSpec {
        platforms,
        bytes: 50_000_000,
        exposed_ports: vec![8080],
        pushed_at: Timestamp::UNIX_EPOCH,
    };
    stage.account.ecr().push("123456789012", "orders", "v7", &image);
}

/// Two endpoints, of which one is in use.
fn leave_behind(stage: &Stage, service: &str) {
    let account = &stage.account;
    let long_ago = account.clock().now() - SignedDuration::from_hours(48);
    for id in ["vpce-0used", "vpce-0orphan"] {
        account.ec2().add_endpoint(EndpointSpec::requests(id, long_ago));
    }
    account.route53().add_zone(autopilot_tests::crossing::ZONE, "example.com");
    account.services().add_ingress("used", service, "vpc-1", "vpce-0used", IngressStatus::Available);
}

/// A shift at its first step, with half an hour to bake.
async fn start_a_shift(stage: Stage) -> Result<Stage> {
    let crossing = Crossing::furnish(stage)?;
    crossing.start(&json!({"bake_time": "30m", "analysis_interval": "1s"})).await?;
    crossing.serve(100.0, 0.0);
    crossing.tick_while(|shift| shift["step"] == 0).await?;
    Ok(crossing.stage)
}
