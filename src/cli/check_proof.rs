//! `check-proof`: checks a proof with the log's public key alone.

use std::path::{Path, PathBuf};

use super::anchors::{Consistency, one_line};
use super::command::{Command, Run};
use super::error::{CliError, Exit};
use super::files;
use super::keys::read_verifier_key;
use super::opened::Opened;
use super::session::Session;
use servanda_core::chain::checkpoint::{SignedCheckpoint, VerifiedCheckpoint};
use servanda_core::chain::key::{SignatureType, VerifierKey};
use servanda_core::chain::proof::TlogProof;
use servanda_core::chain::record::Record;
use servanda_core::chain::tree::{leaf_hash, verify_consistency};

pub(super) const COMMAND: Command = Command::of::<CheckProof>();

/// Check a proof with the log's public key alone, without the ledger
#[derive(clap::Parser)]
#[command(
    name = "check-proof",
    after_help = "Exit codes: 0 the proof holds, 10 the record or the history is another one, 11 a signature is bad, \
12 the proof holds but a witness that was named did not cosign it.

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
    /// A witness's public key: the witness must have cosigned the checkpoint
    #[arg(long, value_name = "VKEY")]
    witness_key: Vec<String>,
    /// The opened record, if it is not beside the proof
    #[arg(long, value_name = "FILE")]
    event: Option<PathBuf>,
}

impl Run for CheckProof {
    fn run(self, session: &Session) -> Result<Exit, CliError> {
        let trusted = Trusted::read(&self.log_key, &self.witness_key)?;
        let path = &self.file;
        let text = files::read_text(path)?;
        if Consistency::is_one(&text) {
            check_consistency(path, &text, &trusted, session)?;
        } else {
            let beside = self.event.unwrap_or_else(|| path.with_extension("json"));
            check_record(path, &text, &beside, &trusted, session)?;
        }
        Ok(Exit::Ok)
    }
}

/// Whose signatures the user asks for.
struct Trusted {
    log: VerifierKey,
    witnesses: Vec<VerifierKey>,
}

impl Trusted {
    fn read(log: &str, witnesses: &[String]) -> Result<Self, CliError> {
        let of_kind = |text: &str, wanted: SignatureType| {
            let key = read_verifier_key(text)?;
            let (name, kind) = (key.name(), key.kind());
            if kind == wanted {
                return Ok(key);
            }
            let message = format!("the key {name} makes signatures of type {kind}, not {wanted}");
            Err(CliError::new(Exit::Usage, message))
        };
        let cosigning = |text: &String| of_kind(text, SignatureType::CosignatureV1);
        Ok(Self {
            log: of_kind(log, SignatureType::Ed25519)?,
            witnesses: witnesses.iter().map(cosigning).collect::<Result<_, _>>()?,
        })
    }

    /// Checks the signatures of a checkpoint: that of the log, and those of the witnesses that are there.
    fn verify<'k>(
        &'k self,
        path: &Path,
        checkpoint: &SignedCheckpoint,
    ) -> Result<VerifiedCheckpoint<'k>, CliError> {
        checkpoint
            .verify([&self.log], &self.witnesses)
            .map_err(|error| {
                CliError::new(Exit::BadSignature, format!("{}: {error}", path.display()))
            })
    }

    /// Whether each witness that the user named cosigned.
    fn check_cosigned(&self, verified: &VerifiedCheckpoint<'_>) -> Result<(), CliError> {
        let cosigned = |key: &VerifierKey| {
            let mut found = verified.cosignatures().iter();
            found.any(|one| one.key == key)
        };
        let missing = self.witnesses.iter().filter(|key| !cosigned(key));
        let names: Vec<&str> = missing.map(|key| key.name().as_str()).collect();
        if names.is_empty() {
            return Ok(());
        }
        let message = format!(
            "the proof holds, but {} did not cosign it",
            names.join(", ")
        );
        Err(CliError::new(Exit::NotAnchored, message))
    }
}

/// Checks the proof of a record, and shows its event.
fn check_record(
    path: &Path,
    text: &str,
    beside: &Path,
    trusted: &Trusted,
    session: &Session,
) -> Result<(), CliError> {
    let proof = TlogProof::parse(text.as_bytes()).map_err(|error| {
        CliError::refused(format!("{} holds no proof: {error}", path.display()))
    })?;
    let broken =
        |what: String| CliError::new(Exit::Broken, format!("{}: {what}", beside.display()));
    let (opened, sealed) = Opened::read(beside)?;
    let record = Record::open(&sealed).map_err(|error| broken(error.to_string()))?;
    // The signature first, so that a bad one is not reported as a wrong record.
    let verified = trusted.verify(path, proof.checkpoint())?;
    let leaf = leaf_hash(&record.header.to_bytes());
    proof
        .verify(&leaf, [&trusted.log], &trusted.witnesses)
        .map_err(|error| broken(format!("the record is not the one that is proved: {error}")))?;
    let (seq, index) = (record.header.seq, proof.index());
    if seq != index {
        let what = format!("the record says it is {seq}, the proof is of {index}");
        return Err(broken(what));
    }
    opened
        .compare(&sealed, &record)
        .map_err(|error| broken(error.to_string()))?;
    let checkpoint = verified.checkpoint();
    session.talk(&format!(
        "holds: record {index} is in {} of {} records, signed by {}{}",
        checkpoint.origin(),
        checkpoint.size(),
        verified.log().name(),
        match verified.cosignatures().len() {
            0 => String::new(),
            n => format!(" and {n} of the witnesses given"),
        }
    ));
    match opened.event() {
        Some(event) => session.say_json(&event)?,
        None => session.say("its payload is not there: it was erased, or left out of the file")?,
    }
    trusted.check_cosigned(&verified)
}

fn check_consistency(
    path: &Path,
    text: &str,
    trusted: &Trusted,
    session: &Session,
) -> Result<(), CliError> {
    let proof = Consistency::parse(text)
        .ok_or_else(|| CliError::refused(format!("{} holds no proof", path.display())))?;
    let verified = trusted.verify(path, &proof.new)?;
    let (old, new) = (proof.old.checkpoint(), verified.checkpoint());
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
    trusted.check_cosigned(&verified)
}
