//! `demo`: a tour of the program on a ledger of its own, without any set-up.

mod stage;
mod witnesses;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

pub(super) use self::stage::make;
use self::stage::{ORIGIN, show_command, step};
use super::command::{Command, Run};
use super::error::{CliError, Exit};
use super::session::Session;
use super::{log, report, show, verify};
use servanda_core::chain::record::Head;
use servanda_core::ranges::CHUNK;
use servanda_files::Temporary;
use servanda_ledger::{Ledger, Machine};
use servanda_log::{Log, OneBatch, directory};

pub(super) const COMMAND: Command = Command::of::<Demo>();

/// Show the program on a ledger made from a communiqué of two defence ministers
#[derive(clap::Parser)]
#[command(
    name = "demo",
    after_help = "Examples:\n  servanda demo\n  servanda demo --keep tour"
)]
struct Demo {
    /// Make the ledgers in this directory and leave them there
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// The id in the record whose byte the demo changes: the first commitment.
const CHANGED: &str = "C1";

impl Run for Demo {
    fn run(self, session: &Session) -> Result<Exit, CliError> {
        let (scratch, _temporary) = scratch()?;
        tour(self.keep.as_deref().unwrap_or(scratch.path()), session)?;
        session.hint(&match self.keep {
            Some(keep) => format!(
                "next: servanda log --ledger {}",
                keep.join("ledger").display()
            ),
            None => "`servanda demo --keep DIR` leaves the ledgers to look at; `servanda init` makes your own".into(),
        });
        Ok(Exit::Ok)
    }
}

/// A directory for ledgers that nobody keeps.
pub(super) fn scratch() -> Result<(TempDir, Temporary), CliError> {
    let make = || tempfile::Builder::new().prefix("servanda-demo-").tempdir();
    Temporary::of(make).map_err(|error| {
        CliError::refused(format!("cannot make a directory for the demo: {error}"))
    })
}

fn tour(place: &Path, session: &Session) -> Result<(), CliError> {
    let ledger = place.join("ledger");
    let copy = place.join("copy");
    step(
        session,
        "A ledger is made, and the events of the communiqué are recorded in it.",
    )?;
    let session = &session.on(&ledger);
    make(&ledger, session, ("", ""))?;
    step(session, "The records, newest first:")?;
    show_command(session, &["log", "--limit", "12"], log::COMMAND)?;
    step(session, "Everything about one commitment:")?;
    show_command(session, &["show", CHANGED], show::COMMAND)?;
    step(session, "The status of every commitment:")?;
    show_command(session, &["report", "status"], report::COMMAND)?;
    step(session, "Did anybody change the history?")?;
    show_command(session, &["verify"], verify::COMMAND)?;
    let changed = tamper(&ledger, &copy)?;
    let session = &session.on(&copy);
    step(
        session,
        &format!(
            "The ledger is copied. In the copy, one byte of record {changed}, which holds {CHANGED}, is changed:"
        ),
    )?;
    show_command(session, &["verify"], verify::COMMAND)?;
    step(
        session,
        &format!(
            "`verify` finds the change and names record {changed}. The original still verifies."
        ),
    )?;
    witnesses::tour(place, ORIGIN, &session.on(&ledger))
}

/// Copies a ledger with one byte of one record changed, as somebody with access to the disk could. Returns the number
/// of the changed record.
fn tamper(original: &Path, copy: &Path) -> Result<u64, CliError> {
    let wait = Duration::from_secs(10);
    let original = Ledger::open(directory::open(original, wait, "servanda demo")?, Machine)?;
    let seq = super::anchors::defining_record(original.state(), CHANGED)?.0;
    let original = original.into_log();
    let mut records = Vec::new();
    loop {
        let chunk = original.read(records.len() as u64, CHUNK)?;
        if chunk.is_empty() {
            break;
        }
        records.extend(chunk.into_iter().map(|stored| stored.sealed));
    }
    let record = usize::try_from(seq).ok().and_then(|at| records.get_mut(at));
    if let Some(record) = record {
        record.tamper(|bytes| {
            if let Some(byte) = bytes.last_mut() {
                *byte ^= 1;
            }
        });
    }
    let mut copy = directory::create(copy, "servanda demo")?;
    copy.append(Head::EMPTY, &mut OneBatch::new(records, original.head()?))
        .map_err(|error| CliError::refused(error.to_string()))?;
    Ok(seq)
}
