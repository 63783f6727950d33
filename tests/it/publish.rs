//! Ledgers that are published, verified where they are, copied and followed, as users do it.

mod copies;
mod object_store;
mod replica;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use servanda_core::chain::checkpoint::{Checkpoint, SignedCheckpoint};
use servanda_core::chain::key::{KeyName, SignatureType, SigningKey};

use crate::program::{Outcome, Scratch};

/// The name of the ledgers.
const ORIGIN: &str = "example.org/test";

/// A ledger of so many records, in one append.
fn ledger_of(records: usize) -> Scratch {
    let scratch = Scratch::with_ledger();
    add(&scratch, 1..records);
    scratch
}

/// Appends notes with these numbers.
fn add(scratch: &Scratch, numbers: std::ops::Range<usize>) {
    if numbers.is_empty() {
        return;
    }
    let lines: String = numbers
        .map(|number| format!("{{\"event\":\"note\",\"text\":\"note {number}\"}}\n"))
        .collect();
    let file = scratch.write("notes.ndjson", lines);
    scratch.run(&["import", &file.display().to_string()]).ok();
}

/// A path as an argument.
fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Publishes in a directory of the scratch, and gives its path.
fn publish(scratch: &Scratch) -> PathBuf {
    let target = scratch.path("published");
    scratch.run(&["publish", &text(&target)]).ok();
    target
}

/// The verdict on what is published.
fn verify(scratch: &Scratch, from: &Path, more: &[&str]) -> Outcome {
    let from = text(from);
    let words = ["verify", "--from", &from, "--format", "csv"];
    scratch.run(&[&words[..], more].concat())
}

fn redact(scratch: &Scratch, record: &str) -> Outcome {
    scratch.run(&[
        "redact",
        record,
        "--reason",
        "a name",
        "--authority",
        "a court",
    ])
}

/// Changes a byte of a published object.
fn flip(object: &Path, at: usize) {
    let mut bytes = std::fs::read(object).unwrap();
    bytes[at] ^= 1;
    std::fs::write(object, bytes).unwrap();
}

/// A copy of a directory, as a backup is.
fn backup(scratch: &Scratch, of: &Path, name: &str) -> PathBuf {
    let copy = scratch.path(name);
    let copied = Command::new("cp").arg("-a").args([of, &copy]).status();
    assert!(copied.unwrap().success());
    copy
}

/// The keys of a log and of a witness, and a policy that demands both.
struct Parties {
    log: SigningKey,
    witness: SigningKey,
}

impl Parties {
    fn new() -> Self {
        let key = |name, kind, seed| {
            SigningKey::from_seed(KeyName::new(name).unwrap(), kind, &[seed; 32])
        };
        Self {
            log: key(ORIGIN, SignatureType::Ed25519, 7),
            witness: key("example.org/witness", SignatureType::CosignatureV1, 8),
        }
    }

    fn policy(&self, scratch: &Scratch) -> String {
        let (log, witness) = (self.log.verifier(), self.witness.verifier());
        let policy = format!("log {log}\nwitness one {witness}\nquorum one\n");
        text(&scratch.write("witnesses.policy", policy))
    }

    /// The log's key in a file.
    fn key(&self, scratch: &Scratch) -> String {
        use std::os::unix::fs::PermissionsExt as _;
        let path = scratch.write("log.key", &*self.log.to_text());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        text(&path)
    }

    /// Cosigns the ledger as it is.
    fn cosign(&self, scratch: &Scratch) {
        let checkpoint: Checkpoint = scratch.run(&["checkpoint"]).ok().parse().unwrap();
        let mut signed = SignedCheckpoint::sign(checkpoint, &self.log).unwrap();
        let cosignature = signed.cosign(&self.witness, 1_700_000_000).unwrap();
        signed
            .add_cosignature(cosignature, self.witness.verifier())
            .unwrap();
        std::fs::write(scratch.ledger().join("cosigned"), signed.to_string()).unwrap();
    }
}

#[test]
fn a_published_ledger_has_the_verdict_of_the_ledger() {
    let scratch = ledger_of(1_300);
    let published = publish(&scratch);
    let own = scratch.run(&["verify", "--format", "csv"]).ok();
    assert_eq!(verify(&scratch, &published, &[]).ok(), own);
    assert_eq!(verify(&scratch, &published, &["--chain"]).ok(), own);
    // Publishing again changes nothing; what is new is added.
    scratch.run(&["publish", &text(&published)]).ok();
    let kept = backup(&scratch, &published, "kept");
    add(&scratch, 1_300..1_302);
    scratch.run(&["publish", &text(&published)]).ok();
    assert_eq!(verify(&scratch, &published, &[]).ok(), own);
    // An older one than this user saw was set back, or is a copy from before.
    let older = verify(&scratch, &kept, &[]);
    assert_eq!(older.code, Some(10), "{older:?}");
    assert!(
        older.stdout.contains("the checkpoint seen last"),
        "{older:?}"
    );
    // What is changed is found, and the record is named.
    flip(&published.join("tile/records/000"), 4 + 128 + 20);
    let changed = verify(&scratch, &published, &["--no-memory"]);
    assert_eq!(changed.code, Some(10), "{changed:?}");
    assert!(changed.stdout.contains("\n0,payload,"), "{changed:?}");
    // It is mended from the ledger.
    scratch
        .run(&["publish", &text(&published), "--everything"])
        .ok();
    verify(&scratch, &published, &[]).ok();
    std::fs::remove_file(published.join("tile/records/000")).unwrap();
    let missing = verify(&scratch, &published, &["--no-memory"]);
    assert_eq!(missing.code, Some(10), "{missing:?}");
    assert!(
        missing.stdout.contains("tile/records/000 is not there"),
        "{missing:?}"
    );
}

#[test]
fn signatures_and_cosignatures_are_published_and_demanded() {
    let (scratch, parties) = (ledger_of(40), Parties::new());
    let (policy, key) = (parties.policy(&scratch), parties.key(&scratch));
    let vkey = parties.log.verifier().to_string();
    let target = scratch.path("published");
    let publish = |more: &[&str]| scratch.run(&[&["publish", &text(&target)], more].concat());
    publish(&[]).ok();
    let unsigned = verify(&scratch, &target, &["--log-key", &vkey]);
    assert_eq!(unsigned.code, Some(11), "{unsigned:?}");
    publish(&["--key", &key]).ok();
    verify(&scratch, &target, &["--log-key", &vkey]).ok();
    verify(&scratch, &target, &["--policy", &policy]).fails(12, &["no witness was asked yet"]);
    // It does not become less than it was.
    publish(&[]).ok();
    verify(&scratch, &target, &["--log-key", &vkey]).ok();
    add(&scratch, 40..41);
    publish(&[]).fails(
        1,
        &["is signed, and the new one would not be", "--key FILE"],
    );
    parties.cosign(&scratch);
    publish(&["--key", &key]).ok();
    verify(&scratch, &target, &["--policy", &policy]).ok();
    // A copy with a policy takes over what is cosigned, and no more.
    let copy = text(&scratch.path("copy"));
    let clone = |more: &[&str]| scratch.run(&[&["clone", &text(&target), &copy], more].concat());
    clone(&["--policy", &policy, "--no-memory"]).ok();
    add(&scratch, 41..44);
    publish(&["--key", &key]).ok();
    let behind = clone(&["--no-memory"]);
    assert!(
        behind.stderr.contains("nothing is new: 41 records"),
        "{behind:?}"
    );
    parties.cosign(&scratch);
    publish(&["--key", &key]).ok();
    let taken = clone(&["--no-memory"]);
    assert!(taken.stderr.contains("3 records taken over"), "{taken:?}");
    scratch
        .run(&["verify", "--ledger", &copy, "--policy", &policy])
        .ok();
}

#[test]
fn another_history_is_not_published_over_this_one() {
    let scratch = ledger_of(30);
    let other = scratch.copied();
    let published = publish(&scratch);
    add(&scratch, 30..32);
    scratch.run(&["publish", &text(&published)]).ok();
    let before = crate::program::contents(&published);
    // A restored backup goes on with other records.
    add(&other, 40..45);
    let refused = other.run(&["publish", &text(&published), "--no-memory"]);
    refused.fails(
        10,
        &[
            "the histories have parted",
            "here:  example.org/test 32",
            "there: example.org/test 32",
        ],
    );
    // A ledger that has fewer lost its tail, or is older.
    let shorter = ledger_of(3).run(&["publish", &text(&published)]);
    shorter.fails(10, &["it lost its tail", "here:  example.org/test 3"]);
    assert_eq!(crate::program::contents(&published), before);
    verify(&scratch, &published, &[]).ok();
}

#[test]
fn a_redaction_is_carried_out_where_it_is_published() {
    let scratch = ledger_of(3);
    let secret = "a name that is to be gone";
    scratch.run(&["record", "note", "--text", secret]).ok();
    let published = publish(&scratch);
    let holds = |dir: &Path| {
        let objects = crate::program::contents(dir);
        let mut windows = objects
            .iter()
            .flat_map(|(_, bytes)| bytes.windows(secret.len()));
        windows.any(|window| window == secret.as_bytes())
    };
    assert!(holds(&published));
    redact(&scratch, "3").ok();
    let done = scratch.run(&["publish", &text(&published)]);
    assert!(
        done.stderr
            .contains("copies that others made still hold those words"),
        "{done:?}"
    );
    assert!(!holds(&published));
    verify(&scratch, &published, &[]).ok();
}

/// Somebody who knows docs/publishing.md and none of our code reads what is published, and docs/verify.py verifies it.
#[test]
fn a_reader_of_other_makers_comes_to_the_same() {
    let scratch = ledger_of(2 * 1_024 + 300);
    redact(&scratch, "7").ok();
    let published = publish(&scratch);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/read_published.py");
    let read = |from: &Path| {
        let mut python = Command::new("python3");
        python
            .arg("-B")
            .arg(&script)
            .arg(from)
            .stderr(Stdio::piped());
        python.output().unwrap()
    };
    let raw = read(&published);
    assert!(raw.status.success(), "{raw:?}");
    assert_eq!(
        String::from_utf8(raw.stdout.clone()).unwrap(),
        scratch.records()
    );
    let raw = scratch.write("raw.ndjson", raw.stdout);
    let verified = Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/verify.py"))
        .arg("--checkpoint")
        .args([published.join("checkpoint"), raw])
        .output();
    let verified = verified.unwrap();
    assert!(verified.status.success(), "{verified:?}");
    flip(&published.join("tile/0/003"), 40);
    assert!(!read(&published).status.success());
}
