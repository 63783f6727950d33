//! Attacks on a ledger on the disk, and whether they are found: without any anchor, by a user who saw the ledger
//! before, by a policy of witnesses, and by an auditor who kept a checkpoint. The table in `docs/threats.md` is
//! written from here: `SERVANDA_WRITE_MATRIX=1 cargo test --test it attacks`.

mod holding;
mod laying;
mod on_disk;
mod on_meaning;

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

use self::laying::*;

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
