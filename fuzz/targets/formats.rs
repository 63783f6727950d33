//! Notes, checkpoints, proofs, policies, keys and requests to a witness: what is taken is written as it was read, and
//! nothing panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servanda_core::chain::checkpoint::{Checkpoint, SignedCheckpoint};
use servanda_core::chain::key::{SigningKey, VerifierKey};
use servanda_core::chain::note::Note;
use servanda_core::chain::openssh::{parse_private, parse_public};
use servanda_core::chain::policy::Policy;
use servanda_core::chain::proof::TlogProof;
use servanda_witness::request::AddCheckpoint;

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, rest)) = bytes.split_first() else {
        return;
    };
    let text = String::from_utf8_lossy(rest);
    match choice % 8 {
        0 => {
            if let Ok(note) = Note::parse(rest) {
                let again = note.to_string();
                assert_eq!(Note::parse(again.as_bytes()), Ok(note), "a note reads as it is written");
            }
        }
        1 => {
            if let Ok(checkpoint) = text.parse::<Checkpoint>() {
                assert_eq!(checkpoint.to_string(), text, "a checkpoint has one form");
            }
        }
        2 => drop(SignedCheckpoint::parse(rest)),
        3 => {
            if let Ok(proof) = TlogProof::parse(rest) {
                assert_eq!(proof.to_string().as_bytes(), rest, "a proof has one form");
            }
        }
        4 => drop(Policy::parse(rest)),
        5 => {
            if let Ok(key) = text.parse::<VerifierKey>() {
                assert_eq!(key.to_string(), text, "a key has one form");
            }
            drop(SigningKey::parse(&text));
        }
        6 => {
            drop(parse_public(&text));
            drop(parse_private(&text));
        }
        _ => drop(AddCheckpoint::parse(rest)),
    }
});
