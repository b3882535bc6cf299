//! One invocation of `rollback`: events open cases and alarms hasten analyses; schedules and people advance them.

use autopilot::{
    call::{Call, Handler, ignored},
    case::Case,
    desk::Desk,
    error::Failure,
    event::{self, AlarmChange, Input},
    ports::{
        Announce, AppRunnerRead, ConfigurationRead, ImageDigests, MetricQueries, RevisionRead, ServiceWrite,
    },
    service::ServiceArn,
    store::{StateRead, StateWrite},
};
use serde_json::{Value, json};

use crate::{
    case::{ServiceCase, Work},
    settings::Settings,
    worker::Round,
};

/// `rollback` over its ports.
#[derive(Debug)]
pub struct Rollback<A, C, M, I, S, B> {
    /// Settings.
    pub settings: Settings,
    /// App Runner, reading.
    pub apprunner: A,
    /// App Runner, changing.
    pub changes: C,
    /// CloudWatch.
    pub metrics: M,
    /// ECR.
    pub images: I,
    /// The cases.
    pub desk: Desk<S, B>,
}

impl<A, C, M, I, S, B> Handler for Rollback<A, C, M, I, S, B>
where
    A: AppRunnerRead + ConfigurationRead + RevisionRead,
    C: ServiceWrite,
    M: MetricQueries,
    I: ImageDigests,
    S: StateRead + StateWrite,
    B: Announce,
{
    async fn handle(&self, payload: Value, call: Call) -> Result<Value, Failure> {
        match event::parse(&payload, call.now)? {
            Input::Command(command) => self.command(&command, &call).await,
            // Which word it was is no matter: what is, is read.
            Input::Operation(event) => self.look_at(&event.service, &call).await,
            Input::Alarm(alarm) => self.alarmed(&alarm, &call).await,
            Input::Status(_) | Input::CustomDomain(_) | Input::Announcement(_) => {
                Ok(ignored("rollback does not act on this"))
            }
            Input::NotOurs(reason) => Ok(ignored(&reason)),
        }
    }
}

impl<A, C, M, I, S, B> Rollback<A, C, M, I, S, B>
where
    A: AppRunnerRead + ConfigurationRead + RevisionRead,
    C: ServiceWrite,
    M: MetricQueries,
    I: ImageDigests,
    S: StateRead + StateWrite,
    B: Announce,
{
    async fn look_at(&self, service: &ServiceArn, call: &Call) -> Result<Value, Failure> {
        let record: ServiceCase = self.desk.case(service.as_str()).await?;
        let open = |case: &mut Case<Work>| case.open = true;
        let decided = self.desk.advance(&Round::of_one(self), record, open, call.now).await?;
        Ok(json!({"ok": true, "decision": decided.decision, "reason": decided.reason}))
    }

    /// An alarm that fails versions went off: every version that bakes is analysed now.
    async fn alarmed(&self, alarm: &AlarmChange, call: &Call) -> Result<Value, Failure> {
        if alarm.state != "ALARM" || !self.settings.checks.alarms.contains(&alarm.name) {
            return Ok(ignored("no alarm that fails a version went off"));
        }
        let open: Vec<ServiceCase> = self.desk.open_cases().await?;
        let baking: Vec<_> = open.into_iter().filter(|record| record.state.work.baking.is_some()).collect();
        let round = Round::with_metrics(self, &baking, call.now).await;
        let tally = self.desk.advance_all(&round, baking, call.now).await;
        Ok(json!({"ok": true, "analysed": tally.cases, "failed": tally.failed}))
    }
}
