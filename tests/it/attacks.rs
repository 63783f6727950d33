//! Attacks on a ledger on the disk, and whether they are found: without any anchor, by a user who saw the ledger
//! before, by a policy of witnesses, and by an auditor who kept a checkpoint. The table in `docs/threats.md` is
//! written from here: `SERVANDA_WRITE_MATRIX=1 cargo test --test it attacks`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;
use servanda_core::chain::checkpoint::{Checkpoint, SignedCheckpoint};
use servanda_core::chain::codec;
use servanda_core::chain::key::{KeyName, SignatureType, SigningKey};
use servanda_core::chain::record::{
    BatchSignature, Body, Content, HEADER_LEN, Head, Record, SALT_LEN, Sealed, Unbound, bind,
    local_checksum, payload_digest, recorder_message,
};
use servanda_core::chain::tree::{Frontier, leaf_hash};
use servanda_core::event::{Entry, Event, Fact, Fields, Kind};
use servanda_core::signatures;
use servanda_core::value::id::{PartyId, Seq};
use servanda_ledger::replay::{KnownAt, replay};
use servanda_ledger::snapshot;
use servanda_ledger::verify::{FindingKind, Unwatched, verify};
use servanda_log::memory::MemoryLog;
use servanda_log::{Log, OneBatch, SnapshotCache as _, directory};

use crate::program::{self, Outcome, Scratch};
use crate::tamper::{block_of, with_blocks};

const ORIGIN: &str = "example.org/attacked";

/// Records 3 to 7: one import, signed by alice.
const IMPORTED: &str = r#"
{"event":"party","id":"colombia","kind":"state","name":"Colombia","recorded_by":"alice"}
{"event":"party","id":"venezuela","kind":"state","name":"Venezuela","recorded_by":"alice"}
{"event":"party-key","party":"colombia","key":"COLOMBIA"}
{"event":"agreement","id":"A1","title":"Roadmap","party":["colombia","venezuela"],"on":"2023-05-11","recorded_by":"alice"}
{"event":"commitment","id":"C1","agreement":"A1","text":"open the bridge","debtor":"colombia","creditor":"venezuela","recorded_by":"alice"}
"#;

/// The record that alice signed alone.
const SIGNED: usize = 8;
/// The first record after the last signature.
const UNSIGNED: usize = 11;
/// Records of the honest ledger.
const RECORDS: usize = 14;
/// When the witnesses cosigned, in Unix seconds.
const COSIGNED_AT: u64 = 1_700_000_000;

fn key(name: &str, kind: SignatureType, seed: u8) -> SigningKey {
    SigningKey::from_seed(KeyName::new(name).unwrap(), kind, &[seed; 32])
}

/// Everybody's keys.
struct Keys {
    log: SigningKey,
    alice: SigningKey,
    bob: SigningKey,
    colombia: SigningKey,
    witnesses: [SigningKey; 2],
}

impl Keys {
    fn new() -> Self {
        let notes = SignatureType::Ed25519;
        let cosignatures = SignatureType::CosignatureV1;
        Self {
            log: key(ORIGIN, notes, 1),
            alice: key("alice", notes, 2),
            bob: key("bob", notes, 3),
            colombia: key("colombia", notes, 4),
            witnesses: [
                key("witness.example/w1", cosignatures, 5),
                key("witness.example/w2", cosignatures, 6),
            ],
        }
    }
}

/// An honest ledger, made by the program, and what its users and auditors keep of it.
struct Honest {
    scratch: Scratch,
    keys: Keys,
}

impl Honest {
    /// The one that all tests share; none of them changes it.
    fn get() -> &'static Self {
        static HONEST: OnceLock<Honest> = OnceLock::new();
        HONEST.get_or_init(Self::make)
    }

    fn make() -> Self {
        let keys = Keys::new();
        let honest = Self {
            scratch: Scratch::empty(),
            keys,
        };
        let keys = &honest.keys;
        for (name, key) in [
            ("log.key", &keys.log),
            ("alice.key", &keys.alice),
            ("bob.key", &keys.bob),
            ("colombia.key", &keys.colombia),
        ] {
            honest.write_key(name, key, 0o600);
        }
        let [w1, w2] = keys.witnesses.each_ref().map(SigningKey::verifier);
        let policy = format!(
            "log {}\nwitness w1 {w1}\nwitness w2 {w2}\ngroup both all w1 w2\nquorum both\n",
            keys.log.verifier()
        );
        honest.scratch.write("policy", policy);
        honest
            .scratch
            .write("log.vkey", keys.log.verifier().to_string());

        let vkey = |key: &SigningKey| key.verifier().to_string();
        let (alice, bob) = (vkey(&keys.alice), vkey(&keys.bob));
        honest.ok(&["init", "--origin", ORIGIN]);
        honest.ok(&["record", "recorder", "alice", "--key", &alice]);
        honest.ok(&["record", "recorder", "bob", "--key", &bob]);
        let imported = IMPORTED
            .trim_start()
            .replace("COLOMBIA", &vkey(&keys.colombia));
        honest.scratch.write("imported.ndjson", imported);
        honest.ok(&["import", "imported.ndjson", "--sign-with", "alice.key"]);
        honest.keep("early");
        copy(&honest.scratch.ledger(), &honest.scratch.path("older"));
        copy(
            &honest.scratch.path("state"),
            &honest.scratch.path("older-state"),
        );
        let signed = ["--recorded-by", "alice", "--sign-with", "alice.key"];
        honest.ok(&[&["record", "note", "--text", "one was heard"], &signed[..]].concat());
        honest.ok(&[
            "acknowledge",
            "A1",
            "--party",
            "colombia",
            "--key",
            "colombia.key",
        ]);
        honest.ok(&["record", "recorder-revoked", "bob", "--reason", "he left"]);
        for text in ["heard on the radio", "a witness spoke", "the end"] {
            honest.ok(&["record", "note", "--text", text]);
        }
        honest.keep("kept");
        copy(
            &honest.scratch.path("kept"),
            &honest.scratch.ledger().join("cosigned"),
        );
        honest
    }

    fn write_key(&self, name: &str, key: &SigningKey, mode: u32) -> PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self
            .scratch
            .write(name, format!("{}\n", key.to_text().as_str()));
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    /// Runs the program on the ledger, and leaves nothing in its journal alone: each append lies in a run of its
    /// own, and what is done to the log is done to all records.
    fn ok(&self, words: &[&str]) -> String {
        let ledger = self.scratch.ledger();
        let said = self.run(&ledger, &self.scratch.path("state"), words).ok();
        opened(&ledger).flush().unwrap();
        said
    }

    /// Runs the program on a ledger, with a memory of its own.
    fn run(&self, ledger: &Path, state: &Path, words: &[&str]) -> Outcome {
        let mut command = self.scratch.servanda();
        command
            .env("SERVANDA_LEDGER", ledger)
            .env("XDG_STATE_HOME", state)
            .env_remove("SERVANDA_SIGN_WITH")
            .env_remove("SERVANDA_LOG_KEY")
            .args(words);
        program::run(command, b"")
    }

    /// Keeps the ledger's checkpoint as it is now, signed by the log and cosigned by both witnesses.
    fn keep(&self, name: &str) {
        let text = self.ok(&["checkpoint", "--key", "log.key"]);
        let mut signed = SignedCheckpoint::parse(text.as_bytes()).unwrap();
        for witness in &self.keys.witnesses {
            cosign(&mut signed, witness);
        }
        self.scratch.write(name, signed.to_string());
    }

    /// The honest records.
    fn records(&self) -> Vec<Record> {
        static RECORDS: OnceLock<Vec<Record>> = OnceLock::new();
        let records = RECORDS.get_or_init(|| records_of(&self.scratch.ledger()));
        records.clone()
    }

    /// A copy of the honest ledger's directory, somewhere of its own.
    fn copied(&self) -> (tempfile::TempDir, PathBuf) {
        let scratch = tempfile::tempdir().unwrap();
        let dir = scratch.path().join("ledger");
        copy(&self.scratch.ledger(), &dir);
        (scratch, dir)
    }
}

fn cosign(signed: &mut SignedCheckpoint, witness: &SigningKey) {
    let cosignature = signed.cosign(witness, COSIGNED_AT).unwrap();
    signed
        .add_cosignature(cosignature, witness.verifier())
        .unwrap();
}

/// Copies a file, or a directory and all in it but the room that is held on the disk.
fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        fs::copy(from, to).unwrap();
        return;
    }
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let name = entry.unwrap().file_name();
        if name != "reserve" {
            copy(&from.join(&name), &to.join(&name));
        }
    }
}

fn opened(dir: &Path) -> directory::LedgerDir {
    directory::open(dir, Duration::from_secs(5), "a test").unwrap()
}

fn records_of(dir: &Path) -> Vec<Record> {
    let log = opened(dir);
    let mut records = Vec::new();
    while let Some(last) = {
        let chunk = log.read(records.len() as u64, 64).unwrap();
        records.extend(
            chunk
                .iter()
                .map(|stored| Record::open(&stored.sealed).unwrap()),
        );
        chunk.last().map(|stored| stored.seq)
    } {
        assert_eq!(last + 1, records.len() as u64);
    }
    records
}

fn head_of(records: &[Record]) -> Head {
    records
        .last()
        .map_or(Head::EMPTY, |last| Head::after(&last.header))
}

fn seal(records: &[Record]) -> Vec<Sealed> {
    records.iter().map(Record::seal).collect()
}

fn event_of(record: &Record) -> Event {
    codec::decode(record.content().unwrap()).unwrap()
}

/// The checkpoint of some records under an origin.
fn checkpoint_of(origin: &str, records: &[Record]) -> Checkpoint {
    let mut tree = Frontier::new();
    for record in records {
        tree.push(leaf_hash(&record.header.to_bytes())).unwrap();
    }
    Checkpoint::new(origin, tree.size(), tree.root()).unwrap()
}

/// Puts these bytes in the place of a ledger's records, with this head. What lies beside the log stays.
fn lay_bytes(dir: &Path, sealed: &[Sealed], head: Head) {
    let keep = ["checkpoint", "cosigned"].map(|name| (name, fs::read(dir.join(name)).ok()));
    fs::remove_dir_all(dir).unwrap();
    let mut log = directory::create(dir, "a test").unwrap();
    log.append(Head::EMPTY, &mut OneBatch::new(sealed.to_vec(), head))
        .unwrap();
    log.flush().unwrap();
    drop(log);
    for (name, bytes) in keep {
        if let Some(bytes) = bytes {
            fs::write(dir.join(name), bytes).unwrap();
        }
    }
}

/// Puts records in the place of a ledger's, the last two of them in its journal alone, each in a frame of its own.
/// Gives the journal's bytes as they were before those.
fn lay_in_journal(dir: &Path, records: &[Record]) -> Vec<u8> {
    let (before, last) = records.split_at(records.len() - 2);
    lay_bytes(dir, &seal(before), head_of(before));
    let earlier = fs::read(dir.join("journal")).unwrap();
    for record in last {
        let mut log = opened(dir);
        let head = log.head().unwrap();
        let after = Head::after(&record.header);
        log.append(head, &mut OneBatch::new(vec![record.seal()], after))
            .unwrap();
    }
    earlier
}

/// Changes the records in the journal's last frame, and makes its check sum fit: anybody can compute it.
fn reframe(dir: &Path, change: impl FnOnce(&mut [u8])) {
    const PAGE: usize = 4096;
    const BODY: usize = 104;
    let path = dir.join("journal");
    let mut bytes = fs::read(&path).unwrap();
    let is_frame = |at: &usize| bytes[*at..].starts_with(b"srvdfrm");
    let at = (0..bytes.len()).step_by(PAGE).rfind(is_frame);
    let frame = &mut bytes[at.unwrap()..];
    let length = u64::from_le_bytes(*frame[BODY - 8..].first_chunk().unwrap());
    let end = BODY + usize::try_from(length).unwrap();
    change(&mut frame[BODY..end]);
    let checksum = local_checksum(&frame[..end]);
    frame[end..end + 32].copy_from_slice(&checksum.0);
    fs::write(path, bytes).unwrap();
}

/// Puts records in the place of a ledger's, with the head and the checkpoint that fit them: all that can be made
/// to fit without any key.
fn lay(dir: &Path, records: &[Record]) {
    lay_bytes(dir, &seal(records), head_of(records));
    let origin = match event_of(&records[0]).fact {
        Fact::LedgerOpened(fact) => fact.origin.to_string(),
        _ => ORIGIN.to_owned(),
    };
    let checkpoint = checkpoint_of(&origin, records);
    fs::write(dir.join("checkpoint"), checkpoint.to_string()).unwrap();
}

fn event(kind: Kind, pairs: &[(&str, &str)]) -> Event {
    let mut fields = Fields::default();
    for (name, text) in pairs {
        fields.set(name, vec![(*text).to_owned()]);
    }
    Event::build(kind, &fields).unwrap()
}

fn note(text: &str) -> Event {
    event(Kind::Noted, &[("text", text)])
}

/// One more append of one event, bound as the program would.
fn append(records: &mut Vec<Record>, event: &Event, keys: &[&SigningKey]) {
    let unbound = Unbound {
        content: codec::encode(event).unwrap(),
        salt: [7; SALT_LEN],
        erasable: event.kind().is_erasable(|| None),
        recorded_at: records.last().map_or(0, |last| last.header.recorded_at),
        asserted: false,
    };
    let (mut new, head) = bind(head_of(records), vec![unbound]);
    new[0].signatures = sign(ORIGIN, head, keys);
    records.extend(new);
}

/// A vkey whose point is the sum of a sound one and one of order 8.
const MIXED_ORDER: &str = "alice+e1ed31ed+AWqE1YPwZWnts/Xtd99lVEsn1pSLTwsst28z3YQTsgcZ";

/// Appends a note and its redaction, and erases the note, as a ledger may; gives the note's number.
fn erase_a_note(records: &mut Vec<Record>) -> String {
    let at = records.len();
    append(records, &note("the witness is Ana"), &[]);
    let number = at.to_string();
    let pairs = [
        ("record", &*number),
        ("reason", "private"),
        ("authority", "Ana"),
    ];
    append(records, &event(Kind::Redacted, &pairs), &[]);
    records[at].body = None;
    number
}

fn sign(origin: &str, head: Head, keys: &[&SigningKey]) -> Vec<BatchSignature> {
    let message = recorder_message(origin, head);
    let mut signatures: Vec<BatchSignature> = keys
        .iter()
        .map(|key| BatchSignature {
            key_id: key.verifier().id().to_be_bytes(),
            signature: key.sign(&message),
        })
        .collect();
    signatures.sort_by_key(|one| one.key_id);
    signatures
}

/// Writes history anew from a record on: every event may be changed, all links are made to fit, and batches that
/// were signed are signed again with the keys at hand; the other signatures stay as they are.
fn rewrite(
    records: &mut [Record],
    from: usize,
    origin: &str,
    keys: &[&SigningKey],
    change: impl Fn(usize, &mut Event),
) {
    for at in from..records.len() {
        let mut event = event_of(&records[at]);
        change(at, &mut event);
        let prev = head_of(&records[..at]).link;
        let record = &mut records[at];
        let Content {
            kind,
            target,
            payload,
        } = codec::encode(&event).unwrap();
        let salt = record.body.as_ref().unwrap().salt;
        record.header.prev = prev;
        (record.header.kind, record.header.target) = (kind, target);
        record.header.payload_len = u32::try_from(payload.len()).unwrap();
        record.header.payload_digest = payload_digest(&salt, &payload);
        record.body = Some(Body { salt, payload });
        let head = Head::after(&record.header);
        for old in &mut record.signatures {
            let at_hand = |key: &&&SigningKey| key.verifier().id().to_be_bytes() == old.key_id;
            if let Some(key) = keys.iter().find(at_hand) {
                *old = sign(origin, head, &[key]).remove(0);
            }
        }
    }
}

/// Lets a note say something else.
fn reworded(seq: usize) -> impl Fn(usize, &mut Event) {
    move |at, event| {
        if at == seq {
            *event = Event {
                envelope: event.envelope.clone(),
                ..note("nothing was heard")
            };
        }
    }
}

/// An attack on a ledger's directory.
struct Attack {
    /// What it is called in the table.
    name: &'static str,
    /// Does it to a copy of the honest ledger.
    make: fn(&Honest, &Path),
    /// What is to come of it in each of [`SITUATIONS`].
    expected: [&'static str; 4],
}

/// What the reader has besides the ledger.
const SITUATIONS: [&str; 4] = [
    "no anchor",
    "remembered checkpoint",
    "witnesses' policy",
    "checkpoint kept by an auditor",
];

/// The verdicts on a ledger's directory in each situation.
fn verdicts(honest: &Honest, dir: &Path) -> [String; 4] {
    let scratch = dir.parent().unwrap();
    let state = scratch.join("state");
    let against = ["--against", "kept", "--log-key", "log.vkey"];
    let asked: [&[&str]; 4] = [
        &["--no-memory"],
        &[],
        &["--no-memory", "--policy", "policy"],
        &[
            "--no-memory",
            against[0],
            against[1],
            against[2],
            against[3],
        ],
    ];
    asked.map(|words| {
        let words = [&["verify", "--format", "json"], words].concat();
        told(&honest.run(dir, &state, &words))
    })
}

/// A verdict as it stands in the table.
fn told(outcome: &Outcome) -> String {
    let kinds: BTreeSet<String> = serde_json::from_str::<Value>(&outcome.stdout)
        .ok()
        .and_then(|verdict| verdict["tables"]["findings"].as_array().cloned())
        .into_iter()
        .flatten()
        .map(|finding| finding["kind"].as_str().unwrap().to_owned())
        .collect();
    let kinds: Vec<String> = kinds.into_iter().collect();
    match (outcome.code, kinds.is_empty()) {
        (Some(0), true) => "not found".to_owned(),
        (Some(12), true) => "not anchored, exit 12".to_owned(),
        (Some(10), true) => "found: cannot be opened, exit 10".to_owned(),
        (Some(11), true) => "found: bad signature, exit 11".to_owned(),
        (Some(code), false) => format!("found: {}, exit {code}", kinds.join(" and ")),
        _ => format!("{outcome:?}"),
    }
}

const NOT_FOUND: &str = "not found";
const UNANCHORED: &str = "not anchored, exit 12";
const MISSING: [&str; 4] = [
    "found: missing, exit 10",
    "found: anchor and missing, exit 10",
    "found: anchor and missing, exit 10",
    "found: anchor and missing, exit 10",
];
const ANCHOR: &str = "found: anchor, exit 10";
const SIGNATURE: &str = "found: signature, exit 11";

/// Bytes of a record, changed in place; the head stays.
fn flip(honest: &Honest, dir: &Path, seq: usize, at: impl Fn(usize) -> usize) {
    let mut sealed = seal(&honest.records());
    let at = at(sealed[seq].0.len());
    sealed[seq].tamper(|bytes| bytes[at] ^= 0x20);
    lay_bytes(dir, &sealed, head_of(&honest.records()));
}

/// The honest records after a change, laid into the ledger with all that can be made to fit.
fn changed(honest: &Honest, dir: &Path, change: impl FnOnce(&mut Vec<Record>)) {
    let mut records = honest.records();
    change(&mut records);
    lay(dir, &records);
}

/// The honest history but for what one note says; nobody but who holds the anchors can tell.
fn other_fork(honest: &Honest) -> Vec<Record> {
    let mut records = honest.records();
    rewrite(&mut records, UNSIGNED, ORIGIN, &[], reworded(12));
    records
}

/// A checkpoint of records, signed by the log and cosigned by these witnesses, beside the log.
fn put_cosigned(honest: &Honest, dir: &Path, records: &[Record], witnesses: &[SigningKey]) {
    let checkpoint = checkpoint_of(ORIGIN, records);
    let mut signed = SignedCheckpoint::sign(checkpoint, &honest.keys.log).unwrap();
    for witness in witnesses {
        cosign(&mut signed, witness);
    }
    fs::write(dir.join("cosigned"), signed.to_string()).unwrap();
}

/// Cuts sled's file to a part of what is written of it, with its table of pages gone.
fn cut_db(dir: &Path, part: impl Fn(usize) -> usize) {
    let records = dir.join("records");
    for entry in fs::read_dir(&records).unwrap() {
        let path = entry.unwrap().path();
        if path
            .file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("snap.")
        {
            fs::remove_file(path).unwrap();
        }
    }
    let mut db = fs::read(records.join("db")).unwrap();
    let written = db.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    db.truncate(part(written));
    fs::write(records.join("db"), db).unwrap();
}

impl Attack {
    fn all() -> Vec<Self> {
        let mut all = Self::on_bytes();
        all.extend(Self::on_the_whole());
        all.extend(Self::on_the_journal());
        all.extend(Self::on_signatures());
        all.extend(Self::on_anchors());
        all.extend(Self::by_insiders());
        all
    }

    /// By somebody with the disk and little understanding, or by the disk.
    fn on_bytes() -> Vec<Self> {
        vec![
            Self {
                name: "A byte of a record's header changed",
                make: |honest, dir| flip(honest, dir, 12, |_| 40),
                expected: [
                    "found: link, exit 10",
                    "found: anchor and link, exit 10",
                    "found: anchor and link, exit 10",
                    "found: anchor and link, exit 10",
                ],
            },
            Self {
                name: "A byte of a record's salt changed",
                make: |honest, dir| flip(honest, dir, 12, |_| HEADER_LEN + 3),
                expected: ["found: payload, exit 10"; 4],
            },
            Self {
                name: "A letter of what was recorded changed",
                make: |honest, dir| flip(honest, dir, 12, |bytes| bytes - 3),
                expected: ["found: payload, exit 10"; 4],
            },
            Self {
                name: "A byte of a recorder's signature changed",
                make: |honest, dir| flip(honest, dir, SIGNED, |bytes| bytes - 9),
                expected: [SIGNATURE; 4],
            },
            Self {
                name: "A record taken out",
                make: |honest, dir| {
                    let records = honest.records();
                    lay(dir, &records[..12]);
                    for at in [12, 13] {
                        let before = head_of(&records[..at]);
                        let after = head_of(&records[..=at]);
                        let one = seal(&records[at..=at]);
                        let mut log = opened(dir);
                        log.append(before, &mut OneBatch::new(one.to_vec(), after))
                            .unwrap();
                        log.flush().unwrap();
                    }
                    with_blocks(dir, |blocks| drop(blocks.remove(block_of(12)).unwrap()));
                },
                expected: MISSING,
            },
            Self {
                name: "A payload removed that no record redacts",
                make: |honest, dir| changed(honest, dir, |records| records[12].body = None),
                expected: ["found: payload-gone, exit 10"; 4],
            },
            Self {
                name: "The first record redacted and its payload removed, to hide the ledger's name",
                make: |honest, dir| {
                    let mut records = honest.records();
                    let pairs = [("record", "0"), ("reason", "none"), ("authority", "none")];
                    append(&mut records, &event(Kind::Redacted, &pairs), &[]);
                    records[0].body = None;
                    lay_bytes(dir, &seal(&records), head_of(&records));
                },
                expected: ["found: payload-gone and signature, exit 10"; 4],
            },
            Self {
                name: "An erased record whose header says that its payload was longer than any can be",
                make: |honest, dir| {
                    let mut records = honest.records();
                    erase_a_note(&mut records);
                    let at = records.len() - 2;
                    records[at].header.payload_len = u32::MAX;
                    records[at + 1].header.prev = head_of(&records[..=at]).link;
                    lay_bytes(dir, &seal(&records), head_of(&records));
                },
                expected: ["found: malformed, exit 10"; 4],
            },
            Self {
                name: "A forged snapshot, so that reports are made of other events",
                make: |_, dir| {
                    let log = opened(dir);
                    let mut forged = replay(&log, KnownAt::Now).unwrap();
                    // A snapshot holds no text that could be another; what stands and what there is, it does.
                    let last = Seq(RECORDS as u64 - 1);
                    let party = [("id", "peru"), ("kind", "state"), ("name", "Peru")];
                    forged.state.rewind(last.0).unwrap();
                    forged.state.apply(&Entry {
                        seq: last,
                        recorded_at: forged.last_recorded,
                        event: event(Kind::PartyRegistered, &party),
                    });
                    let bytes = snapshot::encode(&forged);
                    log.put(RECORDS as u64, &bytes).unwrap();
                },
                expected: ["found: snapshot, exit 10"; 4],
            },
            Self {
                name: "The store's file cut to nothing, its table of pages deleted",
                make: |_, dir| cut_db(dir, |_| 0),
                expected: ["found: missing, exit 10"; 4],
            },
            Self {
                name: "The store's file cut in its middle, its table of pages deleted",
                make: |_, dir| cut_db(dir, |bytes| bytes / 2),
                expected: MISSING,
            },
            Self {
                name: "The store's file cut in its first page, its table of pages deleted",
                make: |_, dir| cut_db(dir, |_| 4000),
                expected: MISSING,
            },
        ]
    }

    /// By an operator, who can make everything fit but signatures.
    fn on_the_whole() -> Vec<Self> {
        vec![
            Self {
                name: "The tail cut, the head and all else made to fit",
                make: |honest, dir| changed(honest, dir, |records| records.truncate(12)),
                expected: [NOT_FOUND, ANCHOR, ANCHOR, ANCHOR],
            },
            Self {
                name: "The tail cut, and other events appended",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        records.truncate(12);
                        for text in ["all is well", "it was never better", "the end"] {
                            append(records, &note(text), &[]);
                        }
                    });
                },
                expected: [NOT_FOUND, ANCHOR, ANCHOR, ANCHOR],
            },
            Self {
                name: "An older copy of the directory put back",
                make: |honest, dir| {
                    fs::remove_dir_all(dir).unwrap();
                    copy(&honest.scratch.path("older"), dir);
                },
                expected: [NOT_FOUND, ANCHOR, UNANCHORED, ANCHOR],
            },
            Self {
                name: "The ledger and its user's memory both put back",
                make: |honest, dir| {
                    fs::remove_dir_all(dir).unwrap();
                    copy(&honest.scratch.path("older"), dir);
                    let state = dir.parent().unwrap().join("state");
                    copy(&honest.scratch.path("older-state"), &state);
                },
                expected: [NOT_FOUND, NOT_FOUND, UNANCHORED, ANCHOR],
            },
            Self {
                name: "All written anew from a record on that no signature covers",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        rewrite(records, UNSIGNED, ORIGIN, &[], reworded(12));
                    });
                },
                expected: [NOT_FOUND, ANCHOR, ANCHOR, ANCHOR],
            },
            Self {
                name: "All written anew from a record on that a recorder signed, without the recorder's key",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        rewrite(records, SIGNED, ORIGIN, &[], reworded(SIGNED));
                    });
                },
                expected: [
                    SIGNATURE,
                    "found: anchor and signature, exit 10",
                    "found: anchor and signature, exit 10",
                    "found: anchor and signature, exit 10",
                ],
            },
            Self {
                name: "All written anew under another ledger's name",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        let other = "example.org/attаcked";
                        let keys = [&honest.keys.alice];
                        rewrite(records, 0, other, &keys, |at, event| {
                            match &mut event.fact {
                                Fact::LedgerOpened(fact) => fact.origin = other.parse().unwrap(),
                                _ => reworded(12)(at, event),
                            }
                        });
                        acknowledge_again(records, other, &honest.keys);
                    });
                },
                expected: [NOT_FOUND, ANCHOR, ANCHOR, ANCHOR],
            },
            Self {
                name: "The head put back alone (what follows it is taken in again)",
                make: |honest, dir| {
                    let old = honest.scratch.path("older").join("head");
                    fs::copy(old, dir.join("head")).unwrap();
                },
                expected: [NOT_FOUND; 4],
            },
        ]
    }

    /// On the journal, in which the last two records lie alone.
    fn on_the_journal() -> Vec<Self> {
        const UNREADABLE: [&str; 4] = ["found: cannot be opened, exit 10"; 4];
        vec![
            Self {
                name: "The newest records in the journal alone: nothing is done to it",
                make: |honest, dir| drop(lay_in_journal(dir, &honest.records())),
                expected: [NOT_FOUND; 4],
            },
            Self {
                name: "The journal deleted",
                make: |honest, dir| {
                    lay_in_journal(dir, &honest.records());
                    fs::remove_file(dir.join("journal")).unwrap();
                },
                expected: UNREADABLE,
            },
            Self {
                name: "The journal cut",
                make: |honest, dir| {
                    lay_in_journal(dir, &honest.records());
                    let journal = fs::OpenOptions::new().write(true).open(dir.join("journal"));
                    journal.unwrap().set_len(20_000).unwrap();
                },
                expected: UNREADABLE,
            },
            Self {
                name: "The frames in the journal overwritten with zeros",
                make: |honest, dir| {
                    lay_in_journal(dir, &honest.records());
                    let mut journal = fs::read(dir.join("journal")).unwrap();
                    journal[8192..].fill(0);
                    fs::write(dir.join("journal"), journal).unwrap();
                },
                expected: MISSING,
            },
            Self {
                name: "A letter in a frame of the journal changed, its check sum made to fit",
                make: |honest, dir| {
                    lay_in_journal(dir, &honest.records());
                    reframe(dir, |records| {
                        let at = records.windows(7).position(|part| part == b"the end");
                        records[at.unwrap()] = b'T';
                    });
                },
                expected: ["found: payload, exit 10"; 4],
            },
            Self {
                name: "The journal swapped for an older copy of itself",
                make: |honest, dir| {
                    let older = lay_in_journal(dir, &honest.records());
                    fs::write(dir.join("journal"), older).unwrap();
                },
                expected: [NOT_FOUND, ANCHOR, ANCHOR, ANCHOR],
            },
            Self {
                name: "The journal swapped for an older copy of itself, its frames all handed over before",
                make: |honest, dir| {
                    let older = lay_in_journal(dir, &honest.records());
                    opened(dir).flush().unwrap();
                    fs::write(dir.join("journal"), older).unwrap();
                },
                expected: [NOT_FOUND; 4],
            },
            Self {
                name: "The journal swapped for one in which the newest records were written anew",
                make: |honest, dir| {
                    let mut records = honest.records();
                    rewrite(
                        &mut records,
                        RECORDS - 2,
                        ORIGIN,
                        &[],
                        reworded(RECORDS - 2),
                    );
                    lay_in_journal(dir, &records);
                    let forged = fs::read(dir.join("journal")).unwrap();
                    lay_in_journal(dir, &honest.records());
                    fs::write(dir.join("journal"), forged).unwrap();
                },
                expected: [NOT_FOUND, ANCHOR, ANCHOR, ANCHOR],
            },
            Self {
                name: "The journal swapped for that of another history",
                make: |honest, dir| {
                    let mut other = honest.records();
                    rewrite(&mut other, UNSIGNED, ORIGIN, &[], reworded(UNSIGNED));
                    lay_in_journal(dir, &other);
                    let forged = fs::read(dir.join("journal")).unwrap();
                    lay_in_journal(dir, &honest.records());
                    fs::write(dir.join("journal"), forged).unwrap();
                },
                expected: [
                    "found: link, exit 10",
                    "found: anchor and link, exit 10",
                    "found: anchor and link, exit 10",
                    "found: anchor and link, exit 10",
                ],
            },
        ]
    }

    /// On what recorders and parties signed.
    fn on_signatures() -> Vec<Self> {
        vec![
            Self {
                name: "A recorder's signature made with another key",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        let forger = key("alice", SignatureType::Ed25519, 99);
                        let forged = sign(ORIGIN, head_of(&records[..=SIGNED]), &[&forger]);
                        records[SIGNED].signatures[0].signature = forged[0].signature;
                    });
                },
                expected: [SIGNATURE; 4],
            },
            Self {
                name: "A recorder's signature removed",
                make: |honest, dir| changed(honest, dir, |all| all[SIGNED].signatures.clear()),
                expected: [SIGNATURE; 4],
            },
            Self {
                name: "A recorder's signature removed from an append of which the payload is erased",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        let number = SIGNED.to_string();
                        let why = [("reason", "private"), ("authority", "a court")];
                        let pairs = [("record", &*number), why[0], why[1]];
                        append(records, &event(Kind::Redacted, &pairs), &[]);
                        records[SIGNED].body = None;
                        records[SIGNED].signatures.clear();
                    });
                },
                expected: [NOT_FOUND; 4],
            },
            Self {
                name: "A recorder's signature taken from another batch",
                make: |honest, dir| {
                    changed(honest, dir, |all| {
                        all[SIGNED].signatures = all[7].signatures.clone()
                    });
                },
                expected: [SIGNATURE; 4],
            },
            Self {
                name: "An event appended and signed with a revoked key, in its recorder's name",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        let pairs = [("text", "I am back"), ("recorded_by", "bob")];
                        append(records, &event(Kind::Noted, &pairs), &[&honest.keys.bob]);
                    });
                },
                expected: [SIGNATURE; 4],
            },
            Self {
                name: "An event appended in a revoked recorder's name, unsigned, about an erased record",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        let erased = erase_a_note(records);
                        let pairs = [("text", "x"), ("about", &erased), ("recorded_by", "bob")];
                        append(records, &event(Kind::Noted, &pairs), &[]);
                    });
                },
                expected: [SIGNATURE; 4],
            },
            Self {
                name: "A recorder admitted again, with another key, and its signature",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        let forger = key("alice", SignatureType::Ed25519, 99);
                        let vkey = forger.verifier().to_string();
                        let pairs = [("id", "alice"), ("key", vkey.as_str())];
                        append(records, &event(Kind::RecorderAdmitted, &pairs), &[]);
                        let pairs = [("text", "it is I"), ("recorded_by", "alice")];
                        append(records, &event(Kind::Noted, &pairs), &[&forger]);
                    });
                },
                expected: [SIGNATURE; 4],
            },
            Self {
                name: "A recorder admitted with a key of mixed order, on which verifiers could disagree",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        let pairs = [("id", "carol"), ("key", MIXED_ORDER)];
                        append(records, &event(Kind::RecorderAdmitted, &pairs), &[]);
                    });
                },
                expected: [SIGNATURE; 4],
            },
            Self {
                name: "An event appended in nobody's name and signed with a revoked key",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        append(records, &note("I am back"), &[&honest.keys.bob]);
                    });
                },
                expected: [SIGNATURE; 4],
            },
            Self {
                name: "A party's acknowledgement forged",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        let forger = key("colombia", SignatureType::Ed25519, 99);
                        let forged = acknowledgement(records, ORIGIN, 7, &forger);
                        append(records, &forged, &[]);
                    });
                },
                expected: [SIGNATURE; 4],
            },
        ]
    }

    /// On the anchors.
    fn on_anchors() -> Vec<Self> {
        vec![
            Self {
                name: "`checkpoint` beside the store swapped for another's (nothing reads it)",
                make: |_, dir| {
                    let other = checkpoint_of("example.org/another", &[]);
                    fs::write(dir.join("checkpoint"), other.to_string()).unwrap();
                },
                expected: [NOT_FOUND; 4],
            },
            Self {
                name: "`cosigned` beside the store deleted",
                make: |_, dir| fs::remove_file(dir.join("cosigned")).unwrap(),
                expected: [NOT_FOUND, NOT_FOUND, UNANCHORED, NOT_FOUND],
            },
            Self {
                name: "`cosigned` beside the store overwritten with something else",
                make: |_, dir| fs::write(dir.join("cosigned"), "something else").unwrap(),
                expected: [NOT_FOUND, NOT_FOUND, UNANCHORED, NOT_FOUND],
            },
            Self {
                name: "`cosigned` swapped for that of another ledger",
                make: |_, dir| {
                    let log = key("example.org/another", SignatureType::Ed25519, 50);
                    let other = checkpoint_of("example.org/another", &[]);
                    let other = SignedCheckpoint::sign(other, &log).unwrap();
                    fs::write(dir.join("cosigned"), other.to_string()).unwrap();
                },
                expected: [
                    NOT_FOUND,
                    NOT_FOUND,
                    "found: bad signature, exit 11",
                    NOT_FOUND,
                ],
            },
            Self {
                name: "A cosignature forged",
                make: |honest, dir| {
                    let mut text = honest.keep_text();
                    let at = text.trim_end().len() - 8;
                    let other = if text.as_bytes()[at] == b'A' {
                        "B"
                    } else {
                        "A"
                    };
                    text.replace_range(at..=at, other);
                    fs::write(dir.join("cosigned"), text).unwrap();
                },
                expected: [
                    NOT_FOUND,
                    NOT_FOUND,
                    "found: bad signature, exit 11",
                    NOT_FOUND,
                ],
            },
            Self {
                name: "The tail cut, and an old cosigned checkpoint put beside the store",
                make: |honest, dir| {
                    changed(honest, dir, |records| records.truncate(12));
                    copy(&honest.scratch.path("early"), &dir.join("cosigned"));
                },
                expected: [NOT_FOUND, ANCHOR, NOT_FOUND, ANCHOR],
            },
            Self {
                name: "Written anew from before an old cosigned checkpoint, which is put beside the store",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        let keys = [&honest.keys.alice];
                        rewrite(records, 7, ORIGIN, &keys, |at, event| {
                            if let (7, Fact::CommitmentRecorded(fact)) = (at, &mut event.fact) {
                                fact.text = "close the bridge".parse().unwrap();
                            }
                        });
                    });
                    copy(&honest.scratch.path("early"), &dir.join("cosigned"));
                },
                expected: [NOT_FOUND, ANCHOR, ANCHOR, ANCHOR],
            },
        ]
    }

    /// By those who hold keys.
    fn by_insiders() -> Vec<Self> {
        vec![
            Self {
                name: "Operator with the log's key: another history, signed by the log alone",
                make: |honest, dir| {
                    let fork = other_fork(honest);
                    lay(dir, &fork);
                    put_cosigned(honest, dir, &fork, &[]);
                },
                expected: [NOT_FOUND, ANCHOR, UNANCHORED, ANCHOR],
            },
            Self {
                name: "The same with one dishonest witness of the two that the policy asks for",
                make: |honest, dir| {
                    let fork = other_fork(honest);
                    lay(dir, &fork);
                    put_cosigned(honest, dir, &fork, &honest.keys.witnesses[..1]);
                },
                expected: [NOT_FOUND, ANCHOR, UNANCHORED, ANCHOR],
            },
            Self {
                name: "The same with all witnesses dishonest",
                make: |honest, dir| {
                    let fork = other_fork(honest);
                    lay(dir, &fork);
                    put_cosigned(honest, dir, &fork, &honest.keys.witnesses);
                },
                expected: [NOT_FOUND, ANCHOR, NOT_FOUND, ANCHOR],
            },
            Self {
                name: "Operator and recorder together: signed records written anew and signed again",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        let keys = [&honest.keys.alice];
                        rewrite(records, SIGNED, ORIGIN, &keys, reworded(SIGNED));
                    });
                },
                expected: [NOT_FOUND, ANCHOR, ANCHOR, ANCHOR],
            },
            Self {
                name: "Operator and recorder together: what a party acknowledged written anew",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        let keys = [&honest.keys.alice];
                        rewrite(records, 6, ORIGIN, &keys, |_, event| {
                            if let Fact::AgreementRecorded(fact) = &mut event.fact {
                                fact.title = "Another".parse().unwrap();
                            }
                        });
                    });
                },
                expected: [
                    SIGNATURE,
                    "found: anchor and signature, exit 10",
                    "found: anchor and signature, exit 10",
                    "found: anchor and signature, exit 10",
                ],
            },
            Self {
                name: "A recorder records what is not true",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        let pairs = [("text", "nothing was agreed"), ("recorded_by", "alice")];
                        append(records, &event(Kind::Noted, &pairs), &[&honest.keys.alice]);
                    });
                },
                expected: [NOT_FOUND; 4],
            },
            Self {
                name: "A revocation's payload removed, a redaction of it appended, and the revoked key used again",
                make: |honest, dir| {
                    let mut records = honest.records();
                    let pairs = [("record", "10"), ("reason", "none"), ("authority", "none")];
                    append(&mut records, &event(Kind::Redacted, &pairs), &[]);
                    let pairs = [("text", "I am back"), ("recorded_by", "bob")];
                    append(
                        &mut records,
                        &event(Kind::Noted, &pairs),
                        &[&honest.keys.bob],
                    );
                    assert!(matches!(
                        event_of(&records[10]).fact,
                        Fact::RecorderRevoked(_)
                    ));
                    records[10].body = None;
                    lay(dir, &records);
                },
                expected: ["found: payload-gone, exit 10"; 4],
            },
            Self {
                name: "The same, of a revocation whose header says that it can be erased",
                make: |honest, dir| {
                    let mut records = honest.records();
                    let at = records.len();
                    let pairs = [("recorder", "alice"), ("reason", "left")];
                    append(&mut records, &event(Kind::RecorderRevoked, &pairs), &[]);
                    records[at].header.erasable = true;
                    let record = at.to_string();
                    let pairs = [
                        ("record", &*record),
                        ("reason", "none"),
                        ("authority", "none"),
                    ];
                    append(&mut records, &event(Kind::Redacted, &pairs), &[]);
                    let pairs = [("text", "I am back"), ("recorded_by", "alice")];
                    let keys = [&honest.keys.alice];
                    append(&mut records, &event(Kind::Noted, &pairs), &keys);
                    records[at].body = None;
                    lay(dir, &records);
                },
                expected: ["found: malformed, exit 10"; 4],
            },
            Self {
                name: "A redaction whose header says that it can be erased",
                make: |honest, dir| {
                    let mut records = honest.records();
                    erase_a_note(&mut records);
                    let last = records.len() - 1;
                    records[last].header.erasable = true;
                    lay(dir, &records);
                },
                expected: ["found: malformed and payload-gone, exit 10"; 4],
            },
            Self {
                name: "A second commitment with the id of the first, that repeats an erased record",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        let erased = erase_a_note(records);
                        let pairs = [
                            ("id", "C1"),
                            ("agreement", "A1"),
                            ("text", "keep the bridge shut"),
                            ("debtor", "colombia"),
                            ("creditor", "venezuela"),
                            ("repeats", &erased),
                        ];
                        append(records, &event(Kind::CommitmentRecorded, &pairs), &[]);
                    });
                },
                expected: ["found: rule, exit 10"; 4],
            },
            Self {
                name: "A note about an erased record, that cites a source which is not there",
                make: |honest, dir| {
                    changed(honest, dir, |records| {
                        let erased = erase_a_note(records);
                        let pairs = [("text", "x"), ("about", &erased), ("source", "S9")];
                        append(records, &event(Kind::Noted, &pairs), &[]);
                    });
                },
                expected: ["found: rule, exit 10"; 4],
            },
            Self {
                name: "An operator appends an event in nobody's name",
                make: |honest, dir| {
                    changed(honest, dir, |all| {
                        append(all, &note("nothing was agreed"), &[])
                    });
                },
                expected: [NOT_FOUND; 4],
            },
        ]
    }
}

impl Honest {
    fn keep_text(&self) -> String {
        fs::read_to_string(self.scratch.path("kept")).unwrap()
    }
}

/// The acknowledgement of a record, signed with a key in colombia's name.
fn acknowledgement(records: &[Record], origin: &str, seq: usize, key: &SigningKey) -> Event {
    let party: PartyId = "colombia".parse().unwrap();
    let link = records[seq].header.link();
    let signature = signatures::acknowledge(key, origin, &party, seq as u64, link);
    let seq = Seq(seq as u64).to_string();
    let pairs = [
        ("record", seq.as_str()),
        ("party", "colombia"),
        ("signature", &signature),
    ];
    event(Kind::Acknowledged, &pairs)
}

/// Makes the acknowledgement in record 9 anew, and all that follows fit: what a party does who takes part.
fn acknowledge_again(records: &mut [Record], origin: &str, keys: &Keys) {
    let anew = acknowledgement(records, origin, 6, &keys.colombia);
    rewrite(records, 9, origin, &[&keys.alice], |at, event| {
        if at == 9 {
            *event = anew.clone();
        }
    });
}

#[test]
fn each_attack_is_found_where_the_table_says() {
    let honest = Honest::get();
    let none = Attack {
        name: "None: the honest ledger",
        make: |_, _| {},
        expected: [NOT_FOUND; 4],
    };
    let attacks: Vec<Attack> = std::iter::once(none).chain(Attack::all()).collect();
    let try_one = |attack: &Attack| {
        let (_scratch, dir) = honest.copied();
        let state = dir.with_file_name("state");
        copy(&honest.scratch.path("state"), &state);
        honest.run(&dir, &state, &["verify"]).ok();
        (attack.make)(honest, &dir);
        verdicts(honest, &dir)
    };
    // Mostly waiting for the disk: a few at a time.
    let found: Vec<[String; 4]> = std::thread::scope(|scope| {
        let threads: Vec<_> = attacks
            .chunks(attacks.len().div_ceil(4))
            .map(|some| scope.spawn(|| some.iter().map(try_one).collect::<Vec<_>>()))
            .collect();
        let done = threads.into_iter();
        done.flat_map(|thread| thread.join().unwrap()).collect()
    });
    let mut table = format!(
        "| attack | {} |\n|---|---|---|---|---|\n",
        SITUATIONS.join(" | ")
    );
    let mut wrong = String::new();
    for (attack, found) in attacks.iter().zip(found) {
        if found != attack.expected {
            let Attack { name, expected, .. } = attack;
            writeln!(wrong, "{name}:\n  {found:?}\n  expected {expected:?}").unwrap();
        }
        writeln!(table, "| {} | {} |", attack.name, found.join(" | ")).unwrap();
    }
    assert!(wrong.is_empty(), "{wrong}");
    compare_with_the_document(&table);
}

/// The table in `docs/threats.md` is what came of the attacks.
fn compare_with_the_document(table: &str) {
    const BEGIN: &str = "<!-- matrix -->\n";
    const END: &str = "<!-- /matrix -->";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/threats.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    if std::env::var_os("SERVANDA_WRITE_MATRIX").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
    } else {
        assert!(
            written == table,
            "SERVANDA_WRITE_MATRIX=1 writes it:\n{table}"
        );
    }
}

/// No byte of a record is without a guard, whichever it is.
#[test]
fn a_byte_changed_anywhere_is_found() {
    let honest = Honest::get();
    let honest_bytes = seal(&honest.records());
    let head = head_of(&honest.records());
    let in_header = [0, 1, 8, 15, 16, 24, 28, 32, 63, 64, 95, 96, 127];
    for seq in [0, 5, SIGNED, RECORDS - 1] {
        let len = honest_bytes[seq].0.len();
        let behind = [
            HEADER_LEN,
            HEADER_LEN + 1,
            HEADER_LEN + 16,
            HEADER_LEN + 17,
            len - 1,
        ];
        for at in in_header.into_iter().chain(behind) {
            for bit in [1, 0x80] {
                let mut sealed = honest_bytes.clone();
                sealed[seq].tamper(|bytes| bytes[at] ^= bit);
                // sled keeps bytes as they are: one directory of all would do, but for the time it takes.
                let verdict = verify(&MemoryLog::of(sealed, head), &mut Unwatched).unwrap();
                assert!(!verdict.is_sound(), "byte {at} of record {seq}");
            }
        }
        let (_scratch, dir) = honest.copied();
        flip(honest, &dir, seq, |len| len / 2);
        let verdict = verify(&opened(&dir), &mut Unwatched).unwrap();
        assert!(!verdict.is_sound(), "record {seq}");
    }
}

/// Two auditors are shown two histories that differ at their ends. Each is sound; one comparison ends it.
#[test]
fn two_histories_for_two_auditors_come_out_when_they_compare_checkpoints() {
    let honest = Honest::get();
    let scratch = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| scratch.path().join(name));
    let state = |ledger: &Path| ledger.with_extension("state");
    let kept = |ledger: &Path| ledger.with_extension("checkpoint");
    for (ledger, text) in [(&first, "we agreed"), (&second, "we never agreed")] {
        copy(&honest.scratch.ledger(), ledger);
        copy(&honest.scratch.path("state"), &state(ledger));
        let run = |words: &[&str]| honest.run(ledger, &state(ledger), words);
        run(&["record", "note", "--text", text]).ok();
        run(&["verify", "--policy", "policy"]).ok();
        let checkpoint = run(&["checkpoint", "--key", "log.key"]).ok();
        fs::write(kept(ledger), checkpoint).unwrap();
    }
    let other = kept(&second).display().to_string();
    let run = |words: &[&str]| honest.run(&first, &state(&first), words);
    let verdict = run(&["verify", "--against", &other, "--log-key", "log.vkey"]);
    assert_eq!(verdict.code, Some(10), "{verdict:#?}");
    assert!(verdict.stdout.contains("anchor"), "{verdict:#?}");
    let out = scratch.path().display().to_string();
    let prove = [
        "prove", "--since", &other, "--key", "log.key", "--out", &out,
    ];
    run(&prove).fails(10, &["does not continue"]);
    assert!(!scratch.path().join("consistency.proof").exists());
    // What both have seen before can be proved by either.
    let proof = [
        "prove", "--since", "kept", "--key", "log.key", "--out", &out,
    ];
    run(&proof).ok();
    let proof = scratch
        .path()
        .join("consistency.proof")
        .display()
        .to_string();
    run(&["check-proof", &proof, "--log-key", "log.vkey"]).ok();
}

#[test]
fn a_checkpoint_counts_only_with_the_right_key_and_for_its_own_ledger() {
    let honest = Honest::get();
    let (_scratch, dir) = honest.copied();
    let state = dir.with_extension("state");
    let run =
        |words: &[&str]| honest.run(&dir, &state, &[&["verify", "--no-memory"], words].concat());
    let against = |words: &[&str]| run(&[&["--against", "kept"], words].concat());
    against(&["--log-key", "log.vkey"]).ok();
    let wrong = key(ORIGIN, SignatureType::Ed25519, 98)
        .verifier()
        .to_string();
    let badly_signed = |outcome: Outcome| {
        assert_eq!(outcome.code, Some(11), "{outcome:#?}");
        assert!(outcome.stdout.contains("is not signed by"), "{outcome:#?}");
    };
    badly_signed(against(&["--log-key", &wrong]));
    let bob = honest.keys.bob.verifier().to_string();
    badly_signed(against(&["--log-key", &bob]));
    // A key, and nothing that it could have signed.
    run(&["--log-key", "log.vkey"]).fails(2, &["--against"]);

    let unsigned = checkpoint_of(ORIGIN, &honest.records()).to_string();
    fs::write(dir.with_extension("unsigned"), unsigned).unwrap();
    let unsigned = dir.with_extension("unsigned").display().to_string();
    run(&["--against", &unsigned]).ok();
    badly_signed(run(&["--against", &unsigned, "--log-key", "log.vkey"]));

    let another = checkpoint_of("example.org/another", &honest.records()).to_string();
    fs::write(dir.with_extension("another"), another).unwrap();
    let another = dir.with_extension("another").display().to_string();
    let verdict = run(&["--against", &another]);
    assert_eq!(verdict.code, Some(10), "{verdict:#?}");
    assert!(
        verdict
            .stdout
            .contains("a ledger called example.org/attacked"),
        "{verdict:#?}"
    );
}

/// What was appended after the newest anchor is told as unanchored, and not passed off as compared.
#[test]
fn what_came_after_the_newest_anchor_is_told() {
    let honest = Honest::get();
    let (_scratch, dir) = honest.copied();
    let state = dir.with_extension("state");
    let words = [
        "verify",
        "--no-memory",
        "--against",
        "early",
        "--log-key",
        "log.vkey",
    ];
    let verdict = honest.run(&dir, &state, &words).ok();
    assert!(verdict.contains("records 8 to 13"), "{verdict}");
    copy(&honest.scratch.path("early"), &dir.join("cosigned"));
    let words = ["verify", "--no-memory", "--policy", "policy"];
    let verdict = honest.run(&dir, &state, &words).ok();
    assert!(verdict.contains("records 8 to 13"), "{verdict}");
    let cosigned =
        "the first 8 records are cosigned, 2 times, the last time at 2023-11-14T22:13:20.000000Z";
    assert!(verdict.contains(cosigned), "{verdict}");
    let verdict = honest
        .run(
            &dir,
            &state,
            &["verify", "--no-memory", "--against", "kept"],
        )
        .ok();
    assert!(!verdict.contains("cut or rewritten"), "{verdict}");
}

/// A batch that a recorder signed stays signed when a payload in it is withheld.
#[test]
fn a_signature_holds_over_a_redacted_payload() {
    let honest = Honest::get();
    let (_scratch, dir) = honest.copied();
    let mut records = honest.records();
    let pairs = [
        ("record", "8"),
        ("reason", "names a witness"),
        ("authority", "a court"),
    ];
    append(&mut records, &event(Kind::Redacted, &pairs), &[]);
    records[SIGNED].body = None;
    lay_bytes(&dir, &seal(&records), head_of(&records));
    let verdict = verify(&opened(&dir), &mut Unwatched).unwrap();
    assert!(verdict.is_sound(), "{:#?}", verdict.findings);
    records[SIGNED].signatures[0].signature[5] ^= 1;
    lay_bytes(&dir, &seal(&records), head_of(&records));
    let verdict = verify(&opened(&dir), &mut Unwatched).unwrap();
    assert_eq!(verdict.findings.len(), 1, "{:#?}", verdict.findings);
    assert_eq!(verdict.findings[0].kind, FindingKind::Signature);
}

#[test]
fn private_keys_that_others_can_read_are_refused() {
    let honest = Honest::get();
    let (_scratch, dir) = honest.copied();
    let state = dir.with_extension("state");
    let run = |words: &[&str]| honest.run(&dir, &state, words);
    for mode in [0o640, 0o604, 0o660, 0o602, 0o644] {
        let name = format!("open-{mode:o}.key");
        honest.write_key(&name, &honest.keys.alice, mode);
        let refused = ["can be read by others", "chmod 600"];
        run(&["key", "show", &name]).fails(1, &refused);
        run(&["checkpoint", "--key", &name]).fails(1, &refused);
        let record = ["record", "note", "--text", "x", "--recorded-by", "alice"];
        run(&[&record[..], &["--sign-with", &name]].concat()).fails(1, &refused);
        run(&["acknowledge", "A1", "--party", "colombia", "--key", &name]).fails(1, &refused);
        let out = ["--name", "alice", "--out", "new.key"];
        run(&[&["key", "import", &name], &out[..]].concat()).fails(1, &refused);
    }
    assert_eq!(records_of(&dir).len(), RECORDS);
}

/// The command line is seen by every process on the machine and kept by shells.
#[test]
fn a_private_key_is_never_taken_from_the_command_line_nor_repeated() {
    let honest = Honest::get();
    let (_scratch, dir) = honest.copied();
    let state = dir.with_extension("state");
    let secret = honest.keys.alice.to_text().to_string();
    let secret = secret.as_str();
    for words in [
        &["key", "show", secret][..],
        &["checkpoint", "--key", secret],
        &["prove", "C1", "--key", secret],
        &[
            "record",
            "note",
            "--text",
            "x",
            "--recorded-by",
            "alice",
            "--sign-with",
            secret,
        ],
        &["acknowledge", "A1", "--party", "colombia", "--key", secret],
        &["record", "recorder", "carol", "--key", secret],
        &["record", "party-key", "colombia", "--key", secret],
        &["verify", "--against", "kept", "--log-key", secret],
        &["check-proof", "kept", "--log-key", secret],
    ] {
        let outcome = honest.run(&dir, &state, words);
        assert!(
            matches!(outcome.code, Some(1 | 2)),
            "{words:?}: {outcome:#?}"
        );
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        let part = secret.rsplit('+').next().unwrap();
        assert!(!said.contains(part), "{words:?}: {outcome:#?}");
        assert!(said.contains("private key"), "{words:?}: {outcome:#?}");
    }
    assert_eq!(records_of(&dir).len(), RECORDS);
}

#[test]
fn a_proof_of_anything_else_does_not_hold() {
    let honest = Honest::get();
    let (_scratch, dir) = honest.copied();
    let state = dir.with_extension("state");
    let run = |words: &[&str]| honest.run(&dir, &state, words);
    let out = dir.with_extension("proofs");
    fs::create_dir(&out).unwrap();
    let shown = out.display().to_string();
    for what in ["C1", "12"] {
        run(&["prove", what, "--key", "log.key", "--out", &shown]).ok();
    }
    let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
    let (proof, record) = (read("7.tlog-proof"), read("7.json"));
    let check = |proof: &str, record: &str, key: &str| {
        let [file, beside] = ["given.tlog-proof", "given.json"].map(|name| out.join(name));
        fs::write(&file, proof).unwrap();
        fs::write(beside, record).unwrap();
        run(&["check-proof", &file.display().to_string(), "--log-key", key])
    };
    let event = check(&proof, &record, "log.vkey").ok();
    assert!(event.contains("open the bridge"), "{event}");

    // Another event: its letters changed in the record's bytes; a whole other record; the event that is only shown.
    let word = |text: &str| text.bytes().map(|b| format!("{b:02x}")).collect::<String>();
    let forged = record.replacen(&word("open"), &word("shut"), 1);
    assert_ne!(forged, record);
    check(&proof, &forged, "log.vkey").fails(10, &["payload is not the one"]);
    check(&proof, &read("12.json"), "log.vkey").fails(10, &["not the one that is proved"]);
    let changed = |from: &str, to: &str| {
        let changed = record.replacen(from, to, 1);
        assert_ne!(changed, record, "{from}");
        check(&proof, &changed, "log.vkey")
    };
    let differs = |member: &str| [format!("`{member}` is not what the record says")];
    for (member, from, to) in [
        ("event", "open the bridge", "shut the bridge"),
        ("event", "\"event\":{", "\"event\":{\"note\":\"more\","),
        ("seq", "\"seq\":7", "\"seq\":6"),
        ("link", "\"link\":\"", "\"link\":\"00"),
    ] {
        changed(from, to).fails(10, &differs(member).each_ref().map(String::as_str));
    }
    let event = record.find("\"event\":{").unwrap();
    let unshown = format!("{}\"event\":null}}", &record[..event]);
    check(&proof, &unshown, "log.vkey").fails(10, &["`event` is not"]);
    // Members that stand twice, or that nothing binds.
    changed("{", "{\"more\":1,").fails(1, &["no opened record"]);
    changed("{", "{\"seq\":7,").fails(1, &["no opened record"]);
    changed("\"event\":{", "\"event\":{\"text\":\"x\",").fails(1, &["stands twice"]);
    // Without its payload: what cannot be erased is not passed off as erased.
    let hex = record.find("\"record\":\"").unwrap() + 10;
    let cut = format!("{}00\",\"event\":null}}", &record[..hex + 256]);
    check(&proof, &cut, "log.vkey").fails(10, &["cannot be erased"]);

    // Another place.
    let index = proof.replacen("index 7\n", "index 6\n", 1);
    assert_ne!(index, proof);
    check(&index, &record, "log.vkey").fails(10, &["not the one that is proved"]);
    let index = proof.replacen("index 7\n", "index 99\n", 1);
    let outcome = check(&index, &record, "log.vkey");
    assert!(matches!(outcome.code, Some(1 | 10)), "{outcome:#?}");

    // Another checkpoint: its size changed, that of an older head, one signed with another key.
    let size = proof.replacen("\n14\n", "\n13\n", 1);
    assert_ne!(size, proof);
    check(&size, &record, "log.vkey").fails(11, &[]);
    let (path, _) = proof.split_once("\n\n").unwrap();
    let early = fs::read_to_string(honest.scratch.path("early")).unwrap();
    check(&format!("{path}\n\n{early}"), &record, "log.vkey").fails(10, &[]);
    let forger = key(ORIGIN, SignatureType::Ed25519, 98);
    let checkpoint = checkpoint_of(ORIGIN, &honest.records());
    let forged = SignedCheckpoint::sign(checkpoint, &forger).unwrap();
    check(&format!("{path}\n\n{forged}"), &record, "log.vkey").fails(11, &[]);

    // Another key.
    check(&proof, &record, &forger.verifier().to_string()).fails(11, &[]);
    check(&proof, &record, &honest.keys.bob.verifier().to_string()).fails(11, &[]);
}

/// Who names a witness gets a verdict on it.
#[test]
fn a_proof_that_a_named_witness_did_not_cosign_is_not_anchored() {
    let honest = Honest::get();
    let (_scratch, dir) = honest.copied();
    let state = dir.with_extension("state");
    let run = |words: &[&str]| honest.run(&dir, &state, words);
    let out = dir.with_extension("proofs");
    fs::create_dir(&out).unwrap();
    let shown = out.display().to_string();
    run(&["prove", "C1", "--key", "log.key", "--out", &shown]).ok();
    run(&[
        "prove", "--since", "early", "--key", "log.key", "--out", &shown,
    ])
    .ok();
    let keys = honest.keys.witnesses.each_ref();
    let [w1, w2] = keys.map(|key| key.verifier().to_string());
    let cosigned = |name: &str, by: &[SigningKey]| {
        let text = fs::read_to_string(out.join(name)).unwrap();
        let cut = text.rfind(&format!("{ORIGIN}\n14\n")).unwrap();
        let mut signed = SignedCheckpoint::parse(&text.as_bytes()[cut..]).unwrap();
        by.iter().for_each(|witness| cosign(&mut signed, witness));
        fs::write(out.join(name), format!("{}{signed}", &text[..cut])).unwrap();
    };
    for name in ["7.tlog-proof", "consistency.proof"] {
        let file = out.join(name).display().to_string();
        let check = |named: &[&str]| {
            let mut words = vec!["check-proof", &file, "--log-key", "log.vkey"];
            named
                .iter()
                .for_each(|key| words.extend(["--witness-key", key]));
            run(&words)
        };
        check(&[]).ok();
        check(&[&w1]).fails(12, &["witness.example/w1 did not cosign"]);
        cosigned(name, &honest.keys.witnesses[..1]);
        check(&[&w1]).ok();
        check(&[&w1, &w2]).fails(12, &["witness.example/w2 did not cosign"]);
        cosigned(name, &honest.keys.witnesses[1..]);
        check(&[&w1, &w2]).ok();
        // The key of a recorder is none of a witness.
        let bob = honest.keys.bob.verifier().to_string();
        check(&[&bob]).fails(2, &["bob"]);
    }
}

/// A key on which verifiers could disagree gets into no ledger, no policy and no verdict.
#[test]
fn keys_that_are_not_sound_are_refused_at_every_door() {
    let honest = Honest::get();
    let (_scratch, dir) = honest.copied();
    let state = dir.with_extension("state");
    let run = |words: &[&str]| honest.run(&dir, &state, words);
    let refused = ["not a sound Ed25519 public key"];
    run(&["record", "recorder", "carol", "--key", MIXED_ORDER]).fails(1, &refused);
    run(&["record", "party-key", "venezuela", "--key", MIXED_ORDER]).fails(1, &refused);
    let rotate = ["record", "recorder-rotated", "alice", "--key", MIXED_ORDER];
    run(&[&rotate[..], &["--sign-with", "alice.key"]].concat()).fails(1, &refused);
    let verify = ["verify", "--against", "kept", "--log-key", MIXED_ORDER];
    run(&verify).fails(2, &refused);
    run(&["check-proof", "kept", "--log-key", MIXED_ORDER]).fails(2, &refused);
    let policy = dir.with_extension("policy");
    fs::write(&policy, format!("log {MIXED_ORDER}\nquorum none\n")).unwrap();
    let policy = policy.display().to_string();
    run(&["verify", "--policy", &policy]).fails(1, &refused);
    assert_eq!(records_of(&dir).len(), RECORDS);
}
