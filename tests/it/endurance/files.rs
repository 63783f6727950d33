//! The files of a directory, held in memory.

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::program::contents;

/// Files of zeros are written as holes, in pieces of so many bytes: a ledger has 8 MiB of them.
const PIECE: usize = 16 * 1024;

/// Every file and directory below one, with paths from there on. A directory has no bytes.
#[derive(Clone, PartialEq, Default)]
pub struct Files(Vec<(PathBuf, Option<Vec<u8>>)>);

impl Files {
    /// Reads a directory.
    pub fn of(dir: &Path) -> Self {
        let found = contents(dir).into_iter().map(|(path, bytes)| {
            let is_dir = path.is_dir();
            let name = path.strip_prefix(dir).unwrap().to_owned();
            (name, (!is_dir).then_some(bytes))
        });
        Self(found.collect())
    }

    /// One file.
    pub fn file(name: &str, bytes: &[u8]) -> Self {
        Self(vec![(PathBuf::from(name), Some(bytes.to_vec()))])
    }

    /// Reads a ledger, but for the file into which each process writes its name.
    pub fn of_ledger(dir: &Path) -> Self {
        let mut files = Self::of(dir);
        files.0.retain(|(name, _)| name != Path::new("lock"));
        files
    }

    /// Writes all of it into an existing directory.
    pub fn put(&self, dir: &Path) {
        for (name, bytes) in &self.0 {
            let path = dir.join(name);
            match bytes {
                None => fs::create_dir_all(path).unwrap(),
                Some(bytes) => write(&path, bytes),
            }
        }
    }

    /// Adds a file, or a directory, behind those above it.
    pub fn add(&mut self, name: PathBuf, bytes: Option<Vec<u8>>) {
        self.0.push((name, bytes));
    }

    /// Every name with its bytes, directories before what is in them.
    pub fn entries(&self) -> impl Iterator<Item = (&Path, Option<&[u8]>)> {
        self.0
            .iter()
            .map(|(name, bytes)| (name.as_path(), bytes.as_deref()))
    }

    /// The names of the files.
    pub fn names(&self) -> impl Iterator<Item = &Path> {
        let files = self.0.iter().filter(|(_, bytes)| bytes.is_some());
        files.map(|(name, _)| name.as_path())
    }

    /// The bytes of a file.
    pub fn get(&self, name: &Path) -> Option<&[u8]> {
        let found = self.0.iter().find(|(path, _)| path == name);
        found.and_then(|(_, bytes)| bytes.as_deref())
    }

    /// The same files below another directory.
    pub fn below(self, dir: &str) -> Self {
        let inside = self.0.into_iter();
        let inside = inside.map(|(name, bytes)| (Path::new(dir).join(name), bytes));
        Self(
            [(PathBuf::from(dir), None)]
                .into_iter()
                .chain(inside)
                .collect(),
        )
    }

    /// Both.
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// The files below a directory of these, with paths from there on.
    pub fn inside(&self, dir: &str) -> Self {
        let inside = self.0.iter().filter_map(|(name, bytes)| {
            let name = name.strip_prefix(dir).ok()?;
            (name != Path::new("")).then(|| (name.to_owned(), bytes.clone()))
        });
        Self(inside.collect())
    }

    /// Whether a word lies in any file as it is written. Short runs of records are not compressed, nor are frames.
    pub fn hold(&self, word: &str) -> bool {
        let finder = |bytes: &[u8]| {
            let first = word.as_bytes()[0];
            let mut places = bytes.iter().enumerate().filter(|(_, byte)| **byte == first);
            places.any(|(at, _)| bytes[at..].starts_with(word.as_bytes()))
        };
        self.0
            .iter()
            .filter_map(|(_, bytes)| bytes.as_deref())
            .any(finder)
    }
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

fn write(path: &Path, bytes: &[u8]) {
    let mut file = File::create(path).unwrap();
    file.set_len(bytes.len() as u64).unwrap();
    for (number, piece) in bytes.chunks(PIECE).enumerate() {
        if piece != &[0; PIECE][..piece.len()] {
            let at = (number * PIECE) as u64;
            file.seek(SeekFrom::Start(at)).unwrap();
            file.write_all(piece).unwrap();
        }
    }
}
