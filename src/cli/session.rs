//! What every command needs: where the ledger is, how to print, how long to wait.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anstyle::{AnsiColor, Style as Ansi};
use chrono::{Local, NaiveDate, Utc};
use clap::ArgMatches;
use clap::parser::ValueSource;

use super::error::{CliError, Exit};
use super::keys::read_signing_key;
use super::memory;
use super::progress::Waiting;
use servanda_core::chain::checkpoint::Checkpoint;
use servanda_core::chain::record::Head;
use servanda_ledger::anchor::{self, Anchoring};
use servanda_ledger::append::Receipt;
use servanda_ledger::backfill::Submission;
use servanda_ledger::stream::{Given, Present, StreamError, Streamed};
use servanda_ledger::{Ledger, LedgerError, Machine};
use servanda_log::dry_run::DryRunLog;
use servanda_log::{Log, directory};
use servanda_report::render::{FORMATS, Render, Style};
use servanda_report::report::Document;

/// The ledger of a command.
pub type OpenLedger = Ledger<Box<dyn Log>>;

/// The options that hold for every command, and the ways out to the terminal.
pub struct Session {
    command: String,
    ledger: Option<PathBuf>,
    format: &'static dyn Render,
    wait: Duration,
    /// Whether to write data and errors only.
    pub quiet: bool,
    /// Whether to record nothing.
    pub dry_run: bool,
    colour: bool,
    sign_with: Vec<PathBuf>,
    remembers: bool,
    /// Whether the user named the ledger on the command line, and would have to do so again.
    named: bool,
}

impl Session {
    /// Reads the global options.
    pub fn new(matches: &ArgMatches) -> Self {
        let name = matches.get_one::<String>("format");
        let format = FORMATS
            .iter()
            .find(|format| name.is_some_and(|name| name == format.name()))
            .unwrap_or(&FORMATS[0]);
        let no_colour = matches.get_flag("no-color")
            || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            command: matches.subcommand_name().unwrap_or_default().to_owned(),
            ledger: matches.get_one::<PathBuf>("ledger").cloned(),
            format: *format,
            wait: Duration::from_secs(*matches.get_one("wait").unwrap_or(&10)),
            quiet: matches.get_flag("quiet"),
            dry_run: matches.get_flag("dry-run"),
            colour: !no_colour,
            sign_with: matches
                .get_many::<PathBuf>("sign-with")
                .map(|paths| paths.cloned().collect())
                .unwrap_or_default(),
            remembers: !matches.get_flag("no-memory"),
            named: matches.value_source("ledger") == Some(ValueSource::CommandLine),
        }
    }

    /// A session on another ledger, for the commands that `demo` shows.
    pub fn on(&self, ledger: &Path) -> Self {
        Self {
            command: self.command.clone(),
            ledger: Some(ledger.to_owned()),
            format: self.format,
            wait: self.wait,
            quiet: self.quiet,
            dry_run: false,
            colour: self.colour,
            sign_with: Vec::new(),
            remembers: false,
            named: true,
        }
    }

    /// A command on the same ledger, to be typed as it stands.
    pub fn command(&self, words: &str) -> String {
        match &self.ledger {
            Some(ledger) if self.named => {
                let ledger = ledger.display().to_string();
                let is_plain = |c: char| c.is_alphanumeric() || "/._-".contains(c);
                let ledger = if ledger.chars().all(is_plain) {
                    ledger
                } else {
                    format!("'{}'", ledger.replace('\'', r"'\''"))
                };
                format!("servanda {words} --ledger {ledger}")
            }
            _ => format!("servanda {words}"),
        }
    }

    /// The ledger's directory.
    pub fn directory(&self) -> Result<&Path, CliError> {
        self.ledger.as_deref().ok_or_else(|| {
            CliError::new(Exit::Usage, "which ledger?")
                .hint("give --ledger DIR, or set SERVANDA_LEDGER")
                .hint("`servanda init --ledger DIR --origin NAME` makes one; `servanda demo` shows one")
        })
    }

    /// How this process shows up to another that waits for the ledger.
    fn holder(&self) -> String {
        format!("servanda {}", self.command)
    }

    /// Opens the ledger's store, without replaying it.
    pub fn open_store(&self) -> Result<Box<dyn Log>, CliError> {
        let log = self.open_unfinished()?;
        if log.head()? == Head::EMPTY {
            let dir = self.directory()?.display();
            let message = format!(
                "{dir} holds no record, not even the first: making the ledger was broken off"
            );
            return Err(CliError::new(Exit::NoLedger, message).hint(format!(
                "`servanda init --ledger {dir} --origin NAME` goes on with it"
            )));
        }
        Ok(log)
    }

    /// Opens the ledger's store, which may lack even the first record.
    pub fn open_unfinished(&self) -> Result<Box<dyn Log>, CliError> {
        Ok(Box::new(directory::open(
            self.directory()?,
            self.wait,
            &self.holder(),
        )?))
    }

    /// Opens the ledger, and compares it with the newest checkpoint that this user saw of it. With `--dry-run`
    /// nothing that is appended to it stays.
    pub fn open(&self) -> Result<OpenLedger, CliError> {
        let log = self.open_store()?;
        let log: Box<dyn Log> = if self.dry_run {
            Box::new(DryRunLog::new(log)?)
        } else {
            log
        };
        let keys = self
            .sign_with
            .iter()
            .map(|path| read_signing_key(path))
            .collect::<Result<_, _>>()?;
        let waiting = Waiting::new(self, "reading the history");
        let ledger = Ledger::open(log, Machine)?.signing_with(keys);
        drop(waiting);
        let present = ledger.checkpoint()?;
        if let Some((origin, path)) = self.other_origin_here(&present)? {
            let message = format!(
                "this directory held the ledger {origin} when it was seen last, and now {}",
                present.origin()
            );
            return Err(CliError::new(Exit::Broken, message).hint(format!(
                "if another ledger was put here on purpose, remove {}",
                path.display()
            )));
        }
        if let Some(seen) = self.compare_with_memory(&ledger, &present)? {
            return Err(seen.error());
        }
        self.remember(&present);
        Ok(ledger)
    }

    /// Appends events, and keeps the new checkpoint: beside the log for others, in the user's memory.
    pub fn append<S: Log>(
        &self,
        ledger: &mut Ledger<S>,
        events: Vec<impl Into<Submission>>,
    ) -> Result<Vec<Receipt>, LedgerError> {
        let was_backfill = ledger.is_backfill();
        let receipts = ledger.append_claimed(events.into_iter().map(Into::into).collect())?;
        self.appended(ledger, was_backfill);
        Ok(receipts)
    }

    /// As [`Session::append`], the events that `pull` gives.
    pub fn append_stream<S: Log, E>(
        &self,
        ledger: &mut Ledger<S>,
        pull: impl FnMut(&Present<'_>) -> Result<Option<Given>, E>,
    ) -> Result<Streamed, StreamError<E>> {
        let was_backfill = ledger.is_backfill();
        let streamed = ledger.append_stream(pull)?;
        self.appended(ledger, was_backfill);
        Ok(streamed)
    }

    fn appended<S: Log>(&self, ledger: &Ledger<S>, was_backfill: bool) {
        if was_backfill && !ledger.is_backfill() {
            let claimed = ledger.state().claimed();
            let (ended, records) = if self.dry_run {
                ("would end", "would be the machine's")
            } else {
                ("has ended", "are the machine's")
            };
            self.talk(&format!(
                "the backfill {ended} for good: from record {claimed} on, recorded times {records}"
            ));
        }
        self.keep_checkpoint(ledger);
    }

    /// Writes the checkpoint beside the log, and remembers it. What was appended is there in any case, so a
    /// failure is told and is no error.
    pub fn keep_checkpoint<S: Log>(&self, ledger: &Ledger<S>) {
        if self.dry_run {
            return;
        }
        let Ok(checkpoint) = ledger.checkpoint() else {
            return;
        };
        if let Some(dir) = &self.ledger {
            let path = dir.join("checkpoint");
            if let Err(error) = memory::write_whole(&path, checkpoint.to_string()) {
                self.talk(&format!("cannot write {}: {error}", path.display()));
            }
        }
        self.remember(&checkpoint);
    }

    /// Where a ledger no longer leads through what this user saw of it: the evidence.
    fn compare_with_memory(
        &self,
        ledger: &OpenLedger,
        present: &Checkpoint,
    ) -> Result<Option<Mismatch>, CliError> {
        let Some(path) = self.memory_of(present.origin()) else {
            return Ok(None);
        };
        let Some(seen) = memory::recall(&path).map_err(CliError::refused)? else {
            return Ok(None);
        };
        Ok(match anchor::compare(&ledger.hashes(), present, &seen)? {
            Anchoring::Holds => None,
            anchoring => Some(Mismatch {
                anchoring,
                seen,
                present: present.clone(),
                path,
            }),
        })
    }

    /// The name of the ledger that this user saw in this directory, if it is another now, and where it is
    /// remembered.
    pub fn other_origin_here(
        &self,
        present: &Checkpoint,
    ) -> Result<Option<(String, PathBuf)>, CliError> {
        let Some(path) = self.memory_of_directory() else {
            return Ok(None);
        };
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                let seen = text.lines().next().unwrap_or_default();
                Ok((seen != present.origin()).then(|| (seen.to_owned(), path)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(CliError::file("read", &path, &error)),
        }
    }

    /// Where it is remembered which ledger lies in the directory, if it is.
    fn memory_of_directory(&self) -> Option<PathBuf> {
        let dir = self.ledger.as_deref().filter(|_| self.remembers)?;
        memory::place_of_directory(dir)
    }

    /// Where the newest checkpoint of an origin is remembered, if it is.
    pub fn memory_of(&self, origin: &str) -> Option<PathBuf> {
        memory::place(origin).filter(|_| self.remembers)
    }

    /// Remembers a checkpoint. To remember nothing is no error, but worth a word.
    pub fn remember(&self, checkpoint: &Checkpoint) {
        let Some(path) = self
            .memory_of(checkpoint.origin())
            .filter(|_| !self.dry_run)
        else {
            return;
        };
        let mut places = vec![(path, checkpoint.to_string())];
        if let Some(path) = self.memory_of_directory() {
            places.push((path, format!("{}\n", checkpoint.origin())));
        }
        for (path, text) in places {
            if std::fs::read_to_string(&path).is_ok_and(|known| known == text) {
                continue;
            }
            if let Err(error) = memory::write_whole(&path, &text) {
                self.talk(&format!(
                    "cannot remember the checkpoint in {}: {error}",
                    path.display()
                ));
            }
        }
    }

    /// Whether data goes to the user as tables, and not as JSON or CSV to a program.
    pub fn for_people(&self) -> bool {
        self.format.name() == "table"
    }

    /// The day that counts as today: the later of here and in UTC, so that what was recorded just now is
    /// never in the future.
    pub fn today() -> NaiveDate {
        Local::now().date_naive().max(Utc::now().date_naive())
    }

    /// Writes a document to stdout.
    pub fn show(&self, document: &Document) -> Result<(), CliError> {
        if !document.sections.is_empty() && !self.format.holds_sections() {
            let name = self.format.name();
            return Err(CliError::new(
                Exit::Usage,
                format!("{name} has room for one report, and this is several"),
            )
            .hint("ask for each by its name, or in another format"));
        }
        if let Some(hint) = self.format.leaves_out(document) {
            self.hint(hint);
        }
        let out = io::stdout();
        let style = Style {
            colour: self.colour && out.is_terminal(),
            width: terminal_width(),
        };
        written(self.format.render(document, style, &mut out.lock()))
    }

    /// Writes a document to stdout, through a pager where that is a terminal.
    pub fn show_long(&self, document: &Document) -> Result<(), CliError> {
        let pager = std::env::var("SERVANDA_PAGER")
            .or_else(|_| std::env::var("PAGER"))
            .unwrap_or_else(|_| "less -FRX".into());
        if !self.for_people() || !io::stdout().is_terminal() || pager.trim().is_empty() {
            return self.show(document);
        }
        let child = Command::new("sh")
            .args(["-c", &pager])
            .stdin(Stdio::piped())
            .spawn();
        let Ok(mut child) = child else {
            return self.show(document);
        };
        if let Some(mut input) = child.stdin.take() {
            let style = Style {
                colour: self.colour,
                width: terminal_width(),
            };
            // A reader who leaves the pager early has seen enough.
            let _ = self.format.render(document, style, &mut input);
        }
        // Its exit code says how the reader left it.
        let _ = child.wait();
        Ok(())
    }

    /// Writes a line of data to stdout.
    pub fn say(&self, line: &str) -> Result<(), CliError> {
        written(writeln!(io::stdout().lock(), "{line}"))
    }

    /// Writes a line of talk to stderr, unless the user wants none.
    pub fn talk(&self, line: &str) {
        if !self.quiet {
            // Talk that nobody can hear is no error.
            let _ = writeln!(io::stderr().lock(), "{line}");
        }
    }

    /// Writes a hint to stderr, unless the user wants none.
    pub fn hint(&self, hint: &str) {
        let label = self.paint("hint:", Ansi::new().fg_color(Some(AnsiColor::Cyan.into())));
        self.talk(&format!("{label} {hint}"));
    }

    /// Writes an error and its hints to stderr.
    pub fn report_error(&self, error: &CliError) {
        let red = Ansi::new().fg_color(Some(AnsiColor::Red.into())).bold();
        let mut err = io::stderr().lock();
        // Nowhere is left to say that stderr is gone.
        let _ = writeln!(err, "{} {error}", self.paint("error:", red));
        for detail in &error.details {
            let _ = writeln!(err, "  {detail}");
        }
        drop(err);
        for hint in &error.hints {
            self.hint(hint);
        }
    }

    fn paint(&self, text: &str, style: Ansi) -> String {
        if self.colour && io::stderr().is_terminal() {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
}

/// A ledger that does not lead through a checkpoint that was seen of it.
pub struct Mismatch {
    /// How it does not.
    pub anchoring: Anchoring,
    /// What was seen.
    pub seen: Checkpoint,
    /// What is there now.
    pub present: Checkpoint,
    /// Where it was remembered.
    pub path: PathBuf,
}

impl Mismatch {
    /// What happened, in a sentence.
    pub fn message(&self) -> String {
        match self.anchoring {
            Anchoring::Shorter => format!(
                "the ledger has {} records, and had {} when it was seen last: its tail was cut, or it is an older copy",
                self.present.size(),
                self.seen.size()
            ),
            _ => format!(
                "the first {} records are not those that were seen last: the history was rewritten",
                self.seen.size()
            ),
        }
    }

    /// The error, with both checkpoints as evidence.
    pub fn error(&self) -> CliError {
        let on_one_line =
            |checkpoint: &Checkpoint| checkpoint.to_string().trim_end().replace('\n', " ");
        CliError::new(Exit::Broken, self.message())
            .detail(format!("seen: {}", on_one_line(&self.seen)))
            .detail(format!("now:  {}", on_one_line(&self.present)))
            .hint(format!(
                "the checkpoint that was seen is in {}; keep it as evidence",
                self.path.display()
            ))
            .hint("to look at another copy all the same: --no-memory")
    }
}

/// Turns the outcome of writing to stdout into an error, but for a reader who left: `servanda log | head`.
pub fn written(outcome: io::Result<()>) -> Result<(), CliError> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(CliError::refused(format!(
            "cannot write the output: {error}"
        ))),
        Ok(()) => Ok(()),
    }
}

fn terminal_width() -> Option<u16> {
    let columns = std::env::var("COLUMNS")
        .ok()
        .and_then(|text| text.parse().ok());
    columns.or_else(|| terminal_size::terminal_size().map(|(width, _)| width.0))
}
