//! The directory of a ledger: what lies in it, who may use it, and which log reads it.
//!
//! ```text
//! DIR/servanda     the marker: format and store, as text; written last when a ledger is made
//! DIR/lock         locked by whoever has the ledger open; says who that is
//! DIR/head         the acknowledged head
//! DIR/records/     the records
//! DIR/journal      appends that the records do not hold yet
//! DIR/reserve      room on the disk, to be given up when it is full
//! ```
//!
//! While something is erased there is also a `records.new` or `records.old`; after a crash the next write
//! removes it.
//!
//! The marker is three lines: `servanda ledger`, `format 2`, `store sled`. A directory in which some of
//! this lies but no marker was never finished, and can be deleted. `head`, `records` and `reserve` are the
//! store's; another log may lay its records otherwise.
//!
//! In format 1 there is no journal. The first append makes one, and then the marker says format 2: from then
//! on a missing journal is damage, and a servanda that knows nothing of journals refuses the ledger.
//!
//! One process at a time has a ledger open. The lock is the operating system's, so it is gone with its
//! holder, however that ended; what stands in the file only tells the others whom they wait for.
//!
//! A new store is a new file and a line in `BACKENDS`.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::journal::{Found, Journal};
use super::{AppendError, BatchSource, ChunkSink, Compaction, Log, LogError, Reader, Stored};
use servanda_core::chain::record::{Head, Sealed};

/// The version of a ledger's directory that is written, and the newest one read.
pub const FORMAT: u32 = 2;
/// The first version with a journal.
const JOURNAL_FORMAT: u32 = 2;

const MARKER: &str = "servanda";
const MARKER_DRAFT: &str = "servanda.draft";
const MARKER_TITLE: &str = "servanda ledger";
/// A marker is three short lines; what is longer is none.
const MARKER_MAX_BYTES: u64 = 4096;
const LOCK: &str = "lock";
const JOURNAL: &str = "journal";
/// What can lie in a directory in which a ledger was being made.
const PARTS: [&str; 6] = [MARKER_DRAFT, LOCK, JOURNAL, "head", "records", "reserve"];
const HOLDER_MAX_BYTES: u64 = 1024;

type OpenStore = fn(&Path, Instant) -> Result<Box<dyn Log>, LogError>;

/// A log that lives in a directory.
pub(super) struct Backend {
    /// Its name in the marker.
    pub(super) name: &'static str,
    /// Makes an empty store in an existing directory and syncs it, but not the directory.
    pub(super) create: fn(&Path) -> Result<(), LogError>,
    /// Opens it; may wait until the deadline for somebody to let go of it.
    pub(super) open: OpenStore,
}

/// The logs that can be named in a marker; new ledgers get the first.
const BACKENDS: &[Backend] = &[super::sled::BACKEND];

/// Why a ledger's directory cannot be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// There is nothing at this path.
    #[error("{} does not exist", .0.display())]
    NoSuchDirectory(PathBuf),
    /// Something else than a directory is there.
    #[error("{} is not a directory", .0.display())]
    NotADirectory(PathBuf),
    /// A directory, but not a ledger's.
    #[error("{} is not a ledger", .0.display())]
    NotALedger(PathBuf),
    /// Making a ledger was broken off here; nothing was ever recorded in it.
    #[error("{} was never finished: making the ledger was broken off", .0.display())]
    HalfMade(PathBuf),
    /// A newer servanda made it.
    #[error("the ledger has format {found}; this version of servanda knows {FORMAT}")]
    NewerFormat {
        /// Its format.
        found: u32,
    },
    /// Its records lie in a log that this servanda does not know.
    #[error("the ledger's records lie in a store called {name:?}, which is not known here")]
    UnknownStore {
        /// The log's name.
        name: String,
    },
    /// There is a ledger already where one was to be made.
    #[error("{} is a ledger already", .0.display())]
    AlreadyALedger(PathBuf),
    /// There is something where a ledger was to be made.
    #[error("{} is not empty", .0.display())]
    NotEmpty(PathBuf),
    /// It cannot be written to; the log cannot open it even to read.
    #[error("{} cannot be written to: {source}", path.display())]
    ReadOnly {
        /// What cannot be written to.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody else has it open.
    #[error("the ledger is in use by {holder}; gave up after {:.1} s", waited.as_secs_f64())]
    Locked {
        /// Who, as they wrote it: "pid 1234, servanda import, since 2026-01-31T10:00:00Z".
        holder: String,
        /// How long was waited.
        waited: Duration,
    },
    /// The log in it cannot be made or opened.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// An open ledger directory: the log in it, and the lock, which is held as long as this lives.
pub struct Opened {
    // Dropped in this order: nobody else may begin before the log is closed.
    layers: Layers,
    lock: File,
    dir: PathBuf,
    /// The log's name in the marker.
    name: &'static str,
    /// What all readers read from.
    reader: Arc<Current>,
}

/// A reader that goes on when a journal is put before the log.
struct Current(RwLock<Arc<dyn Reader>>);

impl Reader for Current {
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        let reader = Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner));
        reader.read(from, limit)
    }
}

/// What lies before the records.
enum Layers {
    Journalled(Box<Journal<Box<dyn Log>>>),
    /// Nothing, as in format 1. None only while a journal is put before it.
    Bare(Option<Box<dyn Log>>),
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened")
            .field("dir", &self.dir)
            .field("lock", &self.lock)
            .finish_non_exhaustive()
    }
}

impl Opened {
    fn new(layers: Layers, lock: File, dir: &Path, backend: &Backend) -> Self {
        let reader = match &layers {
            Layers::Journalled(journal) => journal.reader(),
            Layers::Bare(log) => log.as_ref().expect(NOT_BETWEEN).reader(),
        };
        Self {
            layers,
            lock,
            dir: dir.to_owned(),
            name: backend.name,
            reader: Arc::new(Current(RwLock::new(reader))),
        }
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Hands everything that the journal holds over to the log.
    ///
    /// # Errors
    /// [`LogError`]. What was not handed over stays in the journal.
    pub fn drain(&mut self) -> Result<(), LogError> {
        match &mut self.layers {
            Layers::Journalled(journal) => journal.drain(),
            Layers::Bare(_) => Ok(()),
        }
    }

    fn log(&self) -> &dyn Log {
        match &self.layers {
            Layers::Journalled(journal) => &**journal,
            Layers::Bare(log) => log.as_ref().expect(NOT_BETWEEN),
        }
    }

    fn store_mut(&mut self) -> &mut dyn Log {
        match &mut self.layers {
            Layers::Journalled(journal) => &mut **journal,
            Layers::Bare(log) => log.as_mut().expect(NOT_BETWEEN),
        }
    }

    /// Puts a journal before the log of a ledger that has none.
    fn begin_journal(&mut self) -> Result<(), LogError> {
        let Layers::Bare(log) = &mut self.layers else {
            return Ok(());
        };
        let path = self.dir.join(JOURNAL);
        let base = log.as_ref().expect(NOT_BETWEEN).head()?;
        Journal::<Box<dyn Log>>::create(&path, base)?;
        let found = Found::open(&path)?;
        write_marker(&self.dir, self.name)
            .map_err(|source| io_error("writing", &self.dir.join(MARKER), source))?;
        let log = log.take().expect(NOT_BETWEEN);
        let journal = Journal::before(log, base, found);
        *self
            .reader
            .0
            .write()
            .unwrap_or_else(PoisonError::into_inner) = journal.reader();
        self.layers = Layers::Journalled(Box::new(journal));
        Ok(())
    }
}

const NOT_BETWEEN: &str = "a store is taken out only to put a journal before it";

impl Log for Opened {
    fn head(&self) -> Result<Head, LogError> {
        self.log().head()
    }
    fn append(&mut self, expected: Head, batch: &[Sealed], head: Head) -> Result<(), AppendError> {
        self.begin_journal()?;
        self.store_mut().append(expected, batch, head)
    }
    fn append_stream(
        &mut self,
        expected: Head,
        source: &mut dyn BatchSource,
    ) -> Result<Head, AppendError> {
        self.begin_journal()?;
        self.store_mut().append_stream(expected, source)
    }
    fn read(&self, from: u64, limit: usize) -> Result<Vec<Stored>, LogError> {
        self.log().read(from, limit)
    }
    fn reader(&self) -> Arc<dyn Reader> {
        Arc::clone(&self.reader) as Arc<dyn Reader>
    }
    fn put_chunks(&mut self, count: u64, pieces: &ChunkSink<'_>) -> Result<(), LogError> {
        self.store_mut().put_chunks(count, pieces)
    }
    fn snapshots(&self) -> Result<Vec<u64>, LogError> {
        self.log().snapshots()
    }
    fn snapshot(&self, count: u64) -> Result<Option<Vec<u8>>, LogError> {
        self.log().snapshot(count)
    }
    fn drop_snapshot(&mut self, count: u64) -> Result<(), LogError> {
        self.store_mut().drop_snapshot(count)
    }
    fn erase(&mut self, records: &[Stored]) -> Result<(), LogError> {
        self.store_mut().erase(records)
    }
    fn compact(&mut self) -> Result<Compaction, LogError> {
        self.store_mut().compact()
    }
}

/// Whether a ledger can be made in a directory; touches nothing.
///
/// # Errors
/// [`DirectoryError`], the one that [`create`] would end with.
pub fn check_can_create(dir: &Path) -> Result<(), DirectoryError> {
    check_is_free(dir, &[])
}

/// Makes a ledger in a directory that does not exist or is empty, and opens it. `who` is written into the
/// lock for others to read: "servanda init".
///
/// # Errors
/// [`DirectoryError`]. What was made before an error stays, and is told as [`DirectoryError::HalfMade`].
pub fn create(dir: &Path, who: &str) -> Result<Opened, DirectoryError> {
    check_is_free(dir, &[])?;
    fs::create_dir_all(dir).map_err(|source| refused("creating", dir, source))?;
    let lock = locked(dir, Duration::ZERO, who)?;
    // Somebody may have begun to make one in the meantime.
    check_is_free(dir, &[LOCK])?;
    let backend = BACKENDS.first().expect("the registry names a store");
    (backend.create)(dir)
        .and_then(|()| Journal::<Box<dyn Log>>::create(&dir.join(JOURNAL), Head::EMPTY))
        .map_err(|error| refused_by_store(dir, error))?;
    write_marker(dir, backend.name)
        .map_err(|source| refused("writing", &dir.join(MARKER), source))?;
    let log = (backend.open)(dir, Instant::now() + Duration::from_secs(2))?;
    let journal = Journal::open(&dir.join(JOURNAL), log)?;
    let layers = Layers::Journalled(Box::new(journal));
    Ok(Opened::new(layers, lock, dir, backend))
}

/// Opens the ledger in a directory, and waits up to `wait` for others to close it. `who` is written into
/// the lock for others to read: "servanda import". A directory that is refused is not touched.
///
/// # Errors
/// [`DirectoryError`]
pub fn open(dir: &Path, wait: Duration, who: &str) -> Result<Opened, DirectoryError> {
    let began = Instant::now();
    let (format, backend) = read_marker(dir)?;
    let lock = locked(dir, wait, who)?;
    let log = (backend.open)(dir, began + wait.max(Duration::from_secs(1)));
    let log = log.map_err(|error| match error {
        LogError::Io { source, .. } if source.kind() == io::ErrorKind::WouldBlock => {
            DirectoryError::Locked {
                holder: "a process that does not use the lock".to_owned(),
                waited: began.elapsed(),
            }
        }
        error => refused_by_store(dir, error),
    })?;
    let layers = if format < JOURNAL_FORMAT {
        Layers::Bare(Some(log))
    } else {
        let journal = Journal::open(&dir.join(JOURNAL), log);
        let journal = journal.map_err(|error| refused_by_store(dir, error))?;
        Layers::Journalled(Box::new(journal))
    };
    Ok(Opened::new(layers, lock, dir, backend))
}

/// The names in a directory, or none if it does not exist.
fn names(dir: &Path) -> Result<Option<Vec<String>>, DirectoryError> {
    let names = fs::read_dir(dir).and_then(|entries| {
        entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    });
    match names {
        Ok(names) => Ok(Some(names)),
        Err(source) => match source.kind() {
            io::ErrorKind::NotFound => Ok(None),
            io::ErrorKind::NotADirectory => Err(DirectoryError::NotADirectory(dir.to_owned())),
            _ => Err(io_error("reading", dir, source).into()),
        },
    }
}

/// Whether a ledger can be made here, where only what is ours may lie already.
fn check_is_free(dir: &Path, ours: &[&str]) -> Result<(), DirectoryError> {
    let names = names(dir)?.unwrap_or_default();
    let others = || names.iter().filter(|name| !ours.contains(&name.as_str()));
    if names.iter().any(|name| name == MARKER) {
        return Err(match read_marker(dir) {
            Err(DirectoryError::NotALedger(dir)) => DirectoryError::NotEmpty(dir),
            _ => DirectoryError::AlreadyALedger(dir.to_owned()),
        });
    }
    if others().next().is_none() {
        Ok(())
    } else if others().all(|name| PARTS.contains(&name.as_str())) {
        Err(DirectoryError::HalfMade(dir.to_owned()))
    } else {
        Err(DirectoryError::NotEmpty(dir.to_owned()))
    }
}

/// The format and the log that the marker names.
fn read_marker(dir: &Path) -> Result<(u32, &'static Backend), DirectoryError> {
    let path = dir.join(MARKER);
    let text = File::open(&path).and_then(|file| {
        let mut text = Vec::new();
        file.take(MARKER_MAX_BYTES).read_to_end(&mut text)?;
        Ok(text)
    });
    match text {
        Ok(text) => parse_marker(dir, &String::from_utf8_lossy(&text)),
        Err(source) => Err(match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => no_marker(dir)?,
            io::ErrorKind::IsADirectory => DirectoryError::NotALedger(dir.to_owned()),
            _ => io_error("reading", &path, source).into(),
        }),
    }
}

/// What a directory without a marker is.
fn no_marker(dir: &Path) -> Result<DirectoryError, DirectoryError> {
    let Some(names) = names(dir)? else {
        return Ok(DirectoryError::NoSuchDirectory(dir.to_owned()));
    };
    let half_made = !names.is_empty() && names.iter().all(|name| PARTS.contains(&name.as_str()));
    Ok(if half_made {
        DirectoryError::HalfMade(dir.to_owned())
    } else {
        DirectoryError::NotALedger(dir.to_owned())
    })
}

fn parse_marker(dir: &Path, text: &str) -> Result<(u32, &'static Backend), DirectoryError> {
    let mut lines = text.lines();
    if lines.next() != Some(MARKER_TITLE) {
        return Err(DirectoryError::NotALedger(dir.to_owned()));
    }
    let damaged = |what: &str| LogError::Damaged {
        what: format!("{}: {what}", dir.join(MARKER).display()),
        resume: None,
    };
    let format = lines.next().and_then(|line| line.strip_prefix("format "));
    let format: u32 = format
        .and_then(|format| format.parse().ok())
        .ok_or_else(|| damaged("its second line is not `format` and a number"))?;
    if format > FORMAT {
        return Err(DirectoryError::NewerFormat { found: format });
    }
    let name = lines
        .next()
        .and_then(|line| line.strip_prefix("store "))
        .ok_or_else(|| damaged("its third line is not `store` and a name"))?;
    let known = BACKENDS.iter().find(|backend| backend.name == name);
    let backend = known.ok_or_else(|| DirectoryError::UnknownStore {
        name: name.to_owned(),
    })?;
    Ok((format, backend))
}

/// Finishes a ledger: everything else in it is on the disk before the marker is.
fn write_marker(dir: &Path, log: &str) -> io::Result<()> {
    let sync = |dir: &Path| File::open(dir).and_then(|dir| dir.sync_all());
    sync(dir)?;
    let draft = dir.join(MARKER_DRAFT);
    let mut file = File::create(&draft)?;
    write!(file, "{MARKER_TITLE}\nformat {FORMAT}\nstore {log}\n")?;
    file.sync_all()?;
    fs::rename(&draft, dir.join(MARKER))?;
    sync(dir)?;
    // The directory's own name. Some systems do not let the parent be opened; then it is as it is.
    if let Some(parent) = dir.canonicalize()?.parent() {
        let _best_effort = sync(parent);
    }
    Ok(())
}

/// The lock's file, locked, with `who` written into it.
fn locked(dir: &Path, wait: Duration, who: &str) -> Result<File, DirectoryError> {
    let path = dir.join(LOCK);
    let began = Instant::now();
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let mut file = options
        .open(&path)
        .map_err(|source| refused("opening", &path, source))?;
    let mut pause = Duration::from_millis(2);
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::Error(source)) => {
                return Err(io_error("locking", &path, source).into());
            }
            Err(TryLockError::WouldBlock) => {}
        }
        let left = wait.saturating_sub(began.elapsed());
        if left.is_zero() {
            return Err(DirectoryError::Locked {
                holder: holder(&path),
                waited: began.elapsed(),
            });
        }
        std::thread::sleep(pause.min(left));
        pause = (pause * 2).min(Duration::from_millis(100));
    }
    let now = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let write = file
        .set_len(0)
        .and_then(|()| writeln!(file, "pid {}, {who}, since {now}", std::process::id()));
    write.map_err(|source| refused("writing", &path, source))?;
    Ok(file)
}

/// What the holder of a lock wrote into it.
fn holder(path: &Path) -> String {
    let mut text = String::new();
    let read =
        File::open(path).and_then(|file| file.take(HOLDER_MAX_BYTES).read_to_string(&mut text));
    let text: String = text.trim().chars().filter(|c| !c.is_control()).collect();
    if read.is_err() || text.is_empty() {
        "a process that did not say who it is".to_owned()
    } else {
        text
    }
}

fn io_error(doing: &str, path: &Path, source: io::Error) -> LogError {
    LogError::Io {
        doing: format!("{doing} {}", path.display()),
        source,
    }
}

/// What a refusal to write means.
fn refused(doing: &str, path: &Path, source: io::Error) -> DirectoryError {
    match source.kind() {
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            DirectoryError::ReadOnly {
                path: path.to_owned(),
                source,
            }
        }
        io::ErrorKind::NotADirectory => DirectoryError::NotADirectory(path.to_owned()),
        _ => io_error(doing, path, source).into(),
    }
}

fn refused_by_store(dir: &Path, error: LogError) -> DirectoryError {
    match error {
        LogError::Io { doing, source } => match refused("", dir, source) {
            DirectoryError::Log(LogError::Io { source, .. }) => {
                LogError::Io { doing, source }.into()
            }
            read_only => read_only,
        },
        damaged => damaged.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use servanda_core::chain::record::Hash;

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

    fn reopened(dir: &Path) -> Result<Opened, DirectoryError> {
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
    fn refusals(dir: &Path) -> (DirectoryError, DirectoryError) {
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
        ledger.append(Head::EMPTY, &batch, head).unwrap();
        drop(ledger);
        let ledger = reopened(&dir).unwrap();
        assert_eq!(ledger.dir(), dir);
        assert_eq!(ledger.head().unwrap(), head);
        assert_eq!(ledger.read(0, 10).unwrap()[0].sealed, batch[0]);
        let marker = fs::read_to_string(dir.join(MARKER)).unwrap();
        assert_eq!(marker, "servanda ledger\nformat 2\nstore sled\n");
    }

    /// As it was made before there were journals.
    #[test]
    fn a_ledger_of_format_1_gets_its_journal_with_the_first_append() {
        let (_scratch, dir) = made();
        fs::remove_file(dir.join(JOURNAL)).unwrap();
        let marker = dir.join(MARKER);
        fs::write(&marker, "servanda ledger\nformat 1\nstore sled\n").unwrap();
        drop(reopened(&dir).unwrap());
        assert!(!dir.join(JOURNAL).exists(), "opening made one");
        let mut ledger = reopened(&dir).unwrap();
        let reader = ledger.reader();
        let head = Head {
            count: 1,
            link: Hash([1; 32]),
        };
        let batch = [Sealed::from(vec![1, 2, 3])];
        ledger.append(Head::EMPTY, &batch, head).unwrap();
        assert_eq!(reader.read(0, 10).unwrap()[0].sealed, batch[0]);
        drop(ledger);
        assert!(fs::read_to_string(&marker).unwrap().contains("format 2"));
        assert_eq!(reopened(&dir).unwrap().head().unwrap(), head);
        // From now on it must be there.
        fs::remove_file(dir.join(JOURNAL)).unwrap();
        let error = reopened(&dir).unwrap_err();
        let damaged = matches!(error, DirectoryError::Log(LogError::Damaged { .. }));
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
            matches!(missing, DirectoryError::NoSuchDirectory(_)),
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
            assert!(matches!(error, DirectoryError::NotADirectory(_)), "{error}");
        }

        fs::create_dir(&dir).unwrap();
        let empty = open(&dir, Duration::ZERO, "a test").unwrap_err();
        assert!(matches!(empty, DirectoryError::NotALedger(_)), "{empty}");
        assert_eq!(contents(&dir), []);

        fs::write(dir.join("letter.txt"), "x").unwrap();
        let (opening, creating) = refusals(&dir);
        assert!(
            matches!(opening, DirectoryError::NotALedger(_)),
            "{opening}"
        );
        assert!(
            matches!(creating, DirectoryError::NotEmpty(_)),
            "{creating}"
        );

        fs::write(dir.join(MARKER), "something else of that name").unwrap();
        let (opening, creating) = refusals(&dir);
        assert!(
            matches!(opening, DirectoryError::NotALedger(_)),
            "{opening}"
        );
        assert!(
            matches!(creating, DirectoryError::NotEmpty(_)),
            "{creating}"
        );
    }

    /// A power cut while a ledger was made: everything may lie there but the marker.
    #[test]
    fn a_half_made_ledger_is_told_as_such() {
        let (_scratch, dir) = made();
        fs::rename(dir.join(MARKER), dir.join(MARKER_DRAFT)).unwrap();
        loop {
            let (opening, creating) = refusals(&dir);
            assert!(matches!(opening, DirectoryError::HalfMade(_)), "{opening}");
            assert!(
                matches!(creating, DirectoryError::HalfMade(_)),
                "{creating}"
            );
            for name in ["reserve", "records", "head", JOURNAL, MARKER_DRAFT] {
                let path = dir.join(name);
                if path.is_dir() {
                    fs::remove_dir_all(&path).unwrap();
                    break;
                } else if path.exists() {
                    fs::remove_file(&path).unwrap();
                    break;
                }
            }
            if contents(&dir).len() == 1 {
                break;
            }
        }
    }

    #[test]
    fn a_ledger_is_not_made_over_another() {
        let (_scratch, dir) = made();
        let before = contents(&dir);
        let error = create(&dir, "a test").unwrap_err();
        assert!(
            matches!(error, DirectoryError::AlreadyALedger(_)),
            "{error}"
        );
        assert_eq!(contents(&dir), before);
    }

    #[test]
    fn newer_formats_and_unknown_stores_are_refused_and_left_alone() {
        let (_scratch, dir) = made();
        let marker = dir.join(MARKER);
        fs::write(&marker, "servanda ledger\nformat 7\nsomething unheard of\n").unwrap();
        let (opening, creating) = refusals(&dir);
        assert!(
            matches!(opening, DirectoryError::NewerFormat { found: 7 }),
            "{opening}"
        );
        assert!(
            matches!(creating, DirectoryError::AlreadyALedger(_)),
            "{creating}"
        );

        fs::write(&marker, "servanda ledger\nformat 1\nstore stone\n").unwrap();
        let (opening, _) = refusals(&dir);
        let named = matches!(&opening, DirectoryError::UnknownStore { name } if name == "stone");
        assert!(named, "{opening}");

        for text in [
            "servanda ledger\n",
            "servanda ledger\nformat x\n",
            "servanda ledger\nformat 1\n",
        ] {
            fs::write(&marker, text).unwrap();
            let (opening, _) = refusals(&dir);
            let damaged = matches!(opening, DirectoryError::Log(LogError::Damaged { .. }));
            assert!(damaged, "{opening}");
        }
    }

    #[test]
    fn who_holds_the_lock_is_told_and_it_goes_with_its_holder() {
        let (_scratch, dir) = made();
        let held = open(&dir, Duration::ZERO, "servanda import").unwrap();
        let wait = Duration::from_millis(50);
        let error = open(&dir, wait, "a test").unwrap_err();
        let DirectoryError::Locked { holder, waited } = &error else {
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
        let damaged = matches!(error, DirectoryError::Log(LogError::Damaged { .. }));
        assert!(damaged, "{error}");
        assert!(!db.exists());
        fs::remove_file(dir.join("head")).unwrap();
        let error = reopened(&dir).unwrap_err();
        assert!(matches!(error, DirectoryError::Log(_)), "{error}");
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
            assert!(matches!(error, DirectoryError::ReadOnly { .. }), "{error}");
        }
        let error = refused("opening", Path::new("db"), ErrorKind::StorageFull.into());
        assert!(matches!(error, DirectoryError::Log(_)), "{error}");
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
        assert!(matches!(error, DirectoryError::ReadOnly { .. }), "{error}");
        fs::set_permissions(&lock, fs::Permissions::from_mode(0o644)).unwrap();
        let db = dir.join("records/db");
        fs::set_permissions(&db, fs::Permissions::from_mode(0o444)).unwrap();
        let error = open(&dir, Duration::ZERO, "a test").unwrap_err();
        assert!(matches!(error, DirectoryError::ReadOnly { .. }), "{error}");
    }
}
