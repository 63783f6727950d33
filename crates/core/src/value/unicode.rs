//! The form in which texts enter a ledger: Unicode's NFC, with newlines at the ends of lines. A letter with its mark can be written as one character or as
//! two, and both look the same; in NFC there is one spelling. The only file that names `unicode_normalization`.
//!
//! What comes from outside is put into this form: fields of events, cells and headers of tables, rules, and the texts by
//! which something is looked up. Payloads that were written before, or by another program, may hold other forms. They
//! are read, verified and shown as they are.

use std::borrow::Cow;

use unicode_normalization::char::is_combining_mark;
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

/// A text in NFC. CR LF, with which some systems end lines, becomes a newline.
pub fn normal(text: &str) -> Cow<'_, str> {
    // Most texts are plain, which a look at the bytes shows.
    let is_plain = |byte: u8| byte.is_ascii() & (byte != b'\r');
    if text.bytes().fold(true, |all, byte| all & is_plain(byte)) {
        return Cow::Borrowed(text);
    }
    let is_nfc = text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes;
    // Most texts have none of the two, and one is found much faster.
    match (is_nfc, text.contains('\r') && text.contains("\r\n")) {
        (true, false) => Cow::Borrowed(text),
        (true, true) => Cow::Owned(text.replace("\r\n", "\n")),
        (false, _) => Cow::Owned(text.replace("\r\n", "\n").nfc().collect()),
    }
}

/// As [`normal`], of a text that nobody else needs.
pub fn into_normal(text: String) -> String {
    match normal(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(normal) => normal,
    }
}

/// Whether two texts are one in NFC.
pub fn same(one: &str, other: &str) -> bool {
    one == other || normal(one) == normal(other)
}

/// A text as people search it: in small letters, without accents, and with the plain form of letters of full width,
/// ligatures and the like (NFKD without marks).
pub fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let plain = text.nfkd().filter(|letter| !is_combining_mark(*letter));
    let small = plain.flat_map(char::to_lowercase).nfkd();
    small.filter(|letter| !is_combining_mark(*letter)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Fields, Kind};
    use proptest::prelude::*;

    #[test]
    fn spellings_of_one_text_are_the_same() {
        for (one, other) in [
            ("Mu\u{308}ller", "M\u{fc}ller"),
            ("\u{212b}ngstr\u{f6}m", "\u{c5}ngstro\u{308}m"),
            ("\u{1112}\u{1161}\u{11ab}", "\u{d55c}"),
            // Marks in another order.
            ("a\u{301}\u{323}", "\u{1ea1}\u{301}"),
            ("\u{212a}1", "K1"),
            ("a\r\nu\u{308}\r\n", "a\n\u{fc}\n"),
        ] {
            assert!(same(one, other), "{one} {other}");
        }
        // These look alike and are others: compatible, not equal.
        for (one, other) in [("\u{ff21}", "A"), ("\u{fb01}", "fi"), ("\u{441}", "c")] {
            assert!(!same(one, other), "{one} {other}");
        }
    }

    fn is_normal(text: &str) -> bool {
        normal(text) == text
    }

    /// Texts with marks, in which the order and the form of a character matter.
    fn marked() -> impl Strategy<Value = String> {
        let pieces = [
            "a",
            "e",
            "\u{e9}",
            "\u{301}",
            "\u{323}",
            "\u{338}",
            "\u{212b}",
            "\u{1112}",
            "\u{1161}",
            "\u{11ab}",
            "\u{d55c}",
            "\u{1d15e}",
            "@",
            ":",
            " ",
            "=",
            "K",
            "\u{212a}",
        ];
        proptest::collection::vec(proptest::sample::select(pieces.to_vec()), 0..12)
            .prop_map(|pieces| pieces.concat())
    }

    #[test]
    fn folding_takes_case_accents_and_width_away() {
        assert_eq!(folded("Jos\u{e9} P\u{c9}REZ"), "jose perez");
        assert_eq!(folded("\u{ff22}RIDGE \u{fb01}n"), "bridge fin");
        // Its small letter has a mark of its own.
        assert_eq!(folded("\u{130}"), "i");
    }

    proptest! {
        #[test]
        fn folding_again_changes_nothing(text in ".{0,40}") {
            let once = folded(&text);
            prop_assert_eq!(folded(&once), once);
        }

        #[test]
        fn a_normal_text_is_stable(text in prop_oneof![".{0,40}", marked()]) {
            let once = normal(&text).into_owned();
            prop_assert!(is_normal(&once));
            prop_assert_eq!(into_normal(text.clone()), once.clone());
            prop_assert!(same(&text, &once));
            // So is each part of it, as a parser cuts it.
            for (at, _) in once.char_indices() {
                let (before, after) = once.split_at(at);
                prop_assert!(is_normal(before));
                prop_assert!(is_normal(after));
            }
        }

        #[test]
        fn whatever_enters_an_event_is_normal(texts in proptest::collection::vec(marked(), 5)) {
            let mut fields = Fields::default();
            let given = ["text", "note", "import_key", "recorded_by"];
            for (name, text) in given.into_iter().zip(&texts) {
                fields.set(name, vec![text.clone()]);
            }
            fields.set("source", vec![format!("S1: {}", texts[4])]);
            let borrowed: Vec<(&str, &[String])> = vec![("text", &texts[..1]), ("note", &texts[1..2])];
            for built in [Event::build(Kind::Noted, &fields), Event::build_from(Kind::Noted, &borrowed)] {
                let Ok(event) = built else { continue };
                for (name, texts) in event.to_fields().iter() {
                    for text in texts {
                        prop_assert!(is_normal(text), "{}: {}", name, text);
                    }
                }
                prop_assert_eq!(Event::build(Kind::Noted, &event.to_fields()), Ok(event));
            }
        }
    }
}
