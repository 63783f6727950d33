//! Rules guessed from a table, to start from: a rules file with comments, to be read and changed before it is used.

mod column;

use std::fmt::Write as _;

use self::column::{Column, dates_of, fitting_formats};
use super::rules::Quoted;
use super::rules::date::Dates;
use super::table::{Encoding, Form, Table};
use servanda_core::value::agreement::Action;

/// Words in the headers of columns of parties.
const WHO: &[&str] = &[
    "participant",
    "party",
    "country",
    "state",
    "member",
    "debtor",
    "who",
    "name",
    "land",
    "pays",
    "país",
    "wer",
];
const WHAT: &[&str] = &[
    "commitment",
    "pledge",
    "promise",
    "obligation",
    "text",
    "measure",
    "description",
    "what",
    "title",
    "was",
];
const DUE: &[&str] = &["deadline", "due", "until", "frist", "plazo", "by"];
const NUMBER: &[&str] = &["id", "no", "no.", "nr", "nr.", "number", "code", "key", "#"];

/// Words in headers, and the actions that they mean; the more special first.
const ACTIONS: &[(&str, Action)] = &[
    ("definitive signature", Action::DefinitiveSignature),
    ("provisional", Action::ProvisionalApplication),
    ("formal confirmation", Action::FormalConfirmation),
    ("entry into force", Action::EntryIntoForce),
    ("effect", Action::EntryIntoForce),
    ("withdrawal", Action::Withdrawal),
    ("denunciation", Action::Withdrawal),
    ("notification", Action::Notification),
    ("accession", Action::Accession),
    ("acceptance", Action::Acceptance),
    ("approval", Action::Approval),
    ("succession", Action::Succession),
    ("ratification", Action::Ratification),
    ("signature", Action::Signature),
    ("signed", Action::Signature),
];

/// Guesses the form of a table.
pub fn form_of(bytes: &[u8]) -> Form {
    let encoding = match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Encoding::Utf16,
        bytes if std::str::from_utf8(bytes).is_ok() => Encoding::Utf8,
        _ => Encoding::Windows1252,
    };
    let forms = [b',', b';', b'\t', b'|'].map(|delimiter| Form {
        encoding,
        delimiter,
        ..Form::default()
    });
    // The most columns that all rows have.
    let width = |form: &Form| match Table::read(bytes, form) {
        Ok(table) => {
            let width = table.headers.len();
            let fitting = table
                .rows
                .iter()
                .filter(|row| row.cells.len() == width)
                .count();
            (fitting * 10 >= table.rows.len() * 9, width)
        }
        Err(_) => (false, 0),
    };
    let best = forms.iter().rev().max_by_key(|form| width(form));
    best.cloned().unwrap_or_default()
}

/// Writes rules for a table, with comments.
pub fn suggest(file: &str, form: &Form, table: &Table) -> String {
    let columns = Column::all(table);
    let dates = dates_of(&columns);
    let mut out = format!(
        "# Rules for {file}, guessed from {} rows. Read them before use; docs/import.md explains every\n# key, and `servanda import {file} --rules FILE --dry-run` shows the events that they give.\n",
        table.rows.len()
    );
    write_form(&mut out, form, &columns);
    let find = |words: &[&str], fits: &dyn Fn(&Column) -> bool| {
        let named = columns
            .iter()
            .find(|column| column.is_called(words) && fits(column));
        named.or_else(|| columns.iter().find(|column| fits(column)))
    };
    let is_name =
        |column: &Column| column.is_text() && !column.is_called(NUMBER) && column.filled > 0;
    let who = find(WHO, &is_name);
    let what = columns
        .iter()
        .find(|column| column.is_called(WHAT) && is_name(column));
    let dated: Vec<&Column> = columns.iter().filter(|column| column.is_dated()).collect();
    let number = columns
        .iter()
        .find(|column| column.is_called(NUMBER) && column.is_distinct(table));
    match (
        who,
        what.filter(|what| who.is_none_or(|who| what.at != who.at)),
    ) {
        (Some(who), Some(what)) => {
            write_columns(
                &mut out,
                &[Some(who), Some(what), number]
                    .into_iter()
                    .flatten()
                    .chain(dated.iter().copied())
                    .collect::<Vec<_>>(),
            );
            write_dates(&mut out, &dates, &columns);
            write_commitments(&mut out, who, what, number, &dated);
        }
        (Some(who), None) if !dated.is_empty() => {
            write_columns(
                &mut out,
                &[who]
                    .into_iter()
                    .chain(dated.iter().copied())
                    .collect::<Vec<_>>(),
            );
            write_dates(&mut out, &dates, &columns);
            write_acts(&mut out, &dated);
            write_participations(&mut out, who, &dated);
        }
        _ => {
            let text = columns.iter().max_by_key(|column| column.longest);
            write_columns(
                &mut out,
                &text
                    .into_iter()
                    .chain(number)
                    .chain(dated.iter().copied())
                    .collect::<Vec<_>>(),
            );
            write_dates(&mut out, &dates, &columns);
            write_notes(&mut out, text, number, &dated);
        }
    }
    out
}

/// Appends a line. Writing to a string does not fail.
macro_rules! line {
    ($out:expr) => { $out.push('\n') };
    ($out:expr, $($arg:tt)*) => { _ = writeln!($out, $($arg)*) };
}

fn write_form(out: &mut String, form: &Form, columns: &[Column]) {
    line!(out, "\n[table]");
    let word = Encoding::WORDS
        .iter()
        .find(|(_, found)| *found == form.encoding);
    line!(
        out,
        "encoding = {}",
        Quoted(word.map_or("utf-8", |(word, _)| word))
    );
    let delimiter = match form.delimiter {
        b'\t' => "tab".to_owned(),
        other => char::from(other).to_string(),
    };
    line!(out, "delimiter = {}", Quoted(&delimiter));
    let mut empty: Vec<String> = columns
        .iter()
        .flat_map(|column| column.empty.iter().map(|text| Quoted(text).to_string()))
        .collect();
    empty.sort();
    empty.dedup();
    if !empty.is_empty() {
        line!(
            out,
            "empty = [{}]    # texts that seem to stand for nothing",
            empty.join(", ")
        );
    }
}

/// Writes short names for the columns in the rules.
fn write_columns(out: &mut String, columns: &[&Column]) {
    line!(out, "\n# Short names for columns.\n[columns]");
    let mut seen = Vec::new();
    for column in columns {
        if !seen.contains(&column.at) {
            seen.push(column.at);
            line!(out, "{} = {}", column.name, Quoted(&column.header));
        }
    }
}

fn write_dates(out: &mut String, dates: &Dates, columns: &[Column]) {
    if dates.formats.is_empty() {
        return;
    }
    line!(out, "\n[dates]");
    let formats: Vec<String> = dates
        .formats
        .iter()
        .map(|format| Quoted(&format.to_string()).to_string())
        .collect();
    line!(out, "formats = [{}]", formats.join(", "));
    for column in columns.iter().filter(|column| column.is_dated()) {
        let fitting = fitting_formats(column);
        if fitting.len() > 1 {
            line!(
                out,
                "# The dates under {} fit {} alike: look which is meant.",
                Quoted(&column.header),
                fitting.join(" and ")
            );
        }
    }
    let list = |texts: Vec<String>| {
        texts
            .iter()
            .map(|t| Quoted(t).to_string())
            .collect::<Vec<_>>()
            .join(", ")
    };
    if !dates.months.is_empty() {
        line!(
            out,
            "months = [{}]",
            list(dates.months.iter().map(ToString::to_string).collect())
        );
    }
    if !dates.codes.is_empty() {
        line!(
            out,
            "codes = [{}]    # letters after a date",
            list(dates.codes.clone())
        );
    }
    if !dates.sentinels.is_empty() {
        let pairs: Vec<String> = dates
            .sentinels
            .iter()
            .map(|(text, when)| format!("{} = {}", Quoted(text), Quoted(&when.to_string())))
            .collect();
        line!(
            out,
            "# No date that anything happened on, it seems.\nsentinels = {{ {} }}",
            pairs.join(", ")
        );
    }
}

/// Writes the actions that headers and codes after dates mean.
fn write_acts(out: &mut String, dated: &[&Column]) {
    line!(
        out,
        "\n# The letter after a date (- for none), and the header, tell what happened.\n[map.acts.values]"
    );
    for column in dated {
        for code in &column.codes {
            let key = format!(
                "{} in {}",
                if code.is_empty() { "-" } else { code },
                column.header
            );
            let (action, is_guess) = action(&column.header, code);
            let remark = if is_guess {
                "    # nothing tells: change this"
            } else {
                ""
            };
            line!(out, "{} = {}{remark}", Quoted(&key), Quoted(action.word()));
        }
    }
    line!(out, "\n[let]\nact = \"{{cell|code // '-'}} in {{column}}\"");
}

/// The action that a code under a header means, and whether that is a guess.
fn action(header: &str, code: &str) -> (Action, bool) {
    let marked = format!("({code})");
    let labels: Vec<&str> = header.split(", ").collect();
    let label = match code {
        "" => labels
            .iter()
            .find(|label| !label.ends_with(')'))
            .or(labels.first()),
        _ => labels.iter().find(|label| label.ends_with(&marked)),
    };
    let label = label.map(|label| label.to_lowercase());
    let known = label.and_then(|label| ACTIONS.iter().find(|(word, _)| label.contains(word)));
    match known {
        Some((_, action)) => (*action, false),
        None => (Action::Notification, true),
    }
}

fn write_parties(out: &mut String, who: &str) {
    line!(
        out,
        "\n# Each party once.\n[[event]]\nevent = \"party\"\nonce = true\non_change = \"keep\""
    );
    line!(
        out,
        "import_key = \"party:{{{who}|slug}}\"\nid = \"{{{who}|slug}}\"\nkind = \"state\"    # or organisation, organ, office, person, unit, group\nname = \"{{{who}}}\""
    );
}

fn write_agreement(out: &mut String, who: &str) {
    line!(
        out,
        "\n# The agreement, with all of them.\n[[event]]\nevent = \"agreement\"\nonce = true\ngather = [\"party\"]"
    );
    line!(
        out,
        "import_key = \"{{file.stem}}\"\nid = \"{{file.stem|slug}}\"\ntitle = \"{{file.stem}}\"    # its title\nparty = \"{{{who}|slug}}\""
    );
}

fn write_participations(out: &mut String, who: &Column, dated: &[&Column]) {
    write_parties(out, &who.name);
    write_agreement(out, &who.name);
    let cells: Vec<String> = dated
        .iter()
        .map(|column| Quoted(&column.name).to_string())
        .collect();
    line!(
        out,
        "\n# An event for each date.\n[[event]]\nevent = \"participation\"\ncells = [{}]",
        cells.join(", ")
    );
    line!(
        out,
        "import_key = \"{{file.stem}}:{{{}|slug}}:{{column|slug}}\"",
        who.name
    );
    line!(
        out,
        "agreement = \"{{file.stem|slug}}\"\nparty = \"{{{}|slug}}\"\naction = \"{{act|acts}}\"\non = \"{{cell|date}}\"",
        who.name
    );
}

/// The import key of a row.
fn key(out: &mut String, number: Option<&Column>, text: &Column) -> String {
    let name = number.map_or(&text.name, |column| &column.name);
    line!(out, "import_key = \"{{file.stem}}:{{{name}|slug}}\"");
    format!("{{file.stem|slug}}-{{{name}|slug}}")
}

fn write_commitments(
    out: &mut String,
    who: &Column,
    what: &Column,
    number: Option<&Column>,
    dated: &[&Column],
) {
    write_parties(out, &who.name);
    write_agreement(out, &who.name);
    line!(
        out,
        "\n# A commitment for each row.\n[[event]]\nevent = \"commitment\""
    );
    let id = key(out, number, what);
    line!(
        out,
        "id = {}\nagreement = \"{{file.stem|slug}}\"\ntext = \"{{{}}}\"\ndebtor = \"{{{}|slug}}\"",
        Quoted(&id),
        what.name,
        who.name
    );
    let due = dated.iter().find(|column| column.is_called(DUE));
    if let Some(due) = due {
        line!(out, "deadline = \"{{{}|date}}\"", due.name);
    }
    if let Some(on) = dated
        .iter()
        .find(|column| due.is_none_or(|due| due.at != column.at))
    {
        line!(out, "on = \"{{{}|date}}\"", on.name);
    }
}

fn write_notes(
    out: &mut String,
    text: Option<&Column>,
    number: Option<&Column>,
    dated: &[&Column],
) {
    line!(
        out,
        "\n# The columns do not show what the rows are: a note for each.\n[[event]]\nevent = \"note\""
    );
    let Some(text) = text else {
        line!(
            out,
            "import_key = \"{{file.stem}}:{{line}}\"\ntext = \"{{line}}\""
        );
        return;
    };
    key(out, number, text);
    line!(out, "text = \"{{{}}}\"", text.name);
    if let Some(on) = dated.first() {
        line!(out, "on = \"{{{}|date}}\"", on.name);
    }
}

#[cfg(test)]
mod tests;
