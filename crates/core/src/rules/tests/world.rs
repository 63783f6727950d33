//! Rules about the world: agreements, contests, participation, occurrences, dates.

use super::*;
use crate::value::commitment::Contest;

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
            Provisional => &["provisional"],
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
                assert_eq!(rejection.allowed, Advice::words(onward));
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
                assert_eq!(rejection.allowed, Advice::words(allowed));
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

#[test]
fn what_takes_effect_later_does_not_stand_in_the_way_before() {
    let moved = |to: &str, more: &[(&str, &str)]| {
        let texts = [&[("agreement", "A1"), ("to", to)], more].concat();
        event(Kind::AgreementStatusChanged, &texts)
    };
    let given = world().and([
        moved("in-force", &[("on", "2023-06-01")]),
        moved(
            "terminated",
            &[("on", "2024-01-01"), ("effective", "2025-01-01")],
        ),
    ]);
    let suspended = |on: &str| {
        let texts = [("agreement", "A1"), ("to", "suspended"), ("on", on)];
        given.when(Kind::AgreementStatusChanged, &texts)
    };
    suspended("2024-12-31").accepted();
    suspended("2025-01-01")
        .refused(Rule::AgreementMove)
        .saying("A1 is terminated");
    suspended("unknown").refused(Rule::AgreementMove);
}

#[test]
fn who_may_be_a_party_can_withdraw() {
    let agreement = |more: &[(&str, &str)]| {
        let texts = [&[("id", "A2"), ("title", "t")], more].concat();
        event(Kind::AgreementRecorded, &texts)
    };
    let withdraw = |given: &Given| {
        let texts = [
            ("agreement", "A2"),
            ("party", "norway"),
            ("action", "withdrawal"),
        ];
        given.when(Kind::ParticipationRecorded, &texts)
    };
    withdraw(&world().and([agreement(&[("parties_unknown", "true")])])).accepted();
    withdraw(&world().and([agreement(&[("party", "kroc")])])).refused(Rule::Withdrawal);
    // A role is no part in it.
    let watched = agreement(&[("party", "kroc"), ("role", "observer:norway")]);
    withdraw(&world().and([watched])).refused(Rule::Withdrawal);
}
