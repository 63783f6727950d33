//! Functions that the parts of the demo share: making its ledger, showing a step and a command.

use std::path::Path;

use crate::cli::command::Command;
use crate::cli::error::{CliError, Exit};
use crate::cli::feed::{Feed, refused};
use crate::cli::interrupt::Interrupt;
use crate::cli::progress::Intake;
use crate::cli::session::Session;
use crate::cli::typed::built;
use servanda_core::event::{Fields, Kind};
use servanda_core::ndjson::{Defaults, Lines};
use servanda_ledger::{Ledger, Machine};
use servanda_log::directory;

/// A communiqué of two defence ministers, as events.
const COMMUNIQUE: &str = include_str!("../../../fixtures/communique.ndjson");

/// Reports from before and after the communiqué that became known later.
const FOLLOW_UPS: &str = include_str!("../../../fixtures/communique-follow-ups.ndjson");

/// The name of the demo's ledger.
pub const ORIGIN: &str = "demo.example/communique";

/// Prints the heading of a step.
pub fn step(session: &Session, text: &str) -> Result<(), CliError> {
    session.say_lines(&format!("\n== {text}"))
}

/// Shows a command as a user would type it, and its output and errors.
pub fn show_command(session: &Session, words: &[&str], command: Command) -> Result<(), CliError> {
    session.say(&format!("$ servanda {}", words.join(" ")))?;
    session.say("")?;
    let words = std::iter::once("servanda").chain(words.iter().copied());
    let matches = (session.command_line)()
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

/// Makes the demo's ledger, with one text replaced by another.
pub fn make(dir: &Path, session: &Session, (old, new): (&str, &str)) -> Result<(), CliError> {
    let mut fields = Fields::default();
    fields.set("origin", vec![ORIGIN.into()]);
    fields.set("purpose", vec!["to show what servanda does".into()]);
    let opening = built(session, Kind::LedgerOpened, fields)?;
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
        let fed = feed.append(session, &mut ledger, lines);
        fed.map_err(|error| refused(error, name))?;
    }
    Ok(())
}
