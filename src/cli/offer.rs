//! The offer to make a ledger, for commands that people begin with, where there is none.

use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::cli::error::{CliError, Exit};
use crate::cli::init;
use crate::cli::session::Session;
use crate::cli::terminal::Terminal;
use crate::desk::ask::{Asked, Choice, Prompt as _, Stop};
use servanda_core::event::{Event, FieldError, Fields, Kind};

/// A session on a ledger that the user had made now; none where there is one already, or where the usual error says what
/// is missing. `purpose` is what a ledger is needed for: `serve`.
///
/// # Errors
/// In a folder without anything in it, where nobody can be asked: says which command makes a ledger.
pub(super) fn made_where_there_is_none(
    session: &Session,
    purpose: &str,
) -> Result<Option<Session>, CliError> {
    let here = match session.location() {
        Ok(location) => location.directory(),
        // No ledger was named, and the folder is in none.
        Err(_) => Some(".".into()),
    };
    let Some(here) = here.filter(|here| is_empty(here)) else {
        return Ok(None);
    };
    let session = session.at(&here);
    if !session.asks() {
        let place = here.display();
        return Err(CliError::new(
            Exit::NoLedger,
            format!("there is no ledger here to {purpose}"),
        )
        .hint(format!(
            "`servanda init --ledger {place} --origin NAME` makes one"
        ))
        .hint("`servanda serve --demo` serves an example"));
    }
    let last_words = session.error_text(&stopped(Stop::Interrupted));
    let mut terminal = Terminal::new(session.has_colour(), &Arc::new(Mutex::new(last_words)));
    let fields = asked(&mut terminal, &here).map_err(stopped)?;
    drop(terminal);
    init::make(&session, fields, None)?;
    Ok(Some(session))
}

/// Whether there is nothing at a path, or an empty folder.
fn is_empty(path: &Path) -> bool {
    match std::fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

/// Asks what a new ledger is called, and what for.
fn asked(terminal: &mut Terminal, here: &Path) -> Result<Fields, Stop> {
    let whole = std::path::absolute(here).unwrap_or_else(|_| here.to_owned());
    let choices = ["Yes, make one", "No"].map(Choice::new);
    let question = "There is no ledger here yet. Make one?";
    if terminal.choose(question, &format!("in {}", whole.display()), &choices)? != 0 {
        return Err(Stop::Back);
    }
    let mut fields = Fields::default();
    for (name, question, help, is_optional) in [
        (
            "origin",
            "What is it called, for life?",
            "A name that nobody else uses, such as example.org/joint-commission",
            false,
        ),
        ("purpose", "What is it for?", "", true),
        ("recorded_by", "Who opens it?", "", true),
    ] {
        let check = |text: &str| {
            let mut one = Fields::default();
            // The other fields can be left out.
            one.set("origin", vec!["example.org/ledger".to_owned()]);
            if !is_optional || !text.trim().is_empty() {
                one.set(name, vec![text.trim().to_owned()]);
            }
            let built = Event::build(Kind::LedgerOpened, &one);
            let first = |wrong: Vec<FieldError>| wrong.first().map(ToString::to_string);
            built
                .map(drop)
                .map_err(|wrong| first(wrong).unwrap_or_default())
        };
        let text = terminal.text(&Asked {
            question,
            help,
            initial: "",
            default: None,
            is_optional,
            check: &check,
            typed: &|_| {},
        })?;
        let text = text.trim();
        if !text.is_empty() {
            fields.set(name, vec![text.to_owned()]);
        }
    }
    Ok(fields)
}

fn stopped(stop: Stop) -> CliError {
    match stop {
        Stop::Back => CliError::new(Exit::NoLedger, "no ledger was made"),
        Stop::Interrupted => CliError::new(Exit::Interrupted, "no ledger was made"),
        Stop::Failed(why) => CliError::refused(format!("cannot ask: {why}")),
    }
}
