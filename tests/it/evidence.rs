//! Damaged ledgers are evidence: looking at them changes no byte. And `verify` and appends agree: what takes no append is
//! named by `verify`, what `verify` finds sound takes appends.
//!
//! `SERVANDA_DAMAGES=all cargo test --test it evidence` tries every damage; the default is some of them.

use std::fs;
use std::path::{Path, PathBuf};

use servanda_core::testing::Choices;

use crate::endurance::broken::{Broken, Fault, hold};
use crate::endurance::files::Files;
use crate::program::{Scratch, contents};

/// One of so many damages is tried, unless all are asked for.
const ONE_OF: usize = 17;

/// A change to a file of a ledger. Places and lengths are in bytes.
#[derive(Debug, Clone)]
pub enum Change {
    /// These bits of the bytes at these places.
    Flips(Vec<usize>, u8),
    /// The file ends there.
    Cut(usize),
    /// Zeros at this place, so many.
    Zero(usize, usize),
    /// Bytes of this seed at this place, so many.
    Noise(usize, usize, u64),
    /// What stands at the first place stands at the second one, too.
    Moved(usize, usize, usize),
    /// What stood at this place in an older state of the file.
    Stale(usize, usize),
    Append(usize),
    Delete,
    /// A file that is not a ledger's, with so many bytes.
    Foreign(usize),
}

/// Files of others with names like those of a ledger's.
pub const FOREIGN: [&str; 8] = [
    "records/snap.00000000000FFFFF.generating",
    "records/snap.0000000000000001",
    "records/snap.FFFFFFFFFFFFFFFF",
    "records/snap.of-mine",
    "records/blobs/mine",
    "records/blobs/7",
    "records/mine",
    "records.new/db",
];

/// Writes over a part of the bytes, as far as they go.
fn write_over(bytes: &mut [u8], at: usize, new: &[u8]) {
    let room = bytes.get_mut(at..).unwrap_or_default();
    for (byte, new) in room.iter_mut().zip(new) {
        *byte = *new;
    }
}

/// Damages a file; `older` are its bytes in an older state.
pub fn damage(file: &Path, change: &Change, older: Option<&[u8]>) {
    if let Change::Foreign(length) = change {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        return fs::write(file, vec![7; *length]).unwrap();
    }
    let mut bytes = fs::read(file).unwrap();
    let part = |bytes: &[u8], at: usize, length: usize| -> Vec<u8> {
        bytes.iter().skip(at).take(length).copied().collect()
    };
    match change {
        Change::Flips(places, bits) => places.iter().for_each(|at| bytes[*at] ^= bits),
        Change::Cut(at) => bytes.truncate(*at),
        Change::Zero(at, length) => write_over(&mut bytes, *at, &vec![0; *length]),
        Change::Noise(at, length, seed) => {
            let mut random = Choices(*seed);
            let noise: Vec<u8> = (0..*length).map(|_| random.next() as u8).collect();
            write_over(&mut bytes, *at, &noise);
        }
        Change::Moved(from, to, length) => {
            let moved = part(&bytes, *from, *length);
            write_over(&mut bytes, *to, &moved);
        }
        Change::Stale(at, length) => {
            let stale = part(older.unwrap_or_default(), *at, *length);
            write_over(&mut bytes, *at, &stale);
        }
        Change::Append(length) => bytes.extend(vec![0xa5; *length]),
        Change::Delete | Change::Foreign(_) => return fs::remove_file(file).unwrap(),
    }
    fs::write(file, bytes).unwrap();
}

/// Every damage of every file: in the part that is used, at its end, and behind it.
fn corpus(ledger: &Path) -> Vec<(PathBuf, Change)> {
    let mut corpus = Vec::new();
    for (path, bytes) in contents(ledger) {
        let name = path.strip_prefix(ledger).unwrap().to_owned();
        if path.is_dir() {
            continue;
        }
        let used = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0);
        let eighths = (0..8).map(|eighth| used * eighth / 8);
        let behind = (used + bytes.len()) / 2;
        for at in eighths.chain([used, behind.min(bytes.len() - 1)]) {
            corpus.push((name.clone(), Change::Flips(vec![at], 4)));
            corpus.push((name.clone(), Change::Cut(at)));
            corpus.push((name.clone(), Change::Zero(at, 100)));
            corpus.push((name.clone(), Change::Zero(at, 5000)));
        }
        corpus.extend([1, 100, 5000].map(|length| (name.clone(), Change::Append(length))));
        corpus.push((name, Change::Delete));
    }
    for name in FOREIGN {
        corpus.extend([0, 5, 500].map(|length| (PathBuf::from(name), Change::Foreign(length))));
    }
    corpus
}

/// Whether `verify` finds a damaged ledger sound. Looks at it and appends to it by the program.
pub fn is_untouched_and_agreed(scratch: &Scratch) -> Result<bool, Broken> {
    let before = Files::of_ledger(&scratch.ledger());
    let look = |words: &[&str]| {
        let outcome = scratch.run(words);
        hold(
            matches!(outcome.code, Some(0 | 10 | 20)),
            Fault::Panic,
            || format!("{words:?}: {outcome:#?}"),
        )?;
        let is_untouched = Files::of_ledger(&scratch.ledger()) == before;
        hold(is_untouched, Fault::Changed, || {
            format!("{words:?} changed bytes")
        })?;
        Ok::<bool, Broken>(outcome.code == Some(0))
    };
    let is_sound = look(&["verify"])?;
    for words in [
        &["log"][..],
        &["export"],
        &["show", "1"],
        &["report", "status"],
    ] {
        look(words)?;
    }
    look(&["recover", "--into", "salvaged", "--dry-run"])?;
    look(&["recover", "--into", "salvaged"])?;
    let appended = scratch.run(&["record", "note", "--text", "and on"]);
    let again = scratch.run(&["verify"]);
    let told = || format!("{appended:#?}, then {again:#?}");
    if is_sound {
        hold(appended.code == Some(0), Fault::Stuck, || {
            format!("sound, and {}", told())
        })?;
    } else {
        hold(again.code != Some(0), Fault::Silent, || {
            format!("an append hid it: {}", told())
        })?;
    }
    hold(
        matches!(appended.code, Some(0 | 10 | 20)),
        Fault::Silent,
        told,
    )?;
    hold((again.code == Some(0)) == is_sound, Fault::Silent, told)?;
    Ok(is_sound)
}

#[test]
fn looking_at_a_damaged_ledger_changes_no_byte_and_verify_and_appends_agree() {
    let template = Scratch::with_notes(1100);
    for _ in 0..3 {
        template
            .run(&["record", "note", "--text", "one alone"])
            .ok();
    }
    let name = ["--name", "example.org/test", "--out", "log.key"];
    template
        .run(&[&["key", "generate"], &name[..]].concat())
        .ok();
    let signed = template.run(&["checkpoint", "--key", "log.key"]).ok();
    fs::write(template.ledger().join("cosigned"), signed).unwrap();
    let corpus = corpus(&template.ledger());
    let step = std::env::var("SERVANDA_DAMAGES").map_or(ONE_OF, |_| 1);
    let (mut sound, mut tried) = (0, 0);
    for (name, change) in corpus.iter().step_by(step) {
        let scratch = template.copied();
        damage(&scratch.ledger().join(name), change, None);
        let is_sound = is_untouched_and_agreed(&scratch);
        let is_sound =
            is_sound.unwrap_or_else(|broken| panic!("{}: {change:?}: {broken:?}", name.display()));
        sound += usize::from(is_sound);
        tried += 1;
    }
    eprintln!(
        "{tried} of {} damages, {sound} of them of what is derived or unused",
        corpus.len()
    );
    assert!(sound > 0 && sound < tried, "{sound} of {tried} are sound");
}
