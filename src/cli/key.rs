//! `key`: makes, shows and imports keys of logs, recorders, parties and witnesses.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, value_parser};

use super::command::Command;
use super::error::{CliError, Exit};
use super::keys::{read_private, read_signing_key, write_private};
use super::session::Session;
use servanda_core::chain::key::{KeyName, SignatureType, SigningKey};
use servanda_core::chain::openssh;

pub(super) const COMMAND: Command = Command { build, run };

fn build() -> clap::Command {
    let name = || {
        Arg::new("name")
            .long("name")
            .value_name("NAME")
            .required(true)
            .help("The key's name: of a log its ledger's origin, of others whatever is theirs")
    };
    let out = || {
        Arg::new("out")
            .long("out")
            .value_name("FILE")
            .required(true)
            .value_parser(value_parser!(PathBuf))
            .help("Where to write the private key; never over a file that is there")
    };
    let witness = || {
        Arg::new("witness")
            .long("witness")
            .action(ArgAction::SetTrue)
            .help("A witness's key, for cosignatures, instead of one that signs notes and records")
    };
    let file = |help: &'static str| {
        Arg::new("file")
            .value_name("FILE")
            .required(true)
            .value_parser(value_parser!(PathBuf))
            .help(help)
    };
    clap::Command::new("key")
        .about("Make, show or import an Ed25519 key")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            clap::Command::new("generate")
                .about("Make a key, and print its public half")
                .args([name(), out(), witness()]),
        )
        .subcommand(
            clap::Command::new("show")
                .about("Print the public half of a private key, as a vkey")
                .arg(file("The private key's file")),
        )
        .subcommand(
            clap::Command::new("import")
                .about("Take over an unencrypted OpenSSH Ed25519 private key")
                .arg(file("The OpenSSH private key's file"))
                .args([name(), out(), witness()]),
        )
        .after_help(
            "Private keys live in files that only their owner can read, and never on a command line.

Examples:
  servanda key generate --name example.org/joint-commission --out log.key
  servanda key generate --name alice --out alice.key
  servanda record recorder alice --key \"$(servanda key show alice.key)\"",
        )
}

fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, CliError> {
    let Some((name, matches)) = matches.subcommand() else {
        return Err(CliError::new(Exit::Usage, "generate, show or import?"));
    };
    let key = match name {
        "generate" => {
            let mut seed = [0; 32];
            getrandom::fill(&mut seed).map_err(|error| {
                CliError::refused(format!("no random bytes for a key: {error}"))
            })?;
            keep(matches, &seed, session)?
        }
        "import" => {
            let path = path(matches, "file")?;
            let seed = openssh::parse_private(&read_private(path)?).map_err(|error| {
                CliError::refused(format!("{}: {error}", path.display()))
                    .hint("a copy without passphrase: ssh-keygen -p -N '' -f COPY")
            })?;
            keep(matches, &seed, session)?
        }
        _ => read_signing_key(path(matches, "file")?)?,
    };
    session.say(&key.verifier().to_string())?;
    Ok(Exit::Ok)
}

fn path<'a>(matches: &'a ArgMatches, name: &str) -> Result<&'a PathBuf, CliError> {
    matches
        .get_one::<PathBuf>(name)
        .ok_or_else(|| CliError::new(Exit::Usage, "which file?"))
}

/// Writes the key of a seed to its file.
fn keep(matches: &ArgMatches, seed: &[u8; 32], session: &Session) -> Result<SigningKey, CliError> {
    let name = matches.get_one::<String>("name").map_or("", String::as_str);
    let name = KeyName::new(name).map_err(|error| CliError::new(Exit::Usage, error.to_string()))?;
    let kind = if matches.get_flag("witness") {
        SignatureType::CosignatureV1
    } else {
        SignatureType::Ed25519
    };
    let key = SigningKey::from_seed(name, kind, seed);
    let out = path(matches, "out")?;
    write_private(out, &format!("{}\n", key.to_text().as_str()))?;
    session.talk(&format!(
        "the private key is in {}; keep a copy where no one else can read it",
        out.display()
    ));
    Ok(key)
}
