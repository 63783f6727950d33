//! `show`: the dossier of anything.

use clap::{Arg, ArgMatches};

use super::Command;
use super::error::{CliError, Exit};
use super::questions::{ask, clock_args};
use super::session::Session;
use crate::domain::view::View;
use crate::report::dossier::dossier;

pub(super) const COMMAND: Command = Command { build, run };

fn build() -> clap::Command {
    clap::Command::new("show")
        .about("Show all there is about a party, source, agreement, commitment or record")
        .arg(
            Arg::new("what")
                .value_name("ID|RECORD")
                .required(true)
                .help("An id, an unambiguous beginning of one, or a record's number"),
        )
        .args(clock_args())
        .after_help("Examples:\n  servanda show C1\n  servanda show colombia --as-of 2023-06-01\n  servanda show 12")
}

fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, CliError> {
    let asked = ask(matches, session)?;
    let what = matches.get_one::<String>("what").map_or("", String::as_str);
    let subject = asked.register.resolve(what)?;
    let view = View {
        register: &asked.register,
        as_of: asked.as_of,
    };
    let Some(document) = dossier(&view, &subject, &asked.question) else {
        return Err(
            CliError::refused(format!("there was no {subject} yet on {}", asked.as_of))
                .hint("leave out --as-of, or give a later day"),
        );
    };
    session.show(&document)?;
    Ok(Exit::Ok)
}
