//! Opening the ledger of a command.

use super::{OpenLedger, Session};
use crate::cli::error::{CliError, Exit};
use crate::cli::following;
use crate::cli::keys::read_signing_key;
use crate::cli::memory;
use crate::cli::progress::Waiting;
use servanda_core::chain::key::SigningKey;
use servanda_core::chain::record::Head;
use servanda_ledger::{Ledger, Machine};
use servanda_log::Log;
use servanda_log::dry_run::DryRunLog;

impl Session {
    /// The name of this process for others that wait for the ledger.
    fn holder(&self) -> String {
        format!("servanda {}", self.command)
    }

    /// Opens the ledger's log, without replaying it: through the process that serves the ledger, if one does.
    pub fn open_log(&self) -> Result<Box<dyn Log>, CliError> {
        let location = self.location()?;
        let backend = self.registry.of(location)?;
        self.usable(backend.open(location, self.wait, &self.holder())?)
    }

    /// Opens the ledger, and compares it with the newest checkpoint that this user saw of it. With `--dry-run`
    /// nothing that is appended to it stays.
    pub fn open(&self) -> Result<OpenLedger, CliError> {
        // The ledger is locked once it is open, and a key may come through a pipe.
        let keys = self
            .sign_with
            .iter()
            .map(|path| read_signing_key(path))
            .collect::<Result<_, _>>()?;
        let log = self.open_log()?;
        let log: Box<dyn Log> = if self.dry_run {
            Box::new(DryRunLog::new(log)?)
        } else {
            log
        };
        self.replayed(log, keys)
    }

    /// Opens the ledger to serve it: a directory for this process alone, never through another that serves it.
    #[cfg(feature = "serve")]
    pub fn open_to_serve(&self) -> Result<OpenLedger, CliError> {
        let location = self.location()?;
        let log: Box<dyn Log> = match location.directory() {
            Some(dir) => {
                let opened = servanda_log::directory::open(&dir, self.wait, &self.holder());
                self.usable(Box::new(opened?))?
            }
            None => self.open_log()?,
        };
        self.replayed(log, Vec::new())
    }

    /// A log that holds a ledger.
    fn usable(&self, log: Box<dyn Log>) -> Result<Box<dyn Log>, CliError> {
        let log = following::kept_as_it_is(log, self.location()?)?;
        let head = log.head()?;
        memory::check(head.count)?;
        if head == Head::EMPTY && log.damage().is_none() {
            let location = self.location()?;
            let message = format!("{location} holds no record: making the ledger was interrupted");
            return Err(CliError::new(Exit::NoLedger, message).hint(format!(
                "`servanda init --ledger {location} --origin NAME` continues"
            )));
        }
        if log.is_copied() && log.damage().is_none() {
            self.hint(&format!(
                "a command that wrote was killed, so each command copies the records to read them, until `{}` or another writes them",
                self.command("compact")
            ));
        }
        Ok(log)
    }

    fn replayed(&self, log: Box<dyn Log>, keys: Vec<SigningKey>) -> Result<OpenLedger, CliError> {
        let waiting = Waiting::new(self.shows_progress(), "reading the history");
        let mut ledger = Ledger::open(log, Machine)?.signing_with(keys);
        if self.clock_is_right {
            ledger = ledger.trusting_the_clock();
        }
        if self.case_matters {
            ledger = ledger.telling_case_apart();
        }
        drop(waiting);
        if let Some(damage) = ledger.log().damage() {
            return Err(CliError::new(Exit::Broken, damage)
                .hint("`servanda verify` reads what is there, and `servanda recover --into DIR` copies it into a new ledger"));
        }
        let present = ledger.checkpoint()?;
        self.seen.check(&ledger.hashes(), &present)?;
        self.remember(&present);
        Ok(ledger)
    }
}
