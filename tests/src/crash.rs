//! Kills the function at a given call, before the call's work is done or before its answer arrives.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use anyhow::{Context as _, Result};
use sandbox::{
    aws::{Fault, Faults, Options, RequestRecord},
    host::Host,
    stage::Stage,
};

use crate::{NOTIFY, impatient, stage_of};

/// When within a call the function dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The call never reaches its service.
    BeforeWork,
    /// The work is done, but the function does not live to hear it.
    BeforeAnswer,
}

/// A stage on which the function can be made to die.
pub struct Deadly {
    /// The stage.
    pub stage: Stage,
    crash: Arc<Crash>,
}

#[derive(Default)]
struct Crash {
    /// The logical ID of the function that dies.
    function: String,
    reach: OnceLock<(Host, Faults)>,
    plan: Mutex<Plan>,
}

#[derive(Default)]
struct Plan {
    /// At which call, counted from 1, and when within it.
    armed: Option<(usize, Moment)>,
    calls: usize,
    kills: usize,
}

impl Deadly {
    /// A stage with the whole stack. The runtime must be Tokio's single-threaded one: then a request arrives and
    /// its hook runs in one step.
    pub async fn raise() -> Result<Self> {
        Self::raise_with(NOTIFY, &[], &impatient()).await
    }

    /// The same with parameters and options of the host, and any function to die.
    pub async fn raise_with(
        function: &str,
        parameters: &[(&str, &str)],
        host: &sandbox::host::Options,
    ) -> Result<Self> {
        let crash = Arc::new(Crash { function: function.to_owned(), ..Crash::default() });
        let (arriving, answering) = (crash.clone(), crash.clone());
        let account = Options {
            on_request: Some(Arc::new(move |call| arriving.arrives(call))),
            on_response: Some(Arc::new(move |call| answering.answers(call))),
            ..Options::default()
        };
        let stage = stage_of(parameters, account, host).await?;
        let reach = (stage.host.clone(), stage.account.faults().clone());
        crash.reach.set(reach).ok().context("the stage is raised once")?;
        Ok(Self { stage, crash })
    }

    /// The stage, and what makes its function die.
    pub fn part(self) -> (Stage, Trigger) {
        (self.stage, Trigger(self.crash))
    }

    /// The function dies at its `call`-th call from now on.
    pub fn arm(&self, call: usize, moment: Moment) {
        Trigger(self.crash.clone()).arm(call, moment);
    }

    /// Lets the function live. True if it died since it was to.
    pub fn disarm(&self) -> bool {
        Trigger(self.crash.clone()).disarm()
    }
}

/// What makes a function die.
pub struct Trigger(Arc<Crash>);

impl Trigger {
    /// The function dies at its `call`-th call from now on.
    pub fn arm(&self, call: usize, moment: Moment) {
        *self.0.plan() = Plan { armed: Some((call, moment)), calls: 0, kills: 0 };
        if call == 1 {
            self.0.before_next(moment);
        }
    }

    /// Lets the function live. True if it died since it was to.
    pub fn disarm(&self) -> bool {
        if let Some((_, faults)) = self.0.reach.get() {
            faults.clear();
        }
        std::mem::take(&mut *self.0.plan()).kills > 0
    }
}

impl Crash {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the next call from its work, if it is to die before that.
    fn before_next(&self, moment: Moment) {
        if let (Moment::BeforeWork, Some((_, faults))) = (moment, self.reach.get()) {
            faults.next("*", "*", 1, Fault::Reset);
        }
    }

    fn arrives(&self, call: &RequestRecord) {
        if call.caller.as_deref() != Some(&self.function) {
            return;
        }
        let mut plan = self.plan();
        let Some((deadly, moment)) = plan.armed else { return };
        plan.calls += 1;
        if plan.calls + 1 == deadly {
            self.before_next(moment);
        }
        if plan.calls == deadly && moment == Moment::BeforeWork {
            self.kill(&mut plan);
        }
    }

    fn answers(&self, call: &RequestRecord) {
        if call.caller.as_deref() != Some(&self.function) {
            return;
        }
        let mut plan = self.plan();
        if let Some((deadly, Moment::BeforeAnswer)) = plan.armed
            && plan.calls >= deadly
        {
            self.kill(&mut plan);
        }
    }

    fn kill(&self, plan: &mut Plan) {
        let Some((host, _)) = self.reach.get() else { return };
        plan.armed = None;
        plan.kills += host.lambda.kill(&self.function).unwrap_or_default();
    }
}
