//! `add`: asks for events and records them together. `record` does so too, where something is missing.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use super::command::{Command, Run};
use super::error::{CliError, Exit};
use super::receipt;
use super::session::{OpenLedger, Session};
use super::terminal::Terminal;
use super::typed::text_of;
use crate::desk::ask::{Desktop, Form, Prompt as _, Setting, Stop};
use crate::desk::draft::Draft;
use servanda_core::event::Event;
use servanda_core::ranges::CHUNK;
use servanda_core::value::when::Instant;
use servanda_ledger::{Environment as _, Ledger, Machine, Submission};
use servanda_log::Log;
use servanda_log::memory::MemoryLog;

pub(super) const COMMAND: Command = Command::of::<Add>();

/// The variable that names the recorder.
pub const RECORDER: &str = "SERVANDA_RECORDER";

/// Record events by answering questions
#[derive(clap::Parser)]
#[command(
    name = "add",
    after_help = "It asks what happened, offers what the ledger knows by name and the moves that are allowed now, and \
shows what would be recorded. Nothing is recorded before you say so; then one event, or several together. Ctrl-C \
stops: what was answered is kept in a draft, and the command that goes on with it is shown.

`servanda record KIND` asks in the same way for what is missing, where there is a terminal.

Examples:
  servanda add
  servanda add --file DRAFT"
)]
struct Add {
    /// Go on with a draft that was kept
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Run for Add {
    fn run(self, session: &Session) -> Result<Exit, CliError> {
        if !session.asks() {
            let message = "add asks on a terminal, and there is none";
            return Err(CliError::new(Exit::Usage, message)
                .hint("`servanda record KIND` takes options, and `servanda import` files"));
        }
        let (forms, draft) = match &self.file {
            Some(path) => (forms_in(path)?, Draft::again(path)),
            None => (Vec::new(), None),
        };
        Asking {
            session,
            recorded_at: None,
            draft: RefCell::new(draft),
        }
        .run(forms)
    }
}

/// Asks for what is missing in these forms and for more events, and records them together.
pub fn ask(
    session: &Session,
    forms: Vec<Form>,
    recorded_at: Option<Instant>,
) -> Result<Exit, CliError> {
    Asking {
        session,
        recorded_at,
        draft: RefCell::default(),
    }
    .run(forms)
}

struct Asking<'s> {
    session: &'s Session,
    /// The recorded time that is asserted, in a backfill.
    recorded_at: Option<Instant>,
    /// The draft, once something was answered.
    draft: RefCell<Option<Draft>>,
}

impl Asking<'_> {
    fn run(self, forms: Vec<Form>) -> Result<Exit, CliError> {
        let session = self.session;
        // Others do not wait for a person who types: the ledger is copied, and closed until there is something to record.
        let rehearsal = Ledger::open(copy(&session.open()?)?, Machine)?;
        let mut terminal = Terminal {
            colour: session.has_colour(),
        };
        terminal.say("Nothing is recorded before you say so. Ctrl-C stops, and keeps a draft.");
        let setting = Setting {
            state: rehearsal.state().clone(),
            today: Session::today(),
            zone: Session::zone(),
            now: Machine.now(),
            recorder: std::env::var(RECORDER).ok().filter(|name| !name.is_empty()),
        };
        let mut keep = |forms: &[Form]| self.keep(forms);
        let asked = Desktop::new(&mut terminal, setting, &mut keep).run(forms);
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
            Err(Stop::Interrupted(_) | Stop::Back) => {
                CliError::new(Exit::Interrupted, "stopped; nothing was recorded")
            }
        };
        let hints = self.how_to_go_on().into_iter().flatten();
        Err(hints.fold(stopped, CliError::hint))
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
        let mut draft = self.draft.borrow_mut();
        if draft.is_none() && forms.iter().all(Form::is_empty) {
            return;
        }
        if draft.is_none() {
            let directory = self.session.draft_directory();
            *draft = Draft::new(directory.as_deref(), ".ndjson").ok();
        }
        let text: String = forms.iter().map(|form| form.to_json() + "\n").collect();
        let written = draft
            .as_ref()
            .is_some_and(|draft| draft.write(&text).is_ok());
        if !written {
            self.session.talk("the draft cannot be kept");
        }
    }

    /// Removes the draft.
    fn forget(&self) {
        if let Some(draft) = self.draft.take() {
            draft.remove();
        }
    }

    fn how_to_go_on(&self) -> Option<[String; 2]> {
        let draft = self.draft.borrow();
        let path = draft.as_ref()?.path().display();
        let command = self.session.command(&format!("add --file {path}"));
        Some([
            format!("what you answered is kept in {path}"),
            format!("`{command}` goes on with it"),
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
