//! Tamperings with what is said, bound and signed with everybody's keys: only what is tampered with can be found.

use std::rc::Rc;

use servanda_core::chain::codec;
use servanda_core::chain::record::{Content, Header, Record};
use servanda_core::event::Kind;

use super::story::{ERASED, Said, Story, event};
use super::{Case, Expect, REWRITTEN, RULE, Store};
use Expect::{Explained, Refused, RefusedOr};

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

/// Two recorders whose keys have one id: their names were chosen for that.
fn keys_of_one_id() -> Vec<Case> {
    const DAN: &str = "k141835:dan";
    const EVE: &str = "k4545:eve";
    let note = |who: &str| format!(r#"{{"event":"note","text":"x","recorded_by":"{who}"}}"#);
    let told = |name: &str, by: &[&str], signer: &str, erased: bool, expect| {
        let mut story = Story::honest();
        for (who, key) in [("eve", EVE), ("dan", DAN)] {
            let admitted = format!(r#"{{"event":"recorder","id":"{who}","key":"KEY {key}"}}"#);
            story.append(&admitted, &[]);
        }
        let at = story.append(&note(by[0]), &[signer]);
        let more = by[1..].iter().map(|who| Said::from(event(&note(who))));
        story.batch(at).said.extend(more);
        if erased {
            let redacts = r#"{"event":"redaction","record":35,"reason":"x","authority":"y"}"#;
            story.append(redacts, &[]);
            story.said(at).erased = true;
        }
        Case::told(format!("keys of one id: {name}"), &story, expect)
    };
    vec![
        told("dan's note", &["dan"], DAN, false, Explained(APPENDED)),
        told("dan's note, signed by eve", &["dan"], EVE, false, Refused),
        told(
            "both notes, signed by dan",
            &["dan", "eve"],
            DAN,
            false,
            Refused,
        ),
        told(
            "both notes, signed by eve",
            &["dan", "eve"],
            EVE,
            false,
            Refused,
        ),
        told(
            "dan's erased note",
            &["dan"],
            DAN,
            true,
            Explained(APPENDED),
        ),
        told(
            "eve's erased note",
            &["eve"],
            EVE,
            true,
            Explained(APPENDED),
        ),
        told(
            "dan's erased note and eve's",
            &["dan", "eve"],
            EVE,
            true,
            Explained(APPENDED),
        ),
        told(
            "dan's erased note and eve's, by dan",
            &["dan", "eve"],
            DAN,
            true,
            Refused,
        ),
    ]
}

/// Rules of all sorts.
fn rules() -> Vec<Case> {
    let lines = [
        r#"{"event":"ledger","origin":"example.org/corpus"}"#,
        r#"{"event":"party","id":"colombia","kind":"state","name":"Colombia"}"#,
        r#"{"event":"note","text":"x","about":99}"#,
        r#"{"event":"note","text":"x","about":"C9"}"#,
        r#"{"event":"note","text":"x","irregular":"nothing is"}"#,
        r#"{"event":"status","commitment":"C1","to":"fulfilled","by":"colombia"}"#,
        r#"{"event":"retraction","record":7,"reason":"x"}"#,
        r#"{"event":"retraction","record":23,"reason":"x"}"#,
        r#"{"event":"retraction","record":9,"reason":"x"}"#,
        r#"{"event":"redaction","record":23,"reason":"x","authority":"y"}"#,
        r#"{"event":"redaction","record":8,"reason":"x","authority":"y"}"#,
        r#"{"event":"redaction","record":99,"reason":"x","authority":"y"}"#,
        r#"{"event":"correction","record":0,"field":"purpose","old":"what was promised","to":"y","reason":"z"}"#,
        r#"{"event":"correction","record":4,"field":"name","to":"y","reason":"z"}"#,
        r#"{"event":"correction","record":26,"field":"text","old":"not that","to":"y","reason":"z"}"#,
        r#"{"event":"correction","record":26,"field":"recorded_by","old":"alice","to":"bob","reason":"z"}"#,
    ];
    let broken = lines.map(|line| {
        appended(
            &format!("a rule broken: {line}"),
            line,
            &[],
            Explained(RULE),
        )
    });
    let mut cases = Vec::from(broken);
    // A retraction of what must stay does not bring a key back.
    let mut story = Story::honest();
    story.append(r#"{"event":"retraction","record":23,"reason":"x"}"#, &[]);
    story.append(
        r#"{"event":"note","text":"x","recorded_by":"bob"}"#,
        &["bob"],
    );
    let name = "a revocation retracted, and its key used";
    cases.push(Case::told(name, &story, Explained(RULE)));
    cases
}

/// Marks that say of a payload that it can be erased, where its kind says otherwise; and what could be hidden by that.
fn marks() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut hidden = |line: &str, then: &str, signers: &[&str]| {
        for erased in [false, true] {
            let mut story = Story::honest();
            let at = story.append(line, &[]);
            story.said(at).change = Some(Rc::new(|header| header.erasable ^= true));
            if erased {
                let line = format!(
                    r#"{{"event":"redaction","record":{at},"reason":"x","authority":"y"}}"#
                );
                story.append(&line, &[]);
                story.said(at).erased = true;
            }
            story.append(then, signers);
            let name = format!("another mark, erased: {erased}: {line}");
            cases.push(Case::told(name, &story, Refused));
        }
    };
    let note = r#"{"event":"note","text":"x"}"#;
    let by_alice = r#"{"event":"note","text":"x","recorded_by":"alice"}"#;
    let by_dan = r#"{"event":"note","text":"x","recorded_by":"dan"}"#;
    hidden(
        r#"{"event":"recorder-revoked","recorder":"alice","reason":"x"}"#,
        by_alice,
        &["alice2"],
    );
    hidden(
        r#"{"event":"recorder","id":"dan","key":"KEY dan"}"#,
        by_dan,
        &[],
    );
    hidden(
        r#"{"event":"redaction","record":26,"reason":"x","authority":"y"}"#,
        note,
        &[],
    );
    hidden(
        r#"{"event":"party","id":"peru","kind":"state","name":"Peru"}"#,
        note,
        &[],
    );
    hidden(
        r#"{"event":"retraction","record":26,"reason":"x"}"#,
        note,
        &[],
    );
    let correction = r#"{"event":"correction","record":2,"field":"name","old":"Venezuela","to":"y","reason":"z"}"#;
    hidden(correction, note, &[]);
    let of_a_note = r#"{"event":"correction","record":26,"field":"text","old":"about what was erased","to":"y","reason":"z"}"#;
    hidden(of_a_note, note, &[]);
    let of_a_correction = r#"{"event":"correction","record":16,"field":"reason","old":"its full name","to":"y","reason":"z"}"#;
    hidden(of_a_correction, note, &[]);
    hidden(note, note, &[]);
    cases
}

/// One field of a header changed before everything is linked and signed.
fn headers() -> Vec<Case> {
    type Change = fn(&mut Header);
    let changes: [(&str, Change); 17] = [
        ("the next kind", |header| header.kind += 1),
        ("a kind that no version knows", |header| header.kind = 999),
        ("the kind of an opening", |header| {
            header.kind = u16::from(header.kind == 0)
        }),
        ("the other erasable", |header| header.erasable ^= true),
        ("the other asserted", |header| header.asserted ^= true),
        ("another target", |header| header.target += 1),
        ("itself as target", |header| {
            header.target = header.seq + u64::from(header.seq == header.target)
        }),
        ("one more to follow", |header| header.remaining += 1),
        ("many to follow", |header| header.remaining = u32::MAX),
        ("a day before", |header| {
            header.recorded_at -= 86_400_000_000
        }),
        ("a day later", |header| header.recorded_at += 86_400_000_000),
        ("the end of time", |header| header.recorded_at = i64::MAX),
        ("a shorter payload", |header| header.payload_len -= 1),
        ("a payload beyond the limit", |header| {
            header.payload_len = 65_537
        }),
        ("another link before it", |header| header.prev.0[9] ^= 1),
        ("another digest", |header| header.payload_digest.0[9] ^= 1),
        ("another number", |header| header.seq += 7),
    ];
    let mut cases = Vec::new();
    for (at, (name, change)) in changes.into_iter().enumerate() {
        for seq in (0..Story::honest().len())
            .filter(|seq| (seq + 2 * at).is_multiple_of(5) || ERASED.contains(seq))
        {
            let mut story = Story::honest();
            story.said(seq).change = Some(Rc::new(change));
            let name = format!("record {seq} bound with {name}");
            cases.push(Case::told(name, &story, RefusedOr(REWRITTEN)));
        }
    }
    cases
}

/// Payloads that are no event, or another, with digests, links and signatures that fit.
fn payloads() -> Vec<Case> {
    let (records, _) = Story::honest().bind();
    let mut cases = Vec::new();
    let mut add = |seq: usize, name: &str, expect, change: &dyn Fn(&mut Content)| {
        let Some(content) = records[seq].content() else {
            return;
        };
        let mut content = Content {
            kind: content.kind,
            target: content.target,
            payload: content.payload.to_vec(),
        };
        change(&mut content);
        let mut story = Story::honest();
        story.said(seq).content = Some(content);
        cases.push(Case::told(format!("record {seq} {name}"), &story, expect));
    };
    for seq in 0..records.len() {
        add(seq, "with a byte behind its event", Refused, &|content| {
            content.payload.push(0)
        });
        if seq % 3 == 0 {
            add(seq, "with a later schema", Refused, &|content| {
                content.payload[0] = 2
            });
            add(seq, "with nothing", Refused, &|content| {
                content.payload.clear()
            });
            add(seq, "without its last byte", Refused, &|content| {
                content.payload.truncate(content.payload.len() - 1);
            });
        }
        for part in 1..4 {
            let expect =
                RefusedOr("what the payload says is another event, by somebody with every key");
            let name = format!("with another byte at {part} quarters of its payload");
            add(seq, &name, expect, &|content| {
                let at = content.payload.len() * part / 4;
                content.payload[at] ^= 1;
            });
        }
    }
    cases
}

/// Histories written anew, with and without keys.
fn histories() -> Vec<Case> {
    let mut cases = Vec::new();
    let (honest, _) = Story::honest().bind();
    let text = |text: &str| vec![text.to_owned()];
    for (seq, field, to) in [
        (0, "purpose", "something else"),
        (2, "name", "Bolivaria"),
        (7, "title", "Another"),
        (8, "text", "close the bridge"),
        (13, "text", "nothing is built"),
        (27, "bearing", "refutes"),
        (32, "text", "the beginning"),
    ] {
        let mut story = Story::honest();
        let said = story.said(seq);
        said.event = said
            .event
            .with_field(field, text(to))
            .unwrap_or_else(|_| said.event.clone());
        if seq == 0 {
            let purpose = event(&format!(
                r#"{{"event":"ledger","origin":"example.org/corpus","purpose":"{to}"}}"#
            ));
            story.said(0).event = purpose;
        }
        let name = format!("record {seq} says otherwise");
        cases.push(Case::told(&*name, &story, Explained(REWRITTEN)));
        // Without keys the old signatures stay, and those of the last batches are under what is new.
        let (mut records, head) = story.bind();
        for (record, old) in records.iter_mut().zip(&honest) {
            record.signatures.clone_from(&old.signatures);
        }
        let store = Store::of(records.iter().map(Record::seal), head);
        let expect = if seq == 32 {
            Explained(REWRITTEN)
        } else {
            Refused
        };
        cases.push(Case::of(format!("{name}, without a key"), store, expect));
    }
    let mut renamed = Story::honest();
    renamed.said(0).event = event(r#"{"event":"ledger","origin":"example.org/other"}"#);
    cases.push(Case::told(
        "another name, signed for the old one",
        &renamed,
        Refused,
    ));
    let mut unopened = Story::honest();
    unopened.batches.remove(0);
    cases.push(Case::told("without its opening", &unopened, Refused));
    for at in [3, 7, 12] {
        let mut joined = Story::honest();
        let later = joined.batches.remove(at + 1);
        let batch = &mut joined.batches[at];
        batch.said.extend(later.said);
        batch
            .signers
            .extend(later.signers.into_iter().filter(|name| name != "alice"));
        batch.signers.sort();
        batch.signers.dedup();
        cases.push(Case::told(
            format!("appends {at} and {} as one", at + 1),
            &joined,
            RefusedOr(REWRITTEN),
        ));
    }
    let unknown = |erasable: bool| {
        let mut story = Story::honest();
        let at = story.append(r#"{"event":"note","text":"x"}"#, &[]);
        story.said(at).change = Some(Rc::new(move |header| {
            header.kind = 999;
            header.erasable = erasable;
        }));
        Case::told(
            format!("an event of a later version, erasable: {erasable}"),
            &story,
            Refused,
        )
    };
    cases.extend([unknown(false), unknown(true)]);
    assert_eq!(Kind::of_number(999), None);
    cases
}
