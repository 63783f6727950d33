use proptest::prelude::*;

use super::*;
use crate::chain::vectors::{COSIGNATURE, LOG_VKEY, SIGNED, TIMESTAMP, WITNESS_VKEY, cosigned};

/// The examples of Go's `golang.org/x/mod/sumdb/note` and of the specification.
const GO_PRIVATE: &str =
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const GO_VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const GO_NOTE: &str = "If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
";
const SPEC_VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const SPEC_NOTE: &str = "This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
";

fn key(vkey: &str) -> VerifierKey {
    vkey.parse().unwrap()
}

fn secret(name: &str, kind: SignatureType, seed: u8) -> SigningKey {
    SigningKey::from_seed(name.parse().unwrap(), kind, &[seed; 32])
}

fn log() -> SigningKey {
    secret("servanda.example/log1", SignatureType::Ed25519, 1)
}

fn witness() -> SigningKey {
    secret("witness.example/w1", SignatureType::CosignatureV1, 2)
}

fn note(text: &str) -> Note {
    text.parse().unwrap()
}

fn names(verified: &[Verified<'_>]) -> Vec<String> {
    verified
        .iter()
        .map(|one| one.key.name().to_string())
        .collect()
}

/// cosignature/v1 for the independent implementation, which knows type 01 only.
struct TheirWitness(VerifierKey);

impl signed_note::Verifier for TheirWitness {
    fn name(&self) -> &str {
        self.0.name().as_str()
    }

    fn key_id(&self) -> u32 {
        u32::from_be_bytes(self.0.id().to_be_bytes())
    }

    fn verify(&self, message: &[u8], blob: &[u8]) -> bool {
        let (timestamp, signature) = blob.split_first_chunk::<8>().unwrap();
        let timestamp = u64::from_be_bytes(*timestamp);
        let mut cosigned = format!("cosignature/v1\ntime {timestamp}\n").into_bytes();
        cosigned.extend_from_slice(message);
        self.0
            .verify(&cosigned, signature.try_into().unwrap())
            .is_ok()
    }
}

fn theirs(vkeys: &[&str]) -> signed_note::VerifierList {
    let verifier = |vkey: &&str| -> Box<dyn signed_note::Verifier> {
        match key(vkey).kind() {
            SignatureType::Ed25519 => Box::new(signed_note::StandardVerifier::new(vkey).unwrap()),
            SignatureType::CosignatureV1 => Box::new(TheirWitness(key(vkey))),
        }
    };
    signed_note::VerifierList::new(vkeys.iter().map(verifier).collect())
}

#[test]
fn notes_made_elsewhere_verify() {
    for (text, vkey) in [
        (GO_NOTE, GO_VKEY),
        (SPEC_NOTE, SPEC_VKEY),
        (SIGNED, LOG_VKEY),
    ] {
        let (note, key) = (note(text), key(vkey));
        assert_eq!(note.to_string(), text);
        let timestamp = None;
        assert_eq!(
            note.verify([&key]),
            Ok(vec![Verified {
                key: &key,
                timestamp
            }])
        );
    }
}

#[test]
fn signing_gives_the_known_bytes() {
    let go = SigningKey::parse(GO_PRIVATE).unwrap();
    let (text, _) = GO_NOTE.split_once("\n\n").unwrap();
    assert_eq!(
        Note::sign(format!("{text}\n"), &go).unwrap().to_string(),
        GO_NOTE
    );

    let (text, _) = SIGNED.split_once("\n\n").unwrap();
    let mut note = Note::sign(format!("{text}\n"), &log()).unwrap();
    assert_eq!(note.to_string(), SIGNED);
    let cosignature = NoteSignature::cosign(note.text(), &witness(), TIMESTAMP).unwrap();
    assert_eq!(format!("{cosignature}\n"), COSIGNATURE);
    note.add(cosignature.clone()).unwrap();
    assert_eq!(note.to_string(), cosigned());
    note.add(cosignature).unwrap();
    assert_eq!(note.to_string(), cosigned(), "added twice, there once");
}

#[test]
fn a_cosignature_states_its_time() {
    let (log, witness) = (key(LOG_VKEY), key(WITNESS_VKEY));
    let note = note(&cosigned());
    let by_log = Verified {
        key: &log,
        timestamp: None,
    };
    let by_witness = Verified {
        key: &witness,
        timestamp: Some(TIMESTAMP),
    };
    assert_eq!(note.verify([&witness, &log]), Ok(vec![by_log, by_witness]));
    assert_eq!(note.verify([&witness]), Ok(vec![by_witness]));
    let [_, cosignature] = note.signatures() else {
        panic!("two signatures")
    };
    assert_eq!(
        cosignature.verify_cosignature(note.text(), &witness),
        Ok(TIMESTAMP)
    );
    assert!(matches!(
        cosignature.verify_cosignature(note.text(), &log),
        Err(NoteError::WrongKeyType { .. })
    ));
}

#[test]
fn the_independent_implementation_agrees_about_the_vectors() {
    let list = theirs(&[LOG_VKEY, WITNESS_VKEY]);
    let note = signed_note::Note::from_bytes(cosigned().as_bytes()).unwrap();
    let (verified, unverified) = note.verify(&list).unwrap();
    assert_eq!((verified.len(), unverified.len()), (2, 0));
}

#[test]
fn every_changed_byte_of_a_note_is_noticed() {
    let key = key(LOG_VKEY);
    for at in 0..SIGNED.len() {
        for change in [0x01, 0x20, 0x80] {
            let mut bytes = SIGNED.as_bytes().to_vec();
            bytes[at] ^= change;
            let verdict = Note::parse(&bytes).and_then(|note| note.verify([&key]).map(|_| ()));
            assert!(verdict.is_err(), "byte {at}");
        }
    }
}

#[test]
fn the_text_ends_at_the_last_empty_line() {
    let text = "one\n\n— not a signature\n\n\ntwo\n\n";
    let made = Note::sign(text, &log()).unwrap();
    let read = note(&made.to_string());
    assert_eq!(read.text(), text);
    assert_eq!(read, made);
    let verifier = log();
    assert!(read.verify([verifier.verifier()]).is_ok());
}

#[test]
fn unknown_keys_are_ignored_even_if_they_share_a_name_or_an_id() {
    let text = "text\n";
    let mut made = Note::sign(text, &log()).unwrap();
    let [right] = made.signatures().to_vec().try_into().unwrap();
    let same_name = NoteSignature {
        id: KeyId::from_be_bytes([0; 4]),
        ..right.clone()
    };
    let same_id = NoteSignature {
        name: "other".parse().unwrap(),
        ..right
    };
    for mut wrong in [same_name, same_id] {
        wrong.blob = vec![0; 64];
        made.add(wrong).unwrap();
    }
    let key = key(LOG_VKEY);
    let verified = made.verify([&key]).unwrap();
    assert_eq!(names(&verified), ["servanda.example/log1"]);
}

#[test]
fn a_known_key_that_fails_refuses_the_note() {
    let (log, witness) = (key(LOG_VKEY), key(WITNESS_VKEY));
    let mut forged = note(SIGNED);
    let [_, mut cosignature] = note(&cosigned()).signatures().to_vec().try_into().unwrap();
    // The time is signed, too.
    cosignature.blob[7] ^= 1;
    forged.add(cosignature).unwrap();
    let (name, id) = (witness.name().clone(), witness.id());
    assert_eq!(
        forged.verify([&log, &witness]),
        Err(NoteError::BadSignature { name, id })
    );
    assert!(forged.verify([&log]).is_ok(), "the witness is unknown here");
}

#[test]
fn a_second_signature_by_a_key_counts_once_but_must_hold() {
    let key = key(LOG_VKEY);
    let mut twice = note(SIGNED);
    let mut second = twice.signatures()[0].clone();
    second.blob[63] ^= 1;
    twice.add(second).unwrap();
    assert!(matches!(
        twice.verify([&key]),
        Err(NoteError::BadSignature { .. })
    ));

    let witness = witness();
    let mut twice = note(&cosigned());
    let later = NoteSignature::cosign(twice.text(), &witness, TIMESTAMP + 1).unwrap();
    twice.add(later).unwrap();
    assert_eq!(twice.signatures().len(), 3);
    let verified = twice.verify([witness.verifier()]).unwrap();
    assert_eq!(verified.len(), 1);
    assert_eq!(verified[0].timestamp, Some(TIMESTAMP));
}

#[test]
fn signatures_of_the_wrong_length_or_kind_fail() {
    let key = key(LOG_VKEY);
    for len in [1, 63, 65, 72] {
        let mut note = note(SIGNED);
        note.signatures[0].blob.resize(len, 0);
        assert!(
            matches!(note.verify([&key]), Err(NoteError::BadSignature { .. })),
            "{len}"
        );
    }
    let wrong = |result: Result<NoteSignature, _>| {
        assert!(
            matches!(result, Err(NoteError::WrongKeyType { .. })),
            "{result:?}"
        );
    };
    wrong(NoteSignature::sign("text\n", &witness()));
    wrong(NoteSignature::cosign("text\n", &log(), 0));
}

#[test]
fn no_time_above_an_i64_is_signed_or_believed() {
    let (timestamp, witness) = (1 << 63, witness());
    let refused = NoteSignature::cosign("text\n", &witness, timestamp);
    assert_eq!(refused, Err(NoteError::Timestamp { timestamp }));
    assert!(NoteSignature::cosign("text\n", &witness, timestamp - 1).is_ok());
    let mut blob = timestamp.to_be_bytes().to_vec();
    blob.extend(witness.sign(&cosigned_message(timestamp, "text\n")));
    let forged = NoteSignature::by(&witness, blob);
    let verdict = forged.verify("text\n", witness.verifier());
    assert!(matches!(verdict, Err(NoteError::BadSignature { .. })));
}

#[test]
fn notes_without_a_known_signature_or_with_ambiguous_keys_are_refused() {
    let (log, witness) = (key(LOG_VKEY), key(WITNESS_VKEY));
    let signed = note(SIGNED);
    assert_eq!(signed.verify([&witness]), Err(NoteError::NoKnownSignature));
    assert_eq!(signed.verify([]), Err(NoteError::NoKnownSignature));
    assert!(
        signed.verify([&log, &log]).is_ok(),
        "one key twice is one key"
    );
}

/// Key ids are short: these two seeds were found in a second.
#[test]
fn two_keys_with_one_name_and_one_id_are_not_told_apart() {
    let colliding = |n: u32| {
        let mut seed = [0; 32];
        seed[..4].copy_from_slice(&n.to_le_bytes());
        SigningKey::from_seed("log".parse().unwrap(), SignatureType::Ed25519, &seed)
    };
    let (one, other) = (colliding(11324), colliding(51932));
    let (name, id) = (one.verifier().name().clone(), one.verifier().id());
    assert_eq!(id, other.verifier().id());
    let note = Note::sign("text\n", &one).unwrap();
    assert!(note.verify([one.verifier()]).is_ok());
    let refused = note.verify([other.verifier()]);
    assert!(matches!(refused, Err(NoteError::BadSignature { .. })));
    let refused = note.verify([one.verifier(), other.verifier()]);
    assert_eq!(refused, Err(NoteError::AmbiguousKey { name, id }));
}

#[test]
fn a_right_signature_under_a_wrong_name_or_id_is_wrong() {
    let key = key(LOG_VKEY);
    let [right] = note(SIGNED).signatures().to_vec().try_into().unwrap();
    let text = note(SIGNED).text().to_owned();
    assert_eq!(right.verify(&text, &key), Ok(None));
    let id = KeyId::from_be_bytes([0; 4]);
    let other_id = NoteSignature {
        id,
        ..right.clone()
    };
    let name = "other".parse().unwrap();
    let other_name = NoteSignature { name, ..right };
    for wrong in [other_id, other_name] {
        let verdict = wrong.verify(&text, &key);
        assert!(matches!(verdict, Err(NoteError::BadSignature { .. })));
    }
}

#[test]
fn sixteen_signatures_are_accepted_and_a_hundred_but_no_more() {
    let line = |seed| {
        let key = secret(&format!("key{seed}"), SignatureType::Ed25519, seed);
        format!("{}\n", NoteSignature::sign("text\n", &key).unwrap())
    };
    let of = |count| {
        let lines: String = (0..count).map(line).collect();
        Note::parse(format!("text\n\n{lines}").as_bytes())
    };
    assert_eq!(of(16).unwrap().signatures().len(), 16);
    let mut full = of(100).unwrap();
    assert_eq!(of(101), Err(NoteError::TooManySignatures));
    let more = NoteSignature::sign("text\n", &log()).unwrap();
    assert_eq!(full.add(more), Err(NoteError::TooManySignatures));
    assert_eq!(full.signatures().len(), 100);
}

#[test]
fn what_is_no_note_is_refused() {
    use NoteError::*;
    let (_, line) = SIGNED.split_once("\n\n").unwrap();
    let refused: Vec<(String, NoteError)> = vec![
        (String::new(), NoSignatures),
        ("text\n".into(), NoSignatures),
        (format!("text\n{line}"), NoSignatures),
        ("text\n\n".into(), NoSignatures),
        (format!("text\n\n{line}\n"), NoSignatures),
        (format!("text\n\n{}", line.trim_end()), Unterminated),
        (format!("text\r\n\r\n{line}"), ControlCharacter),
        (format!("te\txt\n\n{line}"), ControlCharacter),
        (format!("te\0xt\n\n{line}"), ControlCharacter),
        (
            format!("text\n\n{line}- a AAAAAAA=\n"),
            SignatureLine { line: 2 },
        ),
        (
            format!("text\n\n{line}— a b AAAAAAA=\n"),
            SignatureLine { line: 2 },
        ),
        (
            format!("text\n\n{line}— a+b AAAAAAA=\n"),
            SignatureLine { line: 2 },
        ),
        (
            format!("text\n\n{line}—  AAAAAAA=\n"),
            SignatureLine { line: 2 },
        ),
        (
            format!("text\n\n{line}— a\u{a0}b AAAAAAA=\n"),
            SignatureLine { line: 2 },
        ),
        (
            format!("text\n\n{line}— a AAAAAA==\n"),
            SignatureLine { line: 2 },
        ),
        (
            format!("text\n\n{line}— a AAAAAAB=\n"),
            SignatureLine { line: 2 },
        ),
        (
            format!("text\n\n{line}— a AAAAAAA\n"),
            SignatureLine { line: 2 },
        ),
        (format!("text\n\n{line}— a\n"), SignatureLine { line: 2 }),
    ];
    for (text, error) in refused {
        assert_eq!(Note::parse(text.as_bytes()), Err(error), "{text:?}");
    }
    assert_eq!(Note::parse(b"\xff\n\n\n"), Err(NotUtf8));
    let len = MAX_LEN + 1;
    assert_eq!(Note::parse(&vec![b'x'; len]), Err(TooLong { len }));
    assert_eq!(Note::sign("no newline", &log()), Err(Unterminated));
    assert_eq!(Note::sign("tab\t\n", &log()), Err(ControlCharacter));
    assert_eq!(Note::new("text\n".into(), vec![]), Err(NoSignatures));
    let almost = format!("{}\n", "x".repeat(MAX_LEN - 1));
    assert!(matches!(Note::sign(almost, &log()), Err(TooLong { .. })));
}

#[test]
fn the_lines_a_witness_answers_with_read_alone() {
    let [cosignature] = NoteSignature::parse_lines(COSIGNATURE.as_bytes())
        .unwrap()
        .try_into()
        .unwrap();
    assert_eq!(format!("{cosignature}\n"), COSIGNATURE);
    assert_eq!(
        NoteSignature::parse_lines(b""),
        Err(NoteError::NoSignatures)
    );
    let cut = COSIGNATURE.trim_end().as_bytes();
    assert_eq!(
        NoteSignature::parse_lines(cut),
        Err(NoteError::Unterminated)
    );
    let line = NoteError::SignatureLine { line: 1 };
    assert_eq!(NoteSignature::parse_lines(b"\n"), Err(line));
}

/// Texts of all kinds of lines, empty ones and look-alikes of signatures among them.
fn any_text() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just(String::new()),
        "[^\\x00-\\x1f]{0,30}",
        "— [a-z]{1,5} [A-Za-z0-9+/]{8}",
    ];
    prop::collection::vec(line, 1..8).prop_map(|lines| lines.join("\n") + "\n")
}

proptest! {
    #[test]
    fn notes_round_trip_and_the_independent_implementation_agrees(
        text in any_text(),
        seeds in prop::collection::btree_set(any::<u8>(), 1..5),
        known in any::<u8>(),
    ) {
        let key = |seed: &u8| secret(&format!("k{seed}.example"), SignatureType::Ed25519, *seed);
        let keys: Vec<SigningKey> = seeds.iter().map(key).collect();
        let mut made = Note::sign(text.clone(), &keys[0]).unwrap();
        for key in &keys[1..] {
            made.add(NoteSignature::sign(&text, key).unwrap()).unwrap();
        }
        let printed = made.to_string();
        let read = note(&printed);
        prop_assert_eq!(&read, &made);
        prop_assert_eq!(read.text(), &text);

        let some: Vec<&VerifierKey> = keys
            .iter()
            .enumerate()
            .filter(|(i, _)| known >> i & 1 == 1)
            .map(|(_, key)| key.verifier())
            .collect();
        let vkeys: Vec<String> = some.iter().map(ToString::to_string).collect();
        let list = theirs(&vkeys.iter().map(String::as_str).collect::<Vec<_>>());
        let their_note = signed_note::Note::from_bytes(printed.as_bytes()).unwrap();
        prop_assert_eq!(their_note.text(), text.as_bytes());
        let theirs = their_note.verify(&list).map(|(verified, _)| verified.len()).ok();
        let ours = read.verify(some.iter().copied()).map(|verified| verified.len()).ok();
        prop_assert_eq!(ours, theirs);
        prop_assert_eq!(ours.unwrap_or_default(), some.len());
    }

    #[test]
    fn the_independent_implementation_reads_what_we_read(
        at in any::<prop::sample::Index>(),
        with in "[\\n\\t — +a=\\u{a0}]{0,3}",
    ) {
        let mut text: Vec<char> = cosigned().chars().collect();
        let at = at.index(text.len());
        text.splice(at..=at, with.chars());
        let text: String = text.into_iter().collect();
        let ours = Note::parse(text.as_bytes());
        let theirs = signed_note::Note::from_bytes(text.as_bytes());
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?}", text);
        if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
            prop_assert_eq!(ours.to_string().into_bytes(), theirs.to_bytes());
            prop_assert_eq!(ours.to_string(), text);
        }
    }

    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..300), text in any_text()) {
        for bytes in [bytes.as_slice(), text.as_bytes()] {
            let _ = NoteSignature::parse_lines(bytes);
            if let Ok(note) = Note::parse(bytes) {
                prop_assert_eq!(note.to_string().into_bytes(), bytes);
                let _ = note.verify([&key(LOG_VKEY)]);
            }
        }
    }
}
