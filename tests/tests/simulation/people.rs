//! What people do with their account, at any hour: deploy, pause, delete, edit, command.

use jiff::SignedDuration;
use sandbox::aws::{
    apprunner::{DomainStatus, IngressStatus, ServiceStatus},
    ec2::endpoints::EndpointSpec,
};
use serde_json::{Value, json};

use crate::{
    faults::course,
    world::{NAME, SERVICES, World, ZONE, configuration},
};

/// What somebody does, and how often in comparison.
type Act = (u32, Deed);

#[derive(Clone, Copy, Debug)]
enum Deed {
    Deploy,
    Update,
    PauseOrResume,
    Delete,
    TagMode,
    CommandMode,
    StopOrGo,
    EditRecord,
    Shift,
    Endpoint,
    Illness,
    Rollback,
    Retry,
    Maintenance,
}

const DEEDS: [Act; 14] = [
    (10, Deed::Deploy),
    (8, Deed::Update),
    (4, Deed::PauseOrResume),
    (4, Deed::Delete),
    (3, Deed::TagMode),
    (2, Deed::CommandMode),
    (4, Deed::StopOrGo),
    (3, Deed::EditRecord),
    (12, Deed::Shift),
    (4, Deed::Endpoint),
    (6, Deed::Illness),
    (4, Deed::Rollback),
    (2, Deed::Retry),
    (1, Deed::Maintenance),
];

impl World {
    /// One thing that somebody does.
    pub(crate) async fn act(&self) {
        let all: u32 = DEEDS.iter().map(|(often, _)| often).sum();
        let mut pick = self.rng.borrow_mut().u32(0..all);
        let deed = DEEDS.iter().find(|(often, _)| {
            let here = pick < *often;
            pick = pick.saturating_sub(*often);
            here
        });
        let Some((_, deed)) = deed else { return };
        let name = SERVICES[self.rng.borrow_mut().usize(0..SERVICES.len())];
        self.watch.note(|| format!("people: {deed:?} {name}"));
        self.is_lively_for(if self.terms.fair { 100 } else { 25 });
        match deed {
            Deed::Deploy => self.deploy(name),
            Deed::Update => self.update(name),
            Deed::PauseOrResume => self.pause_or_resume(name),
            Deed::Delete => self.delete(),
            Deed::TagMode => self.tag_mode(name),
            Deed::CommandMode => self.command_mode(name).await,
            Deed::StopOrGo => self.stop_or_go().await,
            Deed::EditRecord => self.edit_record(),
            Deed::Shift => self.shift().await,
            Deed::Endpoint => self.endpoint(),
            Deed::Illness => self.illness(name),
            Deed::Rollback => self.command_rollback(name).await,
            Deed::Retry => self.retry().await,
            Deed::Maintenance => self.maintenance(name),
        }
    }

    fn one_in(&self, n: u32) -> bool {
        self.rng.borrow_mut().u32(0..n) == 0
    }

    /// Orders how the next operation of a service goes, and begins one.
    fn begin(&self, name: &'static str, operation: &str, input: &Value) {
        let arn = self.arn(name);
        self.watch.touch(&arn);
        if !self.is_evening.get() {
            self.account.script(&arn, course(&mut self.rng.borrow_mut()));
        }
        // What App Runner refuses is not done; the order then waits for the next operation, whosever it is.
        let answer = self.app_runner(operation, input);
        self.watch.note(|| {
            format!("people: {operation} of {name}: {:?}", answer.map(|_| ()).map_err(|e| e.to_string()))
        });
    }

    fn deploy(&self, name: &'static str) {
        self.push_image();
        self.begin(name, "StartDeployment", &json!({ "ServiceArn": self.arn(name) }));
    }

    fn update(&self, name: &'static str) {
        let flavour = format!("flavour-{}", self.rng.borrow_mut().u32(0..1_000));
        let mut input = configuration(&flavour);
        input["ServiceArn"] = self.arn(name).into();
        self.begin(name, "UpdateService", &input);
    }

    fn pause_or_resume(&self, name: &'static str) {
        let arn = self.arn(name);
        let paused = self.status(&arn) == "PAUSED";
        let operation = if paused { "ResumeService" } else { "PauseService" };
        self.begin(name, operation, &json!({ "ServiceArn": arn }));
    }

    /// Deletes the service that comes and goes; where it is gone, makes it again.
    fn delete(&self) {
        let (name, arn) = ("batch", self.arn("batch"));
        if self.status(&arn) != "DELETED" {
            return self.begin(name, "DeleteService", &json!({ "ServiceArn": arn }));
        }
        let mut input = configuration("again");
        input["ServiceName"] = name.into();
        if !self.is_evening.get() {
            self.account.script(name, course(&mut self.rng.borrow_mut()));
        }
        if let Ok(answer) = self.app_runner("CreateService", &input) {
            let arn = answer["Service"]["ServiceArn"].as_str().unwrap_or_default();
            self.watch.touch(arn);
            self.remember(name, arn);
        }
    }

    fn tag_mode(&self, name: &'static str) {
        let arn = self.arn(name);
        self.watch.touch(&arn);
        let key = if self.one_in(2) { "apprunner-autopilot:rollback" } else { "apprunner-autopilot:rebuild" };
        let values = ["on", "off", "dry-run", "sometimes", ""];
        let value = values[self.rng.borrow_mut().usize(0..values.len())];
        let input = if value.is_empty() {
            json!({ "ResourceArn": arn, "TagKeys": [key] })
        } else {
            json!({ "ResourceArn": arn, "Tags": [{ "Key": key, "Value": value }] })
        };
        let _ = self.app_runner(if value.is_empty() { "UntagResource" } else { "TagResource" }, &input);
    }

    async fn command_mode(&self, name: &'static str) {
        let arn = self.arn(name);
        let actions = ["rollback", "rebuild", "notify"];
        let modes = ["on", "off", "dry-run", "default"];
        let (action, mode) = {
            let mut rng = self.rng.borrow_mut();
            (actions[rng.usize(0..3)], modes[rng.usize(0..4)])
        };
        if action == "notify" {
            self.watch.mute(&arn);
        }
        self.watch.touch(&arn);
        let command = json!({ "command": "mode", "service_arn": arn, "action": action, "mode": mode });
        self.ask("RollbackFunction", &command).await;
        self.watch.touch(&arn);
    }

    async fn stop_or_go(&self) {
        let command = if self.one_in(3) { "go" } else { "stop" };
        self.ask("NotifyFunction", &json!({ "command": command })).await;
    }

    /// Somebody edits the zone: another TTL, another weight, or all as it was at the beginning.
    fn edit_record(&self) {
        let records = self.account.route53().records(ZONE);
        let mine: Vec<Value> = records
            .into_iter()
            .filter(|record| record["Name"].as_str().is_some_and(|name| name.trim_end_matches('.') == NAME))
            .collect();
        let kind = self.rng.borrow_mut().u32(0..4);
        let Some(mut record) = mine.first().cloned() else { return self.put_record(&Self::simple_record()) };
        match kind {
            0 => record["TTL"] = json!("30"),
            1 if record["Weight"].is_string() => record["Weight"] = json!("17"),
            2 => {
                let gone: Vec<(&str, Value)> = mine.into_iter().map(|record| ("DELETE", record)).collect();
                let _ = self.account.route53().change(ZONE, &gone);
                return;
            }
            _ => record["TTL"] = json!("60"),
        }
        self.put_record(&record);
    }

    async fn shift(&self) {
        let open = self.ask("ShiftFunction", &json!({ "command": "list" })).await.unwrap_or_default();
        let phase = open["shifts"][0]["phase"].as_str().unwrap_or_default().to_owned();
        let is_open = matches!(phase.as_str(), "Preparing" | "Progressing" | "Paused" | "Validating");
        let words = if is_open {
            ["pause", "resume", "promote", "abort", "finish", "resume"]
        } else {
            ["start", "start", "start", "abort", "finish", "start"]
        };
        let word = words[self.rng.borrow_mut().usize(0..words.len())];
        let mut command = json!({ "command": word, "record_name": NAME });
        let force = self.one_in(2);
        if force && ["abort", "finish"].contains(&word) {
            command["force"] = true.into();
        }
        if word == "start" {
            self.account.services().set_domain_status(&self.arn("web"), NAME, DomainStatus::Active).ok();
            command = json!({ "command": "start", "plan": self.plan() });
        }
        // What a person sees now may be replaced: the function reads it again for these.
        if ["start", "resume", "abort", "finish"].contains(&word) {
            self.watch.lets_replace(&self.account);
        }
        self.is_lively_for(75);
        self.ask("ShiftFunction", &command).await;
    }

    fn plan(&self) -> Value {
        json!({
            "hosted_zone_id": ZONE, "record_name": NAME,
            "from": { "service_arn": self.arn("web") },
            "to": { "cname": "shop-1.us-east-1.elb.amazonaws.com", "target_group_arns": [self.group] },
            "step_weights": [25, 60, 100], "bake_time": "10m", "analysis_interval": "1m",
            "progress_deadline": "2h", "validation_time": "20m", "finish_automatically": self.one_in(2),
        })
    }

    /// An endpoint is left over, used again, kept, or made.
    fn endpoint(&self) {
        let living = self.account.ec2().living_endpoints();
        let kind = self.rng.borrow_mut().u32(0..5);
        let some = living.get(self.rng.borrow_mut().usize(0..living.len().max(1)));
        match (kind, some) {
            (0, Some(endpoint)) => {
                self.watch.touch(&endpoint.id);
                let inner = self.arn("inner");
                let services = self.account.services();
                services.add_ingress("again", &inner, "vpc-0", &endpoint.id, IngressStatus::Available);
            }
            (1, Some(endpoint)) => {
                self.watch.touch(&endpoint.id);
                self.account.ec2().change_endpoint(&endpoint.id, |endpoint| {
                    endpoint.tags.insert("apprunner-autopilot:keep".to_owned(), "true".to_owned());
                });
            }
            _ if living.len() < 12 => {
                self.endpoints.set(self.endpoints.get() + 1);
                let created_at = self.clock.now() - SignedDuration::from_hours(30);
                let id = format!("vpce-{}", self.endpoints.get());
                let mut endpoint = EndpointSpec::requests(&id, created_at);
                if kind == 4 {
                    endpoint = endpoint.tag("apprunner-autopilot:keep", "true");
                }
                self.account.ec2().add_endpoint(endpoint);
            }
            _ => {}
        }
    }

    /// A service, or the successor, answers with errors for a while.
    fn illness(&self, name: &'static str) {
        let minutes = self.rng.borrow_mut().i64(5..90);
        let name = if self.one_in(2) { "successor" } else { name };
        self.unwell.borrow_mut().insert(name, self.clock.now() + SignedDuration::from_mins(minutes));
    }

    async fn command_rollback(&self, name: &'static str) {
        let word = if self.one_in(2) { "rollback" } else { "release" };
        let arn = self.arn(name);
        self.watch.touch(&arn);
        let command = json!({ "command": word, "service_arn": arn, "force": self.one_in(2) });
        self.ask("RollbackFunction", &command).await;
    }

    async fn retry(&self) {
        let arn = self.arn("batch");
        self.watch.touch(&arn);
        self.ask("RebuildFunction", &json!({ "command": "retry", "service_arn": arn })).await;
        self.watch.touch(&arn);
    }

    fn maintenance(&self, name: &'static str) {
        let arn = self.arn(name);
        if self.status(&arn) == "RUNNING" {
            self.watch.touch(&arn);
            let _ = self.account.services().maintenance(&arn, true);
        }
    }

    /// Whoever began maintenance ends it, and whoever stopped everything lifts that.
    pub(crate) async fn tidy_up(&self) {
        for name in SERVICES {
            let arn = self.arn(name);
            let runs = self.account.services().operations(&arn).first().is_some_and(|newest| {
                newest["Status"]
                    .as_str()
                    .is_some_and(|status| status.ends_with("PROGRESS") || status == "PENDING")
            });
            if self.status(&arn) == "OPERATION_IN_PROGRESS" && !runs {
                let _ = self.account.services().set_status(&arn, ServiceStatus::Running);
            }
        }
        self.ask("NotifyFunction", &json!({ "command": "go" })).await;
    }
}
