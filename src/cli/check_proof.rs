//! `check-proof`: checks a proof with nothing but the log's public key.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, value_parser};
use serde_json::Value;

use super::anchors::{Consistency, one_line};
use super::command::Command;
use super::error::{CliError, Exit};
use super::keys::read_verifier_key;
use super::raw::unhex;
use super::session::Session;
use servanda_core::chain::codec;
use servanda_core::chain::key::VerifierKey;
use servanda_core::chain::proof::TlogProof;
use servanda_core::chain::record::Record;
use servanda_core::chain::tree::{leaf_hash, verify_consistency};
use servanda_core::ndjson::event_to_json;

pub(super) const COMMAND: Command = Command { build, run };

fn build() -> clap::Command {
    clap::Command::new("check-proof")
        .about("Check a proof with the log's public key alone, without the ledger")
        .arg(
            Arg::new("file")
                .value_name("FILE")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("A .tlog-proof, with its .json beside it, or a consistency.proof"),
        )
        .arg(
            Arg::new("log-key")
                .long("log-key")
                .value_name("VKEY")
                .required(true)
                .help("The log's public key, or a file that holds it"),
        )
        .arg(
            Arg::new("witness-key")
                .long("witness-key")
                .value_name("VKEY")
                .action(ArgAction::Append)
                .help("A witness's public key: its cosignature must hold, where there is one"),
        )
        .arg(
            Arg::new("event")
                .long("event")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("The opened record, if it does not lie beside the proof"),
        )
        .after_help(
            "Exit code 0 if it holds, 10 if the record or history is not what is proved, 11 if a signature is bad.

Examples:
  servanda check-proof 19.tlog-proof --log-key \"example.org/log+146d4a70+AYqI...\"",
        )
}

fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, CliError> {
    let Some(path) = matches.get_one::<PathBuf>("file") else {
        return Err(CliError::new(Exit::Usage, "which proof?"));
    };
    let log = read_verifier_key(
        matches
            .get_one::<String>("log-key")
            .map_or("", String::as_str),
    )?;
    let witnesses: Vec<VerifierKey> = matches
        .get_many::<String>("witness-key")
        .into_iter()
        .flatten()
        .map(|text| read_verifier_key(text))
        .collect::<Result<_, _>>()?;
    let text =
        std::fs::read_to_string(path).map_err(|error| CliError::file("read", path, &error))?;
    if Consistency::is_one(&text) {
        return check_consistency(path, &text, &log, session);
    }
    let proof = TlogProof::parse(text.as_bytes()).map_err(|error| {
        CliError::refused(format!("{} holds no proof: {error}", path.display()))
    })?;
    let beside = matches
        .get_one::<PathBuf>("event")
        .cloned()
        .unwrap_or_else(|| path.with_extension("json"));
    let record = read_record(&beside)?;
    let logs = [log];
    // The signature first: a bad one is told apart from a record that is not the one proved.
    let verified = proof
        .checkpoint()
        .verify(&logs, &witnesses)
        .map_err(|error| {
            CliError::new(Exit::BadSignature, format!("{}: {error}", path.display()))
        })?;
    let broken =
        |what: String| CliError::new(Exit::Broken, format!("{}: {what}", beside.display()));
    let leaf = leaf_hash(&record.header.to_bytes());
    proof
        .verify(&leaf, &logs, &witnesses)
        .map_err(|error| broken(format!("the record is not the one that is proved: {error}")))?;
    if record.header.seq != proof.index() {
        return Err(broken(format!(
            "the record says it is {}, the proof is of {}",
            record.header.seq,
            proof.index()
        )));
    }
    if !record.payload_is_sound() {
        return Err(broken(
            "its payload is not the one that was recorded".into(),
        ));
    }
    let checkpoint = verified.checkpoint();
    session.talk(&format!(
        "holds: record {} is in {} of {} records, signed by {}{}",
        proof.index(),
        checkpoint.origin(),
        checkpoint.size(),
        verified.log().name(),
        match verified.cosignatures().len() {
            0 => String::new(),
            n => format!(" and {n} of the witnesses given"),
        }
    ));
    match &record.body {
        None => session.say("its payload was redacted"),
        Some(body) => {
            let event = codec::decode(&body.payload).map_err(|error| broken(error.to_string()))?;
            session.say(&Value::Object(event_to_json(&event)).to_string())
        }
    }?;
    Ok(Exit::Ok)
}

fn check_consistency(
    path: &Path,
    text: &str,
    log: &VerifierKey,
    session: &Session,
) -> Result<Exit, CliError> {
    let proof = Consistency::parse(text)
        .ok_or_else(|| CliError::refused(format!("{} holds no proof", path.display())))?;
    let signed =
        |error: String| CliError::new(Exit::BadSignature, format!("{}: {error}", path.display()));
    let keys = [log.clone()];
    let new = proof
        .new
        .verify(&keys, &[])
        .map_err(|error| signed(error.to_string()))?;
    let (old, new) = (proof.old.checkpoint(), new.checkpoint());
    if old.origin() != new.origin() {
        return Err(CliError::new(
            Exit::Broken,
            "the two checkpoints are of different ledgers",
        ));
    }
    verify_consistency(
        old.size(),
        old.root(),
        new.size(),
        new.root(),
        &proof.hashes,
    )
    .map_err(|error| {
        CliError::new(
            Exit::Broken,
            format!("the older checkpoint is not the beginning of the newer: {error}"),
        )
        .detail(one_line(old))
        .detail(one_line(new))
    })?;
    session.say(&format!(
        "holds: the first {} records of {} are the beginning of its {}",
        old.size(),
        old.origin(),
        new.size()
    ))?;
    Ok(Exit::Ok)
}

/// Reads the opened record beside a proof.
fn read_record(path: &Path) -> Result<Record, CliError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        CliError::file("read", path, &error).hint("name the opened record with --event FILE")
    })?;
    let wrong =
        |why: &str| CliError::refused(format!("{} holds no opened record: {why}", path.display()));
    let json: Value = serde_json::from_str(&text).map_err(|error| wrong(&error.to_string()))?;
    let hex = json
        .get("record")
        .and_then(Value::as_str)
        .ok_or_else(|| wrong("it has no `record`"))?;
    let bytes = unhex(hex).ok_or_else(|| wrong("`record` is not hexadecimal"))?;
    Record::open(&bytes.into())
        .map_err(|error| CliError::new(Exit::Broken, format!("{}: {error}", path.display())))
}
