//! `show`: the dossier of anything.

use clap::ArgMatches;

use super::answer::{answer, arrange_args};
use super::command::Command;
use super::error::{CliError, Exit};
use super::questions::{clock_args, limit_arg, subject_arg};
use super::session::Session;
use servanda_report::report::dossier::dossier;

pub(super) const COMMAND: Command = Command { build, run };

fn build() -> clap::Command {
    clap::Command::new("show")
        .about("Show all there is about a party, source, agreement, commitment or record")
        .arg(subject_arg())
        .arg(limit_arg())
        .args(arrange_args())
        .args(clock_args())
        .after_help("Examples:\n  servanda show C1\n  servanda show colombia --as-of 2023-06-01\n  servanda show 12")
}

fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, CliError> {
    answer(
        matches,
        session,
        |_, _| Ok(()),
        |view, question| {
            let Some(subject) = &question.subject else {
                return Err(CliError::new(Exit::Usage, "show what?"));
            };
            dossier(view, subject, question).ok_or_else(|| {
                CliError::refused(format!("there was no {subject} yet on {}", view.as_of))
                    .hint("leave out --as-of, or give a later day")
            })
        },
    )
}
