//! How large an announcement may be that is kept and passed on.

use autopilot::{
    announcement::{Announcement, Phase, Topic},
    incident::IncidentId,
};
use serde_json::{Map, Value, json};

use super::*;

fn announcement() -> Announcement {
    Announcement {
        topic: Topic::Rollback,
        announcement_id: "orders/rollback#1".into(),
        incident_id: IncidentId::new("orders:d1"),
        mode: Some(Mode::On),
        phase: Phase::Held,
        reason: "no-way-back".into(),
        subject: service().to_string(),
        plan: json!({"action": "hold"}),
        summary: "Held.".into(),
        time: at(1),
        more: Map::new(),
    }
}

fn passed(announcement: &Announcement) -> Announcement {
    let Plan::Tell(_, notices) = pass_on(announcement, &Subject::default()) else { panic!("nothing told") };
    let [Notice::Announced { announcement }] = &notices[..] else { panic!("{notices:?}") };
    (**announcement).clone()
}

fn more(name: &str, value: Value) -> Map<String, Value> {
    Map::from_iter([(name.to_owned(), value)])
}

#[test]
fn what_fits_is_passed_on_as_it_is() {
    let long = Announcement {
        subject: "s".repeat(1_000),
        // A JSON text of 20,000 bytes, with its quotes.
        plan: json!("p".repeat(19_998)),
        more: more("weights", json!("w".repeat(19_998))),
        ..announcement()
    };
    for fits in [announcement(), long] {
        assert_eq!(passed(&fits), fits);
    }
}

#[test]
fn what_is_too_long_is_cut_to_what_a_record_holds() {
    let endless = "x".repeat(300_000);
    let cut = passed(&Announcement {
        announcement_id: format!("{endless}#17"),
        incident_id: IncidentId::new(endless.clone()),
        phase: endless.as_str().into(),
        reason: endless.clone(),
        subject: endless.clone(),
        plan: json!(endless),
        summary: endless.clone(),
        more: more("weights", json!(endless)),
        ..announcement()
    });
    assert_eq!(cut.announcement_id.len(), 500);
    assert!(cut.announcement_id.ends_with("#17"), "the number tells announcements apart");
    for (name, word, most) in [
        ("incident_id", cut.incident_id.as_str(), 500),
        ("phase", cut.phase.as_str(), 500),
        ("reason", &cut.reason, 500),
        ("subject", &cut.subject, 1_000),
        ("summary", &cut.summary, 20_000),
    ] {
        assert!((400..=most).contains(&word.len()), "{name}: {} bytes", word.len());
    }
    assert_eq!(cut.plan, json!({"cut": "300002 bytes in all"}));
    assert_eq!(cut.more, Map::new());
    let just = Announcement {
        plan: json!("p".repeat(19_999)),
        more: more("weights", json!("w".repeat(19_999))),
        ..announcement()
    };
    assert_eq!((passed(&just).plan, passed(&just).more), (json!({"cut": "20001 bytes in all"}), Map::new()));
}

#[test]
fn a_list_is_shown_as_far_as_it_fits() {
    let sentence = |length: usize| json!("s".repeat(length - 2));
    for (lengths, shown) in [
        (&[10_000, 9_999][..], 2),
        (&[10_000, 10_000], 1),
        (&[10_000, 10_001, 3], 1),
        (&[3, 3, 3], 3),
        (&[20_001], 0),
    ] {
        let lines: Vec<Value> = lengths.iter().map(|length| sentence(*length)).collect();
        let cut = passed(&Announcement { more: more("lines", json!(lines)), ..announcement() });
        assert_eq!(cut.more["lines"].as_array().map(Vec::len), Some(shown), "{lengths:?}");
    }
    let unknown = Announcement { more: more("spell", json!("abracadabra")), ..announcement() };
    assert_eq!(passed(&unknown).more, Map::new(), "only what a message shows is kept");
}
