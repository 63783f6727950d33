//! docs/format.md, held against the code: docs/verify.py and docs/verify.js were written from it alone.
//!
//! Both directions: the golden export was encoded in Python and is read here; events of every kind are encoded
//! here and read in Python. Then tampered exports, each of which must be found.

mod payloads;
mod tampered;

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
use servanda_core::ndjson::{self, entry_to_json};
use servanda_core::ranges::Sequential;
use servanda_core::records::Stored;
use servanda_core::value::base::Shape;
use servanda_core::value::id::Seq;
use servanda_core::value::when::Instant;
use servanda_core::verify::{Subject, verify_chain};
use servanda_ledger::verify::{Unwatched, verify};
use servanda_log::memory::MemoryLog;

use crate::javascript;

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

/// How a program ended.
pub(super) struct Ran {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Runs Python. With `-S` it finds no installed packages, so the BLAKE3 written out in verify.py is what runs.
pub(super) fn python(args: &[&str], input: &str) -> Ran {
    let script: PathBuf = root().join(args[0]);
    let mut command = Command::new("python3");
    command.args(["-S", "-B"]).arg(script).args(&args[1..]);
    piped(command, input)
}

/// Runs a program in the directory of the repository.
pub(super) fn piped(mut command: Command, input: &str) -> Ran {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("these tests need {command:?}: {error}"));
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

/// Runs docs/verify.py, and docs/verify.js, which must say the same.
#[track_caller]
pub(super) fn verify_export(options: &[&str], export: &str) -> Ran {
    let mut args = vec!["docs/verify.py"];
    args.extend(options);
    let ran = python(&args, export);
    assert!(!ran.stderr.contains("Traceback"), "{}", ran.stderr);
    if let Some(other) = javascript::verify_js(options, export) {
        assert_alike(&ran, &other, options.contains(&"--events"));
    }
    ran
}

/// Two verifiers said the same; `events` says that events are on standard output, and findings on the other.
#[track_caller]
fn assert_alike(python: &Ran, javascript: &Ran, events: bool) {
    let said = |ran: &Ran| {
        if events {
            ran.stderr.clone()
        } else {
            ran.stdout.clone()
        }
    };
    let code = |ran: &Ran| ran.code.unwrap_or(-1).into();
    let (one, other) = (said(python), said(javascript));
    let difference = javascript::difference((code(python), &one), (code(javascript), &other));
    assert_eq!(difference, None, "{}", javascript.stderr);
    if events {
        let read = |ran: &Ran| -> Vec<Value> {
            let lines = ran.stdout.lines();
            lines
                .map(|line| serde_json::from_str(line).unwrap())
                .collect()
        };
        assert_eq!(read(python), read(javascript));
    }
}

/// The export is broken, and a finding names the record and the kind.
#[track_caller]
pub(super) fn assert_found(options: &[&str], export: &str, record: u64, kinds: &[&str]) {
    let ran = verify_export(options, export);
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
    let ran = verify_export(options, export);
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
    assert!(verdict.remarks[0].contains("records 0 to 2 are asserted"));
    assert_sound(&[], &golden_asserted());
    let said = verify_export(&[], &golden_asserted()).stdout;
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
fn an_asserted_time_after_the_backfill_is_found_in_python() {
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
