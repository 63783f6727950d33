//! Given a history, when an event comes, then it is accepted or refused by a rule.

use super::*;
use crate::testing::{event, state};
use crate::value::commitment::TRANSITIONS;

/// A history, every event of which must itself be accepted.
fn given(history: &[Event]) -> Given {
    Given(Vec::new()).and(history.to_vec())
}

/// A history that the rules accepted.
#[derive(Clone)]
struct Given(Vec<Event>);

impl Given {
    /// The history with more events after it.
    fn and(mut self, more: impl IntoIterator<Item = Event>) -> Self {
        for event in more {
            let state = state(&self.0);
            let event = complete(&state, event);
            if let Err(rejection) = check(&state, &event) {
                panic!("given record {}: {rejection}", self.0.len());
            }
            self.0.push(event);
        }
        self
    }

    /// What the rules say to an event after the history.
    fn when(&self, kind: Kind, texts: &[(&str, &str)]) -> Outcome {
        let state = state(&self.0);
        let event = complete(&state, event(kind, texts));
        Outcome(check(&state, &event))
    }

    /// The number that the next record will have.
    fn next(&self) -> String {
        self.0.len().to_string()
    }

    /// The number of the last record.
    fn last(&self) -> String {
        (self.0.len() - 1).to_string()
    }
}

/// What the rules said.
#[derive(Debug)]
struct Outcome(Result<(), Rejection>);

impl Outcome {
    #[track_caller]
    fn accepted(self) {
        assert_eq!(self.0, Ok(()));
    }

    #[track_caller]
    fn refused(self, rule: Rule) -> Rejection {
        match self.0 {
            Err(rejection) if rejection.rule == rule => rejection,
            other => panic!("expected {rule}: {other:?}"),
        }
    }
}

impl Rejection {
    /// Asserts that the message or the allowed ways on have this in them.
    #[track_caller]
    fn saying(self, words: &str) -> Self {
        let all = format!("{self} {}", self.allowed.join(", "));
        assert!(all.contains(words), "{words:?} is not in {all:?}");
        self
    }
}

fn party(id: &str, kind: &str, parent: Option<&str>) -> Event {
    let mut texts = vec![("id", id), ("kind", kind), ("name", id)];
    texts.extend(parent.map(|parent| ("parent", parent)));
    event(Kind::PartyRegistered, &texts)
}

/// A status, by parties separated by blanks, in a capacity (or none: "").
fn status(commitment: &str, to: &str, by: &str, capacity: &str) -> Event {
    event(
        Kind::StatusChanged,
        &status_texts(commitment, to, by, capacity),
    )
}

fn status_texts<'a>(
    commitment: &'a str,
    to: &'a str,
    by: &'a str,
    capacity: &'a str,
) -> Vec<(&'a str, &'a str)> {
    let mut texts = vec![("commitment", commitment), ("to", to)];
    texts.extend(by.split_whitespace().map(|party| ("by", party)));
    if !capacity.is_empty() {
        texts.push(("capacity", capacity));
    }
    texts
}

/// Parties and an agreement, which the tests build on. Records: 0 the ledger, 1 to 8 the parties, 9 the
/// source, 10 the agreement.
fn world() -> Given {
    given(&[
        event(Kind::LedgerOpened, &[("origin", "example.org/rules")]),
        party("colombia", "state", None),
        party("ecuador", "state", None),
        party("venezuela", "state", None),
        party("norway", "state", None),
        party("kroc", "organisation", None),
        party("mre-co", "organ", Some("colombia")),
        party("minister-co", "person", Some("mre-co")),
        party("mre-ve", "organ", Some("venezuela")),
        event(
            Kind::SourceRegistered,
            &[("id", "S1"), ("kind", "article"), ("title", "News")],
        ),
        event(
            Kind::AgreementRecorded,
            &[
                ("id", "A1"),
                ("title", "Border"),
                ("party", "colombia"),
                ("party", "venezuela"),
                ("on", "2023-05"),
            ],
        ),
    ])
}

/// Record 11 in the world: C1, which Colombia and Ecuador owe to Venezuela.
fn promise(more: &[(&str, &str)]) -> Event {
    let mut texts = vec![
        ("id", "C1"),
        ("agreement", "A1"),
        ("text", "meet"),
        ("debtor", "colombia"),
        ("debtor", "ecuador"),
        ("creditor", "venezuela"),
    ];
    texts.extend(more);
    event(Kind::CommitmentRecorded, &texts)
}

fn promised() -> Given {
    world().and([promise(&[])])
}

/// C1 at a live standing, brought there by those who may.
fn at(standing: Standing) -> Given {
    use Standing::*;
    let active = status("C1", "active", "", "terms");
    match standing {
        Proposed => world().and([promise(&[("standing", "proposed")])]),
        Agreed => promised(),
        Conditional => promised().and([status("C1", "conditional", "", "terms")]),
        Active => promised().and([active]),
        Suspended => promised().and([active, status("C1", "suspended", "", "terms")]),
        Claimed => promised().and([active, status("C1", "claimed", "colombia", "")]),
        Breached => promised().and([active, status("C1", "breached", "venezuela", "")]),
        ended => {
            let (by, capacity) = match ended {
                Expired => ("", "terms"),
                Cancelled => ("ecuador", ""),
                Superseded => ("colombia ecuador venezuela", ""),
                _ => ("venezuela", ""),
            };
            let before = match ended {
                Expired => at(Conditional),
                Fulfilled => at(Claimed),
                _ => at(Active),
            };
            before.and([status("C1", ended.word(), by, capacity)])
        }
    }
}

/// Whose word it is, and which asserters of the table it satisfies.
const VOICES: &[(&str, &str, &[Asserter])] = {
    use Asserter::*;
    &[
        ("colombia", "", &[Debtor, AnyParty]),
        ("minister-co", "", &[Debtor, AnyParty]),
        ("colombia ecuador", "", &[Debtor, AllDebtors, AnyParty]),
        ("mre-co ecuador", "", &[Debtor, AllDebtors, AnyParty]),
        ("venezuela", "", &[Creditor, AnyParty]),
        ("mre-ve", "creditor", &[Creditor, AnyParty]),
        ("colombia venezuela", "", &[Debtor, Creditor, AnyParty]),
        (
            "colombia ecuador venezuela",
            "",
            &[Debtor, AllDebtors, Creditor, AllParties, AnyParty],
        ),
        ("norway", "arbiter", &[Arbiter]),
        ("kroc", "assessor", &[Assessor]),
        ("norway", "terms", &[Terms]),
        ("", "terms", &[Terms]),
        // Nobody's word, a stranger's, and a party's in a capacity that it does not have.
        ("", "", &[]),
        ("", "arbiter", &[]),
        ("norway", "", &[]),
        ("norway", "creditor", &[]),
        ("venezuela", "debtor", &[AnyParty]),
        ("colombia", "creditor", &[AnyParty]),
        ("venezuela", "arbiter", &[AnyParty]),
        ("minister-co", "assessor", &[AnyParty]),
        ("norway mre-ve", "arbiter", &[AnyParty]),
    ]
};

#[test]
fn every_row_of_the_table_takes_the_word_of_its_asserters_and_of_no_others() {
    for row in TRANSITIONS {
        for &from in row.from {
            let given = at(from);
            for (by, capacity, satisfied) in VOICES {
                let outcome = given.when(
                    Kind::StatusChanged,
                    &status_texts("C1", row.to.word(), by, capacity),
                );
                let suffices = row.by.iter().any(|asserter| satisfied.contains(asserter));
                let case = format!("{from} to {} by {by:?} as {capacity:?}", row.to);
                match (outcome.0, suffices) {
                    (Ok(()), true) => {}
                    (Err(rejection), false) => {
                        assert_eq!(rejection.rule, Rule::StandingAsserter, "{case}");
                        // It names the roles, and every asserter that would do.
                        assert!(rejection.message.contains("debtors: colombia, ecuador"));
                        assert_eq!(rejection.allowed.len(), row.by.len(), "{case}");
                    }
                    (outcome, _) => panic!("{case}: {outcome:?}"),
                }
            }
        }
    }
}

#[test]
fn every_move_outside_the_table_is_refused_and_the_moves_onward_are_named() {
    for &from in Standing::ALL {
        let given = at(from);
        for &to in Standing::ALL {
            if transition(from, to).is_some() {
                continue;
            }
            let everybody = "colombia ecuador venezuela";
            let texts = status_texts("C1", to.word(), everybody, "");
            let rejection = given
                .when(Kind::StatusChanged, &texts)
                .refused(Rule::StandingMove)
                .saying(&format!("C1 is {from}"));
            let onward: Vec<&str> = transitions_from(from).map(|row| row.to.word()).collect();
            assert_eq!(rejection.allowed.len(), onward.len());
            for (allowed, to) in rejection.allowed.iter().zip(onward) {
                assert!(allowed.starts_with(to), "{allowed}");
            }
        }
    }
}

#[test]
fn a_commitment_begins_as_proposed_or_agreed() {
    for &standing in Standing::ALL {
        let given = world();
        let state = state(&given.0);
        let outcome = Outcome(check(&state, &promise(&[("standing", standing.word())])));
        match standing {
            Standing::Proposed | Standing::Agreed => outcome.accepted(),
            _ => drop(outcome.refused(Rule::StandingMove).saying("proposed")),
        }
    }
}

/// M1, which Colombia and Venezuela owe to each other, in force.
fn mutual() -> Given {
    world().and([
        event(
            Kind::CommitmentRecorded,
            &[
                ("id", "M1"),
                ("agreement", "A1"),
                ("text", "both meet"),
                ("debtor", "colombia"),
                ("creditor", "venezuela"),
                ("mutual", "true"),
            ],
        ),
        status("M1", "active", "", "terms"),
    ])
}

#[test]
fn a_claimant_cannot_accept_its_own_claim_of_a_mutual_commitment() {
    let claims = [
        ("colombia", "venezuela"),
        ("venezuela", "colombia"),
        // Organs claim for their state, and answer for it.
        ("mre-co", "mre-ve"),
        ("mre-ve", "minister-co"),
    ];
    for (claimant, other) in claims {
        let claimed = mutual().and([status("M1", "claimed", claimant, "")]);
        for to in ["fulfilled", "active", "breached"] {
            let answer = |by| claimed.when(Kind::StatusChanged, &status_texts("M1", to, by, ""));
            answer(claimant).refused(Rule::StandingAsserter);
            answer(other).accepted();
        }
    }
    // Nor does another organ of the claimant's state answer for the other side.
    let claimed = mutual().and([status("M1", "claimed", "minister-co", "")]);
    for own in ["colombia", "mre-co"] {
        let texts = status_texts("M1", "fulfilled", own, "");
        claimed
            .when(Kind::StatusChanged, &texts)
            .refused(Rule::StandingAsserter);
    }
    // A claim made by both leaves it to an outsider.
    let claimed = mutual().and([status("M1", "claimed", "colombia venezuela", "")]);
    let fulfilled = |by, as_| {
        let texts = status_texts("M1", "fulfilled", by, as_);
        claimed.when(Kind::StatusChanged, &texts)
    };
    fulfilled("colombia venezuela", "").refused(Rule::StandingAsserter);
    fulfilled("kroc", "assessor").accepted();
}

#[test]
fn the_claim_that_led_to_a_breach_counts_when_it_is_cured_but_no_older_one() {
    let cure = |given: &Given, by: &str| {
        let texts = status_texts("M1", "fulfilled", by, "");
        given.when(Kind::StatusChanged, &texts)
    };
    let led = mutual().and([
        status("M1", "claimed", "colombia", ""),
        status("M1", "breached", "venezuela", ""),
    ]);
    cure(&led, "colombia").refused(Rule::StandingAsserter);
    cure(&led, "venezuela").accepted();
    // Venezuela's claim was rejected and is over: it may still say that Colombia's breach is cured.
    let older = mutual().and([
        status("M1", "claimed", "venezuela", ""),
        status("M1", "active", "colombia", ""),
        status("M1", "breached", "venezuela", ""),
    ]);
    cure(&older, "venezuela").accepted();
}

#[test]
fn successors_act_for_their_predecessor_and_their_organs_do() {
    let given = promised().and([
        party("gran-colombia", "state", None),
        party("mre-gc", "organ", Some("gran-colombia")),
    ]);
    let claim = |given: &Given, by: &str| {
        given.when(Kind::StatusChanged, &status_texts("C1", "claimed", by, ""))
    };
    claim(&given, "mre-gc").refused(Rule::StandingAsserter);
    let succeeded = given.and([event(
        Kind::PartySucceeded,
        &[("party", "colombia"), ("successor", "gran-colombia")],
    )]);
    claim(&succeeded, "gran-colombia").accepted();
    claim(&succeeded, "mre-gc").accepted();
    // Not the other way round, and not for others.
    assert!(!state(&succeeded.0).acts_for(
        &"colombia".parse().unwrap(),
        &"gran-colombia".parse().unwrap()
    ));
    claim(&succeeded, "mre-ve").refused(Rule::StandingAsserter);
}

#[test]
fn a_state_does_not_act_for_its_organ() {
    let given = world().and([event(
        Kind::CommitmentRecorded,
        &[
            ("id", "C2"),
            ("agreement", "A1"),
            ("text", "report"),
            ("debtor", "mre-co"),
        ],
    )]);
    let claim = |by: &str| given.when(Kind::StatusChanged, &status_texts("C2", "claimed", by, ""));
    claim("colombia").refused(Rule::StandingAsserter);
    claim("minister-co").accepted();
}

#[test]
fn what_is_incomplete_is_refused() {
    // Built by hand: `Event::build` would not let it through.
    let mut renamed = event(Kind::PartyRenamed, &[("party", "colombia"), ("name", "x")]);
    if let Fact::PartyRenamed(fact) = &mut renamed.fact {
        fact.name.clear();
    }
    let state = state(&world().0);
    Outcome(check(&state, &renamed))
        .refused(Rule::Complete)
        .saying("name: is required");
    // And no reason makes it right.
    renamed.envelope.irregular = "so reported".parse().ok();
    Outcome(check(&state, &renamed)).refused(Rule::Complete);
}

#[test]
fn a_ledger_is_opened_once_and_first() {
    let opening = [("origin", "example.org/again")];
    given(&[]).when(Kind::LedgerOpened, &opening).accepted();
    world()
        .when(Kind::LedgerOpened, &opening)
        .refused(Rule::OpenedOnce)
        .saying("open already");
    given(&[])
        .when(Kind::Noted, &[("text", "too soon")])
        .refused(Rule::OpenedOnce)
        .saying("not open yet");
}

#[test]
fn what_is_named_exists_and_is_of_the_right_kind() {
    let given = promised();
    let note = |about: &str| given.when(Kind::Noted, &[("text", "n"), ("about", about)]);
    note("colombia").accepted();
    note("C1").accepted();
    note("3").accepted();
    note("peru")
        .refused(Rule::Known)
        .saying("about: no entity is called peru");
    note(&given.next())
        .refused(Rule::Known)
        .saying("there is no record 12");
    // Every unknown name is listed, not just the first.
    given
        .when(
            Kind::ProgressReported,
            &[
                ("text", "x"),
                ("commitment", "A1"),
                ("by", "peru"),
                ("source", "S9: p. 1"),
            ],
        )
        .refused(Rule::Known)
        .saying("commitment: A1 is no commitment, it names the agreement of record 10")
        .saying("by: no party is called peru")
        .saying("source: no source is called S9");
}

#[test]
fn an_id_is_given_once_whatever_it_names() {
    let given = world();
    let source = |id: &str| {
        let texts = [("id", id), ("kind", "letter"), ("title", "x")];
        given.when(Kind::SourceRegistered, &texts)
    };
    source("S2").accepted();
    source("S1").refused(Rule::UniqueId).saying("record 9");
    source("colombia")
        .refused(Rule::UniqueId)
        .saying("already names the party of record 1");
    // Ids have their case.
    source("s1").accepted();
}

#[test]
fn an_import_key_is_used_once_even_after_a_retraction() {
    let given = world().and([event(Kind::Noted, &[("text", "a"), ("import_key", "t:1")])]);
    let note =
        |given: &Given, key: &str| given.when(Kind::Noted, &[("text", "b"), ("import_key", key)]);
    note(&given, "t:2").accepted();
    note(&given, "t:1")
        .refused(Rule::UniqueImportKey)
        .saying("record 11");
    let retracted = given.clone().and([retraction(&given.last())]);
    note(&retracted, "t:1").refused(Rule::UniqueImportKey);
}

#[test]
fn a_mutual_commitment_names_both_sides() {
    let texts = [
        ("id", "C1"),
        ("agreement", "A1"),
        ("text", "x"),
        ("debtor", "colombia"),
        ("mutual", "true"),
    ];
    world()
        .when(Kind::CommitmentRecorded, &texts)
        .refused(Rule::BothSides);
    world()
        .when(Kind::CommitmentRecorded, &texts[..4])
        .accepted();
    let with_creditor = [&texts[..], &[("creditor", "venezuela")]].concat();
    world()
        .when(Kind::CommitmentRecorded, &with_creditor)
        .accepted();
}

#[test]
fn a_correction_keeps_both_sides_of_a_mutual_commitment() {
    let given = mutual();
    correct(&given, "11", "creditor", &[]).refused(Rule::BothSides);
    let one_sided = world().and([event(
        Kind::CommitmentRecorded,
        &[
            ("id", "C2"),
            ("agreement", "A1"),
            ("text", "x"),
            ("debtor", "colombia"),
        ],
    )]);
    correct(&one_sided, "11", "mutual", &["true"]).refused(Rule::BothSides);
    correct(&promised(), "11", "mutual", &["true"]).accepted();
}

fn correction(record: &str, field: &str, to: &[&str]) -> Event {
    event(Kind::Corrected, &correction_texts(record, field, to))
}

fn correction_texts<'a>(
    record: &'a str,
    field: &'a str,
    to: &[&'a str],
) -> Vec<(&'a str, &'a str)> {
    let mut texts = vec![("record", record), ("field", field), ("reason", "misread")];
    texts.extend(to.iter().map(|to| ("to", *to)));
    texts
}

/// What the rules say to a correction.
fn correct(given: &Given, record: &str, field: &str, to: &[&str]) -> Outcome {
    given.when(Kind::Corrected, &correction_texts(record, field, to))
}

fn retraction(record: &str) -> Event {
    event(
        Kind::Retracted,
        &[("record", record), ("reason", "never was")],
    )
}

/// What the rules say to a retraction.
fn retract(given: &Given, record: &str) -> Outcome {
    given.when(
        Kind::Retracted,
        &[("record", record), ("reason", "never was")],
    )
}

/// What the rules say to a redaction.
fn redact(given: &Given, record: &str) -> Outcome {
    let texts = [
        ("record", record),
        ("reason", "privacy"),
        ("authority", "art. 17"),
    ];
    given.when(Kind::Redacted, &texts)
}

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

#[test]
fn a_recorder_is_revoked_once() {
    let admitted = world().and([
        event(Kind::RecorderAdmitted, &[("id", "R1"), ("key", "k")]),
        event(Kind::RecorderAdmitted, &[("id", "R2"), ("key", "k")]),
    ]);
    let revoke = |given: &Given, recorder: &str| {
        given.when(
            Kind::RecorderRevoked,
            &[("recorder", recorder), ("reason", "lost")],
        )
    };
    revoke(&admitted, "R1").accepted();
    revoke(&admitted, "kroc").refused(Rule::Known);
    let by_it = [("text", "n"), ("recorded_by", "R1")];
    admitted.when(Kind::Noted, &by_it).accepted();
    let revoked = admitted.and(["R1", "R2"].map(|id| {
        event(
            Kind::RecorderRevoked,
            &[("recorder", id), ("reason", "lost")],
        )
    }));
    revoke(&revoked, "R1")
        .refused(Rule::RecorderAdmitted)
        .saying("the key of R1 is revoked");
    revoked
        .when(
            Kind::RecorderRotated,
            &[("recorder", "R1"), ("key", "another")],
        )
        .refused(Rule::RecorderAdmitted);
    revoked
        .when(Kind::Noted, &by_it)
        .refused(Rule::RecorderAdmitted);
    // What was signed stands or falls with these records.
    correct(&revoked, "14", "recorder", &["R1"]).refused(Rule::Correctable);
    correct(&revoked, "14", "reason", &["stolen"]).refused(Rule::Correctable);
    correct(&revoked, "11", "key", &["another"]).refused(Rule::Correctable);
}

#[test]
fn an_irregular_event_breaks_a_rule_that_gives_way_and_says_why() {
    let given = promised();
    let breach = [("commitment", "C1"), ("to", "breached"), ("by", "norway")];
    given
        .when(Kind::StatusChanged, &breach)
        .refused(Rule::StandingMove);
    let excused = [&breach[..], &[("irregular", "as reported")]].concat();
    given.when(Kind::StatusChanged, &excused).accepted();
    // Where no rule is broken there is nothing to excuse.
    let active = [
        ("commitment", "C1"),
        ("to", "active"),
        ("capacity", "terms"),
    ];
    let excused = [&active[..], &[("irregular", "as reported")]].concat();
    given
        .when(Kind::StatusChanged, &excused)
        .refused(Rule::IrregularOnly)
        .saying("without `irregular`");
    given
        .when(Kind::Noted, &[("text", "n"), ("irregular", "as reported")])
        .refused(Rule::IrregularOnly);
}

#[test]
fn a_rule_about_the_record_does_not_give_way() {
    let given = mutual().and([
        event(
            Kind::Noted,
            &[("text", "n"), ("import_key", "k"), ("about", "norway")],
        ),
        event(Kind::RecorderAdmitted, &[("id", "R1"), ("key", "k")]),
        event(
            Kind::RecorderRevoked,
            &[("recorder", "R1"), ("reason", "r")],
        ),
    ]);
    type Case<'a> = (Rule, Kind, &'a [(&'a str, &'a str)]);
    let cases: &[Case<'_>] = &[
        (Rule::OpenedOnce, Kind::LedgerOpened, &[("origin", "o")]),
        (
            Rule::Known,
            Kind::Noted,
            &[("text", "n"), ("about", "peru")],
        ),
        (
            Rule::UniqueId,
            Kind::PartyRegistered,
            &[("id", "S1"), ("kind", "state"), ("name", "x")],
        ),
        (
            Rule::UniqueImportKey,
            Kind::Noted,
            &[("text", "n"), ("import_key", "k")],
        ),
        (
            Rule::BothSides,
            Kind::CommitmentRecorded,
            &[
                ("id", "C9"),
                ("agreement", "A1"),
                ("text", "t"),
                ("debtor", "norway"),
                ("mutual", "true"),
            ],
        ),
        (
            Rule::Correctable,
            Kind::Corrected,
            &[
                ("record", "11"),
                ("field", "id"),
                ("to", "C8"),
                ("reason", "r"),
            ],
        ),
        (
            Rule::NothingDepends,
            Kind::Retracted,
            &[("record", "4"), ("reason", "r")],
        ),
        (
            Rule::RecorderAdmitted,
            Kind::RecorderRevoked,
            &[("recorder", "R1"), ("reason", "r")],
        ),
        (
            Rule::PartyKey,
            Kind::Acknowledged,
            &[("record", "10"), ("party", "norway"), ("signature", "s")],
        ),
    ];
    for (rule, kind, texts) in cases {
        given.when(*kind, texts).refused(*rule);
        let excused = [texts, &[("irregular", "no matter")][..]].concat();
        given.when(*kind, &excused).refused(*rule);
    }
    // These, `complete` and `irregular-only` (with tests of their own) are all that do not give way.
    for &rule in Rule::ALL {
        let stands = cases.iter().any(|(found, ..)| *found == rule)
            || matches!(rule, Rule::Complete | Rule::IrregularOnly);
        assert_eq!(!rule.is_waivable(), stands, "{rule}");
    }
}

#[test]
fn an_agreement_moves_in_order() {
    use crate::value::agreement::AgreementStatus;
    let path = |status: AgreementStatus| -> &[&str] {
        use AgreementStatus::*;
        match status {
            Concluded => &[],
            InForce => &["in-force"],
            Suspended => &["in-force", "suspended"],
            Resumed => &["in-force", "suspended", "resumed"],
            Amended => &["amended"],
            Superseded => &["superseded"],
            Terminated => &["in-force", "terminated"],
        }
    };
    for &from in AgreementStatus::ALL {
        let given = world().and(path(from).iter().map(|to| {
            event(
                Kind::AgreementStatusChanged,
                &[("agreement", "A1"), ("to", to)],
            )
        }));
        for &to in AgreementStatus::ALL {
            let texts = [("agreement", "A1"), ("to", to.word())];
            let outcome = given.when(Kind::AgreementStatusChanged, &texts);
            if from.next().contains(&to) {
                outcome.accepted();
            } else {
                let rejection = outcome
                    .refused(Rule::AgreementMove)
                    .saying(&format!("A1 is {from}"));
                let onward: Vec<String> = from.next().iter().map(ToString::to_string).collect();
                assert_eq!(rejection.allowed, onward);
            }
        }
    }
}

#[test]
fn a_contest_moves_in_order() {
    let moved = |to: &str| event(Kind::ContestMoved, &[("commitment", "C1"), ("to", to)]);
    for (path, allowed) in [
        (&[][..], &["claimed", "disputed"][..]),
        (&["claimed"], &["disputed", "settled"]),
        (&["disputed"], &["settled"]),
        (
            &["claimed", "disputed", "settled"],
            &["claimed", "disputed"],
        ),
    ] {
        let given = promised().and(path.iter().map(|to| moved(to)));
        for &to in Contest::ALL {
            let texts = [("commitment", "C1"), ("to", to.word())];
            let outcome = given.when(Kind::ContestMoved, &texts);
            if allowed.contains(&to.word()) {
                outcome.accepted();
            } else {
                let rejection = outcome
                    .refused(Rule::ContestMove)
                    .saying(path.last().unwrap_or(&"none"));
                assert_eq!(rejection.allowed, allowed);
            }
        }
    }
}

#[test]
fn only_who_takes_part_withdraws() {
    let act = |party: &str, action: &str| {
        event(
            Kind::ParticipationRecorded,
            &[("agreement", "A1"), ("party", party), ("action", action)],
        )
    };
    let withdraw = |given: &Given, party: &str| {
        let texts = [
            ("agreement", "A1"),
            ("party", party),
            ("action", "withdrawal"),
        ];
        given.when(Kind::ParticipationRecorded, &texts)
    };
    withdraw(&world(), "colombia").accepted();
    withdraw(&world(), "norway")
        .refused(Rule::Withdrawal)
        .saying("norway takes no part in A1")
        .saying("accession");
    let acceded = world().and([act("norway", "accession")]);
    withdraw(&acceded, "norway").accepted();
    let left = acceded.and([act("norway", "withdrawal"), act("norway", "objection")]);
    withdraw(&left, "norway").refused(Rule::Withdrawal);
    withdraw(&left.and([act("norway", "accession")]), "norway").accepted();
    // Words about it are no part in it.
    let spoken = world().and([act("norway", "declaration")]);
    withdraw(&spoken, "norway").refused(Rule::Withdrawal);
    // Another's acts count for that other alone.
    withdraw(&spoken.and([act("kroc", "accession")]), "norway").refused(Rule::Withdrawal);
}

#[test]
fn only_recurring_commitments_have_occurrences() {
    for (deadline, recurs) in [
        ("recurring", true),
        ("RRULE:FREQ=MONTHLY", true),
        ("continuing", true),
        ("2024", false),
        ("unspecified", false),
    ] {
        let given = world().and([promise(&[("deadline", deadline)])]);
        let outcome = given.when(Kind::OccurrenceHeld, &[("commitment", "C1")]);
        if recurs {
            outcome.accepted();
        } else {
            outcome.refused(Rule::Recurring).saying("progress");
        }
    }
    promised()
        .when(Kind::OccurrenceHeld, &[("commitment", "C1")])
        .refused(Rule::Recurring);
    // As amended.
    let amended = promised().and([event(
        Kind::CommitmentAmended,
        &[("commitment", "C1"), ("deadline", "recurring")],
    )]);
    amended
        .when(Kind::OccurrenceHeld, &[("commitment", "C1")])
        .accepted();
}

#[test]
fn nothing_moves_before_the_agreement_was_concluded() {
    // A1 was concluded some day in 2023-05.
    for (on, fits) in [
        ("2023-04-30", false),
        ("before 2023-05", false),
        ("2022", false),
        ("2021/2022", false),
        ("2023-05-01", true),
        ("2023", true),
        ("before 2023-06", true),
        ("after 2020", true),
        ("unknown", true),
    ] {
        let move_to = |kind, texts: &[(&str, &str)]| {
            let texts = [texts, &[("on", on)]].concat();
            promised().when(kind, &texts)
        };
        let outcomes = [
            move_to(
                Kind::StatusChanged,
                &status_texts("C1", "active", "", "terms"),
            ),
            move_to(
                Kind::AgreementStatusChanged,
                &[("agreement", "A1"), ("to", "in-force")],
            ),
        ];
        for outcome in outcomes {
            if fits {
                outcome.accepted();
            } else {
                outcome
                    .refused(Rule::NotBeforeAgreement)
                    .saying(on)
                    .saying("concluded 2023-05");
            }
        }
    }
}
