//! `init`: makes a ledger.

use clap::{Arg, ArgMatches};

use super::command::Command;
use super::error::{CliError, Exit};
use super::session::Session;
use super::{receipt, record};
use servanda_core::chain::record::Head;
use servanda_core::event::{Event, Fields, Kind};
use servanda_core::value::when::Instant;
use servanda_ledger::backfill::ClaimError;
use servanda_ledger::{Environment, Ledger, Machine};
use servanda_log::Log;
use servanda_log::OpenError;

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
        .arg(
            Arg::new("backfill")
                .long("backfill")
                .value_name("DATE|TIME")
                .value_parser(Instant::beginning)
                .help("Take in a history that was kept elsewhere since then: recorded times are claimed, until the first append without one"),
        )
        .after_help(
            "Recorded times are the machine's, and cannot be chosen. For a history that was recorded elsewhere, \
make the ledger with --backfill START. It then takes recorded times from `record --recorded-at` and \
from the lines of `import`, none before the one before it, and marks each such record as claimed. \
The first append without a recorded time ends this for good.

Examples:
  servanda init --ledger commission --origin example.org/joint-commission
  servanda init --ledger old --origin example.org/old-register --backfill 1998-04-01",
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
    let backfill = matches.get_one::<Instant>("backfill").copied();
    let now = Machine.now();
    if let Some(claimed) = backfill.filter(|start| *start > now) {
        return Err(CliError::claim(ClaimError::Future { claimed, now }));
    }
    let location = session.location()?;
    let backend = session.registry.of(location)?;
    let unfinished = is_unfinished(session)?;
    if session.dry_run {
        session.talk("nothing was made: this was a dry run");
        return Ok(Exit::Ok);
    }
    let origin = fields.get("origin").first().map_or("", String::as_str);
    if let Some(seen) = session.seen.path(origin).filter(|path| path.exists()) {
        return Err(
            CliError::refused(format!("a ledger of the origin {origin} was seen before"))
                .hint("an origin names one ledger for life: choose another")
                .hint(format!(
                    "if that ledger is gone for good, remove {}",
                    seen.display()
                )),
        );
    }
    let log: Box<dyn Log> = if unfinished {
        session.open_unfinished()?
    } else {
        backend
            .create(location, "servanda init")
            .map_err(cannot_create)?
    };
    let ledger = match backfill {
        None => Ledger::create(log, Machine, opening.clone())?,
        Some(start) => Ledger::create_backfill(log, Machine, opening.clone(), start)?,
    };
    session.keep_checkpoint(&ledger);
    let receipts = [receipt::Line::new(
        &opening,
        ledger.receipt(servanda_core::value::id::Seq(0))?,
        None,
    )];
    receipt::show(session, &receipts)?;
    receipt::close(
        session,
        &session.command(match backfill {
            None => "record party ID --kind KIND --name NAME",
            Some(_) => "import FILE",
        }),
    );
    if backfill.is_some() {
        session.hint("recorded times are claimed, from each line's recorded_at or --recorded-at; the first append without one ends the backfill for good");
    }
    Ok(Exit::Ok)
}

/// Whether the making of a ledger here was interrupted before its first record; an error where none can be made.
fn is_unfinished(session: &Session) -> Result<bool, CliError> {
    let location = session.location()?;
    match session.registry.of(location)?.check_can_create(location) {
        Ok(()) => Ok(false),
        Err(OpenError::AlreadyALedger(at)) => {
            // A ledger that cannot be opened is still a ledger.
            match session.open_unfinished().map(|log| log.head()) {
                Ok(Ok(Head::EMPTY)) => Ok(true),
                _ => Err(OpenError::AlreadyALedger(at).into()),
            }
        }
        Err(error) => Err(cannot_create(error)),
    }
}

/// To open a ledger and to make one fail alike, but what to do then differs.
pub(super) fn cannot_create(error: OpenError) -> CliError {
    match error {
        OpenError::NotADirectory(_) => {
            CliError::refused(error.to_string()).hint("choose another directory")
        }
        error => error.into(),
    }
}
