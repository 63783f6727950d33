//! The command line: the only place that prints. One file a command, and a line in `COMMANDS`.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod acknowledge;
mod anchors;
mod bundle;
mod check_proof;
mod checkpoint;
mod compact;
mod completions;
mod demo;
mod demo_witnesses;
mod error;
mod export;
mod feed;
mod import;
mod import_table;
mod init;
mod interrupt;
mod key;
mod keys;
mod list;
mod log;
mod man;
mod memory;
mod progress;
mod prove;
mod questions;
mod receipt;
mod record;
mod recover;
mod redact;
mod report;
mod session;
mod show;
mod verify;
mod witness;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, value_parser};

use error::CliError;
pub use error::Exit;
use servanda_report::render;
use session::Session;

/// A command: how it is asked for, and what it does.
struct Command {
    /// Its arguments, help and examples.
    build: fn() -> clap::Command,
    /// What it does; the exit code if nothing went wrong.
    run: fn(&ArgMatches, &Session) -> Result<Exit, CliError>,
}

/// Every command, in the order in which help lists them.
const COMMANDS: &[Command] = &[
    init::COMMAND,
    record::COMMAND,
    redact::COMMAND,
    import::COMMAND,
    export::COMMAND,
    log::COMMAND,
    show::COMMAND,
    list::COMMAND,
    report::COMMAND,
    verify::COMMAND,
    recover::COMMAND,
    compact::COMMAND,
    checkpoint::COMMAND,
    prove::COMMAND,
    check_proof::COMMAND,
    key::COMMAND,
    acknowledge::COMMAND,
    witness::COMMAND,
    demo::COMMAND,
    completions::COMMAND,
    man::COMMAND,
];

const ABOUT: &str =
    "An append-only, hash-chained audit log of agreements and the commitments in them";

const EXAMPLES: &str = "Examples:
  servanda demo
  servanda init --ledger commission --origin example.org/joint-commission
  export SERVANDA_LEDGER=commission
  servanda record party colombia --kind state --name Colombia
  servanda log
  servanda report status --as-of 2023-12-31
  servanda verify

Exit codes:
  0 ok    1 refused or failed, nothing changed    2 usage
  10 integrity broken    11 signature or witness bad    12 sound, but not anchored where that was asked
  20 no such ledger    21 locked, or the head moved    130 interrupted";

/// The whole command line, for parsing, completions and manual pages.
fn command_line() -> clap::Command {
    let formats = render::FORMATS.iter().map(|format| format.name());
    let formats = clap::builder::PossibleValuesParser::new(formats);
    let global = |arg: Arg| arg.global(true).help_heading("Global options");
    clap::Command::new("servanda")
        .version(env!("CARGO_PKG_VERSION"))
        .about(ABOUT)
        .after_help(EXAMPLES)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .max_term_width(100)
        .arg(global(
            Arg::new("ledger")
                .long("ledger")
                .value_name("DIR")
                .env("SERVANDA_LEDGER")
                .hide_env_values(true)
                .value_parser(value_parser!(std::path::PathBuf))
                .help("The ledger's directory"),
        ))
        .arg(global(
            Arg::new("format")
                .long("format")
                .value_name("FORMAT")
                .value_parser(formats)
                .default_value("table")
                .help("How to write data"),
        ))
        .arg(global(
            Arg::new("quiet")
                .short('q')
                .long("quiet")
                .action(ArgAction::SetTrue)
                .help("Write data and errors, and nothing else"),
        ))
        .arg(global(
            Arg::new("no-color")
                .long("no-color")
                .action(ArgAction::SetTrue)
                .help("Use no colour (nor where NO_COLOR is set, nor in a pipe)"),
        ))
        .arg(global(
            Arg::new("dry-run")
                .long("dry-run")
                .action(ArgAction::SetTrue)
                .help("Check and show what would be recorded, and record nothing"),
        ))
        .arg(global(
            Arg::new("wait")
                .long("wait")
                .value_name("SECONDS")
                .default_value("10")
                .value_parser(value_parser!(u64).range(0..=86_400))
                .help("How long to wait for a ledger that another process holds"),
        ))
        .arg(global(
            Arg::new("sign-with")
                .long("sign-with")
                .value_name("FILE")
                .env("SERVANDA_SIGN_WITH")
                .hide_env_values(true)
                .value_delimiter(',')
                .action(ArgAction::Append)
                .value_parser(value_parser!(std::path::PathBuf))
                .help("Private keys of the recorders who sign what is appended"),
        ))
        .arg(global(
            Arg::new("no-memory")
                .long("no-memory")
                .action(ArgAction::SetTrue)
                .help("Neither compare with the newest checkpoint that was seen of this ledger, nor remember one"),
        ))
        .subcommands(COMMANDS.iter().map(|command| (command.build)()))
}

/// Runs the program with the process's arguments.
pub fn main() -> ExitCode {
    silence_panics_of_the_store();
    run(std::env::args_os()).into()
}

/// sled panics on damaged files; the log turns that into an error, and the message of the panic itself
/// would only confuse.
fn silence_panics_of_the_store() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let in_store = info
            .location()
            .is_some_and(|place| place.file().contains("sled"));
        if !in_store {
            default(info);
        }
    }));
}

fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let matches = match command_line().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => {
            let code = if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Ok
            };
            // Nowhere is left to say that the terminal is gone.
            let _ = error.print();
            return code;
        }
    };
    let session = Session::new(&matches);
    let Some((name, arguments)) = matches.subcommand() else {
        return Exit::Usage;
    };
    let command = COMMANDS
        .iter()
        .find(|command| (command.build)().get_name() == name);
    let outcome = match command {
        Some(command) => (command.run)(arguments, &session),
        None => return Exit::Usage,
    };
    match outcome {
        Ok(exit) => exit,
        Err(error) => {
            session.report_error(&error);
            error.exit
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        super::command_line().debug_assert();
    }
}
