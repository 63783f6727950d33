//! `prove`: a proof that a record is in the ledger, or that an older checkpoint is the beginning of the ledger.

use std::path::{Path, PathBuf};

use super::anchors::{self, Anchor, defining_record, one_line};
use super::checkpoint::Signer;
use super::command::{Command, Run};
use super::error::{CliError, Exit};
use super::files::{self, Overwrite};
use super::opened::Opened;
use super::session::{OpenLedger, Session};
use servanda_core::chain::checkpoint::SignedCheckpoint;
use servanda_core::chain::proof::TlogProof;
use servanda_core::chain::record::Record;
use servanda_ledger::anchor::{self, Anchoring};
use servanda_log::Log;

pub(super) const COMMAND: Command = Command::of::<Prove>();

/// Write a proof that can be checked without the ledger
#[derive(clap::Parser)]
#[command(
    name = "prove",
    after_help = "For a record it writes RECORD.tlog-proof (C2SP tlog-proof) and RECORD.json, the record verbatim \
with its event opened. For a checkpoint it writes consistency.proof. `servanda check-proof` checks \
both.

Examples:
  servanda prove C1 --key log.key
  servanda prove --since 2025-11-23.checkpoint --key log.key"
)]
struct Prove {
    /// The record, or the id that it defines
    #[arg(value_name = "ID|RECORD", required_unless_present = "since")]
    what: Option<String>,
    /// Prove that this older checkpoint is the beginning of the ledger
    #[arg(long, value_name = "CHECKPOINT", conflicts_with = "what")]
    since: Option<PathBuf>,
    /// The log's private key, whose name is the ledger's origin
    #[arg(
        long,
        value_name = "FILE",
        env = "SERVANDA_LOG_KEY",
        hide_env_values = true
    )]
    key: PathBuf,
    /// The directory to write the files to
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    #[command(flatten)]
    overwrite: Overwrite,
}

impl Run for Prove {
    fn run(self, session: &Session) -> Result<Exit, CliError> {
        let signer = Signer::read(&self.key)?;
        let since = self.since.as_deref();
        let since = since.map(|path| Ok::<_, CliError>((path, anchors::read(path)?)));
        let since = since.transpose()?;
        let ledger = session.open()?;
        let signed = signer.sign(ledger.checkpoint()?)?;
        let files = match (since, &self.what) {
            (Some((path, old)), _) => self.prove_beginning(&ledger, path, old, signed)?,
            (None, what) => {
                let what = what.as_deref().unwrap_or_default();
                self.prove_record(&ledger, what, signed)?
            }
        };
        for file in &files {
            session.say(&file.display().to_string())?;
        }
        session.hint(&format!(
            "next: servanda check-proof {} --log-key VKEY",
            files[0].display()
        ));
        Ok(Exit::Ok)
    }
}

impl Prove {
    /// Proves that an older checkpoint is the beginning of the ledger.
    fn prove_beginning(
        &self,
        ledger: &OpenLedger,
        older: &Path,
        old: Anchor,
        signed: SignedCheckpoint,
    ) -> Result<Vec<PathBuf>, CliError> {
        let (kept, present) = (old.checkpoint(), signed.unverified());
        if anchor::compare(&ledger.hashes(), present, kept)? != Anchoring::Holds {
            let message = format!("the ledger does not continue {}", older.display());
            return Err(CliError::new(Exit::Broken, message)
                .detail(format!("kept: {}", one_line(kept)))
                .detail(format!("now:  {}", one_line(present)))
                .hint("keep both, with the log's signatures, as evidence"));
        }
        let hashes = ledger.prove_consistency(kept.size())?;
        let proof = anchors::Consistency {
            old,
            hashes,
            new: signed,
        };
        let file = self.out.join("consistency.proof");
        files::write(&file, proof.to_string(), self.overwrite.existing())?;
        Ok(vec![file])
    }

    /// Proves that a record is in the ledger.
    fn prove_record(
        &self,
        ledger: &OpenLedger,
        what: &str,
        signed: SignedCheckpoint,
    ) -> Result<Vec<PathBuf>, CliError> {
        let seq = defining_record(ledger.state(), what)?;
        let stored = ledger.log().read(seq.0, 1)?;
        let sealed = &stored
            .first()
            .ok_or_else(|| CliError::refused("the record is missing"))?
            .sealed;
        let broken = |error: String| CliError::new(Exit::Broken, format!("record {seq}: {error}"));
        let record = Record::open(sealed).map_err(|error| broken(error.to_string()))?;
        let opened = Opened::of(sealed, &record).map_err(|error| broken(error.to_string()))?;
        let proof = TlogProof::new(seq.0, ledger.prove_inclusion(seq.0)?, signed)
            .map_err(|error| CliError::refused(error.to_string()))?;
        let file = self.out.join(format!("{seq}.tlog-proof"));
        files::write(&file, proof.to_string(), self.overwrite.existing())?;
        let opened = serde_json::to_string(&opened).map_err(|error| broken(error.to_string()))?;
        let beside = self.out.join(format!("{seq}.json"));
        files::write(&beside, opened + "\n", self.overwrite.existing())?;
        Ok(vec![file, beside])
    }
}
