use proptest::prelude::*;

use super::*;
use crate::chain::vectors::{LOG_VKEY, WITNESS_VKEY};

/// The example key of Go's `golang.org/x/mod/sumdb/note`.
const GO_PRIVATE: &str =
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const GO_VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

fn name(name: &str) -> KeyName {
    KeyName::new(name).unwrap()
}

#[test]
fn keys_of_the_known_seeds() {
    let log = SigningKey::from_seed(
        name("servanda.example/log1"),
        SignatureType::Ed25519,
        &[1; 32],
    );
    assert_eq!(log.verifier().to_string(), LOG_VKEY);
    let witness = name("witness.example/w1");
    let witness = SigningKey::from_seed(witness, SignatureType::CosignatureV1, &[2; 32]);
    assert_eq!(witness.verifier().to_string(), WITNESS_VKEY);
    for key in [log, witness] {
        let vkey = key.verifier().to_string();
        assert_eq!(vkey.parse().as_ref(), Ok(key.verifier()));
        let again = SigningKey::parse(&key.to_text()).unwrap();
        assert_eq!(again.verifier(), key.verifier());
        assert_eq!(again.to_text(), key.to_text());
    }
}

#[test]
fn the_private_key_of_go_reads_and_prints() {
    let key = SigningKey::parse(GO_PRIVATE).unwrap();
    assert_eq!(key.verifier().to_string(), GO_VKEY);
    assert_eq!(key.to_text().as_str(), GO_PRIVATE);
}

#[test]
fn the_first_test_of_rfc_8032() {
    let hex = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    let seed = std::array::from_fn(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap());
    let key = SigningKey::from_seed(name("test"), SignatureType::Ed25519, &seed);
    let signature = key.sign(b"");
    let prefix = [0xe5, 0x56, 0x43, 0x00, 0xc3, 0x60, 0xac, 0x72];
    assert_eq!(signature[..8], prefix);
    assert_eq!(key.verifier().verify(b"", &signature), Ok(()));
    assert_eq!(key.verifier().verify(b"x", &signature), Err(BadSignature));
}

#[test]
fn names_that_no_note_could_carry_are_refused() {
    for good in ["a", "example.com/log42", "日本", "a\u{7f}b"] {
        assert_eq!(name(good).as_str(), good);
    }
    for bad in [
        "",
        "a b",
        "a+b",
        "a\nb",
        "a\tb",
        "a\u{a0}b",
        "\u{2003}",
        "a\u{3000}",
        "\u{85}",
        "\0",
    ] {
        let refused = KeyError::Name { name: bad.into() };
        assert_eq!(KeyName::new(bad), Err(refused), "{bad:?}");
    }
}

#[test]
fn the_type_and_the_name_are_part_of_the_id() {
    let public = [1; 32];
    let id = |text: &str, kind| KeyId::of(&name(text), kind, &public);
    let log = id("a", SignatureType::Ed25519);
    assert_ne!(log, id("a", SignatureType::CosignatureV1));
    assert_ne!(log, id("b", SignatureType::Ed25519));
}

#[test]
fn vkeys_have_one_spelling() {
    let upper = LOG_VKEY.replace("146d4a70", "146D4A70");
    let syntax = [
        "",
        "servanda.example/log1",
        "servanda.example/log1+146d4a70",
        "servanda.example/log1+146d4a7+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c",
        "servanda.example/log1+146d4a70+",
        "servanda.example/log1+146d4a70+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c\n",
        "servanda.example/log1+146d4a70+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29",
        &upper,
    ];
    for vkey in syntax {
        let refused = vkey.parse::<VerifierKey>();
        assert_eq!(refused, Err(KeyError::VerifierSyntax), "{vkey:?}");
    }
}

#[test]
fn vkeys_that_contradict_themselves_are_refused() {
    let renamed = LOG_VKEY.replace("log1", "log2").parse::<VerifierKey>();
    assert!(
        matches!(renamed, Err(KeyError::IdMismatch { .. })),
        "{renamed:?}"
    );
    let unnamed = LOG_VKEY
        .replace("servanda.example/log1", "")
        .parse::<VerifierKey>();
    assert!(matches!(unnamed, Err(KeyError::Name { .. })), "{unnamed:?}");
    let with = |bytes: &[u8]| format!("a+00000000+{}", text::base64_encode(bytes)).parse();
    let unknown: Result<VerifierKey, _> = with(&[2; 33]);
    assert_eq!(unknown, Err(KeyError::UnknownType(2)));
    assert_eq!(with(&[1; 32]), Err(KeyError::Length { found: 31 }));
    assert_eq!(with(&[1]), Err(KeyError::Length { found: 0 }));
}

/// With the neutral element or another point of small order as public key, anybody can sign: it is
/// refused like bytes that are no point at all, and like a sum of such a point and a sound one.
#[test]
fn keys_under_which_anybody_can_sign_are_refused() {
    let starting_with = |byte| {
        let mut bytes = [0; 32];
        bytes[0] = byte;
        bytes
    };
    let (neutral, order_four, no_point) = (starting_with(1), [0; 32], starting_with(2));
    // The second encoding of the point with y = 18.
    let other_encoding = [0xff; 32];
    // Sound keys, a point of order 2, 4 or 8 added to each: verifiers with and without a cofactor would disagree.
    let mixed = [
        "76985cdbd2364a744397b773ed9a33933a0d9390c3775a2aa16fe4f8cb235a8d",
        "937bf8c94581538ba43ea9a0d4df52e33040748d553200c28e2d06a6f4b6e38e",
        "6a84d583f06569edb3f5ed77df65544b27d6948b4f0b2cb76f33dd8413b20719",
    ]
    .map(|hex| std::array::from_fn(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()));
    let small = [neutral, order_four, no_point, other_encoding];
    for public in small.into_iter().chain(mixed) {
        let refused = VerifierKey::new(name("a"), SignatureType::Ed25519, &public);
        assert_eq!(refused, Err(KeyError::NotAKey), "{public:?}");
    }
}

#[test]
fn private_keys_do_not_show_when_debugged() {
    let key = SigningKey::from_seed(name("a"), SignatureType::Ed25519, &[0xab; 32]);
    let shown = format!("{key:?}");
    let secret = text::base64_encode(&[0xab; 32]);
    assert!(!shown.contains(&secret[8..24]) && !shown.contains("abab") && !shown.contains("171"));
    assert!(shown.contains(&key.verifier().to_string()));
}

#[test]
fn a_private_key_under_another_name_is_refused() {
    let renamed = GO_PRIVATE.replace("Peter", "Paul");
    let refused = SigningKey::parse(&renamed).map(|_| ());
    assert!(matches!(refused, Err(KeyError::IdMismatch { .. })));
    for text in ["", "PRIVATE+KEY+", GO_VKEY] {
        let refused = SigningKey::parse(text).map(|_| ());
        assert_eq!(refused, Err(KeyError::PrivateSyntax));
    }
}

proptest! {
    #[test]
    fn keys_round_trip(seed in any::<[u8; 32]>(), text in "[^\\s+\\x00-\\x1f]{1,40}", witness: bool) {
        let kind = if witness { SignatureType::CosignatureV1 } else { SignatureType::Ed25519 };
        prop_assume!(KeyName::new(&text).is_ok());
        let key = SigningKey::from_seed(name(&text), kind, &seed);
        let again = SigningKey::parse(&key.to_text()).unwrap();
        prop_assert_eq!(again.verifier(), key.verifier());
        let vkey = key.verifier().to_string();
        prop_assert_eq!(&vkey.parse::<VerifierKey>().unwrap(), key.verifier());
        let signature = again.sign(text.as_bytes());
        prop_assert_eq!(key.verifier().verify(text.as_bytes(), &signature), Ok(()));
    }

    #[test]
    fn nothing_panics(text in ".*", raw in "(PRIVATE\\+KEY\\+)?[a-z]*\\+[0-9a-f]{8}\\+[A-Za-z0-9+/=]*") {
        for text in [text, raw] {
            let _ = SigningKey::parse(&text);
            let _ = text.parse::<VerifierKey>();
        }
    }
}
