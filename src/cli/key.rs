//! `key`: makes, shows and imports keys of logs, recorders, parties and witnesses.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::command::{Command, Run};
use super::error::{CliError, Exit};
use super::keys::{random_seed, read_private, read_signing_key, write_private};
use super::session::Session;
use servanda_core::chain::key::{KeyName, SignatureType, SigningKey};
use servanda_core::chain::openssh;

pub(super) const COMMAND: Command = Command::of::<Key>();

/// Make, show or import an Ed25519 key
#[derive(clap::Parser)]
#[command(
    name = "key",
    arg_required_else_help = true,
    after_help = "A private key is in a file that only its owner can read, and never on a command line.

Examples:
  servanda key generate --name example.org/joint-commission --out log.key
  servanda key generate --name alice --out alice.key
  servanda record recorder alice --key \"$(servanda key show alice.key)\""
)]
struct Key {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Make a key, and print its public half
    #[command(after_help = "Example:\n  servanda key generate --name alice --out alice.key")]
    Generate {
        #[command(flatten)]
        new: NewKey,
    },
    /// Print the public half of a private key, as a vkey
    #[command(after_help = "Example:\n  servanda key show alice.key > alice.vkey")]
    Show {
        /// The private key's file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Convert an unencrypted OpenSSH Ed25519 private key
    #[command(
        after_help = "Example:\n  servanda key import id_ed25519 --name alice --out alice.key"
    )]
    Import {
        /// The OpenSSH private key's file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        new: NewKey,
    },
}

#[derive(clap::Args)]
struct NewKey {
    /// The key's name: for a log the ledger's origin, for others any name
    #[arg(long, value_name = "NAME")]
    name: String,
    /// The file for the private key; an existing file is never overwritten
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Make a witness's key, for cosignatures, instead of one that signs notes and records
    #[arg(long)]
    witness: bool,
}

impl Run for Key {
    fn run(self, session: &Session) -> Result<Exit, CliError> {
        let key = match &self.action {
            Action::Generate { new } => new.keep(&*random_seed()?, session)?,
            Action::Show { file } => read_signing_key(file)?,
            Action::Import { file, new } => new.keep(&*openssh_seed(file)?, session)?,
        };
        session.say(&key.verifier().to_string())?;
        Ok(Exit::Ok)
    }
}

fn openssh_seed(path: &Path) -> Result<Zeroizing<[u8; 32]>, CliError> {
    openssh::parse_private(&read_private(path)?).map_err(|error| {
        CliError::refused(format!("{}: {error}", path.display()))
            .hint("make a copy without passphrase: ssh-keygen -p -N '' -f COPY")
    })
}

impl NewKey {
    /// Writes the key of a seed to its file.
    fn keep(&self, seed: &[u8; 32], session: &Session) -> Result<SigningKey, CliError> {
        let name = KeyName::new(&self.name)
            .map_err(|error| CliError::new(Exit::Usage, error.to_string()))?;
        let kind = if self.witness {
            SignatureType::CosignatureV1
        } else {
            SignatureType::Ed25519
        };
        let key = SigningKey::from_seed(name, kind, seed);
        write_private(&self.out, &format!("{}\n", key.to_text().as_str()))?;
        session.talk(&format!(
            "the private key is in {}; keep a copy where no one else can read it",
            self.out.display()
        ));
        Ok(key)
    }
}
