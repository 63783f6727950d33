//! Signed ledgers and bundles of them: what `verify` finds, docs/verify.py finds too.
//!
//! The chains are bound by hand, without rules and with whatever signatures, so that they can lie.

mod written;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;

use servanda_core::chain::checkpoint::{Checkpoint, SignedCheckpoint};
use servanda_core::chain::codec;
use servanda_core::chain::key::{KeyName, SignatureType, SigningKey};
use servanda_core::chain::record::{
    BatchSignature, Head, Record, SALT_LEN, Sealed, Unbound, bind, recorder_message,
};
use servanda_core::chain::tree::{Frontier, leaf_hash};
use servanda_core::event::{Event, Kind};
use servanda_core::signatures;
use servanda_ledger::verify::{FindingKind, Unwatched, verify};
use servanda_log::memory::MemoryLog;

use super::format::{
    Ran, assert_found, assert_sound, event, hex, joined, lines, piped, python, raw_export, read,
    root, verify_export,
};
use super::program::Scratch;
use crate::javascript;

const BROKEN: i32 = 10;
const BAD_SIGNATURE: i32 = 11;
const NOT_ANCHORED: i32 = 12;

const ORIGIN: &str = "servanda.example/log1";

/// The key of seed 01 × 32 or 02 × 32.
fn key(name: &str, seed: u8) -> SigningKey {
    let name = KeyName::new(name).unwrap();
    SigningKey::from_seed(name, SignatureType::Ed25519, &[seed; 32])
}

fn vkey(key: &SigningKey) -> String {
    key.verifier().to_string()
}

/// A chain bound by hand.
struct Chain {
    records: Vec<Record>,
    head: Head,
    salt: u8,
}

impl Chain {
    /// Appends a batch, signed with these keys.
    fn append(&mut self, events: &[Event], keys: &[&SigningKey]) {
        let time = 1_700_000_000_000_000 + i64::try_from(self.head.count).unwrap();
        let unbound = events.iter().map(|event| Unbound {
            content: codec::encode(event).unwrap(),
            salt: [self.salt; SALT_LEN],
            erasable: event.kind().is_erasable(|| None),
            recorded_at: time,
            asserted: false,
        });
        let (mut bound, head) = bind(self.head, unbound.collect());
        let message = recorder_message(ORIGIN, head);
        let mut signed: Vec<BatchSignature> = keys
            .iter()
            .map(|key| BatchSignature {
                key_id: key.verifier().id().to_be_bytes(),
                signature: key.sign(&message),
            })
            .collect();
        signed.sort_by_key(|one| one.key_id);
        bound.last_mut().unwrap().signatures = signed;
        self.records.extend(bound);
        self.head = head;
    }

    fn export(&self) -> String {
        raw_export(&self.records, self.head)
    }

    fn checkpoint(&self, size: usize, origin: &str) -> Checkpoint {
        let mut tree = Frontier::new();
        for record in &self.records[..size] {
            tree.push(leaf_hash(&record.header.to_bytes())).unwrap();
        }
        Checkpoint::new(origin, tree.size(), tree.root()).unwrap()
    }

    /// What `verify` finds.
    fn found(&self) -> Vec<(FindingKind, Vec<u64>)> {
        let sealed = self.records.iter().map(Record::seal).collect();
        found_in(sealed, self.head)
    }
}

fn found_in(sealed: Vec<Sealed>, head: Head) -> Vec<(FindingKind, Vec<u64>)> {
    let verdict = verify(&MemoryLog::of(sealed, head), &mut Unwatched).unwrap();
    let findings = verdict.findings.into_iter();
    findings
        .map(|finding| (finding.kind, finding.records))
        .collect()
}

fn note(text: &str, by: &str) -> Event {
    event(Kind::Noted, &[("text", &[text]), ("recorded_by", &[by])])
}

fn party(id: &str) -> Event {
    event(
        Kind::PartyRegistered,
        &[("id", &[id]), ("kind", &["state"]), ("name", &[id])],
    )
}

/// Recorder alice is admitted with seed 01 in record 4, takes seed 02 in record 7 and is revoked in record 11;
/// Colombia acknowledges record 3 in record 10. From record `other_from` on the salts are others: the same story,
/// written anew by somebody with all the keys.
fn signed(other_from: u64) -> Chain {
    let (first, second, colombia) = (key("alice", 1), key("alice", 2), key("colombia", 2));
    let mut chain = Chain {
        records: Vec::new(),
        head: Head::EMPTY,
        salt: 7,
    };
    let append = |chain: &mut Chain, events: &[Event], keys: &[&SigningKey]| {
        chain.salt = if chain.head.count < other_from { 7 } else { 8 };
        chain.append(events, keys);
    };
    let opening = event(Kind::LedgerOpened, &[("origin", &[ORIGIN])]);
    append(&mut chain, &[opening], &[]);
    let agreement = event(
        Kind::AgreementRecorded,
        &[
            ("id", &["A1"]),
            ("title", &["Roadmap"]),
            ("party", &["colombia", "venezuela"]),
            ("on", &["2023-05-11"]),
        ],
    );
    let parties = [party("colombia"), party("venezuela"), agreement];
    append(&mut chain, &parties, &[]);
    let admitted = event(
        Kind::RecorderAdmitted,
        &[("id", &["alice"]), ("key", &[&vkey(&first)])],
    );
    append(&mut chain, &[admitted], &[]);
    let notes = [note("one", "alice"), note("two", "the clerk")];
    append(&mut chain, &notes, &[&first]);
    let rotated = event(
        Kind::RecorderRotated,
        &[("recorder", &["alice"]), ("key", &[&vkey(&second)])],
    );
    append(&mut chain, &[rotated], &[&first, &second]);
    append(&mut chain, &[note("three", "alice")], &[&second]);
    let declared = event(
        Kind::PartyKeyDeclared,
        &[("party", &["colombia"]), ("key", &[&vkey(&colombia)])],
    );
    append(&mut chain, &[declared], &[]);
    let link = chain.records[3].header.link();
    let signature =
        signatures::acknowledge(&colombia, ORIGIN, &"colombia".parse().unwrap(), 3, link);
    let acknowledged = event(
        Kind::Acknowledged,
        &[
            ("record", &["3"]),
            ("party", &["colombia"]),
            ("signature", &[&signature]),
            ("recorded_by", &["alice"]),
        ],
    );
    append(&mut chain, &[acknowledged], &[&second]);
    let revoked = event(
        Kind::RecorderRevoked,
        &[("recorder", &["alice"]), ("reason", &["left"])],
    );
    append(&mut chain, &[revoked], &[]);
    append(&mut chain, &[note("the end", "the clerk")], &[]);
    chain
}

fn honest() -> Chain {
    signed(u64::MAX)
}

/// Both find it, in this record, as a bad signature and nothing else.
#[track_caller]
fn assert_both_find_a_bad_signature(chain: &Chain, record: u64) {
    let found = chain.found();
    assert!(
        found.contains(&(FindingKind::Signature, vec![record])),
        "{found:?}"
    );
    let ran = verify_export(&[], &chain.export());
    let named = ran
        .stdout
        .contains(&format!("record {record}: signature: "));
    assert!(
        named && ran.code == Some(BAD_SIGNATURE),
        "{:?} {}",
        ran.code,
        ran.stdout
    );
}

#[test]
fn the_golden_signed_export_is_what_was_pinned() {
    let chain = honest();
    assert_eq!(chain.found(), []);
    assert_eq!(chain.export(), read("fixtures/golden/signed.ndjson"));
    assert_sound(&[], &chain.export());
    let said = verify_export(&[], &chain.export()).stdout;
    // Five by alice's keys, one by Colombia's.
    assert!(
        said.contains("signatures of recorders and parties: 6"),
        "{said}"
    );
    let checkpoint = chain.checkpoint(13, ORIGIN);
    assert!(
        said.contains(&format!("tree 13:{}", checkpoint.root().to_base64())),
        "{said}"
    );
}

/// Writes the golden file once; it is never replaced.
#[test]
#[ignore = "writes a file, once"]
fn write_the_golden_signed_export() {
    let path = root().join("fixtures/golden/signed.ndjson");
    let mut file = fs::File::create_new(path).unwrap();
    std::io::Write::write_all(&mut file, honest().export().as_bytes()).unwrap();
}

#[test]
fn a_flipped_byte_in_any_part_of_a_record_is_found_by_both() {
    let chain = honest();
    let sealed: Vec<Sealed> = chain.records.iter().map(Record::seal).collect();
    let all = lines(&chain.export());
    for (seq, record) in chain.records.iter().enumerate() {
        let bytes = &sealed[seq].0;
        let body = 145 + record.header.payload_len as usize;
        // Version, time, link, digest, presence (both bits), salt, payload; then of the first and last signature
        // their number, a key's id and both halves.
        let mut places = vec![0, 17, 40, 70, 128, 130, body - 1];
        if !record.signatures.is_empty() {
            places.extend([body, body + 1, body + 5, body + 5 + 40, bytes.len() - 1]);
        }
        for (at, mask) in places.into_iter().map(|at| (at, 1)).chain([(128, 2)]) {
            let mut changed = sealed.clone();
            changed[seq].tamper(|bytes| bytes[at] ^= mask);
            assert_ne!(found_in(changed.clone(), chain.head), [], "{seq} {at}");
            let mut export = all.clone();
            let link = record.header.link().to_string();
            export[seq] =
                serde_json::json!({"seq": seq, "link": link, "record": hex(&changed[seq].0)})
                    .to_string();
            let ran = verify_export(&[], &joined(&export));
            let exit = if at > body {
                [BAD_SIGNATURE, BROKEN]
            } else {
                [BROKEN; 2]
            };
            let named = ran.stdout.contains(&format!("record {seq}: "));
            assert!(
                named && ran.code.is_some_and(|code| exit.contains(&code)),
                "record {seq}, byte {at}: {}",
                ran.stdout
            );
        }
    }
}

#[test]
fn signatures_that_are_missing_forged_or_too_many_are_found_by_both() {
    // Stripped.
    for seq in [6, 7, 8, 10] {
        let mut chain = honest();
        chain.records[seq].signatures.clear();
        assert_both_find_a_bad_signature(&chain, seq as u64);
    }
    // A rotation with one of the two keys.
    for which in 0..2 {
        let mut chain = honest();
        chain.records[7].signatures.remove(which);
        assert_both_find_a_bad_signature(&chain, 7);
    }
    // Another batch's, nobody's, in the middle of a batch.
    let mut chain = honest();
    chain.records[10].signatures = chain.records[8].signatures.clone();
    assert_both_find_a_bad_signature(&chain, 10);
    let mut chain = honest();
    chain.records[12].signatures = chain.records[8].signatures.clone();
    assert_both_find_a_bad_signature(&chain, 12);
    let mut chain = honest();
    chain.records[5].signatures = chain.records[6].signatures.clone();
    assert_both_find_a_bad_signature(&chain, 5);
}

#[test]
fn keys_that_may_no_longer_sign_are_found_by_both() {
    let (first, second) = (key("alice", 1), key("alice", 2));
    // After the revocation, with either key, and without any.
    for keys in [&[&first][..], &[&second], &[]] {
        let mut chain = honest();
        chain.append(&[note("late", "alice")], keys);
        let found = chain.found();
        assert!(
            found.iter().any(|(_, records)| *records == [13]),
            "{found:?}"
        );
        let ran = verify_export(&[], &chain.export());
        assert_eq!(ran.code, Some(BAD_SIGNATURE), "{}", ran.stdout);
        assert!(
            ran.stdout.contains("record 13: signature: "),
            "{}",
            ran.stdout
        );
    }
    // With the key from before the rotation.
    let mut chain = honest();
    chain.records.truncate(8);
    chain.head = Head::after(&chain.records[7].header);
    chain.append(&[note("three", "alice")], &[&first]);
    assert_both_find_a_bad_signature(&chain, 8);
}

#[test]
fn an_acknowledgement_of_something_else_is_found_by_both() {
    let chain = honest();
    let (first, colombia) = (key("alice", 1), key("colombia", 2));
    let link = chain.records[3].header.link();
    let party = |id: &str| id.parse().unwrap();
    let sign = |origin: &str, id: &str, seq| {
        signatures::acknowledge(&colombia, origin, &party(id), seq, link)
    };
    for signature in [
        sign("example.org/other", "colombia", 3),
        sign(ORIGIN, "venezuela", 3),
        sign(ORIGIN, "colombia", 2),
        signatures::acknowledge(&first, ORIGIN, &party("colombia"), 3, link),
        "AAAA".to_owned(),
    ] {
        let mut chain = honest();
        chain.records.truncate(10);
        chain.head = Head::after(&chain.records[9].header);
        let fields: &[(&str, &[&str])] = &[
            ("record", &["3"]),
            ("party", &["colombia"]),
            ("signature", &[&signature]),
        ];
        chain.append(&[event(Kind::Acknowledged, fields)], &[]);
        assert_both_find_a_bad_signature(&chain, 10);
    }
}

#[test]
fn a_signed_record_whose_payload_is_redacted_stays_sound() {
    let first = key("alice", 1);
    let redaction = event(
        Kind::Redacted,
        &[
            ("record", &["8"]),
            ("reason", &["r"]),
            ("authority", &["a"]),
        ],
    );
    let redacted = || {
        let mut chain = honest();
        chain.append(std::slice::from_ref(&redaction), &[]);
        chain.records[8].body = None;
        chain
    };
    assert_eq!(redacted().found(), []);
    assert_sound(&[], &redacted().export());
    // Who signed is still checked.
    let mut forged = redacted();
    forged.records[8].signatures[0].signature[40] ^= 1;
    assert_both_find_a_bad_signature(&forged, 8);
    let mut other = redacted();
    let message = recorder_message(ORIGIN, Head::after(&other.records[8].header));
    other.records[8].signatures[0] = BatchSignature {
        key_id: first.verifier().id().to_be_bytes(),
        signature: first.sign(&message),
    };
    assert_both_find_a_bad_signature(&other, 8);
}

#[test]
fn moved_dropped_and_doubled_records_are_found_though_signed() {
    let all = lines(&honest().export());
    for seq in [3, 7, 10] {
        let mut swapped = all.clone();
        swapped.swap(seq, seq + 1);
        assert_found(&[], &joined(&swapped), seq as u64, &["missing"]);
        let mut dropped = all.clone();
        dropped.remove(seq);
        assert_found(&[], &joined(&dropped), seq as u64, &["missing"]);
        let mut doubled = all.clone();
        doubled.insert(seq, all[seq].clone());
        assert_found(&[], &joined(&doubled), seq as u64, &["misplaced"]);
    }
}

#[test]
fn a_checkpoint_finds_what_no_chain_can_show() {
    let scratch = Scratch::empty();
    let chain = honest();
    let log = key(ORIGIN, 1);
    let keep = |name: &str, checkpoint: Checkpoint| {
        let signed = SignedCheckpoint::sign(checkpoint, &log).unwrap();
        let path = scratch.write(name, signed.to_string());
        path.to_str().unwrap().to_owned()
    };
    let whole = keep("whole", chain.checkpoint(13, ORIGIN));
    let half = keep("half", chain.checkpoint(7, ORIGIN));
    let unsigned = scratch.write("unsigned", chain.checkpoint(13, ORIGIN).to_string());
    let unsigned = unsigned.to_str().unwrap();
    let log_vkey = vkey(&log);
    let asked: &[&str] = &["--log-key", &log_vkey, "--checkpoint"];
    let with = |path: &str, export: &str| verify_export(&[asked, &[path]].concat(), export);

    assert_sound(
        &["--checkpoint", &half, "--checkpoint", &whole],
        &chain.export(),
    );
    assert_sound(&["--checkpoint", unsigned], &chain.export());
    for path in [&whole, &half] {
        let ran = with(path, &chain.export());
        assert_eq!(ran.code, Some(0), "{}", ran.stdout);
        assert!(!ran.stdout.contains("tail was cut"), "{}", ran.stdout);
    }

    // The tail is cut, and the head line says so: sound by itself.
    let mut cut = honest();
    cut.records.truncate(9);
    cut.head = Head::after(&cut.records[8].header);
    assert_sound(&[], &cut.export());
    assert_sound(&["--checkpoint", &half], &cut.export());
    assert_found(&["--checkpoint", &whole], &cut.export(), 12, &["anchor"]);

    // All written anew from some record on, by somebody with all the keys.
    for from in [0, 4, 12] {
        let rewritten = signed(from);
        assert_sound(&[], &rewritten.export());
        assert_eq!(rewritten.found(), []);
        assert_found(
            &["--checkpoint", &whole],
            &rewritten.export(),
            12,
            &["anchor"],
        );
    }
    assert_sound(&["--checkpoint", &half], &signed(7).export());

    // Of another ledger.
    let path = scratch.write(
        "other",
        chain.checkpoint(13, "example.org/other").to_string(),
    );
    let other = ["--checkpoint", path.to_str().unwrap()];
    assert_found(&other, &chain.export(), 12, &["anchor"]);

    // Who signed it.
    let bad = |ran: Ran| {
        assert_eq!(ran.code, Some(BAD_SIGNATURE), "{}", ran.stdout);
        assert!(ran.stdout.contains(": signature: "), "{}", ran.stdout);
    };
    bad(with(unsigned, &chain.export()));
    let stranger = vkey(&key(ORIGIN, 2));
    let options = ["--log-key", &stranger, "--checkpoint", &whole];
    bad(verify_export(&options, &chain.export()));
    let text = fs::read_to_string(&whole).unwrap();
    // The first characters are the key's id.
    let at = text.rfind(' ').unwrap() + 20;
    let other = if &text[at..=at] == "A" { "B" } else { "A" };
    let forged = format!("{}{other}{}", &text[..at], &text[at + 1..]);
    let forged = scratch.write("forged", forged);
    bad(with(forged.to_str().unwrap(), &chain.export()));

    // What is no checkpoint or policy, or asks for nothing, is no verdict.
    for (code, options) in [
        (1, &["--checkpoint", "/no/such/file"][..]),
        (2, &["--log-key", &log_vkey]),
        (2, &["--log-key", "nonsense", "--checkpoint", &whole]),
        (1, &["--policy", &whole, "--checkpoint", &whole]),
    ] {
        let ran = verify_export(options, &chain.export());
        assert_eq!(ran.code, Some(code), "{options:?}");
    }
}

#[test]
fn a_policy_asks_for_a_quorum_of_witnesses() {
    let scratch = Scratch::empty();
    let chain = honest();
    let log = key(ORIGIN, 1);
    let witness = |seed: u8| {
        let name = KeyName::new(format!("witness.example/w{seed}")).unwrap();
        SigningKey::from_seed(name, SignatureType::CosignatureV1, &[seed; 32])
    };
    let witnesses = [witness(2), witness(3), witness(4)];
    let cosigned_by = |count: usize| {
        let mut signed = SignedCheckpoint::sign(chain.checkpoint(13, ORIGIN), &log).unwrap();
        for key in &witnesses[..count] {
            let line = signed.cosign(key, 1_700_000_000).unwrap();
            signed.add_cosignature(line, key.verifier()).unwrap();
        }
        signed.to_string()
    };
    let mut policy = format!("# two of three\nlog {}\n", vkey(&log));
    for (name, key) in ["a", "b", "c"].iter().zip(&witnesses) {
        policy.push_str(&format!(
            "witness {name} {} https://w.example/\n",
            vkey(key)
        ));
    }
    policy.push_str("group strangers 2 a b c\nquorum strangers\n");
    let path = scratch.write("policy", &policy);
    let policy = path.to_str().unwrap();
    for (count, code) in [(0, NOT_ANCHORED), (1, NOT_ANCHORED), (2, 0), (3, 0)] {
        let path = scratch.write("cosigned", cosigned_by(count));
        let options = ["--policy", policy, "--checkpoint", path.to_str().unwrap()];
        let ran = verify_export(&options, &chain.export());
        assert_eq!(ran.code, Some(code), "{count}: {}", ran.stdout);
    }
    // A cosignature with another time is none, and spoils the whole.
    let mut wrong = SignedCheckpoint::sign(chain.checkpoint(13, ORIGIN), &log).unwrap();
    for key in &witnesses {
        let line = wrong.cosign(key, 1_700_000_000).unwrap();
        wrong.add_cosignature(line, key.verifier()).unwrap();
    }
    let text = wrong.to_string();
    // Six characters in are bytes of the time.
    let last = text.trim_end().rfind(' ').unwrap() + 1 + 10;
    let other = if &text[last..=last] == "B" { "C" } else { "B" };
    let text = format!("{}{other}{}", &text[..last], &text[last + 1..]);
    let path = scratch.write("cosigned", text);
    let options = ["--policy", policy, "--checkpoint", path.to_str().unwrap()];
    let ran = verify_export(&options, &chain.export());
    assert_eq!(ran.code, Some(BAD_SIGNATURE), "{}", ran.stdout);
}
