//! `copy`: moves a ledger to another log.

use clap::builder::{OsStringValueParser, TypedValueParser as _};

use super::command::{Command, Run};
use super::error::{CliError, Exit};
use super::init;
use super::progress::Bar;
use super::session::Session;
use servanda_core::words::plural;
use servanda_ledger::recover::copy_beginning;
use servanda_ledger::verify::{Verdict, verify};
use servanda_log::{Location, Log};

pub(super) const COMMAND: Command = Command::of::<Copy>();

/// Copy a ledger to another place or kind of log, byte for byte, and verify both
#[derive(clap::Parser)]
#[command(
    name = "copy",
    after_help = "The ledger is verified before anything is written, and the copy afterwards. Every record, link, \
checkpoint, proof and signature is the same in both. The old ledger is not changed: do not record \
in both, because two histories that go on from one cannot be joined. A ledger that does not verify \
is refused: `servanda recover` copies its sound part.

Examples:
  servanda copy commission postgres://recorder@db.example.org/commission
  servanda copy postgres://reader@db.example.org/commission commission-2026"
)]
struct Copy {
    /// The ledger: a directory or a URL
    #[arg(value_name = "FROM", value_parser = OsStringValueParser::new().map(Location::new))]
    from: Location,
    /// The new ledger: a directory that is empty or does not exist, or a URL
    #[arg(value_name = "TO", value_parser = OsStringValueParser::new().map(Location::new))]
    to: Location,
}

impl Run for Copy {
    fn run(self, session: &Session) -> Result<Exit, CliError> {
        let backend = session.registry.of(&self.to)?;
        backend
            .check_can_create(&self.to)
            .map_err(init::cannot_create)?;
        let from = session.registry.of(&self.from)?;
        let from = from.open(&self.from, session.wait, "servanda copy")?;
        let verdict = verified(&self.from, &from, session)?;
        let records = plural(
            usize::try_from(verdict.head.count).unwrap_or(usize::MAX),
            "record",
        );
        if session.dry_run {
            session.talk(&format!(
                "nothing was copied: {records} verify, and this was a dry run"
            ));
            return Ok(Exit::Ok);
        }
        let unfinished = init::unfinished(&self.to);
        let mut to = backend
            .create(&self.to, "servanda copy")
            .map_err(init::cannot_create)?;
        copy_beginning(&from, verdict.head, &mut to).map_err(|error| {
            CliError::refused(format!("{}: {error}", self.to)).hint(
                "the old ledger is as it was; remove what was begun, and run the command again",
            )
        })?;
        let copied = verified(&self.to, &to, session)?;
        if (copied.head, copied.root) != (verdict.head, verdict.root) {
            let message = format!("{} and {} have different heads", self.from, self.to);
            return Err(CliError::new(Exit::Broken, message));
        }
        drop(unfinished);
        session.talk(&format!(
            "{records} copied; both ledgers verify and have the same head"
        ));
        session.hint(&format!("next: servanda log --ledger {}", self.to));
        Ok(Exit::Ok)
    }
}

/// Verifies a ledger of one of the two places.
fn verified(at: &Location, log: &impl Log, session: &Session) -> Result<Verdict, CliError> {
    let mut bar = Bar::new(session.shows_progress(), "verifying");
    let verdict = verify(log, &mut bar)?;
    match verdict.is_sound() {
        true => Ok(verdict),
        false => Err(CliError::new(Exit::Broken, format!("{at} does not verify"))
            .hint(format!(
                "`servanda verify --ledger {at}` names what is wrong"
            ))
            .hint(format!(
                "`servanda recover --ledger {at} --into DIR` copies its sound part"
            ))),
    }
}
