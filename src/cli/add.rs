//! `add`: asks for events and records them together. `record` does so too, where something is missing.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::SystemTime;

use chrono::{DateTime, Local};

use super::command::{Command, Run};
use super::error::{CliError, Exit};
use super::offer;
use super::receipt;
use super::session::{OpenLedger, Session};
use super::terminal::{LastWords, Terminal};
use super::typed::text_of;
use crate::desk::ask::resume::{Left, resumed};
use crate::desk::ask::{Desktop, Form, Prompt as _, Setting, Stop};
use crate::desk::draft::{Draft, InUse};
use servanda_core::event::Event;
use servanda_core::ranges::CHUNK;
use servanda_core::state::State;
use servanda_core::value::when::Instant;
use servanda_ledger::{Environment as _, Ledger, Machine, Submission};
use servanda_log::Log;
use servanda_log::memory::MemoryLog;

pub(super) const COMMAND: Command = Command::of::<Add>();

/// The ending of the names of drafts.
const ENDING: &str = ".ndjson";

/// The variable that names the recorder.
pub const RECORDER: &str = "SERVANDA_RECORDER";

/// Record events by answering questions
#[derive(clap::Parser)]
#[command(
    name = "add",
    after_help = "It asks what happened, offers what the ledger knows by name and the moves that are allowed now, and \
shows what would be recorded. Nothing is recorded before you say so; then one event, or several together. Ctrl-C \
stops: what was typed is kept in a draft, which is offered when asking begins again.

`servanda record KIND` asks in the same way for what is missing, where there is a terminal.

Examples:
  servanda add
  servanda add --file DRAFT"
)]
struct Add {
    /// Go on with a draft that was kept
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Assert that it was recorded then; only in a ledger made with `init --backfill`
    #[arg(long, value_name = "DATE|TIME", value_parser = Instant::beginning)]
    recorded_at: Option<Instant>,
}

impl Run for Add {
    fn run(self, session: &Session) -> Result<Exit, CliError> {
        if !session.asks() {
            let message = "add asks on a terminal, and there is none";
            return Err(CliError::new(Exit::Usage, message)
                .hint("`servanda record KIND` takes options, and `servanda import` files"));
        }
        let made = offer::made_where_there_is_none(session, "add to")?;
        let session = made.as_ref().unwrap_or(session);
        let asking = Asking::new(session, self.recorded_at);
        match &self.file {
            Some(path) => {
                let forms = forms_in(path)?;
                asking.take(path)?;
                asking.run(forms)
            }
            None => asking.run(Vec::new()),
        }
    }
}

/// Asks for what is missing in a form and for more events, and records them together.
pub fn ask(
    session: &Session,
    form: Option<Form>,
    recorded_at: Option<Instant>,
) -> Result<Exit, CliError> {
    Asking::new(session, recorded_at).run(form.into_iter().collect())
}

struct Asking<'s> {
    session: &'s Session,
    /// The recorded time that is asserted, in a backfill.
    recorded_at: Option<Instant>,
    /// Where drafts are kept.
    drafts: RefCell<Option<PathBuf>>,
    /// The draft, once something was typed.
    draft: RefCell<Option<Draft>>,
    /// What is said where a signal ends the program.
    last_words: LastWords,
}

impl<'s> Asking<'s> {
    fn new(session: &'s Session, recorded_at: Option<Instant>) -> Self {
        Self {
            session,
            recorded_at,
            drafts: RefCell::default(),
            draft: RefCell::default(),
            last_words: LastWords::default(),
        }
    }

    /// Takes the draft in a file, to keep in it what is answered.
    fn take(&self, path: &Path) -> Result<(), CliError> {
        let draft = Draft::again(path).map_err(|InUse| {
            let message = format!("another process goes on with the draft {}", path.display());
            CliError::new(Exit::Locked, message)
        })?;
        self.draft.replace(draft);
        Ok(())
    }

    fn run(self, forms: Vec<Form>) -> Result<Exit, CliError> {
        let session = self.session;
        // Others do not wait for a person who types: the ledger is copied, and closed until there is something to record.
        let rehearsal = Ledger::open(copy(&session.open()?)?, Machine)?;
        let origin = rehearsal.checkpoint()?.origin().to_owned();
        self.drafts.replace(session.draft_directory(Some(&origin)));
        let asked = self.asked(rehearsal.state().clone(), forms);
        drop(rehearsal);
        let stopped = match asked {
            Ok(batch) if batch.is_empty() => {
                session.talk("nothing was recorded");
                self.forget();
                return Ok(Exit::Ok);
            }
            Ok(batch) => match self.record(batch) {
                Ok(()) if session.dry_run => {
                    self.say_how_to_go_on();
                    return Ok(Exit::Ok);
                }
                Ok(()) => {
                    self.forget();
                    return Ok(Exit::Ok);
                }
                // What is recorded is not to be recorded again.
                Err(error) if session.has_recorded() => {
                    self.forget();
                    return Err(error);
                }
                Err(error) => error,
            },
            Err(Stop::Failed(why)) => {
                CliError::refused(format!("cannot ask on this terminal: {why}"))
            }
            Err(Stop::Interrupted | Stop::Back) => return Err(self.stopped()),
        };
        Err(self.with_hints(stopped))
    }

    /// Asks on the terminal, which a signal that ends the program leaves as it was before. Drafts that were left are
    /// offered first, unless one was named.
    fn asked(&self, state: State, mut forms: Vec<Form>) -> Result<Vec<Event>, Stop> {
        let session = self.session;
        self.set_last_words();
        let mut terminal = Terminal::new(session.has_colour(), &self.last_words);
        terminal.say("Nothing is recorded before you say so. Ctrl-C stops, and keeps a draft.");
        if self.draft.borrow().is_none() {
            forms.splice(0..0, self.left_before(&mut terminal)?);
        }
        let setting = Setting {
            state,
            today: Session::today(),
            zone: Session::zone(),
            now: Machine.now(),
            recorder: std::env::var(RECORDER).ok().filter(|name| !name.is_empty()),
            case_matters: session.case_matters,
        };
        let mut keep = |forms: &[Form]| self.keep(forms);
        Desktop::new(&mut terminal, setting, &mut keep).run(forms)
    }

    /// The forms of the draft that the user goes on with, among those that were left.
    fn left_before(&self, terminal: &mut Terminal) -> Result<Vec<Form>, Stop> {
        let directory = self.drafts.borrow().clone();
        let found = directory.map(|directory| Draft::left_in(&directory, ENDING));
        let mut drafts = Vec::new();
        let mut left = Vec::new();
        for draft in found.into_iter().flatten() {
            let when = draft.written_at().unwrap_or(SystemTime::UNIX_EPOCH);
            match forms_in(draft.path()) {
                Ok(forms) => left.push(Left {
                    when: DateTime::<Local>::from(when)
                        .format("%Y-%m-%d %H:%M")
                        .to_string(),
                    forms,
                }),
                Err(error) => {
                    self.session.talk(&error.to_string());
                    continue;
                }
            }
            drafts.push(Some(draft));
        }
        let chosen = resumed(terminal, &left, |at| {
            drafts[at].take().into_iter().for_each(Draft::remove);
        })?;
        let Some(at) = chosen else {
            return Ok(Vec::new());
        };
        self.draft.replace(drafts[at].take());
        self.set_last_words();
        Ok(left.swap_remove(at).forms)
    }

    fn record(&self, batch: Vec<Event>) -> Result<(), CliError> {
        let session = self.session;
        let mut ledger = session.open()?;
        let submissions = batch.iter().map(|event| Submission {
            recorded_at: self.recorded_at,
            ..event.clone().into()
        });
        session.append(&mut ledger, submissions.collect(), |ledger, receipts| {
            let next = session.command("log");
            receipt::answer(session, ledger.state(), &batch, receipts, &next)
        })?
    }

    /// Writes the draft. Asking goes on where it cannot be written.
    fn keep(&self, forms: &[Form]) {
        if forms.iter().all(Form::is_empty) {
            return self.forget();
        }
        let mut draft = self.draft.borrow_mut();
        if draft.is_none() {
            *draft = Draft::new(self.drafts.borrow().as_deref(), ENDING).ok();
        }
        let text: String = forms.iter().map(|form| form.to_json() + "\n").collect();
        let written = draft
            .as_mut()
            .is_some_and(|draft| draft.write(&text).is_ok());
        drop(draft);
        self.set_last_words();
        if !written {
            self.session.talk("the draft cannot be kept");
        }
    }

    /// Removes the draft.
    fn forget(&self) {
        if let Some(draft) = self.draft.take() {
            draft.remove();
            self.set_last_words();
        }
    }

    fn set_last_words(&self) {
        let words = self.session.error_text(&self.stopped());
        *self
            .last_words
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = words;
    }

    /// The end of asking by Ctrl-C or another signal.
    fn stopped(&self) -> CliError {
        self.with_hints(CliError::new(
            Exit::Interrupted,
            "stopped; nothing was recorded",
        ))
    }

    fn with_hints(&self, error: CliError) -> CliError {
        let hints = self.how_to_go_on().into_iter().flatten();
        hints.fold(error, CliError::hint)
    }

    fn how_to_go_on(&self) -> Option<[String; 2]> {
        let draft = self.draft.borrow();
        let path = draft.as_ref()?.path().display();
        let time = self
            .recorded_at
            .map(|time| format!(" --recorded-at {time}"));
        let words = format!("add --file {path}{}", time.unwrap_or_default());
        let command = self.session.command(&words);
        Some([
            format!("what you typed is kept in {path}"),
            format!("`{command}` goes on with it, and `servanda add` offers it"),
        ])
    }

    fn say_how_to_go_on(&self) {
        for hint in self.how_to_go_on().into_iter().flatten() {
            self.session.hint(&hint);
        }
    }
}

fn copy(ledger: &OpenLedger) -> Result<MemoryLog, CliError> {
    let mut records = Vec::new();
    loop {
        let chunk = ledger.log().read(records.len() as u64, CHUNK)?;
        if chunk.is_empty() {
            break;
        }
        records.extend(chunk.into_iter().map(|stored| stored.sealed));
    }
    Ok(MemoryLog::of(records, ledger.head()))
}

fn forms_in(path: &Path) -> Result<Vec<Form>, CliError> {
    let text = text_of(path)?;
    let text = String::from_utf8_lossy(&text);
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let forms = lines.map(|line| {
        Form::from_json(line).map_err(|errors| {
            let error = CliError::refused(format!("{} is no draft", path.display()));
            errors.into_iter().fold(error, CliError::detail)
        })
    });
    forms.collect()
}
