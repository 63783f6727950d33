//! docs/format.md, held against the code: docs/verify.py was written from it alone, and knows no Rust.
//!
//! Both directions: the golden export was encoded in Python and is read here; events of every kind are encoded
//! here and read in Python. Then tampered exports, each of which must be found.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use serde_json::{Value, json};
use servanda_core::chain::codec::{self, CodecError};
use servanda_core::chain::record::{
    Body, Content, Hash, Head, PAYLOAD_LIMIT, Record, SALT_LEN, Sealed, Unbound, bind,
};
use servanda_core::chain::testing::bind_bodies;
use servanda_core::event::{Entry, Envelope, Event, FieldSpec, Fields, Kind};
use servanda_core::ndjson::entry_to_json;
use servanda_core::ranges::Sequential;
use servanda_core::records::Stored;
use servanda_core::value::base::Shape;
use servanda_core::value::id::Seq;
use servanda_core::value::when::Instant;
use servanda_core::verify::{Subject, verify_chain};
use servanda_ledger::verify::{Unwatched, verify};
use servanda_log::memory::MemoryLog;

const SOUND: i32 = 0;
const REFUSED: i32 = 1;
const USAGE: i32 = 2;
const BROKEN: i32 = 10;
const BAD_SIGNATURE: i32 = 11;

/// The link of the last golden record: as docs/format.md has it too.
const GOLDEN_LINK: &str = "18f779139e4b4efab4e05ee54f35b01242d943286af0e516b59a25f1a3c6772b";

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(super) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn golden() -> String {
    read("fixtures/golden/raw.ndjson")
}

/// How a Python program ended.
pub(super) struct Ran {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Runs Python. With `-S` it finds no installed packages, so the BLAKE3 written out in verify.py is what runs.
pub(super) fn python(args: &[&str], input: &str) -> Ran {
    let script: PathBuf = root().join(args[0]);
    let mut child = Command::new("python3")
        .args(["-S", "-B"])
        .arg(script)
        .args(&args[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("these tests need python3 on the PATH: {error}"));
    // A thread of its own, or both sides could wait for each other with full pipes.
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || {
        // A program that ends without reading its input is judged by its output.
        let _ = stdin.write_all(input.as_bytes());
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

pub(super) fn verify_py(options: &[&str], export: &str) -> Ran {
    let mut args = vec!["docs/verify.py"];
    args.extend(options);
    let ran = python(&args, export);
    assert!(!ran.stderr.contains("Traceback"), "{}", ran.stderr);
    ran
}

/// The export is broken, and a finding names the record and the kind.
#[track_caller]
pub(super) fn assert_found(options: &[&str], export: &str, record: u64, kinds: &[&str]) {
    let ran = verify_py(options, export);
    let named = kinds
        .iter()
        .any(|kind| ran.stdout.contains(&format!("record {record}: {kind}: ")));
    assert!(
        ran.code == Some(BROKEN) && named,
        "record {record}, one of {kinds:?}; exit {:?}\n{}",
        ran.code,
        ran.stdout
    );
}

/// These events are well formed, but what stands in them for keys and signatures is none: all that is found.
#[track_caller]
fn assert_only_signatures(ran: &Ran, said: &str) {
    assert_eq!(ran.code, Some(BAD_SIGNATURE), "{said}");
    let mut findings = said.lines().filter(|line| line.starts_with("record "));
    assert!(
        findings.all(|line| line.contains(": signature: ")),
        "{said}"
    );
}

#[track_caller]
pub(super) fn assert_sound(options: &[&str], export: &str) {
    let ran = verify_py(options, export);
    assert_eq!(ran.code, Some(SOUND), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.starts_with("sound; "), "{}", ran.stdout);
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks_exact(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// A raw export, as docs/format.md describes it. The lines say what the records' own headers say.
pub(super) fn raw_export(records: &[Record], head: Head) -> String {
    let mut text = String::new();
    for (seq, record) in records.iter().enumerate() {
        let link = record.header.link().to_string();
        let line = json!({"seq": seq, "link": link, "record": hex(&record.seal().0)});
        text.push_str(&format!("{line}\n"));
    }
    let head = json!({"head": {"count": head.count, "link": head.link.to_string()}});
    text + &format!("{head}\n")
}

/// A line of a raw export.
pub(super) fn parse(line: &str) -> (u64, String, Sealed) {
    let line: Value = serde_json::from_str(line).unwrap();
    (
        line["seq"].as_u64().unwrap(),
        line["link"].as_str().unwrap().to_owned(),
        unhex(line["record"].as_str().unwrap()).into(),
    )
}

pub(super) fn lines(text: &str) -> Vec<String> {
    text.lines().map(ToOwned::to_owned).collect()
}

pub(super) fn joined(lines: &[String]) -> String {
    lines.join("\n") + "\n"
}

/// A content from bytes whose second is the number of a kind: the rest is the payload.
fn content(bytes: Vec<u8>) -> Content {
    Content {
        kind: bytes[1].into(),
        target: 0,
        payload: [&bytes[..1], &bytes[2..]].concat(),
    }
}

/// A content whose header names the record that its payload is about.
fn aimed(mut content: Content) -> Content {
    if let Err(CodecError::Target { named, .. }) = codec::decode(content.as_ref()) {
        content.target = named;
    }
    content
}

/// Contents in a chain, each in an append of its own. The first is that of an opening.
fn chain_of(contents: Vec<Content>) -> (Vec<Record>, Head) {
    let mut records: Vec<Record> = Vec::new();
    let mut head = Head::EMPTY;
    for (recorded_at, content) in (1_700_000_000_000_000..).zip(contents) {
        let target = || records.get(content.target as usize)?.header.kind();
        let unbound = Unbound {
            salt: [head.count as u8; SALT_LEN],
            erasable: Kind::of_number(content.kind).is_some_and(|kind| kind.is_erasable(target)),
            recorded_at,
            asserted: false,
            content,
        };
        let (bound, next) = bind(head, vec![unbound]);
        records.extend(bound);
        head = next;
    }
    (records, head)
}

// ---- Python wrote it, Rust reads it ----

pub(super) fn event(kind: Kind, pairs: &[(&str, &[&str])]) -> Event {
    let mut fields = Fields::default();
    for (name, texts) in pairs {
        fields.set(name, texts.iter().map(|text| (*text).to_owned()).collect());
    }
    Event::build(kind, &fields).unwrap()
}

fn golden_events() -> [Event; 4] {
    let words = "The minister said, in the chamber and for the record, that the crossing would be open to foot \
         traffic within the month, to trucks within the quarter, and to all traffic by the end of the year; that \
         the other side had been told so in writing; and that nothing in this was new. «La frontera se abre.» \
         国境を開く。";
    let digest: String = (0u8..32).map(|byte| format!("{byte:02x}")).collect();
    [
        event(
            Kind::LedgerOpened,
            &[
                ("origin", &["example.org/joint-commission"]),
                ("purpose", &["What the two sides promised each other"]),
                ("on", &["2023-05-11"]),
                ("recorded_by", &["Secretariat"]),
            ],
        ),
        event(
            Kind::PartyRegistered,
            &[
                ("id", &["colombia"]),
                ("kind", &["state"]),
                ("name", &["Colombia", "Kolumbien@de"]),
                ("identifier", &["iso3166:CO"]),
            ],
        ),
        event(
            Kind::SourceRegistered,
            &[
                ("id", &["S1"]),
                ("kind", &["statement"]),
                ("title", &["Statement to the chamber"]),
                ("issuer", &["Ministry of Defence"]),
                ("published", &["2023-05"]),
                ("retrieved", &["unspecified"]),
                ("language", &["es"]),
                ("digest", &[&digest]),
                ("import_key", &["sheet1:2"]),
            ],
        ),
        event(
            Kind::StatementRecorded,
            &[
                ("text", &[words]),
                ("about", &["colombia", "1"]),
                ("on", &["after 2023-04"]),
                ("by", &["colombia"]),
                ("source", &["S1: paragraph 4"]),
                ("confidence", &["high"]),
                ("inferred", &["on"]),
            ],
        ),
    ]
}

#[test]
fn the_golden_export_is_sound_and_says_what_was_meant() {
    let text = golden();
    let mut all = lines(&text);
    let head: Value = serde_json::from_str(&all.pop().unwrap()).unwrap();
    let mut sealed = Vec::new();
    let mut records = Vec::new();
    for ((seq, line), meant) in (0u64..).zip(&all).zip(golden_events()) {
        let (place, link, bytes) = parse(line);
        let record = Record::open(&bytes).unwrap();
        assert_eq!((place, record.header.seq), (seq, seq));
        assert_eq!(record.header.link().to_string(), link);
        assert!(record.payload_is_sound());
        let content = record.content().unwrap();
        assert_eq!(codec::decode(content).as_ref(), Ok(&meant), "record {seq}");
        let encoded = codec::encode(&meant).unwrap();
        assert_eq!(encoded.as_ref(), content, "record {seq}");
        sealed.push(bytes);
        records.push(record);
    }
    let remaining: Vec<u32> = records.iter().map(|r| r.header.remaining).collect();
    assert_eq!(remaining, [0, 2, 1, 0]);

    let last = Head::after(&records[3].header);
    assert_eq!(head, json!({"head": {"count": 4, "link": GOLDEN_LINK}}));
    assert_eq!(last.link.to_string(), GOLDEN_LINK);
    assert_eq!(
        raw_export(&records, last),
        text,
        "spelled as `export --raw` spells it"
    );

    let verdict = verify(&MemoryLog::of(sealed, last), &mut Unwatched).unwrap();
    assert!(verdict.is_sound(), "{:#?}", verdict.findings);
}

/// What the generator writes for a golden file.
fn written(name: &str) -> Ran {
    python(&["fixtures/golden/write.py", name], "")
}

#[test]
fn the_golden_export_is_what_its_generator_writes() {
    let ran = written("raw.ndjson");
    assert_eq!(ran.stderr, "");
    assert_eq!(ran.stdout, golden());
}

/// The golden export whose first three records have asserted times.
fn golden_asserted() -> String {
    read("fixtures/golden/asserted.ndjson")
}

#[test]
fn the_golden_asserted_times_are_read_as_such() {
    let all = lines(&golden_asserted());
    let sealed: Vec<Sealed> = all[..4].iter().map(|line| parse(line).2).collect();
    let records: Vec<Record> = sealed
        .iter()
        .map(|sealed| Record::open(sealed).unwrap())
        .collect();
    let marks = |of: fn(&Record) -> bool| records.iter().map(of).collect::<Vec<bool>>();
    assert_eq!(marks(|r| r.header.asserted), [true, true, true, false]);
    assert_eq!(marks(|r| r.header.erasable), [false, false, false, true]);
    for (sealed, record) in sealed.iter().zip(&records) {
        assert_eq!(record.seal(), *sealed);
    }
    let head = Head::after(&records[3].header);
    assert_eq!(raw_export(&records, head), golden_asserted());
    let verdict = verify(&MemoryLog::of(sealed, head), &mut Unwatched).unwrap();
    assert!(verdict.is_sound(), "{:#?}", verdict.findings);
    assert!(verdict.remarks[0].contains("records 0 to 2 are claimed"));
    assert_sound(&[], &golden_asserted());
    let said = verify_py(&[], &golden_asserted()).stdout;
    assert!(said.contains("first 3 records asserted"), "{said}");
    let written = written("asserted.ndjson");
    assert_eq!(written.stdout, golden_asserted());
}

/// The records of a golden export.
fn golden_records(name: &str) -> Vec<Record> {
    let all = lines(&read(name));
    let records = all[..all.len() - 1].iter();
    records
        .map(|line| Record::open(&parse(line).2).unwrap())
        .collect()
}

/// Links records that were changed, and gives them with their head.
fn linked(mut records: Vec<Record>) -> (Vec<Record>, Head) {
    let mut head = Head::EMPTY;
    for record in &mut records {
        record.header.prev = head.link;
        head = Head::after(&record.header);
    }
    (records, head)
}

/// What is wrong with records by servanda.
fn found_by_servanda(records: &[Record], head: Head) -> Vec<(&'static str, u64)> {
    let sealed = records.iter().map(Record::seal).collect();
    let verdict = verify(&MemoryLog::of(sealed, head), &mut Unwatched).unwrap();
    let findings = verdict.findings.iter();
    findings
        .map(|finding| (finding.kind.word(), finding.records[0]))
        .collect()
}

/// Whether the headers alone are sound: no payload is read.
fn chain_is_sound(records: &[Record], head: Head) -> bool {
    let stored = (0..).zip(records).map(|(seq, record)| Stored {
        seq,
        sealed: record.seal(),
    });
    let subject = Subject {
        committed: head,
        records: Arc::new(stored.collect::<Vec<_>>()),
    };
    verify_chain(&subject, &Sequential, &mut Unwatched).is_some()
}

#[test]
fn the_golden_redactions_are_sound_without_what_they_erased() {
    let text = read("fixtures/golden/redacted.ndjson");
    assert_eq!(written("redacted.ndjson").stdout, text);
    let (records, head) = linked(golden_records("fixtures/golden/redacted.ndjson"));
    assert_eq!(raw_export(&records, head), text);
    let of = |record: &Record| (record.header.kind().unwrap(), record.header.target);
    let said: Vec<_> = records.iter().map(of).collect();
    let expected = [
        (Kind::LedgerOpened, 0),
        (Kind::Noted, 0),
        (Kind::Corrected, 1),
        (Kind::PartyRegistered, 0),
        (Kind::Corrected, 3),
        (Kind::Redacted, 1),
        (Kind::Redacted, 2),
    ];
    assert_eq!(said, expected);
    let gone: Vec<bool> = records.iter().map(|record| record.body.is_none()).collect();
    assert_eq!(gone, [false, true, true, false, false, false, false]);
    assert_eq!(found_by_servanda(&records, head), []);
    assert!(chain_is_sound(&records, head));
    assert_sound(&[], &text);
}

/// What a header says against its kind, with all links made to fit: both name the record and the kind of finding.
#[test]
fn both_refuse_the_same_headers() {
    let number = |kind: Kind| kind.spec().number;
    type Change = fn(&mut Record);
    let changes: &[(u64, &str, Change)] = &[
        // Erasable, and not: a party, a note, the corrections of both, a redaction.
        (3, "malformed", |record| record.header.erasable = true),
        (1, "malformed", |record| record.header.erasable = false),
        (2, "malformed", |record| record.header.erasable = false),
        (4, "malformed", |record| record.header.erasable = true),
        (5, "malformed", |record| record.header.erasable = true),
        // A target where none can be, and another than the event names.
        (3, "malformed", |record| record.header.target = 1),
        (4, "encoding", |record| record.header.target = 0),
        (6, "encoding", |record| record.header.target = 1),
        // Record 0 is no opening.
        (0, "malformed", |record| record.header.kind = 1),
        // Another kind: the payload is none of that kind.
        (3, "encoding", |record| record.header.kind = 2),
        // A kind of a later version, with and without its payload.
        (3, "encoding", |record| record.header.kind = 999),
        (1, "encoding", |record| record.header.kind = 999),
        // The length of a payload that is gone.
        (1, "malformed", |record| record.header.payload_len = 65_537),
        (1, "malformed", |record| {
            record.header.payload_len = u32::MAX
        }),
        // Gone, though its kind cannot be erased.
        (3, "payload-gone", |record| record.body = None),
        // Gone, and what named it is a retraction.
        (5, "encoding", |record| record.header.kind = 20),
    ];
    assert_eq!(number(Kind::Retracted), 20);
    for (at, kind, change) in changes {
        let mut records = golden_records("fixtures/golden/redacted.ndjson");
        change(&mut records[*at as usize]);
        let (records, head) = linked(records);
        let found = found_by_servanda(&records, head);
        assert!(found.contains(&(kind, *at)), "{at} {kind}: {found:?}");
        if *kind == "malformed" {
            assert!(!chain_is_sound(&records, head), "{at}");
        }
        assert_found(&[], &raw_export(&records, head), *at, &[kind]);
    }
    // The same of what a redaction excuses: with another target, the payload is gone without a word.
    let mut records = golden_records("fixtures/golden/redacted.ndjson");
    records[5].header.target = 3;
    let (records, head) = linked(records);
    let found = found_by_servanda(&records, head);
    assert!(found.contains(&("payload-gone", 1)), "{found:?}");
    assert_found(&[], &raw_export(&records, head), 1, &["payload-gone"]);
}

#[test]
fn a_claim_after_the_backfill_is_found_in_python() {
    let unbound = [true, false, true].map(|asserted| Unbound {
        content: Content {
            kind: 0,
            target: 0,
            payload: Vec::new(),
        },
        salt: [7; SALT_LEN],
        erasable: false,
        recorded_at: 5,
        asserted,
    });
    let (records, head) = bind(Head::EMPTY, unbound.to_vec());
    assert_found(&[], &raw_export(&records, head), 2, &["clock"]);
    let mut export = lines(&raw_export(&records, head));
    export[0] = export[0].replacen("0102", "0104", 1);
    assert_found(&[], &joined(&export), 0, &["malformed"]);
}

// ---- Rust wrote it, Python reads it ----

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
                (Kind::Assessed, "by") | (Kind::EvidenceAttached, "source")
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
    let ran = verify_py(&["--events"], &raw_export(&records, head));
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
    let ran = verify_py(&[], &raw_export(&records, head));
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
    let found = verify_py(&[], &joined(&export)).stdout;
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
    let ran = verify_py(&[], &raw_export(&records, head));
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

#[test]
fn the_golden_export_is_sound_in_python() {
    assert_sound(&[], &golden());
    let link_of = |seq: usize| parse(&lines(&golden())[seq]).1;
    assert_sound(&["--head", &format!("4:{}", link_of(3))], &golden());
    // An older head vouches for what was before it.
    assert_sound(&["--head", &format!("2:{}", link_of(1))], &golden());
}

#[test]
fn a_verdict_says_what_was_not_checked() {
    let alone = verify_py(&[], &golden()).stdout;
    for part in [
        "head 4:",
        GOLDEN_LINK,
        "Not checked: the rules",
        "snapshots",
        "whether the tail was cut",
    ] {
        assert!(alone.contains(part), "{part}: {alone}");
    }
    let compared = verify_py(&["--head", &format!("4:{GOLDEN_LINK}")], &golden()).stdout;
    assert!(!compared.contains("tail was cut"), "{compared}");
}

#[test]
fn every_flipped_byte_of_every_record_is_found() {
    let all = lines(&golden());
    for seq in 0u64..4 {
        let (_, link, Sealed(bytes)) = parse(&all[seq as usize]);
        // Every field of the header, then body bytes from the presence byte to the last.
        let header = [
            0, 1, 2, 4, 7, 8, 15, 16, 23, 24, 27, 28, 31, 32, 63, 64, 95, 96, 104, 127,
        ];
        let body = (128..bytes.len())
            .step_by(37)
            .chain([129, 144, 145, bytes.len() - 1]);
        let mut export = all.clone();
        for at in header.into_iter().chain(body) {
            let mut changed = bytes.to_vec();
            changed[at] ^= 0x01;
            export[seq as usize] =
                json!({"seq": seq, "link": link, "record": hex(&changed)}).to_string();
            let kinds: &[&str] = match at {
                // Another kind may be as good, but is not the one that was linked.
                // Of record 1, the number 0 is one that only an opening has.
                2 | 8 => &["malformed", "link"],
                0..8 | 31 | 96..129 => &["malformed"],
                8..96 => &["link"],
                _ => &["payload"],
            };
            assert_found(&[], &joined(&export), seq, kinds);
        }
    }
}

#[test]
fn a_header_and_its_own_line_changed_together_break_the_next_link() {
    let all = lines(&golden());
    let (_, _, sealed) = parse(&all[1]);
    let mut record = Record::open(&sealed).unwrap();
    record.header.recorded_at += 1;
    let mut export = all.clone();
    let link = record.header.link().to_string();
    export[1] = json!({"seq": 1, "link": link, "record": hex(&record.seal().0)}).to_string();
    assert_found(&[], &joined(&export), 2, &["link"]);
    assert_found(&[], &joined(&export), 2, &["clock"]);
}

#[test]
fn a_batch_that_others_cut_into_is_found() {
    let [body, other] = [b"a", b"b"].map(|payload| Body {
        salt: [7; SALT_LEN],
        payload: payload.to_vec(),
    });
    let (batch, _) = bind_bodies(Head::EMPTY, 5, vec![body; 3]);
    let first = batch[0].clone();
    // All links fit: whoever wrote this took only the first of the batch over.
    let (next, head) = bind_bodies(Head::after(&first.header), 5, vec![other]);
    let export = raw_export(&[&[first], &next[..]].concat(), head);
    assert_found(&[], &export, 1, &["batch"]);
}

#[test]
fn moved_dropped_and_doubled_lines_are_found() {
    let all = lines(&golden());
    for first in 0..3 {
        let mut swapped = all.clone();
        swapped.swap(first, first + 1);
        assert_found(&[], &joined(&swapped), first as u64, &["missing"]);
        assert_found(&[], &joined(&swapped), first as u64, &["misplaced"]);
    }
    for seq in 0..4 {
        let mut dropped = all.clone();
        dropped.remove(seq);
        assert_found(&[], &joined(&dropped), seq as u64, &["missing"]);
        let mut doubled = all.clone();
        doubled.insert(seq, all[seq].clone());
        assert_found(&[], &joined(&doubled), seq as u64, &["misplaced"]);
        let mut garbled = all.clone();
        garbled[seq].truncate(100);
        assert_found(&[], &joined(&garbled), seq as u64, &["malformed"]);
    }
    // Numbered anew, the lines are in order again, but the headers are not.
    let (_, link, sealed) = parse(&all[2]);
    let mut renumbered = all.clone();
    renumbered.remove(1);
    renumbered[1] = json!({"seq": 1, "link": link, "record": hex(&sealed.0)}).to_string();
    assert_found(&[], &joined(&renumbered), 1, &["misplaced"]);
    assert_found(&[], &joined(&renumbered), 1, &["link"]);
}

#[test]
fn a_cut_tail_is_found_by_the_head_and_a_cut_head_by_one_kept_elsewhere() {
    let all = lines(&golden());
    let head = &all[4];
    // The head line stays: it says what is missing.
    let cut = joined(&[all[0].clone(), head.clone()]);
    assert_found(&[], &cut, 1, &["missing"]);
    // The head line goes with the tail: the export is not whole.
    assert_found(&[], &joined(&all[..2]), 1, &["head"]);
    // In mid batch, with a head that fits: the batch is not whole.
    let link_of = |seq: usize| parse(&all[seq]).1;
    let fitting =
        |count: usize| json!({"head": {"count": count, "link": link_of(count - 1)}}).to_string();
    let cut = [&all[..2], &[fitting(2)]].concat();
    assert_found(&[], &joined(&cut), 1, &["batch"]);
    // At the end of a batch, with a head that fits: no chain can show that; a head kept elsewhere does.
    let cut = joined(&[&all[..1], &[fitting(1)]].concat());
    assert_sound(&[], &cut);
    assert_found(&["--head", &format!("4:{GOLDEN_LINK}")], &cut, 3, &["head"]);
}

#[test]
fn a_wrong_head_is_found() {
    let all = lines(&golden());
    let zeros = Hash::ZERO.to_string();
    for head in [
        json!({"count": 4, "link": zeros}),
        json!({"count": 3, "link": GOLDEN_LINK}),
    ] {
        let mut export = all.clone();
        export[4] = json!({ "head": head }).to_string();
        assert_found(&[], &joined(&export), 3, &["head"]);
    }
    assert_found(&["--head", &format!("4:{zeros}")], &golden(), 3, &["head"]);
    assert_found(
        &["--head", &format!("2:{GOLDEN_LINK}")],
        &golden(),
        1,
        &["head"],
    );
    assert_found(
        &["--head", &format!("0:{GOLDEN_LINK}")],
        &golden(),
        0,
        &["head"],
    );
    let after = joined(&[all[4].clone(), all[0].clone()]);
    assert_found(
        &[],
        &format!("{}{after}", joined(&all[..4])),
        4,
        &["malformed"],
    );
}

#[test]
fn nothing_is_not_sound() {
    for nothing in [
        "",
        "\n",
        "{}\n",
        "[]\n",
        "[[\"head\",{}]]\n",
        "\u{0}\u{ff}\n",
        "[[[[[[[[",
    ] {
        assert_found(&[], nothing, 0, &["missing"]);
    }
    let empty = json!({"head": {"count": 0, "link": Hash::ZERO.to_string()}}).to_string();
    assert_found(&[], &joined(&[empty]), 0, &["missing"]);
}

#[test]
fn members_that_are_wrong_or_stand_twice_are_found() {
    let all = lines(&golden());
    let (_, link, _) = parse(&all[1]);
    let link = format!("\"link\":\"{}", &link[..1]);
    let hexadecimal = link.replacen(":\"", ":\"0x", 1);
    let nothing = link.replacen(":\"", ":null,\"", 1);
    for (from, to) in [
        ("{\"seq\":1,", "{\"seq\":1,\"seq\":1,"),
        ("{\"seq\":1,", "{\"seq\":1,\"more\":1,"),
        ("{\"seq\":1,", "{\"seq\":true,"),
        ("{\"seq\":1,", "{\"seq\":1.0,"),
        ("{\"seq\":1,", "{\"seq\":-1,"),
        ("{\"seq\":1,", "{"),
        (&link, &hexadecimal),
        (&link, &nothing),
        ("\"record\":\"01", "\"record\":\"0"),
        ("\"record\":\"01", "\"record\":\"0 1"),
    ] {
        let mut export = all.clone();
        assert!(export[1].contains(from));
        export[1] = export[1].replacen(from, to, 1);
        assert_found(&[], &joined(&export), 1, &["malformed"]);
    }
}

#[test]
fn lines_are_json_that_ends_in_a_newline() {
    let spaced = golden().replace("\":", "\" :\t").replace(",\"", " , \"");
    assert_sound(&[], &spaced);
    let text = golden();
    assert_found(&[], &text[..text.len() - 1], 4, &["malformed"]);
    let empty_line = text.replacen('\n', "\n\n", 1);
    assert_found(&[], &empty_line, 1, &["malformed"]);
    let zero = text.replacen("\"seq\":0", "\"seq\":-0", 1);
    assert_found(&[], &zero, 0, &["malformed"]);
}

/// Keys that are no sound points are findings of both: not canonical, of small order, no point.
#[test]
fn both_refuse_keys_under_which_signatures_mean_nothing() {
    for key in [
        "alice+24d3e3e5+Af//////////////////////////////////////////",
        "alice+847982ca+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "alice+b364521b+AQIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ] {
        let admitted = event(
            Kind::RecorderAdmitted,
            &[("id", &["alice"]), ("key", &[key])],
        );
        let contents = [&golden_events()[0], &admitted].map(|event| codec::encode(event).unwrap());
        let (records, head) = chain_of(contents.to_vec());
        let ran = verify_py(&[], &raw_export(&records, head));
        assert_only_signatures(&ran, &ran.stdout);
        assert!(!found_by_servanda(&records, head).is_empty(), "{key}");
    }
}

#[test]
fn a_payload_may_be_gone_only_where_a_later_record_redacts_it() {
    let note = event(Kind::Noted, &[("text", &["what a court wants gone"])]);
    let redaction = event(
        Kind::Redacted,
        &[
            ("record", &["1"]),
            ("reason", &["a ruling"]),
            ("authority", &["a court"]),
        ],
    );
    let opening = golden_events()[0].clone();
    let with = |last: &Event| {
        let payloads = [&opening, &note, last].map(|event| codec::encode(event).unwrap());
        let (mut records, head) = chain_of(payloads.to_vec());
        records[1].body = None;
        raw_export(&records, head)
    };
    assert_sound(&[], &with(&redaction));
    assert_found(&[], &with(&note), 1, &["payload-gone"]);
}

#[test]
fn wrong_usage_is_no_verdict() {
    for options in [
        &["--head", "4"][..],
        &["--head", "4:abc"],
        &["--colour"],
        &["--log-key", "none", "--checkpoint", "docs/format.md"],
        &["--policy", "docs/format.md"],
    ] {
        let code = verify_py(options, &golden()).code;
        assert_eq!(code, Some(USAGE), "{options:?}");
    }
    for options in [
        &["/no/such/file"][..],
        &["--checkpoint", "/no/such/file"],
        &["--checkpoint", "docs/format.md"],
    ] {
        let code = verify_py(options, &golden()).code;
        assert_eq!(code, Some(REFUSED), "{options:?}");
    }
}
