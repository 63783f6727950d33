//! Names of things: the short slugs that a recorder chooses, and the numbers that the ledger gives.

use std::fmt;
use std::str::FromStr;

use smol_str::SmolStr;

use crate::value::error::{ValueError, excerpt};
use crate::wire::{wire_newtypes, wire_plain_texts, wire_texts, wire_variants};

/// Longest slug, in bytes.
pub const SLUG_LIMIT: usize = 64;

/// A short name chosen by the recorder: ASCII letters, digits, `.`, `_` and `-`, beginning with a letter or
/// digit, at least one character that is no digit (a number is a record's), at most [`SLUG_LIMIT`] bytes.
///
/// All ids of a ledger share one name space, so that `show ID` never has to ask what was meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slug(SmolStr);

impl Slug {
    /// The slug.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Slug {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let wrong = |why: &str| {
            Err(ValueError(format!(
                "`{}` is not an id: {why}",
                excerpt(text)
            )))
        };
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if text.is_empty() {
            wrong("it is empty")
        } else if text.len() > SLUG_LIMIT {
            wrong("it is longer than 64 characters")
        } else if !text.bytes().all(allowed) || !text.as_bytes()[0].is_ascii_alphanumeric() {
            wrong("use letters a-z, digits, `.`, `_` and `-`, beginning with a letter or digit")
        } else if text.bytes().all(|b| b.is_ascii_digit()) {
            wrong("a number names a record; add a letter")
        } else {
            Ok(Self(text.into()))
        }
    }
}

/// What a value names: an entity of some kind, or a record. Everything named must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference<'v> {
    /// A party.
    Party(&'v PartyId),
    /// A source.
    Source(&'v SourceId),
    /// An agreement.
    Agreement(&'v AgreementId),
    /// A commitment.
    Commitment(&'v CommitmentId),
    /// A recorder.
    Recorder(&'v RecorderId),
    /// Any entity.
    Entity(&'v Slug),
    /// A record.
    Record(Seq),
}

impl<'v> Reference<'v> {
    /// The id that is named; none where a record is.
    pub fn slug(self) -> Option<&'v Slug> {
        match self {
            Self::Party(PartyId(slug))
            | Self::Source(SourceId(slug))
            | Self::Agreement(AgreementId(slug))
            | Self::Commitment(CommitmentId(slug))
            | Self::Recorder(RecorderId(slug))
            | Self::Entity(slug) => Some(slug),
            Self::Record(_) => None,
        }
    }

    /// The record that is named; none where an entity is.
    pub fn record(self) -> Option<Seq> {
        match self {
            Self::Record(seq) => Some(seq),
            _ => None,
        }
    }

    /// What is named, as a subject.
    pub fn subject(self) -> Subject {
        match self {
            Self::Record(seq) => Subject::Record(seq),
            Self::Party(PartyId(slug))
            | Self::Source(SourceId(slug))
            | Self::Agreement(AgreementId(slug))
            | Self::Commitment(CommitmentId(slug))
            | Self::Recorder(RecorderId(slug))
            | Self::Entity(slug) => Subject::Entity(slug.clone()),
        }
    }
}

/// What kind of thing an id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntityKind {
    /// A party.
    Party,
    /// A source.
    Source,
    /// An agreement.
    Agreement,
    /// A commitment.
    Commitment,
    /// A recorder.
    Recorder,
}

impl EntityKind {
    /// Every kind.
    pub const ALL: &'static [EntityKind] = &[
        Self::Party,
        Self::Source,
        Self::Agreement,
        Self::Commitment,
        Self::Recorder,
    ];

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Party => "party",
            Self::Source => "source",
            Self::Agreement => "agreement",
            Self::Commitment => "commitment",
            Self::Recorder => "recorder",
        }
    }

    /// What a reference asks for; none where any entity or a record will do.
    pub fn of(reference: &Reference<'_>) -> Option<Self> {
        match reference {
            Reference::Party(_) => Some(Self::Party),
            Reference::Source(_) => Some(Self::Source),
            Reference::Agreement(_) => Some(Self::Agreement),
            Reference::Commitment(_) => Some(Self::Commitment),
            Reference::Recorder(_) => Some(Self::Recorder),
            Reference::Entity(_) | Reference::Record(_) => None,
        }
    }
}

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident;)+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Slug);

        impl $name {
            /// The slug as text.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ValueError;
            fn from_str(text: &str) -> Result<Self, ValueError> {
                text.parse().map(Self)
            }
        }
    )+};
}

ids! {
    /// Names a party.
    PartyId;
    /// Names a source.
    SourceId;
    /// Names an agreement.
    AgreementId;
    /// Names a commitment.
    CommitmentId;
    /// Names a recorder who holds a key.
    RecorderId;
}

/// The number of a record: its place in the chain, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Seq {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let canonical = !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_digit())
            && (text.len() == 1 || !text.starts_with('0'));
        match text.parse() {
            Ok(number) if canonical => Ok(Self(number)),
            _ => Err(ValueError(format!(
                "`{}` is not a record number such as 12",
                excerpt(text)
            ))),
        }
    }
}

/// What something is said about: an entity by its id, or a record by its number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A party, source, agreement or commitment.
    Entity(Slug),
    /// A record.
    Record(Seq),
}

impl Subject {
    /// The id of the entity that it is; none if it is a record.
    pub fn slug(&self) -> Option<&Slug> {
        match self {
            Self::Entity(slug) => Some(slug),
            Self::Record(_) => None,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entity(slug) => slug.fmt(f),
            Self::Record(seq) => seq.fmt(f),
        }
    }
}

impl FromStr for Subject {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            text.parse().map(Self::Record)
        } else {
            text.parse().map(Self::Entity)
        }
    }
}

/// The name of a field of an event, as the tables in [`crate::event`] spell it. Hyphens are read as
/// underscores, as the command line writes them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldName(String);

impl FieldName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for FieldName {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let name = text.replace('-', "_");
        let fits = (1..=32).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        if fits {
            Ok(Self(name))
        } else {
            Err(ValueError(format!(
                "`{}` is not the name of a field",
                excerpt(text)
            )))
        }
    }
}

wire_plain_texts! { Slug }
wire_texts! { FieldName }
wire_newtypes! { PartyId SourceId AgreementId CommitmentId RecorderId Seq }
wire_variants! { Subject { 0 Entity(slug), 1 Record(seq), } }

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn slugs() {
        for good in ["colombia", "A1", "27-7-a", "x", "min.defence_co"] {
            assert!(good.parse::<Slug>().is_ok(), "{good}");
        }
        let long = "x".repeat(65);
        for bad in [
            "",
            "12",
            "-a",
            "a b",
            "é",
            "a:b",
            "a/b",
            "a\0",
            long.as_str(),
        ] {
            assert!(bad.parse::<Slug>().is_err(), "{bad}");
        }
    }

    #[test]
    fn record_numbers_have_one_spelling() {
        assert_eq!("0".parse(), Ok(Seq(0)));
        assert_eq!("12".parse(), Ok(Seq(12)));
        for bad in ["", "012", "+1", "-1", "18446744073709551616", "1a"] {
            assert!(bad.parse::<Seq>().is_err(), "{bad}");
        }
        assert_eq!("12".parse(), Ok(Subject::Record(Seq(12))));
        assert!(matches!("C1".parse(), Ok(Subject::Entity(_))));
    }

    proptest! {
        #[test]
        fn subjects_read_what_they_write(text in "[A-Za-z0-9][A-Za-z0-9._-]{0,20}") {
            if let Ok(subject) = text.parse::<Subject>() {
                prop_assert_eq!(subject.to_string(), text);
            }
        }
    }
}
