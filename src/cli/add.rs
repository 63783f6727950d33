//! `add`: asks for events and records them together. `record` does so too, where something is missing.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::command::{Command, Run};
use super::error::{CliError, Exit};
use super::receipt;
use super::session::{OpenLedger, Session};
use super::terminal::Terminal;
use super::typed::text_of;
use crate::desk::ask::{Desktop, Form, Stop};
use crate::desk::draft::Draft;
use servanda_core::event::{Event, Kind};
use servanda_core::ndjson;
use servanda_core::ranges::CHUNK;
use servanda_core::value::base::Shape;
use servanda_core::view::sentences::Sentences;
use servanda_ledger::{Environment as _, Ledger, Machine};
use servanda_log::Log;
use servanda_log::memory::MemoryLog;

pub(super) const COMMAND: Command = Command::of::<Add>();

/// Record events by answering questions
#[derive(clap::Parser)]
#[command(
    name = "add",
    after_help = "It asks what happened, offers what the ledger knows by name and the moves that are allowed now, shows \
what would be recorded, and records one event or several together. Ctrl-C stops it; what was answered is kept in a \
draft, which is named.

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
        let forms = match &self.file {
            Some(path) => forms_in(path)?,
            None => Vec::new(),
        };
        ask(session, forms)
    }
}

/// Asks for events, the forms first, and records them together.
pub fn ask(session: &Session, forms: Vec<Form>) -> Result<Exit, CliError> {
    // Nobody waits for a person who types: the ledger is copied, and closed until there is something to record.
    let copied = copy(&session.open()?)?;
    let rehearsal = Ledger::open(copied, Machine)?;
    let draft = RefCell::new(None);
    let mut keep = |batch: &[Event], open: &[Form]| keep(session, &draft, batch, open);
    let mut terminal = Terminal {
        colour: session.has_colour(),
    };
    let clock = (Session::today(), Session::zone());
    let desktop = Desktop::new(
        &mut terminal,
        rehearsal.state().clone(),
        clock,
        Machine.now(),
        &mut keep,
    );
    let asked = desktop.run(forms);
    let draft = draft.into_inner();
    let kept = |error: CliError| match &draft {
        None => error,
        Some(draft) => {
            let path = draft.path().display();
            error
                .hint(format!("what you answered is kept in {path}"))
                .hint(format!(
                    "`{}` goes on with it",
                    session.command(&format!("add --file {path}"))
                ))
        }
    };
    match asked {
        Ok(batch) if batch.is_empty() => session.talk("nothing was recorded"),
        Ok(batch) => record(session, batch).map_err(kept)?,
        Err(Stop::Interrupted(_) | Stop::Back) => {
            return Err(kept(CliError::new(
                Exit::Interrupted,
                "stopped; nothing was recorded",
            )));
        }
        Err(Stop::Failed(why)) => {
            return Err(kept(CliError::refused(format!(
                "cannot ask on this terminal: {why}"
            ))));
        }
    }
    if let Some(draft) = draft {
        draft.remove();
    }
    Ok(Exit::Ok)
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

fn record(session: &Session, batch: Vec<Event>) -> Result<(), CliError> {
    let mut ledger = session.open()?;
    let receipts = session.append(&mut ledger, batch.clone())?;
    let sentences = Sentences::new(ledger.state());
    let lines: Vec<_> = receipts
        .iter()
        .zip(&batch)
        .map(|(receipt, event)| receipt::Line::new(&sentences, event, *receipt))
        .collect();
    receipt::show(session, &lines)?;
    receipt::close(session, &session.command("log"));
    receipt::undo(session, &receipts);
    Ok(())
}

/// Writes the draft; a line for each event, as far as it is known. A draft that cannot be written is told, and asking
/// goes on.
fn keep(session: &Session, draft: &RefCell<Option<Draft>>, batch: &[Event], open: &[Form]) {
    let done = batch.iter().map(|event| (event.kind(), event.to_fields()));
    let open = open.iter().map(|form| (form.kind, form.fields.clone()));
    let mut text = String::new();
    for (kind, fields) in done.chain(open) {
        let mut object = Map::new();
        object.insert("event".to_owned(), kind.word().into());
        for (name, texts) in fields.iter() {
            let shape = kind.field(name).map(|field| field.shape);
            let value = match (shape, texts) {
                (Some(Shape::Flag), _) => Value::Bool(true),
                (Some(Shape::Many), texts) => texts.into(),
                (_, texts) => texts.join("; ").into(),
            };
            object.insert(name.to_owned(), value);
        }
        text.push_str(&format!("{}\n", Value::Object(object)));
    }
    let mut draft = draft.borrow_mut();
    if draft.is_none() {
        *draft = Draft::new(session.draft_directory().as_deref(), ".ndjson").ok();
    }
    let written = draft
        .as_ref()
        .is_some_and(|draft| draft.write(&text).is_ok());
    if !written {
        session.talk("the draft cannot be kept");
    }
}

fn forms_in(path: &Path) -> Result<Vec<Form>, CliError> {
    let text = text_of(path)?;
    let text = String::from_utf8_lossy(&text);
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let forms = lines.map(|line| {
        let read = ndjson::read_one(line.as_bytes(), Kind::Noted);
        let read = read.map_err(|errors| {
            let mut error = CliError::refused(format!("{} is no draft", path.display()));
            for wrong in errors {
                error = error.detail(wrong.to_string());
            }
            error
        })?;
        Ok(read.map(|(kind, fields)| Form { kind, fields }))
    });
    let forms: Result<Vec<Option<Form>>, CliError> = forms.collect();
    Ok(forms?.into_iter().flatten().collect())
}
