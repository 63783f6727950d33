//! On a disk that is full.

use std::io::Write as _;

use super::*;

/// A file system of 24 MB in memory.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// None where this process may not mount it.
    fn new() -> Option<Self> {
        let disk = Self(tempfile::tempdir().unwrap());
        let mounted = disk.mount("size=24m", &["-t", "tmpfs", "tmpfs"]);
        mounted.then_some(disk).or_else(|| {
            let needs = "mounting a file system needs root";
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{needs}");
            let said = writeln!(io::stderr(), "skipped: {needs}");
            said.ok().and(None)
        })
    }

    fn mount(&self, options: &str, what: &[&str]) -> bool {
        let mut mount = std::process::Command::new("mount");
        mount.args(["-o", options]).args(what).arg(self.0.path());
        let mount = mount.stderr(std::process::Stdio::null());
        mount.status().is_ok_and(|status| status.success())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Not mounted where that was not allowed.
        let mut umount = std::process::Command::new("umount");
        let umount = umount.arg("-l").arg(self.0.path());
        let _done = umount.stderr(std::process::Stdio::null()).status();
    }
}

/// A ledger on a file system of 24 MB, of which 7 are taken by a file.
fn on_a_small_disk(test: impl Fn(&Path, &SmallDisk)) {
    let Some(disk) = SmallDisk::new() else { return };
    fs::write(disk.0.path().join("filler"), vec![1; 7_000_000]).unwrap();
    let dir = disk.0.path().join("ledger");
    fs::create_dir(&dir).unwrap();
    Sled::create(&dir).unwrap();
    test(&dir, &disk);
}

/// What a full disk leaves is whole, before and after it is opened again, and appends go on once there
/// is room; to remove a stream that was broken off, sled needs about as much as the stream took.
fn assert_recovers(log: Sled, disk: &SmallDisk, records: &mut Vec<Sealed>, head: Head) {
    let dir = log.dir.clone();
    assert_eq!(log.head().unwrap(), head);
    assert_holds(&log, records);
    drop(log);
    let mut log = opened(&dir);
    assert_eq!(log.head().unwrap(), head);
    assert_holds(&log, records);
    assert!(disk.mount("remount,size=64m", &[]), "it gets room");
    let (batch, after) = noisy_batch(head, &[300; 3]);
    log.append(head, &mut OneBatch::new(batch.to_vec(), after))
        .unwrap();
    records.extend(batch);
    assert_holds(&log, records);
    drop(log);
    assert_holds(&opened(&dir), records);
}

/// On a full disk an append fails and says why.
#[test]
fn a_full_disk_refuses_appends_and_leaves_the_rest() {
    for lengths in [&[300][..], &[300; 50], &[300; 3000], &[50_000; 3]] {
        on_a_small_disk(|dir, disk| {
            let mut log = opened(dir);
            let (mut records, mut head) = (Vec::new(), Head::EMPTY);
            let refusal = loop {
                let (batch, after) = noisy_batch(head, lengths);
                match log.append(head, &mut OneBatch::new(batch.to_vec(), after)) {
                    Ok(_) => (head, _) = (after, records.extend(batch)),
                    Err(refusal) => break refusal,
                }
            };
            let full = matches!(&refusal, AppendError::Failed(error) if is_for_want_of_room(error));
            assert!(full, "{refusal:?}");
            assert_recovers(log, disk, &mut records, head);
        });
    }
}

/// The disk gets full in the middle of a stream, and while the records are written anew.
#[test]
fn a_full_disk_breaks_off_streams_and_compacting_and_leaves_the_rest() {
    struct Endless(Head);
    impl BatchSource for Endless {
        fn next_batch(&mut self) -> Result<Option<Batch>, Aborted> {
            let (batch, head) = noisy_batch(self.0, &[300; 500]);
            self.0 = head;
            Ok(Some((batch, head)))
        }
    }
    on_a_small_disk(|dir, disk| {
        let mut log = opened(dir);
        let (mut records, head) = noisy_batch(Head::EMPTY, &[300; 700]);
        log.append(Head::EMPTY, &mut OneBatch::new(records.to_vec(), head))
            .unwrap();
        let refusal = log.append(head, &mut Endless(head)).unwrap_err();
        let full = matches!(&refusal, AppendError::Failed(error) if is_for_want_of_room(error));
        assert!(full, "{refusal:?}");
        // What it took is given back at once, for a copy of what is there fits into the reserve.
        assert!(size_of(&dir.join(RECORDS)).unwrap() < RESERVE_BYTES as u64);
        assert!(dir.join(RESERVE).exists());
        assert_recovers(log, disk, &mut records, head);
    });
    on_a_small_disk(|dir, disk| {
        let mut log = opened(dir);
        let (mut records, head) = noisy_batch(Head::EMPTY, &[300; 19_000]);
        log.append(Head::EMPTY, &mut OneBatch::new(records.to_vec(), head))
            .unwrap();
        let refusal = log.compact().unwrap_err();
        assert!(is_for_want_of_room(&refusal), "{refusal:?}");
        // The room that was there when it began is gone by then.
        let refusal = log.replace(&Rewriting::Compacting).unwrap_err();
        assert!(is_for_want_of_room(&refusal), "{refusal:?}");
        assert!(!swap::new_of(&dir.join(RECORDS)).exists());
        assert_recovers(log, disk, &mut records, head);
    });
}
