//! Damages of the files of a ledger: bits, sectors and pages that are other, lost, moved or old ones, files that are cut,
//! longer, gone or foreign; of one file, or of several at once. Whatever was damaged: looks change no byte, `verify` names what is missing or takes nothing
//! for missing, and appends agree with it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use servanda_core::event::{Event, Kind};
use servanda_core::testing::{Choices, event};
use servanda_ledger::Ledger;
use servanda_ledger::recover::{copy_beginning, survey};
use servanda_log::directory::{self, LedgerDir};
use servanda_log::memory::MemoryLog;
use servanda_log::{Compact as _, LogError, Stored};

use super::broken::{Broken, Fault, hold};
use super::files::Files;
use super::look::{self, Steady, append, noise, note, open, read_all, see};
use crate::evidence::{self, Change, FOREIGN};
use crate::program::Scratch;

/// One of so many damages is of several files.
const OF_SEVERAL: usize = 3;

/// Most files that are damaged at once.
const FILES: usize = 4;

/// One of so many damages is also looked at by the program: its commands, exit codes and words.
const BY_PROGRAM: u64 = 100;

/// A ledger to damage.
pub struct Template {
    name: &'static str,
    files: Files,
    /// The same ledger some appends earlier.
    older: Files,
    records: Vec<Stored>,
    /// How many of the records an orderly end or a sync of the store vouches for. A damaged last frame of a journal after
    /// a crash counts as one that was never acknowledged.
    vouched: usize,
}

/// A ledger that is made.
struct Making {
    scratch: Scratch,
    random: Choices,
}

impl Making {
    /// A new ledger.
    fn begin(seed: u64) -> Self {
        let making = Self {
            scratch: Scratch::empty(),
            random: Choices(seed),
        };
        let log = directory::create(&making.scratch.ledger(), "a test").unwrap();
        let opening = event(Kind::LedgerOpened, &[("origin", "example.org/test")]);
        drop(Ledger::create(log, Steady(Choices(seed)), opening).unwrap());
        making
    }

    fn open(&mut self) -> Ledger<LedgerDir> {
        open(&self.scratch.ledger(), Steady(Choices(self.random.next()))).unwrap()
    }

    /// So many notes, each of so many letters, which do not compress.
    fn notes(&mut self, count: usize, letters: usize) -> Vec<Event> {
        let random = &mut self.random;
        (0..count)
            .map(|_| note(&noise(random, letters), None))
            .collect()
    }

    /// Appends each of these batches in a process that ends in order.
    fn append(&mut self, batches: &[(usize, usize)]) {
        let mut ledger = self.open();
        for (count, letters) in batches {
            ledger.append(self.notes(*count, *letters)).unwrap();
        }
    }

    fn files(&self) -> Files {
        Files::of_ledger(&self.scratch.ledger())
    }

    fn template(&self, name: &'static str, older: Files) -> Template {
        let files = self.files();
        let records = look::sound(&self.scratch.ledger()).unwrap().records;
        Template {
            name,
            files,
            older,
            vouched: records.len(),
            records,
        }
    }

    /// The ledger as a process leaves it that is killed after these appends.
    fn crashed(
        mut self,
        name: &'static str,
        batches: &[(usize, usize)],
        by_journal: bool,
    ) -> Template {
        let older = self.files();
        let mut ledger = self.open();
        let mut vouched = 0;
        for (count, letters) in batches {
            vouched = read_all(ledger.log()).unwrap().len();
            ledger.append(self.notes(*count, *letters)).unwrap();
        }
        let (files, records) = (self.files(), read_all(ledger.log()).unwrap());
        Template {
            name,
            files,
            older,
            vouched: if by_journal { vouched } else { records.len() },
            records,
        }
    }

    /// The ledger as a compaction leaves it that is killed when its directories have these names.
    fn swapped(mut self, name: &'static str, old: &str, new: &str) -> Template {
        let older = self.files();
        let outer = |files: &Files| {
            let mut outer = Files::default();
            for name in ["servanda", "head", "journal", "reserve"] {
                outer = outer.and(Files::file(name, files.get(Path::new(name)).unwrap()));
            }
            outer
        };
        let mut log = self.open().into_log();
        log.compact().unwrap();
        drop(log);
        let compacted = self.files();
        let files = outer(&compacted)
            .and(older.inside("records").below(old))
            .and(compacted.inside("records").below(new));
        Template {
            files,
            ..self.template(name, older)
        }
    }
}

/// The ledgers to damage, each as often as it stands there.
pub fn templates(seed: u64) -> Vec<Template> {
    let closed = || {
        let mut making = Making::begin(seed);
        making.append(&[(600, 16)]);
        let older = making.files();
        making.append(&[(500, 16), (1, 300), (1, 20), (2, 20)]);
        (making, older)
    };
    let mut small = Making::begin(seed);
    small.append(&[(1, 20), (2, 20)]);
    let small_before = small.files();
    small.append(&[(1, 400), (3, 20)]);
    let mut long = closed().0;
    let long_before = long.files();
    long.append(&[(300, 4000), (300, 4000), (300, 4000), (1, 20)]);
    vec![
        closed().0.template("closed in order", closed().1),
        small.template("small", small_before),
        closed().0.crashed(
            "killed after an append to the journal",
            &[(1, 20), (200, 40)],
            true,
        ),
        closed().0.crashed(
            "killed after an append to the store",
            &[(1, 20), (200, 4000)],
            false,
        ),
        closed().0.swapped(
            "killed while the copy was written",
            "records",
            "records.new",
        ),
        closed()
            .0
            .swapped("killed between the renamings", "records.old", "records.new"),
        closed().0.swapped(
            "killed before the old files were wiped",
            "records.old",
            "records",
        ),
        long.template("of several segments", long_before),
    ]
}

/// A damage of one of these files.
fn damage(files: &Files, random: &mut Choices) -> (PathBuf, Change) {
    if random.one_in(25) {
        let name = PathBuf::from(random.pick(&FOREIGN).unwrap());
        return (name, Change::Foreign(random.below(600)));
    }
    let names: Vec<&Path> = files
        .names()
        .filter(|name| *name != Path::new("checkpoint"))
        .collect();
    let weight = |name: &Path| match name.file_name().unwrap().to_str().unwrap() {
        "db" => 8,
        "journal" => 4,
        _ => 1,
    };
    let weighted: Vec<&Path> = names
        .iter()
        .flat_map(|name| vec![*name; weight(name)])
        .collect();
    let name = random.pick(&weighted).unwrap().to_path_buf();
    let bytes = files.get(&name).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0);
    let mut place = || {
        random
            .below(used + used / 10 + 1)
            .min(bytes.len().saturating_sub(1))
    };
    let (at, other) = (place(), place());
    if bytes.is_empty() {
        return (name, Change::Append(1 + random.below(5000)));
    }
    let many: Vec<usize> = (0..20).map(|_| random.below(used + 1)).collect();
    let length = [1, 8, 512, 4096, 9000][random.below(5)];
    let page = |at: usize| at / 4096 * 4096;
    let change = match random.below(18) {
        0..=4 => Change::Flips(vec![at], 1 << random.below(8)),
        5 if name.ends_with("db") => Change::Flips(many, 1 << random.below(8)),
        5 | 6 => Change::Cut(at),
        7 | 8 => Change::Zero(at, length),
        9 => Change::Zero(page(at), 4096),
        10 | 11 => Change::Noise(at, length, random.next()),
        12 => Change::Moved(page(at), page(other), 4096),
        13 => Change::Moved(at / 512 * 512, other / 512 * 512, 512),
        14 if name.ends_with("db") => Change::Stale(page(at), 4096 << random.below(4)),
        14 | 15 => Change::Append(1 + random.below(5000)),
        16 => Change::Delete,
        _ => Change::Flips(vec![at], 0xff),
    };
    (name, change)
}

/// Damages of different files, at least this one.
fn damages(files: &Files, random: &mut Choices) -> Vec<(PathBuf, Change)> {
    let mut all = vec![damage(files, random)];
    if random.one_in(OF_SEVERAL) {
        for _ in 0..random.below(FILES) {
            let more = damage(files, random);
            // A file in a directory that is none any more cannot be damaged again.
            if all.iter().all(|(name, _)| *name != more.0) {
                all.push(more);
            }
        }
    }
    all
}

/// Damages a ledger as this case does, looks at it and appends to it. Gives what the damage was.
pub fn damaged(
    templates: &[Template],
    index: u64,
    random: &mut Choices,
) -> Result<&'static str, Broken> {
    let template = random.pick(templates).unwrap();
    let changes = damages(&template.files, random);
    let scratch = Scratch::empty();
    std::fs::create_dir(scratch.ledger()).unwrap();
    template.files.put(&scratch.ledger());
    for (name, change) in &changes {
        let older = template.older.get(name);
        evidence::damage(&scratch.ledger().join(name), change, older);
    }
    let how = format!("a ledger {}, {changes:?}", template.name);
    let left = Files::of_ledger(&scratch.ledger());
    let outcome = if index.is_multiple_of(BY_PROGRAM) {
        evidence::is_untouched_and_agreed(&scratch)
    } else {
        is_untouched_and_agreed(template, &scratch.ledger(), &left)
    };
    match outcome {
        Ok(is_sound) => Ok(match (is_sound, changes.len()) {
            (true, 1) => "of what is derived or unused",
            (true, _) => "of several files that are derived or unused",
            (false, 1) => "named",
            (false, _) => "of several files, named",
        }),
        Err(broken) => Err(Broken {
            left: Some(Box::new(left)),
            ..broken.after(&how)
        }),
    }
}

/// Opens a ledger that may be damaged, and lets go of it.
fn opened<T>(
    dir: &Path,
    look: impl FnOnce(&LedgerDir) -> Result<T, Broken>,
) -> Result<Option<T>, Broken> {
    let opened = directory::open(dir, Duration::from_secs(20), "a test");
    opened.ok().map(|log| look(&log)).transpose()
}

/// How many records a sound ledger has; none where it is not sound.
fn sound_records(template: &Template, log: &LedgerDir) -> Result<Option<usize>, Broken> {
    // A log that cannot give its head is damaged.
    let Ok(seen) = see(log) else { return Ok(None) };
    if !seen.verdict.is_sound() {
        return Ok(None);
    }
    let (found, due) = (&seen.records, &template.records);
    hold(found.len() >= template.vouched, Fault::Silent, || {
        format!("sound, with {} of {} records", found.len(), due.len())
    })?;
    hold(
        due.starts_with(&found[..found.len().min(due.len())]),
        Fault::Silent,
        || "sound, with other records".to_owned(),
    )?;
    Ok(Some(found.len()))
}

/// What `recover` would copy is a beginning of what was recorded.
fn salvage(template: &Template, log: &LedgerDir, is_sound: bool) -> Result<(), Broken> {
    let Ok(found) = survey(log, |_| Ok::<_, LogError>(())) else {
        return hold(!is_sound, Fault::Stuck, || {
            "nothing can be recovered of what is sound".to_owned()
        });
    };
    hold(found.is_whole() || !is_sound, Fault::Silent, || {
        format!("sound, and {found:?}")
    })?;
    let mut into = MemoryLog::default();
    let copied = copy_beginning(log, found.sound, &mut into);
    copied.map_err(|error| Broken::new(Fault::Stuck, format!("not recovered: {error}")))?;
    let due = template.records.iter().map(|stored| &stored.sealed);
    hold(
        into.records()
            .iter()
            .zip(due)
            .all(|(one, other)| one == other),
        Fault::Silent,
        || "recovered other records".to_owned(),
    )
}

/// Whether a damaged ledger is sound all the same.
fn is_untouched_and_agreed(
    template: &Template,
    dir: &Path,
    before: &Files,
) -> Result<bool, Broken> {
    let seen = opened(dir, |log| {
        let sound = sound_records(template, log)?;
        salvage(template, log, sound.is_some())?;
        Ok(sound)
    })?;
    hold(Files::of_ledger(dir) == *before, Fault::Changed, || {
        "looks changed bytes".to_owned()
    })?;
    let appended = append(dir);
    let again = opened(dir, |log| {
        let Ok(seen) = see(log) else { return Ok(None) };
        Ok(seen.verdict.is_sound().then_some(seen.records))
    })?;
    match (seen.flatten(), appended, again.flatten()) {
        (Some(_), Err(why), _) => Err(Broken::new(
            Fault::Stuck,
            format!("sound, and refused: {why}"),
        )),
        (Some(_), Ok(()), None) => Err(Broken::new(Fault::Silent, "not sound after an append")),
        (Some(count), Ok(()), Some(records)) => {
            let is_kept =
                records.len() == count + 1 && records[..count] == template.records[..count];
            hold(is_kept, Fault::Lost, || {
                "other records after an append".to_owned()
            })
            .map(|()| true)
        }
        (None, _, Some(_)) => Err(Broken::new(Fault::Silent, "an append hid the damage")),
        (None, _, None) => Ok(false),
    }
}

/// A ledger that is sound and lacks a record that was acknowledged, or has another one, is found.
#[test]
fn what_is_missing_or_another_is_found() {
    let mut making = Making::begin(1);
    making.append(&[(3, 20)]);
    let older = making.files();
    let mut template = making.template("as it was", older);
    let dir = making.scratch.ledger();
    let fault = |template: &Template| {
        let before = Files::of_ledger(&dir);
        let found = is_untouched_and_agreed(template, &dir, &before);
        found.map_err(|broken| broken.fault)
    };
    template.records.swap(1, 2);
    assert_eq!(fault(&template), Err(Fault::Silent));
    template.records.swap(1, 2);
    template.records.push(template.records[0].clone());
    template.vouched += 1;
    assert_eq!(fault(&template), Err(Fault::Silent));
    template.records.pop();
    template.vouched -= 1;
    assert_eq!(fault(&template), Ok(true));
}
