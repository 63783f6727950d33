//! `man`: the manual pages, one for each command.

use std::path::PathBuf;

use super::command::{Command, Run};
use super::error::{CliError, Exit};
use super::session::Session;

pub(super) const COMMAND: Command = Command::of::<Man>();

/// Write the manual pages into a directory
#[derive(clap::Parser)]
#[command(
    name = "man",
    after_help = "Examples:\n  servanda man ~/.local/share/man/man1"
)]
struct Man {
    /// The directory, which is made if it does not exist
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

impl Run for Man {
    fn run(self, session: &Session) -> Result<Exit, CliError> {
        let dir = &self.dir;
        std::fs::create_dir_all(dir).map_err(|error| CliError::file("make", dir, &error))?;
        clap_mangen::generate_to((session.command_line)(), dir)
            .map_err(|error| CliError::file("write to", dir, &error))?;
        session.talk(&format!("manual pages are in {}", dir.display()));
        Ok(Exit::Ok)
    }
}
