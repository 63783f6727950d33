//! The defaults of a directory: the ledger that it is in, and what `.servanda.toml` says.
//!
//! Both are looked for in the working directory and in those above it; the first one found counts. What a command line
//! or the environment gives comes before them.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::error::CliError;
use super::files;
use servanda_log::{Location, directory};

/// The name of the file.
pub const FILE: &str = ".servanda.toml";

/// What a directory gives where nothing else does.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// The ledger.
    pub ledger: Option<Location>,
    /// The format of data.
    pub format: Option<String>,
    /// The keys to sign with.
    pub sign_with: Vec<PathBuf>,
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    ledger: Option<String>,
    format: Option<String>,
    #[serde(default)]
    sign_with: Vec<PathBuf>,
}

/// Looks for defaults in a directory and those above it.
///
/// # Errors
/// Where the file is not one of defaults.
pub fn find(from: &Path) -> Result<Defaults, CliError> {
    for dir in from.ancestors() {
        let path = dir.join(FILE);
        if path.symlink_metadata().is_ok() {
            return read(dir, &path);
        }
        if directory::is_marked(dir) {
            return Ok(Defaults {
                ledger: Some(dir.into()),
                ..Defaults::default()
            });
        }
    }
    Ok(Defaults::default())
}

fn read(dir: &Path, path: &Path) -> Result<Defaults, CliError> {
    let refused = |why: &str| {
        CliError::refused(format!("{}: {why}", path.display()))
            .hint("it may say `ledger`, `format` and `sign-with`, in TOML: ledger = \"commission\"")
    };
    let text = files::read(path, files::TEXT_BYTES)?;
    let text = std::str::from_utf8(&text).map_err(|_| refused("it is no text in UTF-8"))?;
    let written: Written = toml::from_str(text).map_err(|error| refused(error.message()))?;
    let ledger = written.ledger.map(|given| {
        let location = Location::new(given);
        match location.directory() {
            // Paths are those of the file.
            Some(path) if path.is_relative() => dir.join(path).as_path().into(),
            _ => location,
        }
    });
    Ok(Defaults {
        ledger: ledger.or_else(|| directory::is_marked(dir).then(|| dir.into())),
        format: written.format,
        sign_with: written.sign_with.iter().map(|key| dir.join(key)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_file_of_the_nearest_directory_counts() {
        let dir = tempfile::tempdir().unwrap();
        let below = dir.path().join("a/b");
        fs::create_dir_all(&below).unwrap();
        assert_eq!(find(&below).unwrap(), Defaults::default());
        fs::write(
            dir.path().join(FILE),
            "ledger = \"commission\"\nformat = \"csv\"\nsign-with = [\"key\"]\n",
        )
        .unwrap();
        let found = find(&below).unwrap();
        assert_eq!(
            found.ledger,
            Some(dir.path().join("commission").as_path().into())
        );
        assert_eq!(found.format.as_deref(), Some("csv"));
        assert_eq!(found.sign_with, [dir.path().join("key")]);
        fs::write(dir.path().join("a").join(FILE), "ledger = \"memory:\"").unwrap();
        assert_eq!(find(&below).unwrap().ledger, Some(Location::new("memory:")));
    }

    #[test]
    fn a_ledger_is_found_from_below_it() {
        let dir = tempfile::tempdir().unwrap();
        let below = dir.path().join("records");
        fs::create_dir(&below).unwrap();
        // The program has the same name, and is no marker.
        fs::write(dir.path().join("servanda"), [0x7f, b'E', b'L', b'F']).unwrap();
        assert_eq!(find(&below).unwrap(), Defaults::default());
        fs::write(
            dir.path().join("servanda"),
            "servanda ledger\nformat 1\nstore sled\n",
        )
        .unwrap();
        assert_eq!(find(&below).unwrap().ledger, Some(dir.path().into()));
    }

    #[test]
    fn a_file_of_something_else_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        for text in [
            "ledgr = 1",
            "ledger = 1",
            "=",
            "ledger = \"a\"\nledger = \"b\"",
        ] {
            fs::write(dir.path().join(FILE), text).unwrap();
            let error = find(dir.path()).unwrap_err();
            assert!(error.message.contains(FILE), "{text}");
            assert!(!error.hints.is_empty());
        }
    }
}
