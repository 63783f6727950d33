//! A disk that loses its power: what a process did to its files, call by call, and what of it a power cut may leave.
//!
//! The model promises no more than POSIX does. What was written since the last sync of its file is there or not, each
//! sector for itself, down to its first bytes. Names are made, changed and removed in order; a sync of a directory puts
//! all changes of its names on the disk, and all that came before them. A sync of a file does not put its name there,
//! except on [`Disk::orderly`] ones, which are as most file systems are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use servanda_core::testing::Choices;

use super::files::Files;

const SECTOR: usize = 512;

/// What a process did.
#[derive(Debug, Clone)]
pub enum Call {
    /// Opened a file, which was made if it was missing; or which was emptied.
    Open(PathBuf, bool),
    Write(PathBuf, usize, Vec<u8>),
    Truncate(PathBuf, usize),
    /// Synced a file or a directory.
    Sync(PathBuf),
    MakeDir(PathBuf),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
    /// Wrote this on standard output.
    Say(String),
}

/// A change of a file.
#[derive(Debug, Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(at, new) => {
                if bytes.len() < at + new.len() {
                    bytes.resize(at + new.len(), 0);
                }
                bytes[*at..at + new.len()].copy_from_slice(new);
            }
            Self::Truncate(length) => bytes.resize(*length, 0),
        }
    }

    /// What a power cut leaves of it: of each sector all, nothing, or its beginning.
    fn survivors(&self, random: &mut Choices) -> Vec<Self> {
        let Self::Write(at, bytes) = self else {
            return if random.one_in(2) {
                vec![self.clone()]
            } else {
                Vec::new()
            };
        };
        let mut left = Vec::new();
        let mut from = *at;
        while from < at + bytes.len() {
            let to = ((from / SECTOR + 1) * SECTOR).min(at + bytes.len());
            let sector = &bytes[from - at..to - at];
            let kept = match random.below(16) {
                0..8 => sector.len(),
                8 => random.below(sector.len()),
                _ => 0,
            };
            if kept > 0 {
                left.push(Self::Write(from, sector[..kept].to_vec()));
            }
            from = to;
        }
        left
    }
}

/// A file: what is on the disk, and what was changed since.
#[derive(Debug, Clone, Default)]
struct File {
    durable: Vec<u8>,
    changes: Vec<Change>,
}

/// What is under a name: a directory, or the file of this number.
type Entry = Option<usize>;

/// A change of names.
#[derive(Debug, Clone)]
enum Naming {
    Put(PathBuf, Entry),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

impl Naming {
    fn apply(&self, names: &mut BTreeMap<PathBuf, Entry>) {
        match self {
            Self::Put(path, entry) => drop(names.insert(path.clone(), *entry)),
            Self::Remove(path) => drop(names.remove(path)),
            Self::Rename(from, to) => {
                let moved: Vec<PathBuf> = names
                    .keys()
                    .filter(|path| path.starts_with(from))
                    .cloned()
                    .collect();
                for path in moved {
                    let entry = names.remove(&path).unwrap();
                    let rest = path.strip_prefix(from).unwrap();
                    let new = if rest == Path::new("") {
                        to.clone()
                    } else {
                        to.join(rest)
                    };
                    names.insert(new, entry);
                }
            }
        }
    }

    /// Whether it changes a name in this directory.
    fn is_in(&self, dir: &Path) -> bool {
        let is_in = |path: &Path| path.parent() == Some(dir);
        match self {
            Self::Put(path, _) | Self::Remove(path) => is_in(path),
            Self::Rename(from, to) => is_in(from) || is_in(to),
        }
    }
}

/// The disk.
#[derive(Clone, Default)]
pub struct Disk {
    files: Vec<File>,
    /// The names as the process sees them.
    names: BTreeMap<PathBuf, Entry>,
    /// The names on the disk.
    durable: BTreeMap<PathBuf, Entry>,
    /// What changed the ones into the others.
    namings: Vec<Naming>,
    /// What the process said so far.
    pub said: String,
    /// Whether a sync of a file puts its name on the disk too, and all that was done to names before.
    pub orderly: bool,
}

impl Disk {
    /// A disk with these files on it.
    pub fn of(files: &Files) -> Self {
        let mut disk = Self::default();
        for (name, bytes) in files.entries() {
            let entry = bytes.map(|bytes| disk.add(bytes.to_vec()));
            disk.durable.insert(name.to_owned(), entry);
        }
        disk.names.clone_from(&disk.durable);
        disk
    }

    fn add(&mut self, durable: Vec<u8>) -> usize {
        self.files.push(File {
            durable,
            changes: Vec::new(),
        });
        self.files.len() - 1
    }

    fn name(&mut self, naming: Naming) {
        naming.apply(&mut self.names);
        self.namings.push(naming);
    }

    fn file(&mut self, path: &Path) -> Option<&mut File> {
        let number = self.names.get(path).copied().flatten()?;
        Some(&mut self.files[number])
    }

    fn change(&mut self, path: &Path, change: Change) {
        // What was deleted may still be open.
        if let Some(file) = self.file(path) {
            file.changes.push(change);
        }
    }

    /// Puts the first changes of names on the disk.
    fn settle(&mut self, count: usize) {
        for naming in self.namings.drain(..count) {
            naming.apply(&mut self.durable);
        }
    }

    /// Does what the process did.
    pub fn take(&mut self, call: &Call) {
        match call {
            Call::Open(path, empties) => match self.names.get(path) {
                Some(_) if *empties => self.change(path, Change::Truncate(0)),
                Some(_) => {}
                None => {
                    let file = self.add(Vec::new());
                    self.name(Naming::Put(path.clone(), Some(file)));
                }
            },
            Call::Write(path, at, bytes) => self.change(path, Change::Write(*at, bytes.clone())),
            Call::Truncate(path, length) => self.change(path, Change::Truncate(*length)),
            Call::MakeDir(path) => self.name(Naming::Put(path.clone(), None)),
            Call::Rename(from, to) => self.name(Naming::Rename(from.clone(), to.clone())),
            Call::Remove(path) => self.name(Naming::Remove(path.clone())),
            Call::Say(text) => self.said.push_str(text),
            Call::Sync(path) => {
                if let Some(file) = self.file(path) {
                    for change in std::mem::take(&mut file.changes) {
                        change.apply(&mut file.durable);
                    }
                    if self.orderly {
                        self.settle(self.namings.len());
                    }
                } else {
                    let last = self.namings.iter().rposition(|naming| naming.is_in(path));
                    self.settle(last.map_or(0, |last| last + 1));
                }
            }
        }
    }

    /// What is there after a power cut.
    pub fn survivors(mut self, random: &mut Choices) -> Files {
        let named = random.below(self.namings.len() + 1);
        self.settle(named);
        // Nothing of what was not synced, all of it, or any part.
        let kind = random.below(4);
        let mut survivors = Files::default();
        for (name, entry) in &self.durable {
            let bytes = entry.map(|number| {
                let file = &self.files[number];
                let mut bytes = file.durable.clone();
                for change in &file.changes {
                    match kind {
                        0 => {}
                        1 => change.apply(&mut bytes),
                        _ => change
                            .survivors(random)
                            .iter()
                            .for_each(|left| left.apply(&mut bytes)),
                    }
                }
                bytes
            });
            survivors.add(name.clone(), bytes);
        }
        survivors
    }
}
