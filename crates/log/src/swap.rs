//! Puts a directory in place of another, and overwrites the files of the other: the last step of an erasure.
//!
//! A log that cannot erase within its files writes new ones into a directory beside the old, with `.new` after its
//! name, and syncs them. Then, in this order:
//! 1. The old directory is renamed: `.old` after its name.
//! 2. The new directory is renamed to the old name, and all of this is synced.
//! 3. The files of the old directory are overwritten with zeros, synced and deleted.
//!
//! The directories after a crash, and what happens to them:
//!
//! | there is | the crash came | on opening | at the next write |
//! |---|---|---|---|
//! | it, `.new` | while `.new` was written | it counts | `.new` is wiped |
//! | `.old`, `.new` | between 1 and 2: `.new` is whole and on the disk | `.new` counts | `.new` takes the name, `.old` is wiped |
//! | it, `.old` | after 2 | it counts | `.old` is wiped |
//!
//! Opening to read renames and deletes nothing, so a reader loses nothing. If the directory is missing and not both others exist, no crash
//! of ours did that: opening refuses and changes nothing.
//!
//! Overwriting reaches only the blocks that the file system overwrites. Snapshots of the file system, copy on write,
//! wear levelling and backups may keep old bytes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// The directory for the new files.
pub(super) fn new_of(dir: &Path) -> PathBuf {
    beside(dir, ".new")
}

/// The directory for the old files.
fn old_of(dir: &Path) -> PathBuf {
    beside(dir, ".old")
}

fn beside(dir: &Path, ending: &str) -> PathBuf {
    let mut name = dir.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Puts the new directory in place of the old one: steps 1 and 2. No process may have either open, and the new one must
/// be synced.
pub(super) fn exchange(dir: &Path) -> io::Result<()> {
    // If the first renaming survives a power cut, the name of the new directory must survive it too.
    sync_parent(dir)?;
    fs::rename(dir, old_of(dir))?;
    fs::rename(new_of(dir), dir)?;
    sync_parent(dir)
}

/// The directory that counts, which a crash may have left under another name. Changes nothing.
///
/// # Errors
/// Errors of the system; [`ErrorKind::NotFound`] if the directory is missing for another reason.
pub(super) fn standing(dir: &Path) -> io::Result<PathBuf> {
    if exists(dir)? {
        return Ok(dir.to_owned());
    }
    match (exists(&new_of(dir))?, exists(&old_of(dir))?) {
        (true, true) => Ok(new_of(dir)),
        (false, false) => Ok(dir.to_owned()),
        (new, _) => {
            let left = if new { new_of(dir) } else { old_of(dir) };
            let why = format!(
                "it is missing, and {} alone may not be whole",
                left.display()
            );
            Err(io::Error::new(ErrorKind::NotFound, why))
        }
    }
}

/// Finishes an exchange that was interrupted between its two renamings. Deletes nothing.
///
/// # Errors
/// Those of [`standing`].
pub(super) fn settle(dir: &Path) -> io::Result<()> {
    let standing = standing(dir)?;
    if standing == dir {
        return Ok(());
    }
    fs::rename(standing, dir)?;
    sync_parent(dir)
}

/// Wipes the leftovers of an exchange, finished or not: step 3.
pub(super) fn sweep(dir: &Path) -> io::Result<()> {
    settle(dir)?;
    let mut found = false;
    for left in [old_of(dir), new_of(dir)] {
        if exists(&left)? {
            wipe(&left)?;
            found = true;
        }
    }
    if found { sync_parent(dir) } else { Ok(()) }
}

/// Overwrites every file below a directory with zeros, syncs, and deletes all of it. Symbolic links are deleted and not
/// followed.
pub(super) fn wipe(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            wipe(&entry.path())?;
        } else if kind.is_file() {
            zero(&entry.path())?;
            fs::remove_file(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    fs::remove_dir(dir)
}

fn zero(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    let mut left = file.metadata()?.len();
    while left > 0 {
        let piece = usize::try_from(left).map_or(ZEROS.len(), |left| left.min(ZEROS.len()));
        file.write_all(&ZEROS[..piece])?;
        left -= piece as u64;
    }
    file.sync_all()
}

/// Whether the path exists; a symbolic link counts, whatever its target is.
fn exists(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn sync_parent(dir: &Path) -> io::Result<()> {
    File::open(dir.parent().unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Directories that each hold one file, and the directory's name without an ending.
    fn made(endings: &[&str]) -> (tempfile::TempDir, PathBuf) {
        let scratch = tempfile::tempdir().unwrap();
        let dir = scratch.path().join("records");
        for ending in endings {
            let made = beside(&dir, ending);
            fs::create_dir_all(made.join("below")).unwrap();
            fs::write(made.join("below/file"), format!("of {ending}")).unwrap();
        }
        (scratch, dir)
    }

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn content(dir: &Path) -> String {
        fs::read_to_string(dir.join("below/file")).unwrap()
    }

    #[test]
    fn whatever_a_crash_leaves_one_whole_directory_counts_and_the_rest_goes() {
        // What there is, which of it counts, and what opening leaves beside it.
        for (there, counts, left) in [
            (&[""][..], "of ", &["records"][..]),
            (&["", ".new"], "of ", &["records", "records.new"]),
            (&[".old", ".new"], "of .new", &["records", "records.old"]),
            (&["", ".old"], "of ", &["records", "records.old"]),
            (
                &["", ".old", ".new"],
                "of ",
                &["records", "records.new", "records.old"],
            ),
        ] {
            let (scratch, dir) = made(there);
            let unchanged = names(scratch.path());
            let standing = standing(&dir).unwrap();
            assert_eq!(content(&standing), counts, "{there:?}");
            assert_eq!(names(scratch.path()), unchanged, "{there:?}");
            settle(&dir).unwrap();
            assert_eq!(names(scratch.path()), left, "{there:?}");
            assert_eq!(content(&dir), counts, "{there:?}");
            settle(&dir).unwrap();
            sweep(&dir).unwrap();
            assert_eq!(names(scratch.path()), ["records"], "{there:?}");
            assert_eq!(content(&dir), counts, "{there:?}");
        }
    }

    #[test]
    fn what_no_crash_leaves_is_refused_and_not_touched() {
        for there in [".old", ".new"] {
            let (scratch, dir) = made(&[there]);
            let error = settle(&dir).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
            assert!(error.to_string().contains(there), "{error}");
            assert_eq!(names(scratch.path()), [format!("records{there}")]);
        }
    }

    #[test]
    fn an_exchange_leaves_the_new_and_the_old() {
        let (scratch, dir) = made(&["", ".new"]);
        exchange(&dir).unwrap();
        assert_eq!(names(scratch.path()), ["records", "records.old"]);
        assert_eq!(content(&dir), "of .new");
        assert_eq!(content(&old_of(&dir)), "of ");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_wiped_was_overwritten_and_links_are_not_followed() {
        let (scratch, dir) = made(&[""]);
        let other = scratch.path().join("other");
        let kept = scratch.path().join("kept");
        // A second name of the file shows what its bytes became.
        fs::hard_link(dir.join("below/file"), &other).unwrap();
        fs::write(&kept, "kept").unwrap();
        std::os::unix::fs::symlink(&kept, dir.join("link")).unwrap();
        wipe(&dir).unwrap();
        assert_eq!(names(scratch.path()), ["kept", "other"]);
        assert_eq!(fs::read(&other).unwrap(), [0; 3]);
        assert_eq!(fs::read(&kept).unwrap(), b"kept");
    }
}
