//! `checkpoint`: the ledger's head in the form that outsiders keep.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, value_parser};

use super::command::Command;
use super::error::{CliError, Exit};
use super::keys::read_signing_key;
use super::session::Session;
use servanda_core::chain::checkpoint::{Checkpoint, SignedCheckpoint};

pub(super) const COMMAND: Command = Command { build, run };

fn build() -> clap::Command {
    clap::Command::new("checkpoint")
        .about("Print the ledger's checkpoint, to be kept elsewhere")
        .arg(log_key_arg())
        .after_help(
            "With the log's key it is a signed note of C2SP tlog-checkpoint, which witnesses cosign. Without, it is
the note's text, which serves to compare as well, and which anybody could have written.

Examples:
  servanda checkpoint > 2026-11-23.checkpoint
  servanda checkpoint --key log.key | mail auditor@example.org
  servanda verify --against 2026-11-23.checkpoint",
        )
}

/// The option that names the log's private key.
pub(super) fn log_key_arg() -> Arg {
    Arg::new("key")
        .long("key")
        .value_name("FILE")
        .env("SERVANDA_LOG_KEY")
        .hide_env_values(true)
        .value_parser(value_parser!(PathBuf))
        .help("The log's private key, whose name is the ledger's origin")
}

/// Signs a checkpoint with the log's key of the command line.
pub(super) fn sign(
    checkpoint: Checkpoint,
    matches: &ArgMatches,
) -> Result<Option<SignedCheckpoint>, CliError> {
    let Some(path) = matches.get_one::<PathBuf>("key") else {
        return Ok(None);
    };
    let key = read_signing_key(path)?;
    let origin = checkpoint.origin().to_owned();
    let signed = SignedCheckpoint::sign(checkpoint, &key).map_err(|error| {
        CliError::refused(format!(
            "{} cannot sign for {origin}: {error}",
            path.display()
        ))
        .hint(format!("servanda key generate --name {origin} --out FILE"))
    })?;
    Ok(Some(signed))
}

fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, CliError> {
    let ledger = session.open()?;
    let checkpoint = ledger.checkpoint()?;
    let text = match sign(checkpoint.clone(), matches)? {
        Some(signed) => signed.to_string(),
        None => {
            session.hint("unsigned: with --key FILE it is a signed note, which witnesses cosign");
            checkpoint.to_string()
        }
    };
    session.say(text.trim_end_matches('\n'))?;
    Ok(Exit::Ok)
}
