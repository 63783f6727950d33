//! The place of a ledger, as a user names it: the path of a directory, or a URL.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

/// The scheme of directories. A location without a scheme has it too.
pub const FILE: &str = "file";

/// The place of a ledger. It is printed as the user gave it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    given: OsString,
    /// The length of the scheme with its colon; 0 for a path.
    prefix: usize,
}

impl Location {
    /// Reads a path or a URL. A URL begins with a scheme of two or more letters and digits, and a colon; a path that
    /// looks like that can be written as `./NAME:REST`.
    pub fn new(given: impl Into<OsString>) -> Self {
        let given = given.into();
        let scheme = given
            .to_str()
            .and_then(|text| Some(text.split_once(':')?.0));
        let is_scheme = |scheme: &&str| {
            scheme.len() > 1
                && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        };
        let prefix = scheme
            .filter(is_scheme)
            .map_or(0, |scheme| scheme.len() + 1);
        Self { given, prefix }
    }

    /// The text as the user gave it.
    pub fn given(&self) -> &OsStr {
        &self.given
    }

    /// The scheme of the URL; `file` for a path.
    pub fn scheme(&self) -> &str {
        match self.url() {
            Some((scheme, _)) => scheme,
            None => FILE,
        }
    }

    /// The part of the URL behind the scheme; nothing for a path.
    pub fn address(&self) -> &str {
        self.url().map_or("", |(_, address)| address)
    }

    /// The directory of a path or of a `file:` URL. The URL may be `file:DIR`, `file:///DIR` or
    /// `file://localhost/DIR`, with `%` and two digits for a byte.
    pub fn directory(&self) -> Option<PathBuf> {
        let Some((scheme, address)) = self.url() else {
            return Some(PathBuf::from(&self.given));
        };
        if scheme != FILE {
            return None;
        }
        let path = address.strip_prefix("//localhost/");
        let path = path.or_else(|| address.strip_prefix("///"));
        let path = path.map_or_else(|| address.to_owned(), |path| format!("/{path}"));
        let decoded = percent_encoding::percent_decode_str(&path).decode_utf8();
        Some(PathBuf::from(
            decoded.map_or(path.clone(), |text| text.into_owned()),
        ))
    }

    fn url(&self) -> Option<(&str, &str)> {
        let text = self.given.to_str().filter(|_| self.prefix > 0)?;
        Some((&text[..self.prefix - 1], &text[self.prefix..]))
    }
}

impl From<&Path> for Location {
    /// A directory, whatever its name looks like.
    fn from(path: &Path) -> Self {
        Self {
            given: path.into(),
            prefix: 0,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.given.display().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_urls_are_told_apart() {
        for (given, scheme, directory) in [
            ("ledger", "file", Some("ledger")),
            ("/a/b c", "file", Some("/a/b c")),
            ("./a:b", "file", Some("./a:b")),
            ("C:\\ledger", "file", Some("C:\\ledger")),
            ("1a:b", "file", Some("1a:b")),
            ("a/b:c", "file", Some("a/b:c")),
            ("file:ledger", "file", Some("ledger")),
            ("file:/a/b", "file", Some("/a/b")),
            ("file:///a/b%20c", "file", Some("/a/b c")),
            ("file://localhost/a", "file", Some("/a")),
            ("memory:", "memory", None),
            ("postgres://user@host/db", "postgres", None),
        ] {
            let location = Location::new(given);
            assert_eq!(location.scheme(), scheme, "{given}");
            let directory = directory.map(PathBuf::from);
            assert_eq!(location.directory(), directory, "{given}");
            assert_eq!(location.to_string(), given);
        }
        assert_eq!(Location::new("memory:one").address(), "one");
        let odd = Location::from(Path::new("memory:one"));
        assert_eq!(odd.directory(), Some(PathBuf::from("memory:one")));
    }
}
