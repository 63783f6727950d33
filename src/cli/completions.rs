//! `completions`: a short script by which a shell asks the program for completions.

use std::io::{self, Write as _};

use clap_complete::Shell;
use clap_complete::env::Shells;

use super::command::{Command, Run};
use super::complete::VARIABLE;
use super::error::{CliError, Exit};
use super::session::{Session, written};

pub(super) const COMMAND: Command = Command::of::<Completions>();

/// Write a completion script for a shell
#[derive(clap::Parser)]
#[command(
    name = "completions",
    after_help = "The script asks the program, which completes commands, options, words, and the ids, records and fields of the \
ledger.

Examples:
  servanda completions bash > ~/.local/share/bash-completion/completions/servanda
  servanda completions zsh > ~/.zfunc/_servanda   # ~/.zfunc must be in fpath before compinit
  servanda completions fish > ~/.config/fish/completions/servanda.fish"
)]
struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Run for Completions {
    fn run(self, _: &Session) -> Result<Exit, CliError> {
        let mut script = Vec::new();
        let shell = self.shell.to_string();
        let shells = Shells::builtins();
        let completer = shells.completer(&shell).ok_or_else(|| {
            CliError::new(Exit::Usage, format!("there are no completions for {shell}"))
        })?;
        let name = "servanda";
        written(completer.write_registration(VARIABLE, name, name, name, &mut script))?;
        written(io::stdout().lock().write_all(&script))?;
        Ok(Exit::Ok)
    }
}
