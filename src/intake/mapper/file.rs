//! The file of a table.

use smallvec::smallvec;

use crate::intake::rules::function::Given;
use crate::intake::rules::slug::slug;

/// The number of digits of a digest that tell the versions of a file apart.
const VERSION_DIGITS: usize = 12;

/// The file of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: String,
    /// The name of its directory.
    pub directory: String,
    /// Its digest, as 64 hexadecimal digits.
    pub digest: String,
}

impl File {
    /// Its name without the extension.
    pub fn stem(&self) -> &str {
        match self.name.rsplit_once('.') {
            Some((stem, _)) if !stem.is_empty() => stem,
            _ => &self.name,
        }
    }

    /// The digits that tell this version of the file from others.
    fn version(&self) -> &str {
        &self.digest[..self.digest.len().min(VERSION_DIGITS)]
    }

    /// The beginning of the import keys of all versions of the table.
    pub fn key(&self) -> String {
        format!("table:{}:", slug(&self.name).unwrap_or_default())
    }

    /// The fields of the source that stands for the file, where the rules give no others.
    pub(super) fn source<'a>(&self) -> Given<'a, '_> {
        let id = format!("{} {}", self.stem(), self.version());
        let key = format!("{}{}", self.key(), self.version());
        smallvec![
            ("id", smallvec![slug(&id).unwrap_or_default().into()]),
            ("kind", smallvec!["table".into()]),
            ("title", smallvec![self.name.as_str().into()]),
            ("digest", smallvec![self.digest.as_str().into()]),
            ("import_key", smallvec![key.into()]),
        ]
    }

    /// The value of a name such as `file.stem`.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        match name {
            "file.name" => Some(&self.name),
            "file.stem" => Some(self.stem()),
            "file.directory" => Some(&self.directory),
            "file.digest" => Some(&self.digest),
            "file.version" => Some(self.version()),
            _ => None,
        }
    }
}
