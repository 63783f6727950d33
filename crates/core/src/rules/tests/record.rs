//! Rules about the record: what is complete, named and given.

use super::*;
use crate::event::Fact;
use crate::rules::check_spelling;
use crate::value::id::Seq;

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

/// A rule and an event that breaks it.
type Case = (Rule, Kind, &'static [(&'static str, &'static str)]);

/// For each rule about the record, an event that breaks it.
const BROKEN: &[Case] = &[
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
        Rule::RecurrenceRule,
        Kind::CommitmentRecorded,
        &[
            ("id", "C9"),
            ("agreement", "A1"),
            ("text", "t"),
            ("debtor", "norway"),
            ("deadline", "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"),
        ],
    ),
    (
        Rule::SomeDay,
        Kind::CommitmentRecorded,
        &[
            ("id", "C9"),
            ("agreement", "A1"),
            ("text", "t"),
            ("debtor", "norway"),
            ("deadline", "RRULE:FREQ=MONTHLY;UNTIL=20200101"),
            ("on", "2024-01-01"),
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
        Rule::NoCircle,
        Kind::PartySucceeded,
        &[("party", "norway"), ("successor", "norway")],
    ),
    (
        Rule::NamedOnce,
        Kind::Noted,
        &[("text", "n"), ("by", "norway"), ("by", "norway")],
    ),
    (
        Rule::PartyKey,
        Kind::Acknowledged,
        &[("record", "10"), ("party", "norway"), ("signature", "s")],
    ),
];

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
    for (rule, kind, texts) in BROKEN {
        given.when(*kind, texts).refused(*rule);
        let excused = [texts, &[("irregular", "no matter")][..]].concat();
        given.when(*kind, &excused).refused(*rule);
    }
    // These, `complete`, `irregular-only` (with tests of their own) and `size`, which a ledger asks, are all that do not give way.
    for &rule in Rule::ALL {
        let stands = BROKEN.iter().any(|(found, ..)| *found == rule)
            || matches!(rule, Rule::Complete | Rule::IrregularOnly | Rule::Size);
        assert_eq!(!rule.is_waivable(), stands, "{rule}");
    }
}

#[test]
fn an_agreement_has_parties_or_says_that_they_are_not_known() {
    let build = |more: &[(&str, &str)]| {
        let texts = [&[("id", "A2"), ("title", "t")], more].concat();
        Event::build(Kind::AgreementRecorded, &crate::testing::fields(&texts))
    };
    let errors = build(&[]).unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "party: is required, unless `parties_unknown` says that the parties are not known"
    );
    for more in [
        &[("parties_unknown", "true")][..],
        &[("parties_unknown", "true"), ("party", "norway")],
    ] {
        let event = build(more).unwrap();
        let state = state(&world().0);
        assert_eq!(admit(&state, &event), Ok(()));
    }
    correct(&world(), "10", "party", &[])
        .refused(Rule::Correctable)
        .saying("party: is required, unless");
    world()
        .when(
            Kind::AgreementRecorded,
            &[
                ("id", "A2"),
                ("title", "t"),
                ("party", "norway"),
                ("role", "depositary:peru"),
            ],
        )
        .refused(Rule::Known)
        .saying("role: no party is called peru");
}

/// A ledger that another program wrote may hold any form of Unicode, and ids of which each case is another: that is
/// format v1. What is looked up finds each spelling.
#[test]
fn what_v1_takes_is_taken_in_each_form_of_unicode() {
    use crate::chain::codec;
    let noted = |key: &str| {
        let mut event = event(Kind::Noted, &[("text", "n")]);
        event.envelope.import_key = Some(key.parse().unwrap());
        let encoded = codec::encode(&event).unwrap();
        let decoded = codec::decode(encoded.as_ref()).unwrap();
        assert_eq!(decoded, event);
        event
    };
    let (apart, one) = ("u\u{308}", "\u{fc}");
    let given = world().and([noted(apart), noted(one), party("COLOMBIA", "state", None)]);
    let known = state(&given.0);
    let first = known.count() - 3;
    assert_eq!(known.imported(apart), Some(Seq(first)));
    assert_eq!(known.imported(one), Some(Seq(first + 1)));
    let again = |key| Outcome(check(&known, &noted(key)));
    again(apart).refused(Rule::UniqueImportKey);
    again(one).refused(Rule::UniqueImportKey);
    // Only one of them is there.
    let given = world().and([noted(apart)]);
    let known = state(&given.0);
    assert_eq!(known.imported(one), Some(Seq(known.count() - 1)));
    Outcome(check(&known, &noted(one))).accepted();
    // A correction changes its field and no other.
    let old = known.entry(Seq(known.count() - 1)).unwrap().event.clone();
    let corrected = old.with_field("text", vec![apart.into()]).unwrap();
    assert_eq!(corrected.envelope.import_key.unwrap().as_str(), apart);
    // And an append asks which id is meant.
    Outcome(check_spelling(&known, &party("Colombia", "state", None)))
        .refused(Rule::UniqueId)
        .saying("differs from colombia");
    Outcome(check_spelling(&known, &party("peru", "state", None))).accepted();
}

#[test]
fn a_rule_does_not_end_before_it_begins() {
    const ENDED: &str = "RRULE:FREQ=MONTHLY;UNTIL=20200101";
    const GIVES_DAYS: &str = "RRULE:FREQ=MONTHLY;UNTIL=20240601";
    let texts = |deadline, on| {
        [
            ("id", "C1"),
            ("agreement", "A1"),
            ("text", "t"),
            ("debtor", "norway"),
            ("deadline", deadline),
            ("on", on),
        ]
    };
    let record = |deadline, on| world().when(Kind::CommitmentRecorded, &texts(deadline, on));
    record(ENDED, "2024-01-01")
        .refused(Rule::SomeDay)
        .saying("gives no day: it counts from 2024-01-01");
    record(GIVES_DAYS, "2024-01-01").accepted();
    record(ENDED, "2019-01-01").accepted();
    let first = event(Kind::CommitmentRecorded, &texts(GIVES_DAYS, "2024-01-01"));
    let given = world().and([first]);
    let amendment = |on: &str| {
        let texts = [("commitment", "C1"), ("deadline", ENDED), ("on", on)];
        given.when(Kind::CommitmentAmended, &texts)
    };
    amendment("2024-02-01").refused(Rule::SomeDay);
    amendment("2019-02-01").accepted();
    correct(&given, "11", "deadline", &[ENDED]).refused(Rule::SomeDay);
    correct(&given, "11", "on", &["2024-07-01"]).refused(Rule::SomeDay);
    correct(&given, "11", "theme", &["talks"]).accepted();
}
