//! Tables in JSON: a list of objects, or an object that holds one. The members of the objects are the columns; a member
//! of a member is `outer.inner`, and a list in a member is a list in its cell.

use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::model::{Form, LIST, Row, Table, TableError, chosen};
use super::text::{decoded, line_ends};
use servanda_core::value::unicode::normal;

/// Whether a file of this name is such a document.
pub(super) fn is_document(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    extension.is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
}

/// Reads a table.
///
/// # Errors
/// The bytes are no JSON, or hold no list of objects, or several of which none is chosen.
pub(super) fn read(bytes: &[u8], form: &Form) -> Result<Table, TableError> {
    let (text, _) = decoded(bytes, form.encoding)?;
    let text = std::str::from_utf8(&text).map_err(|error| {
        let before = &text[..error.valid_up_to()];
        TableError::new(line_ends(before) + 1, "has bytes that are not UTF-8")
    })?;
    let whole: &RawValue = serde_json::from_str(text)
        .map_err(|error| TableError::new(error.line().max(1), format!("is no JSON: {error}")))?;
    let mut table = Table::default();
    let mut columns = HashMap::new();
    let (mut passed, mut line) = (0, 1);
    for object in parsed::<Vec<&RawValue>>(list(whole, form)?, 1)? {
        let at = object.get().as_ptr() as usize - text.as_ptr() as usize;
        line += line_ends(&text.as_bytes()[passed..at]);
        passed = at;
        if first(object) != b'{' {
            return Err(TableError::new(
                line,
                "is no object, as each row of a table is",
            ));
        }
        let mut cells = Vec::new();
        flatten(object, "", line, &mut cells)?;
        let mut row = Row {
            lines: (line, line + line_ends(object.get().as_bytes())),
            ..Row::default()
        };
        for (path, text) in cells {
            let column = *columns
                .entry(normal(&path).into_owned())
                .or_insert_with_key(|path: &String| {
                    table.headers.push(path.clone());
                    table.headers.len() - 1
                });
            row.cells
                .resize(row.cells.len().max(column + 1), String::new());
            let cell = &mut row.cells[column];
            if !cell.is_empty() && !text.is_empty() {
                cell.push(LIST);
            }
            cell.push_str(&normal(text.trim()));
        }
        table.rows.push(row);
    }
    let width = table.headers.len();
    let rows = table.rows.iter_mut();
    rows.for_each(|row| row.cells.resize(width, String::new()));
    Ok(table)
}

/// The list of objects that is meant.
fn list<'t>(whole: &'t RawValue, form: &Form) -> Result<&'t RawValue, TableError> {
    const WHAT: [&str; 2] = ["list of objects", "lists of objects"];
    match first(whole) {
        b'[' => Ok(whole),
        b'{' => {
            let Members(members) = parsed(whole, 1)?;
            let is_list = |text: &str| {
                let inside = text.strip_prefix('[').map(str::trim_start);
                inside.is_some_and(|inside| inside.starts_with(['{', ']']))
            };
            let lists = members.iter().filter(|(_, value)| is_list(value.get()));
            let names: Vec<&str> = lists.map(|(name, _)| name.as_str()).collect();
            let name = chosen(&names, form, WHAT)?;
            let found = members.iter().find(|(found, _)| found == name);
            Ok(found.map_or(whole, |(_, value)| value))
        }
        _ => Err(TableError::new(1, format!("has no {}", WHAT[0]))),
    }
}

/// Adds the texts of a value, each with the path to it, in order.
fn flatten(
    value: &RawValue,
    path: &str,
    line: usize,
    into: &mut Vec<(String, String)>,
) -> Result<(), TableError> {
    match first(value) {
        b'{' => {
            let Members(members) = parsed(value, line)?;
            for (at, (name, value)) in members.iter().enumerate() {
                if members[..at].iter().any(|(earlier, _)| earlier == name) {
                    return Err(TableError::new(
                        line,
                        format!("`{name}` stands twice in an object"),
                    ));
                }
                let path = match path {
                    "" => name.clone(),
                    path => format!("{path}.{name}"),
                };
                flatten(value, &path, line, into)?;
            }
        }
        b'[' => {
            for item in parsed::<Vec<&RawValue>>(value, line)? {
                flatten(item, path, line, into)?;
            }
        }
        b'"' => into.push((path.to_owned(), parsed(value, line)?)),
        b'n' => into.push((path.to_owned(), String::new())),
        // Numbers as they are written, and true and false.
        _ => into.push((path.to_owned(), value.get().to_owned())),
    }
    Ok(())
}

fn first(value: &RawValue) -> u8 {
    value.get().as_bytes().first().copied().unwrap_or_default()
}

fn parsed<'t, T: Deserialize<'t>>(value: &'t RawValue, line: usize) -> Result<T, TableError> {
    serde_json::from_str(value.get())
        .map_err(|error| TableError::new(line, format!("is no JSON: {error}")))
}

/// The members of an object, with those that stand twice.
struct Members<'t>(Vec<(String, &'t RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Each)
    }
}
