use proptest::prelude::*;

use super::*;
use crate::domain::event::Kind;
use crate::domain::rules;
use crate::domain::testing::{entries, event, histories, history, register};

fn slug(text: &str) -> Slug {
    text.parse().unwrap()
}

fn party(id: &str) -> Event {
    event(
        Kind::PartyRegistered,
        &[("id", id), ("kind", "state"), ("name", id)],
    )
}

fn note(about: &str) -> Event {
    event(Kind::Noted, &[("text", "n"), ("about", about)])
}

fn correction(record: &str, field: &str, to: &str) -> Event {
    let texts = [
        ("record", record),
        ("field", field),
        ("to", to),
        ("reason", "misread"),
    ];
    event(Kind::Corrected, &texts)
}

fn retraction(record: &str) -> Event {
    event(
        Kind::Retracted,
        &[("record", record), ("reason", "never was")],
    )
}

fn opened(more: &[Event]) -> Vec<Event> {
    let opening = event(Kind::LedgerOpened, &[("origin", "example.org/register")]);
    [&[opening], more].concat()
}

fn trail(register: &Register, subject: &str) -> Vec<u64> {
    let subject = subject.parse().unwrap();
    register.trail(&subject).map(|entry| entry.seq.0).collect()
}

#[test]
fn a_correction_moves_its_record_to_another_trail() {
    let mut history = opened(&[party("peru"), party("chile"), note("peru")]);
    history.push(correction("3", "about", "chile"));
    let corrected = register(&history);
    assert_eq!(trail(&corrected, "peru"), [1]);
    assert_eq!(trail(&corrected, "chile"), [2, 3]);
    assert_eq!(trail(&corrected, "3"), [4]);
    let held = corrected.held(Seq(3)).unwrap();
    assert_eq!(held.entry.event, note("chile"));
    assert_eq!(held.recorded(), &note("peru"));
    assert_eq!(held.corrections, [Seq(4)]);
    // Taking the correction back takes the record back.
    history.push(retraction("4"));
    let restored = register(&history);
    assert_eq!(trail(&restored, "peru"), [1, 3]);
    assert_eq!(trail(&restored, "chile"), [2]);
    assert_eq!(restored.entry(Seq(3)).unwrap().event, note("peru"));
}

#[test]
fn of_two_corrections_of_a_field_the_later_that_stands_counts() {
    let base = opened(&[
        note("0"),
        correction("1", "text", "second"),
        correction("1", "text", "third"),
    ]);
    let text = |more: &[Event]| {
        let register = register(&[&base, more].concat());
        let texts = register.entry(Seq(1)).unwrap().event.to_fields();
        texts.get("text").to_vec()
    };
    assert_eq!(text(&[]), ["third"]);
    assert_eq!(text(&[retraction("3")]), ["second"]);
    assert_eq!(text(&[retraction("2")]), ["third"]);
    assert_eq!(text(&[retraction("2"), retraction("3")]), ["n"]);
}

#[test]
fn a_retraction_frees_the_id_and_not_the_import_key() {
    let keyed = event(
        Kind::PartyRegistered,
        &[
            ("id", "peru"),
            ("kind", "state"),
            ("name", "Perú"),
            ("import_key", "row 1"),
        ],
    );
    let mut history = opened(&[keyed, retraction("1")]);
    let retracted = register(&history);
    assert_eq!(retracted.entity(&slug("peru")), None);
    assert_eq!(retracted.imported("row 1"), Some(Seq(1)));
    assert!(retracted.held(Seq(1)).is_some() && retracted.entry(Seq(1)).is_none());
    assert_eq!(trail(&retracted, "peru"), [0u64; 0]);
    history.push(party("peru"));
    let again = register(&history);
    assert_eq!(
        again.entity(&slug("peru")),
        Some((EntityKind::Party, Seq(3)))
    );
    assert_eq!(again.imported("row 1"), Some(Seq(1)));
    assert_eq!(again.imported("row 2"), None);
}

#[test]
fn a_redacted_record_does_not_count_whether_its_payload_is_there_or_not() {
    let redaction = event(
        Kind::Redacted,
        &[("record", "2"), ("reason", "privacy"), ("authority", "law")],
    );
    let history = opened(&[party("peru"), note("peru"), redaction]);
    let whole = register(&history);
    assert_eq!(whole.held(Seq(2)).unwrap().redacted, Some(Seq(3)));
    let mut gone = Register::default();
    for entry in entries(&history) {
        match entry.seq {
            Seq(2) => gone.apply_missing(),
            _ => gone.apply(&entry),
        }
    }
    assert_eq!(gone.count(), 4);
    assert_eq!(gone.held(Seq(2)), None);
    for register in [&whole, &gone] {
        assert_eq!(trail(register, "peru"), [1]);
        assert_eq!(trail(register, "2"), [3]);
    }
}

#[test]
fn a_text_names_a_record_an_id_or_the_beginning_of_one_id() {
    let source = event(
        Kind::SourceRegistered,
        &[("id", "per-1"), ("kind", "letter"), ("title", "Letter")],
    );
    let mut history = opened(&[party("peru"), party("per"), party("chile"), source]);
    let resolved = |text: &str| register(&history).resolve(text);
    let entity = |id: &str| Ok(Subject::Entity(slug(id)));
    assert_eq!(resolved("chile"), entity("chile"));
    assert_eq!(resolved("ch"), entity("chile"));
    // An id is meant before one that begins with it.
    assert_eq!(resolved("per"), entity("per"));
    assert_eq!(
        resolved("pe"),
        Err(ResolveError::Ambiguous {
            text: "pe".into(),
            candidates: vec!["per".into(), "per-1".into(), "peru".into()],
        })
    );
    assert_eq!(resolved("0"), Ok(Subject::Record(Seq(0))));
    assert_eq!(resolved("4"), Ok(Subject::Record(Seq(4))));
    for nothing in ["5", "04", "CH", "chiles", "", "c h", "18446744073709551616"] {
        let expected = Err(ResolveError::Nothing(nothing.into()));
        assert_eq!(resolved(nothing), expected);
    }
    // Among one kind only.
    let among = |text: &str, kind| register(&history).resolve_id(text, kind);
    assert_eq!(among("per", EntityKind::Source), Ok(slug("per-1")));
    assert!(matches!(
        among("pe", EntityKind::Party),
        Err(ResolveError::Ambiguous { .. })
    ));
    assert!(among("chile", EntityKind::Source).is_err());
    assert!(among("0", EntityKind::Party).is_err());
    // What was retracted is nobody's name, though its record keeps its number.
    history.push(retraction("3"));
    let retracted = register(&history);
    assert!(retracted.resolve("ch").is_err());
    assert_eq!(retracted.resolve("3"), Ok(Subject::Record(Seq(3))));
}

#[test]
fn whom_a_party_acts_for_ends_even_where_parents_go_round() {
    // No rule lets this in; a tampered ledger may have it.
    let part_of = |id: &str, parent: &str| {
        let texts = [
            ("id", id),
            ("kind", "organ"),
            ("name", id),
            ("parent", parent),
        ];
        event(Kind::PartyRegistered, &texts)
    };
    let register = register(&opened(&[part_of("a", "b"), part_of("b", "a"), party("c")]));
    let id = |text: &str| text.parse::<PartyId>().unwrap();
    assert!(register.acts_for(&id("a"), &id("b")));
    assert!(!register.acts_for(&id("a"), &id("c")));
    assert!(register.acts_for(&id("unknown"), &id("unknown")));
}

/// The register of the history as it would have been without mistakes: each record that counts, in its
/// place, as it reads in the end.
fn mended(register: &Register) -> Register {
    let mut mended = Register::default();
    for held in register.records() {
        match held {
            Some(held) if held.is_standing() => mended.apply(&held.entry),
            _ => mended.apply_missing(),
        }
    }
    mended
}

#[test]
fn the_histories_below_have_mends_in_them() {
    let register = register(&history(0, 600));
    let held = || register.records().iter().flatten();
    assert!(held().filter(|held| held.original.is_some()).count() > 3);
    assert!(held().filter(|held| held.retracted.is_some()).count() > 3);
    assert!(held().any(|held| held.redacted.is_some()));
}

proptest! {
    // Histories take their time; 64 of them have seen every mend many times.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn mends_leave_what_a_history_without_mistakes_would_have(history in histories(0..160)) {
        let register = register(&history);
        let mended = mended(&register);
        prop_assert!(register.entries().eq(mended.entries()));
        prop_assert_eq!(&register.trails, &mended.trails);
        prop_assert_eq!(&register.ids, &mended.ids);
    }

    #[test]
    fn a_register_is_its_records(history in histories(0..160)) {
        let register = register(&history);
        prop_assert_eq!(Register::from_records(register.records().to_vec()), register);
    }

    #[test]
    fn a_history_stays_acceptable_without_the_payloads_it_redacts(history in histories(0..200)) {
        let whole = register(&history);
        let mut gone = Register::default();
        for entry in entries(&history) {
            prop_assert_eq!(rules::check(&gone, &entry.event), Ok(()), "record {}", entry.seq);
            match whole.held(entry.seq) {
                Some(held) if held.redacted.is_some() => gone.apply_missing(),
                _ => gone.apply(&entry),
            }
        }
        prop_assert!(gone.entries().eq(whole.entries()));
        prop_assert_eq!(&gone.trails, &whole.trails);
        prop_assert_eq!(&gone.ids, &whole.ids);
    }

    /// What the rules refuse is taken in without a panic, and a snapshot of it is still the register.
    #[test]
    fn any_events_in_any_order_are_taken_in(
        events in prop::collection::vec(crate::domain::testing::events(), 0..20),
        history in histories(0..60),
        order: u64,
    ) {
        let mut all = [history, events].concat();
        let mut choices = crate::domain::testing::Choices(order);
        for at in (1..all.len()).rev() {
            all.swap(at, choices.below(at + 1));
        }
        let register = register(&all);
        prop_assert_eq!(register.count(), all.len() as u64);
        let view = crate::domain::view::View::whole(&register);
        let _ = (view.commitments(), view.agreements(), view.parties(), view.sources());
        for event in &all {
            let _ = rules::check(&register, event);
        }
    }
}
