//! Guessed rules as text.

use std::fmt::Write as _;

use super::column::{Column, fitting_formats};
use super::words::{CONCLUDED, DUE, ENDED, IN_FORCE, action};
use crate::intake::rules::Quoted;
use crate::intake::rules::date::Dates;
use crate::intake::table::{Form, LIST, Table};

/// Writes rules, part by part.
pub(super) struct Writer {
    pub out: String,
}

/// Appends a line. Writing to a string does not fail.
macro_rules! line {
    ($writer:expr, $($arg:tt)*) => { _ = writeln!($writer.out, $($arg)*) };
}

fn list(texts: impl Iterator<Item = impl ToString>) -> String {
    let quoted: Vec<String> = texts
        .map(|text| Quoted(&text.to_string()).to_string())
        .collect();
    quoted.join(", ")
}

/// The value of a column in a template: each value of a list.
fn value(column: &Column) -> String {
    let name = &column.name;
    match column.list {
        None => name.clone(),
        Some(separator) if separator == LIST => name.clone(),
        Some(separator) => format!("{name}|split({separator})"),
    }
}

impl Writer {
    pub fn new(file: &str, table: &Table) -> Self {
        let rows = table.rows.len();
        Self {
            out: format!(
                "# Rules for {file}, guessed from {rows} rows. Read them before use; docs/import.md explains every\n# key, and `servanda import {file} --rules FILE --dry-run` shows the events that they give.\n"
            ),
        }
    }

    pub fn form(&mut self, form: &Form, table: &Table, columns: &[Column], others: &[String]) {
        line!(self, "\n[table]");
        if let Some(sheet) = &form.sheet {
            let others = list(others.iter());
            line!(self, "sheet = {}    # or {others}", Quoted(sheet));
        }
        if let Some(delimiter) = table.delimiter {
            let encoding = table.encoding.name().to_lowercase();
            line!(self, "encoding = {}", Quoted(&encoding));
            let delimiter = match delimiter {
                b'\t' => "tab".to_owned(),
                other => char::from(other).to_string(),
            };
            line!(self, "delimiter = {}", Quoted(&delimiter));
        }
        if !form.quotes {
            line!(
                self,
                "quotes = false    # they do not fit together: line by line they are only text"
            );
        }
        if let Some(names) = &form.header {
            let names = list(names.iter());
            line!(
                self,
                "skip_lines = 1    # the header, in which names stand twice"
            );
            line!(self, "header = [{names}]");
        }
        let mut empty: Vec<&String> = columns.iter().flat_map(|column| &column.empty).collect();
        empty.sort();
        empty.dedup();
        if !empty.is_empty() {
            let empty = list(empty.into_iter());
            line!(
                self,
                "empty = [{empty}]    # texts that seem to stand for nothing"
            );
        }
    }

    /// Writes short names for the columns at these places.
    pub fn columns(&mut self, columns: &[Column], places: &[usize]) {
        line!(self, "\n# Short names for columns.\n[columns]");
        for column in columns.iter().filter(|column| places.contains(&column.at)) {
            line!(self, "{} = {}", column.name, Quoted(&column.header));
        }
    }

    pub fn dates(&mut self, dates: &Dates, columns: &[Column]) {
        if dates.formats.is_empty() {
            return;
        }
        line!(
            self,
            "\n[dates]\nformats = [{}]",
            list(dates.formats.iter())
        );
        for column in columns.iter().filter(|column| column.is_dated()) {
            let fitting = fitting_formats(column);
            if fitting.len() > 1 {
                line!(
                    self,
                    "# The dates under {} fit {} alike: look which is meant.",
                    Quoted(&column.header),
                    fitting.join(" and ")
                );
            }
        }
        if !dates.months.is_empty() {
            line!(self, "months = [{}]", list(dates.months.iter()));
        }
        if !dates.codes.is_empty() {
            line!(
                self,
                "codes = [{}]    # letters after a date",
                list(dates.codes.iter())
            );
        }
        if !dates.sentinels.is_empty() {
            let pair = |(text, when): &(String, _)| {
                format!("{} = {}", Quoted(text), Quoted(&ToString::to_string(when)))
            };
            let pairs: Vec<String> = dates.sentinels.iter().map(pair).collect();
            line!(
                self,
                "# No date that anything happened on, it seems.\nsentinels = {{ {} }}",
                pairs.join(", ")
            );
        }
    }

    /// Writes the actions that headers and codes after dates mean.
    fn acts(&mut self, dated: &[&Column]) {
        line!(
            self,
            "\n# The letter after a date (- for none), and the header, tell what happened.\n[map.acts.values]"
        );
        for column in dated {
            for code in &column.codes {
                let letter = if code.is_empty() { "-" } else { code };
                let key = format!("{letter} in {}", column.header);
                let (action, is_guess) = action(&column.header, code);
                let remark = match is_guess {
                    true => "    # nothing tells: change this",
                    false => "",
                };
                line!(self, "{} = {}{remark}", Quoted(&key), Quoted(action.word()));
            }
        }
        line!(
            self,
            "\n[let]\nact = \"{{cell|code // '-'}} in {{column}}\""
        );
    }

    fn event(&mut self, comment: &str, kind: &str) {
        line!(self, "\n# {comment}\n[[event]]\nevent = \"{kind}\"");
    }

    fn parties(&mut self, who: &Column) {
        self.event("Each party once.", "party");
        line!(self, "once = true\non_change = \"keep\"");
        let who = match who.list {
            None => who.name.as_str(),
            Some(_) => {
                line!(self, "each = {}", Quoted(&value(who)));
                "item"
            }
        };
        line!(
            self,
            "import_key = \"party:{{{who}|slug}}\"\nid = \"{{{who}|slug}}\""
        );
        line!(
            self,
            "kind = \"state\"    # or organisation, organ, office, person, unit, group"
        );
        line!(self, "name = \"{{{who}}}\"");
    }

    /// Writes the agreement that the whole table is about.
    fn agreement(&mut self, who: &Column) {
        self.event("The agreement, with all of them.", "agreement");
        line!(self, "once = true\ngather = [\"party\"]");
        line!(
            self,
            "import_key = \"{{file.stem}}\"\nid = \"{{file.stem|slug}}\""
        );
        line!(self, "title = \"{{file.stem}}\"    # its title");
        self.field("party", &format!("{{{}|slug}}", value(who)));
    }

    fn field(&mut self, name: &str, template: &str) {
        line!(self, "{name} = {}", Quoted(template));
    }

    pub fn participations(&mut self, who: &Column, dated: &[&Column]) {
        self.acts(dated);
        self.parties(who);
        self.agreement(who);
        self.event("An event for each date.", "participation");
        line!(
            self,
            "cells = [{}]",
            list(dated.iter().map(|column| &column.name))
        );
        let who = format!("{{{}|slug}}", value(who));
        self.field(
            "import_key",
            &format!("{{file.stem}}:{who}:{{column|slug}}"),
        );
        self.field("agreement", "{file.stem|slug}");
        self.field("party", &who);
        self.field("action", "{act|acts}");
        self.field("on", "{cell|date}");
    }

    /// Writes the import key of a row, and gives its id.
    fn key(&mut self, before: &str, number: Option<&Column>, text: &Column) -> String {
        let name = number.map_or(&text.name, |column| &column.name);
        self.field(
            "import_key",
            &format!("{before}{{file.stem}}:{{{name}|slug}}"),
        );
        format!("{{file.stem|slug}}-{{{name}|slug}}")
    }

    pub fn commitments(
        &mut self,
        who: &Column,
        what: &Column,
        number: Option<&Column>,
        dated: &[&Column],
    ) {
        self.parties(who);
        self.agreement(who);
        self.event("A commitment for each row.", "commitment");
        let id = self.key("", number, what);
        self.field("id", &id);
        self.field("agreement", "{file.stem|slug}");
        self.field("text", &format!("{{{}}}", what.name));
        self.field("debtor", &format!("{{{}|slug}}", value(who)));
        let due = dated.iter().find(|column| column.is_called(DUE));
        if let Some(due) = due {
            self.field("deadline", &format!("{{{}|date}}", due.name));
        }
        let is_other = |column: &&&Column| due.is_none_or(|due| due.at != column.at);
        if let Some(on) = dated.iter().find(is_other) {
            self.field("on", &format!("{{{}|date}}", on.name));
        }
    }

    pub fn agreements(
        &mut self,
        who: &Column,
        title: &Column,
        number: Option<&Column>,
        dated: &[&Column],
    ) {
        let called = |parts: &[&str]| {
            let header = |column: &&&Column| {
                let header = column.header.to_lowercase();
                parts.iter().any(|part| header.contains(part))
            };
            dated.iter().find(header).copied()
        };
        let moves = [
            (called(IN_FORCE), "in-force"),
            (called(ENDED), "terminated"),
        ];
        let is_move = |column: &Column| {
            moves
                .iter()
                .any(|(found, _)| found.is_some_and(|one| one.at == column.at))
        };
        self.parties(who);
        self.event("An agreement for each row.", "agreement");
        let id = self.key("", number, title);
        self.field("id", &id);
        self.field("title", &format!("{{{}}}", title.name));
        self.field("party", &format!("{{{}|slug}}", value(who)));
        let concluded = called(CONCLUDED).filter(|column| !is_move(column));
        if let Some(on) = concluded {
            self.field("on", &format!("{{{}|date}}", on.name));
        }
        for (on, to) in moves {
            let Some(on) = on else { continue };
            self.event(
                &format!("What the column {} tells.", on.header),
                "agreement-status",
            );
            line!(self, "when = {{ {} = \"?*\" }}", on.name);
            line!(
                self,
                "# if_irregular = \"as the table has it\"    # where it is before the agreement"
            );
            self.key(&format!("{to}:"), number, title);
            self.field("agreement", &id);
            self.field("to", to);
            self.field("on", &format!("{{{}|date}}", on.name));
        }
    }

    pub fn notes(&mut self, text: Option<&Column>, number: Option<&Column>, dated: &[&Column]) {
        self.event(
            "The columns do not show what the rows are: a note for each.",
            "note",
        );
        let Some(text) = text else {
            line!(
                self,
                "import_key = \"{{file.stem}}:{{line}}\"\ntext = \"{{line}}\""
            );
            return;
        };
        self.key("", number, text);
        self.field("text", &format!("{{{}}}", text.name));
        if let Some(on) = dated.first() {
            self.field("on", &format!("{{{}|date}}", on.name));
        }
    }
}
