//! The declaration of a command.

use clap::{ArgMatches, CommandFactory, FromArgMatches};

use super::error::{CliError, Exit};
use super::session::Session;

/// A command: its command line, and the function that runs it.
pub struct Command {
    /// Builds its arguments, help and examples.
    pub build: fn() -> clap::Command,
    /// Runs it and returns the exit code.
    pub run: fn(&ArgMatches, &Session) -> Result<Exit, CliError>,
}

/// The arguments of a command, derived from a struct, and the function that runs it.
pub trait Run: CommandFactory + FromArgMatches {
    /// Runs the command and returns the exit code.
    fn run(self, session: &Session) -> Result<Exit, CliError>;
}

impl Command {
    /// The command of a struct of arguments.
    pub const fn of<A: Run>() -> Self {
        Self {
            build: A::command,
            run: |matches, session| {
                let arguments = A::from_arg_matches(matches)
                    .map_err(|error| CliError::new(Exit::Usage, error.to_string()))?;
                arguments.run(session)
            },
        }
    }
}
