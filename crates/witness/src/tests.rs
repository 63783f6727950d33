use std::sync::Barrier;
use std::thread;

use proptest::prelude::*;

use super::cosigned::CosignedDirectory;
use super::testing::{NOW, ORIGIN, TestLog, Volatile, secret, witness_key};
use super::*;
use crate::cosigned::origin_hash;
use crate::request::AddCheckpoint;
use servanda_core::chain::checkpoint::Checkpoint;
use servanda_core::chain::checkpoint::SignedCheckpoint;
use servanda_core::chain::key::{SignatureType, VerifierKey};
use servanda_core::chain::note::{Note, NoteError, NoteSignature};
use servanda_core::chain::tree::{TreeHash, empty_root, leaf_hash};
use servanda_core::chain::vectors::{COSIGNATURE, LOG_VKEY, SIGNED, TIMESTAMP};

fn witness() -> Witness {
    TestLog::of(0).witness(Volatile::default()).unwrap()
}

/// A witness that cosigned this log at this size.
fn witness_at(log: &TestLog, size: u64) -> Witness {
    let witness = witness();
    cosigned(&witness, &log.body(0, size));
    witness
}

fn cosigned(witness: &Witness, body: &[u8]) -> NoteSignature {
    match witness.add_checkpoint(body, NOW) {
        Answer::Cosigned { cosignature, .. } => cosignature,
        other => panic!("{} {other}", other.status()),
    }
}

fn refused(witness: &Witness, body: &[u8], status: u16) -> Answer {
    let before = witness.latest(ORIGIN).ok();
    let answer = witness.add_checkpoint(body, NOW);
    assert_eq!(answer.status(), status, "{answer}");
    assert_eq!(
        witness.latest(ORIGIN).ok(),
        before,
        "a refusal changes nothing"
    );
    assert!(!answer.body().contains('—'), "a refusal cosigns nothing");
    answer
}

fn body(old: u64, proof: &[TreeHash], signed: &SignedCheckpoint) -> Vec<u8> {
    AddCheckpoint::write(old, proof, signed).into_bytes()
}

/// A checkpoint of the log, whatever its text, signed by its key.
fn signed_text(text: &str) -> String {
    let log = TestLog::of(0);
    Note::sign(text, log.key()).unwrap().to_string()
}

// ---- 200 ----

#[test]
fn the_known_checkpoint_gets_the_known_cosignature() {
    let logs = [LOG_VKEY.parse().unwrap()];
    let witness = Witness::new(witness_key(), logs, Box::new(Volatile::default())).unwrap();
    let answer = witness.add_checkpoint(format!("old 0\n\n{SIGNED}").as_bytes(), TIMESTAMP);
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.content_type(), "text/plain; charset=utf-8");
    assert_eq!(answer.body(), COSIGNATURE);
    let kept = witness.latest(ORIGIN).unwrap().unwrap();
    assert_eq!(kept.to_string(), format!("{SIGNED}{COSIGNATURE}"));
    let hash = origin_hash(ORIGIN);
    assert_eq!(witness.latest_by_hash(&hash).unwrap(), Some(kept));
    assert_eq!(witness.latest_by_hash("").unwrap(), None);
}

#[test]
fn a_log_may_grow_from_any_size_to_any_other() {
    let log = TestLog::of(20);
    for old in 0..=20 {
        for new in old..=20 {
            let witness = witness_at(&log, old);
            let cosignature = cosigned(&witness, &log.body(old, new));
            let text = log.checkpoint(new);
            let by = witness.verifier();
            assert_eq!(
                cosignature.verify_cosignature(text.note().text(), by),
                Ok(NOW)
            );
            let kept = witness.latest(ORIGIN).unwrap().unwrap();
            assert_eq!(kept.unverified().size(), new);
        }
    }
}

#[test]
fn strangers_signatures_are_neither_checked_nor_kept() {
    let log = TestLog::of(3);
    let stranger = secret(ORIGIN, SignatureType::Ed25519, 9);
    let mut note = log.checkpoint(3).note().clone();
    let wrong = NoteSignature::sign("other text\n", &stranger).unwrap();
    note.add(wrong).unwrap();
    let witness = witness();
    let cosignature = cosigned(&witness, format!("old 0\n\n{note}").as_bytes());
    let kept = witness.latest(ORIGIN).unwrap().unwrap();
    let expected = format!("{}{cosignature}\n", log.checkpoint(3));
    assert_eq!(kept.to_string(), expected);
}

#[test]
fn extension_lines_are_cosigned_as_they_are() {
    let witness = witness();
    let root = empty_root().to_base64();
    let text = format!("{ORIGIN}\n0\n{root}\nan extension\n");
    let cosignature = cosigned(
        &witness,
        format!("old 0\n\n{}", signed_text(&text)).as_bytes(),
    );
    assert!(
        cosignature
            .verify_cosignature(&text, witness.verifier())
            .is_ok()
    );
}

#[test]
fn a_log_may_have_several_keys() {
    let log = TestLog::of(3);
    let second = secret(ORIGIN, SignatureType::Ed25519, 7);
    let keys = [log.key().verifier().clone(), second.verifier().clone()];
    let witness = Witness::new(witness_key(), keys, Box::new(Volatile::default())).unwrap();
    cosigned(&witness, &log.body(0, 2));
    let grown = SignedCheckpoint::sign(log.checkpoint(3).unverified().clone(), &second).unwrap();
    cosigned(&witness, &body(2, &log.proof(2, 3), &grown));
}

// ---- 400 ----

#[test]
fn what_is_no_request_is_malformed() {
    let witness = witness();
    let log = TestLog::of(3);
    let whole = log.body(2, 3);
    for len in 0..whole.len() {
        refused(&witness, &whole[..len], 400);
    }
    for text in ["", "old 0\n\n", "old 0\n\nx\n", "\n\n\n\n", "{}"] {
        refused(&witness, text.as_bytes(), 400);
    }
}

#[test]
fn an_old_size_above_the_new_one_is_malformed() {
    let log = TestLog::of(7);
    let witness = witness_at(&log, 7);
    // What a log does that was rolled back, and tells the truth about it.
    let answer = refused(&witness, &body(7, &[], &log.checkpoint(5)), 400);
    assert!(matches!(answer, Answer::OldAboveSize { old: 7, size: 5 }));
}

// ---- 403 ----

#[test]
fn a_checkpoint_without_a_trusted_signature_is_refused() {
    let stranger = secret(ORIGIN, SignatureType::Ed25519, 9);
    let checkpoint = TestLog::of(3).checkpoint(3).unverified().clone();
    let signed = SignedCheckpoint::sign(checkpoint, &stranger).unwrap();
    let answer = refused(&witness(), &body(0, &[], &signed), 403);
    assert!(matches!(
        answer,
        Answer::Untrusted {
            why: NoteError::NoKnownSignature,
            ..
        }
    ));
}

#[test]
fn a_trusted_signature_that_fails_spoils_the_others() {
    let log = TestLog::of(3);
    let wrong = NoteSignature::sign("other text\n", log.key()).unwrap();
    let mut note = log.checkpoint(3).note().clone();
    note.add(wrong).unwrap();
    let answer = refused(&witness(), format!("old 0\n\n{note}").as_bytes(), 403);
    assert!(matches!(
        answer,
        Answer::Untrusted {
            why: NoteError::BadSignature { .. },
            ..
        }
    ));
}

#[test]
fn a_key_of_one_log_does_not_speak_for_another() {
    let log = TestLog::of(3);
    let other = secret("example.org/other", SignatureType::Ed25519, 1);
    let keys = [log.key().verifier().clone(), other.verifier().clone()];
    let witness = Witness::new(witness_key(), keys, Box::new(Volatile::default())).unwrap();
    let checkpoint = log.checkpoint(3).unverified().to_string();
    let note = Note::sign(checkpoint, &other).unwrap();
    refused(&witness, format!("old 0\n\n{note}").as_bytes(), 403);
}

// ---- 404 ----

#[test]
fn a_log_that_is_not_known_is_not_found() {
    let other = secret("example.org/other", SignatureType::Ed25519, 1);
    let checkpoint = Checkpoint::new("example.org/other", 0, empty_root()).unwrap();
    let signed = SignedCheckpoint::sign(checkpoint, &other).unwrap();
    refused(&witness(), &body(0, &[], &signed), 404);
    // Before anything else about it is said.
    refused(&witness(), &body(9, &[], &signed), 404);
}

// ---- 409 ----

#[test]
fn another_old_size_is_a_conflict_that_names_the_right_one() {
    let log = TestLog::of(9);
    for (known, old, new) in [(7, 0, 9), (7, 5, 9), (7, 8, 9), (7, 5, 5), (0, 3, 9)] {
        let witness = witness_at(&log, known);
        let answer = refused(&witness, &log.body(old, new), 409);
        assert_eq!(answer.content_type(), "text/x.tlog.size");
        assert_eq!(answer.body(), format!("{known}\n"));
    }
    // Never cosigned: zero.
    let answer = refused(&witness(), &log.body(3, 9), 409);
    assert_eq!(answer.body(), "0\n");
}

// ---- 422 ----

#[test]
fn a_fork_is_refused_wherever_it_begins() {
    let log = TestLog::of(12);
    for fork in 0..7 {
        let forked = TestLog::forked(fork, 12);
        for new in 7..=12 {
            let witness = witness_at(&log, 7);
            let answer = refused(&witness, &forked.body(7, new), 422);
            let Answer::Inconsistent { root, .. } = answer else {
                panic!("{answer}");
            };
            assert_eq!(root, *forked.checkpoint(new).unverified().root());
            refused(
                &witness,
                &body(7, &log.proof(7, new), &forked.checkpoint(new)),
                422,
            );
        }
    }
}

#[test]
fn a_proof_has_to_be_the_proof() {
    let log = TestLog::of(12);
    let witness = witness_at(&log, 7);
    let right = log.proof(7, 12);
    let signed = log.checkpoint(12);
    refused(&witness, &body(7, &[], &signed), 422);
    refused(&witness, &body(7, &right[1..], &signed), 422);
    refused(
        &witness,
        &body(7, &[&right[..], &right[..1]].concat(), &signed),
        422,
    );
    let mut swapped = right.clone();
    swapped.swap(0, 1);
    refused(&witness, &body(7, &swapped, &signed), 422);
    // The same size needs none.
    refused(&witness, &body(7, &right[..1], &log.checkpoint(7)), 422);
    cosigned(&witness, &body(7, &right, &signed));
}

#[test]
fn the_empty_tree_needs_no_proof_and_takes_none() {
    let log = TestLog::of(7);
    refused(
        &witness(),
        &body(0, &log.proof(3, 7), &log.checkpoint(7)),
        422,
    );
}

#[test]
fn the_same_size_with_another_root_is_refused() {
    let (log, forked) = (TestLog::of(7), TestLog::forked(6, 7));
    let witness = witness_at(&log, 7);
    let answer = refused(&witness, &forked.body(7, 7), 422);
    let line = answer.to_string();
    assert!(line.contains("size 7") && line.contains(ORIGIN), "{line}");
    cosigned(&witness, &log.body(7, 7));
}

#[test]
fn a_size_of_zero_has_one_root() {
    let text = format!("{ORIGIN}\n0\n{}\n", leaf_hash(b"x").to_base64());
    let note = signed_text(&text);
    refused(&witness(), format!("old 0\n\n{note}").as_bytes(), 422);
    // The answers that come first, come first.
    refused(&witness(), format!("old 1\n\n{note}").as_bytes(), 400);
    let witness = witness_at(&TestLog::of(7), 7);
    refused(&witness, format!("old 0\n\n{note}").as_bytes(), 409);
    let other = note.replace(ORIGIN, "example.org/other");
    refused(&witness, format!("old 0\n\n{other}").as_bytes(), 404);
    let [x, y] = [b"x", b"y"].map(|data| leaf_hash(data).to_base64());
    let unsigned = note.replace(&x, &y);
    refused(&witness, format!("old 0\n\n{unsigned}").as_bytes(), 403);
}

// ---- 500 ----

#[test]
fn what_cannot_be_remembered_is_not_cosigned() {
    let log = TestLog::of(9);
    let memory = Volatile::default();
    let witness = log.witness(memory.clone()).unwrap();
    cosigned(&witness, &log.body(0, 7));
    memory.0.lock().unwrap().fails = true;
    let answer = refused(&witness, &log.body(7, 9), 500);
    assert!(answer.to_string().contains("/secret/place"), "{answer}");
    assert!(!answer.body().contains("secret"), "{}", answer.body());
    memory.0.lock().unwrap().fails = false;
    cosigned(&witness, &log.body(7, 9));
}

#[test]
fn a_panic_in_the_middle_stops_the_witness() {
    let log = TestLog::of(9);
    let memory = Volatile::default();
    let witness = log.witness(memory.clone()).unwrap();
    memory.0.lock().unwrap().panics = true;
    thread::scope(|scope| {
        let asked = scope.spawn(|| witness.add_checkpoint(&log.body(0, 7), NOW));
        assert!(asked.join().is_err());
    });
    let answer = refused(&witness, &log.body(0, 7), 500);
    assert!(matches!(answer, Answer::Failed(WitnessError::Interrupted)));
}

#[test]
fn a_time_that_cannot_be_stated_is_not() {
    let log = TestLog::of(9);
    let witness = witness();
    for now in [0, 1 << 63, u64::MAX] {
        let answer = witness.add_checkpoint(&log.body(0, 7), now);
        assert!(
            matches!(answer, Answer::Failed(WitnessError::Clock { .. })),
            "{answer}"
        );
    }
    assert_eq!(witness.latest(ORIGIN).unwrap(), None);
}

// ---- What is remembered ----

#[test]
fn what_was_remembered_holds_after_a_restart() {
    let (log, forked) = (TestLog::of(12), TestLog::forked(5, 12));
    let dir = tempfile::tempdir().unwrap();
    let open = || {
        log.witness(CosignedDirectory::open(dir.path()).unwrap())
            .unwrap()
    };
    cosigned(&open(), &log.body(0, 7));
    refused(&open(), &log.body(0, 5), 409);
    refused(&open(), &forked.body(7, 12), 422);
    cosigned(&open(), &log.body(7, 12));
    refused(&open(), &log.body(7, 12), 409);
}

#[test]
fn it_is_on_the_disk_before_the_answer_is_there() {
    let log = TestLog::of(7);
    let dir = tempfile::tempdir().unwrap();
    let memory = CosignedDirectory::open(dir.path()).unwrap();
    let file = memory.file(ORIGIN);
    let witness = log.witness(memory).unwrap();
    let cosignature = cosigned(&witness, &log.body(0, 7));
    let text = std::fs::read_to_string(file).unwrap();
    assert_eq!(text, format!("{}{cosignature}\n", log.checkpoint(7)));
}

#[test]
fn a_changed_memory_is_not_trusted_and_not_overwritten() {
    let log = TestLog::of(9);
    let dir = tempfile::tempdir().unwrap();
    let memory = CosignedDirectory::open(dir.path()).unwrap();
    let file = memory.file(ORIGIN);
    let witness = log.witness(memory).unwrap();
    cosigned(&witness, &log.body(0, 7));
    // A well-formed note, but nobody signed it.
    let text = std::fs::read_to_string(&file).unwrap();
    let rolled_back = text.replacen("\n7\n", "\n6\n", 1);
    std::fs::write(&file, &rolled_back).unwrap();
    let answer = witness.add_checkpoint(&log.body(6, 9), NOW);
    assert!(
        matches!(answer, Answer::Failed(WitnessError::NotMine { .. })),
        "{answer}"
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), rolled_back);
    drop(witness);
    for damaged in [rolled_back.as_str(), ""] {
        std::fs::write(&file, damaged).unwrap();
        let error = log.witness(CosignedDirectory::open(dir.path()).unwrap());
        assert!(error.is_err(), "{damaged:?}");
    }
    std::fs::write(&file, text).unwrap();
    let witness = log
        .witness(CosignedDirectory::open(dir.path()).unwrap())
        .unwrap();
    cosigned(&witness, &log.body(7, 9));
}

#[test]
fn either_key_may_change_but_not_both() {
    let log = TestLog::of(9);
    let memory = Volatile::default();
    cosigned(&log.witness(memory.clone()).unwrap(), &log.body(0, 7));
    let old_log = log.key().verifier();
    let new_log = secret(ORIGIN, SignatureType::Ed25519, 7);
    let new_witness = || secret("witness.example/w2", SignatureType::CosignatureV1, 8);
    let open = |key, log: &VerifierKey| Witness::new(key, [log.clone()], Box::new(memory.clone()));
    assert!(open(new_witness(), old_log).is_ok());
    assert!(open(witness_key(), new_log.verifier()).is_ok());
    let error = open(new_witness(), new_log.verifier()).unwrap_err();
    assert!(matches!(error, WitnessError::NotMine { .. }), "{error}");
}

#[test]
fn a_witness_needs_the_right_keys() {
    let memory = || Box::new(Volatile::default());
    let log = TestLog::of(0);
    let log_vkey = || log.key().verifier().clone();
    let error = Witness::new(
        secret("w", SignatureType::Ed25519, 2),
        [log_vkey()],
        memory(),
    );
    assert!(matches!(error, Err(WitnessError::WitnessKey { .. })));
    let error = Witness::new(witness_key(), [witness_key().verifier().clone()], memory());
    assert!(matches!(error, Err(WitnessError::LogKey { .. })));
    let error = Witness::new(witness_key(), [], memory());
    assert!(matches!(error, Err(WitnessError::NoLogs)));
}

// ---- Many at once ----

#[test]
fn concurrent_askers_never_get_two_histories_cosigned() {
    let trunk = TestLog::of(7);
    for round in 0..20 {
        let witness = witness_at(&trunk, 7);
        let forks: Vec<_> = (0..8).map(|n| TestLog::forked(7 - n % 2, 12 + n)).collect();
        let barrier = Barrier::new(forks.len());
        let (witness, barrier) = (&witness, &barrier);
        let statuses: Vec<u16> = thread::scope(|scope| {
            let ask = |(n, log): (usize, &TestLog)| {
                let body = log.body(7, 12 + n as u64);
                scope.spawn(move || {
                    barrier.wait();
                    witness.add_checkpoint(&body, NOW).status()
                })
            };
            let asked: Vec<_> = forks.iter().enumerate().map(ask).collect();
            asked.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let of = |status| statuses.iter().filter(|one| **one == status).count();
        // One of those that grew from the trunk; the forks and the late come to nothing.
        assert_eq!(of(200), 1, "{round}: {statuses:?}");
        assert_eq!(of(200) + of(409) + of(422), 8, "{round}: {statuses:?}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert_eq!(witness().add_checkpoint(&bytes, NOW).status(), 400);
    }

    #[test]
    fn no_flipped_bit_is_cosigned(at in 0_usize..1000, bit in 0_u8..8) {
        let log = TestLog::of(12);
        let witness = witness_at(&log, 7);
        let mut body = log.body(7, 12);
        let len = body.len();
        body[at % len] ^= 1 << bit;
        let answer = witness.add_checkpoint(&body, NOW);
        prop_assert!(answer.status() != 200 && answer.status() != 500, "{}", answer);
    }

    /// Whatever is asked, in whatever order: sizes never shrink and histories never part.
    #[test]
    fn what_is_cosigned_is_one_history(
        asked in proptest::collection::vec((0_u64..10, 0_u64..10, 0_u64..12), 1..30),
    ) {
        let witness = witness();
        let mut last: Option<Checkpoint> = None;
        for (old, new, fork) in asked {
            let (old, new) = (old.min(new), old.max(new));
            let log = TestLog::forked(fork, 10);
            if witness.add_checkpoint(&log.body(old, new), NOW).status() == 200 {
                if let Some(last) = &last {
                    let before = log.checkpoint(last.size());
                    prop_assert!(last.size() <= new);
                    prop_assert_eq!(last.root(), before.unverified().root());
                }
                last = Some(log.checkpoint(new).unverified().clone());
            }
        }
    }
}
