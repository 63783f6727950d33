//! Feeds a ledger: lines on their way into it, read and checked side by side, all or none.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use super::error::{CliError, Exit, advice};
use super::interrupt::Interrupt;
use super::progress::Intake;
use super::session::Session;
use servanda_core::ndjson::{Line, LineError, ParsedLine, ReferenceResolver};
use servanda_core::value::id::Seq;
use servanda_core::value::when::Instant;
use servanda_core::words::plural;
use servanda_ledger::Submission;
use servanda_ledger::{Given, LISTED, Placed, Present, StreamError};
use servanda_ledger::{Ledger, LedgerError, Refusal};
use servanda_log::{Log, LogError};

/// A line, or everything that is wrong with it.
pub(super) type Read = Result<Line, Vec<LineError>>;

/// Lines that go from hand to hand at once.
const HANDFUL: usize = 512;

/// Handfuls that wait to be checked.
const WAITING: usize = 4;

/// How long to wait for a line before looking whether the user wants to stop.
const PATIENCE: Duration = Duration::from_millis(100);

/// Reads lines ahead, on a thread of its own. It ends where the interrupt is set.
pub(super) struct Ahead {
    handfuls: Receiver<Vec<Read>>,
    handful: std::vec::IntoIter<Read>,
    interrupt: Interrupt,
}

impl Ahead {
    /// Reads these lines. The thread is not waited for: it may hang on an input that nobody writes to.
    pub fn new(
        mut lines: impl Iterator<Item = Read> + Send + 'static,
        interrupt: &Interrupt,
    ) -> Result<Self, CliError> {
        let (sender, handfuls) = sync_channel(WAITING);
        let thread = std::thread::Builder::new().spawn(move || {
            loop {
                let handful: Vec<Read> = lines.by_ref().take(HANDFUL).collect();
                // Nobody takes them any more where something is wrong.
                if handful.is_empty() || sender.send(handful).is_err() {
                    break;
                }
            }
        });
        thread.map_err(|error| {
            CliError::refused(format!(
                "cannot start a thread: {error}; nothing was appended"
            ))
        })?;
        Ok(Self {
            handfuls,
            handful: Vec::new().into_iter(),
            interrupt: interrupt.clone(),
        })
    }
}

impl Iterator for Ahead {
    type Item = Read;

    fn next(&mut self) -> Option<Read> {
        loop {
            if let Some(line) = self.handful.next() {
                return Some(line);
            }
            if self.interrupt.is_set() {
                return None;
            }
            match self.handfuls.recv_timeout(PATIENCE) {
                Ok(handful) => self.handful = handful.into_iter(),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }
}

/// What became of lines.
#[derive(Debug, Default)]
pub(super) struct Fed {
    /// Where their events went.
    pub placed: Placed,
    /// How many lines there were.
    pub lines: usize,
    /// Those of them that belong to another ledger.
    pub passed_over: usize,
    /// Whether any of the others has an import key.
    pub keyed: bool,
}

/// How lines are fed.
pub(super) struct Feed<'a> {
    /// What they are read from, for messages.
    pub name: &'a str,
    /// The recorded time that is asserted for lines that assert none.
    pub recorded_at: Option<Instant>,
    /// What the user sees meanwhile.
    pub progress: Intake,
    /// Whether the user wants to stop.
    pub interrupt: Interrupt,
}

impl Feed<'_> {
    /// Appends the events of lines, all or none. [`refused`] words what goes wrong.
    pub fn append<S: Log>(
        self,
        session: &Session,
        ledger: &mut Ledger<S>,
        lines: impl Iterator<Item = Read>,
    ) -> Result<Fed, StreamError<CliError>> {
        let mut source = Source {
            lines,
            resolver: ReferenceResolver::default(),
            asserted: Asserted {
                is_backfill: ledger.is_backfill(),
                given: self.recorded_at,
                ..Asserted::default()
            },
            wrong: Wrong::default(),
            fed: Fed::default(),
            feed: &self,
        };
        let appended = session.append_stream(ledger, |present| source.next(present));
        self.progress.end();
        let mut fed = source.fed;
        fed.placed = appended?;
        Ok(fed)
    }
}

/// Gives a ledger the events of lines.
struct Source<'a, L> {
    lines: L,
    resolver: ReferenceResolver,
    asserted: Asserted,
    wrong: Wrong,
    fed: Fed,
    feed: &'a Feed<'a>,
}

impl<L: Iterator<Item = Read>> Source<'_, L> {
    /// The next event. Where a line is wrong, the rest is read too, for whoever mends a file wants to know all of it.
    fn next(&mut self, present: &Present<'_>) -> Result<Option<Given>, CliError> {
        loop {
            let read = self.line()?;
            let line = match read {
                None => return Ok(None),
                Some(Ok(line)) => line,
                Some(Err(errors)) => {
                    self.resolver.be_lenient();
                    self.wrong.add(errors);
                    return Err(self.all_wrong(present));
                }
            };
            if matches!(line.parsed, ParsedLine::OfItsLedger) {
                self.fed.passed_over += 1;
                continue;
            }
            let place = line.number;
            let recorded_elsewhere = line.seq.is_some();
            let recorded_at = self.asserted.time(&line);
            let recorded_at = recorded_at.map_err(|without| unasserted(self.feed.name, without))?;
            self.fed.keyed |= line.key().is_some();
            let keyed = |key: &str| present.keyed(key);
            return match self.resolver.event(line, keyed, present.next()) {
                Ok(event) => Ok(Some(Given {
                    place,
                    submission: Submission {
                        event,
                        recorded_at,
                        recorded_elsewhere,
                    },
                    if_irregular: None,
                })),
                Err(errors) => {
                    self.wrong.add(errors);
                    Err(self.all_wrong(present))
                }
            };
        }
    }

    /// The next line.
    fn line(&mut self) -> Result<Option<Read>, CliError> {
        let line = self.lines.next();
        if self.feed.interrupt.is_set() {
            let message = format!("{}: interrupted; nothing was appended", self.feed.name);
            return Err(CliError::new(Exit::Interrupted, message));
        }
        if line.is_some() {
            self.fed.lines += 1;
            self.feed.progress.lines(self.fed.lines);
        }
        Ok(line)
    }

    /// Everything that is wrong with this line and those after it. None of them goes to the ledger any more, so it is
    /// noted here where they would have gone.
    fn all_wrong(&mut self, present: &Present<'_>) -> CliError {
        let mut next = present.next().0 + 1;
        let mut keys: HashMap<String, Seq> = HashMap::new();
        loop {
            let line = match self.line() {
                Err(interrupted) => return interrupted,
                Ok(None) => break,
                Ok(Some(Ok(line))) => line,
                Ok(Some(Err(errors))) => {
                    self.resolver.be_lenient();
                    self.wrong.add(errors);
                    continue;
                }
            };
            if matches!(line.parsed, ParsedLine::OfItsLedger) {
                continue;
            }
            let key = line.key().map(str::to_owned);
            let keyed = |key: &str| present.keyed(key).or_else(|| keys.get(key).copied());
            let is_new = key.as_deref().and_then(keyed).is_none();
            let outcome = self.resolver.event(line, keyed, Seq(next));
            if is_new {
                keys.extend(key.map(|key| (key, Seq(next))));
                next += 1;
            }
            if let Err(errors) = outcome {
                self.wrong.add(errors);
            }
        }
        std::mem::take(&mut self.wrong).error(self.feed.name)
    }
}

/// Which recorded times lines assert.
#[derive(Default)]
struct Asserted {
    is_backfill: bool,
    given: Option<Instant>,
    any: bool,
    /// The first line that asserts none.
    without: Option<usize>,
}

impl Asserted {
    /// The time that a line asserts: its own in a backfill, or the one given for lines without. Gives back the first
    /// line that has none where others do.
    fn time(&mut self, line: &Line) -> Result<Option<Instant>, usize> {
        let asserted = match self.given {
            None => line.recorded_at.filter(|_| self.is_backfill),
            given => line.recorded_at.or(given),
        };
        match asserted {
            Some(_) => self.any = true,
            None => _ = self.without.get_or_insert(line.number),
        }
        match self.without {
            Some(without) if self.any => Err(without),
            _ => Ok(asserted),
        }
    }
}

fn unasserted(name: &str, line: usize) -> CliError {
    CliError::refused(format!(
        "{name}: line {line} has no recorded_at, as others have; nothing was appended"
    ))
    .hint("assert one for those lines with --recorded-at TIME, or import them after the others: that ends the backfill")
}

/// What is wrong with lines: the first errors, and how many there are.
#[derive(Default)]
struct Wrong {
    first: Vec<LineError>,
    count: usize,
}

impl Wrong {
    fn add(&mut self, errors: Vec<LineError>) {
        self.count += errors.len();
        let room = LISTED - self.first.len();
        self.first.extend(errors.into_iter().take(room));
    }

    fn error(self, name: &str) -> CliError {
        let errors = plural(self.count, "error");
        let texts = self.first.iter().map(ToString::to_string);
        listed(
            format!("{name}: {errors}; nothing was appended"),
            texts.collect(),
            self.count,
        )
    }
}

/// A refusal told by line.
pub(super) fn refused(error: StreamError<CliError>, name: &str) -> CliError {
    match error {
        StreamError::Source(error) => error,
        StreamError::Ledger(
            ref refused @ LedgerError::Refused {
                listed: ref refusals,
                count,
                ..
            },
        ) => {
            let message = format!("{name}: {refused}; nothing was appended");
            let waivable = refusals
                .iter()
                .any(|refusal| refusal.rejection.rule.is_waivable());
            let texts = refusals
                .iter()
                .map(|refusal| format!("line {}: {}", refusal.index, why(refusal)));
            let error = listed(message, texts.collect(), count)
                .hint("a refused line may be why later lines that build on it are refused");
            if waivable {
                error.hint("an event that was reported although it breaks a rule takes \"irregular\": \"REASON\"")
            } else {
                error
            }
        }
        StreamError::Ledger(LedgerError::AssertedTime { index, source }) => {
            let mut error = CliError::asserted_time(source);
            error.message = format!("{name}: line {index}: {}", error.message);
            error
        }
        StreamError::Ledger(
            error @ LedgerError::Log(LogError::Io { .. } | LogError::Unreachable { .. }),
        ) => {
            let mut error = CliError::from(error);
            error.message = format!(
                "{name}: nothing was appended, and the ledger is as it was: {}",
                error.message
            );
            error
        }
        StreamError::Ledger(error) => error.into(),
    }
}

/// Why an event is refused, what would be allowed, and how many events were refused with it.
pub(super) fn why(refusal: &Refusal) -> String {
    let rejection = &refusal.rejection;
    let mut why = rejection.to_string();
    if !rejection.allowed.is_empty() {
        let words: Vec<_> = rejection.allowed.iter().map(advice).collect();
        why.push_str(&format!("; allowed: {}", words.join(", ")));
    }
    if refusal.dependents > 0 {
        let events = plural(refusal.dependents, "event");
        let words = match refusal.dependents {
            1 => "that names it is",
            _ => "that name it are",
        };
        why.push_str(&format!("; {events} {words} refused with it"));
    }
    why
}

fn listed(message: String, details: Vec<String>, count: usize) -> CliError {
    let more = count - details.len();
    let mut error = CliError::refused(message);
    error.details = details;
    if more > 0 {
        error = error.detail(format!("... and {more} more"));
    }
    error
}
