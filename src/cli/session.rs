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
use crate::chain::record::Head;
use crate::ledger::{Ledger, Machine};
use crate::render::{FORMATS, Render, Style};
use crate::report::Document;
use crate::store::rehearsal::Rehearsal;
use crate::store::{Store, directory};

/// The ledger of a command.
pub type OpenLedger = Ledger<Box<dyn Store>>;

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
    pub fn open_store(&self) -> Result<Box<dyn Store>, CliError> {
        let store = self.open_unfinished()?;
        if store.head()? == Head::EMPTY {
            let dir = self.directory()?.display();
            let message = format!(
                "{dir} holds no record, not even the first: making the ledger was broken off"
            );
            return Err(CliError::new(Exit::NoLedger, message).hint(format!(
                "`servanda init --ledger {dir} --origin NAME` goes on with it"
            )));
        }
        Ok(store)
    }

    /// Opens the ledger's store, which may lack even the first record.
    pub fn open_unfinished(&self) -> Result<Box<dyn Store>, CliError> {
        Ok(Box::new(directory::open(
            self.directory()?,
            self.wait,
            &self.holder(),
        )?))
    }

    /// Opens the ledger. With `--dry-run` nothing that is appended to it stays.
    pub fn open(&self) -> Result<OpenLedger, CliError> {
        let store = self.open_store()?;
        let store: Box<dyn Store> = if self.dry_run {
            Box::new(Rehearsal::new(store))
        } else {
            store
        };
        Ok(Ledger::open(store, Machine)?)
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
