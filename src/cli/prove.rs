//! `prove`: a proof that a record is in the ledger, or that an older checkpoint is its beginning.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, value_parser};
use serde_json::json;

use super::anchors;
use super::checkpoint::{log_key_arg, sign};
use super::command::Command;
use super::error::{CliError, Exit};
use super::session::Session;
use servanda_core::chain::proof::TlogProof;
use servanda_core::chain::record::Record;
use servanda_core::ndjson::event_to_json;
use servanda_ledger::anchor::{self, Anchoring};
use servanda_log::Log;

pub(super) const COMMAND: Command = Command { build, run };

fn build() -> clap::Command {
    clap::Command::new("prove")
        .about("Write a proof that needs no ledger to be checked")
        .arg(
            Arg::new("what")
                .value_name("ID|RECORD")
                .required_unless_present("since")
                .help("The record, or what it defines"),
        )
        .arg(
            Arg::new("since")
                .long("since")
                .value_name("CHECKPOINT")
                .value_parser(value_parser!(PathBuf))
                .conflicts_with("what")
                .help("Prove that this older checkpoint is the beginning of the ledger"),
        )
        .arg(log_key_arg().required(true))
        .arg(
            Arg::new("out")
                .long("out")
                .value_name("DIR")
                .default_value(".")
                .value_parser(value_parser!(PathBuf))
                .help("Where to write the files"),
        )
        .after_help(
            "Of a record: RECORD.tlog-proof (C2SP tlog-proof) and beside it RECORD.json, the record verbatim with its
event opened. Of a checkpoint: consistency.proof. `servanda check-proof` checks either.

Examples:
  servanda prove C1 --key log.key
  servanda prove --since 2025-11-23.checkpoint --key log.key",
        )
}

fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, CliError> {
    let out = matches
        .get_one::<PathBuf>("out")
        .cloned()
        .unwrap_or_default();
    let ledger = session.open()?;
    let signed = sign(ledger.checkpoint()?, matches)?
        .ok_or_else(|| CliError::new(Exit::Usage, "a proof needs the log's key"))?;
    if let Some(path) = matches.get_one::<PathBuf>("since") {
        let old = anchors::read(path)?;
        let (kept, present) = (old.checkpoint(), signed.unverified());
        let anchoring = anchor::compare(&ledger.hashes(), present, kept)?;
        if anchoring != Anchoring::Holds {
            let message = format!("the ledger does not lead through {}", path.display());
            return Err(CliError::new(Exit::Broken, message)
                .detail(format!("kept: {}", anchors::one_line(kept)))
                .detail(format!("now:  {}", anchors::one_line(present)))
                .hint("keep both, with the log's signatures, as evidence"));
        }
        let hashes = ledger.prove_consistency(old.checkpoint().size())?;
        let proof = anchors::Consistency {
            old,
            hashes,
            new: signed,
        };
        let file = out.join("consistency.proof");
        write(&file, &proof.to_string())?;
        session.say(&file.display().to_string())?;
        session.hint(&format!(
            "next: servanda check-proof {} --log-key VKEY",
            file.display()
        ));
        return Ok(Exit::Ok);
    }
    let what = matches.get_one::<String>("what").map_or("", String::as_str);
    let state = ledger.state();
    let seq = anchors::defining_record(state, what)?;
    let stored = ledger.log().read(seq.0, 1)?;
    let sealed = &stored
        .first()
        .ok_or_else(|| CliError::refused("the record is missing"))?
        .sealed;
    let record =
        Record::open(sealed).map_err(|error| CliError::new(Exit::Broken, error.to_string()))?;
    let proof = TlogProof::new(seq.0, ledger.prove_inclusion(seq.0)?, signed)
        .map_err(|error| CliError::refused(error.to_string()))?;
    let file = out.join(format!("{seq}.tlog-proof"));
    let beside = out.join(format!("{seq}.json"));
    write(&file, &proof.to_string())?;
    let event = state.held(seq).map(|held| event_to_json(held.recorded()));
    let opened = json!({
        "seq": seq.0,
        "link": record.header.link().to_string(),
        "record": super::raw::hex(&sealed.0),
        "event": event,
    });
    write(&beside, &format!("{opened}\n"))?;
    session.say(&file.display().to_string())?;
    session.say(&beside.display().to_string())?;
    session.hint(&format!(
        "next: servanda check-proof {} --log-key VKEY",
        file.display()
    ));
    Ok(Exit::Ok)
}

fn write(path: &Path, text: &str) -> Result<(), CliError> {
    super::files::write_whole(path, text)
}
