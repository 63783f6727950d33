//! `check-proof`: checks a proof with the log's public key alone.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::anchors::{Consistency, one_line};
use super::command::{Command, Run};
use super::error::{CliError, Exit};
use super::files;
use super::keys::read_verifier_key;
use super::raw::unhex;
use super::session::Session;
use servanda_core::chain::codec;
use servanda_core::chain::key::VerifierKey;
use servanda_core::chain::proof::TlogProof;
use servanda_core::chain::record::Record;
use servanda_core::chain::tree::{leaf_hash, verify_consistency};
use servanda_core::ndjson::event_to_json;

pub(super) const COMMAND: Command = Command::of::<CheckProof>();

/// Check a proof with the log's public key alone, without the ledger
#[derive(clap::Parser)]
#[command(
    name = "check-proof",
    after_help = "Exit code 0 if the proof holds, 10 if the record or the history is another one, 11 if a signature is bad.

Examples:
  servanda check-proof 19.tlog-proof --log-key \"example.org/log+146d4a70+AYqI...\""
)]
struct CheckProof {
    /// A .tlog-proof, with its .json beside it, or a consistency.proof
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The log's public key, or a file that holds it
    #[arg(long, value_name = "VKEY")]
    log_key: String,
    /// A witness's public key: its cosignature must hold, if there is one
    #[arg(long, value_name = "VKEY")]
    witness_key: Vec<String>,
    /// The opened record, if it is not beside the proof
    #[arg(long, value_name = "FILE")]
    event: Option<PathBuf>,
}

impl Run for CheckProof {
    fn run(self, session: &Session) -> Result<Exit, CliError> {
        let path = &self.file;
        let log = read_verifier_key(&self.log_key)?;
        let witnesses: Vec<VerifierKey> = self
            .witness_key
            .iter()
            .map(|text| read_verifier_key(text))
            .collect::<Result<_, _>>()?;
        let text = files::read_text(path)?;
        if Consistency::is_one(&text) {
            return check_consistency(path, &text, &log, session);
        }
        let proof = TlogProof::parse(text.as_bytes()).map_err(|error| {
            CliError::refused(format!("{} holds no proof: {error}", path.display()))
        })?;
        let logs = [log];
        let beside = self.event.unwrap_or_else(|| path.with_extension("json"));
        let record = read_record(&beside)?;
        // The signature first, so that a bad one is not reported as a wrong record.
        let verified = proof
            .checkpoint()
            .verify(&logs, &witnesses)
            .map_err(|error| {
                CliError::new(Exit::BadSignature, format!("{}: {error}", path.display()))
            })?;
        let broken =
            |what: String| CliError::new(Exit::Broken, format!("{}: {what}", beside.display()));
        proof
            .verify(&leaf_hash(&record.header.to_bytes()), &logs, &witnesses)
            .map_err(|error| {
                broken(format!("the record is not the one that is proved: {error}"))
            })?;
        check_record(&record, proof.index()).map_err(broken)?;
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
        match record.content() {
            None => session.say("its payload was redacted"),
            Some(content) => {
                let event = codec::decode(content).map_err(|error| broken(error.to_string()))?;
                session.say_json(&Value::Object(event_to_json(&event)))
            }
        }?;
        Ok(Exit::Ok)
    }
}

/// Checks that a record has the number in the proof and the payload that was recorded.
fn check_record(record: &Record, index: u64) -> Result<(), String> {
    let seq = record.header.seq;
    if seq != index {
        return Err(format!(
            "the record says it is {seq}, the proof is of {index}"
        ));
    }
    if !record.payload_is_sound() {
        return Err("its payload is not the one that was recorded".into());
    }
    Ok(())
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
    let text = files::read_text(path)
        .map_err(|error| error.hint("name the opened record with --event FILE"))?;
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
