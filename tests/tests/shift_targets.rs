//! What a shift can lead to: an Express service that is followed through its deployments, aliases beside both address
//! types, and what a preflight finds of them.

use anyhow::{Context as _, Result};
use autopilot_tests::{
    assert_well,
    crossing::{Crossing, NAME, ZONE},
};
use sandbox::aws::{
    Fault,
    cloudwatch::alarms::{AlarmKind, AlarmState},
    ecs::Ingress,
    elbv2::{LoadBalancerSpec, RuleSpec},
};
use serde_json::{Value, json};

fn ingress(crossing: &Crossing, groups: &[&str]) -> Ingress {
    Ingress {
        load_balancer: crossing.balancer.clone(),
        listener: "arn:listener".to_owned(),
        rule: "arn:rule".to_owned(),
        certificate: "arn:certificate".to_owned(),
        target_groups: groups.iter().map(|group| (*group).to_owned()).collect(),
    }
}

#[tokio::test]
async fn an_express_service_is_resolved_and_its_deployments_hold_steps() -> Result<()> {
    let crossing = Crossing::raise().await?;
    crossing.serve(100.0, 0.0);
    let ecs = crossing.stage.account.ecs();
    let express = ecs.add_express_service("default", "orders", &ingress(&crossing, &[&crossing.group]));
    crossing.start(&json!({"to": {"express_service_arn": express}})).await?;
    let records = crossing.stage.account.route53().records(ZONE);
    let successor = records.iter().find(|record| record["SetIdentifier"] == "ecs-express-service");
    let value =
        &successor.context("the successor's record")?["ResourceRecords"]["ResourceRecord"][0]["Value"];
    assert_eq!(value, &json!(crossing.balancer_name), "a CNAME beside a CNAME");
    crossing.tick_while(|shift| shift["step"] == 0).await?;
    ecs.begin_deployment(&express, &ingress(&crossing, &[&crossing.group]));
    let shift = crossing.tick_while(|shift| shift["held_by"] != "target-deploying").await?;
    assert_eq!(shift["step"], 1);
    ecs.end_deployment(&express, "SUCCESSFUL");
    ecs.set_status(&express, "DRAINING");
    let shift = crossing.tick_while(|shift| shift["held_by"] != "target-gone").await?;
    assert_eq!(shift["step"], 1, "what is being deleted takes no more traffic");
    ecs.set_status(&express, "ACTIVE");
    let denied = Fault::Refuse { code: "AccessDeniedException".to_owned(), message: "no".to_owned() };
    crossing.stage.account.faults().always("ecs", "*", denied);
    let shift = crossing.tick_while(|shift| shift["held_by"] != "target-unread").await?;
    let words = shift["waiting_for"].as_str().unwrap_or_default();
    assert!(words.contains("AccessDenied") && shift["step"] == 1, "{words}");
    crossing.stage.account.faults().clear();
    crossing.tick_until("Validating").await?;
    assert_well(&crossing.stage)
}

/// Errors of a dry run, and otherwise its batches.
async fn dry_run(crossing: &Crossing, changed: &Value) -> Result<Value> {
    let mut plan = crossing.plan(changed);
    plan["dry_run"] = json!(true);
    crossing.ask(&json!({"command": "start", "plan": plan})).await
}

fn fields(answer: &Value) -> Vec<&str> {
    answer["errors"].as_array().into_iter().flatten().filter_map(|error| error["field"].as_str()).collect()
}

#[tokio::test]
async fn aliases_of_both_address_types_are_shifted_together() -> Result<()> {
    let crossing = Crossing::raise().await?;
    let name = "alias.example.com";
    let service = crossing.add_name("alias", name)?;
    let route53 = crossing.stage.account.route53();
    let simple = route53.records(ZONE).into_iter().find(|record| record["Name"] == format!("{name}."));
    let delete = [("DELETE", simple.context("its CNAME")?)];
    route53.change(ZONE, &delete).map_err(|error| anyhow::anyhow!(error.message))?;
    let target = json!({"DNSName": "x.us-east-1.awsapprunner.com", "HostedZoneId": "Z01915732ZBZKC8D32TPT",
        "EvaluateTargetHealth": true});
    for kind in ["A", "AAAA"] {
        let record = json!({"Name": name, "Type": kind, "AliasTarget": target});
        route53.put_record(ZONE, &record).map_err(|error| anyhow::anyhow!(error.message))?;
    }
    let elb = crossing.stage.account.elbv2();
    let spec = LoadBalancerSpec { dual_stack: true, ..LoadBalancerSpec::application("both") };
    let balancer = elb.add_load_balancer(&spec);
    let group = elb.add_target_group("alias", Some(&balancer));
    elb.set_targets(&group, &[("10.0.0.1", "healthy")]);
    let certificate = crossing.stage.account.acm().add_certificate(&["*.example.com"], "ISSUED");
    let takes_all = RuleSpec { target_groups: vec![group.clone()], ..RuleSpec::default() };
    elb.add_listener(&balancer, 443, "HTTPS", &[&certificate], &takes_all);
    let changed = |dns_name: &str, group: &str| {
        json!({
            "record_name": name, "from": {"service_arn": service},
            "to": {"alias": {"dns_name": dns_name, "hosted_zone_id": "Z35SXDOTRQ7X7K"}, "target_group_arns": [group]},
        })
    };
    let good = changed("both-1.us-east-1.elb.amazonaws.com", &group);
    let dry = dry_run(&crossing, &good).await?;
    let first = dry["batches"][0]["changes"].as_array().map(Vec::len);
    assert_eq!((&dry["ok"], first), (&json!(true), Some(6)), "two deletions, four creations: {dry:#}");
    let single = dry_run(&crossing, &changed(&crossing.balancer_name, &crossing.group)).await?;
    assert_eq!(fields(&single), ["plan.record_name"], "AAAA needs a dual-stack load balancer: {single:#}");
    let started = crossing.start(&good).await?;
    assert_eq!(started["shift"]["phase"], "Preparing");
    let pairs = route53.records(ZONE).into_iter().filter(|record| record["Name"] == format!("{name}."));
    let kept = pairs.filter(|record| record["AliasTarget"]["EvaluateTargetHealth"] == "true").count();
    assert_eq!(kept, 2, "App Runner's records keep what they carry");
    assert_well(&crossing.stage)
}

#[tokio::test]
async fn a_preflight_finds_what_is_wrong_with_the_successor() -> Result<()> {
    let crossing = Crossing::raise().await?;
    let elb = crossing.stage.account.elbv2();
    elb.set_targets(&crossing.group, &[("10.0.0.1", "unhealthy")]);
    let refused = dry_run(&crossing, &json!({})).await?;
    assert_eq!(fields(&refused), ["plan.to.cname"], "{refused:#}");
    elb.set_targets(&crossing.group, &[("10.0.0.1", "healthy")]);
    let loose = elb.add_target_group("loose", None);
    let none = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/none/1";
    for (to, expected) in [
        (json!({"cname": crossing.balancer_name, "target_group_arns": [loose]}), "plan.to.target_group_arns"),
        (json!({"cname": crossing.balancer_name, "target_group_arns": [none]}), "plan.to.target_group_arns"),
        (
            json!({"express_service_arn": "arn:aws:ecs:us-east-1:123456789012:service/default/none"}),
            "plan.to.express_service_arn",
        ),
        (
            json!({"alias": {"dns_name": crossing.balancer_name, "hosted_zone_id": "Z35SXDOTRQ7X7K"},
                "target_group_arns": [crossing.group]}),
            "plan.to.alias",
        ),
    ] {
        let refused = dry_run(&crossing, &json!({"to": to})).await?;
        assert!(fields(&refused).contains(&expected), "{expected}: {refused:#}");
    }
    let cloudwatch = crossing.stage.account.cloudwatch();
    cloudwatch.add_alarm("checkout", AlarmKind::Composite, AlarmState::Ok);
    let refused = dry_run(&crossing, &json!({"alarms": ["checkout", "chekout"]})).await?;
    assert_eq!(fields(&refused), ["plan.alarms"], "{refused:#}");
    assert!(refused["errors"][0]["message"].as_str().unwrap_or_default().contains("no alarm chekout"));
    assert_eq!(dry_run(&crossing, &json!({"alarms": ["checkout"]})).await?["ok"], true);
    assert_eq!(crossing.weights(NAME).len(), 1);
    assert_well(&crossing.stage)
}
