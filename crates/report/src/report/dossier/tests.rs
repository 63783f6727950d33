use crate::report::testing::*;

const DAY: &str = "2024-06-01";

#[test]
fn two_places_in_a_source_are_two() {
    let dossier = communique().dossier("C2", DAY).unwrap();
    assert_eq!(
        columns(&dossier, "sources", &["source", "place", "records"]),
        [["S1", "paragraph 4", "9"], ["S1", "paragraph 9", "9"]]
    );
    let terms = columns(&dossier, "terms", &["field", "value", "record"]);
    assert!(terms.contains(&vec![
        "modality".into(),
        "intention; obligation".into(),
        "9".into()
    ]));
}

#[test]
fn each_term_names_the_record_that_set_it() {
    let mut history = simple(" | deadline=2023-06-30 | purpose=trade | inferred=purpose");
    history.say_all(&[
        "amendment | commitment=C1 | deadline=2023-12-31 | measure=cars a day",
        "correction | record=6 | field=measure | to=lorries a day | reason=misread",
        "correction | record=5 | field=text | to=open both bridges | reason=misread",
    ]);
    let dossier = history.dossier("C1", DAY).unwrap();
    let terms = columns(&dossier, "terms", &["field", "value", "record", "flags"]);
    let term = |name: &str| terms.iter().find(|row| row[0] == name).unwrap()[1..].to_vec();
    assert_eq!(term("text"), ["open both bridges", "8", ""]);
    assert_eq!(term("deadline"), ["2023-12-31", "6", ""]);
    assert_eq!(term("measure"), ["lorries a day", "7", ""]);
    assert_eq!(term("purpose"), ["trade", "5", "inferred"]);
}

#[test]
fn a_commitment_with_all_its_axes() {
    let mut history = simple("");
    history.on("2023-05-05").say_all(&[
        "source | id=S3 | kind=article | title=Later report",
        "status | commitment=C1 | to=active | by=venezuela | on=2023-02-01",
        "contest | commitment=C1 | to=claimed | by=venezuela | text=nothing was done",
        "contest | commitment=C1 | to=disputed | by=colombia | text=all was done",
        "evidence | about=C1 | bearing=supports | source=S3: line 2 | confidence=low",
        "evidence | about=7 | bearing=refutes | source=S3: line 9",
        "commitment | id=C2 | agreement=A1 | text=open it again | debtor=colombia | creditor=venezuela | repeats=C1",
        "assessment | commitment=C1 | scale=pam | level=2 | by=monitor | on=2023-03-01",
    ]);
    let dossier = history.dossier("C1", DAY).unwrap();
    assert_eq!(
        columns(&dossier, "moves", &["record", "from", "to"]),
        [["5", "", "agreed"], ["7", "agreed", "active"]]
    );
    assert_eq!(
        columns(&dossier, "contest", &["by", "text"]),
        [
            ["venezuela", "nothing was done"],
            ["colombia", "all was done"]
        ]
    );
    assert_eq!(
        columns(&dossier, "evidence", &["bearing", "about", "sources"]),
        [
            ["supports", "C1", "S3: line 2"],
            ["refutes", "record 7", "S3: line 9"]
        ]
    );
    assert_eq!(
        columns(&dossier, "repeats", &["relation", "id"]),
        [["repeated by", "C2"]]
    );
    assert_eq!(column(&dossier, "assessments", "level"), ["2"]);
    let repeated = history.dossier("C2", DAY).unwrap();
    assert_eq!(
        columns(&repeated, "repeats", &["relation", "id"]),
        [["repeats", "C1"]]
    );
    // As of a day before the first move.
    let early = history.dossier("C1", "2023-01-15").unwrap();
    assert_eq!(column(&early, "moves", "to"), ["agreed"]);
    assert!(history.dossier("C1", "2022-12-31").is_none());
}

#[test]
fn acknowledgements_are_listed_with_what_they_are_of() {
    let mut history = simple("");
    history.say_all(&[
        "party-key | party=colombia | key=k",
        "party-key | party=venezuela | key=k",
        "participation | agreement=A1 | party=colombia | action=signature | on=2023-01-01",
        "status | commitment=C1 | to=claimed | by=colombia | on=2023-02-01",
    ]);
    let listed = |history: &History, of: &str| {
        let dossier = history.dossier(of, DAY).unwrap();
        let mut tables = dossier.tables.iter();
        if tables.all(|table| table.name != "acknowledgements") {
            return Vec::new();
        }
        let wanted = ["record", "on", "party", "of_record", "event"];
        columns(&dossier, "acknowledgements", &wanted)
    };
    for of in ["A1", "C1", "5", "9"] {
        assert!(listed(&history, of).is_empty(), "{of}");
    }
    for (record, party) in [
        (4, "venezuela"),
        (8, "colombia"),
        (5, "colombia"),
        (9, "venezuela"),
    ] {
        history.say(&format!(
            "acknowledgement | record={record} | party={party} | signature=s | on=2023-03-01"
        ));
    }
    let row = |record: &str, party: &str, of: &str, event: &str| {
        [record, "2023-03-01", party, of, event].map(str::to_owned)
    };
    let on_claim = row("13", "venezuela", "9", "status");
    assert_eq!(
        listed(&history, "A1"),
        [
            row("10", "venezuela", "4", "agreement"),
            row("11", "colombia", "8", "participation")
        ]
    );
    assert_eq!(
        listed(&history, "C1"),
        [row("12", "colombia", "5", "commitment"), on_claim.clone()]
    );
    assert_eq!(listed(&history, "9"), [on_claim]);
    // They are told once.
    for of in ["A1", "C1"] {
        let dossier = history.dossier(of, DAY).unwrap();
        let events = column(&dossier, "events", "event");
        assert!(!events.contains(&"acknowledgement".to_owned()), "{of}");
    }
}

#[test]
fn agreements_are_linked_both_ways() {
    let mut history = communique();
    history.say("agreement | id=A2 | title=Roadmap | party=colombia | party=venezuela | on=2023-11-17 | link=continues:A1");
    history.say("participation | agreement=A2 | party=colombia | action=signature | on=2023-11-17");
    let wanted = ["relation", "id", "text"];
    let first = history.dossier("A1", DAY).unwrap();
    assert_eq!(
        columns(&first, "links", &wanted),
        [["continued by", "A2", "Roadmap"]]
    );
    assert_eq!(
        column(&first, "commitments", "id"),
        ["C1", "C2", "C3", "C4"]
    );
    assert!(column(&first, "events", "event").contains(&"meeting".to_owned()));
    let second = history.dossier("A2", DAY).unwrap();
    assert_eq!(
        columns(&second, "links", &wanted),
        [["continues", "A1", "Outcome of the meeting"]]
    );
    assert_eq!(
        columns(&second, "participation", &["party", "action"]),
        [["colombia", "signature"]]
    );
    // On a day before it, the later agreement is not there.
    let before = history.dossier("A1", "2023-11-16").unwrap();
    assert!(columns(&before, "links", &wanted).is_empty());
}

#[test]
fn parties_know_their_kin() {
    let mut history = communique();
    history.say("party | id=mindef-new | kind=organ | name=New ministry");
    history.say("succession | party=mindef-co | successor=mindef-new | on=2024-01-01");
    let kin = |of: &str| {
        columns(
            &history.dossier(of, DAY).unwrap(),
            "kin",
            &["relation", "id"],
        )
    };
    assert_eq!(kin("colombia"), [["has part", "mindef-co"]]);
    assert_eq!(
        kin("mindef-co"),
        [
            ["part of", "colombia"],
            ["has part", "velasquez"],
            ["succeeded by", "mindef-new"]
        ]
    );
    assert_eq!(kin("mindef-new"), [["succeeds", "mindef-co"]]);
    let colombia = history.dossier("colombia", DAY).unwrap();
    assert_eq!(column(&colombia, "owes", "id"), ["C1", "C2", "C3", "C4"]);
    assert_eq!(
        column(&colombia, "names", "name"),
        ["Colombia", "Kolumbien"]
    );
}

#[test]
fn a_source_lists_what_was_read_in_it_by_place() {
    let dossier = communique().dossier("S1", DAY).unwrap();
    assert_eq!(
        columns(&dossier, "derivation", &["relation", "id"]),
        [["source of", "S2"]]
    );
    let cited = columns(&dossier, "cited", &["place", "record"]);
    assert_eq!(cited.len(), 8);
    assert_eq!(cited[0], ["", "13"]);
    let at = |place: &str| cited.iter().filter(|row| row[0] == place).count();
    assert_eq!((at("paragraph 4"), at("paragraph 9")), (2, 1));
}

#[test]
fn a_record_shows_what_it_said_and_what_it_says() {
    let mut history = simple("");
    history.say("correction | record=5 | field=text | to=open both bridges | reason=misread");
    history.say("correction | record=5 | field=on | to=2023-01-03 | reason=printed later");
    let dossier = history.dossier("5", DAY).unwrap();
    let wanted = ["field", "value", "recorded_as", "corrected_by", "reason"];
    let fields = columns(&dossier, "fields", &wanted);
    let field = |name: &str| fields.iter().find(|row| row[0] == name).unwrap()[1..].to_vec();
    assert_eq!(
        field("text"),
        ["open both bridges", "open the bridge", "6", "misread"]
    );
    assert_eq!(field("on"), ["2023-01-03", "", "7", "printed later"]);
    assert_eq!(field("debtor"), ["colombia", "", "", ""]);
    assert_eq!(column(&dossier, "referred_to_by", "record"), ["6", "7"]);
    assert!(history.dossier("8", DAY).is_none());
    assert!(history.dossier("nobody", DAY).is_none());
}

#[test]
fn a_withheld_record_keeps_its_content_to_itself() {
    let mut history = simple("");
    history.say("statement | text=a name | about=C1");
    history.say("redaction | record=6 | reason=personal data | authority=court order 7");
    let dossier = history.dossier("6", DAY).unwrap();
    assert!(!format!("{dossier:?}").contains("a name"));
    let state = columns(&dossier, "state", &["field", "value"]);
    assert!(state.contains(&vec![
        "redacted_by_authority_of".into(),
        "court order 7".into()
    ]));
    assert!(!format!("{:?}", history.dossier("C1", DAY)).contains("a name"));
}

#[test]
fn a_retracted_record_says_why() {
    let mut history = simple("");
    history.say("progress | text=paint | commitment=C1");
    history.say("retraction | record=6 | reason=of another bridge");
    let state = columns(
        &history.dossier("6", DAY).unwrap(),
        "state",
        &["field", "value"],
    );
    assert!(state.contains(&vec![
        "retracted_because".into(),
        "of another bridge".into()
    ]));
    assert!(state.contains(&vec!["counts".into(), "false".into()]));
}

#[test]
fn an_agreement_shows_its_roles_numbers_links_and_what_is_to_come() {
    let mut history = simple("");
    history.say_all(&[
        "party | id=un | kind=organisation | name=United Nations",
        "agreement | id=A2 | title=Protocol | parties_unknown=true | on=2023-02-01 | role=depositary:un | role=observer:monitor | subject=borders | subject=trade | identifier=unts:I-18232 | link=protocol-to:A1 | link=terminates:A1",
        "agreement-status | agreement=A2 | to=in-force | on=2023-03-01",
        "agreement-status | agreement=A2 | to=terminated | on=2023-04-01 | effective=2025-01-01 | by=monitor",
    ]);
    let dossier = history.dossier("A2", "2024-01-01").unwrap();
    let terms = columns(&dossier, "terms", &["field", "value"]);
    for (field, value) in [
        ("parties_unknown", "true"),
        ("role", "depositary:un; observer:monitor"),
        ("subject", "borders; trade"),
        ("identifier", "unts:I-18232"),
    ] {
        assert!(
            terms.contains(&vec![field.to_owned(), value.to_owned()]),
            "{terms:?}"
        );
    }
    let state = columns(&dossier, "state", &["field", "value"]);
    assert_eq!(
        state[..3],
        [
            ["status", "in-force"],
            ["since", "2023-03-01"],
            ["to_come", "terminated from 2025-01-01"]
        ]
    );
    assert!(notes(&dossier, "A2: terminated from 2025-01-01, not yet"));
    let ended = history.dossier("A2", "2025-01-01").unwrap();
    assert_eq!(
        columns(&ended, "state", &["field", "value"])[..3],
        [
            ["status", "terminated"],
            ["since", "2025-01-01"],
            ["to_come", ""]
        ]
    );
    let relations = |id: &str| {
        let dossier = history.dossier(id, "2024-01-01").unwrap();
        columns(&dossier, "links", &["relation", "id"])
    };
    assert_eq!(
        relations("A2"),
        [["protocol-to", "A1"], ["terminates", "A1"]]
    );
    assert_eq!(
        relations("A1"),
        [["has protocol", "A2"], ["terminated by", "A2"]]
    );
    // Who has a role in it finds it.
    let un = history.dossier("un", "2024-01-01").unwrap();
    let wanted = ["id", "parties", "roles", "subjects", "identifiers", "flags"];
    assert_eq!(
        columns(&un, "agreements", &wanted),
        [[
            "A2",
            "(not known)",
            "depositary:un; observer:monitor",
            "borders; trade",
            "unts:I-18232",
            "terminated from 2025-01-01"
        ]]
    );
}

#[test]
fn a_party_shows_its_line_and_what_it_took_over() {
    let mut history = simple("");
    history.say_all(&[
        "party | id=gran | kind=state | name=Gran Colombia",
        "party | id=union | kind=state | name=Union",
        "succession | party=colombia | successor=gran | on=2023-03-01",
        "succession | party=gran | successor=union | on=2023-04-01",
        "agreement-status | agreement=A1 | to=terminated | on=2023-05-01",
    ]);
    let union = history.dossier("union", "2024-01-01").unwrap();
    assert_eq!(
        columns(&union, "kin", &["relation", "id"]),
        [["succeeds", "gran"], ["succeeds, through gran", "colombia"]]
    );
    assert!(column(&union, "owes", "id").is_empty());
    assert_eq!(
        columns(&union, "owes_as_successor", &["id", "flags"]),
        [[
            "C1",
            "agreement A1 terminated; debtor colombia is now union through gran"
        ]]
    );
    assert!(column(&union, "is_owed_as_successor", "id").is_empty());
    let colombia = history.dossier("colombia", "2024-01-01").unwrap();
    assert_eq!(
        columns(&colombia, "kin", &["relation", "id"]),
        [
            ["succeeded by", "gran"],
            ["succeeded by, through gran", "union"]
        ]
    );
    let promise = history.dossier("C1", "2024-01-01").unwrap();
    let state = columns(&promise, "state", &["field", "value"]);
    for (field, value) in [
        ("agreement_status", "terminated"),
        (
            "flags",
            "agreement A1 terminated; debtor colombia is now union through gran",
        ),
    ] {
        assert!(
            state.contains(&vec![field.to_owned(), value.to_owned()]),
            "{state:?}"
        );
    }
    assert!(notes(&promise, "C1 (A1 terminated)"));
}
