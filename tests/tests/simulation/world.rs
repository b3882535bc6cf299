//! One account with the stack installed and something to look after, under a clock of its own.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use anyhow::{Result, anyhow};
use autopilot_tests::{crossing, root};
use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use sandbox::{
    aws::{
        Clock, Options, Sandbox,
        apprunner::{DomainStatus, IngressStatus, ServiceSpec},
        ec2::endpoints::EndpointSpec,
        ecr::ImageSpec,
        elbv2::{LoadBalancerSpec, RuleSpec},
    },
    host::template::Template,
    stage,
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{
    events,
    faults::Sky,
    lambda::{Ended, Lambda},
    sabotage::Sabotage,
    watch::Watch,
};

/// The first instant of every simulation.
pub(crate) const START: &str = "2026-03-02T00:00:00Z";

/// The secret in every service's configuration.
pub(crate) const SECRET: &str = "hunter2-correct-horse";

/// The name whose traffic is shifted, and the hosted zone that it lies in.
pub(crate) const NAME: &str = "web.example.com";
pub(crate) const ZONE: &str = "Z0EXAMPLE";

pub(crate) const REGISTRY: &str = "123456789012";
const ACCESS_ROLE: &str = "arn:aws:iam::123456789012:role/access";

/// Services by name: some steady, one with a private entrance, and one that is often deleted and made again.
pub(crate) const SERVICES: [&str; 4] = ["orders", "web", "inner", "batch"];

/// How the stack is installed: everything on, with shorter times than usual, so that a day holds more of them.
const PARAMETERS: [(&str, &str); 7] = [
    ("RollbackMode", "on"),
    ("RebuildMode", "on"),
    ("CleanupMode", "on"),
    ("HostedZoneIds", ZONE),
    ("BakeTime", "15m"),
    ("GracePeriod", "1d"),
    ("MinimumAge", "1h"),
];

/// What is different from the usual world.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Terms {
    /// Calls and events go as they should, and people wait for the end of what they began; App Runner fails as ever.
    pub(crate) fair: bool,
    /// No event of AWS arrives: schedules must do.
    pub(crate) without_events: bool,
    /// What is broken on purpose.
    pub(crate) sabotage: Option<Sabotage>,
}

/// An account, its stack, and who uses it.
pub(crate) struct World {
    pub(crate) account: Arc<Sandbox>,
    pub(crate) lambda: Rc<Lambda>,
    pub(crate) sky: Sky,
    pub(crate) clock: Clock,
    pub(crate) watch: Arc<Watch>,
    pub(crate) terms: Terms,
    /// What people do comes from here.
    pub(crate) rng: RefCell<Rng>,
    /// The ARN of each service as it is now.
    pub(crate) services: RefCell<BTreeMap<&'static str, String>>,
    /// Every service that there ever was, with its name.
    pub(crate) all_services: RefCell<Vec<(&'static str, String)>>,
    /// Up to when a service (or the successor) answers with errors.
    pub(crate) unwell: RefCell<BTreeMap<&'static str, Timestamp>>,
    pub(crate) group: String,
    pub(crate) balancer: String,
    pub(crate) endpoints: Cell<u64>,
    /// In the evening nothing goes wrong any more.
    pub(crate) is_evening: Cell<bool>,
    /// Up to when schedules run as often as the template says.
    pub(crate) lively_until: Cell<Timestamp>,
}

impl World {
    /// Must be called within a `LocalSet` of a runtime whose time stands still.
    pub(crate) async fn new(seed: u64, terms: Terms) -> Result<Rc<Self>> {
        fastrand::seed(seed);
        let clock = Clock::simulated(START.parse()?);
        let sky = Sky::new(seed ^ 0x51_C4);
        let watch = Arc::new(Watch::new(clock.clone(), sky.clone(), terms.sabotage));
        let (sender, receiver) = mpsc::unbounded_channel();
        let account = Sandbox::start(Options {
            clock: clock.clone(),
            phase: Duration::from_secs(50),
            around: Some(Watch::around(&watch)),
            on_event: Some(Arc::new(move |event| drop(sender.send(event)))),
            ..Options::default()
        })
        .await?;
        let account = Arc::new(account);
        watch.attach(&account);
        let parameters = PARAMETERS.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let template = Template::read(&root().join("template.yaml"), &parameters.into())?;
        stage::furnish(&account, &template)?;
        let lambda = Lambda::new(&template, &account.door(), sky.clone(), clock.clone(), watch.clone());
        events::route(receiver, &template, &lambda, &sky, terms.without_events);
        let balancer = account.elbv2().add_load_balancer(&LoadBalancerSpec::application("shop"));
        let group = account.elbv2().add_target_group("orders", Some(&balancer));
        let now = clock.now();
        let world = Rc::new(Self {
            account,
            lambda,
            sky,
            clock,
            watch,
            terms,
            rng: RefCell::new(Rng::with_seed(seed)),
            services: RefCell::default(),
            all_services: RefCell::default(),
            unwell: RefCell::default(),
            group,
            balancer,
            endpoints: Cell::new(0),
            is_evening: Cell::new(false),
            lively_until: Cell::new(now),
        });
        world.furnish()?;
        Ok(world)
    }

    fn furnish(&self) -> Result<()> {
        let account = &self.account;
        account.iam().add_role("access", "build.apprunner.amazonaws.com", Timestamp::UNIX_EPOCH);
        self.push_image();
        for name in SERVICES {
            let arn = account.services().create(ServiceSpec::new(name, configuration("first")))?;
            self.remember(name, &arn);
        }
        let elb = account.elbv2();
        elb.set_targets(&self.group, &[("10.0.0.1", "healthy")]);
        let certificate = account.acm().add_certificate(&["*.example.com", "example.com"], "ISSUED");
        let listener = elb.add_listener(&self.balancer, 443, "HTTPS", &[&certificate], &RuleSpec::default());
        let rule = RuleSpec {
            hosts: vec!["*.example.com".to_owned()],
            target_groups: vec![self.group.clone()],
            paths: Vec::new(),
        };
        elb.add_rule(&listener, "1", &rule);
        account.route53().add_zone(ZONE, "example.com");
        let web = self.arn("web");
        account.services().add_domain(&web, NAME, false, DomainStatus::Active)?;
        self.put_record(&Self::simple_record());
        let created_at = self.clock.now() - SignedDuration::from_hours(48);
        let endpoint = |id: &str| EndpointSpec::requests(id, created_at);
        for spec in [
            endpoint("vpce-inner"),
            endpoint("vpce-left"),
            endpoint("vpce-kept").tag("apprunner-autopilot:keep", "true"),
            EndpointSpec { requester_managed: true, ..endpoint("vpce-managed") },
            EndpointSpec { owner: "999999999999".to_owned(), ..endpoint("vpce-shared") },
        ] {
            account.ec2().add_endpoint(spec);
        }
        let inner = self.arn("inner");
        account.services().add_ingress("inner", &inner, "vpc-0", "vpce-inner", IngressStatus::Available);
        Ok(())
    }

    pub(crate) fn simple_record() -> Value {
        crossing::cname(NAME, crossing::ORIGIN)
    }

    pub(crate) fn put_record(&self, record: &Value) {
        // What Route 53 refuses a person is not done, as in life.
        let _ = self.account.route53().put_record(ZONE, record);
    }

    /// Pushes a new image under the tag that services run, and returns its digest.
    pub(crate) fn push_image(&self) -> String {
        let image = ImageSpec {
            platforms: vec!["linux/amd64".to_owned()],
            bytes: 50_000_000,
            exposed_ports: vec![8080],
            pushed_at: self.clock.now(),
        };
        self.account.ecr().push(REGISTRY, "shop", "live", &image)
    }

    pub(crate) fn remember(&self, name: &'static str, arn: &str) {
        self.services.borrow_mut().insert(name, arn.to_owned());
        self.all_services.borrow_mut().push((name, arn.to_owned()));
    }

    pub(crate) fn arn(&self, name: &str) -> String {
        self.services.borrow()[name].clone()
    }

    /// A service's status as App Runner has it.
    pub(crate) fn status(&self, arn: &str) -> String {
        let described = self.account.services().describe(arn).unwrap_or_default();
        described["Status"].as_str().unwrap_or("DELETED").to_owned()
    }

    /// A call of App Runner as somebody in the account makes it.
    pub(crate) fn app_runner(&self, operation: &str, input: &Value) -> Result<Value> {
        use sandbox::aws::service::Service as _;
        let answer = self.account.services().call(operation, input);
        answer.map_err(|error| anyhow!("{}: {}", error.code, error.message))
    }

    /// A person's command, tried again while the function cannot answer.
    pub(crate) async fn ask(&self, function: &'static str, command: &Value) -> Option<Value> {
        for _ in 0..4 {
            self.watch.note(|| format!("a person asks {function}: {command}"));
            match self.lambda.ask(function, command).await {
                Ended::Answered(answer) => return Some(answer),
                Ended::Failed(_) | Ended::Died => tokio::time::sleep(Duration::from_secs(20)).await,
            }
        }
        None
    }

    /// Something happened: for a while all goes at its full pace.
    pub(crate) fn is_lively_for(&self, minutes: i64) {
        let until = self.clock.now() + SignedDuration::from_mins(minutes);
        self.lively_until.set(self.lively_until.get().max(until));
    }

    /// The traffic of one minute, good or bad.
    pub(crate) fn traffic(&self) {
        let now = self.clock.now();
        let unwell = |name: &str| self.unwell.borrow().get(name).is_some_and(|until| *until > now);
        let cloudwatch = self.account.cloudwatch();
        for (name, arn) in self.services.borrow().iter() {
            cloudwatch.put_service_metric(arn, "Requests", now, 100.0);
            if unwell(name) {
                cloudwatch.put_service_metric(arn, "5xxStatusResponses", now, 60.0);
            }
        }
        let put = |name: &str, value: f64| {
            cloudwatch.put_balancer_metric(&self.balancer, Some(&self.group), name, now, value);
        };
        put("RequestCount", 100.0);
        put("HealthyHostCount", 1.0);
        if unwell("successor") {
            put("HTTPCode_Target_5XX_Count", 60.0);
        }
    }
}

/// A service's configuration, with a secret and something that can be told apart.
pub(crate) fn configuration(flavour: &str) -> Value {
    json!({ "SourceConfiguration": {
        "AutoDeploymentsEnabled": false,
        "AuthenticationConfiguration": { "AccessRoleArn": ACCESS_ROLE },
        "ImageRepository": {
            "ImageIdentifier": format!("{REGISTRY}.dkr.ecr.us-east-1.amazonaws.com/shop:live"),
            "ImageRepositoryType": "ECR",
            "ImageConfiguration": { "Port": "8080", "RuntimeEnvironmentVariables": {
                "DATABASE_PASSWORD": SECRET, "FLAVOUR": flavour,
            } },
        },
    } })
}
