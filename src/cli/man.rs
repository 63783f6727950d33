//! `man`: the manual pages, one for each command.

use std::fs;
use std::io;
use std::path::PathBuf;

use clap_mangen::Man as Mangen;
use roff::{Roff, bold, roman};

use super::command::{Command, Run};
use super::error::{CliError, Exit};
use super::files::{self, Overwrite};
use super::globals::GLOBAL_OPTIONS;
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
    #[command(flatten)]
    overwrite: Overwrite,
}

impl Run for Man {
    fn run(self, session: &Session) -> Result<Exit, CliError> {
        let dir = &self.dir;
        let unwritten = |error: &io::Error| CliError::file("write to", dir, error);
        fs::create_dir_all(dir).map_err(|error| CliError::file("make", dir, &error))?;
        let mut root = (session.command_line)().disable_help_subcommand(true);
        root.build();
        for page in pages(&root) {
            let (name, text) = page.map_err(|error| unwritten(&error))?;
            files::write(&dir.join(name), text, self.overwrite.existing())?;
        }
        session.talk(&format!("manual pages are in {}", dir.display()));
        Ok(Exit::Ok)
    }
}

/// The file names and texts of the pages of a command line that is built.
fn pages(root: &clap::Command) -> Vec<io::Result<(String, Vec<u8>)>> {
    fn walk(
        command: &clap::Command,
        above: &[String],
        all: &mut Vec<io::Result<(String, Vec<u8>)>>,
    ) {
        let name = name_of(command);
        let text = page(command, above);
        all.push(text.map(|text| (format!("{name}.1"), text)));
        let above = [above, &[name]].concat();
        for inner in command.get_subcommands() {
            walk(inner, &above, all);
        }
    }
    let mut all = Vec::new();
    walk(root, &[], &mut all);
    all
}

fn name_of(command: &clap::Command) -> String {
    command
        .get_display_name()
        .unwrap_or_else(|| command.get_name())
        .to_owned()
}

/// The widest title that leaves room for the middle of the header on a terminal of 80 columns.
const TITLE: usize = 24;

/// The day on which the pages last changed in more than their options.
const DATE: &str = "2026-11-28";

/// The page of a command; `above` are the names of the commands that it belongs to.
fn page(command: &clap::Command, above: &[String]) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let name = name_of(command);
    let short = name
        .strip_prefix("servanda-")
        .filter(|_| name.len() > TITLE);
    let title = short.unwrap_or(&name).to_uppercase();
    let source = concat!("servanda ", env!("CARGO_PKG_VERSION"));
    let about = command.get_about().map(ToString::to_string);
    let about = about.unwrap_or_default();
    let help = command
        .get_after_long_help()
        .or_else(|| command.get_after_help());
    let help = Help::of(&help.map(ToString::to_string).unwrap_or_default());

    let mut roff = Roff::default();
    roff.control("TH", [title.as_str(), "1", DATE, source, "Servanda Manual"]);
    section(&mut roff, "NAME");
    roff.text([roman(format!("{name} - {}", about.trim_end_matches('.')))]);
    section(&mut roff, "SYNOPSIS");
    roff.text(synopsis(command));
    section(&mut roff, "DESCRIPTION");
    let long = command.get_long_about().map(ToString::to_string);
    for text in long.as_ref().unwrap_or(&about).split("\n\n") {
        roff.control("PP", []);
        paragraph(&mut roff, text);
    }
    for text in &help.paragraphs {
        roff.control("PP", []);
        paragraph(&mut roff, text);
    }
    roff.to_writer(&mut text)?;

    options(command, above.is_empty(), &mut text)?;
    if command.has_subcommands() {
        let commands = command.clone().subcommand_help_heading("COMMANDS");
        Mangen::new(commands).render_subcommands_section(&mut text)?;
    }

    let mut roff = Roff::default();
    remaining(&mut roff, &help, above.is_empty());
    section(&mut roff, "SEE ALSO");
    see_also(&mut roff, command, above);
    roff.to_writer(&mut text)?;
    Ok(once(&text, Roff::new().render().as_bytes()))
}

/// A text in which a part that stands there often stands at the beginning alone.
fn once(text: &[u8], part: &[u8]) -> Vec<u8> {
    let mut all = part.to_vec();
    let mut rest = text;
    while let Some((first, _)) = rest.split_first() {
        match rest.strip_prefix(part) {
            Some(after) => rest = after,
            None => {
                all.push(*first);
                rest = &rest[1..];
            }
        }
    }
    all
}

/// What stands between the options and the other pages.
fn remaining(roff: &mut Roff, help: &Help, is_first: bool) {
    for (heading, lines) in &help.sections {
        let heading = heading.to_uppercase();
        section(
            roff,
            if heading == "EXIT CODES" {
                "EXIT STATUS"
            } else {
                &heading
            },
        );
        verbatim(roff, lines);
    }
    if is_first {
        for (heading, entries) in [("ENVIRONMENT", ENVIRONMENT), ("FILES", FILES)] {
            section(roff, heading);
            for (entry, meaning) in entries {
                roff.control("TP", []);
                roff.text([bold(*entry)]);
                roff.text([roman(*meaning)]);
            }
        }
    } else if !help.has("Exit codes") {
        section(roff, "EXIT STATUS");
        paragraph(
            roff,
            "0 where all went well. servanda(1) has the other codes.",
        );
    }
}

fn section(roff: &mut Roff, heading: &str) {
    roff.control("SH", [heading]);
}

fn paragraph(roff: &mut Roff, text: &str) {
    for line in text.lines() {
        roff.text([roman(line.trim())]);
    }
}

/// Lines that stay as they are.
fn verbatim(roff: &mut Roff, lines: &[String]) {
    roff.control("nf", []);
    for line in lines {
        roff.text([roman(line.as_str())]);
    }
    roff.control("fi", []);
}

/// `servanda record status [OPTIONS] [COMMITMENT] [TO]`, as help has it.
fn synopsis(command: &clap::Command) -> Vec<roff::Inline> {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim().to_owned();
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    match usage.strip_prefix(name) {
        Some(rest) => vec![bold(name), roman(rest)],
        None => vec![roman(usage)],
    }
}

/// The options of a command. Those of every command are on the first page alone.
fn options(command: &clap::Command, is_first: bool, text: &mut Vec<u8>) -> io::Result<()> {
    let is_global = |arg: &clap::Arg| arg.get_help_heading() == Some(GLOBAL_OPTIONS);
    let own = command
        .clone()
        .mut_args(|arg| match is_global(&arg) && !is_first {
            true => arg.hide(true),
            false => with_words(arg).hide_short_help(false),
        });
    Mangen::new(own).render_options_section(text)?;
    if is_first {
        return Ok(());
    }
    let global = command.get_arguments().filter(|arg| is_global(arg));
    let names: Vec<String> = global
        .filter_map(|arg| Some(format!("--{}", arg.get_long()?)))
        .collect();
    let mut roff = Roff::default();
    section(&mut roff, &GLOBAL_OPTIONS.to_uppercase());
    paragraph(
        &mut roff,
        &format!(
            "{} are options of every command: see servanda(1).",
            names.join(", ")
        ),
    );
    roff.to_writer(text)
}

/// An argument that tells the words that it takes in its help, instead of in a list.
fn with_words(arg: clap::Arg) -> clap::Arg {
    let words = arg.get_possible_values();
    let takes_words = arg.get_action().takes_values() && !words.is_empty();
    if !takes_words || arg.is_hide_possible_values_set() {
        return arg;
    }
    let words: Vec<&str> = words
        .iter()
        .map(clap::builder::PossibleValue::get_name)
        .collect();
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let help = format!("{help}. One of: {}.", words.join(", "));
    arg.help(help).hide_possible_values(true)
}

/// The pages above a command, or below the first one.
fn see_also(roff: &mut Roff, command: &clap::Command, above: &[String]) {
    let below = command.get_subcommands().filter(|_| above.is_empty());
    let names: Vec<String> = above.iter().cloned().chain(below.map(name_of)).collect();
    let last = names.len().saturating_sub(1);
    for (at, name) in names.iter().enumerate() {
        let rest = if at == last { "(1)" } else { "(1)," };
        roff.text([bold(name.as_str()), roman(rest)]);
    }
}

/// A text after the options of a command: paragraphs, and headings over indented lines.
#[derive(Default)]
struct Help {
    paragraphs: Vec<String>,
    sections: Vec<(String, Vec<String>)>,
}

impl Help {
    fn of(text: &str) -> Self {
        let mut help = Self::default();
        let mut is_open = false;
        for line in text.lines() {
            let is_indented = line.starts_with("  ");
            if is_open && (is_indented || line.is_empty()) {
                let last = help.sections.last_mut();
                last.into_iter()
                    .for_each(|(_, lines)| lines.push(line.to_owned()));
                continue;
            }
            is_open = line.ends_with(':')
                && !line.contains(". ")
                && text_after(text, line).starts_with("  ");
            if is_open {
                help.sections
                    .push((line.trim_end_matches(':').to_owned(), Vec::new()));
            } else {
                help.paragraph(line);
            }
        }
        for (_, lines) in &mut help.sections {
            while lines.last().is_some_and(String::is_empty) {
                lines.pop();
            }
        }
        help.paragraphs.retain(|text| !text.is_empty());
        help
    }

    fn paragraph(&mut self, line: &str) {
        match self.paragraphs.last_mut() {
            Some(last) if !line.is_empty() => {
                if !last.is_empty() {
                    last.push('\n');
                }
                last.push_str(line);
            }
            _ => self.paragraphs.push(line.to_owned()),
        }
    }

    fn has(&self, heading: &str) -> bool {
        let mut sections = self.sections.iter();
        sections.any(|(named, _)| named == heading)
            || self.paragraphs.iter().any(|text| text.contains(heading))
    }
}

/// What stands after a line of a text.
fn text_after<'t>(text: &'t str, line: &str) -> &'t str {
    let after = text.split_once(line).map_or("", |(_, after)| after);
    after.strip_prefix('\n').unwrap_or(after)
}

const ENVIRONMENT: &[(&str, &str)] = &[
    (
        "SERVANDA_LEDGER",
        "The ledger, where --ledger does not say.",
    ),
    (
        "SERVANDA_RECORDER",
        "Who records, where --recorded-by does not say.",
    ),
    (
        "SERVANDA_SIGN_WITH",
        "The private keys of recorders, where --sign-with does not say.",
    ),
    (
        "SERVANDA_LOG_KEY",
        "The private key of the log, where --key does not say.",
    ),
    (
        "SERVANDA_PAGER, PAGER",
        "What shows long answers on a terminal; less without either.",
    ),
    ("VISUAL, EDITOR", "The editor of record --edit."),
    (
        "COLUMNS",
        "The width of tables; that of the terminal without it.",
    ),
    ("NO_COLOR", "No colour, whatever it says."),
    ("TZ", "The zone whose day is today."),
];

const FILES: &[(&str, &str)] = &[
    (
        "LEDGER/",
        "The ledger: its records, and beside them the last checkpoint, cosignatures, a lock and a reserve. Nothing in it is edited by hand.",
    ),
    (
        ".servanda.toml",
        "In the working directory or one above it: ledger, format and sign-with, where neither options nor the environment say.",
    ),
    (
        "~/.local/state/servanda/",
        "The newest checkpoint that this user saw of each ledger, and drafts of what was typed. XDG_STATE_HOME is another place for it.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<(String, String)> {
        let mut root = super::super::command_line().disable_help_subcommand(true);
        root.build();
        let pages = pages(&root).into_iter().map(Result::unwrap);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        pages.map(|(name, bytes)| (name, text(bytes))).collect()
    }

    #[test]
    fn every_page_has_its_sections_in_order() {
        let pages = all();
        assert!(pages.len() > 60, "{}", pages.len());
        for (name, page) in pages {
            let headings = [
                "NAME",
                "SYNOPSIS",
                "DESCRIPTION",
                "OPTIONS",
                "EXAMPLE",
                "EXIT",
                "SEE ALSO",
            ];
            let places = headings.map(|heading| {
                let found = page.find(&format!("\n.SH {heading}"));
                let found = found.or_else(|| page.find(&format!("\n.SH \"{heading}")));
                match (found, heading) {
                    (Some(place), _) => Some(place),
                    // Where the description tells the exit codes.
                    (None, "EXIT") => None,
                    (None, _) => panic!("{name}: no {heading}\n{page}"),
                }
            });
            let places: Vec<usize> = places.into_iter().flatten().collect();
            assert!(places.is_sorted(), "{name}: {page}");
        }
    }

    #[test]
    fn a_header_has_room_on_80_columns() {
        for (name, page) in all() {
            let title = page.lines().find_map(|line| line.strip_prefix(".TH "));
            let title = title.and_then(|title| title.split(' ').next()).unwrap();
            let title = title.trim_matches('"').replace('\\', "");
            assert!(title.len() <= TITLE, "{name}: {title}");
        }
    }

    #[test]
    fn headings_over_indented_lines_are_sections() {
        let help = Help::of(
            "Some text\nthat goes on.\n\nMore: of it.\n\nExamples:\n  one\n\n  two\n\nExit codes:\n  0 ok",
        );
        assert_eq!(
            help.paragraphs,
            ["Some text\nthat goes on.", "More: of it."]
        );
        let examples = (
            "Examples".to_owned(),
            vec!["  one".to_owned(), String::new(), "  two".to_owned()],
        );
        assert_eq!(
            help.sections,
            [
                examples,
                ("Exit codes".to_owned(), vec!["  0 ok".to_owned()])
            ]
        );
    }
}
