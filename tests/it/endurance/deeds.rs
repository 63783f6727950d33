//! The commands that write, each with a ledger to run it on, and what must hold after one of them was broken off.

use std::collections::BTreeMap;
use std::fs;

use servanda_core::testing::Choices;
use servanda_log::Stored;

use super::broken::{Broken, Fault, hold};
use super::files::Files;
use super::look::{self, is_bodiless, link, noise};
use crate::program::{Outcome, Scratch};

/// A word that lies once in the ledger of a deed that redacts.
const WORD: &str = "eingeschwaerzt";

/// The exit codes of the program, but for that of a wrong command line.
const EXIT_CODES: [i32; 7] = [0, 1, 10, 20, 21, 22, 130];

/// A command that is broken off.
pub struct Deed {
    /// The command, and what it is given.
    pub words: Vec<&'static str>,
    /// Its standard input.
    pub input: String,
    /// The ledger that it leaves.
    pub ledger: &'static str,
    /// Whether it makes that ledger. Then it is run again after it was broken off.
    makes: bool,
    /// How many records it appends at most.
    records: usize,
    /// The record that it redacts.
    redacts: Option<usize>,
    /// The directory that it is run in.
    pub template: Scratch,
    /// The records that are there before.
    before: Vec<Stored>,
}

fn lines(count: usize) -> String {
    (0..count)
        .map(|line| format!("{{\"event\":\"note\",\"text\":\"line {line}\"}}\n"))
        .collect()
}

/// A ledger with so many lines in its store, and one record in its journal.
fn with_lines(count: usize) -> Scratch {
    let scratch = Scratch::with_ledger();
    scratch.run_on(&["import", "-"], lines(count)).ok();
    scratch.run(&["record", "note", "--text", WORD]).ok();
    scratch
}

/// So many lines with texts of so many letters, which do not compress.
fn noisy_lines(count: usize, letters: usize, seed: u64) -> String {
    let mut random = Choices(seed);
    let mut line = || {
        format!(
            "{{\"event\":\"note\",\"text\":\"{}\"}}\n",
            noise(&mut random, letters)
        )
    };
    (0..count).map(|_| line()).collect()
}

/// A ledger with a store of several segments.
fn with_noise() -> Scratch {
    let scratch = Scratch::with_ledger();
    for seed in 0..4 {
        scratch
            .run_on(&["import", "-"], noisy_lines(1200, 1000, seed))
            .ok();
        scratch.run(&["record", "note", "--text", WORD]).ok();
    }
    scratch
}

impl Deed {
    fn on(template: Scratch, words: &[&'static str], records: usize) -> Self {
        let before = match template.ledger().exists() {
            true => look::sound(&template.ledger()).unwrap().records,
            false => Vec::new(),
        };
        Self {
            words: words.to_vec(),
            input: String::new(),
            ledger: "ledger",
            makes: false,
            records,
            redacts: None,
            template,
            before,
        }
    }

    /// One append.
    pub fn record() -> Self {
        let scratch = Scratch::with_ledger();
        // The next one is so many that the journal moves them to the store.
        for _ in 0..15 {
            scratch.run(&["record", "note", "--text", "one"]).ok();
        }
        Self::on(scratch, &["record", "note", "--text", "a deed"], 1)
    }

    /// One append of many events.
    pub fn import() -> Self {
        Self {
            input: lines(1500),
            ..Self::on(Scratch::with_ledger(), &["import", "-"], 1500)
        }
    }

    /// All records written anew.
    pub fn compact() -> Self {
        Self::on(with_lines(300), &["compact"], 0)
    }

    /// A redaction, for which all records are written anew.
    pub fn redact() -> Self {
        let words = ["redact", "301", "--reason", "r", "--authority", "a"];
        Self {
            redacts: Some(301),
            ..Self::on(with_lines(300), &words, 1)
        }
    }

    /// An append of many events behind a store of several segments.
    pub fn import_long() -> Self {
        Self {
            input: noisy_lines(1500, 1000, 9),
            ..Self::on(with_noise(), &["import", "-"], 1500)
        }
    }

    /// All records of a store of several segments written anew.
    pub fn compact_long() -> Self {
        Self::on(with_noise(), &["compact"], 0)
    }

    /// A new ledger.
    pub fn init() -> Self {
        Self {
            makes: true,
            ..Self::on(
                Scratch::empty(),
                &["init", "--origin", "example.org/test"],
                1,
            )
        }
    }

    /// A new ledger of what can be recovered of a damaged one.
    pub fn recover() -> Self {
        // The last two appends are in the journal alone, and the first of them is damaged there.
        let scratch = with_lines(300);
        let behind = ["record", "note", "--text", "behind the damage"];
        scratch.run(&behind).ok();
        let journal = scratch.ledger().join("journal");
        let mut bytes = fs::read(&journal).unwrap();
        let mut places = bytes.windows(WORD.len());
        let at = places.position(|part| part == WORD.as_bytes()).unwrap();
        bytes[at] ^= 1;
        fs::write(journal, bytes).unwrap();
        let words = ["recover", "--into", "salvaged", "--rest", "rest"];
        let deed = Self {
            words: words.to_vec(),
            input: String::new(),
            ledger: "salvaged",
            makes: true,
            records: 301,
            redacts: None,
            template: scratch,
            before: Vec::new(),
        };
        // Somebody who does not know whether it was done does it again.
        let twice = deed.template.copied();
        for _ in 0..2 {
            twice.run(&deed.words).ok();
        }
        deed
    }

    /// All of them.
    pub fn all() -> Vec<Self> {
        let all = [
            Self::record,
            Self::import,
            Self::compact,
            Self::redact,
            Self::init,
            Self::recover,
        ];
        all.into_iter().map(|make| make()).collect()
    }

    /// Asserts that what a broken-off command left is sound, takes appends, and is what its exit code says.
    pub fn settle(&self, scratch: &Scratch, outcome: &Outcome) -> Result<(), Broken> {
        let is_killed = matches!(outcome.code, None | Some(137));
        let is_known = outcome.code.is_some_and(|code| EXIT_CODES.contains(&code));
        hold(is_killed || is_known, Fault::Panic, || {
            format!("exit code {:?}", outcome.code)
        })?;
        if self.makes && outcome.code != Some(0) {
            let again = scratch.run_on(&self.words, &self.input);
            let is_there = ["is a ledger already", "was seen before"]
                .iter()
                .any(|known| again.stderr.contains(known));
            let is_done = again.code == Some(0) || is_there && scratch.path(self.ledger).exists();
            hold(is_done, Fault::Stuck, || {
                format!("a second attempt: {again:#?}")
            })?;
        }
        let dir = scratch.path(self.ledger);
        let seen = look::sound(&dir)?;
        self.compare(&seen.records, outcome)?;
        let count = seen.records.len();
        if let Some(record) = self.redacts {
            let left = seen.verdict.unfinished_erasures;
            self.finish(scratch, record, &seen.records, left)?;
        }
        look::append(&dir).map_err(|why| Broken::new(Fault::Stuck, why))?;
        let again = look::sound(&dir)?.records.len();
        // A redaction that had not been recorded was made again.
        let due = self.redacts.map_or(count, |_| self.before.len() + 1) + 1;
        hold(again == due, Fault::Lost, || {
            format!("{again} records after an append to {count}")
        })?;
        is_tidy(scratch, self.ledger)
    }

    /// Compares what is there with what was there, what was acknowledged, and what the exit code says.
    fn compare(&self, found: &[Stored], outcome: &Outcome) -> Result<(), Broken> {
        for (seq, acknowledged) in receipts(&outcome.stdout) {
            let record = usize::try_from(seq).ok().and_then(|seq| found.get(seq));
            hold(record.map(link) == Some(acknowledged), Fault::Lost, || {
                format!("record {seq}")
            })?;
        }
        let more = found.len().checked_sub(self.before.len());
        let told = || format!("{} records, of {} before", found.len(), self.before.len());
        let more = more.ok_or_else(|| Broken::new(Fault::Lost, told()))?;
        for (one, other) in self.before.iter().zip(found) {
            let may_differ = self.redacts == usize::try_from(one.seq).ok();
            hold(may_differ || one == other, Fault::InPart, || {
                format!("record {} is another", one.seq)
            })?;
        }
        match outcome.code {
            Some(0 | 22) => hold(more == self.records, Fault::Lost, told),
            _ if self.makes => hold(more == self.records, Fault::InPart, told),
            Some(1) => hold(more == 0, Fault::Silent, told),
            _ => hold(more == 0 || more == self.records, Fault::InPart, told),
        }
    }

    /// Before the redaction is on record nothing is destroyed; then the payload is still there, and `verify` says so, or
    /// it is gone; and the next redaction leaves nothing of it anywhere.
    fn finish(
        &self,
        scratch: &Scratch,
        record: usize,
        found: &[Stored],
        unfinished: usize,
    ) -> Result<(), Broken> {
        let is_recorded = found.len() > self.before.len();
        let is_gone = is_bodiless(&found[record]);
        hold(
            (unfinished > 0) == (is_recorded && !is_gone),
            Fault::Silent,
            || format!("{unfinished} unfinished erasures"),
        )?;
        hold(is_recorded || !is_gone, Fault::Lost, || {
            "destroyed without a redaction".to_owned()
        })?;
        let outcome = if is_recorded {
            scratch.run(&["redact", "--finish"])
        } else {
            scratch.run(&self.words)
        };
        hold(outcome.code == Some(0), Fault::Stuck, || {
            format!("{outcome:#?}")
        })?;
        let files = Files::of(&scratch.path(self.ledger));
        hold(!files.hold(WORD), Fault::Silent, || {
            "the erased word is still there".to_owned()
        })
    }
}

/// Nothing is left but the files of a ledger, and the draft of a checkpoint, which the program's next append removes.
fn is_tidy(scratch: &Scratch, ledger: &str) -> Result<(), Broken> {
    const KNOWN: [&str; 8] = [
        "servanda",
        "lock",
        "head",
        "records",
        "journal",
        "reserve",
        "checkpoint",
        "checkpoint.draft",
    ];
    for entry in fs::read_dir(scratch.path(ledger)).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        hold(KNOWN.contains(&&*name), Fault::Stuck, || {
            format!("{name} is left")
        })?;
    }
    Ok(())
}

/// The receipts in the output that were printed whole: number and link.
pub fn receipts(text: &str) -> BTreeMap<u64, String> {
    let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
    let mut found = BTreeMap::new();
    let mut seq = None;
    for line in whole.lines() {
        if let Some(rest) = line.strip_prefix("record ") {
            seq = rest.split(' ').next().map(|seq| seq.parse().unwrap());
        } else if let (Some(link), Some(seq)) = (line.strip_prefix("  link "), seq.take()) {
            found.insert(seq, link.to_owned());
        }
    }
    found
}

/// A command that said more than it did is found.
#[test]
fn what_was_acknowledged_and_is_not_there_is_found() {
    let deed = Deed::record();
    let outcome = |code, stdout: &str| {
        let outcome = Outcome {
            code,
            stdout: stdout.to_owned(),
            stderr: String::new(),
        };
        let settled = deed.settle(&deed.template.copied(), &outcome);
        settled.map_err(|broken| broken.fault)
    };
    assert_eq!(outcome(None, ""), Ok(()));
    assert_eq!(
        outcome(None, "record 16  note\n  link abc\n"),
        Err(Fault::Lost)
    );
    assert_eq!(outcome(None, "record 16  note\n  link ab"), Ok(()));
    assert_eq!(outcome(Some(0), ""), Err(Fault::Lost));
    assert_eq!(outcome(Some(101), ""), Err(Fault::Panic));
}
