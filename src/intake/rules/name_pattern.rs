//! Patterns for the names of files.

use std::fmt;

/// Whether a text can be a name: of a column, a map, a lookup.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || c == '_' || c == '-')
        && !text.starts_with('-')
}

/// A pattern with named parts, such as `{chapter}-{treaty}`. Each part is as short as possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern {
    /// The text before the first part.
    lead: String,
    /// The name of each part, and the text after it.
    parts: Vec<(String, String)>,
}

impl NamePattern {
    /// The names of its parts.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(|(name, _)| name.as_str())
    }

    /// Splits a text into its parts; none if it does not fit.
    pub fn split<'t>(&self, text: &'t str) -> Option<Vec<&'t str>> {
        let mut rest = text.strip_prefix(self.lead.as_str())?;
        let mut found = Vec::with_capacity(self.parts.len());
        for (at, (_, after)) in self.parts.iter().enumerate() {
            let is_last = at + 1 == self.parts.len();
            let (part, behind) = match (is_last, after.is_empty()) {
                (true, _) => (rest.strip_suffix(after.as_str())?, ""),
                (false, _) => rest.split_once(after.as_str())?,
            };
            found.push(part);
            rest = behind;
        }
        rest.is_empty().then_some(found)
    }
}

impl std::str::FromStr for NamePattern {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let mut pieces = text.split('{');
        let lead = pieces.next().unwrap_or_default().to_owned();
        let mut parts: Vec<(String, String)> = Vec::new();
        for piece in pieces {
            let (name, after) = piece
                .split_once('}')
                .filter(|(name, after)| is_name(name) && !after.contains('}'))
                .ok_or("write parts as {name}, of letters, digits and `_`")?;
            if parts.last().is_some_and(|(_, after)| after.is_empty()) {
                return Err(format!(
                    "write some text before {{{name}}}, to separate it from the part before"
                ));
            }
            parts.push((name.to_owned(), after.to_owned()));
        }
        match parts.is_empty() || lead.contains('}') {
            true => Err("has no part such as {name}".into()),
            false => Ok(Self { lead, parts }),
        }
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lead)?;
        self.parts
            .iter()
            .try_for_each(|(name, after)| write!(f, "{{{name}}}{after}"))
    }
}
