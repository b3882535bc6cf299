//! Scenes of `shift`: traffic moves to the successor step by step, and back when the successor fails.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use jiff::{SignedDuration, Timestamp};
use sandbox::{
    aws::{
        apprunner::DomainStatus,
        elbv2::{LoadBalancerSpec, RuleSpec},
    },
    stage::Stage,
};
use serde_json::{Value, json};

use crate::scenes::{specification, title};

/// The zone that the stack may change: the parameter `HostedZoneIds`.
pub(crate) const ZONE: &str = "Z0EXAMPLE";

const BALANCER: &str = "shop-1.us-east-1.elb.amazonaws.com";

/// Both banks of the river: App Runner with its domain, and a load balancer with a healthy target group.
struct Crossing<'a> {
    stage: &'a Stage,
    balancer: String,
    group: String,
}

/// Two shifts: one arrives, one turns back.
pub(crate) async fn scenes(stage: &Stage) -> Result<()> {
    let crossing = Crossing::furnish(stage);
    title("Traffic moves from App Runner to ECS, a step at a time, each after its analysis");
    crossing.shift("shop.example.com", None).await?;
    title("The same, but the successor begins to fail at 50: back to App Runner in one write");
    crossing.shift("checkout.example.com", Some(50)).await
}

impl<'a> Crossing<'a> {
    fn furnish(stage: &'a Stage) -> Self {
        let account = &stage.account;
        let elb = account.elbv2();
        let balancer = elb.add_load_balancer(&LoadBalancerSpec::application("shop"));
        let group = elb.add_target_group("shop", Some(&balancer));
        elb.set_targets(&group, &[("10.0.0.1", "healthy"), ("10.0.0.2", "healthy")]);
        let certificate = account.acm().add_certificate(&["*.example.com"], "ISSUED");
        let listener = elb.add_listener(&balancer, 443, "HTTPS", &[&certificate], &RuleSpec::default());
        let hosts = vec!["*.example.com".to_owned()];
        elb.add_rule(
            &listener,
            "1",
            &RuleSpec { hosts, target_groups: vec![group.clone()], paths: Vec::new() },
        );
        Self { stage, balancer, group }
    }

    /// A whole shift; the successor fails from this weight on.
    async fn shift(&self, name: &str, fails_at: Option<u64>) -> Result<()> {
        let service = self.service(name)?;
        self.answers(120.0, 0.0);
        // The TTL of the record and the times of the plan are seconds here; outside of a demo they are minutes.
        let plan = json!({
            "hosted_zone_id": ZONE, "record_name": name, "from": {"service_arn": service},
            "to": {"cname": BALANCER, "target_group_arns": [self.group]},
            "step_weights": [10, 50, 100], "bake_time": "1s", "analysis_interval": "1s", "validation_time": "1s",
        });
        let mut told = self.titles().len();
        let shift = self.ask(&json!({"command": "start", "plan": plan})).await?["shift"].clone();
        self.show(&shift, "start", &mut told);
        let mut failing = false;
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_millis(1_100)).await;
            self.ask(&json!({"command": "tick"})).await?;
            let shift = self.status(name).await?;
            self.show(&shift, "tick", &mut told);
            if shift["phase"] == "RolledBack" {
                return Ok(());
            }
            if fails_at.is_some() && shift["weights"]["to"].as_u64() >= fails_at && !failing {
                failing = true;
                self.answers(0.0, 60.0);
                println!(
                    "            ...      the successor answers a third of its requests with 5xx from now on"
                );
            }
            if shift["phase"] == "Validating" {
                tokio::time::sleep(Duration::from_millis(1_100)).await;
                let finished = self.ask(&json!({"command": "finish", "record_name": name})).await?;
                self.show(&finished["shift"], "finish", &mut told);
                let steps = finished["checklist"].as_array().into_iter().flatten();
                let steps: Vec<&str> = steps.filter_map(|step| step["step"].as_str()).collect();
                println!("            ...      left to take down, in this order: {}", steps.join(", "));
                return Ok(());
            }
        }
        Err(anyhow!("the shift of {name} came to no end"))
    }

    fn service(&self, name: &str) -> Result<String> {
        let account = &self.stage.account;
        let label = name.split('.').next().context("a name has a label")?;
        let arn = account.services().create(specification(self.stage, label, "linux/amd64"))?;
        account.services().add_domain(&arn, name, false, DomainStatus::Active)?;
        let record = json!({
            "Name": name, "Type": "CNAME", "TTL": 1,
            "ResourceRecords": {"ResourceRecord": [{"Value": format!("{label}.us-east-1.awsapprunner.com")}]},
        });
        account.route53().put_record(ZONE, &record).map_err(|error| anyhow!("{}", error.message))?;
        Ok(arn)
    }

    /// The successor's requests and errors of each minute from now on, on top of what was there.
    fn answers(&self, requests: f64, errors: f64) {
        let second = self.stage.account.clock().now().as_second();
        let minute = Timestamp::from_second(second - second.rem_euclid(60)).unwrap_or_default();
        for later in -1..5 {
            let at = minute + SignedDuration::from_mins(later);
            let values = [
                ("RequestCount", requests),
                ("HTTPCode_Target_5XX_Count", errors),
                ("HealthyHostCount", 2.0),
            ];
            for (metric, value) in values.into_iter().filter(|(_, value)| *value > 0.0) {
                let cloudwatch = self.stage.account.cloudwatch();
                cloudwatch.put_balancer_metric(&self.balancer, Some(&self.group), metric, at, value);
            }
        }
    }

    async fn ask(&self, command: &Value) -> Result<Value> {
        let answer: Value =
            self.stage.host.lambda.invoke("ShiftFunction", command.to_string()).await?.json()?;
        self.stage.settle().await;
        anyhow::ensure!(answer["ok"] == true, "{command} was refused: {answer:#}");
        Ok(answer)
    }

    async fn status(&self, name: &str) -> Result<Value> {
        Ok(self.ask(&json!({"command": "status", "record_name": name})).await?["shift"].clone())
    }

    fn titles(&self) -> Vec<String> {
        self.stage.account.messages().into_iter().filter_map(|message| message.subject).collect()
    }

    /// One line with the weights as a bar, and the messages to people since the last.
    fn show(&self, shift: &Value, what: &str, told: &mut usize) {
        let weight = |side: &str| shift["weights"][side].as_u64().unwrap_or_default();
        let filled = usize::try_from(weight("to") / 5).unwrap_or_default().min(20);
        let bar = [".".repeat(20 - filled), "#".repeat(filled)].concat();
        let text = |field: &str| shift[field].as_str().unwrap_or_default().to_owned();
        println!(
            "  {what:<7} App Runner {:>3} {bar} {:>3} successor   {}, waits for {}",
            weight("from"),
            weight("to"),
            text("phase"),
            text("waiting_for").split(", then").next().unwrap_or_default(),
        );
        let titles = self.titles();
        for title in titles.iter().skip(*told) {
            println!("          MESSAGE  {title}");
        }
        *told = titles.len();
    }
}
