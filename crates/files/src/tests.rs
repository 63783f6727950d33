//! Files of every kind at both doors.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::*;

fn fifo(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

fn held(dir: &Path) -> Vec<PathBuf> {
    let mut names: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    names
}

#[test]
fn a_regular_file_is_read_up_to_its_limit() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, "12345").unwrap();
    assert_eq!(read(&path, 5).unwrap(), b"12345");
    assert!(matches!(read(&path, 4), Err(FileError::TooLong(4))));
    // A sparse file of 8 TB costs no memory.
    fs::File::create(&path).unwrap().set_len(1 << 43).unwrap();
    assert!(matches!(read(&path, 1 << 20), Err(FileError::TooLong(_))));
    assert!(read(&dir.path().join("none"), 1).unwrap_err().is_missing());
}

#[test]
fn what_is_no_regular_file_is_named_or_bounded() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(read(dir.path(), 9), Err(FileError::Directory)));
    let zero = Path::new("/dev/zero");
    assert!(matches!(read(zero, 1 << 16), Err(FileError::TooLong(_))));
    assert_eq!(read(Path::new("/dev/null"), 9).unwrap(), b"");
    let link = dir.path().join("link");
    symlink(zero, &link).unwrap();
    let error = read_regular(&link, 9).unwrap_err();
    assert_eq!(error.to_string(), "it is a device, not a regular file");
    let pipe = dir.path().join("pipe");
    fifo(&pipe);
    let start = Instant::now();
    let error = read_regular(&pipe, 9).unwrap_err();
    assert_eq!(error.to_string(), "it is a pipe, not a regular file");
    assert!(
        start.elapsed() < PATIENCE,
        "opening does not wait for a writer"
    );
}

#[test]
fn a_pipe_is_read_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    fifo(&pipe);
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || {
            let mut file = fs::OpenOptions::new().write(true).open(pipe).unwrap();
            for _ in 0..3 {
                file.write_all(b"part ").unwrap();
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        }
    });
    assert_eq!(read(&pipe, 100).unwrap(), b"part part part ");
    writer.join().unwrap();
}

#[test]
fn nothing_is_written_over_unless_that_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("below/file");
    write(&path, "one", Existing::Refuse, Access::Umask).unwrap();
    let again = write(&path, "two", Existing::Refuse, Access::Umask);
    assert!(matches!(again, Err(FileError::Exists)));
    assert_eq!(fs::read(&path).unwrap(), b"one");
    write(&path, "two", Existing::Replace, Access::Owner).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"two");
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    // The same may be written again.
    write(&path, "two", Existing::RefuseOther, Access::Umask).unwrap();
    for other in ["tw", "two ", "", "three"] {
        let refused = write(&path, other, Existing::RefuseOther, Access::Umask);
        assert!(matches!(refused, Err(FileError::Exists)));
    }
    // What is not committed leaves nothing.
    let other = dir.path().join("below/other");
    let mut output = Output::create(&other, Existing::Refuse, Access::Umask).unwrap();
    output.write_all(b"half").unwrap();
    drop(output);
    assert_eq!(held(path.parent().unwrap()), std::slice::from_ref(&path));
    // Somebody else is faster.
    let output = Output::create(&other, Existing::Refuse, Access::Umask).unwrap();
    fs::write(&other, "theirs").unwrap();
    assert!(matches!(output.commit(), Err(FileError::Exists)));
    assert_eq!(fs::read(&other).unwrap(), b"theirs");
}

#[test]
fn links_devices_and_pipes_stay_what_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let (file, link) = (dir.path().join("file"), dir.path().join("link"));
    fs::write(&file, "old").unwrap();
    symlink(&file, &link).unwrap();
    let refused = write(&link, "new", Existing::Refuse, Access::Umask);
    assert!(matches!(refused, Err(FileError::Exists)));
    write(&link, "new", Existing::Replace, Access::Umask).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(&file).unwrap(), b"new");
    let nowhere = dir.path().join("nowhere");
    symlink(dir.path().join("none"), &nowhere).unwrap();
    let refused = write(&nowhere, "new", Existing::Replace, Access::Umask);
    assert!(matches!(refused, Err(FileError::NotRegular(_))));
    write(Path::new("/dev/null"), "x", Existing::Refuse, Access::Umask).unwrap();
    let refused = write(dir.path(), "new", Existing::Replace, Access::Umask);
    assert!(matches!(refused, Err(FileError::Directory)));

    let pipe = dir.path().join("pipe");
    fifo(&pipe);
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || {
            let mut text = String::new();
            fs::File::open(pipe)
                .unwrap()
                .read_to_string(&mut text)
                .unwrap();
            text
        }
    });
    write(&pipe, "through", Existing::Refuse, Access::Umask).unwrap();
    assert_eq!(reader.join().unwrap(), "through");
    assert_eq!(kind(&pipe), "a pipe");
}

fn kind(path: &Path) -> &'static str {
    source::kind_of(fs::symlink_metadata(path).unwrap().file_type())
}

/// A killed process leaves its draft. The next one that writes the same file removes it, and no draft that is being
/// written.
#[test]
fn the_draft_of_a_killed_process_is_removed_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let names = || {
        let entries = fs::read_dir(dir.path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let target = dir.path().join("rest.ndjson");
    let mut first = Output::create(&target, Existing::Refuse, Access::Umask).unwrap();
    let [draft] = names().try_into().unwrap();
    assert!(draft.starts_with(".servanda-rest.ndjson-"), "{draft}");
    let stale = format!("{draft}x");
    fs::write(dir.path().join(&stale), "half").unwrap();
    let other = ".servanda-other.ndjson-abc";
    fs::write(dir.path().join(other), "half").unwrap();
    let second = Output::create(&target, Existing::Refuse, Access::Umask).unwrap();
    assert!(
        names().contains(&draft) && !names().contains(&stale),
        "{:?}",
        names()
    );
    assert!(names().contains(&other.to_owned()));
    first.write_all(b"whole").unwrap();
    first.commit().unwrap();
    assert!(matches!(second.commit(), Err(FileError::Exists)));
    assert_eq!(fs::read(&target).unwrap(), b"whole");
    assert_eq!(names(), [other, "rest.ndjson"]);
    let long = dir.path().join("\u{4f1a}".repeat(80));
    write(&long, "x", Existing::Refuse, Access::Umask).unwrap();
}
