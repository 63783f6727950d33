//! Moves of a commitment's standing, and whose word they take.

use super::*;
use crate::value::commitment::{Asserter, TRANSITIONS, transition, transitions_from};

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
