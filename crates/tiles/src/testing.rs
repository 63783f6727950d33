//! A place in memory that fails at a chosen step, for tests.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::store::{Condition, Object, Store, StoreError, Version};

/// Objects in memory. Steps are the calls that change something, counted from 0.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Inside>);

#[derive(Debug, Default)]
struct Inside {
    objects: BTreeMap<String, (Bytes, u64)>,
    steps: u64,
    /// From this step on nothing is done any more; and whether that step is done and its answer lost.
    fails_from: Option<(u64, bool)>,
    versions: u64,
    /// How often an object was read.
    reads: u64,
}

impl MemoryStore {
    /// The store with these objects.
    pub fn of(objects: impl IntoIterator<Item = (String, Bytes)>) -> Self {
        let objects = objects.into_iter();
        let objects = objects.map(|(path, bytes)| (path, (bytes, 0))).collect();
        Self(Mutex::new(Inside {
            objects,
            ..Inside::default()
        }))
    }

    /// Fails from a step on, as when the process is killed there. If `is_done`, that step is done and its answer lost.
    pub fn fail_from(&self, step: u64, is_done: bool) {
        self.inside().fails_from = Some((step, is_done));
    }

    /// Ends all faults.
    pub fn mend(&self) {
        self.inside().fails_from = None;
    }

    /// How many steps were taken.
    pub fn steps(&self) -> u64 {
        self.inside().steps
    }

    /// How many objects were read.
    pub fn reads(&self) -> u64 {
        self.inside().reads
    }

    /// All objects.
    pub fn objects(&self) -> BTreeMap<String, Bytes> {
        let inside = self.inside();
        let objects = inside.objects.iter();
        objects
            .map(|(path, (bytes, _))| (path.clone(), bytes.clone()))
            .collect()
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn step<T>(&self, act: impl FnOnce(&mut Inside) -> T) -> Result<T, StoreError> {
        let mut inside = self.inside();
        let step = inside.steps;
        inside.steps += 1;
        let failed = || StoreError::Failed {
            doing: "failing on purpose".to_owned(),
            why: "this fault is part of a test".to_owned(),
        };
        match inside.fails_from {
            Some((from, true)) if step == from => {
                act(&mut inside);
                Err(failed())
            }
            Some((from, _)) if step >= from => Err(failed()),
            _ => Ok(act(&mut inside)),
        }
    }
}

impl Store for MemoryStore {
    fn get(&self, path: &str, _: u64) -> Result<Option<Object>, StoreError> {
        let mut inside = self.inside();
        inside.reads += 1;
        let found = inside.objects.get(path);
        Ok(found.map(|(bytes, version)| Object {
            bytes: bytes.clone(),
            version: Version(version.to_string()),
        }))
    }

    fn put(&self, path: &str, bytes: Bytes, when: Condition<'_>) -> Result<bool, StoreError> {
        self.step(|inside| {
            let found = inside.objects.get(path).map(|(_, version)| version);
            let may = match when {
                Condition::Always => true,
                Condition::Absent => found.is_none(),
                Condition::Unchanged(before) => {
                    found.is_some_and(|found| found.to_string() == before.0)
                }
            };
            if may {
                inside.versions += 1;
                let version = inside.versions;
                inside.objects.insert(path.to_owned(), (bytes, version));
            }
            may
        })
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let inside = self.inside();
        let paths = inside.objects.keys();
        Ok(paths
            .filter(|path| path.starts_with(prefix))
            .cloned()
            .collect())
    }

    fn delete(&self, path: &str) -> Result<(), StoreError> {
        self.step(|inside| drop(inside.objects.remove(path)))
    }
}
