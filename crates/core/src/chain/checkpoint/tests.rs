use proptest::prelude::*;

use super::*;
use crate::chain::key::{KeyName, SignatureType};
use crate::chain::tree::{Frontier, leaf_hash};
use crate::chain::vectors::{
    COSIGNATURE, LOG_VKEY, SIGNED, TIMESTAMP, WITNESS_VKEY, cosigned, leaves,
};

const ORIGIN: &str = "servanda.example/log1";

fn key(vkey: &str) -> VerifierKey {
    vkey.parse().unwrap()
}

fn secret(name: &str, kind: SignatureType, seed: u8) -> SigningKey {
    SigningKey::from_seed(KeyName::new(name).unwrap(), kind, &[seed; 32])
}

fn log() -> SigningKey {
    secret(ORIGIN, SignatureType::Ed25519, 1)
}

fn witness() -> SigningKey {
    secret("witness.example/w1", SignatureType::CosignatureV1, 2)
}

fn seven() -> Checkpoint {
    let mut frontier = Frontier::new();
    for leaf in leaves() {
        frontier.push(leaf_hash(&leaf)).unwrap();
    }
    Checkpoint::new(ORIGIN, frontier.size(), frontier.root()).unwrap()
}

fn parse(text: &str) -> SignedCheckpoint {
    text.parse().unwrap()
}

#[test]
fn seven_leaves_give_the_known_checkpoint() {
    let mut signed = SignedCheckpoint::sign(seven(), &log()).unwrap();
    assert_eq!(signed.to_string(), SIGNED);
    assert_eq!(signed, parse(SIGNED));
    let cosignature = signed.cosign(&witness(), TIMESTAMP).unwrap();
    assert_eq!(format!("{cosignature}\n"), COSIGNATURE);
    let stated = signed.add_cosignature(cosignature, &key(WITNESS_VKEY));
    assert_eq!(stated, Ok(TIMESTAMP));
    assert_eq!(signed.to_string(), cosigned());
}

#[test]
fn a_cosigned_checkpoint_verifies() {
    let (log, witness) = (key(LOG_VKEY), key(WITNESS_VKEY));
    let signed = parse(&cosigned());
    let verified = signed.verify([&log], [&witness]).unwrap();
    assert_eq!(verified.checkpoint(), &seven());
    assert_eq!(verified.log(), &log);
    let key = &witness;
    let timestamp = TIMESTAMP;
    assert_eq!(verified.cosignatures(), [Cosignature { key, timestamp }]);
    let alone = signed.verify([&log], []).unwrap();
    assert_eq!(alone.cosignatures(), []);
}

#[test]
fn a_witness_does_not_stand_in_for_the_log() {
    let (log, witness) = (key(LOG_VKEY), key(WITNESS_VKEY));
    let signed = parse(&cosigned());
    let origin = ORIGIN.to_owned();
    let refused = CheckpointError::NotSignedByLog { origin };
    assert_eq!(signed.verify([], [&witness]), Err(refused.clone()));
    assert_eq!(signed.verify([], []), Err(refused));
    for wrong in [signed.verify([&witness], []), signed.verify([&log], [&log])] {
        let wrong_type = matches!(
            wrong,
            Err(CheckpointError::Note(NoteError::WrongKeyType { .. }))
        );
        assert!(wrong_type, "{wrong:?}");
    }
}

/// A key that is trusted for one log signs in another's name.
#[test]
fn a_key_of_another_log_is_not_enough() {
    let other = secret("servanda.example/log2", SignatureType::Ed25519, 3);
    let note = Note::sign(seven().to_string(), &other).unwrap();
    let signed = SignedCheckpoint::parse(note.to_string().as_bytes()).unwrap();
    let log = key(LOG_VKEY);
    let refused = signed.verify([other.verifier(), &log], []);
    let origin = ORIGIN.to_owned();
    assert_eq!(refused, Err(CheckpointError::NotSignedByLog { origin }));
    let refused = SignedCheckpoint::sign(seven(), &other);
    assert!(matches!(refused, Err(CheckpointError::WrongLog { .. })));
}

#[test]
fn an_origin_may_have_two_keys_while_one_replaces_the_other() {
    let (old, new) = (log(), secret(ORIGIN, SignatureType::Ed25519, 9));
    let signed = SignedCheckpoint::sign(seven(), &new).unwrap();
    let verified = signed.verify([old.verifier(), new.verifier()], []).unwrap();
    assert_eq!(verified.log(), new.verifier());
    assert!(signed.verify([old.verifier()], []).is_err());
}

#[test]
fn only_a_cosignature_that_holds_is_added() {
    let mut signed = parse(SIGNED);
    let mut other = parse(SIGNED);
    let elsewhere = NoteSignature::cosign("other text\n", &witness(), TIMESTAMP).unwrap();
    let refused = other.add_cosignature(elsewhere, &key(WITNESS_VKEY));
    assert!(matches!(refused, Err(NoteError::BadSignature { .. })));
    let right = signed.cosign(&witness(), TIMESTAMP).unwrap();
    let stranger = secret("witness.example/w1", SignatureType::CosignatureV1, 4);
    let refused = signed.add_cosignature(right, stranger.verifier());
    assert!(matches!(refused, Err(NoteError::BadSignature { .. })));
    let by_log = signed.note().signatures()[0].clone();
    let refused = signed.add_cosignature(by_log, &key(LOG_VKEY));
    assert!(matches!(refused, Err(NoteError::WrongKeyType { .. })));
    assert_eq!(
        (signed.to_string(), other.to_string()),
        (SIGNED.to_owned(), SIGNED.to_owned())
    );
}

#[test]
fn every_changed_byte_is_noticed() {
    let log = key(LOG_VKEY);
    for at in 0..SIGNED.len() {
        let mut bytes = SIGNED.as_bytes().to_vec();
        bytes[at] ^= 0x01;
        let verdict =
            SignedCheckpoint::parse(&bytes).and_then(|c| c.verify([&log], []).map(|_| ()));
        assert!(verdict.is_err(), "byte {at}");
    }
}

#[test]
fn bodies_are_read_strictly() {
    use CheckpointError::*;
    let root = seven().root().to_base64();
    let refused: [(String, CheckpointError); 18] = [
        (String::new(), Lines),
        ("\n".into(), Lines),
        (format!("o\n7\n{root}"), Lines),
        ("o\n7\n".into(), Lines),
        (format!("\n7\n{root}\n"), Origin),
        (format!("a\tb\n7\n{root}\n"), Origin),
        (format!("o\n07\n{root}\n"), Size),
        (format!("o\n+7\n{root}\n"), Size),
        (format!("o\n\n{root}\n"), Size),
        (format!("o\n7 \n{root}\n"), Size),
        (format!("o\n9223372036854775808\n{root}\n"), Size),
        (format!("o\n18446744073709551616\n{root}\n"), Size),
        ("o\n7\nAAAA\n".into(), Root),
        (format!("o\n7\n{}\n", root.trim_end_matches('=')), Root),
        (format!("o\n7\n{}\n", root.replace("M=", "N=")), Root),
        (format!("o\n0\n{root}\n"), EmptyRoot),
        (format!("o\n7\n{root}\n\n"), Extension),
        (format!("o\n7\n{root}\next\n\next\n"), Extension),
    ];
    for (body, error) in refused {
        assert_eq!(body.parse::<Checkpoint>(), Err(error), "{body:?}");
    }
    assert_eq!(Checkpoint::new("a\nb", 7, *seven().root()), Err(Origin));
    let empty = format!("o\n0\n{}\n", empty_root().to_base64());
    assert_eq!(empty.parse(), Checkpoint::new("o", 0, empty_root()));
}

#[test]
fn extensions_are_kept_and_signed() {
    let body = format!("{}one\ntwo\n", seven());
    let note = Note::sign(body.clone(), &log()).unwrap().to_string();
    let signed = parse(&note);
    assert_eq!(signed.unverified().extensions(), ["one", "two"]);
    assert_eq!(signed.unverified().to_string(), body);
    assert!(signed.verify([&key(LOG_VKEY)], []).is_ok());
    let changed = parse(&note.replace("two", "too"));
    assert!(changed.verify([&key(LOG_VKEY)], []).is_err());
}

proptest! {
    #[test]
    fn checkpoints_round_trip(
        origin in "[^\\x00-\\x1f]{1,40}",
        size in 1..=MAX_SIZE,
        root in any::<[u8; 32]>(),
        extensions in prop::collection::vec("[^\\x00-\\x1f]{1,20}", 0..3),
    ) {
        let made = Checkpoint::new(origin, size, TreeHash::from_bytes(root)).unwrap();
        let made = extensions
            .iter()
            .try_fold(made, |made, line| made.with_extension(line))
            .unwrap();
        let printed = made.to_string();
        prop_assert_eq!(&printed.parse::<Checkpoint>().unwrap(), &made);
        let key = secret("some.key", SignatureType::Ed25519, 5);
        let note = Note::sign(printed, &key).unwrap().to_string();
        let read = parse(&note);
        prop_assert_eq!(read.unverified(), &made);
        prop_assert_eq!(read.to_string(), note);
    }

    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "(.*\n){0,5}") {
        for bytes in [bytes.as_slice(), text.as_bytes()] {
            if let Ok(read) = SignedCheckpoint::parse(bytes) {
                prop_assert_eq!(read.to_string().into_bytes(), bytes);
            }
        }
        if let Ok(read) = text.parse::<Checkpoint>() {
            prop_assert_eq!(read.to_string(), text);
        }
    }
}
