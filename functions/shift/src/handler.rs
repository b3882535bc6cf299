//! One invocation of `shift`: people and schedules command; events and alarms only make the next look come sooner.

use autopilot::{
    analysis::Verdict,
    call::{Call, Handler, ignored},
    error::Failure,
    event::{self, Input},
    ports::Announce,
    service::ServiceArn,
    store::{StateRead, StateWrite},
};
use serde_json::{Value, json};

use crate::{
    advance::{ShiftRecord, Shifts},
    shift::Shift,
    world::World,
};

impl<W, S, B> Handler for Shifts<W, S, B>
where
    W: World,
    S: StateRead + StateWrite,
    B: Announce,
{
    async fn handle(&self, payload: Value, call: Call) -> Result<Value, Failure> {
        let service: ServiceArn = match event::parse(&payload, call.now)? {
            Input::Command(command) => return self.command(&command, &call).await,
            Input::Alarm(alarm) => {
                let concerned = |shift: &Shift| shift.plan.alarms.contains(&alarm.name);
                return self.hurry(concerned, &call).await;
            }
            Input::Operation(event) => event.service,
            Input::Status(event) => event.service,
            Input::CustomDomain(event) => event.service,
            Input::Announcement(_) => return Ok(ignored("shift does not act on announcements")),
            Input::NotOurs(reason) => return Ok(ignored(&reason)),
        };
        self.hurry(|shift| shift.plan.from.service_arn == service, &call).await
    }
}

impl<W, S, B> Shifts<W, S, B>
where
    W: World,
    S: StateRead + StateWrite,
    B: Announce,
{
    /// Advances the shifts that an event concerns.
    async fn hurry(&self, concerned: impl Fn(&Shift) -> bool, call: &Call) -> Result<Value, Failure> {
        let open: Vec<ShiftRecord> = self.desk.open_cases().await?;
        let mut records: Vec<ShiftRecord> =
            open.into_iter().filter(|record| record.state.work.as_ref().is_some_and(&concerned)).collect();
        for shift in records.iter_mut().filter_map(|record| record.state.work.as_mut()) {
            look_again(shift);
        }
        if records.is_empty() {
            return Ok(ignored("no shift is concerned"));
        }
        let jobs = self.advance(records, call.now).await?;
        Ok(json!({"ok": true, "shifts": jobs.len()}))
    }
}

/// What an event tells of is new, so the analysis counts now and not an interval after the last. After a failure it
/// does not: an event may come twice, and one trouble is to count once.
fn look_again(shift: &mut Shift) {
    shift.analysed.take_if(|analysed| analysed.analysis.verdict != Verdict::Fail);
}
