//! The command line: the only place that prints. One file a command, and a line in `COMMANDS`.

#![allow(clippy::print_stdout, clippy::print_stderr)]

#[cfg(feature = "serve")]
mod access;
mod acknowledge;
mod add;
mod anchors;
mod answer;
mod bundle;
mod check_proof;
mod checkpoint;
mod clone;
mod command;
mod compact;
mod complete;
mod completions;
mod copy;
mod defaults;
mod demo;
mod documents;
mod edit;
mod engines;
mod error;
mod example;
mod export;
mod feed;
mod files;
mod following;
mod globals;
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
mod mirror;
mod offer;
mod opened;
mod parse;
mod progress;
mod prove;
mod publish;
mod published;
mod questions;
mod raw;
mod receipt;
mod record;
mod recover;
mod redact;
mod report;
mod search;
mod seen_checkpoints;
#[cfg(feature = "serve")]
mod serve;
mod session;
mod show;
mod terminal;
mod tls;
mod typed;
mod verdict;
mod verify;
mod witness;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args as _;
use clap::builder::Resettable;

use command::Command;
pub use error::Exit;
use globals::Globals;
use servanda_core::words::{harmless, is_unseen, spelled_out};
use servanda_log::Registry;
use session::Session;

/// Every command, in the order in which help lists them.
const COMMANDS: &[Command] = &[
    init::COMMAND,
    record::COMMAND,
    add::COMMAND,
    redact::COMMAND,
    import::COMMAND,
    export::COMMAND,
    log::COMMAND,
    search::COMMAND,
    show::COMMAND,
    list::COMMAND,
    report::COMMAND,
    verify::COMMAND,
    recover::COMMAND,
    compact::COMMAND,
    copy::COMMAND,
    publish::COMMAND,
    clone::COMMAND,
    checkpoint::COMMAND,
    prove::COMMAND,
    check_proof::COMMAND,
    key::COMMAND,
    acknowledge::COMMAND,
    #[cfg(feature = "serve")]
    serve::COMMAND,
    #[cfg(feature = "serve")]
    access::COMMAND,
    witness::COMMAND,
    demo::COMMAND,
    completions::COMMAND,
    man::COMMAND,
];

const ABOUT: &str =
    "An append-only, hash-chained audit log of agreements and the commitments in them";

/// What it is for, on the first manual page and in the long help.
const LONG_ABOUT: &str = "\
An append-only, hash-chained audit log of agreements and the commitments in them: who promised what \
to whom, by when, and what became of it.

A ledger is a directory. Each record is an event that somebody read somewhere, with its date, its \
source and who says so. No record is ever changed: a correction or a retraction is a record too. \
Reports answer what stood on a day, by what was known at a time, and `verify` finds whatever was \
altered since. `servanda demo` shows it on a small ledger.";

const EXAMPLES: &str = "Examples:
  servanda demo
  servanda init --ledger commission --origin example.org/joint-commission
  export SERVANDA_LEDGER=commission
  servanda record party colombia --kind state --name Colombia
  servanda log
  servanda report status --as-of 2023-12-31
  servanda verify

Exit codes:
  0    ok
  1    refused or failed, nothing changed
  2    usage
  10   integrity broken
  11   signature or witness bad
  12   sound, but not anchored where that was asked
  20   no such ledger
  21   locked, or the head moved
  22   recorded, but not all is done
  23   what keeps the ledger does not answer
  130  interrupted";

/// The whole command line, for parsing, completions and manual pages.
fn command_line() -> clap::Command {
    let command = Globals::augment_args(clap::Command::new("servanda"))
        .version(env!("CARGO_PKG_VERSION"))
        .about(ABOUT)
        .long_about(LONG_ABOUT)
        .after_help(EXAMPLES)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .max_term_width(100)
        .subcommands(COMMANDS.iter().map(|command| (command.build)()));
    short_help(without_empty_variables(command))
}

/// Leaves out of `-h` what many commands have in common; `--help` has all.
fn short_help(command: clap::Command) -> clap::Command {
    let is_common = |arg: &clap::Arg| arg.get_help_heading().is_some();
    command
        .mut_args(|arg| {
            let is_common = is_common(&arg);
            arg.hide_short_help(is_common)
        })
        .mut_subcommands(short_help)
}

/// Takes an environment variable that is empty for one that is not set.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_empty = |arg: &clap::Arg| {
        let value = arg.get_env().and_then(std::env::var_os);
        value.is_some_and(|value| value.is_empty())
    };
    command
        .mut_args(|arg| match is_empty(&arg) {
            true => arg.env(Resettable::Reset),
            false => arg,
        })
        .mut_subcommands(without_empty_variables)
}

/// Runs the program with the process's arguments.
pub fn main() -> ExitCode {
    hide_guarded_panics();
    if complete::answer(command_line) {
        return Exit::Ok.into();
    }
    interrupt::note_file_limit();
    interrupt::note_memory_limit();
    if let Err(error) = memory::prepare() {
        // There is no session yet, and as little as possible is done.
        let hints: Vec<String> = error
            .hints
            .iter()
            .map(|hint| format!("hint: {hint}\n"))
            .collect();
        let _ = write!(io::stderr().lock(), "error: {error}\n{}", hints.concat());
        return error.exit.into();
    }
    interrupt::take();
    run_with(&Arc::new(logs()), std::env::args_os()).into()
}

/// The kinds of logs that a location can name.
fn logs() -> Registry {
    let registry = Registry::default();
    #[cfg(feature = "postgres")]
    let registry = {
        let cache = seen_checkpoints::user_directory("XDG_CACHE_HOME", ".cache");
        servanda_postgres::Servers::caching_in(cache.as_deref())
            .into_iter()
            .fold(registry, Registry::with)
    };
    registry
}

/// Hides the messages of panics inside sled, which panics on damaged files. The log turns such a panic into an error.
fn hide_guarded_panics() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !servanda_log::sled::is_guarded() {
            default(info);
        }
    }));
}

/// Runs a command line, the program's name first, on the logs of this registry.
pub fn run_with(registry: &Arc<Registry>, arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let parsed = parse::parse(command_line, &arguments).and_then(|parsed| {
        let session = Session::new(&parsed.matches, command_line, registry);
        match session {
            Ok(session) => Ok((session, parsed)),
            Err(error) => Err(vec![error]),
        }
    });
    let (mut session, parsed) = match parsed {
        Ok(parsed) => parsed,
        Err(errors) => return print(errors, &arguments),
    };
    let matches = parsed.matches;
    if !parsed.errors.is_empty() {
        if matches.subcommand_name() != Some(record::NAME) {
            return print(parsed.errors, &arguments);
        }
        // The command adds what is wrong with the fields, and records nothing.
        session.wrong_options = parsed.errors.iter().map(parse::as_wrong).collect();
    }
    let Some((name, arguments)) = matches.subcommand() else {
        return Exit::Usage;
    };
    let command = COMMANDS
        .iter()
        .find(|command| (command.build)().get_name() == name);
    let Some(command) = command else {
        return Exit::Usage;
    };
    let outcome = session.answer((command.run)(arguments, &session));
    outcome.unwrap_or_else(|error| {
        interrupt::wait_for_end();
        session.report_error(&error);
        error.exit
    })
}

/// Prints help, or what is wrong with the command line, and gives the exit code.
fn print(mut errors: Vec<clap::Error>, arguments: &[OsString]) -> Exit {
    let code = match errors.iter().any(clap::Error::use_stderr) {
        true => Exit::Usage,
        false => Exit::Ok,
    };
    // No output is left to report that the terminal is gone.
    let _ = match (errors.pop(), errors.is_empty()) {
        (Some(error), true) => print_one(error, arguments),
        (Some(error), false) => {
            errors.push(error);
            print_all(&errors)
        }
        (None, _) => Ok(()),
    };
    code
}

/// Prints help, or an error. An error repeats what was typed, so it is made again of harmless words.
fn print_one(error: clap::Error, arguments: &[OsString]) -> io::Result<()> {
    let typed = arguments.iter().map(|word| word.to_string_lossy());
    let is_harmless = typed.clone().all(|word| !word.contains(is_unseen));
    if !error.use_stderr() || is_harmless {
        return error.print();
    }
    let again: Vec<OsString> = typed.map(|word| harmless(&word).into()).collect();
    let again = parse::parse(command_line, &again)
        .err()
        .and_then(|mut errors| errors.pop());
    let text = again.unwrap_or(error).render().to_string();
    write!(io::stderr().lock(), "{}", spelled_out(&text, "\n", "\t"))
}

/// Prints several errors, a line each.
fn print_all(errors: &[clap::Error]) -> io::Result<()> {
    let mut err = io::stderr().lock();
    writeln!(err, "error: {} arguments are wrong", errors.len())?;
    for wrong in errors.iter().map(parse::as_wrong) {
        let line = match wrong.field.as_str() {
            "" => wrong.message,
            field => format!("{field}: {}", wrong.message),
        };
        writeln!(err, "  {}", harmless(&line))?;
    }
    writeln!(err, "\nFor more information, try '--help'.")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        super::command_line().debug_assert();
    }
}
