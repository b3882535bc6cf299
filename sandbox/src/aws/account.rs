//! The account as tests and the demo see it: start it, seed it, script it, look at it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::acm::Acm;
use super::apprunner::{AppRunner, Script, Settings};
use super::bus::{Bus, EventListener};
use super::clock::Clock;
use super::cloudwatch::CloudWatch;
use super::dynamodb::DynamoDb;
use super::ec2::Ec2;
use super::ecr::Ecr;
use super::ecs::Ecs;
use super::elbv2::Elbv2;
use super::error::ApiError;
use super::eventbridge::EventBridge;
use super::faults::Faults;
use super::iam::Iam;
use super::idle::Activity;
use super::logs::Logs;
use super::requests::{RequestHook, RequestLog};
use super::route53::Route53;
use super::server::{Around, Door, Endpoint, serve};
use super::service::Service;
use super::sns::{Message, Sns};
use super::sts::Sts;

/// How the sandbox is to be.
pub struct Options {
    /// The account ID.
    pub account: String,
    /// The Region.
    pub region: String,
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// How long each phase of an App Runner operation lasts; an operation has two, a rollback adds one.
    pub phase: Duration,
    /// How many services `CreateService` admits. Seeded services count, but are never refused.
    pub service_quota: usize,
    /// How long a call that a fault leaves without answer is held at most.
    pub hold: Duration,
    /// The clock of everything in the account.
    pub clock: Clock,
    /// Stands around the work of every request.
    pub around: Option<Around>,
    /// Receives every event of the default bus, in order, on a task of its own.
    pub on_event: Option<EventListener>,
    /// A directory to which every kind of request that was made is written too.
    pub requests: Option<PathBuf>,
    /// Called with each request before any of its work is done.
    pub on_request: Option<RequestHook>,
    /// Called when the work of a request is done, just before the answer is written.
    pub on_response: Option<RequestHook>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            account: "123456789012".to_owned(),
            region: "us-east-1".to_owned(),
            port: 0,
            phase: Duration::from_millis(30),
            service_quota: 30,
            hold: Duration::from_mins(1),
            clock: Clock::default(),
            around: None,
            on_event: None,
            requests: None,
            on_request: None,
            on_response: None,
        }
    }
}

/// An AWS account in this process. It ends when this is dropped.
pub struct Sandbox {
    url: String,
    account: String,
    region: String,
    clock: Clock,
    faults: Faults,
    requests: RequestLog,
    activity: Activity,
    bus: Arc<Bus>,
    logs: Arc<Logs>,
    apprunner: AppRunner,
    dynamodb: Arc<DynamoDb>,
    sns: Arc<Sns>,
    eventbridge: Arc<EventBridge>,
    ec2: Arc<Ec2>,
    ecr: Arc<Ecr>,
    iam: Arc<Iam>,
    cloudwatch: Arc<CloudWatch>,
    route53: Arc<Route53>,
    elbv2: Arc<Elbv2>,
    ecs: Arc<Ecs>,
    acm: Arc<Acm>,
    endpoint: Arc<Endpoint>,
    server: JoinHandle<()>,
}

impl Sandbox {
    /// Starts the account. Must be called within a Tokio runtime.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let Options { account, region, port, phase, service_quota, hold, clock, around, .. } = options;
        let Options { on_event, requests, on_request, on_response, .. } = options;
        let listener =
            TcpListener::bind(("127.0.0.1", port)).await.context("the sandbox's port is not free")?;
        let url = format!("http://{}", listener.local_addr().context("the sandbox has no address")?);
        let activity = Activity::new();
        let bus = Arc::new(Bus::start(&account, &region, clock.clone(), activity.clone(), on_event));
        let logs = Arc::new(Logs::new(&account, &region, clock.clone()));
        let settings = Settings { account: account.clone(), region: region.clone(), phase, service_quota };
        let apprunner = AppRunner::new(settings, bus.clone(), logs.clone(), clock.clone(), activity.clone());
        let dynamodb = Arc::new(DynamoDb::new(&account, &region, clock.clone()));
        let sns = Arc::new(Sns::new(&account, &region, clock.clone()));
        let eventbridge = Arc::new(EventBridge::new(bus.clone(), clock.clone()));
        let (ec2, iam) = (Arc::<Ec2>::default(), Arc::<Iam>::default());
        let ecr = Arc::new(Ecr::new(&url, &account));
        let cloudwatch = Arc::new(CloudWatch::new(&account, &region, bus.clone(), clock.clone()));
        let elbv2 = Arc::new(Elbv2::new(&account, &region));
        let (ecs, acm) = (Arc::new(Ecs::new(&account, &region)), Arc::new(Acm::new(&account, &region)));
        let route53 = Arc::new(Route53::new(clock.clone()));
        let requests =
            requests.as_deref().map_or_else(|| Ok(RequestLog::default()), RequestLog::copied_to)?;
        let faults = Faults::default();
        // The table of services: a further one is added here.
        let services: Vec<Arc<dyn Service>> = vec![
            Arc::new(apprunner.clone()),
            dynamodb.clone(),
            logs.clone(),
            sns.clone(),
            eventbridge.clone(),
            Arc::new(Sts::new(&account)),
            ec2.clone(),
            ecr.clone(),
            iam.clone(),
            cloudwatch.clone(),
            route53.clone(),
            elbv2.clone(),
            ecs.clone(),
            acm.clone(),
        ];
        let endpoint = Endpoint {
            services,
            faults: faults.clone(),
            requests: requests.clone(),
            clock: clock.clone(),
            on_request,
            on_response,
            around,
            hold,
        };
        let endpoint = Arc::new(endpoint);
        let server = tokio::spawn(serve(listener, endpoint.clone()));
        Ok(Self {
            url,
            account,
            region,
            clock,
            faults,
            requests,
            activity,
            bus,
            logs,
            apprunner,
            dynamodb,
            sns,
            eventbridge,
            ec2,
            ecr,
            iam,
            cloudwatch,
            route53,
            elbv2,
            ecs,
            acm,
            endpoint,
            server,
        })
    }

    /// The endpoint for `AWS_ENDPOINT_URL`, such as `http://127.0.0.1:40123`.
    pub fn endpoint(&self) -> &str {
        &self.url
    }

    /// The way in without a socket, for clients in the same process.
    pub fn door(&self) -> Door {
        Door(self.endpoint.clone())
    }

    /// The Region.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The account ID.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The clock of everything in the account.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The faults that calls meet.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The log of all requests.
    pub fn requests(&self) -> &RequestLog {
        &self.requests
    }

    /// App Runner: seeding, scripting and reading its services.
    pub fn services(&self) -> &AppRunner {
        &self.apprunner
    }

    /// DynamoDB: its tables.
    pub fn dynamodb(&self) -> &DynamoDb {
        &self.dynamodb
    }

    /// CloudWatch Logs: its groups and lines.
    pub fn logs(&self) -> &Logs {
        &self.logs
    }

    /// SNS: its topics and subscriptions.
    pub fn sns(&self) -> &Sns {
        &self.sns
    }

    /// EventBridge: the fate of entries put.
    pub fn eventbridge(&self) -> &EventBridge {
        &self.eventbridge
    }

    /// EC2: subnets and route tables.
    pub fn ec2(&self) -> &Ec2 {
        &self.ec2
    }

    /// ECR: images.
    pub fn ecr(&self) -> &Ecr {
        &self.ecr
    }

    /// IAM: roles.
    pub fn iam(&self) -> &Iam {
        &self.iam
    }

    /// CloudWatch: metrics and alarms.
    pub fn cloudwatch(&self) -> &CloudWatch {
        &self.cloudwatch
    }

    /// Route 53: hosted zones and their records.
    pub fn route53(&self) -> &Route53 {
        &self.route53
    }

    /// Elastic Load Balancing: load balancers and what is behind them.
    pub fn elbv2(&self) -> &Elbv2 {
        &self.elbv2
    }

    /// ECS: Express services.
    pub fn ecs(&self) -> &Ecs {
        &self.ecs
    }

    /// ACM: certificates.
    pub fn acm(&self) -> &Acm {
        &self.acm
    }

    /// The default event bus.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }

    /// Orders the course of the next operation of a service, by ARN or name.
    pub fn script(&self, arn_or_name: &str, script: impl Into<Script>) {
        self.apprunner.script(arn_or_name, script);
    }

    /// Starts a deployment of a service and returns the operation's ID.
    pub fn deploy(&self, arn: &str) -> Result<String, ApiError> {
        self.apprunner.deploy(arn)
    }

    /// Writes a log line with its own time.
    pub fn put_log(&self, group: &str, stream: &str, at: Timestamp, line: &str) {
        self.logs.put(group, stream, at, line);
    }

    /// Every message published to SNS, oldest first.
    pub fn messages(&self) -> Vec<Message> {
        self.sns.messages()
    }

    /// Every event of the default bus, oldest first.
    pub fn events(&self) -> Vec<Value> {
        self.bus.recorded().into_iter().map(|(_, event)| event).collect()
    }

    /// Waits until no operation is under way and every event has been handed to the listener.
    pub async fn settle(&self) {
        self.activity.idle().await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.server.abort();
    }
}
