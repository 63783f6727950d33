//! Real file systems: ext4 in an image of its own, that loses its power, fills up, or can only be read. A power cut is a
//! copy of the image while the file system above it still holds unwritten pages: what was not synced is not in it.
//!
//! Needs root and loop devices; where they are not, each test says that it was skipped, or fails where `CI` is true.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::{NamedTempFile, TempDir};

use crate::endurance::deeds::receipts;
use crate::endurance::kills::{check, kill_group, library};
use crate::program::{Outcome, run, servanda};

/// A file system in an image, mounted.
struct Disk {
    dir: TempDir,
}

impl Disk {
    /// An empty one of so many MiB; none where this machine cannot mount it.
    fn new(mib: u64) -> Option<Self> {
        let disk = Self::unmounted();
        let image = fs::File::create(disk.image()).unwrap();
        image.set_len(mib << 20).unwrap();
        // Nothing is set aside for root, as whom these tests run.
        let mut make = Command::new("mkfs.ext4");
        let made = done(make.args(["-q", "-m", "0"]).arg(disk.image()));
        (made && disk.mount("loop")).then_some(disk).or_else(|| {
            let needs = "mounting an image needs root, mkfs.ext4 and a loop device";
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{needs}");
            eprintln!("skipped: {needs}");
            None
        })
    }

    fn unmounted() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("mount")).unwrap();
        Self { dir }
    }

    fn image(&self) -> PathBuf {
        self.dir.path().join("image")
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("mount")
    }

    fn ledger(&self) -> PathBuf {
        self.root().join("ledger")
    }

    fn mount(&self, options: &str) -> bool {
        let mut mount = Command::new("mount");
        done(
            mount
                .args(["-o", options])
                .arg(self.image())
                .arg(self.root()),
        )
    }

    /// The file system as it would come up had the power been cut now.
    fn after_a_power_cut(&self) -> Self {
        let cut = Self::unmounted();
        fs::copy(self.image(), cut.image()).unwrap();
        assert!(cut.mount("loop"), "the copy of the image is mounted");
        cut
    }

    fn run(&self, words: &[&str]) -> Outcome {
        let mut command = servanda();
        command.args(words).arg("--no-memory");
        command.env("SERVANDA_LEDGER", self.ledger());
        command.current_dir(self.root());
        run(command, b"")
    }

    fn init(&self) {
        self.run(&["init", "--origin", "example.org/test"]).ok();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Not mounted where the machine cannot.
        done(Command::new("umount").arg("-l").arg(self.root()));
    }
}

/// Whether a command ran to a good end.
fn done(command: &mut Command) -> bool {
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[test]
fn what_was_acknowledged_survives_a_power_cut() {
    for round in 0..3 {
        let Some(disk) = Disk::new(128) else { return };
        disk.init();
        let mut appender = library(&disk.ledger(), round);
        let mut stdout = appender.stdout.take().unwrap();
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).map(|_| text)
        });
        std::thread::sleep(Duration::from_millis(700 + 350 * round));
        kill_group(&mut appender);
        let cut = disk.after_a_power_cut();
        let text = reader.join().unwrap().unwrap();
        let acknowledged = receipts(&text);
        let count = check(&cut.ledger(), &acknowledged).unwrap();
        eprintln!(
            "after power cut {round}: {count} records, {} acknowledged",
            acknowledged.len()
        );
        cut.run(&["verify"]).ok();
        cut.run(&["record", "note", "--text", "and on"]).ok();
    }
}

/// Fills a file system but for so many KiB.
fn fill(disk: &Disk, but_kib: u64) -> PathBuf {
    let filler = disk.root().join("filler");
    let free = Command::new("df")
        .args(["--output=avail", "-k"])
        .arg(disk.root())
        .output()
        .unwrap();
    let free = String::from_utf8(free.stdout).unwrap();
    let free: u64 = free.lines().last().unwrap().trim().parse().unwrap();
    let bytes = vec![1; usize::try_from(free.saturating_sub(but_kib) * 1024).unwrap()];
    match fs::write(&filler, bytes) {
        // What the file system notes of the file takes a little, too.
        Err(error) if error.kind() == ErrorKind::StorageFull => {}
        written => written.unwrap(),
    }
    filler
}

fn records(disk: &Disk) -> String {
    disk.run(&["export", "--raw"]).ok()
}

/// So many lines of an import, each of about 1 KiB that does not get smaller by compressing.
fn noise(lines: usize, seed: u64) -> NamedTempFile {
    let mut state = seed;
    let mut word = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        format!("{state:016x}")
    };
    let mut file = NamedTempFile::new().unwrap();
    for line in 0..lines {
        let text: String = (0..60).map(|_| word()).collect();
        writeln!(
            file,
            "{{\"event\":\"note\",\"text\":\"{text}\",\"import_key\":\"{seed}:{line}\"}}"
        )
        .unwrap();
    }
    file
}

/// Does something on a disk with so little room: it is done, or refused with nothing changed; and what is recorded can
/// be read and verified all the while. Whether it was done.
fn on_little_room(disk: &Disk, kib: u64, words: &[&str]) -> bool {
    let before = records(disk);
    let filler = fill(disk, kib);
    let outcome = disk.run(words);
    let what = format!("with {kib} KiB left: {words:?}, {outcome:#?}");
    let is_done = outcome.code == Some(0);
    // A redaction is recorded first, and tells that it is not finished.
    let is_begun = outcome.stderr.contains("not erased yet");
    if !is_done {
        let code = if is_begun { 22 } else { 1 };
        outcome.fails(code, &["error:", "hint: make room"]);
        let is_import = words.first() == Some(&"import");
        assert!(
            !is_import || outcome.stderr.contains("the ledger is as it was"),
            "{what}"
        );
    }
    disk.run(&["verify"]).ok();
    let after = records(disk);
    assert!(is_done || is_begun || after == before, "{what}");
    fs::remove_file(filler).unwrap();
    assert_eq!(records(disk), after, "{what}");
    is_done
}

/// How many KiB a ledger's records take.
fn room_of(disk: &Disk) -> u64 {
    let measured = Command::new("du")
        .arg("-sk")
        .arg(disk.ledger().join("records"))
        .output();
    let told = String::from_utf8(measured.unwrap().stdout).unwrap();
    told.split_whitespace().next().unwrap().parse().unwrap()
}

/// The disk gets full at some moment of whatever writes, and all of it goes on once there is room.
#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    let Some(disk) = Disk::new(64) else { return };
    disk.init();
    let (many, some) = (noise(5000, 1), noise(600, 2));
    let import = |file: &NamedTempFile| ["import".to_owned(), file.path().display().to_string()];
    let mut refused = 0;
    for kib in [2500, 0] {
        disk.run(&["record", "note", "--text", "one"]).ok();
        let last = records(&disk).lines().count() - 1;
        let redact = [
            "redact",
            &last.to_string(),
            "--reason",
            "r",
            "--authority",
            "a",
        ];
        let [import_many, import_some] = [&many, &some].map(import);
        let deeds = [
            import_many.each_ref().map(String::as_str).to_vec(),
            import_some.each_ref().map(String::as_str).to_vec(),
            vec!["record", "note", "--text", "another"],
            redact.to_vec(),
            vec!["compact"],
        ];
        for (at, words) in deeds.iter().enumerate() {
            let room = room_of(&disk);
            let is_done = on_little_room(&disk, kib, words);
            refused += usize::from(!is_done);
            if at == 0 {
                assert!(!is_done, "there is no room for it");
                // What the import took is given back: a copy of the records fits into the reserve, which is
                // there again unless a page is missing for it.
                assert!(room_of(&disk) <= room + 300, "{} of {room}", room_of(&disk));
                assert!(kib == 0 || disk.ledger().join("reserve").exists());
            } else if !is_done {
                disk.run(words).ok();
            }
            disk.run(&["verify"]).ok();
        }
    }
    assert!(refused > 2, "{refused} were refused");
    let import_many = import(&many);
    disk.run(&import_many.each_ref().map(String::as_str)).ok();
    disk.run(&["verify"]).ok();
}

/// Where the records are too many for that, the room is kept until something is appended or compacted.
#[test]
fn a_full_disk_under_a_larger_ledger_loses_nothing() {
    let Some(disk) = Disk::new(128) else { return };
    disk.init();
    let (held, more) = (noise(5000, 3), noise(6000, 4));
    disk.run(&["import", &held.path().display().to_string()])
        .ok();
    let import = ["import", &more.path().display().to_string()];
    assert!(
        !on_little_room(&disk, 3000, &import),
        "there is no room for it"
    );
    disk.run(&["compact"]).ok();
    disk.run(&import).ok();
    disk.run(&["verify"]).ok();
}

#[test]
fn a_file_system_that_can_only_be_read_is_told() {
    let Some(disk) = Disk::new(128) else { return };
    disk.init();
    assert!(disk.mount("remount,ro"), "it is mounted to be read only");
    disk.run(&["record", "note", "--text", "no"])
        .fails(1, &["error:", "Read-only", "hint:"]);
    let log = disk.run(&["log"]);
    assert!(
        log.code == Some(0) || log.stderr.contains("Read-only"),
        "{log:#?}"
    );
    assert!(
        disk.mount("remount,rw"),
        "it is mounted to be written again"
    );
    disk.run(&["record", "note", "--text", "yes"]).ok();
}

#[test]
fn a_ledger_is_not_made_where_there_is_no_room() {
    let Some(disk) = Disk::new(16) else { return };
    let filler = fill(&disk, 64);
    let refused = disk.run(&["init", "--origin", "example.org/test"]);
    refused.fails(1, &["error:", "hint:"]);
    fs::remove_file(filler).unwrap();
    disk.init();
    disk.run(&["verify"]).ok();
}

/// The text in the lock is a courtesy: without room for it, all is read.
#[test]
fn a_disk_without_room_for_one_byte_is_read() {
    let Some(disk) = Disk::new(24) else { return };
    disk.init();
    let file = noise(900, 5);
    disk.run(&["import", &file.path().display().to_string()])
        .ok();
    let lock = fs::File::create(disk.ledger().join("lock")).unwrap();
    let filler = fill(&disk, 0);
    drop(lock);
    for words in [&["log"][..], &["verify"], &["export"], &["export", "--raw"]] {
        disk.run(words).ok();
    }
    fs::remove_file(filler).unwrap();
    disk.run(&["record", "note", "--text", "and on"]).ok();
}
