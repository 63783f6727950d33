//! Examples of commands, as help and manual pages show them.

use servanda_core::event::{FieldSpec, Fields, Kind};
use servanda_core::ndjson;
use servanda_core::value::base::Shape;

/// The columns that a line of an example may take.
const WIDTH: usize = 78;

/// A heading, and examples under it.
pub fn examples<S: AsRef<str>>(commands: &[S]) -> String {
    let heading = if commands.len() == 1 {
        "Example:"
    } else {
        "Examples:"
    };
    let lines = commands
        .iter()
        .map(|command| format!("\n  {}", command.as_ref()));
    heading.to_owned() + &lines.collect::<String>()
}

/// The words of a command that records the example of a kind, and the same as a line for an import.
pub fn of_kind(kind: Kind) -> (Vec<String>, String) {
    let example = kind.spec().example;
    let read = ndjson::read_one(example.as_bytes(), kind).ok().flatten();
    let fields = read.map(|(_, fields)| fields).unwrap_or_default();
    let pieces: Vec<&str> = example.lines().map(str::trim).collect();
    let json = pieces.join(" ").trim().to_owned();
    let json = json.replacen('{', &format!("{{\"event\": \"{kind}\", "), 1);
    (words(kind, &fields), json)
}

fn words(kind: Kind, fields: &Fields) -> Vec<String> {
    let mut words = vec![
        "servanda".to_owned(),
        "record".to_owned(),
        kind.word().to_owned(),
    ];
    let given = kind
        .fields()
        .filter(|spec| !fields.get(spec.name).is_empty());
    let (by_place, by_name): (Vec<&FieldSpec>, Vec<_>) =
        given.partition(|spec| spec.is_positional());
    for spec in by_place {
        words.extend(fields.get(spec.name).iter().map(|text| quoted(text)));
    }
    for spec in by_name {
        let flag = format!("--{}", spec.name.replace('_', "-"));
        if spec.shape == Shape::Flag {
            words.push(flag);
            continue;
        }
        for text in fields.get(spec.name) {
            words.push(format!("{flag} {}", quoted(text)));
        }
    }
    words
}

/// Words as a command line, in lines that a shell takes for one.
pub fn command_line(words: &[String]) -> String {
    let mut lines = vec![String::new()];
    for word in words {
        let is_first = lines.len() == 1;
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + word.chars().count() < WIDTH - if is_first { 2 } else { 6 }
        {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.clone());
        }
    }
    lines.join(" \\\n      ")
}

/// A word as a shell takes it for one.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,@+=".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests;
