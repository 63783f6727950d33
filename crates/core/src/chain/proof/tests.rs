use proptest::prelude::*;

use super::*;
use crate::chain::checkpoint::Checkpoint;
use crate::chain::key::{KeyName, SignatureType, SigningKey};
use crate::chain::note::NoteError;
use crate::chain::tree::{MemoryLeaves, leaf_hash, prove_inclusion, root};
use crate::chain::vectors::{LOG_VKEY, WITNESS_VKEY, cosigned, leaves};

fn key(vkey: &str) -> VerifierKey {
    vkey.parse().unwrap()
}

fn tree() -> MemoryLeaves {
    leaves().iter().map(|leaf| leaf_hash(leaf)).collect()
}

fn proof(index: u64) -> TlogProof {
    let hashes = prove_inclusion(&tree(), index, 7).unwrap();
    TlogProof::new(index, hashes, cosigned().parse().unwrap()).unwrap()
}

/// The hashes: leaf 3, the node over 0 and 1, the node over 4, 5 and 6.
#[test]
fn the_proof_of_leaf_two_reads_as_the_specification_says() {
    let head = "c2sp.org/tlog-proof@v1
extra aGk=
index 2
WDx9+3swVdmUZVRAMqVx4QoTSxtvdpQiu7cf1/oWel0=
ogv5p8wtyKCPX0FacbGfasQnurVNJO7IaLXTEDRJlTo=
ickpg07RRZsH9lteGiFDqM9djv3zD0n//6Moux2RM7s=
";
    let expected = format!("{head}\n{}", cosigned());
    let made = proof(2).with_extra(b"hi".to_vec()).unwrap();
    assert_eq!(made.to_string(), expected);
    assert_eq!(expected.parse(), Ok(made));
}

#[test]
fn every_leaf_is_proved_and_no_other_in_its_place() {
    let (log, witness) = (key(LOG_VKEY), key(WITNESS_VKEY));
    for index in 0..7 {
        let read: TlogProof = proof(index).to_string().parse().unwrap();
        for other in 0..7_u8 {
            let verdict = read.verify(&leaf_hash(&[other]), [&log], [&witness]);
            if u64::from(other) == index {
                assert_eq!(verdict.unwrap().cosignatures().len(), 1);
            } else {
                assert_eq!(verdict, Err(TreeError::RootMismatch.into()));
            }
        }
    }
}

#[test]
fn a_proof_is_no_better_than_its_checkpoint() {
    let (log, leaf) = (key(LOG_VKEY), leaf_hash(&[2]));
    let not_signed = proof(2).verify(&leaf, [], []).unwrap_err();
    assert!(
        matches!(not_signed, ProofError::Checkpoint(_)),
        "{not_signed:?}"
    );

    // The very same hashes under a size that the log did not sign.
    let enlarged = proof(2).to_string().replace("log1\n7\n", "log1\n8\n");
    let refused = TlogProof::parse(enlarged.as_bytes())
        .unwrap()
        .verify(&leaf, [&log], []);
    let forged = matches!(
        refused,
        Err(ProofError::Checkpoint(CheckpointError::Note(
            NoteError::BadSignature { .. }
        )))
    );
    assert!(forged, "{refused:?}");

    let outside = proof(2).to_string().replace("index 2", "index 7");
    let refused = TlogProof::parse(outside.as_bytes())
        .unwrap()
        .verify(&leaf, [&log], []);
    let (index, size) = (7, 7);
    assert_eq!(
        refused,
        Err(TreeError::IndexOutOfRange { index, size }.into())
    );
}

#[test]
fn a_policy_decides_how_many_witnesses_a_proof_needs() {
    let leaf = leaf_hash(&[2]);
    let one = format!("log {LOG_VKEY}\nwitness w {WITNESS_VKEY}\nquorum w\n");
    let one: Policy = one.parse().unwrap();
    assert!(proof(2).verify_under(&leaf, &one).is_ok());
    assert!(proof(2).verify_under(&leaf_hash(&[3]), &one).is_err());

    let other = SigningKey::from_seed(
        KeyName::new("witness.example/w2").unwrap(),
        SignatureType::CosignatureV1,
        &[3; 32],
    );
    let two = format!(
        "log {LOG_VKEY}\nwitness w {WITNESS_VKEY}\nwitness v {}\ngroup g all w v\nquorum g\n",
        other.verifier()
    );
    let two: Policy = two.parse().unwrap();
    let refused = proof(2).verify_under(&leaf, &two).unwrap_err();
    assert!(matches!(
        refused,
        ProofError::Policy(PolicyUnmet::Quorum { .. })
    ));
}

#[test]
fn proofs_are_read_strictly() {
    use ProofError::*;
    let good = proof(2).to_string();
    let change = |from: &str, to: &str| good.replacen(from, to, 1);
    let hash = leaf_hash(&[3]).to_base64();
    let many = format!("index 2\n{}", format!("{hash}\n").repeat(61));
    let refused: Vec<(String, ProofError)> = vec![
        (String::new(), NoCheckpoint),
        // The checkpoint's lines are taken for hashes, up to the next empty one.
        (change("\n\n", "\n"), Hash { line: 4 }),
        (change("@v1", "@v2"), Header),
        (change("@v1\n", "@v1 \n"), Header),
        (change("index 2", "extra AA=\nindex 2"), Extra),
        (change("index 2", "extra \nindex 2"), Extra),
        (change("index 2", "extra AA==\nextra AA==\nindex 2"), Index),
        (change("index 2\n", ""), Index),
        (change("index 2", "index 02"), Index),
        (change("index 2", "index +2"), Index),
        (change("index 2", "index  2"), Index),
        (change("index 2", "index 18446744073709551616"), Index),
        (change(&hash, "AAAA"), Hash { line: 1 }),
        (change(&hash, &format!("{hash} ")), Hash { line: 1 }),
        (change("index 2\n", &many), TooManyHashes),
        ("c2sp.org/tlog-proof@v1\n\nx".into(), Index),
    ];
    for (text, error) in refused {
        assert_eq!(TlogProof::parse(text.as_bytes()), Err(error), "{text}");
    }
    let bad_checkpoint = change("log1\n7\n", "log1\n07\n");
    assert!(matches!(
        TlogProof::parse(bad_checkpoint.as_bytes()),
        Err(Checkpoint(_))
    ));
    assert_eq!(TlogProof::parse(b"\xff"), Err(NotUtf8));
    let len = MAX_LEN + 1;
    assert_eq!(TlogProof::parse(&vec![b'x'; len]), Err(TooLong { len }));
    assert_eq!(proof(2).with_extra(vec![]), Err(Extra));
    assert_eq!(proof(2).with_extra(vec![0; MAX_EXTRA + 1]), Err(Extra));
    let checkpoint: SignedCheckpoint = cosigned().parse().unwrap();
    let hashes = vec![leaf_hash(b""); MAX_HASHES + 1];
    assert_eq!(TlogProof::new(0, hashes, checkpoint), Err(TooManyHashes));
}

#[test]
fn every_changed_byte_before_the_checkpoint_is_noticed() {
    let (log, leaf, text) = (key(LOG_VKEY), leaf_hash(&[2]), proof(2).to_string());
    let head = text.find("\n\n").unwrap();
    for at in 0..head + 2 {
        let mut bytes = text.as_bytes().to_vec();
        bytes[at] ^= 0x01;
        let verdict =
            TlogProof::parse(&bytes).and_then(|p| p.verify(&leaf, [&log], []).map(|_| ()));
        assert!(verdict.is_err(), "byte {at}");
    }
}

proptest! {
    #[test]
    fn proofs_round_trip_and_verify(
        size in 1_u64..200,
        at in any::<prop::sample::Index>(),
        extra in prop::collection::vec(any::<u8>(), 0..50),
    ) {
        let data = |index: u64| index.to_be_bytes();
        let index = at.index(size as usize) as u64;
        let leaves: MemoryLeaves = (0..size).map(|i| leaf_hash(&data(i))).collect();
        let log = SigningKey::from_seed(KeyName::new("log").unwrap(), SignatureType::Ed25519, &[8; 32]);
        let checkpoint = Checkpoint::new("log", size, root(&leaves, size).unwrap()).unwrap();
        let signed = SignedCheckpoint::sign(checkpoint, &log).unwrap();
        let hashes = prove_inclusion(&leaves, index, size).unwrap();
        let mut made = TlogProof::new(index, hashes, signed).unwrap();
        if !extra.is_empty() {
            made = made.with_extra(extra.clone()).unwrap();
        }
        let read: TlogProof = made.to_string().parse().unwrap();
        prop_assert_eq!(&read, &made);
        prop_assert_eq!(read.extra().unwrap_or_default(), extra);
        let verdict = read.verify(&leaf_hash(&data(index)), [log.verifier()], []);
        prop_assert!(verdict.is_ok());
    }

    #[test]
    fn nothing_panics(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        head in "(c2sp.org/tlog-proof@v1\n)?(extra [A-Za-z=]{0,8}\n)?(index [0-9]{0,21}\n)?([A-Za-z0-9+/]{43}=\n){0,3}\n?",
    ) {
        let _ = TlogProof::parse(&bytes);
        let text = format!("{head}{}", cosigned());
        if let Ok(read) = TlogProof::parse(text.as_bytes()) {
            prop_assert_eq!(read.to_string(), text);
            let _ = read.verify(&leaf_hash(b""), [&key(LOG_VKEY)], []);
        }
    }
}
