//! `search`: the records whose texts have some words.

use clap::{Arg, ArgAction, ArgMatches};

use super::answer::{answer, arrange_args};
use super::command::Command;
use super::error::{CliError, Exit};
use super::questions::{clock_args, given, record_args};
use super::session::Session;
use servanda_report::report::Report as _;
use servanda_report::report::search::Search;

pub(super) const COMMAND: Command = Command { build, run };

fn build() -> clap::Command {
    clap::Command::new("search")
        .about("Search all texts: names, titles, terms, notes, places in sources")
        .arg(
            Arg::new("words")
                .value_name("WORDS")
                .required(true)
                .action(ArgAction::Append)
                .num_args(1..)
                .help("What to look for, each in any case, without regard to accents, and as a part of a word too. A record must have all; quotes keep several words together"),
        )
        .args(record_args())
        .args(arrange_args())
        .args(clock_args())
        .after_help(
            "Texts are searched as they read today, corrections included; what is withheld is not searched.

Examples:
  servanda search bridge
  servanda search \"joint commission\" border --kind commitment
  servanda search mines --since 2023 --format csv",
        )
}

fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, CliError> {
    let words = given(matches, "words");
    answer(
        matches,
        session,
        |_, asked| {
            asked.question.words = words;
            Ok(())
        },
        |view, question| Ok(Search.document(view, question)),
    )
}
