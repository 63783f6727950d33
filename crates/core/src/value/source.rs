//! Sources: where a thing was read, how far it is trusted, and what it is evidence for.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;

use crate::value::base::{Leaf, Text, ValueError, coded_words};
use crate::value::id::{Reference, SourceId};
use crate::wire::{Reader, Wire, WireError, Writer};

coded_words! {
    /// What kind of document a source is.
    SourceKind "KIND" {
        /// A news article.
        0 Article = "article",
        /// An official statement or communiqué.
        1 Statement = "statement",
        /// The text of an agreement.
        2 Treaty = "treaty",
        /// A report.
        3 Report = "report",
        /// A letter or note verbale.
        4 Letter = "letter",
        /// A table of data.
        5 Table = "table",
        /// An interview or speech.
        6 Interview = "interview",
        /// A web page.
        7 Website = "website",
        /// Any other document.
        8 Document = "document",
    }
}

coded_words! {
    /// Which way evidence points.
    Bearing "BEARING" unkept {
        /// It speaks for.
        0 Supports = "supports",
        /// It speaks against.
        1 Refutes = "refutes",
    }
}

coded_words! {
    /// How sure the recorder is of what the event says.
    Confidence "CONFIDENCE" {
        /// Weak: one remark, hearsay, an inference.
        0 Low = "low",
        /// Fair.
        1 Medium = "medium",
        /// Strong.
        2 High = "high",
    }
}

/// A source and, where known, the place in it: `S1`, or `S1: paragraph 4`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Citation {
    /// The source.
    pub source: SourceId,
    /// The place in it: a page, paragraph, minute or cell.
    pub place: Option<Text>,
}

impl fmt::Display for Citation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            None => self.source.fmt(f),
            Some(place) => write!(f, "{}: {place}", self.source),
        }
    }
}

impl FromStr for Citation {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        Self::found(text, None)
    }
}

impl Leaf for Citation {
    const LABEL: &'static str = "SOURCE[: PLACE]";
    fn reference(&self) -> Option<Reference<'_>> {
        self.source.reference()
    }
}

impl Wire for Citation {
    fn write(&self, to: &mut Writer) {
        to.put_text(self);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        from.get_text_there(|text, record| {
            let citation = Self::found(text, record)?;
            match citation.is_printed(text) {
                true => Ok(citation),
                false => Err(WireError::NotCanonical),
            }
        })
    }
}

impl Citation {
    /// The citation that a text gives, whose place is found in the bytes of a record, if there is one.
    fn found(text: &str, record: Option<&Bytes>) -> Result<Self, ValueError> {
        let (source, place) = match text.split_once(':') {
            None => (text, None),
            Some((source, place)) => (source, Some(place.trim())),
        };
        let wrong = |error| ValueError(format!("the place in source {source} {error}"));
        let found = |place| Text::found(place, record).map_err(wrong);
        Ok(Self {
            source: source.parse()?,
            place: place.map(found).transpose()?,
        })
    }

    /// Whether a text that was read as this is also the one that it prints: nothing but one space is left out of it.
    fn is_printed(&self, text: &str) -> bool {
        let after = text.get(self.source.as_str().len()..);
        match &self.place {
            None => after == Some(""),
            Some(place) => after.and_then(|after| after.strip_prefix(": ")) == Some(place.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_citation_may_name_the_place() {
        let citation: Citation = "S1: paragraph 4: second line".parse().unwrap();
        assert_eq!(citation.source.as_str(), "S1");
        assert_eq!(citation.place.unwrap().as_str(), "paragraph 4: second line");
        assert!("S1:".parse::<Citation>().is_err());
        assert!("".parse::<Citation>().is_err());
    }

    proptest! {
        #[test]
        fn citations_read_what_they_write(source in "[A-Z][a-z0-9]{0,5}", place in proptest::option::of(" ?.{0,20} ?"), gap in " {0,2}") {
            let text = match place { None => source, Some(place) => format!("{source}:{gap}{place}") };
            if let Ok(citation) = text.parse::<Citation>() {
                prop_assert_eq!(citation.is_printed(&text), citation.to_string() == text);
                prop_assert_eq!(citation.to_string().parse(), Ok(citation));
            }
        }
    }
}
