//! `man`: the manual pages, one a command.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, value_parser};

use super::command::Command;
use super::error::{CliError, Exit};
use super::session::Session;

pub(super) const COMMAND: Command = Command { build, run };

fn build() -> clap::Command {
    clap::Command::new("man")
        .about("Write the manual pages into a directory")
        .arg(
            Arg::new("dir")
                .value_name("DIR")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("Where to; it is made if need be"),
        )
        .after_help("Examples:\n  servanda man ~/.local/share/man/man1")
}

fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, CliError> {
    let Some(dir) = matches.get_one::<PathBuf>("dir") else {
        return Err(CliError::new(Exit::Usage, "which directory?"));
    };
    std::fs::create_dir_all(dir).map_err(|error| CliError::file("make", dir, &error))?;
    clap_mangen::generate_to((session.command_line)(), dir)
        .map_err(|error| CliError::file("write to", dir, &error))?;
    session.talk(&format!("manual pages are in {}", dir.display()));
    Ok(Exit::Ok)
}
