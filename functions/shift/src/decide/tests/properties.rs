//! Random lives of shifts: whatever happens, the rules hold.

use autopilot::{
    analysis::Verdict,
    dns::{ChangeId, ChangeStatus, RecordSet},
    mutation::Outcome,
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use super::{
    super::{Act, FromSide, Next, Unready, What, decide, made, not_made},
    model::{at, healthy, plan, running, seen},
};
use crate::{
    plan::Plan,
    records::{Standing, Weights, standing},
    shift::{Phase, Shift, span},
};

#[derive(Clone, Copy, Debug)]
enum Happens {
    Tick { verdict: Verdict, well: bool, in_sync: bool, deploying: bool, write: Write },
    Edit { record: usize, weight: u8 },
    UndoEdits,
    Resume,
    Pause,
    Promote,
}

/// What becomes of a write.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Write {
    Made,
    AnswerLost,
    Refused,
    NotNow,
}

fn happenings() -> impl Strategy<Value = Happens> {
    let verdict = prop_oneof![
        5 => Just(Verdict::Pass), 2 => Just(Verdict::Inconclusive), 2 => Just(Verdict::Fail)
    ];
    let write = prop_oneof![
        6 => Just(Write::Made), 1 => Just(Write::AnswerLost), 1 => Just(Write::Refused), 1 => Just(Write::NotNow)
    ];
    let often = || prop::bool::weighted(0.8);
    let tick = (verdict, often(), often(), prop::bool::weighted(0.1), write).prop_map(
        |(verdict, well, in_sync, deploying, write)| Happens::Tick {
            verdict,
            well,
            in_sync,
            deploying,
            write,
        },
    );
    prop_oneof![
        20 => tick,
        1 => (0_usize..2, 0_u8..=255).prop_map(|(record, weight)| Happens::Edit { record, weight }),
        2 => Just(Happens::UndoEdits),
        2 => Just(Happens::Resume),
        1 => Just(Happens::Pause),
        1 => Just(Happens::Promote),
    ]
}

/// A shift and the world around it.
struct World {
    shift: Shift,
    records: Vec<RecordSet>,
    now: Timestamp,
    /// When the newest write was everywhere.
    in_sync_at: Option<Timestamp>,
}

impl World {
    fn new(plan: &Plan) -> Self {
        let mut shift = running(plan, 0);
        shift.written = None;
        shift.expected.clone_from(&shift.original);
        Self { records: shift.original.clone(), shift, now: at(0), in_sync_at: None }
    }

    fn happen(&mut self, event: Happens) -> Result<(), TestCaseError> {
        match event {
            Happens::Tick { verdict, well, in_sync, deploying, write } => {
                let from = if well { healthy() } else { FromSide::Unread("no answer".to_owned()) };
                let change = if in_sync { ChangeStatus::InSync } else { ChangeStatus::Pending };
                let seen = super::Seen {
                    records: self.records.clone(),
                    change: Some(Ok(change)),
                    from,
                    unready: deploying.then_some(Unready::Deploying),
                    ..seen(&self.shift, verdict)
                };
                let before = self.shift.clone();
                let next = decide(&self.shift, &seen, self.now);
                prop_assert_eq!(&decide(&self.shift, &seen, self.now).act, &next.act, "the same again");
                let newly = next.shift.written.as_ref().and_then(|written| written.insync_at);
                self.in_sync_at = self.in_sync_at.or(newly);
                self.check(&before, &next, verdict, well, deploying)?;
                self.shift = next.shift;
                if let Some(act) = next.act {
                    self.carry_out(&act, write);
                }
            }
            Happens::Edit { record, weight } => {
                if let Some(record) = self.records.get_mut(record) {
                    record.weight = record.weight.map(|_| weight);
                }
            }
            Happens::UndoEdits => self.records.clone_from(&self.shift.expected),
            Happens::Resume if self.shift.phase == Phase::Paused => {
                self.shift.cleared = self.shift.next_weight();
                self.shift.enter(self.shift.running_phase(), self.now);
                self.shift.hold = None;
                self.shift.progressed_at = self.now;
            }
            Happens::Pause if self.shift.phase.is_open() => self.shift.enter(Phase::Paused, self.now),
            Happens::Promote if self.shift.phase.is_open() => self.shift.promoted = true,
            Happens::Resume | Happens::Pause | Happens::Promote => {}
        }
        Ok(())
    }

    fn check(
        &self,
        before: &Shift,
        next: &Next,
        verdict: Verdict,
        well: bool,
        deploying: bool,
    ) -> Result<(), TestCaseError> {
        let Some(act) = &next.act else { return Ok(()) };
        prop_assert_eq!(
            standing(&before.expected, &self.records),
            Standing::AsExpected,
            "an edit is overwritten"
        );
        prop_assert!(before.phase.is_open());
        let weights: u32 = act.after.iter().filter_map(|record| record.weight).map(u32::from).sum();
        match act.what {
            What::Begin => prop_assert_eq!(before.steps, 0),
            What::Step { steps } => {
                prop_assert_eq!(steps, before.steps + 1, "steps come in their order");
                let planned = Weights::successor(before.plan.step_weights[before.steps]);
                prop_assert_eq!(&act.after, &before.pairs.at(planned));
                prop_assert_eq!(weights, 100);
                let excused = before.promoted || before.steps == 0;
                prop_assert!(verdict == Verdict::Pass || excused && verdict == Verdict::Inconclusive);
                prop_assert!(!deploying && before.phase != Phase::Paused);
                let in_sync = self.in_sync_at.ok_or_else(|| TestCaseError::fail("a step before INSYNC"))?;
                let ttl = SignedDuration::from_secs(60);
                let bake = if before.steps == 0 { SignedDuration::ZERO } else { span(before.plan.bake_time) };
                prop_assert!(before.promoted || self.now >= in_sync + ttl + bake, "a step within the bake");
            }
            What::TurnBack { .. } => {
                prop_assert!(well, "onto a side that is not well");
                prop_assert_eq!(&act.after, &before.pairs.at(Weights::START));
                prop_assert!(next.shift.streak.reached(before.plan.failure_limit));
            }
            What::Finish => {
                prop_assert!(before.phase == Phase::Validating && verdict == Verdict::Pass);
                prop_assert_eq!(&act.after, &before.pairs.successor_alone());
            }
        }
        Ok(())
    }

    fn carry_out(&mut self, act: &Act, write: Write) {
        match write {
            Write::Made | Write::AnswerLost => {
                self.records.clone_from(&act.after);
                self.in_sync_at = None;
                let id = (write == Write::Made).then(|| ChangeId("c".to_owned()));
                made(&mut self.shift, act, id, self.now);
            }
            Write::Refused => {
                not_made(&mut self.shift, act, &Outcome::Refused("no".to_owned()), self.now);
            }
            Write::NotNow => {
                not_made(&mut self.shift, act, &Outcome::Wait("not now".to_owned()), self.now);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_rules_hold(
        events in prop::collection::vec((happenings(), 1_i64..900), 1..120),
        limit in 1_u32..4,
        automatic in any::<bool>(),
        pauses in prop::sample::subsequence(vec![10, 50, 100], 0..=3),
    ) {
        let plan = plan(&json!({
            "failure_limit": limit, "finish_automatically": automatic, "pause_before": pauses,
            "validation_time": "1h", "progress_deadline": "2h",
        }));
        let mut world = World::new(&plan);
        for (event, seconds) in events {
            world.now += SignedDuration::from_secs(seconds);
            world.happen(event)?;
            let shift = &world.shift;
            prop_assert_eq!(shift.weights, Weights::successor(plan.weight_after(
                if shift.phase == Phase::RolledBack { 0 } else { shift.steps }
            )), "only the planned sequence or the start");
            let stored = serde_json::to_value(shift).unwrap();
            prop_assert_eq!(&serde_json::from_value::<Shift>(stored).unwrap(), shift, "it survives storage");
        }
    }
}
