//! Keys of one id, rules, marks, headers, payloads, histories.

use super::*;
use servanda_core::chain::codec::SCHEMA;

/// Two recorders whose keys have one id: their names were chosen for that.
pub(super) fn keys_of_one_id() -> Vec<Case> {
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
pub(super) fn rules() -> Vec<Case> {
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
pub(super) fn marks() -> Vec<Case> {
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
    // Records that are there from the beginning, the opening among them.
    let (honest, _) = Story::honest().bind();
    for seq in (0..honest.len()).filter(|seq| !honest[*seq].header.erasable) {
        for marked in [false, true] {
            let mut story = Story::honest();
            if marked {
                story.said(seq).change = Some(Rc::new(|header| header.erasable = true));
            }
            let redaction =
                format!(r#"{{"event":"redaction","record":{seq},"reason":"x","authority":"y"}}"#);
            story.append(&redaction, &[]);
            story.said(seq).erased = true;
            let name = format!("record {seq} redacted and erased, marked: {marked}");
            cases.push(Case::told(name, &story, Refused));
        }
    }
    cases
}

/// What excuses an erasure: a redaction that a later record retracts, and one in the same append.
pub(super) fn excused() -> Vec<Case> {
    let mut cases = Vec::new();
    for redaction in [19, 20, 21, 22, 30] {
        let mut story = Story::honest();
        let line = format!(r#"{{"event":"retraction","record":{redaction},"reason":"x"}}"#);
        story.append(&line, &[]);
        let name = format!("the redaction {redaction} retracted");
        cases.push(Case::told(name, &story, Explained(RULE)));
    }
    for signers in [&[][..], &["alice2"]] {
        let mut story = Story::honest();
        let by = match signers {
            [] => "",
            _ => r#","recorded_by":"alice""#,
        };
        let at = story.append(&format!(r#"{{"event":"note","text":"x"{by}}}"#), signers);
        let redaction =
            format!(r#"{{"event":"redaction","record":{at},"reason":"x","authority":"y"}}"#);
        let batch = story.batches.last_mut().unwrap();
        batch.said.push(event(&redaction).into());
        story.said(at).erased = true;
        let name = format!(
            "a note and its redaction in one append, signed: {}",
            !signers.is_empty()
        );
        cases.push(Case::told(
            name,
            &story,
            Explained("erased under a redaction of the same append"),
        ));
    }
    cases
}

/// The change that is tried on every record.
const MARK: &str = "the other erasable";

/// One field of a header changed before everything is linked and signed.
pub(super) fn headers() -> Vec<Case> {
    pub(super) type Change = fn(&mut Header);
    let changes: [(&str, Change); 17] = [
        ("the next kind", |header| header.kind += 1),
        ("a kind that no version knows", |header| header.kind = 999),
        ("the kind of an opening", |header| {
            header.kind = u16::from(header.kind == 0)
        }),
        (MARK, |header| header.erasable ^= true),
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
            .filter(|seq| (seq + 2 * at).is_multiple_of(5) || ERASED.contains(seq) || name == MARK)
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
pub(super) fn payloads() -> Vec<Case> {
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
                content.payload[0] = SCHEMA + 1
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
pub(super) fn histories() -> Vec<Case> {
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
