//! Damaged ledgers are evidence: looking at them changes no byte. And `verify` and appends agree: what takes no append is
//! named by `verify`, what `verify` finds sound takes appends.
//!
//! `SERVANDA_DAMAGES=all cargo test --test it evidence` tries every damage; the default is some of them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::program::{Scratch, contents};

/// One of so many damages is tried, unless all are asked for.
const ONE_OF: usize = 13;

/// A change to a file of a ledger.
#[derive(Debug, Clone)]
enum Change {
    Flip(usize),
    Cut(usize),
    Zero(usize, usize),
    Append(usize),
    Delete,
    /// A file that is not a ledger's, with so many bytes.
    Foreign(usize),
}

fn damage(file: &Path, change: &Change) {
    if let Change::Foreign(length) = change {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        return fs::write(file, vec![7; *length]).unwrap();
    }
    let mut bytes = fs::read(file).unwrap();
    match *change {
        Change::Flip(at) => bytes[at] ^= 4,
        Change::Cut(at) => bytes.truncate(at),
        Change::Zero(at, length) => bytes[at..]
            .iter_mut()
            .take(length)
            .for_each(|byte| *byte = 0),
        Change::Append(length) => bytes.extend(vec![0xa5; length]),
        Change::Delete | Change::Foreign(_) => return fs::remove_file(file).unwrap(),
    }
    fs::write(file, bytes).unwrap();
}

/// Every damage of every file: in the part that is used, at its end, and behind it.
fn corpus(ledger: &Path) -> Vec<(PathBuf, Change)> {
    let mut corpus = Vec::new();
    for (path, bytes) in contents(ledger) {
        let name = path.strip_prefix(ledger).unwrap().to_owned();
        if path.is_dir() || name == Path::new("lock") || name == Path::new("checkpoint") {
            continue;
        }
        let used = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0);
        let eighths = (0..8).map(|eighth| used * eighth / 8);
        let behind = (used + bytes.len()) / 2;
        for at in eighths.chain([used, behind.min(bytes.len() - 1)]) {
            corpus.push((name.clone(), Change::Flip(at)));
            corpus.push((name.clone(), Change::Cut(at)));
            corpus.push((name.clone(), Change::Zero(at, 100)));
            corpus.push((name.clone(), Change::Zero(at, 5000)));
        }
        corpus.extend([1, 100, 5000].map(|length| (name.clone(), Change::Append(length))));
        corpus.push((name, Change::Delete));
    }
    let foreign = [
        "records/snap.00000000000FFFFF.generating",
        "records/snap.0000000000000001",
        "records/snap.FFFFFFFFFFFFFFFF",
        "records/snap.of-mine",
        "records/blobs/mine",
        "records/blobs/7",
        "records/mine",
        "records.new/db",
    ];
    for name in foreign {
        corpus.extend([0, 5, 500].map(|length| (PathBuf::from(name), Change::Foreign(length))));
    }
    corpus
}

/// All but the lock, into which each process writes its name.
fn evidence(scratch: &Scratch) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = contents(&scratch.ledger());
    files.retain(|(path, _)| !path.ends_with("lock"));
    files
}

fn is_untouched_and_agreed(template: &Scratch, name: &Path, change: &Change) -> bool {
    let scratch = template.copied();
    damage(&scratch.ledger().join(name), change);
    let what = format!("{}: {change:?}", name.display());
    let before = evidence(&scratch);
    let look = |words: &[&str]| {
        let outcome = scratch.run(words);
        assert!(
            matches!(outcome.code, Some(0 | 10 | 20)),
            "{what}: {words:?}: {outcome:#?}"
        );
        assert!(
            evidence(&scratch) == before,
            "{words:?} changed bytes; {what}"
        );
        outcome.code == Some(0)
    };
    let is_sound = look(&["verify"]);
    look(&["log"]);
    look(&["recover", "--into", "salvaged", "--dry-run"]);
    look(&["recover", "--into", "salvaged"]);
    let appended = scratch.run(&["record", "note", "--text", "and on"]);
    let again = scratch.run(&["verify"]);
    if is_sound {
        assert_eq!(appended.code, Some(0), "{what}: sound, and {appended:#?}");
    } else {
        assert_ne!(again.code, Some(0), "{what}: an append hid the damage");
    }
    let is_told = appended.code == Some(0) || matches!(appended.code, Some(10 | 20));
    assert!(
        is_told && (again.code == Some(0)) == is_sound,
        "{what}: {appended:#?}, then {again:#?}"
    );
    is_sound
}

#[test]
fn looking_at_a_damaged_ledger_changes_no_byte_and_verify_and_appends_agree() {
    let template = Scratch::with_ledger();
    let lines = (0..1100u64).map(|line| {
        let text = line.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        format!("{{\"event\":\"note\",\"text\":\"{text:016x}\"}}\n")
    });
    template
        .run_on(&["import", "-"], lines.collect::<String>())
        .ok();
    for _ in 0..3 {
        template
            .run(&["record", "note", "--text", "one alone"])
            .ok();
    }
    let corpus = corpus(&template.ledger());
    let step = std::env::var("SERVANDA_DAMAGES").map_or(ONE_OF, |_| 1);
    let (mut sound, mut tried) = (0, 0);
    for (name, change) in corpus.iter().step_by(step) {
        sound += usize::from(is_untouched_and_agreed(&template, name, change));
        tried += 1;
    }
    eprintln!(
        "{tried} of {} damages, {sound} of them of what is derived or unused",
        corpus.len()
    );
    assert!(sound > 0 && sound < tried, "{sound} of {tried} are sound");
}
