//! Corrections, retractions and redactions.

use super::*;
use crate::event::Fact;
use crate::state::State;
use crate::value::id::{EntityKind, Seq};

#[test]
fn a_correction_knows_the_old_value() {
    let given = promised();
    let state = state(&given.0);
    let filled = complete(&state, correction("11", "debtor", &["colombia"]));
    let Fact::Corrected(fact) = &filled.fact else {
        panic!("{filled:?}");
    };
    let old: Vec<String> = fact.old.iter().map(ToString::to_string).collect();
    assert_eq!(old, ["colombia", "ecuador"]);
    assert_eq!(check(&state, &filled), Ok(()));
    // An old value that was given stays, and is held against what the record says.
    let given_old = |old: &str| {
        let mut texts = correction_texts("11", "text", &["meet twice"]);
        texts.push(("old", old));
        given.when(Kind::Corrected, &texts)
    };
    given_old("meet").accepted();
    given_old("met")
        .refused(Rule::Correctable)
        .saying("text of record 11 is `meet` now, not `met`");
    // The field as it reads today counts, not as it was recorded.
    let corrected = given
        .clone()
        .and([correction("11", "text", &["meet twice"])]);
    let mut texts = correction_texts("11", "text", &["meet thrice"]);
    texts.push(("old", "meet"));
    corrected
        .when(Kind::Corrected, &texts)
        .refused(Rule::Correctable);
    correct(&corrected, "11", "text", &["meet thrice"]).accepted();
}

#[test]
fn a_correction_changes_a_field_that_is_there_to_what_it_may_say() {
    let given = promised();
    correct(&given, "11", "deadline", &["2024-01-31"]).accepted();
    correct(&given, "11", "led-to", &["x"])
        .refused(Rule::Correctable)
        .saying("has no field led_to")
        .saying("deadline");
    correct(&given, "11", "deadline", &["soon"])
        .refused(Rule::Correctable)
        .saying("deadline");
    correct(&given, "11", "deadline", &["2024", "2025"]).refused(Rule::Correctable);
    correct(&given, "11", "text", &[])
        .refused(Rule::Correctable)
        .saying("is required");
    correct(&given, "11", "debtor", &[])
        .refused(Rule::Correctable)
        .saying("is required");
    correct(&given, "11", "debtor", &["peru"])
        .refused(Rule::Known)
        .saying("no party is called peru");
    correct(&given, "11", "agreement", &["S1"]).refused(Rule::Known);
    correct(&given, "99", "text", &["x"]).refused(Rule::Known);
}

#[test]
fn an_id_and_an_import_key_stay_what_they_are() {
    let given = world().and([promise(&[("import_key", "t:1")])]);
    for field in ["id", "import-key"] {
        correct(&given, "11", field, &["other"])
            .refused(Rule::Correctable)
            .saying("stays what it is");
    }
}

#[test]
fn a_correction_changes_something() {
    let given = promised();
    correct(&given, "11", "text", &["meet"])
        .refused(Rule::Correctable)
        .saying("says so already");
    correct(&given, "11", "note", &[])
        .refused(Rule::Correctable)
        .saying("says so already");
    // Other texts of the same value are no change either.
    correct(&given, "11", "mutual", &["false"])
        .refused(Rule::Correctable)
        .saying("says so already");
    let cited = world().and([event(Kind::Noted, &[("text", "n"), ("source", "S1: p. 1")])]);
    correct(&cited, "11", "source", &["S1:p. 1"])
        .refused(Rule::Correctable)
        .saying("says so already");
}

#[test]
fn what_mends_or_opens_is_never_corrected_and_nothing_that_is_gone() {
    let given = world().and([
        event(Kind::Noted, &[("text", "first")]),
        correction("11", "text", &["second"]),
        event(Kind::Noted, &[("text", "other")]),
        retraction("13"),
    ]);
    for (record, field) in [("0", "origin"), ("12", "reason"), ("14", "reason")] {
        correct(&given, record, field, &["x"])
            .refused(Rule::Correctable)
            .saying("never corrected");
    }
    correct(&given, "13", "text", &["x"])
        .refused(Rule::Correctable)
        .saying("retracted");
}

#[test]
fn a_correction_makes_no_party_its_own_superior() {
    let given = world();
    // minister-co (7) is in mre-co (6), which is in colombia (1).
    correct(&given, "1", "parent", &["minister-co"])
        .refused(Rule::Correctable)
        .saying("minister-co is itself part of colombia");
    correct(&given, "1", "parent", &["colombia"]).refused(Rule::Correctable);
    correct(&given, "7", "parent", &["colombia"]).accepted();
}

#[test]
fn a_correction_neither_makes_a_record_irregular_nor_regular() {
    let given = promised().and([event(
        Kind::StatusChanged,
        &[
            ("commitment", "C1"),
            ("to", "breached"),
            ("irregular", "so reported"),
        ],
    )]);
    correct(&given, "12", "irregular", &[]).refused(Rule::Correctable);
    correct(&given, "11", "irregular", &["why not"]).refused(Rule::Correctable);
    correct(&given, "12", "irregular", &["so reported by the press"]).accepted();
}

#[test]
fn a_correction_is_no_way_around_the_first_standing_or_the_dates() {
    let given = promised().and([event(
        Kind::StatusChanged,
        &[
            ("commitment", "C1"),
            ("to", "active"),
            ("capacity", "terms"),
            ("on", "2023-06"),
        ],
    )]);
    correct(&given, "11", "standing", &["proposed"]).accepted();
    correct(&given, "11", "standing", &["fulfilled"]).refused(Rule::StandingMove);
    correct(&given, "12", "on", &["2023-07"]).accepted();
    correct(&given, "12", "on", &["2022"]).refused(Rule::NotBeforeAgreement);
    // As any rule about the world, it gives way to a reason.
    let mut texts = correction_texts("12", "on", &["2022"]);
    texts.push(("irregular", "the source has it so"));
    given.when(Kind::Corrected, &texts).accepted();
}

#[test]
fn a_retraction_names_what_depends() {
    let given = promised().and([status("C1", "active", "", "terms")]);
    retract(&given, "11")
        .refused(Rule::NothingDepends)
        .saying("depended on by records 12")
        .saying("retract those first");
    retract(&given, "10")
        .refused(Rule::NothingDepends)
        .saying("records 11");
    retract(&given, "12").accepted();
    // No longer once they are retracted.
    let freed = given.and([retraction("12")]);
    retract(&freed, "11").accepted();
    // At most eight are named.
    let notes = (0..9).map(|_| event(Kind::Noted, &[("text", "n"), ("about", "norway")]));
    retract(&world().and(notes), "4")
        .refused(Rule::NothingDepends)
        .saying("records 11, 12, 13, 14, 15, 16, 17, 18 and more");
}

#[test]
fn a_record_that_is_spoken_about_is_not_retracted_but_one_that_was_only_corrected_is() {
    let noted = world().and([event(Kind::Noted, &[("text", "n")])]);
    let corrected = noted.clone().and([correction("11", "text", &["m"])]);
    retract(&corrected, "11").accepted();
    let spoken = noted.and([event(Kind::Noted, &[("text", "wrong?"), ("about", "11")])]);
    retract(&spoken, "11")
        .refused(Rule::NothingDepends)
        .saying("records 12");
}

#[test]
fn what_is_retracted_redacted_or_opens_is_not_retracted() {
    let given = world().and([
        event(Kind::Noted, &[("text", "n")]),
        retraction("11"),
        event(Kind::Noted, &[("text", "n")]),
        event(
            Kind::Redacted,
            &[("record", "13"), ("reason", "r"), ("authority", "a")],
        ),
    ]);
    for record in ["11", "13"] {
        retract(&given, record)
            .refused(Rule::NothingDepends)
            .saying("already");
    }
    // What was retracted is still on the disk.
    redact(&given, "11").accepted();
    redact(&given, "13")
        .refused(Rule::NothingDepends)
        .saying("already");
    for record in ["0", "12", "14"] {
        retract(&given, record)
            .refused(Rule::NothingDepends)
            .saying("never retracted");
    }
}

#[test]
fn a_retracted_correction_gives_the_record_its_words_back() {
    let given = promised().and([
        correction("11", "text", &["meet twice"]),
        correction("11", "deadline", &["2024"]),
    ]);
    retract(&given, "12").accepted();
    let state = state(&given.and([retraction("12")]).0);
    let fields = state.entry(Seq(11)).unwrap().event.to_fields();
    assert_eq!(fields.get("text"), ["meet"]);
    assert_eq!(fields.get("deadline"), ["2024"]);
}

#[test]
fn a_retracted_correction_brings_nothing_back_that_is_gone() {
    // What the record named before was retracted in between.
    let given = promised().and([
        party("peru", "state", None),
        correction("11", "debtor", &["peru"]),
        correction("11", "debtor", &["colombia"]),
        retraction("12"),
    ]);
    retract(&given, "14")
        .refused(Rule::NothingDepends)
        .saying("no party is called peru");
    retract(&given, "13").accepted();
    // Parents that were untangled by one correction and tangled up elsewhere since.
    let given = world().and([
        correction("7", "parent", &[]),
        correction("1", "parent", &["minister-co"]),
    ]);
    // Restored, minister-co would be part of mre-co, of colombia, and of itself.
    retract(&given, "11")
        .refused(Rule::NothingDepends)
        .saying("itself part of");
    // A mutual commitment that lost its other side in between.
    let given = mutual().and([
        correction("11", "mutual", &[]),
        correction("11", "creditor", &[]),
    ]);
    retract(&given, "13")
        .refused(Rule::NothingDepends)
        .saying("two sides");
    // A correction of what is itself retracted brings nothing back.
    let given = world().and([
        event(Kind::Noted, &[("text", "n"), ("about", "norway")]),
        correction("11", "about", &[]),
        retraction("11"),
        retraction("4"),
    ]);
    retract(&given, "12").accepted();
}

#[test]
fn an_id_is_free_again_after_its_record_is_retracted() {
    let given = promised().and([retraction("11")]);
    given
        .when(Kind::Noted, &[("text", "n"), ("about", "C1")])
        .refused(Rule::Known);
    let again = given.and([promise(&[("theme", "anew")])]);
    again
        .when(
            Kind::StatusChanged,
            &status_texts("C1", "active", "", "terms"),
        )
        .accepted();
    // Even for something of another kind.
    let other = promised().and([retraction("11"), party("C1", "group", None)]);
    assert_eq!(
        state(&other.0).entity(&"C1".parse().unwrap()),
        Some((EntityKind::Party, Seq(13)))
    );
}

#[test]
fn only_what_no_rule_looks_at_is_redacted() {
    let given = promised().and([
        event(Kind::StatementRecorded, &[("text", "x"), ("about", "C1")]),
        status("C1", "active", "", "terms"),
    ]);
    redact(&given, "12").accepted();
    redact(&given, "13")
        .refused(Rule::NothingDepends)
        .saying("later records rest on what it says")
        .saying("statement");
    redact(&given, "11").refused(Rule::NothingDepends);
    redact(&given, "0").refused(Rule::NothingDepends);
    let spoken = given.and([event(Kind::Noted, &[("text", "n"), ("about", "12")])]);
    redact(&spoken, "12").refused(Rule::NothingDepends);
}

#[test]
fn a_correction_is_redacted_after_what_it_corrects() {
    let redaction = |record| {
        let texts = [("record", record), ("reason", "r"), ("authority", "a")];
        event(Kind::Redacted, &texts)
    };
    let given = promised().and([
        event(Kind::Noted, &[("text", "x"), ("about", "C1")]),
        correction("12", "text", &["y"]),
        correction("12", "about", &[]),
        retraction("14"),
        correction("11", "text", &["meet twice"]),
    ]);
    for (record, corrected) in [("13", "12"), ("14", "12"), ("16", "11")] {
        redact(&given, record)
            .refused(Rule::NothingDepends)
            .saying(&format!("corrects record {corrected}, which is not"));
    }
    let withheld = given.and([redaction("12")]);
    redact(&withheld, "16").refused(Rule::NothingDepends);
    redact(&withheld, "13").accepted();
    // Not while something counts that names it.
    let spoken = withheld.and([event(Kind::Noted, &[("text", "n"), ("about", "13")])]);
    redact(&spoken, "13")
        .refused(Rule::NothingDepends)
        .saying("records 18");
    // Also the one that was retracted, in any order.
    let all = spoken.and([redaction("18"), redaction("14"), redaction("13")]);
    redact(&all, "13")
        .refused(Rule::NothingDepends)
        .saying("already");
    // Without the payloads all of it is still acceptable, and the end the same.
    let whole = state(&all.0);
    let mut gone = State::default();
    for entry in crate::testing::entries(&all.0) {
        assert_eq!(check(&gone, &entry.event), Ok(()), "record {}", entry.seq);
        if [12, 13, 14, 18].contains(&entry.seq.0) {
            gone.apply_missing();
        } else {
            gone.apply(&entry);
        }
    }
    assert!(gone.entries().eq(whole.entries()));
}

#[test]
fn a_history_stays_acceptable_when_a_redacted_payload_is_gone() {
    let given = world().and([
        event(Kind::Noted, &[("text", "secret")]),
        // Everything that may name the record before it is redacted, and after.
        correction("11", "text", &["sekret"]),
        event(Kind::Noted, &[("text", "see there"), ("about", "11")]),
        retraction("13"),
        event(
            Kind::Redacted,
            &[("record", "11"), ("reason", "r"), ("authority", "a")],
        ),
        event(Kind::Noted, &[("text", "why was that?"), ("about", "11")]),
        retraction("12"),
    ]);
    let mut gone = State::default();
    for entry in crate::testing::entries(&given.0) {
        if entry.seq == Seq(11) {
            gone.apply_missing();
        } else {
            assert_eq!(check(&gone, &entry.event), Ok(()), "record {}", entry.seq);
            gone.apply(&entry);
        }
    }
    let whole = state(&given.0);
    assert!(gone.entries().eq(whole.entries()));
    // What is refused where the payload is there is refused where it is gone.
    for event in [
        event(
            Kind::Redacted,
            &[("record", "11"), ("reason", "r"), ("authority", "a")],
        ),
        retraction("11"),
        correction("11", "text", &["x"]),
    ] {
        let refusal = check(&whole, &event).unwrap_err();
        assert_eq!(check(&gone, &event).unwrap_err().rule, refusal.rule);
    }
}
