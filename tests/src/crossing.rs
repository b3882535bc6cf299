//! A stage on which traffic can be shifted: a zone, an App Runner service with its custom domain, and a load balancer
//! with a healthy target group that takes the name.
//!
//! The function reads the real clock, so plans here have short times, and the record is a CNAME with a TTL of one
//! second: an alias is kept for a minute.

use anyhow::{Context as _, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use sandbox::{
    aws::{
        Options,
        apprunner::{DomainStatus, ServiceSpec},
        elbv2::{LoadBalancerSpec, RuleSpec},
    },
    host,
    stage::Stage,
};
use serde_json::{Map, Value, json};

use crate::{IMAGE, NOTIFY, SHIFT, ask, hosting, stage_of};

/// The hosted zone.
pub const ZONE: &str = "Z0EXAMPLE";

/// The name that is shifted, where there is one.
pub const NAME: &str = "app.example.com";

/// Where App Runner's record leads.
pub const ORIGIN: &str = "x.us-east-1.awsapprunner.com";

/// A stage with everything that a shift needs.
pub struct Crossing {
    /// The stage.
    pub stage: Stage,
    /// ARN of the App Runner service.
    pub service: String,
    /// ARN of the load balancer.
    pub balancer: String,
    /// Its name.
    pub balancer_name: String,
    /// ARN of its target group.
    pub group: String,
}

/// Only the functions that a shift needs.
pub fn functions() -> host::Options {
    hosting(&[SHIFT, NOTIFY])
}

impl Crossing {
    /// A stage with one name.
    pub async fn raise() -> Result<Self> {
        Self::raise_with(Options::default()).await
    }

    /// The same with options of the account.
    pub async fn raise_with(account: Options) -> Result<Self> {
        let stage = stage_of(&[("HostedZoneIds", ZONE)], account, &functions()).await?;
        Self::furnish(stage)
    }

    /// Puts everything that a shift needs onto a stage.
    pub fn furnish(stage: Stage) -> Result<Self> {
        let account = &stage.account;
        let elb = account.elbv2();
        let balancer = elb.add_load_balancer(&LoadBalancerSpec::application("shop"));
        let group = elb.add_target_group("orders", Some(&balancer));
        elb.set_targets(&group, &[("10.0.0.1", "healthy")]);
        let certificate = account.acm().add_certificate(&["*.example.com", "example.com"], "ISSUED");
        let listener = elb.add_listener(&balancer, 443, "HTTPS", &[&certificate], &RuleSpec::default());
        let rule = RuleSpec {
            hosts: vec!["*.example.com".to_owned()],
            target_groups: vec![group.clone()],
            paths: Vec::new(),
        };
        elb.add_rule(&listener, "1", &rule);
        account.route53().add_zone(ZONE, "example.com");
        let balancer_name = "shop-1.us-east-1.elb.amazonaws.com".to_owned();
        let mut crossing = Self { stage, service: String::new(), balancer, balancer_name, group };
        crossing.service = crossing.add_name("orders", NAME)?;
        Ok(crossing)
    }

    /// A further service with a custom domain and its record. Returns the service's ARN.
    pub fn add_name(&self, service: &str, name: &str) -> Result<String> {
        let services = self.stage.account.services();
        let arn = services.create(ServiceSpec::image(service, IMAGE))?;
        services.add_domain(&arn, name, false, DomainStatus::Active)?;
        let put = self.stage.account.route53().put_record(ZONE, &cname(name, ORIGIN));
        put.map_err(|error| anyhow::anyhow!("{}: {}", error.code, error.message))?;
        Ok(arn)
    }

    /// A plan with the shortest times.
    pub fn plan(&self, changed: &Value) -> Value {
        let mut plan = json!({
            "hosted_zone_id": ZONE, "record_name": NAME,
            "from": {"service_arn": self.service},
            "to": {"cname": self.balancer_name, "target_group_arns": [self.group]},
            "step_weights": [50, 100], "bake_time": "0s", "analysis_interval": "1s", "progress_deadline": "1h",
            "validation_time": "0s",
        });
        for (name, value) in changed.as_object().unwrap_or(&Map::new()) {
            plan[name] = value.clone();
        }
        plan
    }

    /// Starts a shift; the answer must be a good one.
    pub async fn start(&self, changed: &Value) -> Result<Value> {
        let answer = self.ask(&json!({"command": "start", "plan": self.plan(changed)})).await?;
        ensure!(answer["ok"] == true, "{answer:#}");
        Ok(answer)
    }

    /// Sends `shift` a command.
    pub async fn ask(&self, command: &Value) -> Result<Value> {
        let answer = ask(&self.stage, SHIFT, command).await?;
        self.stage.settle().await;
        Ok(answer)
    }

    /// Sends `shift` a command about [`NAME`].
    pub async fn tell(&self, command: &str) -> Result<Value> {
        self.ask(&json!({"command": command, "record_name": NAME})).await
    }

    /// The shift of [`NAME`].
    pub async fn status(&self) -> Result<Value> {
        Ok(self.tell("status").await?["shift"].clone())
    }

    /// One tick of the schedule, late enough for what the one before began.
    pub async fn tick(&self) -> Result<Value> {
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
        self.ask(&json!({"command": "tick"})).await
    }

    /// Ticks until the shift is in this phase.
    pub async fn tick_until(&self, phase: &str) -> Result<Value> {
        self.tick_while(|shift| shift["phase"] != phase).await.with_context(|| format!("never {phase}"))
    }

    /// Ticks until this does not hold any more.
    pub async fn tick_while(&self, holds: impl Fn(&Value) -> bool) -> Result<Value> {
        for _ in 0..15 {
            let shift = self.status().await?;
            if !holds(&shift) {
                return Ok(shift);
            }
            self.tick().await?;
        }
        let shift = self.status().await?;
        ensure!(!holds(&shift), "{shift:#}");
        Ok(shift)
    }

    /// From now on the successor answers so many requests a minute, so many of them with errors.
    pub fn serve(&self, requests: f64, errors: f64) {
        let cloudwatch = self.stage.account.cloudwatch();
        let now = self.stage.account.clock().now();
        for minute in -1..10 {
            let at = whole_minute(now) + SignedDuration::from_mins(minute);
            let put = |name: &str, value: f64| {
                cloudwatch.put_balancer_metric(&self.balancer, Some(&self.group), name, at, value);
            };
            put("RequestCount", requests);
            put("HealthyHostCount", 1.0);
            if errors > 0.0 {
                put("HTTPCode_Target_5XX_Count", errors);
            }
        }
    }

    /// Weights of a name's records by set identifier; a simple record has none.
    pub fn weights(&self, name: &str) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let records = self.stage.account.route53().records(ZONE).into_iter();
        records
            .filter(|record| record["Name"] == format!("{name}.") && record["Type"] == "CNAME")
            .map(|record| (text(&record["SetIdentifier"]), text(&record["Weight"])))
            .collect()
    }

    /// Asserts these weights of App Runner and its successor.
    ///
    /// # Panics
    ///
    /// Where they are others.
    #[track_caller]
    pub fn assert_weights(&self, name: &str, from: u8, to: u8) {
        let expected = [
            ("app-runner-service".to_owned(), from.to_string()),
            ("ecs-express-service".to_owned(), to.to_string()),
        ];
        assert_eq!(self.weights(name), expected, "{name}");
    }

    /// Phase and reason of what was announced, in order.
    pub fn announced(&self) -> Vec<String> {
        let events = self.stage.account.events().into_iter();
        let ours = events.filter(|event| event["detail-type"] == "Autopilot Traffic Shift");
        let word = |event: &Value, name: &str| event["detail"][name].as_str().unwrap_or_default().to_owned();
        ours.map(|event| format!("{} {}", word(&event, "phase"), word(&event, "reason"))).collect()
    }

    /// How often `shift` made this call since the log of requests was cleared.
    pub fn count(&self, service: &str, operation: &str) -> usize {
        let calls = self.stage.account.requests().by(SHIFT);
        calls.iter().filter(|call| call.service == service && call.operation == operation).count()
    }
}

/// A simple CNAME record with a TTL of one second.
pub fn cname(name: &str, target: &str) -> Value {
    json!({"Name": name, "Type": "CNAME", "TTL": 1, "ResourceRecords": {"ResourceRecord": [{"Value": target}]}})
}

fn whole_minute(at: Timestamp) -> Timestamp {
    let second = at.as_second();
    Timestamp::from_second(second - second.rem_euclid(60)).unwrap_or(at)
}
