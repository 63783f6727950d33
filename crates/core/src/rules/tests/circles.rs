//! What must not come back to itself, and what is named twice.

use super::*;
use crate::value::agreement::Relation;

fn succession(party: &str, successor: &str) -> Event {
    event(
        Kind::PartySucceeded,
        &[("party", party), ("successor", successor)],
    )
}

fn made(id: &str, more: &[(&str, &str)]) -> Event {
    let own = [
        ("id", id),
        ("agreement", "A1"),
        ("text", "meet"),
        ("debtor", "colombia"),
        ("creditor", "venezuela"),
    ];
    event(Kind::CommitmentRecorded, &[&own, more].concat())
}

#[test]
fn no_party_succeeds_itself() {
    let succeeded = |given: &Given, party: &str, successor: &str| {
        given.when(
            Kind::PartySucceeded,
            &[("party", party), ("successor", successor)],
        )
    };
    succeeded(&world(), "norway", "norway")
        .refused(Rule::NoCircle)
        .saying("norway does not succeed itself");
    let given = world().and([
        succession("norway", "ecuador"),
        succession("ecuador", "kroc"),
    ]);
    for (party, successor) in [
        ("ecuador", "norway"),
        ("kroc", "norway"),
        ("kroc", "ecuador"),
    ] {
        succeeded(&given, party, successor)
            .refused(Rule::NoCircle)
            .saying("register what came anew as a party of its own");
    }
    succeeded(&given, "kroc", "colombia").accepted();
    succeeded(&given, "norway", "kroc").accepted();
    // A part may be taken over by what it was a part of.
    succeeded(&given, "mre-co", "colombia").accepted();
    // Nor by a correction, or the retraction of one.
    correct(&given, "11", "successor", &["norway"]).refused(Rule::NoCircle);
    let mended = given.and([
        correction("12", "successor", &["colombia"]),
        succession("kroc", "norway"),
    ]);
    retract(&mended, "13").refused(Rule::NoCircle);
}

/// An agreement with a link.
fn linked(id: &str, link: &str) -> Event {
    let texts = [
        ("id", id),
        ("title", "t"),
        ("party", "norway"),
        ("link", link),
    ];
    event(Kind::AgreementRecorded, &texts)
}

#[test]
fn nothing_repeats_itself() {
    let given = world().and([
        made("C1", &[]),
        made("C2", &[("repeats", "C1")]),
        made("C3", &[("repeats", "C2"), ("repeats", "A1")]),
    ]);
    correct(&given, "11", "repeats", &["C1"])
        .refused(Rule::NoCircle)
        .saying("C1 does not repeat itself");
    correct(&given, "11", "repeats", &["C3"]).refused(Rule::NoCircle);
    correct(&given, "13", "repeats", &["C1"]).accepted();
    // Another field of it can still be mended.
    correct(&given, "11", "theme", &["talks"]).accepted();
    let given = given.and([linked("A2", "repeats:A1"), linked("A3", "repeats:A2")]);
    correct(&given, "10", "link", &["repeats:A3"]).refused(Rule::NoCircle);
    correct(&given, "10", "link", &["amends:A3"]).accepted();
}

#[test]
fn no_agreement_relates_to_itself() {
    for relation in Relation::ALL {
        let link = |earlier: &str| format!("{relation}:{earlier}");
        let given = world().and([linked("A2", &link("A1")), linked("A3", &link("A2"))]);
        correct(&given, "10", "link", &[link("A3").as_str()])
            .refused(Rule::NoCircle)
            .saying("itself, through others either");
        correct(&given, "12", "link", &[link("A1").as_str()]).accepted();
    }
}

#[test]
fn no_deadlines_wait_for_each_other() {
    let given = world().and([
        made("C1", &[("deadline", "2024-01-31")]),
        made("C2", &[("deadline", "30 days after C1 fulfilled")]),
        made("C3", &[("deadline", "30 days after C2 claimed")]),
    ]);
    let amended = |commitment: &str, deadline: &str| {
        let texts = [("commitment", commitment), ("deadline", deadline)];
        given.when(Kind::CommitmentAmended, &texts)
    };
    amended("C1", "1 year after C1 fulfilled")
        .refused(Rule::NoCircle)
        .saying("C1 is not due after it was kept or broken itself");
    amended("C1", "1 year after C2 fulfilled")
        .refused(Rule::NoCircle)
        .saying("C1, C2 wait for one another");
    amended("C1", "1 year after C3 breached").refused(Rule::NoCircle);
    // It is in force before it is due.
    amended("C1", "1 year after C1 active").accepted();
    amended("C1", "1 year after C2 active").accepted();
    amended("C3", "1 year after C1 fulfilled").accepted();
    correct(&given, "11", "deadline", &["1 day after C3 fulfilled"]).refused(Rule::NoCircle);
    // The deadline as amended counts.
    let moved = given.and([event(
        Kind::CommitmentAmended,
        &[("commitment", "C2"), ("deadline", "2024-06-30")],
    )]);
    correct(&moved, "11", "deadline", &["1 day after C3 fulfilled"]).accepted();
}

#[test]
fn a_list_names_a_party_once() {
    let texts = [
        ("id", "A2"),
        ("title", "t"),
        ("party", "norway"),
        ("party", "kroc"),
        ("party", "norway"),
    ];
    world()
        .when(Kind::AgreementRecorded, &texts)
        .refused(Rule::NamedOnce)
        .saying("party: norway is named twice");
    let texts = [
        ("id", "C1"),
        ("agreement", "A1"),
        ("text", "x"),
        ("debtor", "colombia"),
        ("creditor", "venezuela"),
        ("by", "colombia"),
        ("by", "colombia"),
    ];
    world()
        .when(Kind::CommitmentRecorded, &texts)
        .refused(Rule::NamedOnce)
        .saying("by: colombia is named twice");
    world()
        .when(Kind::CommitmentRecorded, &texts[..6])
        .accepted();
    // In two lists is twice something else, and so are two roles.
    let texts = [
        ("id", "A2"),
        ("title", "t"),
        ("party", "norway"),
        ("role", "host:norway"),
        ("role", "mediator:norway"),
        ("by", "norway"),
    ];
    world().when(Kind::AgreementRecorded, &texts).accepted();
    correct(&world(), "10", "party", &["norway", "norway"]).refused(Rule::NamedOnce);
}
