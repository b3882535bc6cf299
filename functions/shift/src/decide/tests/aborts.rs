//! What a person's abort finds: nothing written yet, records that are gone, a write that is still on its way.

use autopilot::{
    analysis::Verdict,
    dns::{RecordSet, RecordType},
    mutation::Intent,
};
use serde_json::{Value, json};

use super::{
    super::{Because, Seen, What, decide, made},
    decision,
    model::{at, plan, running, seen},
};
use crate::{
    records::{Standing, Weights, standing},
    shift::{Phase, Shift},
};

/// Accepted, and its pair is not written.
fn unwritten() -> Shift {
    let mut shift = running(&plan(&json!({})), 0);
    shift.written = None;
    shift.expected.clone_from(&shift.original);
    shift
}

const BACK: Option<What> = Some(What::TurnBack { because: Because::Aborted });

#[test]
fn an_abort_before_anything_was_written_writes_nothing() {
    let mut shift = unwritten();
    shift.aborting = true;
    let next = decide(&shift, &seen(&shift, Verdict::Pass), at(60));
    assert_eq!(decision(&next), ("abort", None));
    assert_eq!((next.shift.phase, next.shift.aborting), (Phase::RolledBack, false));
    assert_eq!((next.say[0].phase.as_str(), next.say[0].reason), ("failed", "aborted"));
}

#[test]
fn an_abort_waits_for_a_pair_that_may_be_on_its_way_and_turns_it_back_once_it_is_there() {
    let mut shift = unwritten();
    shift.aborting = true;
    shift.maybe_on_their_way = vec![Intent { act: Value::Null, at: at(0) }];
    let next = decide(&shift, &seen(&shift, Verdict::Pass), at(60));
    assert_eq!(decision(&next), ("wait", None));
    assert_eq!((next.shift.phase, next.shift.aborting), (Phase::Preparing, true));
    let arrived = running(&plan(&json!({})), 0);
    let shift = Shift { written: arrived.written, expected: arrived.expected, ..next.shift };
    assert_eq!(decision(&decide(&shift, &seen(&shift, Verdict::Pass), at(120))), ("turn-back", BACK));
}

/// An abort with force expects what it finds: nothing, or what does not lead anywhere by itself.
#[test]
fn records_that_are_gone_are_written_again_only_where_a_person_forces_it() {
    let written = || running(&plan(&json!({})), 2);
    let https = RecordSet { kind: RecordType::Https, alias: None, ..written().original[0].clone() };
    let (nothing, beside) = (Vec::new(), vec![https]);
    for (shift, aborting, forced, expected) in [
        (written(), false, None, ("fail", None)),
        // Found as expected by the command and deleted since: to replace them could only fail.
        (written(), true, None, ("fail", None)),
        (written(), true, Some(&nothing), ("turn-back", BACK)),
        (written(), true, Some(&beside), ("turn-back", BACK)),
        (unwritten(), false, None, ("fail", None)),
        (unwritten(), true, None, ("fail", None)),
        (unwritten(), true, Some(&nothing), ("turn-back", BACK)),
        (unwritten(), true, Some(&beside), ("turn-back", BACK)),
    ] {
        let mut shift = Shift { aborting, ..shift };
        if let Some(found) = forced {
            shift.expected.clone_from(found);
        }
        let gone = Seen { records: forced.cloned().unwrap_or_default(), ..seen(&shift, Verdict::Pass) };
        let next = decide(&shift, &gone, at(60));
        assert_eq!(decision(&next), expected, "{aborting} {forced:?} {:?}", shift.written);
        let Some(act) = next.act else {
            assert_eq!((next.shift.phase, next.say[0].reason), (Phase::Failed, "records-gone"));
            continue;
        };
        let created: Vec<_> =
            act.after.iter().filter(|record| !act.before.contains(record)).cloned().collect();
        assert_eq!((&act.before, created), (&gone.records, shift.pairs.at(Weights::START)));
        let mut shift = next.shift;
        made(&mut shift, &act, None, at(61));
        assert_eq!((shift.phase, shift.aborting), (Phase::RolledBack, false));
    }
}

#[test]
fn an_abort_after_an_edit_leaves_alone_what_no_shift_writes() {
    let mut shift = running(&plan(&json!({})), 2);
    let https = RecordSet { kind: RecordType::Https, alias: None, ..shift.original[0].clone() };
    shift.expected[0].weight = Some(80);
    shift.expected.push(https.clone());
    shift.aborting = true;
    let act = decide(&shift, &seen(&shift, Verdict::Pass), at(60)).act.unwrap();
    assert_eq!(act.before, shift.expected);
    let mut after = shift.pairs.at(Weights::START);
    after.push(https);
    assert_eq!(standing(&after, &act.after), Standing::AsExpected);
}
