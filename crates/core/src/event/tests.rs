use std::collections::BTreeSet;

use super::*;

fn fields(pairs: &[(&str, &[&str])]) -> Fields {
    let mut fields = Fields::default();
    for (name, texts) in pairs {
        fields.set(name, texts.iter().map(|t| (*t).to_owned()).collect());
    }
    fields
}

#[test]
fn an_event_is_its_texts() {
    let texts = fields(&[
        ("id", &["C1"]),
        ("agreement", &["A1"]),
        ("text", &["increase the presence"]),
        ("modality", &["intention", "obligation"]),
        ("debtor", &["colombia"]),
        ("creditor", &["venezuela"]),
        ("mutual", &["true"]),
        ("deadline", &["unspecified"]),
        ("on", &["2023-05-11"]),
        ("source", &["S1: paragraph 3", "S1: paragraph 7"]),
        ("inferred", &["on"]),
    ]);
    let event = Event::build(Kind::CommitmentRecorded, &texts).unwrap();
    assert_eq!(event.to_fields(), texts);
}

#[test]
fn every_wrong_field_is_named_not_just_the_first() {
    let texts = fields(&[
        ("kind", &["kingdom"]),
        ("on", &["2023-02-30"]),
        ("colour", &["red"]),
        ("inferred", &["size"]),
    ]);
    let errors = Event::build(Kind::PartyRegistered, &texts).unwrap_err();
    let named: Vec<&str> = errors.iter().map(|e| e.field.as_str()).collect();
    assert_eq!(named, ["colour", "id", "kind", "name", "on"]);
}

#[test]
fn every_kind_has_its_word_and_help() {
    for &kind in Kind::ALL {
        assert_eq!(kind.word().parse(), Ok(kind));
        assert!(!kind.spec().about().is_empty());
        assert_eq!(Kind::of_number(kind.spec().number), Some(kind));
        for spec in kind.fields() {
            assert!(!spec.help().is_empty(), "{kind} {}", spec.name);
        }
        let names: Vec<&str> = kind.fields().map(|s| s.name).collect();
        let mut unique = names.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(names.len(), unique.len(), "{kind}: a field stands twice");
    }
}

#[test]
fn no_number_is_given_twice() {
    let numbers: BTreeSet<u16> = Kind::ALL.iter().map(|kind| kind.spec().number).collect();
    assert_eq!(numbers.len(), Kind::ALL.len());
}

#[test]
fn references_leave_out_the_id_that_is_being_given() {
    let texts = fields(&[
        ("id", &["A2"]),
        ("title", &["Roadmap"]),
        ("party", &["colombia"]),
        ("link", &["continues:A1"]),
        ("source", &["S3"]),
    ]);
    let event = Event::build(Kind::AgreementRecorded, &texts).unwrap();
    let named: Vec<String> = event
        .references()
        .iter()
        .map(|(field, r)| format!("{field}={}", r.subject()))
        .collect();
    assert_eq!(named, ["party=colombia", "link=A1", "source=S3"]);
}
