//! `init`: makes a ledger.

use std::fs;

use super::command::{Command, Run};
use super::error::{CliError, Exit};
use super::interrupt::Answering;
use super::receipt;
use super::session::Session;
use super::typed::built;
use servanda_core::event::{Fields, Kind};
use servanda_core::value::id::Seq;
use servanda_core::value::when::Instant;
use servanda_core::view::sentences::Sentences;
use servanda_files::Temporary;
use servanda_ledger::{AssertedTimeError, Environment, Ledger, Machine, Submission};
use servanda_log::{Location, OpenError};

pub(super) const COMMAND: Command = Command::of::<Init>();

/// Make a ledger, with its first record
#[derive(clap::Parser)]
#[command(
    name = "init",
    after_help = "Recorded times are the machine's, and cannot be chosen. For a history that was recorded elsewhere, \
make the ledger with --backfill START. It then takes recorded times from `record --recorded-at` and \
from the lines of `import`, none before the one before it, and marks each such record as asserted. \
The first append without a recorded time ends this for good.

Examples:
  servanda init --ledger commission --origin example.org/joint-commission
  servanda init --ledger old --origin example.org/old-register --backfill 1998-04-01"
)]
struct Init {
    /// The ledger's name for life, such as example.org/joint-commission
    #[arg(long, value_name = "NAME")]
    origin: String,
    /// The purpose of the ledger
    #[arg(long, value_name = "TEXT")]
    purpose: Option<String>,
    /// Who opens it
    #[arg(
        long,
        value_name = "TEXT",
        env = "SERVANDA_RECORDER",
        hide_env_values = true
    )]
    recorded_by: Option<String>,
    /// Take in a history that was kept elsewhere since then: recorded times are asserted, until the first append without
    /// one
    #[arg(long, value_name = "DATE|TIME", value_parser = Instant::beginning)]
    backfill: Option<Instant>,
}

impl Run for Init {
    fn run(self, session: &Session) -> Result<Exit, CliError> {
        let mut fields = Fields::default();
        for (name, text) in [
            ("origin", Some(&self.origin)),
            ("purpose", self.purpose.as_ref()),
            ("recorded_by", self.recorded_by.as_ref()),
        ] {
            fields.set(name, text.cloned().into_iter().collect());
        }
        if !make(session, fields, self.backfill)? {
            session.talk("nothing was made: this was a dry run");
            return Ok(Exit::Ok);
        }
        let next = match self.backfill {
            None => "record party ID --kind KIND --name NAME",
            Some(_) => "import FILE",
        };
        receipt::close(session, &session.command(next));
        if self.backfill.is_some() {
            session.hint("recorded times are asserted, from each line's recorded_at or --recorded-at; the first append without one ends the backfill for good");
        }
        Ok(Exit::Ok)
    }
}

/// Makes a ledger with these fields of its first record, and shows the receipt; false in a dry run. With a beginning, its
/// recorded times are asserted.
pub(super) fn make(
    session: &Session,
    fields: Fields,
    backfill: Option<Instant>,
) -> Result<bool, CliError> {
    let origin = fields.get("origin").concat();
    let opening = built(session, Kind::LedgerOpened, fields)?;
    let now = Machine.now();
    if let Some(asserted) = backfill.filter(|start| *start > now) {
        return Err(CliError::asserted_time(AssertedTimeError::Future {
            asserted,
            now,
        }));
    }
    let location = session.location()?;
    let backend = session.registry.of(location)?;
    backend.check_can_create(location).map_err(cannot_create)?;
    if session.dry_run {
        return Ok(false);
    }
    check_is_new(&origin, session)?;
    let _finishing = Answering::by_finishing();
    let log = backend
        .create(location, "servanda init")
        .map_err(cannot_create)?;
    let first = Submission {
        event: opening.clone(),
        recorded_at: backfill,
        recorded_elsewhere: false,
    };
    let ledger = Ledger::create(log, Machine, first)?;
    session.keep(&ledger, 0);
    let receipt = ledger.receipt(Seq(0))?;
    let sentences = Sentences::new(ledger.state());
    let line = receipt::Line::new(&sentences, &opening, receipt);
    receipt::show(session, &[line])?;
    Ok(true)
}

/// Refuses an origin of which this user has seen a ledger.
fn check_is_new(origin: &str, session: &Session) -> Result<(), CliError> {
    let Some(seen) = session.seen.path(origin).filter(|path| path.exists()) else {
        return Ok(());
    };
    let message = format!("a ledger of the origin {origin} was seen before");
    Err(CliError::refused(message)
        .hint("an origin names one ledger for life: choose another")
        .hint(format!(
            "if that ledger is gone for good, remove {}",
            seen.display()
        )))
}

/// Makes the directory of a new ledger where there is none, so that an interruption removes it while this is there.
pub(super) fn unfinished(location: &Location) -> Option<Temporary> {
    let dir = location.directory().filter(|dir| !dir.exists())?;
    let made = Temporary::of(|| {
        if let Some(above) = dir.parent() {
            fs::create_dir_all(above)?;
        }
        fs::create_dir(&dir)?;
        Ok(dir)
    });
    // Where it cannot be made, whoever makes the ledger says why.
    made.ok().map(|(_, temporary)| temporary)
}

/// Words an error of making a ledger, for which the advice differs from that for opening one.
pub(super) fn cannot_create(error: OpenError) -> CliError {
    match error {
        OpenError::NotADirectory(_) => {
            CliError::refused(error.to_string()).hint("choose another directory")
        }
        error => error.into(),
    }
}
