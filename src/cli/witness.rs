//! `witness`: vouches for the checkpoints of other ledgers.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, value_parser};

use super::anchors::{self, Anchor};
use super::checkpoint::{log_key_arg, sign};
use super::command::Command;
use super::error::{CliError, Exit};
use super::files;
use super::keys;
use super::session::Session;
use super::verify::{COSIGNED, read_policy};
use servanda_core::chain::checkpoint::SignedCheckpoint;
use servanda_core::chain::key::VerifierKey;
use servanda_core::chain::note::NoteSignature;
use servanda_core::chain::policy::{Policy, PolicyUnmet};
use servanda_core::value::when::Instant;
use servanda_witness::ask::ask;
use servanda_witness::cosigned::{CosignedDirectory, CosignedError};
use servanda_witness::serve::{DEFAULT_ADDRESS, Server};
use servanda_witness::{Answer, Witness, WitnessError};

pub(super) const COMMAND: Command = Command { build, run };

fn build() -> clap::Command {
    clap::Command::new("witness")
        .about("Vouch for the checkpoints of other ledgers")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(build_serve())
        .subcommand(build_ask())
        .after_help(
            "Examples:
  servanda witness serve --key witness.key --state witness --log VKEY
  servanda witness ask --policy witnesses.policy --key log.key",
        )
}

fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, CliError> {
    match matches.subcommand() {
        Some(("serve", matches)) => serve(matches, session),
        Some(("ask", matches)) => ask_all(matches, session),
        _ => Err(CliError::new(Exit::Usage, "which subcommand?")),
    }
}

// ---- serve ----

fn build_serve() -> clap::Command {
    clap::Command::new("serve")
        .about("Cosign checkpoints of the logs it knows, as long as they only grow")
        .arg(
            Arg::new("key")
                .long("key")
                .value_name("FILE")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("The witness's private key, for cosignatures, in a file of mode 600"),
        )
        .arg(
            Arg::new("state")
                .long("state")
                .value_name("DIR")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("Where it remembers what it cosigned last; made if it does not exist"),
        )
        .arg(
            Arg::new("log")
                .long("log")
                .value_name("VKEY")
                .required(true)
                .action(ArgAction::Append)
                .value_parser(value_parser!(VerifierKey))
                .help("The public key of a log, named after its origin; give it once for each key"),
        )
        .arg(
            Arg::new("listen")
                .long("listen")
                .value_name("ADDRESS")
                .default_value(DEFAULT_ADDRESS)
                .value_parser(value_parser!(SocketAddr))
                .help("Where to listen, such as [::1]:8378; with port 0 on any that is free"),
        )
        .after_help(
            "Speaks C2SP tlog-witness 1.0.0 over plain HTTP, until it is interrupted. To offer it beyond this machine,
put a proxy that speaks TLS before it.

A witness is as good as its memory: it takes the first checkpoint of a log on trust. Never start it with
another DIR or with one from a backup: logs could then take back what it had vouched for.

Examples:
  servanda witness serve --key witness.key --state witness \\
    --log servanda.example/log1+146d4a70+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c",
        )
}

fn serve(matches: &ArgMatches, session: &Session) -> Result<Exit, CliError> {
    let missing = || CliError::new(Exit::Usage, "a key, a directory and an address are needed");
    let key = matches.get_one::<PathBuf>("key").ok_or_else(missing)?;
    let state = matches.get_one::<PathBuf>("state").ok_or_else(missing)?;
    let listen = *matches
        .get_one::<SocketAddr>("listen")
        .ok_or_else(missing)?;
    let logs = matches.get_many::<VerifierKey>("log").unwrap_or_default();

    let key = keys::read_signing_key(key)?;
    if session.dry_run {
        session.talk("nothing was served: this was a dry run");
        return Ok(Exit::Ok);
    }
    let witness = Witness::new(
        key,
        logs.cloned(),
        Box::new(CosignedDirectory::open(state)?),
    )?;
    session.talk(&format!("witness {}", witness.verifier()));
    tell_what_is_remembered(&witness, session)?;
    if !listen.ip().is_loopback() {
        session.hint(
            "anybody who can reach this address can ask; put a proxy that speaks TLS before it",
        );
    }
    let cannot = |error| CliError::refused(format!("cannot listen on {listen}: {error}"));
    let (quiet, server) = (
        session.quiet,
        Server::bind(witness, listen).map_err(cannot)?,
    );
    let mut said = Ok(());
    server
        .on_answer(move |answer| tell(answer, quiet))
        .run_until_interrupted(|address| {
            said = session.say(&format!("listening on http://{address}"))
        })
        .map_err(cannot)?;
    said.map(|()| Exit::Ok)
}

/// Whoever started it with the wrong directory sees it here.
fn tell_what_is_remembered(witness: &Witness, session: &Session) -> Result<(), CliError> {
    for origin in witness.origins() {
        match witness.latest(origin)? {
            Some(latest) => {
                let size = latest.unverified().size();
                session.talk(&format!("{origin}: cosigned at size {size} last"));
            }
            None => session.talk(&format!(
                "{origin}: never cosigned; its next checkpoint will be taken on trust"
            )),
        }
    }
    Ok(())
}

/// An answer as a line of talk. A fork and a failure are told even to who wants no talk.
fn tell(answer: &Answer, quiet: bool) {
    let grave = matches!(answer, Answer::Inconsistent { .. } | Answer::Failed(_));
    if grave || !quiet {
        // A stranger wrote some of it; and talk that nobody can hear is no error.
        let line: String = answer
            .to_string()
            .chars()
            .filter(|c| !c.is_control())
            .collect();
        let _ = writeln!(io::stderr().lock(), "{} {line}", answer.status());
    }
}

impl From<CosignedError> for CliError {
    fn from(error: CosignedError) -> Self {
        let message = error.to_string();
        match error {
            CosignedError::Locked { .. } => Self::new(Exit::Locked, message)
                .hint("a witness has a directory of its own; stop the other one, or start this one elsewhere with a key of its own"),
            CosignedError::Damaged { .. } | CosignedError::OtherLog { .. } => changed(message),
            CosignedError::Io { .. } | CosignedError::Uncertain { .. } => Self::refused(message),
        }
    }
}

impl From<WitnessError> for CliError {
    fn from(error: WitnessError) -> Self {
        let message = error.to_string();
        match error {
            WitnessError::Cosigned(error) => error.into(),
            WitnessError::NotMine { .. } => changed(message),
            _ => Self::refused(message),
        }
    }
}

/// Nothing is to be started over silently here.
fn changed(message: String) -> CliError {
    CliError::new(Exit::Broken, message)
        .hint("keep the directory as it is, and find out who changed it; without its memory this key must not witness that log again")
}

// ---- ask ----

fn build_ask() -> clap::Command {
    clap::Command::new("ask")
        .about("Ask witnesses to cosign the ledger's checkpoint")
        .arg(
            Arg::new("url")
                .value_name("URL")
                .num_args(0..)
                .help("Witnesses to ask beside those whose URL the policy names"),
        )
        .arg(
            Arg::new("policy")
                .long("policy")
                .value_name("FILE")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("Who the log and its witnesses are, and how many of them are a quorum"),
        )
        .arg(log_key_arg().required(true))
        .after_help(
            "What witnesses sign is kept beside the ledger, in the file `cosigned` once it is a quorum, and in
`cosigned.partial` until then: ask again, and it grows. `servanda verify --policy FILE` demands the quorum. Exit code 12 if it is not met.

A policy (C2SP tlog-policy):
  log example.org/log1+146d4a70+AYqI...
  witness one one.example/w1+df1c0a35+BIE5... http://127.0.0.1:8378
  witness two two.example/w2+...
  group both all one two
  quorum both

Examples:
  servanda witness ask --policy witnesses.policy --key log.key",
        )
}

fn ask_all(matches: &ArgMatches, session: &Session) -> Result<Exit, CliError> {
    let missing = || CliError::new(Exit::Usage, "which policy?");
    let policy = read_policy(matches.get_one::<PathBuf>("policy").ok_or_else(missing)?)?;
    let ledger = session.open()?;
    let signed = sign(ledger.checkpoint()?, matches)?
        .ok_or_else(|| CliError::new(Exit::Usage, "which log key?"))?;
    let path = session.beside(COSIGNED)?;
    let partial = path.with_extension("partial");
    let mut cosigned = kept(&[&path, &partial], &signed);
    let given = matches
        .get_many::<String>("url")
        .unwrap_or_default()
        .cloned();
    let named = policy
        .witnesses()
        .iter()
        .filter_map(|witness| witness.url.clone());
    let mut urls: Vec<String> = named.chain(given).collect();
    urls.dedup();
    if urls.is_empty() {
        return Err(CliError::new(Exit::Usage, "which witnesses?")
            .hint("name a URL, or put one in the policy"));
    }
    for url in &urls {
        let mut prove = |old| ledger.prove_consistency(old);
        match ask(url, None, &signed, &mut prove) {
            Ok(signatures) => {
                for signature in signatures {
                    take(&mut cosigned, signature, &policy, url, session);
                }
            }
            Err(error) => session.talk(&format!("{url}: {error}")),
        }
    }
    let keep = |path: &Path| match session.dry_run {
        true => Ok(()),
        false => files::write_whole(path, cosigned.to_string()),
    };
    let unmet = match policy.check(&cosigned) {
        Ok(verified) => {
            keep(&path)?;
            let names: Vec<&str> = policy.names(&verified).into_iter().collect();
            session.say(&format!(
                "cosigned by {}: the quorum is met",
                names.join(", ")
            ))?;
            session.hint("next: servanda verify --policy FILE");
            return Ok(Exit::Ok);
        }
        Err(error) => error,
    };
    // An older checkpoint with its quorum is worth more than a newer one without, and stays where it is.
    if cosigned.note().signatures().len() > signed.note().signatures().len() {
        keep(&partial)?;
    }
    match unmet {
        PolicyUnmet::Quorum { .. } => Err(CliError::new(Exit::NotAnchored, unmet.to_string())
            .hint("what was signed is kept; ask again when the others answer")),
        error => Err(CliError::new(Exit::BadSignature, error.to_string())
            .hint("the policy's log must be this ledger's key, named after its origin")),
    }
}

/// The checkpoint with the cosignatures that it got before, if one of the files holds the same one.
fn kept(files: &[&Path], signed: &SignedCheckpoint) -> SignedCheckpoint {
    let same = files.iter().find_map(|file| match anchors::read(file) {
        Ok(Anchor::Signed(before)) if before.unverified() == signed.unverified() => Some(before),
        _ => None,
    });
    same.unwrap_or_else(|| signed.clone())
}

/// Adds a cosignature, if a witness of the policy made it.
fn take(
    cosigned: &mut SignedCheckpoint,
    signature: NoteSignature,
    policy: &Policy,
    url: &str,
    session: &Session,
) {
    let witness = policy
        .witnesses()
        .iter()
        .find(|witness| signature.is_by(&witness.key));
    let Some(witness) = witness else {
        session.talk(&format!(
            "{url}: signed by {}, who is not in the policy",
            signature.name()
        ));
        return;
    };
    if cosigned
        .note()
        .signatures()
        .iter()
        .any(|known| known.is_by(&witness.key))
    {
        return;
    }
    match cosigned.add_cosignature(signature, &witness.key) {
        Ok(time) => session.talk(&format!(
            "{url}: cosigned by {} at {}",
            witness.name,
            Instant(i64::try_from(time).unwrap_or(0).saturating_mul(1_000_000))
        )),
        Err(error) => session.talk(&format!("{url}: {error}")),
    }
}
