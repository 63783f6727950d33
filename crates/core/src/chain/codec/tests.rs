use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use super::super::testing::{hex, unhex};
use super::super::vectors;
use super::*;
use crate::archive;
use crate::event::Entry;
use crate::event::{FieldSpec, Fields};
use crate::records::Stored;
use crate::state::State;
use crate::testing::{entries, event, events, fields, histories, history};
use crate::value::agreement::{Action, Relation, Role};
use crate::value::base::{Shape, TEXT_LIMIT};
use crate::value::commitment::Standing;
use crate::value::source::Confidence;

/// Every kind, field, word and shape of date, each with its bytes: pinned for ever.
const GOLDEN: &str = include_str!("../../../../../fixtures/golden/payloads.ndjson");

/// The one event with its one encoding, or an error: what decoding any bytes must come to.
fn assert_sound(bytes: ContentRef<'_>) -> Result<Event, CodecError> {
    let decoded = decode(bytes);
    if let Ok(event) = &decoded {
        assert_eq!(encode(event).unwrap().as_ref(), bytes);
    }
    decoded
}

/// These bytes as a payload, under the header of another.
fn under<'a>(content: &Content, payload: &'a [u8]) -> ContentRef<'a> {
    ContentRef {
        payload,
        ..content.as_ref()
    }
}

#[test]
fn long_texts_stay_in_the_memory_of_their_record_and_keep_it() {
    let read = |event: &Event| {
        let content = encode(event).unwrap();
        let memory = Bytes::from(content.payload.clone());
        let event = decode_within(under(&content, &memory), &memory).unwrap();
        (event, memory)
    };
    let (long, memory) = read(&note(&"a long text ".repeat(9)));
    let Fact::Noted(noted) = &long.fact else {
        unreachable!("a note was read")
    };
    let text = noted.text.as_str().as_bytes();
    assert!(memory.as_ptr_range().contains(&text.as_ptr()));
    assert!(!memory.is_unique());
    let apart = noted.text.apart();
    assert_eq!(apart, noted.text);
    drop(long);
    assert!(memory.is_unique(), "a copy keeps nothing of it");
    let (_short, memory) = read(&note("a short text"));
    assert!(memory.is_unique());
}

/// What the state keeps of events outlasts their records by far.
#[test]
fn the_state_keeps_no_memory_of_records() {
    let mut events = history(7, 300);
    let scale = "a scale whose name is longer than a text that lies in place";
    let commitment = events.iter().find_map(|event| match &event.fact {
        Fact::CommitmentRecorded(fact) => Some((fact.id.to_string(), fact.debtor[0].to_string())),
        _ => None,
    });
    let (commitment, party) = commitment.unwrap();
    events.push(event(
        Kind::Assessed,
        &[
            ("commitment", &commitment),
            ("by", &party),
            ("scale", scale),
            ("level", scale),
        ],
    ));
    let archive = Arc::new(Vec::<Stored>::new());
    let mut state = State::over(archive::of(archive), events.len() as u64);
    for entry in entries(&events) {
        let content = encode(&entry.event).unwrap();
        let memory = Bytes::from(content.payload.clone());
        let event = decode_within(under(&content, &memory), &memory).unwrap();
        state.take(Entry { event, ..entry });
        assert!(memory.is_unique(), "record {}", entry.seq);
    }
}

/// A note, whose text is the first field after the byte of the schema.
fn note(text: &str) -> Event {
    event(Kind::Noted, &[("text", text)])
}

proptest! {
    #[test]
    fn an_event_survives_its_bytes(event in events()) {
        let content = encode(&event).unwrap();
        let memory = Bytes::from(content.payload.clone());
        let there = decode_within(under(&content, &memory), &memory);
        prop_assert_eq!(there.as_ref(), Ok(&event));
        prop_assert_eq!(decode(content.as_ref()), Ok(event));
    }

    #[test]
    fn no_part_of_a_payload_and_nothing_longer_is_a_payload(event in events(), more: u8) {
        let content = encode(&event).unwrap();
        let bytes = &content.payload;
        for end in 0..bytes.len() {
            let part = decode(under(&content, &bytes[..end]));
            prop_assert!(part.is_err(), "{} of {} bytes", end, bytes.len());
        }
        let longer = [bytes.as_slice(), &[more]].concat();
        prop_assert_eq!(decode(under(&content, &longer)), Err(CodecError::NotCanonical));
    }

    #[test]
    fn a_changed_byte_is_an_error_or_another_event(event in events(), mask in 1u8..) {
        let content = encode(&event).unwrap();
        for at in 0..content.payload.len() {
            let mut changed = content.payload.clone();
            changed[at] ^= mask;
            let decoded = assert_sound(under(&content, &changed));
            prop_assert_ne!(decoded.as_ref(), Ok(&event), "byte {}", at);
        }
    }

    #[test]
    fn another_kind_or_target_is_an_error_or_another_event(event in events(), kind in 0..40u16, target: u64) {
        let content = encode(&event).unwrap();
        let other = ContentRef { kind, ..content.as_ref() };
        prop_assume!(kind != content.kind && target != content.target);
        let decoded = assert_sound(other);
        prop_assert_ne!(decoded.as_ref(), Ok(&event));
        let other = ContentRef { target, ..content.as_ref() };
        let named = content.target;
        prop_assert_eq!(decode(other), Err(CodecError::Target { named, target }));
    }

    #[test]
    fn no_bytes_panic(kind in 0..40u16, target: u64, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let content = |payload| ContentRef { kind, target, payload };
        let _ = assert_sound(content(&bytes));
        // Most of the above have no known schema.
        let _ = assert_sound(content(&[&[SCHEMA], bytes.as_slice()].concat()));
    }

    #[test]
    fn histories_survive_their_bytes(history in histories(1..40)) {
        for event in history {
            let content = encode(&event).unwrap();
            prop_assert_eq!(decode(content.as_ref()), Ok(event));
        }
    }
}

#[test]
fn the_bytes_of_a_party_by_hand() {
    let party = event(
        Kind::PartyRegistered,
        &[
            ("id", "co"),
            ("kind", "state"),
            ("name", "C@es"),
            ("on", "2023-05"),
            ("confidence", "high"),
        ],
    );
    let expected = [
        &[1][..],           // schema
        &[2, b'c', b'o'],   // id: length, text
        &[0],               // kind: state
        &[1, 4],            // one name, of four bytes
        b"C@es",            //
        &[0],               // no identifiers
        &[0],               // no parent
        &[1, 0, 1],         // on: some, When::On, Date::Month
        &[251, 0xe7, 0x07], // 2023: more than 250, so a mark and two bytes
        &[5],               // May
        &[0],               // by: nobody
        &[0],               // no recorded_by
        &[0],               // no sources
        &[0],               // no note
        &[1, 2],            // confidence: some, high
        &[0, 0, 0],         // nothing inferred, no import key, not irregular
    ]
    .concat();
    let content = encode(&party).unwrap();
    assert_eq!((content.kind, content.target), (1, 0));
    assert_eq!(content.payload, expected);
}

#[test]
fn an_integer_is_not_longer_than_it_need_be() {
    let content = encode(&note("x")).unwrap();
    let bytes = &content.payload;
    assert_eq!(bytes[1..3], [1, b'x']);
    for length in [
        &[251, 1, 0][..],
        &[252, 1, 0, 0, 0],
        &[253, 1, 0, 0, 0, 0, 0, 0, 0],
    ] {
        let padded = [&bytes[..1], length, &bytes[2..]].concat();
        assert_eq!(
            decode(under(&content, &padded)),
            Err(CodecError::NotCanonical)
        );
    }
    // Nor is a name spelt in two ways: hyphens are read, underscores written.
    let moved = event(Kind::Noted, &[("text", "x"), ("inferred", "recorded_by")]);
    let mut content = encode(&moved).unwrap();
    let at = content.payload.iter().position(|&b| b == b'_').unwrap();
    content.payload[at] = b'-';
    assert_eq!(decode(content.as_ref()), Err(CodecError::NotCanonical));
}

#[test]
fn what_no_text_may_be_no_bytes_may_be() {
    let content = encode(&note("x")).unwrap();
    let changed = |at: usize, byte: u8| {
        let mut changed = content.clone();
        changed.payload[at] = byte;
        decode(changed.as_ref())
    };
    // A blank text, a control character, no UTF-8, an option that is neither 0 nor 1.
    for (at, byte) in [(2, b' '), (2, 0x1b), (2, 0xff), (4, 2)] {
        assert!(matches!(changed(at, byte), Err(CodecError::Malformed(_))));
    }
    // A range that ends before it begins, a 30th of February.
    let dated = |on: &str| encode(&event(Kind::Noted, &[("text", "x"), ("on", on)])).unwrap();
    let mut range = dated("2023-05/2023-06");
    let june = range.payload.iter().rposition(|&b| b == 6).unwrap();
    range.payload[june] = 4;
    let mut day = dated("2023-02-28");
    let last = day.payload.iter().rposition(|&b| b == 28).unwrap();
    day.payload[last] = 30;
    for content in [range, day] {
        let decoded = decode(content.as_ref());
        assert!(matches!(decoded, Err(CodecError::Malformed(_))));
    }
}

#[test]
fn an_unknown_schema_is_named() {
    let mut content = encode(&note("x")).unwrap();
    for schema in [0, SCHEMA + 1, 255] {
        content.payload[0] = schema;
        assert_eq!(decode(content.as_ref()), Err(CodecError::Schema(schema)));
    }
    let empty = decode(under(&content, &[]));
    assert!(matches!(empty, Err(CodecError::Malformed(_))));
    let content = encode(&note("x")).unwrap();
    let unknown = ContentRef {
        kind: 999,
        ..content.as_ref()
    };
    assert_eq!(decode(unknown), Err(CodecError::Kind(999)));
}

#[test]
fn a_payload_has_its_limit_and_all_below_it_is_read() {
    let long = "x".repeat(TEXT_LIMIT);
    let of_note = |len: usize| {
        let note = "y".repeat(len);
        event(Kind::Noted, &[("text", &long), ("note", &note)])
    };
    let spare = PAYLOAD_LIMIT - encode(&of_note(1000)).unwrap().payload.len();
    let full = of_note(1000 + spare);
    let content = encode(&full).unwrap();
    assert_eq!(content.payload.len(), PAYLOAD_LIMIT);
    assert_eq!(decode(content.as_ref()), Ok(full));
    let over = of_note(1001 + spare);
    let too_large = CodecError::TooLarge(PAYLOAD_LIMIT + 1);
    assert_eq!(encode(&over), Err(too_large.clone()));
    // And bytes that never came from `encode` are held to it too.
    let bytes = wire::to_bytes(1, write(&over.fact, &over.envelope, 1));
    assert_eq!(decode(under(&content, &bytes)), Err(too_large));
}

#[test]
fn a_list_as_long_as_a_payload_is_read_and_a_longer_one_refused() {
    // The shortest items there are: two bytes or three each, many more in memory.
    let of = |kind: Kind, field: &str, item: &str, count: usize| {
        let mut all = fields(&[
            ("record", "0"),
            ("field", "note"),
            ("reason", "r"),
            ("id", "p"),
            ("kind", "state"),
            ("name", "n"),
            ("text", "t"),
        ]);
        let unknown: Vec<String> = all
            .iter()
            .filter(|(name, _)| kind.field(name).is_none())
            .map(|(name, _)| name.to_owned())
            .collect();
        for name in unknown {
            all.set(&name, Vec::new());
        }
        all.set(field, vec![item.to_owned(); count]);
        Event::build(kind, &all).unwrap()
    };
    for (kind, field, item) in [
        (Kind::Corrected, "to", "x"),
        (Kind::Noted, "by", "p"),
        (Kind::Noted, "source", "s"),
        (Kind::Noted, "about", "p"),
        (Kind::Noted, "about", "0"),
        (Kind::PartyRegistered, "name", "n"),
        (Kind::PartyRegistered, "identifier", "a:b"),
    ] {
        let len_of = |count| encode(&of(kind, field, item, count)).unwrap().payload.len();
        let count = (PAYLOAD_LIMIT - 100) / (len_of(2) - len_of(1));
        let event = of(kind, field, item, count);
        let content = encode(&event).unwrap();
        assert_eq!(decode(content.as_ref()), Ok(event), "{field} of {item}");
        let longest = of(kind, field, item, PAYLOAD_LIMIT);
        assert!(matches!(encode(&longest), Err(CodecError::TooLarge(_))));
    }
}

#[test]
fn a_length_that_lies_claims_no_memory() {
    let content = encode(&note("x")).unwrap();
    let bytes = &content.payload;
    // The text's length, then the list's after it.
    for at in [1, 3] {
        for length in [u64::MAX, 1 << 40, 1 << 24] {
            let lie = [&[253], length.to_le_bytes().as_slice()].concat();
            let lying = [&bytes[..at], &lie, &bytes[at + 1..]].concat();
            let decoded = decode(under(&content, &lying));
            assert!(matches!(
                decoded,
                Err(CodecError::Malformed(_) | CodecError::NotCanonical)
            ));
        }
    }
}

/// The events of the golden vectors, and what holds them.
fn golden() -> Vec<(Event, Content)> {
    GOLDEN
        .lines()
        .map(|line| {
            let line: Json = serde_json::from_str(line).unwrap();
            let texts = line["event"].as_object().unwrap();
            let kind = texts["event"].as_str().unwrap().parse().unwrap();
            let mut fields = Fields::default();
            for (name, value) in texts.iter().filter(|(name, _)| *name != "event") {
                let text = |json: &Json| json.as_str().unwrap().to_owned();
                let list = match value {
                    Json::Array(list) => list.iter().map(text).collect(),
                    scalar => vec![text(scalar)],
                };
                fields.set(name, list);
            }
            let content = Content {
                kind: line["kind"].as_u64().unwrap().try_into().unwrap(),
                target: line["target"].as_u64().unwrap(),
                payload: unhex(line["payload"].as_str().unwrap()),
            };
            (Event::build(kind, &fields).unwrap(), content)
        })
        .collect()
}

#[test]
fn the_bytes_are_those_that_were_pinned() {
    for (event, content) in golden() {
        assert_eq!(encode(&event).as_ref(), Ok(&content), "{event:?}");
        assert_eq!(decode(content.as_ref()), Ok(event));
    }
}

#[test]
fn every_kind_field_and_word_has_its_bytes_pinned() {
    let mut pinned = BTreeSet::new();
    for (event, _) in golden() {
        for (name, texts) in event.to_fields().iter() {
            pinned.insert(format!("{} {name}", event.kind()));
            let label = event.kind().field(name).unwrap().label;
            pinned.extend(texts.iter().map(|text| format!("{label} = {text}")));
        }
    }
    for &kind in Kind::ALL {
        for spec in kind.fields() {
            let field = format!("{kind} {}", spec.name);
            assert!(
                pinned.contains(&field),
                "not in the golden vectors: {field}"
            );
            // A flag is pinned by being there.
            for word in spec.words.iter().filter(|_| spec.shape != Shape::Flag) {
                let value = format!("{} = {word}", spec.label);
                let found = pinned.contains(&value);
                assert!(found, "not in the golden vectors: {value}");
            }
        }
    }
}

/// What every vector is filled in with: two texts for a label, the second for lists only.
fn sample(spec: &FieldSpec) -> [&'static str; 2] {
    match spec.label {
        "PARTY" => ["colombia", "mre-co"],
        "SOURCE" => ["S1", "S2"],
        "AGREEMENT" => ["A1", "A2"],
        "COMMITMENT" => ["C1", "C2"],
        "RECORDER" => ["R1", "R2"],
        "RECORD" => ["7", "8"],
        "ID|RECORD" => ["C1", "70000"],
        "LANG" => ["es", "pt-BR"],
        "DIGEST" => [
            "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
            "",
        ],
        "WHEN" => ["2023-05-11", ""],
        "NAME[@LANG]" => ["Kolumbien@de", "哥伦比亚"],
        "SCHEME:VALUE" => ["iso3166:CO", "orcid:0000-0001"],
        "SOURCE[: PLACE]" => ["S1", "S2: párrafo 4"],
        "RELATION:AGREEMENT" => ["continues:A1", "repeats:A2"],
        "ROLE:PARTY" => ["depositary:colombia", "host:mre-co"],
        "LEVEL|no-evidence" => ["2", ""],
        "FIELD" => ["on", "note"],
        "BOOL" => ["true", ""],
        "TEXT" if spec.name == "key" => [vectors::LOG_VKEY, ""],
        "TEXT" if spec.name == "origin" => ["example.org/log", ""],
        "TEXT" if spec.name == "import_key" => ["table-1:row 4", ""],
        "TEXT" => ["Se reúnen cada tres meses", "会談\n\tдва"],
        _ if !spec.words.is_empty() => [spec.words[0], spec.words[spec.words.len() - 1]],
        _ => ["2024-01-31", ""],
    }
}

/// An event of a kind with what it needs, and with all there is.
fn sampled(kind: Kind, full: bool) -> Fields {
    let mut fields = Fields::default();
    for spec in kind.fields() {
        let needed = spec.is_required()
            || matches!(
                (kind, spec.name),
                (Kind::Assessed, "by")
                    | (Kind::EvidenceAttached, "source")
                    | (Kind::AgreementRecorded, "party")
            );
        let count = match spec.shape {
            Shape::Many if full => 2,
            _ => usize::from(full || needed),
        };
        let texts = sample(spec).into_iter().take(count).map(str::to_owned);
        fields.set(spec.name, texts.collect());
    }
    fields
}

/// The events of the golden vectors: every kind with the fewest and with all fields, and every word.
fn vectors_by_declaration() -> Vec<(Kind, Fields)> {
    let mut all = Vec::new();
    for &kind in Kind::ALL {
        all.push((kind, sampled(kind, false)));
        all.push((kind, sampled(kind, true)));
        for spec in kind.own_fields().iter().filter(|s| s.shape != Shape::Flag) {
            for word in spec.words {
                let mut fields = sampled(kind, false);
                fields.set(spec.name, vec![(*word).to_owned()]);
                all.push((kind, fields));
            }
        }
    }
    all
}

/// Values at the ends of what their types take.
fn vectors_by_value() -> Vec<(Kind, Fields)> {
    let mut all = Vec::new();
    let mut each = |kind: Kind, field: &str, texts: &[&str]| {
        for text in texts {
            let mut fields = sampled(kind, false);
            fields.set(field, vec![(*text).to_owned()]);
            all.push((kind, fields));
        }
    };
    let words: Vec<&str> = Confidence::ALL.iter().map(|word| word.word()).collect();
    each(Kind::Noted, "confidence", &words);
    let whens = [
        "0001",
        "0250",
        "0251",
        "9999-12-31",
        "2023",
        "2023-05",
        "2024-02-29",
        "2023-05-11/2023-07",
        "before 2023",
        "after 2023-05",
        "unknown",
        "unspecified",
        "not-applicable",
    ];
    each(Kind::MeetingHeld, "on", &whens);
    let levels = ["no-evidence", "0", "intermediate"];
    each(Kind::Assessed, "level", &levels);
    // Numbers on either side of each length of an integer.
    let records = [
        "0",
        "250",
        "251",
        "65535",
        "65536",
        "4294967296",
        "18446744073709551615",
    ];
    each(Kind::Retracted, "record", &records);
    each(Kind::Noted, "text", &[&"ñ".repeat(126)]);
    let deadlines = [
        "unspecified",
        "recurring",
        "RRULE:FREQ=MONTHLY;INTERVAL=3",
        "continuing",
        "before 2025",
    ];
    each(Kind::CommitmentAmended, "deadline", &deadlines);
    let links = Relation::ALL.iter();
    for link in links.map(|relation| format!("{relation}:A1")) {
        each(Kind::AgreementRecorded, "link", &[&link]);
    }
    for role in Role::ALL.iter().map(|role| format!("{role}:colombia")) {
        each(Kind::AgreementRecorded, "role", &[&role]);
    }
    for deadline in relative_deadlines() {
        each(Kind::CommitmentAmended, "deadline", &[&deadline]);
    }
    all
}

/// A deadline after each sort of event.
fn relative_deadlines() -> Vec<String> {
    let mut all = Vec::new();
    let actions = Action::ALL.iter().map(|action| format!("{action} of A1"));
    let standings = Standing::ALL
        .iter()
        .map(|standing| format!("C2 {standing}"));
    let anchors = actions
        .chain(standings)
        .chain(["conclusion of A1".to_owned()]);
    // Which span goes with which word has no meaning. What came later goes with the first.
    let spans = ["1 day", "250 weeks", "251 months", "9999 years"];
    let mut spans = spans.into_iter().cycle();
    for anchor in anchors {
        let span = match anchor.as_str() {
            "C2 partial" => "1 day",
            _ => spans.next().unwrap_or_default(),
        };
        let deadline = format!("{span} after {anchor}");
        all.push(deadline);
    }
    all
}

/// Writes the golden vectors that are not there yet after those that are. No line that is there changes.
#[test]
#[ignore = "writes a file, when something was added"]
fn write_the_golden_vectors() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/golden");
    let path = Path::new(dir).join("payloads.ndjson");
    let mut file = File::options().append(true).open(path).unwrap();
    let pinned = golden().into_iter().map(|(_, content)| content);
    let mut written: BTreeSet<Content> = pinned.collect();
    for (kind, fields) in vectors_by_declaration()
        .into_iter()
        .chain(vectors_by_value())
    {
        let event = Event::build(kind, &fields).unwrap();
        let content = encode(&event).unwrap();
        // All that older schemas can express was written when they were new.
        if content.payload[0] < SCHEMA || !written.insert(content.clone()) {
            continue;
        }
        let mut texts = Map::from_iter([("event".to_owned(), json!(kind.word()))]);
        for (name, list) in event.to_fields().iter() {
            let json = match kind.field(name).unwrap().shape {
                Shape::Many => json!(list),
                _ => json!(list[0]),
            };
            texts.insert(name.to_owned(), json);
        }
        let (kind, target, payload) = (content.kind, content.target, hex(&content.payload));
        let line = json!({ "event": texts, "kind": kind, "target": target, "payload": payload });
        writeln!(file, "{line}").unwrap();
    }
}
