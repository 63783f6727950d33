//! `init`: makes a ledger.

use std::path::Path;

use clap::{Arg, ArgMatches};

use super::error::{CliError, Exit};
use super::session::Session;
use super::{Command, receipt, record};
use crate::chain::record::Head;
use crate::domain::event::{Event, Fields, Kind};
use crate::ledger::{Ledger, Machine};
use crate::store::Store;
use crate::store::directory::{self, DirectoryError};

pub(super) const COMMAND: Command = Command { build, run };

fn build() -> clap::Command {
    clap::Command::new("init")
        .about("Make a ledger, with its first record")
        .arg(
            Arg::new("origin")
                .long("origin")
                .value_name("NAME")
                .required(true)
                .help("The ledger's name for life, such as example.org/joint-commission"),
        )
        .arg(
            Arg::new("purpose")
                .long("purpose")
                .value_name("TEXT")
                .help("What the ledger is for"),
        )
        .arg(
            Arg::new("recorded_by")
                .long("recorded-by")
                .value_name("TEXT")
                .env("SERVANDA_RECORDER")
                .hide_env_values(true)
                .help("Who opens it"),
        )
        .after_help(
            "Examples:\n  servanda init --ledger commission --origin example.org/joint-commission",
        )
}

fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, CliError> {
    let mut fields = Fields::default();
    for name in ["origin", "purpose", "recorded_by"] {
        fields.set(
            name,
            matches
                .get_one::<String>(name)
                .cloned()
                .into_iter()
                .collect(),
        );
    }
    let opening = Event::build(Kind::LedgerOpened, &fields).map_err(record::wrong_fields)?;
    let directory = session.directory()?;
    let unfinished = is_unfinished(directory, session)?;
    if session.dry_run {
        session.talk("nothing was made: this was a dry run");
        return Ok(Exit::Ok);
    }
    let origin = fields.get("origin").first().map_or("", String::as_str);
    if let Some(seen) = session.memory_of(origin).filter(|path| path.exists()) {
        return Err(
            CliError::refused(format!("a ledger of the origin {origin} was seen before"))
                .hint("an origin names one ledger for life: choose another")
                .hint(format!(
                    "if that ledger is gone for good, remove {}",
                    seen.display()
                )),
        );
    }
    let store: Box<dyn Store> = if unfinished {
        session.open_unfinished()?
    } else {
        Box::new(directory::create(directory, "servanda init").map_err(cannot_create)?)
    };
    let ledger = Ledger::create(store, Machine, opening.clone())?;
    session.keep_checkpoint(&ledger);
    let receipts = [receipt::Line::new(
        &opening,
        ledger.receipt(crate::domain::id::Seq(0))?,
        None,
    )];
    receipt::show(session, &receipts)?;
    receipt::close(
        session,
        &session.command("record party ID --kind KIND --name NAME"),
    );
    Ok(Exit::Ok)
}

/// Whether a ledger was begun here and broken off before its first record; an error where none can be made.
fn is_unfinished(directory: &Path, session: &Session) -> Result<bool, CliError> {
    match directory::check_can_create(directory) {
        Ok(()) => Ok(false),
        Err(DirectoryError::AlreadyALedger(dir)) => {
            // One that cannot be opened is a ledger all the same.
            match session.open_unfinished().map(|store| store.head()) {
                Ok(Ok(Head::EMPTY)) => Ok(true),
                _ => Err(DirectoryError::AlreadyALedger(dir).into()),
            }
        }
        Err(error) => Err(cannot_create(error)),
    }
}

/// To open a ledger and to make one fail alike, but what to do then differs.
fn cannot_create(error: DirectoryError) -> CliError {
    match error {
        DirectoryError::NotADirectory(_) => {
            CliError::refused(error.to_string()).hint("choose another directory")
        }
        error => error.into(),
    }
}
