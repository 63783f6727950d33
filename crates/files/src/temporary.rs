//! What this process makes for a while: drafts, copies, and directories that are not whole yet. A signal that ends the
//! process removes all of it first.
//!
//! A path is noted before or while something is made there, and is temporary until its last step, such as the renaming
//! that puts a draft into its place. [`remove_all`] comes before that step or after it, and never in the middle. Whoever
//! is about to make something, or to take a last step, waits from then on until the process has ended.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// The paths, by numbers that nobody else has.
#[derive(Debug)]
struct Made {
    next: u64,
    paths: BTreeMap<u64, PathBuf>,
    /// How many last steps are being taken.
    steps: u64,
}

static MADE: Mutex<Made> = Mutex::new(Made {
    next: 0,
    paths: BTreeMap::new(),
    steps: 0,
});

/// Tells that a last step was taken.
static TAKEN: Condvar = Condvar::new();

fn made() -> MutexGuard<'static, Made> {
    MADE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Made {
    fn note(&mut self, path: PathBuf) -> Temporary {
        self.next += 1;
        self.paths.insert(self.next, path);
        Temporary(self.next)
    }
}

/// A path that is temporary. Dropped, it is so no longer; what lies there stays.
#[derive(Debug)]
pub struct Temporary(u64);

impl Temporary {
    /// Notes a path at which this process is about to make something.
    pub fn at(path: &Path) -> Self {
        made().note(path.to_owned())
    }

    /// Makes something of which the path is known only then.
    ///
    /// # Errors
    /// It could not be made.
    pub fn of<T: AsRef<Path>>(make: impl FnOnce() -> io::Result<T>) -> io::Result<(T, Self)> {
        let mut made = made();
        let new = make()?;
        let temporary = made.note(new.as_ref().to_owned());
        Ok((new, temporary))
    }

    /// Takes the step after which the path is temporary no longer. No signal ends the process in the middle of it.
    pub fn last_step<T>(self, step: impl FnOnce() -> T) -> T {
        made().steps += 1;
        let _step = Step;
        let taken = step();
        drop(self);
        taken
    }
}

/// A last step, which ends where this is dropped.
struct Step;

impl Drop for Step {
    fn drop(&mut self) {
        made().steps -= 1;
        TAKEN.notify_all();
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        made().paths.remove(&self.0);
    }
}

/// How often a directory is removed again that another thread still writes into, or makes again.
const AGAIN: u32 = 50;

/// The pause before it is looked at again.
const PAUSE: Duration = Duration::from_millis(20);

/// How often in a row it must be gone.
const GONE: u32 = 3;

/// Removes all that is temporary. The process must end after that: no thread that makes or finishes such a thing goes on.
pub fn remove_all() {
    let made = TAKEN.wait_while(made(), |made| made.steps > 0);
    let made = made.unwrap_or_else(PoisonError::into_inner);
    for path in made.paths.values() {
        let mut gone = 0;
        for _ in 0..AGAIN {
            match remove(path) {
                Err(error) if error.kind() == ErrorKind::NotFound => gone += 1,
                _ => gone = 0,
            }
            if gone == GONE {
                break;
            }
            thread::sleep(PAUSE);
        }
    }
    mem::forget(made);
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path)?.is_dir() {
        true => fs::remove_dir_all(path),
        false => fs::remove_file(path),
    }
}
