use proptest::prelude::*;

use super::*;

/// Made by `ssh-keygen -t ed25519 -N ''` for this test and used for nothing else.
const PLAIN: &str = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
QyNTUxOQAAACDf/6/gA8Ajiu9AbK+2Vzb0F/4nA4IAwq+p/ldXbXtEBQAAAJCGoYELhqGB
CwAAAAtzc2gtZWQyNTUxOQAAACDf/6/gA8Ajiu9AbK+2Vzb0F/4nA4IAwq+p/ldXbXtEBQ
AAAEDC3DRh07PuCAj+TwgrtmwA3KafyxX9a4DIniz/m9BCot//r+ADwCOK70Bsr7ZXNvQX
/icDggDCr6n+V1dte0QFAAAAC2FuYUBleGFtcGxlAQI=";
const PLAIN_PUBLIC: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN//r+ADwCOK70Bsr7ZXNvQX/icDggDCr6n+V1dte0QF ana@example\n";

/// The same, with a passphrase.
const ENCRYPTED: &str = "b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABDyG7HahI
ttMVQFAWupU2CLAAAAEAAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIOLIdUSENbAG7DHU
mgQ6qugdRjWpX4VS8hWDwDLwuEooAAAAkDo51NTnT9JqCsPftktBja2W+kG5AKgX7qoEOc
BVjryj1Ud9kNY1rGDvyhfNnrzq45h9GytLtWpSbpaWxBG3YRQFx8VBHBI6hnfsXkmtDnND
4T+oliwMxYHZi8SNtuiOwCYa8xbR024/6OmtelEaN8xUkn80+U7IHGOs4RtXiAHp7df7O/
8H6h76OIyQUeoFyw==";

const ECDSA_PUBLIC: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBPxSNKx9UpbeCaP7JMKytyY6JNtAlwFn+GE2/yCMCUCWlKET+xfiqTXXVsldMGX9Hsn6MDsP0x1f2Bbmi+YDMBc= e";

fn armour(base64: &str) -> String {
    format!("{HEADER}\n{base64}\n{FOOTER}\n")
}

fn bytes(base64: &str) -> Vec<u8> {
    text::base64_decode(&base64.replace('\n', "")).unwrap()
}

#[test]
fn a_plain_key_reads_and_is_the_one_of_its_public_line() {
    let seed = parse_private(&armour(PLAIN)).unwrap();
    let public = parse_public(PLAIN_PUBLIC).unwrap();
    let derived = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key();
    assert_eq!(derived.as_bytes(), &public.key);
    assert_eq!(public.comment, "ana@example");
    let windows = armour(PLAIN).replace('\n', "\r\n");
    assert_eq!(parse_private(&windows), Ok(seed));
}

#[test]
fn an_encrypted_key_says_so() {
    let refused = parse_private(&armour(ENCRYPTED)).unwrap_err();
    let cipher = "aes256-ctr".to_owned();
    assert_eq!(refused, OpenSshError::Encrypted { cipher });
    assert!(refused.to_string().contains("passphrase"));
}

#[test]
fn other_key_types_are_named() {
    let found = "ecdsa-sha2-nistp256".to_owned();
    let refused = OpenSshError::KeyType { found };
    assert_eq!(parse_public(ECDSA_PUBLIC), Err(refused));
    // The word before the key may lie about it.
    let lie = ECDSA_PUBLIC.replacen("ecdsa-sha2-nistp256", KEY_TYPE, 1);
    assert!(matches!(
        parse_public(&lie),
        Err(OpenSshError::KeyType { .. })
    ));
}

#[test]
fn what_is_no_key_is_refused() {
    for text in [
        "",
        "x",
        HEADER,
        FOOTER,
        &armour(""),
        &armour("AAAA"),
        &armour("?"),
        PLAIN,
    ] {
        assert_eq!(parse_private(text), Err(OpenSshError::Armour), "{text:?}");
    }
    for line in [
        "",
        KEY_TYPE,
        "ssh-ed25519 ?",
        "ssh-ed25519 AAAA\nssh-ed25519 AAAA",
    ] {
        assert!(parse_public(line).is_err(), "{line:?}");
    }
    let len = MAX_LEN + 1;
    let long = "x".repeat(len);
    assert_eq!(parse_private(&long), Err(OpenSshError::TooLong { len }));
    assert_eq!(parse_public(&long), Err(OpenSshError::TooLong { len }));
}

#[test]
fn a_key_without_comment_reads() {
    let (key, _) = PLAIN_PUBLIC.trim_end().rsplit_once(' ').unwrap();
    assert_eq!(parse_public(key).unwrap().comment, "");
}

/// Nothing authenticates the comment; all the rest is redundant enough.
#[test]
fn every_changed_byte_is_noticed_but_in_the_comment() {
    let original = bytes(PLAIN);
    let comment = original
        .windows(11)
        .position(|w| w == b"ana@example")
        .unwrap();
    for at in 0..original.len() {
        let mut changed = original.clone();
        changed[at] ^= 0x20;
        let result = parse_private(&armour(&text::base64_encode(&changed)));
        let in_comment = (comment..comment + 11).contains(&at);
        assert_eq!(result.is_ok(), in_comment, "byte {at}: {result:?}");
    }
}

#[test]
fn every_cut_is_noticed() {
    let original = bytes(PLAIN);
    for len in 0..original.len() {
        let cut = armour(&text::base64_encode(&original[..len]));
        assert!(parse_private(&cut).is_err(), "{len}");
    }
}

/// More of it than a u8 can count.
#[test]
fn endless_padding_is_refused() {
    let mut section = bytes(PLAIN);
    let start = section
        .windows(4)
        .position(|w| w == [0x86, 0xa1, 0x81, 0x0b])
        .unwrap()
        - 4;
    let mut private = section.split_off(start).split_off(4);
    private.extend((3..=255).chain(0..=255));
    while !private.len().is_multiple_of(8) {
        private.push(0);
    }
    section.extend_from_slice(&u32::try_from(private.len()).unwrap().to_be_bytes());
    section.extend_from_slice(&private);
    let what = "its padding is wrong";
    let refused = parse_private(&armour(&text::base64_encode(&section)));
    assert_eq!(refused, Err(OpenSshError::Damaged { what }));
}

proptest! {
    #[test]
    fn nothing_panics(
        text in ".*",
        tail in prop::collection::vec(any::<u8>(), 0..300),
        at in any::<prop::sample::Index>(),
    ) {
        let _ = parse_private(&text);
        let _ = parse_public(&text);
        let original = bytes(PLAIN);
        let kept = &original[..at.index(original.len())];
        let mixed = text::base64_encode(&[kept, &tail].concat());
        let _ = parse_private(&armour(&mixed));
        let _ = parse_public(&format!("{KEY_TYPE} {mixed}"));
    }
}
