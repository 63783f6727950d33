//! `log`: the records, newest first.

use clap::ArgMatches;

use super::answer::{answer, arrange_args};
use super::command::Command;
use super::error::{CliError, Exit};
use super::questions::{clock_args, record_args};
use super::session::Session;
use servanda_report::report::Report as _;
use servanda_report::report::log::Log;

pub(super) const COMMAND: Command = Command { build, run };

fn build() -> clap::Command {
    clap::Command::new("log")
        .about("Show the records, newest first")
        .args(record_args())
        .args(arrange_args())
        .args(clock_args())
        .after_help(
            "On a terminal the log goes through SERVANDA_PAGER, or PAGER, or less.\n\nExamples:
  servanda log --party colombia --since 2023
  servanda log --kind status --kind contest -n 20
  servanda log --since 120 --format json",
        )
}

fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, CliError> {
    answer(
        matches,
        session,
        |_, _| Ok(()),
        |view, question| Ok(Log.document(view, question)),
    )
}
