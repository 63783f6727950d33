//! `completions`: a script that completes commands, options and words in a shell.

use std::io::{self, Write as _};

use clap_complete::Shell;

use super::command::{Command, Run};
use super::error::{CliError, Exit};
use super::session::{Session, written};

pub(super) const COMMAND: Command = Command::of::<Completions>();

/// Write a completion script for a shell
#[derive(clap::Parser)]
#[command(
    name = "completions",
    after_help = "Examples:\n  servanda completions bash > ~/.local/share/bash-completion/completions/servanda"
)]
struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Run for Completions {
    fn run(self, session: &Session) -> Result<Exit, CliError> {
        // The generator panics when its output cannot be written, so it writes to memory first.
        let mut script = Vec::new();
        let mut command_line = (session.command_line)();
        clap_complete::generate(self.shell, &mut command_line, "servanda", &mut script);
        written(io::stdout().lock().write_all(&script))?;
        Ok(Exit::Ok)
    }
}
