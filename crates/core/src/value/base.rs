//! Values of fields, and their one textual form.
//!
//! Every field of every event is a list of texts: none, one or several. The command line, NDJSON, the
//! editor template, corrections and dossiers all speak this one form, so each type says once how it is
//! read and written, and nothing else parses.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use bytes::Bytes;
use bytestring::ByteString;
use smallvec::SmallVec;
use smol_str::SmolStr;

pub use crate::value::error::{ValueError, excerpt, unknown_word};
use crate::value::id::{
    AgreementId, CommitmentId, FieldName, PartyId, RecorderId, Reference, Seq, Slug, SourceId,
    Subject,
};
use crate::wire::{Reader, Wire, WireError, Writer, wire_newtypes, wire_plain_texts};

/// How many texts a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Exactly one.
    One,
    /// None or one.
    Optional,
    /// Any number, in order.
    Many,
    /// Present or absent: `true`, or nothing.
    Flag,
}

/// A type with one textual form: `s.parse()` reads it, `to_string()` writes it, each the other's inverse.
pub trait Leaf: FromStr<Err = ValueError> + fmt::Display + Clone {
    /// The metavariable in help texts, in capitals: `PARTY`, `WHEN`.
    const LABEL: &'static str;
    /// The closed list of words, where there is one.
    const WORDS: &'static [&'static str] = &[];
    /// Whether the state keeps such values, or what they name. If not, a correction of one changes only its record,
    /// unless the declaration of the field says `kept`.
    const KEPT: bool = true;
    /// The entity or record that the value names, where it names one.
    fn reference(&self) -> Option<Reference<'_>> {
        None
    }
}

/// The type of a whole field: a leaf, an optional leaf, a list of leaves, or a flag.
pub trait Value: Sized {
    /// How many texts it takes.
    const SHAPE: Shape;
    /// The leaf's label.
    const LABEL: &'static str;
    /// The leaf's closed list of words, or none.
    const WORDS: &'static [&'static str];
    /// Whether the state keeps such values: [`Leaf::KEPT`].
    const KEPT: bool;
    /// Reads the field; `texts` is empty where the field is absent.
    fn from_texts<S: AsRef<str>>(texts: &[S]) -> Result<Self, ValueError>;
    /// Writes the field; an absent field gives no texts.
    fn to_texts(&self) -> Vec<String>;
    /// Shows each entity and record that the field names, in order.
    fn each_reference<'v>(&'v self, show: &mut impl FnMut(Reference<'v>));
    /// Whether it has no texts.
    fn is_absent(&self) -> bool;
}

fn at_most_one<S: AsRef<str>>(texts: &[S]) -> Result<Option<&str>, ValueError> {
    match texts {
        [] => Ok(None),
        [text] => Ok(Some(text.as_ref())),
        more => Err(ValueError(format!("takes one value, got {}", more.len()))),
    }
}

impl<T: Leaf> Value for T {
    const SHAPE: Shape = Shape::One;
    const LABEL: &'static str = T::LABEL;
    const WORDS: &'static [&'static str] = T::WORDS;
    const KEPT: bool = T::KEPT;
    fn from_texts<S: AsRef<str>>(texts: &[S]) -> Result<Self, ValueError> {
        at_most_one(texts)?
            .ok_or_else(|| ValueError::new("is required"))?
            .parse()
    }
    fn to_texts(&self) -> Vec<String> {
        vec![self.to_string()]
    }
    fn each_reference<'v>(&'v self, show: &mut impl FnMut(Reference<'v>)) {
        self.reference().into_iter().for_each(show);
    }
    fn is_absent(&self) -> bool {
        false
    }
}

impl<T: Leaf> Value for Option<T> {
    const SHAPE: Shape = Shape::Optional;
    const LABEL: &'static str = T::LABEL;
    const WORDS: &'static [&'static str] = T::WORDS;
    const KEPT: bool = T::KEPT;
    fn from_texts<S: AsRef<str>>(texts: &[S]) -> Result<Self, ValueError> {
        at_most_one(texts)?.map(|text| text.parse()).transpose()
    }
    fn to_texts(&self) -> Vec<String> {
        self.iter().map(T::to_string).collect()
    }
    fn each_reference<'v>(&'v self, show: &mut impl FnMut(Reference<'v>)) {
        self.iter().filter_map(T::reference).for_each(show);
    }
    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

/// A list that mostly has one value, which then lies in place and not on the heap.
pub type Few<T> = SmallVec<[T; 1]>;

macro_rules! lists {
    ($($list:ty)+) => {$(
        impl<T: Leaf> Value for $list {
            const SHAPE: Shape = Shape::Many;
            const LABEL: &'static str = T::LABEL;
            const WORDS: &'static [&'static str] = T::WORDS;
            const KEPT: bool = T::KEPT;
            fn from_texts<S: AsRef<str>>(texts: &[S]) -> Result<Self, ValueError> {
                texts.iter().map(|text| text.as_ref().parse()).collect()
            }
            fn to_texts(&self) -> Vec<String> {
                self.iter().map(T::to_string).collect()
            }
            fn each_reference<'v>(&'v self, show: &mut impl FnMut(Reference<'v>)) {
                self.iter().filter_map(T::reference).for_each(show);
            }
            fn is_absent(&self) -> bool {
                self.is_empty()
            }
        }
    )+};
}

lists! { Vec<T> Few<T> }

impl Value for bool {
    const SHAPE: Shape = Shape::Flag;
    const LABEL: &'static str = "BOOL";
    const WORDS: &'static [&'static str] = &["true", "false"];
    const KEPT: bool = true;
    fn from_texts<S: AsRef<str>>(texts: &[S]) -> Result<Self, ValueError> {
        match at_most_one(texts)? {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(ValueError(format!("`{other}` is neither true nor false"))),
        }
    }
    fn to_texts(&self) -> Vec<String> {
        if *self {
            vec!["true".into()]
        } else {
            Vec::new()
        }
    }
    fn each_reference<'v>(&'v self, _: &mut impl FnMut(Reference<'v>)) {}
    fn is_absent(&self) -> bool {
        !self
    }
}

/// Ids and numbers: each with its label, and what it names. The state keeps those that name something.
macro_rules! names {
    ($($name:ident $label:literal $($this:ident => $reference:expr)?;)+) => {$(
        impl Leaf for $name {
            const LABEL: &'static str = $label;
            const KEPT: bool = {
                const NAMED: &[&str] = &[$(stringify!($this))?];
                !NAMED.is_empty()
            };
            $(fn reference(&self) -> Option<Reference<'_>> {
                let $this = self;
                Some($reference)
            })?
        }
    )+};
}

names! {
    Slug "ID";
    FieldName "FIELD";
    PartyId "PARTY" this => Reference::Party(this);
    SourceId "SOURCE" this => Reference::Source(this);
    AgreementId "AGREEMENT" this => Reference::Agreement(this);
    CommitmentId "COMMITMENT" this => Reference::Commitment(this);
    RecorderId "RECORDER" this => Reference::Recorder(this);
    Seq "RECORD" this => Reference::Record(*this);
    Subject "ID|RECORD" this => match this {
        Subject::Entity(slug) => Reference::Entity(slug),
        Subject::Record(seq) => Reference::Record(*seq),
    };
}

/// Declares a closed list of words as an enum with its textual form. `unkept` after the label: see [`Leaf::KEPT`].
macro_rules! words {
    ($(#[$meta:meta])* $name:ident $label:literal $($unkept:ident)? { $($(#[$vmeta:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vmeta])* $variant,)+ }

        impl $name {
            /// Every word, in the order of the list.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];
            /// The word itself.
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.word())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::value::base::ValueError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok($name::$variant),)+
                    other => Err($crate::value::base::unknown_word(other, <$name as $crate::value::base::Leaf>::WORDS)),
                }
            }
        }

        impl $crate::value::base::Leaf for $name {
            const LABEL: &'static str = $label;
            const WORDS: &'static [&'static str] = &[$($word,)+];
            const KEPT: bool = {
                const UNKEPT: &[&str] = &[$(stringify!($unkept))?];
                UNKEPT.is_empty()
            };
        }
    };
}
pub(crate) use words;

/// As `words!`, for words that records hold: each after its number in the bytes, which is never used twice. A word that
/// a later schema brought says so: `7 Novated = "novated" since 2`.
macro_rules! coded_words {
    ($(#[$meta:meta])* $name:ident $label:literal $($unkept:ident)? {
        $($(#[$vmeta:meta])* $number:literal $variant:ident = $word:literal $(since $since:literal)?,)+
    }) => {
        $crate::value::base::words! {
            $(#[$meta])* $name $label $($unkept)? { $($(#[$vmeta])* $variant = $word,)+ }
        }

        impl $name {
            /// The number of each word in the bytes, the word, and the schema that brought it.
            pub const CODES: &'static [(u8, &'static str, u8)] =
                &[$(($number, $word, $crate::value::base::since!($($since)?)),)+];
        }

        $crate::wire::wire_variants! { $name { $($number $variant $(since $since)?,)+ } }
    };
}
pub(crate) use coded_words;

/// A schema, 1 if it is not said.
macro_rules! since {
    () => {
        1
    };
    ($since:literal) => {
        $since
    };
}
pub(crate) use since;

/// Longest text of one field, in bytes of UTF-8. Longer documents are sources, named by their digest.
pub const TEXT_LIMIT: usize = 32 * 1024;

/// Free text: not empty, no control characters but newline and tab, at most [`TEXT_LIMIT`] bytes.
/// In any script. It is kept as it is read; what comes from outside is put into one form before (`unicode`).
#[derive(Clone)]
pub struct Text(Held);

/// Where a text lies.
#[derive(Clone)]
enum Held {
    /// In place if it is short, and else in memory of its own.
    Apart(SmolStr),
    /// In the memory of the records that it was read from, which it keeps.
    There(ByteString),
}

/// Longest text that lies in place.
const IN_PLACE: usize = 23;

impl Text {
    /// The text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Held::Apart(text) => text,
            Held::There(text) => text,
        }
    }

    /// A copy for whoever keeps it: it keeps no memory of records.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self(Held::Apart(self.as_str().into()))
    }

    /// The text that is found in the bytes of a record: where it is long, it stays there.
    pub(super) fn found(text: &str, record: Option<&Bytes>) -> Result<Self, ValueError> {
        Self::check(text)?;
        let there = record.filter(|_| text.len() > IN_PLACE);
        let there = there.and_then(|record| record.slice_ref(text.as_bytes()).try_into().ok());
        Ok(Self(
            there.map_or_else(|| Held::Apart(text.into()), Held::There),
        ))
    }

    fn check(text: &str) -> Result<(), ValueError> {
        if text.trim().is_empty() {
            return Err(ValueError::new("is empty"));
        }
        if text.len() > TEXT_LIMIT {
            return Err(ValueError(format!(
                "has {} bytes; the limit is {TEXT_LIMIT} (register the document as a source, by its digest)",
                text.len()
            )));
        }
        let control = |c: &char| c.is_control() && *c != '\n' && *c != '\t';
        if may_have_controls(text)
            && let Some(c) = text.chars().find(control)
        {
            return Err(ValueError(format!(
                "has the control character U+{:04X}",
                u32::from(c)
            )));
        }
        Ok(())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Text").field(&self.as_str()).finish()
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.as_str().hash(hasher);
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Text {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        Self::found(text, None)
    }
}

impl Wire for Text {
    fn write(&self, to: &mut Writer) {
        to.put_str(self.as_str());
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        from.get_text_there(|text, record| Ok(Self::found(text, record)?))
    }
}

/// Whether a look at the bytes cannot exclude control characters: those above ASCII begin with the byte C2, as
/// some letters do.
fn may_have_controls(text: &str) -> bool {
    let suspect = |byte: u8| byte < b' ' || byte == 0x7f || byte == 0xc2;
    text.bytes()
        .fold(false, |found, byte| found | suspect(byte))
}

impl Leaf for Text {
    const LABEL: &'static str = "TEXT";
    const KEPT: bool = false;
}

/// A language tag as in RFC 5646, in its usual short shapes: `es`, `pt-BR`, `zh-Hant`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Language(String);

impl Language {
    /// Whether a text has the shape of a language tag.
    fn fits(text: &str) -> bool {
        let mut parts = text.split('-');
        let primary = parts.next().unwrap_or_default();
        text.len() <= LANGUAGE_LIMIT
            && (2..=3).contains(&primary.len())
            && primary.bytes().all(|b| b.is_ascii_lowercase())
            && parts
                .all(|p| (1..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric()))
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Longest language tag, in bytes.
const LANGUAGE_LIMIT: usize = 64;

impl FromStr for Language {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        if Self::fits(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ValueError(format!(
                "`{}` is not a language tag such as `es` or `pt-BR`",
                excerpt(text)
            )))
        }
    }
}

impl Leaf for Language {
    const LABEL: &'static str = "LANG";
    const KEPT: bool = false;
}

/// A BLAKE3 digest of a document's bytes, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let wrong = || {
            ValueError(format!(
                "`{}` is not a digest of 64 lower-case hexadecimal digits",
                excerpt(text)
            ))
        };
        let lower_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() != 64 || !text.bytes().all(lower_hex) {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

impl Leaf for Digest {
    const LABEL: &'static str = "DIGEST";
    const KEPT: bool = false;
}

wire_plain_texts! { Language }
wire_newtypes! { Digest }

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_refuses_what_no_reader_can_see() {
        assert!("".parse::<Text>().is_err());
        assert!(" \n".parse::<Text>().is_err());
        assert!("a\0b".parse::<Text>().is_err());
        assert!("a\u{1b}[31m".parse::<Text>().is_err());
        assert!("línea\notra\tcosa 会談".parse::<Text>().is_ok());
        assert!("x".repeat(TEXT_LIMIT).parse::<Text>().is_ok());
        assert!("x".repeat(TEXT_LIMIT + 1).parse::<Text>().is_err());
    }

    #[test]
    fn language_tags_have_their_shape() {
        for good in ["es", "pt-BR", "zh-Hant", "quc"] {
            assert!(good.parse::<Language>().is_ok(), "{good}");
        }
        for bad in ["", "ES", "e", "english", "es-", "es_CO"] {
            assert!(bad.parse::<Language>().is_err(), "{bad}");
        }
    }

    #[test]
    fn flags_are_true_or_absent() {
        assert_eq!(bool::from_texts::<&str>(&[]), Ok(false));
        assert_eq!(bool::from_texts(&["true"]), Ok(true));
        assert!(bool::from_texts(&["yes"]).is_err());
    }

    proptest! {
        #[test]
        fn digest_reads_what_it_writes(bytes: [u8; 32]) {
            let digest = Digest(bytes);
            prop_assert_eq!(digest.to_string().parse::<Digest>(), Ok(digest));
        }

        /// They are not printed again to see that they are what was read.
        #[test]
        fn plain_texts_print_what_they_were_made_of(text in "[ -~]{0,12}|\\PC{0,30}|[a-zA-Z0-9._-]{1,70}") {
            if let Ok(value) = text.parse::<Text>() {
                prop_assert_eq!(value.to_string(), text.clone());
            }
            if let Ok(value) = text.parse::<Language>() {
                prop_assert_eq!(value.to_string(), text.clone());
            }
            if let Ok(value) = text.parse::<Slug>() {
                prop_assert_eq!(value.to_string(), text);
            }
        }

        #[test]
        fn no_text_panics_a_parser(text in ".{0,80}") {
            let _ = text.parse::<Text>();
            let _ = text.parse::<Language>();
            let _ = text.parse::<Digest>();
        }
    }
}
