//! Parties: who can promise, be promised to, speak and assess.

use std::fmt;
use std::str::FromStr;

use crate::value::base::{Language, Leaf, Text, ValueError, coded_words, excerpt};
use crate::wire::wire_texts;

coded_words! {
    /// What a party is.
    PartyKind "KIND" {
        /// A state.
        0 State = "state",
        /// An international or other organisation.
        1 Organisation = "organisation",
        /// An organ of a state or organisation: a ministry, a court, armed forces.
        2 Organ = "organ",
        /// An office that persons hold in turn.
        3 Office = "office",
        /// A person.
        4 Person = "person",
        /// A unit within an organ.
        5 Unit = "unit",
        /// A group without legal personality, or of persons nobody named.
        6 Group = "group",
    }
}

/// A name, with its language where that is known: `Colombia`, or `Kolumbien@de` (as RDF writes it).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// The name as written.
    pub text: Text,
    /// Its language.
    pub language: Option<Language>,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.language {
            None => self.text.fmt(f),
            Some(language) => write!(f, "{}@{language}", self.text),
        }
    }
}

impl FromStr for Name {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        if let Some((name, tag)) = text.rsplit_once('@')
            && let Ok(language) = tag.parse()
        {
            return Ok(Self {
                text: name.parse()?,
                language: Some(language),
            });
        }
        Ok(Self {
            text: text.parse()?,
            language: None,
        })
    }
}

impl Leaf for Name {
    const LABEL: &'static str = "NAME[@LANG]";
    const KEPT: bool = false;
}

/// What a party or document is called in somebody's register: `iso3166:CO`, `orcid:0000-...`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier {
    /// The state: lower-case letters, digits and `-`.
    pub scheme: String,
    /// The value in it.
    pub value: Text,
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.scheme, self.value)
    }
}

impl FromStr for Identifier {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let scheme_fits = |s: &str| {
            (1..=32).contains(&s.len())
                && s.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        match text.split_once(':') {
            Some((scheme, value)) if scheme_fits(scheme) => Ok(Self {
                scheme: scheme.to_owned(),
                value: value.parse()?,
            }),
            _ => Err(ValueError(format!(
                "`{}` is not an identifier such as iso3166:CO",
                excerpt(text)
            ))),
        }
    }
}

impl Leaf for Identifier {
    const LABEL: &'static str = "SCHEME:VALUE";
    const KEPT: bool = false;
}

wire_texts! { Name Identifier }

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_may_carry_its_language() {
        let name: Name = "Kolumbien@de".parse().unwrap();
        assert_eq!(name.text.as_str(), "Kolumbien");
        assert_eq!(name.language.unwrap().to_string(), "de");
        let plain: Name = "someone@EXAMPLE".parse().unwrap();
        assert_eq!(plain.language, None);
        assert!("@de".parse::<Name>().is_err());
    }

    proptest! {
        #[test]
        fn names_and_identifiers_read_what_they_write(text in ".{1,30}") {
            if let Ok(name) = text.parse::<Name>() {
                prop_assert_eq!(name.to_string().parse(), Ok(name));
            }
            if let Ok(identifier) = text.parse::<Identifier>() {
                prop_assert_eq!(identifier.to_string().parse(), Ok(identifier));
            }
        }
    }
}
