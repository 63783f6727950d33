//! Real file systems: ext4 in an image of its own, that loses its power, fills up, or can only be read. A power cut is a
//! copy of the image while the file system above it still holds unwritten pages: what was not synced is not in it.
//!
//! Needs root and loop devices; where they are not, each test says that it was skipped.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::endurance::{check, kill_group, library, receipts};
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
        let made = done(Command::new("mkfs.ext4").arg("-q").arg(disk.image()));
        (made && disk.mount("loop")).then_some(disk).or_else(|| {
            eprintln!("skipped: mounting an image needs root, mkfs.ext4 and a loop device");
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
        let acknowledged: BTreeMap<u64, String> = receipts(&text).into_iter().collect();
        let what = format!("after power cut {round}");
        let count = check(&cut.ledger(), &acknowledged, &what);
        eprintln!(
            "{what}: {count} records, {} acknowledged",
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
    fs::write(&filler, bytes).unwrap();
    filler
}

fn records(disk: &Disk) -> String {
    disk.run(&["export", "--raw"]).ok()
}

#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    let Some(disk) = Disk::new(128) else { return };
    disk.init();
    disk.run(&["record", "note", "--text", "before"]).ok();
    // Texts that do not compress, or there would be room for all of them.
    let mut state = 7u64;
    let mut word = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        format!("{:016x}", state)
    };
    let line = |word: &mut dyn FnMut() -> String| {
        let text: Vec<String> = (0..60).map(|_| word()).collect();
        format!("{{\"event\":\"note\",\"text\":\"{}\"}}\n", text.join(""))
    };
    let lines: String = (0..20_000).map(|_| line(&mut word)).collect();
    let events = tempfile::NamedTempFile::new().unwrap();
    fs::write(events.path(), lines).unwrap();
    let import = ["import", events.path().to_str().unwrap()];
    let before = records(&disk);
    let filler = fill(&disk, 1024);
    let refused = disk.run(&import);
    refused.fails(1, &["error:", "hint:"]);
    assert!(
        refused.stderr.contains("No space left") || refused.stderr.contains("room"),
        "{refused:#?}"
    );
    // The store may need room even to be opened, and says so; what is recorded is there.
    let verdict = disk.run(&["verify"]);
    assert!(
        verdict.code == Some(0) || verdict.stderr.contains("make room"),
        "{verdict:#?}"
    );
    fs::remove_file(filler).unwrap();
    assert_eq!(
        records(&disk),
        before,
        "nothing was added, and nothing lost"
    );
    disk.run(&["verify"]).ok();
    disk.run(&import).ok();
    disk.run(&["verify"]).ok();
    assert!(records(&disk).starts_with(before.lines().next().unwrap()));
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
    let _ = fs::remove_dir_all(disk.ledger());
    assert!(!Path::new(&disk.ledger()).exists());
}
