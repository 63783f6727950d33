//! Reads the command line, and finds everything that is wrong with it: clap alone stops at the first error.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgAction, ArgMatches};

use crate::desk::reading::Wrong;
use crate::desk::suggest::{did_you_mean, near};

/// Most errors that are looked for.
const MOST: usize = 32;

/// Commands that are never suggested, because they destroy something.
const NEVER_SUGGESTED: &[&str] = &["redact"];

/// What was read of a command line.
pub struct Parsed {
    /// The arguments, without those that are wrong.
    pub matches: ArgMatches,
    /// The errors of those that are wrong.
    pub errors: Vec<clap::Error>,
}

/// Reads a command line. Wrong options are left out one by one until the rest can be read.
///
/// # Errors
/// What is wrong where no rest can be read; or help and version, which clap calls errors.
pub fn parse(
    command_line: fn() -> clap::Command,
    arguments: &[OsString],
) -> Result<Parsed, Vec<clap::Error>> {
    let mut left = arguments.to_vec();
    let mut errors = Vec::new();
    loop {
        let mut error = match command_line().try_get_matches_from(&left) {
            Ok(matches) => return Ok(Parsed { matches, errors }),
            Err(error) => error,
        };
        if !error.use_stderr() {
            return Err(vec![error]);
        }
        let level = level(command_line(), &left, &error);
        suggest_subcommands(&mut error, &level);
        let is_removed = errors.len() < MOST && remove(&mut left, &error, &level);
        errors.push(error);
        if !is_removed {
            return Err(errors);
        }
    }
}

/// The command that an error is about.
fn level(
    command_line: clap::Command,
    arguments: &[OsString],
    error: &clap::Error,
) -> clap::Command {
    let wrong = text(error, ContextKind::InvalidSubcommand);
    let words = arguments.iter().skip(1).map(|word| word.to_string_lossy());
    let words = words.take_while(|word| Some(word.as_ref()) != wrong);
    words.fold(command_line, |level, word| {
        let below = level.find_subcommand(word.as_ref()).cloned();
        below.unwrap_or(level)
    })
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text),
        _ => None,
    }
}

fn suggest_subcommands(error: &mut clap::Error, level: &clap::Command) {
    let Some(given) = text(error, ContextKind::InvalidSubcommand) else {
        return;
    };
    let names = level.get_subcommands().map(clap::Command::get_name);
    let near = near(given, names.filter(|name| !NEVER_SUGGESTED.contains(name)));
    match near.is_empty() {
        true => error.remove(ContextKind::SuggestedSubcommand),
        false => error.insert(
            ContextKind::SuggestedSubcommand,
            ContextValue::Strings(near),
        ),
    };
}

/// Takes a wrong option out of the arguments, with its value; false if it is not found there.
fn remove(arguments: &mut Vec<OsString>, error: &clap::Error, level: &clap::Command) -> bool {
    let Some(shown) = text(error, ContextKind::InvalidArg) else {
        return false;
    };
    // It is shown with the name of its value: `--limit <N>`.
    let flag = shown.split([' ', '=']).next().unwrap_or(shown);
    if !flag.starts_with("--") || flag == "--" {
        return false;
    }
    let known = |flag: &str| {
        let all = level.get_arguments();
        let long = flag.trim_start_matches('-');
        let mut all = all.filter(|arg| arg.get_long() == Some(long));
        all.next().cloned()
    };
    let names: Vec<String> = match known(flag) {
        Some(arg) => arg
            .get_short()
            .map(|short| format!("-{short}"))
            .into_iter()
            .chain([flag.to_owned()])
            .collect(),
        None => vec![flag.to_owned()],
    };
    let value = text(error, ContextKind::InvalidValue);
    let is_it = |at: usize| {
        let word = arguments[at].to_string_lossy();
        let (name, own) = match word.split_once('=') {
            Some((name, own)) => (name, Some(own)),
            None => (word.as_ref(), None),
        };
        let next = arguments.get(at + 1).map(|next| next.to_string_lossy());
        let given = own.or(next.as_deref());
        names.iter().any(|known| known == name) && value.is_none_or(|value| given == Some(value))
    };
    let Some(at) = (1..arguments.len()).find(|at| is_it(*at)) else {
        return false;
    };
    let has_own_value = arguments[at].to_string_lossy().contains('=');
    let meant = text(error, ContextKind::SuggestedArg).and_then(known);
    let takes_none = meant.is_some_and(|arg| matches!(arg.get_action(), ArgAction::SetTrue));
    let next = arguments
        .get(at + 1)
        .map(|next| next.to_string_lossy().into_owned());
    let next_is_value = next.is_some_and(|next| value.is_some() || !next.starts_with('-'));
    let words = match !has_own_value && !takes_none && next_is_value {
        true => 2,
        false => 1,
    };
    arguments.drain(at..at + words);
    true
}

/// An error of the command line, as that of a field.
pub fn as_wrong(error: &clap::Error) -> Wrong {
    let shown = text(error, ContextKind::InvalidArg).unwrap_or_default();
    let flag = shown.split(' ').next().unwrap_or(shown);
    let value = text(error, ContextKind::InvalidValue).unwrap_or_default();
    let meant = |kind| {
        text(error, kind)
            .map(str::to_owned)
            .into_iter()
            .collect::<Vec<_>>()
    };
    let wrong = match error.kind() {
        ErrorKind::UnknownArgument => {
            let meant = did_you_mean(&meant(ContextKind::SuggestedArg));
            Wrong::new(flag, format!("there is no such option{meant}"))
        }
        ErrorKind::InvalidValue => {
            let words = match error.get(ContextKind::ValidValue) {
                Some(ContextValue::Strings(words)) => words.join(", "),
                _ => String::new(),
            };
            let meant = did_you_mean(&meant(ContextKind::SuggestedValue));
            Wrong::new(flag, format!("`{value}` is not one of: {words}{meant}"))
        }
        _ => {
            let text = error.render().to_string();
            let line = text.lines().next().unwrap_or_default();
            let line = line.trim_start_matches("error: ");
            let end = line.split_once(&format!("for '{shown}': "));
            match end {
                Some((_, why)) => Wrong::new(flag, format!("`{value}`: {why}")),
                None => Wrong::new(flag, line),
            }
        }
    };
    Wrong {
        is_usage: true,
        ..wrong
    }
}
