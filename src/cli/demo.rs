//! `demo`: the whole tour on a ledger of its own, without any set-up.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Arg, ArgMatches, value_parser};

use super::error::{CliError, Exit};
use super::feed::Feed;
use super::interrupt::Interrupt;
use super::progress::Intake;
use super::session::Session;
use super::{Command, command_line, demo_witnesses, log, report, show, verify};
use servanda_core::event::{Event, Fields, Kind};
use servanda_core::ndjson::{Defaults, Lines};
use servanda_ledger::replay::CHUNK;
use servanda_ledger::{Ledger, Machine};
use servanda_log::{Log, OneBatch, directory};

pub(super) const COMMAND: Command = Command { build, run };

/// A communiqué of two defence ministers, as events.
const COMMUNIQUE: &str = include_str!("../../fixtures/communique.ndjson");

/// What was reported before and after it, known later.
const FOLLOW_UPS: &str = include_str!("../../fixtures/communique-follow-ups.ndjson");

/// The name of the demo's ledger.
const ORIGIN: &str = "demo.example/communique";

/// The record whose byte the demo changes: it holds the first commitment.
const CHANGED: &str = "C1";

fn build() -> clap::Command {
    clap::Command::new("demo")
        .about("Show all of it on a ledger made from a communiqué of two defence ministers")
        .arg(
            Arg::new("keep")
                .long("keep")
                .value_name("DIR")
                .value_parser(value_parser!(PathBuf))
                .help("Make the two ledgers in this directory and leave them there"),
        )
        .after_help("Examples:\n  servanda demo\n  servanda demo --keep tour")
}

fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, CliError> {
    let scratch = tempfile::Builder::new()
        .prefix("servanda-demo-")
        .tempdir()
        .map_err(|error| {
            CliError::refused(format!("cannot make a directory for the demo: {error}"))
        })?;
    let keep = matches.get_one::<PathBuf>("keep");
    let place = keep.map_or(scratch.path(), PathBuf::as_path);
    tour(place, session)?;
    if let Some(keep) = keep {
        session.hint(&format!(
            "next: servanda log --ledger {}",
            keep.join("ledger").display()
        ));
    } else {
        session.hint("`servanda demo --keep DIR` leaves the ledgers to look at; `servanda init` makes your own");
    }
    Ok(Exit::Ok)
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
    step(session, "What was recorded, newest first:")?;
    show_command(session, &["log", "--limit", "12"], log::COMMAND)?;
    step(session, "All there is about one commitment:")?;
    show_command(session, &["show", CHANGED], show::COMMAND)?;
    step(session, "What stands:")?;
    show_command(session, &["report", "status"], report::COMMAND)?;
    step(session, "Whether anybody changed the history:")?;
    show_command(session, &["verify"], verify::COMMAND)?;
    let changed = tamper(&ledger, &copy)?;
    let session = &session.on(&copy);
    step(
        session,
        &format!(
            "The ledger is copied, and one byte of record {changed}, which holds {CHANGED}, is changed in the copy:"
        ),
    )?;
    show_command(session, &["verify"], verify::COMMAND)?;
    step(
        session,
        &format!(
            "The copy is found out, and record {changed} is named. The original still verifies."
        ),
    )?;
    demo_witnesses::tour(place, ORIGIN, &session.on(&ledger))
}

pub(super) fn step(session: &Session, text: &str) -> Result<(), CliError> {
    session.say(&format!("\n== {text}"))
}

/// Shows a command as a user would type it, and what it prints, errors too.
pub(super) fn show_command(
    session: &Session,
    words: &[&str],
    command: Command,
) -> Result<(), CliError> {
    session.say(&format!("$ servanda {}\n", words.join(" ")))?;
    let words = std::iter::once("servanda").chain(words.iter().copied());
    let matches = command_line()
        .try_get_matches_from(words)
        .map_err(|error| CliError::refused(error.to_string()))?;
    if let Some((_, arguments)) = matches.subcommand() {
        match (command.run)(arguments, session) {
            Err(error) if error.exit == Exit::NotAnchored => session.report_error(&error),
            outcome => drop(outcome?),
        }
    }
    Ok(())
}

/// Makes the demo's ledger, with one text in place of another.
pub(super) fn make(
    dir: &Path,
    session: &Session,
    (old, new): (&str, &str),
) -> Result<(), CliError> {
    let mut fields = Fields::default();
    fields.set("origin", vec![ORIGIN.into()]);
    fields.set("purpose", vec!["to show what servanda does".into()]);
    let opening = Event::build(Kind::LedgerOpened, &fields).map_err(super::record::wrong_fields)?;
    let log = directory::create(dir, "servanda demo")?;
    let mut ledger = Ledger::create(log, Machine, opening)?;
    for (name, text) in [
        ("the communiqué", COMMUNIQUE),
        ("the follow-ups", FOLLOW_UPS),
    ] {
        let text = text.replacen(old, new, 1);
        let feed = Feed {
            name,
            recorded_at: None,
            progress: Intake::hidden(),
            interrupt: Interrupt::default(),
        };
        let lines = Lines::new(text.as_bytes(), Defaults::default());
        feed.append(session, &mut ledger, lines)?;
    }
    Ok(())
}

/// Copies a ledger with one byte of one record changed, as somebody with access to the disk could.
fn tamper(original: &Path, copy: &Path) -> Result<u64, CliError> {
    let wait = Duration::from_secs(10);
    let original = Ledger::open(directory::open(original, wait, "servanda demo")?, Machine)?;
    let seq = match original.state().resolve(CHANGED)? {
        servanda_core::value::id::Subject::Entity(id) => {
            original.state().entity(&id).map(|(_, seq)| seq.0)
        }
        servanda_core::value::id::Subject::Record(seq) => Some(seq.0),
    };
    let seq = seq.ok_or_else(|| CliError::refused("the communiqué lost its first commitment"))?;
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
    let mut batch = OneBatch::new(records, original.head()?);
    copy.append(servanda_core::chain::record::Head::EMPTY, &mut batch)
        .map_err(|error| CliError::refused(error.to_string()))?;
    Ok(seq)
}
