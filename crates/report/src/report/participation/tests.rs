use super::super::testing::*;
use super::*;

/// The states of Colombia as of some days, after it did these things.
fn states(acts: &[&str], days: &[&str]) -> Vec<&'static str> {
    let acts = acts.iter();
    let act = |act: &&str| format!("participation | agreement=A1 | party=colombia | action={act}");
    let lines: Vec<String> = acts.map(act).collect();
    states_after(&lines.iter().map(String::as_str).collect::<Vec<_>>(), days)
}

/// The states of Colombia as of some days, after these events.
fn states_after(lines: &[&str], days: &[&str]) -> Vec<&'static str> {
    let mut history = simple("");
    history.say_all(lines);
    let state = |day: &&str| {
        let view = history.view(day);
        let agreement = view.agreement(&"A1".parse().unwrap()).unwrap();
        let memberships = memberships(&view, &agreement);
        let colombia = memberships.iter().find(|m| m.party.as_str() == "colombia");
        colombia.unwrap().state(&view).word().0
    };
    days.iter().map(state).collect()
}

#[test]
fn consent_binds_once_it_takes_effect() {
    let acts = [
        "signature | on=2023-02-01",
        "ratification | on=2023-03-01 | effective=2023-03-31",
    ];
    assert_eq!(
        states(
            &acts,
            &["2023-01-31", "2023-02-01", "2023-03-01", "2023-03-31"]
        ),
        ["named", "signed", "consented", "in force"]
    );
    // Nothing says when.
    let acts = ["accession | on=2023-03-01"];
    assert_eq!(states(&acts, &["2030-01-01"]), ["consented"]);
    // An entry into force that was recorded for itself.
    let acts = ["accession | on=2023-03-01", "entry-into-force | on=2023-04"];
    assert_eq!(
        states(&acts, &["2023-04-29", "2023-04-30"]),
        ["consented", "in force"]
    );
}

#[test]
fn who_leaves_can_come_back() {
    let acts = [
        "acceptance | on=2016-09-03 | effective=2016-11-04",
        "withdrawal | on=2019-11-04 | effective=2020-11-04",
        "acceptance | on=2021-01-20 | effective=2021-02-19",
    ];
    // The agreement itself is of 2023, which keeps no act from counting; only the view of it.
    let days = ["2023-01-01"];
    assert_eq!(states(&acts, &days), ["in force"]);
    let acts = [
        "acceptance | on=2023-02-01 | effective=2023-03-01",
        "withdrawal | on=2023-04-01 | effective=2023-06-01",
        "acceptance | on=2023-07-01 | effective=2023-08-01",
        "withdrawal | on=2023-09-01",
    ];
    let days = [
        "2023-03-01",
        "2023-04-01",
        "2023-05-31",
        "2023-06-01",
        "2023-07-01",
        "2023-08-01",
        "2023-09-01",
    ];
    assert_eq!(
        states(&acts, &days),
        [
            "in force",
            "withdrawing",
            "withdrawing",
            "withdrawn",
            "consented",
            "in force",
            "withdrawn"
        ]
    );
}

#[test]
fn what_takes_effect_after_the_party_left_binds_it_no_more() {
    let acts = [
        "accession | on=2023-02-01 | effective=2023-12-01",
        "withdrawal | on=2023-04-01 | effective=2023-06-01",
    ];
    assert_eq!(
        states(&acts, &["2023-05-01", "2023-12-01"]),
        ["withdrawing", "withdrawn"]
    );
}

#[test]
fn the_rest_binds_nobody() {
    let acts = ["declaration | on=2023-02-01 | text=as to article 3"];
    assert_eq!(states(&acts, &["2023-02-01"]), ["other"]);
    let acts = ["provisional-application | on=2023-02-01"];
    assert_eq!(states(&acts, &["2023-02-01"]), ["provisional"]);
}

#[test]
fn an_agreement_in_force_binds_whom_it_names_where_nobody_consented_apart() {
    let in_force = "agreement-status | agreement=A1 | to=in-force | on=2023-03-01";
    let days = ["2023-02-28", "2023-03-01"];
    assert_eq!(states_after(&[in_force], &days), ["named", "in force"]);
    let signed = "participation | agreement=A1 | party=colombia | action=signature | on=2023-02-01";
    assert_eq!(
        states_after(&[signed, in_force], &days),
        ["signed", "in force"]
    );
    // Once any party's consent is recorded, a signature alone binds nobody.
    let other =
        "participation | agreement=A1 | party=venezuela | action=ratification | on=2023-02-15";
    assert_eq!(
        states_after(&[signed, other, in_force], &days),
        ["signed", "signed"]
    );
    // A consent without a day of effect takes effect with the agreement, also one of the same day, in any order.
    let own = "participation | agreement=A1 | party=colombia | action=ratification | on=2023-03-01";
    for lines in [[other, own, in_force], [in_force, own, other]] {
        assert_eq!(states_after(&lines, &days), ["named", "in force"]);
    }
    // One that came later may take effect on any later day.
    let late =
        "participation | agreement=A1 | party=colombia | action=ratification | on=2023-03-02";
    assert_eq!(
        states_after(&[other, in_force, late], &["2023-03-01", "2030-01-01"]),
        ["named", "consented"]
    );
    // A day of effect of its own counts alone.
    let own = "participation | agreement=A1 | party=colombia | action=ratification | on=2023-02-20 | effective=2023-04-01";
    assert_eq!(
        states_after(&[own, in_force], &["2023-03-31", "2023-04-01"]),
        ["consented", "in force"]
    );
    // Who left before is not bound.
    let left = "participation | agreement=A1 | party=colombia | action=withdrawal | on=2023-02-01";
    assert_eq!(
        states_after(&[left, in_force], &["2023-03-01"]),
        ["withdrawn"]
    );
}

#[test]
fn a_suspended_agreement_binds_nobody_and_an_ended_one_neither() {
    let lines = [
        "participation | agreement=A1 | party=colombia | action=ratification | on=2023-02-01 | effective=2023-03-01",
        "agreement-status | agreement=A1 | to=in-force | on=2023-03-01",
        "agreement-status | agreement=A1 | to=suspended | on=2023-04-01",
        "agreement-status | agreement=A1 | to=resumed | on=2023-05-01",
        "agreement-status | agreement=A1 | to=amended | on=2023-06-01",
        "agreement-status | agreement=A1 | to=terminated | on=2023-07-01 | effective=2024-01-01",
    ];
    let days = [
        "2023-03-31",
        "2023-04-01",
        "2023-05-01",
        "2023-06-01",
        "2023-12-31",
        "2024-01-01",
    ];
    assert_eq!(
        states_after(&lines, &days),
        [
            "in force",
            "suspended",
            "in force",
            "in force",
            "in force",
            "ended"
        ]
    );
    // Who had left before left, and did not see the end.
    let left = [
        "agreement-status | agreement=A1 | to=in-force | on=2023-03-01",
        "participation | agreement=A1 | party=colombia | action=withdrawal | on=2023-04-01",
        "agreement-status | agreement=A1 | to=superseded | on=2023-07-01",
    ];
    assert_eq!(states_after(&left, &["2023-08-01"]), ["withdrawn"]);
    // A signature is nothing any more.
    let signed = [
        "participation | agreement=A1 | party=colombia | action=signature | on=2023-02-01",
        "agreement-status | agreement=A1 | to=terminated | on=2023-07-01",
    ];
    assert_eq!(
        states_after(&signed, &["2023-06-30", "2023-07-01"]),
        ["signed", "ended"]
    );
}

#[test]
fn provisional_application_begins_and_ends() {
    let acts = [
        "provisional-application | on=2023-02-01 | effective=2023-03-01",
        "end-of-provisional-application | on=2023-05-01",
    ];
    let days = ["2023-02-28", "2023-03-01", "2023-05-01"];
    assert_eq!(states(&acts, &days), ["other", "provisional", "other"]);
    let lines = [
        "agreement-status | agreement=A1 | to=provisional | on=2023-02-01",
        "agreement-status | agreement=A1 | to=in-force | on=2023-06-01",
    ];
    assert_eq!(
        states_after(&lines, &["2023-01-31", "2023-02-01", "2023-06-01"]),
        ["named", "provisional", "in force"]
    );
}
