//! Rust wrote it, Python reads it.

use super::*;

/// Values of every form that a type's texts can take, by its label.
fn samples(spec: &FieldSpec) -> Vec<String> {
    if spec.shape == Shape::Flag {
        return vec!["true".into()];
    }
    if !spec.words.is_empty() {
        return spec.words.iter().map(|&word| word.to_owned()).collect();
    }
    const WHENS: &[&str] = &[
        "2023-05-11",
        "2023-05",
        "0001",
        "2024-02-29",
        "9999-12-31",
        "2023-05/2023-07",
        "2023-02-28/2023-02",
        "before 2023",
        "after 2023-05",
        "unknown",
        "unspecified",
        "not-applicable",
    ];
    let plain: &[&str] = match spec.label {
        "PARTY" | "SOURCE" | "AGREEMENT" | "COMMITMENT" | "RECORDER" => {
            &["A1", "27-7-a", "x", "min.defence_co"]
        }
        "RECORD" => &[
            "0",
            "250",
            "251",
            "65535",
            "65536",
            "4294967295",
            "4294967296",
        ],
        "ID|RECORD" => &["C1", "12", "18446744073709551615"],
        "FIELD" => &["note", "import_key"],
        "NAME[@LANG]" => &[
            "Colombia",
            "Kolumbien@de",
            "someone@EXAMPLE",
            "a@b@pt-BR",
            "国",
        ],
        "SCHEME:VALUE" => &["iso3166:CO", "x-1:a:b"],
        "LANG" => &[
            "es",
            "pt-BR",
            "zh-Hant",
            "quc",
            // The longest.
            "abc-defghijk-lmnopqrs-tuvwxyza-bcdefghi-jklmnopq-rstuvwxy-zabcde",
        ],
        "DIGEST" => &["00ff0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab"],
        "SOURCE[: PLACE]" => &["S1", "S1: paragraph 4", "S1: a: b", "S1: :"],
        "RELATION:AGREEMENT" => &[
            "amends:A1",
            "supersedes:A1",
            "continues:A1",
            "implements:A1",
            "repeats:A1",
            "terminates:A1",
            "supplements:A1",
            "protocol-to:A1",
        ],
        "ROLE:PARTY" => &[
            "depositary:un",
            "mediator:un",
            "facilitator:un",
            "guarantor:un",
            "witness:un",
            "observer:un",
            "host:un",
            "secretariat:un",
        ],
        "LEVEL|no-evidence" => &["no-evidence", "intermediate"],
        "WHEN" => WHENS,
        "WHEN|SPAN after EVENT|RRULE:...|recurring|continuing|unspecified" => {
            let rules = [
                "RRULE:FREQ=MONTHLY;INTERVAL=3",
                "RRULE:BYDAY=-1SU,+2MO;FREQ=YEARLY",
            ];
            let relative = [
                "1 day after conclusion of A1",
                "250 weeks after entry-into-force of A1",
                "18 months after C1 fulfilled",
                "9999 years after C1 superseded",
            ];
            let words = ["recurring", "continuing"];
            let all = rules.iter().chain(&relative).chain(&words).chain(WHENS);
            return all.map(|&text| text.to_owned()).collect();
        }
        "TEXT" if spec.name == "origin" => &["example.org/log", "国"],
        "TEXT" => {
            let mut texts = vec!["línea\n\totra 会談 🤝".to_owned(), " a ".into()];
            // An import key is limited further.
            let longest = if spec.name == "import_key" { 256 } else { 1100 };
            texts.extend([250, 251, longest].map(|length| "x".repeat(length)));
            return texts;
        }
        other => panic!("{other}: no samples for this label"),
    };
    plain.iter().map(|&text| text.to_owned()).collect()
}

/// Events of every kind: with the fields that must be there, with all, and one for each sample of each field.
fn events_of_every_kind() -> Vec<Event> {
    let build = |kind, fields: &Fields| {
        Event::build(kind, fields).unwrap_or_else(|errors| panic!("{kind}: {errors:?}"))
    };
    let mut events = Vec::new();
    for &kind in Kind::ALL {
        let mut least = Fields::default();
        let mut full = Fields::default();
        for spec in kind.fields() {
            let all = samples(spec);
            let one = vec![all[0].clone()];
            // What a whole event asks for, beside what its fields do.
            let asked = matches!(
                (kind, spec.name),
                (Kind::Assessed, "by")
                    | (Kind::EvidenceAttached, "source")
                    | (Kind::AgreementRecorded, "party")
            );
            if spec.is_required() || asked {
                least.set(spec.name, one.clone());
            }
            full.set(spec.name, if spec.shape == Shape::Many { all } else { one });
        }
        events.push(build(kind, &least));
        events.push(build(kind, &full));
        // The envelope's fields are the same for every kind: one kind is enough.
        let own = kind.own_fields().iter();
        let envelope = Envelope::FIELDS.iter().filter(|_| kind == Kind::Noted);
        for spec in own.chain(envelope) {
            for sample in samples(spec) {
                let mut fields = least.clone();
                fields.set(spec.name, vec![sample]);
                events.push(build(kind, &fields));
            }
        }
    }
    events
}

#[test]
fn python_reads_every_event_as_export_writes_it() {
    let events = events_of_every_kind();
    let payloads = events.iter().map(|event| codec::encode(event).unwrap());
    let (records, head) = chain_of(payloads.collect());
    let ran = verify_export(&["--events"], &raw_export(&records, head));
    assert_only_signatures(&ran, &ran.stderr);
    let read: Vec<Value> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(read.len(), events.len());
    for ((record, event), read) in records.iter().zip(events).zip(read) {
        let entry = Entry {
            seq: Seq(record.header.seq),
            recorded_at: Instant(record.header.recorded_at),
            event,
        };
        assert_eq!(read, Value::Object(entry_to_json(&entry)));
    }
}

#[test]
fn python_reads_the_golden_vectors() {
    let vectors = read("fixtures/golden/payloads.ndjson");
    let contents = vectors.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        Content {
            kind: line["kind"].as_u64().unwrap().try_into().unwrap(),
            target: line["target"].as_u64().unwrap(),
            payload: unhex(line["payload"].as_str().unwrap()),
        }
    });
    let (records, head) = chain_of(contents.collect());
    // Nobody signed for the recorders that these name.
    let ran = verify_export(&[], &raw_export(&records, head));
    assert_only_signatures(&ran, &ran.stdout);

    assert_eq!(
        written("chain.json").stdout,
        read("fixtures/golden/chain.json")
    );
    let chain: Value = serde_json::from_str(&read("fixtures/golden/chain.json")).unwrap();
    let mut export = Vec::new();
    for record in chain["records"].as_array().unwrap() {
        let line =
            json!({"seq": record["seq"], "link": record["link"], "record": record["sealed"]});
        export.push(line.to_string());
    }
    let last = chain["records"].as_array().unwrap().last().unwrap();
    let head = json!({"head": {"count": export.len(), "link": last["link"]}});
    export.push(head.to_string());
    // The chain is sound; two of its payloads were chosen for their lengths, and are no events.
    let found = verify_export(&[], &joined(&export)).stdout;
    let findings = found.lines().filter(|line| line.starts_with("record "));
    let kinds: Vec<&str> = findings
        .map(|line| line.split(": ").nth(1).unwrap())
        .collect();
    assert_eq!(kinds, ["encoding", "encoding"], "{found}");
}

#[test]
fn a_record_that_is_none_is_exported_without_a_link() {
    let mut all = lines(&golden());
    all[1] = json!({"seq": 1, "link": null, "record": "00ff"}).to_string();
    assert_found(&[], &joined(&all), 1, &["malformed"]);
    let (_, _, sealed) = parse(&lines(&golden())[1]);
    all[1] = json!({"seq": 1, "link": null, "record": hex(&sealed.0)}).to_string();
    assert_found(&[], &joined(&all), 1, &["link"]);
}

/// Payloads whose texts inside of others are as long as they may be, and longer by one.
fn at_the_limits() -> Vec<(Content, bool)> {
    let long = |length: usize| "x".repeat(length);
    let language = |length: usize| {
        let parts = "-abcdefgh".repeat(8);
        format!("es{}", &parts[..length - 2])
    };
    let (party, source, note) = (
        r#"{"event":"party","id":"p","kind":"state","name":"qqqq"}"#,
        r#"{"event":"source","id":"S1","kind":"treaty","title":"T","language":"es-qqqq"}"#,
        r#"{"event":"note","text":"y","source":"S1: qqqq"}"#,
    );
    let identified =
        r#"{"event":"party","id":"p","kind":"state","name":"P","identifier":"iso3166:qqqq"}"#;
    let named = r#"{"event":"party","id":"p","kind":"state","name":"qqqq@es"}"#;
    let mut all = Vec::new();
    for (length, is_allowed) in [(32_768, true), (32_769, false)] {
        for (line, before, after) in [
            (party, "", ""),
            (named, "", "@es"),
            (identified, "iso3166:", ""),
            (note, "S1: ", ""),
        ] {
            let long = format!("{before}{}{after}", long(length));
            all.push((
                lengthened(line, &format!("{before}qqqq{after}"), &long),
                is_allowed,
            ));
        }
    }
    for (length, is_allowed) in [(64, true), (65, false)] {
        all.push((lengthened(source, "es-qqqq", &language(length)), is_allowed));
        let name = format!("qqqq@{}", language(length));
        // What is no language is a part of the text before it.
        all.push((lengthened(party, "qqqq", &name), true));
    }
    all
}

/// The payload of an event, with another text in the place of one.
fn lengthened(line: &str, old: &str, new: &str) -> Content {
    let (kind, fields) = ndjson::read_one(line.as_bytes(), Kind::Noted)
        .unwrap()
        .unwrap();
    let mut content = codec::encode(&Event::build(kind, &fields).unwrap()).unwrap();
    let encoded = |text: &str| {
        let length = text.len();
        let mut bytes = match u8::try_from(length) {
            Ok(byte) if byte <= 250 => vec![byte],
            _ => [&[0xfb], &u16::try_from(length).unwrap().to_le_bytes()[..]].concat(),
        };
        bytes.extend_from_slice(text.as_bytes());
        bytes
    };
    let (old, new) = (encoded(old), encoded(new));
    let found = content
        .payload
        .windows(old.len())
        .position(|part| part == old);
    let at = found.unwrap();
    content.payload.splice(at..at + old.len(), new);
    content
}

#[test]
fn both_refuse_the_same_payloads() {
    let mut contents: BTreeSet<Content> = BTreeSet::new();
    for event in events_of_every_kind() {
        let encoded = codec::encode(&event).unwrap();
        let payload = &encoded.payload;
        let mut insert = |payload| {
            contents.insert(Content {
                payload,
                ..encoded.clone()
            })
        };
        if payload.len() > 200 {
            continue;
        }
        // Some places of each payload; the many payloads cover all.
        let step = 5 + payload.len() % 7;
        for at in (payload.len() % step..payload.len()).step_by(step) {
            for value in [payload[at] ^ 1, payload[at].wrapping_add(7), 0xfb] {
                let mut changed = payload.clone();
                changed[at] = value;
                insert(changed);
            }
        }
        insert(payload[..payload.len() - 1].to_vec());
        insert([payload.as_slice(), &[0]].concat());
    }
    let mut payloads: BTreeSet<Vec<u8>> = BTreeSet::new();
    // What no flipped byte makes: texts and numbers that are understood but spelled otherwise, and the limits.
    let envelope = [0u8; 9];
    let text = |text: &str| {
        let mut bytes = vec![u8::try_from(text.len()).unwrap()];
        bytes.extend_from_slice(text.as_bytes());
        bytes
    };
    let citing = |citation: &str| {
        [
            &[1, 18],
            &text("x")[..],
            &[0, 0, 0, 0, 1],
            &text(citation),
            &[0, 0, 0, 0, 0],
        ]
        .concat()
    };
    for citation in [
        "S1:p",
        "S1:  p",
        "S1: p ",
        "S1:",
        "S1: ",
        "S1: p\u{85}",
        "S1: \u{a0}p",
        "S1: p",
    ] {
        payloads.insert(citing(citation));
    }
    let by_rule = |rule: &str| {
        [
            &[1, 10],
            &text("C1")[..],
            &[0; 8],
            &[1, 1, 1],
            &text(rule),
            &envelope,
        ]
        .concat()
    };
    for rule in [
        "FREQ=DAILY",
        "FREQ=DAILY;",
        "INTERVAL=1",
        "FREQ=DAILY;FREQ=DAILY",
        "FREQ=daily",
        "FREQ=DAILY\n",
    ] {
        payloads.insert(by_rule(rule));
    }
    // A schema that is none, is higher than the event needs, or is of a later version.
    for schema in [0, 2, 3] {
        payloads.insert([&[schema, 18], &text("x")[..], &[0], &envelope].concat());
    }
    for note in [
        " ", "\u{2003}", "\u{200b}", "\u{1c}", "a\u{7f}", "a\u{9f}", "a\r", "\t", "a\t",
    ] {
        payloads.insert([&[1, 18], &text(note)[..], &[0], &envelope].concat());
    }
    for field in ["import-key", "on", "On", "", "on\n"] {
        let corrected = [
            &[1, 19, 1],
            &text(field)[..],
            &[0, 0],
            &text("why"),
            &envelope,
        ]
        .concat();
        payloads.insert(corrected);
    }
    for id in ["12", "A1\n", "12\n", "-a", "a-", "é"] {
        payloads.insert([&[1, 23], &text(id)[..], &text("why"), &envelope].concat());
    }
    for name in ["@de", "a@de", "a@DE", " @de", "@"] {
        payloads.insert([&[1, 2], &text("P")[..], &[1], &text(name), &envelope].concat());
    }
    for record in [
        &[0xfb, 250, 0][..],
        &[0xfb, 251, 0],
        &[0xfc, 0xff, 0xff, 0, 0],
        &[0xfc, 0, 0, 1, 0],
        &[0xfd, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0],
        &[0xfd, 0, 0, 0, 0, 1, 0, 0, 0],
        &[0xfe, 1],
        &[0xff, 1],
    ] {
        payloads.insert([&[1, 20], record, &text("why"), &envelope].concat());
    }
    for date in [
        &[0, 0, 0][..],
        &[0, 0, 0xfb, 0x0f, 0x27],
        &[0, 0, 0xfb, 0x10, 0x27],
        &[0, 1, 9, 13],
        &[0, 2, 0xfb, 0xe7, 7, 2, 29],
        &[0, 2, 0xfb, 0xe8, 7, 2, 29],
        &[1, 0, 9, 0, 8],
        &[1, 1, 9, 2, 2, 9, 2, 1],
        &[0, 0, 0xfc, 0, 0, 1, 0],
    ] {
        payloads.insert([&[1, 18], &text("x")[..], &[0, 1], date, &envelope[1..]].concat());
    }
    let long = |length: usize| {
        let length_bytes = u16::try_from(length).unwrap().to_le_bytes();
        [&[0xfb], &length_bytes[..], &vec![b'x'; length]].concat()
    };
    for (first, second) in [
        (32_768, 250),
        (32_769, 250),
        (32_700, 32_700),
        (32_768, 32_751),
        (32_768, 32_752),
        (32_768, 32_768),
    ] {
        // A note, and the envelope's note, and 18 bytes around them: one payload is exactly at the limit.
        let rest = [&[0, 0, 0, 0, 0, 1], &long(second.max(251))[..], &[0; 4]].concat();
        payloads.insert([&[1, 18], &long(first)[..], &rest].concat());
    }

    contents.extend(payloads.into_iter().map(content));
    let at_the_limits = at_the_limits();
    contents.extend(at_the_limits.iter().map(|(content, _)| content.clone()));
    for (content, is_allowed) in at_the_limits {
        assert_eq!(codec::decode(content.as_ref()).is_ok(), is_allowed);
    }
    let contents: Vec<Content> = contents.into_iter().map(aimed).collect();
    assert!(contents.contains(&content(citing("S1: p"))));
    assert!(contents.iter().any(|one| one.payload.len() == 65_536));
    let refused: BTreeSet<u64> = (0u64..)
        .zip(&contents)
        .filter(|(_, content)| codec::decode(content.as_ref()).is_err())
        .map(|(seq, _)| seq)
        .collect();
    assert!(!refused.is_empty() && refused.len() < contents.len());
    let (records, head) = chain_of(contents.clone());
    let ran = verify_export(&[], &raw_export(&records, head));
    let mut found = BTreeMap::new();
    for line in ran
        .stdout
        .lines()
        .filter(|line| !line.starts_with("BROKEN"))
    {
        let (record, finding) = line
            .strip_prefix("record ")
            .unwrap()
            .split_once(": ")
            .unwrap();
        let record = record.parse::<u64>().unwrap();
        let is_too_long = contents[record as usize].payload.len() > PAYLOAD_LIMIT;
        let kind = if is_too_long {
            "malformed: "
        } else {
            "encoding: "
        };
        assert!(finding.starts_with(kind), "{line}");
        found.insert(record, finding.to_owned());
    }
    for (seq, content) in (0u64..).zip(&contents) {
        let payload = &content.payload;
        assert_eq!(
            refused.contains(&seq),
            found.contains_key(&seq),
            "Rust: {:?}; Python: {:?}; payload {}",
            codec::decode(content.as_ref()).err(),
            found.get(&seq),
            hex(&payload[..payload.len().min(200)])
        );
    }
}

// ---- Tampered exports ----
