//! What every command needs: the ledger, the global options, and output to the terminal.

use std::cell::Cell;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anstyle::{AnsiColor, Style as Ansi};
use chrono::NaiveDate;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, FromArgMatches};
use serde_json::Value;

use super::defaults;
use super::error::{CliError, Exit};
use super::files;
use super::globals::Globals;
use super::interrupt::{self, Answering};
use super::seen_checkpoints::{SeenCheckpoints, name_of, state_directory};
use crate::desk::names::Names;
use crate::desk::reading::{Desk, Wrong};
use servanda_core::chain::checkpoint::Checkpoint;
use servanda_core::state::State;
use servanda_core::words::{harmless, harmless_json, spelled_out};
use servanda_ledger::Submission;
use servanda_ledger::{Given, Placed, Present, Receipt, StreamError};
use servanda_ledger::{Ledger, LedgerError};
use servanda_log::{Location, Log, Registry, clock};
use servanda_report::render::{FORMATS, Render, Style};
use servanda_report::report::Document;

mod opening;

/// How often the events of an import are appended anew where other writers were first.
pub(super) const AGAIN: u32 = 10;

/// The ledger of a command.
pub type OpenLedger = Ledger<Box<dyn Log>>;

/// The global options, and the ways out to the terminal.
pub struct Session {
    command: String,
    ledger: Option<Location>,
    /// The kinds of logs that a location can name.
    pub registry: Arc<Registry>,
    format: &'static dyn Render,
    /// How long to wait for other processes that have a ledger open.
    pub wait: Duration,
    /// Whether to write data and errors only.
    pub quiet: bool,
    /// Whether to record nothing.
    pub dry_run: bool,
    colour: bool,
    sign_with: Vec<PathBuf>,
    clock_is_right: bool,
    /// Whether ids that differ in upper and lower case only are two.
    pub case_matters: bool,
    /// The checkpoints that this user saw.
    pub seen: SeenCheckpoints,
    /// Whether the user named the ledger on the command line, and must do so again in the next command.
    named: bool,
    /// Builds the whole command line.
    pub command_line: fn() -> clap::Command,
    /// What is wrong with options of the command line, for the command that tells it with what is wrong with fields.
    pub wrong_options: Vec<Wrong>,
    /// The records that this command appended.
    recorded: Cell<Option<Range<u64>>>,
}

impl Session {
    /// Reads the global options.
    pub fn new(
        matches: &ArgMatches,
        command_line: fn() -> clap::Command,
        registry: &Arc<Registry>,
    ) -> Result<Self, clap::Error> {
        let mut options = Globals::from_arg_matches(matches)?;
        with_defaults(&mut options, matches)?;
        let format = FORMATS
            .iter()
            .find(|format| options.format == format.name())
            .unwrap_or(&FORMATS[0]);
        let no_colour =
            options.no_color || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let seen = if options.no_memory {
            SeenCheckpoints::none()
        } else {
            SeenCheckpoints::new(options.ledger.as_ref())
        };
        Ok(Self {
            command: matches.subcommand_name().unwrap_or_default().to_owned(),
            ledger: options.ledger,
            registry: Arc::clone(registry),
            format: *format,
            wait: Duration::from_secs(options.wait),
            quiet: options.quiet,
            dry_run: options.dry_run,
            colour: !no_colour,
            sign_with: options.sign_with,
            clock_is_right: options.clock_is_right,
            case_matters: options.case_matters,
            seen,
            named: matches.value_source("ledger") == Some(ValueSource::CommandLine),
            command_line,
            wrong_options: Vec::new(),
            recorded: Cell::default(),
        })
    }

    /// A session on another ledger.
    pub fn with_ledger(&self, ledger: &Location) -> Self {
        Self {
            command: self.command.clone(),
            ledger: Some(ledger.clone()),
            registry: Arc::clone(&self.registry),
            sign_with: Vec::new(),
            seen: self.seen.of(ledger),
            named: true,
            wrong_options: Vec::new(),
            recorded: Cell::default(),
            ..*self
        }
    }

    /// A session on another ledger, for the commands that `demo` shows.
    pub fn on(&self, ledger: &Path) -> Self {
        Self {
            dry_run: false,
            seen: SeenCheckpoints::none(),
            ..self.with_ledger(&ledger.into())
        }
    }

    /// The same on a ledger at a path, where the user named none.
    pub fn at(&self, ledger: &Path) -> Self {
        let location = self.ledger.clone();
        let location = location.unwrap_or_else(|| Location::from(ledger));
        Self {
            seen: self.seen.of(&location),
            ledger: Some(location),
            dry_run: self.dry_run,
            named: self.named,
            ..self.on(ledger)
        }
    }

    /// Whether the user named keys of recorders to sign with.
    #[cfg(feature = "serve")]
    pub fn has_signing_keys(&self) -> bool {
        !self.sign_with.is_empty()
    }

    /// A command line on the same ledger, ready to be typed.
    pub fn command(&self, words: &str) -> String {
        match &self.ledger {
            Some(ledger) if self.named => {
                let ledger = ledger.to_string();
                let is_plain = |c: char| c.is_alphanumeric() || "/._-:".contains(c);
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

    /// Where the ledger is.
    pub fn location(&self) -> Result<&Location, CliError> {
        let named = self.ledger.as_ref();
        named.filter(|ledger| !ledger.given().is_empty()).ok_or_else(|| {
            CliError::new(Exit::Usage, "which ledger?")
                .hint("give --ledger DIR, set SERVANDA_LEDGER, or go into the ledger's directory")
                .hint("`servanda init --ledger DIR --origin NAME` makes one; `servanda demo` shows one")
        })
    }

    /// The file of this name that belongs to the ledger and is not part of it. It is in the ledger's directory; for
    /// other logs it is in the user's state directory.
    pub fn beside(&self, name: &str) -> Result<PathBuf, CliError> {
        let location = self.location()?;
        let beside = match location.directory() {
            Some(directory) => Some(directory.join(name)),
            None => self.seen.beside(name),
        };
        beside.ok_or_else(|| {
            CliError::refused(format!("{location} has no directory for the file {name}"))
                .hint("leave out --no-memory, so that your state directory is used")
        })
    }

    /// Appends events, answers the user with the receipts, and then keeps the new checkpoint: beside the log for others,
    /// in the user's memory. The events are on the disk by then, so the answer does not wait for these files.
    pub fn append<S: Log, T>(
        &self,
        ledger: &mut Ledger<S>,
        events: Vec<impl Into<Submission>>,
        answer: impl FnOnce(&Ledger<S>, &[Receipt]) -> T,
    ) -> Result<T, LedgerError> {
        let _finishing = Answering::by_finishing();
        let (was_backfill, before) = (ledger.is_backfill(), ledger.head().count);
        let receipts = ledger.append(events)?;
        self.appended(ledger, was_backfill);
        self.note_recorded(ledger, before);
        let answered = answer(ledger, &receipts);
        self.keep_checkpoint(ledger);
        Ok(answered)
    }

    /// Appends the events that `pull` gives, and keeps the new checkpoint.
    pub fn append_stream<S: Log, E>(
        &self,
        ledger: &mut Ledger<S>,
        pull: impl FnMut(&Present<'_>) -> Result<Option<Given>, E>,
    ) -> Result<Placed, StreamError<E>> {
        let (was_backfill, before) = (ledger.is_backfill(), ledger.head().count);
        let placed = ledger.append_stream(pull)?;
        self.appended(ledger, was_backfill);
        self.keep(ledger, before);
        Ok(placed)
    }

    fn appended<S: Log>(&self, ledger: &Ledger<S>, was_backfill: bool) {
        if was_backfill && !ledger.is_backfill() {
            let asserted = ledger.state().asserted();
            let (ended, records) = if self.dry_run {
                ("would end", "would be the machine's")
            } else {
                ("has ended", "are the machine's")
            };
            self.talk(&format!(
                "the backfill {ended} for good: from record {asserted} on, recorded times {records}"
            ));
        }
    }

    /// Notes that a ledger had this many records before the command appended, and keeps the new checkpoint.
    pub fn keep<S: Log>(&self, ledger: &Ledger<S>, before: u64) {
        self.note_recorded(ledger, before);
        self.keep_checkpoint(ledger);
    }

    /// Notes that a ledger had this many records before the command appended.
    fn note_recorded<S: Log>(&self, ledger: &Ledger<S>, before: u64) {
        let recorded = before..ledger.head().count;
        if !self.dry_run && !recorded.is_empty() {
            self.recorded.set(Some(recorded));
            interrupt::note_recorded();
        }
    }

    /// Writes the checkpoint beside the log, and remembers it. The append has succeeded, so a failure is reported and is
    /// no error.
    fn keep_checkpoint<S: Log>(&self, ledger: &Ledger<S>) {
        if self.dry_run {
            return;
        }
        let Ok(checkpoint) = ledger.checkpoint() else {
            return;
        };
        if let Some(dir) = self.ledger.as_ref().and_then(Location::directory) {
            let path = dir.join("checkpoint");
            // Where others may append, they may write the file at the same time.
            let kept = match ledger.log().is_shared() {
                true => files::keep(&path, checkpoint.to_string()),
                false => files::keep_locked(&path, checkpoint.to_string()),
            };
            if let Err(error) = kept {
                self.talk(&error.message);
            }
        }
        self.remember(&checkpoint);
    }

    /// The outcome of a command. A record that was made is never answered with the exit code for a refusal.
    pub fn answer(&self, outcome: Result<Exit, CliError>) -> Result<Exit, CliError> {
        match (outcome, self.recorded.take()) {
            (Err(error), Some(recorded))
                if matches!(error.exit, Exit::Refused | Exit::Unreachable) =>
            {
                let last = recorded.end - 1;
                let what = if recorded.start == last {
                    format!("record {last}")
                } else {
                    format!("records {} to {last}", recorded.start)
                };
                let message = format!("recorded as {what}, but the receipt could not be written");
                let again = self.command(&format!("show {}", recorded.start));
                Err(CliError::new(Exit::Recorded, message)
                    .detail(error.message)
                    .hint(format!("do not record it again: `{again}` shows it")))
            }
            (outcome, _) => outcome,
        }
    }

    /// Where drafts of this user are kept, those for a ledger with this origin apart; none without a state directory.
    pub fn draft_directory(&self, origin: Option<&str>) -> Option<PathBuf> {
        let drafts = state_directory()?.join("drafts");
        match origin {
            Some(origin) => Some(drafts.join(name_of(origin)?)),
            None => Some(drafts),
        }
    }

    /// Whether this command appended records.
    pub fn has_recorded(&self) -> bool {
        let recorded = self.recorded.take();
        let has_recorded = recorded.is_some();
        self.recorded.set(recorded);
        has_recorded
    }

    /// Turns the outcome of writing to stdout into an error. A reader that has left has no receipt.
    fn written(&self, outcome: io::Result<()>) -> Result<(), CliError> {
        match outcome {
            Err(error) if self.has_recorded() => Err(unwritten(&error)),
            outcome => written(outcome),
        }
    }

    /// Remembers a checkpoint. A failure is reported and is no error.
    pub fn remember(&self, checkpoint: &Checkpoint) {
        if !self.dry_run
            && let Err(error) = self.seen.remember(checkpoint)
        {
            self.talk(&format!(
                "the checkpoint is not remembered: {}",
                error.message
            ));
        }
    }

    /// Whether to show progress: stderr is a terminal and the user did not ask for quiet.
    pub fn shows_progress(&self) -> bool {
        io::stderr().is_terminal() && !self.quiet
    }

    /// Whether data is written as tables for people, and not as JSON or CSV for programs.
    pub fn for_people(&self) -> bool {
        self.format.name() == "table"
    }

    /// The format in which answers are written.
    pub fn format(&self) -> &'static dyn Render {
        self.format
    }

    /// Today where the user is: by the zone in `TZ`, or the machine's.
    pub fn today() -> NaiveDate {
        clock::local(SystemTime::now()).date_naive()
    }

    /// The zone of [`Session::today`], for people: its offset from UTC, after its name where `TZ` gives one.
    pub fn zone() -> String {
        let now = clock::local(SystemTime::now());
        let offset = now.offset().to_string();
        match std::env::var("TZ") {
            Ok(name) if !name.is_empty() => format!("{name}, UTC{offset}"),
            _ => format!("UTC{offset}"),
        }
    }

    /// Where this user's texts are read, with the names in a ledger.
    pub fn desk<'s>(&self, state: Option<&'s State>) -> Desk<'s> {
        Desk {
            names: state.map(Names::new),
            today: Self::today(),
            zone: Self::zone(),
        }
    }

    /// Whether questions may be asked in colour.
    pub fn has_colour(&self) -> bool {
        self.colour && io::stderr().is_terminal()
    }

    /// Whether the user can be asked: there is a terminal to ask on, and talk is wanted.
    pub fn asks(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal() && !self.quiet
    }

    /// Checks that the format can hold a document, with or without sections.
    pub fn check_format(&self, has_sections: bool) -> Result<(), CliError> {
        if !has_sections || self.format.holds_sections() {
            return Ok(());
        }
        let message = format!(
            "{} holds one report, and these are several",
            self.format.name()
        );
        Err(CliError::new(Exit::Usage, message)
            .hint("ask for each report by its name, or use another format"))
    }

    /// Writes a document to stdout.
    pub fn show(&self, document: &Document) -> Result<(), CliError> {
        self.check_format(!document.sections.is_empty())?;
        if let Some(hint) = self.format.leaves_out(document) {
            self.hint(hint);
        }
        let out = io::stdout();
        if out.is_terminal() && !self.format.is_text() {
            let name = self.format.name();
            let message = format!("{name} is no text for a terminal");
            return Err(CliError::new(Exit::Usage, message)
                .hint(format!("write it to a file: > report.{name}")));
        }
        let style = Style {
            colour: self.colour && out.is_terminal(),
            width: terminal_width(),
        };
        let mut out = BufWriter::new(out.lock());
        let rendered = self.format.render(document, style, &mut out);
        self.written(rendered.and_then(|()| out.flush()))
    }

    /// Writes a document to stdout, through a pager where that is a terminal.
    pub fn show_long(&self, document: &Document) -> Result<(), CliError> {
        let pager = std::env::var("SERVANDA_PAGER")
            .or_else(|_| std::env::var("PAGER"))
            .unwrap_or_else(|_| "less -FRX".into());
        if !self.for_people() || !io::stdout().is_terminal() || pager.trim().is_empty() {
            return self.show(document);
        }
        let _left_to_it = Answering::by_a_child();
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
            // A reader may leave the pager early.
            let mut input = BufWriter::new(&mut input);
            let _ = self
                .format
                .render(document, style, &mut input)
                .and_then(|()| input.flush());
        }
        // The exit code of a pager says nothing about the report.
        let _ = child.wait();
        Ok(())
    }

    /// Writes a line of data to stdout.
    pub fn say(&self, line: &str) -> Result<(), CliError> {
        self.written(writeln!(io::stdout().lock(), "{}", harmless(line)))
    }

    /// Writes data of several lines to stdout.
    pub fn say_lines(&self, lines: &str) -> Result<(), CliError> {
        let lines = spelled_out(lines.trim_end_matches('\n'), "\n", "\t");
        self.written(writeln!(io::stdout().lock(), "{lines}"))
    }

    /// Writes a line of JSON to stdout.
    pub fn say_json(&self, json: &Value) -> Result<(), CliError> {
        let json = json.to_string();
        self.written(writeln!(io::stdout().lock(), "{}", harmless_json(&json)))
    }

    /// Writes a line of talk to stderr, unless the user asked for quiet.
    pub fn talk(&self, line: &str) {
        if !self.quiet {
            // Failing to write talk is no error.
            let _ = writeln!(io::stderr().lock(), "{}", harmless(line));
        }
    }

    /// Writes a hint to stderr, unless the user asked for quiet.
    pub fn hint(&self, hint: &str) {
        if !self.quiet {
            let _ = write!(io::stderr().lock(), "{}", self.hint_text(hint));
        }
    }

    /// Writes an error and its hints to stderr.
    pub fn report_error(&self, error: &CliError) {
        // No output is left to report that stderr is gone.
        let _ = write!(io::stderr().lock(), "{}", self.error_text(error));
    }

    /// The lines of an error and its hints.
    pub fn error_text(&self, error: &CliError) -> String {
        let red = Ansi::new().fg_color(Some(AnsiColor::Red.into())).bold();
        let label = self.paint("error:", red);
        let mut text = format!("{label} {}\n", harmless(&error.to_string()));
        for detail in &error.details {
            text += &format!("  {}\n", harmless(detail));
        }
        if !self.quiet {
            text.extend(error.hints.iter().map(|hint| self.hint_text(hint)));
        }
        text
    }

    fn hint_text(&self, hint: &str) -> String {
        let label = self.paint("hint:", Ansi::new().fg_color(Some(AnsiColor::Cyan.into())));
        format!("{label} {}\n", harmless(hint))
    }

    fn paint(&self, text: &str, style: Ansi) -> String {
        if self.colour && io::stderr().is_terminal() {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
}

/// Fills in what the working directory says, where the command line and the environment say nothing.
fn with_defaults(options: &mut Globals, matches: &ArgMatches) -> Result<(), clap::Error> {
    let Ok(here) = std::env::current_dir() else {
        return Ok(());
    };
    let wrong = |message: String| clap::Error::raw(ErrorKind::InvalidValue, message + "\n");
    let found = defaults::find(&here).map_err(|error| {
        let hints = error.hints.iter().map(|hint| format!("\n  {hint}"));
        wrong(error.message.clone() + &hints.collect::<String>())
    })?;
    options.ledger = options.ledger.take().or(found.ledger);
    if options.sign_with.is_empty() {
        options.sign_with = found.sign_with;
    }
    let is_given = matches.value_source("format") == Some(ValueSource::CommandLine);
    if let Some(format) = found.format.filter(|_| !is_given) {
        if !FORMATS.iter().any(|known| known.name() == format) {
            return Err(wrong(format!(
                "{}: there is no format {format}",
                defaults::FILE
            )));
        }
        options.format = format;
    }
    Ok(())
}

/// Turns the outcome of writing to stdout into an error. A reader that has left, as in `servanda log | head`, is none.
pub fn written(outcome: io::Result<()>) -> Result<(), CliError> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(unwritten(&error)),
        Ok(()) => Ok(()),
    }
}

fn unwritten(error: &io::Error) -> CliError {
    CliError::refused(format!("cannot write the output: {error}"))
}

fn terminal_width() -> Option<u16> {
    let columns = std::env::var("COLUMNS")
        .ok()
        .and_then(|text| text.parse().ok());
    columns.or_else(|| terminal_size::terminal_size().map(|(width, _)| width.0))
}
