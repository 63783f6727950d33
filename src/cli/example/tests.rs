use std::ffi::OsString;

use super::super::typed::Typed;
use super::super::{command_line as servanda, parse};
use super::*;
use servanda_core::event::Event;

#[test]
fn a_shell_takes_a_quoted_word_for_one() {
    assert_eq!(quoted("A1"), "A1");
    assert_eq!(quoted("2023-05-11"), "2023-05-11");
    assert_eq!(quoted(""), "''");
    assert_eq!(quoted("#12"), "'#12'");
    assert_eq!(quoted("it's; rm"), "'it'\\''s; rm'");
}

/// The words of a command as a shell gives them to the program, up to a pipe or a redirection.
fn split(command: &str) -> Vec<OsString> {
    let command = command.replace("\\\n", " ");
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in command.chars() {
        match (letter, quote) {
            (letter, Some(open)) if letter == open => quote = None,
            ('\'' | '"', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            ('|' | '>' | '<', None) => break,
            (' ' | '\n', None) => words.extend(word.take()),
            (letter, _) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words.into_iter().map(OsString::from).collect()
}

/// The commands of this program among the examples of a help text.
fn commands(help: &str) -> Vec<String> {
    let examples = help.lines().skip_while(|line| !line.starts_with("Example"));
    let mut commands: Vec<String> = Vec::new();
    for line in examples
        .skip(1)
        .take_while(|line| line.is_empty() || line.starts_with("  "))
    {
        match commands.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.push('\n');
                last.push_str(line);
            }
            _ => commands.push(line.trim().to_owned()),
        }
    }
    let ours = commands.into_iter();
    ours.filter(|command| command.starts_with("servanda "))
        .collect()
}

fn each_command(command: &clap::Command, visit: &mut impl FnMut(&clap::Command)) {
    visit(command);
    for inner in command
        .get_subcommands()
        .filter(|inner| inner.get_name() != "help")
    {
        each_command(inner, visit);
    }
}

#[test]
fn every_command_shows_examples_that_parse() {
    let mut root = servanda();
    root.build();
    each_command(&root, &mut |command| {
        let name = command.get_bin_name().unwrap_or_default();
        for help in [command.get_after_help(), command.get_after_long_help()] {
            let Some(help) = help else { continue };
            let commands = commands(&help.to_string());
            assert!(!commands.is_empty(), "{name} shows no example");
            for command in commands {
                let parsed = parse::parse(servanda, &split(&command));
                let parsed = parsed.unwrap_or_else(|errors| panic!("{command}: {errors:?}"));
                assert!(parsed.errors.is_empty(), "{command}: {:?}", parsed.errors);
            }
        }
        assert!(
            command.get_after_help().is_some(),
            "{name} shows no example"
        );
    });
}

#[test]
fn the_command_of_a_kind_records_what_its_example_says() {
    let mut root = servanda();
    root.build();
    for &kind in Kind::ALL {
        let (words, json) = of_kind(kind);
        let read = ndjson::read_one(json.as_bytes(), kind).unwrap();
        let (read, fields) = read.expect("an object");
        assert_eq!(read, kind);
        let is_recorded = root
            .find_subcommand("record")
            .unwrap()
            .find_subcommand(kind.word());
        if is_recorded.is_none() {
            continue;
        }
        let shown = command_line(&words);
        // A signature is longer than a line.
        let is_short = |line: &str| line.chars().count() <= WIDTH || line.contains("--signature");
        assert!(shown.lines().all(is_short), "{shown}");
        let parsed = parse::parse(servanda, &split(&shown)).unwrap();
        let (_, matches) = parsed.matches.subcommand().unwrap();
        let (word, matches) = matches.subcommand().unwrap();
        assert_eq!(word, kind.word());
        let typed = Typed::gather(kind, matches).unwrap();
        assert_eq!(
            Event::build(kind, &typed.fields),
            Event::build(kind, &fields),
            "{shown}"
        );
    }
}
