//! Moves of a commitment's standing, and whose word they take.

use super::*;
use crate::testing::Choices;
use crate::value::commitment::Standing::*;
use crate::value::commitment::{Asserter, TRANSITIONS, transition, transitions_from};
use crate::value::id::PartyId;

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
                assert_eq!(worded(allowed), to);
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

#[test]
fn a_claimant_cannot_answer_its_own_claim_of_a_mutual_commitment() {
    let claims = [
        ("colombia", "colombia", "venezuela"),
        ("venezuela", "venezuela", "colombia"),
        // Organs claim for their state, and answer for it.
        ("mre-co", "colombia", "mre-ve"),
        ("mre-ve", "venezuela", "minister-co"),
    ];
    for (claimant, debtor, other) in claims {
        let claimed = mutual().and([status("M1", "claimed", claimant, "")]);
        for to in ["fulfilled", "partial", "active", "breached"] {
            let answer = |by| {
                let texts = [&status_texts("M1", to, by, "")[..], &[("debtor", debtor)]].concat();
                claimed.when(Kind::StatusChanged, &texts)
            };
            answer(claimant).refused(Rule::StandingAsserter);
            answer(other).accepted();
        }
    }
    // Nor does another organ of the claimant's state answer for the other side.
    let claimed = mutual().and([status("M1", "claimed", "minister-co", "")]);
    for own in ["colombia", "mre-co"] {
        let texts = [
            &status_texts("M1", "fulfilled", own, "")[..],
            &[("debtor", "colombia")],
        ]
        .concat();
        claimed
            .when(Kind::StatusChanged, &texts)
            .refused(Rule::StandingAsserter);
    }
    // Where both claim, each of its own performance, each accepts the other's.
    let claimed = mutual().and([status("M1", "claimed", "colombia venezuela", "")]);
    assert_eq!(
        whose(&claimed),
        [("colombia", Claimed), ("venezuela", Claimed)]
    );
    let accepted = claimed.and([status("M1", "fulfilled", "venezuela", "")]);
    assert_eq!(
        whose(&accepted),
        [("colombia", Fulfilled), ("venezuela", Claimed)]
    );
}

#[test]
fn the_claim_that_led_to_a_breach_counts_when_it_is_cured_but_no_older_one() {
    let cure = |given: &Given, by: &str, debtor| {
        let texts = [
            &status_texts("M1", "fulfilled", by, "")[..],
            &[("debtor", debtor)],
        ]
        .concat();
        given.when(Kind::StatusChanged, &texts)
    };
    let led = mutual().and([
        status("M1", "claimed", "colombia", ""),
        status("M1", "breached", "venezuela", ""),
    ]);
    cure(&led, "colombia", "colombia").refused(Rule::StandingAsserter);
    cure(&led, "venezuela", "colombia").accepted();
    // Venezuela's claim was rejected and is over: it may still say that Colombia's breach is cured.
    let older = mutual().and([
        status("M1", "claimed", "venezuela", ""),
        status("M1", "active", "colombia", ""),
        status("M1", "breached", "venezuela", ""),
    ]);
    assert_eq!(
        whose(&older),
        [("colombia", Breached), ("venezuela", Active)]
    );
    cure(&older, "venezuela", "colombia").accepted();
}

/// Where each debtor of the last commitment stands.
fn whose(given: &Given) -> Vec<(&'static str, Standing)> {
    let state = state(&given.0);
    let id = if given
        .0
        .iter()
        .any(|event| event.to_fields().get("id") == ["M1"])
    {
        "M1"
    } else {
        "C1"
    };
    let standings = state.position(&id.parse().unwrap()).unwrap().standings();
    let name = |id| {
        let known = ["colombia", "venezuela", "ecuador", "norway"];
        known
            .into_iter()
            .find(|name| *name == state.slug(id).as_str())
            .unwrap()
    };
    standings
        .each()
        .map(|(id, standing)| (name(id), standing))
        .collect()
}

/// What the ledger fills in of a status, by a word.
fn about(given: &Given, to: &str, by: &str, capacity: &str) -> Vec<String> {
    let event = complete(&state(&given.0), status("M1", to, by, capacity));
    event.to_fields().get("debtor").to_vec()
}

#[test]
fn without_a_debtor_a_status_is_about_those_whom_its_word_can_move() {
    let given = mutual();
    // Who tells of its own performance means itself, and who judges means the other side.
    for (to, by, capacity, expected) in [
        ("claimed", "colombia", "", &["colombia"][..]),
        ("claimed", "mre-ve", "", &["venezuela"]),
        (
            "claimed",
            "colombia venezuela",
            "",
            &["colombia", "venezuela"],
        ),
        ("cancelled", "venezuela", "", &["venezuela"]),
        ("breached", "venezuela", "", &["colombia"]),
        ("breached", "minister-co", "creditor", &["venezuela"]),
        ("partial", "colombia", "", &["venezuela"]),
        ("waived", "colombia", "", &["venezuela"]),
        // An outsider, the terms and all together mean all.
        ("breached", "norway", "arbiter", &["colombia", "venezuela"]),
        ("suspended", "", "terms", &["colombia", "venezuela"]),
        (
            "superseded",
            "colombia venezuela",
            "",
            &["colombia", "venezuela"],
        ),
        // No word will do, or no row of the table: it says whom it means all the same.
        ("breached", "norway", "", &["colombia", "venezuela"]),
        ("fulfilled", "venezuela", "", &["colombia"]),
        ("proposed", "venezuela", "", &["colombia", "venezuela"]),
    ] {
        assert_eq!(
            about(&given, to, by, capacity),
            expected,
            "{to} by {by} as {capacity}"
        );
    }
    // Only who claimed can be accepted, and who is not in force yet comes into force.
    let claimed = given.clone().and([status("M1", "claimed", "colombia", "")]);
    assert_eq!(
        about(&claimed, "fulfilled", "kroc", "assessor"),
        ["colombia"]
    );
    assert_eq!(
        about(&claimed, "breached", "norway", "arbiter"),
        ["colombia", "venezuela"]
    );
    // One debtor needs no name.
    let one = world().and([event(
        Kind::CommitmentRecorded,
        &[
            ("id", "M1"),
            ("agreement", "A1"),
            ("text", "t"),
            ("debtor", "colombia"),
        ],
    )]);
    assert!(about(&one, "active", "colombia", "").is_empty());
}

#[test]
fn the_accuser_breaks_nothing() {
    let breached = mutual().and([status("M1", "breached", "venezuela", "")]);
    assert_eq!(
        whose(&breached),
        [("colombia", Breached), ("venezuela", Active)]
    );
    let position = |given: &Given| {
        state(&given.0)
            .position(&"M1".parse().unwrap())
            .unwrap()
            .standing()
    };
    assert_eq!(position(&breached), Breached);
    // Each goes on from where it stands.
    let more = |to: &str, by: &str, debtor| {
        let texts = [&status_texts("M1", to, by, "")[..], &[("debtor", debtor)]].concat();
        breached.when(Kind::StatusChanged, &texts)
    };
    more("claimed", "venezuela", "venezuela").accepted();
    more("breached", "colombia", "venezuela").accepted();
    more("breached", "venezuela", "venezuela").refused(Rule::StandingAsserter);
    more("claimed", "colombia", "colombia")
        .refused(Rule::StandingMove)
        .saying("M1 is breached for colombia, and does not go from there to claimed");
    more("breached", "venezuela", "colombia")
        .refused(Rule::StandingMove)
        .saying("M1 is breached for colombia already");
    let cured = breached.and([
        status("M1", "active", "venezuela", ""),
        status("M1", "claimed", "colombia venezuela", ""),
        status("M1", "fulfilled", "venezuela", ""),
    ]);
    assert_eq!(
        whose(&cured),
        [("colombia", Fulfilled), ("venezuela", Claimed)]
    );
    assert_eq!(position(&cured), Claimed);
}

#[test]
fn a_status_is_about_debtors_only() {
    let given = mutual();
    let mut texts = status_texts("M1", "breached", "venezuela", "");
    texts.push(("debtor", "norway"));
    given
        .when(Kind::StatusChanged, &texts)
        .refused(Rule::MoveOfDebtor)
        .saying("norway does not owe M1")
        .saying("colombia");
    texts.push(("irregular", "so it was written"));
    given.when(Kind::StatusChanged, &texts).accepted();
    // Nobody moves by it.
    assert_eq!(
        whose(&given.clone().and([event(Kind::StatusChanged, &texts)])),
        whose(&given)
    );
    // Neither does a correction name somebody else.
    let given = given.and([status("M1", "claimed", "colombia", "")]);
    let last = given.last();
    correct(&given, &last, "debtor", &["norway"]).refused(Rule::MoveOfDebtor);
    correct(&given, &last, "debtor", &["venezuela"]).accepted();
}

#[test]
fn each_debtor_is_judged_for_itself() {
    let given = promised().and([
        status("C1", "active", "", "terms"),
        status("C1", "claimed", "colombia", ""),
        status("C1", "partial", "venezuela", ""),
    ]);
    // An acceptance in part reaches those too who claimed nothing: Venezuela says so of both.
    assert_eq!(whose(&given), [("colombia", Partial), ("ecuador", Partial)]);
    let of = |given: &Given, to: &str, by: &str, debtor: &str| {
        let texts = [&status_texts("C1", to, by, "")[..], &[("debtor", debtor)]].concat();
        given.when(Kind::StatusChanged, &texts)
    };
    of(&given, "claimed", "ecuador", "colombia").refused(Rule::StandingAsserter);
    of(&given, "claimed", "colombia", "colombia").accepted();
    of(&given, "fulfilled", "venezuela", "ecuador").accepted();
    // One who joins does not answer for what was before, and who replaces another does.
    let amended = |debtors: &[&str]| {
        let mut texts = vec![("commitment", "C1")];
        texts.extend(debtors.iter().map(|debtor| ("debtor", *debtor)));
        whose(&given.clone().and([event(Kind::CommitmentAmended, &texts)]))
    };
    assert_eq!(
        amended(&["colombia", "ecuador", "norway"]),
        [
            ("colombia", Partial),
            ("ecuador", Partial),
            ("norway", Active)
        ]
    );
    assert_eq!(
        amended(&["colombia", "norway"]),
        [("colombia", Partial), ("norway", Partial)]
    );
}

/// The rules of schema 1, which knew one standing of a commitment.
struct Schema1<'s> {
    state: &'s crate::state::State,
    moves: Vec<(Standing, Vec<PartyId>)>,
    debtors: Vec<PartyId>,
    creditors: Vec<PartyId>,
}

impl Schema1<'_> {
    fn standing(&self) -> Standing {
        self.moves.last().map_or(Agreed, |(to, _)| *to)
    }

    fn accepts(&self, to: Standing, by: &[PartyId], capacity: &str) -> bool {
        let speaks = |party: &PartyId| by.iter().any(|actor| self.state.acts_for(actor, party));
        let one = |parties: &[PartyId]| parties.iter().any(speaks);
        let all = |parties: &[PartyId]| parties.iter().all(speaks);
        let (debtors, creditors) = (&self.debtors, &self.creditors);
        let claim = match self.moves.as_slice() {
            [.., claim, (Breached, _)] => Some(claim),
            moves => moves.last(),
        };
        let claimants = claim
            .filter(|(to, _)| *to == Claimed)
            .map_or(&[][..], |(_, by)| by);
        let claimed = |party: &PartyId| {
            claimants
                .iter()
                .any(|actor| self.state.acts_for(actor, party))
        };
        let is = |word: &str| capacity.is_empty() || capacity == word;
        let outside =
            |word: &str| capacity == word && !by.is_empty() && !one(debtors) && !one(creditors);
        transition(self.standing(), to).is_some_and(|row| {
            row.by.iter().any(|asserter| match asserter {
                Asserter::AllDebtors => all(debtors),
                Asserter::AllParties => all(debtors) && all(creditors),
                Asserter::Debtor => is("debtor") && one(debtors),
                Asserter::Creditor => {
                    is("creditor")
                        && creditors
                            .iter()
                            .any(|party| speaks(party) && !claimed(party))
                }
                Asserter::AnyParty => one(debtors) || one(creditors),
                Asserter::Terms => capacity == "terms",
                Asserter::Arbiter => outside("arbiter"),
                Asserter::Assessor => outside("assessor"),
            })
        })
    }
}

#[test]
fn records_of_schema_1_are_judged_as_they_were() {
    let mut choices = Choices(7);
    let (mut accepted, mut irregular) = (0, 0);
    for (begin, id) in [(mutual(), "M1"), (promised(), "C1")] {
        for _ in 0..60 {
            let mut history = begin.0[..12].to_vec();
            let mut moves = Vec::new();
            for _ in 0..10 {
                let state = state(&history);
                let parties = |ids: &[&str]| ids.iter().map(|id| id.parse().unwrap()).collect();
                let (debtors, creditors) = match id {
                    "M1" => (
                        parties(&["colombia", "venezuela"]),
                        parties(&["venezuela", "colombia"]),
                    ),
                    _ => (parties(&["colombia", "ecuador"]), parties(&["venezuela"])),
                };
                let schema_1 = Schema1 {
                    state: &state,
                    moves,
                    debtors,
                    creditors,
                };
                let words: Vec<Standing> = Standing::ALL
                    .iter()
                    .copied()
                    .filter(|to| *to != Partial)
                    .collect();
                let onward: Vec<Standing> = transitions_from(schema_1.standing())
                    .map(|row| row.to)
                    .filter(|to| to.is_live() && *to != Partial)
                    .collect();
                let likely = if choices.one_in(4) || onward.is_empty() {
                    &words
                } else {
                    &onward
                };
                let to = *choices.pick(likely).unwrap();
                let (by, capacity, _) = choices.pick(VOICES).unwrap();
                let speakers: Vec<PartyId> = by
                    .split_whitespace()
                    .map(|id| id.parse().unwrap())
                    .collect();
                let expected = schema_1.accepts(to, &speakers, capacity);
                let regular = status(id, to.word(), by, capacity);
                let reported = regular
                    .with_field("irregular", vec!["so".to_owned()])
                    .unwrap();
                assert_eq!(
                    check(&state, &regular).is_ok(),
                    expected,
                    "{to} by {by} as {capacity}"
                );
                assert_eq!(
                    check(&state, &reported).is_ok(),
                    !expected,
                    "{to} by {by} as {capacity}"
                );
                moves = schema_1.moves;
                if expected || choices.one_in(6) {
                    history.push(if expected { regular } else { reported });
                    moves.push((to, speakers));
                    accepted += usize::from(expected);
                    irregular += usize::from(!expected);
                }
            }
        }
    }
    assert!(accepted > 200 && irregular > 100, "{accepted} {irregular}");
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
