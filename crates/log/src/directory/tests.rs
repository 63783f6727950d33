use std::fs::OpenOptions;

use super::lock::LOCK;
use super::refusal::io_error;
use std::path::PathBuf;

use super::*;
use crate::source::OneBatch;
use crate::testing::batch;
use servanda_core::chain::record::{Hash, Sealed};

fn fresh() -> (tempfile::TempDir, PathBuf) {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("ledger");
    (scratch, dir)
}

fn made() -> (tempfile::TempDir, PathBuf) {
    let (scratch, dir) = fresh();
    create(&dir, "a test").unwrap();
    (scratch, dir)
}

fn reopened(dir: &Path) -> Result<LedgerDir, OpenError> {
    open(dir, Duration::from_secs(5), "a test")
}

/// Every file below a directory, and its bytes.
fn contents(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.push((path.clone(), Vec::new()));
            found.extend(contents(&path));
        } else {
            let bytes = fs::read(&path).unwrap();
            found.push((path, bytes));
        }
    }
    found.sort();
    found
}

/// That opening and creating are refused alike, and touch nothing.
fn refusals(dir: &Path) -> (OpenError, OpenError) {
    let before = contents(dir);
    let opening = open(dir, Duration::ZERO, "a test").unwrap_err();
    let creating = create(dir, "a test").unwrap_err();
    assert_eq!(contents(dir), before);
    (opening, creating)
}

#[test]
fn a_new_ledger_is_empty_and_opens_again() {
    let (_scratch, dir) = fresh();
    let mut ledger = create(&dir, "servanda init").unwrap();
    assert_eq!(ledger.head().unwrap(), Head::EMPTY);
    let head = Head {
        count: 1,
        link: Hash([1; 32]),
    };
    let batch = [Sealed::from(vec![1, 2, 3])];
    ledger
        .append(Head::EMPTY, &mut OneBatch::new(batch.to_vec(), head))
        .unwrap();
    drop(ledger);
    let ledger = reopened(&dir).unwrap();
    assert_eq!(ledger.head().unwrap(), head);
    assert_eq!(ledger.read(0, 10).unwrap()[0].sealed, batch[0]);
    let marker = fs::read_to_string(dir.join(MARKER)).unwrap();
    assert_eq!(marker, "servanda ledger\nformat 1\nstore sled\n");
}

#[test]
fn a_missing_journal_is_damage() {
    let (_scratch, dir) = made();
    fs::remove_file(dir.join(JOURNAL)).unwrap();
    let error = reopened(&dir).unwrap_err();
    let damaged = matches!(error, OpenError::Log(LogError::Damaged { .. }));
    assert!(damaged, "{error}");
}

#[test]
fn an_empty_directory_and_missing_parents_will_do() {
    let (scratch, dir) = fresh();
    fs::create_dir(&dir).unwrap();
    create(&dir, "a test").unwrap();
    create(&scratch.path().join("a/b/c"), "a test").unwrap();
}

#[test]
fn what_is_no_ledger_is_refused_and_left_alone() {
    let (scratch, dir) = fresh();
    let missing = open(&dir, Duration::ZERO, "a test").unwrap_err();
    assert!(
        matches!(missing, OpenError::NoSuchDirectory(_)),
        "{missing}"
    );
    assert!(!dir.exists());

    let file = scratch.path().join("file");
    fs::write(&file, "x").unwrap();
    for error in [
        open(&file, Duration::ZERO, "a test").unwrap_err(),
        create(&file, "a test").unwrap_err(),
        create(&file.join("below"), "a test").unwrap_err(),
    ] {
        assert!(matches!(error, OpenError::NotADirectory(_)), "{error}");
    }

    fs::create_dir(&dir).unwrap();
    let empty = open(&dir, Duration::ZERO, "a test").unwrap_err();
    assert!(matches!(empty, OpenError::NotALedger(_)), "{empty}");
    assert_eq!(contents(&dir), []);

    fs::write(dir.join("letter.txt"), "x").unwrap();
    let (opening, creating) = refusals(&dir);
    assert!(matches!(opening, OpenError::NotALedger(_)), "{opening}");
    assert!(matches!(creating, OpenError::NotEmpty(_)), "{creating}");

    fs::write(dir.join(MARKER), "something else of that name").unwrap();
    let (opening, creating) = refusals(&dir);
    assert!(matches!(opening, OpenError::NotALedger(_)), "{opening}");
    assert!(matches!(creating, OpenError::NotEmpty(_)), "{creating}");
}

/// A kill or a power cut while a ledger was made: everything may lie there but the marker. Opening says so, and the
/// next attempt makes it.
#[test]
fn a_half_made_ledger_is_told_as_such_and_made_again() {
    // In the order in which they are removed: the other way round, they are made.
    let parts = ["servanda.draft", JOURNAL, "reserve", "records", "head"];
    for gone in 0..=parts.len() {
        let (_scratch, dir) = made();
        fs::rename(dir.join(MARKER), dir.join("servanda.draft")).unwrap();
        for name in parts.iter().take(gone) {
            let path = dir.join(name);
            if path.is_dir() {
                fs::remove_dir_all(&path).unwrap();
            } else {
                fs::remove_file(&path).unwrap();
            }
        }
        let opening = reopened(&dir).unwrap_err();
        assert!(matches!(opening, OpenError::HalfMade(_)), "{opening}");
        check_can_create(&dir).unwrap();
        create(&dir, "a test").unwrap();
        assert_eq!(reopened(&dir).unwrap().damage(), None);
    }
    let (_scratch, dir) = made();
    // Whatever of a file is written when it is killed.
    for (name, length) in [
        ("head", 0),
        ("head", 4000),
        (JOURNAL, 0),
        (JOURNAL, 4096),
        (JOURNAL, 9000),
    ] {
        let _gone = fs::remove_file(dir.join(MARKER));
        let bytes = fs::read(dir.join(name)).unwrap();
        fs::write(dir.join(name), &bytes[..length]).unwrap();
        create(&dir, "a test").unwrap();
    }
    // A ledger that lacks only its first record is used as it is.
    create(&dir, "a test").unwrap();
}

/// What was ever recorded is never taken for the remains of a killed `init`.
#[test]
fn a_ledger_without_a_marker_is_damaged_and_read_and_not_made_anew() {
    type Damage = fn(&Path);
    let damages: [Damage; 7] = [
        |dir| fs::remove_file(dir.join(MARKER)).unwrap(),
        |dir| fs::write(dir.join(MARKER), "").unwrap(),
        |dir| fs::write(dir.join(MARKER), "servanda lodger\nformat 1\nstore sled\n").unwrap(),
        |dir| fs::write(dir.join(MARKER), "servanda ledger\n").unwrap(),
        |dir| fs::write(dir.join(MARKER), "servanda ledger\nformat 0\nstore sled\n").unwrap(),
        |dir| fs::write(dir.join(MARKER), "servanda ledger\nformat 1\nstore slad\n").unwrap(),
        |dir| fs::write(dir.join(MARKER), [0xff; 9]).unwrap(),
    ];
    for damage in damages {
        for is_flushed in [false, true] {
            let (_scratch, dir) = made();
            let mut ledger = reopened(&dir).unwrap();
            let head = append_one(&mut ledger);
            if is_flushed {
                ledger.flush().unwrap();
            }
            drop(ledger);
            damage(&dir);
            let before = contents(&dir);
            let error = create(&dir, "a test").unwrap_err();
            assert!(matches!(error, OpenError::AlreadyALedger(_)), "{error}");
            let mut ledger = reopened(&dir).unwrap();
            assert_eq!(ledger.head().unwrap(), head);
            assert_eq!(ledger.read(0, 10).unwrap().len(), 1);
            let said = ledger.damage().unwrap();
            assert!(said.contains("servanda: "), "{said}");
            let outcome = ledger.append(head, &mut crate::source::NoBatch);
            assert!(outcome.is_err(), "an append was accepted");
            drop(ledger);
            assert!(
                without_lock(contents(&dir)) == without_lock(before),
                "{said}"
            );
        }
    }
    // The head or the records alone say that there was something.
    for gone in ["head", JOURNAL, "records"] {
        let (_scratch, dir) = made();
        let mut ledger = reopened(&dir).unwrap();
        append_one(&mut ledger);
        ledger.flush().unwrap();
        drop(ledger);
        fs::remove_file(dir.join(MARKER)).unwrap();
        if gone == "records" {
            fs::remove_dir_all(dir.join(gone)).unwrap();
        } else {
            fs::remove_file(dir.join(gone)).unwrap();
        }
        let before = contents(&dir);
        let error = create(&dir, "a test").unwrap_err();
        assert!(
            matches!(error, OpenError::AlreadyALedger(_)),
            "{gone}: {error}"
        );
        let error = reopened(&dir).unwrap_err();
        assert!(
            matches!(error, OpenError::Log(LogError::Damaged { .. })),
            "{gone}: {error}"
        );
        assert!(
            without_lock(contents(&dir)) == without_lock(before),
            "{gone}"
        );
    }
}

fn append_one(ledger: &mut LedgerDir) -> Head {
    let (records, head) = crate::testing::batch(Head::EMPTY, &[10]);
    ledger
        .append(Head::EMPTY, &mut OneBatch::new(records, head))
        .unwrap();
    head
}

/// All but the lock, into which each process writes its name.
fn without_lock(mut files: Vec<(PathBuf, Vec<u8>)>) -> Vec<(PathBuf, Vec<u8>)> {
    files.retain(|(path, _)| !path.ends_with(LOCK));
    files
}

#[test]
fn a_ledger_is_not_made_over_another() {
    let (_scratch, dir) = made();
    append_one(&mut reopened(&dir).unwrap());
    let before = contents(&dir);
    let error = create(&dir, "a test").unwrap_err();
    assert!(matches!(error, OpenError::AlreadyALedger(_)), "{error}");
    assert_eq!(contents(&dir), before);
}

#[test]
fn newer_formats_and_unknown_stores_are_refused_and_left_alone() {
    let (_scratch, dir) = made();
    let marker = dir.join(MARKER);
    fs::write(&marker, "servanda ledger\nformat 7\nsomething unheard of\n").unwrap();
    let (opening, creating) = refusals(&dir);
    assert!(
        matches!(opening, OpenError::NewerFormat { found: 7, .. }),
        "{opening}"
    );
    assert!(
        matches!(creating, OpenError::AlreadyALedger(_)),
        "{creating}"
    );

    fs::remove_file(dir.join(JOURNAL)).unwrap();
    fs::write(&marker, "servanda ledger\nformat 1\nstore stone\n").unwrap();
    let (opening, _) = refusals(&dir);
    let named = matches!(&opening, OpenError::UnknownStore { name } if name == "stone");
    assert!(named, "{opening}");
}

#[test]
fn who_holds_the_lock_is_told_and_it_goes_with_its_holder() {
    let (_scratch, dir) = made();
    let held = open(&dir, Duration::ZERO, "servanda import").unwrap();
    let wait = Duration::from_millis(50);
    let error = open(&dir, wait, "a test").unwrap_err();
    let OpenError::Locked { holder, waited } = &error else {
        unreachable!("{error}");
    };
    let expected = format!("pid {}, servanda import, since 2", std::process::id());
    assert!(
        holder.starts_with(&expected) && holder.ends_with('Z'),
        "{holder}"
    );
    assert!(*waited >= wait, "{waited:?}");
    drop(held);
    reopened(&dir).unwrap();
}

#[test]
fn waiting_ends_when_the_holder_is_done() {
    let (_scratch, dir) = made();
    let held = open(&dir, Duration::ZERO, "the first").unwrap();
    let waiting = std::thread::spawn({
        let dir = dir.clone();
        move || open(&dir, Duration::from_secs(20), "the second").map(drop)
    });
    std::thread::sleep(Duration::from_millis(100));
    drop(held);
    waiting.join().unwrap().unwrap();
}

#[test]
fn what_a_dead_holder_wrote_is_overwritten() {
    let (_scratch, dir) = made();
    let stale =
        "pid 1, a long gone process with a long name, since 2001-01-01T00:00:00Z\n".repeat(3);
    fs::write(dir.join(LOCK), stale).unwrap();
    let _held = open(&dir, Duration::ZERO, "x").unwrap();
    let text = fs::read_to_string(dir.join(LOCK)).unwrap();
    assert!(
        text.starts_with(&format!("pid {}, x, since ", std::process::id())),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn a_lost_lock_file_is_made_again() {
    let (_scratch, dir) = made();
    fs::remove_file(dir.join(LOCK)).unwrap();
    reopened(&dir).unwrap();
}

#[test]
fn missing_parts_are_damage_and_are_not_made_anew() {
    let (_scratch, dir) = made();
    let db = dir.join("records/db");
    fs::remove_file(&db).unwrap();
    let error = reopened(&dir).unwrap_err();
    let damaged = matches!(error, OpenError::Log(LogError::Damaged { .. }));
    assert!(damaged, "{error}");
    assert!(!db.exists());
    fs::remove_file(dir.join("head")).unwrap();
    let error = reopened(&dir).unwrap_err();
    assert!(matches!(error, OpenError::Log(_)), "{error}");
    assert!(!dir.join("head").exists());
}

#[test]
fn opening_and_reading_leave_head_and_marker_as_they_are() {
    let (_scratch, dir) = made();
    let parts = || [MARKER, "head"].map(|name| fs::read(dir.join(name)).unwrap());
    let before = parts();
    for _ in 0..3 {
        let ledger = reopened(&dir).unwrap();
        assert!(ledger.read(0, 10).unwrap().is_empty());
    }
    assert_eq!(parts(), before);
}

#[test]
fn refused_writes_are_read_only() {
    use io::ErrorKind;
    for kind in [ErrorKind::ReadOnlyFilesystem, ErrorKind::PermissionDenied] {
        let error = refused_by_store(
            Path::new("ledger"),
            io_error("opening", Path::new("db"), kind.into()),
        );
        assert!(matches!(error, OpenError::ReadOnly { .. }), "{error}");
    }
    let error = refused("opening", Path::new("db"), ErrorKind::StorageFull.into());
    assert!(matches!(error, OpenError::Log(_)), "{error}");
}

/// Permissions do not bind root: where a file without write permission opens for writing all the
/// same, there is nothing to see here.
#[cfg(unix)]
#[test]
fn a_ledger_without_write_permission_is_read_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_scratch, dir) = made();
    let lock = dir.join(LOCK);
    fs::set_permissions(&lock, fs::Permissions::from_mode(0o444)).unwrap();
    if OpenOptions::new().write(true).open(&lock).is_ok() {
        return;
    }
    let error = open(&dir, Duration::ZERO, "a test").unwrap_err();
    assert!(matches!(error, OpenError::ReadOnly { .. }), "{error}");
    fs::set_permissions(&lock, fs::Permissions::from_mode(0o644)).unwrap();
    let db = dir.join("records/db");
    fs::set_permissions(&db, fs::Permissions::from_mode(0o444)).unwrap();
    let error = open(&dir, Duration::ZERO, "a test").unwrap_err();
    assert!(matches!(error, OpenError::ReadOnly { .. }), "{error}");
}

/// A power cut tears the first frame: nothing was recorded, and making the ledger goes on.
#[test]
fn a_ledger_whose_first_append_was_torn_can_be_made_again() {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("ledger");
    let mut made = create(&dir, "a test").unwrap();
    let blank = fs::read(dir.join(JOURNAL)).unwrap();
    let (records, head) = batch(Head::EMPTY, &[2000, 3000]);
    made.append(Head::EMPTY, &mut OneBatch::new(records.to_vec(), head))
        .unwrap();
    let written = fs::read(dir.join(JOURNAL)).unwrap();
    drop(made);
    assert!(check_can_create(&dir).is_err(), "it has records");
    for kept in [8192 + 1, 8192 + 3000] {
        let torn = [&written[..kept], &blank[kept..]].concat();
        fs::write(dir.join(JOURNAL), torn).unwrap();
        check_can_create(&dir).unwrap();
        let mut again = create(&dir, "a test").unwrap();
        let (records, head) = batch(Head::EMPTY, &[10]);
        again
            .append(Head::EMPTY, &mut OneBatch::new(records.to_vec(), head))
            .unwrap();
        drop(again);
        assert!(check_can_create(&dir).is_err(), "it has a record");
    }
}
