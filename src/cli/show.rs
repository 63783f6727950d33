//! `show`: the dossier of anything.

use clap::ArgMatches;

use super::command::Command;
use super::error::{CliError, Exit};
use super::questions::{ask, clock_args, readable, subject_arg};
use super::session::Session;
use servanda_core::view::View;
use servanda_report::report::dossier::dossier;

pub(super) const COMMAND: Command = Command { build, run };

fn build() -> clap::Command {
    clap::Command::new("show")
        .about("Show all there is about a party, source, agreement, commitment or record")
        .arg(subject_arg())
        .args(clock_args())
        .after_help("Examples:\n  servanda show C1\n  servanda show colombia --as-of 2023-06-01\n  servanda show 12")
}

fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, CliError> {
    let ledger = session.open()?;
    let asked = ask(matches, &ledger)?;
    let view = View {
        state: &asked.state,
        as_of: asked.as_of,
    };
    let Some(subject) = &asked.question.subject else {
        return Err(CliError::new(Exit::Usage, "show what?"));
    };
    let found = asked.answered(dossier(&view, subject, &asked.question))?;
    let document = found.ok_or_else(|| {
        CliError::refused(format!("there was no {subject} yet on {}", asked.as_of))
            .hint("leave out --as-of, or give a later day")
    })?;
    session.show(&document)?;
    // Rows are made while they are written: only now is it known whether all records could be read.
    readable(&asked.state)?;
    drop(document);
    drop(asked);
    ledger.close_without_drop();
    Ok(Exit::Ok)
}
