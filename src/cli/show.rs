//! `show`: the dossier of anything.

use clap::ArgMatches;

use super::answer::{answer, arrange_args};
use super::command::Command;
use super::error::{CliError, Exit};
use super::questions::{clock_args, limit_arg, subject_arg};
use super::session::Session;
use servanda_report::report::dossier::dossier;

/// The most rows of a table, where no other limit is given.
const ROWS: usize = 1_000;

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
        |_, asked| {
            asked.question.limit.get_or_insert(ROWS);
            Ok(())
        },
        |view, question| {
            let Some(subject) = &question.subject else {
                return Err(CliError::new(Exit::Usage, "show what?"));
            };
            let mut document = dossier(view, subject, question).ok_or_else(|| {
                CliError::refused(format!("there was no {subject} yet on {}", view.as_of))
                    .hint("leave out --as-of, or give a later day")
            })?;
            let limit = question.limit.unwrap_or(ROWS);
            let is_cut = |note: &String| note.contains(&format!(" {limit} of "));
            if document.notes.iter().any(is_cut) {
                document.notes.push(
                    "long tables are cut: --limit N shows more; `list commitments` and `log` have all, with --agreement or --party"
                        .to_owned(),
                );
            }
            Ok(document)
        },
    )
}
