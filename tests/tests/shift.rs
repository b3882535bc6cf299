//! `shift` through its real binary, against the sandbox's strict Route 53.

use anyhow::Result;
use autopilot_tests::{
    alerts, assert_well,
    crossing::{Crossing, NAME, ORIGIN, ZONE, cname},
    root, sample,
};
use sandbox::aws::route53::Propagation;
use serde_json::{Value, json};

#[tokio::test]
async fn a_shift_steps_to_100_validates_and_finishes() -> Result<()> {
    let crossing = Crossing::raise().await?;
    let started = crossing.start(&json!({})).await?;
    assert_eq!(started["shift"]["phase"], "Preparing");
    crossing.assert_weights(NAME, 100, 0);
    crossing.serve(100.0, 0.0);
    crossing.tick_while(|shift| shift["step"] == 0).await?;
    crossing.assert_weights(NAME, 50, 50);
    let shift = crossing.tick_until("Validating").await?;
    crossing.assert_weights(NAME, 0, 100);
    assert_eq!((&shift["step"], &shift["weights"]), (&json!(2), &json!({"from": 0, "to": 100})));
    let finished = crossing.tell("finish").await?;
    assert_eq!((&finished["ok"], &finished["shift"]["phase"]), (&json!(true), &json!("Succeeded")));
    assert_eq!(crossing.weights(NAME), [(String::new(), String::new())], "a simple record again");
    let steps: Vec<&Value> =
        finished["checklist"].as_array().into_iter().flatten().map(|step| &step["step"]).collect();
    assert_eq!(steps, ["traffic", "domain", "dns", "service", "endpoint", "connector", "roles"]);
    assert_eq!(
        crossing.tell("finish").await?["checklist"],
        finished["checklist"],
        "asked again, it says it again"
    );
    assert_eq!(
        crossing.announced(),
        [
            "started accepted",
            "progressed step",
            "progressed step",
            "progressed validating",
            "succeeded finished"
        ]
    );
    let threads: std::collections::BTreeSet<String> =
        alerts(&crossing.stage).iter().map(|alert| alert.attributes["service"].clone()).collect();
    assert_eq!(threads.into_iter().collect::<Vec<_>>(), [NAME], "people hear of it");
    assert_well(&crossing.stage)
}

#[tokio::test]
async fn failures_turn_it_back_at_each_step() -> Result<()> {
    for (steps, weight) in [(1, 50), (2, 100)] {
        let crossing = Crossing::raise().await?;
        // Each step waits for a person, so that the failure meets the step that it is meant for.
        crossing.start(&json!({"bake_time": "30m"})).await?;
        crossing.serve(100.0, 0.0);
        crossing.tick_while(|shift| shift["step"] == 0).await?;
        while crossing.status().await?["step"] != steps {
            crossing.tell("promote").await?;
            crossing.tick().await?;
        }
        crossing.assert_weights(NAME, 100 - weight, weight);
        crossing.serve(100.0, 50.0);
        crossing.tick_until("RolledBack").await?;
        crossing.assert_weights(NAME, 100, 0);
        assert_eq!(crossing.announced().last().map(String::as_str), Some("failed analysis-failed"));
        let original = crossing.tell("finish").await?;
        assert_eq!(original["ok"], true, "{original:#}");
        let records = crossing.stage.account.route53().records(ZONE);
        let value = |record: &Value| record["ResourceRecords"]["ResourceRecord"][0]["Value"] == ORIGIN;
        assert!(records.iter().any(value) && crossing.weights(NAME).len() == 1, "{records:#?}");
        assert_well(&crossing.stage)?;
    }
    Ok(())
}

#[tokio::test]
async fn without_data_it_holds_and_a_person_can_promote() -> Result<()> {
    let crossing = Crossing::raise().await?;
    crossing.start(&json!({})).await?;
    crossing.tick_while(|shift| shift["step"] == 0).await?;
    let shift = crossing.tick_while(|shift| shift["held_by"] != "inconclusive").await?;
    assert_eq!(
        (&shift["step"], &shift["phase"]),
        (&json!(1), &json!("Progressing")),
        "never a step without data"
    );
    let promoted = crossing.tell("promote").await?;
    assert_eq!((&promoted["ok"], &promoted["shift"]["step"]), (&json!(true), &json!(2)), "{promoted:#}");
    crossing.assert_weights(NAME, 0, 100);
    assert_well(&crossing.stage)
}

#[tokio::test]
async fn abort_turns_back_at_once_in_every_phase_and_under_a_stop() -> Result<()> {
    let crossing = Crossing::raise().await?;
    crossing.start(&json!({"bake_time": "30m"})).await?;
    let aborted = crossing.tell("abort").await?;
    assert_eq!(
        (&aborted["ok"], &aborted["shift"]["phase"]),
        (&json!(true), &json!("RolledBack")),
        "{aborted:#}"
    );
    crossing.start(&json!({"bake_time": "30m"})).await?;
    crossing.tick_while(|shift| shift["step"] == 0).await?;
    crossing.assert_weights(NAME, 50, 50);
    crossing.ask(&json!({"command": "stop"})).await?;
    let aborted = crossing.tell("abort").await?;
    assert_eq!(
        (&aborted["ok"], &aborted["shift"]["phase"]),
        (&json!(true), &json!("RolledBack")),
        "{aborted:#}"
    );
    crossing.assert_weights(NAME, 100, 0);
    assert_eq!(crossing.tell("abort").await?["ok"], true, "twice is once");
    let refused = crossing.ask(&json!({"command": "start", "plan": crossing.plan(&json!({}))})).await?;
    assert_eq!(refused["ok"], false, "a stop lets nothing begin");
    crossing.ask(&json!({"command": "go"})).await?;
    crossing.start(&json!({})).await?;
    assert_well(&crossing.stage)
}

#[tokio::test]
async fn a_foreign_edit_is_never_overwritten_without_force() -> Result<()> {
    let crossing = Crossing::raise().await?;
    crossing.start(&json!({"bake_time": "30m"})).await?;
    crossing.tick_while(|shift| shift["step"] == 0).await?;
    let mut edited = cname(NAME, ORIGIN);
    edited["SetIdentifier"] = json!("app-runner-service");
    edited["Weight"] = json!(80);
    let put = crossing.stage.account.route53().change(ZONE, &[("UPSERT", edited)]);
    put.map_err(|error| anyhow::anyhow!(error.message))?;
    let shift = crossing.tick_while(|shift| shift["held_by"] != "foreign-edit").await?;
    let words = shift["waiting_for"].as_str().unwrap_or_default();
    assert!(words.contains("has weight 80 instead of 50"), "{words}");
    for command in ["resume", "abort"] {
        let refused = crossing.tell(command).await?;
        let message = refused["errors"][0]["message"].as_str().unwrap_or_default();
        assert!(message.contains("weight 80 instead of 50"), "{refused:#}");
    }
    crossing.assert_weights(NAME, 80, 50);
    let forced = crossing.ask(&json!({"command": "abort", "record_name": NAME, "force": true})).await?;
    assert_eq!(forced["shift"]["phase"], "RolledBack", "{forced:#}");
    crossing.assert_weights(NAME, 100, 0);
    assert_well(&crossing.stage)
}

#[tokio::test]
async fn resume_goes_on_from_the_step_that_an_edit_matches() -> Result<()> {
    let crossing = Crossing::raise().await?;
    crossing.start(&json!({"bake_time": "30m"})).await?;
    crossing.tick_while(|shift| shift["step"] == 0).await?;
    let weighted = |identifier: &str, target: &str, weight: u8| {
        let mut record = cname(NAME, target);
        record["SetIdentifier"] = json!(identifier);
        record["Weight"] = json!(weight);
        ("UPSERT", record)
    };
    let edit = [
        weighted("app-runner-service", ORIGIN, 0),
        weighted("ecs-express-service", &crossing.balancer_name, 100),
    ];
    crossing.stage.account.route53().change(ZONE, &edit).map_err(|error| anyhow::anyhow!(error.message))?;
    crossing.tick_while(|shift| shift["held_by"] != "foreign-edit").await?;
    let resumed = crossing.tell("resume").await?;
    assert_eq!((&resumed["ok"], &resumed["shift"]["step"]), (&json!(true), &json!(2)), "{resumed:#}");
    assert_eq!(resumed["shift"]["held_by"], Value::Null);
    assert_well(&crossing.stage)
}

#[tokio::test]
async fn deleted_records_are_a_failure_that_force_mends() -> Result<()> {
    let crossing = Crossing::raise().await?;
    crossing.start(&json!({"bake_time": "30m"})).await?;
    crossing.tick_while(|shift| shift["step"] == 0).await?;
    let records = crossing.stage.account.route53().records(ZONE).into_iter();
    let gone: Vec<_> = records
        .filter(|record| record["Name"] == format!("{NAME}."))
        .map(|record| ("DELETE", record))
        .collect();
    crossing.stage.account.route53().change(ZONE, &gone).map_err(|error| anyhow::anyhow!(error.message))?;
    crossing.tick_until("Failed").await?;
    assert_eq!(crossing.announced().last().map(String::as_str), Some("failed records-gone"));
    let forced = crossing.ask(&json!({"command": "abort", "record_name": NAME, "force": true})).await?;
    assert_eq!(forced["shift"]["phase"], "RolledBack", "{forced:#}");
    crossing.assert_weights(NAME, 100, 0);
    assert_well(&crossing.stage)
}

#[tokio::test]
async fn a_step_waits_until_the_one_before_is_everywhere() -> Result<()> {
    let crossing = Crossing::raise().await?;
    crossing.serve(100.0, 0.0);
    crossing.stage.account.route53().set_propagation(Propagation::AtPoll(3));
    crossing.start(&json!({})).await?;
    for _ in 0..2 {
        crossing.tick().await?;
        let shift = crossing.status().await?;
        assert_eq!(
            (&shift["step"], &shift["waiting_for"]),
            (&json!(0), &json!("Route 53 to tell all of its servers (INSYNC)"))
        );
    }
    crossing.tick_while(|shift| shift["step"] == 0).await?;
    assert_well(&crossing.stage)
}

#[tokio::test]
async fn pauses_hold_until_resume() -> Result<()> {
    let crossing = Crossing::raise().await?;
    crossing.serve(100.0, 0.0);
    crossing.start(&json!({"pause_before": [100]})).await?;
    let shift = crossing.tick_until("Paused").await?;
    assert_eq!((&shift["held_by"], &shift["step"]), (&json!("pause-before"), &json!(1)));
    crossing.tick().await?;
    crossing.assert_weights(NAME, 50, 50);
    let resumed = crossing.tell("resume").await?;
    assert_eq!(resumed["shift"]["step"], 2, "{resumed:#}");
    let paused = crossing.tell("pause").await?;
    assert_eq!(paused["shift"]["phase"], "Paused");
    crossing.tick().await?;
    assert_eq!(crossing.status().await?["phase"], "Paused");
    crossing.tell("resume").await?;
    crossing.tick_until("Validating").await?;
    assert_well(&crossing.stage)
}

#[tokio::test]
async fn a_start_tells_all_its_errors_and_a_dry_run_all_its_batches() -> Result<()> {
    let crossing = Crossing::raise().await?;
    let refused = crossing.ask(&json!({"command": "start", "plan": {"step_weights": [5, 5]}})).await?;
    let fields: Vec<&Value> =
        refused["errors"].as_array().into_iter().flatten().map(|error| &error["field"]).collect();
    assert!(
        fields.contains(&&json!("plan.step_weights[1]")) && fields.contains(&&json!("plan.to")),
        "{refused:#}"
    );
    let other = crossing.plan(&json!({"record_name": "none.example.com"}));
    let refused = crossing.ask(&json!({"command": "start", "plan": other})).await?;
    let fields: Vec<&Value> =
        refused["errors"].as_array().into_iter().flatten().map(|error| &error["field"]).collect();
    assert_eq!(fields, ["plan.from.service_arn", "plan.record_name"], "{refused:#}");
    crossing.stage.account.requests().clear();
    let dry =
        crossing.ask(&json!({"command": "start", "plan": crossing.plan(&json!({"dry_run": true}))})).await?;
    let batches = dry["batches"].as_array().map(Vec::len);
    assert_eq!((&dry["ok"], &dry["dry_run"], batches), (&json!(true), &json!(true), Some(4)), "{dry:#}");
    assert_eq!(crossing.count("route53", "ChangeResourceRecordSets"), 0);
    assert_eq!(crossing.weights(NAME).len(), 1);
    assert_eq!(crossing.tell("status").await?["ok"], false, "nothing is remembered of a dry run");
    assert_well(&crossing.stage)
}

#[tokio::test]
async fn an_idle_tick_makes_one_read() -> Result<()> {
    let crossing = Crossing::raise().await?;
    crossing.stage.account.requests().clear();
    crossing.tick().await?;
    let calls = autopilot_tests::calls::names_of(&crossing.stage, autopilot_tests::SHIFT);
    assert_eq!(calls, ["dynamodb:Query"]);
    assert_well(&crossing.stage)
}

#[tokio::test]
async fn every_sample_is_understood() -> Result<()> {
    let crossing = Crossing::raise().await?;
    let mut samples = 0;
    for entry in std::fs::read_dir(root().join("events/shift"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let answer = crossing.ask(&sample(&format!("shift/{name}"))?).await?;
        let errors = answer["errors"].to_string();
        let understood = match name.split(['-', '.']).collect::<Vec<_>>()[..] {
            // A preflight was reached, and there is no such service here.
            ["command", "start", ..] => errors.contains("there is no such service"),
            ["command", "list", ..] | ["schedule" | "alarm" | "operation" | "status", ..] => {
                answer["ok"] == true
            }
            _ => errors.contains("there is no shift of app.example.com"),
        };
        assert!(understood, "{name}: {answer:#}");
        samples += 1;
    }
    assert!(samples > 15);
    assert_well(&crossing.stage)
}
