//! Tamperings with what is said, bound and signed with everybody's keys: only what is tampered with can be found.

mod records;

use std::rc::Rc;

use servanda_core::chain::codec;
use servanda_core::chain::record::{Content, Header, Record};
use servanda_core::event::Kind;

use super::story::{ERASED, Said, Story, event};
use super::{Case, Expect, REWRITTEN, RULE, Store};
use Expect::{Explained, Refused, RefusedOr};

use self::records::{excused, headers, histories, keys_of_one_id, marks, payloads, rules};

/// The ledger does not say who may record what.
const APPENDED: &str = "an event that anybody may append";

/// Vkeys that are none, each with what is wrong: no sound point, or another text than that of a vkey.
const BAD_KEYS: [(&str, &str); 12] = [
    (
        "not canonical",
        "alice+24d3e3e5+Af//////////////////////////////////////////",
    ),
    (
        "zero, not canonical",
        "alice+adb456cc+Ae7///////////////////////////////////////9/",
    ),
    (
        "of order 4",
        "alice+847982ca+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ),
    (
        "of order 8",
        "alice+6e0cfe41+AccXanA9TdhPujwLdg0QZw8qIFP6LDnMxk7H/XeSrAN6",
    ),
    (
        "of mixed order 2",
        "alice+af53b024+AXaYXNvSNkp0Q5e3c+2aM5M6DZOQw3daKqFv5PjLI1qN",
    ),
    (
        "of mixed order 4",
        "alice+c3e91a6b+AZN7+MlFgVOLpD6poNTfUuMwQHSNVTIAwo4tBqb0tuOO",
    ),
    (
        "of mixed order 8",
        "alice+e1ed31ed+AWqE1YPwZWnts/Xtd99lVEsn1pSLTwsst28z3YQTsgcZ",
    ),
    (
        "no point",
        "alice+b364521b+AQIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ),
    (
        "with another id",
        "alice+95669bfe+AXdnoyQtybWLvGhIjBJlzGzF8mxvPIil1V6QGwc03KVy",
    ),
    (
        "with another name",
        "bob+95669bff+AXdnoyQtybWLvGhIjBJlzGzF8mxvPIil1V6QGwc03KVy",
    ),
    (
        "cut",
        "alice+95669bff+AXdnoyQtybWLvGhIjBJlzGzF8mxvPIil1V6QGwc03K",
    ),
    ("no vkey", "alice"),
];

pub fn all() -> Vec<Case> {
    let mut all = about_erased_records();
    all.extend(keys());
    all.extend(bad_keys());
    all.extend(acknowledgements());
    all.extend(several_at_once());
    all.extend(keys_of_one_id());
    all.extend(rules());
    all.extend(marks());
    all.extend(excused());
    all.extend(headers());
    all.extend(payloads());
    all.extend(histories());
    all
}

/// The honest ledger, and one event more.
fn appended(name: &str, line: &str, signers: &[&str], expect: Expect) -> Case {
    let mut story = Story::honest();
    story.append(line, signers);
    Case::told(name, &story, expect)
}

/// Record 18 is erased.
fn about_erased_records() -> Vec<Case> {
    let bob = r#"{"event":"note","text":"x","about":18,"recorded_by":"bob"}"#;
    let alice = r#"{"event":"note","text":"x","about":18,"recorded_by":"alice"}"#;
    let evidence = r#"{"event":"evidence","about":18,"bearing":"refutes","source":"S1","recorded_by":"alice"}"#;
    let again = r#"{"event":"commitment","id":"C1","agreement":"A1","text":"x","debtor":"colombia","repeats":18}"#;
    let cites = r#"{"event":"note","text":"x","about":18,"source":"S9"}"#;
    let corrects =
        r#"{"event":"correction","record":18,"field":"text","old":"x","to":"y","reason":"z"}"#;
    let retracts = r#"{"event":"retraction","record":18,"reason":"z"}"#;
    let redacts = r#"{"event":"redaction","record":18,"reason":"z","authority":"z"}"#;
    vec![
        appended(
            "about an erased record, by a revoked recorder, unsigned",
            bob,
            &[],
            Refused,
        ),
        appended(
            "about an erased record, by a revoked recorder, signed",
            bob,
            &["bob"],
            Refused,
        ),
        appended(
            "about an erased record, by a recorder, unsigned",
            alice,
            &[],
            Refused,
        ),
        appended(
            "about an erased record, by a recorder, with an old key",
            alice,
            &["alice"],
            Refused,
        ),
        appended(
            "about an erased record, signed by a stranger",
            alice,
            &["mallory"],
            Refused,
        ),
        appended(
            "evidence about an erased record, unsigned",
            evidence,
            &[],
            Refused,
        ),
        appended(
            "a second C1 that repeats an erased record",
            again,
            &[],
            Explained(RULE),
        ),
        appended(
            "about an erased record, citing what is not there",
            cites,
            &[],
            Explained(RULE),
        ),
        appended(
            "a correction of an erased record",
            corrects,
            &[],
            Explained(RULE),
        ),
        appended(
            "a retraction of an erased record",
            retracts,
            &[],
            Explained(RULE),
        ),
        appended(
            "a second redaction of an erased record",
            redacts,
            &[],
            Explained(RULE),
        ),
        irregular_correction(),
    ]
}

/// A correction said to break a rule about the world, of a record that was erased since: there was none to break.
fn irregular_correction() -> Case {
    let mut story = Story::honest();
    let at = story.append(
        r#"{"event":"progress","commitment":"C1","text":"begun","by":"colombia","on":"2024-01-01"}"#,
        &[],
    );
    story.append(
        &format!(
            r#"{{"event":"correction","record":{at},"field":"on","old":"2024-01-01","to":"2020-01-01","reason":"earlier","irregular":"before it was agreed"}}"#
        ),
        &[],
    );
    story.append(
        &format!(r#"{{"event":"redaction","record":{at},"reason":"x","authority":"y"}}"#),
        &[],
    );
    story.said(at).erased = true;
    Case::told(
        "an irregular correction of an erased record",
        &story,
        Explained(RULE),
    )
}

/// Keys given, changed and taken by those who may not.
fn keys() -> Vec<Case> {
    let admitted = |id: &str| format!(r#"{{"event":"recorder","id":"{id}","key":"KEY {id}9"}}"#);
    let rotated =
        |id: &str| format!(r#"{{"event":"recorder-rotated","recorder":"{id}","key":"KEY {id}9"}}"#);
    let revoked =
        |id: &str| format!(r#"{{"event":"recorder-revoked","recorder":"{id}","reason":"x"}}"#);
    let note = |id: &str| format!(r#"{{"event":"note","text":"x","recorded_by":"{id}"}}"#);
    let declared = r#"{"event":"party-key","party":"peru","key":"KEY peru"}"#;
    vec![
        appended(
            "a recorder admitted again",
            &admitted("alice"),
            &[],
            Refused,
        ),
        appended(
            "a recorder admitted again, signed",
            &admitted("alice"),
            &["alice2"],
            Refused,
        ),
        appended(
            "a revoked recorder admitted again",
            &admitted("bob"),
            &[],
            Refused,
        ),
        appended(
            "a revoked recorder rotated",
            &rotated("bob"),
            &["bob", "bob9"],
            Refused,
        ),
        appended(
            "a revoked recorder rotated, unsigned",
            &rotated("bob"),
            &[],
            Refused,
        ),
        appended(
            "a recorder rotated who is none",
            &rotated("dan"),
            &["dan9"],
            Refused,
        ),
        appended(
            "a recorder rotated, unsigned",
            &rotated("alice"),
            &[],
            Refused,
        ),
        appended(
            "a recorder rotated with the old key alone",
            &rotated("alice"),
            &["alice2"],
            Refused,
        ),
        appended(
            "a recorder rotated with the new key alone",
            &rotated("alice"),
            &["alice9"],
            Refused,
        ),
        appended(
            "a recorder rotated with the first key",
            &rotated("alice"),
            &["alice", "alice9"],
            Refused,
        ),
        appended(
            "a recorder revoked who is none",
            &revoked("dan"),
            &[],
            Refused,
        ),
        appended("a recorder revoked twice", &revoked("bob"), &[], Refused),
        appended(
            "a recorder revoked by a stranger's key",
            &revoked("alice"),
            &["mallory"],
            Refused,
        ),
        appended("recorded by a revoked recorder", &note("bob"), &[], Refused),
        appended(
            "recorded by a revoked recorder, signed",
            &note("bob"),
            &["bob"],
            Refused,
        ),
        appended(
            "recorded by a recorder, unsigned",
            &note("alice"),
            &[],
            Refused,
        ),
        appended(
            "recorded by a recorder, two keys",
            &note("alice"),
            &["alice2", "alice"],
            Refused,
        ),
        appended(
            "recorded by nobody, signed",
            &note("a clerk"),
            &["mallory"],
            Refused,
        ),
        appended(
            "a key of a party that is none",
            declared,
            &[],
            Explained(RULE),
        ),
        appended(
            "a recorder with the id of a party",
            &admitted("colombia"),
            &[],
            Explained(RULE),
        ),
        appended(
            "a recorder admitted who is new",
            &admitted("dan"),
            &[],
            Explained(APPENDED),
        ),
    ]
}

/// Keys that are none, wherever a key stands; and what is signed with them.
fn bad_keys() -> Vec<Case> {
    let mut cases = Vec::new();
    for (what, vkey) in BAD_KEYS {
        for (place, line, signers) in [
            (
                "a recorder's",
                r#"{"event":"recorder","id":"dan","key":"VKEY"}"#,
                &[][..],
            ),
            (
                "a party's",
                r#"{"event":"party-key","party":"venezuela","key":"VKEY"}"#,
                &[],
            ),
            (
                "a rotation's",
                r#"{"event":"recorder-rotated","recorder":"alice","key":"VKEY"}"#,
                &["alice2"],
            ),
        ] {
            let line = line.replace("VKEY", vkey);
            let name = format!("{place} key that is {what}");
            cases.push(appended(&name, &line, signers, Refused));
        }
    }
    cases
}

/// Acknowledgements of other records, by others, and of nothing.
fn acknowledgements() -> Vec<Case> {
    let by = |record: u64, party: &str, signature: &str| {
        format!(
            r#"{{"event":"acknowledgement","record":{record},"party":"{party}","signature":"{signature}"}}"#
        )
    };
    let colombia = |record: u64| by(record, "colombia", "BY colombia");
    let mut other_link = Story::honest();
    other_link.append(&colombia(8), &[]);
    let mut twisted = other_link.clone();
    let at = twisted.len() - 1;
    // Signed for record 8, and said to be of record 7.
    let signed = codec::decode(other_link.bind().0[at].content().unwrap()).unwrap();
    twisted.said(at).event = signed.with_field("record", vec!["7".into()]).unwrap();
    vec![
        appended(
            "acknowledged by a party without a key",
            &by(7, "venezuela", "BY colombia"),
            &[],
            Refused,
        ),
        appended(
            "acknowledged by nobody known",
            &by(7, "peru", "BY colombia"),
            &[],
            Refused,
        ),
        appended(
            "acknowledged with another key",
            &by(7, "colombia", "BY mallory"),
            &[],
            Refused,
        ),
        appended(
            "acknowledged with a short signature",
            &by(7, "colombia", "AAAA"),
            &[],
            Refused,
        ),
        appended(
            "acknowledged with no base64",
            &by(7, "colombia", "***"),
            &[],
            Refused,
        ),
        appended(
            "acknowledged before it is there",
            &colombia(99),
            &[],
            Refused,
        ),
        appended("an acknowledgement of itself", &colombia(33), &[], Refused),
        appended("a note acknowledged", &colombia(26), &[], Explained(RULE)),
        appended(
            "a commitment acknowledged",
            &colombia(8),
            &[],
            Explained(APPENDED),
        ),
        Case::told("an acknowledgement of another record", &twisted, Refused),
    ]
}

/// Several events in one append.
fn several_at_once() -> Vec<Case> {
    let told = |name: &str, lines: &[&str], signers: &[&str], erased: &[usize], expect| {
        let mut story = Story::honest();
        let at = story.append(lines[0], signers);
        let batch = story.batch(at);
        batch
            .said
            .extend(lines[1..].iter().map(|line| Said::from(event(line))));
        for offset in erased {
            let line = format!(
                r#"{{"event":"redaction","record":{},"reason":"x","authority":"y"}}"#,
                at + offset
            );
            story.append(&line, &[]);
            story.said(at + offset).erased = true;
        }
        Case::told(name, &story, expect)
    };
    let note = r#"{"event":"note","text":"x","recorded_by":"alice"}"#;
    let by_dan = r#"{"event":"note","text":"x","recorded_by":"dan"}"#;
    let admits = r#"{"event":"recorder","id":"dan","key":"KEY dan"}"#;
    let rotates = r#"{"event":"recorder-rotated","recorder":"alice","key":"KEY alice3"}"#;
    let revokes = r#"{"event":"recorder-revoked","recorder":"alice","reason":"x"}"#;
    let both = &["alice2", "alice3"][..];
    vec![
        told(
            "a rotation and a note",
            &[rotates, note],
            both,
            &[],
            Explained(APPENDED),
        ),
        told(
            "a rotation and a note, with the old key alone",
            &[rotates, note],
            &["alice2"],
            &[],
            Refused,
        ),
        told(
            "a note and a revocation",
            &[note, revokes],
            &["alice2"],
            &[],
            Explained(APPENDED),
        ),
        told(
            "a note and a revocation, unsigned",
            &[note, revokes],
            &[],
            &[],
            Refused,
        ),
        told(
            "a revocation and a note",
            &[revokes, note],
            &["alice2"],
            &[],
            Refused,
        ),
        told(
            "a revocation and a note, unsigned",
            &[revokes, note],
            &[],
            &[],
            Refused,
        ),
        told(
            "an admission and a note",
            &[admits, by_dan],
            &["dan"],
            &[],
            Explained(APPENDED),
        ),
        told(
            "an admission and a note, unsigned",
            &[admits, by_dan],
            &[],
            &[],
            Refused,
        ),
        told(
            "an erased note and a revocation",
            &[note, revokes],
            &["alice2"],
            &[0],
            Explained(APPENDED),
        ),
        told(
            "an erased note and a revocation, signed by a stranger",
            &[note, revokes],
            &["mallory"],
            &[0],
            Refused,
        ),
        told(
            "an erased note and a revocation, with an older key",
            &[note, revokes],
            &["alice"],
            &[0],
            Refused,
        ),
        told(
            "an erased note and a rotation",
            &[note, rotates],
            both,
            &[0],
            Explained(APPENDED),
        ),
        told(
            "an erased note and a rotation, unsigned",
            &[note, rotates],
            &[],
            &[0],
            Refused,
        ),
    ]
}
