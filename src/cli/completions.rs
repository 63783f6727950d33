//! `completions`: a script that completes commands, options and words in a shell.

use std::io;

use clap::{Arg, ArgMatches, value_parser};
use clap_complete::Shell;

use super::command::Command;
use super::error::{CliError, Exit};
use super::session::{Session, written};

pub(super) const COMMAND: Command = Command { build, run };

fn build() -> clap::Command {
    clap::Command::new("completions")
        .about("Write a completion script for a shell")
        .arg(Arg::new("shell").required(true).value_parser(value_parser!(Shell)).help("The shell"))
        .after_help("Examples:\n  servanda completions bash > ~/.local/share/bash-completion/completions/servanda")
}

fn run(matches: &ArgMatches, session: &Session) -> Result<Exit, CliError> {
    let Some(shell) = matches.get_one::<Shell>("shell") else {
        return Err(CliError::new(Exit::Usage, "which shell?"));
    };
    // Written to memory first: the generator panics where its output cannot be written.
    let mut script = Vec::new();
    clap_complete::generate(
        *shell,
        &mut (session.command_line)(),
        "servanda",
        &mut script,
    );
    written(io::Write::write_all(&mut io::stdout().lock(), &script))?;
    Ok(Exit::Ok)
}
