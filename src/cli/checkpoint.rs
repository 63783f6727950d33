//! `checkpoint`: the ledger's head in a form that others can keep.

use std::path::{Path, PathBuf};

use super::command::{Command, Run};
use super::error::{CliError, Exit};
use super::keys::read_signing_key;
use super::session::Session;
use servanda_core::chain::checkpoint::{Checkpoint, SignedCheckpoint};
use servanda_core::chain::key::SigningKey;

pub(super) const COMMAND: Command = Command::of::<PrintCheckpoint>();

/// Print the ledger's checkpoint, to be kept elsewhere
#[derive(clap::Parser)]
#[command(
    name = "checkpoint",
    after_help = "With the log's key it is a signed note of C2SP tlog-checkpoint, which witnesses can cosign. \
Without a key it is the text of the note: enough to compare, but anybody could have written it.

Examples:
  servanda checkpoint > 2026-11-23.checkpoint
  servanda checkpoint --key log.key | mail auditor@example.org
  servanda verify --against 2026-11-23.checkpoint"
)]
struct PrintCheckpoint {
    #[command(flatten)]
    log_key: LogKey,
}

/// The option that names the log's private key.
#[derive(clap::Args)]
pub(super) struct LogKey {
    /// The log's private key, whose name is the ledger's origin
    #[arg(
        long,
        value_name = "FILE",
        env = "SERVANDA_LOG_KEY",
        hide_env_values = true
    )]
    pub key: Option<PathBuf>,
}

/// The log's private key. It is read before the ledger is opened, which locks it: the key may come through a pipe.
pub(super) struct Signer {
    key: SigningKey,
    path: PathBuf,
}

impl Signer {
    /// Reads the key in a file.
    pub fn read(path: &Path) -> Result<Self, CliError> {
        Ok(Self {
            key: read_signing_key(path)?,
            path: path.to_owned(),
        })
    }

    /// Signs a checkpoint.
    pub fn sign(&self, checkpoint: Checkpoint) -> Result<SignedCheckpoint, CliError> {
        let origin = checkpoint.origin().to_owned();
        SignedCheckpoint::sign(checkpoint, &self.key).map_err(|error| {
            CliError::refused(format!(
                "{} cannot sign for {origin}: {error}",
                self.path.display()
            ))
            .hint(format!("servanda key generate --name {origin} --out FILE"))
        })
    }
}

impl LogKey {
    /// Reads the key, if one is named.
    pub fn signer(&self) -> Result<Option<Signer>, CliError> {
        self.key.as_deref().map(Signer::read).transpose()
    }
}

impl Run for PrintCheckpoint {
    fn run(self, session: &Session) -> Result<Exit, CliError> {
        let signer = self.log_key.signer()?;
        let checkpoint = session.open()?.checkpoint()?;
        let text = match &signer {
            Some(signer) => signer.sign(checkpoint)?.to_string(),
            None => {
                session.hint(
                    "unsigned: with --key FILE it is a signed note, which witnesses can cosign",
                );
                checkpoint.to_string()
            }
        };
        session.say_lines(&text)?;
        Ok(Exit::Ok)
    }
}
