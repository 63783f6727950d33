//! Queries and forms: names with values, as browsers write them.

use crate::problem::{Problem, Wrong};

/// The most names and values that are read.
pub const MOST: usize = 2_000;

/// Names with values, in order. A name may stand several times.
#[derive(Debug, Clone, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads what stands behind a question mark, or the body of a form.
    pub fn parse(text: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(text).take(MOST);
        Self(
            pairs
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect(),
        )
    }

    /// These names with values.
    pub fn of(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// All names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The first value of a name that is not empty: a form sends all its fields.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// The values of a name that are not empty.
    pub fn all<'q>(&'q self, name: &str) -> impl Iterator<Item = &'q str> {
        let values = self.iter().filter(move |(given, _)| *given == name);
        values
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    }

    /// The whole number that stands for a name, if there is one.
    ///
    /// # Errors
    /// A value that is none, or too large.
    pub fn number<N: std::str::FromStr>(&self, name: &str) -> Result<Option<N>, Problem> {
        let wrong = |_| Problem::parameter(name, "is a whole number");
        self.get(name)
            .map(|text| text.parse().map_err(wrong))
            .transpose()
    }

    /// Whether a name stands there, with any value but `false` and `0`.
    pub fn flag(&self, name: &str) -> bool {
        let mut values = self.iter().filter(|(given, _)| *given == name);
        values
            .next()
            .is_some_and(|(_, value)| !matches!(value, "false" | "0"))
    }

    /// That every name is one of these.
    ///
    /// # Errors
    /// A problem that names each other one.
    pub fn check_names(&self, known: &[&str]) -> Result<(), Problem> {
        let unknown = self.iter().filter(|(name, _)| !known.contains(name));
        let wrong = unknown.map(|(name, _)| {
            let name: String = name.chars().take(40).collect();
            Wrong::field(
                &name,
                format!("there is no such parameter; there are {}", known.join(", ")),
            )
        });
        let wrong: Vec<Wrong> = wrong.collect();
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(Problem::bad_request(wrong)),
        }
    }

    /// That every name has a value, but for switches: where no form asks, an empty value is a mistake.
    ///
    /// # Errors
    /// A problem that names each one without.
    pub fn check_values(&self) -> Result<(), Problem> {
        let empty = self
            .iter()
            .filter(|(name, value)| value.trim().is_empty() && *name != "dry_run");
        let wrong: Vec<Wrong> = empty
            .map(|(name, _)| Wrong::field(name, "has no value"))
            .collect();
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(Problem::bad_request(wrong)),
        }
    }

    /// The same with other values for some names; a name without a value is left out.
    pub fn with(&self, changes: &[(&str, &str)]) -> String {
        let mut written = form_urlencoded::Serializer::new(String::new());
        let is_changed = |name: &str| changes.iter().any(|(changed, _)| *changed == name);
        let kept = self
            .iter()
            .filter(|(name, value)| !is_changed(name) && !value.is_empty());
        let changed = changes
            .iter()
            .copied()
            .filter(|(_, value)| !value.is_empty());
        for (name, value) in kept.chain(changed) {
            written.append_pair(name, value);
        }
        let written = written.finish();
        match written.is_empty() {
            true => written,
            false => format!("?{written}"),
        }
    }
}

/// A segment of a path as it was meant; none where it is not UTF-8.
pub fn unescaped(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let (high, low) = (digit(rest.next())?, digit(rest.next())?);
        bytes.push(u8::try_from(16 * high + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read_and_written() {
        let query = Query::parse(b"a=1&b=&a=x+y%26&flag&no=false");
        assert_eq!(query.all("a").collect::<Vec<_>>(), ["1", "x y&"]);
        assert_eq!(query.get("b"), None);
        assert!(query.flag("flag") && !query.flag("no") && !query.flag("absent"));
        assert_eq!(query.with(&[("a", ""), ("page", "2")]), "?no=false&page=2");
        assert!(query.check_names(&["a", "b", "flag", "no"]).is_ok());
        assert_eq!(query.check_names(&["a"]).unwrap_err().errors.len(), 3);
    }

    #[test]
    fn segments_are_unescaped() {
        assert_eq!(unescaped("a%2Fb+").as_deref(), Some("a/b+"));
        assert_eq!(unescaped("%"), None);
        assert_eq!(unescaped("%ff"), None);
    }
}
